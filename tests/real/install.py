"""Install the real CLIs, at the versions the tests were written against, into ``.cache/clis``.

    python -m tests.real.install

And llama.cpp's own server, from PyPI, into ``.cache/llama``: the tests themselves have no network.
Does nothing when they are there already. Needs Node.js and npm, and the npm registry once.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CLIS = {
    "claude": ("@anthropic-ai/claude-code", "2.1.330"),
    "codex": ("@openai/codex", "0.169.0"),
    "gemini": ("@google/gemini-cli", "0.61.0"),
}
FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "clis"
BIN = FOLDER / "node_modules" / ".bin"
_NODE = f"node-{sys.platform}-{'arm64' if platform.machine() in ('arm64', 'aarch64') else 'x64'}"

_NODE_22 = {_NODE: "22.23.5"}  # which some of them need


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A CLI with a folder of its own, and what else npm is to put there: another Node, say.

    ``script`` of its package is run once, as npm is told to run none.
    """

    name: str
    package: str
    version: str
    beside: Mapping[str, str] = field(default_factory=dict)
    script: str | None = None

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def bin(self) -> Path:
        """The folder of its command."""
        return self.folder / "node_modules" / ".bin"

    @property
    def wanted(self) -> dict[str, str]:
        """The packages and their pinned versions."""
        return {self.package: self.version, **self.beside}

    def is_ready(self) -> bool:
        """Whether it is installed and has started once."""
        return _is_ready(self.folder, self.wanted)

    def install(self) -> None:
        """Install it if it is not there."""
        if self.is_ready():
            return
        _install(self.folder, self.wanted)
        if self.script:
            _run("node", self.script, cwd=self.folder / "node_modules" / self.package)
        _start(self.name, self.bin, self.version)
        _note_ready(self.folder, self.wanted)


AGENTS = {
    agent.name: agent
    for agent in (
        Agent(name="opencode", package="opencode-ai", version="1.18.33", script="postinstall.mjs"),
        Agent(
            name="pi",
            package="@earendil-works/pi-coding-agent",
            version="1.6.0",
            beside=_NODE_22,
        ),
        Agent(
            name="qwen",
            package="@qwen-code/qwen-code",
            version="0.24.4",
            beside=_NODE_22,
        ),
        Agent(name="copilot", package="@github/copilot", version="1.0.102"),
    )
}

LLAMA = FOLDER.parent / "llama"
LLAMA_PYTHON = LLAMA / "bin" / "python"
_LLAMA_PACKAGES = ("xllamacpp==2026.10.11549", "gguf==0.19.0")


def wanted() -> dict[str, str]:
    """The packages of the three, and their pinned versions."""
    return dict(CLIS.values())


def is_ready() -> bool:
    """Whether the three are installed and have started once."""
    return _is_ready(FOLDER, wanted())


def install() -> None:
    """Install what is missing, and start each once. Raises SystemExit with what is to be done."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            sys.exit(f"test-real: {tool} is not on PATH. Install Node.js 20 or later (with npm).")
    if not is_ready():
        _install(FOLDER, wanted())
        # Of the three only claude has a script that matters.
        _run("node", "install.cjs", cwd=FOLDER / "node_modules" / CLIS["claude"][0])
        for name, (_, version) in CLIS.items():
            _start(name, BIN, version)
        _note_ready(FOLDER, wanted())
    for agent in AGENTS.values():
        agent.install()


def is_llama_ready() -> bool:
    """Whether llama.cpp's server is installed."""
    return _is_ready(LLAMA, dict.fromkeys(_LLAMA_PACKAGES, ""))


def install_llama() -> str:
    """Install llama.cpp's server if it is not there; why it can't be, "" when it is there."""
    if is_llama_ready():
        return ""
    venv.create(LLAMA, with_pip=True, clear=True)
    pip = [str(LLAMA_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--only-binary", ":all:", *_LLAMA_PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr.strip()[-300:]
    _note_ready(LLAMA, dict.fromkeys(_LLAMA_PACKAGES, ""))
    return ""


def _is_ready(folder: Path, packages: Mapping[str, str]) -> bool:
    try:
        return bool(json.loads((folder / "ready.json").read_text()) == packages)
    except (OSError, ValueError):
        return False


def _note_ready(folder: Path, packages: Mapping[str, str]) -> None:
    (folder / "ready.json").write_text(json.dumps(packages))


def _install(folder: Path, packages: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    package = {"private": True, "dependencies": packages}
    (folder / "package.json").write_text(json.dumps(package, indent=2) + "\n")
    # Whether npm runs packages' install scripts depends on its version and settings, so it is
    # told not to.
    _run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", cwd=folder)


def _start(name: str, bin_folder: Path, version: str) -> None:
    path = f"PATH={bin_folder}{os.pathsep}{os.environ['PATH']}"
    said = _run("env", f"HOME={FOLDER}", path, str(bin_folder / name), "--version")
    if version not in said:
        sys.exit(f"test-real: {name} --version says {said.strip()!r}, expected {version}")


def _run(*argv: str, cwd: Path = FOLDER) -> str:
    done = subprocess.run(
        argv,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        sys.exit(f"test-real: {' '.join(argv)} failed (exit code {done.returncode}):\n{last}")
    return done.stdout


if __name__ == "__main__":
    from benchmarks.bench_cost import install_ccusage
    from tests.real.projects import fetch_projects

    install()
    fetch_projects()
    install_ccusage()  # what is imported of people's sessions is compared with what it tells
    if why := install_llama():
        print(f"llama.cpp's server can't be installed, so its tests are skipped: {why}")
    there = [f"{name} {version}" for name, (_, version) in CLIS.items()]
    there += [f"{agent.name} {agent.version}" for agent in AGENTS.values()]
    print(f"{', '.join(there)} in {FOLDER}")
