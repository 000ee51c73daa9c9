"""The page in a real browser: live, in every form, and for everybody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.browser import chromium, findings, page_of
from support.cost_box import add, call
from support.dashboard_box import CONFIG, Served, dashboard
from support.workspace import Sandbox, make_sandbox

from agentd.ledger.store import StateStore

pytestmark = pytest.mark.services
MODAL_MS = 100
"""On a machine that does nothing else; here ten times as long is allowed."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = make_sandbox(tmp_path, CONFIG)
    for number, name in enumerate(("export-csv", "dark-mode", "add-oauth")):
        cost_usd = Decimal(44) if name == "add-oauth" else Decimal(number + 1)
        add(box, name, call(number, cost_usd=cost_usd, status="ok" if number else "failed"))
        (box.change(name) / "tasks.md").write_text("# Tasks\n\n- [x] 1.1 one\n- [ ] 1.2 two\n")
        (box.change(name) / "proposal.md").write_text(
            "# Why <b>not</b>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nlong code\n```\n"
        )
    add(box, "old-one", call(9), archived=True)
    return box


@pytest.fixture
def served(box: Sandbox) -> Iterator[Served]:
    with dashboard(box.root) as served:
        yield served


def ids(page: Any) -> list[str]:
    return page.locator("#changes tbody tr th").all_inner_texts()  # type: ignore[no-any-return]


def test_a_crossing_is_seen_at_once(browser: Any, box: Sandbox, served: Served) -> None:
    store = StateStore(box.change("add-oauth"))
    with page_of(browser, served.url) as page:
        assert page.inner_text("#badge") == "Within budget"
        assert page.inner_text("#spent") == "$44.00"
        took = []
        for cost_usd, title, badge in (
            ("1.12", "Budget warning", "Warning: 90 %"),
            ("4.88", None, "LIMIT REACHED: 100 %"),
            ("3", "Budget exceeded", "BUDGET EXCEEDED: 106 %"),
        ):
            store.append(call(int(Decimal(cost_usd) * 100), cost_usd=Decimal(cost_usd)))
            written_ms = store.path.stat().st_mtime_ns / 1e6
            page.wait_for_function(
                "word => document.querySelector('#badge').innerText === word", arg=badge
            )
            assert page.locator("#alert").is_visible() is (title is not None)
            if title:
                assert page.inner_text("#alert-title") == title
                took.append(page.evaluate("window.opened.at(-1)") - written_ms)
                assert findings(page) == []
                page.keyboard.press("Enter")  # the button has the focus
                assert not page.locator("#alert").is_visible()
        print("modal after", took, "ms")
        assert max(took) < 10 * MODAL_MS
        assert page.title().startswith("106 % spent")
    with page_of(browser, served.url) as page:  # opened later: it is no news, the badge says it
        assert page.inner_text("#badge").startswith("BUDGET EXCEEDED")
        assert not page.locator("#alert").is_visible()


def test_a_server_that_ends_and_comes_back(browser: Any, box: Sandbox) -> None:
    tells = "words => document.querySelector('#connection').innerText.startsWith(words)"
    page = browser.new_page()
    with dashboard(box.root) as served:
        page.goto(served.url)
        page.wait_for_function(tells, arg="Live")
    page.wait_for_function(tells, arg="agentd does not answer")
    assert page.inner_text("#spent") == "$44.00"
    StateStore(box.change("add-oauth")).append(call(50, cost_usd=Decimal(2)))
    with dashboard(box.root, "--port", str(served.port)):
        page.wait_for_function(tells, arg="Live")
        page.wait_for_function("document.querySelector('#spent').innerText === '$46.00'")
        assert len(ids(page)) == 4
        page.close()


def test_sorting_filter_and_the_address_that_keeps_them(browser: Any, served: Served) -> None:
    with page_of(browser, served.url) as page:
        page.get_by_role("button", name="Cost", exact=True).click()
        assert ids(page)[0] == "add-oauth"
        page.get_by_role("button", name="Change ", exact=False).first.press("Enter")
        assert ids(page) == ["add-oauth", "dark-mode", "export-csv", "old-one"]
        assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Change")
        page.get_by_label("Filter by id, phase or gate").fill("ARCHIVED")
        assert ids(page) == ["old-one"]
        kept = page.url
        assert "sort=id" in kept
        assert "q=ARCHIVED" in kept
    with page_of(browser, kept) as page:
        assert ids(page) == ["old-one"]
        page.get_by_label("Filter by id, phase or gate").fill("nothing")
        assert page.get_by_text("Nothing matches the filter.").is_visible()


