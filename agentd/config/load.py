"""Read and check config.toml: all errors at once, with file, key, value and what was expected."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import fields, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from agentd import debug
from agentd import min_version as min_versions
from agentd.config.compare import compare_settings
from agentd.config.model import (
    BudgetConfig,
    Config,
    HttpConfig,
    NamedProvider,
    ProviderConfig,
)
from agentd.config.table import Problems, Table
from agentd.errors import ConfigError
from agentd.files import read_plain
from agentd.providers import PROVIDERS

OWN_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"
_OWN_NAMES = "a name of small letters, digits, '-' and '_' that is none of"
_NAMING = ("providers", "http")


def load(path: Path) -> Config:
    """Read ``path``. Raises ConfigError when it is missing, no TOML, or has a wrong value."""
    return parse(read_text(path), path)


def load_to_report(path: Path) -> tuple[Config, list[str]]:
    """Read ``path`` for a command that spends nothing, and say what is wrong with it.

    A wrong value is read like a missing one. Raises ConfigError when the file is missing or no
    TOML.
    """
    config, problems = examine(read_text(path), path)
    return config, problems.errors


def read_text(path: Path) -> str:
    """The text of ``path``. Raises ConfigError when it is missing or can't be read."""
    name = shown_path(path)
    debug.tell(f"config: {path}")
    try:
        return read_plain(path).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{name}: no such file", fix="Run `agentd init`.") from error
    except OSError as error:
        raise ConfigError(
            f"{name}: cannot be read: {error.strerror}", fix="Check its type and permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{name}: is not UTF-8 (byte {error.start})", fix="Save the file as UTF-8."
        ) from error


def parse(text: str, path: Path) -> Config:
    """The same for a text at hand; ``path`` is where it stands, or will stand."""
    config, problems = examine(text, path)
    if problems.errors:
        too_old = min_versions.complaint(config.min_version)
        fix = f"Correct {problems.file}, then run `agentd doctor`."
        raise ConfigError(
            "\n".join(problems.errors),
            fix=f"{too_old}, which may not know it. {min_versions.UPGRADE}" if too_old else fix,
        )
    return config


def examine(text: str, path: Path, must_know: Collection[str] = ()) -> tuple[Config, Problems]:
    """What a text says, and what is wrong with it; a wrong value is read like a missing one.

    An unknown key of ``must_know`` is an error. Raises ConfigError for what is no TOML.
    """
    data = _toml(text, file := shown_path(path))
    named = [name for key in _NAMING if isinstance(data.get(key), dict) for name in data[key]]
    limits = {key.name: f"budget.{key.name}" for key in fields(BudgetConfig) if _is_limit(key.name)}
    problems = Problems(file, must_know, named, limits)
    top = Table(data, problems)
    sections = {name: top.table(name) for name in PROVIDERS}
    providers = {
        name: sections[name].read(ProviderConfig, command=name) for name in top if name in sections
    }
    providers |= _named(top.table("providers"))
    http = _http(top.table("http"), providers)
    providers |= {name: server.as_provider(name) for name, server in http.items()}
    usual_name = path.absolute().parent.parent.name
    config = top.read(Config, path=path, project_name=usual_name, providers=providers, http=http)
    compare_settings(config, problems)
    return replace(config, warnings=tuple(problems.warnings)), problems


def _is_limit(name: str) -> bool:
    return name.startswith(("limit_", "warn_at_", "on_unpriced"))


def _named(table: Table) -> dict[str, ProviderConfig]:
    """The providers to which the file gives names."""
    found: dict[str, ProviderConfig] = {}
    for name in _own_names(table, PROVIDERS):
        settings = table.table(name).read(NamedProvider)
        if settings.base:
            found[name] = replace(settings, command=settings.command or settings.base)
    return found


def _http(table: Table, others: Collection[str]) -> dict[str, HttpConfig]:
    """The servers that the file makes providers of."""
    names = [*_own_names(table, {*PROVIDERS, *others})]
    found = {name: table.table(name).read(HttpConfig) for name in names}
    return {name: server for name, server in found.items() if server.base_url and server.model}


def _own_names(table: Table, taken: Collection[str]) -> Iterator[str]:
    """The names of a table's tables that may be those of providers; the others are reported."""
    for name in table:
        if name in taken or not re.fullmatch(OWN_NAME, name):
            others = ", ".join(sorted(taken, key=[*PROVIDERS, *sorted(taken)].index))
            table.take(name, f"{_OWN_NAMES} {others}, for a table", lambda _: None)
        else:
            yield name


def require_version(path: Path) -> None:
    """Raise ConfigError when this agentd is older than the ``min_version`` of a config, if any."""
    if path.is_file():
        wanted = min_versions.glance(read_plain(path).decode(errors="replace"))
        min_versions.require(Path(shown_path(path)), wanted)


def shown_path(path: Path) -> str:
    """``path`` for a message: relative where it lies below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=_decimal)
    except (ValueError, RecursionError) as error:
        raise _syntax_error(text, file, str(error)) from error


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"the number {text} is out of range") from error


def _syntax_error(text: str, file: str, reason: str) -> ConfigError:
    lines = text.splitlines()
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", reason)
    if place is None:
        return ConfigError(f"{file}: this is no valid TOML: {reason}", fix=f"Correct {file}.")
    line = int(place[1] or len(lines))
    column = int(place[2] or len(lines[-1]) + 1 if lines else 1)
    found = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    if any(row.startswith(("<<<<<<<", ">>>>>>>")) for row in lines):
        fix = "It holds the marks of a merge conflict (<<<<<<<): resolve the conflict first."
    else:
        fix = (
            f"The line reads: {found}\n"
            'TOML wants texts in quotes (command = "name"), lists in [ ], and each key once.'
        )
    return ConfigError(
        f"{file}: line {line}, column {column}: this is no valid TOML: {reason[: place.start()]}",
        fix=fix,
    )
