"""Who may look at the page: this machine, or whoever has the token; and what a browser may do.

The Host header must be a name of this server: a page of another place whose name is pointed at
this machine (DNS rebinding) sends that other name. Requests that a page of another place starts
are refused. Nothing but GET and HEAD is answered.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from secrets import token_urlsafe
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Server": "agentd",
}


class Access:
    """The rules of one server at ``host`` and ``port``; ``token`` is None on loopback."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.token = None if is_loopback(host) else token_urlsafe(32)
        self._cookie = f"agentd_{port}"

    @property
    def url(self) -> str:
        """The address to open, with the token where there is one."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        if _is_address(self.host) and ipaddress.ip_address(self.host).is_unspecified:
            name = socket.gethostname()
        return f"http://{name}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to what is not allowed, None for what is."""
        if not self._is_own_name(request.headers.get("Host", "")):
            return _refuse(421, "This server is not called that. Open the address agentd printed.")
        if request.method not in ("GET", "HEAD"):
            return _refuse(405, "This page only shows: GET and HEAD.")
        is_page = request.path == "/"
        from_site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if not is_page and from_site not in ("same-origin", "none"):
            return _refuse(403, "A page of another place may not read this.")
        if self.token is None or self._has(request.cookies.get(self._cookie, "")):
            return None
        if is_page and self._has(request.query.get("token", "")):
            moved = web.Response(status=303, headers={"Location": "/"})
            moved.set_cookie(self._cookie, self.token, httponly=True, samesite="Strict")
            return moved
        return _refuse(401, "Open the address with the token that agentd printed.")

    def _has(self, given: str) -> bool:
        known = (self.token or "").encode()
        return hmac.compare_digest(given.encode(errors="replace"), known)

    def _is_own_name(self, host: str) -> bool:
        try:
            name, port = urlsplit(f"//{host}").hostname or "", urlsplit(f"//{host}").port
        except ValueError:
            return False
        if port != self.port and not (port is None and self.port == 80):
            return False
        if is_loopback(self.host):
            return is_loopback(name)
        names = {self.host.lower(), socket.gethostname().lower(), "localhost"}
        return name in names or _is_address(name)


def middleware(access: Access) -> Middleware:
    """Refuses what is not allowed, and puts the headers on every answer."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = access.refusal(request) or await handler(request)
        except web.HTTPException as error:
            answer = _refuse(error.status, error.reason)
        if not answer.prepared:
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
        return answer

    return guard


def is_loopback(name: str) -> bool:
    """Whether a host is this machine and no other can reach it there."""
    if name.lower() == "localhost":
        return True
    return _is_address(name) and ipaddress.ip_address(name).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _refuse(status: int, told: str) -> web.Response:
    return web.Response(status=status, text=f"{told}\n", headers=HEADERS)
