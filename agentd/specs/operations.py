"""The four operations of a merge, on the blocks of one main spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from agentd.late_pattern import late_pattern
from agentd.specs.blocks import requirement_in
from agentd.specs.check import main_problems
from agentd.specs.mains import parse_main, spec_text
from agentd.specs.model import Conflict, Delta, MainSpec, MergeResult, Problem, Requirement
from agentd.specs.named_blocks import NamedBlocks
from agentd.specs.threeway import merge_block

_OLD_NAME = late_pattern(r"R\d+:")


class Operations:
    """One merge at work: the blocks by name, and what was found on the way.

    Called in this order: rename, remove, modify, add; then :meth:`result`.
    """

    def __init__(
        self, spec: MainSpec, delta: Delta, base: Mapping[str, str | None], warnings: list[Problem]
    ) -> None:
        self.spec = spec
        self.delta = delta
        self.former_names = delta.former_names
        self.base = base
        self.warnings = warnings
        self.blocks = NamedBlocks((block.name, block.text) for block in spec.requirements)
        self.problems: list[Problem] = [
            Problem(f'"{name}" is in the main spec twice') for name in self.blocks.doubles
        ]
        self.conflicts: list[Conflict] = []
        self.counts = dict.fromkeys(("added", "modified", "removed", "renamed"), 0)
        of_style = spec.requirements or delta.added
        self.old_style = any(block.old_style for block in of_style)

    def rename(self) -> None:
        """Apply RENAMED; a block that moved meanwhile keeps its text."""
        for entry in self.delta.renamed:
            old, new = entry.old, entry.new
            if old not in self.blocks:
                near = self.blocks.near(old, exempt=new)
                if new not in self.blocks:
                    self._refuse(f'RENAMED: there is no "{old}" to rename', entry.line)
                elif near:
                    self._refuse(_near("RENAMED", old, near), entry.line)
                continue
            near = self.blocks.near(new, exempt=old)
            if new in self.blocks:
                self._refuse(f'RENAMED: "{new}" is there already', entry.line)
            elif near:
                self._refuse(f'RENAMED: "{new}" and "{near}" are too much alike', entry.line)
            else:
                text = self._with_heading(self.blocks[old], new)
                self.blocks.add(new, text, self.blocks.take_away(old))
                self.counts["renamed"] += 1

    def remove(self) -> None:
        """Apply REMOVED; a block that moved meanwhile is a conflict."""
        for entry in self.delta.removed:
            name = entry.name
            if name not in self.blocks:
                if near := self.blocks.near(name):
                    self._refuse(_near("REMOVED", name, near), entry.line)
                else:
                    text = f'REMOVED: "{name}" is not in the main spec: taken as removed already'
                    self.warnings.append(Problem(text, entry.line))
                continue
            now = self.blocks[name]
            base = self.base.get(name, now)
            if base != now:
                self._clash(name, base, now, "", entry.line)
            self.blocks.take_away(name)
            self.counts["removed"] += 1

    def modify(self) -> None:
        """Apply MODIFIED; a block that moved meanwhile is merged three ways."""
        for block in self.delta.modified:
            if block.name not in self.blocks:
                text = f'MODIFIED: there is no "{block.name}" to modify'
                if near := self.blocks.near(block.name):
                    text = _near("MODIFIED", block.name, near)
                self._refuse(text, block.line)
                continue
            now = self.blocks[block.name]
            new = self._moved(block, now)
            if new is None or new.strip() == now.strip():
                continue
            lost = _scenarios(now) - _scenarios(new)
            if lost:
                names = ", ".join(f'"{name}"' for name in lost.elements())
                self._refuse(
                    f'MODIFIED "{block.name}" leaves out what the main spec has: scenario {names}; '
                    "a MODIFIED requirement is repeated as a whole",
                    block.line,
                )
                continue
            self.counts["modified"] += 1
            self.blocks[block.name] = new

    def _moved(self, block: Requirement, now: str) -> str | None:
        """A block as the change wants it, what happened to it meanwhile kept; None: a clash."""
        theirs = self._written(block)
        source = self.former_names.get(block.name, block.name)
        if source not in self.base:
            return theirs
        heading = theirs.split("\n", 1)[0]
        ours = _headed(now, heading)
        base = self.base[source]
        if base is not None:
            if ours in (_headed(base, heading), theirs):
                return theirs
            merged = merge_block(_headed(base, heading), ours, theirs)
            if merged is not None:
                return merged
        elif ours == theirs:
            return theirs
        self._clash(block.name, base, now, theirs, block.line)
        return None

    def add(self) -> None:
        """Apply ADDED; a block that is there word for word stays."""
        for block in self.delta.added:
            text = self._written(block)
            if block.name in self.blocks:
                if self.blocks[block.name].strip() != text.strip():
                    self._refuse(f'ADDED: "{block.name}" is there already', block.line)
            elif near := self.blocks.near(block.name):
                self._refuse(_near("ADDED", block.name, near), block.line)
            else:
                self.blocks.add(block.name, text)
                self.counts["added"] += 1

    def result(self, main_text: str | None) -> MergeResult:
        """The merged spec, if it is one OpenSpec reads."""
        problems, text = tuple(self.problems), None
        if not problems and not self.conflicts:
            text = main_text
            if text is None or any(self.counts.values()):
                text = spec_text(self.spec, self.blocks.in_order())
            if wrong := main_problems(text, self.delta.path) or self._hidden(text):
                shown = (f"the merged spec would have a fault: {p.message}" for p in wrong)
                problems, text = tuple(map(Problem, shown)), None
        return MergeResult(
            text=text,
            problems=problems,
            conflicts=tuple(self.conflicts),
            warnings=tuple(self.warnings),
            counts=self.counts,
        )

    def _hidden(self, text: str) -> tuple[Problem, ...]:
        """An open fence in one block hides the blocks after it."""
        seen = {block.name for block in parse_main(text, self.delta.path).requirements}
        return tuple(
            Problem(f'"{name}" would be hidden by a code fence that is never closed')
            for name in self.blocks
            if name not in seen
        )

    def _refuse(self, message: str, line: int) -> None:
        self.problems.append(Problem(message, line))

    def _clash(self, name: str, base: str | None, ours: str, theirs: str, line: int) -> None:
        self.conflicts.append(
            Conflict(name=name, base=base or "", ours=ours, theirs=theirs, line=line)
        )

    def _written(self, block: Requirement) -> str:
        if self.old_style or block.old_style:
            return self._with_heading(block.text, block.name)
        return block.text

    def _with_heading(self, text: str, name: str) -> str:
        """``text`` under its name's heading, as this spec writes one."""
        if self.old_style and _OLD_NAME.match(name):
            return _headed(text, f"### {name}")
        return _headed(text, f"### Requirement: {name}")


def _headed(text: str, heading: str) -> str:
    _, newline, rest = text.partition("\n")
    return heading + newline + rest


def _near(kind: str, name: str, near: str) -> str:
    return (
        f'{kind}: the main spec has "{near}", which differs from "{name}" in case or spacing only'
    )


def _scenarios(block: str) -> Counter[str]:
    return Counter(scenario.name for scenario in requirement_in(block).scenarios)
