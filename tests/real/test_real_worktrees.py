"""claude's subagents in working trees of their own, which are no work of the step's."""

from __future__ import annotations

import subprocess

import pytest
from loopback.scenario import ToolCall

from real.bench import CHANGE, Bench
from real.ledger import Served, check_call
from real.models import REAL_CLIS

pytestmark = pytest.mark.real

CHECKS = '[checks]\ntest = "true"\nlint = ""\naudit = ""\n'
APPROVED = "# Challenge\n\n## Verdict\n- [x] APPROVED\n"
COMMIT = "git add new.py; git -c user.name=t -c user.email=t@example.com commit -qm new"


def git(bench: Bench, *args: str) -> list[str]:
    command = ("git", *args)
    done = subprocess.run(command, cwd=bench.project, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("after", [":", COMMIT], ids=["uncommitted", "committed"])
@pytest.mark.parametrize(
    ("step", "phase", "document", "text"),
    [
        ("challenge", "proposed", "CHALLENGE.md", APPROVED),
        ("implement", "challenged", "IMPLEMENTATION.md", "# Implementation\n\n## Done\nAll.\n"),
    ],
)
def test_a_subagent_in_a_worktree_passes_the_guard(
    bench: Bench, step: str, phase: str, document: str, text: str, after: str
) -> None:
    claude = REAL_CLIS["claude"]
    bench.init("claude", more=CHECKS)
    bench.with_documents()
    state = bench.change / "STATE.yaml"
    state.write_text(state.read_text().replace("proposed", phase))
    (bench.change / "CHALLENGE.md").write_text(APPROVED)
    bench.commit()
    served = Served()
    apart = ToolCall(name="Agent", input={**claude.subagent.input, "isolation": "worktree"})
    writes = claude.cat(f"agentd/changes/{CHANGE}/{document}", f"{text}\nBy a subagent.\n")
    bench.api.add(
        served.step("claude", tools=(apart,), **claude.in_main),
        served.step("claude", tools=(claude.shell(f"echo > new.py; {after}"),), model="haiku"),
        served.step("claude", text="Seen.", model="haiku"),
        served.step("claude", tools=(writes,), **claude.in_main),
        served.step("claude", text="Done.", **claude.in_main),
    )
    ran = bench.agentd(step, CHANGE, "--model", claude.model)
    assert ran.exit_code == 0, ran
    assert "Working trees were made: agent-" in ran.stderr
    (tree,) = (bench.project / ".claude/worktrees").iterdir()
    assert (tree / "new.py").exists()
    assert not (bench.project / "new.py").exists()
    assert len(git(bench, "worktree", "list")) == 2
    (call,) = bench.calls()
    check_call(call, bench.api.told(), status="ok", provider="claude", model=claude.model)
