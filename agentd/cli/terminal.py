"""stdout, stderr and the terminal: all that a command prints passes here.

Nothing in it steers a terminal, wherever it comes from, and no key is in it.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, TextIO

from agentd.masking import without_keys
from agentd.streams import has_colors, on_terminal
from agentd.text import json_text, plain
from agentd.version import JSON_VERSION

if TYPE_CHECKING:
    from agentd.reports.model import Style


# What colours say, at the begin of a line: red that something failed, yellow that it wants a look.
_STOPPED = "failed|timeout|cancelled|budget_stopped|interrupted"
_FAILS = (
    r"Error:|\[[\d:]{8}\] ERROR\b|  (?:✗|\[!\]) |Checks: failed\b"
    rf"|[\w /-]+: (?:FAILED\b|(?:{_STOPPED}),)|Budget: .* over\)"
    r"|fail(?=  [^:\n]+: )|[^\s:]+(?::\d+)?: error:|[\w -]+: not ok\b"
)
_WARNS = (
    r"warning:|\[[\d:]{8}\] WARN\b|(?:at least|about) \$.*|cost unknown: .*|\(local\), .*: .*"
    r"|Waits for a person:.*|Budget: .*\((?:9\d|100) %, .*|  verdict: (?!APPROVED$).*"
    r"|warn(?=  [^:\n]+: )|[^\s:]+(?::\d+)?: warning:"
)


def show(text: str = "", *, drawn: bool = False) -> None:
    """A result, on stdout; ``drawn``: a report whose names are plain already may have bold lines.

    Raises OSError.
    """
    _print(_colored(without_keys(plain(text, drawn=drawn), os.environ), sys.stdout))


def print_json(answer: Mapping[str, object]) -> None:
    """What a command answers as a JSON document on stdout, with its version.

    A Decimal becomes a number with exactly its digits.
    """
    show_json({"version": JSON_VERSION, **answer})


def show_json(document: object) -> None:
    """A JSON document on stdout as it is, without the values of secret variables."""
    text = json_text(document)
    # The values of secret variables as they stand in the text.
    escaped = {name: json_text(value)[1:-1] for name, value in os.environ.items()}
    if without_keys(text, escaped) != text:
        text = json_text(_without_keys(document))
    _print(text)


def _without_keys(value: object) -> object:
    match value:
        case dict():
            return {_without_keys(key): _without_keys(one) for key, one in value.items()}
        case list() | tuple():
            return [_without_keys(one) for one in value]
        case int() | float() | Decimal() | None:
            return value
        case _:
            return without_keys(str(value), os.environ)


def _print(text: str) -> None:
    """What the encoding of stdout lacks is escaped as in JSON."""
    try:
        print(text)
    except UnicodeEncodeError:
        import json

        print(re.sub("[^\x00-\x7f]", lambda sign: json.dumps(sign[0])[1:-1], text))


def note(text: str) -> None:
    """Progress, a warning or an error, for a person, on stderr."""
    write_stderr(f"{_colored(without_keys(plain(text), os.environ), sys.stderr)}\n")


def _colored(text: str, stream: TextIO | None) -> str:
    """The text with what fails in red and what warns in yellow, where colours are shown."""
    if not has_colors(stream):
        return text
    text = re.sub(f"(?m)^(?:{_FAILS})", "\x1b[31m\\g<0>\x1b[0m", text)
    return re.sub(f"(?m)^(?:{_WARNS})", "\x1b[33m\\g<0>\x1b[0m", text)


def write_stderr(text: str) -> None:
    """Write as it is; that nobody can read stderr any more must not end a run."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
            sys.stderr.write(text)
            sys.stderr.flush()


def is_closed(stream: TextIO | None) -> bool:
    """Whether a standard stream was closed when agentd began: it is /dev/null then."""
    return stream is None or stream.name == os.devnull


def same_file() -> bool:
    """Whether stdout and stderr go to one place, as with ``2>&1`` or in the log of a CI job."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):  # closed, or not there
        return False


def width(stream: TextIO) -> int:
    """How many columns it has now; 0 where that is not known."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):  # closed meanwhile
        return 0


def shows(stream: TextIO, signs: str) -> bool:
    """Whether its encoding has these signs."""
    try:
        signs.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def style_of(stream: TextIO) -> Style:
    """How a report looks there: bars, colours and a width only on a terminal."""
    from agentd.reports.model import SIGNS, Style

    drawn, columns = on_terminal(stream), os.environ.get("COLUMNS", "")
    wanted = int(columns) if columns.isdecimal() else 0
    return Style(
        bars=drawn,
        ascii=not shows(stream, SIGNS),
        color=has_colors(stream),
        width=(wanted or width(stream)) if drawn else 0,
    )
