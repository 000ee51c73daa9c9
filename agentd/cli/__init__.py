"""The command line: parse, call one function, print; errors become exit codes here."""

from __future__ import annotations

import atexit
import contextlib
import gc
import itertools
import os
import sys
import threading
import traceback
from typing import NoReturn, cast

BUG_EXIT_CODE = 70
INTERRUPTED_EXIT_CODE = 130


def main() -> None:
    """Run ``agentd`` with the process's arguments and exit."""
    if sys.platform == "win32":  # it has no fcntl, and no process groups to stop a CLI by
        sys.exit(
            "Error: agentd does not run on Windows.\n"
            "Run it in the Windows Subsystem for Linux: https://learn.microsoft.com/windows/wsl"
        )
    _open_what_is_closed()
    gc.disable()  # until a command begins: of what is loaded up to then nothing is garbage
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while what a command needs is still loaded
        code = INTERRUPTED_EXIT_CODE
    _end(code)


def _end(code: int) -> NoReturn:
    """End at once: to take apart all that is loaded takes Python as long as to load a fifth of it.

    As Python itself does where a thread is still at work, or a stream can't take its last words.
    """
    gc.freeze()  # Python looks for garbage in all that is loaded three times before it ends
    if threading.active_count() == 1:
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError, ValueError):
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
            os._exit(code)
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Put /dev/null where a standard stream is closed.

    Else the next file that is opened, perhaps a ledger, would be what others print to.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open to the end


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code (docs/commands.md)."""
    import typer

    from agentd.errors import AgentdError

    try:
        return _invoke(arguments)
    except AgentdError as error:
        from agentd import debug
        from agentd.cli.output import print_error  # what a command that ends well may not need

        if debug.asked():
            debug.tell(traceback.format_exc())
        try:
            print_error(error, as_json=_wants_json(arguments))
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:  # stdout is full or gone, perhaps that is the error
            sys.stdout = None
            print_error(error, as_json=False)
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED_EXIT_CODE
    except Exception as error:  # noqa: BLE001 - a bug: show it whole, under its own exit code
        from agentd.cli.terminal import note
        from agentd.masking import masked_traceback

        note(masked_traceback(error, os.environ))
        note("agentd: this is a bug in agentd; please report the lines above.")
        return BUG_EXIT_CODE


def _wants_json(arguments: list[str]) -> bool:
    if ("--format", "json") in itertools.pairwise(arguments):
        return True
    return not {"--json", "--format=json"}.isdisjoint(arguments)


def _invoke(arguments: list[str]) -> int:
    """Run the command; what others raise for a user's mistake becomes an AgentdError."""
    import typer

    from agentd.cli.app import make_app
    from agentd.errors import InputError, UsageError

    # typer carries its own click since 0.26: this is its UsageError, whichever it has.
    wrong_usage = cast("type[typer.BadParameter]", typer.BadParameter.__base__)
    try:
        result = make_app(arguments)(arguments, prog_name="agentd", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except wrong_usage as error:
        command = error.ctx.command_path if error.ctx else "agentd"
        raise UsageError(error.format_message(), fix=f"See: {command} --help") from error
    except BrokenPipeError:
        return _end_quietly()
    except SystemExit as error:  # what typer makes of a closed pipe
        if isinstance(error.__context__, BrokenPipeError):
            return _end_quietly()
        raise
    except OSError as error:
        names = " -> ".join(str(name) for name in (error.filename, error.filename2) if name)
        where = f"{names}: " if names else ""
        if not names and _folder_is_gone():
            raise InputError(
                "the current folder is gone", fix="Change to a folder that is there (cd)."
            ) from error
        from agentd.ledger.plain_files import fix_of

        fix = fix_of(error) or "Check the disk and the permissions."
        raise InputError(f"{where}{error.strerror or error}", fix=fix) from error
    return result if isinstance(result, int) else 0


def _folder_is_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return True
    return False


def _end_quietly() -> int:
    """`| head` has enough; keep the interpreter from flushing at exit."""
    sys.stdout = None
    return 0
