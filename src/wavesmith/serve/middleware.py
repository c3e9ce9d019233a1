"""Access and size of requests, checked before anything else looks at them."""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wavesmith.serve.limits import Limits

TOKEN, PERSON = "wavesmith_token", "wavesmith_person"

_LOCAL = {"localhost", "127.0.0.1", "::1"}
_SAFE = {"GET", "HEAD", "OPTIONS"}
_UPLOADS = "/api/uploads"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob: data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_local(host: str) -> bool:
    """Tell whether an address can only be reached from this machine."""
    return host in _LOCAL


class AccessMiddleware:
    """Lets requests through that carry the token or come from this machine, and are small enough.

    Without a token only this machine is answered, and only under a name that means this machine: otherwise
    any page in a browser could make its own name lead here (DNS rebinding). Starlette's TrustedHostMiddleware
    knows no IPv6 addresses, so hosts are checked here. Pages of other origins may change nothing.
    """

    def __init__(self, app: ASGIApp, token: str | None, limits: Limits) -> None:
        self._app, self._token, self._limits = app, token, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(Request(scope, receive), send)

    async def _http(self, request: Request, send: Send) -> None:
        scope = request.scope
        if self._token and self._is_right(_token_of_visit(request)):
            answer = Response(None, 303, _HEADERS | {"Location": "/", "Connection": "close"})
            _set_cookie(answer, TOKEN, self._token)
            await answer(scope, request.receive, send)
            return
        if refusal := self._refusal(request):
            status, sentence = refusal
            headers = _HEADERS | {"Connection": "close"}  # the rest of the request is not read
            await JSONResponse({"error": sentence}, status, headers)(scope, request.receive, send)
            return
        person = request.cookies.get(PERSON, "")[:64]
        client = request.client.host if request.client else "unknown"
        scope.setdefault("state", {})["person"] = person or client
        fresh = None if person or scope["path"] != "/" else secrets.token_hex(8)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if fresh:
                    cookie = Response()
                    _set_cookie(cookie, PERSON, fresh)
                    headers.append("Set-Cookie", cookie.headers["Set-Cookie"])
            await send(message)

        most = self._most(scope)
        await self._app(scope, _Patience(request.receive, most, self._limits.body_seconds), send_with_headers)

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        headers = request.headers
        host = headers.get("host", "")
        if self._token is None and _name(host) not in _LOCAL:
            return 421, "This server answers to localhost only; open it as http://localhost."
        origin = headers.get("origin")
        if request.method not in _SAFE and origin is not None and origin.partition("://")[2] != host:
            return 403, "Pages of other sites may change nothing here; use the studio's own page."
        if self._token is not None and not self._has_token(request):
            return 401, "This server needs its token; open the address that it printed, or send the token."
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"\d{1,15}", length, re.ASCII):
            return 400, "The length of the request makes no sense; send a number."
        most = self._most(request.scope)
        return (413, _too_large(most)) if int(length) > most else None

    def _has_token(self, request: Request) -> bool:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        return self._is_right(given if kind.lower() == "bearer" else request.cookies.get(TOKEN, ""))

    def _is_right(self, given: str) -> bool:
        return hmac.compare_digest(given.strip().encode("utf-8", "replace"), (self._token or "").encode())

    def _most(self, scope: Scope) -> int:
        uploads = scope["path"] == _UPLOADS
        return self._limits.upload_bytes + 2**16 if uploads else self._limits.body_bytes


class _Patience:
    """Receives the body of a request, unless it is too large or its sender too slow."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._left, self._most, self._seconds = receive, most, most, seconds
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:  # then comes the message that the client has gone
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._seconds)
        except asyncio.TimeoutError:
            raise HTTPException(408, "The request did not go on; send it again.") from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, _too_large(self._most))
        self._whole = not message.get("more_body", False)
        return message


def _too_large(most: int) -> str:
    return f"That is too large; send at most {most // 2**20} MiB."


def _name(host: str) -> str:
    """Return a Host header without its port."""
    try:
        return str(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return ""


def _set_cookie(answer: Response, name: str, value: str) -> None:
    answer.set_cookie(name, value, max_age=31_536_000, httponly=True, samesite="strict")


def _token_of_visit(request: Request) -> str:
    """Return the token in the address of the page, as printed for people to open."""
    visited = request.method == "GET" and request.scope["path"] == "/"
    return request.query_params.get("token", "") if visited else ""
