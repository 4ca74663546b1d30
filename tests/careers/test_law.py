"""The law of learning to learn: what it believes, and whether its intervals hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quickstudy.careers import law
from quickstudy.careers.law import Took, fit
from quickstudy.clinic import effort

EVERY = 400  # decisions between two checks


def took(past: int, decisions: float, budget: float = math.inf) -> Took:
    """What checks show of a job that takes so many decisions."""
    by = EVERY * math.ceil(decisions / EVERY)
    if by > budget:
        return Took(past, budget, math.inf)
    return Took(past, by - EVERY, by)


def truths(rng: np.random.Generator):
    """Careers as the priors have them: (a, b, σ)."""
    guess, low, high = effort.beforehand()
    spread = math.log10(high / low) / (2 * effort.QUANTILE)
    scale = math.sqrt(spread**2 - law.NOISE**2)
    a = math.log10(guess) + scale * rng.standard_t(law.FREEDOM)
    noise = law.NOISE * law.NOISE_FACTOR ** rng.standard_normal()
    return a, law.SLOPE_SCALE * rng.standard_normal(), noise


def lives(a: float, b: float, noise: float, jobs: int, rng: np.random.Generator):
    """Decisions that each job of a career takes [jobs + 1]."""
    past = np.arange(jobs + 1)
    return 10 ** (a + b * np.log10(1 + past) + noise * rng.standard_normal(jobs + 1))


def test_nothing_known_is_what_is_known_of_any_learner():
    found = fit([], 0)
    assert np.log10(found.next) == pytest.approx(np.log10(effort.beforehand()), abs=0.06)
    assert found.factor.guess == pytest.approx(1.0, abs=0.03)
    assert (found.helps, found.is_curve, found.censored) == (None, False, 0)


def test_many_jobs_speak_for_themselves():
    """Forty jobs whose decisions halve with each doubling, hardly any noise."""
    rng = np.random.default_rng(0)
    took_them = [
        took(past, t) for past, t in enumerate(lives(5.0, -1.0, 0.1, 39, rng)) if past < 39
    ]
    found = fit(took_them, 39)
    assert found.factor.low < 0.5 < found.factor.high < 0.56
    assert found.helps is True
    truth = 10 ** (5.0 - math.log10(40))
    assert found.next.low < truth < found.next.high < 2.5 * found.next.low


def test_what_hinders_is_told():
    rng = np.random.default_rng(1)
    slow = [took(past, t) for past, t in enumerate(lives(3.5, 1.0, 0.1, 19, rng))]
    assert fit(slow, 20).helps is False


def test_one_job_tells_nothing_of_a_curve():
    found = fit([took(0, 3_000)], 1)
    assert (found.is_curve, found.helps) == (False, None)
    assert found.next.high / found.next.low < 0.5 * fit([], 1).next.high / fit([], 1).next.low


def test_jobs_not_competent_yet_count_for_what_they_tell():
    done = [took(0, 3_000), took(1, 2_500)]
    hardly, long = ([*done, Took(2, worked, math.inf)] for worked in (1.0, 50_000.0))
    without = fit(done, 3).next
    assert fit(hardly, 3).next.guess == pytest.approx(without.guess, rel=0.05)
    assert fit(long, 3).next.guess > 3 * without.guess
    assert fit(long, 3).censored == 1


def test_competent_at_the_first_check():
    """All that is known is that it took no longer than that; a later check tells less."""
    soon, late = (fit([Took(0, 0, by)], 1).next for by in (100.0, 100_000.0))
    assert soon.guess < 400 < 2_000 < late.guess


def test_absurd_records_do_not_break_it():
    found = fit([Took(0, 0, 1e-3), Took(1, 1e12, math.inf)], 2)
    assert np.isfinite(found.next).all() and np.isfinite(found.factor).all()


def test_the_same_records_give_the_same_law_in_any_order():
    records = [took(0, 3_000), took(1, 2_000), took(2, 900)]
    assert fit(records, 3).next == fit(records, 3).next
    assert fit(records[::-1], 3).next == pytest.approx(fit(records, 3).next, rel=1e-3)


@pytest.mark.parametrize("bad", [Took(0, 5, 5), Took(-1, 0, 5), Took(0, -1, 5)])
def test_a_programmers_mistake(bad):
    with pytest.raises(ValueError, match="expected 0 <= after < by"):
        fit([bad], 1)


@pytest.mark.parametrize(("budget", "jobs"), [(math.inf, 2), (4_000, 4)])
def test_intervals_hold_as_often_as_they_say(budget, jobs):
    """Where truths are as the priors have them, by Bayes' rule exactly; so this is a test of
    the arithmetic. 60 simulated careers: a share of 80 % has a standard error of 5 %."""
    rng = np.random.default_rng(7)
    hits, slopes = [], []
    for _ in range(60):
        a, b, noise = truths(rng)
        all_of_them = lives(a, b, noise, jobs, rng)
        found = fit([took(past, t, budget) for past, t in enumerate(all_of_them[:-1])], jobs)
        hits.append(found.next.low <= all_of_them[-1] <= found.next.high)
        slopes.append(found.factor.low <= 2**b <= found.factor.high)
    assert 0.68 <= np.mean(hits) <= 0.92
    assert np.mean(slopes) >= 0.88
