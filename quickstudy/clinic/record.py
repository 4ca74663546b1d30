"""The doctor at work: plays a job and keeps what it saw as arrays.

Nothing here judges. A job that raises, or shows what is not finite, ends that episode and is
kept as a trouble; the examination goes on with the next.

Left out: exploring better than at random. What random work cannot see is told as such.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from quickstudy.clinic.settings import Settings
from quickstudy.jobs.check import random_action
from quickstudy.jobs.job import Job
from quickstudy.types import Array, End, Observation, Spec

OWN_STREAM = 77
MOST_TROUBLES = 50  # of them in a row without a step: this job cannot be worked at

# An observation and the step's number to a flat action; None stops there.
Policy = Callable[[Observation, int], Array | None]
Tell = Callable[[str, float], None]


class Budget:
    """Steps and wall-clock seconds that may still be spent."""

    def __init__(self, steps: int, seconds: float):
        self.steps = steps
        self.spent = 0
        self.until = time.monotonic() + seconds

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self.until

    @property
    def is_spent(self) -> bool:
        return self.spent >= self.steps or self.is_late

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.until - time.monotonic())

    @property
    def left(self) -> int:
        return max(0, self.steps - self.spent)


@dataclass(frozen=True)
class Path:
    """One episode, or the part of it that was worked.

    shown: [n + 1, D] observations; action: [n, A]; reward: [n]; end: why it stopped.
    masks: of each observation. trouble: what the job raised, "" where nothing.
    """

    seed: int
    shown: Array
    action: Array
    reward: Array
    end: End
    masks: tuple[Array | None, ...] = ()
    trouble: str = ""

    def __len__(self) -> int:
        return len(self.reward)


def play(job: Job, seed: int, policy: Policy, limit: int, budget: Budget) -> Path:
    """Works one episode from a seed, at most `limit` steps of it. Raises nothing."""
    shown: list[Observation] = []
    actions: list[Array] = []
    rewards: list[float] = []
    end, trouble = End.NOT, ""
    try:
        shown.append(job.reset(seed))
        while len(rewards) < limit and not budget.is_spent and end is End.NOT:
            action = policy(shown[-1], len(rewards))
            if action is None:
                break
            step = job.step(action)
            budget.spent += 1
            actions.append(action)
            rewards.append(step.reward)
            shown.append(step.observation)
            end = step.end
    except Exception as error:  # a stranger's adapter may raise anything
        trouble = " ".join(f"{type(error).__name__}: {error}".split())
    width = len(job.spec.choices) + job.spec.amounts
    return Path(
        seed,
        np.array([o.raw for o in shown], np.float32).reshape(len(shown), job.spec.raw_size),
        np.array(actions, np.float32).reshape(len(actions), width),
        np.array(rewards, np.float64),
        end,
        tuple(o.mask for o in shown),
        trouble,
    )


def at_random(spec: Spec, seed: int) -> Policy:
    """Allowed actions, each as likely as the next.

    A stream of their own: drawn from the job's very seed, actions would follow the same
    numbers as its starts, and a job of choosing by what is seen would be won by chance.
    """
    random = np.random.default_rng([seed, OWN_STREAM])
    return lambda shown, step: random_action(spec, shown.mask, random)


def again(actions: Array) -> Policy:
    """The same actions, as far as they go."""
    return lambda shown, step: actions[step] if step < len(actions) else None


@dataclass(frozen=True)
class Record:
    """What the doctor saw while it worked at random.

    T steps in E episodes; D numbers in an observation, A in an action. An episode that
    was cut by us or by a trouble has End.CUT.

    Attributes:
      shown: [T + E, D] observations, episode by episode.
      before: [T] the row of `shown` in which each action was taken; the next is what followed.
      action, reward, end, episode: [T, A], [T], [T], [T].
      step: [T] its number within the episode, from 0.
      troubles: what the job raised, each with the seed of its episode.
      stopped_by: "steps" or "seconds".
    """

    spec: Spec
    shown: Array
    before: Array
    action: Array
    reward: Array
    end: Array
    episode: Array
    step: Array
    seeds: tuple[int, ...] = ()
    troubles: tuple[str, ...] = ()
    stopped_by: str = "steps"

    @cached_property
    def lengths(self) -> Array:
        """[E] steps."""
        return np.bincount(self.episode) if len(self.episode) else np.zeros(0, int)

    @cached_property
    def ends(self) -> Array:
        """[E] why each episode stopped."""
        last = np.cumsum(self.lengths) - 1
        return self.end[last]

    @cached_property
    def returns(self) -> Array:
        """Sums of rewards of the episodes that ran to their end."""
        sums = np.bincount(self.episode, self.reward, len(self.lengths))
        return sums[self.ends != End.CUT]

    @property
    def episodes(self) -> int:
        return len(self.lengths)

    @property
    def horizon(self) -> int:
        """How long an episode may last [steps], as a learner would take it."""
        longest = int(self.lengths.max()) if self.episodes else 0
        return self.spec.max_steps or longest or 100

    @property
    def discount(self) -> float:
        """γ as the learner has it on a job of this horizon (`quickstudy.mind.mind.discount`).

        Written out once more because the mind cannot be imported without JAX, which takes
        seconds; a test holds the two against each other.
        """
        return min(max(1 - 5 / self.horizon, 0.95), 0.99)


def record(
    job: Job, settings: Settings, seed: int, budget: Budget, tell: Tell
) -> tuple[Record, list[Path]]:
    """Works at random until a budget is spent; the arrays, and the episodes themselves."""
    paths: list[Path] = []
    troubles: list[str] = []
    idle = number = 0
    while not budget.is_spent and idle < MOST_TROUBLES:
        policy = at_random(job.spec, seed + number)
        path = play(job, seed + number, policy, settings.longest, budget)
        number += 1
        idle = 0 if len(path) else idle + 1
        if path.trouble:
            troubles.append(path.trouble)
        if len(path):
            paths.append(path)
        tell("working at random", budget.spent / budget.steps)
    stopped_by = "steps" if budget.spent >= budget.steps else "seconds"
    return _joined(job.spec, paths, tuple(troubles), stopped_by), paths


def _joined(
    spec: Spec, paths: Sequence[Path], troubles: tuple[str, ...], stopped_by: str
) -> Record:
    lengths = [len(path) for path in paths]
    step = np.concatenate([np.zeros(0, int), *(np.arange(n) for n in lengths)])
    episode = np.repeat(np.arange(len(paths)), lengths)
    end = np.zeros(len(step), int)
    if paths:
        stops = [path.end if path.end is not End.NOT else End.CUT for path in paths]
        end[np.cumsum(lengths) - 1] = stops
    width = len(spec.choices) + spec.amounts
    return Record(
        spec=spec,
        shown=np.concatenate(
            [np.zeros((0, spec.raw_size), np.float32), *(p.shown for p in paths)]
        ),
        before=np.arange(len(step)) + episode,  # each episode before left one row more
        action=np.concatenate([np.zeros((0, width), np.float32), *(p.action for p in paths)]),
        reward=np.concatenate([np.zeros(0), *(p.reward for p in paths)]),
        end=end,
        episode=episode,
        step=step,
        seeds=tuple(path.seed for path in paths),
        troubles=troubles,
        stopped_by=stopped_by,
    )
