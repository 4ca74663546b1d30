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

from quickstudy.jobs.catalogue.shims import DropKeys, gym_make, moves, scales
from quickstudy.jobs.entry import Entry, Incumbent, Move, Policy


def make_doorkey() -> gym.Env:
    """Builds the locked room; its mission is one sentence that never changes, so it goes."""
    import minigrid  # noqa: F401  (registers its environments)

    return DropKeys(gym_make("MiniGrid-DoorKey-5x5-v0"), ("mission",))


def make_lander(continuous: bool, **settings: Any) -> gym.Env:
    """Builds the lander. Box2D's types warn as they load, and crash where a warning raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import Box2D  # noqa: F401

    return gym_make("LunarLander-v3", continuous=continuous, **settings)


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


def _longer_pole(env: Any, strength: float) -> None:
    """Twice as long, and as heavy as it was."""
    env.length *= 1.0 + strength
    env.polemass_length = env.masspole * env.length


def _heavier_pole(env: Any, strength: float) -> None:
    """Five times as heavy."""
    env.masspole *= 1.0 + 4.0 * strength
    env.total_mass = env.masspole + env.masscart
    env.polemass_length = env.masspole * env.length


def lander_shifts(continuous: bool) -> dict[str, Move]:
    """Gravity up to the most that the environment takes, and wind up to what it advises."""

    return {
        "gravity": lambda strength: make_lander(continuous, gravity=-10.0 - 1.9 * strength),
        "wind": lambda strength: make_lander(
            continuous, enable_wind=True, wind_power=15.0 * strength
        ),
    }


CARTPOLE = moves(
    partial(gym_make, "CartPole-v1"),
    gravity=scales("gravity", 2.0),
    pole_length=_longer_pole,
    pole_mass=_heavier_pole,
    push=scales("force_mag", 0.5),
)
PENDULUM = moves(
    partial(gym_make, "Pendulum-v1"),
    gravity=scales("g", 1.3),
    mass=scales("m", 1.3),
    length=scales("l", 1.3),
)
# A weaker engine or a steeper valley by more than a third would leave no way out in time.
CAR = moves(
    partial(gym_make, "MountainCar-v0"),
    gravity=scales("gravity", 1.15),
    engine=scales("force", 0.8),
)
CONTINUOUS_CAR = moves(
    partial(gym_make, "MountainCarContinuous-v0"),
    engine=scales("power", 0.7),
)
ACROBOT = moves(
    partial(gym_make, "Acrobot-v1"),
    mass=scales("LINK_MASS_2", 1.5),
    length=scales("LINK_LENGTH_1", 1.3),
)


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
        shifts=CARTPOLE,
        note="No incumbent; the customary threshold is the bar.",
    ),
    _entry(
        "MountainCar-v0",
        "Drive an underpowered car out of a valley",
        -200.0,
        -130.0,
        incumbent=Incumbent("push the way it moves", -119.5, push_along),
        budget_steps=4_000,
        shifts=CAR,
        note="The bar is this project's; the customary threshold is −110.",
    ),
    _entry(
        "Acrobot-v1",
        "Swing a two-link arm above a line",
        -499.6,
        -100.0,
        step_seconds=0.2,
        budget_steps=10_000,
        shifts=ACROBOT,
        note="No incumbent; the customary threshold is the bar.",
    ),
    _entry(
        "Pendulum-v1",
        "Swing a pendulum up and hold it there",
        -1_189.0,
        -200.0,
        step_seconds=0.05,
        budget_steps=2_000,
        shifts=PENDULUM,
        note="No incumbent, and no customary threshold: the bar is this project's.",
    ),
    _entry(
        "MountainCarContinuous-v0",
        "Drive an underpowered car out of a valley, with little fuel",
        -32.8,
        90.0,
        incumbent=Incumbent("push the way it moves", 89.3, push_along),
        budget_steps=10_000,
        shifts=CONTINUOUS_CAR,
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
        shifts=lander_shifts(False),
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
        shifts=lander_shifts(True),
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
