"""Instinct, the fast speed: fitted Q-iteration in closed form on random features.

The situation's features pass through random cosines; each option of the action has its own
weights, found by ridge regression towards ``R + Γ max v'``, again and again until they
settle. A refit takes milliseconds, so the first episodes already count. What it knows
nothing about is worth as much as an average situation, or nothing, whichever is more; and
an episode is led by a sample from the posterior, not by its mean, so that the unknown gets
tried. For amounts it chooses among a few fixed ones (one amount only).

Whose ideas: random features (Rahimi & Recht 2007), fitted Q-iteration (Ernst et al. 2005),
randomised least-squares value iteration (Osband et al. 2016), elliptical support (Li et
al. 2010; Jin et al. 2020).

Left out: jobs with several amounts or with both amounts and choices: judgement does those.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack
from threadpoolctl import ThreadpoolController

from quickstudy.mind.encoder import Frame

# Matrices this small are slower on two threads than on one, and threads spin while they wait.
ONE_THREAD = ThreadpoolController()


@dataclass(frozen=True)
class Settings:
    """One setting for every job."""

    cosines: int = 256  # at most; fewer where there are many options
    many: int = 16  # options from which on it takes fewer, at equal cost of a refit
    width: float = 2.0  # kernel width, in units of √(numbers in the situation)
    apart: float = 2.0  # how far two situations are that share no discrete entry, in widths
    prior: float = 0.2  # λ, in observations
    sweeps: int = 30  # of fitted Q-iteration in one refit
    rows: int = 3000  # at most, in one refit
    noise: float = 0.1  # of a target, in standard deviations of returns
    doubt: float = 0.6  # of what nothing is known about, likewise
    amounts: int = 5  # amounts tried, evenly over [-1, 1]


class Instinct(NamedTuple):
    """Arrays of the fast speed; O options over all factors, D cosines.

    frequencies [P, D], phases [D]: the random features, never changed.
    weights, sample [O, D]: posterior mean, and the sample that leads.
    covariance [D, D]: (ΦᵀΦ + λI)⁻¹ over all decisions, for support.
    offset: worth of what it knows nothing about, in the job's units.
    """

    frequencies: np.ndarray
    phases: np.ndarray
    weights: np.ndarray
    sample: np.ndarray
    covariance: np.ndarray
    offset: np.ndarray


def applies(frame: Frame) -> bool:
    """Whether instinct can lead on this job."""
    return frame.spec.amounts == 0 or (frame.spec.amounts == 1 and not frame.spec.choices)


@functools.cache
def prototypes(settings: Settings) -> np.ndarray:
    """The amounts among which it chooses [A], where a job's action is one amount."""
    return np.linspace(-1, 1, settings.amounts, dtype=np.float32)


def num_options(frame: Frame, settings: Settings) -> int:
    """O."""
    return settings.amounts if frame.spec.amounts else sum(frame.sizes)


def num_cosines(settings: Settings, options: int) -> int:
    """D: a refit costs about O·D³, which is held where options grow beyond `many`."""
    share = min(1.0, settings.many / options) ** (1 / 3)
    return max(32, 32 * int(settings.cosines * share / 32))


def init(frame: Frame, settings: Settings, rng: np.random.Generator) -> Instinct:
    """It knows nothing: everything is worth 0, support is 0."""
    O = num_options(frame, settings)
    D = num_cosines(settings, O)
    f32 = np.float32
    return Instinct(
        frequencies=(
            _scales(frame, settings)[:, None] * rng.standard_normal((frame.features, D))
        ).astype(f32),
        phases=rng.uniform(0, 2 * np.pi, D).astype(f32),
        weights=np.zeros((O, D), f32),
        sample=np.zeros((O, D), f32),
        covariance=np.eye(D, dtype=f32),
        offset=np.zeros((), np.float64),
    )


def _scales(frame: Frame, settings: Settings) -> np.ndarray:
    """By what each feature [P] counts: numbers come standardised, one-hot entries do not."""
    numbers = frame.numbers
    entries = len(frame.discrete_at)
    scales = np.full(frame.features, settings.apart / np.sqrt(max(entries, 1)))
    scales[:numbers] = 1.0 / (settings.width * np.sqrt(max(numbers, 1)))
    return scales


def cosines(instinct: Instinct, x: np.ndarray) -> np.ndarray:
    """Features [..., D], of unit length on average, of situations x [..., P]."""
    phi = np.cos(x @ instinct.frequencies + instinct.phases)
    return phi * np.float32(np.sqrt(2.0 / len(instinct.phases)))


def support(instinct: Instinct, phi: np.ndarray) -> float:
    """In [0, 1]: how much of what is felt here was felt before; phi [D].

    ``1 − φᵀ(ΦᵀΦ + λI)⁻¹φ λ / φᵀφ``: 0 where experience says nothing, towards 1 where it
    has seen the like often.
    """
    unseen = float(phi @ instinct.covariance @ phi) / max(float(phi @ phi), 1e-12)
    return min(1.0, max(0.0, 1.0 - unseen))


