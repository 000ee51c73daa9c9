"""The command that looks at a change's documents before money is spent on them: validate."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentd.cli.options import AsJson
from agentd.cli.terminal import note, print_json, show
from agentd.errors import UsageError
from agentd.text import counted

if TYPE_CHECKING:
    from agentd.documents.fix import Mended
    from agentd.documents.report import Report
    from agentd.project.change import Change
    from agentd.project.layout import Project


def validate(
    change_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            show_default=False,
            help="Change id (default: the STATE.yaml of all changes, archived ones too).",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="The documents of each open change, and all STATE.yaml.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="First mend what can be mended without a doubt.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a change's proposal, tasks, specs and STATE.yaml.

    Of an archived change, and without an ID, STATE.yaml alone: after a merge, --fix unites the
    calls that git's conflict markers part.

    Exit code 1 when something is wrong. Calls no model and writes nothing without --fix.
    """
    from agentd.documents.fix import fix_change, fix_ledger, fix_shared
    from agentd.documents.ledger_rules import ledger_issues, shared_issues
    from agentd.documents.report import Report, report_of
    from agentd.documents.validate import validate_change
    from agentd.project.workspace import Workspace
    from agentd.specs.overlap import OpenSpecs
    from agentd.specs.staging import told_half_published

    if every and change_id:
        raise UsageError(f"--all and {change_id} exclude each other", fix="Give one of them.")
    open_workspace = Workspace.open_to_write if fix else Workspace.open
    workspace = open_workspace(Path.cwd())
    project = workspace.project
    for sentence in told_half_published(project):
        note(f"warning: {sentence}")
    chosen = _chosen(project, change_id)
    folders = Counter(each.id for each in chosen)
    mended: list[Mended] = []
    if fix:
        mended = [done for each in chosen for done in fix_ledger(each, alone=folders[each.id] == 1)]
        chosen = _chosen(project, change_id)
        mended += fix_shared(project, chosen)
    whole = chosen if every else chosen[-1:] if change_id else []
    whole = [change for change in whole if not change.archived_on]
    told = [
        issue
        for each in chosen
        if each not in whole
        for issue in ledger_issues(each, alone=folders[each.id] == 1)
    ]
    reports = [report_of([*told, *shared_issues(project, chosen)])]
    if fix:
        mended += [done for each in whole for done in fix_change(project, each.folder)]
    open_specs = OpenSpecs(project)
    for each in whole:
        found = validate_change(project, each.folder, workspace.config, open_specs=open_specs)
        reports.append(found)
    report = Report(tuple(issue for each in reports for issue in each.issues))
    if as_json:
        print_json(_document(change_id, report, mended, strict=strict))
    else:
        name = change_id or ("all changes" if every else "all ledgers")
        show(_text(name, report, mended, strict=strict))
    raise typer.Exit(0 if report.ok(strict) else 1)


def _chosen(project: Project, change_id: str | None) -> list[Change]:
    """All changes; or one, behind the other folders of its id, where a merge may have left it.

    Not only its known copies: markers may keep a ledger there from being read.
    """
    from agentd.project.changes import all_changes, find_change
    from agentd.project.copies import others_of

    if not change_id:
        return all_changes(project)
    one = find_change(project, change_id)
    return [*others_of(one), one]


def _text(name: str, report: Report, mended: list[Mended], *, strict: bool) -> str:
    lines = [f"{file.path}: mended: {note}" for file in mended for note in file.notes]
    for issue in report.issues:
        lines.append(str(issue))
        if issue.fix:
            lines.append(f"    {issue.fix}")
    count = Counter(issue.severity for issue in report.issues)
    counts = [counted(count["error"], "error", "no"), counted(count["warning"], "warning", "no")]
    counts += [counted(count["info"], "note")] if count["info"] else []
    verdict = "ok" if report.ok(strict) else "not ok"
    return "\n".join([*lines, f"{name}: {verdict} ({', '.join(counts)})"])


def _document(
    change_id: str | None, report: Report, mended: list[Mended], *, strict: bool
) -> dict[str, Any]:
    from dataclasses import asdict

    count = Counter(issue.severity for issue in report.issues)
    return {
        "change_id": change_id,
        "ok": report.ok(strict),
        "strict": strict,
        "errors": count["error"],
        "warnings": count["warning"],
        "infos": count["info"],
        "issues": [asdict(issue) for issue in report.issues],
        "mended": [{"path": file.path, "notes": list(file.notes)} for file in mended],
    }
