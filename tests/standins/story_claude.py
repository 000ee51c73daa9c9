"""Stands in for claude in the tutorials: writes a story's documents, and tells what it used.

``STORY`` is a folder ``CHANGE/STEP-ROUND/`` of files, laid out as the demo's stand-in does it.
``prices.json`` beside it has the prices of the models, so that claude's own figure agrees.
What it prints has the form of claude 2.1.330's stream; the numbers of tokens are made up.
"""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
from pathlib import Path

from agentd.cli.demo.standin import write_documents

VERSION = "2.1.330"
HEADING = re.compile(r"^# agentd: step `([a-z-]+)` of change `([a-z0-9-]+)`$", re.MULTILINE)
ENDED = {"stop_reason": "end_turn", "stop_sequence": None}
FIELDS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
# Of each step's two requests together, in the order of FIELDS.
USED = {
    "proposal": (48, 96_210, 21_350, 3_904),
    "challenge": (32, 48_870, 12_640, 1_480),
    "reproposal": (24, 51_300, 4_210, 1_925),
    "implementation": (86, 108_480, 18_730, 7_316),
    "review": (40, 92_540, 15_890, 2_208),
    "archive": (18, 21_760, 6_120, 512),
    "archive-review": (18, 22_940, 6_480, 604),
}


def main() -> None:
    if "--version" in sys.argv:
        print(f"{VERSION} (Claude Code)")
        return
    heading = HEADING.search(sys.stdin.read())
    assert heading, "it knows only agentd's own prompts"
    step, change_id = heading.groups()
    places = (Path("agentd/changes", change_id), Path("openspec/changes", change_id))
    (change,) = (place for place in places if place.is_dir())
    number = write_documents(Path(os.environ["STORY"]) / change_id, step, change)
    # A later round has more to read, and no two changes are of one size.
    scale = (90 + 10 * number) * (12 + len(change_id)) / 2500
    session = argument("--resume") or str(uuid.uuid4())
    for event in events(step, scale, argument("--model") or "claude-sonnet-5-5"):
        print(json.dumps({**event, "session_id": session}), flush=True)


def argument(name: str) -> str | None:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def events(step: str, scale: float, model: str) -> list[dict[str, object]]:
    used = [round(count * scale) for count in USED[step]]
    halves = [
        dict(zip(FIELDS, parts, strict=True))
        for parts in zip(*((count // 3, count - count // 3) for count in used), strict=True)
    ]
    whole = dict(zip(FIELDS, used, strict=True))
    prices = json.loads(Path(os.environ["STORY"]).with_name("prices.json").read_text())[model]
    cost = sum(count * price for count, price in zip(used, prices, strict=True)) / 1e6
    told = {
        model: {
            "inputTokens": whole["input_tokens"],
            "outputTokens": whole["output_tokens"],
            "cacheReadInputTokens": whole["cache_read_input_tokens"],
            "cacheCreationInputTokens": whole["cache_creation_input_tokens"],
            "webSearchRequests": 0,
            "costUSD": cost,
        }
    }
    shown: list[dict[str, object]] = [
        {"type": "system", "subtype": "init", "model": model, "claude_code_version": VERSION}
    ]
    for used in halves:
        shown += message(model, used)
    shown.append(
        {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "result": "Done.",
            "usage": whole,
            "modelUsage": told,
            "model_usage_since_last_result": told,
            "total_cost_usd": cost,
        }
    )
    return shown


def message(model: str, used: dict[str, int]) -> list[dict[str, object]]:
    begun = {"id": f"msg_{uuid.uuid4().hex[:20]}", "role": "assistant", "model": model}
    start = {**begun, "content": [], "usage": {**used, "output_tokens": 1}}
    said = {**begun, "content": [{"type": "text", "text": "Done."}]}
    return [
        {"type": "stream_event", "event": {"type": "message_start", "message": start}},
        {"type": "assistant", "message": {**said, "usage": {**used, "output_tokens": 1}}},
        {"type": "stream_event", "event": {"type": "message_delta", "usage": used, "delta": ENDED}},
        {"type": "stream_event", "event": {"type": "message_stop"}},
    ]


if __name__ == "__main__":
    main()
