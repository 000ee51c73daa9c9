"""The checks of a Python project: what tests it, and in which environment."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from agentd.late_pattern import late_pattern
from agentd.workflow.checks.check_files import CheckFiles, installed, table, texts

_MARKS = (
    *("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py", "Pipfile", "manage.py"),
    *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "conftest.py"),
)
_REQUIREMENTS = ("requirements*.txt", "*requirements.txt", "dev.txt", "test.txt", "tests.txt")
_NAME = late_pattern(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_RUNNERS = {"uv.lock": "uv run --frozen", "poetry.lock": "poetry run", "pdm.lock": "pdm run"}
"""How a tool is run where a lock file is; without --frozen uv may rewrite it."""
_INI = dict.fromkeys(("pytest.ini", ".pytest.ini", "tox.ini"), "pytest")
_INI["setup.cfg"] = "tool:pytest"
_READ_TESTS = 50  # so many test files are read to see what runs them
_SESSIONS = ("tests", "test", "unit", "unit_tests", "pytest")


def look(files: CheckFiles) -> dict[str, str]:
    """The commands of a Python project by kind; none when it is none."""
    requirements = [
        path for path in files.named(*_REQUIREMENTS) if path.count("/") < 2 and _is_list(path)
    ]
    if not files.has(*_MARKS) and not requirements:
        return {}
    needed = set(map(_plain, _needed(files, requirements)))
    commands = {}
    if test := _test(files, needed):
        commands["test"] = test
    pyproject = files.toml("pyproject.toml")
    if "ruff" in table(pyproject, "tool") or files.has("ruff.toml", ".ruff.toml"):
        commands["lint"] = _in_environment(files, "ruff") + " check"
    elif files.has(".flake8") or any("flake8" in files.ini(f) for f in ("setup.cfg", "tox.ini")):
        commands["lint"] = _in_environment(files, "flake8")
    if "pip-audit" in needed:
        commands["audit"] = _in_environment(files, "pip-audit")
    return commands


def _test(files: CheckFiles, needed: set[str]) -> str | None:
    tests = files.named("test_*.py", "*_test.py")
    if _configures_pytest(files) or ("pytest" in needed and (tests or files.named("conftest.py"))):
        return _pytest(files, tests)
    django = files.has("manage.py") and (tests or files.named("tests.py"))
    ways = [
        _by_tox_or_nox(files),
        f"{_in_environment(files, 'python')} manage.py test" if django else None,
        _by_unittest(files, tests) or (_pytest(files, tests) if tests else None),
    ]
    found = list(filter(None, ways))
    return next((way for way in found if _is_there(files, way)), found[0] if found else None)


def _pytest(files: CheckFiles, tests: list[str]) -> str:
    """pytest; run by python where only that has the root on its path, from which tests import.

    Of a python on PATH only where its own pytest is the one on PATH.
    """
    pytest, python = (_in_environment(files, tool) for tool in ("pytest", "python"))
    is_there = " " in pytest or _is_there(files, pytest)
    homes = {Path(shutil.which(tool) or tool).parent for tool in (pytest, python)}
    is_one = is_there and (" " in pytest or len(homes) == 1)
    return f"{python} -m pytest" if is_one and _imports_from_root(files, tests) else pytest


def _imports_from_root(files: CheckFiles, tests: list[str]) -> bool:
    """Whether a test in a folder imports a module of the root, and pytest does not see that."""
    pytest = table(files.toml("pyproject.toml"), "tool", "pytest")
    tables = (pytest, table(pytest, "ini_options"), table(files.toml("pytest.toml"), "pytest"))
    if files.has("conftest.py") or any("pythonpath" in each for each in tables):
        return False
    if any(files.ini(name).has_option(section, "pythonpath") for name, section in _INI.items()):
        return False
    return any(
        files.has(f"{name}.py", f"{name}/__init__.py")
        for path in tests[:_READ_TESTS]
        if _start(files, path)
        for name in _imports(files, path)
    )


def _is_there(files: CheckFiles, command: str) -> bool:
    """Whether the tool of a command is installed, in the project or on PATH."""
    tool = command.split(maxsplit=1)[0]
    return files.has(tool) if "/" in tool else installed(tool)


def _by_unittest(files: CheckFiles, tests: list[str]) -> str | None:
    """unittest where the tests are its own: from each folder above them, by what they are named.

    By itself it finds ``test*.py``; where it finds none it has passed before Python 3.12.
    """
    imported = {path: _imports(files, path) for path in tests[:_READ_TESTS]}
    if any("pytest" in names for names in imported.values()):
        return None
    if not tests:
        imported = {path: _imports(files, path) for path in files.named("test.py", "tests.py")}
    own = [path for path, names in imported.items() if "unittest" in names]
    found = {(_start(files, path), PurePosixPath(path).name.startswith("test")) for path in own}
    python = _in_environment(files, "python")
    commands = []
    for start, is_usual in sorted(found, key=lambda each: (each[0], not each[1])):
        options = f" -s {shlex.quote(start)}" if start else ""
        options += "" if is_usual else " -p '*_test.py'"
        commands.append(f"{python} -m unittest" + (f" discover{options}" if options else ""))
    return " && ".join(commands) or None


def _configures_pytest(files: CheckFiles) -> bool:
    return (
        files.has("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")
        or bool(table(files.toml("pyproject.toml"), "tool", "pytest"))
        or "pytest" in files.ini("tox.ini")
        or "tool:pytest" in files.ini("setup.cfg")
    )


def _by_tox_or_nox(files: CheckFiles) -> str | None:
    """The project's own way to test, if it has one and no plainer is declared."""
    tox = files.ini("tox.ini")
    if any(tox.has_option(section, "commands") for section in tox.sections()) or "tox" in table(
        files.toml("pyproject.toml"), "tool"
    ):
        return _in_environment(files, "tox") + " -e py"
    sessions = _sessions(files.text("noxfile.py"))
    session = next((name for name in _SESSIONS if name in sessions), None)
    return f"{_in_environment(files, 'nox')} -s {session}" if session else None


