"""Mending what can surely be mended: no text is lost, and a second time changes nothing."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from agentd.documents.document_files import read_sources
from agentd.documents.fix_specs import mend_spec
from agentd.documents.ledger_rules import calls_of_others, ledger_issues
from agentd.documents.tasks import BARE_BOX, CHECKBOX
from agentd.files import TEMPORARY, files_below, remove_tree, write_atomic
from agentd.frozen import frozen
from agentd.ledger.run_folders import run_dirs, unentered
from agentd.markdown.document import BOM, scan
from agentd.project.change import Change
from agentd.project.changes import find_change
from agentd.project.copies import moves_to
from agentd.project.layout import STATE_FILE, Project
from agentd.text import counted


@frozen()
class Mended:
    """A document that was mended: its path as the user sees it, and what was done, in order."""

    path: str
    notes: tuple[str, ...]


def fix_change(project: Project, change: Path) -> list[Mended]:
    """Mend the documents of the change in folder ``change``, each replaced atomically.

    Those that can't be read (too large, no text, links) are left alone. Raises OSError when one
    can't be written; it is then as it was.
    """
    mended = []
    for name, source in read_sources(project.root, change).documents.items():
        if name in ("proposal.md", "tasks.md"):
            text, notes = fix_document(source.text, tasks=name == "tasks.md")
        elif name.startswith("specs/"):
            is_new = not (project.specs_dir / name.removeprefix("specs/")).exists()
            text, notes = fix_spec(source.text, is_new=is_new)
        else:
            continue
        if notes:
            write_atomic(change / name, text.encode())
            mended.append(Mended(source.path, notes))
    return mended


def fix_ledger(change: Change, *, alone: bool = False) -> list[Mended]:
    """Unite the calls of a STATE.yaml with conflict markers, and take out what is there twice.

    One that a merge has left behind where the change was archived goes into that one, unless a
    document lies beside it; of a change that was archived twice it goes into the later one, and the
    documents of the other stay where they differ. One that is broken in another way is left alone.
    ``alone`` is as in :func:`ledger_issues`. Raises StateError when it can't be written.
    """
    project, folder = change.project, change.folder
    if not ledger_issues(change, alone=alone):
        return []
    notes = change.ledger.mend()
    if (into := moves_to(change)) is not None:
        own = _differing(folder, into.folder)
        names = {path.name for path in folder.iterdir() if not TEMPORARY.fullmatch(path.name)}
        if change.archived_on or names <= {STATE_FILE, "runs"}:
            into.ledger.take_over(change.ledger)
            _move_runs(change, into)
            if not own and not run_dirs(change.runs_dir):
                remove_tree(folder)
            left = f"; left there, as they differ: {', '.join(own)}" if own else ""
            notes += (f"moved its calls to {project.shown(into.folder / STATE_FILE)}{left}",)
    return [Mended(project.shown(folder / STATE_FILE), notes)] if notes else []


def fix_shared(project: Project, chosen: Iterable[Change]) -> list[Mended]:
    """Take out of these changes the calls that count in another one; they stay there alone.

    Raises StateError when a STATE.yaml can't be written.
    """
    mended = []
    for change, found in calls_of_others(project, chosen):
        notes = []
        for owner, ids in found.elsewhere.items():
            change.ledger.take_out(ids)
            _move_runs(change, find_change(project, owner), ids)
            notes.append(f"took {counted(len(ids), 'call')} out that {owner} has too")
        if notes:
            mended.append(Mended(project.shown(change.folder / STATE_FILE), tuple(notes)))
    return mended


def _move_runs(change: Change, into: Change, ids: Collection[str] | None = None) -> None:
    """The folders of runs go where their calls went, unless there is one, or it is not entered."""
    waiting = unentered(change.runs_dir)
    for path in run_dirs(change.runs_dir):
        target = into.runs_dir / path.name
        if (ids is None or path.name in ids) and path not in waiting and not target.exists():
            with contextlib.suppress(OSError):  # another user's
                path.rename(target)


def _differing(folder: Path, other: Path) -> list[str]:
    """The files of a change's folder that are not the same in another one, but for its ledger."""
    found = []
    for path in files_below(folder, "", enters=lambda name: name != "runs"):
        name = path.relative_to(folder)
        is_own = str(name) == STATE_FILE or TEMPORARY.fullmatch(path.name)
        if not is_own and not _is_same(path, other / name):
            found.append(str(name))
    return found


