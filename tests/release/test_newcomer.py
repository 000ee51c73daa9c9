"""A newcomer's path: five commands, each of which the README or the one before has named."""

from __future__ import annotations

import os
import re
import shlex
import site
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
from support.tutorial import ROOT, with_standins

README = (ROOT / "README.md").read_text()
SECONDS = 300  # generous: a machine that is busy with other tests needs a minute
INSTALL = "pipx install ."
# What is typed after that; in what was told ID, DESCRIPTION and the like stand for one's own.
TYPED = (
    "agentd init",
    'agentd run greet-by-name "Greet the user by name"',
    "git add -A",
    "git diff --cached agentd/archive/*-greet-by-name/STATE.yaml",
)


def walk(folder: Path, programs: dict[str, str], install: Callable[[], None]) -> None:
    """Type it all in a fresh home; ``programs`` are the variables of the shell."""
    project = folder / "you" / "hello"
    project.mkdir(parents=True)
    environ = {**with_standins(folder), **programs}

    def typed(command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=project,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    (project / "greet.py").write_text('def greet() -> str:\n    return "Hello"\n')
    typed("git init -q && git add . && git commit -q -m start")
    began = time.monotonic()
    assert INSTALL in commands_in(README)
    install()
    told = commands_in(README)
    for command in TYPED:
        assert any(fits(command, one) for one in told), f"nothing told of: {command}\n{told}"
        printed = typed(command)
        told = {*commands_in(README), *commands_in(printed)} | ({*told} if not printed else set())
    assert time.monotonic() - began < SECONDS
    assert len((INSTALL, *TYPED)) == 5
    assert "+    cost_usd: 0." in printed
    assert "+  total_cost_usd: 0." in printed


def commands_in(text: str) -> set[str]:
    """The commands of indented lines, of backticks and behind "next:"."""
    lines = re.findall(r"(?m)^    (\S.*?)(?:  +#.*|; or: .*)?$", text)
    lines += re.findall(r"`(agentd [^`]+)`", text) + re.findall(r"(?m)^next: (.*)$", text)
    return {part.strip() for line in lines for part in re.split(r" && |  +# ", line)}


def fits(typed: str, told: str) -> bool:
    """Whether it is what was told, word for word; words in capitals are one's own."""
    words, pattern = shlex.split(typed), shlex.split(told)
    return len(words) == len(pattern) and all(
        one == two or two.isupper() or fnmatch(two, one)
        for one, two in zip(words, pattern, strict=True)
    )


def test_five_commands_from_the_wheel(tmp_path: Path) -> None:
    """Without a network: pip takes the dependencies from where the tests have them."""
    made = tmp_path / "made"

    def install() -> None:
        build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", str(made), str(ROOT))
        run(sys.executable, *build)
        venv.create(tmp_path / "venv")
        python = str(tmp_path / "venv/bin/python")
        (wheel,) = made.glob("*.whl")
        pip = (sys.executable, "-m", "pip", "--python", python)
        run(*pip, "install", "-q", "--no-index", "--no-deps", str(wheel))
        (own,) = (tmp_path / "venv/lib").glob("python*/site-packages")
        (own / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
        where = run(python, "-c", "import agentd; print(agentd.__file__)")
        assert where.startswith(str(tmp_path))

    walk(tmp_path, {"PATH": path_with(tmp_path / "venv/bin", tmp_path)}, install)


@pytest.mark.dist
@pytest.mark.parametrize("tool", ["pipx", "uv"])
def test_five_commands_as_the_readme_has_them(tool: str, tmp_path: Path) -> None:
    """In the clone, word for word; pip needs PyPI for that."""
    line = {"pipx": INSTALL, "uv": "uv tool install ."}[tool]
    assert line in README
    bins = tmp_path / "installed"
    places = {
        "pipx": {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(bins)},
        "uv": {"UV_TOOL_DIR": str(tmp_path / "uv"), "UV_TOOL_BIN_DIR": str(bins)},
    }

    def install() -> None:
        environ = {**os.environ, **places[tool], "PATH": path_with(Path(sys.executable).parent)}
        done = subprocess.run(
            line, shell=True, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        if done.returncode == 127:
            pytest.skip(f"{tool} is not installed")
        if done.returncode and re.search("Failed to (establish|fetch)|No matching distr", said):
            pytest.skip("the package index is not reachable")
        assert done.returncode == 0, said

    walk(tmp_path, {"PATH": path_with(bins, tmp_path)}, install)


def path_with(first: Path, sandbox: Path | None = None) -> str:
    """``first`` before the stand-in of claude and the system's."""
    own = [str(sandbox / "bin")] if sandbox else []
    return ":".join([str(first), *own, os.environ["PATH"]])


def run(*argv: str) -> str:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        argv, env=kept, cwd="/", capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
