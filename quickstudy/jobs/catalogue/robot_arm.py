"""Robot arm: reach a point with two joints (Gymnasium), reach and open a drawer with seven.

Reacher's incumbent is the textbook's transposed-Jacobian controller, our own code: pull the
finger-tip towards the target, brake the joints. Meta-World's are the scripts that the package
ships. Meta-World declares the goal's place to be always 0, though it shows it, and draws the
goal from a generator that `reset` does not seed: the wrapper mends both.

Left out: Meta-World's forty-eight other tasks; soft actor-critic stands beside these in the
benchmarks, not here.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import SeedEveryReset, gym_make
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array

UPPER, LOWER = 0.1, 0.11  # m, Reacher's two links, the second with its finger-tip
PULL, BRAKE = 25.0, 0.1


def make_reacher() -> gym.Env:
    """Builds the two-jointed arm."""
    return gym_make("Reacher-v5")


def pull_to_target(env: gym.Env) -> Policy:
    """Torque = pull · Jᵀ(target − tip) − brake · joint speeds."""

    def act(observation: Array, info: dict[str, Any]) -> Array:
        cos1, cos2, sin1, sin2, _, _, speed1, speed2, off_x, off_y = observation
        cos12, sin12 = cos1 * cos2 - sin1 * sin2, sin1 * cos2 + cos1 * sin2
        forearm = LOWER * np.array([-sin12, cos12])
        jacobian = np.stack([UPPER * np.array([-sin1, cos1]) + forearm, forearm])
        torque = -PULL * jacobian @ [off_x, off_y] - BRAKE * np.array([speed1, speed2])
        return np.clip(torque, -1.0, 1.0).astype(np.float32)

    return act


class ArmTask(gym.Wrapper):
    """One task of Meta-World: honest bounds, float32, and goals that follow the seed."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        shown: Any = env.observation_space
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, shown.shape, np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Draws a goal and resets the arm."""
        if seed is not None:
            self.env.unwrapped.np_random = np.random.default_rng(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        return observation.astype(np.float32), info

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Moves the hand and the gripper."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        ended = bool(terminated), bool(truncated)
        return observation.astype(np.float32), float(reward), *ended, info


def make_task(task: str) -> gym.Env:
    """Builds a task of Meta-World, such as "reach-v3"; its goals are visible."""
    import metaworld  # noqa: F401  (registers its environments)

    arm = gym_make("Meta-World/MT1", env_name=task, seed=0)
    return SeedEveryReset(ArmTask(arm))


def shipped_script(name: str, env: gym.Env) -> Policy:
    """One of the package's scripts, within the bounds of the actions."""
    from metaworld import policies

    script = getattr(policies, name)()

    def act(observation: Array, info: dict[str, Any]) -> Array:
        with warnings.catch_warnings():
            # The scripts ask for more than the bounds, and say so at each step.
            warnings.filterwarnings("ignore", message="Constant")
            wanted = script.get_action(observation.astype(np.float64))
        return np.clip(wanted, -1.0, 1.0).astype(np.float32)

    return act


def _task(name: str, task: str, title: str, script: str, random: float, best: float) -> Entry:
    return Entry(
        name=name,
        title=title,
        make=partial(make_task, task),
        package="metaworld==3.1.1",
        extra="robot-arm-metaworld",
        module="metaworld",
        step_seconds=0.0125,
        random_score=random,
        incumbent=Incumbent("shipped script", best, partial(shipped_script, script)),
        budget_steps=100_000,
        threshold=round(0.9 * best),
        note="The bar is 90 % of the script. Pins mujoco 3.3.0, so it conflicts with other "
        "versions that robot-arm may bring.",
    )


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="robot-arm",
        title="Reach a point with a two-jointed arm",
        make=make_reacher,
        package="mujoco==4.0.0",
        extra="robot-arm",
        module="mujoco",
        gym_id="Reacher-v5",
        step_seconds=0.02,
        random_score=-42.9,
        incumbent=Incumbent("transposed Jacobian", -5.6, pull_to_target),
        budget_steps=20_000,
        note="No package ships an incumbent; ours is a textbook controller.",
    ),
    _task(
        "robot-arm-reach",
        "reach-v3",
        "Reach a point in space with a seven-jointed arm",
        "SawyerReachV3Policy",
        752.8,
        4_835.6,
    ),
    _task(
        "robot-arm-drawer",
        "drawer-open-v3",
        "Open a drawer with a seven-jointed arm",
        "SawyerDrawerOpenV3Policy",
        764.4,
        4_025.6,
    ),
)
