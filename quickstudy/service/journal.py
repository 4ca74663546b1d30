"""What the service says of itself: sentences for people, or JSON lines for programs.

Every line is an event with a time; what comes from other libraries becomes one too. No key, no
header and no body is ever written here.

Left out: a line for each request (that is what /metrics is for) and for each decision (the log
of the learner has them all).
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from quickstudy import words
from quickstudy.service.events import SAMPLED

UNTOLD = SAMPLED | {"gate", "judged"}  # too many; what matters of them comes as incidents


class Journal(logging.Handler):
    """Writes lines: to standard output as JSON, to standard error as sentences."""

    def __init__(self, is_json: bool):
        super().__init__(logging.WARNING)
        self._is_json = is_json

    def write(self, event: str, sentence: str, **fields: Any) -> None:
        """One thing that happened."""
        if self._is_json:
            told = {"time": time.time(), "message": sentence, **fields}
            print(words.json_line(event, told), flush=True)
        else:
            print(f"quickstudy: {words.plain(sentence)}", file=sys.stderr, flush=True)

    def heard(self, event: dict[str, Any]) -> None:
        """An office's listener: what a person may want to know of later."""
        kind = str(event["kind"])
        if kind in UNTOLD:
            return
        told = {key: value for key, value in event.items() if _is_plain(value)}
        del told["kind"], told["time"]
        self.write(kind, _sentence(kind, told), **told)

    def emit(self, record: logging.LogRecord) -> None:
        """What uvicorn and we log: warnings and errors."""
        trace = record.exc_info[1] if record.exc_info else None
        said = f"{record.getMessage()} {trace!r}" if trace else record.getMessage()
        self.write("log", " ".join(said.split()), level=record.levelname.lower())

    def listen(self) -> None:
        """Hears the loggers that a server uses."""
        for name in ("uvicorn.error", "quickstudy.service", "asyncio"):
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [self], False


def _sentence(kind: str, told: dict[str, Any]) -> str:
    """An event in words, on one line."""
    post, id, who = (told.get(key) for key in ("post", "id", "who"))
    match kind:
        case "post":
            said = f"post {post} was created"
        case "asked":
            said = f"post {post} asks a person about decision {id}"
        case "answered" if who is None:
            said = f"nobody answered decision {id} of post {post} in time"
        case "answered":
            said = f"{who} answered decision {id} of post {post}"
        case "switch":
            said = f"{who} switched post {post} {told['state']}"
        case "lessons":
            said = f"post {post} took in {told['count']} steps that {who} showed"
        case _:
            said = f"{kind} at post {post}"
    why = told.get("what") or told.get("why")
    return " ".join((f"{said}: {why}" if why else said).rstrip(".").split()) + "."


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) or value is None
