"""What the prompt of a provider without tools carries: the files it can't open, as far as they fit.

And how it is to answer, as it can write none.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from agentd import git
from agentd.files import files_below, is_below_link
from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.masking import without_keys
from agentd.project.text_file import read_beginning, read_text
from agentd.text import fenced, some_of
from agentd.workflow.changed_files import differing, head_of
from agentd.workflow.step_run import StepRun

USUAL_WINDOW_TOKENS = 32_768
"""Of a model whose window nobody knows."""

Summarise = Callable[[str], tuple[str, bool]]
"""From a text to what is in it, in short, and whether that is all of it."""

_ANSWER_SHARE, _USUAL_ANSWER_TOKENS = 4, 8_192
_LEAST_TOKENS = 200  # a shorter piece of a file says nothing
_NAMED = 20
TOKENIZER = "generic-estimate"
_CODE = late_pattern(r"`([\w./-]+\.\w+)(?::\d[\d-]*)?`")
# Files that are there to hold secrets, but for a template without any.
_SECRET = late_pattern(
    r"(^|/)(\.env(?!\.(example|sample|template|dist)$)(\.[^/]*)?|[^/]+\.env|\.envrc"
    r"|id_(rsa|dsa|ecdsa|ed25519)|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.git-credentials|\.htpasswd"
    r"|credentials(\.(json|ya?ml|toml|ini|csv|txt))?|[^/]*\.(pem|key|p12|pfx|jks|keystore|kdbx|tfvars))$",
    re.IGNORECASE,
)
_HOLDS_SECRETS = "they may hold secrets"
_NO_TEXT = "they are no plain text, or too long"


@frozen()
class Carried:
    """A file for the prompt: how it is called there, and its text.

    ``is_whole``: the text is all of it. One with a reason why it is not carried is only named.
    """

    name: str
    text: str
    is_difference: bool = False
    is_whole: bool = True
    why_not: str = ""


def room_tokens(window_tokens: int | None, answer_tokens: int | None) -> int:
    """How many tokens a prompt may have, so that the answer has room in the model's window."""
    window = window_tokens or USUAL_WINDOW_TOKENS
    return window - min(answer_tokens or _USUAL_ANSWER_TOKENS, window // _ANSWER_SHARE)


def _tokens(text: str) -> int:
    from agentd.metering.tokens.estimates import estimate  # prompts of CLIs do without

    return estimate(text, TOKENIZER)


def files_section(run: StepRun, room: int, summarise: Summarise | None = None) -> str:
    """The files that a step reads, the most needed first, in ``room`` tokens; what is left out.

    What of a difference does not fit is told by ``summarise``.
    """
    parts, left_out = [], []
    refused: dict[str, list[str]] = {}
    for file in _distinct(_candidates(run)):
        if file.why_not:
            refused.setdefault(file.why_not, []).append(f"`{file.name}`")
            continue
        block = f"### `{file.name}`\n\n{fenced(file.text.rstrip())}"
        if file.is_whole and (needed := _tokens(block)) <= room:
            parts.append(block)
            room -= needed
        elif room < _LEAST_TOKENS:
            left_out.append(f"`{file.name}`")
        else:
            own = room * 3 // 4 if file.is_difference and summarise else room
            kept, lines = beginning(file.text, own - _LEAST_TOKENS // 2)
            if file.is_whole and kept.endswith("\n"):
                first = f"its first {kept.count(chr(10))} of {lines} lines"
            else:
                first = f"its first {len(kept):,} characters"
            parts.append(f"### `{file.name}`, {first}\n\n{fenced(kept.rstrip())}")
            is_whole = False
            if file.is_difference and summarise:
                said, is_whole = summarise(file.text[len(kept) :])
                said, _ = beginning(f"{said}\n", room - own)
                if said.strip():
                    told = f"### `{file.name}`, the rest as a model has summarised it"
                    parts.append(f"{told}\n\n{fenced(said.strip())}")
            if not is_whole:
                left_out.append(f"the rest of `{file.name}`")
            room = 0 if len(kept) < len(file.text) else room - _tokens(parts[-1])
    told = "\n\n".join(["## Files", *(parts or ["None."])])
    if left_out:
        told += f"\n\nLeft out, as they do not fit: {some_of(left_out, _NAMED)}."
    for why, names in refused.items():
        told += f"\n\nLeft out, as {why}: {some_of(names, _NAMED)}."
    return told


def answer_rules(run: StepRun) -> str:
    """How the documents that a step owes are to be answered."""
    shown = run.change.project.shown
    owed = [f"{shown(run.change.folder)}/{name}" for name in run.step.writes]
    if len(owed) == 1 and owed[0].endswith(".md"):
        return (
            f"- Your answer is `{owed[0]}`: the whole document, from its title on, and nothing "
            "before or after it."
        )
    names = [f"`{name}`" if name.endswith(".md") else f"those in `{name}/`" for name in owed]
    return (
        f"- Write these files: {', '.join(names)}. Each is whole, and stands between two lines of "
        "its own:\n\n"
        f'      <file path="{owed[0]}">\n      ...\n      </file>\n\n'
        "  Nothing stands before, between or after them."
    )


def _candidates(run: StepRun) -> Iterator[Carried]:
    """What a step reads, the most needed first."""
    change, step = run.change, run.step
    shown, root = change.project.shown, change.project.root
    names = [*step.reads, *(() if step.verdicts else step.writes), "design.md"]
    for path in dict.fromkeys(path for name in names for path in change.documents(name)):
        yield from _file(root, path, shown(path))
    for source in run.sources:
        yield from _code(root, source.path, source.lines)
    if step.runs_checks and not step.code:
        yield from _difference(run)
    specs = change.project.specs_dir
    own = {path.relative_to(change.folder / "specs") for path in change.documents("specs")}
    main = sorted(files_below(specs, ".md"))
    for path in sorted(main, key=lambda path: path.relative_to(specs) not in own):
        yield from _file(root, path, shown(path))
    tracked = _tracked(run)
    yield from _named_code(run, tracked)
    yield Carried("git ls-files", "\n".join(tracked))


def _file(root: Path, path: Path, name: str) -> Iterator[Carried]:
    """A document below ``root``; of a very long one its beginning.

    None that can't be read, or is reached through a linked folder.
    """
    if is_below_link(root, path):
        return
    refused, text, is_whole = read_beginning(path)
    if refused:
        yield from _no_text(path, name)
    else:
        yield Carried(name, text, is_whole=is_whole)


def _no_text(path: Path, name: str) -> Iterator[Carried]:
    if path.is_symlink() or path.exists():
        yield Carried(name, "", why_not=_NO_TEXT)


def _code(root: Path, name: str, lines: tuple[int, int] | None = None) -> Iterator[Carried]:
    """A file of code, without the keys that stand in it; a very long one is no work of a person."""
    path = root / name
    if is_below_link(root, path):
        return
    refused, text = read_text(path)
    if refused:
        yield from _no_text(path, name)
        return
    if lines:
        first, last = lines
        text = "".join(text.splitlines(keepends=True)[first - 1 : last])
        name = f"{name} lines {first}-{last}"
    yield Carried(name, without_keys(text, os.environ))


def _difference(run: StepRun) -> Iterator[Carried]:
    """What the code differs by from the last commit, and the files that git does not know yet."""
    project = run.change.project
    commit = head_of(project)
    changed = differing(project, commit)
    secret = {name for name in changed if _SECRET.search(name)}
    known = [name for name, lines in changed.items() if lines is not None and name not in secret]
    plain = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--relative")
    with contextlib.suppress(git.GitFailed):
        if commit is not None and known:
            told = git.output(project.root, "diff", *plain, commit, "--", *known)
            text = without_keys(told.decode(errors="replace"), os.environ)
            yield Carried("git diff", text, is_difference=True)
    told_by_git = commit is not None or git.has_repository(project.root)
    for name in sorted(set(changed) - set(known) - secret):
        if told_by_git or "/." not in f"/{name}":  # hidden, and nothing says what to ignore
            yield from _code(project.root, name)
    for name in sorted(secret):
        yield Carried(name, "", why_not=_HOLDS_SECRETS)


def _named_code(run: StepRun, tracked: Collection[str]) -> Iterator[Carried]:
    """The files of code that the change's documents name; no others than git's own."""
    root = run.change.project.root
    documents = [run.change.text(name) or "" for name in ("proposal.md", "tasks.md")]
    documents.append(run.values.get("description", ""))
    for name in dict.fromkeys(_CODE.findall("\n".join(documents))):
        if name in tracked and _SECRET.search(name):
            yield Carried(name, "", why_not=_HOLDS_SECRETS)
        elif name in tracked:
            yield from _code(root, name)


def _tracked(run: StepRun) -> list[str]:
    """The files that git knows; none where it can't be asked."""
    try:
        names = git.output(run.change.project.root, "ls-files", "-z")
    except git.GitFailed:
        return []
    return [name for name in names.decode(errors="replace").split("\0") if name]


def _distinct(found: Iterable[Carried]) -> Iterator[Carried]:
    known: set[str] = set()
    for file in found:
        if file.name not in known and (file.text.strip() or file.why_not):
            known.add(file.name)
            yield file


def beginning(text: str, tokens: int) -> tuple[str, int]:
    """As many whole lines as fit, and how many there are; of a line that is too long its begin."""
    lines = text.splitlines(keepends=True)
    if count := _most(len(lines), lambda count: "".join(lines[:count]), tokens):
        return "".join(lines[:count]), len(lines)
    [first] = lines[:1] or [""]
    return first[: _most(len(first), lambda count: first[:count], tokens)], len(lines)


def _most(most: int, part: Callable[[int], str], tokens: int) -> int:
    """How many pieces of a text fit."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if _tokens(part(middle)) <= tokens:
            least = middle
        else:
            most = middle - 1
    return least
