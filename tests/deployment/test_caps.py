"""Caps: no order of calls takes more than one of them allows, whatever the clock shows."""

from __future__ import annotations

import math
from dataclasses import asdict
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quickstudy.deployment.autonomy import Proposal
from quickstudy.deployment.caps import Budget, Caps
from quickstudy.errors import QuickstudyError

SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
ONE = Proposal("any")
Taken = tuple[Fraction, Fraction, Fraction]  # when, cost, effect


def decimal(number: float) -> Fraction:
    return Fraction(repr(float(number)))


def is_breached(caps: Caps, taken: list[Taken]) -> bool:
    """By the text of the caps alone: every window that ends with an action is summed anew."""
    for name, most in asdict(caps).items():
        if most is None:
            continue
        what, _, period = name.partition("_per_")
        if period == "decision":
            if any(effect > decimal(most) for _, _, effect in taken):
                return True
            continue
        seconds = SECONDS[period or name.removeprefix("per_")]
        column = {"cost": 1, "effect": 2}.get(what)
        for end, *_ in taken:
            inside = [one for one in taken if end - seconds < one[0] <= end]
            total = sum(1 if column is None else one[column] for one in inside)
            if total > decimal(most):
                return True
    return False


amounts = st.one_of(st.sampled_from([0.0, 0.1, 1.0, 2.5]), st.floats(0, 5))
optional = st.none() | amounts
some_caps = st.builds(Caps, *[optional] * 7)
leaps = st.sampled_from([0.0, 0.5, 59.9, 60.0, 3_600.0, 86_400.0, -1.0, -60.0, -1e6, 1e6])
calls = st.lists(st.tuples(leaps | st.floats(-100, 100), amounts, amounts), max_size=25)


@given(some_caps, st.sampled_from([0.0, 1.7e9]), calls)
@settings(deadline=None, max_examples=150)
def test_no_calls_breach_a_cap(
    caps: Caps, now: float, calls: list[tuple[float, float, float]]
) -> None:
    budget, again, taken, latest = Budget(caps), Budget(caps), [], -math.inf
    for leap, cost, effect in calls:
        now += leap
        latest = max(latest, now)
        before = budget.left(now)
        proposal = Proposal("any", cost, effect)
        said = budget.take(proposal, now)
        if said:
            assert budget.left(now) == before, "all or nothing"
            entry = (Fraction(latest), decimal(cost), decimal(effect))
            assert is_breached(caps, [*taken, entry]) or _is_edge(latest, taken), "too strict"
        else:
            taken.append((Fraction(latest), decimal(cost), decimal(effect)))
            again.recall(proposal, latest)
        assert not is_breached(caps, taken)
    end = max(latest, now)
    assert again.left(end) == budget.left(end), "a restart forgets nothing"


def _is_edge(now: float, taken: list[Taken]) -> bool:
    """What lies a whole window back (to a float's rounding) still counts: not too soon."""
    ends = [Fraction(now) - seconds for seconds in SECONDS.values()]
    return any(abs(end - when) < Fraction(1, 10**6) for end in ends for when, *_ in taken)


def test_the_window_slides() -> None:
    budget = Budget(Caps(per_minute=2))
    taken = [not budget.take(ONE, now) for now in (0, 30, 59, 60.1, 61, 89, 90.1)]
    assert taken == [True, True, False, True, False, False, True]


def test_amounts_are_as_written() -> None:
    budget = Budget(Caps(cost_per_day=1))
    dime = Proposal("any", cost=0.1)
    assert [bool(budget.take(dime, 0)) for _ in range(11)] == [False] * 10 + [True]
    assert budget.left(0) == {"cost_per_day": 0.0}


def test_a_clock_that_went_back_frees_nothing() -> None:
    budget = Budget(Caps(per_hour=1))
    assert not budget.take(ONE, 10_000)
    for now in (0, 9_000, 10_000, 13_599, -1e9):
        assert budget.take(ONE, now)
    assert not budget.take(ONE, 13_601)


def test_what_is_short_is_said() -> None:
    budget = Budget(Caps(per_minute=1, effect_per_decision=2))
    budget.take(ONE, 0)
    assert budget.take(Proposal("any", effect=3), 0) == [
        "An effect of 3 is above the cap of 2 a decision.",
        "The cap per_minute=1 has 0 left; 1 was asked for.",
    ]


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf, -math.inf])
def test_bad_amounts(bad: float) -> None:
    """A negative cost would fill a budget up again."""
    for cost, effect in ((bad, 0.0), (0.0, bad)):
        with pytest.raises(QuickstudyError, match="0 or more"):
            Proposal("any", cost, effect)
    with pytest.raises(QuickstudyError, match="per_hour"):
        Caps(per_hour=bad)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_clock_without_a_time(bad: float) -> None:
    with pytest.raises(ValueError, match="clock"):
        Budget(Caps()).take(ONE, bad)
