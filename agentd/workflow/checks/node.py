"""The checks of a Node project: the scripts of package.json, its own or its workspace's."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentd.workflow.checks.check_files import CheckFiles, json_of, table, text_of, texts

_LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "pnpm-workspace.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
}
_IN_ALL = {
    "npm": "npm run {} --workspaces --if-present",
    "pnpm": "pnpm --recursive run {}",
    "yarn": "yarn workspaces run {}",
    "yarn berry": "yarn workspaces foreach --all run {}",
    "bun": "bun run --filter '*' {}",
}
"""How a manager runs a script of all packages that have it."""
_MAX_MEMBERS = 500


def look(files: CheckFiles) -> dict[str, str]:
    """The commands of a Node project by kind; none when it is none."""
    if not files.has("package.json"):
        return {}
    package = files.json("package.json")
    manager = _manager(files)
    commands = {kind: f"{manager} run {kind}" for kind in _scripts(package)}
    members: list[dict[str, Any]] | None = None
    for kind in ("test", "lint"):
        if kind not in commands:
            members = list(_members(files, package)) if members is None else members
            having = [member for member in members if kind in _scripts(member)]
            names = [name for each in having if isinstance(name := each.get("name"), str)]
            flavour = _flavour(files, manager)
            if flavour == "yarn" and names and len(having) < len(members):
                # yarn 1 fails where a package does not have it.
                each = (f"yarn workspace {shlex.quote(name)} run {kind}" for name in sorted(names))
                commands[kind] = " && ".join(each)
            elif having:
                commands[kind] = _IN_ALL[flavour].format(kind)
    return commands


def _scripts(package: dict[str, Any]) -> list[str]:
    scripts = table(package, "scripts")
    return [
        kind
        for kind in ("test", "lint")
        # What `npm init` writes where there are no tests.
        if isinstance(script := scripts.get(kind), str)
        and script.strip()
        and "no test specified" not in script
    ]


def _manager(files: CheckFiles) -> str:
    """The manager that ``packageManager`` or a lock file names, the nearest to the package."""
    for folder in files.upwards():
        named = json_of(folder / "package.json").get("packageManager")
        if isinstance(named, str) and (name := named.partition("@")[0]) in _IN_ALL:
            return name
        for lock, name in _LOCKS.items():
            if (folder / lock).is_file():
                return name
    return "npm"


def _flavour(files: CheckFiles, manager: str) -> str:
    """yarn is called otherwise from its version 2 on."""
    named = files.json("package.json").get("packageManager")
    is_old = isinstance(named, str) and named.startswith("yarn@1.")
    is_new = isinstance(named, str) and named.startswith("yarn@") and not is_old
    is_new |= files.has(".yarnrc.yml") or "\n__metadata:" in files.text("yarn.lock")
    return "yarn berry" if manager == "yarn" and is_new and not is_old else manager


def _members(files: CheckFiles, package: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The package.json of each package of the workspace that begins here."""
    given = package.get("workspaces")
    globs = texts(given) or texts(table(package, "workspaces").get("packages"))
    globs += _pnpm_globs(files.root / "pnpm-workspace.yaml")
    found: dict[Path, None] = {}
    for glob in globs:
        if glob.startswith(("!", "/")) or ".." in glob.split("/"):
            continue
        pattern = f"{glob.rstrip('/').removeprefix('./')}/package.json"
        for path in files.root.glob(pattern):
            if "node_modules" not in path.parts:
                found[path] = None
            if len(found) >= _MAX_MEMBERS:
                break
    yield from map(json_of, found)


def _pnpm_globs(path: Path) -> list[str]:
    if not path.is_file():
        return []
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return texts(table(YAML(typ="safe", pure=True).load(text_of(path))).get("packages"))
    except (YAMLError, ValueError, RecursionError):
        return []
