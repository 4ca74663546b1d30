"""How errors read over HTTP: the one place that translates them.

Every refusal is ``{"error": one sentence, "code": a word for programs}``. What a caller can
mend is a 4xx; 503 says that the disk is full or failing (what was acknowledged is kept, and
the service goes on); a 500 is a bug of ours.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from quickstudy.errors import (
    BadAction,
    BadObservation,
    DiskTrouble,
    QuickstudyError,
    UnknownDecision,
    UnsupportedSpace,
)
from quickstudy.posts.told import Contradiction, Expired, NotWaiting, PostExists, UnknownPost

_STATUS: dict[type[QuickstudyError], int] = {
    UnknownPost: 404,
    UnknownDecision: 404,
    PostExists: 409,
    Contradiction: 409,
    NotWaiting: 409,
    Expired: 410,
    BadObservation: 422,
    BadAction: 422,
    UnsupportedSpace: 422,
    DiskTrouble: 503,
}
RETRY_SECONDS = 2
_log = logging.getLogger("quickstudy.service")


class Refusal(Response):
    """One sentence, and a word for programs."""

    media_type = "application/json"

    def __init__(
        self,
        status: int,
        sentence: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        word = code or HTTPStatus(status).name.lower()
        body = orjson.dumps({"error": _sound(sentence), "code": word})
        super().__init__(body, status, headers)


def refusal(error: Exception) -> Refusal:
    """What the caller is told of an error."""
    if isinstance(error, QuickstudyError):
        return _of_ours(error)
    if isinstance(error, RequestValidationError | ValidationError):
        return _of_form(error)
    if isinstance(error, orjson.JSONDecodeError):
        return _no_json(error.msg)
    if isinstance(error, HTTPException):
        return _of_http(error)
    return Refusal(
        500, f"{type(error).__name__}: this is a bug of ours; the service goes on.", "bug"
    )


async def refuse(request: Request, error: Exception) -> Response:
    """As Starlette calls it, for every error that `HEARD` lists; the door hears the others."""
    return refusal(error)


HEARD = (
    QuickstudyError, RequestValidationError, ValidationError, HTTPException,
    orjson.JSONDecodeError,
)  # fmt: skip


def item(error: QuickstudyError) -> dict[str, Any]:
    """An error as the answer to one item of a batch."""
    status = _status(error)
    return {
        "error": _sound(str(error)),
        "code": HTTPStatus(status).name.lower(),
        "status": status,
    }


def _status(error: QuickstudyError) -> int:
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)


def _of_ours(error: QuickstudyError) -> Refusal:
    status = _status(error)
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None
    if status == 503:
        _log.error("%s", error)
    return Refusal(status, str(error), headers=headers)


def _of_http(error: HTTPException) -> Refusal:
    told = str(error.detail)
    if error.status_code == 404 and told == HTTPStatus.NOT_FOUND.phrase:
        told = "There is nothing at this address; /openapi.json lists what there is."
    elif error.status_code == 405:
        told = "This address takes another method; /openapi.json lists which."
    return Refusal(error.status_code, told, headers=error.headers)


def _of_form(error: RequestValidationError | ValidationError) -> Refusal:
    """The first thing that does not fit: where, what came, what was expected."""
    found = error.errors()
    first = found[0]
    if first["type"] == "json_invalid":
        return _no_json(first.get("ctx", {}).get("error", ""))
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
    came = _short(first.get("input"))
    more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
    said = str(first["msg"]).removesuffix(".")
    return Refusal(422, f"{where}: {said}; came {came}.{more}", "bad_form")


def _no_json(said: str) -> Refusal:
    return Refusal(400, f"The body is not JSON: {said or 'it cannot be read'}.", "bad_json")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _sound(text: str) -> str:
    """Without what UTF-8 cannot hold, and on one line."""
    return " ".join(text.encode(errors="replace").decode().split())
