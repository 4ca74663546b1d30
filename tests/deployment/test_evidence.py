"""The bets: fair under the doubt whatever comes, and won by who is better."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quickstudy.deployment.evidence import Alarm, Evidence

RATES = [0.01, 0.05, 0.1, 0.3, 0.5, 0.9]
Row = tuple[bool | None, ...]  # None: a restart


def after(q: float, row: Row) -> Evidence:
    evidence = Evidence(q)
    for is_error in row:
        if is_error is None:
            evidence.restart()
        else:
            evidence.see(is_error)
    return evidence


def wealth(q: float, row: Row) -> float:
    return math.exp(after(q, row).log_wealth)


def test_wealth_by_hand() -> None:
    """Half is staked at once, a third of it on each of p = 0, q/3, 2q/3; half waits."""
    assert wealth(0.3, ()) == pytest.approx(1.0)
    clean = 0.5 + 0.5 * (1.0 / 0.7 + 0.9 / 0.7 + 0.8 / 0.7) / 3
    assert wealth(0.3, (False,)) == pytest.approx(clean)
    assert wealth(0.3, (True,)) == pytest.approx(0.5 + 0.5 * (0 + 1 / 3 + 2 / 3) / 3)


@pytest.mark.parametrize("q", [0.1, 0.3, 0.5, 0.9])
def test_fair_at_the_tolerated_rate_and_losing_above_it(q: float) -> None:
    """After every row of decisions and restarts: this is what Ville's inequality needs."""
    for row in product((False, True, None), repeat=6):
        now = wealth(q, row)
        clean, error = wealth(q, (*row, False)), wealth(q, (*row, True))
        assert (1 - q) * clean + q * error == pytest.approx(now)
        assert error < clean
        assert wealth(q, (*row, None)) < now


def chance(q: float, alpha: float, row: Row, depth: int) -> float:
    """The most that P(bar reached) can be, if an adversary sets each error rate at q or more.

    It is linear in each rate, so that one of the ends is the worst.
    """
    if wealth(q, row) >= 1 / alpha:
        return 1.0
    if not depth:
        return 0.0
    clean = chance(q, alpha, (*row, False), depth - 1)
    error = chance(q, alpha, (*row, True), depth - 1)
    return max((1 - q) * clean + q * error, error)


@pytest.mark.parametrize(("q", "alpha"), [(0.5, 0.4), (0.5, 0.2), (0.3, 0.5)])
def test_no_adversary_is_promoted_more_often_than_alpha(q: float, alpha: float) -> None:
    assert 0 < chance(q, alpha, (), 10) <= alpha


rows = st.lists(st.sampled_from([False] * 12 + [True, None]), max_size=80).map(tuple)


@given(st.sampled_from(RATES), st.floats(0.01, 0.5), rows)
@settings(deadline=None, max_examples=60)
def test_needed_is_exact(q: float, alpha: float, row: Row) -> None:
    evidence, bar = after(q, row), -math.log(alpha)
    needed = evidence.needed(bar)
    for _ in range(needed):
        assert evidence.log_wealth < bar
        evidence.see(False)
    assert evidence.log_wealth >= bar
    assert evidence.needed(bar) == 0


@pytest.mark.parametrize("q", RATES)
def test_a_bad_youth_does_not_count_for_ever(q: float) -> None:
    """After ten times 1/q errors in a row, fewer clean ones than twice that."""
    bad = math.ceil(10 / q)
    assert after(q, (True,) * bad).needed(math.log(20)) < 2 * bad


@given(st.sampled_from(RATES), st.lists(st.booleans(), max_size=60))
@settings(deadline=None, max_examples=60)
def test_the_alarm_grows_by_one_a_decision_at_the_tolerated_rate(q: float, row: Row) -> None:
    """And by less below it: so it takes c decisions on average to reach c."""

    def level(*more: bool) -> float:
        alarm = Alarm(q)
        for is_error in (*row, *more):
            alarm.see(bool(is_error))
        return alarm.level

    mean = (1 - q) * level(False) + q * level(True)
    assert mean == pytest.approx(level() + 1)
    assert level(False) < level(True)


def test_the_alarm_by_hand() -> None:
    alarm = Alarm(0.0625)
    alarm.see(True)  # alternatives .125, .25, .5: odds 2, 4, 8
    assert alarm.level == pytest.approx((2 + 4 + 8) / 3)
    alarm.see(False)
    odds = [0.875 / 0.9375, 0.75 / 0.9375, 0.5 / 0.9375]
    assert alarm.level == pytest.approx((3 * odds[0] + 5 * odds[1] + 9 * odds[2]) / 3)
