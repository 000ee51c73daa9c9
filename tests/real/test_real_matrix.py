"""A slice of the matrix: each end and each CLI, at the wire where nothing may be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from real.matrix.kinds import KINDS, Kind, play
from real.matrix.verdict import judge

pytestmark = pytest.mark.real

SLICE = (
    "success | subagent | codex",
    "429 then ok | plain | claude",
    "500 then ok | tool | codex",
    "lasting error | tool | gemini",
    "SIGINT | tool | claude",
    "SIGTERM | in a tool | codex",
    "SIGKILL of the CLI | in a tool | gemini",
    "SIGKILL of agentd | in a tool after a subagent | claude",
    "SIGKILL of agentd, the CLI ends | resumed | codex",
    "SIGKILL of both | tool | gemini",
    "time limit | in a tool | claude",
    "budget | tool | gemini",
    "cut and retried | tool | codex",
    "no usage | tool | claude",
)
WITHOUT_THE_RELAY = ("SIGKILL of both | in a tool | codex", "cut and retried | tool | claude")


@pytest.mark.parametrize("name", SLICE)
def test_the_relay_misses_nothing_that_was_finished(name: str, clis: Path) -> None:
    verdict = judge(_kind(name), play(_kind(name), wire="on", clis=clis))
    assert verdict.name in ("right", "cut"), verdict


@pytest.mark.parametrize("name", WITHOUT_THE_RELAY)
def test_what_is_called_exact_is_so_without_the_relay(name: str, clis: Path) -> None:
    verdict = judge(_kind(name), play(_kind(name), wire="off", clis=clis))
    assert verdict.name != "wrong", verdict


def test_all_kinds_are_there() -> None:
    assert len(KINDS) == 204
    assert {name.split(" | ")[0] for name in SLICE} == {kind.end_name for kind in KINDS}


def _kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name)
