"""The commands that read and change config.toml: config get, set, unset, list."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from agentd.cli.options import AsJson
from agentd.cli.terminal import note, print_json, show
from agentd.errors import UsageError
from agentd.masking import masked, masked_arguments

Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY", show_default=False, help="A setting, such as budget.limit_usd, or a section."
    ),
]


def get(key: Key, as_json: AsJson = False) -> None:
    """Print the value of a setting that is in force.

    It comes from config.toml, else it is the default. A setting without a value prints nothing on
    stdout. A section, such as budget, prints its settings as `config list` does.
    """
    from agentd.config.edit import dotted, split_key
    from agentd.config.values import below, toml_text

    values, given = _values()
    found = below(values, key)
    name = dotted(split_key(key))
    if name not in found:
        _show(found, given, as_json=as_json)
    elif as_json:
        print_json({"key": name, "value": _told(found[name]), "source": _source(name, given)})
    elif (value := found[name]) is None:
        note(f"{name} is not set.")
    else:
        told = _told(value)
        show(told if isinstance(told, str) else toml_text(told))


def list_values(as_json: AsJson = False) -> None:
    """List the settings and their values in force.

    Defaults are marked; settings without a value are left out.
    """
    _show(*_values(), as_json=as_json)


def set_(
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY VALUE...",
            show_default=False,
            help="One or more settings and their values.",
        ),
    ],
) -> None:
    """Change settings in config.toml; its comments and its order stay.

    agentd checks all of them first; a wrong one changes nothing. Write lists as in TOML.
    """
    from agentd.config.edit import dotted, set_values, split_key
    from agentd.config.values import given_in, toml_text

    if len(pairs) % 2:
        raise UsageError(f"{pairs[-1]} has no value", fix="See: agentd config set --help")
    path = _path()
    changed = set_values(path, list(zip(pairs[::2], pairs[1::2], strict=True)))
    given = given_in(path)
    for key in dict.fromkeys(pairs[::2]):
        name = dotted(split_key(key))
        show(f"{name} = {toml_text(_told(given[name]))}")
    for warning in changed.warnings:
        note(f"warning: {warning}")


def unset(key: Key) -> None:
    """Take a setting out of config.toml; then its default is in force."""
    from agentd.config.edit import dotted, split_key, unset_value
    from agentd.config.values import below, toml_text

    path = _path()
    name = dotted(split_key(key))
    if not unset_value(path, key):
        below(_values()[0], key)
        note(f"{name} is not set in the file.")
        return
    value = _values()[0].get(name)
    show(f"{name} is {'not set' if value is None else f'{toml_text(value)} by default'}")


def _path() -> Path:
    from agentd.project.layout import find_project

    return find_project(Path.cwd()).config_path


def _values() -> tuple[dict[str, object], dict[str, object]]:
    """The values in force, and those that the file has."""
    from agentd.config.load import load
    from agentd.config.values import given_in, in_force

    path = _path()
    return in_force(load(path)), given_in(path)


def _show(values: Mapping[str, object], given: Mapping[str, object], *, as_json: bool) -> None:
    from agentd.config.values import toml_text

    found = {key: value for key, value in values.items() if value is not None}
    if as_json:
        rows = [
            {"key": key, "value": _told(value), "source": _source(key, given)}
            for key, value in found.items()
        ]
        print_json({"settings": rows})
        return
    for key, value in found.items():
        show(f"{key} = {toml_text(_told(value))}{'' if key in given else '  # default'}")


def _told(value: object) -> object:
    """A value without the secrets in it, such as those among a CLI's arguments."""
    match value:
        case str():
            return masked(value, os.environ)
        case list() | tuple():
            return masked_arguments([*map(str, value)], os.environ)
        case _:
            return value


def _source(key: str, given: Mapping[str, object]) -> str:
    return "config" if key in given else "default"


config = typer.Typer(help="Read and change the settings in agentd/config.toml.")
config.command("get")(get)
# So that a value may begin with "-".
config.command("set", context_settings={"ignore_unknown_options": True})(set_)
config.command("unset")(unset)
config.command("list")(list_values)
