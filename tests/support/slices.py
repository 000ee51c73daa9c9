"""Long proofs in five slices: `make test` runs the first, `make reliability` all of them.

A proof is a test marked ``reliability``: kills at random moments, races, many generated inputs.
It asks here how many rounds it has to run, and which random numbers to start with.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

SLICES = 5
KIND = os.environ.get("AGENTD_TEST_KIND", "test")
"""Who runs a slice: test (`make test`), ci (one slice alone) or whole (`make reliability`)."""
SLICE = int(os.environ.get("AGENTD_TEST_SLICE", "0"))


def part_of(whole: int) -> int:
    """The rounds of one slice, of ``whole`` in all slices together."""
    return -(-whole // SLICES)


def seconds_of_slice(seconds: Mapping[str, float]) -> float | None:
    """How long a slice may go on: by KIND, None where it is run to its end."""
    return seconds.get(KIND)


def seed(number: int) -> int:
    """A seed that differs from slice to slice."""
    return number + 1000 * SLICE
