"""A learner's career: the jobs it held, and what became of each, from its log alone.

    told = career("ada")
    for held in told.jobs:
        held.job, held.steps, held.competent, held.now, held.balance
    for family in told.families:
        family.law.next  # decisions that the next job like these will take

Reads the log as `report` does, beside a learner at work.

*Competent* is the first frozen check or exam at or above the bar. Where there are no checks,
because a caller drives the loop, it is the first run of ten episodes whose mean is: these
explore, and who looks often finds a lucky run, so that is a weaker statement, and the screen
tells which it is.

Left out: jobs that it knows but never worked on; what exams said (`quickstudy exam`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from quickstudy import report
from quickstudy.careers import law
from quickstudy.careers.balance import Balance, balance
from quickstudy.careers.law import Law, Range, Took
from quickstudy.jobs.family import family
from quickstudy.report import Told
from quickstudy.rivals import Rival

if TYPE_CHECKING:
    from quickstudy.learner import Learner

RUN = 10  # episodes, where there are no checks


@dataclass(frozen=True)
class Mark:
    """How good it was at some point. step: decisions before. bar: what it is held against."""

    step: int
    mean: float
    bar: float | None

    @property
    def is_competent(self) -> bool:
        return self.bar is not None and self.mean >= self.bar


@dataclass(frozen=True)
class Source:
    """Where foreign experience of a job came from.

    learner, uid: to whom it happened. when: it was taken over [unix s]. steps: decisions.
    licence: the note that came with it, word for word; "" where none did.
    """

    learner: str
    uid: str
    when: float
    steps: int
    licence: str = ""


@dataclass(frozen=True)
class Held:
    """A job that a learner held.

    Attributes:
      family: see `jobs.family`; None where the log has no spec.
      steps: decisions. own: of them by itself. others: of them by others, by name.
      step_seconds: of the job's own time [s]; None where unknown.
      span: of the clock, from the first decision to the latest [s].
      judged_by: "checks" that were frozen, or "episodes" where there were none.
      marks: how good it was, oldest first; `first`, `competent`, `best`, `now` are of them.
      incumbent: who does the job today; None where nobody does.
      balance: see `careers.balance`; None where there is no incumbent, or no episode.
      sources: of what it did not learn itself.
      taught_by, dropped_at: see `report.Told`.
    """

    job: str
    family: str | None
    steps: int
    own: int
    others: dict[str, int]
    step_seconds: float | None
    span: float
    judged_by: Literal["checks", "episodes"]
    marks: tuple[Mark, ...]
    bar: float | None
    incumbent: Rival | None
    balance: Balance | None
    sources: tuple[Source, ...] = ()
    taught_by: tuple[str, ...] = ()
    dropped_at: int | None = None

    @property
    def job_hours(self) -> float | None:
        """The job's own time that it practised [h]; None where a step has none."""
        return None if self.step_seconds is None else self.steps * self.step_seconds / 3_600

    @property
    def first(self) -> Mark | None:
        return self.marks[0] if self.marks else None

    @property
    def competent(self) -> Mark | None:
        """The first mark at or above the bar; None where none was."""
        return next((mark for mark in self.marks if mark.is_competent), None)

    @property
    def best(self) -> Mark | None:
        return max(self.marks, key=lambda mark: mark.mean, default=None)

    @property
    def now(self) -> Mark | None:
        return self.marks[-1] if self.marks else None


@dataclass(frozen=True)
class Family:
    """Jobs of one family: their names in the order in which they were held, and their law."""

    name: str
    jobs: tuple[str, ...]
    law: Law


@dataclass(frozen=True)
class Career:
    """See the module. path: the learner's folder."""

    learner: str
    path: Path
    jobs: tuple[Held, ...]
    families: tuple[Family, ...]


def career(learner: str | Path | Learner) -> Career:
    """The career of a learner: a name, a path, or one that is open.

    Raises:
      DamagedLearner, DiskTrouble: as `Folder.open`.
      QuickstudyError: it never worked on any job.
    """
    if not isinstance(learner, str | Path):
        for job in learner.jobs[:1]:
            learner.sync(job)  # all of them, so that what came just now is told too
        learner = learner.path
    told = report.of(learner)
    jobs = tuple(held(one) for one in told)
    return Career(told[0].learner, told[0].path, jobs, families(jobs))


