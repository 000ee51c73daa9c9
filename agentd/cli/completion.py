"""The command that completes command lines in a shell: completion."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from agentd.cli.terminal import show
from agentd.errors import AgentdError, UsageError

# What was typed goes to `agentd completion words -- WORD...`, the last word unfinished; where
# agentd knows nothing, the shell completes files.
_SCRIPTS = {
    "bash": """\
_agentd() {
    local IFS=$'\\n'
    COMPREPLY=($(agentd completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _agentd agentd""",
    "zsh": """\
#compdef agentd
_agentd() {
    local -a found
    found=(${(f)"$(agentd completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then compadd -- $found; else _files; fi
}
if [ "$funcstack[1]" = _agentd ]; then _agentd "$@"; else compdef _agentd agentd; fi""",
    "fish": """\
function __agentd_complete
    set -l typed (commandline -opc)
    set -l found (agentd completion words -- $typed[2..] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c agentd -f -a '(__agentd_complete)'""",
}
_ARCHIVED_TOO = ("status", "show", "log", "cost", "validate", "reconcile")


def completion(
    shell: Annotated[
        str,
        typer.Argument(
            metavar="bash|zsh|fish", show_default=False, help="The shell to complete for."
        ),
    ],
    words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Print a script that lets your shell complete agentd.

    It completes commands, options, change ids, models, providers and settings.
    """
    if shell != "words":
        if shell not in _SCRIPTS:
            expected = ", ".join(_SCRIPTS)
            raise UsageError(
                f"no completion for {shell}; expected one of {expected}",
                fix="See: agentd completion --help",
            )
        show(_SCRIPTS[shell])
        return
    typed, begun = (words or [""])[:-1], (words or [""])[-1]
    found: list[str] = []
    with contextlib.suppress(AgentdError, OSError):  # a shell that completes shows no error
        found = [each for each in _candidates(typed, begun) if each.startswith(begun)]
    if found:
        show("\n".join(dict.fromkeys(found)))


def _candidates(typed: Sequence[str], begun: str) -> Iterable[str]:
    """What may stand where the word that is ``begun`` stands, behind those ``typed``."""
    from agentd.cli.app import COMMANDS, make_app

    rest = list(typed)
    while rest and rest[0].startswith("-"):
        if rest == ["-C"]:
            return ()  # a folder
        if rest[0] == "-C":
            os.chdir(os.path.expanduser(rest[1]))  # noqa: PTH111 - Path raises for an unknown ~user
        del rest[: 2 if rest[0] == "-C" else 1]
    if not rest:
        return ["-C", "--debug", "--version", "--help"] if begun.startswith("-") else COMMANDS
    if rest[0] not in COMMANDS:
        return ()
    group: Any = typer.main.get_command(make_app(rest[:1]))
    command = group.commands[rest[0]]
    for place, word in enumerate(rest[1:], 1):  # config get
        if word in getattr(command, "commands", {}):
            command, rest = command.commands[word], [rest[0], *rest[place + 1 :]]
    if begun.startswith("-"):
        return _options(command)
    before = next((one for one in command.params if rest[-1] in one.opts), None)
    if before is not None and not before.is_flag:
        return _values(before, rest[0])
    return [*getattr(command, "commands", {}), *_arguments(command, rest)]


def _options(command: Any) -> list[str]:
    options = (one for one in command.params if one.param_type_name == "option")
    return [name for one in options if not one.hidden for name in one.opts if name[:2] == "--"] + [
        "--help"
    ]


def _arguments(command: Any, rest: Sequence[str]) -> Iterable[str]:
    """The values of the argument that comes next."""
    options = [one for one in command.params if one.param_type_name == "option"]
    takes = {name for one in options if not one.is_flag for name in one.opts}
    given = [
        word
        for before, word in itertools.pairwise(rest)
        if not word.startswith("-") and before not in takes
    ]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    if not arguments or (len(given) >= len(arguments) and arguments[-1].nargs == 1):
        return ()
    return _values(arguments[min(len(given), len(arguments) - 1)], rest[0])


def _values(parameter: Any, command: str) -> Iterable[str]:
    if choices := getattr(parameter.type, "choices", None):
        return list(choices)
    if parameter.name == "provider":
        return _providers()
    metavar = (parameter.metavar or "").strip("[]").split(" ")[0]
    if metavar == "bash|zsh|fish":
        return _SCRIPTS
    known = {"ID": _change_ids, "MODEL": _models, "KEY": _keys, "GATE": _gates}.get(metavar)
    return known(command) if known else ()


def _providers() -> Iterable[str]:
    from agentd.providers import PROVIDERS

    return PROVIDERS


def _gates(_: str) -> Iterable[str]:
    from agentd.config.model import GATES

    return GATES


def _change_ids(command: str) -> Iterable[str]:
    from agentd.project.changes import all_changes, open_changes
    from agentd.project.layout import find_project

    listed = all_changes if command in _ARCHIVED_TOO else open_changes
    below = ["reset", "audit"] if command == "cost" else []
    return [*(change.id for change in reversed(listed(find_project(Path.cwd())))), *below]


def _models(command: str) -> Iterable[str]:
    """The ids and models of the config; for commands that run nothing the catalogue's too."""
    from agentd.clock import utc_now
    from agentd.project.prices import open_prices

    quoting = open_prices(Path.cwd())
    yield from quoting.ids()
    yield from quoting.ids().values()
    if command in ("tokens", "price", "pipe"):
        for spec, _ in quoting.models(utc_now()):
            yield from (spec.name, spec.name.partition("/")[2])


def _keys(_: str) -> Iterable[str]:
    from agentd.config.load import load
    from agentd.config.model import STEP_NAMES
    from agentd.config.values import in_force
    from agentd.project.layout import find_project

    yield from in_force(load(find_project(Path.cwd()).config_path))
    yield from (f"steps.{step}.{key}" for step in STEP_NAMES for key in ("provider", "model"))
