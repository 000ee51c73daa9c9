"""A project whose stand-in CLIs answer a whole `run`, round by round."""

from __future__ import annotations

from pathlib import Path

import yaml

from support.workspace import PROPOSAL, REVIEW, Sandbox, make_sandbox

CONFIG = """
project_name = "test"
[workflow]
step_timeout_secs = 60
script_retries = 1
retry_delay_secs = 0
{workflow}
[checks]
test = "echo all tests passed"
lint = ""
audit = ""
{providers}
[pricing]
sources = ["config"]
[pricing.models."gpt-5"]
cost_per_1m_input = 2
cost_per_1m_output = 10
"""

CLAUDE = '[claude]\ncommand = "{claude}"\n'

CODEX = '[codex]\ncommand = "{codex}"\ndefault = "gpt-5"\n'

GEMINI = '[gemini]\ncommand = "{gemini}"\n'

STREAMS = {
    "claude": "claude/2.1.330/tool_stream_json_partial",
    "codex": "codex/0.169.0/model_json",
    "gemini": "gemini/0.61.0/model_stream_json",
}

USUAL = {
    "proposal": "gemini",
    "challenge": "codex",
    "reproposal": "gemini",
    "implementation": "claude",
    "review": "codex",
    "resolve": "claude",
    "archive": "gemini",
    "archive-review": "codex",
    "archive-fix": "gemini",
}

REVISED = {**PROPOSAL, "change/tasks.md": PROPOSAL["change/tasks.md"] + "  - Note: revised\n"}


def verdict(name: str, *issues: str) -> str:
    listed = "".join(
        f"### Issue {n}: {issue}\n- Severity: High\n- Where: a.py:1\n"
        for n, issue in enumerate(issues, 1)
    )
    return (
        f"# Challenge: x\n\n## Summary\nSeen.\n\n## Issues\n\n{listed}\n## Verdict\n- [x] {name}\n"
    )


def scripted(box: Sandbox, providers: tuple[str, ...]) -> None:
    """Every step answers as a model would: a challenge and a review that find something first."""

    def stream(step: str) -> str:
        return STREAMS[USUAL[step] if USUAL[step] in providers else providers[0]]

    answers: dict[str, list[dict[str, str]]] = {
        "proposal": [PROPOSAL],
        "challenge": [
            {"change/CHALLENGE.md": verdict("NEEDS_REVISION", "vague")},
            {"change/CHALLENGE.md": verdict("APPROVED")},
        ],
        "reproposal": [REVISED],
        "implementation": [{"change/IMPLEMENTATION.md": "# Implementation\n", "login.py": "a\n"}],
        "review": [
            {
                "change/REVIEW.md": REVIEW.replace("[x] APP", "[ ] APP").replace(
                    "[ ] NEEDS", "[x] NEEDS"
                )
            },
            {"change/REVIEW.md": REVIEW},
        ],
        "resolve": [
            {"change/IMPLEMENTATION.md": "# Implementation\n\n## Resolved\n", "login.py": "b\n"}
        ],
        "archive": [{"change/merged/CHANGELOG.md": "# Changelog\n\n## 2026-11-22 x\n\nLog in.\n"}],
        "archive-review": [{"change/ARCHIVE_REVIEW.md": "## Verdict\n- [x] APPROVED\n"}],
    }
    for step, rounds in answers.items():
        box.answers(step, *((stream(step), files) for files in rounds))


def for_openspec(box: Sandbox, change_id: str) -> None:
    """Let every step write where OpenSpec has a change's documents."""
    home = f"openspec/changes/{change_id}/"
    for answers in box.plan.values():
        for answer in answers:
            answer["files"] = {
                name.replace("login.md", "login/spec.md").replace("change/", home): text
                for name, text in answer["files"].items()
            }
    box.write_plan()


def approving(box: Sandbox) -> None:
    """Let every judge approve at once."""
    for step in ("challenge", "review"):
        del box.plan[step][:-1]
    box.write_plan()


WHOLE = [
    *("proposal", "challenge", "reproposal", "challenge"),
    *("implementation", "review", "resolve", "review"),
    *("archive", "archive-review"),
]


def sandbox(
    tmp_path: Path, providers: tuple[str, ...] = ("gemini",), workflow: str = ""
) -> Sandbox:
    sections = {"claude": CLAUDE, "codex": CODEX, "gemini": GEMINI}
    config = CONFIG.replace("{workflow}", workflow).replace(
        "{providers}", "".join(sections[name] for name in providers)
    )
    box = make_sandbox(tmp_path, config)
    scripted(box, providers)
    return box


def archived_state(box: Sandbox, change_id: str) -> dict[str, object]:
    (folder,) = (box.root / "agentd/archive").glob(f"*-{change_id}")
    state: dict[str, object] = yaml.safe_load((folder / "STATE.yaml").read_text())
    return state


def steps_of(state: dict[str, object]) -> list[str]:
    telemetry = state["telemetry"]
    assert isinstance(telemetry, dict)
    return [call["step"] for call in telemetry["calls"]]
