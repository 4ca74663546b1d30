"""Two jobs for trials of the exam: one whose worlds must be understood, one to know by heart.

    x′ = x + PUSH · side(plant) · valve + drift + noise        reward 1 − |x|/2

A plant is a nameplate of `PLATE` numbers in [−1, 1], drawn from the seed and shown all the
time. Which way the valve pushes follows from the nameplate's first two numbers, how strongly
the plant drifts from the third. Who has worked in one plant knows its valve; who has worked
in many can read nameplates. The valve's force, the drift and the noise can be moved. Locks
(`Lock`) are the opposite: nothing but memory opens them.

Left out: plants whose nameplate lies.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from quickstudy.jobs.entry import Entry
from quickstudy.jobs.registry import registry

JOB, LOCK = "benchmark-plant", "benchmark-lock"
STEPS = 20  # of an episode
PLATE = 3  # numbers on it
PUSH, DRIFT, NOISE = 0.3, 0.15, 0.05
DIGITS, TURNS, KEYS = 8, 10, 3  # of a lock
FAR = 2.0  # where x stops
BAR = 17.0  # the right valve always earns about 18.5, the valve left alone about 8


class Plant(gymnasium.Env):
    """Keep x at 0 with a valve (down, still, up).

    Args:
      push, drift, noise: what the valve moves x by, how far the plant moves it at most, and
        how much chance does, each a step.
    """

    def __init__(self, push: float = PUSH, drift: float = DRIFT, noise: float = NOISE):
        low, high = np.full(PLATE + 1, -1.0, np.float32), np.full(PLATE + 1, 1.0, np.float32)
        low[0], high[0] = -FAR, FAR
        self.observation_space = spaces.Box(low, high)
        self.action_space = spaces.Discrete(3)
        self._push, self._drift, self._noise = push, drift, noise
        self._plate = np.zeros(PLATE)
        self._x = 0.0
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Another plant, as Gymnasium has it."""
        super().reset(seed=seed)
        self._plate = self.np_random.uniform(-1.0, 1.0, PLATE)
        self._x = float(self.np_random.uniform(-1.0, 1.0))
        self._steps = 0
        return self._shown(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Moves the valve, as Gymnasium has it; episodes are truncated."""
        moved = self._push * side(self._plate) * (int(action) - 1)
        chance = self._noise * float(self.np_random.standard_normal())
        x = self._x + moved + self._drift * self._plate[2] + chance
        self._x = float(np.clip(x, -FAR, FAR))
        self._steps += 1
        return self._shown(), 1.0 - abs(self._x) / 2, False, self._steps == STEPS, {}

    def _shown(self) -> np.ndarray:
        return np.array([self._x, *self._plate], np.float32)


def side(plate: np.ndarray) -> float:
    """Which way the valve pushes: 1 or −1."""
    return 1.0 if plate[0] * plate[1] > 0 else -1.0


def right(shown: np.ndarray) -> int:
    """The valve that a master of this job would choose."""
    wanted = -(shown[0] + DRIFT * shown[3]) * side(shown[1:])
    return 1 + (int(np.sign(wanted)) if abs(wanted) > PUSH / 2 else 0)


def make(**moved: float) -> gymnasium.Env:
    """The job with its time limit declared, as learners that plan by one want it."""
    return gymnasium.wrappers.TimeLimit(Plant(**moved), STEPS)


class Lock(gymnasium.Env):
    """A lock with a number on it: one key of three is right at each turn, and pays 1.

    Which keys are right follows from the seed and from nothing that is shown, so a lock can be
    learned by heart, and no lock says anything about another.
    """

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, (DIGITS + TURNS,), np.float32)
        self.action_space = spaces.Discrete(KEYS)
        self._digits = np.zeros(DIGITS)
        self._right = np.zeros(TURNS, int)
        self._turn = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Another lock, as Gymnasium has it."""
        super().reset(seed=seed)
        self._digits = self.np_random.choice((-1.0, 1.0), DIGITS)
        self._right = self.np_random.integers(KEYS, size=TURNS)
        self._turn = 0
        return self._shown(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Tries a key, as Gymnasium has it; episodes end with the last turn."""
        is_right = int(action) == self._right[self._turn]
        self._turn += 1
        return self._shown(), float(is_right), self._turn == TURNS, False, {}

    def _shown(self) -> np.ndarray:
        turn = np.arange(TURNS) == self._turn
        return np.concatenate([self._digits, turn]).astype(np.float32)


def enter() -> None:
    """Puts both jobs into the registry, once."""
    if JOB in {entry.name for entry in registry().entries()}:
        return
    registry().add(
        Entry(
            name=JOB,
            title="Keep a plant that one has never seen at its setpoint",
            make=make,
            threshold=BAR,
            budget_steps=2_000,
            resets_freely=True,
            shifts={
                "push": lambda strength: make(push=PUSH * (1.0 - strength / 2)),
                "drift": lambda strength: make(drift=DRIFT * (1.0 + strength)),
                "chance": lambda strength: make(noise=NOISE * (1.0 + 5.0 * strength)),
            },
        )
    )
    registry().add(
        Entry(
            name=LOCK,
            title="Open locks, of which none tells anything about another",
            make=lambda: gymnasium.wrappers.TimeLimit(Lock(), TURNS + 1),
            budget_steps=2_000,
            resets_freely=True,
        )
    )
