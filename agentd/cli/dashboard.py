"""The command that opens the page: dashboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentd.cli.terminal import note, show


def dashboard(
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            show_default=False,
            help="Port to listen on; 0: any that is free (default: 8377, else any that is free).",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on. Others than loopback need a token, which is printed once.",
        ),
    ] = "127.0.0.1",
    state: Annotated[
        list[Path] | None,
        typer.Option(
            "--state",
            metavar="FILE",
            show_default=False,
            help="Also show the budgets of agents that a StateManager keeps in FILE; may be "
            "repeated. A file that is not there yet is waited for.",
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Show costs, budgets and running steps on a live page in the browser.

    The page follows the files of the project, whoever writes them, and changes nothing. Ctrl-C ends
    the server. Anyone who can reach the address can read the page: on loopback every user of this
    machine. With --state it needs no project.
    """
    import asyncio

    from agentd.dashboard.server import serve
    from agentd.errors import InputError
    from agentd.project.layout import Project, find_project

    def ready(url: str) -> None:
        show(f"Dashboard: {url}")
        note("Ctrl-C ends it.")
        if open_:
            import webbrowser

            webbrowser.open(url)

    files = [path.absolute() for path in state or ()]
    try:
        project = find_project(Path.cwd())
    except InputError:
        if not files:
            raise
        project = Project(Path.cwd())  # the program of the agents has none
    asyncio.run(serve(project, host, port, ready, files))
