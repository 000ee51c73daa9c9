"""About how many tokens a request has come to while its answer comes, for budgets."""

from __future__ import annotations

from collections.abc import Callable

from agentd.metering.usage import ModelUsage

_STEP_BYTES = 200
_TOKENIZER = "generic-estimate"


class SoFar:
    """Counts what comes, thoughts included; by a server that tells its usage on the way, that.

    ``tell`` takes input and output tokens, each time when some have come.
    """

    def __init__(self, prompt: str, tell: Callable[[int, int], None]) -> None:
        self._prompt, self._tell = prompt, tell
        self._input = self._output = self._told_output = 0
        self._pieces: list[str] = []
        self._bytes = 0

    def add(self, text: str) -> None:
        """The next piece; several are counted at once, as a piece may be less than a token."""
        self._pieces.append(text)
        self._bytes += len(text.encode(errors="replace"))
        if self._bytes >= _STEP_BYTES:
            self._output += _estimate("".join(self._pieces))
            self._pieces.clear()
            self._bytes = 0
            self._say()

    def told(self, usage: ModelUsage) -> None:
        """What the server itself says so far."""
        self._input = max(self._input, usage.input_tokens)
        if usage.output_tokens > self._told_output:
            self._told_output = usage.output_tokens
            self._say()

    def _say(self) -> None:
        if not self._input:
            self._input = _estimate(self._prompt)
        self._tell(self._input, max(self._output, self._told_output))


def _estimate(text: str) -> int:
    from agentd.metering.tokens.estimates import estimate  # the first token does not wait for it

    return estimate(text, _TOKENIZER)
