"""Start-up is part of the interface: a command loads only what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.state_samples import CALL

from agentd.ledger.store import StateStore
from agentd.project.init import initialise

HEAVY = {"ruamel", "genai_prices", "toktok", "tiktoken", "aiohttp", "tomllib", "asyncio"}
RECORDS = {"json", "agentd.metering.call", "agentd.ledger.store", "agentd.markdown.document"}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--version"], {*HEAVY, *RECORDS, "dataclasses", "decimal"}),
        (["status", "add-oauth"], {*HEAVY, *RECORDS}),
    ],
)
def test_what_a_command_does_without(
    tmp_path: Path, arguments: list[str], unwanted: set[str]
) -> None:
    initialise(tmp_path)
    store = StateStore(tmp_path / "agentd" / "changes" / "add-oauth")
    store.create("add-oauth")
    store.append(CALL)
    script = (
        "import sys; from agentd.cli import run; assert run(sys.argv[1:]) == 0;"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not unwanted & set(done.stderr.split())
