"""``agentd doctor``: is everything there that a step needs? The answers are data."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from agentd.clock import utc_now
from agentd.config.load import load
from agentd.config.model import (
    ChecksConfig,
    Config,
    HttpConfig,
    MeterConfig,
    ProviderConfig,
    Wire,
)
from agentd.errors import ConfigError, InputError
from agentd.files import is_open_to_others
from agentd.frozen import frozen
from agentd.git import ignores
from agentd.project import merge_driver
from agentd.project.changes import all_changes
from agentd.project.layout import Project, find_project
from agentd.project.workspace import Workspace
from agentd.providers import PROVIDERS, any_provider
from agentd.providers.pointing import PointQuery
from agentd.providers.provider import Provider
from agentd.runner.installed import Installed, find_cli
from agentd.text import counted
from agentd.version import __version__
from agentd.workflow.checks.detect import choose, missing_tool, unknown
from agentd.workflow.meter_choice import MeterChoice, choose_meter
from agentd.workflow.otel.settings import wanted_signals, why_not_sent
from agentd.workflow.prompts.prompt import layers_of
from agentd.workflow.prompts.templates import Templates


@frozen()
class Check:
    """One answer: ``detail`` says what was found, ``fix`` what to do unless ``status`` is ok.

    ``is_own``: name and detail may be the project's own words, which are in no report of a bug.
    """

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    fix: str = ""
    is_own: bool = False


def examine(start: Path) -> list[Check]:
    """Examine the project around ``start`` and its CLIs, in the order to mend things in.

    Without a project, the CLIs that are there under their usual names are examined. Each CLI is
    run once, with ``--version``.
    """
    python = Check("python", "ok", f"Python {platform.python_version()}, agentd {__version__}")
    try:
        project = find_project(start)
    except InputError as error:
        usual = {name: ProviderConfig(command=name) for name in PROVIDERS}
        folder = start.absolute() if start.is_dir() else Path.cwd()
        missing = Check("project", "fail", error.message, error.fix)
        there = [name for name in usual if shutil.which(name)]
        return [
            python,
            missing,
            *_clis({name: usual[name] for name in there}, PROVIDERS, folder, MeterConfig().wire),
        ]
    found = Check("project", "ok", str(project.root))
    repository = [_repository(project.root), _ignored(project), *_runs(project)]
    repository += _merges(project)
    try:
        config = load(project.config_path)
    except ConfigError as error:
        wrong = [Check("config", "fail", line, error.fix) for line in error.message.splitlines()]
        return [python, found, *wrong, *repository]
    rows = {name: config.row(name) for name in config.providers}
    wire, strict = config.meter.wire, config.budget.strict
    clis = _clis(config.providers, rows, project.root, wire, strict=strict, servers=config.http)
    prices = _prices(Workspace(project, config))
    checks = _checks(project.root, config.checks)
    return [
        *(python, found, *_config(config), *_templates(project)),
        *(*clis, *prices, *checks, *repository, *_collector()),
    ]


def _config(config: Config) -> Iterator[Check]:
    if not config.warnings:
        yield Check("config", "ok", f"{config.path} is sound")
    for warning in config.warnings:
        yield Check("config", "warn", warning, f"Correct {config.path}.")


def _templates(project: Project) -> Iterator[Check]:
    try:
        warnings = list(Templates(layers_of(project.agentd_dir, os.environ)).warnings())
    except InputError as error:
        yield Check("templates", "fail", error.message, error.fix)
        return
    for warning in warnings:
        yield Check("templates", "warn", warning, "See docs/prompts.md.")


def _clis(
    providers: Mapping[str, ProviderConfig],
    rows: Mapping[str, Provider],
    cwd: Path,
    wire: Wire,
    *,
    strict: bool = False,
    servers: Mapping[str, HttpConfig] = MappingProxyType({}),
) -> Iterator[Check]:
    # Not in the threads: what they import at once may wait for each other.
    environs = {
        name: {**settings.reaching(os.environ), **rows[name].cli().environment}
        for name, settings in providers.items()
    }

    def find(name: str) -> Installed:
        if name in servers:
            return Installed(path=providers[name].command)
        return find_cli(providers[name].command, cwd, environs[name])

    with ThreadPoolExecutor(len(providers) or 1) as pool:  # one may take seconds to start
        installed = list(pool.map(find, providers))
    for (name, settings), cli in zip(providers.items(), installed, strict=True):
        if name in servers:
            yield _server(name, servers[name])
        else:
            yield _cli(rows[name], settings.command, cli)
        if settings.env is not None:
            yield _environment(name, settings)
        if cli.works:
            environ = settings.reaching(os.environ)
            query = PointQuery(
                cwd=cwd,
                environ=environ,
                extra_args=settings.extra_args,
                model=settings.model_name(),
            )
            yield _meter(name, choose_meter(rows[name], query, wire), strict=strict)
        caution = rows[name].cli().caution
        if cli.works and caution and (told := caution()):
            yield Check(name, "warn", *told)
    working = [name for name, cli in zip(providers, installed, strict=True) if cli.works]
    if working:
        yield Check("providers", "ok", f"{', '.join(working)} can run steps")
    else:
        yield Check(
            "providers",
            "fail",
            "no provider can run a step",
            f"Install {any_provider()}, or set its command in agentd/config.toml.",
        )


def _server(name: str, server: HttpConfig) -> Check:
    """An HTTP API; asked for nothing here."""
    told = f"api {server.api} at {server.base_url}, model {server.model}"
    named = [server.api_key_env or "", *server.headers_env.values()]
    if lacking := [one for one in named if one and not os.environ.get(one, "").strip()]:
        variables = " and ".join(lacking)
        return Check(name, "warn", f"{told}: {variables} is not set", f"Set {variables}.")
    return Check(name, "ok", told)


def _environment(name: str, settings: ProviderConfig) -> Check:
    """What of the environment reaches a CLI that has an ``env``."""
    reaching = settings.reaching(os.environ)
    told = f"{len(reaching)} of {len(os.environ)} variables reach it: {', '.join(sorted(reaching))}"
    needed = [each for each in ("PATH", "HOME") if each in os.environ and each not in reaching]
    if needed:
        detail = f"{told or 'none'}; it may not work without {' and '.join(needed)}"
        return Check(f"env of {name}", "warn", detail, "Add them to its env in config.toml.")
    return Check(f"env of {name}", "ok", told)


def _meter(name: str, choice: MeterChoice, *, strict: bool) -> Check:
    told = f"its runs are metered {choice}"
    if strict and choice.pointing is None:
        return Check(
            f"meter of {name}",
            "warn",
            f"{told}; under a limit budget.strict refuses them",
            'Set meter.wire = "on" and use a login that a relay can carry (docs/meter.md), or set '
            "budget.strict = false.",
        )
    return Check(f"meter of {name}", "ok", told)


def _cli(row: Provider, command: str, cli: Installed) -> Check:
    name, section = row.name, row.section
    install = f"`{row.install}`" if row.install else f"Install {row.title}"
    if cli.path is None:
        return Check(
            name,
            "warn",
            f"there is no command {command}, so no step can run with {name}",
            f"{install}, or correct {section}.command in config.toml, or remove [{section}] there.",
        )
    if cli.problem:
        return Check(name, "warn", f"{cli.path}: {cli.problem}", f"Try `{command} --version`.")
    if cli.version is None:
        detail = f"{cli.path}: --version names no version, so it can't be told if it is too old"
        return Check(name, "warn", detail, f"Check that {command} is the {row.row_name} CLI.")
    version = ".".join(map(str, cli.version))
    if row.exact_since and cli.version < row.exact_since:
        since = ".".join(map(str, row.exact_since))
        detail = f"{cli.path} is version {version}; before {since} {row.older_lacks}"
        return Check(name, "warn", detail, install)
    return Check(name, "ok", f"{cli.path} is version {version}")


def _prices(workspace: Workspace) -> Iterator[Check]:
    config = workspace.config
    for name, provider in config.providers.items():
        row = config.row(name)
        wanted = [entry.model for entry in provider.models]
        wanted += [
            provider.model_name(step.model) or ""
            for step in config.steps.values()
            if step.provider == name
        ]
        models = [model for model in dict.fromkeys([*wanted, provider.model_name() or ""]) if model]
        sources = {
            model: workspace.prices_of(name).knows(
                model, maker=row.maker, at=utc_now(), reports_costs=row.reports_costs
            )
            for model in models
        }
        for model in [model for model, source in sources.items() if source == "none"]:
            yield Check(
                f"price of {model}",
                "warn",
                "no price is known: calls are recorded with their tokens, $0 and as unpriced",
                _price_fix(model, config),
            )
        known = [f"{model} ({source})" for model, source in sources.items() if source != "none"]
        if known:
            yield Check(f"prices of {name}", "ok", ", ".join(known))


def _price_fix(model: str, config: Config) -> str:
    fix = f'Give its prices in [pricing.models."{model}"] of config.toml'
    if "catalog" in config.pricing.sources:
        return f"{fix}."
    return f'{fix}, or add "catalog" to pricing.sources.'


def _checks(root: Path, settings: ChecksConfig) -> Iterator[Check]:
    """The project's own checks that will run, and those that can't."""
    checks = choose(root, settings)
    for check in checks:
        needed = "required; " if check.kind in settings.required else ""
        source = "found by the project's files" if check.detected else "of config.toml"
        told = f"{check.command} ({needed}{source})"
        name = f"check {check.name}"
        if tool := missing_tool(root, check):
            fix = f"Install {tool}, or set another command in [checks] of config.toml."
            yield Check(name, "warn", f"{told}: there is no command {tool}", fix, is_own=True)
        else:
            yield Check(name, "ok", told, is_own=True)
    lacking = unknown(checks, settings)
    for name in lacking:
        fix = f'Set checks.{name} in config.toml: a command, or "" where there is none.'
        told = f"no {name} is known, so agentd holds back no red build by it"
        yield Check(f"check {name}", "warn", told, fix)
    if not checks and not lacking:
        yield Check("checks", "ok", "none: the config has none, and none was found")


def _repository(root: Path) -> Check:
    for folder in (root, *root.parents):
        dot_git = folder / ".git"  # a file in worktrees and submodules
        if dot_git.is_file() or (dot_git / "HEAD").is_file():
            return Check("git", "ok", f"{folder} is a repository")
    return Check(
        "git",
        "warn",
        "the project is in no git repository: what a step changes can't be seen or undone",
        "Run `git init`, and commit before a step.",
    )


def _merges(project: Project) -> Iterator[Check]:
    """Whether git merges the ledgers with agentd; nothing outside of a repository."""
    driver = merge_driver.registered(project.root)
    if driver is None:
        return
    init, wrong = "Run `agentd init` here.", ""
    if not driver:
        wrong, init = "this clone does not know agentd's merge driver", f"{init} {_NOT_CLONED}"
    elif not merge_driver.is_named(project):
        wrong = "no .gitattributes names agentd's merge driver for STATE.yaml"
    elif driver == merge_driver.COMMAND and shutil.which("agentd") is None:
        wrong = "git does not find agentd on the PATH, to merge STATE.yaml with"
        init = "Put the folder that agentd is installed in on the PATH."
    if wrong:
        told = f"{wrong}: branches that both spend will conflict there"
        yield Check("merge driver", "warn", told, init)
    else:
        yield Check("merge driver", "ok", "git merges STATE.yaml with agentd")


def _collector() -> Iterator[Check]:
    """Where spans and metrics go; nothing where the environment has no collector."""
    for signal in wanted_signals(os.environ):
        name = f"OpenTelemetry {signal}"
        if why := why_not_sent(os.environ, signal):
            fix = "See docs/opentelemetry.md: what to install, and what is sent over HTTP."
            yield Check(name, "warn", f"nothing is sent: {why}", fix)
        else:
            yield Check(name, "ok", "sent to the collector that OTEL_EXPORTER_OTLP_* names")


_NOT_CLONED = "git clones no settings, so each clone needs it once."


def _runs(project: Project) -> Iterator[Check]:
    """A warning where other users of this machine may read the logs of runs."""
    changes = all_changes(project)
    wide = [change.runs_dir for change in changes if is_open_to_others(change.runs_dir)]
    if wide:
        first = project.shown(wide[0])
        yield Check(
            "runs",
            "warn",
            f"other users of this machine may read {first}/"
            + (f" and those of {counted(len(wide) - 1, 'other change')}" if wide[1:] else ""),
            f"Run `chmod -R go= {shlex.quote(first)}`; the next run of a step there does it too.",
        )


def _ignored(project: Project) -> Check:
    file = project.agentd_dir / ".gitignore"
    lines = file.read_text(errors="replace").split() if file.is_file() else []
    if "changes/*/runs/" in lines or ignores(project.root, "agentd/changes/x/runs/y"):
        return Check("gitignore", "ok", "the logs of runs stay out of git")
    return Check(
        "gitignore",
        "warn",
        "git would take the logs of runs (agentd/changes/*/runs/), which hold prompts and answers",
        "Run `agentd init`, or put `changes/*/runs/` into agentd/.gitignore.",
    )
