"""A STATE.yaml that is not in agentd's layout, through ruamel: only what must change changes."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from agentd.frozen import frozen
from agentd.ledger import relayout, yaml_nodes
from agentd.ledger.call_fields import Fields
from agentd.ledger.outline import Span
from agentd.ledger.own_grammar import ALL, Columns, once
from agentd.ledger.own_layout import TOTALS, after_last_value
from agentd.ledger.source import Malformed


@frozen()
class Tree:
    """A text, its composed root, and its entries of calls."""

    text: str
    root: MappingNode
    calls: list[Fields]

    def spans(self) -> dict[str, Span]:
        """Where the values of the top-level keys stand."""
        return {key: self._span(*pair) for key, pair in yaml_nodes.pairs(self.root).items()}

    @property
    def columns(self) -> Columns:
        """The calls key by key, each id once."""
        return once(self.entries)

    @property
    def entries(self) -> Columns:
        """The entries of calls key by key."""
        return {key: [call.get(key) for call in self.calls] for key in ALL}

    def stated_totals(self) -> dict[str, str]:
        """The totals as they stand there; "" for one that is no single value."""
        telemetry = self._telemetry()[1]
        pairs = yaml_nodes.pairs(telemetry) if isinstance(telemetry, MappingNode) else {}
        values = {key: pairs[key][1] for key in TOTALS if key in pairs}
        return {
            key: value.value if isinstance(value, ScalarNode) else ""
            for key, value in values.items()
            if not yaml_nodes.is_null(value)
        }

    def append(self, calls: Sequence[Fields]) -> str:
        """The text with its telemetry lines replaced by agentd's layout, ``calls`` at the end."""
        key, telemetry = self._telemetry()
        start, end = self._region(key)
        lines = relayout.rewrite(self.text[start:end], start, key, telemetry, calls)
        before = self.text[:start]
        if before and not before.endswith(("\n", "\r")):
            before += "\n"
        new_text = before + "".join(f"{line}\n" for line in lines) + self.text[end:]
        new = self._check(new_text, {"telemetry"})
        if new.calls != [*self.calls, *calls]:
            raise Malformed(
                yaml_nodes.line_of(key or self.root), "agentd can't rewrite telemetry here"
            )
        return new_text

    def _telemetry(self) -> tuple[Node | None, Node | None]:
        return yaml_nodes.pairs(self.root).get("telemetry", (None, None))

    def _region(self, key: Node | None) -> tuple[int, int]:
        """The lines of the key telemetry; where it would be added when there is none."""
        end = int(self.root.end_mark.index)
        if key is None:
            return end, end
        start = int(key.start_mark.index)
        for other, _ in self.root.value:
            if other.start_mark.index > start:
                end = min(end, self._line_start(int(other.start_mark.index)))
        # Blank lines and comments on the top level belong to what follows.
        end = after_last_value(self.text[:end], skip_indented=False)
        return self._line_start(start), end

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _span(self, key: ScalarNode, value: Node) -> Span:
        after_key = int(key.end_mark.index)
        start, end = int(value.start_mark.index), int(value.end_mark.index)
        if isinstance(value, ScalarNode) and not value.value and not value.style:
            # An empty node's place is that of the next token; it may have a tag or an anchor.
            empty = re.compile(r"\s*:()(?:[ \t]+[!&]\S*)*").match(self.text, after_key)
            start, end = (empty.end(1), empty.end()) if empty else (start, end)
        elif start < after_key:  # an alias: its node stands where the anchor is
            alias = re.compile(r"\s*:\s*(\*[^\s,]+)").match(self.text, after_key)
            start, end = alias.span(1) if alias else (after_key, after_key)
        is_text = isinstance(value, ScalarNode) and not yaml_nodes.is_null(value)
        return Span(start, end, value.value if is_text else None)

    def has_empty_telemetry_at(self, index: int) -> bool:
        """Whether the key telemetry stands at this offset of the text, and holds nothing."""
        key, telemetry = self._telemetry()
        return key is not None and key.start_mark.index == index and yaml_nodes.is_null(telemetry)

    def head_end(self) -> int:
        """The end of the last key before telemetry; of the document when there is none."""
        start = self._region(self._telemetry()[0])[0]
        return after_last_value(self.text[:start], skip_indented=False)

    def check_update(self, new_text: str, changed: Collection[str]) -> None:
        """Raise Malformed unless only these top-level keys have another value in the new text."""
        self._check(new_text, changed)

    def _check(self, new_text: str, changed: Collection[str]) -> Tree:
        problem = "agentd can't change this file without changing the rest of it"
        try:
            new = read(new_text)
        except Malformed as error:
            raise Malformed(1, f"{problem} ({error})") from error
        if new._values(changed) != self._values(changed):
            raise Malformed(1, problem)
        return new

    def _values(self, without: Collection[str]) -> dict[str, object]:
        pairs = yaml_nodes.pairs(self.root).items()
        return {key: _value(value) for key, (_, value) in pairs if key not in without}


def _value(node: Node) -> object:
    if isinstance(node, ScalarNode):
        return (node.tag, node.value)
    if isinstance(node, MappingNode):
        return (node.tag, [(_value(key), _value(value)) for key, value in node.value])
    return (node.tag, [_value(item) for item in node.value])


def read(text: str) -> Tree:
    """The tree of a whole document. Raises Malformed."""
    root = yaml_nodes.compose(text)
    telemetry = yaml_nodes.pairs(root).get("telemetry", (None, None))[1]
    return Tree(text, root, [yaml_nodes.fields_of(call) for call in yaml_nodes.calls_of(telemetry)])
