"""No model is called but by a run, and no run is made but by who records it."""

from __future__ import annotations

import ast
from pathlib import Path

import agentd

PACKAGE = Path(agentd.__file__).parent
# Whoever sends anything to an API, or starts what does.
_CLIENTS = {"aiohttp", "httpx", "requests", "http", "urllib3", "openai", "anthropic"}


def trees() -> dict[str, ast.AST]:
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text())
        for path in PACKAGE.rglob("*.py")
    }


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in part.names}
        elif isinstance(part, ast.ImportFrom) and part.module:
            found.add(part.module.partition(".")[0])
    return found


def test_only_the_relay_and_the_http_provider_speak_http_to_models() -> None:
    clients = {name for name, tree in trees().items() if imported(tree) & _CLIENTS}
    assert clients == {
        "meter/relay.py",
        "meter/upstream.py",
        "providers/network.py",
        "providers/http/client.py",
        "providers/http/count.py",
        "dashboard/access.py",  # it serves a page
        "dashboard/server.py",
        "workflow/notify/send.py",  # webhooks
        "workflow/otel/send.py",  # spans and metrics, to a collector
    }
    started = [name for name in trees() if "agentd.providers.http" in (PACKAGE / name).read_text()]
    inside = {name for name in started if name.startswith("providers/http/")}
    # The config makes its arguments, the registry has its row; doctor has a server count tokens.
    own = {"config/model.py", "providers/__init__.py", "workflow/server_count.py"}
    assert set(started) - inside == own
    assert (
        '"agentd.providers.http", "--count"]' in (PACKAGE / "workflow/server_count.py").read_text()
    )


def test_who_makes_a_run_keeps_and_enters_its_call() -> None:
    found = {}
    for name, tree in trees().items():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            calls = {
                ast.unparse(part.func) for part in ast.walk(function) if isinstance(part, ast.Call)
            }
            if any(call.startswith("ScriptRunner(") for call in calls):
                found[f"{name}:{function.name}"] = calls
    makers = {place for place, calls in found.items() if "ScriptRunner(adopts=True).run" in calls}
    assert makers == {"workflow/attempt.py:attempt", "workflow/helper_call.py:call_beside"}
    for place in makers:
        assert {"recording.keep", "recording.enter"} <= found[place], place
    # All others follow a run that was made: an agentd that is gone did not live to record it.
    others = {call for place in found.keys() - makers for call in found[place]}
    assert not {call for call in others if call.endswith(").run") and "ScriptRunner" in call}
