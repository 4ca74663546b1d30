"""Ridge regression on random features, judged on held-out episodes.

    ŷ = φ(x)ᵀ w,   w = argmin ‖y − Φw‖² + λ‖w‖²

Whose idea: Rahimi & Recht (2007) for the features. λ is chosen, and everything judged, on
episodes that were held out, and intervals resample episodes, because steps of one are not
independent.

Left out: anything stronger than ridge regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quickstudy.clinic.settings import Settings
from quickstudy.types import Array

PENALTIES = 10.0 ** np.arange(-4, 9)  # λ, for features of about unit spread


def standardised(x: Array) -> Array:
    """Each column to mean 0 and spread 1; what never moves becomes 0. [N, D] -> [N, D]"""
    spread = x.std(0)
    return (x - x.mean(0)) / np.where(spread > 0, spread, 1.0)


def random_features(x: Array, number: int, seed: int) -> Array:
    """Cosines of random projections of standardised rows [N, D] -> [N, number].

    Half of them at the scale of typical distances between rows, half at a third of it.
    """
    random = np.random.default_rng(seed)
    width = max(x.shape[1], 1)
    scale = np.where(np.arange(number) % 2, 1.0, 3.0) / np.sqrt(width)
    directions = random.normal(size=(x.shape[1], number)) * scale
    return np.sqrt(2.0 / number) * np.cos(x @ directions + random.uniform(0, 2 * np.pi, number))


def solve(features: Array, targets: Array, penalty: Array) -> Array:
    """Weights [D, K] for features [N, D], targets [N, K] and a λ for each target [K]."""
    return _solved(*_rotated(features, targets), penalty)


def _rotated(features: Array, targets: Array) -> tuple[Array, Array, Array]:
    """One eigendecomposition serves every λ: FᵀF = V diag(v) Vᵀ, and Vᵀ Fᵀ y."""
    values, vectors = np.linalg.eigh(features.T @ features)
    return np.maximum(values, 0.0), vectors, vectors.T @ (features.T @ targets)


def _solved(values: Array, vectors: Array, along: Array, penalty: Array) -> Array:
    return vectors @ (along / (values[:, None] + penalty))


def held_out_guesses(features: Array, targets: Array, episode: Array, folds: int) -> Array:
    """Guesses [N, K] for each row, foretold from the other folds' episodes.

    Args:
      features: [N, D], without a constant. targets: [N, K]. episode: [N] ints.
      folds: at least 3; episode e is held out with all others of the same e modulo folds.
        The fold after it chooses λ for each target.
    """
    guesses = np.zeros_like(targets)
    _, number = np.unique(episode, return_inverse=True)
    fold_of = number % folds
    for fold in range(folds):
        out, judge = fold_of == fold, fold_of == (fold + 1) % folds
        penalty = _chosen(features, targets, ~out & ~judge, judge)
        guesses[out] = _foretold(features, targets, ~out, out, penalty[None])[0]
    return guesses


def held_out_errors(features: Array, targets: Array, episode: Array, folds: int) -> Array:
    """Squared errors [N, K] of `held_out_guesses`."""
    return np.square(targets - held_out_guesses(features, targets, episode, folds))


def _chosen(features: Array, targets: Array, learn: Array, judge: Array) -> Array:
    """The λ [K] with the least errors on the rows that judge."""
    each = np.repeat(PENALTIES[:, None], targets.shape[1], axis=1)
    guesses = _foretold(features, targets, learn, judge, each)
    return PENALTIES[np.square(targets[judge] - guesses).sum(1).argmin(0)]


def _foretold(
    features: Array, targets: Array, learn: Array, rows: Array, penalties: Array
) -> Array:
    """Guesses [L, rows, K] for penalties [L, K], within the range of what was learned from."""
    centre, middle = features[learn].mean(0), targets[learn].mean(0)
    rotated = _rotated(features[learn] - centre, targets[learn] - middle)
    guesses = [
        middle + (features[rows] - centre) @ _solved(*rotated, penalty) for penalty in penalties
    ]
    return np.clip(np.array(guesses), targets[learn].min(0), targets[learn].max(0))


@dataclass(frozen=True)
class Share:
    """A share of variance and both ends of its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def removed(left: Array, of: Array, episode: Array, settings: Settings, seed: int = 0) -> Share:
    """1 − Σ left / Σ of, over rows [N], with an interval that resamples episodes."""
    sums = np.stack([np.bincount(episode, left), np.bincount(episode, of)], axis=1)
    sums = sums[np.bincount(episode) > 0]
    random = np.random.default_rng(seed)
    draws = random.integers(len(sums), size=(settings.resamples, len(sums)))
    drawn = sums[draws].sum(1)
    tail = (1 - settings.confident) / 2
    ends = np.quantile(_one_minus(drawn[:, 0], drawn[:, 1]), [tail, 1 - tail])
    total = sums.sum(0)
    return Share(float(_one_minus(total[0], total[1])), float(ends[0]), float(ends[1]))


def _one_minus(left: Array, of: Array) -> Array:
    """1 − left / of; 0 where there is nothing to explain."""
    return np.where(of > 0, 1.0 - left / np.where(of > 0, of, 1.0), 0.0)
