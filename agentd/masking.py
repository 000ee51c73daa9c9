"""Text without what is secret or personal: all that agentd itself prints or stores passes here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

MASK = "***"
_TELLING = (
    r"(?:api[-_]?key|key|token|secret|pass(?:word|wd|phrase)?|credentials?|auth(?:orization)?)"
)
# A name whose last word says that its value is secret: not that of a count, such as limit_tokens.
_RUN_ON = (  # as in SecretAccessKey and PGPASSWORD
    r"(?:access|account|admin|bearer|client|db|id|master|mysql|pg|private|refresh|secret|session"
    r"|shared|signing|subscription|webhook){0,3}"
)
_NAME = rf"(?:[A-Za-z0-9]+[-_])*{_RUN_ON}{_TELLING}(?:[-_](?:id|key|value|file))?"
_HINTS = ("KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH")
"""One of them is in every secret name, in capitals: most variables and texts have none."""

# What the makers of keys begin them with; a text without any of them is not searched.
_BEGINNINGS = (
    *("sk-", "rk-", "pk-", "sk_", "rk_", "AIza", "ya29.", "AKIA", "ASIA", "eyJ", "SG.", "hf_"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "xai-", "gsk_"),
    *("npm_", "pypi-", "dckr_pat_", "earer ", "EARER ", "://", "PRIVATE KEY"),
    *("AQ.", "GOCSPX-", "1//0", "ABSK", "bedrock-api-key-", "xapp-", "gloas-", "shpat_", "dop_v1_"),
    *("pplx-", "nvapi-", "tgp_v1_", "lsv2_", "r8_", "fw_", "csk-", "tvly-", "ATATT", "sig="),
    *("uthorization", "UTHORIZATION"),
)
_KEYS = (  # each is compiled when a text may hold one
    r"\b(?:AIza|ya29\.|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|dckr_pat_|AKIA|ASIA|eyJ|SG\.)"
    r"[A-Za-z0-9_.\-]{8,}",
    r"\b(?:AQ\.|GOCSPX-|1//0|ABSK|bedrock-api-key-|xapp-|gloas-|shpat_|dop_v1_|nvapi-|tgp_v1_|lsv2_"
    r"|ATATT)[A-Za-z0-9_.+/=\-]{16,}",
    r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]+",
    r"(?<=[?&]sig=)[^&\s\"']+",  # of an Azure URL
    r"(?:(?<=[Bb]earer )|(?<=BEARER ))[^\s\"',;]{6,}",
    r"(?<=://)[^/\s@\"']+(?=@)",  # user and password of a URL
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^\"]*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\")|\Z)",
)
_HEADER = (  # its value, but for its scheme
    r"(?i:(\b(?:proxy-)?authorization\\?[\"']?\s*[:=]\s*(?:b?\\?[\"'])?(?:basic|token|digest|negotiate|ntlm"
    r"|api-?key|bot|aws4-hmac-sha256)\s+))(?=[^\n\"']*[0-9=A-Z])[^\n\"']+"
)
_COOKIE = r"(?i:(\b(?:set-)?cookie\\?[\"']?:\s*(?:\\?[\"'])?))(?=[^\n\"']*=)[^\n\"']+"
# These may begin a change's id or a file's name as well, such as pypi-publish.yml: words are left.
_WORDY = (
    r"\b(?:[srp]k-|[sr]k_|xai-|gsk_|hf_|npm_|pypi-|pplx-|r8_|fw_|csk-|tvly-)[A-Za-z0-9_.\-]{8,}"
)
_WORD = r"(?!\d*[a-z]*\d{4})[a-z0-9]{0,15}"

_LIKE_A_KEY = r"(?=[^\s\"']*\d)(?=[^\s\"']*[A-Za-z])[A-Za-z0-9+_=~-]{6,}(?![\w/]|\.\w)"
_QUOTED = r"\\\"[^\"\\]*\\\"|\"[^\"]*\"|'[^']*'"
_VALUE = r"[^\s,;&\"'\])}]+"
_PAIRS = (
    rf"(?<![A-Za-z0-9_-])({_NAME}\\?[\"']?\s*=\s*)(?:{_QUOTED}|{_VALUE})",
    rf"(?<![A-Za-z0-9_-])({_NAME}\\?[\"']?:\s*)(?:{_QUOTED}|{_LIKE_A_KEY})",
    rf"(?<![A-Za-z0-9_-])(--?{_NAME}[\"']?[\s,=]+)(?:{_QUOTED}|{_VALUE})",
    r"(secret[-_]?access[-_]?key[\"']?\s*[:=]\s*)[A-Za-z0-9/+=]{16,}",
)
_USER = r"(?<!\S)((?:-u|--user)[\s=]+[\"']?(?!\d+:)[^\s:\"']+:)[^\s\"']+"
_PATH = r"(?:/[\w.-]+){2,}"
_SHORTEST_SECRET = 8


def is_secret_name(name: str) -> bool:
    """Whether a variable, option or key of this name holds something secret."""
    capitals = name.upper()
    return any(hint in capitals for hint in _HINTS) and bool(
        re.fullmatch(_NAME, name, re.IGNORECASE)
    )


def without_keys(text: str, environ: Mapping[str, str]) -> str:
    """The text without what looks like a key, and the values of secret environment variables.

    For what may hold a person's or an agent's own words, such as code: nothing else is taken out.
    """
    values = {value for name, value in environ.items() if value in text and is_secret_name(name)}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET and not re.fullmatch(_PATH, value):
            text = text.replace(value, MASK)
    if any(beginning in text for beginning in _BEGINNINGS):
        text = re.sub(_WORDY, _unless_words, text)
        for pattern in _KEYS:
            text = re.sub(pattern, MASK, text)
        text = re.sub(_HEADER, rf"\g<1>{MASK}", text)
    return text


def masked(
    text: str, environ: Mapping[str, str], places: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The same, and without what a name before it says is secret: for errors and reports.

    ``places`` are other texts to replace, such as the home folder, with what stands for them.
    """
    text = without_keys(text, environ)
    capitals = text.upper()
    if any(hint in capitals for hint in _HINTS):
        for pair in _PAIRS:
            text = re.sub(pair, rf"\g<1>{MASK}", text, flags=re.IGNORECASE)
    if "OOKIE" in capitals:
        text = re.sub(_COOKIE, rf"\g<1>{MASK}", text)
    if "-u" in text:
        text = re.sub(_USER, rf"\g<1>{MASK}", text)
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, places[place]) if len(place) > 1 else text
    return text


def masked_traceback(error: BaseException, environ: Mapping[str, str]) -> str:
    """What Python would show of an error that nobody caught, masked."""
    import traceback

    return masked("".join(traceback.format_exception(error)), environ)


def masked_arguments(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The arguments of a command, each masked, and all that a secret option or name is given."""
    found, hidden = [], False
    for argument in argv:
        name, equals, _ = argument.partition("=")
        is_given = bool(equals) and is_secret_name(name.lstrip("-"))
        shown = f"{name}={MASK}" if is_given else masked(argument, environ)
        found.append(MASK if hidden else shown)
        hidden = not hidden and argument.startswith("-") and is_secret_name(argument.lstrip("-"))
    return found


def _unless_words(found: re.Match[str]) -> str:
    _, *words = re.split(r"[-_.]", found[0])
    return found[0] if all(re.fullmatch(_WORD, word) for word in words) else MASK
