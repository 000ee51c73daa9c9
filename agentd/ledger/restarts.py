"""What was warned of before a change's meter was restarted, as ``budget_warned_before`` keeps it.

The names of the warnings come in the order of the restarts, each restart behind its own:
``percent@90@50 exceeded@50 reset@CALL``, where CALL is the last call before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_RESET = "reset@"

Restarts = dict[str, list[str]]
"""By the id of the last call before each restart: the warnings that had been given by then."""


def read(text: str | None) -> Restarts:
    """The restarts that the key's text tells of."""
    found: Restarts = {}
    names: list[str] = []
    for word in (text or "").split():
        if word.startswith(_RESET):
            found.setdefault(word.removeprefix(_RESET), []).extend(names)
            names = []
        else:
            names.append(word)
    return found


def as_text(restarts: Mapping[str, Iterable[str]]) -> str:
    """The text of the key."""
    return " ".join(
        word for last, names in restarts.items() for word in (*names, f"{_RESET}{last}")
    )
