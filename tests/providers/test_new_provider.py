"""A new provider is a folder and a line: the toy becomes one, and everything works with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.workspace import PROPOSAL

from agentd.providers import any_provider

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "standins" / "toy"
LINE = '    "toy": TOY,\n'
# Writes what a proposal owes, and prints events of the toy.
PROGRAM = """#!{python}
import json, pathlib, sys
if sys.argv[1:] == ["--version"]:
    print("toy 1.2.3")
    raise SystemExit
sys.stdin.read()
for name, text in {documents!r}.items():
    path = pathlib.Path("agentd/changes/greet", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
for event in (
    dict(type="session", id="s1", model="toy-1"),
    dict(type="usage", input=1_000_000, output=500_000, model="toy-1"),
    dict(type="text", text="done"),
    dict(type="result"),
):
    print(json.dumps(event))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of agentd with the toy's folder and its line, as CONTRIBUTING.md says."""
    place = tmp_path_factory.mktemp("package")
    agentd = place / "agentd"
    agentd.mkdir()
    for entry in (ROOT / "agentd").iterdir():
        if entry.name not in ("providers", "__pycache__"):
            (agentd / entry.name).symlink_to(entry)
    providers = agentd / "providers"
    shutil.copytree(ROOT / "agentd" / "providers", providers)
    shutil.copytree(TOY, providers / "toy")
    registry = providers / "__init__.py"
    text = registry.read_text()
    first = "PROVIDERS: dict[str, Provider] = {\n"
    assert text.count(first) == 1
    text = text.replace(first, first + LINE)
    before = "from agentd.providers.provider import Provider\n"
    registry.write_text(text.replace(before, f"{before}from agentd.providers.toy import TOY\n"))
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder, with the toy's program on the PATH beside it."""
    program = tmp_path / "bin" / "toy"
    program.parent.mkdir()
    documents = {name.removeprefix("change/"): text for name, text in PROPOSAL.items()}
    program.write_text(PROGRAM.format(python=sys.executable, documents=documents))
    program.chmod(0o755)
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def agentd(package: Path, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        "PYTHONPATH": str(package),
        "PATH": f"{root.parent / 'bin'}:{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "agentd", *arguments],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sound(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_every_command_works_with_it(package: Path, root: Path) -> None:
    assert "wrote agentd/config.toml" in sound(agentd(package, root, "init", "--provider", "toy"))
    config = (root / "agentd/config.toml").read_text()
    assert "[toy]" in config
    assert "[claude]" not in config

    doctor = sound(agentd(package, root, "doctor"))
    assert f"toy: {root.parent / 'bin/toy'} is version 1.2.3" in doctor
    assert "providers: toy can run steps" in doctor
    assert "toy-1 (config)" in doctor

    done = agentd(package, root, "proposal", "greet", "Greet the user")
    assert done.returncode == 0, done.stdout + done.stderr
    state = yaml.safe_load((root / "agentd/changes/greet/STATE.yaml").read_text())
    [call] = state["telemetry"]["calls"]
    assert (call["provider"], call["model"], call["cost_usd"]) == ("toy", "toy-1", 2.0)

    assert "$2.00" in sound(agentd(package, root, "status", "greet"))
    cost = sound(agentd(package, root, "cost", "--all", "--by", "provider", "--json"))
    assert '"toy"' in cost
    assert json.loads(cost)["total"]["cost_usd"] == 2.0


def test_it_is_named_wherever_providers_are(package: Path, root: Path) -> None:
    for command in ("init", "proposal", "run"):
        words = " ".join(agentd(package, root, command, "--help").stdout.split())
        assert f"toy, {any_provider()}" in words
    sound(agentd(package, root, "init"))
    assert "[toy]" in (root / "agentd/config.toml").read_text()
    code = "from agentd import LlmProvider; print(LlmProvider('toy'), LlmProvider.TOY.value)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["LlmProvider.TOY", "toy"]


def test_it_is_added_to_a_project_that_has_a_config(package: Path, root: Path) -> None:
    sound(agentd(package, root, "init", "--provider", "claude"))
    config = root / "agentd/config.toml"
    before = config.read_text()
    assert "added [toy] to agentd/config.toml" in sound(
        agentd(package, root, "init", "--provider", "toy")
    )
    assert config.read_text() == f"{before}\n{(TOY / 'config.toml').read_text()}"
