"""The typer application: its global options, and the commands it is asked for.

Building one command takes typer about a millisecond, so a command line that names one gets no
other.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from agentd import debug
from agentd.errors import InputError, UsageError
from agentd.version import __version__

# Each command, in the order of the help, and the module beside this one that has it under its name.
COMMANDS = {
    **dict.fromkeys(("init", "doctor", "demo"), "setup"),
    **dict.fromkeys(("run", "plan", "impl", "archive", "feedback"), "loops"),
    **dict.fromkeys(("status", "list"), "reading"),
    "show": "show",
    "delete": "delete",
    "log": "log",
    "cost": "cost",
    "export": "export",
    **dict.fromkeys(("import", "reconcile"), "sessions"),
    "validate": "validate",
    **dict.fromkeys(("proposal", "challenge", "reproposal", "implement"), "steps"),
    **dict.fromkeys(("review", "resolve", "merge", "fillback"), "steps"),
    **dict.fromkeys(("price", "models"), "prices"),
    "tokens": "tokens",
    "pipe": "pipe",
    "statusline": "statusline",
    "merge-driver": "merge_driver",
    "dashboard": "dashboard",
    "report": "report",
    "completion": "completion",
    "help": "help",
    "config": "config",
}
_FUNCTIONS = {
    "list": "list_changes",
    "help": "help_on",
    "import": "import_sessions",
    "merge-driver": "merge_driver",
}
# Commands that read in a project where an older agentd may not write.
READING = ("status", "list", "show", "log", "cost", "export", "validate", "report", "dashboard")
# What git and an editor run: it looks after nothing but its own work.
UNATTENDED = ("merge-driver", "statusline")


def make_app(arguments: Sequence[str]) -> typer.Typer:
    """The application with the commands that ``arguments`` can need."""
    app = typer.Typer(
        name="agentd",
        help="Take a change through a spec-driven workflow with coding CLIs, and know what every "
        "call cost.",
        invoke_without_command=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    named = _command(arguments)
    wanted = [named] if named else [] if arguments[:1] == ["--version"] else COMMANDS
    below = _examples(arguments, named)
    app.callback(epilog=below(""))(_global_options)
    for name in wanted:
        module = import_module(f"agentd.cli.{COMMANDS[name]}")
        found = getattr(module, _FUNCTIONS.get(name, name))
        if isinstance(found, typer.Typer):
            for info in found.registered_commands:
                info.epilog = below(f"{name} {info.name}")
            app.add_typer(found, name=name, no_args_is_help=True, epilog=below(name))
        else:
            kind = getattr(module, "COMMAND_CLASS", None)
            app.command(name, cls=kind, epilog=below(name))(found)
    return app


def _examples(arguments: Sequence[str], named: str | None) -> Callable[[str], str | None]:
    """What stands below the help of a command, where help is asked for."""
    if {"-h", "--help"}.isdisjoint(arguments) and named is not None and named != "config":
        return lambda _: None
    from agentd.cli.examples import epilog

    return epilog


def _command(arguments: Sequence[str]) -> str | None:
    """The command that is named; None when none is, as for the help."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        del rest[: 2 if rest[0] == "-C" else 1]
    return rest[0] if rest and rest[0] in COMMANDS else None


def _debug(wanted: bool) -> None:
    if wanted:
        import platform
        import shlex
        import sys

        debug.ask()
        debug.tell(f"agentd {__version__}, Python {platform.python_version()}, {sys.executable}")
        debug.tell(f"{platform.platform()}, in {Path.cwd()}: agentd {shlex.join(sys.argv[1:])}")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"agentd {__version__}")
        raise typer.Exit


def _global_options(
    context: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Option("-C", metavar="DIR", help="Run as if started in DIR."),
    ] = None,
    debugging: Annotated[
        bool,
        typer.Option(
            "--debug",
            envvar="AGENTD_DEBUG",
            callback=_debug,
            is_eager=True,
            help="Show on stderr what is run, and where an error comes from.",
        ),
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    gc.set_threshold(20_000)  # what a command loads is no garbage, and small commands make little
    gc.enable()
    if directory is not None:
        try:
            os.chdir(directory)
        except OSError as error:
            raise InputError(
                f"-C {directory}: {error.strerror}", fix="Name an existing folder."
            ) from error
    if context.invoked_subcommand not in (None, *UNATTENDED):
        _judge_left_guards()
    if context.invoked_subcommand in READING:
        _warn_when_too_old()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(UsageError.exit_code)


def _judge_left_guards() -> None:
    """What a killed agentd left to be judged comes before all else, whatever its run deleted.

    Where it left nothing but locks, they go.
    """
    from agentd.own_writes import tidy
    from agentd.state_folder import OF_GUARDS, is_of_no_use, state_folders_around

    for root, folder in state_folders_around(f"{os.getcwd()}/any"):  # noqa: PTH109
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except OSError:  # the last guard took it away
            continue
        if all(map(is_of_no_use, names)):
            tidy(folder)
        elif any(name.endswith(OF_GUARDS) for name in names):
            from agentd.cli.terminal import note
            from agentd.workflow.left_guards import judge_left_guards

            try:
                for sentence in judge_left_guards(Path(root)):
                    note(f"warning: {sentence}")
            except OSError as error:
                told = "a run whose agentd was killed can't be judged now"
                note(f"warning: {told} ({error}); the next agentd command tries again")


def _warn_when_too_old() -> None:
    from agentd import min_version
    from agentd.cli.terminal import note
    from agentd.files import read_plain
    from agentd.project.layout import find_project

    try:
        path = find_project(Path.cwd()).config_path
    except InputError:  # the command says so
        return
    wanted = min_version.glance(read_plain(path).decode(errors="replace"))
    if (problem := min_version.complaint(wanted)) is not None:
        note(f"warning: {problem}, which can only read here. {min_version.UPGRADE}")
