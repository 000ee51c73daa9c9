"""The requirements a change touches, as they were when it was proposed: BASE.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from agentd.files import write_atomic
from agentd.json_value import json_value
from agentd.project.layout import Project
from agentd.specs.files import capability_of, change_specs, read_spec, shown, target_of
from agentd.specs.mains import parse_main
from agentd.specs.model import Delta, SpecError
from agentd.specs.overlap import given_by_open_changes

FILE = "BASE.json"
_VERSION = 1
_MAX_BYTES = 50_000_000

Base = Mapping[str, str | None]


def take(project: Project, change: Path) -> dict[str, Base]:
    """Write BASE.json anew: the blocks that the change modifies, removes or renames, as they are.

    Called when the proposal is made, and after each reproposal. Returned as by :func:`load`.
    Raises SpecError for a spec that can't be read.
    """
    taken = {
        key: blocks
        for key, delta in change_specs(project, change)
        if (blocks := _blocks(project, key, delta))
    }
    content = {
        "schema_version": _VERSION,
        "specs": {
            key: {name: text and _block(text) for name, text in blocks.items()}
            for key, blocks in taken.items()
        },
    }
    text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    write_atomic(change / FILE, text.encode())
    return taken


def load(project: Project, change: Path) -> dict[str, Base]:
    """The blocks by name, by the spec's path under ``specs/``; None: it was not there.

    {} when no snapshot was taken. Raises SpecError for a file that is not as it was written.
    """
    path = change / FILE
    text = read_spec(project, path, max_bytes=_MAX_BYTES)
    if text is None:
        return {}
    try:
        content = json_value(text)
        if content["schema_version"] != _VERSION:
            raise _broken(project, path)
        return {
            key: {name: _text(block) for name, block in blocks.items()}
            for key, blocks in content["specs"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _broken(project, path) from error


def _block(text: str) -> dict[str, str]:
    return {"sha256": sha256(text.encode()).hexdigest(), "text": text}


def _text(block: Mapping[str, str] | None) -> str | None:
    if block is None:
        return None
    if block["sha256"] != _block(block["text"])["sha256"]:
        raise ValueError("the hash is another text's")
    return block["text"]


def _blocks(project: Project, key: str, delta: Delta) -> Base:
    """What a delta modifies, removes or renames, by the name that the main spec has.

    What only another open change adds is taken as that has it.
    """
    was = delta.former_names
    modified = (was.get(block.name, block.name) for block in delta.modified)
    names = [*was.values(), *modified, *(entry.name for entry in delta.removed)]
    if not names:
        return {}
    target = target_of(project, key)
    spec = parse_main(read_spec(project, target) or "", shown(project, target))
    there = {block.name: block.text for block in spec.requirements}
    base: dict[str, str | None] = {name: there.get(name) for name in names}
    if missing := [name for name in names if name not in there]:
        given = given_by_open_changes(project)
        for name in missing:
            texts = given.get((capability_of(key), name), {})
            base[name] = next(filter(None, texts.values()), None)
    return base


def _broken(project: Project, path: Path) -> SpecError:
    return SpecError(
        "this snapshot was edited or damaged",
        path=shown(project, path),
        fix="Take it from git again; or delete it, and the merge trusts that nothing moved.",
    )
