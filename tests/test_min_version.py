"""``min_version``: an agentd that is older reads, warns, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import agentd

from agentd import min_version
from agentd.config.load import parse
from agentd.errors import ConfigError
from agentd.ledger.store import StateStore
from agentd.version import __version__


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "agentd" / "config.toml"
    path.parent.mkdir()
    path.write_text('min_version = "99.1"\n[gemini]\ncommand = "false"\n')
    StateStore(tmp_path / "agentd" / "changes" / "add-x").create("add-x")
    return tmp_path


def files(root: Path) -> dict[str, bytes]:
    found = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path): path.read_bytes() for path in found if path.name != ".lock"}


@pytest.mark.parametrize(
    ("wanted", "version", "too_old"),
    [
        ("0.2", "0.1.0", True),
        ("0.2", "0.2.0", False),
        ("0.2.1", "0.2.0", True),
        ("0.10", "0.9.9", True),
        ("1", "0.99.99", True),
        ("0.2", "0.2.0rc1", False),
        ("0.2", "0.2.dev3", False),
        ("0.1", "1.0.0", False),
        (None, "0.1.0", False),
    ],
)
def test_versions_are_compared_by_their_numbers(
    wanted: str | None, version: str, too_old: bool
) -> None:
    assert (min_version.complaint(wanted, version) is not None) is too_old


@pytest.mark.parametrize("value", ['"latest"', '">=0.2"', '"0.2.0.1"', '""', "0.2", "2"])
def test_a_wrong_version_is_an_error(value: str) -> None:
    with pytest.raises(ConfigError, match="expected a version, such as"):
        parse(f"min_version = {value}\n[codex]\n", Path("agentd/config.toml"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "add-y", "Log in"),
        ("run", "add-x"),
        ("challenge", "add-x"),
        ("archive", "add-x"),
        ("merge", "add-x"),
        ("cost", "reset", "add-x"),
        ("validate", "add-x", "--fix"),
        ("config", "set", "gemini.command", "x"),
        ("init",),
        ("init", "--provider", "codex"),
        ("init", "--remove"),
        ("config", "unset", "gemini.command"),
    ],
)
def test_what_spends_or_writes_refuses(project: Path, arguments: tuple[str, ...]) -> None:
    before = files(project)
    done = agentd(*arguments, cwd=project)
    assert done.returncode == 1
    assert (
        f"Error: agentd/config.toml: min_version is 99.1, but this is agentd {__version__}, "
        "which can only read here\n"
        "Upgrade it as you installed it, for example with `pip install --upgrade agentd`.\n"
    ) in done.stderr
    assert files(project) == before


@pytest.mark.parametrize(
    "arguments", [("status",), ("list",), ("cost", "--all"), ("cost", "audit"), ("doctor",)]
)
def test_what_reads_warns_once(project: Path, arguments: tuple[str, ...]) -> None:
    done = agentd(*arguments, cwd=project)
    told = done.stderr + done.stdout
    assert told.count("min_version is 99.1") == 1
    assert "Error" not in told


def test_a_value_of_a_newer_version_is_told_with_the_way_out(project: Path) -> None:
    path = project / "agentd" / "config.toml"
    path.write_text(path.read_text() + '[workflow]\ngates = ["review"]\n')
    done = agentd("challenge", "add-x", cwd=project)
    assert "workflow.gates" in done.stderr
    assert "min_version is 99.1" in done.stderr
    assert "pip install --upgrade agentd" in done.stderr


def test_the_version_that_runs_is_new_enough_for_itself(project: Path) -> None:
    path = project / "agentd" / "config.toml"
    path.write_text(path.read_text().replace("99.1", __version__))
    assert "min_version" not in agentd("status", cwd=project).stderr
