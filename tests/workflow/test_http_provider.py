"""Steps that run with an HTTP API: what their prompts carry, and what becomes of the answer."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import pytest
from support.chat_api import USAGE, answer_of, chat_api, chunk, json_answer, prompt_of, streamed
from support.http_box import CHALLENGE, CONFIG, IMPLEMENTED, KEY, box_at, commit
from support.raw_api import Asked, head, raw_api
from support.workflow_box import calls_of, entry, put_change, state_of
from support.workspace import PROPOSAL, REVIEW, SPEC, make_sandbox

CLAUDE = "claude/2.1.330/tool_stream_json"
ARCHIVE_REVIEW = "# Archive review: x\n\n## Verdict\n- [x] APPROVED\n"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_KEY", KEY)


def files(documents: Mapping[str, str]) -> str:
    """Several documents as the prompt asks for them."""
    parts = (
        f'<file path="agentd/changes/x/{name.removeprefix("change/")}">\n{text}</file>\n'
        for name, text in documents.items()
    )
    return "".join(parts)


def by_step(**answers: str) -> Callable[[Asked], bytes]:
    """An answer for each step; ``-`` of a step's name is ``_`` here."""

    def answer(asked: Asked) -> bytes:
        found = re.search(r"agentd: step `([\w-]+)`", prompt_of(asked))
        assert found
        return answer_of(answers[found[1].replace("-", "_")])

    return answer


def test_a_judge_is_metered_and_recorded_as_any_other(tmp_path: Path) -> None:
    with chat_api(answer_of(CHALLENGE)) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "proposed")
        told = box.ok("challenge", "x", "--provider", "local")
    assert "local m-1, in 900 out 40, (local)," in told
    assert state_of(box, "x")["phase"] == "challenged"
    [call] = box.telemetry("x")["calls"]
    expected = {
        **{"provider": "local", "model": "m-1", "status": "ok", "accuracy": "exact"},
        **{"tokens_in": 900, "tokens_out": 40, "usage_source": "wire", "requests": 1},
        **{"cost_usd": 0.0, "cost_source": "local"},
    }
    assert {name: call[name] for name in expected} == expected
    assert (box.change("x") / "CHALLENGE.md").read_text() == CHALLENGE
    assert box.run("cost", "audit", "x").returncode == 0
    assert "(local)" in box.ok("log", "x")
    assert "1 call went to local models" in box.ok("cost", "x", "--by", "step")
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []


def test_a_call_of_a_server_without_a_price_stops_no_budget(tmp_path: Path) -> None:
    limits = '[budget]\nlimit_usd = 1.0\non_unpriced = "stop"\nstrict = true'
    with chat_api(answer_of(CHALLENGE)) as api:
        box = box_at(tmp_path, api.url, more=limits)
        put_change(box, "x", "proposed")
        box.ok("challenge", "x", "--provider", "local")
        prices = (
            '[pricing.models."m-0"]\ncost_per_1m_input = 9000\ncost_per_1m_output = 9000\n'
            '[pricing.models."m-1"]\ncost_per_1m_input = 9000\ncost_per_1m_output = 9000\n'
        )
        config = box.root / "agentd/config.toml"
        config.write_text(config.read_text() + prices)
        done = box.run("challenge", "x", "--provider", "local")
    assert done.returncode == 3, done.stderr  # by now it has a price
    assert len(api.asked) == 1


