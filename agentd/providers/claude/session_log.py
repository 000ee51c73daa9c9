"""claude's session log: ``~/.claude/projects/<project>/<session id>.jsonl``.

After SIGKILL or SIGTERM it tells more than stdout: the final usage of every finished request,
those of subagents too (``<session id>/subagents/agent-*.jsonl``), which stdout shows in the last
line only. Calls outside the conversation are in no log. Read and checked: 2.1.330.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from agentd.errors import ParseError
from agentd.providers.base import LoggedUsage, LogQuery
from agentd.providers.claude.usage import of_message
from agentd.providers.session_log import (
    LoggedRequest,
    Thread,
    UnknownShape,
    changed_since,
    home_of,
    json_lines,
    logged_usage,
    moment,
    part,
    required,
    text,
)


def read(query: LogQuery) -> LoggedUsage | None:
    """What the run used, subagents included; None without a log that we can read.

    Counts every message whose first block came at or after ``query.started_at``. Of a message
    that was cut off it has what was known at its start.
    """
    home = home_of(query, "CLAUDE_CONFIG_DIR", ".claude")
    if home is None:
        return None
    try:
        paths = list(home.glob(f"projects/*/{query.session_id}.jsonl"))
        if len(paths) != 1:
            return None
        threads = [_thread(paths[0], query.started_at)]
        for subagent in paths[0].with_suffix("").rglob("agent-*.jsonl"):
            if changed_since(subagent, query.started_at):
                threads.append(_thread(subagent, query.started_at))
    except (UnknownShape, ParseError, OSError):
        return None
    return logged_usage(threads, session_id=query.session_id)


def _thread(path: Path, since: datetime) -> Thread:
    # One line per content block, all with the message's id and its usage.
    found: dict[str, LoggedRequest] = {}
    begun: dict[str, datetime] = {}
    waiting = False
    for entry in json_lines(path, b'"type":"assistant"', b'"type":"user"'):
        message = part(entry, "message")
        if entry.get("type") == "user":
            waiting = True  # a prompt, or what a tool said: the next request follows
        if entry.get("type") != "assistant" or message.get("model") == "<synthetic>":
            continue
        waiting = False
        message_id = text(message, "id")
        at = begun.setdefault(message_id, moment(entry))
        if at >= since:
            usage = required(part(message, "usage"), "input_tokens", "output_tokens")
            found[message_id] = LoggedRequest(
                at=at, model=text(message, "model"), usage=of_message(usage)
            )
    return Thread(list(found.values()), waiting)
