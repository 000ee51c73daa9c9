"""The one edge: the documents of a change from disk, bounded, or why one could not be read."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from agentd.documents.report import Issue
from agentd.files import files_below
from agentd.frozen import frozen
from agentd.project.text_file import MAX_BYTES, MAX_LINES, read_text

MAX_FILES = 500


@frozen()
class Source:
    """A document: ``name`` within the change (``specs/login.md``), ``path`` as the user sees it."""

    name: str
    path: str
    text: str


@frozen()
class Sources:
    """The documents of a change that could be read, by name, and issues about the others."""

    documents: dict[str, Source] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    @property
    def specs(self) -> list[Source]:
        """The change's specs, in order of their names."""
        return [source for name, source in self.documents.items() if name.startswith("specs/")]


def read_sources(root: Path, change: Path) -> Sources:
    """All Markdown documents of ``change``, but for those of its ``runs/``.

    A file that is a link, no regular file, not UTF-8, or too large is an issue and not read; so
    is what goes beyond 500 files or, all files together, beyond the limits of one.
    """
    sources = Sources()
    room_bytes, room_lines = MAX_BYTES, MAX_LINES
    for count, file in enumerate(_markdown_files(change)):
        name = file.relative_to(change).as_posix()
        path = file.relative_to(root).as_posix()
        if count >= MAX_FILES:
            _refuse(sources, name, path, "too-large", f"more than {MAX_FILES} documents")
            break
        code, text = read_text(file, room_bytes, room_lines)
        if code:
            _refuse(sources, name, path, code, text)
        else:
            sources.documents[name] = Source(name, path, text)
            room_bytes -= len(text)
            room_lines -= text.count("\n") + text.count("\r")
    return sources


def _markdown_files(change: Path) -> list[Path]:
    """The ``*.md`` of the change's folder and below ``specs/``; links to folders not followed."""
    files = [entry for entry in change.iterdir() if entry.suffix == ".md"]
    files += files_below(change / "specs", ".md", enters=lambda name: not name.startswith("."))
    return sorted(
        file
        for file in files
        if not file.name.startswith(".") and (file.is_symlink() or not file.is_dir())
    )


def _refuse(sources: Sources, name: str, path: str, code: str, reason: str) -> None:
    sources.refused.add(name)
    sources.issues.append(Issue("error", code, path, None, reason, _FIXES[code]))


_FIXES = {
    "unreadable": "Put a real file in its place.",
    "too-large": "Shorten it, or take several changes.",
    "not-text": "Save it as UTF-8.",
}
