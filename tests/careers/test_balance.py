"""Net-positive: by hand, and by its own definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quickstudy.careers.balance import balance


def test_by_hand():
    """−8, −12, −10, −2, +6 against an incumbent of 10."""
    found = balance([2, 6, 12, 18, 18], [5, 9, 14, 20, 30], 10.0, (9.0, 12.0))
    assert (found.episodes, found.total, found.cost) == (5, 6.0, 12.0)
    assert found.interval == (-4.0, 11.0)
    assert (found.since, found.since_low, found.since_high) == (30, 20, None)
    assert found.is_positive and not found.is_sure


def test_a_fall_after_it_paid_takes_it_back():
    assert balance([12, 7, 14], [1, 2, 3], 10.0).since == 3
    assert balance([12, 7, 10], [1, 2, 3], 10.0).since is None


def test_good_from_the_start():
    found = balance([11, 11], [4, 8], 10.0, (10.5, 10.5))
    assert (found.since, found.cost, found.is_sure) == (4, 0.0, True)


def test_nothing_known():
    assert balance([], [], 10.0) is None
    found = balance([11], [4], 10.0)
    assert found.interval is None and not found.is_sure


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=30),
    st.integers(-20, 20),
    st.integers(0, 20),
)
def test_properties(returns, incumbent, half):
    ends = list(range(1, len(returns) + 1))
    found = balance(returns, ends, incumbent, (incumbent - half, incumbent + half))
    sums = [sum(r - incumbent for r in returns[:k]) for k in ends]
    assert found.total == pytest.approx(sums[-1])
    assert found.interval[0] <= found.total <= found.interval[1]
    assert (found.since is None) == (sums[-1] < 0)
    if found.since is not None:
        assert min(sums[found.since - 1 :]) >= 0
        assert found.since == 1 or sums[found.since - 2] < 0
        assert found.since_low <= found.since <= (found.since_high or 10**9)
