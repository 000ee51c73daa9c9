"""Which commands test, lint and audit a project, by the files it has."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import field
from itertools import chain
from pathlib import Path
from typing import Any

from agentd.config.model import CHECKS, ChecksConfig
from agentd.files import files_below, read_plain
from agentd.frozen import frozen
from agentd.json_value import json_value

_PYTHON_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini")
_NODE_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn"}


@frozen()
class LocalCheck:
    """A check of the project's own: ``name`` as a person sees it, ``command`` for a shell.

    ``detected``: the config does not name it.
    """

    name: str
    command: str
    detected: bool = field(default=False, compare=False)

    @property
    def kind(self) -> str:
        """test, lint or audit."""
        return self.name.partition(" ")[0]


LocalChecks = tuple[LocalCheck, ...]


def choose(root: Path, config: ChecksConfig) -> LocalChecks:
    """The checks to run, tests first: those of ``[checks]``, else what is detected; "" is none."""
    given = {"test": config.test, "lint": config.lint, "audit": config.audit}
    found: list[LocalCheck] = []
    detected = () if None not in given.values() else detect(root)
    for kind, command in given.items():
        if command is None:
            found += [check for check in detected if check.kind == kind]
        elif command:
            found.append(LocalCheck(kind, command))
    return tuple(found)


def detect(root: Path) -> LocalChecks:
    """The checks of a project, tests first; with several languages, each is named: test (rust)."""
    found = {
        language: commands for language, look in _LANGUAGES.items() if (commands := look(root))
    }
    return tuple(
        LocalCheck(
            kind if len(found) == 1 else f"{kind} ({language})", commands[kind], detected=True
        )
        for kind in CHECKS
        for language, commands in found.items()
        if kind in commands
    )


def _python(root: Path) -> dict[str, str]:
    texts = {name: text for name in _PYTHON_FILES if (text := _text(root / name)) is not None}
    if not texts:
        return {}
    tool = _pyproject(texts.get("pyproject.toml", "")).get("tool", {})
    commands = {}
    if "pytest" in tool or "[pytest]" in texts.get("tox.ini", "") or any(_test_files(root)):
        commands["test"] = _python_command(root, "pytest")
    if "ruff" in tool or (root / "ruff.toml").is_file() or (root / ".ruff.toml").is_file():
        commands["lint"] = _python_command(root, "ruff") + " check"
    if any(re.search(r"\bpip-audit\b", text) for text in texts.values()):
        commands["audit"] = _python_command(root, "pip-audit")
    return commands


def _pyproject(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _test_files(root: Path) -> Iterator[Path]:
    below = (files_below(root / name, ".py") for name in ("tests", "test"))
    for path in chain(root.glob("*.py"), *below):
        if path.name.startswith("test_") or path.name.endswith("_test.py"):
            yield path


def _python_command(root: Path, tool: str) -> str:
    """The tool as the project has it: in its environment, by its manager, else on PATH."""
    if (root / ".venv" / "bin" / tool).is_file():
        return f".venv/bin/{tool}"
    if (root / "uv.lock").is_file() and shutil.which("uv"):
        return f"uv run --frozen {tool}"  # without --frozen it may rewrite uv.lock
    if (root / "poetry.lock").is_file() and shutil.which("poetry"):
        return f"poetry run {tool}"
    return tool


def _node(root: Path) -> dict[str, str]:
    try:
        scripts = json_value(_text(root / "package.json") or "")["scripts"]
        wanted = {kind: scripts[kind] for kind in ("test", "lint") if kind in scripts}
    except (ValueError, KeyError, TypeError):
        return {}
    manager = next((name for lock, name in _NODE_LOCKS.items() if (root / lock).is_file()), "npm")
    return {
        kind: f"{manager} run {kind}"
        for kind, script in wanted.items()
        # What `npm init` writes where there are no tests.
        if isinstance(script, str) and script.strip() and "no test specified" not in script
    }


def _rust(root: Path) -> dict[str, str]:
    if not (root / "Cargo.toml").is_file():
        return {}
    clippy = {"lint": "cargo clippy --all-targets"} if shutil.which("cargo-clippy") else {}
    return {"test": "cargo test", **clippy}


def _go(root: Path) -> dict[str, str]:
    if not (root / "go.mod").is_file():
        return {}
    return {"test": "go test ./...", "lint": "go vet ./..."}


_LANGUAGES: dict[str, Callable[[Path], dict[str, str]]] = {
    "python": _python,
    "node": _node,
    "rust": _rust,
    "go": _go,
}


def _text(path: Path) -> str | None:
    try:
        return read_plain(path).decode("utf-8-sig", "replace")
    except OSError:  # not there, not readable, or no file
        return None
