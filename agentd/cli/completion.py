"""The command that completes command lines in a shell: completion."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
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
_GLOBAL_OPTIONS = ("-C", "--debug", "--version", "--help")
_ARCHIVED_TOO = ("status", "show", "log", "cost", "export", "cost audit", "validate", "reconcile")
_TIMES = ("today", "yesterday", "7d", "2w")  # a few of what --since takes


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

    It completes commands, options, change ids, models, providers, settings and topics.
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
    *typed, begun = words or [""]
    if begun == "=":  # bash makes words of --by=: its two parts, and the = between
        begun = ""
    found: dict[str, None] = {}
    with contextlib.suppress(AgentdError, OSError):  # a shell that completes shows no error
        for each in _candidates([word for word in typed if word != "="], begun):
            if each.startswith(begun):
                found[each] = None
    if found:
        show("\n".join(found))


def _candidates(typed: Sequence[str], begun: str) -> Iterator[str]:
    """What may stand where the word that is ``begun`` stands, behind those ``typed``."""
    from agentd.cli.app import COMMANDS

    rest = list(typed)
    while rest and rest[0].startswith("-"):
        if rest == ["-C"]:
            return  # a folder
        if rest[0] == "-C":
            os.chdir(os.path.expanduser(rest[1]))  # noqa: PTH111 - Path raises for an unknown ~user
        del rest[: 2 if rest[0] == "-C" else 1]
    if not rest:
        yield from _GLOBAL_OPTIONS if begun.startswith("-") else COMMANDS
        return
    if rest[0] not in COMMANDS:
        return
    command = _command(rest[0])
    below = _below(command)
    if rest[1:] and rest[1] in below:  # config get
        command, rest = below[rest[1]], [f"{rest[0]} {rest[1]}", *rest[2:]]
    elif len(rest) == 1:
        yield from below
    option, equals, _ = begun.partition("=")
    if begun.startswith("-") and equals:
        for value in _values(_option(command, option), rest, begun):
            yield f"{option}={value}"
    elif begun.startswith("-"):
        yield from _options(command)
    elif (before := _option(command, rest[-1])) is not None:
        yield from _values(before, rest, begun)
    else:
        yield from _values(_next_argument(command, rest), rest, begun)


def _command(name: str) -> Any:
    from agentd.cli.app import make_app

    group: Any = typer.main.get_command(make_app([name]))
    return group.commands[name]


def _below(command: Any) -> dict[str, Any]:
    """The commands below one, by name."""
    found: dict[str, Any] = getattr(command, "commands", None) or getattr(command, "below", {})
    return found


def _option(command: Any, name: str) -> Any:
    """The option of this name that takes a value."""
    options = (one for one in command.params if one.param_type_name == "option")
    return next((one for one in options if name in one.opts and not one.is_flag), None)


def _options(command: Any) -> list[str]:
    options = (one for one in command.params if one.param_type_name == "option")
    return [name for one in options if not one.hidden for name in one.opts if name[:2] == "--"] + [
        "--help"
    ]


def _next_argument(command: Any, rest: Sequence[str]) -> Any:
    """The argument that comes next; None where no more is taken."""
    options = [one for one in command.params if one.param_type_name == "option"]
    takes = {name for one in options if not one.is_flag for name in one.opts}
    given = [
        word
        for before, word in itertools.pairwise(rest)
        if not word.startswith("-") and before not in takes
    ]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    if not arguments or (len(given) >= len(arguments) and arguments[-1].nargs == 1):
        return None
    following = arguments[min(len(given), len(arguments) - 1)]
    return None if following.name == "pairs" and len(given) % 2 else following  # a setting's value


def _values(parameter: Any, rest: Sequence[str], begun: str) -> Iterable[str]:
    """What an option or argument takes, where agentd knows that."""
    if parameter is None:
        return ()
    if choices := getattr(parameter.type, "choices", None):
        return list(choices)
    if parameter.name == "provider":
        return _providers(rest[0])
    known: dict[str, Callable[[], Iterable[str]]] = {
        **{"ID": lambda: _change_ids(rest[0]), "MODEL": lambda: _models(rest[0])},
        **{"KEY": _keys, "GATE": _gates, "TOPIC": lambda: _topics(rest)},
        **{"WHAT": lambda: _dimensions(begun), "WHEN": lambda: _TIMES},
        **{"bash|zsh|fish": lambda: _SCRIPTS},
    }
    metavar = (parameter.metavar or "").strip("[]").split(" ")[0]
    return known[metavar]() if metavar in known else ()


def _providers(command: str) -> Iterable[str]:
    from agentd.config.load import load
    from agentd.project.layout import find_project
    from agentd.providers import PROVIDERS

    yield from PROVIDERS
    if command != "init":  # its sections are those of the providers alone
        yield from load(find_project(Path.cwd()).config_path).named()


def _gates() -> Iterable[str]:
    from agentd.config.model import GATES

    return GATES


def _topics(rest: Sequence[str]) -> Iterable[str]:
    from agentd.cli.app import COMMANDS
    from agentd.cli.help import TOPICS

    if len(rest) == 1:
        return (*TOPICS, *COMMANDS)
    return _below(_command(rest[1])) if len(rest) == 2 and rest[1] in COMMANDS else ()


def _dimensions(begun: str) -> Iterable[str]:
    """What ``--by`` takes, behind the names that stand before the last comma."""
    from agentd.cli.cost import DIMENSIONS

    before = begun.rpartition("=")[2].rpartition(",")[0]
    given = before.split(",") if before else []
    return (",".join([*given, name]) for name in DIMENSIONS if name not in given)


def _change_ids(command: str) -> Iterable[str]:
    from agentd.project.changes import all_changes, open_changes
    from agentd.project.layout import find_project

    listed = all_changes if command in _ARCHIVED_TOO else open_changes
    return [change.id for change in reversed(listed(find_project(Path.cwd())))]


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


def _keys() -> Iterable[str]:
    from agentd.config.load import load
    from agentd.config.model import STEP_NAMES
    from agentd.config.values import in_force
    from agentd.project.layout import find_project

    yield from in_force(load(find_project(Path.cwd()).config_path))
    yield from (f"steps.{step}.{key}" for step in STEP_NAMES for key in ("provider", "model"))
