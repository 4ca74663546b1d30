"""Replay memory: windows by hand, interleaved episodes, late rewards."""

from __future__ import annotations

import itertools

import numpy as np

from quickstudy.mind import memory
from quickstudy.mind.memory import TERMINAL


def add(store: memory.Memory, shown: float) -> int:
    return store.add(np.array([shown]), None, np.zeros(1))


def chain(store: memory.Memory, shown: list[float], rewards: list[float]) -> list[int]:
    rows = [add(store, value) for value in shown]
    for row, reward in zip(rows, rewards, strict=True):
        store.reward[row] = reward
    for before, after in itertools.pairwise(rows):
        store.link(before, after)
    return rows


def test_window_that_terminates_counts_nothing_beyond() -> None:
    store = memory.init(1, 2, 1)
    rows = chain(store, [0.0, 1.0], [1.0, 2.0])
    store.link(rows[1], TERMINAL)
    batch = store.windows(np.array(rows), 3, 0.5)
    np.testing.assert_allclose(batch.reward, [1 + 0.5 * 2, 2.0])
    np.testing.assert_allclose(batch.discount, [0.0, 0.0])


def test_window_that_goes_on_ends_where_its_value_counts() -> None:
    store = memory.init(1, 2, 1)
    rows = chain(store, [0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 4.0, 8.0])
    batch = store.windows(np.array(rows[:2]), 2, 0.5)
    np.testing.assert_allclose(batch.reward, [2.0, 4.0])
    np.testing.assert_allclose(batch.discount, [0.25, 0.25])
    np.testing.assert_allclose(batch.next_raw[:, 0], [2.0, 3.0])


def test_window_stops_where_nothing_is_known_yet() -> None:
    store = memory.init(1, 2, 1)
    rows = chain(store, [0.0, 1.0], [1.0, 2.0])
    batch = store.windows(np.array(rows[:1]), 3, 0.5)
    np.testing.assert_allclose(batch.reward, [1.0])
    np.testing.assert_allclose(batch.discount, [0.5])
    np.testing.assert_allclose(batch.next_raw[:, 0], [1.0])


def test_truncation_counts_the_value_of_what_was_seen_last() -> None:
    store = memory.init(1, 2, 1)
    (row,) = chain(store, [0.0], [1.0])
    store.link(row, store.add(np.array([7.0]), None, None))
    batch = store.windows(np.array([row]), 3, 0.5)
    np.testing.assert_allclose(batch.discount, [0.5])
    np.testing.assert_allclose(batch.next_raw[:, 0], [7.0])


def test_episodes_may_interleave_and_rewards_come_late() -> None:
    store = memory.init(1, 2, 1)
    a, b = add(store, 0.0), add(store, 100.0)
    a2 = add(store, 1.0)
    store.link(a, a2)
    store.link(b, TERMINAL)
    store.reward[a] += 3.0
    batch = store.windows(np.array([a, b]), 1, 0.9)
    np.testing.assert_allclose(batch.next_raw[0, 0], 1.0)
    np.testing.assert_allclose(batch.reward, [3.0, 0.0])


def test_between_is_what_a_window_passes_after_its_first_step() -> None:
    store = memory.init(1, 2, 1)
    rows = chain(store, [0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 4.0, 8.0])
    store.action[rows] = [[0.0], [10.0], [20.0], [30.0]]
    between = store.between(np.array(rows[:3]), 3, 0.5)
    np.testing.assert_allclose(between.raw[:, 0, 0], [1.0, 2.0])
    np.testing.assert_allclose(between.action[:, 0, 0], [10.0, 20.0])
    np.testing.assert_allclose(between.weight, [[0.5, 0.5, 0.0], [0.25, 0.0, 0.0]])


def test_an_end_is_remembered_however_it_came() -> None:
    one, many, none = (memory.init(1, 2, 1) for _ in range(3))
    one.link(add(one, 0.0), TERMINAL)
    many.link_all(np.array([add(many, 0.0)]), np.array([TERMINAL]))
    chain(none, [0.0, 1.0], [1.0, 1.0])
    assert [store.has_ends for store in (one, many, none)] == [True, True, False]


def test_it_grows_and_keeps_everything() -> None:
    store = memory.init(1, 2, 1, capacity=2)
    rows = chain(store, [float(i) for i in range(9)], [float(i) for i in range(9)])
    assert store.size == 9
    assert store.num_ready == 8
    np.testing.assert_allclose(store.raw[rows, 0], np.arange(9))
