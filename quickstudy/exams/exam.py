"""The exam: a frozen learner on worlds that it worked in, on their twins, and on shifted ones.

    result = exam(ada, "CartPole-v1")
    result.twin, result.gap          # each with an interval

The learner studies nothing meanwhile. Every world is noted in its log as soon as it is sat, so
that an exam that was interrupted goes on, and is not sat twice.

Left out: exams of several learners at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from quickstudy.errors import QuickstudyError
from quickstudy.exams import shifts as shifting
from quickstudy.exams.score import CONTROL, RANDOM, SEEN, TWIN, Lot, Result
from quickstudy.exams.sitting import Frozen, Sat, Student, sit
from quickstudy.exams.worlds import Edition, edition
from quickstudy.jobs.job import Job
from quickstudy.jobs.registry import registry
from quickstudy.learner import Learner
from quickstudy.mind import mind as minds
from quickstudy.mind import policy
from quickstudy.mind.encoder import Frame
from quickstudy.types import Array, End, Observation, Spec, Value

Progress = Callable[[str, int, int], None]  # a lot's name, worlds sat, worlds in all
ONE_WORLD_STEPS = 50  # with the same actions, after which two worlds are taken to be one


@dataclass(frozen=True)
class Settings:
    """How much is asked.

    worlds: of each lot. strengths: of each shift. random: worlds for random actions.
    edition: the exam's edition. shifts: whether shifted worlds are sat too. controls: worlds
    of no edition for the leak alarm; several times `worlds`, or 0 for no alarm.
    """

    worlds: int = 30
    strengths: tuple[float, ...] = (0.5, 1.0)
    random: int = 20
    edition: str = "first"
    shifts: bool = True
    controls: int = 0


class OneWorld(QuickstudyError):
    """A job that is the same whatever its seed: nothing to be measured."""

    exit_code = 11


def exam(
    learner: Learner,
    job: str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Result:
    """Examines a learner on a job.

    Args:
      job: by default the only one it has worked on.
      progress: told before each world.

    Raises:
      QuickstudyError: it has not worked on that job, or on several and none was named.
      OneWorld: the job has no unseen worlds. As the job does, where that fails.
    """
    settings = settings or Settings()
    name = _job_of(learner, job)
    edited = edition(settings.edition)
    with closing(registry().make(name)) as made:
        _refuse_one_world(made, edited.seeds(name, TWIN, 3))
        papers = list(_papers(learner, name, made, edited, settings))
        fresh = [seed for paper in papers if paper.name != SEEN for seed in paper.seeds]
        learner.quarantine(name, fresh, f"exam edition {edited.name} ({edited.fingerprint})")
        desk = Desk(learner, name, edited, settings)
        total, done, lots = sum(len(paper.seeds) for paper in papers), 0, []
        for paper in papers:
            sat = []
            for seed in paper.seeds:
                if progress:
                    progress(paper.title, done, total)
                sat.append(desk.sit(paper, seed))
                done += 1
            lots.append(Lot(paper.name, paper.strength, tuple(sat)))
        learner.sync(name)
    entry = registry().find(name)
    return Result(
        learner=learner.name,
        job=name,
        steps=learner.steps(name),
        edition=edited.name,
        fingerprint=edited.fingerprint,
        bar=entry.bar,
        lots=tuple(lots),
    )


# ---- what is asked


@dataclass(frozen=True)
class Paper:
    """One lot to be sat: by whom, in which job, on which worlds."""

    name: str
    strength: float
    seeds: tuple[int, ...]
    student: Student
    job: Job

    @property
    def title(self) -> str:
        return f"{self.name} {self.strength:g}" if self.strength else self.name


def _papers(
    learner: Learner, name: str, job: Job, edited: Edition, settings: Settings
) -> Iterator[Paper]:
    student = Frozen(learner.mind(name))
    fresh = edited.seeds(name, TWIN, settings.worlds)
    seen = _sample(learner.worlds(name), settings.worlds)
    if seen:
        yield Paper(SEEN, 0.0, seen, student, job)
    yield Paper(TWIN, 0.0, fresh, student, job)
    yield Paper(RANDOM, 0.0, fresh[: settings.random], Random(job.spec), job)
    if settings.controls:
        # Nobody who knows the edition's lists knows these: they are this sitting's own.
        own = f"control {learner.name}@{learner.steps(name)}"
        seeds = edited.seeds(name, own, settings.controls)
        yield Paper(CONTROL, 0.0, seeds, student, job)
    if settings.shifts:
        ground = shifting.ground(learner.mind(name).memory)
        for shift, make in shifting.of(job.spec).items():
            for strength in settings.strengths:
                seeds = edited.seeds(name, f"{shift} {strength:g}", settings.worlds)
                yield Paper(shift, strength, seeds, student, make(job, strength, ground))


def _sample(seeds: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Evenly over a life, the latest among them."""
    if len(seeds) <= count:
        return seeds
    return tuple(seeds[int(i)] for i in np.linspace(0, len(seeds) - 1, count))


