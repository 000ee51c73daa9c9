"""The way to an API over HTTP: a client that adds nothing, the user's proxy, and whom to trust."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp

HEADER_BYTES = 1 << 17  # tokens of a login can be long


def session_to(base: str, *, auto_decompress: bool = False) -> aiohttp.ClientSession:
    """A client that adds nothing of its own: no cookies, no netrc, no time limit.

    It decodes an answer only with ``auto_decompress``.
    """
    by_tls = base.startswith("https:") or (proxy_of(base) or "").startswith("https:")
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=_trusted() if by_tls else True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=auto_decompress,
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
        read_bufsize=1 << 18,
    )


async def read_at_most(content: aiohttp.StreamReader, most: int) -> bytes:
    """A body; of a longer one its first ``most`` bytes."""
    found = bytearray()
    while len(found) < most and (block := await content.read(most - len(found))):
        found += block
    return bytes(found)


def proxy_of(base: str) -> str | None:
    """The proxy that the environment names for an API; ``NO_PROXY`` counts."""
    proxies, parts = getproxies_environment(), urlsplit(base)
    if proxy_bypass(parts.netloc):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")


def broken_proxy(base: str) -> str | None:
    """What is wrong with the proxy that the environment names, without its text: it has a password.

    None for one that can be used, and for none.
    """
    if not (proxy := proxy_of(base)):
        return None
    try:
        parts = urlsplit(proxy)
        is_whole = bool(parts.scheme and parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_whole = False
    return None if is_whole else "is no URL such as http://NAME:PASSWORD@HOST:PORT"


def why_unreached(error: aiohttp.ClientError, base: str) -> str:
    """Why there is no connection to an API, in a few words that don't name it again.

    Names the proxy of the environment where it is between.
    """
    proxy = proxy_of(base)
    through = f"through the proxy {_place(proxy)} of the environment: " if proxy else ""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"{through}it answers {error.status}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"{through}{error.certificate_error}"
    if not isinstance(error, aiohttp.ClientConnectorError):
        return f"{through}{error}"
    cause = error.os_error
    if cause.errno is None or isinstance(cause, ssl.SSLError):
        return f"{through}{cause}"
    # asyncio has words of its own in a refusal; getaddrinfo's numbers are below 0.
    told = os.strerror(cause.errno) if cause.errno > 0 else cause.strerror
    return f"{through}{told}".replace("Connection refused", "connection refused")


def _place(url: str) -> str:
    """Host and port of a URL, without a name and password that stand before them."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _trusted() -> ssl.SSLContext:
    """OpenSSL's own authorities (``SSL_CERT_FILE`` counts), and those that node is told of."""
    context = ssl.create_default_context()
    extra = os.environ.get("NODE_EXTRA_CA_CERTS")
    if extra and Path(extra).is_file():
        context.load_verify_locations(extra)
    return context
