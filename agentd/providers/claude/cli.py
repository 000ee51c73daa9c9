"""claude (Claude Code): argv, and its ``json`` and ``stream-json`` output since 1.0.

Where usage stands, and why not elsewhere: docs/clis.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentd.metering.requests import ApiRequest, unite, usage_by_model
from agentd.metering.usage import ModelUsage, add, run_usage
from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.claude import activity, cut_text, failures, pointing, session_log, telemetry
from agentd.providers.claude.usage import finish_of, of_message, of_model, requests_of
from agentd.providers.fields import has_tokens, mapping, money, text

# As root claude refuses bypassPermissions unless it is told that it runs in a sandbox.
AS_ROOT = ("acceptEdits", "--allowedTools", "Bash,Edit,Write,Read,Glob,Grep")


_SIDE_TOOLS = ("WebSearch", "WebFetch")  # their calls are on stdout in the result alone


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
        self._requests: dict[str, ApiRequest] = {}
        self._open: dict[str | None, str] = {}
        self._streamed: set[str] = set()
        self._side_tools: set[str] = set()
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
            self._assistant(mapping(event.get("message")), _thread(event))
        elif kind == "stream_event":
            self._stream(mapping(event.get("event")), _thread(event))
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
            session_id=self._session_id,
        )
        error = failures.message_of(last)
        cut = str(last.get("terminal_reason", "")).startswith("aborted_streaming")
        complete = bool(self._results) and not cut
        return Parsed(
            usage=usage if self._results or self._requests else None,
            complete=complete,
            running_total=running_total,
            requests=self._shown(usage) if complete else (*self._requests.values(),),
            unsure=self._unsure(last, complete=complete),
            final_text=text(last.get("result")) or self._last_text,
            session_id=self._session_id,
            model=_plain(self._model) if self._model else None,
            error=error,
            failure=failures.failure(last, error, kind=self._error_kind, limits=self._limits)
            if error
            else None,
        )

    def _shown(self, usage: ModelUsage) -> tuple[ApiRequest, ...]:
        """The requests of a complete report whose end is on stdout, or that its total confirms.

        The others show what was known at their start: those of subagents, and all of them without
        ``--include-partial-messages``.
        """
        all_of_them = self._requests.values()
        confirmed = add(one.usage for one in all_of_them).counts() == usage.counts()
        return tuple(
            one if streamed else replace(one, ended=True)
            for key, one in self._requests.items()
            if (streamed := key.split("/")[0] in self._streamed) or confirmed
        )

    def _unsure(self, last: Mapping[str, Any], *, complete: bool) -> str | None:
        if self._side_tools and not complete:
            return f"calls that {' and '.join(sorted(self._side_tools))} made may be missing"
        if last and not isinstance(last.get("modelUsage"), Mapping):
            return "this version tells the usage of its main loop alone"
        if last.get("subtype") == "error_max_turns" and "terminal_reason" not in last:
            return "a side call may have been under way at its end"  # 2.0 makes one a turn
        if last and not self._requests and not self._model and _counts_more(last):
            return "it counts more than its main loop: a side call, or an answer that was cut"
        return None

    def _assistant(self, message: Mapping[str, Any], thread: str | None) -> None:
        blocks = message.get("content")
        for block in map(mapping, blocks if isinstance(blocks, list) else []):
            self._last_text = text(block.get("text")) or self._last_text
            if block.get("type") == "tool_use" and block.get("name") in _SIDE_TOOLS:
                self._side_tools.add(str(block["name"]))
        self._note(text(message.get("id")), message.get("model"), message, thread)

    def _stream(self, event: Mapping[str, Any], thread: str | None) -> None:
        if event.get("type") == "message_start":
            message = mapping(event.get("message"))
            self._open[thread] = text(message.get("id")) or ""
            self._streamed.add(self._open[thread])
            self._note(self._open[thread], message.get("model"), message, thread)
        elif event.get("type") == "message_delta":
            self._note(self._open.get(thread), None, event, thread, ends=True)

    def _note(
        self,
        message_id: str | None,
        model: object,
        told: Mapping[str, Any],
        thread: str | None,
        *,
        ends: bool = False,
    ) -> None:
        """The usage of a message repeats, and its output grows until its message_delta."""
        if not message_id or model == "<synthetic>":
            return
        usage = mapping(told.get("usage"))
        known = self._requests.get(message_id)
        finish = finish_of(mapping(told.get("delta"))) if ends else None
        request = ApiRequest(
            id=message_id,
            model=known.model if known else _plain(str(model or "")),
            thread="main" if thread is None else "subagent",
            finish=finish,
            ended=finish is not None and "output_tokens" in usage,
        )
        for one in requests_of(request, usage):
            before = self._requests.get(str(one.id))
            self._requests[str(one.id)] = unite([before, one])[0] if before else one

    def _by_model(self, last: Mapping[str, Any]) -> tuple[dict[str, ModelUsage], bool]:
        """Usage by model, and whether it may hold earlier runs of a resumed session."""
        since = [result.get("model_usage_since_last_result") for result in self._results]
        indices = [result.get("result_index") for result in self._results]
        if since and None not in since and indices == [*range(len(since))]:
            return _merged(pair for part in since for pair in _models(part)), False
        if isinstance(last.get("modelUsage"), Mapping):
            return _merged(_models(last["modelUsage"])), since[-1] is not None or self._runs_on()
        if last and not self._requests:
            usage = has_tokens(mapping(last.get("usage")), "input_tokens", "output_tokens")
            cost = money(last, "total_cost_usd")
            return {"": replace(of_message(usage), reported_cost_usd=cost)}, False
        # Cut before its result; or 1.0, whose result counts each message twice.
        return usage_by_model(self._requests.values()), False

    def _runs_on(self) -> bool:
        """From 2.1.278 on modelUsage holds the earlier runs of a resumed session too."""
        return [
            int(part) for part in self._version.split(".") if part.isdecimal() and len(part) < 9
        ] >= [2, 1, 278]


def _thread(event: Mapping[str, Any]) -> str | None:
    """The tool call that an event's subagent answers, None in the main thread."""
    parent = event.get("parent_tool_use_id")
    return None if parent is None else str(parent)


def _models(block: object) -> list[tuple[str, ModelUsage]]:
    """The models of a ``modelUsage`` object."""
    return [(_plain(name), of_model(mapping(usage))) for name, usage in mapping(block).items()]


def _counts_more(result: Mapping[str, Any]) -> bool:
    """Whether all its models have more than its main loop, though there was no subagent.

    Without events, in json mode, nothing else shows an answer that was cut and asked for again.
    """
    spawned = mapping(result.get("subagent_stats")).get("spawned")
    if spawned != 0 or result.get("subtype") != "success":
        return False
    models = add(usage for _, usage in _models(result["modelUsage"]))
    return models.total_tokens != of_message(mapping(result.get("usage"))).total_tokens


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
    tell=pointing.tell,
    read_event=telemetry.read,
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
    new_cut_text=cut_text.ClaudeCutText,
    caution=caution,
)
