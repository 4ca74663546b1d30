"""Children that merge, or rebuild a mind, until they are killed: run by test_kill, no test.

A nursery process imports once and forks a child for each line it reads: ``SECONDS merge INTO
PARENT…``, or ``SECONDS open LEARNER``; it kills the child after so many seconds. The child
prints "made" once its work is done.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from learners import merged, opened


def work(what: str, *names: str) -> None:
    paths = [Path(name) for name in names]
    if what == "merge":
        merged(*paths[1:], into=paths[0]).close()
    else:
        opened(paths[0]).close()  # rebuilds the mind, and saves it
    os.write(1, b"made\n")
    os._exit(0)


def nurse() -> None:
    for line in sys.stdin:
        seconds, *order = line.split()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            work(*order)
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() - began > float(seconds):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                break
            time.sleep(0.002)
        os.write(1, b"dead %f\n" % (time.monotonic() - began))


if __name__ == "__main__":
    nurse()
