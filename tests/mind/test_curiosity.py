"""Curiosity: numbers by hand, and a corridor whose end actions at random do not see."""

from __future__ import annotations

import numpy as np
import pytest

from quickstudy.mind import curiosity, memory
from quickstudy.mind.curiosity import Plan
from quickstudy.mind.encoder import Frame
from quickstudy.mind.memory import TERMINAL, Memory
from quickstudy.types import Leaf, Spec

BOTH = np.ones(2, bool)
NUMBER = Leaf((), "box", (1,), "float32", (-9.0,), (99.0,))


def choice(options: int = 2) -> Leaf:
    return Leaf((), "discrete", (), "int64", sizes=(options,), start=(0,))


def walked(*path: tuple[float, int]) -> Memory:
    """One episode through situations, with the option taken in each; it terminates."""
    store = memory.init(1, 2, 1, has_map=True)
    row = None
    for shown, option in path:
        new = store.add(np.float32([shown]), None, np.float32([option]))
        if row is not None:
            store.link(row, new)
        row = new
    assert row is not None
    store.link(row, TERMINAL)
    return store


def test_newness_by_hand() -> None:
    store = walked((0, 0), (0, 0), (0, 1), (1, 0), (1, 1))
    plan = curiosity.plan(store, store.size, 2, 0.5)
    np.testing.assert_array_equal(plan.tried, [[2, 1], [1, 1]])
    # In 1 both were tried: option 0 stays there, option 1 ends.
    there = np.array([1 + 0.5 * 2.0, 1.0])
    np.testing.assert_allclose(
        plan.newness[1], there, rtol=2e-3
    )  # sweeps end once it has settled
    # In 0 option 1 leads to 1; option 0 stays once and goes on once, to 0 both times.
    away = 1 + 0.5 * 2.0
    stay = 0.5**0.5 + 0.5 * away
    np.testing.assert_allclose(
        plan.newness[0], [stay, away], rtol=2e-3
    )  # sweeps end once it has settled


def test_what_was_never_tried_counts_as_if_all_behind_it_were_new() -> None:
    store = walked((0, 0), (0, 0))
    assert curiosity.plan(store, store.size, 2, 0.5).newness[0, 1] == 2.0


def test_a_plan_is_of_its_rows_alone() -> None:
    path = ((0, 0), (1, 1), (0, 1), (2, 0), (2, 1), (0, 0))
    whole, part = walked(*path), walked(*path[:3])
    part.after[2] = memory.OPEN  # as it was then: what followed was not known
    of_whole, of_part = (curiosity.plan(store, 3, 2, 0.9) for store in (whole, part))
    np.testing.assert_array_equal(of_whole.newness, of_part.newness)


def test_what_was_tried_since_the_plan_is_no_longer_new() -> None:
    store = walked((0, 0), (0, 0))
    plan, rng = curiosity.plan(store, store.size, 2, 0.5), np.random.default_rng(0)
    zero = np.float32([0])
    assert curiosity.choose(plan, store, zero, BOTH, rng) == 1
    store.add(zero, None, np.float32([1]))
    assert curiosity.choose(plan, store, zero, BOTH, rng) == 0


def test_masks_hold_where_a_situation_is_known_and_where_it_is_not() -> None:
    store = walked((0, 0), (0, 0))
    plan, rng = curiosity.plan(store, store.size, 2, 0.5), np.random.default_rng(0)
    only = np.array([True, False])
    for shown in (0, 7):
        taken = [
            curiosity.choose(plan, store, np.float32([shown]), only, rng) for _ in range(9)
        ]
        assert set(taken) == {0}


@pytest.mark.parametrize("seed", range(3))
def test_it_walks_a_corridor_in_which_every_wrong_step_leads_back(seed: int) -> None:
    """A third option is never allowed, and must not lure it."""
    length, rng = 15, np.random.default_rng(seed)
    right = rng.integers(2, size=length)
    store, at, row, farthest = memory.init(1, 3, 1, has_map=True), 0, None, 0
    allowed = np.array([True, True, False])
    plan: Plan | None = None
    for step in range(1_000):  # at random it would take about 2¹⁶ steps
        shown = np.float32([at])
        if step % curiosity.REPLAN == 0 and step:
            plan = curiosity.plan(store, store.size, 3, 0.98)
        option = curiosity.choose(plan, store, shown, allowed, rng) if plan else rng.integers(2)
        new = store.add(shown, allowed, np.float32([option]))
        if row is not None:
            store.link(row, new)
        row, at = new, at + 1 if option == right[at] else 0
        farthest = max(farthest, at)
        if at == length:
            break
    assert farthest == length


def test_it_applies_where_situations_recur() -> None:
    again, never = memory.init(1, 2, 1, has_map=True), memory.init(1, 2, 1, has_map=True)
    for step in range(2 * curiosity.ENOUGH):
        assert curiosity.applies(again) == (step >= curiosity.ENOUGH)
        again.add(np.float32([step % 5]), None, np.float32([0]))
        never.add(np.float32([step]), None, np.float32([0]))
    assert not curiosity.applies(never)


def test_it_can_map_one_choice_alone() -> None:
    amount = Leaf((), "box", (1,), "float32", (-1.0,), (1.0,))
    assert curiosity.can_map(Frame(Spec((NUMBER,), (choice(),), None)))
    assert not curiosity.can_map(Frame(Spec((NUMBER,), (choice(), choice(3)), None)))
    assert not curiosity.can_map(Frame(Spec((NUMBER,), (amount,), None)))


def test_plans_are_of_the_same_rows_for_a_while() -> None:
    store = walked(*[(0, 0)] * 149)
    assert curiosity.size_now(store) == 100
    store.size = 20_149
    assert curiosity.size_now(store) == 19_968  # 78 · 256
