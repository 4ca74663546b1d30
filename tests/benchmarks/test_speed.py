"""The race of updates: who runs, and what is made of their turns."""

from __future__ import annotations

import io

import pytest

from benchmarks import speed
from benchmarks.runs import OURS, RunError
from benchmarks.speed import Contender, Turn


def test_who_runs_on_a_job() -> None:
    assert [(c.name, c.size) for c in speed.contenders_of("Pendulum-v1", ["sbx", "sb3"])] == [
        (name, size) for size in ("shipped", "small") for name in (OURS, "sbx-sac", "sb3-sac")
    ]


def test_ratios_are_taken_within_a_round() -> None:
    """In the second round the machine is four times as slow; ours is twice as fast in each."""
    ours, theirs = (Contender(name, "CartPole-v1", "small") for name in (OURS, "sb3-dqn"))
    turns = {
        ours: [Turn(0.001, 0.001), Turn(0.004, 0.001), Turn(0.001, 0.001)],
        theirs: [Turn(0.002, 0.003), Turn(0.008, 0.003), Turn(0.002, 0.003)],
    }
    rows = speed.update_rows(turns)
    assert rows[0] == ["small", "CartPole-v1", OURS, "1,000", "1,000", "1.00", "1.00"]
    assert rows[1] == ["small", "CartPole-v1", "sb3-dqn", "500", "333", "2.00", "3.00"]


class Process:
    def __init__(self, said: str):
        self.stdout = io.StringIO(said)

    def wait(self) -> int:
        return 3


def test_what_a_library_prints_of_its_own_is_passed_over() -> None:
    assert speed._said(Process("Welcome!\n[1.5, 2.5]\n")) == [1.5, 2.5]
    with pytest.raises(RunError, match="exit code 3"):
        speed._said(Process("Welcome!\n"))
