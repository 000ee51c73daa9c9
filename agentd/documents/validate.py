"""A change's documents against their grammar, each other, and the main specs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from agentd.config.model import Config
from agentd.documents.document_files import Source, Sources, read_sources
from agentd.documents.ledger_rules import ledger_issues
from agentd.documents.links import broken_links
from agentd.documents.merge_rules import merge_issues
from agentd.documents.name_key import name_key
from agentd.documents.openspec_metadata import METADATA, skips_specs
from agentd.documents.owed import owes_specs, says_no_specs
from agentd.documents.patterns import pattern_issues
from agentd.documents.placeholders import left_placeholders
from agentd.documents.proposal_rules import NEEDED, common_issues, proposal_issues
from agentd.documents.report import Issue, Report, Severity, report_of
from agentd.documents.spec_rules import spec_issues
from agentd.documents.task_rules import requirement_issues, task_issues
from agentd.documents.tasks import read_tasks
from agentd.markdown.document import scan
from agentd.project.change import Change
from agentd.project.layout import Project
from agentd.specs.deltas import parse_delta
from agentd.specs.files import is_note
from agentd.specs.model import Delta
from agentd.specs.overlap import OpenSpecs

OWED = ("proposal.md", "tasks.md", "specs")
_ACCEPTED_BY_OPENSPEC = ("no-shall", "no-when-then", "missing-section", "empty-section", "no-tasks")
MAX_ERRORS = 100  # with more of them in its specs, a change's merge is not tried


def validate_change(
    project: Project,
    change: Path,
    config: Config,
    *,
    owed: Collection[str] = OWED,
    open_specs: OpenSpecs | None = None,
) -> Report:
    """What is wrong with proposal.md, tasks.md and specs/ of the change in folder ``change``.

    ``owed`` are those of them that must be there; what is there is looked at anyway. Nothing is
    written and nothing is spent. Documents that can't be read are errors, not exceptions.
    ``open_specs`` are the project's, given where many changes are validated: they are read once.
    """
    open_specs = open_specs or OpenSpecs(project)
    sources = read_sources(project.root, change)
    issues = _issues(change, config, sources, owed, open_specs)
    if project.layout == "openspec":
        issues = map(_as_with_openspec, issues)
    return report_of(issues)


def _as_with_openspec(issue: Issue) -> Issue:
    """What OpenSpec accepts, whatever the language, forbids nothing in its layout."""
    lenient = issue.severity == "error" and issue.code in _ACCEPTED_BY_OPENSPEC
    return replace(issue, severity="warning") if lenient else issue


def _issues(
    change: Path, config: Config, sources: Sources, owed: Collection[str], open_specs: OpenSpecs
) -> Iterator[Issue]:
    project = open_specs.project
    yield from ledger_issues(Change(project, change.name, change))
    yield from sources.issues
    deltas = _deltas(project, sources)
    yield from _missing(Change(project, change.name, change), sources, deltas, owed)
    for name, source in sources.documents.items():
        key = name.removeprefix("specs/")
        if name in ("proposal.md", "tasks.md") or (key != name and key in deltas):
            yield from _document_issues(project, name, source)
        elif key != name and project.layout == "openspec":
            text = "this is a note: OpenSpec reads no spec of this name, and it is not merged"
            yield Issue("warning", "note", source.path, None, text)
    specs = [issue for delta in deltas.values() for issue in spec_issues(delta, delta.path)]
    broken = sources.refused or sum(issue.severity == "error" for issue in specs) > MAX_ERRORS
    merge = () if broken else merge_issues(change, deltas, open_specs)
    yield from _each_once(chain(specs, merge))
    if tasks := sources.documents.get("tasks.md"):
        yield from _task_issues(tasks, list(deltas.values()))
    path = config.path
    shown = path.relative_to(project.root) if path.is_relative_to(project.root) else path
    patterns = config.validation.patterns
    yield from pattern_issues(patterns, sources.documents.values(), shown.as_posix())


def _deltas(project: Project, sources: Sources) -> dict[str, Delta]:
    """The specs by their path below ``specs/``: the files that ``change_specs`` takes too."""
    found = {}
    for source in sources.specs:
        key = source.name.removeprefix("specs/")
        delta = parse_delta(source.text, source.path)
        if not is_note(project, key, delta):
            found[key] = delta
    return found


def _each_once(issues: Iterable[Issue]) -> Iterator[Issue]:
    """The merge repeats what is wrong with a spec by itself."""
    seen = set()
    for issue in issues:
        what = (issue.path, issue.line, issue.message)
        if what not in seen:
            seen.add(what)
            yield issue


def _missing(
    change: Change, sources: Sources, deltas: Collection[str], owed: Collection[str]
) -> Iterator[Issue]:
    def shown(name: str) -> str:
        return (change.folder / name).relative_to(change.project.root).as_posix()

    there = {*sources.documents, *sources.refused}
    for name in owed:
        if name not in there and name != "specs":
            yield Issue("error", "missing", shown(name), None, "there is no such document")
    if deltas or any(name.startswith("specs/") for name in sources.refused):
        if skips_specs(change):
            text = "skip_specs says that the change has no spec, but it has"
            fix = "Take skip_specs out, or the specs."
            yield Issue("error", "skip-specs", shown(METADATA), None, text, fix)
    elif "specs" in owed and not says_no_specs(change):
        severity: Severity = "error" if owes_specs(change) else "warning"
        said = f"`skip_specs: true` in {METADATA}"
        if change.project.layout == "agentd":
            said = "`- Specs: none` in proposal.md"
        fix = f"Write one, or say that it touches none: {said}."
        yield Issue(severity, "missing", shown("specs"), None, "there is no spec", fix)


def _document_issues(project: Project, name: str, source: Source) -> Iterator[Issue]:
    """What is looked for in every document; and in proposal.md."""
    document, path = scan(source.text), source.path

    def exists(relative: str) -> bool:
        return (project.root / relative).exists()

    if not any(line.strip() for line in document.lines):
        yield Issue("error", "empty", path, None, "the document is empty")
        return
    proposal = name == "proposal.md"
    if proposal:
        yield from proposal_issues(document, path)
    yield from common_issues(document, path, NEEDED if proposal else ())
    yield from left_placeholders(document, path)
    yield from broken_links(document, path, exists)


def _task_issues(source: Source, deltas: list[Delta]) -> Iterator[Issue]:
    tasks = read_tasks(source.text)
    yield from task_issues(tasks, source.path)
    if not deltas:
        return
    changed = [item.name for delta in deltas for item in (*delta.added, *delta.modified)]
    known = {name_key(name) for delta in deltas for name, _ in delta.touched}
    yield from requirement_issues(tasks, source.path, changed, known)
