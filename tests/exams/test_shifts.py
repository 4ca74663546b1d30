"""Shifts: each does what it says, and the same thing in the same world."""

from __future__ import annotations

import numpy as np
import pytest

from quickstudy.exams import shifts
from quickstudy.exams.shifts import SHIFTS, Ground
from quickstudy.jobs import registry
from quickstudy.types import Leaf, Observation, Spec, Step


class Echo:
    """Shows its world's number and the latest action, for ever."""

    name = "echo"
    spec = Spec(
        (Leaf((), "box", (2,), "float32", (-9.0,), (9.0,)),),
        (Leaf((), "discrete", (), "int64", sizes=(9,), start=(0,)),),
    )

    def reset(self, seed: int | None = None) -> Observation:
        return Observation(np.array([seed, -1.0], np.float32))

    def step(self, action: np.ndarray) -> Step:
        return Step(Observation(np.array([5.0, action[0]], np.float32)), float(action[0]))

    def close(self) -> None:
        pass


GROUND = Ground(np.array([2.0, 3.0]), np.array([1.0, 10.0]))


def taken(name: str, strength: float, seed: int = 1, steps: int = 40) -> list[float]:
    """What reaches the job, of actions 0, 1, 2, …, 8, 0, …"""
    job = SHIFTS[name](Echo(), strength, GROUND)
    job.reset(seed)
    return [job.step(np.array([k % 9], np.float32)).reward for k in range(steps)]


def shown(name: str, strength: float, seed: int = 1, steps: int = 200) -> np.ndarray:
    job = SHIFTS[name](Echo(), strength, GROUND)
    first = job.reset(seed).raw
    return np.array([first, *(job.step(np.zeros(1)).observation.raw for _ in range(steps))])


@pytest.mark.parametrize("name", SHIFTS)
def test_at_no_strength_nothing_is_shifted(name: str) -> None:
    assert taken(name, 0.0) == [k % 9 for k in range(40)]
    np.testing.assert_array_equal(shown(name, 0.0)[1:], [[5.0, 0.0]] * 200)


@pytest.mark.parametrize("name", SHIFTS)
def test_a_world_is_the_same_for_everybody(name: str) -> None:
    assert taken(name, 1.0) == taken(name, 1.0)
    np.testing.assert_array_equal(shown(name, 1.0), shown(name, 1.0))


def test_a_delay_comes_late() -> None:
    assert taken("delay", 1.0)[:6] == [0, 0, 0, 0, 1, 2]
    assert taken("delay", 0.34)[:4] == [0, 0, 1, 2]


def test_sticking_repeats_about_half() -> None:
    told = np.array(taken("sticking", 1.0, steps=2_000))
    assert 0.45 < (told != np.arange(2_000) % 9).mean() < 0.55


def test_noise_is_measured_by_what_was_seen() -> None:
    noisy = shown("noise", 1.0, steps=2_000)[1:]
    np.testing.assert_allclose(noisy.std(0), [0.5, 5.0], rtol=0.1)
    np.testing.assert_allclose(noisy.mean(0), [5.0, 0.0], atol=0.5)


def test_a_dropped_sensor_shows_its_mean_for_a_whole_episode() -> None:
    lives = [shown("dropped sensors", 1.0, seed, steps=5)[1:] for seed in range(300)]
    dropped = np.array([(life == [2.0, 3.0]).all(0) for life in lives])
    whole = np.array([(life == [5.0, 0.0]).all(0) for life in lives])
    assert (dropped | whole).all()
    np.testing.assert_allclose(dropped.mean(0), 0.3, atol=0.08)


def test_only_what_shows_numbers_has_sensors_that_fail() -> None:
    with_numbers = registry.make("CartPole-v1")
    without = registry.make("FrozenLake-v1")
    assert set(shifts.of(with_numbers.spec, GROUND)) == set(SHIFTS)
    assert set(shifts.of(with_numbers.spec, None)) == {"delay", "sticking"}
    assert set(shifts.of(without.spec, GROUND)) == {"delay", "sticking"}
    with_numbers.close()
    without.close()
