"""Projects whose checks a test prepares, and what the steps write into them."""

from __future__ import annotations

from pathlib import Path

from support.workflow_box import STREAM, archiving, box_with, calls_of
from support.workspace import PROPOSAL, REVIEW, Sandbox

OFF = 'lint = ""\naudit = ""'
# Red as long as the code says bad: login.py is what the implementation writes.
GREP = (
    f"test = \"! grep -n bad login.py || {{ echo '3 failed, 1 passed in 0.10s'; exit 1; }}\"\n{OFF}"
)


def box_of(folder: Path, checks: str, workflow: str = "") -> Sandbox:
    box = box_with(folder, workflow=workflow)
    set_checks(box, checks, '[checks]\ntest = ""\nlint = ""\naudit = ""\n')
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    return box


def set_checks(box: Sandbox, checks: str, old: str) -> None:
    config = box.root / "agentd/config.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, f"[checks]\n{checks}\n"))


def whole(box: Sandbox, *codes: str) -> None:
    """Let every step answer: the implementation and what resolves it write these into login.py."""
    box.answer("proposal", STREAM, PROPOSAL)
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"})
    rounds = [
        (STREAM, {"change/IMPLEMENTATION.md": f"# I{number}\n", "login.py": f"{code}\n"})
        for number, code in enumerate(codes)
    ]
    box.answers("implementation", rounds[0])
    box.answers("resolve", *rounds[1:])
    archiving(box, "APPROVED")


def steps_of(box: Sandbox) -> list[str]:
    return [step for step, _ in calls_of(box, "add-x")]
