"""One healthy toy, and the same toy with one fault each."""

from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium import spaces


class Healthy(gymnasium.Env):
    """Hold a sluggish thing near zero by pushing it; a little wind; forty steps an episode."""

    action_space = spaces.Discrete(3)
    limit = 40
    width = 2

    def __init__(self):
        self.observation_space = spaces.Box(-np.inf, np.inf, (self.width,), np.float64)
        self.at = self.speed = 0.0
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.speed = self.drawn(2)
        self.steps = 0
        return self.shown(), {}

    def step(self, action):
        wind = float(self.drawn(1)[0])
        self.speed = 0.9 * self.speed + 0.3 * self.push(action) + 0.05 * wind
        self.at += 0.3 * self.speed
        self.steps += 1
        is_over = self.steps >= self.limit
        return self.shown(), self.reward(), *self.end(is_over), {}

    def drawn(self, size):
        return self.np_random.normal(size=size)

    def push(self, action):
        return float(action) - 1.0

    def shown(self):
        return np.array([self.at, self.speed])

    def reward(self):
        return -(self.at**2)

    def end(self, is_over):
        return False, is_over


class More(Healthy):
    """Shows one entry more."""

    width = 3

    def shown(self):
        return np.append(super().shown(), self.more())


class Constant(More):
    def more(self):
        return 7.0


class Lost(More):
    def more(self):
        return 1e6 + self.at


class Faint(More):
    def more(self):
        return 1e-9 * np.tanh(self.at / 5)


class Large(More):
    def more(self):
        return 1e5 * np.tanh(self.at / 5)


class Twin(More):
    def more(self):
        return 1.0 - 2.0 * self.at


class NotANumber(Healthy):
    def shown(self):
        return super().shown() * (np.nan if self.steps == 30 else 1.0)


class InfiniteReward(Healthy):
    def reward(self):
        return np.inf if self.steps == 30 else super().reward()


class Raises(Healthy):
    def push(self, action):
        if self.steps == 30:
            raise KeyError("valve 7")
        return super().push(action)


class NeverRewarded(Healthy):
    def reward(self):
        return 1.0 if abs(self.at) > 1e3 else 0.0


class Huge(Healthy):
    def reward(self):
        return 1e6 * super().reward()


class Outlier(Healthy):
    def reward(self):
        return 1e5 if self.steps == 1 and self.at > 1 else super().reward()


class Deaf(Healthy):
    def push(self, action):
        return 0.0


class HalfDeaf(Healthy):
    action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    def push(self, action):
        return float(action[0])


class TwoAlike(Healthy):
    action_space = spaces.Discrete(4)

    def push(self, action):
        return float(min(action, 2)) - 1.0


class LimitAsEnd(Healthy):
    def end(self, is_over):
        return is_over, False


class LimitAsEndWithClock(More):
    def more(self):
        return self.steps / self.limit

    def end(self, is_over):
        return is_over, False


class LimitAmongEnds(Healthy):
    """Some episodes really end, when the thing has drifted far; the limit counts as one too."""

    def end(self, is_over):
        return is_over or abs(self.at) > 3.0, False


class Unseeded(Healthy):
    wild = np.random.default_rng(5)

    def drawn(self, size):
        return self.wild.normal(size=size)


class UnseededAndDeaf(Unseeded, Deaf):
    pass


class OneWorld(Healthy):
    def drawn(self, size):
        return np.full(size, 0.5)


class Late(Healthy):
    """Paid only at the end, and that is far."""

    limit = 120

    def reward(self):
        return 10.0 - self.at**2 if self.steps == self.limit else 0.0


class Hidden(Healthy):
    """The speed is not shown."""

    width = 1

    def shown(self):
        return np.array([self.at])


class Chance(Healthy):
    """Paid by chance."""

    def reward(self):
        return float(self.np_random.normal())
