"""The commands that set things up, look whether all is there, and show how it works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentd.cli.options import AsJson
from agentd.providers import any_provider


def init(
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            metavar="NAME",
            help=f"Use this CLI only: {any_provider()}; in a project that has a config, add it.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="The project's name; found by itself if absent."
        ),
    ] = None,
) -> None:
    """Write agentd/ into this folder; keep what is there.

    It holds config.toml, project.md, .gitignore and specs/.
    """
    from agentd.project.init import initialise

    done = initialise(Path.cwd(), provider=provider, project_name=name)
    for path in done.created:
        print(f"wrote {path.relative_to(done.project.root)}")
    for path in done.kept:
        print(f"kept  {path.relative_to(done.project.root)}")
    if done.added:
        print(f"added [{provider}] to {done.project.config_path.relative_to(done.project.root)}")
    elif provider and done.project.config_path in done.kept:
        print(f"config.toml has a section [{provider}] already")
    if name and done.project.config_path in done.kept:
        print("config.toml was there already, so --name changed nothing: edit it.")
    print("Next: describe the project in agentd/project.md, then run `agentd doctor`.")


def doctor(as_json: AsJson = False) -> None:
    """Check the CLIs, the config and the prices.

    Each configured CLI is run with --version; each configured model must have a price.
    """
    from agentd.cli.output import print_json
    from agentd.workflow.doctor import examine

    checks = examine(Path.cwd())
    failed = any(check.status == "fail" for check in checks)
    if as_json:
        rows = [
            {"name": c.name, "status": c.status, "detail": c.detail, "fix": c.fix} for c in checks
        ]
        print_json({"ok": not failed, "checks": rows})
    else:
        for check in checks:
            print(f"{check.status:<4}  {check.name}: {check.detail}")
            if check.fix:
                print(f"      {check.fix}")
    raise typer.Exit(1 if failed else 0)


def demo(
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Make the demo project in DIR and leave it."),
    ] = None,
) -> None:
    """Play a whole change, offline, with recorded output.

    Stand-in CLIs replay what the real ones printed.
    """
    from agentd.cli.demo import play

    play(print, keep=keep)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(doctor)
    app.command()(demo)
