"""What a run may write, and what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a run may write; it comes from the step table alone, never from a document.

    ``documents`` are absolute paths of files, or of folders for all that lies below. ``code`` says
    whether it may change the project's files other than agentd's own.
    """

    documents: tuple[Path, ...]
    code: bool = False

    def names(self, path: Path) -> bool:
        """Whether ``path`` is one of the documents."""
        return any(document == path or document in path.parents for document in self.documents)


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A path that the run may not change, and ``what`` became of it: new, changed, deleted ...

    ``own`` are agentd's own files, which :meth:`Guard.restore` puts back.
    """

    path: Path
    what: str
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a run changed, each sorted by path.

    ``written`` are allowed documents that are new or have new content, ``code`` the project's
    other files that changed, ``forbidden`` what may not. ``misplaced`` are files that changed and
    are called like an allowed document that was not written. ``at_work`` are the ids of other
    changes that were worked on meanwhile: their files, and those that all changes share (main
    specs, archive, code), can't be laid at this run's door and are not in ``forbidden``. Their
    ledgers are, all the same: agentd's own writes are known there.
    """

    written: tuple[Path, ...]
    forbidden: tuple[Forbidden, ...]
    misplaced: tuple[Path, ...]
    code: tuple[Path, ...]
    at_work: tuple[str, ...] = ()
