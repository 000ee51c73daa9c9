"""Stands in for gemini in tests: asks its API as asking.json says, and fails as gemini does.

``requests``: how many, one after another; it asks where ``GOOGLE_GEMINI_BASE_URL`` says.
``files``: what it writes after the first one. ``wait_for``: a file it waits for before the second.
``side_model``: a model that it asks first of all, whatever comes of it, as ``side_agent``.
``lingers_s``: how long it stays once it has told how it ended. ``ignores_signals``: and no one but
SIGKILL helps.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

MODEL = "gemini-2.5-pro"
AGENT = "GeminiCLI/1"

plan = json.loads(Path("../asking.json").read_text())
prompt = sys.stdin.read()
base = urlsplit(os.environ["GOOGLE_GEMINI_BASE_URL"])
used = {"input_tokens": 0, "output_tokens": 0}
error = None


def ask(number: int, model: str = MODEL, agent: str = AGENT) -> None:
    """One request; the body grows with the conversation."""
    contents = [{"parts": [{"text": prompt + number * " And then?"}]}]
    offered = [{"functionDeclarations": [{"name": "run_shell_command"}]}]
    body = json.dumps({"contents": contents, "tools": offered})
    connection = http.client.HTTPConnection(base.netloc, timeout=30)
    path = f"{base.path}/v1beta/models/{model}:generateContent"
    connection.request("POST", path, body, {"user-agent": agent})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    if answer.status != 200:
        raise RuntimeError(json.dumps(told))
    if agent != AGENT:
        return  # the CLI knows nothing of it
    usage = told["usageMetadata"]
    used["input_tokens"] += usage["promptTokenCount"]
    used["output_tokens"] += usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)


def tell(**event: object) -> None:
    print(json.dumps(event), flush=True)


if plan.get("ignores_signals"):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
tell(type="init", session_id="s-1", model=MODEL)
if "side_model" in plan:
    with contextlib.suppress(RuntimeError):
        ask(0, plan["side_model"], plan.get("side_agent", AGENT))
try:
    for number in range(plan["requests"]):
        if number == 1:
            while "wait_for" in plan and not Path(plan["wait_for"]).exists():
                time.sleep(0.02)
        ask(number)
        if number == 0:
            for name, text in plan.get("files", {}).items():
                Path(name).write_text(text)
except RuntimeError as caught:
    error = {"type": "unknown", "message": f"[API Error: {caught}]"}
total = sum(used.values())
stats = {"total_tokens": total, **used, "cached": 0, "input": used["input_tokens"]}
tell(
    type="result",
    status="error" if error else "success",
    **({"error": error} if error else {}),
    stats={**stats, "duration_ms": 1, "tool_calls": 0, "models": {MODEL: stats}},
)
time.sleep(plan.get("lingers_s", 0))
sys.exit(146 if error else 0)
