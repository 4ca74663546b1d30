"""One run of a peer: Stable-Baselines3 or SBX, everything at its default.

The default is what `DQN("MlpPolicy", env, seed=…)` gives. Steps are environment steps; DQN's
exploration schedule follows from them, as it would for a user who asks for so many. Both get
the same environment as our learner, from the catalogue, and are evaluated alike.

Left out: tuned settings (a table of its own), several environments at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.runs import Clock, Plan
from benchmarks.worker import Evaluate, Record, world_seeds

UPDATES = 256  # in one call, where speed is measured
SMALL, SMALL_BATCH = (64, 64), 64  # units and rows where all do the same work
LIBRARIES = {"sb3": "stable_baselines3", "sbx": "sbx"}
PACKAGES = {"sb3": ("stable-baselines3", "torch"), "sbx": ("sbx-rl", "jax", "jaxlib")}


def algorithms(library: str, is_discrete: bool) -> list[str]:
    """Names of a library's algorithms for a kind of action: "sb3-dqn", …"""
    return [f"{library}-{name}" for name in ("dqn" if is_discrete else "sac", "ppo")]


def is_discrete(job: str) -> bool:
    """Of the two jobs that updates are timed on."""
    return job == "CartPole-v1"


class Watched(gym.Wrapper):
    """Tells the record of decisions and of episodes that ended."""

    def __init__(self, env: gym.Env, record: Record) -> None:
        super().__init__(env)
        self._record, self._earned = record, 0.0

    def reset(self, **kwargs: Any) -> Any:
        self._earned = 0.0
        return self.env.reset(**kwargs)

    def step(self, action: Any) -> Any:
        self._record.decided()
        came = self.env.step(action)
        self._earned += float(came[1])
        if came[2] or came[3]:
            self._record.ended(self._earned)
        return came


def learn(plan: Plan, clock: Clock) -> dict[str, Any]:
    """Learns for `plan.steps` steps, evaluated on the way; see `worker`."""
    with clock.paused():
        from quickstudy.jobs import registry
    library, _, name = plan.algorithm.partition("-")
    algorithm = getattr(importlib.import_module(LIBRARIES[library]), name.upper())
    from stable_baselines3.common.callbacks import BaseCallback

    entry = registry.registry().find(plan.job)
    env = entry.make()
    record = Record(plan, clock, evaluate=lambda worlds: [])
    watched = Watched(env, record)
    model = algorithm("MlpPolicy", watched, seed=plan.seed)

    record.evaluate = lockstep(
        entry.make,
        lambda observations: model.predict(observations, deterministic=True)[0],
        world_seeds(entry.name),
    )

    class Evaluations(BaseCallback):  # type: ignore[misc]
        def _on_step(self) -> bool:
            record.stepped(self.num_timesteps)
            return self.num_timesteps < plan.steps

    model.learn(plan.steps, callback=Evaluations())
    result = record.result(*PACKAGES[library])
    env.close()
    return result


def lockstep(
    make: Callable[[], Any], answer: Callable[[Any], Any], seed_of: Callable[[int], int]
) -> Evaluate:
    """Plays worlds side by side, one prediction for all of them: theirs cost much each.

    Returns are those of one world after the other. Worlds that are over stay in the batch,
    since a batch of another size would be compiled again.
    """
    envs: list[Any] = []

    def returns(worlds: range) -> list[float]:
        envs.extend(make() for _ in range(len(worlds) - len(envs)))
        seen = [
            env.reset(seed=seed_of(world))[0] for env, world in zip(envs, worlds, strict=False)
        ]
        totals, going = [0.0] * len(worlds), set(range(len(worlds)))
        while going:
            actions = answer(np.stack(seen))
            for i in sorted(going):
                seen[i], reward, terminated, truncated, _ = envs[i].step(actions[i])
                totals[i] += float(reward)
                if terminated or truncated:
                    going.remove(i)
        return totals

    return returns


def updates(algorithm: str, job: str, size: str) -> Callable[[], object]:
    """What makes `UPDATES` gradient updates in one call, at a size as `speed.Contender`'s."""
    from quickstudy.jobs import registry

    library, _, name = algorithm.partition("-")
    make = getattr(importlib.import_module(LIBRARIES[library]), name.upper())
    settings: dict[str, Any] = {}
    if size == "small":
        settings = {"policy_kwargs": {"net_arch": list(SMALL)}, "batch_size": SMALL_BATCH}
    model = make("MlpPolicy", registry.registry().find(job).make(), seed=0, **settings)
    model.learn(300)
    return lambda: model.train(gradient_steps=UPDATES, batch_size=model.batch_size)
