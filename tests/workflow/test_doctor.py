"""What `agentd doctor` finds, with small scripts in the place of the CLIs."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from agentd.project.init import initialise
from agentd.runner.installed import find_cli
from agentd.runner.process import processes
from agentd.workflow.doctor import Check, examine

CHECKS = '[checks]\ntest = "true"\n'
VERSIONS = {
    "claude": "2.1.330 (Claude Code)",
    "codex": "codex-cli 0.169.0",
    "gemini": "0.61.0",
}


def script(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bin_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with the three CLIs, git and the shell's own tools."""
    folder = tmp_path / "bin"
    for name, version in VERSIONS.items():
        script(folder, name, f"echo '{version}'")
    script(folder, "agentd", "")
    for tool in ("git", "sleep"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return folder


@pytest.fixture
def root(tmp_path: Path, bin_dir: Path) -> Path:
    """A sound project in a git repository."""
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    initialise(folder, installed=VERSIONS)
    with (folder / "agentd/config.toml").open("a") as config:
        config.write(CHECKS)
    return folder


def named(checks: list[Check], name: str) -> list[Check]:
    return [check for check in checks if check.name == name]


def bad(checks: list[Check]) -> list[tuple[str, str]]:
    return [(check.name, check.status) for check in checks if check.status != "ok"]


def test_a_sound_project_has_nothing_to_mend(root: Path) -> None:
    checks = examine(root)
    assert bad(checks) == []
    assert [check.name for check in checks] == [
        "python",
        "project",
        "config",
        "claude",
        "meter of claude",
        "codex",
        "meter of codex",
        "gemini",
        "meter of gemini",
        "providers",
        "prices of claude",
        "prices of codex",
        "prices of gemini",
        "check test",
        "git",
        "gitignore",
        "merge driver",
    ]
    assert "2.1.330" in named(checks, "claude")[0].detail
    assert "gpt-6.1-sol (catalog)" in named(checks, "prices of codex")[0].detail


def test_every_problem_says_what_to_do(root: Path, bin_dir: Path) -> None:
    for name in VERSIONS:
        (bin_dir / name).unlink()
    (root / "agentd/.gitignore").unlink()
    shutil.rmtree(root / ".git")
    checks = examine(root)
    assert bad(checks) == [
        ("claude", "warn"),
        ("codex", "warn"),
        ("gemini", "warn"),
        ("providers", "fail"),
        ("git", "warn"),
        ("gitignore", "warn"),
    ]
    assert all(check.fix for check in checks if check.status != "ok")
    assert "npm install -g @openai/codex" in named(checks, "codex")[0].fix


@pytest.mark.parametrize(
    ("name", "body", "detail"),
    [
        (
            "claude",
            "echo '2.1.318 (Claude Code)'",
            "before 2.1.319 the usage of runs with subagents",
        ),
        ("claude", "echo '1.0.76 (Claude Code)'", "is version 1.0.76"),
        ("codex", "echo codex-cli 0.78.9", "before 0.79.0 the usage of resumed sessions"),
        ("gemini", "echo 0.1.22", "before 0.17.0 it may lack"),
        ("codex", "echo hello", "names no version"),
        ("gemini", "echo 0.61.0; exit 3", "--version ended with exit code 3"),
    ],
)
def test_an_odd_cli_is_a_warning(
    root: Path, bin_dir: Path, name: str, body: str, detail: str
) -> None:
    script(bin_dir, name, body)
    checks = examine(root)
    assert bad(checks) == [(name, "warn")]
    assert detail in named(checks, name)[0].detail


@pytest.mark.parametrize("version", ["2.1.319", "2.2.0", "10.0.0"])
def test_a_version_that_was_measured_or_is_newer_is_fine(
    root: Path, bin_dir: Path, version: str
) -> None:
    script(bin_dir, "claude", f"echo {version}")
    assert bad(examine(root)) == []


def test_claude_as_root_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IS_SANDBOX", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    checks = examine(root)
    assert bad(checks) == [("claude", "warn")]
    assert "IS_SANDBOX=1" in named(checks, "claude")[1].fix
    monkeypatch.setenv("IS_SANDBOX", "1")
    assert bad(examine(root)) == []


def test_a_command_is_a_path_seen_from_the_project(root: Path, bin_dir: Path) -> None:
    (bin_dir / "claude").unlink()
    script(root / "tools", "my-claude", "echo 2.1.330")
    config = root / "agentd/config.toml"
    text = config.read_text()
    config.write_text(text.replace('command = "claude"', 'command = "tools/my-claude"'))
    checks = examine(root)
    assert bad(checks) == []
    assert str(root / "tools/my-claude") in named(checks, "claude")[0].detail


def test_no_project_is_a_failure_that_still_shows_the_clis(tmp_path: Path, bin_dir: Path) -> None:
    (bin_dir / "gemini").unlink()
    checks = examine(tmp_path)
    assert bad(checks) == [("project", "fail")]
    assert named(checks, "project")[0].fix.startswith("Run `agentd init`")
    assert named(checks, "providers")[0].detail == "claude, codex can run steps"


def test_each_error_of_the_config_is_a_failure(root: Path) -> None:
    (root / "agentd/config.toml").write_text("[codex]\ncommand = 1\n[budget]\nlimit_usd = -1\n")
    checks = examine(root)
    assert bad(checks) == [("config", "fail"), ("config", "fail")]
    assert [check.detail.split(": ")[1].split(" is ")[0] for check in named(checks, "config")] == [
        "codex.command",
        "budget.limit_usd",
    ]


def test_each_warning_of_the_config_is_told_and_a_budget_is_none(root: Path) -> None:
    with (root / "agentd/config.toml").open("a") as file:
        file.write("\n[budget]\nlimit_usd = 5\n[steps.implement]\n[tool]\n")
    checks = examine(root)
    assert bad(checks) == [("config", "warn"), ("config", "warn")]
    assert "did you mean steps.implementation?" in "".join(
        check.detail for check in named(checks, "config")
    )


def test_a_model_without_a_price_is_told(root: Path) -> None:
    (root / "agentd/config.toml").write_text(
        '[codex]\n[[codex.models]]\nid = "a"\nmodel = "house-model"\n'
        '[[codex.models]]\nid = "b"\nmodel = "gpt-5"\n'
        "cost_per_1m_input = 1\ncost_per_1m_output = 2\n"
        '[steps.review]\nprovider = "codex"\nmodel = "other-model"\n' + CHECKS
    )
    checks = examine(root)
    assert bad(checks) == [("price of house-model", "warn"), ("price of other-model", "warn")]
    assert named(checks, "prices of codex")[0].detail == "gpt-5 (config)"
    assert named(checks, "price of house-model")[0].fix == (
        'Give its prices in [pricing.models."house-model"] of config.toml, '
        'or add "catalog" to pricing.sources.'
    )


def test_the_repositorys_own_gitignore_counts(root: Path) -> None:
    (root / "agentd/.gitignore").unlink()
    assert bad(examine(root)) == [("gitignore", "warn")]
    (root / ".gitignore").write_text("runs/\n")
    assert bad(examine(root)) == []


def test_a_cli_that_hangs_or_leaves_children_is_ended(tmp_path: Path) -> None:
    environ = dict(os.environ)
    pids = tmp_path / "pids"
    hanging = script(tmp_path, "hanging", f"echo $$ >>{pids}; echo 1.2.3; sleep 600")
    found = find_cli(str(hanging), tmp_path, environ, timeout_s=0.5)
    assert found.problem == "--version did not end within 0.5 s"
    assert not found.works
    parent = script(tmp_path, "parent", f"echo $$ >>{pids}; sleep 600 & echo 1.2.3")
    assert find_cli(str(parent), tmp_path, environ).version == (1, 2, 3)
    groups = [int(line) for line in pids.read_text().split()]
    assert len(groups) == 2
    for _ in range(200):
        if not any(one.group in groups and one.lives for one in processes().values()):
            break
        time.sleep(0.01)
    assert not any(one.group in groups and one.lives for one in processes().values())


def test_a_cli_reads_nothing_from_the_terminal(tmp_path: Path) -> None:
    asking = script(tmp_path, "asking", "read line && exit 1; echo 1.2.3")
    kept, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, b"typed\n")
    os.dup2(reading, 0)
    try:
        assert find_cli(str(asking), tmp_path, dict(os.environ)).version == (1, 2, 3)
    finally:
        os.dup2(kept, 0)
        for fd in (kept, reading, writing):
            os.close(fd)


