"""Both speeds together: when they may lead, and that they take what is of most worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quickstudy.mind import arbiter
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Mind
from quickstudy.types import End, Observation
from tests.mind import specs

LONG = 60  # decisions of an episode
NOBODY_AHEAD = minds.Settings(first_lead=32, foresees=False)


def lived(name: str, settings: minds.Settings = NOBODY_AHEAD, episodes: int = 6) -> Mind:
    """A mind that was paid for the first number that it saw, by what it did."""
    mind = minds.init(specs.ALL[name], 1, settings)
    rng = np.random.default_rng(4)
    for number in range(episodes):
        minds.begin(mind, "one", number)
        for _ in range(LONG):
            shown = Observation(rng.uniform(-1, 1, mind.frame.spec.raw_size).astype(np.float32))
            choice = minds.act(mind, shown, "one")
            row = minds.decided(mind, "one", shown, choice.flat, choice.predictions)
            minds.rewarded(mind, row, float(shown.raw[0] * (choice.flat[0] - 0.5)))
            minds.study(mind)
        minds.ended(mind, "one", End.TERMINATED, None)
        minds.study(mind, between_episodes=True)
    mind.arbiter.weight = [1.0, 1.0]  # each has led
    return mind


@pytest.fixture(scope="module")
def mind() -> Mind:
    return lived("discrete")


def test_both_lead_every_exam_and_some_of_a_life(mind: Mind) -> None:
    assert minds.leader(mind) == arbiter.BOTH
    led = [minds.leader(mind, np.random.default_rng(n)) for n in range(200)]
    assert 0.4 < led.count(arbiter.BOTH) / len(led) < 0.6
    assert set(led) == {arbiter.BOTH, *arbiter.SPEEDS}


def test_what_they_take_is_of_most_worth(mind: Mind) -> None:
    rng, other = np.random.default_rng(7), 0
    options = mind.frame.spec.choices[0]
    for _ in range(50):
        shown = Observation(rng.uniform(-1, 1, mind.frame.spec.raw_size).astype(np.float32))
        choice = minds.act(mind, shown)
        worth = [minds.weigh(mind, shown, np.float32([o])).worth for o in range(options)]
        assert int(choice.flat[0]) == int(np.argmax(worth))
        seen = minds._see(mind, shown)
        other += minds._answer(mind, seen, "instinct", None)[0] != choice.flat[0]
    assert other  # or this test could not fail


def test_a_mask_is_heeded(mind: Mind) -> None:
    options = mind.frame.spec.choices[0]
    raw = np.zeros(mind.frame.spec.raw_size, np.float32)
    for only in range(options):
        shown = Observation(raw, np.arange(options) == only)
        assert minds.act(mind, shown).flat[0] == only


def test_not_before_each_has_led(mind: Mind) -> None:
    never = replace(mind, arbiter=replace(mind.arbiter, weight=[1.0, 0.0]))
    assert minds.leader(never) in arbiter.SPEEDS
    unlearned = replace(mind, settings=replace(mind.settings, first_lead=10**6))
    assert minds.leader(unlearned) == "instinct"


def test_not_where_it_is_switched_off_or_actions_are_amounts(mind: Mind) -> None:
    apart = replace(mind, settings=replace(mind.settings, together=0.0))
    assert minds.leader(apart) in arbiter.SPEEDS
    assert minds.leader(lived("continuous")) in arbiter.SPEEDS


def test_propensities_lie_between_nothing_and_one(mind: Mind) -> None:
    shown, led = Observation(np.zeros(mind.frame.spec.raw_size, np.float32)), set()
    for number in range(20):
        minds.begin(mind, "asked", number)
        choice, share = minds.propose(mind, shown, "asked")
        led.add(choice.leader)
        assert share is not None
        assert 0.0 < share < 1.0
    del mind.streams["asked"]
    assert arbiter.BOTH in led
