"""Drills: worlds so small that the truth about them is known, each made to show one fault.

A `Drill` has a few *kinds* of episode, drawn at random; a kind says what is shown, what is paid
and how it ends. A `Diary` is never twice the same, so that whatever is remembered of it can be
held against what was told. Unlike the probe jobs (`quickstudy.jobs.probes`), on which anyone
may work, both keep count of what was done in them.

Whose idea: the probe environments of Andy Jones ("Debugging RL, Without the Agonizing Pain").
Left out: images, several factors, noise in what is paid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from quickstudy.types import Array

REACH = 2.0  # amounts lie in [-2, 2], so that a missing rescaling shows

Came = tuple[Array, float, bool, bool, dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """One kind of episode.

    Attributes:
      shows: what is seen after so many steps.
      pays: the reward of an action taken after so many steps.
      steps: length of the episode.
      is_truncated: whether it ends by truncation instead of termination.
      allows: which options are allowed after so many steps; None where all are.
    """

    shows: Callable[[int], Sequence[float]]
    pays: Callable[[int, float], float]
    steps: int = 1
    is_truncated: bool = False
    allows: Callable[[int], Sequence[bool]] | None = None


class Drill(gymnasium.Env):
    """Episodes of `kinds`, evenly by chance; `options` choices, or one amount where 0.

    taken: every action as it came in, oldest first.
    """

    def __init__(self, kinds: Sequence[Kind], options: int = 2):
        width = len(kinds[0].shows(0))
        self.observation_space = spaces.Box(-np.inf, np.inf, (width,), np.float32)
        self.action_space = (
            spaces.Discrete(options) if options else spaces.Box(-REACH, REACH, (1,), np.float32)
        )
        self.taken: list[float] = []
        self._kinds, self._kind, self._steps = kinds, kinds[0], 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Starts an episode of some kind, as Gymnasium has it."""
        super().reset(seed=seed)
        self._kind = self._kinds[int(self.np_random.integers(len(self._kinds)))]
        self._steps = 0
        return self._shown()

    def step(self, action: Any) -> Came:
        """Takes one action, as Gymnasium has it."""
        self.taken.append(float(np.ravel(action)[0]))
        reward = self._kind.pays(self._steps, self.taken[-1])
        self._steps += 1
        is_over, is_truncated = self._steps == self._kind.steps, self._kind.is_truncated
        shown, info = self._shown()
        return shown, reward, is_over and not is_truncated, is_over and is_truncated, info

    def _shown(self) -> tuple[Array, dict[str, Any]]:
        shown = np.array(self._kind.shows(self._steps), np.float32)
        if self._kind.allows is None:
            return shown, {}
        return shown, {"action_mask": np.array(self._kind.allows(self._steps), np.int8)}


class Diary(gymnasium.Env):
    """Three numbers that wander off, three options of which some are forbidden, any reward.

    Episodes last one to eight steps and end either way. taken: as in `Drill`.
    """

    AWAY, DRIFT, SPREAD = 50.0, 0.2, 5.0  # where numbers begin; a step's drift; their spread
    OPTIONS, LONGEST = 3, 8

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float32)
        self.action_space = spaces.Discrete(self.OPTIONS)
        self.taken: list[float] = []
        self._left = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Starts an episode, as Gymnasium has it."""
        super().reset(seed=seed)
        self._left = int(self.np_random.integers(1, self.LONGEST + 1))
        return self._shown()

    def step(self, action: Any) -> Came:
        """Takes one action, as Gymnasium has it."""
        self.taken.append(float(np.ravel(action)[0]))
        self._left -= 1
        shown, info = self._shown()
        over, is_truncated = self._left == 0, bool(self.np_random.random() < 0.5)
        reward = float(1.0 + self.np_random.normal())
        return shown, reward, over and not is_truncated, over and is_truncated, info

    def _shown(self) -> tuple[Array, dict[str, Any]]:
        middle = self.AWAY + self.DRIFT * len(self.taken)
        shown = self.np_random.normal(middle, self.SPREAD, 3).astype(np.float32)
        mask = self.np_random.random(self.OPTIONS) < 0.6
        mask[self.np_random.integers(self.OPTIONS)] = True
        return shown, {"action_mask": mask.astype(np.int8)}
