"""Reading odd inputs: what may come of it, and where an input that did more is kept."""

from __future__ import annotations

import gc
import hashlib
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import NoReturn

from agentd import files
from agentd.errors import AgentdError
from agentd.providers import base
from support.mutator import JSON, Mutator

CRASHERS = Path(__file__).parents[2] / "fixtures" / "crashers"
FOUND = Path(__file__).parents[2] / ".cache" / "crashers"
MAX_S = 1.0
_HANG_S = 10.0  # then it is given up
_AGAIN = 8  # one of so many inputs is read twice

Read = Callable[[bytes], object]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something that reads what others write.

    ``reader`` makes, for a folder of its own, the function that reads an input; its result must be
    the same for the same input. ``seeds`` are sound inputs, ``odd`` values to put into them.
    """

    reader: Callable[[Path], Read]
    seeds: Callable[[], Sequence[bytes]]
    odd: Sequence[bytes] = JSON
    by_lines: bool = False
    inputs: int = 1_000_000


class Broken(AssertionError):
    """An input did what none may do."""


def check(read: Read, data: bytes, *, again: bool) -> None:
    """Read an input. Raises Broken, with the input in FOUND.

    It must come, within a second of processor time, to a value or to an error that a user can act
    on; when it is read ``again``, to the same.
    """
    first, took_s = _timed(read, data)
    if took_s > MAX_S:  # what is loaded once, as the ranks of an encoding, is not the input's
        took_s = _timed(read, data)[1]
    if took_s > MAX_S:
        _fail(data, f"it took {took_s:.1f} s")
    if again and (second := _answer(read, data)) != first:
        _fail(data, f"it came to {first!r}, then to {second!r}")


def _timed(read: Read, data: bytes) -> tuple[object, float]:
    began = time.process_time()
    return _answer(read, data), time.process_time() - began


def _answer(read: Read, data: bytes) -> object:
    try:
        return read(data)
    except AgentdError as error:
        return type(error), error.message, error.exit_code
    except Exception as error:  # noqa: BLE001 - that none comes is what is tested
        _fail(data, repr(error), error)


def _fail(data: bytes, what: str, error: Exception | None = None) -> NoReturn:
    FOUND.mkdir(parents=True, exist_ok=True)
    path = FOUND / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    raise Broken(f"{what[:2000]}\nthe input is in {path}: {data[:400]!r}") from error


def fuzz(target: Target, *, inputs: int, seed: str, seconds: float | None = None) -> int:
    """Read up to so many inputs, for up to so many seconds of processor time; how many were read.

    The inputs all differ. The same seed makes the same ones. Raises Broken at the first that did
    what none may do.
    """
    mutator = Mutator(target.seeds(), target.odd, by_lines=target.by_lines)
    random = Random(seed)
    began = time.process_time()
    before: set[int] = set()
    # What is there already is looked at by no collection: a tenth of the time.
    gc.freeze()
    with ready(target) as read:
        while len(before) < inputs:
            if seconds is not None and time.process_time() - began > seconds:
                break
            data = mutator.make(random)
            if (name := hash(data)) in before:
                continue
            before.add(name)
            signal.setitimer(signal.ITIMER_VIRTUAL, _HANG_S)
            check(read, data, again=len(before) % _AGAIN == 0)
    gc.unfreeze()
    return len(before)


@contextmanager
def ready(target: Target) -> Iterator[Read]:
    """The function that reads an input, in a folder in memory, with no guard to tell."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="agentd-", dir=memory if memory.is_dir() else None))
    before = signal.signal(signal.SIGVTALRM, _give_up)
    surprises, base.SURPRISES = base.SURPRISES, ()  # the net below the parsers is away
    noted, files.noted = files.noted, lambda *_: nullcontext()
    try:
        yield target.reader(folder)
    finally:
        base.SURPRISES, files.noted = surprises, noted
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        shutil.rmtree(folder, ignore_errors=True)


def _give_up(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"no end after {_HANG_S:.0f} s")


def crashers(name: str) -> list[Path]:
    """The inputs that once broke a target."""
    return sorted((CRASHERS / name).glob("*"))


def as_line(value: object) -> bytes:
    """A line of JSON, as the CLIs print it."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def or_error(work: Callable[[], object]) -> object:
    """What a part of a reader comes to, or the error that a user gets."""
    try:
        return work()
    except AgentdError as error:
        return str(error)
