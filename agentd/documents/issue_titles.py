"""Titles of issues as models write them: a number, a severity and a place around what matters."""

from __future__ import annotations

import re

_WORD = "critical|blocker|blocking|major|high|severe|medium|moderate|low|minor|trivial|nit|info"
_NUMBER = re.compile(
    r"^[\s*_`#\[(]{0,6}(?:(?:issue|finding|problem)[ \t]*#?\d{1,4}(?!\w)"
    r"|(?:[a-z]{1,2}-?|#)?\d{1,4}(?=[\])*_`]{0,4}[:.)\]–—]|[ \t]-[ \t]))"
    r"[\s*_`\]]{0,6}[:.)–—-]{0,2}[\s*_`]{0,6}",
    re.IGNORECASE,
)
_TAG = re.compile(
    rf"^\W{{0,6}}(?:severity[ \t]*[:=][ \t]*)?(?:{_WORD})(?=[ \t]{{0,2}}[:：\])*_–—]|[ \t]-[ \t])"
    r"[\s:：\])*_–—-]{1,8}",
    re.IGNORECASE,
)
_INSIDE = re.compile(
    rf"[\[(][ \t]*(?:severity[ \t]*:[ \t]*)?(?:{_WORD})(?:[ \t]*[,;/][^\[\]()]{{0,200}})?[\])]",
    re.IGNORECASE,
)
_GROUP = re.compile(
    rf"^\W{{0,4}}(?:{_WORD})(?:[ \t-]+(?:severity|priority))?"
    r"(?:[ \t]+(?:issues|findings))?\W{0,4}$",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"^\W*(?:none|nothing|n/?a|no(?:[ \t]\w+){0,3}[ \t](?:issues?|findings?|problems?))?"
    r"(?:[ \t](?:were|was|are|is))?(?:[ \t](?:found|left|open|remain|remaining|to report))?\W*$",
    re.IGNORECASE,
)
_MAX_TITLE = 500
_PLACE = re.compile(r"[\w./-]{1,120}\.\w{1,9}(?::\d+|#L\d+)")


def bare_title(text: str) -> str:
    """A title without its number and its severity; at most 500 characters."""
    text = text[:_MAX_TITLE]
    tagged = False
    for _ in range(2):
        text = _NUMBER.sub("", text, count=1)
        if tag := _TAG.match(text):
            tagged, text = True, text[tag.end() :]
    return stripped(text if tagged else _INSIDE.sub("", text, count=1))


def names_group(title: str) -> bool:
    """Whether a heading only says how severe the issues below are: "High severity issues"."""
    return _GROUP.match(title) is not None


def is_nothing(title: str) -> bool:
    """Whether a title says that there is no issue."""
    return bool(_NOTHING.match(title[:100]))


def place_in(text: str) -> str:
    """The first ``path:line`` of a text, "" without one."""
    match = _PLACE.search(text[:_MAX_TITLE])
    return match[0] if match else ""


def stripped(text: str) -> str:
    """A text without the markup and the colon around it."""
    return text.strip(" \t*_`:：")
