"""The relay's way to the API: what comes is sent on, and its answer back."""

from __future__ import annotations

import io

import aiohttp
from aiohttp import web
from yarl import URL

from agentd.meter.exchange import Exchange
from agentd.providers.network import proxy_of, why_unreached

# RFC 9110, 7.6.1: they speak of one connection alone.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_BAD_GATEWAY = 502


class Upstream:
    """The API of a run, at ``base``. What comes and goes is not changed, nor is it kept."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self._base, self._session, self._proxy = base, session, proxy_of(base)

    async def forward(
        self,
        request: web.BaseRequest,
        rest: str,
        body: bytes | aiohttp.StreamReader | None,
        exchange: Exchange | None,
    ) -> web.StreamResponse:
        """Send a request of the CLI to the API, and its answer back; metered with ``exchange``."""
        url = _join(self._base, rest)
        try:
            async with self._session.request(
                request.method,
                url,
                data=io.BytesIO(body) if isinstance(body, bytes) else body,  # sent piece by piece
                headers=_forwarded(request),
                allow_redirects=False,
                proxy=self._proxy,
                skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
            ) as answer:
                return await _relayed(request, answer, exchange)
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            if exchange:
                exchange.unreached()
            why = why_unreached(error, self._base)
            text = f"agentd's relay can't reach {url.host}: {why}"
            return web.json_response({"error": {"message": text}}, status=_BAD_GATEWAY)
        except aiohttp.ClientError:  # it closed the connection before it answered
            return _cut(request)


def _join(base: str, rest: str) -> URL:
    """The API's URL for the path and query ``rest`` of a request, byte for byte as it came."""
    return URL(base.rstrip("/") + rest, encoded=True)


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    """To the CLI the connection breaks as it broke towards the API."""
    if request.transport:
        request.transport.abort()
    return web.Response()


async def _relayed(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, exchange: Exchange | None
) -> web.StreamResponse:
    """The API's answer to the CLI, block by block as it comes; cut where it is cut."""
    if exchange:
        encoding = answer.headers.get("content-encoding", "")
        exchange.answered(answer.status, encoding, is_page=answer.content_type == "text/html")
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in _HOP_BY_HOP:
            response.headers.add(name, value)
    await response.prepare(request)
    left = answer.content_length
    try:
        async for block in answer.content.iter_any():
            if exchange:
                exchange.feed(block)
                left = None if left is None else left - len(block)
                if left == 0:  # the CLI may be done when it has this block
                    exchange.over()
            await response.write(block)
    except aiohttp.ClientPayloadError:
        return _cut(request)
    if exchange:
        exchange.over()
    await response.write_eof()
    return response


def _forwarded(request: web.BaseRequest) -> list[tuple[str, str]]:
    """The CLI's headers, in their order; compressed only in a way that the relay can read."""
    listed = request.headers.get("connection", "").lower().split(",")
    gone = _HOP_BY_HOP | {name.strip() for name in listed}
    gone |= {"host", "content-length", "accept-encoding", "expect"}
    kept = [(name, value) for name, value in request.headers.items() if name.lower() not in gone]
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
    return [*kept, ("accept-encoding", "gzip" if takes_gzip else "identity")]
