"""Ctrl-C and SIGTERM: the first one stops after the step under way, the second at once.

What was acknowledged is on disk either way; patience saves the studying again.

Left out: signals outside the main thread (there Python delivers none).
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """Asked to stop from outside. Not an Exception: nobody on the way may swallow it.

    is_told: whether somebody has said where things stand.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.is_told = False
        self.exit_code = 128 + number


class Interrupt:
    """Hears signals while it is entered.

    is_patient: whether the caller will look at `raise_if_asked` soon; otherwise even the
      first signal raises Stopped where it comes.
    hint: written to standard error when a patient first signal comes; "" for nothing.
    """

    def __init__(self, hint: str = ""):
        self.is_patient = False
        self.hint = hint
        self._asked = 0
        self._former: dict[int, Any] = {}

    def raise_if_asked(self) -> None:
        """Raises Stopped where a signal has come."""
        if self._asked:
            raise Stopped(self._asked)

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._heard) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        is_first, self._asked = not self._asked, number
        if not (is_first and self.is_patient):
            raise Stopped(number)
        if self.hint:
            os.write(2, self.hint.encode())
