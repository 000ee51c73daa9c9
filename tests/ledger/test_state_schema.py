"""docs/schemas/state.schema.json: true of every STATE.yaml that agentd and the original write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.schemas import problems, schema
from support.state_samples import CALL, loaded_1_2

from agentd.ledger.call_keys import KEYS, MODEL_KEYS
from agentd.ledger.changes import Changes
from agentd.ledger.store import StateStore
from agentd.metering.call import PricedModel

ROOT = Path(__file__).parents[2]
UNKNOWN = {"hand_edited.yaml"}  # keys of other programs and people, which stay


def plain(value: Any) -> Any:
    """A document as JSON has it: times are texts."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, date):
        text = value.isoformat()
        return text if text.endswith("+00:00") else f"{text}Z"
    return float(value) if isinstance(value, Decimal) else value


def of_old_projects() -> Iterator[Any]:
    for path in sorted((ROOT / "fixtures/projects/0.1.0").glob("*.json")):
        for name, kept in json.loads(path.read_text())["files"].items():
            if name.endswith("/STATE.yaml") and path.stem != "broken_state":
                yield pytest.param(kept["text"], id=f"{path.stem}:{name}")


def of_fixtures() -> Iterator[Any]:
    for path in sorted((ROOT / "fixtures/state").glob("*.yaml")):
        if path.name not in UNKNOWN:
            yield pytest.param(path.read_text().replace("ticket: ABC-12", ""), id=path.name)


@pytest.mark.parametrize("text", [*of_old_projects(), *of_fixtures()])
def test_every_ledger_of_the_fixtures(text: str) -> None:
    assert problems("state", plain(loaded_1_2(text))) == ""


def test_unknown_keys_and_words_are_allowed_and_wrong_values_are_not() -> None:
    shipped = Draft202012Validator(schema("state"))
    text = (ROOT / "fixtures/state/hand_edited.yaml").read_text()
    document = plain(loaded_1_2(text))
    assert shipped.is_valid(document)
    assert shipped.is_valid({**document, "phase": "of a newer agentd"})
    call = document["telemetry"]["calls"][0]
    for wrong in ({"tokens_in": -1}, {"cost_usd": "0.5"}, {"tokens_out": 1.5}, {"models": {}}):
        wrong_one = {**document, "telemetry": {"calls": [{**call, **wrong}]}}
        assert not shipped.is_valid(wrong_one), wrong
    assert not shipped.is_valid({**document, "telemetry": {"calls": [{"step": "review"}]}})


def test_what_agentd_writes_has_every_key_that_the_schema_names(tmp_path: Path) -> None:
    usage = replace(CALL.usage, web_searches=2, variants=(("speed", "fast"),))
    share = PricedModel(
        model="m-1",
        usage=usage,
        cost_usd=Decimal("0.1"),
        cost_source="catalog",
        threads="subagent=1/2/0/0.1",
    )
    full = replace(
        CALL,
        usage=usage,
        why="answer cut",
        requests=3,
        threads="subagent=1/2/0/0.1",
        budget="overridden",
        models=(share, share),
        amended=CALL.started_at,
    )
    store = StateStore(tmp_path / "add-oauth")
    store.create("add-oauth")
    texts = dict.fromkeys(Changes._fields, "x") | {"iteration": 2, "budget_reset_calls": 1}
    store.append(full, Changes(**texts))  # type: ignore[arg-type]
    document = plain(loaded_1_2(store.path.read_text()))
    assert problems("state", document) == ""
    parts = schema("state")["$defs"]
    assert {*document} == {*schema("state")["properties"]}
    assert {*document["telemetry"]} == {*parts["telemetry"]["properties"]}
    assert {*document["telemetry"]["calls"][0]} == {*parts["call"]["properties"]} == {*KEYS}
    models = document["telemetry"]["calls"][0]["models"]
    assert {*models[0]} == {*parts["model"]["properties"]} == {*MODEL_KEYS}
