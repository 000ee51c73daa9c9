"""Writes docs/schemas and docs/json.md: ``make schemas``."""

from __future__ import annotations

import json
from pathlib import Path

from generate.schemas.documents import all_schemas
from generate.schemas.page import page

DOCS = Path(__file__).parents[3] / "docs"


def files() -> dict[Path, str]:
    """What is written, by its place."""
    schemas = all_schemas()
    found = {
        DOCS / "schemas" / f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False)
        + "\n"
        for name, schema in schemas.items()
    }
    return {**found, DOCS / "json.md": page(schemas)}


def write() -> None:
    """Write the files, and take away schemas that are no more."""
    wanted = files()
    (DOCS / "schemas").mkdir(exist_ok=True)
    for path in {*(DOCS / "schemas").glob("*.schema.json")} - {*wanted}:
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
