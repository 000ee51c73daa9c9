"""What a guard finds after a run: what fails the step, and what a person is only told."""

from __future__ import annotations

from pathlib import Path

from agentd.frozen import frozen


@frozen()
class Forbidden:
    """A path that the run may not change, and ``what`` became of it: new, changed, deleted ...

    ``own`` are agentd's own files, which :meth:`Guard.restore` puts back. ``rule`` is the sentence
    of the prompt that was broken, ``diff`` some lines of what changed; "" where there is none.
    ``in_doubt`` tells that a person may have done it, after a run whose end nobody saw.
    """

    path: Path
    what: str
    own: bool = False
    in_doubt: bool = False
    rule: str = ""
    diff: str = ""


@frozen()
class Told:
    """What the run did beside its work, and what became of it, as ``text``; the step counts.

    ``rule`` is the sentence of the prompt that was broken, "" for none, ``diff`` some lines of it.
    """

    text: str
    rule: str = ""
    diff: str = ""


@frozen(kw_only=True)
class Findings:
    """What a run changed, each sorted by path.

    ``written`` are allowed documents that are new or have new content, ``forbidden`` what may not
    change. ``misplaced`` are files that changed and are called like an allowed document that was
    not written. ``told`` is what does not fail the step, ``code`` the project's files
    that a run changed which may.
    """

    written: tuple[Path, ...]
    forbidden: tuple[Forbidden, ...]
    misplaced: tuple[Path, ...]
    told: tuple[Told, ...] = ()
    code: tuple[Path, ...] = ()

    @property
    def own(self) -> list[Path]:
        """agentd's own files among the forbidden; a folder comes before what is in it."""
        return [entry.path for entry in self.forbidden if entry.own]
