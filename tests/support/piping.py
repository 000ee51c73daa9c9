"""Run `agentd pipe` as a process."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.command import agentd_bytes

COMMAND = [sys.executable, "-m", "agentd", "pipe"]


@dataclass(frozen=True)
class Piped:
    """What came out."""

    code: int
    out: bytes
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        lines = self.out.decode().split("\n")
        assert lines.pop() == ""
        return [json.loads(line, parse_int=_integer) for line in lines]


def pipe(
    folder: Path, data: bytes | str, *arguments: object, model: str | None = "gpt-4o"
) -> Piped:
    """Feed `data` to `agentd pipe`, outside of any project unless `folder` is one."""
    named = ["--model", model] if model else []
    given = data.encode() if isinstance(data, str) else data
    done = agentd_bytes("pipe", *named, *map(str, arguments), cwd=folder, stdin=given)
    return Piped(done.returncode, done.stdout, done.stderr.decode())


def jsonl(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 1000 else digits
