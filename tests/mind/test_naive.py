"""The naive learner: its equations by hand, and that outcomes alone teach it a small job."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from specs import CONTINUOUS, DISCRETE, choice, numbers

from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.probes import PROBES
from quickstudy.mind import naive as naives
from quickstudy.mind.encoder import Frame
from quickstudy.mind.naive import Episode, Settings
from quickstudy.types import End, Observation, Spec

SMALL = Settings(hidden=(16, 16), learning_rate=1e-2)


def test_advantages_by_hand() -> None:
    """Mean 2, squared deviations 1, 0, 1: s = √(2/3)."""
    assert naives.advantages([1.0, 2.0, 3.0]) == pytest.approx([-(1.5**0.5), 0.0, 1.5**0.5])
    scaled = naives.advantages([1e6, 2e6, 3e6])
    assert scaled == pytest.approx(naives.advantages([1e-6, 2e-6, 3e-6]))


def test_equal_outcomes_have_no_advantage() -> None:
    assert not naives.advantages([0.1] * 3).any()


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [
        (1.0, 2.0, 2.0),
        (1.5, 2.0, 2.4),  # likelier by more than ε: no more to win
        (0.5, 2.0, 1.0),
        (1.5, -2.0, -3.0),  # a bad decision made likelier is held against it in full
        (0.5, -2.0, -1.6),
    ],
)
def test_clipped_gain_by_hand(ratio: float, advantage: float, expected: float) -> None:
    gain = naives.clipped_gain(np.log(0.4 * ratio), np.log(0.4), advantage, 0.2)
    assert float(gain) == pytest.approx(expected, rel=1e-5)


def test_its_gradient_is_that_of_reinforce() -> None:
    """Of log softmax by logits: 1 − its odds for the option taken, − its odds for others."""
    logits = np.log(np.array([0.5, 0.3, 0.2], np.float32))

    def gain(z):
        return naives.clipped_gain(jax.nn.log_softmax(z)[1], np.float32(np.log(0.3)), -2.0, 0.2)

    assert jax.grad(gain)(logits) == pytest.approx([2 * 0.5, -2 * 0.7, 2 * 0.2], rel=1e-4)


def play(job: GymJob, mind: naives.Naive, frame: Frame, seed: int) -> Episode:
    rng, episode = np.random.default_rng(seed), Episode()
    shown, end = job.reset(seed), End.NOT
    while end is End.NOT:
        flat = naives.act(mind, frame, [shown], rng)[0]
        step = job.step(flat)
        episode.add(shown, flat, step.reward)
        shown, end = step.observation, step.end
    return episode


def test_it_learns_a_bandit_with_two_signals() -> None:
    job = GymJob(PROBES["both"]())
    frame = Frame(job.spec)
    mind = naives.init(frame, SMALL, seed=0)
    for batch in range(20):
        played = [play(job, mind, frame, 16 * batch + i) for i in range(SMALL.episodes)]
        mind = naives.learn(mind, frame, SMALL, played)
    seen = [Observation(np.array([side], np.float32)) for side in (-1.0, 1.0)]
    low, high = naives.odds(mind, frame, seen)[:, 0]
    assert low[0] > 0.9
    assert high[1] > 0.9
    assert naives.act(mind, frame, seen).tolist() == [[0.0], [1.0]]


def batch(frame: Frame, outcomes: list[float]) -> list[Episode]:
    width = frame.spec.raw_size
    return [
        Episode([np.full(width, i, np.float32)], [None], [np.zeros(1, np.float32)], outcome)
        for i, outcome in enumerate(outcomes)
    ]


def test_a_batch_without_contrast_teaches_nothing() -> None:
    frame = Frame(DISCRETE)
    mind = naives.init(frame, SMALL)
    assert naives.learn(mind, frame, SMALL, batch(frame, [3.0] * 4)) is mind


def test_the_same_batch_teaches_the_same() -> None:
    frame = Frame(DISCRETE)
    seen = [Observation(np.ones(4, np.float32))]
    one, other = (
        naives.learn(naives.init(frame, SMALL), frame, SMALL, batch(frame, [0.0, 1.0]))
        for _ in range(2)
    )
    assert (naives.odds(one, frame, seen) == naives.odds(other, frame, seen)).all()
    assert (naives.odds(one, frame, seen) != 0.5).any()


def test_what_is_not_allowed_is_never_done() -> None:
    frame = Frame(Spec((numbers(2),), (choice(3, 2),)))
    mind, rng = naives.init(frame, SMALL), np.random.default_rng(0)
    mask = np.array([False, True, True, True, False])
    seen = [Observation(np.zeros(2, np.float32), mask)] * 200
    assert naives.odds(mind, frame, seen).sum(-1) == pytest.approx(np.ones((200, 2)))
    drawn = naives.act(mind, frame, seen, rng)
    assert set(drawn[:, 0]) == {1.0, 2.0}
    assert set(drawn[:, 1]) == {0.0}


def test_amounts_are_refused() -> None:
    with pytest.raises(ValueError, match="amounts"):
        naives.init(Frame(CONTINUOUS), SMALL)
