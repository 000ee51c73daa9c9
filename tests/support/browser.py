"""Debian's Chromium, headless, with a profile of its own; skips with the reason where it is not."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CACHE = Path(__file__).parents[2] / ".cache" / "axe"
AXE = "axe-core@4.14.1"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_WATCH = """
window.opened = [];
new MutationObserver((changes) => {
  for (const change of changes) {
    if (change.target.tagName === "DIALOG" && change.target.open) window.opened.push(Date.now());
  }
}).observe(document, { attributes: true, attributeFilter: ["open"], subtree: true });
"""


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A browser; skips the test where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def page_of(browser: Any, url: str, *, ready: str = "#budget", **context: Any) -> Iterator[Any]:
    """A page at ``url``, which at its end has had no error and asked no other host."""
    wrong: list[str] = []
    own = (urlsplit(url).netloc, "")
    opened = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
    page = opened.new_page()
    page.add_init_script(_WATCH)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
    page.on(
        "request",
        lambda asked: None if urlsplit(asked.url).netloc in own else wrong.append(asked.url),
    )
    page.goto(url)
    page.wait_for_selector(ready)
    yield page
    opened.close()
    assert wrong == []


def axe() -> str:
    """axe-core's script, from npm into the cache; skips where npm or its registry is not there."""
    script = CACHE / "package" / "axe.min.js"
    if not script.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(
                ["npm", "pack", "--silent", AXE], cwd=CACHE, capture_output=True, text=True,
                timeout=120, check=True,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"axe-core can't be had from npm: {error}")
        with tarfile.open(CACHE / done.stdout.strip().splitlines()[-1]) as archive:
            archive.extractall(CACHE, filter="data")
    return script.read_text()


def findings(page: Any) -> list[str]:
    """What axe-core finds serious on a page as it is now."""
    page.evaluate(axe())  # by the debugger, which the page's policy does not hold
    found = page.evaluate("axe.run(document)")
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
