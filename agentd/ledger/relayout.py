"""Any telemetry block written anew in agentd's layout; unknown keys and comments stay."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from agentd.late_pattern import late_pattern
from agentd.ledger import call_keys, own_grammar, render, scalar, yaml_nodes
from agentd.ledger.call_fields import Fields
from agentd.ledger.own_layout import SUMMED, TOTALS, add_up
from agentd.ledger.same_call import entries_that_count
from agentd.ledger.source import Malformed

_COMMENT = late_pattern(r"(?:^|(?<=[ \t\n]))#[^\r\n]*", re.MULTILINE)
_STR = "tag:yaml.org,2002:str"
_SEQ = "tag:yaml.org,2002:seq"
_MAP = "tag:yaml.org,2002:map"


@dataclass
class _Line:
    """A line to write; ``at``: where its key stood in the old text, None for a new one."""

    text: str
    at: int | None = None
    before: list[str] = field(default_factory=list)
    behind: str = ""

    def lines(self) -> Iterator[str]:
        indent = " " * (len(self.text) - len(self.text.lstrip(" ")))
        yield from (indent + comment for comment in self.before)
        yield self.text + self.behind


def rewrite(
    region: str, start: int, key: Node | None, telemetry: Node | None, new: Sequence[Fields]
) -> list[str]:
    """The lines of the block with ``new`` calls at its end.

    ``region`` is the text of the lines that it replaces, ``start`` its offset in the document;
    ``telemetry`` is what the key holds now, None when it is absent. Raises Malformed.
    """
    calls = yaml_nodes.calls_of(telemetry)
    known = [yaml_nodes.fields_of(call) for call in calls]
    inside = yaml_nodes.pairs(telemetry) if isinstance(telemetry, MappingNode) else {}
    lines = [_Line("telemetry:", _at(key))]
    if known or new:
        lines.append(_Line("  calls:", _at(inside["calls"][0] if "calls" in inside else None)))
    else:
        lines.append(_Line("  calls: []"))
    for call, fields in zip(calls, known, strict=True):
        lines += _item_lines(call, fields, "  ", call_keys.KEYS)
    lines += [_Line(text) for fields in new for text in render.yaml_lines(fields)]
    counted = list(entries_that_count([*known, *new]))
    sums = add_up({key: [fields[key] for fields in counted] for key in SUMMED})
    for total, text in zip(TOTALS, sums.lines(), strict=True):
        lines.append(_Line(text, _at(inside[total][0] if total in inside else None)))
    for name, (name_node, value) in inside.items():
        if name != "calls" and name not in TOTALS:
            lines += _any_lines("  ", name_node, value)
    trailing = _place_comments(lines, region, start)
    return [text for line in lines for text in line.lines()] + trailing


def _at(node: Node | None) -> int | None:
    return int(node.start_mark.index) if node is not None else None


def _item_lines(
    item: MappingNode, fields: Fields, indent: str, keys: Collection[str]
) -> list[_Line]:
    """A call, or an item of its ``models``: the keys that agentd knows, then all others."""
    places = yaml_nodes.pairs(item)
    lines: list[_Line] = []
    for key in keys:
        if key not in fields:
            continue
        name, value = places[key]
        if key == "models":
            lines += _models_lines(name, value)
        else:
            lines.append(_Line(f"{indent}  {key}: {_known(key, value, fields)}", _at(name)))
    for key, (name, value) in places.items():
        if key not in keys:
            lines += _any_lines(f"{indent}  ", name, value)
    return _as_item(lines, indent)


def _known(key: str, value: Node, fields: Fields) -> str:
    if key == "timestamp" and re.fullmatch(own_grammar.TIME, value.value):
        return str(value.value)  # to the nanosecond, as the original wrote it
    return render.yaml_value(fields[key])


def _models_lines(name: Node, models: Node) -> list[_Line]:
    lines = [_Line("    models:", _at(name))]
    for model in models.value:
        fields = yaml_nodes.fields_of(model, of_model=True)
        lines += _item_lines(model, fields, "    ", call_keys.MODEL_KEYS)
    return lines if len(lines) > 1 else []


def _as_item(lines: list[_Line], indent: str) -> list[_Line]:
    lines[0].text = f"{indent}- {lines[0].text[len(indent) + 2 :]}"
    return lines


def _any_lines(indent: str, key: ScalarNode, value: Node) -> list[_Line]:
    """A pair that agentd does not know, at any depth, in block style."""
    name = f"{indent}{_any_scalar(key)}:"
    if isinstance(value, ScalarNode):
        return [_Line(f"{name} {_any_scalar(value)}", _at(key))]
    if value.tag not in (_SEQ, _MAP):
        raise Malformed(yaml_nodes.line_of(value), f"the tag {value.tag} inside telemetry")
    if not value.value:
        return [_Line(f"{name} {'[]' if isinstance(value, SequenceNode) else '{}'}", _at(key))]
    return [_Line(name, _at(key)), *_any_inner(indent + "  ", value)]


def _any_inner(indent: str, value: Node) -> list[_Line]:
    lines: list[_Line] = []
    if isinstance(value, MappingNode):
        for inner_key, inner in yaml_nodes.pairs(value).values():
            lines += _any_lines(indent, inner_key, inner)
        return lines
    for item in value.value:
        if isinstance(item, ScalarNode):
            lines.append(_Line(f"{indent}- {_any_scalar(item)}", _at(item)))
        elif not item.value:
            lines.append(_Line(f"{indent}- {'[]' if isinstance(item, SequenceNode) else '{}'}"))
        else:
            lines += _as_item(_any_inner(indent + "  ", item), indent)
    return lines


def _any_scalar(node: ScalarNode) -> str:
    """A scalar with the value that it had, plain ones as they stood."""
    text = str(node.value)
    plain = node.style is None and "\n" not in text
    if plain and node.tag == yaml_nodes.plain_tag(text):
        return text or "null"
    if node.tag != _STR:
        raise Malformed(yaml_nodes.line_of(node), f"the tag {node.tag} inside telemetry")
    return scalar.text(text)


def _place_comments(lines: list[_Line], region: str, start: int) -> list[str]:
    """Put each comment before the line that followed it, or behind the one that it ended.

    Returns those after which nothing followed.
    """
    placed = sorted((line.at, number) for number, line in enumerate(lines) if line.at is not None)
    offsets = [at for at, _ in placed]
    trailing = []
    for offset, text in _comments(region):
        at = start + offset
        own_line = not region[region.rfind("\n", 0, offset) + 1 : offset].strip()
        if not own_line:
            lines[placed[bisect_right(offsets, at) - 1][1]].behind += f"  {text}"
        elif (following := bisect_left(offsets, at)) < len(offsets):
            lines[placed[following][1]].before.append(text)
        else:
            trailing.append(f"  {text}")
    return trailing


def _comments(region: str) -> Iterator[tuple[int, str]]:
    end = 0
    for token in yaml_nodes.scan(region):
        for match in _COMMENT.finditer(region, end, token.start_mark.index):
            yield match.start(), match[0].rstrip()
        end = max(end, token.end_mark.index)
