"""What the runner is asked for: one run of a provider with a prompt."""

from __future__ import annotations

from agentd.clock import utc_now
from agentd.config.model import Config
from agentd.ledger.call_id import new_call_id
from agentd.ledger.pending import reserve
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder
from agentd.workflow.model_choice import Choice
from agentd.workflow.session import prior_usage
from agentd.workflow.step_run import StepRun


def request_of(run: StepRun, choice: Choice, prompt: str, session: str | None = None) -> RunRequest:
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


def room_for(config: Config, choice: Choice) -> int:
    """How many tokens a prompt for a provider without tools may have."""
    from agentd.metering.catalog import context_window
    from agentd.workflow.prompts.carried import room_tokens

    server = config.http[choice.provider]
    window = server.context_tokens or context_window(choice.model or server.model)
    return room_tokens(window, server.max_output_tokens)
