"""Two jobs that tell a value function from none; for `benchmarks.delay` and its tests.

Payday: every decision counts, but what the decisions earned is paid out only after D of
them. The same job at every D: only the delay differs. A fork whose branches are walked so far
that it shows where they lead, and no further: how that ends was seen elsewhere alone.

Left out: jobs whose observation hides what was done (there a value function has nothing to
read either), and outcomes that hang on how the decisions go together.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit

FORK = "fork"  # names of the jobs in plans; payday's delay comes after a hyphen
PAYDAY = "payday"
BAR = 0.9  # share of right keys at payday; the best policy has 1, chance a quarter

Told = tuple[dict[str, Any], float, bool, bool, dict[str, Any]]


class Payday(gymnasium.Env):
    """A signal lights up; each of `SIGNALS` has one right key among as many.

    A press adds 1 (the right key) or 0 to a counter in plain sight, and noise of standard
    deviation `NOISE` in either case. After `delay` presses the counter is paid out, as the
    only reward, and the episode is over. With a delay of 1 every press is paid at once.

    `info["right"]` says whether the key was right: for examiners, no learner reads it.
    """

    SIGNALS = 4
    NOISE = 0.5
    RIGHT = (2, 0, 3, 1)  # key for each signal

    def __init__(self, delay: int):
        if delay < 1:
            raise ValueError(f"a delay of {delay} decisions; expected at least 1")
        self.observation_space = spaces.Dict(
            {
                "signal": spaces.Discrete(self.SIGNALS),
                "counter": spaces.Box(-np.inf, np.inf, (1,), np.float32),
                "passed": spaces.Box(0.0, 1.0, (1,), np.float32),
            }
        )
        self.action_space = spaces.Discrete(self.SIGNALS)
        self._delay = delay
        self._presses = self._signal = 0
        self._counter = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode, as Gymnasium has it."""
        super().reset(seed=seed)
        self._presses, self._counter = 0, 0.0
        return self._show(), {}

    def step(self, action: Any) -> Told:
        """Takes one press, as Gymnasium has it. Episodes end by termination."""
        is_right = int(action) == self.RIGHT[self._signal]
        self._counter += is_right + self.NOISE * float(self.np_random.standard_normal())
        self._presses += 1
        is_payday = self._presses == self._delay
        paid = self._counter if is_payday else 0.0
        return self._show(), paid, is_payday, False, {"right": is_right}

    def _show(self) -> dict[str, Any]:
        self._signal = int(self.np_random.integers(self.SIGNALS))
        return {
            "signal": self._signal,
            "counter": np.array([self._counter], np.float32),
            "passed": np.array([self._presses / self._delay], np.float32),
        }


def payday(delay: int) -> gymnasium.Env:
    """The job with its time limit declared, as learners that plan by one want it."""
    return TimeLimit(Payday(delay), delay)


class Fork(gymnasium.Env):
    """A walk of `WALK` steps from a fork to one of two regions, then `WALK` through it.

    At the fork option 0 leads towards the swamp, option 1 towards the meadow; elsewhere both
    options go on. The walk through the meadow ends with an outcome of 1, through the swamp
    with −1; nothing else is ever paid.

    Args:
      from_fork: episodes begin at the fork and are broken off where a region begins, so no
        outcome is ever seen in them. Otherwise they begin at a region (by chance which),
        reached by another road, and go on to its outcome.
    """

    WALK = 10
    SWAMP, MEADOW = -1.0, 1.0  # as shown, and as paid at the end

    def __init__(self, from_fork: bool):
        self.observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._from_fork = from_fork
        self._side = 0.0
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode, as Gymnasium has it."""
        super().reset(seed=seed)
        if self._from_fork:
            self._side, self._steps = 0.0, 0
        else:
            self._side = float(self.np_random.choice((self.SWAMP, self.MEADOW)))
            self._steps = self.WALK
        return self.shown(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Takes one step, as Gymnasium has it: broken off episodes are truncated."""
        if self._side == 0.0:
            self._side = (self.SWAMP, self.MEADOW)[int(action)]
        self._steps += 1
        is_over = self._steps == 2 * self.WALK
        is_broken_off = self._from_fork and self._steps == self.WALK
        return self.shown(), self._side * is_over, is_over, is_broken_off, {}

    def shown(self) -> np.ndarray:
        """Which side (0 at the fork), and how far along it."""
        return np.array([self._side, self._steps / (2 * self.WALK)], np.float32)
