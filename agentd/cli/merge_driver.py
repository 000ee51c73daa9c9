"""What git runs to merge two branches' STATE.yaml: merge-driver."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentd.cli.terminal import note


def merge_driver(
    base: Annotated[
        Path, typer.Argument(metavar="BASE", help="The common ancestor (%O), may be empty.")
    ],
    ours: Annotated[
        Path, typer.Argument(metavar="OURS", help="Our version (%A); the result is written there.")
    ],
    theirs: Annotated[Path, typer.Argument(metavar="THEIRS", help="Their version (%B).")],
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Where the file lies in the repository (%P).")
    ] = "STATE.yaml",
    marker_size: Annotated[
        int, typer.Option("--marker-size", min=1, max=1000, help="Length of the markers (%L).")
    ] = 7,
) -> None:
    """Merge two versions of a STATE.yaml, for git.

    `agentd init` registers it, so you never type it. It unites the calls by id, adds the totals up
    and unites the budget's keys; all else is merged as text.

    Exit code 0: merged. 1: OURS has conflict markers, or one side could not be read.
    """
    from agentd.errors import UsageError
    from agentd.files import read_plain, write_atomic
    from agentd.ledger.conflicts import merge_files
    from agentd.ledger.text_merge import Merging
    from agentd.min_version import UPGRADE
    from agentd.project.merge_driver import told_too_old

    # With an exit code above 1 git's own merge is tried: nothing is written before.
    try:
        old, one, other = (read_plain(each, max_bytes=_MAX_BYTES) for each in (base, ours, theirs))
        if (problem := told_too_old(Path.cwd() / path)) is not None:
            raise UsageError(f"{path}: {problem}", fix=UPGRADE)
        data, merged = merge_files(old, one, other, Merging(Path.cwd(), marker_size=marker_size))
        write_atomic(ours, data)
    except OSError as error:
        raise UsageError(
            f"{error.filename or ours}: {error.strerror}", fix="git names the files: docs/ledger.md"
        ) from error
    for told in merged.notes:
        note(f"agentd: {path}: {told}")
    raise typer.Exit(1 if merged.conflict else 0)


_MAX_BYTES = 200_000_000
