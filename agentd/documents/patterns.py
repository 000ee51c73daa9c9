"""The project's own patterns (``[[validation.patterns]]``), run with a time limit."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from functools import cache

from agentd.config.model import ValidationPattern
from agentd.documents.document_files import Source
from agentd.documents.report import SHOWN_PER_KIND, Issue

TIMEOUT_S = 0.4


def pattern_issues(
    patterns: Iterable[ValidationPattern],
    sources: Iterable[Source],
    config_path: str,
    *,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[Issue]:
    """An issue for each match, at its line; at most 21 of one pattern in one file.

    All patterns together have ``timeout_s`` seconds of processor time. One that does not compile,
    or is still at work then, is an error that names it, and so is one that was not begun.
    """
    documents = list(sources)
    deadline = time.process_time() + timeout_s
    for pattern in patterns:
        try:
            for source in documents:
                if _glob(pattern.files).fullmatch(source.name):
                    yield from _matches(pattern, source, deadline)
        except TimeoutError:
            yield _broken(pattern, config_path, f"found no end within {timeout_s:g} s")
        except ValueError as error:
            yield _broken(pattern, config_path, f"does not compile: {error}")


def _matches(pattern: ValidationPattern, source: Source, deadline: float) -> Iterator[Issue]:
    import regex

    try:
        compiled = regex.compile(pattern.pattern, regex.MULTILINE)
    except regex.error as error:
        raise ValueError(str(error)) from error
    text = source.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    line = place = 0
    for count in range(SHOWN_PER_KIND + 1):
        left_s = deadline - time.process_time()
        if left_s <= 0:
            raise TimeoutError
        match = compiled.search(text, place, timeout=left_s)
        if match is None:
            return
        if count == 0:
            line, counted = 1, 0
        line += text.count("\n", counted, match.start())
        counted = match.start()
        message = pattern.message or f"found {' '.join(match[0][:60].split())!r}"
        message = f"{pattern.name}: {message}"
        yield Issue(pattern.severity, f"pattern:{pattern.name}", source.path, line, message)
        place = match.end() + (match.end() == match.start())
        if place > len(text):
            return


def _broken(pattern: ValidationPattern, config_path: str, reason: str) -> Issue:
    text = f"the pattern {pattern.name} {reason}: {pattern.pattern[:200]}"
    fix = "Correct it in [[validation.patterns]]."
    return Issue("error", "pattern", config_path, None, text, fix)


@cache
def _glob(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression: ``**/`` for any folders, ``*`` and ``?`` within one."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part) or re.escape(part) for part in parts))
