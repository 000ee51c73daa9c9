"""Work that is shared between processes, one for each core."""

from __future__ import annotations

import os
import pickle
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeVar

T = TypeVar("T")


def in_processes(work: Callable[[slice], T], sizes: Sequence[int], share: int) -> list[T]:
    """What ``work`` returns for the parts of a list whose items have these sizes, in their order.

    As many parts as there are cores, but none smaller than ``share``. The first is done here, each
    other one in a forked process; it must change nothing, and return what pickle takes. What such
    a process can't do, this one does again, so that an error is raised as if there was none.
    """
    first, *others = _parts(sizes, min(_cores(), sum(sizes) // share))
    children = [(_fork(work, part), part) for part in others]
    results = [work(first)]
    for (pid, source), part in children:
        with open(source, "rb") as pipe:
            data = pipe.read()
        done = os.waitpid(pid, 0)[1] == 0
        results.append(pickle.loads(data) if done else work(part))
    return results


def _cores() -> int:
    """How many processes may run at the same time; 1 where forking is not safe."""
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return 1
    known = hasattr(os, "sched_getaffinity")  # not on macOS
    return len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1


def _parts(sizes: Sequence[int], count: int) -> list[slice]:
    """Slices of a list of these sizes, about equally large."""
    ends = list(accumulate(sizes))
    cuts = {bisect_right(ends, ends[-1] * number / count) for number in range(1, count)}
    return [slice(*cut) for cut in pairwise([0, *sorted(cuts - {0, len(sizes)}), len(sizes)])]


def _fork(work: Callable[[slice], Any], part: slice) -> tuple[int, int]:
    """A child that does the work, and the descriptor that its result comes from."""
    source, target = os.pipe()
    pid = os.fork()
    if pid:
        os.close(target)
        return pid, source
    code = 1
    try:
        os.close(source)
        with open(target, "wb") as pipe:
            pickle.dump(work(part), pipe, pickle.HIGHEST_PROTOCOL)
        code = 0
    finally:
        os._exit(code)
