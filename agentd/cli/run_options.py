"""Options and arguments of the commands that run a step or several."""

from __future__ import annotations

from typing import Annotated

import typer

from agentd.providers import any_provider

Provider = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="NAME",
        help=f"{any_provider()}, instead of the configured one.",
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
Description = Annotated[
    str,
    typer.Argument(metavar="DESCRIPTION", show_default=False, help="What to change, and why."),
]
OptionalDescription = Annotated[
    str | None,
    typer.Argument(
        metavar="[DESCRIPTION]", show_default=False, help="What to change, and why; once."
    ),
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Sleep until a rate limit is lifted, and go on.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only results and errors.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show what the CLI says and does, on stderr.")
]
Small = Annotated[
    bool, typer.Option("--small", help="The short way for a small change: no challenge.")
]
Resolve = Annotated[
    bool, typer.Option("--resolve", help="Ask a model about real conflicts of the merge.")
]
BudgetOverride = Annotated[
    bool,
    typer.Option(
        "--budget-override",
        help="Go beyond the budget's limits; the calls that do are marked in STATE.yaml.",
    ),
]
Approve = Annotated[
    list[str] | None,
    typer.Option("--approve", metavar="GATE", help="Pass this gate: plan, impl, archive."),
]
