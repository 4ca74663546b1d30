"""Gymnasium environments as jobs.

Left out: vector environments (a job is one stream), rendering, and seeding of global
random generators: an environment that draws from those is not repeatable, and
`check_job` says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

import gymnasium
import numpy as np

from quickstudy.errors import BadObservation, JobFailed
from quickstudy.jobs.layout import Layout, spec_of
from quickstudy.types import Array, End, Observation, Step


class GymJob:
    """A Gymnasium environment as a Job.

    Args:
      env: the environment; the job closes it.
      step_seconds: real time that one step stands for [s], where known.
      name: what a person calls it; by default the environment's id or class.

    Raises:
      UnsupportedSpace: names the part of the spaces that has no representation.
    """

    def __init__(
        self, env: gymnasium.Env, step_seconds: float | None = None, name: str | None = None
    ):
        self.env = env
        self.name = name or (env.spec.id if env.spec else type(env.unwrapped).__name__)
        self.spec = spec_of(
            env.observation_space, env.action_space, _max_steps(env), step_seconds
        )
        self.layout = Layout(self.spec)
        self._steps: int | None = None  # in this episode; None where none is under way
        self._is_closed = False

    def reset(self, seed: int | None = None) -> Observation:
        """Starts an episode; see `Job.reset`."""
        self._steps = None
        came = self._run("reset", lambda: self.env.reset(seed=seed))
        observation, info = self._parts(came, 2, "reset", "observation, info")
        shown = self._pack(observation, info, over=False)
        self._steps = 0
        return shown

    def step(self, action: Array) -> Step:
        """Takes a flat action; see `Job.step`. Terminated counts before truncated."""
        if self._steps is None:
            raise ValueError(f"Job '{self.name}' has no episode under way: call reset first.")
        own_action = self.layout.unpack(action)
        self._steps += 1
        try:
            came = self.env.step(own_action)
        except Exception as error:
            self._fail("step", error)
        expected = "observation, reward, terminated, truncated, info"
        observation, reward, terminated, truncated, info = self._parts(
            came, 5, "step", expected
        )
        end = End.of(terminated, truncated)
        shown = self._pack(observation, info, over=end is not End.NOT)
        earned = (
            reward if type(reward) is float and reward - reward == 0 else self._number(reward)
        )
        if end is not End.NOT:
            self._steps = None
        return Step(shown, earned, end, info)

    def close(self) -> None:
        """Closes the environment, once."""
        if not self._is_closed:
            self._is_closed = True
            self._steps = None
            self._run("close", self.env.close)

    def _run(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            self._fail(what, error)

    def _fail(self, what: str, error: Exception) -> NoReturn:
        """An episode that failed is over: only a reset can say where the job stands."""
        when, self._steps = self._when(), None
        message = " ".join(str(error).split())
        raise JobFailed(
            f"Job '{self.name}' raised {type(error).__name__} in {what}{when}: "
            f"{message or 'no message'}. Reset it, or fix the environment."
        ) from error

    def _parts(self, came: Any, count: int, what: str, expected: str) -> Any:
        if isinstance(came, tuple | list) and len(came) == count:
            return came
        size = f"{len(came)} values" if isinstance(came, tuple) else type(came).__name__
        raise JobFailed(
            f"Job '{self.name}' returned {size} from {what}{self._when()}; expected {count}: "
            f"{expected}. Fix the environment, or wrap it to Gymnasium's current interface."
        )

    def _pack(self, observation: Any, info: Any, over: bool) -> Observation:
        try:
            return self.layout.pack(observation, info, over)
        except BadObservation as error:
            when, self._steps = self._when() or " at reset", None
            raise BadObservation(f"Job '{self.name}'{when}: {error}") from None

    def _number(self, reward: Any) -> float:
        """A reward that is not a finite Python float, if it is a number all the same."""
        if np.ndim(reward) == 0:
            try:
                number = float(reward)
            except (TypeError, ValueError):
                number = math.nan
            if math.isfinite(number) and not isinstance(reward, str):
                return number
        when, self._steps = self._when(), None
        raise BadObservation(
            f"Job '{self.name}'{when}: the reward does not fit: came {_short(repr(reward))}, "
            "expected one finite number; make the environment return float(reward)."
        )

    def _when(self) -> str:
        return "" if self._steps is None else f", step {self._steps} of its episode"


def _max_steps(env: gymnasium.Env) -> int | None:
    """The time limit that is enforced: a TimeLimit wrapper's, else the registered one."""
    layer: Any = env
    while isinstance(layer, gymnasium.Wrapper):
        if isinstance(layer, gymnasium.wrappers.TimeLimit):
            return int(layer._max_episode_steps)
        layer = layer.env
    return env.spec.max_episode_steps if env.spec else None


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
