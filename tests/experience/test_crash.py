"""kill -9 at random moments: what was acknowledged is there, once, and right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from crash_child import fields

from quickstudy.experience.event import Event
from quickstudy.experience.log import Log

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and forks")


def check_event(event: Event) -> None:
    for name, expected in fields(event.n).items():
        found = getattr(event, name)
        if isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(found, expected)
        else:
            assert found == expected, (event.n, name)


def kill_often(path: Path, kills: int, seed: int) -> int:
    """Kills writers at random moments; returns the last position that was acknowledged."""
    rng = random.Random(seed)
    Log.create(path).close()
    acknowledged = checked = 0
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "crash_child.py"), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as nursery:
        assert nursery.stdin and nursery.stdout
        for number in range(kills):
            nursery.stdin.write("go\n")
            line = nursery.stdout.readline()
            while not line.startswith("child"):
                acknowledged = max(acknowledged, int(line.split()[1]))
                line = nursery.stdout.readline()
            child = int(line.split()[1])
            if number % 2:  # however slow the machine is, some have acknowledged something
                acknowledged = max(acknowledged, int(nursery.stdout.readline().split()[1]))
            time.sleep(rng.uniform(0.0, 0.08))
            os.kill(child, signal.SIGKILL)
            while (line := nursery.stdout.readline()) != "dead\n":
                acknowledged = max(acknowledged, int(line.split()[1]))
            with Log.open(path) as log:
                assert log.last >= acknowledged
                for event in log.read(after=checked):  # complains of gaps
                    check_event(event)
                checked = log.last
        nursery.stdin.close()
    return acknowledged


def check_whole(path: Path, acknowledged: int) -> None:
    with Log.open(path) as log:
        verdict = log.verify()
        assert verdict.is_sound, verdict
        events = list(log.read())
    assert [event.n for event in events] == list(range(1, len(events) + 1))
    assert len(events) == verdict.rows >= acknowledged > 0
    keys = [(event.job, event.key) for event in events if event.key]
    assert len(keys) == len(set(keys)) == len(events) // 3


def test_kill_20_times(tmp_path: Path) -> None:
    path = tmp_path / "experience.db"
    check_whole(path, kill_often(path, kills=20, seed=1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_kill_100_times(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "experience.db"
    check_whole(path, kill_often(path, kills=100, seed=seed))


def test_the_saver_saves_though_nothing_follows(tmp_path: Path) -> None:
    with Log.create(tmp_path / "experience.db") as log:
        log.append(**fields(1))
        assert log.saved == 0
        deadline = time.monotonic() + 5
        while log.saved < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert log.saved == 1


def test_an_unclosed_log_is_saved_at_exit(tmp_path: Path) -> None:
    path = tmp_path / "experience.db"
    program = (
        "import sys; from quickstudy.experience.log import Log, Kind\n"
        "log = Log.create(sys.argv[1])\n"
        "for i in range(10): log.append(Kind.NOTE, step=i)\n"
        "assert log.saved < 10"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    with Log.open(path) as log:
        assert len(list(log.read())) == 10


def test_ctrl_c_anywhere_leaves_no_gap(tmp_path: Path) -> None:
    path = tmp_path / "experience.db"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    rng = random.Random(3)
    interrupts = 0
    returned: dict[int, int] = {}
    log = Log.create(path)
    try:
        for i in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-4, 2e-3))
                for j in range(200):
                    label = 200 * i + j
                    n = log.append(fields(1)["kind"], f"job {label % 5000}", step=label)
                    returned[n] = label
                    log.append(fields(1)["kind"], "keyed", key=f"k{label // 3}")
                    if j % 5 == 0:
                        log.sync()
            except KeyboardInterrupt:
                interrupts += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert interrupts > 100
    log.close()
    with Log.open(path) as log:
        assert log.verify().is_sound
        events = {event.n: event for event in log.read()}
    for n, label in returned.items():
        assert events[n].step == label
        assert events[n].job == f"job {label % 5000}"
    keys = [event.key for event in events.values() if event.key]
    assert len(keys) == len(set(keys))
