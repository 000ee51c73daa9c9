"""The specs as a change would leave them, in the change's folder ``merged/``.

Until the archive review approves, the main specs stay as they are, whatever happens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from agentd.errors import InputError
from agentd.files import files_below, make_private_folder, read_json, remove_tree, write_atomic
from agentd.markdown.document import scan
from agentd.project.change import Change
from agentd.project.changes import open_changes
from agentd.project.hold import worker_on
from agentd.project.layout import CHANGELOG, Project
from agentd.project.phases import read_phase
from agentd.specs.check import main_problems
from agentd.specs.files import read_spec
from agentd.specs.journal import Journal, sole_spec_writer

_HEADING = "# Changelog"


def merged_dir(change: Path) -> Path:
    """The folder in which the merged specs wait."""
    return change / "merged"


def is_staged(project: Project, change: Path) -> bool:
    """Whether ``merged/`` holds what the main specs and the change's deltas make together now.

    That is the specs that were written there, all of them and no other, each still a main spec.
    """
    try:
        noted: object = read_json(_note(change))
    except (FileNotFoundError, ValueError):
        return False
    return noted == _fingerprint(project, change) and all(
        not main_problems(read_spec(project, path) or "", str(path)) for path in _specs(change)
    )


def stage(project: Project, change: Path, texts: Mapping[Path, str]) -> None:
    """Write the merged specs, and a copy of the changelog for the step that adds an entry.

    A changelog that waits there already is kept, and a spec until it is written anew: they may have
    been paid for.
    """
    folder = merged_dir(change)
    folder.mkdir(parents=True, exist_ok=not folder.is_symlink())
    places = {
        folder / target.relative_to(project.specs_dir): text for target, text in texts.items()
    }
    for path in files_below(folder, ""):
        if path not in places and path != folder / CHANGELOG:
            path.unlink()
    for place, text in places.items():
        if not place.is_symlink():
            remove_tree(place)  # a folder of that name; a file stays until it is replaced
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, text.encode())
    make_private_folder(_note(change).parent)
    write_atomic(_note(change), json.dumps(_fingerprint(project, change)).encode())


def publish(project: Project, change: Path) -> Journal:
    """Put the merged specs and the changelog entry in place: all of them or none.

    The journal that comes back can take them back until it is forgotten. Raises InputError when
    the main specs are not those that were merged into, OSError.
    """
    folder = merged_dir(change)
    changelog = project.specs_dir / CHANGELOG
    with sole_spec_writer(project.specs_dir):
        _take_back(project, change)
        if not is_staged(project, change):
            raise InputError(
                "the specs changed during the archive review",
                fix=f"Run it again: agentd run {change.name}",
            )
        texts = {
            project.specs_dir / path.relative_to(folder): read_spec(project, path) or ""
            for path in files_below(folder, ".md")
        }
        now = read_spec(project, changelog) or f"{_HEADING}\n"
        if changelog in texts:
            texts[changelog] = with_entry(now, entry_of(texts[changelog], change.name))
        journal = journal_of(project, change)
        journal.write(texts)
    return journal


def take_back(project: Project, change: Path | None = None) -> None:
    """Undo what was published for this change, or one nobody works on, and not archived.

    Its agentd was killed. Undone later, it would take back what is published from now on. Raises
    StateError, OSError, LockHeld.
    """
    if any(_half_published(project, change)):
        with sole_spec_writer(project.specs_dir):
            _take_back(project, change)


def told_half_published(project: Project) -> Iterator[str]:
    """A sentence on each change whose specs were being put in place when its agentd was killed."""
    for change in _half_published(project):
        yield (
            f"the specs in {project.shown(project.specs_dir)}/ may be half those of change "
            f"{change.id}, whose agentd was killed while it archived it; any step puts them back"
        )


def _take_back(project: Project, change: Path | None) -> None:
    for other in _half_published(project, change):
        journal_of(project, other.folder).undo()


def _half_published(project: Project, held: Path | None = None) -> Iterator[Change]:
    """``held`` is a change that this process works on itself."""
    for change in open_changes(project):
        if not change.is_merging or not journal_of(project, change.folder).open:
            continue
        if change.folder != held and worker_on(change) is not None:
            continue
        if read_phase(change.state.phase) != "archived":
            yield change


def journal_of(project: Project, change: Path) -> Journal:
    """What can still be taken back of a change's merge."""
    return Journal(change / "runs" / "merge", project.specs_dir)


def entry_of(changelog: str, change_id: str) -> str:
    """The newest section of a changelog, or the one that names the change."""
    document = scan(changelog)
    sections = [heading for heading in document.headings if heading.level == 2]
    named = [section for section in sections if change_id in section.title]
    for chosen in (named or sections)[:1]:
        return "\n".join(document.lines[chosen.line - 1 : chosen.end]).strip() + "\n"
    return ""


def with_entry(changelog: str, entry: str) -> str:
    """The changelog with an entry on top of the others, unless it is there already."""
    if not entry or entry.strip() in changelog:
        return changelog
    lines = changelog.split("\n")
    headings = scan(changelog.replace("\r", "")).headings
    first = next((h.line - 1 for h in headings if h.level == 2), len(lines))
    head, older = ("\n".join(part).strip() for part in (lines[:first], lines[first:]))
    return f"{head or _HEADING}\n\n{entry}\n{older}".rstrip() + "\n"


def _specs(change: Path) -> list[Path]:
    """The merged specs, without the changelog."""
    folder = merged_dir(change)
    return [path for path in files_below(folder, ".md") if path != folder / CHANGELOG]


def _note(change: Path) -> Path:
    return change / "runs" / "staged.json"


def _fingerprint(project: Project, change: Path) -> dict[str, str]:
    folder = change / "specs"
    prints = {}
    for path in files_below(folder, ".md"):
        key = path.relative_to(folder)
        main = project.specs_dir / key
        prints[f"change/{key}"] = sha256(path.read_bytes()).hexdigest()
        prints[f"main/{key}"] = sha256(main.read_bytes()).hexdigest() if main.is_file() else ""
    for path in _specs(change):
        prints[f"merged/{path.relative_to(merged_dir(change))}"] = "there"
    return prints
