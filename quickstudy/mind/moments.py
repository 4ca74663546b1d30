"""Running mean and variance of what arrives in lots. Chan, Golub & LeVeque (1983), eq. 1.5."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Of vectors [D]: how many came, their mean, the sum of their squared deviations."""

    number: np.ndarray
    mean: np.ndarray
    m2: np.ndarray


def init(width: int) -> Moments:
    """Of nothing."""
    return Moments(np.zeros(()), np.zeros(width), np.zeros(width))


def update(moments: Moments, lot: np.ndarray) -> Moments:
    """Folds in a lot [B, D]; an empty one changes nothing."""
    if not len(lot):
        return moments
    lot = np.asarray(lot, np.float64)
    count = moments.number + len(lot)
    mean = lot.mean(0)
    delta = mean - moments.mean
    apart = delta**2 * (moments.number * len(lot) / count)
    return Moments(
        np.asarray(count),
        moments.mean + delta * (len(lot) / count),
        moments.m2 + ((lot - mean) ** 2).sum(0) + apart,
    )


def merge(one: Moments, other: Moments) -> Moments:
    """Of what both are of."""
    count = one.number + other.number
    delta, share = other.mean - one.mean, other.number / max(float(count), 1e-300)
    apart = delta**2 * one.number * share
    return Moments(np.asarray(count), one.mean + delta * share, one.m2 + other.m2 + apart)


def std(moments: Moments) -> np.ndarray:
    """Standard deviation [D] of what came; 0 where nothing did."""
    return np.sqrt(moments.m2 / max(float(moments.number), 1.0))
