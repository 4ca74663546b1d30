"""Children that are killed after so many seconds, kill -9, at whatever they are.

    with nursery(sys.executable, "-m", "benchmarks.crash_merge") as nurse:
        end = nurse.run("merge", "cleo", "ada", "bea", seconds=3.2)
        end.is_killed, end.is_done, end.seconds

A nursery is a process of its own that imports once and forks a child for each line it reads, so
that no moment is wasted on imports. A child says that its work is done before it ends.

Left out: Windows, which cannot fork.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from benchmarks.runs import ROOT, RunError, one_thread

DONE, KILLED, ENDED = "done", "killed", "ended"


class End(NamedTuple):
    """How a child ended: killed or by itself; whether it had said it was done; its age [s]."""

    is_killed: bool
    is_done: bool
    seconds: float


class Nursery:
    """Starts children, one at a time."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process

    def run(self, *order: object, seconds: float = math.inf) -> End:
        """A child's end.

        Raises:
          RunError: it ended by itself and had not done its work.
        """
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(" ".join(map(str, (seconds, *order))) + "\n")
        is_done, line = False, self._process.stdout.readline()
        if line.startswith(DONE):
            is_done, line = True, self._process.stdout.readline()
        how, _, lived = line.partition(" ")
        if how not in (KILLED, ENDED) or (how == ENDED and not is_done):
            raise RunError(f"'{' '.join(map(str, order))}' came to no end")
        return End(how == KILLED, is_done, float(lived))


@contextlib.contextmanager
def nursery(*command: str) -> Iterator[Nursery]:
    """A process that calls `nurse`."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=one_thread({"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}),
        text=True,
        bufsize=1,
    ) as process:
        try:
            yield Nursery(process)
        finally:
            assert process.stdin
            process.stdin.close()


def nurse(work: Callable[..., None]) -> None:
    """Forks a child for each line, ``SECONDS ARGUMENT…``, and kills it after so long."""
    for line in sys.stdin:
        seconds, *order = line.split()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            work(*order)
            os.write(1, f"{DONE}\n".encode())
            os._exit(0)
        how = ENDED
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() - began > float(seconds):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                how = KILLED
                break
            time.sleep(0.002)
        os.write(1, f"{how} {time.monotonic() - began:f}\n".encode())
