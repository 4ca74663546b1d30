"""Toy jobs drawn from a seed: sound ones, and ones at which no learner of ours can succeed.

    sound("steer", seed)          # its sizes, scales and lengths are drawn
    hopeless("forgotten", seed)   # the same, with one ingredient missing

Whether a job shows its full state is drawn as well. All randomness of an episode comes from
the seed of its reset. `RIGHT` says which ingredients a doctor may name: where a side is hidden
that could be inferred from what went before, both showing and remembering it would do.

Left out: jobs that are hopeless in two ways at once, and adversaries: nothing here is made to
look like something else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

OPTIONS = (2, 5)  # of a choice, drawn between
ENTRIES = (1, 4)  # of what matters
BYSTANDERS = (0, 3)  # entries of noise beside it


def _between(rng: np.random.Generator, ends: tuple[int, int]) -> int:
    return int(rng.integers(ends[0], ends[1] + 1))


def _own(seed: int | None, number: int) -> np.random.Generator:
    """A stream of its own: with the seed alone, it would be the very numbers of the job."""
    return np.random.default_rng(None if seed is None else [seed, number])


def _about(rng: np.random.Generator, low: float, high: float) -> float:
    """A number of which the logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


class Toy(gymnasium.Env):
    """What all have in common: scales, bystanders, a clock, and perhaps its state shown.

    A kind of job gives `start`, `act` (the reward), `seen`, `is_over` and `whole`.
    """

    width = 1
    steps = 1

    def __init__(self, rng: np.random.Generator, width: int, steps: int):
        self.width, self.steps, self.taken = width, steps, 0
        self.bystanders = _between(rng, BYSTANDERS)
        size = width + self.bystanders
        self.scale = np.array([_about(rng, 0.3, 30.0) for _ in range(size)])
        self.order = rng.permutation(size)
        self.pay = _about(rng, 0.1, 10.0)
        self.shows_state = bool(rng.random() < 0.5)
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)

    @property
    def state(self) -> np.ndarray | None:
        """All that decides what follows, where the job offers it."""
        return np.append(self.whole(), self.taken) if self.shows_state else None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.taken = 0
        self.start()
        return self._shown(), {}

    def step(self, action: Any):
        reward = self.pay * self.act(action)
        self.taken += 1
        return self._shown(), reward, self.is_over(), self.taken >= self.steps, {}

    def _shown(self) -> np.ndarray:
        beside = self.np_random.normal(size=self.bystanders)
        return (self.scale * np.concatenate([self.seen(), beside]))[self.order].astype("f4")

    def start(self) -> None: ...

    def act(self, action: Any) -> float:
        raise NotImplementedError

    def seen(self) -> np.ndarray:
        raise NotImplementedError

    def whole(self) -> np.ndarray:
        return self.seen()

    def is_over(self) -> bool:
        return False


# ── Sound ───────────────────────────────────────────────────────────────────────────────


class Match(Toy):
    """Choose what a hidden teacher would, by what is shown; a new situation each step."""

    def __init__(self, rng: np.random.Generator):
        super().__init__(rng, _between(rng, (2, 4)), _between(rng, (1, 20)))
        self.teacher = rng.normal(size=(_between(rng, OPTIONS), self.width))
        self.teacher -= self.teacher.mean(0)
        self.action_space = spaces.Discrete(len(self.teacher))
        self.cue = np.zeros(self.width)

    def start(self) -> None:
        self.cue = self.np_random.normal(size=self.width)

    def right(self) -> int:
        return int(np.argmax(self.teacher @ self.cue))

    def act(self, action: Any) -> float:
        reward = float(action == self.right())
        self.cue = self.np_random.normal(size=self.width)
        return reward

    def seen(self) -> np.ndarray:
        return self.cue


