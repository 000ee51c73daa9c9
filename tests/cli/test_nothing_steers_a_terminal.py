"""Nothing that stands in a file, or that a CLI prints, steers the terminal of whoever reads it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from support.command import agentd_bytes
from support.workflow_box import box_with, put_change
from support.workspace import Sandbox

import agentd

# A colour, the sequence's one-byte form, a turned reading direction, a bell, a line overwritten.
EVIL = "\x1b[31mE\x9b2J\u202e\x07\u2066\r\u200fV\x1b]0;title\x07\x7f"
ESCAPED = "\\u001b[31mE\\u009b2J\\u202e\\u0007\\u2066\\r\\u200fV\\u001b]0;title\\u0007\\u007f"
NAME = ESCAPED.replace("\\r", "")  # no name of a model has spaces
STEERING = re.compile(
    "[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)
READING = [
    *("status", "status add-x", "status evil", "status --json", "list", "list --json"),
    *("log add-x", "log add-x --requests", "log add-x --requests --json"),
    *("cost add-x", "cost add-x --json", "cost --all", "cost --all --format csv"),
    *("cost --all --by step,model,provider,change,status,thread,variant,day",),
    *("cost --all --by model --format markdown", "cost add-x --by step --base {evil}"),
    *("cost add-x --base HEAD", "cost add-x --forecast", "cost audit", "cost audit add-x --json"),
    *(
        "statusline",
        "export --all --format csv",
        "export --all --format focus",
        "export --format jsonl",
    ),
    *(
        "export --all --format prometheus",
        "export --all --format otlp",
        "export {evil} --format csv",
        "export --format {evil}",
    ),
    *("validate add-x", "validate add-x --json", "doctor", "doctor --json", "doctor --report"),
    *("config list", "config list --json", "config get project_name", "config get {evil}"),
    *("models", "models {evil}", "price --model {evil} --tokens-in 5", "status {evil}"),
    *("price --model {evil} --tokens-in 5 --json", "status {evil} --json", "{evil}", "-C {evil}"),
    *("tokens --model {evil} evil.md", "tokens {evil}", "--debug status {evil}"),
]

CONFIG = f"""
"{ESCAPED}" = 1
[steps.review]
rules = ["{ESCAPED}"]
[validation]
[[validation.patterns]]
name = "{ESCAPED}"
pattern = "Why"
message = "{ESCAPED}"
[[gemini.models]]
id = "fast{NAME}"
model = "m{NAME}"
"""


def state(phase: str) -> str:
    return f"""change_id: add-x
schema_version: '2.0'
phase: "{phase}"
created_at: "{ESCAPED}"
updated_at: "{ESCAPED}"
iteration: 1
last_action: "{ESCAPED}"
session_id: "{ESCAPED}"
"{ESCAPED}": "{ESCAPED}"
telemetry:
  calls:
  - id: "c{ESCAPED}"
    step: "s{ESCAPED}"
    provider: "{ESCAPED}"
    model: "m{ESCAPED}"
    status: "{ESCAPED}"
    tokens_in: 3
    tokens_out: 4
    cost_usd: 0.5
    cost_source: "{ESCAPED}"
    accuracy: heuristic
    why: "{ESCAPED}"
    usage_source: "{ESCAPED}"
    metered: "{ESCAPED}"
    price_variant: "{ESCAPED}"
    session_id: "{ESCAPED}"
    duration_ms: 5
    timestamp: 2026-11-22T05:40:52Z
    models:
    - model: "n{ESCAPED}"
      tokens_in: 3
      tokens_out: 4
      cost_usd: 0.5
  total_cost_usd: 0.5
  total_tokens_in: 3
  total_tokens_out: 4
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A project in which everything that can hold text holds EVIL, after a failed run."""
    box = box_with(tmp_path_factory.mktemp("evil"))
    put_change(box, "add-x", "proposed")
    said = {"type": "init", "session_id": EVIL, "model": f"m{EVIL}"}
    (box.root.parent / "said").write_text(f"{json.dumps(said)}\n{EVIL}\n")
    (box.root.parent / "err").write_text(EVIL)
    box.answer("challenge", exit=1, shell="cat ../err >&2")
    box.plan["challenge"]["stdout"] = "../said"
    box.write_plan()
    failed = agentd_bytes("challenge", "add-x", cwd=box.root)
    assert failed.returncode == 4
    assert b"exit code 1): E2J" in failed.stderr, failed.stderr
    assert not STEERING.search((failed.stdout + failed.stderr).decode())
    (box.root / "evil.md").write_text(EVIL)
    change = box.change("add-x")
    for name in ("proposal.md", "tasks.md", "specs/login.md", "CHALLENGE.md", "REVIEW.md"):
        text = (change / name).read_text() if (change / name).exists() else "# A\n"
        (change / name).write_text(re.sub("([#:|])", rf"\1 {EVIL}", text) + f"\n## {EVIL}\n")
    (run,) = (change / "runs").glob("*/run.json")
    values = json.loads(run.read_text())
    texts = {key: EVIL if isinstance(value, str) else value for key, value in values.items()}
    for name, changed in (
        ("all", texts),
        ("provider", {**values, "provider": EVIL}),
        ("step", {**values, "step": EVIL, "call_id": EVIL}),
    ):
        folder = run.parent.with_name(f"20261122T054052-{name}-00000001")
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(changed))
        (folder / "stdout").write_text(EVIL)
        (folder / "stderr").write_text(EVIL)
    (change / "STATE.yaml").write_text(state("challenged"))
    evil = box.change("evil")
    evil.mkdir()
    (evil / "STATE.yaml").write_text(state(f"phase{ESCAPED}"))
    for name in (EVIL.replace("/", ""), "broken"):
        box.change(name).mkdir()
        (box.change(name) / "STATE.yaml").write_text(f"phase: [{EVIL}\n")
    (box.root / "agentd/archive" / f"20261122-{EVIL}").mkdir(parents=True)
    (box.root / "agentd/templates").mkdir()
    (box.root / "agentd/templates" / f"{EVIL}.md").write_text(EVIL)
    config = box.root / "agentd/config.toml"
    config.write_text(CONFIG.replace("project_name", "x") + config.read_text().strip())
    text = config.read_text().replace('project_name = "test"\n', "")
    config.write_text(f'project_name = "p{ESCAPED}"\n{text}')
    for command in (
        "init -q -b main",
        "add -A",
        "-c user.name=x -c user.email=x@x commit -qm x",
        "branch weird-\u202e\u2066branch",
    ):
        subprocess.run(["git", *command.split(" ")], cwd=box.root, check=True)
    return box


@pytest.mark.parametrize("command", READING)
def test_a_reading_command(box: Sandbox, command: str) -> None:
    arguments = [part.format(evil=f"x{EVIL}") for part in command.split()]
    done = agentd_bytes(*arguments, cwd=box.root)
    assert done.returncode in (0, 1, 2), done.stderr
    for said in (done.stdout.decode(), done.stderr.decode()):
        found = STEERING.search(said)
        assert not found, said[max(0, found.start() - 200) : found.end() + 20]
    if "--json" in command:
        json.loads(done.stdout)


def test_all_that_is_printed_passes_one_place() -> None:
    folder = Path(agentd.__file__).parent / "cli"
    printing = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if re.search(r"(?<![\w.])print\(|std(?:out|err)\.write\(", path.read_text())
    }
    assert printing == {"terminal.py", "demo/standin.py"}
