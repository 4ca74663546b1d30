"""The arbiter against simulated speeds: it leads with the better one, and notices a change."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from quickstudy.mind import arbiter
from quickstudy.mind.arbiter import SPEEDS, Arbiter, Settings

Earns = Callable[[int], tuple[float, float]]  # episode → mean return of each speed


def worked(
    earns: Earns, episodes: int, seed: int, noise: float = 10.0
) -> tuple[Arbiter, float]:
    """An arbiter after `episodes`, and what it earned less the better speed, per episode."""
    judge, rng, regret = Arbiter(), np.random.default_rng(seed), 0.0
    for episode in range(episodes):
        speed = arbiter.leader(judge, Settings(), rng)
        means = earns(episode)
        earned = means[SPEEDS.index(speed)]
        regret += max(means) - earned
        told = np.array([[0.0, 0.0]])
        came = np.array([noise * rng.standard_normal()])
        arbiter.judged(judge, Settings(), speed, earned + float(came[0]), False, told, came)
    return judge, regret / episodes


@pytest.mark.parametrize("better", [0, 1])
def test_the_better_speed_leads(better: int) -> None:
    means = (100.0, 0.0) if better == 0 else (0.0, 100.0)
    for seed in range(5):
        judge, regret = worked(lambda episode: means, 100, seed)
        assert arbiter.leader(judge, Settings()) == SPEEDS[better]
        # It may lose by its share of foresight (here a coin), and little else.
        assert regret < 100 * (Settings().foreseeing + 0.1)


def test_it_notices_who_has_caught_up() -> None:
    def caught_up(episode: int) -> tuple[float, float]:
        return 50.0, -100.0 if episode < 50 else 150.0

    for seed in range(5):
        judge, _ = worked(caught_up, 250, seed)
        assert arbiter.leader(judge, Settings()) == "judgement"


def test_where_both_fail_alike_the_better_predictor_is_tried() -> None:
    judge = Arbiter()
    for speed in SPEEDS * 5:
        told = np.array([[-200.0, -150.0]])
        arbiter.judged(judge, Settings(), speed, -200.0, False, told, np.array([-150.0]))
    rng = np.random.default_rng(0)
    led = [arbiter.leader(judge, Settings(), rng) for _ in range(200)]
    assert 0.5 < led.count("judgement") / len(led) < 1.0


def test_untried_speeds_are_tried_but_never_give_a_frozen_answer() -> None:
    judge = Arbiter()
    told, came = np.zeros((1, 2)), np.zeros(1)
    assert arbiter.leader(judge, Settings(), np.random.default_rng(0)) == "instinct"
    arbiter.judged(judge, Settings(), "instinct", 1.0, False, told, came)
    assert arbiter.leader(judge, Settings(), np.random.default_rng(0)) == "judgement"
    assert arbiter.leader(judge, Settings()) == "instinct"


def test_errors_by_hand() -> None:
    judge = Arbiter()
    came = np.array([1.0, 3.0])
    arbiter.judged(
        judge, Settings(), "instinct", 4.0, False, np.array([[0, 1], [0, 1.0]]), came
    )
    assert judge.error == [5.0, 2.0]  # (1 + 9)/2 and (0 + 4)/2
    arbiter.judged(
        judge, Settings(), "instinct", 4.0, False, np.array([[1, 1], [3, 3.0]]), came
    )
    assert judge.error == pytest.approx([4.0, 1.6])  # a fifth of the way towards 0