def test_a_file_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"#!/no/such/interpreter\n")
    broken.chmod(0o755)
    found = find_cli("./broken", tmp_path, dict(os.environ))
    assert found.problem == "cannot be started: No such file or directory"


@pytest.mark.parametrize(
    ("file", "text", "status"),
    [("chalenge.md", "x", "warn"), ("challenge.md", "{{nothing}}", "fail")],
)
def test_templates_of_the_project_are_looked_at(
    root: Path, file: str, text: str, status: str
) -> None:
    (root / "agentd/templates").mkdir()
    (root / "agentd/templates" / file).write_text(text)
    (check,) = named(examine(root), "templates")
    assert check.status == status
    assert file in check.detail


@pytest.fixture
def with_key(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project at the wire, of a person who has an API key for claude alone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    with (root / "agentd/config.toml").open("a") as config:
        config.write('[meter]\nwire = "auto"\n')
    return root


def test_it_says_where_runs_are_metered_and_why(with_key: Path) -> None:
    checks = examine(with_key)
    told = {check.name: check.detail for check in checks if check.name.startswith("meter of ")}
    assert told["meter of claude"] == "its runs are metered at the wire (API key)"
    assert told["meter of gemini"].startswith(
        "its runs are metered by what it prints and logs: no login was found"
    )


def test_it_says_which_runs_a_strict_budget_refuses(with_key: Path) -> None:
    with (with_key / "agentd/config.toml").open("a") as config:
        config.write("[budget]\nlimit_usd = 5\nstrict = true\n")
    checks = {check.name: check for check in examine(with_key)}
    assert checks["meter of claude"].status == "ok"
    assert checks["meter of gemini"].status == "warn"
    assert checks["meter of gemini"].detail.endswith("under a limit budget.strict refuses them")


def test_a_clone_is_told_what_registers_the_merge_driver(root: Path, bin_dir: Path) -> None:
    config = root / ".git/config"
    text = config.read_text()
    config.write_text(text.partition("[merge")[0])
    (check,) = named(examine(root), "merge driver")
    assert (check.status, "this clone does not know" in check.detail) == ("warn", True)
    assert "`agentd init`" in check.fix
    initialise(root)
    assert config.read_text() == text
    (root / "agentd/.gitattributes").unlink()
    assert "no .gitattributes" in named(examine(root), "merge driver")[0].detail
    initialise(root)
    (bin_dir / "agentd").unlink()
    assert "does not find agentd on the PATH" in named(examine(root), "merge driver")[0].detail


@pytest.mark.parametrize(
    ("checks", "files", "expected"),
    [
        (
            'test = "A=1 true -x"\nlint = "no-such-tool ."\nown.types = "cd . && x"',
            (),
            [
                ("check test", "ok", "A=1 true -x (required; of config.toml)"),
                (
                    "check lint",
                    "warn",
                    "no-such-tool . (of config.toml): there is no command no-such-tool",
                ),
                ("check types", "ok", "cd . && x (of config.toml)"),
            ],
        ),
        (
            "",
            ("Cargo.toml",),
            [
                (
                    "check test",
                    "warn",
                    "cargo test (required; found by the project's files): there is no command "
                    "cargo",
                )
            ],
        ),
        (
            "",
            (),
            [
                (
                    "check test",
                    "warn",
                    "no test is known, so agentd holds back no red build by it",
                )
            ],
        ),
        ('test = ""', (), [("checks", "ok", "none: the config has none, and none was found")]),
    ],
)
def test_the_projects_own_checks_are_told(
    root: Path, checks: str, files: tuple[str, ...], expected: list[tuple[str, str, str]]
) -> None:
    config = root / "agentd/config.toml"
    config.write_text(config.read_text().replace(CHECKS, f"[checks]\n{checks}\n"))
    for name in files:
        (root / name).touch()
    found = [each for each in examine(root) if each.name.startswith("check")]
    assert [(each.name, each.status, each.detail) for each in found] == expected
    assert all(each.fix for each in found if each.status != "ok")
