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
    moves, rewards, first = _model(env)
    chain = np.einsum("sa,sat->st", policy, moves)
    value = np.linalg.solve(np.eye(len(chain)) - chain, (policy * rewards).sum(axis=1))
    return float(first @ value)


def best_policy(env: gym.Env) -> Array:
    """[716, 25] the policy of highest value, by value iteration."""
    moves, rewards, first = _model(env)
    value = np.zeros_like(first)
    for _ in range(2_000):
        value = (rewards + moves @ value).max(axis=1)
    return np.eye(moves.shape[1])[(rewards + moves @ value).argmax(axis=1)]


def exact_scores(env: gym.Env) -> dict[str, float]:
    """Exact values of random treatment, of the clinicians, and of the best policy."""
    table: Array = env.unwrapped.expert_policy  # type: ignore[attr-defined]
    policies = {
        "random": np.full(table.shape, 1 / table.shape[1]),
        "incumbent": table,
        "best": best_policy(env),
    }
    return {name: exact_value(env, policy) for name, policy in policies.items()}


def _model(env: gym.Env) -> tuple[Array, Array, Array]:
    """Moves [s, a, s'], mean rewards [s, a], first states [s]; nothing follows an end."""
    model = env.unwrapped.dynamics  # type: ignore[attr-defined]
    moves = np.array(model["tx_mat"])
    rewards = np.einsum("sat,sat->sa", moves, model["r_mat"])
    ended = [s for s in range(len(moves)) if env.unwrapped._is_terminal_state(s)]  # type: ignore[attr-defined]
    moves[ended], rewards[ended] = 0.0, 0.0
    return moves, rewards, np.asarray(model["d_0"])


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
        random_score=0.780,
        incumbent=Incumbent("clinicians' recorded policy", 0.782, clinicians),
        budget_steps=50_000,
        threshold=0.84,
        note="A simulator for software, not medical advice. Random treatment nearly "
        "equals the clinicians here, so the bar is 0.84 (the optimum is 0.875). One episode is "
        "almost a coin's toss: score a policy exactly or over at least 1,000 episodes.",
    ),
)
