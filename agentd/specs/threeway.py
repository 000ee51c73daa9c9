"""Merging two edits of one text against what both started from, with ``git merge-file``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agentd.git import GitFailed, run
from agentd.specs.blocks import requirement_in


def _merge_lines(base: str, ours: str, theirs: str) -> str | None:
    """Both edits in one text; None when they clash, and where git can't say.

    Each text is taken as lines and comes back without a line feed at its end.
    """
    with tempfile.TemporaryDirectory(prefix="agentd-merge-") as name:
        folder = Path(name)
        for file, text in (("ours", ours), ("base", base), ("theirs", theirs)):
            (folder / file).write_text(f"{text}\n", encoding="utf-8", newline="")
        try:
            done = run(
                folder, "merge-file", "-p", "-q", "ours", "base", "theirs", own_settings=False
            )
        except GitFailed:
            return None
    # The exit code is the number of conflicts, or says that git could not do it.
    return None if done.returncode else done.stdout.decode().removesuffix("\n")


def merge_block(base: str, ours: str, theirs: str) -> str | None:
    """Both edits of a requirement block in one; None when they clash.

    Two edits that each put a scenario at the end clash line by line; they are told apart by the
    scenarios' names.
    """
    return _merge_lines(base, ours, theirs) or _by_scenario(base, ours, theirs)


def _by_scenario(base: str, ours: str, theirs: str) -> str | None:
    was, now, wanted = _parts(base), _parts(ours), _parts(theirs)
    if was is None or now is None or wanted is None:
        return None
    merged = []
    for name in [*now, *(name for name in wanted if name not in now)]:
        text = _one(was.get(name, ""), now.get(name, ""), wanted.get(name, ""))
        if text is None:
            return None
        if text:
            merged.append(text)
    return "\n\n".join(merged)


def _one(was: str, now: str, wanted: str) -> str | None:
    """One part merged; "" when it goes, None when the edits clash."""
    if now in (was, wanted):
        return wanted
    if wanted == was:
        return now
    return _merge_lines(was, now, wanted) if was and now and wanted else None


def _parts(block: str) -> dict[str, str] | None:
    """The text above the scenarios (under "") and each scenario; None when two share a name."""
    requirement = requirement_in(block)
    parts = {"": block}
    if requirement.scenarios:
        first = requirement.scenarios[0].line - 1
        parts[""] = "\n".join(block.split("\n")[:first]).rstrip()
    for scenario in requirement.scenarios:
        if scenario.name in parts:
            return None
        parts[scenario.name] = scenario.text
    return parts