@pytest.mark.parametrize("key", ["", "api_key_env", "headers_env"])
def test_the_catalogue_prices_no_tokens_that_nobody_bills(tmp_path: Path, key: str) -> None:
    """gpt-oss-20b and gpt-5 have prices: those of others. With a key it may be a router."""
    line = {"headers_env": 'headers_env = { x-team = "LOCAL_KEY" }', "": ""}
    with chat_api(answer_of(CHALLENGE, model="gpt-5")) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "proposed")
        config, own = box.root / "agentd/config.toml", 'api_key_env = "LOCAL_KEY"'
        text = config.read_text().replace("m-0", "gpt-oss-20b").replace(own, line.get(key, own))
        config.write_text(text)
        box.ok("challenge", "x", "--provider", "local")
        [call] = box.telemetry("x")["calls"]
        shown = box.ok("log", "x", "--requests")
        told = box.run("doctor").stdout
        assert box.run("cost", "audit", "x").returncode == 0
        prices = '[pricing.models."gpt-5"]\ncost_per_1m_input = 1\ncost_per_1m_output = 1\n'
        config.write_text(text + prices)
        box.ok("challenge", "x", "--provider", "local")
    if key:
        assert (call["cost_source"], call["cost_usd"] > 0) == ("catalog", True)
        assert "prices of local: gpt-oss-20b (catalog)" in told
    else:
        assert (call["cost_source"], call["cost_usd"]) == ("local", 0.0)
        assert "prices of local: gpt-oss-20b (local)" in told
        assert "$0.00" not in shown.replace("$0.000000", "")
    last = box.telemetry("x")["calls"][-1]
    assert (last["cost_source"], last["cost_usd"]) == ("config", 0.00094)


PRICES = '[pricing.models."m-0"]\ncost_per_1m_input = 1000\ncost_per_1m_output = 1000\n'


@pytest.mark.parametrize(
    ("more", "key", "expected"),
    [
        (f"[budget]\nlimit_usd = 2.0\n{PRICES}", KEY, (3, "budget_stopped", "wire")),
        (PRICES, "", (4, "failed", "stdout")),  # the variable of its key is empty
    ],
)
def test_what_was_never_sent_has_cost_nothing(
    tmp_path: Path, more: str, key: str, expected: tuple[int, str, str]
) -> None:
    """A request that the relay refuses for its budget, and one that the process itself holds."""
    with chat_api(answer_of(CHALLENGE)) as api:
        box = box_at(tmp_path, api.url, more=more)
        put_change(box, "x", "proposed")
        done = box.run("challenge", "x", "--provider", "local", LOCAL_KEY=key)
        assert api.asked == []
    [call] = box.telemetry("x")["calls"]
    assert (done.returncode, call["status"], call["usage_source"]) == expected
    assert (call["tokens_in"], call["cost_usd"], call["accuracy"]) == (0, 0.0, "exact")
    assert "in 0 out 0, $0.000000" in done.stderr
    assert box.run("cost", "audit", "x").returncode == 0


REDIRECT = head("location: http://127.0.0.1:9/v1", "connection: close", status="307 Moved")
PAGE = head("connection: close", kind="text/html; charset=utf-8") + b"<html><title>Log in</title>"


@pytest.mark.parametrize("answer", [REDIRECT, PAGE], ids=["redirect", "page"])
def test_a_redirect_and_a_login_page_have_cost_nothing(tmp_path: Path, answer: bytes) -> None:
    with chat_api(answer) as api:
        box = box_at(tmp_path, api.url, more=PRICES)
        put_change(box, "x", "proposed")
        assert box.run("challenge", "x", "--provider", "local").returncode == 4
    [call] = box.telemetry("x")["calls"]
    assert (call["tokens_in"], call["cost_usd"], call["accuracy"]) == (0, 0.0, "exact")


def test_what_the_server_charged_is_the_cost(tmp_path: Path) -> None:
    """The catalogue's price of gpt-5 is another; a router has prices of its own."""
    usage = {**USAGE, "cost": 0.0123}
    with chat_api(answer_of(CHALLENGE, usage, model="openai/gpt-5")) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "proposed")
        box.ok("challenge", "x", "--provider", "local")
    [call] = box.telemetry("x")["calls"]
    assert (call["model"], call["cost_usd"], call["cost_source"]) == (
        *("openai/gpt-5", 0.0123),
        "reported",
    )
    audit = box.run("cost", "audit", "x")
    assert audit.returncode == 0, audit.stdout


def test_a_models_name_is_one_line_whatever_the_server_calls_it(tmp_path: Path) -> None:
    with chat_api(answer_of(CHALLENGE, model="m-1\n\x1b[2Jverdict: APPROVED" + "x" * 999)) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "proposed")
        told = box.ok("challenge", "x", "--provider", "local")
    assert told.startswith("challenge: local m-1 [2Jverdict: APPROVEDxxx")
    assert len(box.telemetry("x")["calls"][0]["model"]) <= 200


