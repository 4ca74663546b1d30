"""Who works: which learner a command means, hired or called back.

Without a name a learner is called after its jobs (and its seed, where one was asked for). One
that was interrupted is called back; one that has finished stays as it is, and a fresh one
with the next number is hired, so that a run can be seen again from the beginning.

Left out: moving, copying and dismissing learners (a learner is a folder: `mv`, `cp`, `rm`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quickstudy.appraisal import unfinished
from quickstudy.errors import QuickstudyError
from quickstudy.experience import folder as folders
from quickstudy.learner import Learner, Progress, hire, open_learner

LONGEST_NAME = 48  # leaves room for a number behind it
MOST_SEEDS = 10_000  # a drawn seed is below this: short enough to be typed again


@dataclass(frozen=True)
class Arrival:
    """A learner that is ready to work.

    call: what a person types to mean it. jobs: those to work on now, in order; what an
    interrupted command had finished is left out. news: one sentence on who came.
    """

    learner: Learner
    call: str
    jobs: tuple[str, ...]
    news: str


def arrive(
    name: str | None,
    steps: Mapping[str, int],
    seed: int | None = None,
    progress: Progress | None = None,
) -> Arrival:
    """The learner that a command means.

    Args:
      name: a learner's name or path; None for one that is called after its jobs.
      steps: job (the catalogue's name) → steps asked for, in the order of work.
      seed: of a new learner; None draws one.

    Raises:
      QuickstudyError: the seed is not that of the learner there is.
      DamagedLearner, LearnerInUse, DiskTrouble: as `hire` and `open_learner`.
    """
    if name is None:
        return _called_after_jobs(steps, seed, progress)
    if not folders.is_learner(folders.resolve(name)):
        return _hired(name, name, steps, seed)
    learner = open_learner(name, progress=progress)
    if seed is not None and seed != learner.seed:
        learner.close()
        raise QuickstudyError(
            f"Learner '{learner.name}' has seed {learner.seed}, and came --seed {seed}: a "
            "learner keeps its seed. Leave --seed out, or choose another name."
        )
    jobs = _jobs_left(learner, steps) or tuple(steps)
    return Arrival(learner, name, jobs, f"{learner.name} is back (seed {learner.seed}).")


def default_name(jobs: Sequence[str], seed: int | None = None) -> str:
    """What a learner without a name is called: after its jobs, and its seed if asked for."""
    plain = (re.sub(r"[^A-Za-z0-9._-]+", "-", job) for job in jobs)
    name = "-then-".join(plain).lstrip(".")[:LONGEST_NAME]
    return name if seed is None else f"{name}-{seed}"


def _called_after_jobs(
    steps: Mapping[str, int], seed: int | None, progress: Progress | None
) -> Arrival:
    base = default_name(tuple(steps), seed)
    latest, following = _latest(base)
    if latest is None:
        return _hired(base, folders.home() / base, steps, seed)
    learner = open_learner(folders.home() / latest, progress=progress)
    jobs = _jobs_left(learner, steps) or _jobs_untouched(learner, steps)
    if jobs:
        return Arrival(learner, latest, jobs, f"{latest} is back (seed {learner.seed}).")
    learner.close()
    fresh = _hired(following, folders.home() / following, steps, seed)
    old = (
        f"{latest} worked here before and stays as it is (--learner {latest} goes on with it)."
    )
    return Arrival(fresh.learner, fresh.call, fresh.jobs, f"{old} {fresh.news}")


def _latest(base: str) -> tuple[str | None, str]:
    """The latest learner of that name, with its number, and the name that follows it."""
    latest, following, number = None, base, 1
    while folders.is_learner(folders.home() / following):
        number += 1
        latest, following = following, f"{base}.{number}"
    return latest, following


def _hired(call: str, where: str | Path, steps: Mapping[str, int], seed: int | None) -> Arrival:
    drawn = secrets.randbelow(MOST_SEEDS) if seed is None else seed
    learner = hire(where, drawn)
    return Arrival(learner, call, tuple(steps), f"Hired {learner.name} (seed {drawn}).")


def _jobs_left(learner: Learner, steps: Mapping[str, int]) -> tuple[str, ...]:
    """From the first job whose session was begun and not finished; none if there is none."""
    jobs = tuple(steps)
    for place, job in enumerate(jobs):
        if unfinished(learner, job, steps[job]) is not None:
            return jobs[place:]
    return ()


def _jobs_untouched(learner: Learner, steps: Mapping[str, int]) -> tuple[str, ...]:
    """From the first job that the learner never worked on."""
    jobs = tuple(steps)
    new = (place for place, job in enumerate(jobs) if learner.steps(job) == 0)
    return jobs[next(new, len(jobs)) :]
