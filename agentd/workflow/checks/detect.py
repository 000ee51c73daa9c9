"""Which commands test, lint and audit a project: those of the config, else by the files it has."""

from __future__ import annotations

import subprocess
from dataclasses import field
from pathlib import Path

from agentd.config.model import CHECKS, ChecksConfig
from agentd.frozen import frozen
from agentd.late_pattern import late_pattern


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
        """test, lint, audit, or the name of one of the user's own."""
        return self.name.partition(" ")[0]


_ASSIGNMENTS = late_pattern(r"^(?:\s*\w+=\S*\s+)*")
_PROGRAM = late_pattern(r"[\w./+-]+")
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
    return (*found, *(LocalCheck(name, command) for name, command in config.own.items()))


def unknown(checks: LocalChecks, config: ChecksConfig) -> tuple[str, ...]:
    """The required checks of which none is known, but for those that the config switches off."""
    there = {check.kind for check in checks}
    off = {kind for kind in CHECKS if getattr(config, kind) == ""}
    return tuple(name for name in config.required if name not in there | off)


def missing_tool(root: Path, check: LocalCheck) -> str:
    """The program that a check's command begins with, where no shell finds it; else ""."""
    words = _ASSIGNMENTS.sub("", check.command).split()
    if not words or not _PROGRAM.fullmatch(words[0]):
        return ""
    argv = ["/bin/sh", "-c", 'command -v -- "$1"', "sh", words[0]]
    nothing = subprocess.DEVNULL
    code = subprocess.call(argv, cwd=root, stdin=nothing, stdout=nothing, stderr=nothing)
    return words[0] if code else ""


def detect(root: Path) -> LocalChecks:
    """The checks of a project, tests first; with several languages, each is named: test (rust).

    What a Makefile or a justfile has counts where no language has a check of that kind.
    """
    from agentd.workflow.checks import languages  # a config may name them all
    from agentd.workflow.checks.check_files import CheckFiles

    files = CheckFiles(root)
    found = {
        language: commands
        for language, look in languages.LANGUAGES.items()
        if (commands := look(files))
    }
    checks: list[LocalCheck] = []
    for kind in CHECKS:
        having = [language for language, commands in found.items() if kind in commands]
        for language in having:
            name = kind if len(found) == 1 else f"{kind} ({language})"
            checks.append(LocalCheck(name, found[language][kind], detected=True))
        if not having and (command := languages.make(files).get(kind)):
            checks.append(LocalCheck(kind, command, detected=True))
    return tuple(checks)
