"""Chemical plant operator: hold a reactor's concentration by the temperature of its coolant.

A jacketed, exothermic stirred tank (CSTR); the target differs from run to run; a quarter of
a minute a step. The package's own Gymnasium wrapper neither compiles its step nor advances
its random key, so each reset without a seed would be the same run: we step the functional
environment ourselves. The incumbent is the package's tuned PID controller.

Left out: its seventeen other plants, and its model-predictive controller (94.6, recorded by
the package's authors).
"""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array


class Plant(gym.Env):
    """A functional plant as a Gymnasium environment: compiled steps, a new run each reset.

    Args:
      plant: an environment of target_gym's, such as ``CSTR()``.
      params: its parameters; the package's defaults where None.
    """

    def __init__(self, plant: Any, params: Any = None) -> None:
        import jax

        self.plant = plant
        self.params = plant.default_params if params is None else params
        self._key = jax.random.key
        self._reset = jax.jit(plant.reset_env)
        self._advance = jax.jit(self._step_and_limit)
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, plant.obs_shape, np.float32)
        amounts = plant.action_space(self.params)
        self.action_space = gym.spaces.Box(
            np.asarray(amounts.low, np.float32),
            np.asarray(amounts.high, np.float32),
            dtype=np.float32,
        )
        self._state: Any = None
        self._run_key: Any = None

    def _step_and_limit(self, key: Any, state: Any, action: Any, params: Any) -> Any:
        shown, state, reward, terminated, _ = self.plant.step_env(key, state, action, params)
        return shown, state, reward, terminated, self.plant.is_truncated(state, params)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Starts another run, drawn from the seed or from the last one given."""
        super().reset(seed=seed)
        self._run_key = self._key(int(self.np_random.integers(2**31)))
        shown, self._state = self._reset(self._run_key, self.params)
        return np.asarray(shown, np.float32), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Holds the action for one step of the plant."""
        amounts = np.asarray(action, np.float32)
        shown, self._state, reward, terminated, truncated = self._advance(
            self._run_key, self._state, amounts, self.params
        )
        over = bool(terminated)
        return np.asarray(shown, np.float32), float(reward), over, bool(truncated), {}


def make() -> gym.Env:
    """Builds the stirred tank, 100 steps a run."""
    with warnings.catch_warnings():
        # A package that it brings announces the features that it was installed without.
        warnings.filterwarnings("ignore", message="The .* feature")
        import target_gym

    return Plant(target_gym.CSTR())


def shipped_pid(env: gym.Env) -> Policy:
    """The package's PID controller on the concentration, started afresh."""
    plant: Any = env.unwrapped
    controller = plant.plant.make_pid()

    def act(observation: Array, info: dict[str, Any]) -> Array:
        return np.atleast_1d(np.asarray(controller(observation), np.float32))

    return act


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="plant-operator",
        title="Hold a chemical reactor at its target by cooling it",
        make=make,
        package="target-gym==0.6.1",
        extra="plant-operator",
        module="target_gym",
        step_seconds=15.0,
        random_score=36.4,
        incumbent=Incumbent("shipped PID", 89.7, shipped_pid),
        budget_steps=20_000,
        note="Pins gymnasium below 1.4 and brings some 450 MB (casadi, ffmpeg): give it an "
        "environment of its own. The first step compiles.",
    ),
)
