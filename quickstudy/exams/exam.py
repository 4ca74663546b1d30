"""The exam: a frozen learner on worlds that it worked in, on their twins, and on shifted ones.

    result = exam(ada, "CartPole-v1")
    result.twin, result.gap          # each with an interval
    result = examine(policy, "CartPole-v1", worlds=trained_on)     # anything that answers

The learner studies nothing meanwhile. Every world is noted in its log as soon as it is sat, so
that an exam that was interrupted goes on, and is not sat twice. A student of another make has
no log: its exam begins anew each time.

Left out: exams of several learners at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from quickstudy.errors import JobFailed, QuickstudyError
from quickstudy.exams import shifts as shifting
from quickstudy.exams.score import CONTROL, RANDOM, SEEN, TWIN, Lot, Result
from quickstudy.exams.shifts import Ground
from quickstudy.exams.sitting import Frozen, Sat, Student, sit
from quickstudy.exams.worlds import Edition, edition
from quickstudy.jobs.job import Job
from quickstudy.jobs.registry import registry
from quickstudy.jobs.specs import describe_change
from quickstudy.learner import Learner
from quickstudy.mind import mind as minds
from quickstudy.mind import policy
from quickstudy.mind.encoder import Frame
from quickstudy.types import Array, End, Observation, Spec, Value

DISCOUNT = 0.99  # of a student that does not say its own
Progress = Callable[[str, int, int], None]  # a lot's name, worlds sat, worlds in all
ONE_WORLD_STEPS = 50  # with the same actions, after which two worlds are taken to be one
FOR_FEW = 80  # fresh worlds, at least, for who worked in fewer than are asked of each kind


@dataclass(frozen=True)
class Settings:
    """How much is asked.

    worlds: of each lot. fresh: of the twin at least, where more than `worlds` are wanted.
    strengths: of each shift. random: worlds for random actions. edition: the exam's edition.
    shifts: whether shifted worlds are sat too. controls: worlds of no edition for the leak
    alarm; several times as many as fresh ones, or 0 for no alarm.
    """

    worlds: int = 30
    fresh: int = 0
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
    settings, name = settings or Settings(), job_of(learner, job)
    mind = learner.mind(name)
    who = Candidate(
        name=learner.name,
        job=name,
        student=Frozen(mind),
        worlds=learner.worlds(name),
        steps=learner.steps(name),
        ground=shifting.ground(mind.memory),
    )
    edited = edition(settings.edition)
    desk = Desk(learner, name, edited)
    with ExitStack() as stack:
        papers = _papers(who, edited, settings, stack)
        fresh = [seed for paper in papers if paper.name != SEEN for seed in paper.seeds]
        learner.quarantine(name, fresh, f"exam edition {edited.name} ({edited.fingerprint})")
        lots = _sat(papers, desk.sit, progress)
        learner.sync(name)
    return _result(who, edited, lots)


def examine(
    student: Student,
    job: str,
    worlds: Sequence[int] = (),
    settings: Settings | None = None,
    name: str = "student",
    progress: Progress | None = None,
) -> Result:
    """Examines anything that answers, of whatever make; keeps nothing.

    Args:
      worlds: seeds of those it was trained on, where they are known. name: for the report.
      settings: as for `exam`; sensors are not shifted, for what it has seen is not known.

    Raises:
      OneWorld: the job has no unseen worlds. UnknownJob, JobFailed: as the job does.
    """
    settings = settings or Settings()
    edited = edition(settings.edition)
    who = Candidate(name, registry().find(job).name, student, tuple(worlds))
    with ExitStack() as stack:
        papers = _papers(who, edited, settings, stack)
        lots = _sat(papers, lambda paper, seed: _sit(paper, seed, DISCOUNT), progress)
    return _result(who, edited, lots)


@dataclass(frozen=True)
class Candidate:
    """Who is examined.

    worlds: seeds of the worlds that it worked in. steps: how many. ground: what sensors are
    shifted by; None where what it has seen is not known.
    """

    name: str
    job: str
    student: Student
    worlds: tuple[int, ...]
    steps: int = 0
    ground: Ground | None = None


def _sat(
    papers: Sequence[Paper], sit_one: Callable[[Paper, int], Sat], progress: Progress | None
) -> tuple[Lot, ...]:
    total, done, lots = sum(len(paper.seeds) for paper in papers), 0, []
    for paper in papers:
        sat = []
        for seed in paper.seeds:
            if progress:
                progress(paper.title, done, total)
            sat.append(sit_one(paper, seed))
            done += 1
        lots.append(Lot(paper.name, paper.strength, tuple(sat)))
    return tuple(lots)


def _sit(paper: Paper, seed: int, discount: float) -> Sat:
    return sit(paper.student, paper.job, seed, discount)


def _result(who: Candidate, edited: Edition, lots: tuple[Lot, ...]) -> Result:
    return Result(
        learner=who.name,
        job=who.job,
        steps=who.steps,
        edition=edited.name,
        fingerprint=edited.fingerprint,
        bar=registry().find(who.job).bar,
        lots=lots,
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
    who: Candidate, edited: Edition, settings: Settings, stack: ExitStack
) -> list[Paper]:
    """Every lot of an exam; the jobs made for it are closed with the stack."""
    job = stack.enter_context(closing(registry().make(who.job)))
    refuse_one_world(job, edited.seeds(who.job, TWIN, 3))
    seen = _sample(who.worlds, settings.worlds)
    fresh = edited.seeds(who.job, TWIN, _fresh(len(seen), settings))
    papers = [Paper(SEEN, 0.0, seen, who.student, job)] if seen else []
    papers.append(Paper(TWIN, 0.0, fresh, who.student, job))
    papers.append(Paper(RANDOM, 0.0, fresh[: settings.random], Random(job.spec), job))
    if settings.controls:
        # Nobody who knows the edition's lists knows these: they are this sitting's own.
        own = f"control {who.name}@{who.steps}"
        seeds = edited.seeds(who.job, own, settings.controls)
        papers.append(Paper(CONTROL, 0.0, seeds, who.student, job))
    if settings.shifts:
        for name, strength, shifted in _shifted(who, job, settings.strengths, stack):
            seeds = edited.seeds(who.job, f"{name} {strength:g}", settings.worlds)
            papers.append(Paper(name, strength, seeds, who.student, shifted))
    return papers


def _fresh(seen: int, settings: Settings) -> int:
    is_few = 0 < seen < settings.worlds  # what few worlds cannot tell, more fresh ones may
    return max(settings.worlds, settings.fresh, FOR_FEW if is_few else 0)


def _shifted(
    who: Candidate, job: Job, strengths: Sequence[float], stack: ExitStack
) -> Iterator[tuple[str, float, Job]]:
    """Every shift at every strength: those that any job can have, then the job's own."""
    for name in shifting.of(job.spec, who.ground):
        for strength in strengths:
            yield name, strength, shifting.shifted(job, name, strength, who.ground)
    entry = registry().find(who.job)
    if entry.is_single:
        return  # another one beside it cannot be made
    for name in entry.shifts:
        for strength in strengths:
            yield name, strength, stack.enter_context(closing(moved(job, name, strength)))


