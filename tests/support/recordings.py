"""The recorded runs of the real CLIs in fixtures/recordings, with what the API served in each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parents[2] / "fixtures"


@dataclass(frozen=True)
class Recording:
    folder: Path
    cli: str
    version: str
    shows: str
    served: dict[str, dict[str, int]]
    argv: list[str]

    @property
    def id(self) -> str:
        return f"{self.cli}-{self.version}-{self.folder.name}"

    @property
    def stdout(self) -> str:
        return (self.folder / "stdout").read_text(encoding="utf-8", errors="replace")

    def total(self, key: str) -> int:
        return sum(usage.get(key, 0) for usage in self.served.values())


def load(folder: Path) -> Recording:
    expected: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return Recording(
        folder=folder,
        cli=expected["cli"],
        version=expected["version"],
        shows=expected["stdout_shows"],
        served=expected["served"],
        argv=(folder / "argv").read_text().splitlines(),
    )


RECORDINGS = [load(path.parent) for path in sorted(FIXTURES.glob("recordings/*/*/*/expected.json"))]


def recordings(*shows: str, cli: str | None = None) -> list[Recording]:
    return [r for r in RECORDINGS if r.shows in shows and cli in (None, r.cli)]


def recording(path: str) -> Recording:
    return load(FIXTURES / "recordings" / path)
