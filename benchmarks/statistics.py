"""Figures over few runs: interquartile means, bootstrap intervals, steps to a bar.

Whose idea: Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of the Statistical
Precipice": with a handful of seeds report the interquartile mean, which neither one lucky run
nor one broken run decides, and an interval from a bootstrap that resamples runs within each
job (stratified). A percentile interval from five runs is somewhat too narrow; it is there to
stop us from reading noise, and all seeds are listed beside it.

Left out: performance profiles, probability of improvement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Scores = Sequence[float] | np.ndarray
Curve = Sequence[tuple[int, float]]  # (steps worked, mean return of the evaluation there)


class Interval(NamedTuple):
    """Both ends."""

    low: float
    high: float


def iqm(scores: Scores) -> float:
    """Interquartile mean: of the middle half, a quarter cut off at each end (rounded down).

    Of five runs that is the mean of the middle three.
    """
    ordered = np.sort(np.asarray(scores, float))
    if not len(ordered):
        raise ValueError("no scores")
    cut = len(ordered) // 4
    return float(ordered[cut : len(ordered) - cut].mean())


def mean(scores: Scores) -> float:
    """Arithmetic mean."""
    return float(np.mean(np.asarray(scores, float)))


def stratified_bootstrap(
    strata: Sequence[Scores],
    statistic: Callable[[Scores], float] = iqm,
    level: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a statistic of all scores, runs resampled within each stratum.

    Args:
      strata: scores of the runs of each job; one job is one stratum.
      statistic: of all the scores together.
      level: share of resamples between the ends.
    """
    rng = np.random.default_rng(seed)
    groups = [np.asarray(group, float) for group in strata]
    if not groups or not all(len(group) for group in groups):
        raise ValueError("a stratum without scores")
    drawn = [
        statistic(np.concatenate([rng.choice(group, len(group)) for group in groups]))
        for _ in range(resamples)
    ]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def paired_difference(ours: Scores, theirs: Scores) -> tuple[float, Interval]:
    """Mean of ours − theirs on the same worlds, and its bootstrap 95 % interval."""
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} scores against {len(theirs)}: not the same worlds")
    differences = np.subtract(ours, theirs)
    return mean(differences), stratified_bootstrap([differences], mean)


def steps_to(curve: Curve, bar: float) -> int | None:
    """Steps at the first evaluation at or above the bar; None where there is none."""
    return next((step for step, score in curve if score >= bar), None)


def kept(curve: Curve, bar: float) -> float | None:
    """Share of the evaluations after the first success that are at or above the bar too.

    None where the bar was never reached, or only at the last evaluation.
    """
    reached = steps_to(curve, bar)
    if reached is None:
        return None
    later = [score >= bar for step, score in curve if step > reached]
    return mean(later) if later else None


def median(values: Sequence[float | None]) -> float:
    """Median over runs, where "never" (None) is above any number; inf if that is the median."""
    if not values:
        raise ValueError("no runs")
    return float(np.median([math.inf if value is None else value for value in values]))


def prediction_interval(scores: Scores) -> Interval:
    """Where one more run of the same kind falls with 95 % probability, if they are normal.

    x̄ ± t(n−1) · s · √(1 + 1/n)
    """
    if not 2 <= len(scores) <= len(T_95) + 1:
        raise ValueError(f"{len(scores)} runs; expected 2 to {len(T_95) + 1}")
    half = T_95[len(scores) - 2] * float(np.std(scores, ddof=1))
    half *= math.sqrt(1 + 1 / len(scores))
    return Interval(mean(scores) - half, mean(scores) + half)


# 97.5 % quantiles of Student's t for 1, 2, … degrees of freedom.
T_95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093),
)


def permutation_p(one: Scores, other: Scores, resamples: int = 10_000, seed: int = 0) -> float:
    """Probability of means at least so far apart if both groups were of one kind."""
    rng = np.random.default_rng(seed)
    pooled, size = np.concatenate([one, other]).astype(float), len(one)
    apart = abs(mean(one) - mean(other)) - 1e-12
    hits = 0
    for _ in range(resamples):
        rng.shuffle(pooled)
        hits += abs(pooled[:size].mean() - pooled[size:].mean()) >= apart
    return (hits + 1) / (resamples + 1)
