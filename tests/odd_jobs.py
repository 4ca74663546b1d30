"""Environments for the tests of the command line: sound, slow, and broken in one way each.

Registered with Gymnasium, so that ``odd_jobs:NotFinite-v0`` names one, as a user's would be.
"""

from __future__ import annotations

import os
import time

import gymnasium
import numpy as np
from gymnasium import spaces


class Drift(gymnasium.Env):
    """Keep a number near zero by pushing it left or right; ten steps an episode."""

    width = 2
    action_space = spaces.Discrete(2)

    def __init__(self):
        self.observation_space = spaces.Box(-9.0, 9.0, (self.width,), np.float32)
        self.at, self.steps = 0.0, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.steps = float(self.np_random.normal()), 0
        return self.shown(), {}

    def step(self, action):
        self.at = float(np.clip(self.at + (0.5 if action else -0.5), -5, 5))
        self.steps += 1
        return self.shown(), -(self.at**2), False, self.steps >= 10, {}

    def shown(self):
        return np.full(self.width, self.at, np.float32)


class Deaf(Drift):
    """Pushed to the left, whatever is done."""

    def step(self, action):
        return super().step(0)


class Slow(Drift):
    """Two milliseconds a step, so that there is time to interrupt it."""

    def step(self, action):
        time.sleep(0.002)
        return super().step(action)


class Changing(Drift):
    """Shows as many numbers as ODD_WIDTH says."""

    def __init__(self):
        self.width = int(os.environ.get("ODD_WIDTH", "2"))
        super().__init__()


class NotFinite(Drift):
    def shown(self):
        return super().shown() * (np.nan if self.steps == 7 else 1)


class Raises(Drift):
    def step(self, action):
        if self.steps == 7:
            raise KeyError("valve 7")
        return super().step(action)


class Masked(Drift):
    """Forbids one of the two pushes, now the one and now the other."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0], self.told()

    def step(self, action):
        if not self.told()["action_mask"][action]:
            raise ValueError("a forbidden push")
        return *super().step(action)[:4], self.told()

    def told(self):
        return {"action_mask": np.arange(2) == self.steps % 2}


class Wordy(Drift):
    observation_space = spaces.Text(8)

    def __init__(self):
        self.at, self.steps = 0.0, 0
        self.observation_space = spaces.Dict(seen=spaces.Box(0, 1, (2,)), said=spaces.Text(8))


for odd in (Drift, Deaf, Slow, Changing, NotFinite, Raises, Masked, Wordy):
    gymnasium.register(f"{odd.__name__}-v0", odd, max_episode_steps=10)
