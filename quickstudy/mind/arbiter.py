"""Which speed of the mind leads, and how far its predictions can be trusted.

Each episode is led by one speed. Afterwards two things are known that were not known when it
began (prequential: test, then train): what the leader earned, and how far both speeds'
predictions were from what came. Mostly the better earner leads: one draw from the belief
about each speed's mean return, and the higher draw leads, so that one that might have caught
up is still tried. On a share of the episodes the better predictor leads: where both have
failed alike so far, foreseeing it is all there is to tell them apart. Errors also say how
wide the spread is.

Whose ideas: prequential judgement (Dawid 1984), Thompson sampling with forgetting (Raj &
Kalyani 2017). Predictive error alone was tried as the judge and lost (see docs/log.md): a
speed may foretell its own bad outcomes very well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SPEEDS = ("instinct", "judgement")


@dataclass(frozen=True)
class Settings:
    """One setting for every job."""

    keep: float = 0.95  # of the evidence, from one episode to the next
    adventurous: float = 0.25  # what an adventurous episode counts against a plain one
    foreseeing: float = 0.25  # share of episodes that the better predictor leads
    keep_errors: float = 0.8  # likewise, of the prediction errors


@dataclass
class Arbiter:
    """What the episodes so far say of each speed, in the order of SPEEDS.

    weight, total, squares: forgetful count, sum and sum of squares of returns it led to.
    error: forgetful mean squared error of its predictions, in the job's units squared.
    """

    weight: list[float] = field(default_factory=lambda: [0.0, 0.0])
    total: list[float] = field(default_factory=lambda: [0.0, 0.0])
    squares: list[float] = field(default_factory=lambda: [0.0, 0.0])
    error: list[float] = field(default_factory=lambda: [0.0, 0.0])


def judged(
    arbiter: Arbiter,
    settings: Settings,
    leader: str,
    earned: float,
    is_adventurous: bool,
    predictions: np.ndarray,
    returns: np.ndarray,
) -> None:
    """Takes in an episode that is over.

    Args:
      leader: who led it. earned: the sum of its rewards. is_adventurous: it tried things
        for their own sake, so it says less of its leader.
      predictions: [T, 2] what both speeds expected. returns: [T] what came, discounted.
    """
    mean_square = ((predictions - returns[:, None]) ** 2).mean(0)
    is_first = not any(arbiter.weight)
    counts = settings.adventurous if is_adventurous else 1.0
    keep = 1.0 - (1.0 - settings.keep) * counts
    for i, speed in enumerate(SPEEDS):
        led = counts if speed == leader else 0.0
        arbiter.weight[i] = keep * arbiter.weight[i] + led
        arbiter.total[i] = keep * arbiter.total[i] + led * earned
        arbiter.squares[i] = keep * arbiter.squares[i] + led * earned**2
        share = 1.0 if is_first else 1.0 - settings.keep_errors
        arbiter.error[i] += share * (float(mean_square[i]) - arbiter.error[i])


def leader(arbiter: Arbiter, settings: Settings, rng: np.random.Generator | None = None) -> str:
    """Who leads the next episode; without `rng`, the better earner so far."""
    tried = [i for i, weight in enumerate(arbiter.weight) if weight > 1e-3]
    if len(tried) < 2:
        known = tried[0] if tried else 0
        return SPEEDS[1 - known if tried and rng is not None else known]
    if rng is not None and rng.random() < settings.foreseeing:
        return SPEEDS[int(arbiter.error[1] <= arbiter.error[0])]
    mean = [total / weight for total, weight in zip(arbiter.total, arbiter.weight, strict=True)]
    if rng is None:
        return SPEEDS[int(mean[1] >= mean[0])]
    doubt = _deviation(arbiter, np.array(mean)) / np.sqrt(arbiter.weight)
    draws = mean + doubt * rng.standard_normal(2)
    return SPEEDS[int(draws[1] >= draws[0])]


def _deviation(arbiter: Arbiter, mean: np.ndarray) -> float:
    """Standard deviation of a return around the mean of the speed that led to it."""
    weight = np.array(arbiter.weight)
    squares = np.array(arbiter.squares) - weight * mean**2
    return float(np.sqrt(max(squares.sum() / weight.sum(), 1e-12)))
