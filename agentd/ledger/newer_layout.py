"""A call as a newer agentd lays it out: keys that this one doesn't know stand anywhere in it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from agentd.late_pattern import late_pattern
from agentd.ledger import call_keys, outline

_CALL = late_pattern(r"  - .+\n(?:    .+\n)*")
_ITEM = late_pattern(r"    - .+\n(?:      .+\n)*")
_SIMPLE = late_pattern(rf"( *)({outline.KEY}): {outline.VALUE}\n")


def known_parts(text: str) -> str | None:
    """The calls that ``text`` is the lines of, with the keys that agentd knows, in its order.

    None when there is anything else, or what agentd does not know is not sound YAML by itself.
    """
    calls = _CALL.findall(text)
    parts = [_known(call, "    ", tuple(call_keys.KEYS)) for call in calls]
    if len("".join(calls)) != len(text) or None in parts:
        return None
    return "".join(filter(None, parts))


def _known(item: str, indent: str, keys: Sequence[str]) -> str | None:
    pairs = _pairs(item, indent)
    if pairs is None:
        return None
    if "models" in keys and "models" in pairs:
        heading, _, models = pairs["models"].partition("\n")
        parts = [_known(one, "      ", call_keys.MODEL_KEYS) for one in _ITEM.findall(models)]
        if len("".join(_ITEM.findall(models))) != len(models) or None in parts:
            return None
        pairs["models"] = "".join([heading, "\n", *filter(None, parts)])
    unknown = "".join(lines for key, lines in pairs.items() if key not in keys)
    if not is_sound(unknown):
        return None
    lines = "".join(pairs[key] for key in keys if key in pairs)
    return f"{indent[2:]}- {lines.removeprefix(indent)}"


def _pairs(item: str, indent: str) -> dict[str, str] | None:
    """The lines of each key of a list's item; None when they are not keys, or one comes twice."""
    dash = f"{indent[2:]}- "
    lines = indent + item.removeprefix(dash)
    pair = re.compile(rf"{indent}([A-Za-z_][\w-]*):.*\n(?:{indent}(?:  |- ).*\n)*")
    found = list(pair.finditer(lines))
    pairs = {match[1]: match[0] for match in found}
    whole = sum(map(len, pairs.values())) == len(lines)
    return pairs if whole and len(pairs) == len(found) else None


def is_sound(unknown: str) -> bool:
    """Whether the lines of unknown keys are YAML that needs nothing around it."""
    simple = list(_SIMPLE.finditer(unknown))
    whole = sum(len(found[0]) for found in simple) == len(unknown)
    indents, keys = ({found[group] for found in simple} for group in (1, 2))
    if whole and len(indents) < 2 and len(keys) == len(simple):
        return True
    from agentd.ledger import yaml_nodes  # it loads ruamel
    from agentd.ledger.source import Malformed

    try:
        yaml_nodes.compose(textwrap.dedent(unknown))
    except Malformed:
        return False
    return True