def test_an_answer_that_takes_too_long_says_which_limit(tmp_path: Path) -> None:
    go = threading.Event()
    with raw_api(lambda *_: go.wait(30) and None) as api:
        box = box_at(tmp_path, api.url, more="timeout_secs = 1")
        put_change(box, "x", "proposed")
        done = box.run("challenge", "x", "--provider", "local")
        go.set()
    assert done.returncode == 4
    assert "did not end its answer in 1 s (timeout_secs in [http.local])" in done.stderr
    assert "Raise the time limit (workflow.step_timeout_secs, or timeout_secs of" in done.stderr


def test_an_answer_without_usage_is_an_estimate_and_says_so(tmp_path: Path) -> None:
    with chat_api(answer_of(CHALLENGE, None)) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "proposed")
        box.ok("challenge", "x", "--provider", "local")
    [call] = box.telemetry("x")["calls"]
    assert (call["status"], call["accuracy"]) == ("ok", "heuristic")
    assert "input is estimated" in call["why"]
    assert call["tokens_in"] > 100
    assert call["tokens_out"] > 10


def test_a_step_that_edits_code_is_refused_before_the_first_call(tmp_path: Path) -> None:
    with chat_api(answer_of(CHALLENGE)) as api:
        box = box_at(tmp_path, api.url, more='[steps.implementation]\nprovider = "local"')
        done = box.run("run", "x", "Log in")
        assert done.returncode == 1
        assert "local can't run step implementation: it edits code" in done.stderr
        put_change(box, "y", "challenged")
        done = box.run("implement", "y", "--provider", "local")
        assert (done.returncode, api.asked) == (1, [])
        assert "steps.implementation.provider" in done.stderr


def test_it_is_nobodys_choice_for_code_but_one_for_documents(tmp_path: Path) -> None:
    with chat_api(by_step(proposal=files(PROPOSAL))) as api:
        config = CONFIG.format(url=api.url, workflow="", more="")
        box = make_sandbox(tmp_path, config.replace('[claude]\ncommand = "{claude}"\n', ""))
        box.ok("proposal", "x", "Log in")
        done = box.run("run", "x")
    assert done.returncode == 1
    assert "there is no provider for step implementation; it has local" in done.stderr


def test_a_proposal_is_several_documents_in_one_answer(tmp_path: Path) -> None:
    with chat_api(by_step(proposal=f"Here it is:\n{files(PROPOSAL)}")) as api:
        box = box_at(tmp_path, api.url)
        (box.root / "agentd/specs/greet.md").write_text("# Greet\n\nMain spec.\n")
        commit(box)
        box.ok("proposal", "x", "Let `login.py` log in", "--provider", "local")
        [asked] = api.asked
    for name, text in PROPOSAL.items():
        assert (box.change("x") / name.removeprefix("change/")).read_text() == text
    prompt = prompt_of(asked)
    assert "Write the files with your tools" not in prompt
    assert '<file path="agentd/changes/x/proposal.md">' in prompt
    assert "### `agentd/specs/greet.md`" in prompt
    assert "Main spec." in prompt
    assert "def login(name):" in prompt  # named by the description
    assert "### `git ls-files`" in prompt


ODD_NAMES = ("a\0b", "\x1b[31mred", "a" * 300, "login.md/b", "..\\..\\evil")


def test_only_the_steps_own_documents_are_written(tmp_path: Path) -> None:
    evil = {
        **PROPOSAL,
        "change/STATE.yaml": "phase: archived\n",
        "change/../../config.toml": "x = 1\n",
        "change/specs/../../../specs/login.md": SPEC,
        "change/CHALLENGE.md": CHALLENGE,
        "change/specs/run.sh": "rm -rf /\n",
        **dict.fromkeys(map("change/specs/{}.md".format, ODD_NAMES), SPEC),
        "change/specs/linked/evil.md": SPEC,
    }
    with chat_api(by_step(proposal=files(evil))) as api:
        box = box_at(tmp_path, api.url)
        before = (box.root / "agentd/config.toml").read_text()
        (box.change("x") / "specs").mkdir(parents=True)
        (box.change("x") / "specs/linked").symlink_to(tmp_path)
        box.ok("proposal", "x", "Log in", "--provider", "local")
    written = {path.name for path in box.change("x").rglob("*.*") if "runs" not in path.parts}
    assert written - {"BASE.json"} == {"proposal.md", "tasks.md", "login.md", "STATE.yaml"}
    assert not (tmp_path / "evil.md").exists()
    assert state_of(box, "x")["phase"] == "proposed"
    assert (box.root / "agentd/config.toml").read_text() == before
    assert not list((box.root / "agentd/specs").iterdir())


