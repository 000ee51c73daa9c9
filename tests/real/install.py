"""Install the real CLIs, at the versions the tests were written against, into ``.cache/clis``.

    python -m tests.real.install

Does nothing when they are there already. Needs Node.js and npm, and the npm registry once.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

CLIS = {
    "claude": ("@anthropic-ai/claude-code", "2.1.330"),
    "codex": ("@openai/codex", "0.169.0"),
    "gemini": ("@google/gemini-cli", "0.61.0"),
}
FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "clis"
BIN = FOLDER / "node_modules" / ".bin"
_READY = FOLDER / "ready.json"


def wanted() -> dict[str, str]:
    """The packages and their pinned versions."""
    return dict(CLIS.values())


def is_ready() -> bool:
    """Whether all of them are installed and have started once."""
    try:
        return bool(json.loads(_READY.read_text()) == wanted())
    except (OSError, ValueError):
        return False


def install() -> None:
    """Install what is missing, and start each once. Raises SystemExit with what is to be done."""
    if is_ready():
        return
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            sys.exit(f"test-real: {tool} is not on PATH. Install Node.js 20 or later (with npm).")
    FOLDER.mkdir(parents=True, exist_ok=True)
    package = {"private": True, "dependencies": wanted()}
    (FOLDER / "package.json").write_text(json.dumps(package, indent=2) + "\n")
    # Whether npm runs packages' install scripts depends on its version and settings, so it is
    # told not to; of the three only claude has one that matters.
    _run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save")
    _run("node", "install.cjs", cwd=FOLDER / "node_modules" / CLIS["claude"][0])
    for name, (_, version) in CLIS.items():
        said = _run("env", f"HOME={FOLDER}", str(BIN / name), "--version")
        if version not in said:
            sys.exit(f"test-real: {name} --version says {said.strip()!r}, expected {version}")
    _READY.write_text(json.dumps(wanted()))


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
    print(f"{', '.join(f'{n} {v}' for n, (_, v) in CLIS.items())} in {FOLDER}")
