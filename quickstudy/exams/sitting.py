"""Sitting an exam: a student's best answers in one world, and what it expected on the way.

A student is anything that answers: a learner of ours, frozen, or any function from what is
shown to an action. Nothing is explored, recorded or studied.

Left out: students with a memory of their own between decisions, other than what `begin` resets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from quickstudy.jobs.job import Job
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Mind
from quickstudy.types import Array, End, Observation, Value

LONGEST = 10_000  # steps of a world, where the job has no limit of its own
LONGEST_START = 64  # numbers; pictures are not kept
POINTS = 8  # decisions of a world at which worth is held against what came
UNSEEN = 0.05  # share of a discounted return that may lie beyond what was seen


class Student(Protocol):
    """Whoever sits the exam."""

    def begin(self, seed: int) -> None:
        """Another world begins."""
        ...

    def answer(self, shown: Observation) -> tuple[Array, Value | None]:
        """A flat action, and what is expected of it where the student can say."""
        ...


@dataclass(frozen=True)
class Frozen:
    """A mind's best answers."""

    mind: Mind

    def begin(self, seed: int) -> None:
        """Nothing is kept between decisions."""

    def answer(self, shown: Observation) -> tuple[Array, Value | None]:
        """Its best action, by the speed that leads."""
        choice = minds.act(self.mind, shown)
        return choice.flat, choice.value


@dataclass(frozen=True)
class Sat:
    """What became of one world.

    Attributes:
      seed: of the world; with the lot, what replays it. earned: undiscounted return.
      steps: decisions. end: why it stopped.
      support: the mean over its decisions; None where the student cannot say.
      start: what was shown first, where that is at most LONGEST_START numbers.
      known: support of what was shown first; None where the student cannot say.
      points: (worth, spread, discounted return) at decisions, evenly over the part whose
        return is known but for a share UNSEEN of it.
    """

    seed: int
    earned: float
    steps: int
    end: End
    support: float | None = None
    points: tuple[tuple[float, float, float], ...] = ()
    start: tuple[float, ...] = ()
    known: float | None = None


@dataclass
class _Notes:
    """Rewards and values of the world under way, in order."""

    rewards: list[float] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)


def sit(student: Student, job: Job, seed: int, discount: float) -> Sat:
    """Plays the world of a seed to its end, or for LONGEST steps where it has none.

    Raises:
      As the job does.
    """
    student.begin(seed)
    observation, end, notes = job.reset(seed), End.NOT, _Notes()
    start = observation.raw.tolist() if len(observation.raw) <= LONGEST_START else []
    for _ in range(job.spec.max_steps or LONGEST):
        action, value = student.answer(observation)
        step = job.step(action)
        notes.rewards.append(step.reward)
        if value is not None:
            notes.values.append(value)
        observation, end = step.observation, step.end
        if end is not End.NOT:
            break
    is_told = len(notes.values) == len(notes.rewards)
    return Sat(
        seed=seed,
        earned=float(np.sum(notes.rewards)),
        steps=len(notes.rewards),
        end=end,
        support=float(np.mean([v.support for v in notes.values])) if is_told else None,
        points=_points(notes, end, discount) if is_told else (),
        start=tuple(start),
        known=notes.values[0].support if is_told else None,
    )


def _points(notes: _Notes, end: End, discount: float) -> tuple[tuple[float, float, float], ...]:
    length = len(notes.rewards)
    known = length
    if end is not End.TERMINATED:
        known -= int(np.ceil(np.log(UNSEEN) / np.log(discount))) if discount > 0 else 0
    if known <= 0:
        return ()
    returns, beyond = np.empty(length), 0.0
    for t in range(length - 1, -1, -1):
        returns[t] = beyond = notes.rewards[t] + discount * beyond
    at = np.unique(np.linspace(0, known - 1, min(POINTS, known)).astype(int))
    values = notes.values
    return tuple((values[t].worth, values[t].spread, float(returns[t])) for t in at)
