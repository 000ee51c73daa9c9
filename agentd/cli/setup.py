"""The commands that set things up, look whether all is there, and show how it works."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from agentd.cli.options import AsJson
from agentd.cli.terminal import note, print_json, show
from agentd.errors import UsageError
from agentd.providers import PROVIDERS, any_provider


def init(
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            metavar="NAME",
            help=f"Use this CLI only: {any_provider()}. Adds its section to an existing config.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="The project's name (default: read from its files)."
        ),
    ] = None,
    commands: Annotated[
        bool,
        typer.Option(
            "--commands",
            help="Also write slash commands (/agentd:plan, impl, status, cost) and a skill for "
            "each CLI of the config.",
        ),
    ] = False,
    remove: Annotated[
        bool,
        typer.Option("--remove", help="Remove what init wrote, unless it was edited."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --remove: only show what would go.")
    ] = False,
) -> None:
    """Write agentd/ into this folder; keep what is there.

    The config gets the CLIs that are installed. Beside it come project.md, .gitignore,
    .gitattributes and specs/. In a git repository it also registers agentd's merge driver in
    .git/config, which every clone needs once. --remove takes all of it away again; edited files,
    changes, the archive and specs stay.
    """
    from agentd.project.init import find_clis, initialise

    if (remove and (provider or name or commands)) or (dry_run and not remove):
        raise UsageError(
            "--remove goes with --dry-run alone, and --dry-run with --remove",
            fix="See: agentd init --help",
        )
    if remove:
        _remove(dry_run=dry_run)
        return
    clis = find_clis()
    done = initialise(
        Path.cwd(), provider=provider, project_name=name, installed=clis, commands=commands
    )
    if provider is None:
        _tell_clis(clis, is_new=done.project.config_path in done.created)
    for path in done.created:
        show(f"wrote {path.relative_to(done.project.root)}")
    for path in done.kept:
        show(f"kept  {path.relative_to(done.project.root)}")
    for path in done.edited:
        show(f"kept  {path.relative_to(done.project.root)}: it was edited")
    if done.registered:
        show("registered agentd's merge driver in this repository's git config")
    if done.added:
        show(f"added [{provider}] to {done.project.config_path.relative_to(done.project.root)}")
    elif provider and done.project.config_path in done.kept:
        show(f"config.toml has a section [{provider}] already")
    for missing in done.lacking:
        show(f"{missing} has no section in config.toml: agentd init --provider {missing}")
    if name and done.project.config_path not in done.created:
        show("config.toml was there already, so --name changed nothing: edit it.")
    _tell_next(can_run=bool(clis or done.kept))


def _tell_next(*, can_run: bool) -> None:
    if not can_run:
        show("Next: install one of the CLIs, then run `agentd doctor`.")
        return
    show("`agentd doctor` checks the CLIs, the config and the prices.")
    show('Next: describe the project in agentd/project.md, then `agentd run ID "DESCRIPTION"`.')


def _tell_clis(clis: Mapping[str, str], *, is_new: bool) -> None:
    for name, row in PROVIDERS.items():
        add = row.install or f"install {row.title}"
        show(f"found {name}: {clis[name]}" if name in clis else f"no {name} here: {add}")
    if is_new and not clis:
        show("config.toml gets all of them: no step can run until one is installed.")


def _remove(*, dry_run: bool) -> None:
    from agentd.project.remove import remove

    done = remove(Path.cwd(), dry_run=dry_run)
    for path in done.removed:
        show(f"{'would remove' if dry_run else 'removed'} {done.shown(path)}")
    if done.unregistered:
        show(f"{'would take' if dry_run else 'took'} agentd's merge driver out of the git config")
    for left in done.left:
        show(f"{'would leave' if dry_run else 'left'} {done.shown(left.path)}: {left.why}")


def doctor(
    as_json: AsJson = False,
    report: Annotated[
        bool,
        typer.Option("--report", help="Print Markdown for a bug report; secrets are masked."),
    ] = False,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Ask each [http.NAME] one tiny question, a call of the latest change.",
        ),
    ] = False,
) -> None:
    """Check the CLIs, the config and the prices.

    Each configured CLI is run with --version; each configured model must have a price.
    """
    from agentd.workflow.doctor import examine

    if report and as_json:
        raise UsageError("--report and --json exclude each other", fix="Give one of them.")
    checks = examine(Path.cwd())
    if probe:
        from agentd.workflow.order import Order
        from agentd.workflow.probe import probe as ask

        checks += ask(Path.cwd(), Order(note=note, warn=note))
    if report:
        from agentd.workflow.doctor_report import report as write

        show(write(Path.cwd(), checks, os.environ))
        note("Read it before you share it. Keys, paths and your own texts are left out.")
        return
    failed = any(check.status == "fail" for check in checks)
    if as_json:
        rows = [
            {"name": c.name, "status": c.status, "detail": c.detail, "fix": c.fix} for c in checks
        ]
        print_json({"ok": not failed, "checks": rows})
    else:
        for check in checks:
            show(f"{check.status:<4}  {check.name}: {check.detail}")
            if check.fix:
                show(f"      {check.fix}")
    raise typer.Exit(1 if failed else 0)


def demo(
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="DIR",
            help="Make the demo project in DIR, a git repository, and leave it.",
        ),
    ] = None,
    budget: Annotated[
        bool,
        typer.Option(
            "--budget",
            help="Show a budget instead: 100 items at made-up costs, a warning, a cheaper model. "
            "With --keep each item is a call of a change in DIR.",
        ),
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            metavar="FILE",
            help="With --budget: publish the cost metrics to FILE, for a dashboard.",
        ),
    ] = None,
    pause: Annotated[
        float | None,
        typer.Option(
            "--pause",
            metavar="SECONDS",
            min=0,
            max=60,
            help="With --budget: wait so long after each item (default: 0).",
        ),
    ] = None,
) -> None:
    """Play a whole change, offline, with recorded output.

    Stand-in CLIs replay what the real ones printed.
    """
    if budget:
        from agentd.cli.demo.budget import play_budget

        play_budget(show, keep=keep, state_file=state, pause_s=pause or 0.0)
        return
    if state is not None or pause is not None:
        raise UsageError("--state and --pause belong to --budget", fix="See: agentd demo --help")
    from agentd.cli.demo import play

    play(show, keep=keep)
