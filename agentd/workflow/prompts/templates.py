"""Templates of prompts: the package's, and what a user's and a project's folder lay over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from agentd.errors import InputError
from agentd.files import read_plain
from agentd.late_pattern import late_pattern
from agentd.workflow.steps import STEPS

# Placeholders that every template knows.
COMMON = (
    "step",
    "change_id",
    "change",
    "merged",
    "agentd",
    "specs",
    "spec_file",
    "changelog",
    "today",
)
SKELETONS = (
    "proposal",
    "tasks",
    "spec",
    "challenge",
    "implementation",
    "review",
    "archive-review",
    "changelog",
)

PACKAGED = Path(__file__).parent
_PACKAGE = PACKAGED.parents[1]
_SKELETONS = _PACKAGE / "documents" / "skeletons"
# A backslash before it keeps a placeholder as it stands.
_FIELD = late_pattern(r"(\\?)\{\{[ \t]*([\w-]+)[ \t]*\}\}")


def prompt_fields() -> dict[str, tuple[str, ...]]:
    """The names of the prompts, with the placeholders that each of them knows besides COMMON."""
    return {
        name: step.fields
        for step in STEPS.values()
        for name in (step.name, step.small_prompt)
        if name is not None
    }


def template_names() -> tuple[str, ...]:
    """How the templates of a project may be called, without ``.md``."""
    prompts = prompt_fields()
    appended = (f"{name}.append" for name in prompts)
    return (*prompts, *appended, *(f"skeleton-{name}" for name in SKELETONS))


class Template(NamedTuple):
    """A template's text (LF, no byte order mark, no blank ends) and the file it is from."""

    text: str
    path: Path

    def fields(self) -> set[str]:
        """The placeholders it fills."""
        return {match[2] for match in _FIELD.finditer(self.text) if not match[1]}

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its placeholders filled, once: what stands in a value is left as it is.

        A placeholder without a value is a KeyError.
        """
        return _FIELD.sub(lambda at: at[0][1:] if at[1] else values[at[2]], self.text)


class Templates:
    """The package's templates with those of ``layers`` over them, folders that need not be there.

    ``STEP.md`` replaces what the layers before gave, ``STEP.append.md`` is put behind it,
    ``skeleton-NAME.md`` replaces a skeleton; other files are ignored. Raises InputError for one
    that can't be read, is empty, or has an unknown placeholder, so that none fails in the middle of
    a loop.
    """

    def __init__(self, layers: Sequence[Path] = ()) -> None:
        self._own: dict[str, tuple[Template, ...]] = {}
        self._unknown: list[Path] = []
        for folder in layers:
            self._lay_over(folder)

    def parts(self, name: str) -> tuple[Template, ...]:
        """The parts of a prompt, of ``skeleton-NAME`` or of ``_frame``, to be joined."""
        if name in self._own:
            return self._own[name]
        skeleton = name.removeprefix("skeleton-")
        folder = PACKAGED if skeleton == name else _SKELETONS
        return (_read(folder / f"{skeleton}.md"),)

    def warnings(self) -> Iterator[str]:
        """What is odd about them: an unknown name, a placeholder or verdict left out."""
        known = template_names()
        for path in self._unknown:
            near = get_close_matches(path.stem.lower(), known, n=1)
            hint = f"did you mean {near[0]}.md?" if near else f"known are {', '.join(known)}"
            yield f"{path} is no template and is ignored; {hint}"
        for step in prompt_fields():
            yield from self._left_out(step)

    def _lay_over(self, folder: Path) -> None:
        # Sorted, STEP.append.md comes before STEP.md, so all that replaces goes first.
        known_names, fields = template_names(), prompt_fields()
        paths = sorted(
            _markdown_files(folder), key=lambda path: (".append" in path.name, path.name)
        )
        for path in paths:
            name = path.name.removesuffix(".md")
            if name not in known_names:
                self._unknown.append(path)
                continue
            step = name.removesuffix(".append")
            known: tuple[str, ...] = COMMON
            if step in fields:
                known = (*COMMON, *fields[step], *(f"skeleton_{name}" for name in SKELETONS))
            before = self.parts(step) if name != step else ()
            self._own[step] = (*before, _checked(path, known))

    def _left_out(self, step: str) -> Iterator[str]:
        """Warnings for what a step can't work without and its templates do not say."""
        parts = self.parts(step)
        used = {name for part in parts for name in part.fields()}
        for name in prompt_fields()[step]:
            if name not in used:
                yield f"{_blamed(parts)} leaves out {{{{{name}}}}}: the step is not told it"
        skeletons = [name for name in SKELETONS if f"skeleton_{name}" in used]
        sources = [*(self.parts(f"skeleton-{name}")[0] for name in skeletons), *parts]
        for verdict in STEPS[step].verdicts if step in STEPS else ():
            if not any(verdict in source.text for source in sources):
                yield f"{_blamed(sources)} leaves out the verdict {verdict}, which agentd expects"


def read_utf8(path: Path) -> str:
    """A text that a person wrote (LF, no byte order mark). Raises InputError if it is none."""
    try:
        data = read_plain(path)
    except OSError as error:
        raise InputError(
            f"{path} can't be read: {error.strerror}", fix="Make it readable, or remove it."
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line}: this is no UTF-8", fix="Save it as UTF-8."
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown_files(folder: Path) -> list[Path]:
    try:
        entries = list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(
            f"{folder}: the folder of templates can't be read: {error.strerror}",
            fix="Make it a folder that you can read, or remove it.",
        ) from error
    return [path for path in entries if path.name.endswith(".md") and path.name[0] != "."]


def _checked(path: Path, known: Sequence[str]) -> Template:
    """A user's template. Raises InputError when it is of no use."""
    template = _read(path)
    if not template.text:
        raise InputError(
            f"{path} is empty: the step would not be told what to do",
            fix="Write the template, or remove the file to use agentd's own.",
        )
    for match in _FIELD.finditer(template.text):
        if not match[1] and match[2] not in known:
            line = template.text.count("\n", 0, match.start()) + 1
            near = get_close_matches(match[2], known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise InputError(
                f"{path}: line {line}: unknown placeholder {match[0]}{hint}; known here are "
                f"{', '.join(known)}",
                fix=f"Correct it, or write \\{match[0]} to keep it as it stands.",
            )
    return template


def _read(path: Path) -> Template:
    return Template(read_utf8(path).rstrip(), path)


def _blamed(sources: Sequence[Template]) -> Path:
    """The first that is not the package's."""
    return next(source.path for source in sources if _PACKAGE not in source.path.parents)