def test_without_git_no_hidden_file_is_sent(tmp_path: Path) -> None:
    with chat_api(answer_of(REVIEW)) as api:
        box = box_at(tmp_path, api.url)
        shutil.rmtree(box.root / ".git")
        (box.root / ".env").write_text("STAGE=geheim\n")
        (box.root / ".aws").mkdir()
        (box.root / ".aws/login").write_text("geheim\n")
        put_change(box, "x", "implementing", IMPLEMENTED)
        box.ok("review", "x", "--provider", "local")
        [asked] = api.asked
    assert "def login(name):" in prompt_of(asked)
    assert "geheim" not in prompt_of(asked)


@pytest.mark.parametrize("link", ["specs", "specs/more"])
def test_nothing_is_read_or_written_through_a_linked_folder(tmp_path: Path, link: str) -> None:
    more = {**PROPOSAL, "change/specs/more/evil.md": "# Evil\n"}
    with chat_api(by_step(proposal=files(more))) as api:
        box = box_at(tmp_path, api.url)
        outside = tmp_path / "outside"
        (outside / "more").mkdir(parents=True)
        (outside / "notes.md").write_text("# Mine\n\nNot for others.\n")
        (box.change("x") / link).parent.mkdir(parents=True)
        (box.change("x") / link).symlink_to(outside)
        box.run("proposal", "x", "Log in", "--provider", "local")
        [asked] = api.asked
    assert sorted(path.name for path in outside.rglob("*")) == ["more", "notes.md"]
    assert "Not for others" not in prompt_of(asked)
    assert (box.change("x") / "proposal.md").is_file()
    assert calls_of(box, "x") == [("proposal", "ok")]


def test_an_answer_that_is_no_document_fails_and_is_recorded(tmp_path: Path) -> None:
    with chat_api(answer_of("I would rather not.")) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "proposed")
        done = box.run("challenge", "x", "--provider", "local")
    assert done.returncode == 4
    assert "without writing CHALLENGE.md" in done.stderr
    assert calls_of(box, "x") == [("challenge", "ok")]


def test_a_review_has_the_difference_of_the_code(tmp_path: Path) -> None:
    with chat_api(by_step(review=REVIEW)) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "implementing", IMPLEMENTED)
        commit(box)
        (box.root / "login.py").write_text("def login(name):\n    return True\n")
        (box.root / "new.py").write_text("NEW = 1\n")
        (box.root / ".gitignore").write_text(".env\n")
        (box.root / ".env").write_text("PASSWORD=hunter2\n")
        tasks = box.change("x") / "tasks.md"
        tasks.write_text(tasks.read_text() + "  - See `.env`\n")
        box.ok("review", "x", "--provider", "local")
        prompt = prompt_of(api.asked[0])
    assert state_of(box, "x")["phase"] == "complete"
    assert "-    return False\n+    return True" in prompt
    assert "### `new.py`" in prompt
    assert "NEW = 1" in prompt
    assert "hunter2" not in prompt  # what git ignores goes to no server
    assert KEY not in prompt


