"""A STATE.yaml of any shape as YAML nodes with their places in the text (through ruamel)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tokens import Token

from agentd.late_pattern import late_pattern
from agentd.ledger import call_fields, call_keys, scalar
from agentd.ledger.source import Conflicted, Malformed

_CONFLICT = late_pattern(r"^(<{7,}|\|{7,}|={7,}|>{7,})(?: .*)?\r?$", re.MULTILINE)
_TOO_DEEP = "nested too deeply"
_MAX_DEPTH = 100
_MANY_OPENINGS = late_pattern(rf"^(?:[^\n\[{{]*+[\[{{]){{{_MAX_DEPTH}}}.*", re.MULTILINE)
_FEW_NODES = 1_000
_NULL = "tag:yaml.org,2002:null"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_MERGE = "tag:yaml.org,2002:merge"


def compose(text: str) -> MappingNode:
    """The document's root: a block mapping in which no key comes twice, at any depth.

    Raises Malformed with the line, for merge-conflict markers and whatever else is no such YAML.
    """
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        raise Conflicted(line, f'merge-conflict marker "{conflict[0].strip()}"')
    if deep := next(filter(_is_too_deep, _MANY_OPENINGS.finditer(text)), None):
        raise Malformed(text.count("\n", 0, deep.start()) + 1, _TOO_DEEP)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML allows it
            root = YAML(typ="safe", pure=True).compose(text)
        if root is None:
            raise Malformed(1, "the file is empty; expected a mapping")
        _check(root, 0, {}, _FEW_NODES + 2 * len(text))
    except RecursionError:
        raise Malformed(1, _TOO_DEEP) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Malformed(mark.line + 1 if mark else 1, str(error.problem or error.context)) from None
    except YAMLError as error:
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position if isinstance(position, int) else 0) + 1
        raise Malformed(line, str(error).strip().splitlines()[0]) from None
    if not isinstance(root, MappingNode):
        raise Malformed(line_of(root), "expected a mapping (key: value)")
    if root.flow_style:
        raise Malformed(line_of(root), "the whole file is one {...}; expected one key per line")
    return root


def _is_too_deep(line: re.Match[str]) -> bool:
    """Whether a line that opens many brackets leaves too many of them open.

    ruamel takes seconds to find out.
    """
    bare = re.sub(f"{scalar.SINGLE}|{scalar.DOUBLE}", "", line[0])
    depth = 0
    for sign in re.findall(r"[\[\]{}]", bare):
        depth += 1 if sign in "[{" else -1
        if depth > _MAX_DEPTH:
            return True
    return False


def scan(text: str) -> Iterator[Token]:
    """The tokens of a part of a document that :func:`compose` took."""
    yield from YAML(typ="safe", pure=True).scan(text)


def plain_tag(text: str) -> str:
    """The tag that YAML 1.2 gives a plain scalar."""
    return str(YAML(typ="safe", pure=True).resolver.resolve(ScalarNode, text, (True, False)))


def line_of(node: Node) -> int:
    """The line of a node, from 1."""
    return int(node.start_mark.line) + 1


def _check(node: Node, depth: int, sizes: dict[int, int], most: int) -> int:
    """How many nodes it is with every alias written out.

    Raises Malformed for a key that comes twice, what is too deep or too large to be walked through,
    and an anchor that holds itself. ``sizes`` has those of the nodes above (0) and before; without
    aliases no text has more than ``most``.
    """
    if isinstance(node, ScalarNode):
        return 1
    if (known := sizes.get(id(node))) is not None:
        if not known:
            raise Malformed(line_of(node), "an anchor that holds itself")
        return known
    if depth > _MAX_DEPTH:
        raise Malformed(line_of(node), _TOO_DEEP)
    sizes[id(node)] = 0
    size = 1
    if isinstance(node, MappingNode):
        _check_keys(node)
        inner = [one for pair in node.value for one in pair]
    else:
        inner = node.value
    for one in inner:
        size += _check(one, depth + 1, sizes, most)
        if size > most:
            raise Malformed(line_of(node), f"aliases that stand for more than {most:,} values")
    sizes[id(node)] = size
    return size


def _check_keys(node: MappingNode) -> None:
    seen = set()
    for key, _ in node.value:
        if isinstance(key, ScalarNode):
            if (key.tag, key.value) in seen:
                raise Malformed(line_of(key), f"the key {key.value} comes twice")
            seen.add((key.tag, key.value))


def pairs(node: MappingNode) -> dict[str, tuple[ScalarNode, Node]]:
    """The keys of a mapping with their key and value nodes, merged ones (``<<``) last."""
    found: dict[str, tuple[ScalarNode, Node]] = {}
    merged: list[Node] = []
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise Malformed(line_of(key), "a key that is no plain name")
        if key.tag == _MERGE:
            merged += value.value if isinstance(value, SequenceNode) else [value]
        else:
            found[key.value] = (key, value)
    for mapping in merged:
        if not isinstance(mapping, MappingNode):
            raise Malformed(line_of(mapping), "<< with something that is no mapping")
        for name, pair in pairs(mapping).items():
            found.setdefault(name, pair)
    return found


def is_null(node: Node | None) -> bool:
    """Whether it is null (``null``, ``~``, nothing at all)."""
    return isinstance(node, ScalarNode) and node.tag == _NULL


def calls_of(telemetry: Node | None) -> list[MappingNode]:
    """The nodes of ``telemetry.calls``; none for null and absent. Raises Malformed."""
    if telemetry is None or is_null(telemetry):
        return []
    if not isinstance(telemetry, MappingNode):
        raise Malformed(line_of(telemetry), "telemetry is no mapping")
    key, calls = pairs(telemetry).get("calls", (None, None))
    if calls is None or is_null(calls):
        return []
    if not isinstance(calls, SequenceNode):
        raise Malformed(line_of(key or calls), "telemetry.calls is no list")
    for call in calls.value:
        if not isinstance(call, MappingNode):
            raise Malformed(line_of(call), "a call is no mapping")
    return list(calls.value)


def fields_of(call: MappingNode, *, of_model: bool = False) -> call_fields.Fields:
    """The known keys of one call (or item of ``models``), checked. Raises Malformed."""
    raw: dict[str, object] = {}
    for name, (key, value) in pairs(call).items():
        if name in call_keys.KEYS and not is_null(value):
            raw[name] = _raw(name, value)
            try:
                call_fields.read_value(name, raw[name])
            except ValueError as error:
                raise Malformed(line_of(key), str(error)) from None
    try:
        return call_fields.read_fields(raw, of_model=of_model)
    except ValueError as error:
        raise Malformed(line_of(call), str(error)) from None


def _raw(key: str, node: Node) -> object:
    kind = call_keys.KEYS[key]
    if kind == "models" and isinstance(node, SequenceNode):
        models = [item for item in node.value if isinstance(item, MappingNode)]
        if len(models) == len(node.value):
            return [fields_of(item, of_model=True) for item in models]
    if not isinstance(node, ScalarNode):
        problem = f"{key} is no single value; expected {call_fields.EXPECTED[kind]}"
        raise Malformed(line_of(node), problem)
    text: Any = node.value
    if kind in ("text", "word", "variants", "threads", "time"):
        return text
    if node.tag == _INT and re.fullmatch(r"[+-]?[0-9]{1,40}", text):
        return int(text)
    if node.tag == _FLOAT:
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    return text
