"""SHA-256 for a step that hashes little: ``hashlib`` takes 4 ms to load, for OpenSSL."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlib import _Hash

_WORTH_LOADING_BYTES = 1 << 20  # OpenSSL hashes 1.2 GB/s here, Python itself 0.15 GB/s
_hashed_bytes = 0


def sha256(data: bytes = b"", *, size: int = 0) -> _Hash:
    """What ``hashlib.sha256`` gives; ``size`` is how many bytes will follow, if that is known."""
    global _hashed_bytes  # noqa: PLW0603 - many small files are as much as a large one
    _hashed_bytes += len(data) + size
    make = _of_python() if _hashed_bytes < _WORTH_LOADING_BYTES else None
    if make is None:
        import hashlib

        make = hashlib.sha256
    made: _Hash = make(data)
    return made


@cache
def _of_python() -> Any:
    """None where this Python has none of its own."""
    for module in ("_sha2", "_sha256"):  # since 3.12, and before
        with contextlib.suppress(ImportError):
            return __import__(module).sha256
    return None
