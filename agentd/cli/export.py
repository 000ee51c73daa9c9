"""The command that writes calls for other tools: export."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from agentd.cli.options import LatestChangeId
from agentd.cli.terminal import note, show
from agentd.errors import InputError, StateError, UsageError
from agentd.masking import without_keys

# Spelled out, for the help: the room that knows them takes too long to load.
Format = Literal["focus", "prometheus", "otlp", "csv", "jsonl"]
FocusVersion = Literal["1.2", "1.4"]


def export(
    change_id: LatestChangeId = None,
    shape: Annotated[
        Format | None,
        typer.Option("--format", metavar="FORMAT", help=f"One of {', '.join(get_args(Format))}."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Export all changes, archived ones too.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="WHEN", help="Only calls that began then or later, as in cost."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="WHEN", help="Only calls that began before, as in cost."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option("--timezone", metavar="ZONE", help="Time zone of these days, as in cost."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write to FILE, which is replaced in one step (default: stdout).",
        ),
    ] = None,
    focus_version: Annotated[
        FocusVersion,
        typer.Option("--focus-version", metavar="VERSION", help="Of focus: 1.2 or 1.4."),
    ] = "1.2",
    billing_account: Annotated[
        str | None,
        typer.Option(
            "--billing-account",
            metavar="ID",
            help="Of focus: BillingAccountId (default: the project's name).",
        ),
    ] = None,
) -> None:
    """Write the calls of a change for other tools: a table of costs, metrics, JSON lines.

    `focus` is a FOCUS dataset in CSV, `prometheus` is for a textfile collector, `otlp` has a span
    for each call, `csv` a row, `jsonl` a line that `agentd import --jsonl` reads.
    """
    gc.disable()  # the process ends soon, and what it reads is many small values
    if shape is None:
        raise UsageError(
            "export needs a --format", fix=f"Give one of {', '.join(get_args(Format))}."
        )
    if every and change_id:
        raise UsageError(
            f"--all and the change {change_id} exclude each other", fix="Give one of them."
        )
    from agentd.reports.costs import CostRequest
    from agentd.reports.export import Options, renderer
    from agentd.reports.export.calls import open_export

    request = CostRequest(
        change_id=change_id, all_changes=every, since=since, until=until, timezone=timezone
    )
    exported = open_export(Path.cwd(), request)
    for warning in exported.warnings:
        note(f"warning: {warning}")
    if exported.untimed:
        from agentd.cli.cost import told_untimed

        note(told_untimed(exported.untimed))
    options = Options(focus_version=focus_version, billing_account=billing_account)
    written = renderer(shape)(exported, options)
    for told in written.notes:
        note(f"note: {told}.")
    if output is None:
        if written.text:
            show(written.text.removesuffix("\n").removesuffix("\r"), drawn=True)
    else:
        _write(output, written.text)
    if any(exported.waiting):
        from agentd.cli.output import told_waiting

        if told_waiting(exported.waiting):
            raise typer.Exit(StateError.exit_code)


def _write(path: Path, text: str) -> None:
    from agentd.files import write_named

    try:
        write_named(path, without_keys(text, os.environ).encode("utf-8", "replace"))
    except OSError as error:
        raise InputError(
            f"{path} can't be written: {error.strerror}", fix="Name a file in a folder of yours."
        ) from error
