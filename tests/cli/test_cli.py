"""The command line as a whole: its commands, its help, its exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.command import agentd

from agentd import __version__
from agentd.cli.app import COMMANDS, make_app


def names(*arguments: str) -> list[str]:
    app = make_app(arguments)
    commands = app.registered_commands
    named = [info.name or (info.callback.__name__ if info.callback else "") for info in commands]
    return named + [info.name or "" for info in app.registered_groups]


def test_the_table_of_commands_is_what_the_modules_register() -> None:
    assert names("--help") == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_found_by_itself(command: str) -> None:
    assert command in names(command)
    assert command in names("-C", "plan", command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, tmp_path: Path) -> None:
    done = agentd(command, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: agentd {command}")


def test_version_and_no_command_at_all(tmp_path: Path) -> None:
    assert agentd("--version", cwd=tmp_path).stdout == f"agentd {__version__}\n"
    bare = agentd(cwd=tmp_path)
    assert bare.returncode == 2
    assert all(f"\n  {command} " in bare.stdout for command in COMMANDS)


def test_unknown_command_and_folder(tmp_path: Path) -> None:
    unknown = agentd("statsu", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "No such command 'statsu'" in unknown.stderr
    assert agentd("-C", "nowhere", "status", cwd=tmp_path).returncode == 1


def test_closed_stdout_ends_quietly(tmp_path: Path) -> None:
    script = f'"{sys.executable}" -m agentd --help | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_windows_is_refused_before_anything_that_it_lacks_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; sys.platform = 'win32'; sys.modules['fcntl'] = None;"
        "sys.argv = ['agentd', 'status']; import agentd.__main__"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "Error: agentd does not run on Windows.\n"
        "Run it in the Windows Subsystem for Linux: https://learn.microsoft.com/windows/wsl\n"
    )


def test_ctrl_c_while_it_is_still_loaded_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    start = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import agentd.cli as c; c.main()"
    done = subprocess.run(
        [sys.executable, "-c", start, "status"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    ("before", "last"),
    [
        ("import atexit; atexit.register(print, 'at exit')", "at exit"),
        (
            "import threading\n"
            "def late(): threading.main_thread().join(); print('from a thread')\n"
            "threading.Thread(target=late).start()",
            "from a thread",
        ),
    ],
)
def test_it_ends_at_once_but_not_before_what_waits_for_its_end(before: str, last: str) -> None:
    start = f"{before}\nimport sys, agentd.cli\nagentd.cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", start, "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"agentd {__version__}\n{last}\n"