def _job_of(learner: Learner, job: str | None) -> str:
    worked = [name for name in learner.jobs if learner.steps(name)]
    if job is None:
        if len(worked) == 1:
            return worked[0]
        known = ", ".join(worked) or "none"
        raise QuickstudyError(
            f"{learner.name} has worked on {len(worked)} jobs ({known}); expected one, or "
            "--job JOB."
        )
    name = registry().find(job).name
    if name not in worked:
        raise QuickstudyError(
            f"{learner.name} has never worked on '{name}', so there is nothing to examine; put "
            f"it to work first, or take one of: {', '.join(worked) or 'none'}."
        )
    return name


class Random:
    """Uniformly random allowed actions; the same ones in the same world."""

    def __init__(self, spec: Spec) -> None:
        self._frame, self._rng = Frame(spec), np.random.default_rng(0)

    def begin(self, seed: int) -> None:
        self._rng = np.random.default_rng([8, seed])

    def answer(self, shown: Observation) -> tuple[Array, Value | None]:
        return policy.random_action(self._rng, self._frame, shown.mask), None


# ---- one world at a time


class Desk:
    """Sits worlds, and keeps what was sat in the learner's log."""

    def __init__(self, learner: Learner, job: str, edited: Edition, settings: Settings) -> None:
        self.learner, self.job = learner, job
        self.sitting = f"{edited.fingerprint}@{learner.steps(job)}"
        self.discount = minds.discount(learner.mind(job))
        self._known = {
            (note["lot"], note["sat"]["seed"]): _read(note["sat"])
            for note in learner.notes(job, "exam")
            if note["sitting"] == self.sitting
        }

    def sit(self, paper: Paper, seed: int) -> Sat:
        """The world, sat now or before."""
        known = self._known.get((paper.title, seed))
        if known is not None:
            return known
        sat = sit(paper.student, paper.job, seed, self.discount)
        note = {"sitting": self.sitting, "lot": paper.title, "sat": _told(sat)}
        self.learner.note(self.job, {"exam": note})
        return sat


def _told(sat: Sat) -> dict[str, Any]:
    return dataclasses.asdict(sat) | {"end": int(sat.end)}


def _read(note: dict[str, Any]) -> Sat:
    points = tuple(tuple(point) for point in note["points"])
    return Sat(**note | {"end": End(note["end"]), "points": points})


# ---- is there anything unseen?


def _refuse_one_world(job: Job, seeds: tuple[int, ...]) -> None:
    """Raises OneWorld where every seed gives the same start and the same life after it."""
    lives = {_life(job, seed) for seed in seeds}
    if len(lives) == 1:
        raise OneWorld(
            f"Job '{job.name}' is the same world whatever its seed, so there is no unseen "
            "world, and no exam can tell knowing the job from knowing this world; expected a "
            "job whose seeds make different worlds."
        )


def _life(job: Job, seed: int) -> bytes:
    """What is shown and paid in a world, under actions that are the same in every world."""
    rng, frame = np.random.default_rng(0), Frame(job.spec)
    shown = job.reset(seed)
    told = [shown.raw.tobytes()]
    for _ in range(ONE_WORLD_STEPS):
        step = job.step(policy.random_action(rng, frame, shown.mask))
        shown = step.observation
        told.append(shown.raw.tobytes() + np.float64(step.reward).tobytes())
        if step.end is not End.NOT:
            break
    return b"".join(told)
