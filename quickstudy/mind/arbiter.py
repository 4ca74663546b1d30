"""Which speed of the mind leads, and how far its predictions can be trusted.

Each episode is led by one speed. Afterwards two things are known that were not known when it
began (prequential: test, then train): what the leader earned, and how far both speeds'
predictions were from what came. Earnings decide who leads: one draw from each speed's
belief about its own mean return, and the higher draw leads, so that the better one soon leads
nearly always and the other is still tried as long as it might have caught up. Errors
say how wide the spread is.

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

    keep: float = 0.9  # of the evidence, from one episode to the next
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
    predictions: np.ndarray,
    returns: np.ndarray,
) -> None:
    """Takes in an episode that is over.

    Args:
      leader: who led it. earned: the sum of its rewards.
      predictions: [T, 2] what both speeds expected. returns: [T] what came, discounted.
    """
    mean_square = ((predictions - returns[:, None]) ** 2).mean(0)
    is_first = not any(arbiter.weight)
    for i, speed in enumerate(SPEEDS):
        led = 1.0 if speed == leader else 0.0
        arbiter.weight[i] = settings.keep * arbiter.weight[i] + led
        arbiter.total[i] = settings.keep * arbiter.total[i] + led * earned
        arbiter.squares[i] = settings.keep * arbiter.squares[i] + led * earned**2
        share = 1.0 if is_first else 1 - settings.keep_errors
        arbiter.error[i] += share * (float(mean_square[i]) - arbiter.error[i])


def leader(arbiter: Arbiter, rng: np.random.Generator | None = None) -> str:
    """Who leads: by a draw from each one's belief, or without `rng` by the means."""
    if min(arbiter.weight) < 1e-3:
        return SPEEDS[0] if arbiter.weight[0] < 1e-3 else SPEEDS[1] if rng else SPEEDS[0]
    mean = np.array(arbiter.total) / arbiter.weight
    if rng is None:
        return SPEEDS[int(mean[1] >= mean[0])]
    spread = _spread(arbiter, mean)
    draws = mean + spread / np.sqrt(arbiter.weight) * rng.standard_normal(2)
    return SPEEDS[int(draws[1] >= draws[0])]


def _spread(arbiter: Arbiter, mean: np.ndarray) -> float:
    """Standard deviation of a return around the mean of the speed that led to it."""
    weight = np.array(arbiter.weight)
    squares = np.array(arbiter.squares) - weight * mean**2
    return float(np.sqrt(max(squares.sum() / weight.sum(), 1e-12)))
