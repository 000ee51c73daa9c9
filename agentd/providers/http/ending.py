"""Whether an answer came to its end, and is one. Pure."""

from __future__ import annotations

from agentd.frozen import frozen
from agentd.providers.http.failures import failed
from agentd.providers.http.options import Options
from agentd.providers.http.thoughts import without_thoughts

_ONLY_THOUGHTS = "only thoughts (reasoning) and no text"


@frozen(kw_only=True)
class Ending:
    """How an answer ended: why, by the API; whether its stream was closed as it should; its text.

    ``error`` is what the server says went wrong, "" for nothing. ``thinks``: the model has told
    thoughts apart from the text.
    """

    finish: str | None
    was_done: bool
    error: str
    text: str
    thinks: bool


def check_end(ending: Ending, options: Options) -> None:
    """Raise Failed for an answer without an end, or without a text."""
    if ending.error:
        told = f"{options.host} ended its answer with an error: {ending.error}"
        raise failed("overloaded", told)
    is_empty = not without_thoughts(ending.text).strip()
    only_thinks = is_empty and (ending.thinks or bool(ending.text.strip()))
    match ending.finish:
        case "length":
            limit = options.max_output_tokens
            most = f"max_output_tokens = {limit}" if limit else "the model's output limit"
            told = f"the answer was cut at {most}"
            if only_thinks:
                told += f", and has {_ONLY_THOUGHTS}"
            raise failed("refused", f"{told}; raise max_output_tokens in {options.section}")
        case "refused":
            raise failed("refused", f"{options.host} withheld the answer (content filter)")
        case "error":
            raise failed("overloaded", f"{options.host} ended its answer with an error")
        case None if not ending.was_done:
            raise failed("network", f"{options.host} broke its answer off before its end")
    if only_thinks:
        raise failed(
            "refused",
            f"the answer of {options.host} has {_ONLY_THOUGHTS}: raise max_output_tokens in "
            f"{options.section}, or have the model think less",
        )
    if is_empty:
        raise failed("no_result", f"the answer of {options.host} has no text")
