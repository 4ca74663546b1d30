"""Jobs at the edge of what is sensible: learned, or at least outlived with finite numbers."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from quickstudy.mind import judgement
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Mind, Settings
from quickstudy.types import End, Leaf, Observation, Spec

SMALL = Settings(
    judgement=dataclasses.replace(judgement.Settings(), hidden=(32, 32), batch=32, fused=8)
)


def numbers(width: int) -> Leaf:
    return Leaf((), "box", (width,), "float32", (-9.0,), (9.0,))


def choice(options: int) -> Leaf:
    return Leaf((), "discrete", (), "int64", sizes=(options,), start=(0,))


class Toward:
    """Push a number towards zero; each step costs its square, times `scale`."""

    def __init__(self, width: int = 1, options: int = 2, length: int = 10, scale: float = 1.0):
        self.spec = Spec((numbers(width),), (choice(options),), None)
        self.width, self.options, self.length, self.scale = width, options, length, scale

    def lives(self, mind: Mind, steps: int, learns: bool = True) -> list[float]:
        """Works; gives the return of each episode that ended, in units of `scale`."""
        returns, rng, taken, episode = [], np.random.default_rng(5), 0, 0
        while taken < steps:
            at, earned, stream = float(rng.normal()), 0.0, "" if learns else None
            if learns:
                minds.begin(mind, "", episode)
            for step in range(1, self.length + 1):
                seen = Observation(np.full(self.width, at, np.float32))
                chosen = minds.act(mind, seen, stream)
                assert math.isfinite(chosen.value.worth) and math.isfinite(chosen.value.spread)
                push = 0.0 if self.options == 1 else 2 * chosen.flat[0] / (self.options - 1) - 1
                at = float(np.clip(at + 0.5 * push, -5, 5))
                earned -= at**2
                taken += 1
                if learns:
                    row = minds.decided(mind, "", seen, chosen.flat, chosen.predictions)
                    minds.rewarded(mind, row, -self.scale * at**2)
                    if step == self.length:
                        minds.ended(mind, "", End.TRUNCATED, seen)
                    minds.study(mind, step == self.length)
                if taken == steps:
                    break
            returns.append(earned)
            episode += 1
        return returns


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_it_learns_whatever_the_unit_of_reward(scale: float) -> None:
    job = Toward(scale=scale)
    mind = minds.init(job.spec, 0, SMALL)
    job.lives(mind, 500)
    learned = np.mean(job.lives(mind, 200, learns=False))
    assert learned > -6.0  # the best is about −2; at random −25, always one way −180


@pytest.mark.parametrize(
    "job",
    [
        Toward(scale=0.0),
        Toward(length=1),
        Toward(length=10_000),
        Toward(width=1_000),
        Toward(options=1),
        Toward(options=200),
    ],
    ids=["constant reward", "one step", "10,000 steps", "1,000 numbers", "one", "200 options"],
)
def test_it_outlives(job: Toward) -> None:
    mind = minds.init(job.spec, 0, SMALL)
    job.lives(mind, 150)
    own = mind.learned.judgement
    assert int(own.updates) > 0
    for network in (own.critic, own.target):
        for weights in network.mlp.weights:
            assert np.isfinite(weights).all()
