"""One run of a peer: Stable-Baselines3 or SBX, at its default or tuned for the job.

The default is what `DQN("MlpPolicy", env, seed=…)` gives; there DQN's exploration schedule
follows from the steps of the run, as it would for a user who asks for so many. Tuned settings
are those of `benchmarks.tuned`. All get the same environment as our learner, from the
catalogue (an observation of several parts as one vector), and are evaluated alike.

Left out: settings that we would tune ourselves.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks import tuned
from benchmarks.runs import Clock, Plan
from benchmarks.tuned import Tuned
from benchmarks.worker import Evaluate, Record, world_seeds

UPDATES = 256  # in one call, where speed is measured
SMALL, SMALL_BATCH = (64, 64), 64  # units and rows where all do the same work
TUNED = "sb3-tuned"
AS_THEY_COME = ("sb3", "sbx")
LIBRARIES = {"sb3": "stable_baselines3", "sbx": "sbx", TUNED: "stable_baselines3"}
PACKAGES = {
    "sb3": ("stable-baselines3", "torch"),
    "sbx": ("sbx-rl", "jax", "jaxlib"),
    TUNED: ("stable-baselines3", "sb3-contrib", "torch"),
}
CONTRIBUTED = ("qrdqn", "tqc")  # in SB3's second package


def algorithms(library: str, job: str, is_discrete: bool) -> list[str]:
    """Names of a library's algorithms for a job: "sb3-dqn", …"""
    if library == TUNED:
        return [f"{library}-{name}" for name in tuned.SETTINGS.get(job, {})]
    return [f"{library}-{name}" for name in ("dqn" if is_discrete else "sac", "ppo")]


def suited(library: str, actions: gym.Space) -> list[str]:
    """Names of a library's algorithms, as they come, that can take such actions."""
    if isinstance(actions, gym.spaces.Box):
        names = ["sac", "ppo"]
    elif isinstance(actions, gym.spaces.Discrete):
        names = ["dqn", "ppo"]
    else:
        names = ["ppo"]
    return [f"{library}-{name}" for name in names]


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
    from stable_baselines3.common.callbacks import BaseCallback

    entry = registry.registry().find(plan.job)
    record = Record(plan, clock, evaluate=lambda worlds: [])
    model = make_model(plan, lambda: Watched(_flat(entry.make()), record))

    def answer(observations: Any) -> Any:
        scale = model.get_vec_normalize_env()
        shown = observations if scale is None else scale.normalize_obs(observations)
        return model.predict(shown, deterministic=True)[0]

    record.evaluate = lockstep(lambda: _flat(entry.make()), answer, world_seeds(entry.name))

    class Evaluations(BaseCallback):  # type: ignore[misc]
        told = 0  # several copies of a job step at once

        def _on_step(self) -> bool:
            for step in range(self.told + 1, min(self.num_timesteps, plan.steps) + 1):
                record.stepped(step)
            self.told = self.num_timesteps
            return self.num_timesteps < plan.steps

    model.learn(chosen(plan).steps, callback=Evaluations())
    result = record.result(*PACKAGES[plan.algorithm.rpartition("-")[0]])
    model.get_env().close()
    return result


def chosen(plan: Plan) -> Tuned:
    """A plan's settings: none, or those tuned for its job."""
    library, _, name = plan.algorithm.rpartition("-")
    return tuned.SETTINGS[plan.job][name] if library == TUNED else Tuned(plan.steps)


def make_model(plan: Plan, make_env: Callable[[], gym.Env]) -> Any:
    """The peer's learner on its own copies of a job."""
    library, _, name = plan.algorithm.rpartition("-")
    choice = chosen(plan)
    return _algorithm(library, name)(
        "MlpPolicy",
        _vectorised(make_env, choice),
        seed=plan.seed,
        policy_kwargs=choice.policy,
        **choice.settings,
    )


def _algorithm(library: str, name: str) -> Any:
    module = "sb3_contrib" if name in CONTRIBUTED else LIBRARIES[library]
    return getattr(importlib.import_module(module), name.upper())


def _vectorised(make: Callable[[], gym.Env], choice: Tuned) -> Any:
    """As many copies as the settings want, one after the other in this process."""
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    env = DummyVecEnv([make] * choice.envs)
    if not choice.is_normalised:
        return env
    return VecNormalize(env, gamma=choice.settings.get("gamma", 0.99))


def _flat(env: gym.Env) -> gym.Env:
    """One vector for them where an observation has several parts."""
    if isinstance(env.observation_space, gym.spaces.Dict):
        return gym.wrappers.FlattenObservation(env)
    return env


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

    library, _, name = algorithm.rpartition("-")
    env = registry.registry().find(job).make()
    settings: dict[str, Any] = {}
    if size == "small":
        settings = {"policy_kwargs": {"net_arch": list(SMALL)}, "batch_size": SMALL_BATCH}
    model = _algorithm(library, name)("MlpPolicy", env, seed=0, **settings)
    model.learn(300)
    return lambda: model.train(gradient_steps=UPDATES, batch_size=model.batch_size)
