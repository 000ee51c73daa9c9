"""What a spec document holds: requirements with scenarios, and a change's deltas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentd.errors import InputError
from agentd.frozen import frozen


class SpecError(InputError):
    """A spec can't be read or merged; ``path`` and ``line`` (from 1, None: unknown) say where."""

    code = "spec"

    def __init__(self, message: str, *, path: str, line: int | None = None, fix: str = "") -> None:
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}", fix=fix)
        self.path = path
        self.line = line


@frozen()
class Problem:
    """Why a spec is refused, or what to know about it; ``line`` counts from 1, None: the file."""

    message: str
    line: int | None = None


@frozen()
class Scenario:
    """A ``#### `` heading in a requirement; ``text`` with it, ``body`` what stands under it."""

    name: str
    text: str
    line: int
    body: str


@frozen()
class Requirement:
    """A ``### Requirement: `` heading and all up to the next one.

    ``text`` is the whole block as written, its end trimmed; ``body`` the statement alone: the
    lines up to the first heading, without fences, blank lines and (where other lines are left)
    ``**Key**: value`` lines. ``old_style`` is the original agentd's ``### R1: Title``, whose name
    is ``R1: Title``.
    """

    name: str
    text: str
    scenarios: tuple[Scenario, ...]
    line: int
    body: str
    old_style: bool = False


@frozen(kw_only=True)
class MainSpec:
    """A main spec, cut into slices that together are the (newline-normalized) file.

    ``before`` is what stands above ``header`` (``## Requirements``), ``preamble`` what stands
    between it and the first requirement, ``after`` the sections below. ``header`` is "" when the
    file has no such section. ``problems`` are faults of structure that forbid merging into it.
    """

    path: str
    text: str
    before: str
    header: str
    preamble: str
    requirements: tuple[Requirement, ...]
    after: str
    problems: tuple[Problem, ...]


@frozen()
class Removed:
    """A requirement a change takes away, with what it says after **Reason**."""

    name: str
    reason: str
    line: int


@frozen()
class Renamed:
    """A requirement a change gives another name."""

    old: str
    new: str
    line: int


@frozen(kw_only=True)
class Delta:
    """A change's spec. ``sections`` are the delta headings found, as written.

    ``problems``: FROM without TO and the like. ``stray``: requirements outside the delta sections
    and headings in them that are no requirements; they are not merged. ``whole`` is a spec in
    place of deltas, as the original agentd's changes have it: its requirements are ``added``.
    """

    path: str
    text: str
    purpose: str
    sections: tuple[str, ...]
    added: tuple[Requirement, ...]
    modified: tuple[Requirement, ...]
    removed: tuple[Removed, ...]
    renamed: tuple[Renamed, ...]
    problems: tuple[Problem, ...]
    stray: tuple[Problem, ...]
    whole: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it to merge."""
        return not (self.added or self.modified or self.removed or self.renamed)

    @property
    def touched(self) -> Iterator[tuple[str, int]]:
        """The requirements that it touches, old and new names, with their lines."""
        yield from ((block.name, block.line) for block in (*self.added, *self.modified))
        yield from ((removed.name, removed.line) for removed in self.removed)
        for rename in self.renamed:
            yield rename.old, rename.line
            yield rename.new, rename.line

    @property
    def former_names(self) -> dict[str, str]:
        """The names that it gives, and what the main spec has them under."""
        former: dict[str, str] = {}
        for entry in self.renamed:
            former[entry.new] = former.get(entry.old, entry.old)
        return former


@frozen(kw_only=True)
class Conflict:
    """A requirement that moved since the proposal in a way the change's edit clashes with.

    ``ours`` is what the main spec says now, ``theirs`` what the change makes of it ("" where it
    removes it), ``base`` what both started from ("" where there was nothing). ``line`` is in the
    change's spec.
    """

    name: str
    base: str
    ours: str
    theirs: str
    line: int


@frozen(kw_only=True)
class MergeResult:
    """The new spec, or why there is none.

    ``text`` is None when there are problems or conflicts; it equals the old text, byte for byte,
    when the spec already says what the change wants. ``counts``: requirements added, modified,
    removed, renamed.
    """

    text: str | None
    problems: tuple[Problem, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    warnings: tuple[Problem, ...] = ()
    counts: Mapping[str, int]


def fold(name: str) -> str:
    """A name for spotting slips: two that differ in case or spacing only are one requirement."""
    return " ".join(name.lower().split())
