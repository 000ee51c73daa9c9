"""Verdicts in the forms that models write, and what must never be one."""

from __future__ import annotations

import pytest

from agentd.documents.verdict import read_verdict

ALLOWED = ("APPROVED", "NEEDS_REVISION", "REJECTED")


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        ("## Verdict\n- [x] APPROVED\n- [ ] REJECTED\n", "APPROVED"),
        ("## Verdict\r\n- [ ] APPROVED\r\n- [X] REJECTED\r\n", "REJECTED"),
        ("**Verdict**: APPROVED\n", "APPROVED"),
        ("**Verdict:** approved\n", "APPROVED"),
        ("### Verdict: NEEDS_REVISION\n", "NEEDS_REVISION"),
        ("## Verdict\n\nAPPROVED\n", "APPROVED"),
        ("## Verdict\n\n**APPROVED** - all is well\n", "APPROVED"),
        ("## Verdict\n- [x] **NEEDS_REVISION**: two issues\n", "NEEDS_REVISION"),
        ("\ufeff# Verdict\n* [x] `REJECTED`\n", "REJECTED"),
        ("## Verdict\n- [ ] APPROVED\n- [ ] NEEDS_REVISION\n", None),
        ("## Verdict\n- [x] APPROVED\n- [x] REJECTED\n", None),
        ("## Verdict\n- [x] MAYBE\n", None),
        ("## Verdict\nIt can be APPROVED once mended.\n", None),
        ("## Summary\nAPPROVED\n", None),
        ("## Verdict\n```\n- [x] APPROVED\n```\n", None),
        ("## Verdict\n> APPROVED\n", None),
        ("## Verdict\nNOT APPROVED\n", None),
        ("## Verdict\n- [-] APPROVED\n", None),
        ("## Verdict\n\n## Notes\nAPPROVED\n", None),
        ("", None),
    ],
)
def test_verdict(document: str, verdict: str | None) -> None:
    assert read_verdict(document, ALLOWED) == verdict
