"""Children that append until they are killed: run by test_crash, not a test itself.

A nursery process imports once and forks a child for each line that it reads; the child opens
the log and prints each acknowledged position. `fields(n)` is what the event at n must hold.
"""

from __future__ import annotations

import os
import sys

import numpy as np

from quickstudy.experience.event import Kind
from quickstudy.experience.log import Log

JOBS = ("dispatch", "anaesthetist", "grid")


def fields(n: int) -> dict:
    """The event at position n, made up from n alone; every third has a key."""
    rng = np.random.default_rng(n)
    size = 400 if n % 50 == 0 else 6  # some are long enough to be compressed
    return {
        "kind": Kind.DECISION if n % 2 else Kind.OUTCOME,
        "job": JOBS[n % 3],
        "stream": f"s{n % 2}",
        "episode": n // 100,
        "step": n % 100,
        "decision": None if n % 2 else n - 1,
        "key": f"k{n}" if n % 3 == 0 else None,
        "observation": np.repeat(rng.normal(size=size // 2), 2).astype(np.float32),
        "mask": rng.random(n % 11) < 0.5 if n % 5 == 0 else None,
        "action": rng.normal(size=2).astype(np.float32),
        "reward": float(rng.normal()),
        "leader": "instinct" if n % 2 else None,
        "worth": float(n),
        "note": {"n": n, "text": "ü"} if n % 7 == 0 else None,
    }


def append_until_killed(path: str) -> None:
    log = Log.open(path)
    while True:
        n = log.last + 1
        assert log.append(**fields(n)) == n
        if n > 6 and n % 3 == 0:  # a reward sent twice
            assert log.append(**fields(n - 3)) == n - 3
        if n % 7 == 0:
            os.write(1, b"saved %d\n" % log.sync())


def nurse(path: str) -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            append_until_killed(path)
        os.write(1, b"child %d\n" % child)
        os.waitpid(child, 0)
        os.write(1, b"dead\n")


if __name__ == "__main__":
    nurse(sys.argv[1])
