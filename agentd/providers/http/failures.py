"""Why a request failed, in words that say what to do, and as one of agentd's reasons. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from agentd.json_value import json_value
from agentd.late_pattern import late_pattern
from agentd.providers.failure import Failure, Reason, reason_of_status
from agentd.providers.http.apis import message_of
from agentd.providers.http.options import Options
from agentd.text import one_line

UNREACHED = "agentd's relay can't reach "
"""How the relay's own answer begins where it could not connect."""

_SHOWN_CHARS = 400
_VERSION = late_pattern(r"/v\d+(?:beta\d*)?(?:/|$)")
_TITLE = late_pattern(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_AFTER = late_pattern(r"; retry after (\d+(?:\.\d+)?) s$")
_LONGEST_S = 32 * 24 * 3600


class Failed(Exception):
    """A request that gave no document; its failure says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failed(reason: Reason, message: str) -> Failed:
    """A failure with its message in one line."""
    return Failed(Failure(reason=reason, message=one_line(message)))


def of_status(
    status: int, headers: Mapping[str, str], body: bytes, options: Options, now: datetime
) -> Failed:
    """Why a server refused a request; header names are in lower case."""
    told = _told(body)
    if status // 100 == 3:
        return _redirected(headers.get("location", ""), options)
    if told.startswith(UNREACHED):
        return unreached(told.removeprefix(UNREACHED).partition(": ")[2], options)
    if status in (400, 422) and re.search(r"include_usage|stream_options", told):
        return failed(
            "refused",
            f"{options.host} refuses stream_options.include_usage ({told}): set include_usage = "
            f"false in {options.section}",
        )
    said = f"{options.host} answered {status}" + (f": {told}" if told else "")
    match status:
        case 401 | 403:
            said += f". {_about_the_key(options)}"
        case 404 | 405 if "model" not in told.lower():
            said += f". {_about_the_url(options)}"
        case 404:
            said += f". Set model in {options.section}"
        case 429 if wait_s := _retry_after_s(headers.get("retry-after", ""), now):
            said += f"; retry after {math.ceil(wait_s)} s"
    return failed(reason_of_status(max(status, 400)), said)


def resets_at(message: str, ended_at: datetime) -> datetime | None:
    """When a rate limit is lifted, by the end of such a message."""
    found = _AFTER.search(message)
    return ended_at + timedelta(seconds=float(found[1])) if found else None


def of_page(body: bytes, options: Options) -> Failed:
    """A web page where an answer should be: a login before the server, or another server."""
    title = _TITLE.search(body.decode(errors="replace"))
    named = f' ("{one_line(title[1])[:80]}")' if title else ""
    return failed(
        "refused",
        f"{options.host} answered with a web page{named}, not with JSON: a login or a proxy may "
        f"stand before it, or base_url in {options.section} is that of another service",
    )


def unreached(why: str, options: Options) -> Failed:
    """No connection to the server."""
    if "certificate verify failed" in why.lower():
        return failed(
            "refused",
            f"{options.host} has a certificate that nobody vouches for, so nothing was sent: set "
            "SSL_CERT_FILE to the file of the authority that signed it",
        )
    ask = "Is the server running?"
    if "proxy" in why:
        name = urlsplit(options.base_url).hostname
        ask = f"If the server is not behind it, put {name} into NO_PROXY"
    return failed("network", f"{options.host} can't be reached: {why}. {ask}")


def _told(body: bytes) -> str:
    """What an error's body says, shortened; "" for a web page or nothing."""
    try:
        found = json_value(body)
    except ValueError:
        raw = body.decode(errors="replace").strip()
        return "" if raw.startswith("<") else one_line(raw)[:_SHOWN_CHARS] if raw else ""
    told = message_of(found) if isinstance(found, Mapping) else str(found)
    return one_line(told)[:_SHOWN_CHARS] if told else ""


def _redirected(location: str, options: Options) -> Failed:
    to = urlsplit(location)
    where = f"{to.scheme}://{to.netloc}{to.path}" if to.netloc else to.path or "nowhere"
    return failed(
        "refused",
        f"{options.host} redirects to {where}, and agentd follows no redirect: your key goes to no "
        f"other host. Set base_url in {options.section} to where the server is",
    )


def _about_the_key(options: Options) -> str:
    if options.key_env:
        return f"Put a valid key into {options.key_env} (api_key_env in {options.section})"
    return f"Name the variable that holds its key: api_key_env in {options.section}"


def _about_the_url(options: Options) -> str:
    base = options.base_url.partition("?")[0].rstrip("/")
    for end in ("/chat/completions", "/completions", "/responses", "/messages"):
        if base.endswith(end):
            right = base.removesuffix(end)
            return f"base_url in {options.section} has {end} too many: try {right}"
    if not _VERSION.search(urlsplit(base).path):
        return f"base_url in {options.section} may lack /v1: try {base}/v1"
    return (
        f'Check base_url in {options.section}, and whether the server knows api = "{options.api}"'
    )


def _retry_after_s(value: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header, which may be a date."""
    if re.fullmatch(r"\d{1,7}(?:\.\d+)?", value.strip()):
        return min(float(value), _LONGEST_S)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, min((until - now).total_seconds(), _LONGEST_S)) or None