def test_a_change_has_its_calls_documents_and_requests(browser: Any, served: Served) -> None:
    with page_of(browser, served.url) as page:
        page.get_by_role("link", name="add-oauth", exact=True).click()
        page.wait_for_selector("#calls tbody tr")
        assert page.locator(".timeline li").count() == 1
        assert "review" in page.inner_text(".timeline")
        assert page.inner_text(".document h4") == "Why <b>not</b>"
        assert page.locator(".document b").count() == 0
        page.locator("#calls tbody button").first.click()
        page.wait_for_selector("#requests h3")
        assert "not known here" in page.inner_text("#requests")
        assert "call=" in page.url
        page.go_back()
        page.wait_for_selector("#changes")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["", "#/change/add-oauth"])
def test_everybody_can_use_it(browser: Any, served: Served, scheme: str, address: str) -> None:
    with page_of(browser, served.url + address, color_scheme=scheme) as page:
        page.wait_for_selector(".u-over")
        assert findings(page) == []
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        assert page.locator(".chart details table").count() == 3


def test_a_change_that_is_archived_while_its_page_is_open_says_where_it_is(
    browser: Any, box: Sandbox, served: Served
) -> None:
    with page_of(browser, served.url + "#/change/dark-mode") as page:
        page.wait_for_selector("#calls tbody tr")
        archive = box.root / "agentd" / "archive"
        shutil.move(box.change("dark-mode"), archive / "20261130-dark-mode")
        page.get_by_role("link", name="20261130-dark-mode").click()
        page.wait_for_selector("#calls tbody tr")
        assert page.url.endswith("#/change/20261130-dark-mode")
        assert page.inner_text("#connection") == "Live"
        shutil.rmtree(archive / "20261130-dark-mode")
        page.get_by_text("This change is not there any more.").wait_for()
        assert page.inner_text("#connection") == "Live"


def test_dark_and_light(browser: Any, served: Served) -> None:
    with page_of(browser, served.url, color_scheme="dark") as page:
        back = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(back)
        page.get_by_role("button", name="Light mode").click()
        assert page.evaluate(back) != dark
        page.reload()
        page.wait_for_selector("#budget")
        assert page.evaluate(back) != dark
        page.get_by_role("button", name="Dark mode").click()
        page.emulate_media(media="print")  # paper is white
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 35, 33)"


@pytest.mark.parametrize("address", ["", "#/change/add-oauth"])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    browser: Any, served: Served, address: str
) -> None:
    size = {"width": 390, "height": 844}
    with page_of(browser, served.url + address, viewport=size) as page:
        page.wait_for_selector(".u-over")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert findings(page) == []


def test_it_says_when_agentd_is_gone_and_when_a_ledger_is_broken(
    browser: Any, box: Sandbox
) -> None:
    with dashboard(box.root) as served, chromium_page(browser, served) as page:
        ledger = box.change("dark-mode") / "STATE.yaml"
        whole = ledger.read_text()
        ledger.write_text("change_id: [")
        page.wait_for_selector(".problems li")
        assert "dark-mode" in page.inner_text(".problems")
        assert page.locator("tr.broken").count() == 1
        ledger.write_text(whole)
        page.wait_for_selector(".problems li", state="detached")
        os.kill(served.process.pid, 2)
        page.wait_for_selector(".connection.lost")
        assert "agentd does not answer" in page.inner_text("#connection")
        assert "add-oauth" in ids(page)


def chromium_page(browser: Any, served: Served) -> Any:
    """A page whose server ends: the browser then tells of failed requests, which is no fault."""
    import contextlib

    @contextlib.contextmanager
    def opened() -> Iterator[Any]:
        context = browser.new_context()
        page = context.new_page()
        page.goto(served.url)
        page.wait_for_selector("#changes tbody tr")
        yield page
        context.close()

    return opened()


def test_the_page_in_one_file_is_the_same_and_asks_nothing(
    browser: Any, box: Sandbox, tmp_path: Path
) -> None:
    proposal = box.change("add-oauth") / "proposal.md"
    proposal.write_text("# </script><script>alert(1)</script>\n\n<!-- & -->\n")
    for words in (["--html", "all.html"], ["old-one", "--html", "one.html"]):
        # Not forked: a fork would keep the pipes of the browser's driver open.
        command = [sys.executable, "-m", "agentd", "-C", str(box.root), "report", *words[:-1]]
        subprocess.run([*command, str(tmp_path / words[-1])], check=True)
    with page_of(browser, (tmp_path / "all.html").as_uri()) as page:
        page.wait_for_selector(".u-over")
        assert page.inner_text("#connection").startswith("As of ")
        assert page.inner_text("#spent") == "$44.00"
        assert "old-one" in ids(page)
        assert page.get_by_role("link", name="old-one").count() == 0  # it has no view here
        assert findings(page) == []
        page.get_by_role("link", name="add-oauth", exact=True).click()
        page.wait_for_selector("#calls tbody tr")
        assert page.inner_text(".document h4") == "</script><script>alert(1)</script>"
    with page_of(browser, (tmp_path / "one.html").as_uri(), ready=".timeline li") as page:
        assert page.inner_text("h1").startswith("old-one")