def supports(instinct: Instinct, phi: np.ndarray) -> np.ndarray:
    """The same [n] of many situations; phi [n, D]."""
    with ONE_THREAD.limit(limits=1, user_api="blas"):
        unseen = ((phi @ instinct.covariance) * phi).sum(-1)
    return np.clip(1.0 - unseen / np.maximum((phi * phi).sum(-1), 1e-12), 0.0, 1.0)


class Rows(NamedTuple):
    """Experience to fit.

    phi, next_phi: [n, D] cosines before and after. options: int [n, G], see `options`.
    reward, discount: [n] in the job's units. next_mask: bool [n, O] allowed afterwards.
    """

    phi: np.ndarray
    options: np.ndarray
    reward: np.ndarray
    discount: np.ndarray
    next_phi: np.ndarray
    next_mask: np.ndarray


def options(frame: Frame, settings: Settings, flat: np.ndarray) -> np.ndarray:
    """Which option each factor took [..., G], as an index into all O, of flat actions."""
    if not frame.spec.choices:
        return np.abs(flat[..., :1, None] - prototypes(settings)).argmin(-1)
    return (flat[..., : len(frame.sizes)] + frame.starts).astype(int)


def fit(
    instinct: Instinct,
    settings: Settings,
    frame: Frame,
    rows: Rows,
    offset: float,
    scale: float,
    bounds: tuple[float, float],
    rng: np.random.Generator,
) -> Instinct:
    """Fits it afresh.

    Args:
      offset: worth of what it knows nothing about, in the job's units.
      scale: a standard deviation of returns, likewise.
      bounds: the least and the most that anything can be worth, likewise; no target is beyond.
      rng: draws the sample that leads until the next fit.
    """
    own, groups = settings, _groups(frame, settings)
    with ONE_THREAD.limit(limits=1, user_api="blas"):
        return _fit(instinct, own, groups, rows, offset, scale, bounds, rng)


def _fit(
    instinct: Instinct,
    settings: Settings,
    groups: list[slice],
    rows: Rows,
    offset: float,
    scale: float,
    bounds: tuple[float, float],
    rng: np.random.Generator,
) -> Instinct:
    shape = instinct.weights.shape
    chosen = [np.flatnonzero((rows.options == o).any(-1)) for o in range(shape[0])]
    grams = [rows.phi[at].T.astype(np.float64) @ rows.phi[at] for at in chosen]
    covariance = np.stack([_inverse(gram, settings.prior) for gram in grams])

    def iterate(weights: np.ndarray, noise: np.ndarray, unknown: np.ndarray) -> np.ndarray:
        for _ in range(settings.sweeps):
            v_t = _state_value(rows.next_phi @ weights.T, rows.next_mask, groups)
            v_t = np.clip(v_t + offset, *bounds)
            y = rows.reward + rows.discount * v_t - offset + noise
            moments = np.stack([y[at] @ rows.phi[at] for at in chosen])
            moments = moments + settings.prior * unknown
            weights = np.matmul(covariance, moments[..., None])[..., 0]
        return weights

    # The sample: targets with noise, drawn towards a random idea of what is unknown.
    mean = iterate(instinct.weights, np.zeros(len(rows.phi)), np.zeros(shape))
    noise = settings.noise * scale * rng.standard_normal(len(rows.phi))
    unknown = settings.doubt * scale * rng.standard_normal(shape)
    sample = iterate(mean, noise, unknown)
    whole = _inverse(sum(grams) / len(groups), settings.prior)
    f32 = np.float32
    return Instinct(
        instinct.frequencies,
        instinct.phases,
        mean.astype(f32),
        sample.astype(f32),
        (settings.prior * whole).astype(f32),
        np.asarray(offset),
    )


def _inverse(gram: np.ndarray, prior: float) -> np.ndarray:
    """``(G + λI)⁻¹`` by Cholesky: the posterior covariance up to the noise variance."""
    if not gram.any():
        return np.eye(len(gram)) / prior
    factor, _ = lapack.dpotrf(gram + prior * np.eye(len(gram)), lower=1)
    half, _ = lapack.dpotri(factor, lower=1)
    return np.tril(half) + np.tril(half, -1).T


def _groups(frame: Frame, settings: Settings) -> list[slice]:
    """The options of each factor."""
    if frame.spec.amounts:
        return [slice(0, settings.amounts)]
    ends = np.cumsum(frame.sizes)
    return [slice(int(e - n), int(e)) for e, n in zip(ends, frame.sizes, strict=True)]


def _state_value(values: np.ndarray, mask: np.ndarray, groups: list[slice]) -> np.ndarray:
    """[n] from values and masks [n, O]: the mean over factors of each one's best."""
    allowed = np.where(mask, values, -np.inf)
    return np.mean([allowed[:, group].max(-1) for group in groups], axis=0)
