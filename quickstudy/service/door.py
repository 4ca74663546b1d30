"""The door: who comes in, and with how much. It knows nothing of posts.

Without keys the service is open, and on loopback only (see `serve`): then the Host header has
to name loopback too, or else a web page whose name an attacker points at 127.0.0.1 could use
it (DNS rebinding); and whoever POSTs says that it is JSON, which no web page of another origin
can do without being asked for leave that is never given (cross-site forgery).
With keys every path below /v1 and /metrics asks for one. Keys are never logged.

Left out: limits by key or address, TLS (a proxy's work), cookies (a page sends its key itself).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quickstudy.service.errors import HEARD, refusal
from quickstudy.service.keys import SCOPES, Keys

MOST_BYTES = 2**20
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
JSON, LINES = b"application/json", b"application/x-ndjson"
GUARDED = ("/v1/", "/metrics")

Heard = Callable[[str, int, float], None]
_log = logging.getLogger("quickstudy.service")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who it is (a key's name; "" where none is needed), and which scopes it has."""

    name: str
    may: frozenset[str]

    def said(self, who: str | None) -> str:
        """The name that an act is recorded under: the key's, whatever the caller says."""
        return self.name or who or "somebody at this machine"


EVERYBODY = Caller("", frozenset(SCOPES))


class Door:
    """ASGI middleware: admits a request or refuses it in one sentence.

    Args:
      keys: as long as there are none, the service is open to whoever can reach loopback.
      heard: told of each request the endpoint's name, the status, and how long it took [s].
    """

    def __init__(self, app: ASGIApp, keys: Keys | None, heard: Heard):
        self._app, self._keys, self._heard = app, keys, heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            receive = self._admit(scope, receive)
            await self._app(scope, receive, sending)
        except Exception as error:
            if not isinstance(error, HEARD):
                _log.exception("%s %s failed:", scope["method"], scope["path"])
            if not status:
                await refusal(error)(scope, receive, sending)
        finally:
            endpoint = getattr(scope.get("endpoint"), "__name__", "other")
            self._heard(endpoint, status, time.perf_counter() - start)

    def _admit(self, scope: Scope, receive: Receive) -> Receive:
        headers = dict(scope["headers"])
        caller = EVERYBODY
        if self._keys is None or not self._keys.are_there:
            _check_host(headers.get(b"host", b""))
        elif scope["path"].startswith(GUARDED):
            caller = self._caller(headers.get(b"authorization", b""))
        scope.setdefault("state", {})["caller"] = caller
        if scope["method"] != "POST":
            return receive
        return _check_body(headers, receive)

    def _caller(self, told: bytes) -> Caller:
        assert self._keys is not None
        kind, _, token = told.decode("latin-1").partition(" ")
        key = self._keys.find(token.strip()) if kind.lower() == "bearer" else None
        if key is None:
            raise HTTPException(
                401,
                f"{'That key is not known' if told else 'A key is needed'}; send one that "
                "`quickstudy keys add` printed, as the header Authorization: Bearer KEY.",
                {"WWW-Authenticate": "Bearer"},
            )
        return Caller(key.name, key.may)


def caller(request: Request) -> Caller:
    """Who asks."""
    return request.scope["state"]["caller"]


def needs(scope: str) -> Callable[[Request], None]:
    """What raises where the caller's key lacks a scope."""

    def check(request: Request) -> None:
        who = caller(request)
        if scope not in who.may:
            raise HTTPException(
                403, f"The key {who.name!r} lacks the scope {scope!r}; use one that has it."
            )

    return check


def _check_host(host: bytes) -> None:
    name = host.decode("latin-1").lower()
    if not name.endswith("]"):  # an IPv6 address without a port
        name = name.rsplit(":", 1)[0] if ":" in name else name
    if name not in LOOPBACK:
        raise HTTPException(
            403,
            f"The Host header says {name[:80]!r}; without keys this service answers to "
            "localhost only. Make a key with `quickstudy keys add` to use another name.",
        )


def _check_body(headers: dict[bytes, bytes], receive: Receive) -> Receive:
    """Refuses what is not said to be JSON, and what is or grows too large."""
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind not in (JSON, LINES):
        raise HTTPException(
            415,
            f"The body's Content-Type is {kind.decode('latin-1')[:80]!r}; send JSON as "
            "application/json.",
        )
    length = headers.get(b"content-length")
    if length is None:
        return _counted(receive)
    if int(length) > MOST_BYTES:  # the server has checked that it is a number, and true
        raise too_large()
    return receive


def _counted(receive: Receive) -> Receive:
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise too_large()
        return message

    return counting


def too_large() -> HTTPException:
    """A body beyond what is taken."""
    return HTTPException(
        413, f"The body is larger than {MOST_BYTES:,} bytes; send it in several parts."
    )
