"""What earlier commands left: calls they could not enter, runs they did not live to finish."""

from __future__ import annotations

from dataclasses import replace

from agentd.documents.owed import missing
from agentd.errors import StateError
from agentd.files import remove_temporaries
from agentd.ledger.changes import Changes
from agentd.ledger.pending import read_unjudged
from agentd.ledger.run_folders import unentered
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.hold import worker_on
from agentd.providers import provider_of
from agentd.providers.provider import Provider
from agentd.runner import recovery
from agentd.runner.family import is_inside
from agentd.runner.run import ScriptRunner
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.text import some_of
from agentd.version import __version__
from agentd.workflow import recording
from agentd.workflow.accepted_work import accept, write_printed
from agentd.workflow.kept_tasks import restore_tasks
from agentd.workflow.left_guards import judge_left_guards, judged
from agentd.workflow.leftovers import Leftovers, Settled
from agentd.workflow.order import Order
from agentd.workflow.session import prior_usage
from agentd.workflow.set_aside import put_back
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS
from agentd.workflow.taken_up import TakenUp, follow_to_its_end, work_not_done


def settle_interrupted_runs(change: Change, order: Order | None = None) -> Leftovers:
    """Enter what earlier commands could not, and put back what their runs had set aside.

    A CLI that still works without an agentd is followed to its end by the change's next step, whose
    ``order`` is given; None: by a later command. So is a run that can't be judged now; its call
    stays kept. Raises StateError when STATE.yaml can't take them.
    """
    problems: list[StateError] = []
    entered = [
        Settled(kept.record, kept.changes.last_action is not None)
        for kept in change.ledger.enter_kept(problems)
    ]
    notes: list[str] = []
    orphans: list[int] = []
    unbegun: list[RunFolder] = []
    unjudged: list[StateError] = []
    for folder in recovery.unfinished(change.runs_dir):
        try:
            info = folder.info()
        except StateError as error:
            problems.append(error)
            continue
        provider = provider_of(info.provider, info.base)
        if provider is None:
            notes.append(
                f"{change.project.shown(folder.path)} is a run of {info.provider}, which agentd "
                f"{__version__} does not know; one that does will enter it"
            )
        elif order is None and (living := recovery.living(folder)):
            orphans += living
            pids = ", ".join(map(str, living))
            notes.append(
                f"{info.provider} still works in {change.project.shown(folder.path)} (process "
                f"{pids}), although its agentd is gone; the change's next step follows it to "
                "its end and enters the call"
            )
        elif recovery.did_not_begin(folder, info):
            unbegun.append(folder)
        else:
            ended = _kept(change, folder, info, provider, order)
            if problem := _judge(change, folder, info, notes):
                unjudged.append(problem)
            else:
                entered.append(_settle(change, folder, info, ended, notes, held=order is not None))
    if order is not None or worker_on(change) is None:
        entered += [_enter_deleted(change, record) for record in _of_deleted_folders(change)]
    if not orphans and not unjudged:
        put_back(change, held=order is not None)
    if order is not None and not unjudged:
        for folder in (*unbegun, *recovery.unused(change.runs_dir)):
            folder.remove()
    told = [problem.message for problem in unjudged]
    return (
        Leftovers(entered, notes, problems + unjudged, orphans)
        if order is not None  # what a step finds is taken for what was before it
        else Leftovers(entered, notes + told, problems, orphans)
    )


def _kept(
    change: Change, folder: RunFolder, info: RunInfo, provider: Provider, order: Order | None
) -> TakenUp:
    """The call of a run that has ended now; it is kept from now on if it was not before."""
    record = read_unjudged(folder.path)
    if record is not None:
        return TakenUp(record)
    request = replace(
        recovery.request_of(folder, info, provider),
        prior_usage=prior_usage(change.state.calls, info.provider, info.resume_session_id),
        environ=change.workspace.environ_of(info.provider),
    )
    if order is None or is_inside(folder.path) or not (processes := recovery.living(folder)):
        return TakenUp(recording.keep(change, ScriptRunner().take_up(request)))
    return follow_to_its_end(change, request, order, processes)


