"""A call a line, as STATE.yaml has it: ``agentd import --jsonl`` makes the same ledger of it."""

from __future__ import annotations

from agentd.ledger.call_fields import to_fields
from agentd.ledger.render import json_line
from agentd.reports.export import Options, Text
from agentd.reports.export.calls import Exported


def render(exported: Exported, options: Options) -> Text:
    """The change's id, then the fields of ``telemetry.calls``; amounts have all their digits."""
    del options
    lines = (
        json_line({"change_id": one.change_id, **to_fields(one.call)}) for one in exported.calls
    )
    return Text(text="".join(f"{line}\n" for line in lines))
