"""An episode that goes in circles: told by hand, in a grid's corner, and against chance."""

from __future__ import annotations

import numpy as np
import pytest

from quickstudy.mind import mind as minds
from quickstudy.mind import policy
from quickstudy.mind.mind import Mind
from quickstudy.types import End, Leaf, Observation, Spec

NUMBER = Leaf((), "box", (1,), "float32", (-9.0,), (99.0,))
CHOICE = Leaf((), "discrete", (), "int64", sizes=(2,), start=(0,))
LENGTH = minds.Settings().circle


def walker() -> Mind:
    """A mind on whose job situations recur, in its second episode."""
    mind = minds.init(Spec((NUMBER,), (CHOICE,), max_steps=400))
    minds.begin(mind, "a", 0)
    for step in range(100):
        walk(mind, [step % 3], reward=0.1)  # paid, so that nothing is noticed yet
    minds.ended(mind, "a", End.TERMINATED, None)
    minds.begin(mind, "a", 1)
    return mind


def walk(mind: Mind, way: list[int], reward: float = 0.0) -> None:
    for shown in way:
        seen = Observation(np.array([shown], np.float32))
        row = minds.decided(mind, "a", seen, np.zeros(1, np.float32))
        if reward:
            minds.rewarded(mind, row, reward, "a")


@pytest.mark.parametrize("size", [1, 2, 5, LENGTH])
def test_a_circle_is_noticed_once_it_has_been_gone_for_long_enough(size: int) -> None:
    mind = walker()
    walk(mind, [(9 + step % size) for step in range(LENGTH + size)])
    mood = mind.streams["a"].mood
    assert len(mind.streams["a"].rows) == LENGTH + size
    walk(mind, [0])
    assert mind.streams["a"].mood is not mood
    assert len(mind.streams["a"].rows) == 1  # what was before has been judged


def test_a_circle_that_pays_is_none() -> None:
    mind = walker()
    walk(mind, [9, 10] * 9, reward=0.1)
    walk(mind, [9, 10] * (LENGTH // 2))
    assert len(mind.streams["a"].rows) == 18 + LENGTH


def test_where_rewards_come_late_nothing_unpaid_is_noticed() -> None:
    mind = walker()
    walk(mind, [9, 10, 9])
    minds.rewarded(mind, mind.streams["a"].rows[0], 1.0, "a")
    walk(mind, [10, 9] * 20)
    assert len(mind.streams["a"].rows) == 43


def test_ways_that_cross_are_no_circle() -> None:
    mind = walker()
    walk(mind, [9, 10, 11, 9, 12, 11, 10, 9, 11, 12] * 1 + [9, 12, 10, 11, 9, 10, 12, 11, 10])
    assert len(mind.streams["a"].rows) == 19


def test_where_situations_never_recur_nobody_looks() -> None:
    mind = minds.init(Spec((NUMBER,), (CHOICE,), max_steps=400))
    minds.begin(mind, "a", 0)
    walk(mind, list(range(200)))
    walk(mind, [200] * 40)
    assert len(mind.streams["a"].rows) == 240


def test_a_plan_leads_for_a_part_of_the_way_and_to_its_end_where_nothing_was_earned() -> None:
    def lasts(is_all_alike: bool, longest: int) -> list[float]:
        moods = [
            policy.begin(
                policy.Settings(adventurous=1.0, curious=1.0),
                np.random.default_rng(seed),
                *(2, "judgement", 1.0, True, False, is_all_alike, longest),
            )
            for seed in range(200)
        ]
        assert all(mood.is_curious for mood in moods)
        return [mood.curious_for for mood in moods]

    parts = lasts(is_all_alike=False, longest=64)
    assert min(parts) == 1 and 32 < max(parts) <= 64
    assert 60 < sum(part < 8 for part in parts) < 140  # log-uniform: about half
    assert set(lasts(is_all_alike=True, longest=64)) == {np.inf}
    assert set(lasts(is_all_alike=False, longest=0)) == {np.inf}


def tried(mind: Mind) -> list[bool]:
    """Whether each of five decisions is curiosity's, where its part is two of them."""
    current = mind.streams["a"]
    current.mood.is_adventurous = current.mood.is_curious = True
    current.mood.curious_for = 2
    seen, told = Observation(np.zeros(1, np.float32)), []
    for _ in range(5):
        choice = minds.act(mind, seen, "a")
        told.append(choice.explored)
        minds.decided(mind, "a", seen, choice.flat, choice.predictions)
    return told


def test_the_leader_goes_on_where_the_plan_stops() -> None:
    mind = walker()
    mind.memory.action[: mind.memory.size, 0] = np.arange(mind.memory.size) // 3 % 2
    assert tried(mind) == [True, True, False, False, False]


def test_curiosity_leads_on_while_something_untried_is_in_reach() -> None:
    assert tried(walker()) == [True] * 5
