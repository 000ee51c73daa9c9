"""Text without what is secret or personal: for debug output, and for reports that are shared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

MASK = "***"
_TELLING = (
    r"(?:api[-_]?key|key|token|secret|pass(?:word|wd|phrase)?|credentials?|auth(?:orization)?)"
)
# A name whose last word says that its value is secret: not that of a count, such as limit_tokens.
_NAME = rf"(?:[A-Za-z0-9]+[-_])*{_TELLING}(?:[-_](?:id|key|value|file))?"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_PATTERNS = (
    # What the makers of keys begin them with.
    re.compile(
        r"\b(?:sk-|rk-|pk-|AIza|ya29\.|gh[a-z]_|github_pat_|glpat-|xox[a-z]-|hf_|AKIA|eyJ)"
        r"[A-Za-z0-9_.\-]{8,}"
    ),
    re.compile(r"(?<=Bearer )\S+", re.IGNORECASE),
    re.compile(r"(?<=://)[^/\s@]+(?=@)"),  # user and password of a URL
)
_VALUE = r"(\"[^\"]*\"|'[^']*'|[^\s,;&\"'\])}]+)"
_PAIRS = (
    re.compile(rf"(?<![A-Za-z0-9_-])({_NAME}[\"']?\s*[=:]\s*){_VALUE}", re.IGNORECASE),
    re.compile(rf"(?<![A-Za-z0-9_-])(--?{_NAME}[\"']?[\s,=]+){_VALUE}", re.IGNORECASE),
)
_SHORTEST_SECRET = 6


def is_secret_name(name: str) -> bool:
    """Whether a variable, option or key of this name holds something secret."""
    return _SECRET_NAME.fullmatch(name) is not None


def masked(
    text: str, environ: Mapping[str, str], places: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The text without keys, passwords and the values of secret environment variables.

    ``places`` are other texts to replace, such as the home folder, with what stands for them.
    """
    for name, value in environ.items():
        if len(value) >= _SHORTEST_SECRET and is_secret_name(name):
            text = text.replace(value, MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    for pair in _PAIRS:
        text = pair.sub(rf"\g<1>{MASK}", text)
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, places[place]) if len(place) > 1 else text
    return text
