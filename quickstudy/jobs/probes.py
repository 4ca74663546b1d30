"""Probe jobs: five tiny jobs, each of which needs one thing more than the one before.

A learner that fails here has a bug, and which probe it fails first says where to look.
Each comes with a discrete and a continuous action, and knows its own truth: the best and
the random return, and the worth of every situation under the best policy.

The idea of such a ladder is common practice (Andy Jones's debugging notes, rejax's test
environments); these are our own. Left out: exploration, and noise in the reward.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from quickstudy.jobs.entry import Entry
from quickstudy.types import Array

DELAY_STEPS = 5
REACH = 2.0  # continuous actions lie in [-2, 2], so that a missing rescaling shows


@dataclass(frozen=True)
class Truth:
    """What is known of a probe without learning it.

    Attributes:
      needs: what a learner that fails here gets wrong.
      steps: length of every episode.
      best_return: mean undiscounted return of the best policy.
      random_return: the same of uniformly random actions.
      worth: the best policy's expected discounted return, from an observation (in the
        job's own terms, not the last of an episode) and a discount in [0, 1].
    """

    needs: str
    steps: int
    best_return: float
    random_return: float
    worth: Callable[[Array, float], float]


@dataclass(frozen=True)
class Rules:
    """One probe: its truth for either kind of action, and how it pays.

    `reward` takes the observation before the action (a number), the action (+1 or -1 for
    the two choices, else the amount), the steps taken so far in the episode, and whether
    the action is continuous.
    """

    steps: int
    shows: Callable[[int, np.random.Generator], float]
    reward: Callable[[float, float, int, bool], float]
    discrete: Truth
    continuous: Truth


class Probe(gymnasium.Env):
    """A probe as a Gymnasium environment: Box(1) in [-1, 1] to Discrete(2) or Box(1).

    Its `truth` says what a learner should find. Option 1 counts as +1, option 0 as -1.
    """

    def __init__(self, rules: Rules, continuous: bool = False):
        self.truth = rules.continuous if continuous else rules.discrete
        self.observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.action_space = (
            spaces.Box(-REACH, REACH, (1,), np.float32) if continuous else spaces.Discrete(2)
        )
        self._rules = rules
        self._continuous = continuous
        self._steps = 0
        self._shown = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Starts an episode, as Gymnasium has it."""
        super().reset(seed=seed)
        self._steps = 0
        return self._show(), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Takes one action, as Gymnasium has it. Episodes end by termination."""
        amount = float(action[0]) if self._continuous else 2.0 * action - 1.0
        reward = self._rules.reward(self._shown, amount, self._steps, self._continuous)
        self._steps += 1
        return self._show(), reward, self._steps == self._rules.steps, False, {}

    def _show(self) -> Array:
        self._shown = self._rules.shows(self._steps, self.np_random)
        return np.array([self._shown], np.float32)


def _nothing(step: int, random: np.random.Generator) -> float:
    return 0.0


def _side(step: int, random: np.random.Generator) -> float:
    """Either end of the scale, by chance."""
    return float(random.choice((-1.0, 1.0)))


def _progress(step: int, random: np.random.Generator) -> float:
    """How much of the episode has passed, from 0 to 1."""
    return step / DELAY_STEPS


def _nearness(action: float, target: float, is_continuous: bool) -> float:
    """1 at the target; -1 at the wrong choice, or falling off with the distance squared."""
    return 1.0 - (action - target) ** 2 / (1.0 if is_continuous else 2.0)


def _delayed_worth(observation: Array, discount: float) -> float:
    steps_left = DELAY_STEPS - round(float(observation[0]) * DELAY_STEPS)
    return float(discount ** (steps_left - 1))


# Uniform actions in [-2, 2] miss a target at ±1 by E[(a - 1)²] = 4/3 + 1.
MISS = 1.0 - (REACH**2 / 3.0 + 1.0)

CONSTANT = Truth(
    "the loop itself: a reward that nothing changes", 1, 1.0, 1.0, lambda o, d: 1.0
)
OBSERVATION = Truth(
    "seeing: the reward is what was observed", 1, 0.0, 0.0, lambda o, d: float(o[0])
)
DELAYED = Truth(
    "bootstrapping and the discount: the reward comes at the end",
    DELAY_STEPS,
    1.0,
    1.0,
    _delayed_worth,
)
ACTION = Truth("choosing: the reward depends on the action", 1, 1.0, 0.0, lambda o, d: 1.0)
BOTH = Truth("choosing by what is seen", 1, 1.0, 0.0, lambda o, d: 1.0)


def _missing(truth: Truth) -> Truth:
    """The same probe with a continuous action, of which random ones fall further off."""
    return Truth(truth.needs, truth.steps, truth.best_return, MISS, truth.worth)


RULES: dict[str, Rules] = {
    "constant": Rules(1, _nothing, lambda o, a, t, c: 1.0, CONSTANT, CONSTANT),
    "observation": Rules(1, _side, lambda o, a, t, c: o, OBSERVATION, OBSERVATION),
    "delayed": Rules(
        DELAY_STEPS,
        _progress,
        lambda o, a, t, c: float(t == DELAY_STEPS - 1),
        DELAYED,
        DELAYED,
    ),
    "action": Rules(
        1, _nothing, lambda o, a, t, c: _nearness(a, 1.0, c), ACTION, _missing(ACTION)
    ),
    "both": Rules(1, _side, lambda o, a, t, c: _nearness(a, o, c), BOTH, _missing(BOTH)),
}

# name ("delayed", "delayed-continuous") → makes the environment; the ladder's order.
PROBES: dict[str, Callable[[], Probe]] = {
    name + suffix: functools.partial(Probe, rules, continuous)
    for suffix, continuous in (("", False), ("-continuous", True))
    for name, rules in RULES.items()
}


def register(registry: Any) -> None:
    """Adds the probes as jobs ("probe/delayed"): an entry point in group ``quickstudy``."""
    for name, make in PROBES.items():
        registry.add(_entry(f"probe/{name}", make))


def _entry(name: str, make: Callable[[], Probe]) -> Entry:
    truth = make().truth
    room = truth.best_return - truth.random_return
    return Entry(
        name=name,
        title=f"a probe of {truth.needs}",
        make=make,
        random_score=truth.random_return,
        budget_steps=1_000,
        threshold=truth.best_return - 0.1 * room,
        resets_freely=True,
        note="a test of learners, not work",
    )
