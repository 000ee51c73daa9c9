"""The process that sends one notice: the body comes on stdin, what went wrong goes to stdout.

No line of it has the URL, which is the key to a channel. A redirect is not followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import sys
from urllib.parse import urlsplit

import aiohttp

from agentd.providers.network import proxy_of, session_to, why_unreached
from agentd.version import __version__

_TIMEOUT_S = 10


def main() -> None:
    """Send it; the argument is the name of the variable that has the URL."""
    url = os.environ.get(sys.argv[1], "").strip()
    told = asyncio.run(_send(url, sys.stdin.buffer.read()))
    with contextlib.suppress(OSError):  # nobody waits any more
        os.write(1, told.encode())


async def _send(url: str, body: bytes) -> str:
    """Why it was not taken; "" when it was."""
    try:
        status = await _status(url, body)
    except (OSError, ValueError, aiohttp.ClientError) as error:
        return _why(error, url)
    told = ", a redirect, which is not followed" if 300 <= status < 400 else ""
    return "" if 200 <= status < 300 else f"HTTP {status}{told}"


async def _status(url: str, body: bytes) -> int:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError
    async with (
        asyncio.timeout(_TIMEOUT_S),
        session_to(url) as session,
        session.post(
            url,
            data=body,
            headers={"content-type": "application/json", "user-agent": f"agentd/{__version__}"},
            allow_redirects=False,
            proxy=proxy_of(url),
        ) as answer,
    ):
        return answer.status


def _why(error: Exception, url: str) -> str:
    match error:
        case TimeoutError():
            return f"no answer within {_TIMEOUT_S} s"
        case ValueError():  # aiohttp's own, too
            return "its value is no http or https URL"
        case aiohttp.ClientConnectorCertificateError():
            return "the certificate is not valid"
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():
            return why_unreached(error, url)
        case ssl.SSLError():  # ClientConnectorSSLError is one of the above
            return "NODE_EXTRA_CA_CERTS names a file without certificates"
        case _:  # whose text may have the URL
            return type(error).__name__


if __name__ == "__main__":
    main()
