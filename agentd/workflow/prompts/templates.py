"""Templates of prompts: the package's, and what a user's and a project's folder lay over them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentd.errors import InputError
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
_FIELD = re.compile(r"(\\?)\{\{[ \t]*([\w-]+)[ \t]*\}\}")


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


@dataclass(frozen=True, slots=True)
class Template:
    """A template's text (LF, no byte order mark, no blank ends) and the file it is from."""

    text: str
    path: Path

    def fields(self) -> Iterator[str]:
        """The placeholders it fills, in order."""
        return (match[2] for match in _FIELD.finditer(self.text) if not match[1])


@dataclass(frozen=True, slots=True)
class Templates:
    """``bodies`` by step, the parts to be joined; ``skeletons`` by name; ``frame`` of all."""

    frame: Template
    bodies: dict[str, tuple[Template, ...]]
    skeletons: dict[str, Template]
    warnings: list[str] = field(default_factory=list)


def load_templates(layers: Sequence[Path]) -> Templates:
    """The package's templates with ``layers`` over them, folders that need not be there.

    ``STEP.md`` replaces what the layers before gave, ``STEP.append.md`` is put behind it,
    ``skeleton-NAME.md`` replaces a skeleton; other ``*.md`` are warned of, other files ignored.
    Raises InputError for one that can't be read, is empty, or has an unknown placeholder.
    """
    templates = Templates(
        frame=_read(PACKAGED / "_frame.md"),
        bodies={name: (_read(PACKAGED / f"{name}.md"),) for name in prompt_fields()},
        skeletons={name: _read(_SKELETONS / f"{name}.md") for name in SKELETONS},
    )
    for folder in layers:
        _lay_over(templates, folder)
    for step, parts in templates.bodies.items():
        templates.warnings.extend(_left_out(step, parts, templates.skeletons))
    return templates


def fill(template: Template, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled, once: what stands in a value is left as it is.

    A placeholder without a value is a KeyError.
    """
    return _FIELD.sub(lambda at: at[0][1:] if at[1] else values[at[2]], template.text)


def _lay_over(templates: Templates, folder: Path) -> None:
    # Sorted, STEP.append.md comes before STEP.md, so all that replaces goes first.
    known_names, fields = template_names(), prompt_fields()
    paths = sorted(_markdown_files(folder), key=lambda path: (".append" in path.name, path.name))
    for path in paths:
        name = path.name.removesuffix(".md")
        if name not in known_names:
            from difflib import get_close_matches

            near = get_close_matches(name.lower(), known_names, n=1)
            hint = f"did you mean {near[0]}.md?" if near else f"known are {', '.join(known_names)}"
            templates.warnings.append(f"{path} is no template and is ignored; {hint}")
        elif name.startswith("skeleton-"):
            skeleton = _checked(path, COMMON)
            templates.skeletons[name.removeprefix("skeleton-")] = skeleton
        else:
            step = name.removesuffix(".append")
            known = (*COMMON, *fields[step], *(f"skeleton_{name}" for name in SKELETONS))
            before = templates.bodies[step] if name.endswith(".append") else ()
            templates.bodies[step] = (*before, _checked(path, known))


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
            from difflib import get_close_matches

            near = get_close_matches(match[2], known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise InputError(
                f"{path}: line {line}: unknown placeholder {match[0]}{hint}; known here are "
                f"{', '.join(known)}",
                fix=f"Correct it, or write \\{match[0]} to keep it as it stands.",
            )
    return template


def _read(path: Path) -> Template:
    try:
        if not path.is_file():  # a pipe would block
            raise InputError(f"{path} is no file", fix="Templates are text files; remove it.")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} can't be read: {error.strerror}", fix="Make it readable, or remove it."
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line}: this is no UTF-8", fix="Save the template as UTF-8."
        ) from error
    return Template(text.replace("\r\n", "\n").replace("\r", "\n").rstrip(), path)


def _left_out(
    step: str, parts: Sequence[Template], skeletons: Mapping[str, Template]
) -> Iterator[str]:
    """Warnings for what a step can't work without and its templates do not say."""
    used = {name for part in parts for name in part.fields()}
    for name in prompt_fields()[step]:
        if name not in used:
            yield f"{_blamed(parts)} leaves out {{{{{name}}}}}: the step is not told it"
    sources = [*(skeletons[name] for name in SKELETONS if f"skeleton_{name}" in used), *parts]
    for verdict in STEPS[step].verdicts if step in STEPS else ():
        if not any(verdict in source.text for source in sources):
            yield f"{_blamed(sources)} leaves out the verdict {verdict}, which agentd expects"


def _blamed(sources: Sequence[Template]) -> Path:
    """The first that is not the package's."""
    return next(source.path for source in sources if _PACKAGE not in source.path.parents)
