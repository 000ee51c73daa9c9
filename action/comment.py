"""Comment the cost of a pull request on it: one comment, kept up to date.

Run by action.yml, with the Python that agentd is installed for. It reads the event that GitHub
wrote, asks ``agentd cost`` for the difference to the base, and writes by GitHub's API.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

from comment_api import NotAllowed, Unreachable, publish
from comment_body import comment_body

from agentd.metering.money import usd


@dataclass(frozen=True)
class Inputs:
    """What the workflow gave; amounts in USD, None where none was given."""

    path: Path
    by: str
    chart: bool
    threshold_usd: Decimal | None
    budget_usd: Decimal | None

    @property
    def marker(self) -> str:
        """The hidden first line by which the comment is found again: one for each project."""
        return f"<!-- agentd cost: {self.path.as_posix().replace('--', '- -')} -->"


@dataclass(frozen=True)
class PullRequest:
    """``base`` is a revision in this clone."""

    repository: str
    number: int
    base: str


def main() -> None:
    inputs = _inputs(os.environ)
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())
    if "pull_request" not in event:
        print("::notice::agentd: this event is of no pull request, so there is nothing to comment")
        return
    pull_request = _pull_request(event, inputs.path)
    report, text, problem = _costs(inputs, pull_request.base)
    more = report["more"]["total"]
    body = comment_body(
        inputs.marker,
        report,
        text,
        budget_usd=inputs.budget_usd,
        chart=inputs.chart,
        problem=problem,
    )
    _append("GITHUB_STEP_SUMMARY", body + "\n")
    complete = not (more["unpriced"] or more["partial"] or problem)
    cost_usd = f"{more['cost_usd']:f}" if more["calls"] else ""  # never 3E-8
    _append(
        "GITHUB_OUTPUT",
        f"cost-usd={cost_usd}\ncalls={more['calls']}\ncomplete={str(complete).lower()}\n",
    )
    asked = inputs.threshold_usd is None or more["cost_usd"] >= inputs.threshold_usd
    _comment(pull_request, inputs.marker, body, also_new=asked or not complete)
    if inputs.budget_usd is not None and more["cost_usd"] > inputs.budget_usd:
        cost, budget = (usd(amount, None) for amount in (more["cost_usd"], inputs.budget_usd))
        _fail(f"this pull request cost {cost}, more than its {budget}")
    if problem:
        _fail(f"not every ledger could be read: {problem}")


def _inputs(given: Mapping[str, str]) -> Inputs:
    return Inputs(
        path=Path(given.get("AGENTD_PATH") or "."),
        by=given.get("AGENTD_BY") or "step,model",
        chart=given.get("AGENTD_CHART", "true").lower() != "false",
        threshold_usd=_amount(given, "AGENTD_THRESHOLD_USD"),
        budget_usd=_amount(given, "AGENTD_BUDGET_USD"),
    )


def _amount(given: Mapping[str, str], name: str) -> Decimal | None:
    text = given.get(name, "").strip().removeprefix("$")
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        option = name.removeprefix("AGENTD_").lower().replace("_", "-")
        _fail(f"{option} is {text!r}; give an amount in USD, such as 2.50")
    return amount


def _pull_request(event: Mapping[str, Any], path: Path) -> PullRequest:
    """Which one, and what its costs are compared with: its base as it is in this clone."""
    pull_request = event["pull_request"]
    head_sha, base = pull_request["head"]["sha"], pull_request["base"]
    if not path.is_dir():
        _fail(f"there is no folder {path}; `path` is the project's folder in the repository")
    shallow = _git(path, "rev-parse", "--is-shallow-repository")
    if shallow is None:
        # In a job's container the clone can be another user's.
        told = _told_by_git(path, "rev-parse", "--is-shallow-repository")
        _fail(
            "there is no clone here that git reads: run actions/checkout before, with "
            f"`fetch-depth: 0`. git says: {told}"
        )
    if shallow != "false":
        _fail("the clone is not complete: give actions/checkout `fetch-depth: 0`")
    if _git(path, "merge-base", "--is-ancestor", head_sha, "HEAD") is None:
        _fail(
            f"the clone does not hold the pull request's commit {head_sha[:12]}: run on "
            "`pull_request`, where actions/checkout takes its merge commit"
        )
    branch = f"origin/{base['ref']}"
    known = _git(path, "rev-parse", "--verify", "--quiet", f"refs/remotes/{branch}^{{commit}}")
    return PullRequest(
        repository=event["repository"]["full_name"],
        number=pull_request["number"],
        base=branch if known else base["sha"],
    )


def _git(path: Path, *arguments: str) -> str | None:
    """What git prints; None if it fails."""
    done = _asked_git(path, *arguments)
    return done.stdout.strip() if done.returncode == 0 else None


def _told_by_git(path: Path, *arguments: str) -> str:
    """Why git fails."""
    return _asked_git(path, *arguments).stderr.strip()


def _asked_git(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments], cwd=path, capture_output=True, text=True, check=False
    )


def _costs(inputs: Inputs, base: str) -> tuple[dict[str, Any], str, str]:
    """agentd's report as JSON and as Markdown, and what it could not read."""
    asked = ("cost", "--all", "--base", base, "--by")
    as_json = _agentd(inputs.path, *asked, "step", "--json")
    as_text = _agentd(inputs.path, *asked, inputs.by, "--format", "markdown")
    for done in (as_json, as_text):
        if not done.stdout or '"more"' not in as_json.stdout:
            _fail(done.stderr.strip() or done.stdout.strip())
    problem = as_json.stderr.strip() if as_json.returncode else ""
    return json.loads(as_json.stdout, parse_float=Decimal), as_text.stdout.strip(), problem


def _agentd(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -P: the project has a folder of that name, and what a pull request puts there is not run.
    command = [sys.executable, "-P", "-m", "agentd", *arguments]
    return subprocess.run(command, cwd=path, capture_output=True, text=True, check=False)


def _comment(pull_request: PullRequest, marker: str, body: str, *, also_new: bool) -> None:
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    issues = f"{api}/repos/{pull_request.repository}/issues"
    token = os.environ["AGENTD_TOKEN"]
    try:
        asyncio.run(publish(issues, pull_request.number, token, marker, body, also_new=also_new))
    except NotAllowed:
        print(
            "::warning::agentd: the token may not comment (give the job `permissions: "
            "pull-requests: write`; a pull request of a fork gets no such token). "
            "The costs stand in the job's summary."
        )
    except Unreachable as error:
        _fail(f"{error}: nothing was commented")


def _append(variable: str, text: str) -> None:
    """Add to a file that GitHub's runner reads."""
    if path := os.environ.get(variable):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


def _fail(message: str) -> NoReturn:
    """End the job with an error that is shown on its page."""
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::error::agentd: {escaped}")
    sys.exit(1)


if __name__ == "__main__":
    main()
