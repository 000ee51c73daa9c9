"""qwen's settings and .env files, as far as they tell where its requests go. Read: 0.24.4."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentd import files
from agentd.frozen import frozen
from agentd.providers.fields import mapping, text
from agentd.providers.pointing import dot_env, json_with_comments

SYSTEM_VARIABLE = "QWEN_CODE_SYSTEM_SETTINGS_PATH"
_DEFAULTS_VARIABLE = "QWEN_CODE_SYSTEM_DEFAULTS_PATH"
_SYSTEM = {
    "darwin": "/Library/Application Support/QwenCode/settings.json",
    "linux": "/etc/qwen-code/settings.json",
}


class UnreadableSettings(Exception):
    """What can't be read, or can't be told from what lies on disk; in words for a person."""


@frozen(kw_only=True)
class Settings:
    """``layers`` are its settings files, the strongest first, ``environ`` what it works with."""

    layers: tuple[Mapping[str, Any], ...]
    environ: Mapping[str, str]
    has_managed: bool

    @classmethod
    def of(cls, cwd: Path, environ: Mapping[str, str]) -> Settings:
        """Those of a run in ``cwd``. Raises UnreadableSettings."""
        home = Path(environ.get("HOME", ""))
        own = Path(environ.get("QWEN_HOME") or home / ".qwen")
        system = _system(environ)
        managed, user = _read(system), _read(own / "settings.json")
        defaults = _read(
            Path(environ.get(_DEFAULTS_VARIABLE) or system.with_name("system-defaults.json"))
        )
        project = cwd / ".qwen" / "settings.json"
        in_project = _env_file(cwd, home)
        trust = Settings(layers=(managed, user, defaults), environ={}, has_managed=False)
        if trust.get("security", "folderTrust", "enabled") is True and (
            in_project or project.is_file()
        ):
            raise UnreadableSettings(
                "whether it trusts this folder, and so its files, is not known"
            )
        layers = (managed, _read(project), user, defaults)
        environs = [_variables(in_project), *map(_variables, (own / ".env", home / ".env"))]
        environs += [dict(_texts(layer.get("env"))) for layer in layers]
        found = {name: value for name, value in environ.items() if value}
        for one in environs:
            found = {**one, **found}
        return cls(layers=layers, environ=found, has_managed=bool(managed))

    def get(self, *keys: str) -> Any:
        """The value under these keys in the strongest file that has one; None without."""
        for layer in self.layers:
            value: Any = layer
            for key in keys:
                value = mapping(value).get(key)
            if value is not None:
                return value
        return None

    def providers(self) -> Mapping[str, Any]:
        """The models that its user has described, by provider."""
        return mapping(self.get("modelProviders"))

    def models(self, name: str) -> list[Mapping[str, Any]]:
        """All descriptions of a model, whoever provides it."""
        lists = [one for one in self.providers().values() if isinstance(one, list)]
        return [model for one in lists for model in map(mapping, one) if model.get("id") == name]


def _system(environ: Mapping[str, str]) -> Path:
    return Path(environ.get(SYSTEM_VARIABLE) or _SYSTEM.get(sys.platform, _SYSTEM["linux"]))


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return mapping(json_with_comments(files.read_plain(file).decode().lstrip("\ufeff")))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise UnreadableSettings(f"its {file} can't be read") from error


def _env_file(cwd: Path, home: Path) -> Path | None:
    """The first .env file from the folder upwards; those of the home are read in any case."""
    for folder in (cwd, *cwd.parents):
        if folder == home:
            return None
        for name in (".qwen/.env", ".env"):
            if (folder / name).is_file():
                return folder / name
    return None


def _variables(file: Path | None) -> dict[str, str]:
    return {name: value for name, value in dot_env(file).items() if value} if file else {}


def _texts(block: object) -> Iterator[tuple[str, str]]:
    for name, value in mapping(block).items():
        if told := text(value):
            yield name, told
