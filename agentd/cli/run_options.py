"""Options and arguments of the commands that run a step or several."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, get_type_hints

import typer

from agentd.cli.arguments import checked_text
from agentd.providers import any_provider


def _checked(description: str | None) -> str | None:
    """Before anything is made for it."""
    return None if description is None else checked_text(description, "the description")


Description = Annotated[
    str,
    typer.Argument(
        metavar="DESCRIPTION",
        show_default=False,
        callback=_checked,
        help="What to change, and why.",
    ),
]
OptionalDescription = Annotated[
    str | None,
    typer.Argument(
        metavar="[DESCRIPTION]",
        show_default=False,
        callback=_checked,
        help="What to change, and why (until a proposal was begun).",
    ),
]
Small = Annotated[
    bool, typer.Option("--small", help="The short way for a small change: no challenge.")
]
Feedback = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        callback=lambda text: text and checked_text(text, "the feedback"),
        help="What to mend: the next reproposal or resolve gets it, and is made for it.",
    ),
]
Resolve = Annotated[
    bool, typer.Option("--resolve", help="Ask a model about real conflicts of the merge.")
]


class Asked(NamedTuple):
    """What the options of all these commands say; their defaults."""

    provider: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"{any_provider()}, or a name of the config, instead of the configured one.",
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A model id of the config, or a model's full name."),
    ] = None
    session: Annotated[
        str | None,
        typer.Option(
            metavar="SESSION", help="Continue this session of the CLI (session_id in STATE.yaml)."
        ),
    ] = None
    wait: Annotated[
        bool, typer.Option("--wait", help="Sleep until a rate limit is lifted, and go on.")
    ] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, only results and errors.")
    ] = False
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what the CLI says and does, on stderr.")
    ] = False
    budget_override: Annotated[
        bool,
        typer.Option(
            "--budget-override",
            help="Go beyond the budget's limits; the calls that do are marked in STATE.yaml.",
        ),
    ] = False
    no_checks: Annotated[
        bool,
        typer.Option(
            "--no-checks",
            help="Don't run the project's tests and other checks; STATE.yaml says so.",
        ),
    ] = False


def asking(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of Asked, but ``without`` these, behind its own.

    The command gets what they say as its keyword ``asked``.
    """
    hints = get_type_hints(Asked, include_extras=True)
    names = [name for name in Asked._fields if name not in without]
    kind, usual = inspect.Parameter.KEYWORD_ONLY, Asked._field_defaults
    options = [
        inspect.Parameter(name, kind, default=usual[name], annotation=hints[name]) for name in names
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            asked = Asked(**{name: given.pop(name) for name in names})
            command(**given, asked=asked)

        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [*(one for one in own if one.name != "asked"), *options]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        vars(run)["__signature__"] = inspect.Signature(parameters)
        return run

    return decorate
