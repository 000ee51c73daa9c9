"""One run of a CLI for a step: what it wrote, what it may not touch, and its record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from agentd.budget.allowance import Allowance
from agentd.errors import ProviderError, StateError
from agentd.files import write_atomic
from agentd.guard import Allowed, Guard
from agentd.ledger.changes import Changes
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.layout import STATE_FILE
from agentd.runner.result import RunResult
from agentd.runner.run import RunRequest, ScriptRunner
from agentd.workflow import recording
from agentd.workflow.set_aside import set_aside
from agentd.workflow.step_run import StepRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a run left: the documents it owed and did not write, and what it may not touch.

    ``remaining`` are agentd's own files among ``forbidden`` that could not be put back.
    """

    missing: tuple[str, ...] = ()
    misplaced: tuple[Path, ...] = ()
    forbidden: tuple[Path, ...] = ()
    remaining: tuple[Path, ...] = ()
    aside: Path | None = None

    @property
    def done(self) -> bool:
        """Whether the step's work is there and nothing else happened."""
        return not self.missing and not self.forbidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A run of a step: its result, what it left, and its call as it is in the ledger."""

    run: StepRun
    result: RunResult
    left: Left
    record: CallRecord

    def check_forbidden(self) -> None:
        """Raise ProviderError when it changed what its step may not touch."""
        if self.left.forbidden:
            raise ProviderError(
                self.told_forbidden(),
                fix=f"{self.how_to_undo()}, and see what made it do that: {self.where()} "
                f"{self._again()}",
            )

    def check_done(self) -> None:
        """Raise ProviderError when a document that the step owes is not there, or as before."""
        if self.left.missing:
            project, change = self.run.change.project, self.run.change
            there = ", ".join(project.shown(path) for path in self.left.misplaced)
            elsewhere = f"; it wrote {there} instead" if there else ""
            raise ProviderError(
                f"{self.result.provider} ended step {self.run.step.name} without writing "
                f"{', '.join(self.left.missing)} in {project.shown(change.folder)}/{elsewhere}",
                fix=f"{self.where()} The call is recorded. {self._again()}",
            )

    def told_forbidden(self) -> str:
        """What it changed that its step may not touch, in words; "" when nothing."""
        if not self.left.forbidden:
            return ""
        shown = self.run.change.project.shown
        paths = ", ".join(shown(path) for path in self.left.forbidden[:10])
        more = len(self.left.forbidden) - 10
        paths += f" and {more} more" if more > 0 else ""
        step = self.run.step.name
        return f"{self.result.provider} changed what step {step} may not touch: {paths}"

    def how_to_undo(self) -> str:
        """What became of that, and what a person can do about the rest."""
        aside = self.left.aside and self.run.change.project.shown(self.left.aside)
        wrote = f" What it wrote there: {aside}/." if aside else ""
        remaining = ", ".join(map(self.run.change.project.shown, self.left.remaining[:10]))
        but = f", but for {remaining}" if remaining else ""
        return f"agentd's own files are as they were{but}.{wrote} Take the rest back (git status)"

    def where(self) -> str:
        """Where a person finds what the CLI printed."""
        return (
            f"Its output: {self.run.change.project.shown(self.result.run_dir)}/ (stdout, stderr)."
        )

    def _again(self) -> str:
        more = ' "DESCRIPTION"' if self.run.step.takes_description else ""
        return f"Then run it again: agentd {self.run.step.command} {self.run.change.id}{more}"


def attempt(run: StepRun, request: RunRequest, allowance: Allowance) -> Attempt:
    """Run the CLI once, look at what it did, and record it."""
    run_dir = request.runs_dir / request.call_id
    recording.keep_failed_checks(run, run_dir)
    with (
        set_aside(run, run_dir),
        Guard.before(run.change, allowed(run)) as guard,
    ):
        result = allowance.judge(ScriptRunner().run(request))
        run.change.forget()
        left = _look(run, guard, result)
    changes = Changes()
    if result.status == "ok" and left.done:
        recording.preserve(run, result.run_dir)
        changes = recording.changes_after(run)
    record = recording.enter(run.change, result, changes, overridden=allowance.overridden)
    return Attempt(run=run, result=result, left=left, record=record)


def allowed(run: StepRun) -> Allowed:
    """What a run of this step may write, by the step table alone."""
    names = (*run.step.writes, *run.step.touches)
    return Allowed(documents=tuple(run.change.folder / name for name in names), code=run.step.code)


def _look(run: StepRun, guard: Guard, result: RunResult) -> Left:
    """Compare the project with what it was before; put agentd's own files back."""
    findings = guard.after()
    written = set(findings.written)
    aside = result.run_dir / "forbidden"
    own = tuple(entry for entry in findings.forbidden if not _is_broken(run.change, entry.path))
    restored = guard.restore(replace(findings, forbidden=own), aside)
    run.change.forget()
    if result.status == "ok" and not written and not findings.misplaced:
        written |= _write_printed(run, result.final_text)
    owed = run.step.writes
    missing = tuple(name for name in owed if not run.change.documents(name))
    return Left(
        missing=missing or (owed if not written else ()),
        misplaced=findings.misplaced,
        forbidden=tuple(entry.path for entry in findings.forbidden),
        remaining=tuple(e.path for e in findings.forbidden if e.own and e.path not in restored),
        aside=aside if aside.exists() else None,
    )


def _is_broken(change: Change, path: Path) -> bool:
    """Whether it is a STATE.yaml that can't be read: a person may have made it so, and repairs it.

    It is never overwritten.
    """
    if path != change.folder / STATE_FILE:
        return False
    try:
        _ = change.state
    except StateError:
        return True
    return False


def _write_printed(run: StepRun, text: str) -> set[Path]:
    """Write the one document that a step owes, where the CLI only printed it."""
    from agentd.documents.printed import document_in_text

    name, *others = run.step.writes
    document = document_in_text(text, Path(name).name)
    if others or not name.endswith(".md") or document is None:
        return set()
    path = run.change.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, document.encode())
    return {path}
