"""The prompt of a step for an HTTP API: with the files that fit, by the server's own count."""

from __future__ import annotations

from typing import NamedTuple

from agentd.metering.catalog import context_window
from agentd.metering.tokens.estimates import estimate
from agentd.workflow.helper_call import summary_of
from agentd.workflow.model_choice import Choice
from agentd.workflow.prompts.carried import TOKENIZER, room_tokens
from agentd.workflow.prompts.prompt import render
from agentd.workflow.server_count import Counted, counted_by
from agentd.workflow.step_run import StepRun

_TRIES = 4
_MARGIN = 0.97  # what is left out is not spread as the whole is
_FRAME_TOKENS = 64  # of the model's template, around a message


class CarryingPrompt(NamedTuple):
    """A prompt, and what its server counts in it; None where it does not."""

    text: str
    tokens: int | None = None


def carrying_prompt(run: StepRun, choice: Choice) -> CarryingPrompt:
    """The prompt for a provider without tools, no longer than its model's window takes.

    A server that counts tokens is asked for free; all others' are estimated.
    """
    room = _room(run, choice, None)
    settings = run.change.workspace.config.http[choice.provider]
    if settings.count_tokens == "server" and choice.provider not in run.order.uncounted:
        if (counted := _fitted(run, choice, room)) is not None:
            return counted
        run.order.uncounted.add(choice.provider)
    return CarryingPrompt(_summarised(run, choice, room))


def _room(run: StepRun, choice: Choice, told: int | None) -> int:
    """How many tokens a prompt may have; ``told`` is the window by the server."""
    server = run.change.workspace.config.http[choice.provider]
    window = server.context_tokens or told or context_window(choice.model or server.model)
    return room_tokens(window, server.max_output_tokens)


def _fitted(run: StepRun, choice: Choice, room: int) -> CarryingPrompt | None:
    """The longest prompt by the server's count, None where it counts none.

    An estimate may be off by a factor, but in one project by the same: the first count tells it.
    """
    estimated = 2 * room
    for _ in range(_TRIES):
        is_cut = False

        def cut(_: str) -> tuple[str, bool]:
            nonlocal is_cut
            is_cut = True
            return "", False

        text = render(run, estimated, cut)
        counted = _counted(run, choice, text)
        if counted.tokens is None:
            return None
        room = _room(run, choice, counted.window) - _FRAME_TOKENS
        if counted.tokens <= room:
            break
        share = max(0, room) / counted.tokens * _MARGIN
        estimated = int(min(estimated, estimate(text, TOKENIZER)) * share)
    if not is_cut:
        return CarryingPrompt(text, counted.tokens)
    text = _summarised(run, choice, estimated)
    return CarryingPrompt(text, _counted(run, choice, text).tokens)


def _summarised(run: StepRun, choice: Choice, room: int) -> str:
    return render(run, room, lambda text: summary_of(run, choice, room, text))


def _counted(run: StepRun, choice: Choice, text: str) -> Counted:
    return counted_by(run.change, choice.provider, text, choice.model)