def test_no_secret_is_sent_and_no_file_left_out_without_a_word(tmp_path: Path) -> None:
    """git ignores none of these files."""
    with chat_api(by_step(review=REVIEW)) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "implementing", IMPLEMENTED)
        (box.root / "db.env").write_text("PASSWORD=hunter2\n")
        commit(box)
        (box.root / "db.env").write_text("PASSWORD=hunter2\nUSER=hunter2\n")
        (box.root / ".env").write_text("PASSWORD=hunter2\n")
        (box.root / "deploy").mkdir()
        (box.root / "deploy/id_rsa").write_text("hunter2\n")
        (box.root / ".env.example").write_text("PASSWORD=\n")
        (box.root / "login.py").write_text(f'KEY = "{KEY}"\nOPENAI = "sk-proj-{"a1" * 20}"\n')
        (box.root / "new.py").write_text(f'KEY = "{KEY}"\n')
        (box.root / "logo.png").write_bytes(b"\0hunter2")
        (box.root / "bundle.js").write_text("hunter2" * 4000)
        (box.root / "passwd").symlink_to("/etc/passwd")
        tasks = box.change("x") / "tasks.md"
        tasks.write_text(tasks.read_text() + "  - See `db.env`\n")
        box.ok("review", "x", "--provider", "local")
        prompt = prompt_of(api.asked[0])
    assert re.search(r"hunter2|root:|sk-proj-a", prompt) is None
    assert KEY not in prompt
    assert '+KEY = "***"' in prompt
    assert "### `.env.example`" in prompt
    assert "as they may hold secrets: `.env`, `db.env`, `deploy/id_rsa`." in prompt
    told = "as they are no plain text, or too long: `bundle.js`, `logo.png`, `passwd`."
    assert told in prompt


def test_what_does_not_fit_the_models_window_is_named(tmp_path: Path) -> None:
    with chat_api(by_step(challenge=CHALLENGE)) as api:
        box = box_at(tmp_path, api.url, more="context_tokens = 6000")
        put_change(box, "x", "proposed")
        (box.root / "agentd/specs/a.md").write_text("# A\n\nNot so short.\n" * 2000)
        (box.root / "agentd/specs/b.md").write_text("# B\n\nLong.\n" * 50)
        box.ok("challenge", "x", "--provider", "local")
        [prompt] = map(prompt_of, (asked for asked in api.asked))
    assert re.search(r"### `agentd/specs/a.md`, its first \d+ of 6000 lines", prompt)
    assert "Left out, as they do not fit: the rest of `agentd/specs/a.md`, `agentd/specs/b.md`" in (
        prompt
    )
    assert "# Proposal: log in" in prompt
    assert len(prompt) < 6000 * 4


def test_the_archive_runs_with_it(tmp_path: Path) -> None:
    answers = by_step(archive=entry("Users log in."), archive_review=ARCHIVE_REVIEW)
    with chat_api(answers) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "complete")
        box.ok("archive", "x", "--provider", "local")
    assert calls_of(box, "x") == [("archive", "ok"), ("archive-review", "ok")]
    assert "Log in by name" in (box.root / "agentd/specs/login.md").read_text()
    assert "Users log in." in prompt_of(api.asked[1])


def test_existing_code_is_specified_with_it(tmp_path: Path) -> None:
    done = {**PROPOSAL, "change/tasks.md": "# Tasks\n\n- [x] 1.1 Log in (`login.py`)\n"}
    with chat_api(by_step(fillback=files(done))) as api:
        box = box_at(tmp_path, api.url)
        box.ok("fillback", "x", "--path", "login.py", "--provider", "local")
        prompt = prompt_of(api.asked[0])
    assert "def login(name):\n    return False" in prompt
    assert state_of(box, "x")["phase"] == "complete"


def test_a_step_falls_back_from_a_server_to_a_cli_and_back(tmp_path: Path) -> None:
    refused = json_answer({"error": {"message": "no"}}, status="401 Unauthorized")
    with chat_api(refused) as api:
        box = box_at(tmp_path, api.url, workflow='fallback = ["claude"]')
        put_change(box, "x", "proposed")
        box.answer("challenge", CLAUDE, {"change/CHALLENGE.md": CHALLENGE})
        box.ok("challenge", "x", "--provider", "local")
    first, second = box.telemetry("x")["calls"]
    assert (first["provider"], first["status"], first["tokens_in"]) == ("local", "failed", 0)
    assert (second["provider"], second["status"]) == ("claude", "ok")


