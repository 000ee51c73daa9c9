"""What the runner is asked for: one run of a provider with a prompt."""

from __future__ import annotations

from agentd.clock import utc_now
from agentd.ledger.call_id import new_call_id
from agentd.ledger.pending import reserve
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder
from agentd.workflow.model_choice import Choice
from agentd.workflow.session import prior_usage
from agentd.workflow.step_run import StepRun


def request_of(
    run: StepRun,
    choice: Choice,
    prompt: str,
    session: str | None = None,
    prompt_tokens: int | None = None,
) -> RunRequest:
    """The run of a step with this prompt, whose folder is there from now on."""
    change, config = run.change, run.change.workspace.config
    settings = config.providers[choice.provider]
    folder = RunFolder.create(change.runs_dir, new_call_id(run.step.name, utc_now()))
    reserve(folder.path)
    return RunRequest(
        call_id=folder.path.name,
        step=run.step.name,
        provider=config.row(choice.provider),
        command=settings.command,
        prompt=prompt,
        prompt_tokens=prompt_tokens,
        prompt_name=run.prompt_name,
        cwd=change.project.root,
        runs_dir=change.runs_dir,
        model=choice.model,
        extra_args=settings.extra_args,
        environ=change.workspace.environ_of(choice.provider),
        resume_session_id=session,
        timeout_s=config.workflow.step_timeout_secs,
        prior_usage=prior_usage(change.state.calls, choice.provider, session),
    )
