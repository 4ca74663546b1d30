"""Radio network operator: which phone connects to which mast.

Three masts, five walkers, one second a step; all masts may serve a phone, and share their
band among those they serve. An action names one mast for each phone, to connect where it is
not connected and to let go where it is, or 0 for nothing. The package ignores the seed given
to `reset`, so we set its generators. The incumbent is the usual rule: the strongest signal.

Left out: larger networks and one learner for each phone.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import gym_make
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array

GYM_ID = "mobile-small-central-v0"


class ObeySeeds(gym.Wrapper):
    """Passes a seed on to the walkers' generator, and shows float32."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Resets; where a seed is given, walks and starts follow from it."""
        if seed is not None:
            core: Any = self.env.unwrapped
            core.movement.rng = np.random.default_rng(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        return observation.astype(np.float32), info

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Steps as the package does."""
        observation, reward, *ends, info = self.env.step(action)
        return observation.astype(np.float32), float(reward), *ends, info  # type: ignore[return-value]


def make() -> gym.Env:
    """Builds the small network under one operator."""
    import mobile_env  # noqa: F401  (registers its environments)

    return ObeySeeds(gym_make(GYM_ID))


def strongest_signal(env: gym.Env) -> Policy:
    """Each phone on the mast that it hears best, and on no other."""
    core: Any = env.unwrapped
    masts = int(core.NUM_STATIONS)

    def switch(connected: Array, signals: Array) -> int:
        best = int(np.argmax(signals))
        if not connected[best]:
            return best + 1
        others = [mast for mast in range(masts) if connected[mast] and mast != best]
        return others[0] + 1 if others else 0

    def act(observation: Array, info: dict[str, Any]) -> Array:
        phones = observation.reshape(-1, 2 * masts + 1)
        return np.asarray([switch(p[:masts], p[masts : 2 * masts]) for p in phones])

    return act


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="radio-operator",
        title="Connect five walking phones to three masts",
        make=make,
        package="mobile-env==2.1.0",
        extra="radio-operator",
        module="mobile_env",
        gym_id=GYM_ID,
        step_seconds=1.0,
        random_score=-38.5,
        incumbent=Incumbent("strongest signal", 2.2, strongest_signal),
        budget_steps=20_000,
        note="Brings pygame, which cannot stand beside the pygame-ce of the box2d and minigrid "
        "extras.",
    ),
)
