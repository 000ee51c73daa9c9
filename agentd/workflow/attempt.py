"""One run of a CLI for a step: what it wrote, what it may not touch, and its record."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from agentd.budget.allowance import Allowance
from agentd.documents.owed import missing
from agentd.errors import InputError, ProviderError, StateError
from agentd.files import make_private, write_private
from agentd.frozen import frozen
from agentd.guard import Allowed, Findings, Guard
from agentd.ledger.changes import Changes
from agentd.metering.call import CallRecord
from agentd.runner.result import RunResult
from agentd.runner.run import RunRequest, ScriptRunner
from agentd.text import some_of
from agentd.workflow import recording
from agentd.workflow.accepted_work import accept, still_invalid, write_printed, wrote_before
from agentd.workflow.kept_tasks import keep_tasks, restore_tasks
from agentd.workflow.next_command import next_command
from agentd.workflow.set_aside import set_aside
from agentd.workflow.step_run import StepRun

_NAMED, _DIFFS = 10, 3


@frozen(kw_only=True)
class Attempt:
    """A run of a step: its result, its call as it is in the ledger, and what it left.

    ``missing`` are the documents it owed and did not write. Of what it may not touch ``remaining``
    are agentd's own files that could not be put back; what it wrote there is in ``aside``.
    """

    run: StepRun
    result: RunResult
    record: CallRecord
    missing: tuple[str, ...]
    findings: Findings
    remaining: tuple[Path, ...]
    aside: Path

    def check_forbidden(self) -> None:
        """Raise ProviderError when it changed what its step may not touch."""
        if self.findings.forbidden:
            raise ProviderError(
                self.told_forbidden(),
                fix=f"{self.how_to_undo()}, and see what made it do that: {self.where()} "
                f"{self._again()}",
            )

    def check_done(self) -> None:
        """Raise ProviderError when a document that the step owes is not there, or as before."""
        if self.missing:
            there = self._shown(self.findings.misplaced)
            elsewhere = f"; it wrote {there} instead" if there else ""
            wrong = still_invalid(self.run)
            found = "\n".join(f"{each.place}: {each.message}" for each in wrong[:_NAMED])
            found += f"\nand {len(wrong) - _NAMED} more" * (len(wrong) > _NAMED)
            by_hand = f"Mend that yourself, then: agentd challenge {self.run.change.id}\n"
            raise ProviderError(
                f"{self.result.provider} ended step {self.run.step.name} without writing "
                f"{', '.join(self.missing)} in {self._shown([self.run.change.folder])}/{elsewhere}"
                + (f"; it is not valid:\n{_indented(found)}" if found else ""),
                fix=f"{by_hand * bool(wrong)}{self.where()} The call is recorded. {self._again()}",
            )

    def told_forbidden(self) -> str:
        """What it changed that its step may not touch, in words; "" when nothing."""
        if not self.findings.forbidden:
            return ""
        forbidden = self.findings.forbidden
        paths = some_of([self._shown([entry.path]) for entry in forbidden], _NAMED)
        step = self.run.step.name
        told = f"{self.result.provider} changed what step {step} may not touch: {paths}"
        for entry in [entry for entry in forbidden if entry.diff][:_DIFFS]:
            told += f"\n{self._shown([entry.path])} ({entry.what}):\n{_indented(entry.diff)}"
        rules = dict.fromkeys(entry.rule for entry in forbidden if entry.rule)
        return told + "".join(f"\nThe prompt says: {rule}" for rule in rules)

    def told_beside(self) -> list[str]:
        """What it did beside its work, and what became of that; the step counts all the same."""
        lines = []
        for each in self.findings.told:
            diff = f"\n{_indented(each.diff)}" if each.diff else ""
            rule = f"\nThe prompt says: {each.rule}" if each.rule else ""
            lines.append(f"{self.run.step.name}: {each.text}{diff}{rule}")
        return lines

    def how_to_undo(self) -> str:
        """What became of that, and what a person can do about the rest."""
        wrote = (
            f" What it wrote there: {self._shown([self.aside])}/." if self.aside.exists() else ""
        )
        left = some_of([self._shown([path]) for path in self.remaining], _NAMED)
        but = f", but for {left}" if left else ""
        return f"agentd's own files are as they were{but}.{wrote} Take the rest back (git status)"

    def where(self) -> str:
        """Where a person finds what the CLI printed."""
        return f"Its output: {self._shown([self.result.run_dir])}/ (stdout, stderr)."

    def _shown(self, paths: Iterable[Path]) -> str:
        return ", ".join(map(self.run.change.project.shown, paths))

    def _again(self) -> str:
        return f"To go on: {next_command(self.run.change)}"


def attempt(run: StepRun, request: RunRequest, allowance: Allowance) -> Attempt:
    """Run the CLI once, look at what it did, and record it."""
    _check_places(run)
    run_dir = request.runs_dir / request.call_id
    for name, data in run.keeps.items():
        write_private(run_dir / name, data)
    keep_tasks(run, run_dir)
    aside = run_dir / "forbidden"
    commits = run.change.workspace.config.guard.commits
    with (
        set_aside(run, run_dir),
        Guard(run.change, allowed(run), aside, commits) as guard,
    ):
        if uncopied := guard.uncopied:
            run.order.warn(
                f"{run.step.name}: agentd keeps no copy of {uncopied}, as there is too much: when "
                "the step changes that, it is told, and not put back"
            )
        try:
            request = replace(request, held_fds=(guard.held_by_run,))
            result = allowance.judge(ScriptRunner(adopts=True).run(request))
        except (ProviderError, StateError, InputError):  # it can't be started
            guard.drop()
            raise
        # Before anything else: whatever the CLI did to the project, what it used is known.
        try:
            record = recording.keep(run.change, result, overridden=allowance.overridden)
        except StateError as error:  # it holds the call; the run's folder may have to come back
            unkept: StateError | None = error
        else:
            unkept = None
        run.change.forget()
        try:
            findings = guard.after()
            restored = guard.restore(findings)
            run.change.forget()
            if unkept is not None:
                record = recording.keep(run.change, result, overridden=allowance.overridden)
        except (OSError, StateError):
            if unkept is not None:
                raise unkept from None
            raise
        missing = _missing(run, result, findings)
    if told := restore_tasks(run.change, run_dir):
        run.order.warn(f"{run.step.name}: {told}")
    make_private(run_dir)  # what the CLI and its tools wrote there, and what was moved there
    changes = Changes()
    if result.status == "ok" and not missing and not findings.forbidden:
        recording.preserve(run, result.run_dir)
        changes = recording.changes_after(run, result.run_dir)
    return Attempt(
        run=run,
        result=result,
        record=recording.enter(run.change, record, changes),
        missing=missing,
        findings=findings,
        remaining=tuple(path for path in findings.own if path not in restored),
        aside=guard.aside,
    )


def allowed(run: StepRun) -> Allowed:
    """What a run of this step may write, by the step table alone."""
    names = (*run.step.writes, *run.step.touches)
    return Allowed(documents=tuple(run.change.folder / name for name in names), code=run.step.code)


def _check_places(run: StepRun) -> None:
    """Raise InputError where no document can be written: a CLI waits for a pipe's reader."""
    for path in allowed(run).documents:
        if os.path.lexists(path) and not (path.is_file() or path.is_dir()):
            raise InputError(
                f"{run.change.project.shown(path)}: is no regular file; {run.step.name} writes it",
                fix="Remove it, then run the command again.",
            )


def _missing(run: StepRun, result: RunResult, findings: Findings) -> tuple[str, ...]:
    """The documents that it owes and that are not there; all of them when nobody wrote one."""
    is_ok = result.status == "ok"
    wrote = bool(findings.written) or (is_ok and not run.step.mends and wrote_before(run))
    if is_ok and not wrote and not findings.misplaced:
        wrote = write_printed(run, result.final_text)
    gone = missing(run.change, run.step.writes) or (() if wrote else run.step.writes)
    if gone and is_ok and not findings.forbidden:
        said = result.final_text if result.usage.output_tokens else ""  # else it is an error's
        code = [*map(run.change.project.shown, findings.code)]
        if told := accept(run, result.run_dir, code, said, findings.misplaced):
            run.order.warn(f"{run.step.name}: {told}")
            return ()
    return gone


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines()).rstrip("\n")
