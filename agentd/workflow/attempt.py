"""One run of a CLI for a step: what it wrote, what it may not touch, and its record."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agentd.budget.allowance import Allowance
from agentd.documents.printed import document_in_text
from agentd.documents.verdict import documents_of
from agentd.errors import ProviderError, StateError
from agentd.files import write_atomic
from agentd.guard import Allowed, Guard
from agentd.ledger.store import Changes, StateStore
from agentd.metering.call import CallRecord
from agentd.project.layout import STATE_FILE
from agentd.project.workspace import Workspace
from agentd.runner.run import RunRequest, RunResult, ScriptRunner
from agentd.workflow import recording
from agentd.workflow.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a run left: the documents it owed and did not write, and what it may not touch.

    ``left`` are agentd's own files among ``forbidden`` that could not be put back.
    """

    missing: tuple[str, ...] = ()
    misplaced: tuple[Path, ...] = ()
    forbidden: tuple[Path, ...] = ()
    left: tuple[Path, ...] = ()
    aside: Path | None = None

    @property
    def done(self) -> bool:
        """Whether the step's work is there and nothing else happened."""
        return not self.missing and not self.forbidden


def attempt(
    workspace: Workspace, change: Path, step: Step, request: RunRequest, allowance: Allowance
) -> tuple[RunResult, Work, CallRecord]:
    """Run the CLI once, look at what it did, and record it."""
    store = StateStore(change)
    with (
        _set_aside(change, step),
        Guard.before(workspace.project, change, allowed(change, step)) as guard,
    ):
        result = allowance.judge(ScriptRunner().run(request))
        work = _judge(change, step, guard, result)
    changes = Changes()
    if result.status == "ok" and work.done:
        recording.preserve(workspace, change, step, result.run_dir)
        small = request.prompt_name == "proposal-small"
        changes = recording.advance(change, step, store.read().iteration, small=small)
    record = recording.enter(workspace, store, result, changes, overridden=allowance.overridden)
    return result, work, record


@contextlib.contextmanager
def _set_aside(change: Path, step: Step) -> Iterator[None]:
    """Take away what a judge wrote before, so that it can't pass for a new judgement.

    It comes back when the run leaves nothing in its place.
    """
    place = change / step.writes[0]
    before = place.read_bytes() if step.verdicts and place.is_file() else None
    if before is None:
        yield
        return
    place.unlink()
    try:
        yield
    finally:
        if not place.exists():
            write_atomic(place, before)


def allowed(change: Path, step: Step) -> Allowed:
    """What a run of this step may write, by the step table alone."""
    return Allowed(
        documents=tuple(change / name for name in (*step.writes, *step.touches)), code=step.code
    )


def _judge(change: Path, step: Step, guard: Guard, result: RunResult) -> Work:
    """Compare the project with what it was before; put agentd's own files back."""
    findings = guard.after()
    written = set(findings.written)
    aside = result.run_dir / "forbidden"
    # A broken STATE.yaml is never overwritten: a person may have made it so, and repairs it.
    broken = change / STATE_FILE if not _is_readable(StateStore(change)) else None
    own = tuple(entry for entry in findings.forbidden if entry.path != broken)
    restored = guard.restore(replace(findings, forbidden=own), aside)
    if result.status == "ok" and len(step.writes) == 1 and not written:
        name = step.writes[0]
        document = document_in_text(result.final_text, Path(name).name)
        if document is not None and not findings.misplaced:
            (change / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(change / name, document.encode())
            written.add(change / name)
    missing = tuple(name for name in step.writes if not documents_of(change, name))
    return Work(
        missing=missing or (step.writes if not written else ()),
        misplaced=findings.misplaced,
        forbidden=tuple(entry.path for entry in findings.forbidden),
        left=tuple(e.path for e in findings.forbidden if e.own and e.path not in restored),
        aside=aside if aside.exists() else None,
    )


def _is_readable(store: StateStore) -> bool:
    try:
        store.read()
    except StateError:
        return False
    return True


def raise_if_forbidden(
    workspace: Workspace, change: Path, step: Step, result: RunResult, work: Work
) -> None:
    """Raise ProviderError when the run changed what its step may not touch."""
    if work.forbidden:
        paths = ", ".join(workspace.shown(path) for path in work.forbidden[:10])
        left = ", ".join(workspace.shown(path) for path in work.left[:10])
        own = "agentd's own files are as they were" + (f", but for {left}." if left else ".")
        aside = f" What it wrote there: {workspace.shown(work.aside)}/." if work.aside else ""
        raise ProviderError(
            f"{result.provider} changed what step {step.name} may not touch: {paths}",
            fix=f"{own}{aside} Take the rest back (git status), "
            f"and see what made it do that: {where(workspace, result)} {_again(change, step)}",
        )


def raise_unless_done(
    workspace: Workspace, change: Path, step: Step, result: RunResult, work: Work
) -> None:
    """Raise ProviderError when a document that the step owes is not there, or as before."""
    if work.missing:
        there = ", ".join(workspace.shown(path) for path in work.misplaced)
        elsewhere = f"; it wrote {there} instead" if there else ""
        raise ProviderError(
            f"{result.provider} ended step {step.name} without writing "
            f"{', '.join(work.missing)} in {workspace.shown(change)}/{elsewhere}",
            fix=f"{where(workspace, result)} The call is recorded. {_again(change, step)}",
        )


def _again(change: Path, step: Step) -> str:
    more = ' "DESCRIPTION"' if step.name == "proposal" else ""
    return f"Then run it again: agentd {step.command} {change.name}{more}"


def where(workspace: Workspace, result: RunResult) -> str:
    """Where a person finds what the CLI printed."""
    return f"Its output: {workspace.shown(result.run_dir)}/ (stdout, stderr)."
