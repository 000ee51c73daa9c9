"""Work that counts although a document is not as the step asks for: paying again mends no form."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.documents.owed import missing
from agentd.files import is_below_link, read_plain, write_atomic
from agentd.masking import without_keys
from agentd.text import fenced, some_of
from agentd.workflow import recording
from agentd.workflow.kept_tasks import ticked_since
from agentd.workflow.step_run import StepRun

if TYPE_CHECKING:
    from agentd.documents.report import Issue

_NAMED, _SAID_CHARS = 50, 4000
_NAME_BYTES = 200  # file systems take 255 of each part


def wrote_before(run: StepRun) -> bool:
    """Whether runs of this step that did not count wrote what this one found, and left as it is.

    A judge's document never counts twice.
    """
    change, name = run.change, run.step.name
    before = takewhile(
        lambda call: call.step == name and not recording.did_its_work(change, call, name),
        reversed(change.state.calls),
    )
    begun = [call.started_at for call in before if call.started_at is not None]
    documents = (path for owed in run.step.writes for path in change.documents(owed))
    newest = max((path.stat().st_mtime for path in documents), default=0.0)
    return bool(begun) and not run.step.verdicts and newest >= min(begun).timestamp()


def write_printed(run: StepRun, text: str) -> bool:
    """Write the documents that a step owes, where they were only printed; whether any was.

    One that stands alone must be the only one; of several each stands in its ``<file>``, and
    others than the step may write count for nothing.
    """
    from agentd.documents.printed import document_in_text, files_in_text

    change = run.change
    found = files_in_text(text, change.project.shown(change.folder))
    owed = {name: body for name, body in found.items() if _may_write(run, name)}
    for name, body in owed.items():
        path = change.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, body.encode())
    if owed:
        change.forget()
        return True
    name, *others = run.step.writes
    document = document_in_text(text, Path(name).name)
    if others or document is None or not _may_write(run, name):
        return False
    path = run.change.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, document.encode())
    return True


def _may_write(run: StepRun, name: str) -> bool:
    *folders, file = Path(name).parts or ("",)
    if not file.endswith(".md") or not name.isprintable() or "\\" in name:
        return False
    if any(part == ".." or part.endswith(".md") for part in folders):
        return False
    if len(os.fsencode(name)) > _NAME_BYTES:
        return False
    if is_below_link(run.change.folder, run.change.folder / name):  # it may lead anywhere
        return False
    return any(
        name == owed or (not owed.endswith(".md") and name.startswith(f"{owed}/"))
        for owed in run.step.writes
    )


def accept(
    run: StepRun, run_dir: Path, code: Sequence[str], said: str, misplaced: Sequence[Path] = ()
) -> str:
    """Take a run that reports success, and did not write what it owes, where its work counts.

    One that codes and changed ``code`` does: a document that is not there is written, of what is
    known. So does one that mends and found nothing to mend: its judge decides, but for documents
    that are not valid, which agentd itself would refuse again. Returns what to tell, "" where it
    does not count. ``said`` is its answer, ``misplaced`` what it wrote in a place of its own.
    """
    step, change = run.step, run.change
    gone = missing(change, step.writes)
    names = ", ".join(gone or step.writes)
    if step.code and code:
        if not gone:
            return f"left {names} as it was; what it changed counts"
        for name in gone:
            text = _elsewhere(run, misplaced) or _what_is_known(run, name, run_dir, code, said)
            write_atomic(change.folder / name, text)
        change.forget()
        return f"wrote no {names}; what it changed counts, and agentd wrote a short one"
    if step.mends and not gone and not misplaced and said.strip() and not still_invalid(run):
        return f"left {names} as it was; whether that is right is for the next judgement"
    return ""


def still_invalid(run: StepRun) -> tuple[Issue, ...]:
    """What a revision has left that no judge would see: errors of the change's documents.

    What another change settles, once it is archived, is none of them; nor are those of its judge's.
    """
    if not (run.step.mends and run.step.plans):
        return ()
    from agentd.documents.merge_rules import STACKED
    from agentd.documents.validate import validate_change

    change = run.change
    judged = {change.project.shown(change.folder / name) for name in run.step.reads}
    judged -= {change.project.shown(change.folder / name) for name in run.step.writes}
    report = validate_change(change.project, change.folder, change.workspace.config)
    return tuple(e for e in report.errors if e.code != STACKED and e.path not in judged)


def _elsewhere(run: StepRun, misplaced: Sequence[Path]) -> bytes:
    """The document in the one other place where it was written, b"" without one."""
    root = run.change.project.root.resolve()
    with contextlib.suppress(OSError):
        if len(misplaced) == 1 and misplaced[0].resolve().is_relative_to(root):
            return read_plain(misplaced[0])
    return b""


def _what_is_known(run: StepRun, name: str, run_dir: Path, code: Sequence[str], said: str) -> bytes:
    done = [
        f"- {' '.join(filter(None, (task.number, task.text)))}"
        for task in ticked_since(run.change, run_dir)
    ]
    answer = without_keys(said.strip(), os.environ)[-_SAID_CHARS:]
    lines = [
        f"# {name.removesuffix('.md').capitalize()}: {run.change.id}\n",
        f"agentd wrote this, as step {run.step.name} wrote no {name}.\n",
        "## What was done",
        *(done or ["- no task was ticked"]),
        f"- changed: {some_of([f'`{path}`' for path in code], _NAMED)}\n",
        f"## What it said\n{fenced(answer, 'text')}" if answer else "",
    ]
    return ("\n".join(lines).rstrip() + "\n").encode(errors="replace")
