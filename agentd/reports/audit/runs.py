"""What a run's own files say: its stdout read once more, and the call as it was entered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path

from agentd.errors import StateError
from agentd.ledger import call_fields, call_keys, plain_files
from agentd.ledger.call_keys import TOKEN_KEYS
from agentd.ledger.run_folders import ENTERED
from agentd.metering.call import CallRecord
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import UsageMetrics
from agentd.providers import provider_of
from agentd.providers.base import Cli, Logged, Parsed
from agentd.reports.audit.problems import STATE_FIX, Check, Problem
from agentd.runner.outcome import outcome_of
from agentd.runner.result import read_log
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.stdout import Reading
from agentd.runner.told_by_cli import Sources
from agentd.workflow.session import prior_usage


class Run:
    """The log of a run that the ledger has; ``before`` are the calls entered before it."""

    def __init__(
        self,
        folder: RunFolder,
        info: RunInfo,
        cli: Cli,
        before: Sequence[CallRecord],
        environ: Mapping[str, str],
    ) -> None:
        self._folder, self._info, self._cli = folder, info, cli
        self._before, self._environ = before, environ

    def usages(self) -> Iterator[UsageMetrics]:
        """What it used: by stdout alone, then with what the CLI's session log adds.

        The session log, read only when it is asked for, may hold later runs by now.
        """
        if self.printed.usage is not None:
            yield self.said
        if self._logged is not None:
            yield self._settled(self._logged)

    def fitting(self, call: CallRecord) -> Iterator[UsageMetrics]:
        """Those of :meth:`usages` with the tokens that are recorded."""
        return (usage for usage in self.usages() if _same(call, usage))

    @cached_property
    def printed(self) -> Parsed:
        """What stdout says."""
        with closing(Reading(self._folder, self._cli)) as reading:
            return reading.finish()

    @cached_property
    def said(self) -> UsageMetrics:
        """The run's own part of that; of use only where stdout holds usage."""
        return self._settled(None)

    @property
    def shares_total(self) -> bool:
        """Whether stdout counts earlier runs of a resumed session too."""
        return self.printed.running_total and self._info.resume_session_id is not None

    def log_agrees(self) -> bool:
        """Whether there is a session log that has the same total as stdout."""
        logged = self._logged
        return (
            logged is not None
            and sum(one.usage.total_tokens for one in logged.requests) == self.said.total_tokens
        )

    def logged_requests(self) -> tuple[ApiRequest, ...]:
        """What the CLI's session log tells of its requests, and maybe of later runs'."""
        return tuple(self._logged.requests) if self._logged is not None else ()

    @cached_property
    def _logged(self) -> Logged | None:
        return read_log(self._cli, self._info, self.printed, self._environ)

    @cached_property
    def _prior(self) -> UsageMetrics | None:
        return prior_usage(self._before, self._info.provider, self._info.resume_session_id)

    def _settled(self, logged: Logged | None) -> UsageMetrics:
        return outcome_of(
            Sources(
                parsed=self.printed,
                logged=logged,
                prior=self._prior,
                requested_model=self._info.requested_model,
                resumed=self._info.resume_session_id is not None,
            )
        ).usage


def open_run(
    path: Path, call: CallRecord, before: Sequence[CallRecord], environ: Mapping[str, str]
) -> Run | None:
    """The run in ``path``; None when it left too little to be read once more."""
    folder = RunFolder(path)
    if not (folder.run_json.is_file() and folder.stdout.is_file()):
        return None
    try:
        info = folder.info()
    except StateError:
        return None  # a damaged run.json: without it nobody knows how to read the output
    provider = provider_of(call.provider, info.base)
    return Run(folder, info, provider.cli(), before, environ) if provider else None


def check_tokens(call: CallRecord, run: Run) -> Iterator[Problem]:
    """The recorded tokens against the run's log; nothing where the log can't tell."""
    if run.printed.usage is None or any(run.fitting(call)):
        return
    said, recorded = run.said.total_tokens, call.usage.total_tokens
    if call.usage_source == "stdout":
        wrong = recorded != said or any(
            usage.total_tokens != run.said.by_model.get(model, usage).total_tokens
            for model, usage in (call.usage_by_model().items() if call.models else ())
        )
    else:  # the larger of stdout and a session log that may be gone
        wrong = recorded < said and not run.shares_total
    is_detail = recorded == said and call.usage_source == "stdout"
    if wrong or (is_detail and run.log_agrees()):
        yield other_tokens("tokens", call, "the run's stdout", run.said.counts())
    elif is_detail:
        yield other_tokens("tokens", call, "the run's stdout", run.said.counts())._replace(
            message="the parts of its tokens came from the CLI's session log, which is gone",
            fix="",
            is_note=True,
            subject=call.provider or "",
        )


def check_entered(call: CallRecord, path: Path) -> Iterator[Problem]:
    """The entry against the copy that was made when it was entered."""
    entered = plain_files.read_file(path / ENTERED)
    if entered is None:
        return
    try:
        original = call_fields.from_json(entered.decode())
    except ValueError as error:
        yield Problem(
            "changed", f"{ENTERED} in its run's folder is damaged ({error})", is_note=True
        )
        return
    if original == call:
        return
    now, then = call_fields.to_fields(call), call_fields.to_fields(original)
    keys = [key for key in call_keys.KEYS if now.get(key) != then.get(key)]
    listed = ", ".join(f"{key} {_shown(then.get(key))} → {_shown(now.get(key))}" for key in keys)
    yield Problem(
        "changed",
        f"changed since it was entered: {listed}",
        {key: now.get(key) for key in keys},
        {key: then.get(key) for key in keys},
        "See git log -p on STATE.yaml for who changed it, and take it back if it was a slip.",
        call.cost_usd - original.cost_usd or None,
    )


def is_correction(problem: Problem) -> bool:
    """Whether only figures were changed, which a run's log can prove right."""
    keys = problem.expected if isinstance(problem.expected, dict) else {}
    return set(keys) <= {*TOKEN_KEYS, "cost_usd", "cost_source", "models"}


def _same(call: CallRecord, usage: UsageMetrics) -> bool:
    if call.usage.counts() != usage.counts():
        return False
    told = usage.by_model
    return not call.models or all(
        model not in told or told[model].counts() == used.counts()
        for model, used in call.usage_by_model().items()
    )


def other_tokens(check: Check, call: CallRecord, by: str, told: Sequence[int]) -> Problem:
    """The counts of a call that are not those ``told``, in the order of TOKEN_KEYS."""
    pairs = [
        (key, recorded, count)
        for key, recorded, count in zip(TOKEN_KEYS, call.usage.counts(), told, strict=True)
        if recorded != count
    ]
    listed = ", ".join(f"{key} is {recorded}, not {count}" for key, recorded, count in pairs)
    return Problem(
        check,
        f"by {by} {listed or 'its models used other tokens'}",
        {key: recorded for key, recorded, _ in pairs},
        {key: count for key, _, count in pairs},
        STATE_FIX,
    )


def _shown(value: object) -> str:
    return "none" if value is None else "other parts" if isinstance(value, list) else str(value)
