"""Copies of one job, each in a process of its own, stepped at the same time.

    with Copies("CartPole-v1", spec, 4) as copies:
        shown = copies.reset({0: 7, 1: 8, 2: 9, 3: 10})
        steps = copies.step({at: action for at, observation in shown.items()})

Where one step of an environment takes long, that many are lived in the same time. The processes
are Gymnasium's (`AsyncVectorEnv`), none of which resets by itself: worlds have seeds, and those
of exams must not be lived. What goes between them is flat arrays, whatever the job shows.

Processes are spawned: a program that works so needs `if __name__ == "__main__":`.

Left out: environments that come as vectors (their worlds cannot be told apart).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AsyncVectorEnv, AutoresetMode

from quickstudy.closing import Closing
from quickstudy.errors import JobFailed, QuickstudyError
from quickstudy.jobs import registry
from quickstudy.jobs.gym import GymJob
from quickstudy.types import Array, End, Observation, Spec, Step

FAILED = "failed"  # in a copy's info: the error that a job of one's own would have raised
CLOSE_SECONDS = 5.0


class Copies(Closing):
    """`number` copies of a job; what a job does for one, it does for several.

    Args:
      name: as in `registry.make`. spec: what such a job shows and takes.

    Raises:
      JobFailed: the processes cannot be started.
    """

    def __init__(self, name: str, spec: Spec, number: int):
        self.number = number
        self._name, self._spec = name, spec
        self._actions = np.full((number, len(spec.choices) + spec.amounts), np.nan, np.float32)
        copies = [partial(Copy, name, spec, gymnasium.registry.get(name))] * number
        try:
            self._envs = AsyncVectorEnv(
                copies, context="spawn", autoreset_mode=AutoresetMode.DISABLED
            )
        except (EOFError, OSError) as error:
            raise JobFailed(
                f"Came {number} copies of job '{name}' to work at once, and their processes "
                f"did not start ({error}). In a program of your own, call it under "
                '`if __name__ == "__main__":`; else ask for fewer.'
            ) from error

    def reset(self, seeds: Mapping[int, int]) -> dict[int, Observation]:
        """Starts an episode in each copy that has a seed; what they show.

        Raises:
          JobFailed, BadObservation: as a job does; or a copy's process is gone.
        """
        chosen = np.array([at in seeds for at in range(self.number)])
        told = [seeds.get(at) for at in range(self.number)]
        raw, info = self._ask(
            lambda: self._envs.reset(seed=told, options={"reset_mask": chosen})
        )
        self._check(info)
        return {at: self._shown(raw[at]) for at in seeds}

    def step(self, actions: Mapping[int, Array]) -> dict[int, Step]:
        """Takes a flat action in each copy that has one; the others wait.

        Raises:
          JobFailed, BadObservation: as `reset`.
        """
        self._actions[:] = np.nan
        for at, flat in actions.items():
            self._actions[at] = flat
        raw, rewards, terminated, truncated, info = self._ask(
            lambda: self._envs.step(self._actions)
        )
        self._check(info)
        steps = {}
        for at in actions:
            end = End.of(terminated[at], truncated[at])
            steps[at] = Step(self._shown(raw[at]), float(rewards[at]), end)
        return steps

    def close(self) -> None:
        """Ends the processes; twice does no harm."""
        if self._envs.closed:
            return
        try:
            self._envs.close(timeout=CLOSE_SECONDS)
        except (EOFError, OSError):  # one of them is gone already
            self._envs.close(terminate=True)

    def _ask(self, call: Any) -> Any:
        try:
            return call()
        except (EOFError, OSError) as error:
            raise JobFailed(
                f"A process that worked on job '{self._name}' is gone: it was killed, or the "
                "machine had no memory left. The same command goes on; with fewer at once it "
                "needs less."
            ) from error

    def _check(self, info: Mapping[str, Any]) -> None:
        for error in filter(None, info.get(FAILED, ())):
            raise error

    def _shown(self, told: Array) -> Observation:
        raw, mask = np.split(told, [self._spec.raw_size])
        allowed = mask > 0.0
        return Observation(raw, None if allowed.all() else allowed)


class Copy(gymnasium.Env[Array, Array]):
    """One copy, as Gymnasium's process sees it: flat arrays in and out.

    What it shows is an observation's flat array and its mask, one after the other. An action
    of NaN lets it wait.
    """

    def __init__(self, name: str, spec: Spec, known: EnvSpec | None = None):
        """known: what Gymnasium knows by that name; it may be of a user's program."""
        self._name, self._spec, self._known = name, spec, known
        self._job: GymJob | None = None
        self._latest = np.zeros(spec.raw_size + spec.options, np.float32)
        anything = partial(gymnasium.spaces.Box, -np.inf, np.inf)
        self.observation_space = anything(self._latest.shape)
        self.action_space = anything((len(spec.choices) + spec.amounts,))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Begins an episode; makes the job first, so that nobody has one who never works."""
        try:
            if self._job is None:
                _serve_only_the_parent()
                if self._known is not None:
                    gymnasium.registry.setdefault(self._name, self._known)
                self._job = registry.make(self._name)
            self._keep(self._job.reset(seed))
        except QuickstudyError as error:
            return self._latest, {FAILED: error}
        return self._latest, {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """One step of the job; what failed is told, not raised: a process would show it all."""
        if np.isnan(action).any() or self._job is None:
            return self._latest, 0.0, False, False, {}
        try:
            step = self._job.step(action)
        except QuickstudyError as error:
            return self._latest, 0.0, True, False, {FAILED: error}
        self._keep(step.observation)
        is_terminated, is_truncated = step.end == End.TERMINATED, step.end == End.TRUNCATED
        return self._latest, step.reward, is_terminated, is_truncated, {}

    def close(self) -> None:
        """Closes the job, if it was made."""
        if self._job is not None:
            self._job.close()

    def _keep(self, shown: Observation) -> None:
        allowed = np.ones(self._spec.options) if shown.mask is None else shown.mask
        self._latest = np.concatenate([shown.raw, allowed], dtype=np.float32)


def _serve_only_the_parent() -> None:
    """A terminal's Ctrl-C is for whoever started us; and we end when they are gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        parent.join()
        os._exit(0)

    threading.Thread(target=follow, name="parent", daemon=True).start()
