"""What agentd knows of a coding CLI before it runs: one row of literals, cheap to load."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agentd.files import files_below, folders_below
from agentd.frozen import frozen

if TYPE_CHECKING:
    from agentd.providers.base import Cli
    from agentd.providers.session_files import LogFormat, SessionsFormat

Version = tuple[int, int, int]
Work = Literal["write", "judge", "code"]
"""What a step does: it writes documents, judges what others wrote, or changes the code."""


@frozen(kw_only=True)
class BudgetFlag:
    """The option that holds a CLI to a budget in USD, and the version that has it first."""

    name: str
    since: Version


def loader(place: str) -> Callable[[], Any]:
    """Loads ``module:name`` when it is called: most commands need nothing of it."""
    module, _, name = place.partition(":")
    return lambda: getattr(import_module(module), name)


def folder_of(environ: Mapping[str, str], variable: str, usual: str) -> Path | None:
    """A CLI's folder: what ``variable`` names, else ``usual`` in the user's home; None without."""
    if named := environ.get(variable):
        return Path(named)
    home = environ.get("HOME")
    return Path(home, usual) if home else None


def executable(command: str, root: Path, environ: Mapping[str, str]) -> str | None:
    """Where a name on PATH, or a path seen from ``root``, is; None where it can't be run."""
    from shutil import which

    return which(str(root / command) if "/" in command else command, path=environ.get("PATH"))


def _matching(home: Path, pattern: str) -> list[Path]:
    with contextlib.suppress(OSError):  # another user's
        return sorted(home.glob(pattern))
    return []


@frozen(kw_only=True)
class SessionLogs:
    """Where a CLI keeps its session logs, and what reads them.

    They lie in and below the folders ``places`` (patterns) of the one that ``variable`` names, else
    of ``usual`` in the user's home. ``begins`` tells how the name of such a folder begins by where
    the session began, None where it does not tell. ``load`` loads how they are written. ``file``:
    all sessions are in one of that name there, "" where each has files of its own.
    """

    variable: str
    usual: str
    places: tuple[str, ...]
    load: Callable[[], LogFormat | SessionsFormat]
    begins: Callable[[Path], str] | None = None
    file: str = ""

    def find(self, environ: Mapping[str, str], roots: Sequence[Path]) -> Iterator[Path]:
        """The files that may be of a session in one of ``roots`` or below; all without roots."""
        home = folder_of(environ, self.variable, self.usual)
        if home is None:
            return
        begins = tuple(map(self.begins, roots)) if self.begins and roots else ("",)
        for place in self.places:
            for folder in _matching(home, place):
                if self.file:
                    yield from (path for path in (folder / self.file,) if path.is_file())
                elif folder.name.startswith(begins):
                    yield from files_below(folder, ".jsonl")

    def folders(self, environ: Mapping[str, str], roots: Sequence[Path]) -> Iterator[str]:
        """The folders, there or not, one of which changes before ``find`` finds another file."""
        home = folder_of(environ, self.variable, self.usual)
        if home is None:
            return
        begins = tuple(map(self.begins, roots)) if self.begins and roots else ("",)
        for place in self.places:
            above, _, last = place.rpartition("/")
            for depth in range(1, 1 + above.count("/") + bool(above)):
                one = "/".join(place.split("/")[:depth])
                yield from map(str, _matching(home, one) if "*" in one else (home / one,))
            for folder in _matching(home, place) if "*" in place else (home / last,):
                if self.file:
                    yield str(folder)
                elif folder.name.startswith(begins):
                    yield from folders_below(folder)


@frozen(kw_only=True)
class AgentCommands:
    """Where a CLI looks for a project's slash commands and skills.

    ``path`` is that of a command's file below the project's root, ``skills`` the folder of skills.
    ``arguments`` stands in the command for what is typed behind it, "" where nothing does. "skill":
    its commands are skills.
    """

    path: str
    form: Literal["markdown", "toml", "skill"]
    arguments: str
    skills: str


@frozen(kw_only=True)
class Provider:
    """One coding CLI; its folder is named like it and holds its part of the config's template.

    ``title`` is its product's name, ``cli`` loads what a run needs of it, ``install`` is the shell
    command that installs its newest version. From version ``exact_since`` on its usage is exact
    (docs/clis.md), ``older_lacks`` says what is missing before. ``maker`` is who makes its models,
    as price catalogues name it, "" where each model's name has to tell. ``default_model`` is the
    one it takes when it is told none. ``reports_costs``: it has figures of its own, real for its
    maker's models. ``usual_for``: the work that it does where the config names no provider.
    ``commands`` are its slash commands, None where it has none. ``session_logs`` tells of all its
    session logs, None where agentd can read none. ``base`` is the row it was made of where a config
    gives it a name (``[providers.NAME]``), "" for a row of ``PROVIDERS``. ``has_tools``: it reads
    and writes files; else its prompts carry the documents, its answer is one, and it edits no code.
    ``tells_its_bill``: the costs that it reports are what its API charged, not figures of its own.
    """

    name: str
    title: str
    cli: Callable[[], Cli]
    install: str = ""
    exact_since: Version | None = None
    older_lacks: str = ""
    maker: str = ""
    default_model: str | None = None
    reports_costs: bool = False
    budget_flag: BudgetFlag | None = None
    usual_for: tuple[Work, ...] = ()
    session_logs: SessionLogs | None = None
    commands: AgentCommands | None = None
    base: str = ""
    has_tools: bool = True
    tells_its_bill: bool = False

    @property
    def row_name(self) -> str:
        """The name in ``PROVIDERS`` of what it is made of."""
        return self.base or self.name

    @property
    def section(self) -> str:
        """Where its settings stand in a config: ``claude``, ``providers.NAME`` or ``http.NAME``."""
        return (
            f"{'providers' if self.has_tools else self.base}.{self.name}"
            if self.base
            else self.name
        )
