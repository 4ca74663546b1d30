"""Game player: MinAtar's Breakout, a ten-by-ten miniature of the arcade game.

The package's environment forgets that a game restarts where its seed is given, and shows
booleans; we hand on numbers and seed every reset. The incumbent is four lines of our own:
stay under the ball. Published DQN figures stand beside it in the benchmarks, not here.
Left out: the package's four other games.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import SeedEveryReset
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array

STAY, LEFT, RIGHT = 0, 1, 2
PADDLE, BALL, TRAIL = 0, 1, 2


class ShowNumbers(gym.ObservationWrapper):
    """Shows the board as 0 and 1 in float32, not as booleans."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        self.observation_space = gym.spaces.Box(0.0, 1.0, (10, 10, 4), np.float32)

    def observation(self, observation: Array) -> Array:
        """The same board."""
        return observation.astype(np.float32)


def make() -> gym.Env:
    """Builds Breakout with its three useful actions and sticky keys, as published."""
    from minatar.gym import BaseEnv

    return SeedEveryReset(ShowNumbers(BaseEnv("breakout", use_minimal_action_set=True)))


def follow_the_ball(env: gym.Env) -> Policy:
    """Steps towards the column where the ball will be next."""

    def column(board: Array, channel: int) -> int:
        return int(np.argmax(board[:, :, channel].any(axis=0)))

    def act(observation: Array, info: dict[str, Any]) -> int:
        ball = column(observation, BALL)
        aim = np.clip(2 * ball - column(observation, TRAIL), 0, 9)
        paddle = column(observation, PADDLE)
        return RIGHT if aim > paddle else LEFT if aim < paddle else STAY

    return act


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="game-player",
        title="Play Breakout on a ten-by-ten board",
        make=make,
        package="minatar==1.0.15",
        extra="game-player",
        module="minatar",
        gym_id="MinAtar/Breakout-v1",
        random_score=0.37,
        incumbent=Incumbent("follow the ball", 10.9, follow_the_ball),
        budget_steps=100_000,
        note="No package ships an incumbent: ours follows the ball.",
    ),
)
