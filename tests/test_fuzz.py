"""What agentd reads and others write never ends in a traceback, or without end."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fuzz_targets import TARGETS
from support.fuzzing import CRASHERS, check, crashers, fuzz, ready
from support.slices import SLICE, part_of, seconds_of_slice

from agentd.errors import AgentdError

SECONDS = {"test": 0.3, "ci": 60 / len(TARGETS)}
"""Of processor time for each target, where not all inputs are read."""

OLD = [(name, path) for name in TARGETS for path in crashers(name)]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


@pytest.mark.parametrize(("name", "path"), OLD, ids=[f"{name}-{path.name}" for name, path in OLD])
def test_what_once_broke_it_does_no_more(name: str, path: Path) -> None:
    with ready(TARGETS[name]) as read:
        check(read, path.read_bytes(), again=True)


def test_every_crasher_has_its_target() -> None:
    assert {path.name for path in CRASHERS.iterdir()} <= TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_what_it_is_made_for_is_read(name: str) -> None:
    """Else nothing but the refusal of inputs would be tested."""
    target = TARGETS[name]
    read_well = 0
    with ready(target) as read:
        for seed in target.seeds():
            with contextlib.suppress(AgentdError):
                read_well += bool(read(seed))
    assert read_well


@pytest.mark.reliability
@pytest.mark.parametrize("name", TARGETS)
def test_no_mutant_breaks_it(name: str) -> None:
    target = TARGETS[name]
    limit_s = seconds_of_slice(SECONDS)
    done = fuzz(target, inputs=part_of(target.inputs), seed=f"{name} {SLICE}", seconds=limit_s)
    assert done


@pytest.mark.parametrize("name", TARGETS)
def test_no_made_up_document_breaks_it(name: str) -> None:
    """Documents of its own keys, with values of any type in any place."""
    target = TARGETS[name]
    keys = sorted({key for seed in target.seeds() for key in re.findall(rb'"(\w+)":', seed)})
    names = st.sampled_from([key.decode() for key in keys] or ["telemetry"])
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    )
    lines = st.lists(st.dictionaries(names, values, max_size=6), max_size=4)

    @settings(max_examples=15 if "AGENTD_TEST_SLICE" not in os.environ else 200)
    @given(lines)
    def holds(documents: list[dict[str, object]]) -> None:
        check(read, "\n".join(map(json.dumps, documents)).encode(), again=True)

    with ready(target) as read:
        holds()