class Steer(Toy):
    """Hold a sluggish thing near zero by pushing it, with a little wind."""

    def __init__(self, rng: np.random.Generator):
        self.axes = _between(rng, (1, 2))
        super().__init__(rng, 2 * self.axes, _between(rng, (20, 80)))
        self.drag, self.push = rng.uniform(0.7, 0.95), rng.uniform(0.2, 0.5)
        self.is_smooth = bool(rng.random() < 0.5)
        if self.is_smooth:
            self.action_space = spaces.Box(-1.0, 1.0, (self.axes,), np.float32)
        else:
            self.action_space = spaces.Discrete(1 + 2 * self.axes)
        self.at = self.speed = np.zeros(self.axes)

    def start(self) -> None:
        self.at, self.speed = self.np_random.normal(size=(2, self.axes))

    def act(self, action: Any) -> float:
        wind = self.np_random.normal(size=self.axes)
        self.speed = self.drag * self.speed + self.push * self.pushed(action) + 0.05 * wind
        self.at = self.at + 0.3 * self.speed
        return -float(np.square(self.at).sum())

    def pushed(self, action: Any) -> np.ndarray:
        if self.is_smooth:
            return np.asarray(action, float)
        way = np.zeros(self.axes)
        if action:
            way[(action - 1) // 2] = 1.0 if action % 2 else -1.0
        return way

    def seen(self) -> np.ndarray:
        return np.concatenate([self.at, self.speed])


class Balance(Toy):
    """Keep up what falls by itself; paid for each step until it fell."""

    def __init__(self, rng: np.random.Generator):
        super().__init__(rng, 2, _between(rng, (60, 200)))
        self.fall, self.push = rng.uniform(0.03, 0.1), rng.uniform(0.08, 0.16)
        self.action_space = spaces.Discrete(_between(rng, (2, 3)))
        self.at = self.speed = 0.0

    def start(self) -> None:
        self.at, self.speed = self.np_random.uniform(-0.2, 0.2, size=2)

    def act(self, action: Any) -> float:
        way = 2.0 * float(action) / (self.action_space.n - 1) - 1.0
        self.speed += self.fall * self.at + self.push * way + 0.01 * self.np_random.normal()
        self.at += 0.3 * self.speed
        return 1.0

    def is_over(self) -> bool:
        return abs(self.at) > 1.0

    def seen(self) -> np.ndarray:
        return np.array([self.at, self.speed])


class Walk(Toy):
    """Go along a corridor to its far end, where it is paid; other options do nothing."""

    def __init__(self, rng: np.random.Generator, length: tuple[int, int] = (4, 10)):
        self.length = _between(rng, length)
        super().__init__(rng, 1, 12 * self.length)
        self.action_space = spaces.Discrete(_between(rng, (2, 4)))
        self.ways = rng.permutation([1, -1, 0, 0][: self.action_space.n])
        self.at = 0

    def start(self) -> None:
        self.at = int(self.np_random.integers(2))

    def act(self, action: Any) -> float:
        self.at = max(0, self.at + int(self.ways[action]))
        return float(self.is_over())

    def is_over(self) -> bool:
        return self.at >= self.length

    def seen(self) -> np.ndarray:
        return np.array([self.at / self.length])


SOUND: dict[str, Callable[[np.random.Generator], gymnasium.Env]] = {
    "match": Match,
    "steer": Steer,
    "balance": Balance,
    "walk": Walk,
}


# ── Hopeless ────────────────────────────────────────────────────────────────────────────


class Unseen(Match):
    """What decides is never shown."""

    def seen(self) -> np.ndarray:
        return np.zeros(self.width)

    def whole(self) -> np.ndarray:
        return self.cue


class Recall(Match):
    """What decides is shown in the first moment only, and holds for the episode."""

    def __init__(self, rng: np.random.Generator):
        super().__init__(rng)
        self.wait = _between(rng, (1, 8))
        self.steps = self.wait + _between(rng, (1, 6))

    def act(self, action: Any) -> float:
        return float(self.taken >= self.wait and action == self.right())

    def seen(self) -> np.ndarray:
        return self.cue if self.taken == 0 else np.zeros(self.width)

    def whole(self) -> np.ndarray:
        return self.cue


class Chance(gymnasium.RewardWrapper):
    """Paid by a tide that comes and goes, whatever is done."""

    def __init__(self, env: gymnasium.Env, rng: np.random.Generator):
        super().__init__(env)
        self.slow, self.level = rng.uniform(0.0, 0.95), 0.0
        self.tide = np.random.default_rng()

    def reset(self, *, seed=None, options=None):
        self.tide, self.level = _own(seed, 1), 0.0
        return super().reset(seed=seed, options=options)

    def reward(self, reward: Any) -> float:
        self.level = self.slow * self.level + float(self.tide.normal())
        return self.level


class Deaf(gymnasium.ActionWrapper):
    """Does what it likes."""

    def __init__(self, env: gymnasium.Env, rng: np.random.Generator):
        super().__init__(env)
        self.fancy = np.random.default_rng()

    def reset(self, *, seed=None, options=None):
        self.fancy = _own(seed, 2)
        return super().reset(seed=seed, options=options)

    def action(self, action: Any) -> Any:
        space = self.env.action_space
        if isinstance(space, spaces.Discrete):
            return int(self.fancy.integers(space.n))
        return self.fancy.uniform(-1.0, 1.0, space.shape).astype("f4")


class Snow(gymnasium.ObservationWrapper):
    """Shows noise."""

    def __init__(self, env: gymnasium.Env, rng: np.random.Generator):
        super().__init__(env)
        self.drawn = np.random.default_rng()

    def reset(self, *, seed=None, options=None):
        self.drawn = _own(seed, 3)
        return super().reset(seed=seed, options=options)

    def observation(self, observation: Any) -> Any:
        return self.drawn.normal(size=observation.shape).astype("f4")


class Drowned(gymnasium.RewardWrapper):
    """Pays what it should, and a hundred to a thousand times that in noise."""

    def __init__(self, env: gymnasium.Env, rng: np.random.Generator):
        super().__init__(env)
        self.size = env.unwrapped.pay * _about(rng, 100.0, 1_000.0)
        self.drawn = np.random.default_rng()

    def reset(self, *, seed=None, options=None):
        self.drawn = _own(seed, 4)
        return super().reset(seed=seed, options=options)

    def reward(self, reward: Any) -> float:
        return float(reward) + self.size * float(self.drawn.normal())


class Lock(Toy):
    """Pays for one sequence of thirty choices or so; shows the last, not whether it fits."""

    def __init__(self, rng: np.random.Generator):
        options = _between(rng, OPTIONS)
        super().__init__(rng, 2, int(np.ceil(30 * np.log(2) / np.log(options))))
        self.key = rng.integers(options, size=self.steps)
        self.action_space = spaces.Discrete(options)
        self.fits, self.last = True, 0

    def start(self) -> None:
        self.fits, self.last = True, 0

    def act(self, action: Any) -> float:
        self.last = int(action)
        self.fits = self.fits and bool(action == self.key[self.taken])
        return float(self.fits and self.taken == self.steps - 1)

    def seen(self) -> np.ndarray:
        return np.array([self.taken / self.steps, self.last])

    def whole(self) -> np.ndarray:
        return np.array([float(self.fits)])


class Late(Match):
    """Pays for the first choice, at the end of a very long episode."""

    def __init__(self, rng: np.random.Generator):
        super().__init__(rng)
        self.steps = _between(rng, (500, 900))
        self.earned = 0.0

    def act(self, action: Any) -> float:
        if self.taken == 0:
            self.earned = float(action == self.right())
        self.cue = self.np_random.normal(size=self.width)
        return self.earned * float(self.taken == self.steps - 1)

    def whole(self) -> np.ndarray:
        return np.append(self.cue, self.earned)


class Mirrored(Steer):
    """Shows how far it is off, not to which side."""

    def seen(self) -> np.ndarray:
        return np.abs(super().seen())

    def whole(self) -> np.ndarray:
        return super().seen()


class Alike(Match):
    """Two situations that ask for different choices are shown as one and the same."""

    def __init__(self, rng: np.random.Generator):
        super().__init__(rng)
        first, second = rng.choice(len(self.teacher), 2, replace=False)
        self.teacher = np.zeros_like(self.teacher)
        self.teacher[first, 0], self.teacher[second, 0] = 1.0, -1.0

    def seen(self) -> np.ndarray:
        return np.abs(self.cue)

    def whole(self) -> np.ndarray:
        return self.cue


class Long(Walk):
    """A corridor much longer than the time limit that comes with it."""

    def __init__(self, rng: np.random.Generator):
        super().__init__(rng, (30, 80))
        self.steps = 100 * self.length


def _cut(rng: np.random.Generator) -> gymnasium.Env:
    env = Long(rng)
    limit = int(env.length * rng.uniform(0.4, 0.9))
    return gymnasium.wrappers.TimeLimit(env, max_episode_steps=limit)


def _any(rng: np.random.Generator) -> gymnasium.Env:
    return SOUND[str(rng.choice(list(SOUND)))](rng)


def _endless(rng: np.random.Generator) -> gymnasium.Env:
    """One whose length nothing changes: else its end would be something to choose."""
    return rng.choice(np.array([Match, Steer]))(rng)


HOPELESS: dict[str, Callable[[np.random.Generator], gymnasium.Env]] = {
    "hidden": Unseen,
    "forgotten": Recall,
    "reward by chance": lambda rng: Chance(Steer(rng), rng),  # where actions do move things
    "deaf": lambda rng: Deaf(_any(rng), rng),
    "shows noise": lambda rng: Snow(Match(rng), rng),
    "drowned": lambda rng: Drowned(_endless(rng), rng),
    "needle": Lock,
    "late": Late,
    "alike": lambda rng: rng.choice(np.array([Mirrored, Alike]))(rng),
    "cut": _cut,
}

RIGHT: dict[str, tuple[str, ...]] = {
    "hidden": ("observation",),
    "forgotten": ("memory",),
    "reward by chance": ("reward",),
    "deaf": ("actions",),
    "shows noise": ("observation",),
    "drowned": ("noise",),
    "needle": ("exploration",),
    "late": ("horizon",),
    "alike": ("observation", "memory"),
    "cut": ("time",),
}


def sound(kind: str, seed: int) -> gymnasium.Env:
    """A job that can be learned."""
    return SOUND[kind](np.random.default_rng([seed, 1]))


def hopeless(kind: str, seed: int) -> gymnasium.Env:
    """A job that lacks what success would need."""
    return HOPELESS[kind](np.random.default_rng([seed, 2]))
