"""Grid operator: keep a power grid up, five minutes a step, by lines and by generators.

RTE's region of 36 substations with the two scenarios that the package ships; an episode ends
where the lights go out. Of the grid's 67,000 settings we offer those of one line (on, off) and
of one generator (re-dispatch); changing how a substation is split is left out.

The incumbent does nothing, which on most days is what operators do.
"""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import SeedEveryReset
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array

SHOWN = (
    "rho",
    "line_status",
    "time_before_cooldown_line",
    "gen_p",
    "load_p",
    "actual_dispatch",
    "target_dispatch",
    "hour_of_day",
    "day_of_week",
)
SETTINGS = ("set_line_status_simple", "redispatch")


class Grid(gym.Wrapper):
    """Shows part of the grid's state as float32, and takes plain choices."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        shown: Any = env.observation_space
        choices: Any = env.action_space
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, shown.shape, np.float32)
        self.action_space = gym.spaces.Discrete(int(choices.n))

    def reset(self, **kwargs: Any) -> tuple[Array, dict[str, Any]]:
        """Starts a scenario; what the package tells of it is left out."""
        observation, _ = self.env.reset(**kwargs)
        return np.asarray(observation, np.float32), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Applies one setting (0: none) for five minutes."""
        observation, reward, terminated, truncated, _ = self.env.step(int(action))
        return np.asarray(observation, np.float32), float(reward), terminated, truncated, {}


def make() -> gym.Env:
    """Builds the region with the fast power flow and the scenarios in the package."""
    with warnings.catch_warnings():
        # It warns that the shipped scenarios are few, and of parts we do not use.
        warnings.simplefilter("ignore")
        import grid2op
        from grid2op.gym_compat import BoxGymObsSpace, DiscreteActSpace, GymEnv
        from lightsim2grid import LightSimBackend

        grid = grid2op.make("l2rpn_neurips_2020_track1", test=True, backend=LightSimBackend())
        env = GymEnv(grid)
        env.observation_space = BoxGymObsSpace(grid.observation_space, attr_to_keep=list(SHOWN))
        env.action_space = DiscreteActSpace(grid.action_space, attr_to_keep=list(SETTINGS))
    return SeedEveryReset(Grid(env))


def do_nothing(env: gym.Env) -> Policy:
    """Leaves the grid as it is."""
    return lambda observation, info: 0


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="grid-operator",
        title="Keep a power grid up by switching lines and shifting generation",
        make=make,
        package="grid2op==1.12.6",
        extra="grid-operator",
        module="grid2op",
        step_seconds=300.0,
        random_score=1_286.0,
        incumbent=Incumbent("do nothing", 24_957.0, do_nothing),
        budget_steps=20_000,
        note="Returns differ greatly from scenario to scenario: compare on the same seeds.",
    ),
)
