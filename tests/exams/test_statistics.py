"""Figures over worlds: by hand, and intervals that hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from quickstudy.exams.statistics import auroc, auroc_estimate, estimate, iqm, rank_test


def test_interquartile_mean_by_hand() -> None:
    assert iqm(np.array([100.0, 1.0, 2.0, 3.0, -100.0])) == 2.0
    assert iqm(np.array([7.0])) == 7.0
    np.testing.assert_array_equal(iqm(np.array([[1, 2, 3, 40], [0, 0, 2, 2]])), [2.5, 1.0])


def test_worlds_that_are_all_alike_leave_no_doubt() -> None:
    assert estimate([[500.0] * 12], iqm) == (500.0, 500.0, 500.0)


def test_scores_are_resampled_within_their_stratum() -> None:
    value, low, high = estimate([[1.0] * 9, [5.0] * 9], lambda a, b: iqm(b) - iqm(a))
    assert (value, low, high) == (4.0, 4.0, 4.0)


def test_a_stratum_without_scores_is_refused() -> None:
    with pytest.raises(ValueError, match="without scores"):
        estimate([[1.0], []], iqm)


@pytest.mark.parametrize("worlds", [10, 30])
@pytest.mark.parametrize("kind", ["bell", "most at the top"])
def test_intervals_of_95_percent_hold_in_about_95_of_100(worlds: int, kind: str) -> None:
    rng = np.random.default_rng(0)

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        if kind == "bell":
            return rng.normal(size=shape)
        return np.where(rng.random(shape) < 0.5, rng.uniform(30, 200, shape), 500.0)

    truth = float(np.mean(iqm(draw((400, 10_000)))))
    held = 0
    for _ in range(400):
        _, low, high = estimate([draw((worlds,))], iqm, resamples=400)
        held += low - 1e-9 <= truth <= high + 1e-9
    assert 0.92 <= held / 400 <= 0.985


def test_auroc_by_hand() -> None:
    assert auroc([3.0, 1.0, 2.0], [True, False, False]) == 1.0
    assert auroc([1.0, 3.0, 2.0], [True, False, False]) == 0.0
    assert auroc([2.0, 2.0, 2.0], [True, False, False]) == 0.5
    assert auroc([2.0, 1.0, 3.0, 0.0], [True, False, False, True]) == 0.25
    assert auroc([1.0, 2.0], [True, True]) is None


def test_auroc_with_its_interval() -> None:
    rng = np.random.default_rng(1)
    positive = rng.random(80) < 0.5
    told = auroc_estimate(rng.normal(size=80) + positive, positive)
    assert told is not None
    assert told.low < told.value < told.high
    assert 0.6 < told.value < 0.9
    assert auroc_estimate([1.0, 2.0], [False, False]) is None


def test_a_rank_test_by_hand() -> None:
    # of the six ways to deal two of four, one has the highest ranks
    assert rank_test([3.0, 4.0], [1.0, 2.0]) == pytest.approx(1 / 6, abs=0.02)
    assert rank_test([9.0], [1.0] * 40) == pytest.approx(1 / 41, abs=0.01)
    assert rank_test([5.0] * 5, [5.0] * 5) == 1.0
    assert rank_test([1.0] * 9, [2.0] * 9) > 0.99
    with pytest.raises(ValueError, match="without scores"):
        rank_test([], [1.0])


def test_a_rank_test_accuses_as_rarely_as_promised() -> None:
    rng = np.random.default_rng(0)
    told = [
        rank_test(rng.exponential(size=30), rng.exponential(size=30), deals=400)
        for _ in range(400)
    ]
    assert 0.005 <= np.mean(np.array(told) <= 0.025) <= 0.05
