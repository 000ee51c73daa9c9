"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

ChangeId = Annotated[
    str,
    typer.Argument(
        metavar="ID", show_default=False, help="The change: small letters, digits and '-'."
    ),
]
Provider = Annotated[
    str | None,
    typer.Option(
        "--provider", metavar="NAME", help="claude, codex or gemini, instead of the configured one."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="MODEL", help="A model id of the config, or a model's full name."
    ),
]
Session = Annotated[
    str | None,
    typer.Option(
        "--session",
        metavar="SESSION",
        help="Continue this session of the CLI (session_id in STATE.yaml).",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
