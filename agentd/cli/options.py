"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

ChangeId = Annotated[
    str,
    typer.Argument(
        metavar="ID", show_default=False, help="Change id: lowercase letters, digits and '-'."
    ),
]
LatestChangeId = Annotated[
    str | None,
    typer.Argument(
        metavar="[ID]",
        show_default=False,
        help="Change id (default: the most recent open one, else the last that was archived).",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