def moved(job: Job, shift: str, strength: float) -> Job:
    """A job with one of its own parameters moved; see `Entry.shifts`.

    Raises:
      UnknownShift: it has none of that name. JobFailed: it shows or takes other things then.
    """
    made = registry().make(job.name, shift, strength)
    old, new = job.spec, made.spec
    if (old.observation, old.action) != (new.observation, new.action):
        made.close()
        raise JobFailed(
            f"Job '{job.name}' with its {shift} moved by {strength:g} is another job: "
            f"{describe_change(old, new)}. Its entry's `shifts` must keep the spaces."
        )
    return made


def _sample(seeds: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Evenly over a life, the latest among them."""
    if len(seeds) <= count:
        return seeds
    return tuple(seeds[int(i)] for i in np.linspace(0, len(seeds) - 1, count))


def job_of(learner: Learner, job: str | None) -> str:
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

    def __init__(self, learner: Learner, job: str, edited: Edition) -> None:
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
        sat = _sit(paper, seed, self.discount)
        note = {"sitting": self.sitting, "lot": paper.title, "sat": _told(sat)}
        self.learner.note(self.job, {"exam": note})
        return sat


def _told(sat: Sat) -> dict[str, Any]:
    return dataclasses.asdict(sat) | {"end": int(sat.end)}


def _read(note: dict[str, Any]) -> Sat:
    points = tuple(tuple(point) for point in note["points"])
    start = tuple(note.get("start", ()))
    return Sat(**note | {"end": End(note["end"]), "points": points, "start": start})


# ---- is there anything unseen?


def refuse_one_world(job: Job, seeds: tuple[int, ...]) -> None:
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