def families(jobs: Sequence[Held]) -> tuple[Family, ...]:
    """The families among jobs in the order in which they were held.

    Families that tell nothing of how long learning takes are left out: no bar, or no marks.
    """
    together: dict[str, list[Held]] = {}
    for one in jobs:
        if one.family is not None:
            together.setdefault(one.family, []).append(one)
    found = []
    for name, of_family in together.items():
        took = [took for past, one in enumerate(of_family) if (took := _took(one, past))]
        if took:
            names = tuple(one.job for one in of_family)
            found.append(Family(name, names, law.fit(took, len(of_family))))
    return tuple(found)


def foretell(learner: Learner, job: str) -> Range | None:
    """Decisions that a job will take, by the law of its family; None where it has none yet.

    Args:
      job: of the catalogue, not worked on yet; it is made once, to see its spaces.
    """
    if not any(learner.steps(known) for known in learner.jobs):
        return None
    wanted = family(learner.spec(job))
    return next((f.law.next for f in career(learner).families if f.name == wanted), None)


# ---- one job


def held(told: Told) -> Held:
    """A job of a career, from what the log tells of it."""
    own = tuple(episode for episode in told.episodes if episode.origin == told.uid)
    incumbent = _incumbent(told)
    marks = _checks(told) or _runs(told)
    return Held(
        job=told.job,
        family=None if told.spec is None else family(told.spec),
        steps=told.steps,
        own=sum(len(episode.rewards) for episode in own),
        others={name: n for name, n in told.lived_by.items() if name != told.learner},
        step_seconds=told.step_seconds,
        span=told.span[1] - told.span[0],
        judged_by="checks" if told.exams else "episodes",
        marks=marks,
        bar=marks[-1].bar if marks else _bar(told),
        incumbent=incumbent,
        balance=_balance(told, incumbent),
        sources=tuple(Source(**source) for source in told.imports),
        taught_by=told.taught_by,
        dropped_at=told.dropped_at,
    )


def _incumbent(told: Told) -> Rival | None:
    """As a person told it, else as it played here, else as the catalogue has it."""
    known = told.entry.incumbent if told.entry else None
    if told.rival or known is None:
        return told.rival
    return Rival(known.name, told.played if len(told.played) > 1 else (known.score,))


def _bar(told: Told) -> float | None:
    if told.rival:
        return told.rival.mean
    return told.entry.bar if told.entry else None


def _checks(told: Told) -> tuple[Mark, ...]:
    return tuple(Mark(exam.step, exam.mean, told.bar_at(exam)) for exam in told.exams)


def _runs(told: Told) -> tuple[Mark, ...]:
    """The mean of ten of its own episodes, again and again."""
    own = [episode for episode in told.ended if episode.origin == told.uid]
    runs = [own[i - RUN : i] for i in range(RUN, len(own) + 1, RUN)]
    means = [float(np.mean([episode.earned for episode in run])) for run in runs]
    return tuple(
        Mark(run[-1].until, mean, _bar(told)) for run, mean in zip(runs, means, strict=True)
    )


def _balance(told: Told, incumbent: Rival | None) -> Balance | None:
    if incumbent is None:
        return None
    own = [episode for episode in told.ended if episode.origin == told.uid]
    return balance(
        [episode.earned for episode in own],
        [episode.until for episode in own],
        incumbent.mean,
        incumbent.interval,
    )


def _took(held: Held, past: int) -> Took | None:
    """What the law learns of a job; None where others learned it, or nothing was measured."""
    if held.bar is None or not held.marks or held.own < held.steps:
        return None
    competent = held.competent
    before = [m.step for m in held.marks if competent is None or m.step < competent.step]
    by = math.inf if competent is None else float(competent.step)
    return Took(past, float(max(before, default=0)), by)
