"""The totals as a STATE.yaml states them, right or wrong; sums are made from the calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from agentd.ledger.document import Document
from agentd.ledger.own_layout import TOTALS, Block

if TYPE_CHECKING:
    from agentd.ledger.foreign import Tree

_LINE = re.compile(rf"^  ({'|'.join(TOTALS)}): +(\S+)", re.MULTILINE)


def written(document: Document) -> dict[str, Decimal | None]:
    """Each total that is there, by its key; None for one that is no number."""
    if isinstance(document.calls, Block):
        found = document.calls
        texts: Mapping[str, str] = dict(_LINE.findall(document.text[found.start : found.end]))
    else:
        texts = _of_tree(document.calls)
    return {key: _number(text) for key, text in texts.items()}


def _of_tree(tree: Tree) -> dict[str, str]:
    from ruamel.yaml.nodes import MappingNode, ScalarNode

    from agentd.ledger import yaml_nodes

    _, telemetry = yaml_nodes.pairs(tree.root).get("telemetry", (None, None))
    pairs = yaml_nodes.pairs(telemetry) if isinstance(telemetry, MappingNode) else {}
    values = {key: pairs[key][1] for key in TOTALS if key in pairs}
    return {
        key: value.value if isinstance(value, ScalarNode) else ""
        for key, value in values.items()
        if not yaml_nodes.is_null(value)
    }


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
