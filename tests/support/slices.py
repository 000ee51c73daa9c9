"""Long proofs in five slices: `make test` runs the first, `make reliability` all of them.

A proof is a test marked ``reliability``: kills at random moments, races, many generated inputs.
It asks here how many rounds it has to run, and which random numbers to start with.
"""

from __future__ import annotations

import os

SLICES = 5
SLICE = int(os.environ.get("AGENTD_TEST_SLICE", "0"))


def part_of(whole: int) -> int:
    """The rounds of one slice, of ``whole`` in all slices together."""
    return -(-whole // SLICES)


def seed(number: int) -> int:
    """A seed that differs from slice to slice."""
    return number + 1000 * SLICE
