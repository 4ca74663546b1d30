"""Sysadmin and fire chief: two planning problems of the International Planning Competition.

SysAdmin: ten computers in a network, which fail by contagion; reboot one at a time. Wildfire:
a grid of cells, three of them worth protecting; put out a fire or cut a firebreak. Both have
an hour-less horizon of forty decisions. The package's spaces are dictionaries of flags; the
adapter shows them as one vector of 0 and 1, and offers as one choice what may be done, since
one thing at a time may be.

Left out: the repository's other problems and instances.
"""

from __future__ import annotations

import contextlib
import io
import logging
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import SeedEveryReset
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array


class OneAtATime(gym.Wrapper):
    """Flags as a vector; choice 0 does nothing, choice k sets the k-th action alone."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        flags, actions = env.observation_space, env.action_space
        assert isinstance(flags, gym.spaces.Dict)
        assert isinstance(actions, gym.spaces.Dict)
        self.flags, self.names = list(flags.spaces), list(actions.spaces)
        self.observation_space = gym.spaces.Box(0.0, 1.0, (len(self.flags),), np.float32)
        self.action_space = gym.spaces.Discrete(len(self.names) + 1)

    def _vector(self, state: dict[str, Any]) -> Array:
        return np.asarray([float(state[flag]) for flag in self.flags], np.float32)

    def reset(self, **kwargs: Any) -> tuple[Array, dict[str, Any]]:
        """Starts the problem."""
        state, _ = self.env.reset(**kwargs)
        return self._vector(state), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Does one thing, or nothing; the horizon truncates."""
        chosen = {self.names[int(action) - 1]: 1} if int(action) else {}
        state, reward, terminated, truncated, _ = self.env.step(chosen)
        return self._vector(state), float(reward), bool(terminated), bool(truncated), {}


def make(domain: str) -> gym.Env:
    """Builds instance 1 of a domain of the repository. The parser's chatter is kept back."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            import pyRDDLGym

            env = pyRDDLGym.make(domain, "1")
    finally:
        logging.disable(logging.NOTSET)
    return SeedEveryReset(OneAtATime(env))


def _find(env: gym.Env) -> OneAtATime:
    while not isinstance(env, OneAtATime):
        assert isinstance(env, gym.Wrapper)
        env = env.env
    return env


def reboot_the_first_down(env: gym.Env) -> Policy:
    """Reboots the first computer that does not run."""
    adapter = _find(env)

    def act(observation: Array, info: dict[str, Any]) -> int:
        down = [i for i, flag in enumerate(adapter.flags) if not observation[i]]
        if not down:
            return 0
        computer = adapter.flags[down[0]].split("___")[1]
        return adapter.names.index(f"reboot___{computer}") + 1

    return act


def put_out_targets_first(env: gym.Env) -> Policy:
    """Puts out a burning cell, one that must be protected before any other."""
    adapter = _find(env)
    targets = _targets(adapter)

    def act(observation: Array, info: dict[str, Any]) -> int:
        shown = dict(zip(adapter.flags, observation, strict=True))
        burning = [f.split("___", 1)[1] for f in shown if f.startswith("burning") and shown[f]]
        if not burning:
            return 0
        cell = min(burning, key=lambda place: place not in targets)
        return adapter.names.index(f"put-out___{cell}") + 1

    return act


def _targets(adapter: OneAtATime) -> set[str]:
    model: Any = adapter.unwrapped
    facts = model.model.non_fluents["TARGET"]
    cells = [flag.split("___", 1)[1] for flag in adapter.flags if flag.startswith("burning")]
    return {cell for cell, is_one in zip(cells, np.ravel(facts), strict=True) if is_one}


def _entry(name: str, title: str, domain: str, random: float, incumbent: Incumbent) -> Entry:
    return Entry(
        name=name,
        title=title,
        make=partial(make, domain),
        package="pyRDDLGym==2.7",
        extra=name,
        module="pyRDDLGym",
        random_score=random,
        incumbent=incumbent,
        budget_steps=20_000,
        note=f"{domain}, instance 1, of rddlrepository 2.2; a step stands for no fixed time.",
    )


ENTRIES: tuple[Entry, ...] = (
    _entry(
        "sysadmin",
        "Keep ten computers running by rebooting one at a time",
        "SysAdmin_MDP_ippc2011",
        218.3,
        Incumbent("reboot the first that is down", 342.3, reboot_the_first_down),
    ),
    _entry(
        "fire-chief",
        "Keep a wildfire from the cells that matter",
        "Wildfire_MDP_ippc2014",
        -4_900.0,
        Incumbent("put out, protected cells first", -430.3, put_out_targets_first),
    ),
)
