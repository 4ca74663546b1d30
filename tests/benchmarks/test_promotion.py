"""The simulation computes what the shipped objects do; the rules of thumb by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import promotion
from benchmarks.promotion import NEVER
from quickstudy.deployment.evidence import Alarm, Evidence


@pytest.mark.parametrize("q", [0.01, 0.05, 0.3])
def test_all_runs_at_once_are_the_shipped_object(q: float) -> None:
    errors = np.random.default_rng(0).random((4, 250)) < np.array([[0], [q / 2], [q], [2 * q]])
    shipped = np.empty(errors.shape)
    for run, row in enumerate(errors):
        evidence = Evidence(q)
        for t, is_error in enumerate(row):
            evidence.see(bool(is_error))
            shipped[run, t] = evidence.log_wealth
    np.testing.assert_allclose(promotion.log_wealths(errors, q), shipped, atol=1e-9)


def test_rules_of_thumb() -> None:
    errors = np.zeros((3, 30), bool)
    errors[1, [0, 5]] = True
    errors[2, ::3] = True
    assert list(promotion.by_last(errors, 0)) == [20, 26, NEVER]
    assert list(promotion.by_last(errors, 1)) == [20, 21, NEVER]


def test_rates_follow_their_course() -> None:
    rng = np.random.default_rng(0)
    late = promotion.drawn(promotion.late(1.0, 0.0, 3), 2, 5, rng)
    assert late.tolist() == [[True, True, True, False, False]] * 2
    bursts = promotion.drawn(promotion.bursts(0.0, 1.0), 2, 5, rng)
    assert not bursts.any()


def test_an_alarm_comes_and_the_field_is_hasty() -> None:
    ours = promotion.delays(Alarm, 0.2, 40, seed=0)
    assert 5 < np.median(ours) <= 40
    assert promotion.runs_between(promotion.LastTwenty, 0.02, 20, seed=0) < 1_000


def test_a_small_table() -> None:
    text = promotion.written(8, 0, promotion.COMMAND)
    assert text.count("\n| ") >= 15
    assert not math.isnan(float(text.split("in at most ")[1].split("%")[0]))
