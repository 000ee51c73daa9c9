"""tasks.md as tasks: numbers, checkboxes, what they serve and what they wait for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.markdown.document import scan
from agentd.markdown.spans import without_code
from agentd.project.change import Change

# `- [ ] 1.1 text`, and near it: `-[x] text`, `* [X]text`, `- [ x ] text`, `1. [ ] text`.
CHECKBOX = late_pattern(
    r"^(?P<indent>[ \t]*)(?P<bullet>[-*+]|\d{1,9}[.)])(?P<gap>[ \t]*)"
    r"\[(?P<mark>[ \t]{0,9}[^\]\s]?[ \t]{0,9})\](?![(\[:])(?P<space>[ \t]*)(?P<text>.*)$"
)
# A box without its bullet is surely one only before a task's number.
BARE_BOX = late_pattern(r"^(?P<indent>[ \t]*)\[(?P<mark>[ xX])\][ \t]+(?P<text>\d+(?:\.\d+)*\b.*)$")
_NUMBER = late_pattern(r"^[*_~]{0,4}(\d{1,9}(?:\.\d{1,9}){0,9})[.):]?[*_~]{0,4}(?=\s|$)[ \t]*")
_FIELD = late_pattern(
    r"^[ \t]*(?:[-*+][ \t]+)?[*_]{0,2}([^\W\d_]+(?: on)?)[*_]{0,2}[ \t]*[:：](.*)$"
)
_DEPENDS = late_pattern(
    r"(?P<field>(?:^|[(\[;,.–—-])[ \t]*(?:[-*+][ \t]+)?[*_]{0,2})?"
    r"\bdepend(?:s|ing|ent|encies|ency)?(?:[ \t]+on\b)?(?P<colon>[*_]{0,2}[ \t]*[:：])?[*_]{0,2}",
    re.IGNORECASE,
)
_NEGATED = late_pattern(
    r"(?:\b(?:no longer|not|never|nothing|neither|nor|none|used to|without)|n['’]t)"
    r"(?:[ \t]+[^\W\d]+){0,2}[ \t]+$",
    re.IGNORECASE,
)
_REFERENCE = late_pattern(
    r"[\s,;&/*_、，]{0,9}(?:and\b|or\b|und\b)?\s{0,9}(?:tasks?\b)?\s{0,9}#?"
    r"(\d{1,9}(?:\.\d{1,9}){0,9})(?![^\W_])",
    re.IGNORECASE,
)
_ENDS = late_pattern(
    r"[*_]{0,2}\s*(?:$|[^\w\s*_%°'\"“<>=+~^-]|[-<]+\s|(?:and|or|und)\b)", re.IGNORECASE
)


@frozen(kw_only=True)
class Task:
    """One checkbox of tasks.md.

    ``number`` is ``1.2`` in ASCII digits, None without one; ``line`` counts from 1.
    ``requirements`` are the names it says it serves, ``tests`` what its field Test names,
    ``depends_on`` the numbers that a field of it names to wait for, ``may_depend_on`` those that
    its prose seems to.
    ``mark`` is what stands in the box: only ``x`` and ``X`` are done. ``well_formed`` is False
    when other tools would not see a checkbox.
    """

    number: str | None
    text: str
    done: bool
    line: int
    mark: str
    well_formed: bool
    requirements: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    may_depend_on: tuple[str, ...] = ()


@dataclass(slots=True)
class _Draft:
    """A task while its lines are read."""

    task: dict[str, object]
    requirements: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    depends_on: list[str] = field(default_factory=list)
    may_depend_on: list[str] = field(default_factory=list)

    def finish(self) -> Task:
        return Task(
            **self.task,  # type: ignore[arg-type]
            requirements=tuple(self.requirements),
            tests=tuple(self.tests),
            depends_on=tuple(dict.fromkeys(self.depends_on)),
            may_depend_on=tuple(dict.fromkeys(self.may_depend_on)),
        )


def read_tasks(text: str) -> list[Task]:
    """The tasks of a tasks.md, in order; nested checkboxes are tasks too, code blocks hold none."""
    drafts: list[_Draft] = []
    for number, line in scan(text).numbered():
        draft = _box(number, line) if "[" in line else None
        if draft:
            drafts.append(draft)
            _read_references(draft, str(draft.task["text"]))
        elif line[:1] == "#":
            drafts.append(_Draft({}))  # what follows a heading belongs to no task
        elif drafts and drafts[-1].task and line.strip():
            _read_detail(drafts[-1], line)
    return [draft.finish() for draft in drafts if draft.task]


def tasks_of(change: Change) -> list[Task]:
    """The tasks of a change, in order."""
    return read_tasks(change.text("tasks.md") or "")


def progress(tasks: Sequence[Task]) -> tuple[int, int]:
    """How many tasks are done, and how many there are."""
    return sum(task.done for task in tasks), len(tasks)


def normal_number(text: str) -> str:
    """A task's number in ASCII digits, without leading zeros."""
    parts = text.split(".")
    return ".".join(
        str(int("".join(str(unicodedata.decimal(digit)) for digit in part))) for part in parts
    )


def _box(line_number: int, line: str) -> _Draft | None:
    match = CHECKBOX.match(line)
    if match:
        bullet, mark = match["bullet"], match["mark"]
        well_formed = bool(match["gap"]) and len(mark) == 1
        well_formed = well_formed and bool(match["space"] or not match["text"])
    elif match := BARE_BOX.match(line):
        bullet, mark, well_formed = "", match["mark"], False
    else:
        return None
    text = match["text"].strip()
    numbered = _NUMBER.match(text)
    given = numbered[1] if numbered else bullet[:-1]
    return _Draft(
        {
            "number": normal_number(given) if given else None,
            "text": text[numbered.end() :] if numbered else text,
            "done": mark.strip() in ("x", "X"),
            "line": line_number,
            "mark": mark.strip(),
            "well_formed": well_formed,
        }
    )


def _read_detail(draft: _Draft, line: str) -> None:
    match = _FIELD.match(line)
    named = {
        **dict.fromkeys(("requirement", "requirements"), draft.requirements),
        **dict.fromkeys(("test", "tests"), draft.tests),
    }.get(match[1].lower() if match else "")
    if match and named is not None:
        name = match[2].strip(" \t*_")
        named += [name] if name else []
    else:
        _read_references(draft, line)


def _read_references(draft: _Draft, line: str) -> None:
    """What follows ``Depends on:``, or ``depends on`` in prose, up to the first that is no number.

    In prose a number is one of things as likely ("depends on 2 services"): one that no end of a
    phrase follows is no reference, and none is one for certain.
    """
    if "depend" not in line.lower():
        return
    line = without_code(line)
    for match in _DEPENDS.finditer(line):
        is_field = match["field"] is not None and match["colon"] is not None
        if _NEGATED.search(line, max(0, match.start() - 60), match.start()):
            continue
        place = match.end()
        while reference := _REFERENCE.match(line, place):
            place = reference.end()
            ends = _ENDS.match(line, place) is not None
            number = normal_number(reference[1])
            if is_field:
                (draft.depends_on if ends else draft.may_depend_on).append(number)
            elif ends:
                draft.may_depend_on.append(number)
