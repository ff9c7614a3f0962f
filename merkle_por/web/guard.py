"""What stands between the network and the pages: who may ask, what leaves, what is logged.

Rules, in order: (1) the Host header must be one of ours, or a foreign name was pointed at this
computer (DNS rebinding); (2) a request that changes or uploads must not come from another site
(Origin, Sec-Fetch-Site) and must carry the token of our own page, or for the API a header that
no foreign page can send without asking first; (3) every answer forbids scripts but our own
files, framing, and any third party; (4) a fault of ours is one line without contents. Sources:
OWASP cheat sheets on CSRF and DNS rebinding; W3C Fetch Metadata and CSP level 3.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sys
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from merkle_por.web.faults import place_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from merkle_por.web.settings import Settings

API_HEADER = "x-merkle-por"
TOKEN_FIELD = "csrf"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers then send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hosts = settings.hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        refusal = self._refusal(scope)
        try:
            if refusal is not None:
                status, text = refusal
                await PlainTextResponse(f"{text}\n", status)(scope, receive, guarded_send)
            else:
                await self.app(scope, receive, guarded_send)
        except Exception as error:
            log_fault(error)
            if not started:
                answer = PlainTextResponse("a fault of merkle-por, not of your file\n", 500)
                await answer(scope, receive, guarded_send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if len(headers.getlist("host")) != 1 or host not in self.hosts:
            return 421, "this server answers only to its own address on this computer"
        if scope["method"] in SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return 403, "refused: the request comes from another site"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "refused: the request comes from another site"
        return None


def log_fault(error: BaseException) -> None:
    """Type and place of a fault of ours; messages may hold what stands in a file."""
    print(f"fault: {place_of(error)}", file=sys.stderr)


class Tokens:
    """CSRF tokens: a random cookie for each browser, and its keyed hash in our pages' forms.

    The key lives as long as the process. The cookie is out of reach of scripts and of requests
    from other sites (HttpOnly, SameSite=Strict).
    """

    def __init__(self, settings: Settings) -> None:
        self._key = secrets.token_bytes(32)
        # Cookies are shared by all ports of a host: another server's must not be taken.
        self.cookie = f"merkle_por_{settings.port}"

    def visitor(self, request: Request) -> str:
        """The browser's cookie, or a new one."""
        found = request.cookies.get(self.cookie, "")
        return found if len(found) == 43 and found.isascii() else secrets.token_urlsafe(32)

    def token(self, visitor: str) -> str:
        """The token for the forms of one browser."""
        return hmac.new(self._key, visitor.encode(), hashlib.sha256).hexdigest()

    def holds(self, request: Request, token: str) -> bool:
        """Whether a form's token is that of the browser that sent it."""
        visitor = request.cookies.get(self.cookie, "")
        return bool(visitor) and hmac.compare_digest(
            self.token(visitor).encode(), token.encode("utf-8", "replace")
        )

    def header(self, visitor: str) -> str:
        """The Set-Cookie value for a visitor."""
        return f"{self.cookie}={visitor}; Path=/; HttpOnly; SameSite=Strict"