def _judge(change: Change, folder: RunFolder, info: RunInfo, notes: list[str]) -> StateError | None:
    """Judge what a run did, which is told in ``notes``; returns why that can't be done now."""
    try:
        notes += judge_left_guards(change.project.root)
    except OSError as error:
        return StateError(
            f"what {info.provider} did in {change.project.shown(folder.path)} can't be judged now "
            f"({error}); the next agentd command tries again",
            fix="Mend that, then run the command again.",
        )
    change.forget()
    if told := restore_tasks(change, folder.path):
        notes.append(f"{info.step}: {told}")
    return None


def _settle(
    change: Change,
    folder: RunFolder,
    info: RunInfo,
    ended: TakenUp,
    notes: list[str],
    *,
    held: bool,
) -> Settled:
    """Enter the call of a run that is judged; with its step, when that did its work and no more."""
    found, record = judged(folder.path), ended.record
    step, changes, done = STEPS.get(info.step), Changes(), False
    is_sound = not found.forbidden and not found.in_doubt
    run = None
    if step is not None and is_sound and record.status in ("ok", "interrupted"):
        run = StepRun(change=change, step=step, small=info.prompt_name == step.small_prompt)
        if record.status == "ok" and not _is_written(run, info):
            write_printed(run, _said(folder, info))
    change.forget()
    put_back(change, held=held)
    remove_temporaries(folder.path)
    if run is not None:
        if any(call.id == record.id for call in change.state.calls):
            # agentd was killed after the last write but one.
            done = change.state.last_action == run.step.name
        else:
            done = _is_written(run, info) and (record.status == "ok" or _is_right(run))
            if not done and (told := _accepted(run, folder, info, record, found.code)):
                notes.append(f"{info.step}: {told}")
                done = True
            elif not done and found.code:
                notes.append(_unfinished(change, info, found.code))
            if done:
                recording.preserve(run, folder.path)
                changes = recording.changes_after(run, folder.path)
    record = recording.enter(change, record, changes)
    stopped = ended.stopped
    owes = step is not None  # a call beside a step, such as a summary, owes no document
    wrong = (record.status == "ok" and owes) or bool(found.forbidden)
    if ended.followed and stopped is None and not done and wrong:
        stopped = work_not_done(change, info, found.forbidden)
    return Settled(record, done, found.in_doubt, ended.followed, stopped)


def _accepted(
    run: StepRun, folder: RunFolder, info: RunInfo, record: CallRecord, code: tuple[str, ...]
) -> str:
    """Take what it did where it reports success, and only its documents are not as asked for."""
    if record.status != "ok":
        return ""
    is_answer = bool(record.usage.output_tokens)
    said = _said(folder, info) if is_answer else ""
    return accept(run, folder.path, code, said)


def _said(folder: RunFolder, info: RunInfo) -> str:
    provider = provider_of(info.provider, info.base)
    return recovery.final_text_of(folder, provider) if provider else ""


def _unfinished(change: Change, info: RunInfo, code: tuple[str, ...]) -> str:
    return (
        f"{info.provider} was stopped in step {info.step}, and did not say that it was done; it "
        f"had changed {some_of(code)}, which stays. To go on from there: {change.go_on}"
    )


def _is_written(run: StepRun, info: RunInfo) -> bool:
    """Whether the documents that a run owed are there, and one was written since it began."""
    owed = [run.change.documents(name) for name in run.step.writes]
    newest = max((path.stat().st_mtime for paths in owed for path in paths), default=0.0)
    return not missing(run.change, run.step.writes) and newest >= info.started_at.timestamp()


def _is_right(run: StepRun) -> bool:
    """Whether the documents say all that the step is asked for, as far as that can be told.

    Asked where nobody saw the run end.
    """
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
