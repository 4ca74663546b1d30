"""Toy environments for the tests of jobs: sound ones, and ones broken in one way each."""

from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium import spaces


class Toy(gymnasium.Env):
    """Ten steps of whatever the spaces sample; reward is the step's number."""

    observation_space = spaces.Box(-1.0, 1.0, (3,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, **changes):
        self.steps = 0
        for name, value in changes.items():
            setattr(self, name, value)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.steps = 0
        return self.shown(), self.info()

    def step(self, action):
        assert self.action_space.contains(action), action
        self.steps += 1
        return self.shown(), self.reward(), self.steps >= 10, False, self.info()

    def shown(self):
        return self.observation_space.sample()

    def info(self):
        return {}

    def reward(self):
        return float(self.steps)


class Hybrid(Toy):
    """A robot's arm: which tool, how hard, which of three lamps, and a gear from 1 up."""

    observation_space = spaces.Dict(
        arm=spaces.Tuple(
            [spaces.Box(-2.0, 2.0, (2,), np.float32), spaces.Discrete(3, start=1)]
        ),
        lamps=spaces.MultiBinary(3),
    )
    action_space = spaces.Dict(
        tool=spaces.Discrete(4, start=-1),
        force=spaces.Box(np.array([0.0, -10.0], np.float32), np.array([5.0, 10.0], np.float32)),
        more=spaces.Tuple([spaces.MultiBinary(3), spaces.MultiDiscrete([2, 3], start=[1, 0])]),
    )


class Masked(Toy):
    """Option `steps % 4` is forbidden; at the end the mask allows nothing, as many do."""

    observation_space = spaces.Dict(
        seen=spaces.Box(-1.0, 1.0, (2,), np.float32),
        action_mask=spaces.Box(0, 1, (4,), np.int8),
    )
    action_space = spaces.Discrete(4)

    def shown(self):
        mask = np.ones(4, np.int8)
        mask[self.steps % 4] = 0
        if self.steps >= 10:
            mask[:] = 0
        return {"seen": np.zeros(2, np.float32), "action_mask": mask}

    def step(self, action):
        assert action != self.steps % 4, "forbidden"
        return super().step(action)


class Image(Toy):
    observation_space = spaces.Box(0, 255, (7, 7, 3), np.uint8)
    action_space = spaces.MultiDiscrete([3, 2])


class WrongShape(Toy):
    def shown(self):
        return np.zeros(3 if self.steps < 4 else 2, np.float32)


class NotFinite(Toy):
    def shown(self):
        return np.array([0.0, np.nan if self.steps == 4 else 0.0, 0.0], np.float32)


class BadReward(Toy):
    def reward(self):
        return float("nan") if self.steps == 4 else 0.0


class Raises(Toy):
    def step(self, action):
        if self.steps == 4:
            raise KeyError("valve 7")
        return super().step(action)


class OldStyle(Toy):
    def step(self, action):
        return self.shown(), 0.0, False, {}


class NoOptions(Toy):
    def info(self):
        return {"action_mask": np.zeros(2, np.int8) if self.steps == 4 else np.ones(2, np.int8)}


class OutOfBounds(Toy):
    def shown(self):
        return np.array([0.0, 0.0, 7.0], np.float32)


class Unseeded(Toy):
    def shown(self):
        return np.random.default_rng().uniform(-1, 1, 3).astype(np.float32)


class DislikesOption(Toy):
    def step(self, action):
        if action == 1:
            raise RuntimeError("no such lever")
        return super().step(action)
