"""The GitHub Action: its script, run on a recorded event in real clones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.git_repo import Repo
from support.github_api import GitHub, github_api
from support.state_samples import call

from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action"
EVENT = ROOT / "fixtures" / "github" / "pull_request.json"
MARKER = "<!-- agentd cost: app -->"


def other(number: int, **values: object) -> CallRecord:
    return replace(call(number), **values)  # type: ignore[arg-type]


class Job:
    """A job of GitHub's: a clone of the merge commit, the event and the runner's files."""

    def __init__(self, tmp_path: Path, github: GitHub) -> None:
        self.tmp_path, self.github = tmp_path, github
        self.origin = Repo(tmp_path / "origin")
        config = self.origin.root / "agentd" / "config.toml"
        config.parent.mkdir()
        config.write_text('project_name = "x"\n[claude]\n')
        self.origin.record(1, 2)
        self.origin.commit("what main had spent")
        self.origin.git("switch", "-qc", "feature")

    def checkout(self, *options: str) -> Path:
        """What actions/checkout leaves: HEAD is the merge of main and the pull request."""
        origin = self.origin
        self.base, self.head = origin.git("rev-parse", "main"), origin.git("rev-parse", "feature")
        origin.git("checkout", "-q", "--detach", "main")
        origin.git("merge", "-q", "--no-ff", "-m", "merge", "feature")
        origin.git("update-ref", "refs/pull/7/merge", "HEAD")
        clone = self.tmp_path / "clone"
        origin.git("clone", "-q", "--no-checkout", *options, origin.top.as_uri(), str(clone))
        origin.git("fetch", "-q", *options, "origin", "refs/pull/7/merge", cwd=clone)
        origin.git("checkout", "-q", "FETCH_HEAD", cwd=clone)
        return clone

    def run(
        self, clone: Path, event: str | None = None, **inputs: str
    ) -> subprocess.CompletedProcess[str]:
        text = event or EVENT.read_text().replace("HEAD_SHA", self.head)
        (self.tmp_path / "event.json").write_text(text.replace("BASE_SHA", self.base))
        for name in ("summary", "output"):
            (self.tmp_path / name).write_text("")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.tmp_path),
            "GITHUB_API_URL": self.github.url,
            "GITHUB_EVENT_PATH": str(self.tmp_path / "event.json"),
            "GITHUB_STEP_SUMMARY": str(self.tmp_path / "summary"),
            "GITHUB_OUTPUT": str(self.tmp_path / "output"),
            "AGENTD_TOKEN": "made-up-token",
            "AGENTD_PATH": "app",
        } | {f"AGENTD_{name.upper()}": value for name, value in inputs.items()}
        return subprocess.run(
            [sys.executable, str(ACTION / "comment.py")],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def outputs(self) -> dict[str, str]:
        lines = (self.tmp_path / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def github() -> Iterator[GitHub]:
    with github_api() as api:
        yield api


@pytest.fixture
def job(tmp_path: Path, github: GitHub) -> Job:
    return Job(tmp_path, github)


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def failed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_one_comment_that_is_kept_up_to_date(job: Job, github: GitHub) -> None:
    store = StateStore(job.origin.record(3))
    store.append(other(4, step="review", cost_usd=Decimal("0.25")))
    job.origin.commit("two calls")
    github.add("Looks good", login="someone", type="User")
    github.add(f"{MARKER}\nnot ours", login="someone", type="User")
    github.add("a bot's", login="x[bot]", type="Bot")
    clone = job.checkout()
    ok(job.run(clone))
    assert [each["body"][:8] for each in github.comments[:3]] == ["Looks go", MARKER[:8], "a bot's"]
    body = github.comments[3]["body"]
    assert body.startswith(f"{MARKER}\n\n### This pull request cost $0.2535: 2 calls\n")
    assert (
        '```mermaid\npie title Cost by step, USD\n    "review" : 0.25\n    "proposal" : 0.0035'
        in body
    )
    assert "| **total** |" in body
    assert job.outputs() == {"cost-usd": "0.25352318", "calls": "2", "complete": "true"}
    assert (job.tmp_path / "summary").read_text() == body + "\n"
    assert github.tokens == {"Bearer made-up-token"}

    github.add(f"{MARKER}\nof two runs at once")
    ok(job.run(clone, by="change", chart="false"))
    assert len(github.comments) == 4
    again = github.comments[3]["body"]
    assert "mermaid" not in again
    assert "| change | calls |" in again


def test_what_main_got_since_is_not_of_this_pull_request(job: Job, github: GitHub) -> None:
    job.origin.record(3)
    job.origin.commit("one call")
    job.origin.git("switch", "-q", "main")
    job.origin.record(5, place="agentd/changes/other")
    job.origin.commit("another pull request was merged")
    ok(job.run(job.checkout()))
    assert job.outputs()["calls"] == "1"


def test_no_call_is_not_a_zero(job: Job, github: GitHub) -> None:
    (job.origin.root / "README").write_text("y")
    job.origin.commit("by hand")
    ok(job.run(job.checkout(), threshold_usd="0.01"))
    assert github.comments == []
    assert job.outputs() == {"cost-usd": "", "calls": "0", "complete": "true"}
    ok(job.run(job.tmp_path / "clone"))
    assert (
        "No call of a coding agent is recorded in this pull request" in github.comments[0]["body"]
    )


def test_a_threshold_holds_back_a_new_comment_alone(job: Job, github: GitHub) -> None:
    job.origin.record(3)
    job.origin.commit("one call")
    clone = job.checkout()
    ok(job.run(clone, threshold_usd="0.01"))
    assert github.comments == []
    assert "cost $0.0035" in (job.tmp_path / "summary").read_text()
    ok(job.run(clone, threshold_usd="0.003"))
    assert len(github.comments) == 1
    ok(job.run(clone, threshold_usd="0.01", by="author"))
    assert "| author |" in github.comments[0]["body"]


def test_what_is_not_known_is_said_and_passes_a_threshold(job: Job, github: GitHub) -> None:
    store = StateStore(job.origin.root / "agentd" / "changes" / "add-oauth")
    store.append(other(3, model="nobody-knows-1", cost_source="none", cost_usd=Decimal()))
    job.origin.commit("a call without a price")
    ok(job.run(job.checkout(), threshold_usd="5"))
    assert "cost an unknown amount: 1 call, 1 without a price" in github.comments[0]["body"]
    assert job.outputs()["complete"] == "false"


def test_a_budget_fails_the_job_and_is_told(job: Job, github: GitHub) -> None:
    job.origin.record(3)
    job.origin.commit("one call")
    clone = job.checkout()
    assert "cost $0.00352318, more than its $0.003" in failed(job.run(clone, budget_usd="0.003"))
    assert "**This is more than the $0.003 that" in github.comments[0]["body"]
    ok(job.run(clone, budget_usd="0.00352318"))
    assert "more than the" not in github.comments[0]["body"]


def test_a_tiny_cost_is_no_zero_and_has_no_exponent(job: Job, github: GitHub) -> None:
    store = StateStore(job.origin.root / "agentd" / "changes" / "add-oauth")
    store.append(other(3, cost_usd=Decimal("0.00000003")))
    job.origin.commit("one call")
    github.add("of an account that was deleted")
    github.comments[0]["user"] = None
    clone = job.checkout()
    text = "cost $0.00000003, more than its $0.00000001"
    assert text in failed(job.run(clone, budget_usd="1e-8"))
    assert job.outputs()["cost-usd"] == "0.00000003"
    [_, comment] = github.comments
    assert "### This pull request cost $0.000000030: 1 call" in comment["body"]
    assert "more than the $0.00000001 that" in comment["body"]


def test_a_shallow_clone_is_refused(job: Job, github: GitHub) -> None:
    job.origin.record(3)
    job.origin.commit("one call")
    assert "`fetch-depth: 0`" in failed(job.run(job.checkout("--depth=1")))
    assert github.asked == []


def test_a_clone_of_the_base_is_refused(job: Job, github: GitHub) -> None:
    """As pull_request_target checks it out: each cost would be 0."""
    job.origin.record(3)
    job.origin.commit("one call")
    clone = job.checkout()
    job.origin.git("checkout", "-q", "origin/main", cwd=clone)
    assert "run on `pull_request`" in failed(job.run(clone))
    assert github.asked == []


def test_a_damaged_ledger_fails_and_the_rest_is_shown(job: Job, github: GitHub) -> None:
    job.origin.record(3)
    broken = job.origin.root / "agentd" / "changes" / "broken" / "STATE.yaml"
    broken.parent.mkdir()
    broken.write_text("telemetry: {calls: [")
    job.origin.commit("one is broken")
    assert "broken/STATE.yaml" in failed(job.run(job.checkout()))
    body = github.comments[0]["body"]
    assert "Not every ledger could be read" in body
    assert "cost $0.0035: 1 call" in body


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_may_not_comment_fails_nothing(job: Job, github: GitHub, status: int) -> None:
    """So it is in a pull request from a fork."""
    job.origin.record(3)
    job.origin.commit("one call")
    github.refuses = status
    out = ok(job.run(job.checkout()))
    assert out.startswith("::warning::")
    assert "This pull request cost" in (job.tmp_path / "summary").read_text()
    assert "made-up-token" not in out


def test_a_server_that_fails_is_told(job: Job, github: GitHub) -> None:
    job.origin.record(3)
    job.origin.commit("one call")
    github.refuses = 502
    clone = job.checkout()
    assert "GitHub answered 502" in failed(job.run(clone))
    github.url = "http://127.0.0.1:9"
    assert "GitHub can't be reached" in failed(job.run(clone))


@pytest.mark.parametrize(
    ("status", "headers"),
    [(429, {}), (403, {"X-RateLimit-Remaining": "0"}), (403, {"Retry-After": "60"})],
)
def test_a_rate_limit_is_no_lack_of_permission(
    job: Job, github: GitHub, status: int, headers: dict[str, str]
) -> None:
    job.origin.record(3)
    job.origin.commit("one call")
    github.refuses, github.saying = status, headers
    out = failed(job.run(job.checkout()))
    assert "takes no more requests of this token for now" in out
    assert "permissions" not in out


def test_what_a_run_beside_this_one_has_deleted_is_no_failure(job: Job, github: GitHub) -> None:
    job.origin.record(3)
    job.origin.commit("one call")
    for name in ("first", "second", "third"):
        github.add(f"{MARKER}\n{name}")
    first, second, third = (each["id"] for each in github.comments)
    github.gone = {first, third}
    clone = job.checkout()
    ok(job.run(clone))
    [kept] = github.comments
    assert (kept["id"], "cost $0.0035" in kept["body"]) == (second, True)
    github.gone = {second}
    ok(job.run(clone))
    [new] = github.comments
    assert "cost $0.0035" in new["body"]


def test_a_clone_that_git_does_not_read_is_told_with_its_words(job: Job, github: GitHub) -> None:
    job.origin.record(3)
    job.origin.commit("one call")
    clone = job.checkout()
    (clone / ".git" / "config").write_text("[core")
    assert "git says: fatal: bad config" in failed(job.run(clone))


def test_wrong_inputs_and_other_events(job: Job, github: GitHub) -> None:
    job.origin.record(3)
    job.origin.commit("one call")
    clone = job.checkout()
    for wrong in ("much", "-1", "NaN"):
        assert f"budget-usd is {wrong!r}; give" in failed(job.run(clone, budget_usd=wrong))
    assert "there is no folder nope" in failed(job.run(clone, path="nope"))
    assert "agentd init" in failed(job.run(clone, path="."))
    assert ok(job.run(clone, event='{"ref": "refs/heads/main"}')).startswith("::notice::")
    assert github.asked == []


def test_what_a_pull_request_brings_is_not_run(job: Job, github: GitHub) -> None:
    package = job.origin.root / "agentd" / "__init__.py"
    package.write_text("raise SystemExit('ran')\n")
    package.with_name("__main__.py").write_text("raise SystemExit('ran')\n")
    job.origin.record(3)
    job.origin.commit("a package of that name")
    ok(job.run(job.checkout()))
    assert job.outputs()["calls"] == "1"


def test_no_module_of_a_pull_request_is_run_for_the_install(tmp_path: Path) -> None:
    action = YAML(typ="safe").load((ACTION / "action.yml").read_text())
    [script] = [one["run"] for one in action["runs"]["steps"] if "Install" in one.get("name", "")]
    modules = re.findall(r'python?" (.*)-m (\w+)', script, re.IGNORECASE)
    assert [name for _, name in modules] == ["venv", "pip"]
    for options, name in modules:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('ran')\n")
        subprocess.run(
            [sys.executable, *options.split(), "-m", name, "--help"],
            cwd=tmp_path,
            capture_output=True,
            check=True,
        )


def test_names_of_steps_stay_within_the_chart(job: Job, github: GitHub) -> None:
    store = StateStore(job.origin.record(3))
    for number in range(20):
        name = f'"s{number}`\n```\n<img src=x>'
        store.append(other(10 + number, step=name, cost_usd=Decimal(number + 1)))
    job.origin.commit("many steps")
    ok(job.run(job.checkout()))
    chart = re.search(r"```mermaid\n(.*?)\n```", github.comments[0]["body"], re.DOTALL)
    assert chart
    lines = chart[1].splitlines()[1:]
    assert len(lines) == 8
    assert all(re.fullmatch(r'    "[\w ./-]+" : [0-9.]+', line) for line in lines)
    assert sum(Decimal(line.rpartition(" ")[2]) for line in lines) == Decimal("210.00352318")


def test_the_action_gives_the_script_what_it_reads() -> None:
    action = YAML(typ="safe").load((ACTION / "action.yml").read_text())
    step = action["runs"]["steps"][-1]
    read = set(re.findall(r"AGENTD_\w+", (ACTION / "comment.py").read_text()))
    assert read == set(step["env"])
    given = {
        value.removeprefix("${{ inputs.").removesuffix(" }}") for value in step["env"].values()
    }
    assert given | {"python-version"} == set(action["inputs"])
    documented = (ROOT / "docs" / "github-action.md").read_text()
    for name in (*action["inputs"], *action["outputs"]):
        assert f"`{name}`" in documented
    assert json.loads(EVENT.read_text())["pull_request"]["number"] == 7
