"""How the toy is started and read: a tiny event language, spoken by toy_cli.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentd.errors import ParseError
from agentd.metering.usage import ModelUsage, add, run_usage
from agentd.providers.base import Cli, Invocation, Parsed

MARKERS = (b'"session"', b'"usage"', b'"text"', b'"result"')


class ToyParser:
    """session: {id, model}, usage: {input, output, model}, text: {text}, result: {error?}."""

    def __init__(self) -> None:
        self._parsed = Parsed()
        self._by_model: dict[str, ModelUsage] = {}
        self._malformed = False

    def feed(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "session":
                self._parsed = replace(
                    self._parsed, session_id=event["id"], model=event.get("model")
                )
            case "usage":
                self._usage(event)
            case "text":
                self._parsed = replace(self._parsed, final_text=event["text"])
            case "result":
                self._parsed = replace(self._parsed, complete=True, error=event.get("error"))

    def parsed(self) -> Parsed:
        if self._malformed:
            raise ParseError('usage.input is "many"')
        usage = run_usage(self._by_model) if self._by_model else None
        return replace(self._parsed, usage=usage)

    def _usage(self, event: Mapping[str, Any]) -> None:
        if event["input"] == "many":
            self._malformed = True
            return
        model = event.get("model", "")
        new = ModelUsage(input_tokens=event["input"], output_tokens=event["output"])
        self._by_model[model] = add([self._by_model.get(model, ModelUsage()), new])


def argv(invocation: Invocation) -> list[str]:
    """``extra_args`` say all there is to say."""
    return [invocation.command, *invocation.extra_args]


CLI = Cli(
    argv=argv,
    new_parser=ToyParser,
    markers=MARKERS,
    environment={"TOY_MODE": "headless"},
)
