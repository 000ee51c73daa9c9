"""The page in one file, and that its modules are one script without a name twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from support.cost_box import add, call
from support.dashboard_box import CONFIG
from support.workspace import Sandbox, make_sandbox

from agentd.dashboard.freeze import _IMPORT, _MODULES
from agentd.dashboard.page_files import page_files


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = make_sandbox(tmp_path, CONFIG)
    add(box, "a", call(1))
    add(box, "b", call(2), archived=True)
    (box.change("a") / "proposal.md").write_text("</script><script>alert(1)</script>\n")
    return box


def figures(path: Path) -> dict[str, object]:
    data = re.search(r'id="frozen">(.*?)</script>', path.read_text(), re.DOTALL)
    assert data
    return json.loads(data[1])  # type: ignore[no-any-return]


def test_all_that_it_needs_is_in_it(box: Sandbox) -> None:
    told = box.ok("report", "--html", "report.html")
    assert told.startswith("Wrote report.html (")
    path = box.root / "report.html"
    text = path.read_text()
    assert not re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"(?!data:)", text)
    assert "alert(1)</script>" not in text
    assert "'unsafe-inline'" not in text
    assert "default-src 'none'" in text
    found = figures(path)
    assert [*found["changes"]] == ["a"]  # type: ignore[misc]
    assert found["opened"] is None  # though there is only one open change
    assert found["charts"]["models"][0]["cost_usd"] == ["0.02"]  # type: ignore[index]


def test_one_change_is_asked_for_by_its_id(box: Sandbox) -> None:
    box.ok("report", "b", "--html", "b.html")
    found = figures(box.root / "b.html")
    assert [*found["changes"]] == ["20261101-b"]  # type: ignore[misc]
    assert found["opened"] == "20261101-b"
    done = box.run("report", "c", "--html", "c.html")
    assert done.returncode == 1
    assert not (box.root / "c.html").exists()
    assert box.run("report").returncode == 2


def test_calls_without_a_duration_are_shown_without_one(box: Sandbox) -> None:
    add(box, "c", call(3, duration_ms=None), call(4, duration_ms=None, step="merge"), call(5))
    box.ok("report", "c", "--html", "c.html")
    timeline = figures(box.root / "c.html")["changes"]["c"]["timeline"]  # type: ignore[index]
    first, second, third = (one["duration_ms"] for one in timeline if "duration_ms" in one)
    assert (first, second) == (None, None)
    assert third > 0


def test_the_modules_can_be_one_script() -> None:
    files = {name: body.decode() for name, body in page_files().items()}
    own = {name.removesuffix(".js") for name in files if re.fullmatch(r"[a-z]+\.js", name)}
    assert {*_MODULES} == own
    names: Counter[str] = Counter()
    for place, name in enumerate(_MODULES):
        text = files[f"{name}.js"]
        asked = re.findall(r"from \"\./(\w+)\.js\"", text)
        assert {*asked} <= {*_MODULES[:place]}, name
        assert "import" not in re.sub(_IMPORT, "", text, flags=re.MULTILINE)
        pattern = r"^(?:export )?(?:const|let|class|(?:async )?function) (\w+)"
        names.update(re.findall(pattern, text, re.MULTILINE))
    assert [name for name, times in names.items() if times > 1] == []
