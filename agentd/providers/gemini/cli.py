"""gemini (Gemini CLI): argv, and its ``json`` and ``stream-json`` output since 0.17.

Where usage stands, and why not elsewhere: docs/clis.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentd.metering.partial import NOT_TOLD_APART, TOTAL_ONLY, reason_of
from agentd.metering.usage import run_usage
from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.failure import Failure
from agentd.providers.fields import mapping, text
from agentd.providers.gemini import activity, failures, pointing, session_log
from agentd.providers.gemini.usage import has_rest, is_unsure, read_usage

_SEARCH = "google_web_search"
_SIDE_TOOLS = (_SEARCH, "web_fetch")  # their calls are in the result alone
_SIDE_MARKERS = tuple(f'"{name}"'.encode() for name in _SIDE_TOOLS)


def argv(invocation: Invocation) -> list[str]:
    """The command line of one headless run; the prompt goes on stdin."""
    resumed = invocation.resume_session_id
    return [
        *(invocation.command, "--skip-trust", "--yolo", "--output-format", "stream-json"),
        *(("-m", invocation.model) if invocation.model else ()),
        *(("--resume", resumed) if resumed else ()),
        *invocation.extra_args,
    ]


class GeminiParser:
    """Keeps the stats of the result, and the answer since the last tool call."""

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._model: str | None = None
        self._stats: Mapping[str, Any] | None = None
        self._told: str | None = None
        self._error: str | None = None
        self._failure: Failure | None = None
        self._answer: list[str] = []
        self._side_tools: set[str] = set()

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event of stream-json, or the one document of json mode."""
        kind = event.get("type")
        self._session_id = text(event.get("session_id")) or self._session_id
        if kind == "init":
            self._model = text(event.get("model"))
        elif kind == "message" and event.get("role") == "assistant":
            self._answer.append(text(event.get("content")) or "")
        elif kind == "tool_use" and event.get("tool_name") in _SIDE_TOOLS:
            self._side_tools.add(str(event["tool_name"]))
        elif kind == "tool_result":
            self._answer.clear()
        elif kind == "error" and event.get("severity") == "error":
            self._told = text(event.get("message"))
        elif kind == "result" or (kind is None and "stats" in event):
            self._stats = mapping(event.get("stats"))
            self._answer = [text(event.get("response")) or "".join(self._answer)]
            self._end(mapping(event.get("error")), event.get("status") == "error")

    def parsed(self) -> Parsed:
        """Usage by model; None before the result, which gemini prints once at its end."""
        stats = self._stats
        usage = None
        blocks = self._blocks(stats) if stats is not None else {}
        if stats is not None:
            by_model = {model: read_usage(block) for model, block in blocks.items()}
            used = {model: part for model, part in by_model.items() if any(part.counts())}
            usage = run_usage(used, session_id=self._session_id)
        return Parsed(
            usage=usage,
            complete=stats is not None,
            all_logged=not self._side_tools and self._model != "auto",
            unsure=reason_of(self._gaps(blocks)),
            final_text="".join(self._answer),
            session_id=self._session_id,
            model=None if self._model in (None, "auto") else self._model,
            error=self._error,
            failure=self._failure,
        )

    def _gaps(self, blocks: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        """What is in neither result nor log, or in no log of a run that printed no result."""
        if failures.is_cut(self._told or ""):
            yield "an answer was cut"
        if any(map(is_unsure, blocks.values())):
            yield TOTAL_ONLY
        if self._side_tools and any(map(has_rest, blocks.values())):
            yield NOT_TOLD_APART
        if self._stats is None and self._model == "auto":
            yield "calls of the router may be missing"
        if self._stats is None and self._side_tools:
            yield f"calls that {' and '.join(sorted(self._side_tools))} made may be missing"
        if _SEARCH in self._side_tools:  # their number is in no output and no log
            yield "the fees of its web searches are not known"

    def _end(self, error: Mapping[str, Any], failed: bool) -> None:
        if error or failed:
            self._error = text(error.get("message")) or self._told or "it gave no reason"
            self._failure = failures.failure(error, self._error)

    def _blocks(self, stats: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """The usage blocks by model."""
        models = stats.get("models")
        if isinstance(models, Mapping):
            return {name: mapping(block) for name, block in models.items()}
        # 0.17 tells one sum; it has no router, so the model asked for is the one that answered.
        return {"" if self._model == "auto" else self._model or "": stats}


CLI = Cli(
    point=pointing.point,
    refusal=pointing.refusal,
    without_server_tools='"tools": {"exclude": ["google_web_search"]} in its settings does without',
    user_agents=("GeminiCLI",),
    argv=argv,
    new_parser=GeminiParser,
    markers=(b'"init"', b'"message"', b'"tool_result"', b'"result"', *_SIDE_MARKERS, b'"error"'),
    environment={"GEMINI_CLI_NO_RELAUNCH": "true"},
    read_log=session_log.read,
    exit_reasons=failures.EXIT_REASONS,
    resets_at=failures.resets_at,
    activity=activity.read,
    activity_markers=activity.MARKERS,
    text_markers=activity.TEXT_MARKERS,
)
