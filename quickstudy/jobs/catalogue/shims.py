"""Small wrappers between packages as they are and Gymnasium as it is meant.

Each mends one thing that more than one package of the catalogue gets wrong. What only one
package gets wrong is mended in the file of its profession. Left out: anything that makes a
job easier or harder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.entry import Move


class SeedEveryReset(gym.Wrapper):
    """Gives every reset a seed of its own, drawn from the last one that a caller gave.

    For packages that take fresh entropy where no seed is given (so that a run could not be
    repeated), or that read NumPy's global generator (`seeds_globally`).
    """

    def __init__(self, env: gym.Env, seeds_globally: bool = False) -> None:
        super().__init__(env)
        self._seeds = np.random.default_rng()
        self._seeds_globally = seeds_globally

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets with the caller's seed, or with the next one drawn."""
        if seed is not None:
            self._seeds = np.random.default_rng(seed)
        drawn = int(self._seeds.integers(2**31)) if seed is None else seed
        if self._seeds_globally:
            np.random.seed(drawn)
        return self.env.reset(seed=drawn, options=options)


class DropKeys(gym.ObservationWrapper):
    """Leaves entries out of a Dict observation, such as a text that never changes."""

    def __init__(self, env: gym.Env, keys: tuple[str, ...]) -> None:
        super().__init__(env)
        self._keys = keys
        assert isinstance(env.observation_space, gym.spaces.Dict)
        self.observation_space = gym.spaces.Dict(
            {k: v for k, v in env.observation_space.spaces.items() if k not in keys}
        )

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """The same observation without those entries."""
        return {k: v for k, v in observation.items() if k not in self._keys}


def gym_make(gym_id: str, **kwargs: Any) -> gym.Env:
    """`gym.make` without its passive checker, which warns where `check_job` judges."""
    return gym.make(gym_id, disable_env_checker=True, **kwargs)


Setter = Callable[[Any, float], None]


def moves(make: Callable[[], gym.Env], **change: Setter) -> dict[str, Move]:
    """Shifts that set attributes of the environment, once it is built.

    Args:
      change: what a person calls it → sets it on the bare environment, by a strength.
    """

    def move(set_it: Setter) -> Move:
        def build(strength: float) -> gym.Env:
            env = make()
            set_it(env.unwrapped, strength)
            return env

        return build

    return {name.replace("_", " "): move(set_it) for name, set_it in change.items()}


def scales(attribute: str, most: float) -> Setter:
    """Multiplies an attribute by what grows from 1 to `most` with the strength."""

    def set_it(env: Any, strength: float) -> None:
        setattr(env, attribute, getattr(env, attribute) * (1.0 + strength * (most - 1.0)))

    return set_it
