"""What happens, to those who watch: server-sent events, long polls, webhooks.

The office tells the hub of every event. Browsers see decisions and outcomes at most twenty a
second each (the next one says how many were skipped); all else is told in full. Whoever reads
too slowly misses events, is told how many, and delays nobody.

Whose idea: server-sent events (WHATWG HTML, §9.2). Left out: resuming where a reader stopped
(`Last-Event-ID`): the page fetches the state anew when it connects, and the log has all.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

HEARTBEAT_SECONDS = 15.0
MOST_WAITING = 1_000  # events a reader may lag behind
SAMPLED = frozenset({"decision", "outcome"})
SAMPLE_SECONDS = 0.05
WRITE_SECONDS = 0.1  # what happens meanwhile is written together

Event = dict[str, Any]


class Hub:
    """Spreads events on one event loop; `publish` is an office's listener."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._readers: set[_Reader] = set()
        self._polls: dict[int, set[asyncio.Future[None]]] = {}
        self._shown: dict[str, float] = {}
        self._skipped: dict[str, int] = {}
        self.is_over = False

    def publish(self, event: Event) -> None:
        """Tells everybody; microseconds where nobody watches."""
        if self._polls and (waiting := self._polls.get(event.get("id", 0))):
            for future in waiting:
                if not future.done():
                    future.set_result(None)
        if self._readers and (told := self._sampled(event)):
            line = b"event: %b\ndata: %b\n\n" % (
                str(told["kind"]).encode(),
                orjson.dumps(told, default=str, option=orjson.OPT_SERIALIZE_NUMPY),
            )
            for reader in self._readers:
                reader.take(line)

    def _sampled(self, event: Event) -> Event | None:
        kind = event["kind"]
        if kind not in SAMPLED:
            return event
        now = self._clock()
        if now - self._shown.get(kind, 0.0) < SAMPLE_SECONDS:
            self._skipped[kind] = self._skipped.get(kind, 0) + 1
            return None
        self._shown[kind] = now
        return event | {"skipped": self._skipped.pop(kind, 0)}

    async def changed(self, id: int, seconds: float) -> None:
        """Returns when something happens to a decision, after so long, or at the end."""
        if self.is_over:
            return
        future = asyncio.get_running_loop().create_future()
        waiting = self._polls.setdefault(id, set())
        waiting.add(future)
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            waiting.discard(future)
            if not waiting:
                self._polls.pop(id, None)

    async def stream(self) -> AsyncIterator[bytes]:
        """The events from now on, as a browser's EventSource reads them."""
        reader = _Reader()
        self._readers.add(reader)
        try:
            yield b"retry: 2000\n\n: hello\n\n"
            while not self.is_over:
                yield await reader.next()
                await asyncio.sleep(WRITE_SECONDS)
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """Ends every stream and long poll, so that the server can stop."""
        self.is_over = True
        for reader in self._readers:
            reader.take(b"")
        for waiting in self._polls.values():
            for future in waiting:
                if not future.done():
                    future.set_result(None)


class _Reader:
    """Lines that one reader has not fetched yet."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._missed = 0
        self._is_there = asyncio.Event()

    def take(self, line: bytes) -> None:
        if len(self._lines) < MOST_WAITING:
            self._lines.append(line)
        else:
            self._missed += 1
        self._is_there.set()

    async def next(self) -> bytes:
        """All that is there, or a heartbeat where nothing comes for long."""
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._is_there.wait()
        except TimeoutError:
            return b": still here\n\n"
        self._is_there.clear()
        lines, self._lines = b"".join(self._lines), deque()
        if self._missed:
            lines += b'event: missed\ndata: {"kind":"missed","count":%d}\n\n' % self._missed
            self._missed = 0
        return lines
