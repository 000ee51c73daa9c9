"""``agentd export --format focus``: held against the published rules of FOCUS."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal, localcontext

import pytest
from support.export_box import TINY, export_box
from support.focus_rules import checked, problems
from support.workspace import Sandbox

SUPPORTED = {
    "ACCOUNT_NAMING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
    "TAGGING_SUPPORTED",
}
# The columns of Cost and Usage in FOCUS 1.4, those a dataset must have, and of these the ones that
# may be null. https://focus.finops.org/focus-specification
COLUMNS_1_4 = """
AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName AllocatedTags
AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency
BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus ChargeCategory
ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit
ContractApplied ContractedCost ContractedUnitPrice EffectiveCost HostProviderName InvoiceDetailId
InvoiceId InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingCurrency
PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice
PricingQuantity PricingUnit RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory
ServiceName ServiceProviderName ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId
SubAccountId SubAccountName SubAccountType Tags
"""
MANDATORY_1_4 = """
BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart
ChargeCategory ChargeClass ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost
EffectiveCost HostProviderName InvoiceIssuerName ListCost PricingQuantity PricingUnit
ServiceCategory ServiceName ServiceProviderName
"""
NULLABLE_1_4 = {"ChargeClass"}  # those that may be null of a usage charge


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return export_box(tmp_path_factory.mktemp("focus"))


def focus(box: Sandbox, *arguments: str) -> list[dict[str, str]]:
    text = box.ok("export", "--all", "--format", "focus", *arguments)
    return list(csv.DictReader(io.StringIO(text)))


def test_1_2_breaks_no_rule(box: Sandbox) -> None:
    rows = focus(box)
    assert checked({*rows[0]}) > 100
    assert problems(rows, SUPPORTED) == []


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("BilledCost", "", "BilledCost-C-"),
        ("EffectiveCost", "$1", "EffectiveCost-C-"),
        ("ChargeCategory", "Tokens", "ChargeCategory-C-"),
        ("ChargePeriodEnd", "2026-11-24 04:59:00", "ChargePeriodEnd-C-"),
        ("InvoiceIssuerName", "", "InvoiceIssuerName-C-"),
        ("Tags", '{"a": [1]}', "Tags-C-"),
        ("ServiceSubcategory", "Compilers", "ServiceSubcategory-C-"),
        ("ProviderName", None, "CostAndUsage-D-038-M"),
        ("ConsumedUnit", None, "CostAndUsage-D-066-C"),
    ],
)
def test_the_rules_see_what_is_wrong(
    box: Sandbox, column: str, value: str | None, rule: str
) -> None:
    rows = focus(box)
    for row in rows:
        del row[column]
        if value is not None:
            row[column] = value
    assert any(found.startswith(rule) for found in problems(rows, SUPPORTED))


def test_1_4_has_its_columns(box: Sandbox) -> None:
    rows = focus(box, "--focus-version", "1.4")
    own = [name for name in rows[0] if not name.startswith("x_")]
    assert {*MANDATORY_1_4.split()} <= {*own} <= {*COLUMNS_1_4.split()}
    assert [*rows[0]] == [*sorted(own), *(name for name in rows[0] if name.startswith("x_"))]
    for row in rows:
        assert [name for name in own if not row[name]] == [*NULLABLE_1_4]
    before = focus(box)
    shared = {*rows[0]} & {*before[0]}
    assert {*before[0]} - shared == {"ProviderName", "PublisherName"}
    assert [{name: row[name] for name in shared} for row in rows] == [
        {name: row[name] for name in shared} for row in before
    ]


def test_a_row_for_each_model_with_a_cost(box: Sandbox) -> None:
    done = box.run("export", "--all", "--format", "focus")
    told = "note: 3 charges with no known cost left out: FOCUS has no place for them.\n"
    assert done.stderr == told
    rows = focus(box)
    assert [(row["x_CallId"], row["BilledCost"], row["x_CostStatus"]) for row in rows] == [
        ("c0", f"{TINY:f}", "known"),
        ("c1", "0.01", "known"),
        ("c2", "0.01", "at least"),
        ("c3", "0.3", "known"),
        ("c3", "0.07", "known"),
        ("c4", "0", "local"),
        ("c7", "0.01", "known"),
    ]
    assert rows[2]["x_CostNote"] == "answer cut after 348 tokens"
    summed = json.loads(box.ok("cost", "--all", "--json"), parse_float=Decimal)["total"]
    with localcontext(prec=100):
        assert sum(Decimal(row["BilledCost"]) for row in rows) == summed["cost_usd"]
    for row in rows:
        costs = {row[f"{kind}Cost"] for kind in ("Billed", "Effective", "Contracted", "List")}
        assert costs == {row["BilledCost"]}
        tokens = int(row["x_InputTokens"]) + int(row["x_OutputTokens"])
        assert row["ConsumedQuantity"] == row["PricingQuantity"] == str(tokens)


def test_who_made_and_sold_it(box: Sandbox) -> None:
    rows = {row["SkuId"]: row for row in focus(box, "--focus-version", "1.4")}
    made = {row["SkuId"]: row["PublisherName"] for row in focus(box)}
    sold = {model: row["ServiceProviderName"] for model, row in rows.items()}
    assert sold == {
        "gpt-5.1-codex": "OpenAI",
        "gemini-3-flash-preview": "Google",
        "claude-sonnet-4-5": "Anthropic",
        "us.anthropic.claude-opus-4-5-20251101-v1:0": "AWS",
        "ollama/mine": "Self-hosted",
        "openrouter/openai/gpt-4o": "openrouter",
    }
    assert made["openrouter/openai/gpt-4o"] == "OpenAI"
    assert made["us.anthropic.claude-opus-4-5-20251101-v1:0"] == "Anthropic"


def test_periods_accounts_and_tags(box: Sandbox) -> None:
    rows = {row["x_CallId"]: row for row in focus(box)}
    last = rows["c1"]  # it began in the last second of its month
    assert (last["BillingPeriodStart"], last["BillingPeriodEnd"]) == (
        "2026-11-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
    )
    assert last["ChargePeriodStart"] == "2026-11-30T23:59:59Z"
    assert rows["c0"]["ChargePeriodEnd"] == "2026-11-22T05:40:53Z"  # it took no time
    assert rows["c3"]["ChargePeriodEnd"] == "2026-11-22T05:40:55Z"
    assert json.loads(last["Tags"]) == {"change": "new", "project": "my project", "step": "review"}
    assert (last["BillingAccountId"], last["BillingAccountName"]) == ("my project", "my project")
    [account] = {row["BillingAccountId"] for row in focus(box, "--billing-account", "acc-1")}
    assert account == "acc-1"
