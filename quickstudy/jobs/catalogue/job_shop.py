"""Job-shop scheduler: which job goes to a free machine next (Taillard's instance ta01).

Fifteen jobs of fifteen operations each, on fifteen machines; the return falls with every
minute that a machine stands idle, so it is a straight line in the makespan:
1,556.1 − 6.6 × return minutes. Jobs that cannot start now are masked. The package resets
without a seed, hands out its own arrays to be overwritten, and crashes on masked actions; the
wrapper mends that. The incumbent is the package's rule "most operations remaining".

Left out: the package's other instances and rules.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import SeedEveryReset
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array

INSTANCE = "ta01"


class JobShop(gym.Env):
    """The package's shop with today's `reset`, masks in `info`, and arrays of its own."""

    def __init__(self, instance: str) -> None:
        from JSSEnv.envs import jss_env

        path = Path(jss_env.__file__).parent / "instances" / instance
        self.shop = jss_env.JssEnv({"instance_path": str(path)})
        shape = self.shop.observation_space["real_obs"].shape
        self.observation_space = gym.spaces.Box(0.0, 1.0, shape, np.float32)
        self.action_space = gym.spaces.Discrete(int(self.shop.action_space.n))

    def _shown(self, state: dict[str, Any]) -> tuple[Array, dict[str, Any]]:
        mask = np.array(state["action_mask"], dtype=bool)
        if not mask.any():  # the last observation: nothing is left to do
            mask[:] = True
        observation = np.clip(state["real_obs"], 0.0, 1.0).astype(np.float32)
        return observation, {"action_mask": mask}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Clears the shop; nothing in it is random."""
        super().reset(seed=seed)
        return self._shown(self.shop.reset())

    def step(self, action: int) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Starts a job, or (the last action) waits."""
        state, reward, done, truncated, _ = self.shop.step(int(action))
        observation, info = self._shown(state)
        return observation, float(reward), bool(done), bool(truncated), info


def make() -> gym.Env:
    """Builds the shop; NumPy's global generator is seeded for the rule that draws from it."""
    return SeedEveryReset(JobShop(INSTANCE), seeds_globally=True)


def makespan(env: gym.Env) -> int:
    """Minutes from the first job's start to the last one's end, once the shop is done."""
    shop: Any = env.unwrapped
    return int(shop.shop.current_time_step)


def most_operations_remaining(env: gym.Env) -> Policy:
    """The package's rule, which also waits one time in ten where it may."""
    from JSSEnv.dispatching import MostOperationsRemaining

    shop: Any = env.unwrapped
    rule = MostOperationsRemaining()
    return lambda observation, info: int(rule(shop.shop))


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="job-shop-scheduler",
        title="Put fifteen jobs through fifteen machines (Taillard's ta01)",
        make=make,
        package="JSSEnv==1.1.0",
        extra="job-shop-scheduler",
        module="JSSEnv",
        gym_id="jss-v1",
        random_score=-41.7,
        incumbent=Incumbent(
            "shipped rule, most operations remaining", 8.5, most_operations_remaining
        ),
        budget_steps=20_000,
        note="A step is a decision, not a span of time. Makespan = 1,556.1 − 6.6 × return: the "
        "rule's 8.5 is 1,500 minutes, the best known schedule (1,231) a return of 49.3.",
    ),
)
