"""The routes, in one list, and the application that serves them.

FastAPI reads the handlers' forms and publishes them at /openapi.json. The two hot paths (a
decision, an outcome) go round its machinery through a fast lane: the same handler and the same
forms, at half the cost a request.

Left out: FastAPI's documentation pages (they load scripts from elsewhere), its telemetry,
HTTP/2, websockets (events go one way).
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, get_type_hints

import orjson
from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from quickstudy.service import schemas as form
from quickstudy.service.desk import PAGE_HEADERS, STATIC, Desk
from quickstudy.service.door import Door, needs
from quickstudy.service.errors import HEARD, refuse
from quickstudy.service.keys import Keys

_ROWS = {"type": "array", "minItems": 1, "items": form.Showing.model_json_schema()}
LESSONS = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"items": _ROWS},
                    "required": ["items"],
                    "additionalProperties": False,
                }
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}
_SAYS = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": what, "content": {"application/json": {"schema": _SAYS}}}
    for status, what in {
        400: "Not JSON, or it cannot be done as asked.",
        401: "No key, or an unknown one.",
        403: "A key without the scope that this takes, or a foreign Host header.",
        404: "No such post, decision or snapshot.",
        409: "It contradicts what was told before; that stands.",
        410: "Too late to count.",
        413: "Too large.",
        415: "Not sent as JSON.",
        422: "It does not fit the form, or what the post declared.",
        503: "The disk is full or failing; nothing acknowledged is lost. Try again.",
    }.items()
}

Endpoint = Callable[..., Awaitable[Response]]


class Way(NamedTuple):
    """A route. scope: what a caller's key must have; None: open to all."""

    method: str
    path: str
    endpoint: Endpoint
    scope: str | None
    is_hot: bool = False
    extra: dict[str, Any] | None = None


def ways(desk: Desk) -> list[Way]:
    """Every route there is."""
    v1, post, decision = "/v1", "/v1/posts/{post}", "/v1/decisions/{id}"
    return [
        Way("POST", f"{post}/decide", desk.decide, "decide", is_hot=True),
        Way("POST", f"{decision}/outcome", desk.outcome, "decide", is_hot=True),
        Way("POST", f"{post}/decide-batch", desk.decide_batch, "decide"),
        Way("POST", f"{v1}/outcomes", desk.outcomes, "decide"),
        Way("GET", decision, desk.resolution, "read"),
        Way("POST", f"{post}/episodes/{{episode}}/end", desk.end, "decide"),
        Way("GET", f"{v1}/posts", desk.posts, "read"),
        Way("POST", f"{v1}/posts", desk.create, "admin"),
        Way("GET", post, desk.post, "read"),
        Way("GET", f"{post}/decisions", desk.decisions, "read"),
        Way("GET", f"{post}/curve", desk.curve, "read"),
        Way("GET", f"{v1}/inbox", desk.inbox, "read"),
        Way("POST", f"{v1}/inbox/{{id}}", desk.answer, "mentor"),
        Way("POST", f"{decision}/audit", desk.audit, "mentor"),
        Way("POST", f"{post}/verdict", desk.verdict, "mentor"),
        Way("POST", f"{post}/demonstrations", desk.demonstrations, "mentor", extra=LESSONS),
        Way("POST", f"{post}/history", desk.history, "admin", extra=LESSONS),
        Way("POST", f"{post}/switch", desk.switch, "mentor"),
        Way("POST", f"{v1}/switch", desk.switch_all, "mentor"),
        Way("POST", f"{post}/demote", desk.demote, "mentor"),
        Way("POST", f"{post}/renew", desk.renew, "admin"),
        Way("GET", f"{post}/snapshots", desk.snapshots, "read"),
        Way("POST", f"{post}/snapshots", desk.snapshot, "admin"),
        Way("POST", f"{post}/pin", desk.pin, "admin"),
        Way("GET", f"{v1}/events", desk.events, "read"),
        Way("GET", "/metrics", desk.measures, "read"),
        Way("GET", "/healthz", desk.health, None),
    ]


def make_app(desk: Desk, keys: Keys | None = None) -> FastAPI:
    """The application; its lifespan runs the committer.

    Args:
      keys: None, or none in it: whoever reaches loopback may do everything.
    """

    listed = ways(desk)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with desk.committer.running():
            yield

    app = FastAPI(
        title="quickstudy",
        description="A learner that you deploy.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        middleware=[
            Middleware(Door, keys=keys, heard=desk.metrics.request),
            Middleware(_FastLane, ways=[way for way in listed if way.is_hot]),
        ],
        exception_handlers=dict.fromkeys(HEARD, refuse),
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.router.route_class = _Route
    desk.office.listeners += [desk.hub.publish, desk.metrics.event]
    for way in listed:
        app.add_api_route(
            way.path,
            way.endpoint,
            methods=[way.method],
            dependencies=[Depends(needs(way.scope))] if way.scope else [],
            responses=REFUSALS,
            openapi_extra=way.extra,
        )
    app.add_route("/", _page(desk), ["GET"], include_in_schema=False)
    app.mount("/static", _Static(directory=STATIC, check_dir=False))
    return app


class _Route(APIRoute):
    """Bodies are read by orjson, which takes neither NaN nor Infinity."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            return await handle(_Strict(request.scope, request.receive))

        return handled


class _Strict(Request):
    async def json(self) -> Any:
        return orjson.loads(await self.body())


class _Static(StaticFiles):
    """The page's files, with the page's headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(PAGE_HEADERS)
        return response


class _FastLane:
    """The hot paths, straight from the door to their handlers.

    FastAPI's and Starlette's layers between cost as much as all the rest of a decision over
    HTTP. Forms, scopes and handlers are those that they would use.
    """

    def __init__(self, app: ASGIApp, ways: Sequence[Way]):
        self._app = app
        self._lanes = {tuple(way.path.split("/")[2::2]): _lane(way) for way in ways}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            parts = scope["path"].split("/")  # "", "v1", "posts", NAME, "decide"
            lane = self._lanes.get((parts[2], parts[-1])) if len(parts) == 5 else None
            if lane and parts[1] == "v1":
                response = await lane(parts[3], Request(scope, receive))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _lane(way: Way) -> Callable[[str, Request], Awaitable[Response]]:
    """A handler of one path parameter and one form, read as FastAPI would."""
    place, body = inspect.signature(way.endpoint).parameters
    hints = get_type_hints(way.endpoint, include_extras=True)
    where, model, check = TypeAdapter(hints[place]), hints[body], needs(way.scope or "read")
    endpoint = way.endpoint

    async def lane(named: str, request: Request) -> Response:
        request.scope["endpoint"] = endpoint
        check(request)
        said = model.model_validate(orjson.loads(await request.body()))
        return await endpoint(where.validate_python(named), said)

    return lane


def _page(desk: Desk) -> Endpoint:
    async def page(request: Request) -> Response:
        return await desk.page()

    return page
