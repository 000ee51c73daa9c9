"""Where the changes of a project stand and what they cost, from their folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from agentd.errors import StateError
from agentd.ledger.call_keys import unknown_words
from agentd.project.change import Change
from agentd.project.changes import archived_changes, asked_change, open_changes
from agentd.project.copies import copies_of, is_taken_up, moves_to, unreadable_copies
from agentd.project.layout import find_project
from agentd.project.phases import read_phase
from agentd.reports.overview import Limits, Overview, overview_of
from agentd.version import __version__
from agentd.workflow.leftovers import Leftovers
from agentd.workflow.unentered import enter_unentered


def open_overview(start: Path, change_id: str | None) -> Overview:
    """The change of this id in the project around ``start``; without one, the latest open one.

    Enters first what earlier commands could not. Raises InputError when there is none, StateError
    when its STATE.yaml is broken.
    """
    project = find_project(start)
    change = asked_change(project, change_id)
    waiting = enter_unentered(change)
    view = overview_of(change, Limits.of(project), waiting, copies_of(change))
    unread = (f"{error.message}; its calls are not counted" for error in unreadable_copies(change))
    return replace(view, warnings=(*view.warnings, *unread))


class Listing(NamedTuple):
    """The changes of a project, open ones first; ``hidden``: how many archived ones are not told.

    Those are the ones that agentd had no part in.
    """

    views: list[Overview]
    hidden: int


def list_overviews(start: Path, *, every: bool = False, archived_too: bool = True) -> Listing:
    """The changes of the project; a broken one says so. ``every``: none of them is hidden."""
    project = find_project(start)
    limits = Limits.of(project)
    archived = archived_changes(project)
    shown = [change for change in archived if every or is_taken_up(change)]
    changes = [*open_changes(project), *(shown if archived_too else ())]
    places = Counter(change.id for change in changes)
    told: set[Path] = set()  # a change that a merge has left in two places is told once
    views = []
    for change in changes:
        copies = copies_of(change) if places[change.id] > 1 else []
        into = moves_to(change) if copies and change.archived_on else None
        if not told.intersection(copy.folder for copy in copies) and into is None:
            views.append(listed(change, limits, copies))
            told.add(change.folder)
    ids = {change.id for change in shown}  # a folder that a merge has emptied is no other change
    return Listing(views, sum(change.id not in ids for change in archived))


def listed(
    change: Change,
    limits: Limits,
    copies: Sequence[Change],
    enter: Callable[[Change], Leftovers] = enter_unentered,
) -> Overview:
    """A change among others; one whose STATE.yaml can't be read says so.

    ``enter`` enters what earlier commands could not, and tells what waits.
    """
    try:
        return overview_of(change, limits, enter(change), copies)
    except StateError as error:
        return Overview(
            change=change,
            state=None,
            next=None,
            problem=error.message,
            cure=error.fix,
            warnings=limits.warnings,
        )


def newer_words(views: Iterable[Overview]) -> str | None:
    """A sentence about words in these changes that this agentd does not know, None for none."""
    words: set[tuple[str, str]] = set()
    for state in (view.state for view in views if view.state):
        words |= unknown_words(state.words)
        if state.phase and read_phase(state.phase) is None:
            words.add(("phase", state.phase))
    if not words:
        return None
    told = ", ".join(f"{key} {word}" for key, word in sorted(words))
    return f"agentd {__version__} does not know {told}: a newer one may have written that"


def overlap_notes(start: Path) -> list[str]:
    """A sentence for each requirement that several open changes touch."""
    project = find_project(start)
    if len(open_changes(project)) < 2:
        return []
    from agentd.specs.overlap import overlaps

    return [
        f"{' and '.join(found.changes)} both touch the requirement {found.requirement} "
        f"of {found.capability}"
        for found in overlaps(project)
    ]
