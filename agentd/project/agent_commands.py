"""Slash commands and skills that let a coding CLI drive agentd: written, upgraded, taken away."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from agentd.config.values import toml_text
from agentd.errors import InputError
from agentd.files import make_folders, read_plain, write_atomic
from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.project.layout import check_no_link
from agentd.providers import PROVIDERS
from agentd.providers.provider import AgentCommands


class _Text(NamedTuple):
    """One command: what it is for, what stands behind it, and what the agent is to do."""

    about: str
    hint: str
    body: str


_RUN = (
    "Run `agentd {name} {arguments}` in the project's root. It runs coding CLIs, costs money, and "
    "may take many minutes: give it an hour. "
)
_AFTER = (
    "Show what it prints, with the cost. Exit code 3: a budget stopped it. 5: it ended without "
    "approval. 6: a person must decide. In these three cases tell the command that it names, and "
    "wait for an answer. Don't edit files below agentd/ yourself, and don't do its work in its "
    "place."
)
_TEXTS = {
    "plan": _Text(
        "Plan a change with agentd: propose, challenge, revise until the challenge approves",
        'ID "DESCRIPTION"',
        _RUN + _AFTER,
    ),
    "impl": _Text(
        "Implement a planned change with agentd: code, checks, review, until the review approves",
        "ID",
        _RUN + _AFTER,
    ),
    "status": _Text(
        "Show where a change of agentd stands, what it cost, and what is next",
        "[ID]",
        "Run `agentd {name} {arguments}` in the project's root, show what it prints, and say in a "
        "sentence what is next. Change nothing.",
    ),
    "cost": _Text(
        "Show what changes of agentd cost, by model, step or day",
        "[ID | --all --by DIMENSION]",
        "Run `agentd {name} {arguments}` in the project's root and show what it prints. Say so "
        "where it tells of partial or unpriced calls: their sum is no total. Change nothing.",
    ),
}
_SKILL = _Text(
    "Drive agentd, which takes a code change through proposal, challenge, implementation and "
    "review with metered calls. Use it when asked to plan or implement a change with agentd, where "
    "one stands, or what it cost",
    "",
    'Commands, run in the project\'s root: `agentd run ID "DESCRIPTION"` takes a change to the '
    "archive and goes on where it stopped; `agentd plan ID`, `agentd impl ID` and `agentd archive "
    "ID` are its parts; `agentd status [ID]`, `agentd show ID`, `agentd log ID` and `agentd cost "
    "[ID]` only read; `agentd COMMAND --help` tells the rest. The first four run coding CLIs, cost "
    "money and may take many minutes. " + _AFTER,
)
_MARK = "agentd init --commands wrote this; once it is edited, agentd leaves it alone:"
_MARKED = late_pattern(rf"\n(?:<!--|#) {re.escape(_MARK)} ([0-9a-f]{{16}})(?: -->)?\n?\Z")


@frozen(kw_only=True)
class WrittenCommands:
    """Files that are new or of an older agentd (``written``), and those that a person edited."""

    written: tuple[Path, ...] = ()
    edited: tuple[Path, ...] = ()


def write_commands(root: Path, providers: Iterable[str]) -> WrittenCommands:
    """Write those of ``providers`` below ``root``; a file that a person edited, or wrote, stays.

    Raises InputError where a link is in the way, or a file can't be written.
    """
    written, edited = [], []
    for path, text in _files(root, providers).items():
        check_no_link(root, path, *(above for above in path.parents if root in above.parents))
        there = _read(path)
        if there == text:
            continue
        if there is not None and not _is_ours(there):
            edited.append(path)
            continue
        try:
            make_folders(path.parent)
            write_atomic(path, text.encode())
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written: {error.strerror}", fix="Check its folder."
            ) from error
        written.append(path)
    return WrittenCommands(written=tuple(written), edited=tuple(edited))


def written_commands(root: Path) -> WrittenCommands:
    """The files that are there, of all providers."""
    there = {path: text for path in _files(root, PROVIDERS) if (text := _read(path)) is not None}
    ours = tuple(path for path, text in there.items() if _is_ours(text))
    return WrittenCommands(written=ours, edited=tuple(path for path in there if path not in ours))


def _files(root: Path, providers: Iterable[str]) -> dict[Path, str]:
    found: dict[Path, str] = {}
    for provider in providers:
        if kind := PROVIDERS[provider].commands:
            for name, told in _TEXTS.items():
                found[root / kind.path.format(name=name)] = _command(kind, name, told)
            found[root / kind.skills / "agentd" / "SKILL.md"] = _skill("agentd", _SKILL)
    return found


def _command(kind: AgentCommands, name: str, told: _Text) -> str:
    body = told.body.format(name=name, arguments=kind.arguments or told.hint)
    about = f"description{{}}{toml_text(told.about)}\n"  # TOML's texts are YAML's too
    match kind.form:
        case "toml":
            return _with_mark(f"{about.format(' = ')}prompt = {toml_text(body)}\n", "# {}")
        case "skill":
            return _skill(f"agentd-{name}", told._replace(body=body))
        case _:
            head = f"{about.format(': ')}argument-hint: {toml_text(told.hint)}\n"
            return _with_mark(f"---\n{head}---\n\n{body}\n")


def _skill(name: str, told: _Text) -> str:
    head = f"name: {name}\ndescription: {toml_text(told.about)}\n"
    return _with_mark(f"---\n{head}---\n\n{told.body}\n")


def _with_mark(text: str, comment: str = "<!-- {} -->") -> str:
    return f"{text}\n{comment.format(f'{_MARK} {_hash(text)}')}\n"


def _is_ours(text: str) -> bool:
    """Whether an agentd, perhaps an older one, wrote it so."""
    found = _MARKED.search(text)
    return found is not None and _hash(text[: found.start()]) == found[1]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> str | None:
    """Its text; "" for what is no text of a small file, which is not agentd's; None for nothing."""
    try:
        return read_plain(path).decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError):
        return ""
