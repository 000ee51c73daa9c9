"""Which of a person's uncommitted and ignored files a run has lost: deleted, reverted, edited."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agentd.frozen import frozen
from agentd.guard.baseline import Baseline
from agentd.guard.copies import HASHED_BYTES, look_again
from agentd.guard.git_place import GitPlace
from agentd.guard.git_status import HIDDEN, Entry
from agentd.guard.staged import objects_of
from agentd.guard.tree import Look, look_at


@frozen()
class Loss:
    """A file of a person that is not what it was: deleted, reverted, or edited.

    ``path`` is below the repository's top, ``look`` as it was.
    """

    path: str
    what: str
    look: Look

    @property
    def is_kept(self) -> bool:
        """Whether the baseline has its bytes."""
        return self.look.kind == "link" or self.look.at >= 0


class LostFiles:
    """What a baseline has of a person's files in the repository at ``place``, and what is gone."""

    def __init__(self, place: GitPlace, baseline: Baseline) -> None:
        self._place = place
        self._baseline = baseline

    def vanished(self) -> list[Loss]:
        """Those that are gone, in a repository that git can't read any more."""
        mine = {*self._facts["dirty"], *self._facts["ignored"]} - {*self._facts["by steps"]}
        looks = {path: self._baseline.entries.get(self._top(path)) for path in sorted(mine)}
        return [
            Loss(path, "deleted", look)
            for path, look in looks.items()
            if look is not None and not os.path.lexists(self._top(path))
        ]

    def lost(
        self,
        dirty: Mapping[str, Entry],
        looks: Mapping[str, Look | None],
        changed: Iterable[str],
    ) -> list[Loss]:
        """Those of ``dirty``, which look as ``looks`` says now, and of the ignored ones.

        ``changed`` are all paths that changed. Raises GitFailed.
        """
        by_steps = frozenset(self._facts["by steps"])
        ignored = frozenset(self._facts["ignored"])
        found = []
        for path in (*(path for path in dirty if path not in by_steps), *ignored):
            before = self._baseline.entries.get(self._top(path))
            if before is None or before.kind not in ("file", "link", "repository"):
                continue
            if before.kind == "repository" and (dirty[path].is_module or self._top(path).exists()):
                continue
            now = (
                looks[path] if path in dirty else look_again(self._top(path), None, self._baseline)
            )
            if now is not None and (before.same_as(now) or _as_read(before, now)):
                continue
            what = "deleted" if now is None or now.kind == "dir" else "edited"
            found.append(Loss(path, what, before))
        new = {self._top(path) for path in changed if path not in dirty}
        found = [loss for loss in found if loss.what != "deleted" or not _moved(loss.look, new)]
        return list(self._with_reverted(found, dirty))

    def _with_reverted(self, losses: list[Loss], dirty: Mapping[str, Entry]) -> Iterator[Loss]:
        """The losses; what is as committed now is told as reverted."""
        edited = [
            loss.path
            for loss in losses
            if loss.what == "edited" and loss.path in dirty and "\n" not in loss.path
        ]
        objects: dict[str, str] = {}
        if edited:
            names = "".join(f"{path}\n" for path in edited)
            told = self._place.ask(
                "hash-object", "--stdin-paths", send=os.fsencode(names), fails=True
            )
            objects = dict(zip(edited, told.decode().split(), strict=False))
        for loss in losses:
            entry = dirty.get(loss.path)
            now = objects.get(loss.path)
            is_reverted = entry and now and now in self._committed(loss.path, entry)
            yield Loss(loss.path, "reverted", loss.look) if is_reverted else loss

    def _committed(self, path: str, entry: Entry) -> tuple[str, ...]:
        if entry.state == "u":
            return objects_of(entry.stages)
        if entry.state != HIDDEN:
            return entry.in_head, entry.in_index
        return (self._place.ask("rev-parse", "-q", f"HEAD:{path}", fails=True).decode().strip(),)

    @property
    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self._baseline.facts["repository"]
        return facts

    def _top(self, path: str) -> Path:
        return self._place.top / path


def _as_read(before: Look, now: Look) -> bool:
    """Whether the content is the same, whatever the permissions."""
    return before.digest is not None and before.digest == now.digest and before.kind == now.kind


def _moved(look: Look, new: Iterable[Path]) -> bool:
    """Whether a new file has its content."""
    if look.digest is None or look.kind != "file":
        return False
    for path in new:
        now = look_at(path, hash_up_to=-1)
        if now is None or now.size != look.size or now.kind != "file":
            continue
        now = look_at(path, hash_up_to=HASHED_BYTES)
        if now is not None and now.digest == look.digest:
            return True
    return False
