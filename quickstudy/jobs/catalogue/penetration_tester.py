"""Penetration tester: find a way through a small simulated network to its secrets.

Eight hosts behind a firewall; scan, exploit, escalate. Each action costs, some fail by
chance. The incumbent is the package's own brute force: all actions in turn, again and again.
Left out: the partially observed networks and the larger ones.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import SeedEveryReset
from quickstudy.jobs.entry import Entry, Incumbent, Policy

GYM_ID = "Small-v0"


class PlainInts(gym.ActionWrapper):
    """Passes choices on as Python's int, the only kind that the package takes."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        assert isinstance(env.action_space, gym.spaces.Discrete)
        self.action_space = gym.spaces.Discrete(int(env.action_space.n))

    def action(self, action: Any) -> int:
        """The same choice."""
        return int(action)


def make() -> gym.Env:
    """Builds the network; its chances come from NumPy's global generator, which we seed."""
    with warnings.catch_warnings():
        # It asks for a window toolkit that a server lacks, and warns that it has none.
        warnings.filterwarnings("ignore", message="Unable to import Matplotlib with TkAgg")
        import nasim

    network = nasim.make_benchmark("small", seed=0, fully_obs=True)
    return SeedEveryReset(PlainInts(network), seeds_globally=True)


def brute_force(env: gym.Env) -> Policy:
    """Every action in turn, over and over."""
    assert isinstance(env.action_space, gym.spaces.Discrete)
    turn = itertools.cycle(np.roll(np.arange(int(env.action_space.n)), -1).tolist())
    return lambda observation, info: next(turn)


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="penetration-tester",
        title="Test a small simulated network for ways in",
        make=make,
        package="nasim==0.12.0",
        extra="penetration-tester",
        module="nasim",
        gym_id=GYM_ID,
        random_score=-489.9,
        incumbent=Incumbent("brute force, every action in turn", -125.0, brute_force),
        budget_steps=20_000,
        note="A simulation with no real network; it draws from NumPy's global generator.",
    ),
)
