"""``agentd export --format prometheus``: read by the official parser, and by promtool."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.cost_box import add, call
from support.export_box import export_box
from support.workspace import Sandbox

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return export_box(tmp_path_factory.mktemp("prometheus"))


def samples(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "counter"
        assert family.documentation
        for one in family.samples:
            key = one.name, tuple(sorted(one.labels.items()))
            assert key not in found
            found[key] = one.value
    return found


def total(found: Samples, name: str, **labels: str) -> float | None:
    chosen = [
        value
        for (named, of), value in found.items()
        if named == name and labels.items() <= dict(of).items()
    ]
    return sum(chosen) if chosen else None


def test_sums_are_those_of_cost(box: Sandbox) -> None:
    found = samples(box.ok("export", "--all", "--format", "prometheus"))
    assert total(found, "agentd_calls_total", project="my project") == 8
    assert total(found, "agentd_calls_total", status="failed") == 1
    assert total(found, "agentd_calls_partial_total") == 2
    assert total(found, "agentd_calls_unpriced_total") == 2  # one of them has a priced part
    assert total(found, "agentd_cost_usd_total") == pytest.approx(0.4)
    assert total(found, "agentd_tokens_total", type="input", change="new") == 800
    assert total(found, "agentd_tokens_total", type="reasoning") == 20
    assert total(found, "agentd_web_searches_total") == 2
    assert total(found, "agentd_call_duration_seconds_total", provider="claude") == 2.001


def test_a_cost_that_is_missing_is_no_zero(box: Sandbox) -> None:
    found = samples(box.ok("export", "--format", "prometheus"))
    cost = "agentd_cost_usd_total"
    assert total(found, cost, model="ollama/mine") == 0
    assert total(found, cost, model="=HYPERLINK(1)") is None
    assert total(found, cost, model="new-model") is None
    assert total(found, "agentd_tokens_total", model="new-model", type="input") == 100
    assert total(found, "agentd_calls_unpriced_total", model="=HYPERLINK(1)") == 1


def test_labels_are_escaped_and_the_order_is_stable(tmp_path: Path) -> None:
    box = export_box(tmp_path)
    odd = 'a"b\\c\nd\x1b[31m ünï'
    add(box, "odd", call(30, model=odd), call(31, model="b"), call(32, model="a"))
    text = box.ok("export", "odd", "--format", "prometheus")
    assert total(samples(text), "agentd_calls_total", model='a"b\\c d ünï') == 1
    calls = [line for line in text.splitlines() if line.startswith("agentd_calls_total")]
    assert calls == sorted(calls)
    again = tmp_path / "agentd.prom"
    box.ok("export", "odd", "--format", "prometheus", "-o", str(again))
    assert again.read_text() == text


def test_names_that_come_out_alike_are_one_series(tmp_path: Path) -> None:
    box = export_box(tmp_path)
    names = ("a\nb", "a b", "a\x1b[31m b", "sk-ant-api03-AAAA1111bbbb", "sk-ant-api03-CCCC2222dddd")
    add(box, "odd", *(call(30 + place, model=name) for place, name in enumerate(names)))
    found = samples(box.ok("export", "odd", "--format", "prometheus"))
    assert total(found, "agentd_calls_total", model="a b") == 3
    assert total(found, "agentd_calls_total", model="***") == 2
    assert total(found, "agentd_cost_usd_total", model="a b") == 0.03


@pytest.mark.services
def test_promtool_finds_nothing_to_say(box: Sandbox) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    text = box.ok("export", "--all", "--format", "prometheus")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