def test_a_step_falls_back_from_a_cli_to_a_server(tmp_path: Path) -> None:
    with chat_api(answer_of(CHALLENGE)) as api:
        box = box_at(tmp_path, api.url, workflow='fallback = ["local"]')
        put_change(box, "x", "proposed")
        box.answer("challenge", "claude/2.1.330/err401_stream_json", exit=1)
        box.ok("challenge", "x", "--provider", "claude")
        first, second = box.telemetry("x")["calls"]
        assert (first["provider"], first["status"]) == ("claude", "failed")
        assert (second["provider"], second["model"], second["status"]) == ("local", "m-1", "ok")
        # Code is never left to it.
        put_change(box, "y", "challenged")
        box.answer("implementation", "claude/2.1.330/err401_stream_json", exit=1)
        done = box.run("implement", "y")
    assert done.returncode == 4, done.stderr
    assert [call["provider"] for call in box.telemetry("y")["calls"]] == ["claude"]


def test_a_whole_run_with_its_judges_on_a_server_and_its_code_by_a_cli(tmp_path: Path) -> None:
    judges = "".join(
        f'[steps.{step}]\nprovider = "local"\n'
        for step in ("challenge", "review", "archive-review")
    )
    answers = by_step(challenge=CHALLENGE, review=REVIEW, archive_review=ARCHIVE_REVIEW)
    with chat_api(answers) as api:
        box = box_at(tmp_path, api.url, more=judges)
        box.answer("proposal", CLAUDE, PROPOSAL)
        code = {
            "change/IMPLEMENTATION.md": "# Implementation: x\n\n## What was done\n- it\n",
            "change/tasks.md": PROPOSAL["change/tasks.md"].replace("[ ]", "[x]"),
            "login.py": "def login(name):\n    return True\n",
        }
        box.answer("implementation", CLAUDE, code)
        box.answer("archive", CLAUDE, {"change/merged/CHANGELOG.md": entry("Users log in.")})
        box.ok("run", "x", "Log in")
        calls = state_of(box, "x")["telemetry"]["calls"]
    assert [(call["step"], call["provider"]) for call in calls] == [
        ("proposal", "claude"),
        ("challenge", "local"),
        ("implementation", "claude"),
        ("review", "local"),
        ("archive", "claude"),
        ("archive-review", "local"),
    ]
    assert sum(call["tokens_in"] for call in calls if call["provider"] == "local") == 2700


def test_a_key_in_the_base_url_is_refused_and_not_shown(tmp_path: Path) -> None:
    for url in (f"http://u:{KEY}@h", f"http://h/?key={KEY}"):
        box = make_sandbox(tmp_path / url[7], CONFIG.format(url=url, workflow="", more=""))
        for command in (("status",), ("doctor",), ("proposal", "x", "Log in")):
            done = box.run(*command)
            assert KEY not in done.stdout + done.stderr
        assert "has no place in it" in done.stderr


def test_a_run_that_is_stopped_counts_what_came(tmp_path: Path) -> None:
    def stalls(_: Asked, out: BinaryIO) -> None:
        out.write(streamed(chunk("word " * 400), done=False))
        out.flush()
        begun.set()
        over.wait(60)

    begun, over = threading.Event(), threading.Event()
    with raw_api(stalls) as api:
        box = box_at(tmp_path, api.url)
        put_change(box, "x", "proposed")
        process = subprocess.Popen(
            [sys.executable, "-m", "agentd", "challenge", "x", "--provider", "local"],
            cwd=box.root,
            env={**os.environ, "HOME": str(tmp_path)},
            stderr=subprocess.PIPE,
        )
        assert begun.wait(60)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        over.set()
    assert process.returncode == 130, told
    [call] = box.telemetry("x")["calls"]
    assert (call["status"], call["accuracy"]) == ("cancelled", "heuristic")
    assert call["why"].startswith("answer cut after ")
    for shown in (box.ok("status", "x"), box.ok("cost", "x"), box.ok("log", "x")):
        assert "cost unknown" not in shown
    note = "(local), about so many tokens: 1 call is partial (answer cut after "
    assert note in box.ok("status", "x")
    assert note in box.ok("cost", "x")
    assert "  (local)  " in box.ok("log", "x")
    assert call["tokens_out"] >= 400
    assert call["tokens_in"] > 100
