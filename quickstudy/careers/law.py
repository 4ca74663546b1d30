"""The law of learning to learn: what a job takes, against how many of its family came before.

    log₁₀ T = a + b · log₁₀(1 + past) + σ ε,   ε ~ N(0, 1)

T is the number of decisions to competence. 2ᵇ is what a doubling of (1 + past) multiplies it
by: below 1 the learner has learned to learn. What is known of T is only that competence came
after one frozen check and by the next, or has not come by now; each job says how probable that
is,

    p(after < T ≤ by) = Φ((log₁₀ by − μ)/σ) − Φ((log₁₀ after − μ)/σ)

so that jobs that are not competent yet count for what they tell, and no more.

A career is a handful of jobs, and no interval can be made from these alone: a line through two
points always fits. So there are priors, and they are stated. a: as our own jobs (see
`clinic.effort`), less σ. b: about 0, so nothing is believed of learning to learn until it
shows; one in twenty is beyond ±1, which is "in proportion to the jobs before". σ: .4, give or
take a factor of 1.6, for seeds alone make .3 on one job, and jobs of a family differ. Bayes'
rule on a grid does the rest. Intervals hold as often as they say over jobs as the priors have
them; `python -m benchmarks.law` tells how often for one truth at a time.

Whose ideas: learning to learn as a curve over tasks (Thrun & Pratt 1998); power laws of
practice (Newell & Rosenbloom 1981); censored regression (Tobin 1958).

Left out: how alike two jobs of a family are; what was learned on jobs of other families.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from quickstudy.clinic import effort
from quickstudy.types import Array

NOMINAL = 0.8  # of the next job's decisions, as in the ledger of predictions
SURE = 0.95  # of the factor
SLOPE_SCALE = 0.5  # of b's prior: normal about 0
NOISE, NOISE_FACTOR = 0.4, 1.6  # σ's prior: log-normal, its median and one standard deviation
FREEDOM = effort.JOBS - 1  # of a's prior: Student's t, for it rests on few jobs
DRAWS = 20_000  # from what is believed, for quantiles


class Took(NamedTuple):
    """What is known of one job.

    past: jobs of its family worked on before it. after, by: decisions; competence came after
    the one and by the other. `after` is 0 where the first check found it, `by` is infinite
    where none has.
    """

    past: int
    after: float
    by: float


class Range(NamedTuple):
    """A guess (the median of what is believed), and the ends of an interval."""

    guess: float
    low: float
    high: float


@dataclass(frozen=True)
class Law:
    """The law as far as it is known.

    took: what it rests on. factor: by which a doubling of (1 + past) multiplies decisions to
    competence, with a 95 % interval. past: jobs before the next one. next: decisions to
    competence that it will take, with an 80 % interval.
    """

    took: tuple[Took, ...]
    factor: Range
    past: int
    next: Range

    @property
    def censored(self) -> int:
        """Jobs that are not competent yet."""
        return sum(math.isinf(took.by) for took in self.took)

    @property
    def is_curve(self) -> bool:
        """Whether jobs differ in what came before: without that nothing tells of a slope."""
        return len({took.past for took in self.took}) > 1

    @property
    def helps(self) -> bool | None:
        """Whether past jobs make later ones quicker; None where it cannot be told."""
        if not self.is_curve or self.factor.low <= 1 <= self.factor.high:
            return None
        return self.factor.high < 1


def fit(took: Sequence[Took], past: int, seed: int = 0) -> Law:
    """The law of a family, and what its next job will take.

    Args:
      took: of each job that has a bar, in any order; may be empty, and then the prior speaks.
      past: jobs of the family before the next one. seed: of the draws.

    Raises:
      ValueError: `after` is not below `by`, or a count is below 0.
    """
    for one in took:
        if not (0 <= one.after < one.by and one.past >= 0):
            raise ValueError(f"{one}: expected 0 <= after < by, and past >= 0")
    cells, log_prior = _grid()
    weights = special.softmax(log_prior + _log_likelihood(cells, took))
    rng = np.random.default_rng(seed)
    a, b, s = cells[rng.choice(len(cells), DRAWS, p=weights)].T
    # Within its cell a draw lies anywhere, or else the grid would show in the quantiles.
    a = a + rng.uniform(-0.5, 0.5, DRAWS) * A_STEP
    b = b + rng.uniform(-0.5, 0.5, DRAWS) * B_STEP
    next_ = a + b * math.log10(1 + past) + s * rng.standard_normal(DRAWS)
    return Law(tuple(took), _range(b, SURE, 2.0), past, _range(next_, NOMINAL, 10.0))


# ---- the grid

A_STEP, B_STEP = 0.05, 0.1
_A = np.arange(-70, 71) * A_STEP  # about the prior's middle
_B = np.arange(-15, 16) * B_STEP
_S = np.geomspace(0.06, 1.5, 10)


@functools.cache
def _grid() -> tuple[Array, Array]:
    """Every (a, b, σ) [N, 3], and the logarithm of its prior [N]."""
    guess, low, high = effort.beforehand()
    middle = math.log10(guess)
    spread = math.log10(high / low) / (2 * effort.QUANTILE)
    scale = math.sqrt(spread**2 - NOISE**2)  # what is left of it between families
    a, b, s = (axis.ravel() for axis in np.meshgrid(middle + _A, _B, _S, indexing="ij"))
    log_prior = (
        stats.t.logpdf((a - middle) / scale, FREEDOM)
        + stats.norm.logpdf(b / SLOPE_SCALE)
        + stats.norm.logpdf(np.log(s / NOISE) / math.log(NOISE_FACTOR))
    )
    return np.stack([a, b, s], axis=1), log_prior


def _log_likelihood(cells: Array, took: Sequence[Took]) -> Array:
    """Of what is known of each job, at each cell [N]."""
    a, b, s = cells.T
    total = np.zeros(len(cells))
    for one in took:
        middle = a + b * math.log10(1 + one.past)
        with np.errstate(divide="ignore"):
            low, high = ((np.log10(end) - middle) / s for end in (one.after, one.by))
            # From the nearer tail: far out, two numbers near 1 would have no difference.
            between = np.where(
                low > 0,
                special.ndtr(-low) - special.ndtr(-high),
                special.ndtr(high) - special.ndtr(low),
            )
            total += np.log(between)
    return np.maximum(total, -1e9)  # all cells at once impossible: then the prior speaks


def _range(x: Array, share: float, base: float) -> Range:
    tail = (1 - share) / 2
    low, guess, high = base ** np.quantile(x, [tail, 0.5, 1 - tail])
    return Range(float(guess), float(low), float(high))
