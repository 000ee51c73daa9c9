"""The command that answers what was spent: cost, and the way to cost reset and cost audit."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from typer.core import TyperCommand

from agentd.cli.options import LatestChangeId
from agentd.cli.terminal import note, show, style_of
from agentd.errors import StateError, UsageError

if TYPE_CHECKING:
    from agentd.reports.costs import Costs
    from agentd.reports.model import Report

_DETAIL = ("model", "step")
_EVERYWHERE = ("project", "model")
# Spelled out, for the help: the rooms that know them take too long to load.
DIMENSIONS = (
    *("step", "model", "provider", "change", "day", "week", "month", "status"),
    *("thread", "variant", "source", "branch", "author", "session", "project"),
)
Format = Literal["table", "json", "csv", "markdown"]
_BELOW = ("reset", "audit")  # the functions of cost_below


class CostCommand(TyperCommand):
    """``cost``, or the command below it that the first argument names."""

    @property
    def below(self) -> dict[str, Any]:
        """The commands below it by name: they are no group's, as cost takes a change's id."""
        from agentd.cli import cost_below
        from agentd.cli.examples import epilog

        found = {}
        for name in _BELOW:
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(name, epilog=epilog(f"cost {name}"))(getattr(cost_below, name))
            found[name] = typer.main.get_command(app)
        return found

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        if not args or args[0] not in _BELOW:
            return super().make_context(info_name, args, parent, **extra)
        command = self.below[args[0]]
        return command.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)


COMMAND_CLASS = CostCommand


def cost(
    change_id: LatestChangeId = None,
    every: Annotated[
        bool, typer.Option("--all", help="Sum up all changes, archived ones too.")
    ] = False,
    everywhere: Annotated[
        bool,
        typer.Option(
            "--everywhere",
            help="Sum up all projects of this machine, and the sessions outside them.",
        ),
    ] = False,
    detail: Annotated[bool, typer.Option("--detail", help="The same as --by model,step.")] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="WHAT",
            help=f"Group by {', '.join(DIMENSIONS)}; several with a comma, or --by again.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="Only calls that began then or later: 2026-11-24, 2026-W48, 2026-11, "
            "2026-11-24T15:30, today, yesterday, 7d, 2w, 12h.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="WHEN",
            help="Only calls that began before then, or before the end of this day, week or month.",
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="Time zone of the days, such as Europe/Berlin (default: budget.project.timezone "
            "of the config, else UTC).",
        ),
    ] = None,
    shape: Annotated[
        Format | None,
        typer.Option("--format", metavar="FORMAT", help=f"One of {', '.join(get_args(Format))}."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="REV",
            help="Compare with what was recorded where this branch left REV, by git.",
        ),
    ] = None,
    forecast: Annotated[
        bool,
        typer.Option(
            "--forecast", help="Show what the next step and the rest will probably cost, instead."
        ),
    ] = False,
) -> None:
    """Show what was spent: one line, or a table of groups.

    `agentd cost reset ID` lets a change's budget count anew; `agentd cost audit [ID]` checks what
    was recorded; their names come right after cost. A change that is called reset or audit:
    `agentd cost [OPTIONS] -- audit`.
    """
    gc.disable()  # the process ends at once; with 100,000 calls it is a third of the time
    from agentd.reports.costs import CostRequest, open_costs

    names = _names(by, detail)
    chosen = _format(shape, as_json)
    if every and change_id:
        raise UsageError(
            f"--all and the change {change_id} exclude each other", fix="Give one of them."
        )
    if everywhere and (change_id or every or base is not None):
        raise UsageError(
            "--everywhere is about all there is: no change, --all or --base goes with it",
            fix="See: agentd cost --help",
        )
    if forecast:
        others = (
            every,
            everywhere,
            names,
            since,
            until,
            timezone,
            base,
        )
        if any(others) or chosen in {"csv", "markdown"}:
            raise UsageError(
                "--forecast is about one change to come, and takes no option but --json",
                fix="See: agentd cost --help",
            )
        from agentd.cli.cost_forecast import show_forecast

        show_forecast(change_id, chosen == "json")
        return
    if not names and everywhere:
        names = _EVERYWHERE
    elif not names and chosen in {"csv", "markdown"}:
        names = _DETAIL
    request = CostRequest(
        change_id=change_id,
        all_changes=every,
        by=names,
        since=since,
        until=until,
        timezone=timezone,
        base=base,
    )
    if everywhere:
        from agentd.reports.everywhere import open_everywhere

        costs = open_everywhere(Path.cwd(), request)
    else:
        costs = open_costs(Path.cwd(), request)
    _show(costs, chosen, picked=not every and change_id is None)
    if any(costs.waiting):
        from agentd.cli.output import told_waiting

        if told_waiting(costs.waiting):
            raise typer.Exit(StateError.exit_code)


def _names(by: list[str] | None, detail: bool) -> tuple[str, ...]:
    given = [name.strip() for text in by or () for name in text.split(",")]
    if given and detail:
        raise UsageError("--detail and --by exclude each other", fix="Give one of them.")
    wrong = [name for name in given if name not in DIMENSIONS]
    if wrong:
        raise UsageError(
            f"--by {wrong[0]!r} is unknown", fix=f"Expected some of {', '.join(DIMENSIONS)}."
        )
    return _DETAIL if detail else tuple(dict.fromkeys(given))


def _format(shape: Format | None, as_json: bool) -> Format:
    if as_json and shape not in {None, "json"}:
        raise UsageError(f"--json and --format {shape} exclude each other", fix="Give one of them.")
    return "json" if as_json else shape or "table"


def _show(costs: Costs, chosen: Format, *, picked: bool) -> None:
    """Print the report; one line of a change that agentd ``picked`` says on stderr which it is."""
    for warning in costs.warnings:
        note(f"warning: {warning}")
    if costs.untimed:
        note(told_untimed(costs.untimed))
    if chosen == "table" and not costs.report.by and costs.base is None:
        if picked:
            note(f"{costs.report.scope}:")
        show(summary(costs.report))
        if costs.report.not_imported and (told := costs.report.not_imported.told()):
            show(told)
        return
    from agentd.reports.formats import renderer

    show(renderer(chosen)(costs.report, style=style_of(sys.stdout), base=costs.base), drawn=True)


def told_untimed(count: int) -> str:
    """The sentence on calls that can't be in any time."""
    calls, them = ("1 call has", "it") if count == 1 else (f"{count} calls have", "them")
    return f"{calls} no time in the ledger, so --since and --until leave {them} out."


def summary(report: Report) -> str:
    """``24 calls, prompt=12,450 / completion=3,210 tokens, cost=$0.023400`` and what is to say."""
    from agentd.metering.money import usd
    from agentd.reports.formats import words
    from agentd.reports.partial import told_bound
    from agentd.text import counted

    total = report.total
    cost = usd(total.cost_usd) if total.local == total.calls else words.cost(total)
    parts = [
        counted(total.calls, "call"),
        f"prompt={total.tokens_in:,} / completion={total.tokens_out:,} tokens",
        f"cost={cost}",
    ]
    if total.local:
        parts.append(f"{total.local:,} local")
    if total.unpriced:
        parts.append(f"{total.unpriced:,} unpriced (no price is known: see [pricing.models])")
    if total.failed:
        parts.append(f"{total.failed:,} failed")
    least = told_bound(total, total.cost_usd, report.whys)
    return "\n".join(filter(None, (", ".join(parts), least)))
