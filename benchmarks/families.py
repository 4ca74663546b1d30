"""Families of jobs: variants of one job, between which something can be carried over.

Carts differ in pole and push, patients in weight and how they take the drug. In each family one
job is *contrary*: it shows and takes the same, but wants the opposite, so that what the others
taught does harm. Mixed jobs are five that have nothing in common.

Left out: families whose jobs differ in what they show.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import gymnasium as gym
import numpy as np

from quickstudy import life
from quickstudy.jobs.catalogue.shims import gym_make
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.registry import registry
from quickstudy.learner import held_out_seed
from quickstudy.life import Place
from quickstudy.mind import policy
from quickstudy.mind.encoder import Frame
from quickstudy.mind.mind import Mind
from quickstudy.types import End


@dataclass(frozen=True)
class Family:
    """Five jobs of a kind, a sixth that is contrary, and how many steps each is worked."""

    name: str
    jobs: tuple[str, ...]
    contrary: str
    steps: int


class Contrary(gym.Wrapper):  # type: ignore[type-arg]
    """Does the opposite: the last option for the first, less for more."""

    def step(self, action: Any) -> Any:
        space = self.action_space
        if isinstance(space, gym.spaces.Discrete):
            return self.env.step(space.n - 1 - action)
        assert isinstance(space, gym.spaces.Box)
        return self.env.step((space.low + space.high - action).astype(np.float32))


def _cart(
    length: float = 0.5, mass: float = 0.1, push: float = 10.0, gravity: float = 9.8
) -> gym.Env:  # type: ignore[type-arg]
    env: Any = gym_make("CartPole-v1")
    world = env.unwrapped
    world.length, world.masspole, world.force_mag, world.gravity = length, mass, push, gravity
    world.total_mass = mass + world.masscart
    world.polemass_length = mass * length
    made: gym.Env = env  # type: ignore[type-arg]
    return made


def _patient(difficulty: str, weight: float = 70.0, need: float = 1.0) -> gym.Env:  # type: ignore[type-arg]
    import anesthesim  # noqa: F401  (registers its environments)

    from quickstudy.jobs.catalogue.anaesthetist import GYM_ID, SeedEveryReset

    env: Any = gym_make(GYM_ID, difficulty=difficulty, weight_kg=weight)
    env.unwrapped.pd_model.Ce50 *= need
    made: gym.Env = SeedEveryReset(env)  # type: ignore[type-arg]
    return made


CARTS: dict[str, Callable[[], Any]] = {
    "cart": _cart,
    "cart-long": partial(_cart, length=1.0),
    "cart-heavy": partial(_cart, mass=0.5),
    "cart-weak": partial(_cart, push=6.0),
    "cart-pulled": partial(_cart, gravity=16.0),
    "cart-contrary": lambda: Contrary(_cart()),
}
PATIENTS: dict[str, Callable[[], Any]] = {
    "patients": partial(_patient, "medium"),
    "patients-alike": partial(_patient, "easy"),
    "patients-varied": partial(_patient, "hard"),
    "patients-heavy": partial(_patient, "medium", weight=110.0),
    "patients-hardy": partial(_patient, "medium", need=1.4),
    "patients-contrary": lambda: Contrary(_patient("medium")),
}
FAMILIES = {
    "carts": Family("carts", tuple(CARTS)[:5], "cart-contrary", 4_000),
    "patients": Family("patients", tuple(PATIENTS)[:5], "patients-contrary", 3_000),
}


def score(mind: Mind, job: str, worlds: int, first: int) -> float:
    """Mean return of a mind's best answers in held-out worlds, from number `first` on."""
    with contextlib.closing(registry().make(job)) as made:
        place = Place(job, made.layout, mind, cast(Any, None))
        seeds = [held_out_seed(job, first + world) for world in range(worlds)]
        return float(np.mean([life.trial(place, made, seed) for seed in seeds]))


def by_chance(job: str, worlds: int, first: int) -> float:
    """Mean return of random actions in the same worlds."""
    returns = []
    with contextlib.closing(registry().make(job)) as made:
        for seed in (held_out_seed(job, first + world) for world in range(worlds)):
            rng, frame = np.random.default_rng(seed), Frame(made.spec)
            observation, total, end = made.reset(seed), 0.0, End.NOT
            while end is End.NOT:
                step = made.step(policy.random_action(rng, frame, observation.mask))
                observation, total, end = step.observation, total + step.reward, step.end
            returns.append(total)
    return float(np.mean(returns))


def enter() -> None:
    """Puts the jobs into the registry of this process."""
    for name, make in {**CARTS, **PATIENTS}.items():
        registry().add(Entry(name=name, title="A variant of a job, for benchmarks", make=make))
