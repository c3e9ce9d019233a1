"""Who may ask, and how much at a time: checked before anything else looks at a request."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import secrets
from collections.abc import MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
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
    """Whether an address can only be reached from this machine."""
    return host in _LOCAL


class Guard:
    """Lets through requests of people who may ask, under names that are ours, of a size that is bearable.

    Without a token only this machine may ask, and only by a name that means this machine: otherwise any page
    in a browser could have its own name lead here (DNS rebinding). Pages of other origins may change nothing.
    """

    def __init__(self, app: ASGIApp, token: str | None, limits: Limits) -> None:
        self._app, self._token, self._limits = app, token, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        cookies = _cookies(headers)
        if self._token and (given := _token_of_visit(scope)) and self._is_right(given):
            await _answer(send, 303, "", {"Location": "/", "Set-Cookie": _cookie(TOKEN, given)})
            return
        if refusal := self._refusal(scope, headers, cookies):
            await _answer(send, *refusal)
            return
        person = cookies.get(PERSON, "")[:64]
        scope.setdefault("state", {})["person"] = person or (scope.get("client") or ["somebody"])[0]
        fresh = None if person or scope["path"] != "/" else secrets.token_hex(8)

        async def said(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    told.setdefault(name, value)
                if fresh:
                    told.append("Set-Cookie", _cookie(PERSON, fresh))
            await send(message)

        await self._app(scope, _Patience(receive, self._most(scope), self._limits.body_seconds), said)

    def _refusal(self, scope: Scope, headers: Headers, cookies: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self._token is None and _name(host) not in _LOCAL:
            return 421, "This server answers to localhost only; open it as http://localhost."
        origin = headers.get("origin")
        if scope["method"] not in _SAFE and origin is not None and origin.partition("://")[2] != host:
            return 403, "Pages of other sites may change nothing here; use the studio's own page."
        if self._token is not None and not self._knows(headers, cookies):
            return 401, "This server wants its token; open the address that it printed, or send the token."
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"\d{1,15}", length, re.ASCII):
            return 400, "The length of the request makes no sense; send a number."
        if int(length) > self._most(scope):
            return 413, _too_large(self._most(scope))
        return None

    def _knows(self, headers: Headers, cookies: dict[str, str]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        return self._is_right(given if kind.lower() == "bearer" else cookies.get(TOKEN, ""))

    def _is_right(self, given: str) -> bool:
        return hmac.compare_digest(given.strip().encode("utf-8", "replace"), (self._token or "").encode())

    def _most(self, scope: Scope) -> int:
        uploads = scope["path"] == _UPLOADS
        return self._limits.upload_bytes + 2**16 if uploads else self._limits.body_bytes


class _Patience:
    """Receives a request that is not too large, from a sender who is not too slow."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._left, self._most, self._seconds = receive, most, most, seconds
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:  # what follows is the news that the asker has gone
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
    """A Host header without its port."""
    try:
        return str(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return ""


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _cookie(name: str, value: str) -> str:
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"


def _token_of_visit(scope: Scope) -> str:
    """The token in the address of the page, as printed for people to open."""
    if scope["path"] != "/" or scope["method"] != "GET":
        return ""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return str(query.get("token", [""])[0])


async def _answer(
    send: Send, status: int, sentence: str, headers: MutableMapping[str, str] | None = None
) -> None:
    """One sentence, and the connection ends: what is left of the request is not listened to."""
    body = json.dumps({"error": sentence}).encode() if sentence else b""
    told: dict[str, Any] = {
        "Content-Type": "application/json",
        "Connection": "close",
        **_HEADERS,
        **(headers or {}),
    }
    lines = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in told.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
