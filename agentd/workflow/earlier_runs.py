"""What earlier commands left: calls they could not enter, runs they did not live to finish."""

from __future__ import annotations

from typing import NamedTuple

from agentd.errors import StateError
from agentd.files import remove_temporaries
from agentd.ledger.changes import Changes
from agentd.ledger.pending import read_unjudged
from agentd.ledger.run_folders import unentered
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.hold import worker_on
from agentd.providers import PROVIDERS
from agentd.providers.provider import Provider
from agentd.runner import recovery
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.version import __version__
from agentd.workflow import recording
from agentd.workflow.left_guards import judge_left_guards, judged
from agentd.workflow.session import prior_usage
from agentd.workflow.set_aside import put_back
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS


class Settled(NamedTuple):
    """A call that an earlier command could not enter; ``done``: its step's work is there too.

    ``in_doubt`` are files of agentd that its run may have changed, or somebody after it.
    """

    record: CallRecord
    done: bool
    in_doubt: tuple[str, ...] = ()


def settle_interrupted_runs(
    change: Change, *, stop_running: bool
) -> tuple[list[Settled], list[str], list[StateError], list[int]]:
    """Enter what earlier commands could not, and put back what their runs had set aside.

    A CLI that still works without an agentd is stopped, so that it reports, when ``stop_running``;
    else it is left for a later command. Returns the calls that are entered now, sentences on those
    of unknown providers and of orphans, the runs that are damaged, and the orphans' processes.
    Raises StateError when STATE.yaml can't take them.
    """
    entered = [
        Settled(kept.record, kept.changes.last_action is not None)
        for kept in change.ledger.enter_kept()
    ]
    notes: list[str] = []
    problems: list[StateError] = []
    orphans: list[int] = []
    for folder in recovery.unfinished(change.runs_dir):
        try:
            info = folder.info()
        except StateError as error:
            problems.append(error)
            continue
        provider = PROVIDERS.get(info.provider)
        if provider is None:
            notes.append(
                f"{change.project.shown(folder.path)} is a run of {info.provider}, which agentd "
                f"{__version__} does not know; one that does will enter it"
            )
        elif not stop_running and (living := recovery.living(folder)):
            orphans += living
            pids = ", ".join(map(str, living))
            notes.append(
                f"{info.provider} still works in {change.project.shown(folder.path)} (process "
                f"{pids}), although its agentd is gone; the change's next step stops it and enters "
                "the call"
            )
        elif recovery.did_not_begin(folder, info):
            if stop_running:
                put_back(change, held=True)
                folder.remove()
        else:
            entered.append(_settle(change, folder, info, provider, notes, held=stop_running))
    if stop_running or worker_on(change) is None:
        entered += [_enter_deleted(change, record) for record in _of_deleted_folders(change)]
    if not orphans:
        put_back(change, held=stop_running)
    if stop_running:
        for folder in recovery.unused(change.runs_dir):
            folder.remove()
    return entered, notes, problems, orphans


def _settle(
    change: Change,
    folder: RunFolder,
    info: RunInfo,
    provider: Provider,
    notes: list[str],
    *,
    held: bool,
) -> Settled:
    """Finish a run and enter its call; with its step, when that did its work and no more.

    What it did that it may not is told in ``notes``.
    """
    record = read_unjudged(folder.path)
    if record is None:
        prior = prior_usage(change.state.calls, info.provider, info.resume_session_id)
        environ = change.workspace.environ_of(info.provider)
        result = recovery.recover(folder, provider, prior_usage=prior, environ=environ)
        record = recording.keep(change, result)
    notes += judge_left_guards(change.project.root)
    found = judged(folder.path)
    change.forget()
    put_back(change, held=held)
    remove_temporaries(folder.path)
    step, changes, done = STEPS.get(info.step), Changes(), False
    is_sound = not found.forbidden and not found.in_doubt
    if step is not None and is_sound and record.status in ("ok", "interrupted"):
        small = info.prompt_name == step.small_prompt
        run = StepRun(change=change, step=step, small=small)
        if any(call.id == record.id for call in change.state.calls):
            # agentd was killed after the last write but one.
            done = change.state.last_action == step.name
        elif done := _work_is_there(run, info, in_full=record.status == "interrupted"):
            recording.preserve(run, folder.path)
            changes = recording.changes_after(run)
    return Settled(recording.enter(change, record, changes), done, found.in_doubt)


def _work_is_there(run: StepRun, info: RunInfo, *, in_full: bool) -> bool:
    """Whether the documents that a run owed are there, and one was written since it began.

    ``in_full``: nobody saw the run end, so that they must also be right.
    """
    owed = [run.change.documents(name) for name in run.step.writes]
    newest = max((path.stat().st_mtime for paths in owed for path in paths), default=0.0)
    written = all(owed) and newest >= info.started_at.timestamp()
    return written and (not in_full or _is_right(run))


def _is_right(run: StepRun) -> bool:
    """Whether the documents say all that the step is asked for, as far as that can be told."""
    from agentd.documents.validate import validate_change
    from agentd.documents.verdict import verdict_of

    if run.step.judgement:
        return verdict_of(run.change, run.step.judgement) is not None
    if run.step.plans:
        change = run.change
        return not validate_change(change.project, change.folder, change.workspace.config).errors
    return run.step.code


def _of_deleted_folders(change: Change) -> list[CallRecord]:
    """The calls of runs whose CLI has deleted the files of its own run; agentd kept them."""
    folders = [path for path in unentered(change.runs_dir) if not (path / "run.json").exists()]
    return [record for path in folders if (record := read_unjudged(path)) is not None]


def _enter_deleted(change: Change, record: CallRecord) -> Settled:
    """Enter it; of its work nothing is known."""
    return Settled(recording.enter(change, record, Changes()), done=False)
