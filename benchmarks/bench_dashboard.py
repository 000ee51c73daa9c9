"""The dashboard of 1,000 changes with 100 calls each, and 50 pages that are open."""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from pathlib import Path
from statistics import median

import pytest

from benchmarks.ledgers import write_project

CHANGES, CALLS, PAGES, ROUNDS = 1000, 100, 50, 7
_WATCH = """
const since = setInterval(() => {
  if (window.painted || !document.querySelector("#changes tbody tr")) return;
  clearInterval(since);
  requestAnimationFrame(() => requestAnimationFrame(() => { window.painted = performance.now(); }));
}, 2);
"""


def figures(root: Path) -> dict[str, float]:
    """Seconds, and megabytes: ``start`` of a server whose cache is cold and warm, ``snapshot`` of a
    page that is opened, ``update`` from a write to the last of all pages, ``memory`` at the end."""
    from support.dashboard_box import dashboard

    ledger = root / "agentd" / "changes" / "change-0000" / "STATE.yaml"
    found: dict[str, float] = {}
    for name in ("cold", "warm"):
        with dashboard(root, XDG_CACHE_HOME=str(root / "cache")) as served:
            began = time.perf_counter()
            with served.events() as events:
                events.until("snapshot")
            found[f"start {name}"] = time.perf_counter() - began
            if name == "cold":
                continue
            began = time.perf_counter()
            with served.events() as events:
                assert len(events.until("snapshot")["changes"]) == CHANGES
            found["snapshot"] = time.perf_counter() - began
            began = time.perf_counter()
            served.json("/api/charts")
            found["charts"] = time.perf_counter() - began
            with contextlib.ExitStack() as stack:
                pages = [stack.enter_context(served.events()) for _ in range(PAGES)]
                for page in pages:
                    page.until("snapshot")
                took = []
                for number in range(ROUNDS):
                    text = ledger.read_text()
                    changed = re.sub(r"(?m)^iteration: .*", f"iteration: {number + 2}", text)
                    spare = ledger.with_name(".spare")
                    spare.write_text(changed)
                    began = time.perf_counter()
                    spare.rename(ledger)
                    for page in pages:
                        page.until("update", gone=[])
                    took.append(time.perf_counter() - began)
                    time.sleep(0.3)
                found["update"] = median(took)
            status = Path(f"/proc/{served.process.pid}/status").read_text()
            found["memory"] = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1000  # type: ignore[index]
    return found


def paint(root: Path) -> dict[str, float]:
    """Seconds from the navigation until the rows of the table are painted in Chromium, measured in
    the page: of a server that has just been started, its cache warm, and of one that runs.

    Raises pytest's Skipped, with the reason, where there is no Chromium.
    """
    from support.browser import chromium
    from support.dashboard_box import dashboard

    found: dict[str, float] = {}
    with chromium() as browser, dashboard(root, XDG_CACHE_HOME=str(root / "cache")) as served:
        for name in ("paint of a new server", "paint"):
            page = browser.new_page()
            page.add_init_script(_WATCH)
            page.goto(served.url)
            found[name] = page.wait_for_function("() => window.painted").json_value() / 1000
            page.close()
    return found


def main() -> None:
    """Print them."""
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), CHANGES, CALLS)
        for name, figure in figures(Path(folder)).items():
            print(f"  {name}: {figure:,.3f}{' MB' if name == 'memory' else ' s'}")
        try:
            for name, figure in paint(Path(folder)).items():
                print(f"  {name}: {figure:,.3f} s")
        except pytest.skip.Exception as skipped:
            print(f"  paint: not measured: {skipped}")


if __name__ == "__main__":
    main()
