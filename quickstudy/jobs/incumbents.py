"""The incumbent at work: what does a job today, played on given worlds.

Left out: incumbents that learn, and figures that no code of ours can run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quickstudy.errors import JobFailed
from quickstudy.jobs.entry import Entry, Policy


def play(env: Any, policy: Policy, first: tuple[Any, dict[str, Any]]) -> float:
    """The return of the episode that `first` (what ``env.reset`` gave) opened."""
    (observation, info), total = first, 0.0
    while True:
        observation, reward, terminated, truncated, info = env.step(policy(observation, info))
        total += float(reward)
        if terminated or truncated:
            return total


def returns(entry: Entry, seeds: Sequence[int]) -> tuple[float, ...] | None:
    """The incumbent's return on each world, in the job's units; None where it cannot run.

    Args:
      seeds: of ``env.reset``, one for each world.

    Raises:
      JobFailed: the environment or the incumbent raised.
    """
    if entry.incumbent is None or entry.incumbent.policy is None or entry.is_single:
        return None
    try:
        env = entry.make()
        try:
            earned = []
            for seed in seeds:
                first = env.reset(seed=seed)
                earned.append(play(env, entry.incumbent.policy(env), first))
        finally:
            env.close()
    except Exception as error:
        raise JobFailed(
            f"The incumbent of job '{entry.name}' ({entry.incumbent.name}) could not be "
            f"played: {type(error).__name__}: {' '.join(str(error).split())}."
        ) from error
    return tuple(earned)