def _sessions(noxfile: str) -> set[str]:
    """The names of the functions that nox runs."""
    return {
        node.name
        for node in _parsed(noxfile)
        if isinstance(node, ast.FunctionDef)
        and any("session" in ast.unparse(decorator) for decorator in node.decorator_list)
    }


def _imports(files: CheckFiles, path: str) -> set[str]:
    """The packages that a module imports, by their first names; unittest.mock makes no unittest."""
    found: set[str] = set()
    for node in _parsed(files.text(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.partition(".")[0] for name in found if not name.startswith("unittest.mock")}


def _parsed(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []


def _start(files: CheckFiles, path: str) -> str:
    """Where unittest has to begin to find a test module: above its packages; "" is the root."""
    folder = PurePosixPath(path).parent
    while folder.name and (files.root / folder / "__init__.py").is_file():
        folder = folder.parent
    return "" if str(folder) == "." else str(folder)


def _is_list(path: str) -> bool:
    """Whether a text lists requirements by its name, or by its folder's."""
    return "requirements" in path


def _needed(files: CheckFiles, requirements: Iterable[str]) -> Iterator[str]:
    """The requirements that the project declares, as they stand there."""
    pyproject = files.toml("pyproject.toml")
    project, tool = table(pyproject, "project"), table(pyproject, "tool")
    yield from texts(project.get("dependencies"))
    yield from texts(table(tool, "uv").get("dev-dependencies"))
    groups = (
        *(table(project, "optional-dependencies"), table(pyproject, "dependency-groups")),
        table(tool, "pdm", "dev-dependencies"),
    )
    for group in groups:
        for each in group.values():
            yield from texts(each)
    yield from _poetry(table(tool, "poetry"))
    for name in table(tool, "hatch", "envs"):
        environment = table(tool, "hatch", "envs", name)
        yield from texts(environment.get("dependencies"))
        yield from texts(environment.get("extra-dependencies"))
    pipfile = files.toml("Pipfile")
    yield from (*table(pipfile, "packages"), *table(pipfile, "dev-packages"))
    setup = files.ini("setup.cfg")
    for section in ("options", "options.extras_require"):
        if setup.has_section(section):
            for value in dict(setup.items(section)).values():
                yield from (value or "").replace(";", "\n").splitlines()
    for path in requirements:
        yield from files.text(path).splitlines()


def _poetry(poetry: dict[str, Any]) -> Iterator[str]:
    yield from (*table(poetry, "dependencies"), *table(poetry, "dev-dependencies"))
    for name in table(poetry, "group"):
        yield from table(poetry, "group", name, "dependencies")


def _plain(requirement: str) -> str:
    """The name in a requirement; "" for a comment or an option."""
    name = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", name[1]).lower() if name else ""


def _in_environment(files: CheckFiles, tool: str) -> str:
    """The tool as the project has it: in its environment, by its manager, else on PATH."""
    for folder in (".venv", "venv"):
        if files.has(f"{folder}/bin/{tool}"):
            return f"{folder}/bin/{tool}"
    for lock, run in _RUNNERS.items():
        around = next((each for each in files.upwards() if (each / lock).is_file()), None)
        if around and installed(run.split()[0]):
            is_root = around == files.root and lock == "uv.lock"
            members = table(files.toml("pyproject.toml"), "tool", "uv", "workspace")
            everything = " --all-packages" if is_root and members else ""
            return f"{run}{everything} {tool}"
    for folder in (".venv", "venv"):
        # Another environment's would not have what the project imports.
        if files.has(f"{folder}/bin/python") and tool in ("pytest", "tox", "nox"):
            return f"{folder}/bin/{tool}"
    if tool == "python" and not installed("python") and installed("python3"):
        return "python3"
    return tool
