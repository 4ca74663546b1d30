"""Classic control and two small worlds: what the field measures itself with.

They stand for no profession; a step's seconds are the simulator's own, where it has any. The
thresholds are the customary ones or, where a note says so, this project's. The incumbents,
where there is one, are a line of physics or Gymnasium's own controller.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import DropKeys, gym_make
from quickstudy.jobs.entry import Entry, Incumbent, Policy


def make_doorkey() -> gym.Env:
    """Builds the locked room; its mission is one sentence that never changes, so it goes."""
    import minigrid  # noqa: F401  (registers its environments)

    return DropKeys(gym_make("MiniGrid-DoorKey-5x5-v0"), ("mission",))


def make_lander(continuous: bool) -> gym.Env:
    """Builds the lander. Box2D's types warn as they load, and crash where a warning raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import Box2D  # noqa: F401

    return gym_make("LunarLander-v3", continuous=continuous)


def push_along(env: gym.Env) -> Policy:
    """Mountain car: always push the way the car already moves."""
    discrete = isinstance(env.action_space, gym.spaces.Discrete)

    def act(observation: Any, info: dict[str, Any]) -> Any:
        forward = observation[1] >= 0
        if discrete:
            return 2 if forward else 0
        return np.array([1.0 if forward else -1.0], dtype=np.float32)

    return act


def shipped_lander(env: gym.Env) -> Policy:
    """Gymnasium's own controller for the lander."""
    from gymnasium.envs.box2d.lunar_lander import heuristic

    return lambda observation, info: heuristic(env.unwrapped, observation)


def _entry(gym_id: str, title: str, random: float, threshold: float, **rest: Any) -> Entry:
    return Entry(
        name=gym_id,
        title=title,
        make=rest.pop("make", partial(gym_make, gym_id)),
        gym_id=gym_id,
        random_score=random,
        threshold=threshold,
        **rest,
    )


LANDER: dict[str, Any] = {
    "package": "Box2D==2.3.10",
    "extra": "box2d",
    "module": "Box2D",
    "step_seconds": 0.02,
}

ENTRIES: tuple[Entry, ...] = (
    _entry(
        "CartPole-v1",
        "Balance a pole on a cart",
        22.7,
        475.0,
        step_seconds=0.02,
        budget_steps=5_000,
        note="No incumbent; the customary threshold is the bar.",
    ),
    _entry(
        "MountainCar-v0",
        "Drive an underpowered car out of a valley",
        -200.0,
        -130.0,
        incumbent=Incumbent("push the way it moves", -119.5, push_along),
        budget_steps=4_000,
        note="The bar is this project's; the customary threshold is −110.",
    ),
    _entry(
        "Acrobot-v1",
        "Swing a two-link arm above a line",
        -499.6,
        -100.0,
        step_seconds=0.2,
        budget_steps=10_000,
        note="No incumbent; the customary threshold is the bar.",
    ),
    _entry(
        "Pendulum-v1",
        "Swing a pendulum up and hold it there",
        -1_189.0,
        -200.0,
        step_seconds=0.05,
        budget_steps=2_000,
        note="No incumbent, and no customary threshold: the bar is this project's.",
    ),
    _entry(
        "MountainCarContinuous-v0",
        "Drive an underpowered car out of a valley, with little fuel",
        -32.8,
        90.0,
        incumbent=Incumbent("push the way it moves", 89.3, push_along),
        budget_steps=10_000,
        note="The customary threshold is the bar.",
    ),
    _entry(
        "LunarLander-v3",
        "Land a craft gently, three engines on or off",
        -186.2,
        200.0,
        make=partial(make_lander, False),
        incumbent=Incumbent("shipped heuristic", 242.2, shipped_lander),
        budget_steps=50_000,
        note="The customary threshold is the bar.",
        **LANDER,
    ),
    _entry(
        "LunarLanderContinuous-v3",
        "Land a craft gently, engines with a throttle",
        -223.4,
        200.0,
        make=partial(make_lander, True),
        incumbent=Incumbent("shipped heuristic", 284.1, shipped_lander),
        budget_steps=50_000,
        note="The customary threshold is the bar.",
        **LANDER,
    ),
    _entry(
        "MiniGrid-DoorKey-5x5-v0",
        "Find a key, unlock a door, reach the goal",
        0.03,
        0.9,
        make=make_doorkey,
        package="minigrid==3.2.0",
        extra="minigrid",
        module="minigrid",
        budget_steps=50_000,
        note="No incumbent; the bar is this project's (a perfect run is worth about 0.96).",
    ),
)
