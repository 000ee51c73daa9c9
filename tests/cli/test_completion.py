"""`agentd completion`: what real shells make of it."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from support.command import agentd
from support.state_samples import CALL

from agentd.ledger.store import StateStore
from agentd.project.init import initialise

BIN = Path(__file__).parents[2] / ".venv/bin"
SHELLS = {
    "bash": """
        source <(agentd completion bash)
        COMP_WORDS=(agentd {words}) COMP_CWORD={count}
        _agentd; printf '%s\\n' "${{COMPREPLY[@]}}" """,
    "zsh": """
        compdef() {{ :; }}
        compadd() {{ shift; print -l -- $@ }}
        _files() {{ print files }}
        source <(agentd completion zsh)
        words=(agentd {words}) CURRENT={count}
        (( CURRENT += 1 ))
        _agentd""",
    "fish": """
        agentd completion fish | source
        complete -C 'agentd {line}' """,
}
CASES = {
    "sta": ["status"],
    "status add-": ["add-b", "add-a", "add-old"],
    "impl add-": ["add-b", "add-a"],
    "review add-a --prov": ["--provider"],
    "review add-a --provider c": ["claude", "codex"],
    "review add-a --model ha": ["haiku"],
    "tokens x --model gpt-4o-mi": ["gpt-4o-mini"],
    "config set steps.review.pro": ["steps.review.provider"],
    "config ge": ["get"],
    "completion f": ["fish"],
    "cost --form": ["--format"],
    "cost ": ["reset", "audit", "add-b", "add-a", "add-old"],
    "cost aud": ["audit"],
    "cost audit ": ["add-b", "add-a", "add-old"],
    "cost audit --j": ["--json"],
    "cost reset add-": ["add-b", "add-a"],
    "cost --by mo": ["model", "month"],
    "cost --by model,st": ["model,step", "model,status"],
    "cost --by=model,sta": ["--by=model,status"],
    "cost --by = mo": ["model", "month"],  # as bash takes --by=mo apart
    "cost --by =": ["step", "model"],
    "cost --since ": ["today", "yesterday"],
    "config set project_name x steps.review.pro": ["steps.review.provider"],
    "help bud": ["budgets"],
    "help comp": ["completion"],
    "help cost ": ["reset", "audit"],
    "help config un": ["unset"],
    "help ": ["workflow", "budgets"],
    "import --into add-": ["add-b", "add-a"],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    initialise(folder)
    for change_id in ("add-a", "add-b"):
        store = StateStore(folder / "agentd/changes" / change_id)
        store.create(change_id)
        store.append(CALL)
    (folder / "agentd/archive/20261130-add-old").mkdir(parents=True)
    return folder


def completed(root: Path, line: str) -> list[str]:
    words = [*line.split(" ")]
    done = agentd("completion", "words", "--", *words, cwd=root)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("line", CASES)
def test_what_may_come_next(root: Path, line: str) -> None:
    assert completed(root, line)[: len(CASES[line])] == CASES[line]


NOTHING_KNOWN = (
    *("tokens --file ", "-C ", "nothing ", "plan add-a ", "demo x", "help run "),
    *("cost audit add-a ", "import --session ", "config set project_name "),
    *("feedback text ", "help run topic "),
)


@pytest.mark.parametrize("line", NOTHING_KNOWN)
def test_where_nothing_is_known_the_shell_takes_files(root: Path, line: str) -> None:
    assert completed(root, line) == []


def test_the_ids_are_those_of_the_folder_that_is_named(root: Path, tmp_path: Path) -> None:
    assert completed(tmp_path, f"-C {root} impl add-") == ["add-b", "add-a"]
    assert completed(root, f"-C {tmp_path} impl ") == []
    for folder in ("nowhere", "~nobody-of-this-name"):
        done = agentd("completion", "words", "--", "-C", folder, "impl", "", cwd=root)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_outside_of_a_project_and_with_a_broken_one_nothing_is_told(tmp_path: Path) -> None:
    assert completed(tmp_path, "status ") == []
    assert completed(tmp_path, "cost ") == ["reset", "audit"]
    assert completed(tmp_path, "help op") == ["openspec"]
    initialise(tmp_path).project.config_path.write_text("[")
    done = agentd("completion", "words", "--", "config", "get", "", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert agentd("completion", "tcsh", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("shell", SHELLS)
def test_in_a_real_shell(root: Path, shell: str) -> None:
    if (found := shutil.which(shell)) is None:
        pytest.skip(f"there is no {shell} here: apt-get install {shell}")
    for line, known in (
        ("impl add-b", {"add-b"}),
        ("log --req", {"--requests"}),
        ("cost a", {"audit", "add-a", "add-b", "add-old"}),
        ("cost audit add-o", {"add-old"}),
        ("help pri", {"pricing", "price"}),
    ):
        words = line.split(" ")
        script = SHELLS[shell].format(words=" ".join(words), count=len(words), line=line)
        done = subprocess.run(
            [found, "-c", script],
            cwd=root,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert {*done.stdout.split()} == known, done.stderr


AT_THE_KEYBOARD = {
    "bash": (["--norc", "--noprofile", "-i"], "source <(agentd completion bash)"),
    "zsh": (
        ["-f", "-i"],
        "autoload -Uz compinit && compinit -u -D; source <(agentd completion zsh)",
    ),
    "fish": (["--no-config", "-i"], "agentd completion fish | source"),
}
# A line each, with what its command prints.
TYPED = {
    "agentd status add-a --js\t": '"change_id": "add-a"',
    "agentd cost au\tadd-b": "audited 1 call of 1 change",
    "agentd cost res\t --he\t": "Restart the meter of a change.",
    "agentd help opensp\t": "# In a project of OpenSpec",
}


@pytest.mark.parametrize("shell", AT_THE_KEYBOARD)
def test_tab_at_the_keyboard_completes_what_is_run(root: Path, shell: str, tmp_path: Path) -> None:
    if (found := shutil.which(shell)) is None:
        pytest.skip(f"there is no {shell} here: apt-get install {shell}")
    options, setting_up = AT_THE_KEYBOARD[shell]
    lines = [f"{line} > {tmp_path}/{number}" for number, line in enumerate(TYPED)]
    leader, follower = pty.openpty()
    with subprocess.Popen(
        ["setsid", "--ctty", found, *options],
        cwd=root,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "xterm"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    ) as process:
        os.close(follower)
        shown = typed_into(leader, [setting_up, *lines, "exit"])
        process.wait(30)
    os.close(leader)
    for number, told in enumerate(TYPED.values()):
        assert told in (tmp_path / str(number)).read_text(), shown


def typed_into(terminal: int, lines: list[str]) -> str:
    """Type a line when the shell has been silent for a moment; what it showed, up to its end."""
    shown = b""
    left = [*lines]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.7)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # Linux: the shell has ended
                break
        elif left:
            os.write(terminal, f"{left.pop(0)}\r".encode())
    return shown.decode(errors="replace")
