"""What a person has staged and then edited on: content that stands in git's index alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from agentd.files import write_atomic
from agentd.git import GitFailed
from agentd.guard.aside import free_place
from agentd.guard.baseline import Baseline
from agentd.guard.findings import Told
from agentd.guard.git_place import GitPlace
from agentd.guard.git_status import Entry
from agentd.guard.rules import LOSSES
from agentd.text import some_of

_KEPT_BYTES = 1024 * 1024  # of one file
_KEPT_IN_ALL = 64 * 1024 * 1024


class StagedFiles:
    """The staged files of the repository at ``place`` that differ from the working tree.

    Their bytes are kept in a baseline: once the index has another content, git may delete them.
    """

    def __init__(self, place: GitPlace, baseline: Baseline) -> None:
        self._place = place
        self._baseline = baseline

    def keep(self, entries: Mapping[str, Entry]) -> None:
        """Keep those of ``entries``. Raises GitFailed."""
        staged = {path: [e.stages, e.in_head] for path, e in entries.items() if e.stages}
        self._baseline.facts["git staged"] = staged
        objects = {oid: None for stages, _ in staged.values() for oid in objects_of(stages)}
        if not objects:
            return
        told = self._place.ask("cat-file", "--batch-check", send=_lines(objects)).decode()
        small, room = [], _KEPT_IN_ALL
        for oid, kind, *size in map(str.split, told.splitlines()):
            if kind == "blob" and int(size[0]) <= min(_KEPT_BYTES, room):
                small.append(oid)
                room -= int(size[0])
        self._baseline.keep_bytes(
            "git staged", self._place.ask("cat-file", "--batch", send=_lines(small))
        )

    def bring_back(self, kept: Path, where: str, *, may_stage: bool) -> Iterator[Told]:
        """Stage again what the run reverted, where it ``may_stage``; copies of the rest.

        They go into the folder ``kept``, which is called ``where``. Raises OSError.
        """
        staged: dict[str, list[str]] = self._baseline.facts.get("git staged", {})
        if not staged:
            return
        contents = dict(_contents(self._baseline.kept_bytes("git staged") or b""))
        told = self._place.ask("ls-files", "-s", "-z", fails=True)
        now = dict(_by_path(told))
        there = self._there({oid for stages, _ in staged.values() for oid in objects_of(stages)})
        lost = {
            path: stages
            for path, (stages, _) in staged.items()
            if not all(oid in there and oid.encode() in told for oid in objects_of(stages))
        }
        back = [path for path in lost if may_stage and _is_reverted(now.get(path), *staged[path])]
        if back and self._stage({path: lost[path] for path in back}, contents):
            shown = some_of(sorted(back))
            yield Told(f"Staged again, taken out of the index by the step: {shown}", LOSSES)
            lost = {path: stages for path, stages in lost.items() if path not in back}
        # The sides of a conflict are in its commits.
        whole = {path: stages.split()[1] for path, stages in lost.items() if stages[-1] == "0"}
        copied, gone = [], []
        for path, oid in whole.items():
            if oid in contents:
                kept.mkdir(parents=True, exist_ok=True)
                write_atomic(free_place(kept, Path(f"{path}.staged")), contents[oid])
                copied.append(f"{path}.staged")
            else:
                gone.append(path)
        if copied:
            text = f"Staged content that is not staged any more: {where}/"
            yield Told(f"{text} has {some_of(sorted(copied))}", LOSSES)
        if gone:
            text = f"Staged content of which agentd kept no copy: {some_of(sorted(gone))}"
            yield Told(text, LOSSES)

    def _there(self, objects: set[str]) -> set[str]:
        """Those that git still has."""
        told = self._place.ask("cat-file", "--batch-check", send=_lines(objects), fails=True)
        return {line.split()[0] for line in told.decode().splitlines() if " missing" not in line}

    def _stage(self, lost: Mapping[str, str], contents: Mapping[str, bytes]) -> bool:
        """Whether they stand in the index again."""
        lines = []
        try:
            for path, stages in lost.items():
                for oid in objects_of(stages):
                    if oid in contents:  # which may have been pruned
                        self._place.ask("hash-object", "-w", "--stdin", send=contents[oid])
                none = "0" * len(stages.split()[1])
                lines += [f"0 {none}\t{path}\0", *(f"{each}\t{path}\0" for each in _each(stages))]
            self._place.ask("update-index", "-z", "--index-info", send=os.fsencode("".join(lines)))
        except GitFailed:
            return False
        return True


def _is_reverted(now: str | None, stages: str, in_head: str) -> bool:
    """Whether the index has what is committed."""
    if now is None:
        return not in_head
    alone = objects_of(stages)[0] if stages.endswith(" 0") else ""
    return now.split()[1] == (in_head or alone)


def _each(stages: str) -> list[str]:
    return stages.split("\n")


def objects_of(stages: str) -> tuple[str, ...]:
    """The objects of ``Entry.stages``."""
    return tuple(each.split()[1] for each in _each(stages))


def _lines(objects: Iterable[str]) -> bytes:
    return "".join(f"{oid}\n" for oid in objects).encode()


def _by_path(listed: bytes) -> Iterator[tuple[str, str]]:
    """The stages by path, as in ``Entry.stages``; of a conflict the last side alone."""
    for line in filter(None, os.fsdecode(listed).split("\0")):
        entry, _, path = line.partition("\t")
        yield path, entry


def _contents(batch: bytes) -> Iterator[tuple[str, bytes]]:
    """The objects that ``git cat-file --batch`` printed."""
    while batch:
        header, _, batch = batch.partition(b"\n")
        oid, _, size = header.decode().split()
        yield oid, batch[: int(size)]
        batch = batch[int(size) + 1 :]
