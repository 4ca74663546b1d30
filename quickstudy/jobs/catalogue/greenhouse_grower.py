"""Greenhouse grower: heat, vent and dose CO₂ over one crop of lettuce.

Van Henten's lettuce model with forty days of measured weather, half an hour a step. The
incumbent is the package's grower rule, which sees what the learner sees and the weather at
that moment (it is in the observation too). Left out: other seasons (``reset(options=
{"start_day": …})``) and uncertain parameters, which the package offers.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import gym_make
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array

GYM_ID = "LettuceGreenhouse-v0"


def make() -> gym.Env:
    """Builds the greenhouse with the package's defaults."""
    import lettuce_greenhouse_gym  # noqa: F401  (registers its environments)

    return gym_make(GYM_ID)


def grower_rule(env: gym.Env) -> Policy:
    """The package's set-point rules: heat when cold, vent when hot or humid, CO₂ by day."""
    from lettuce_greenhouse_gym.baselines import GrowerHeuristic

    plant: Any = env.unwrapped
    rule = GrowerHeuristic()
    rule.reset(plant)

    def act(observation: Array, info: dict[str, Any]) -> Array:
        levels = plant.encode_control(rule.control(observation, plant))
        return np.clip(levels, -1.0, 1.0).astype(np.float32)

    return act


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="greenhouse-grower",
        title="Grow lettuce: heating, vents and carbon dioxide over forty days",
        make=make,
        package="lettuce-greenhouse-gym==0.1.3",
        extra="greenhouse-grower",
        module="lettuce_greenhouse_gym",
        gym_id=GYM_ID,
        step_seconds=1_800.0,
        random_score=-26.5,
        incumbent=Incumbent("shipped grower rule", -4.35, grower_rule),
        budget_steps=40_000,
        note="One season of measured weather: nothing in it is random, so a policy without "
        "randomness scores the same in every episode.",
    ),
)
