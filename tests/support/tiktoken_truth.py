"""tiktoken, offline: its rank files are rebuilt from ours, and it checks their hashes itself."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import tiktoken

from agentd.metering.tokens.bpe import load_ranks

# From tiktoken_ext/openai_public.py (0.14).
SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
_BYTES = {bytes([byte]): byte for byte in range(256)}
_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


def rank_file(name: str) -> bytes:
    """The encoding's ranks as OpenAI publishes them."""
    lines = (
        b"%b %d\n" % (base64.b64encode(token), rank) for token, rank in load_ranks(name).items()
    )
    return b"".join(lines)


@contextlib.contextmanager
def rank_folder(name: str) -> Iterator[Path]:
    """A folder for TIKTOKEN_CACHE_DIR. AssertionError when our ranks are not OpenAI's."""
    data = rank_file(name)
    assert hashlib.sha256(data).hexdigest() == SHA256[name]
    with tempfile.TemporaryDirectory() as folder:
        url = _URL.format(name)
        (Path(folder) / hashlib.sha1(url.encode()).hexdigest()).write_bytes(data)
        yield Path(folder)


@cache
def every_character() -> str:
    """All of Unicode but surrogates."""
    return "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))


@cache
def truth(name: str) -> tiktoken.Encoding:
    """tiktoken's encoding ``name``."""
    with rank_folder(name) as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        return tiktoken.get_encoding(name)


def matched(pattern: str) -> set[str]:
    """The characters, but surrogates, that tiktoken takes for this; with such a pattern alone it
    drops all others."""
    bare = tiktoken.Encoding("bare", pat_str=pattern, mergeable_ranks=_BYTES, special_tokens={})
    return set(bytes(bare.encode_ordinary(every_character())).decode())
