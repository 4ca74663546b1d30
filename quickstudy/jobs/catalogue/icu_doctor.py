"""Intensive-care doctor: fluids and vasopressors for patients with sepsis.

716 states learned by the package's authors from hospital records, 25 treatments (five doses
of each drug), one decision each four hours; 1 for a patient who survives. The model is a
table, so a policy has an exact value: :func:`exact_value` (for treatments that clinicians
hardly gave in a state, the package takes the average of those that they gave).

Left out: the package's list of usual treatments in each state, which would make a mask.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import gym_make
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array

GYM_ID = "Sepsis/ICU-Sepsis-v2"


def make() -> gym.Env:
    """Builds the ward. The package imports old gym, whose farewell we keep off the screen."""
    with contextlib.redirect_stderr(io.StringIO()):
        import icu_sepsis  # noqa: F401  (registers its environments)

    return gym_make(GYM_ID)


def clinicians(env: gym.Env) -> Policy:
    """Treats as the recorded clinicians did: draws from what they gave in that state."""
    table: Array = env.unwrapped.expert_policy  # type: ignore[attr-defined]
    cumulative = table.cumsum(axis=1)

    def act(observation: Any, info: dict[str, Any]) -> int:
        draw = env.unwrapped.np_random.random() * cumulative[observation, -1]
        return int(np.searchsorted(cumulative[observation], draw, side="right"))

    return act


def exact_value(env: gym.Env, policy: Array) -> float:
    """Expected return of a policy from the first state, undiscounted, without a time limit.

        v = r_π + P_π v,   value = d₀ · v

    Args:
      env: as `make` builds it.
      policy: [716, 25] probability of each treatment in each state.

    Returns:
      The probability that a patient survives.
    """
    model = env.unwrapped.dynamics  # type: ignore[attr-defined]
    moves = np.einsum("sa,sat->st", policy, model["tx_mat"])
    rewards = np.einsum("sa,sat,sat->s", policy, model["tx_mat"], model["r_mat"])
    ended = np.asarray([env.unwrapped._is_terminal_state(s) for s in range(len(moves))])  # type: ignore[attr-defined]
    moves[ended], rewards[ended] = 0.0, 0.0
    value = np.linalg.solve(np.eye(len(moves)) - moves, rewards)
    return float(model["d_0"] @ value)


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="icu-doctor",
        title="Treat sepsis: fluids and vasopressors, so that the patient survives",
        make=make,
        package="icu-sepsis==2.0.1",
        extra="icu-doctor",
        module="icu_sepsis",
        gym_id=GYM_ID,
        step_seconds=4 * 3_600.0,
        random_score=0.80,
        incumbent=Incumbent("clinicians' recorded policy", 0.782, clinicians),
        budget_steps=50_000,
        threshold=0.84,
        note="A simulator for software, not medical advice. Random treatment outscores the "
        "clinicians here, so the bar is 0.84 (the optimum is 0.875). One episode is almost a "
        "coin's toss: score a policy exactly or over at least 1,000 episodes.",
    ),
)