def _is_same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink() or not (one.is_file() and other.is_file()):
        return False
    return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()


def fix_document(text: str, *, tasks: bool = False) -> tuple[str, tuple[str, ...]]:
    """A proposal or, with ``tasks``, a tasks.md: the mended text, and what was mended."""
    return _fix(text, [_checkboxes] if tasks else [])


def fix_spec(text: str, *, is_new: bool) -> tuple[str, tuple[str, ...]]:
    """The same for a change's spec; ``is_new`` when there is no main spec of its name."""
    return _fix(text, [lambda lines: mend_spec(lines, is_new=is_new)])


Mend = Callable[[list[str]], tuple[list[str], list[str]]]


def _fix(text: str, mends: list[Mend]) -> tuple[str, tuple[str, ...]]:
    """The steps in order, on lines without their ends; a file of CRLF alone keeps them."""
    notes: list[str] = []
    bare = text.lstrip(BOM)
    if bare != text:
        notes.append("removed the byte order mark")
    ends = {match[0] for match in re.finditer(r"\r\n|\r|\n", bare)}
    end = "\r\n" if ends == {"\r\n"} else "\n"
    if ends - {end}:
        notes.append("made all line ends LF")
    lines = bare.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for mend in (_trailing_spaces, *mends):
        lines, done = mend(lines)
        notes += done
    if lines[-1]:
        lines.append("")
        notes.append("ended the last line")
    return end.join(lines), tuple(notes)


def _trailing_spaces(lines: list[str]) -> tuple[list[str], list[str]]:
    """Take spaces from line ends, but for code and for Markdown's line break of two spaces."""
    document = scan("\n".join(lines))
    mended = list(lines)
    for index, line in enumerate(lines):
        if line[-1:] not in (" ", "\t") or not document.is_prose(index):
            continue
        following = lines[index + 1].lstrip(" \t") if index + 1 < len(lines) else ""
        kept = line.endswith("  ") and line.strip() and line.lstrip()[0] not in "#|"
        if kept and following and following[0] != "#":
            continue
        mended[index] = line.rstrip(" \t")
    changed = sum(new != old for new, old in zip(mended, lines, strict=True))
    return mended, [f"took spaces from the end of {counted(changed, 'line')}"] if changed else []


def _checkboxes(lines: list[str]) -> tuple[list[str], list[str]]:
    """Write checkboxes as ``- [ ] ...`` and ``- [x] ...``; an unknown mark stays what it is."""
    document = scan("\n".join(lines))
    mended = list(lines)
    for index, line in enumerate(lines):
        if document.is_prose(index) and "[" in line:
            mended[index] = _checkbox(line)
    changed = sum(new != old for new, old in zip(mended, lines, strict=True))
    boxes = "checkbox" if changed == 1 else "checkboxes"
    return mended, [f"wrote {changed} {boxes} as `- [x] ...`"] if changed else []


def _checkbox(line: str) -> str:
    match = CHECKBOX.match(line)
    if match:
        bullet = match["bullet"] if match["bullet"][:-1] else "-"
    elif match := BARE_BOX.match(line):
        bullet = "-"
    else:
        return line
    mark = match["mark"].strip() or " "
    mark = "x" if mark == "X" else mark
    text = match["text"].lstrip(" \t")
    return f"{match['indent']}{bullet} [{mark}]{' ' if text else ''}{text}"
