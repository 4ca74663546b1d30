"""The process that studies: it may be killed at any time, and ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import quickstudy as qs
from quickstudy.errors import LearnerInUse
from quickstudy.experience import folder as folders
from quickstudy.front import Front, open_front
from quickstudy.student import Student
from quickstudy.types import End

BOX, TWO = gymnasium.spaces.Box(-9.0, 9.0, (2,)), gymnasium.spaces.Discrete(2)
JOB = "keep level"
PATIENCE = 120.0  # seconds; on a machine that is busy with other things

ACTS = """
import os, signal, sys
from pathlib import Path
from quickstudy.front import open_front
from quickstudy.student import Student

front = open_front(Path(sys.argv[1]))
student = Student(front.path)
student.start()
for _ in range(10):
    it = front.propose("keep level", [0.0, 0.0], "a")
    n = front.record("keep level", it.observation, it.flat, "a", proposed=it)
    front.outcome("keep level", n, 1.0, stream="a", key="r")
print(student.pid, front.log.sync(), flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with qs.hire(tmp_path / "ada") as ada:
        ada.declare(JOB, BOX, TWO)
    return tmp_path / "ada"


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def act(front: Front, steps: int) -> None:
    for i in range(steps):
        it = front.propose(JOB, np.zeros(2, np.float32), "a")
        n = front.record(JOB, it.observation, it.flat, "a", proposed=it)
        end = End.TERMINATED if i % 10 == 9 else End.NOT
        front.outcome(JOB, n, float(it.action), end, stream="a")
    front.log.sync()


def caught_up(front: Front) -> bool:
    front.refresh()
    return front.lag == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_it_is_started_again_and_nothing_is_lost(path: Path) -> None:
    with open_front(path) as front, Student(path) as student:
        act(front, 30)
        until(lambda: caught_up(front))
        assert front.learner.mind(JOB).counts.fitted > 0
        pid = student.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not student.is_alive)
        act(front, 30)
        until(student.tend)
        assert student.pid != pid
        until(lambda: caught_up(front))
        with qs.open(path, readonly=True) as again:
            assert again.steps(JOB) == 60
            assert again.mind(JOB).counts == front.learner.mind(JOB).counts
        with pytest.raises(LearnerInUse):
            folders.studying(path)
        student.stop()
        assert not student.tend()  # it was meant to end
        folders.studying(path).__exit__(None, None, None)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for a process there")
def test_it_ends_when_its_parent_is_killed_and_what_was_acknowledged_is_there(
    path: Path,
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ACTS, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdin
    assert parent.stdout
    pid, position = map(int, parent.stdout.readline().split())
    assert is_running(pid)
    parent.stdin.write("\n")
    parent.stdin.close()
    assert parent.wait() == -signal.SIGKILL
    parent.stdout.close()
    until(lambda: not is_running(pid))
    with open_front(path) as front:
        assert front.log.last == position
        assert front.learner.steps(JOB) == 10
        act(front, 1)


def test_one_that_cannot_start_is_tried_ever_less_often(path: Path) -> None:
    student = Student(path, [sys.executable, "-c", "raise SystemExit(3)"])
    assert not student.tend()  # never started
    student.start()
    until(lambda: not student.is_alive)
    first = student.pid
    until(lambda: student.tend() or student.pid != first)
    assert student._failures == 1
    student.stop()
