"""The typer application and its global options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from agentd import __version__
from agentd.cli import reading, setup, steps
from agentd.errors import InputError, UsageError

app = typer.Typer(
    name="agentd",
    help="Take a change through a spec-driven workflow with gemini, claude or codex, and know "
    "what every call cost.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"agentd {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    context: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Option("-C", metavar="DIR", help="Run as if started in DIR."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    if directory is not None:
        try:
            os.chdir(directory)
        except OSError as error:
            raise InputError(
                f"-C {directory}: {error.strerror}", fix="Name an existing folder."
            ) from error
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(UsageError.exit_code)


setup.register(app)
steps.register(app)
reading.register(app)
