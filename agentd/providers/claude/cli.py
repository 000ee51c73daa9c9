"""claude (Claude Code): argv, and its ``json`` and ``stream-json`` output since 1.0.

Where usage stands, and why not elsewhere: docs/clis.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentd.metering.usage import ModelUsage, add, run_usage
from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.claude import activity, failures, pointing, session_log
from agentd.providers.claude.usage import of_message, of_model
from agentd.providers.fields import has_tokens, mapping, money, text

# As root claude refuses bypassPermissions unless it is told that it runs in a sandbox.
AS_ROOT = ("acceptEdits", "--allowedTools", "Bash,Edit,Write,Read,Glob,Grep")


def argv(invocation: Invocation) -> list[str]:
    """The command line of one headless run; the prompt goes on stdin."""
    return [
        invocation.command,
        "-p",
        *("--output-format", "stream-json", "--verbose", "--include-partial-messages"),
        *("--permission-mode", *(AS_ROOT if _refuses_all_tools() else ("bypassPermissions",))),
        *(("--model", invocation.model) if invocation.model else ()),
        *(("--resume", invocation.resume_session_id) if invocation.resume_session_id else ()),
        *invocation.budget_args,
        *invocation.extra_args,
    ]


def caution() -> tuple[str, str] | None:
    """What agentd can't let it do as root, and the way out."""
    if not _refuses_all_tools():
        return None
    return (
        "as root claude refuses bypassPermissions, so agentd allows it only some tools",
        "Run as another user; in a container, set IS_SANDBOX=1 to allow all tools.",
    )


def _refuses_all_tools() -> bool:
    return os.geteuid() == 0 and os.environ.get("IS_SANDBOX") != "1"


class ClaudeParser:
    """Keeps the results, and per API message the largest usage seen."""

    def __init__(self) -> None:
        self._model: str | None = None
        self._version = ""
        self._session_id: str | None = None
        self._results: list[Mapping[str, Any]] = []
        self._messages: dict[str, tuple[str, ModelUsage]] = {}
        self._open: dict[object, str] = {}
        self._last_text = ""
        self._error_kind: str | None = None
        self._limits: Mapping[str, Any] = {}

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event; ``content_block_*`` and tool results hold no usage and are ignored."""
        kind = event.get("type")
        self._session_id = text(event.get("session_id")) or self._session_id
        if kind == "result":
            self._results.append(event)
        elif kind == "assistant":
            self._error_kind = text(event.get("error"))
            self._assistant(mapping(event.get("message")))
        elif kind == "stream_event":
            self._stream(mapping(event.get("event")), event.get("parent_tool_use_id"))
        elif kind == "rate_limit_event":
            self._limits = failures.limits_of(event)
        elif kind == "system" and event.get("subtype") == "init":
            self._model = text(event.get("model")) or self._model
            self._version = text(event.get("claude_code_version")) or ""

    def parsed(self) -> Parsed:
        """Usage from the results when there is one, else from the messages seen so far."""
        last = self._results[-1] if self._results else {}
        by_model, running_total = self._by_model(last)
        usage = run_usage(
            {model: used for model, used in by_model.items() if any(used.counts())},
            requests=tuple(self._messages.values()),
            session_id=self._session_id,
        )
        error = failures.message_of(last)
        cut = str(last.get("terminal_reason", "")).startswith("aborted_streaming")
        return Parsed(
            usage=usage if self._results or self._messages else None,
            complete=bool(self._results) and not cut,
            running_total=running_total,
            final_text=text(last.get("result")) or self._last_text,
            session_id=self._session_id,
            model=_plain(self._model) if self._model else None,
            error=error,
            failure=failures.failure(last, error, kind=self._error_kind, limits=self._limits)
            if error
            else None,
        )

    def _assistant(self, message: Mapping[str, Any]) -> None:
        blocks = message.get("content")
        for block in blocks if isinstance(blocks, list) else []:
            self._last_text = text(mapping(block).get("text")) or self._last_text
        self._note(text(message.get("id")), message.get("model"), mapping(message.get("usage")))

    def _stream(self, event: Mapping[str, Any], thread: object) -> None:
        if event.get("type") == "message_start":
            message = mapping(event.get("message"))
            self._open[thread] = text(message.get("id")) or ""
            self._note(self._open[thread], message.get("model"), mapping(message.get("usage")))
        elif event.get("type") == "message_delta":
            self._note(self._open.get(thread), None, mapping(event.get("usage")))

    def _note(self, message_id: str | None, model: object, usage: Mapping[str, Any]) -> None:
        """The usage of a message repeats, and its output grows until its message_delta."""
        if not message_id or not usage or model == "<synthetic>":
            return
        old_model, old = self._messages.get(message_id, ("", ModelUsage()))
        new = of_message(usage)
        if "input_tokens" not in usage:  # before 2025 a message_delta told the output alone
            new = replace(old, output_tokens=new.output_tokens)
        larger = new if sum(new.counts()) > sum(old.counts()) else old
        self._messages[message_id] = (old_model or _plain(str(model or "")), larger)

    def _by_model(self, last: Mapping[str, Any]) -> tuple[dict[str, ModelUsage], bool]:
        """Usage by model, and whether it may hold earlier runs of a resumed session."""
        since = [result.get("model_usage_since_last_result") for result in self._results]
        indices = [result.get("result_index") for result in self._results]
        if since and None not in since and indices == [*range(len(since))]:
            return _merged(pair for part in since for pair in _models(part)), False
        if isinstance(last.get("modelUsage"), Mapping):
            return _merged(_models(last["modelUsage"])), since[-1] is not None or self._runs_on()
        if last and not self._messages:
            usage = has_tokens(mapping(last.get("usage")), "input_tokens", "output_tokens")
            cost = money(last, "total_cost_usd")
            return {"": replace(of_message(usage), reported_cost_usd=cost)}, False
        # Cut before its result; or 1.0, whose result counts each message twice.
        return _merged(self._messages.values()), False

    def _runs_on(self) -> bool:
        """From 2.1.278 on modelUsage holds the earlier runs of a resumed session too."""
        return [int(part) for part in self._version.split(".") if part.isdigit()] >= [2, 1, 278]


def _models(block: object) -> list[tuple[str, ModelUsage]]:
    """The models of a ``modelUsage`` object."""
    return [(_plain(name), of_model(mapping(usage))) for name, usage in mapping(block).items()]


def _merged(pairs: Iterable[tuple[str, ModelUsage]]) -> dict[str, ModelUsage]:
    by_model: dict[str, list[ModelUsage]] = {}
    for model, usage in pairs:
        by_model.setdefault(model, []).append(usage)
    return {model: add(usages) for model, usages in by_model.items()}


def _plain(model: str) -> str:
    """The API's name of a model: claude marks its long-context form by a suffix."""
    return model.removesuffix("[1m]")


CLI = Cli(
    point=pointing.point,
    refusal=pointing.refusal,
    without_server_tools='[claude] extra_args = ["--disallowedTools", "WebSearch"] does without',
    user_agents=("claude-cli/", "claude-code/"),
    argv=argv,
    new_parser=ClaudeParser,
    markers=(b'"usage"', b'"result"', b'"init"', b'"rate_limit_event"'),
    read_log=session_log.read,
    activity=activity.read,
    activity_markers=activity.MARKERS,
    text_markers=activity.TEXT_MARKERS,
    caution=caution,
)
