"""``agentd doctor --report``: what a bug report needs, without what is secret or personal."""

from __future__ import annotations

import platform
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agentd.config.model import CHECKS
from agentd.config.values import given_in, toml_text
from agentd.errors import AgentdError, InputError
from agentd.late_pattern import late_pattern
from agentd.masking import MASK, is_secret_name, masked
from agentd.project.changes import archived_changes, open_changes
from agentd.project.layout import Project, find_project
from agentd.version import __version__
from agentd.workflow.doctor import Check

_PACKAGES = ("typer", "ruamel.yaml", "tomlkit", "regex", "genai-prices", "toktok-rs")
_VARIABLES = ("TERM", "LANG", "LC_ALL", "CI", "NO_COLOR", "AGENTD_DEBUG")
# Prompts, code, and names of the project's own.
_HIDDEN = late_pattern(
    r"project_name|steps\..*\.rules|checks\.(?:test|lint|audit|own\..*)|validation\..*"
)
# The settings whose texts are shown. Of all others, unknown ones too, only numbers are.
_SHOWN = (
    *("min_version", "command", "default", "id", "model", "complexity", "provider", "gates"),
    *("fallback", "env", "commits", "layout", "wire", "sources", "period", "timezone"),
    "on_unpriced",
)
# A fine-tuned model has its owner's name: ft:gpt-4o:ORGANISATION:NAME:ID.
_FINE_TUNED = late_pattern(r"\b(ft:[^:\"\s]+):[\w:.-]*[\w.-]")
_OWN = rf"\g<1>:{MASK}"
_UNNAMED = late_pattern(r"(?:(?<=validation\.patterns)|(?<=checks\.own))\..*")
# The same in a sentence; a name that stands there twice is behind "has the name".
_NAMED = late_pattern(
    r"\b(validation\.patterns|checks\.own)(?:\.(?:\"[^\"]*\"|\S)+| has the name .*)"
)


def report(start: Path, checks: list[Check], environ: Mapping[str, str]) -> str:
    """The report on the project around ``start`` in Markdown; ``checks`` are those of doctor."""
    try:
        project = find_project(start)
    except InputError:
        project = None
    lines = [
        "### agentd doctor --report",
        "",
        f"- agentd {__version__}, {platform.python_implementation()} {platform.python_version()}",
        f"- {platform.system()} {platform.release()} {platform.machine()}",
        f"- {', '.join(map(_package, _PACKAGES))}",
        f"- {', '.join(_surroundings(environ))}",
        f"- keys in the environment: {', '.join(_keys(environ)) or 'none'}",
        *(_project(project) if project else ()),
        *_block("text", map(_line, checks)),
        *(_block("toml", _settings(project)) if project else ()),
    ]
    return _without_places("\n".join(lines), project, environ)


def _line(check: Check) -> str:
    """What was found; of what is the project's own only how it is."""
    if check.is_own:
        return f"{check.status:<4}  a check of the project"
    detail = _complaint(check.detail) if check.name == "config" else check.detail
    return f"{check.status:<4}  {check.name}: {detail}"


def _complaint(text: str) -> str:
    """What is wrong with the config, without the value that it names, and names of its own."""
    text = _NAMED.sub(r"\1.*", text)
    before, is_, value = text.partition(" is ")
    _, so, expected = value.rpartition("; expected")
    if so and value[0] in "\"'[":
        # What is expected of this one is a list of the checks' names.
        text = f"{before}{is_}{MASK}{'' if 'checks.required' in before else so + expected}"
    return text


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


def _surroundings(environ: Mapping[str, str]) -> Iterator[str]:
    yield f"files {sys.getfilesystemencoding()}"
    yield f"stdout {sys.stdout.encoding if sys.stdout else 'closed'}"
    yield from (f"{name}={environ[name]}" for name in _VARIABLES if name in environ)


def _keys(environ: Mapping[str, str]) -> list[str]:
    """The names, never the values: which login a CLI takes depends on them."""
    return sorted(name for name in environ if is_secret_name(name))


def _project(project: Project) -> Iterator[str]:
    """Counts only: ids of changes may tell what is worked on."""
    active, archived = open_changes(project), archived_changes(project)
    phases: Counter[str] = Counter()
    calls = 0
    for change in (*active, *archived):
        try:
            state = change.state
        except AgentdError:
            phases["unreadable"] += 1
            continue
        phases[state.phase or "none"] += 1
        calls += len(state.calls)
    told = ", ".join(f"{phase} {count}" for phase, count in sorted(phases.items()))
    yield f"- layout {project.layout}; changes {len(active)}, archived {len(archived)}"
    yield f"- calls {calls}; phases: {told or 'none'}"


def _settings(project: Project) -> Iterator[str]:
    try:
        given = given_in(project.config_path)
    except (AgentdError, ValueError):  # the checks tell what is wrong with the file
        yield "# config.toml can't be read"
        return
    for key, value in given.items():
        if not _HIDDEN.fullmatch(key):
            yield f"{key} = {toml_text(_impersonal(key, value))}"
    hidden = {_UNNAMED.sub(".*", key) for key in given if _HIDDEN.fullmatch(key)}
    yield from (f"# {key} is set" for key in sorted(hidden))


def _impersonal(key: str, value: object) -> object:
    """Of a CLI's arguments the options alone: what they are given may be anything."""
    name = key.rpartition(".")[2]
    match name, value:
        case "extra_args", list():
            return [_option(str(argument)) for argument in value]
        case "required", list():
            return [one if one in CHECKS else MASK for one in value]
        case _, str() | list() if name not in _SHOWN:
            return MASK
        case _:
            return value


def _option(argument: str) -> str:
    if not argument.startswith("-"):
        return MASK
    name, equals, _ = argument.partition("=")
    return f"{name}={MASK}" if equals else name


def _block(language: str, lines: Iterator[str]) -> list[str]:
    return ["", f"```{language}", *(line.replace("\n", " ") for line in lines), "```"]


def _without_places(text: str, project: Project | None, environ: Mapping[str, str]) -> str:
    places = {str(path): "~" for path in (Path.home(), Path.home().resolve())}
    if project is not None:
        places |= {str(path): "PROJECT" for path in (project.root, project.root.resolve())}
    text = _FINE_TUNED.sub(_OWN, masked(text, environ, places))
    host, user = platform.node(), environ.get("USER") or Path.home().name
    if host:
        text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", "HOST", text)
    return re.sub(rf"(?<=/){re.escape(user)}(?![\w.-])", "USER", text) if user else text
