"""The committer: acknowledges what is on disk, many requests by one fsync.

    await committer.saved(position)      # returns once everything up to there is on disk

A handler appends (microseconds, in memory) and waits here. One thread syncs the log as long as
anybody waits, so whoever comes during one fsync is served by the next. A commit has its price
whatever its size, so the next one waits until as many have come as the last one served, or for
a few milliseconds: under load it is shared by dozens, and a lone request waits for nobody.

Whose idea: group commit (Gray & Reuter 1993, §9), gathering as databases do with "siblings".
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from quickstudy.errors import DiskTrouble

GATHER_SECONDS = 0.003


class Syncs(Protocol):
    """A log: what appending gave a position is on disk once `sync` returns as much."""

    @property
    def saved(self) -> int: ...

    def sync(self) -> int: ...


class Committer:
    """Syncs a log in a thread of its own, for those who wait on one event loop.

    Args:
      heard: told after each commit how long it took [s] and how many it served.
    """

    def __init__(self, log: Syncs, heard: Callable[[float, int], None] | None = None):
        self._log = log
        self._heard = heard
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []  # the loop's own
        self._is_wanted = threading.Event()
        self._is_over = False
        self._is_syncing = False
        self._many = 1  # served by the last commit
        self._gathering: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(
            target=self._keep_syncing, name="committer", daemon=True
        )

    @contextmanager
    def running(self) -> Iterator[Committer]:
        """Runs while entered, on the event loop that is running here."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        try:
            yield self
        finally:
            self._is_over = True
            self._is_wanted.set()
            self._thread.join()
            self._serve(
                self._log.saved, DiskTrouble("The service stopped before it was saved.")
            )

    async def saved(self, position: int) -> None:
        """Returns once the log is on disk up to `position`.

        Raises:
          DiskTrouble: it cannot be written now; what was appended is kept in memory and tried
            again.
        """
        if position <= self._log.saved:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((position, future))
        self._go_on()
        await future

    def _go_on(self) -> None:
        """Starts a commit, if enough wait for it; else in a moment."""
        if self._is_syncing or not self._waiting:
            return
        if len(self._waiting) >= self._many:
            self._start()
        elif not self._gathering and self._loop:
            self._gathering = self._loop.call_later(GATHER_SECONDS, self._start)

    def _start(self) -> None:
        if self._gathering:
            self._gathering.cancel()
        self._gathering = None
        self._is_syncing = True
        self._is_wanted.set()

    def _keep_syncing(self) -> None:
        assert self._loop is not None
        while True:
            self._is_wanted.wait()
            self._is_wanted.clear()
            if self._is_over:
                return
            start, trouble = time.perf_counter(), None
            try:
                self._log.sync()
            except Exception as error:  # told to those who wait; the next one tries again
                trouble = error
            seconds = time.perf_counter() - start
            self._loop.call_soon_threadsafe(self._done, self._log.saved, trouble, seconds)

    def _done(self, saved: int, trouble: Exception | None, seconds: float) -> None:
        """On the loop: serves those whom this commit reached, and starts the next."""
        self._many = max(self._serve(saved, trouble), 1)
        if self._heard:
            self._heard(seconds, self._many)
        self._is_syncing = False
        self._go_on()

    def _serve(self, saved: int, trouble: Exception | None) -> int:
        """Answers those whose positions are on disk; all, where there was trouble."""
        left, served = [], 0
        for position, future in self._waiting:
            if position > saved and trouble is None:
                left.append((position, future))
                continue
            served += 1
            if future.done():
                continue  # the client hung up
            if position <= saved or trouble is None:
                future.set_result(None)
            else:
                future.set_exception(trouble)
        self._waiting = left
        return served
