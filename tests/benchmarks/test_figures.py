"""Statistics of the benchmarks, by numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from benchmarks import statistics as stats


def test_iqm_of_five_is_the_mean_of_the_middle_three() -> None:
    assert stats.iqm([100.0, 3.0, 1.0, 2.0, -50.0]) == 2.0


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([7.0], 7.0), ([1.0, 3.0], 2.0), ([0.0, 1.0, 2.0, 9.0], 1.5), (range(8), 3.5)],
)
def test_iqm_cuts_a_quarter_off_each_end(scores: list[float], expected: float) -> None:
    assert stats.iqm(list(scores)) == expected


def test_iqm_of_nothing() -> None:
    with pytest.raises(ValueError, match="no scores"):
        stats.iqm([])


def test_bootstrap_of_equal_scores_has_no_width() -> None:
    assert stats.stratified_bootstrap([[2.0] * 5, [2.0] * 3]) == (2.0, 2.0)


def test_bootstrap_resamples_within_strata() -> None:
    """Two jobs of one value each: mixing them would spread the mean from 0 to 10."""
    assert stats.stratified_bootstrap([[0.0] * 4, [10.0] * 4], stats.mean) == (5.0, 5.0)


def test_bootstrap_of_a_mean_has_the_width_of_theory() -> None:
    """The mean of n draws from {0, 1}: 95 % within ± 1.96 · 0.5 / √n of 0.5."""
    low, high = stats.stratified_bootstrap([[0.0, 1.0] * 200], stats.mean, resamples=4_000)
    assert low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.004)
    assert high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.004)


def test_bootstrap_is_repeatable_and_wider_at_a_higher_level() -> None:
    scores = [[1.0, 4.0, 2.0, 8.0, 5.0]]
    usual = stats.stratified_bootstrap(scores)
    assert usual == stats.stratified_bootstrap(scores)
    low, high = stats.stratified_bootstrap(scores, level=0.5)
    assert usual.low < low < high < usual.high


def test_bootstrap_wants_scores_in_each_stratum() -> None:
    with pytest.raises(ValueError, match="stratum"):
        stats.stratified_bootstrap([[1.0], []])


def test_paired_difference_takes_worlds_one_by_one() -> None:
    """Worlds differ by hundreds, the two of us by 2 on each: the interval has no width."""
    ours, theirs = [102.0, 302.0, 502.0], [100.0, 300.0, 500.0]
    assert stats.paired_difference(ours, theirs) == (2.0, (2.0, 2.0))
    with pytest.raises(ValueError, match="3 scores against 2"):
        stats.paired_difference(ours, theirs[:2])


CURVE = [(500, 10.0), (1_000, 480.0), (1_500, 300.0), (2_000, 475.0), (2_500, 500.0)]


def test_steps_to_a_bar_and_what_is_kept() -> None:
    assert stats.steps_to(CURVE, 475.0) == 1_000
    assert stats.kept(CURVE, 475.0) == pytest.approx(2 / 3)
    assert stats.steps_to(CURVE, 501.0) is None
    assert stats.kept(CURVE, 501.0) is None
    assert stats.kept(CURVE, 490.0) is None  # reached at the last evaluation: nothing follows


def test_median_counts_never_as_later_than_any_number() -> None:
    assert stats.median([1_000, None, 3_000, 2_000, None]) == 3_000
    assert stats.median([1_000, None, None]) == math.inf
    assert stats.median([1_000, 2_000]) == 1_500
    with pytest.raises(ValueError, match="no runs"):
        stats.median([])


def test_prediction_interval_by_hand() -> None:
    """1, 2, 3: mean 2, s = 1, t = 4.303, √(4/3)."""
    low, high = stats.prediction_interval([1.0, 2.0, 3.0])
    assert high - 2 == pytest.approx(4.303 * math.sqrt(4 / 3))
    assert low == pytest.approx(4 - high)
    with pytest.raises(ValueError, match="1 runs"):
        stats.prediction_interval([1.0])


def test_permutation_p() -> None:
    """Of the 6 ways to split 0, 0, 1, 1 into pairs, 2 are as far apart as 0, 0 | 1, 1."""
    assert stats.permutation_p([0.0, 0.0], [1.0, 1.0]) == pytest.approx(1 / 3, abs=0.02)
    assert stats.permutation_p([1.0, 1.0], [1.0, 1.0]) == 1.0
