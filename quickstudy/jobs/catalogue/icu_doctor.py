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
    return _Ward(env).value(policy)


def exact_scores(env: gym.Env) -> dict[str, float]:
    """Exact values of random treatment, of the clinicians, and of the best policy."""
    table: Array = env.unwrapped.expert_policy  # type: ignore[attr-defined]
    ward = _Ward(env)
    policies = {
        "random": np.full(table.shape, 1 / table.shape[1]),
        "incumbent": table,
        "best": ward.best_policy(),
    }
    return {name: ward.value(policy) for name, policy in policies.items()}


class _Ward:
    """The package's model: moves [s, a, s'], mean rewards [s, a], first states [s]."""

    def __init__(self, env: gym.Env) -> None:
        core: Any = env.unwrapped
        model = core.dynamics
        self.moves = np.array(model["tx_mat"])
        self.rewards = np.einsum("sat,sat->sa", self.moves, model["r_mat"])
        self.first = np.asarray(model["d_0"])
        ended = [s for s in range(len(self.first)) if core._is_terminal_state(s)]
        self.moves[ended], self.rewards[ended] = 0.0, 0.0  # nothing follows an end

    def values(self, policy: Array) -> Array:
        """[s] value of each state under a policy [s, a]."""
        chain = np.einsum("sa,sat->st", policy, self.moves)
        reward = (policy * self.rewards).sum(axis=1)
        return np.linalg.solve(np.eye(len(chain)) - chain, reward)

    def value(self, policy: Array) -> float:
        """Value of a policy from the first state."""
        return float(self.first @ self.values(policy))

    def best_policy(self) -> Array:
        """[s, a] the policy of highest value, by policy iteration (Howard, 1960)."""
        states = np.arange(len(self.first))
        chosen = np.zeros_like(states)
        while True:
            policy = np.eye(self.rewards.shape[1])[chosen]
            q = self.rewards + self.moves @ self.values(policy)
            gain = q.max(axis=1) - q[states, chosen]
            if gain.max() < 1e-9:
                return policy
            chosen = np.where(gain < 1e-9, chosen, q.argmax(axis=1))


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
