"""Runs one step of a change: checks, prompt, CLI, ledger, phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agentd.clock import utc_now
from agentd.errors import Cancelled, ConfigError, InputError, ProviderError
from agentd.metering.call import CallRecord
from agentd.runner.folder import RunFolder, new_call_id
from agentd.runner.providers import PROVIDERS
from agentd.runner.script import RunRequest, RunResult, ScriptRunner
from agentd.state.kept import reserve
from agentd.state.store import StateStore
from agentd.workflow import recording
from agentd.workflow.prompt import render
from agentd.workflow.steps import NEXT_COMMAND, PHASES, Step
from agentd.workflow.verdicts import read_verdict
from agentd.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person asked for on the command line; None leaves it to the config.

    ``note`` is told what begins, in one line.
    """

    provider: str | None = None
    model: str | None = None
    session_id: str | None = None
    note: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """A step that succeeded: its call, the files it owed, its verdict, the command that is next."""

    change_id: str
    step: Step
    record: CallRecord
    written: list[Path]
    verdict: str | None = None
    next: str | None = None
    settled: list[CallRecord] = field(default_factory=list)


def run_step(
    workspace: Workspace, change: Path, step: Step, order: Order, **values: str
) -> StepOutcome:
    """Run one step of a change and record its call, whatever becomes of it.

    ``values`` fills fields of the step's prompt. Raises InputError when the change is not ready for
    the step, ProviderError (exit 4) when the CLI failed or did not write what it owed, Cancelled
    when a person stopped it; the call is then recorded already.
    """
    settled = recording.settle(workspace, change, stop_running=True)
    store = StateStore(change)
    check_ready(change, step, store.read().phase)
    result = ScriptRunner().run(_request(workspace, change, step, order, **values))
    record = recording.enter(workspace, store, result)
    store.update(last_action=step.name)
    _raise_unless_ok(workspace, result)
    written = _owed(workspace, change, step, result)
    verdict = _verdict(change, step)
    phase, following = step.verdicts.get(verdict or "", (step.phase, step.next))
    store.update(phase=phase)
    return StepOutcome(
        change_id=change.name,
        step=step,
        record=record,
        written=written,
        verdict=verdict,
        next=following,
        settled=settled,
    )


def check_ready(change: Path, step: Step, phase: str | None) -> None:
    """Raise InputError unless the phase allows the step and the documents it reads are there."""
    if phase in PHASES and phase not in step.phases:
        following = NEXT_COMMAND.get(phase)
        raise InputError(
            f"change {change.name} is in phase {phase}; {step.command} starts from "
            f"{' or '.join(step.phases)}",
            fix=f"Next: agentd {following} {change.name}" if following else "It is archived.",
        )
    missing = [name for name in step.reads if not _files(change, name)]
    if missing:
        raise InputError(
            f"change {change.name} has no {' and no '.join(missing)}; {step.command} reads it",
            fix=f"Run the step that writes it first: agentd status {change.name}",
        )


def choose(workspace: Workspace, step: Step, order: Order) -> tuple[str, str | None]:
    """The provider and the full model name (None: the CLI's default) that run a step.

    The command line goes before ``[steps.X]``, that before the step's default provider, that
    before the first provider the config has.
    """
    config = workspace.config
    chosen = config.steps.get(step.name)
    usual = step.provider if step.provider in config.providers else next(iter(config.providers), "")
    name = order.provider or (chosen and chosen.provider) or usual
    if name not in config.providers:
        raise ConfigError(
            f"{workspace.shown(config.path)}: no provider {name} for step {step.name}; it has "
            f"{', '.join(config.providers) or 'none'}",
            fix=f"Add a [{name or 'claude'}] section, or name another with --provider.",
        )
    same = chosen is not None and chosen.provider in (None, name)
    model = order.model or (chosen.model if chosen and same else None)
    return name, config.providers[name].model_name(model)


def _request(
    workspace: Workspace, change: Path, step: Step, order: Order, **values: str
) -> RunRequest:
    name, model = choose(workspace, step, order)
    settings = workspace.config.providers[name]
    folder = RunFolder.create(change / "runs", new_call_id(step.name, utc_now()))
    reserve(folder.path)
    order.note(f"{step.name}: {name} {model or '(its default model)'} is at work ...")
    calls = StateStore(change).read().calls
    return RunRequest(
        call_id=folder.path.name,
        step=step.name,
        provider=PROVIDERS[name],
        command=settings.command,
        prompt=render(step.name, _values(workspace, change, values)),
        cwd=workspace.project.root,
        runs_dir=change / "runs",
        model=model,
        extra_args=settings.extra_args,
        resume_session_id=order.session_id,
        timeout_s=workspace.config.workflow.step_timeout_secs,
        prior_usage=recording.prior_usage(calls, name, order.session_id),
    )


def _values(workspace: Workspace, change: Path, values: dict[str, str]) -> dict[str, str]:
    project = workspace.project
    return {
        "change_id": change.name,
        "change": workspace.shown(change),
        "agentd": workspace.shown(project.agentd_dir),
        "changelog": workspace.shown(project.specs_dir / "CHANGELOG.md"),
        "today": utc_now().strftime("%Y-%m-%d"),
        **values,
    }


def _raise_unless_ok(workspace: Workspace, result: RunResult) -> None:
    where = f"Its output: {workspace.shown(result.run_dir)}/ (stdout, stderr)."
    if result.status == "cancelled":
        raise Cancelled(f"step {result.step} was stopped; what it used is recorded", fix=where)
    if result.status == "timeout":
        limit = workspace.config.workflow.step_timeout_secs
        raise ProviderError(
            f"{result.provider} was stopped in step {result.step} after {limit} s",
            fix=f"{where} The limit is workflow.step_timeout_secs. What it used is recorded.",
        )
    if result.status != "ok":
        raise ProviderError(
            f"{result.provider} failed in step {result.step} (exit code {result.exit_code}): "
            f"{result.error or 'it ended without a result'}",
            fix=f"{where} What it used is recorded.",
        )


def _owed(workspace: Workspace, change: Path, step: Step, result: RunResult) -> list[Path]:
    written = [path for name in step.writes for path in _files(change, name)]
    missing = [name for name in step.writes if not _files(change, name)]
    if missing:
        raise ProviderError(
            f"{result.provider} ended step {step.name} without writing {', '.join(missing)} "
            f"in {workspace.shown(change)}/",
            fix=f"What it said instead: {workspace.shown(result.run_dir)}/stdout. The call is "
            f"recorded. Run the step again: agentd {step.command} {change.name}",
        )
    return written


def _files(change: Path, name: str) -> list[Path]:
    """The documents that a name of the step table stands for, those that are there."""
    if name == "specs":
        return sorted(path for path in (change / "specs").rglob("*.md") if path.is_file())
    return [change / name] if (change / name).is_file() else []


def _verdict(change: Path, step: Step) -> str | None:
    if not step.verdicts:
        return None
    document = (change / step.writes[0]).read_text(encoding="utf-8", errors="replace")
    return read_verdict(document, tuple(step.verdicts))
