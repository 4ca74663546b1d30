"""Work with its appraisal: checks on the way, the incumbent's line, and a verdict.

    for event in appraisal.work(ada, "anaesthetist", steps=4_000, checks=10):
        match event:
            case Moment(): ...     # one for every step
            case Checked(): ...    # a frozen exam on the way
            case Verdict(): ...    # the final exam, last

The final exam is on worlds that no check used, and the incumbent plays the same worlds, so
that luck of the draw falls on both. Intervals are bootstrap intervals of the mean difference
(Efron 1979). Screens, the command line and scripts draw what is yielded here; none decides.

Left out: shifted jobs (seen against unseen), correction for looking at many checks:
`competent_at` is the first check at the bar, and the verdict is the exam's alone.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from quickstudy.errors import QuickstudyError
from quickstudy.jobs import incumbents
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.registry import registry
from quickstudy.learner import Check, Learner, Session, held_out_seed
from quickstudy.types import Moment

EXAM_FIRST = 1_000  # number of the final exam's first world; checks begin at 0
EXAM_STEPS = 4_000  # of the final exam, about, at most
EXAM_FEWEST, EXAM_MOST = 3, 20  # episodes of it
CHECK_EVERY_STEPS = 400
MOST_CHECKS = 20
RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Started:
    """What a session is about.

    Attributes:
      job, title, note: of the catalogue. learner, seed: who works.
      start: steps on this job before the session. steps: in the session.
      done: steps of the session worked before now; more than 0 where it is resumed.
      checks: how many frozen exams on the way.
      incumbent, incumbent_score: who does the job today, and the recorded mean return.
      threshold: the return to reach, where the bar is not the incumbent.
      random_score: what random actions earn. step_seconds: real time of a step [s].
      Each of these is None where there is none.
      past: (steps, mean return) of the checks that this session had before now.
    """

    job: str
    title: str
    note: str
    learner: str
    seed: int
    start: int
    steps: int
    done: int
    checks: int
    incumbent: str | None
    incumbent_score: float | None
    threshold: float | None
    random_score: float | None
    step_seconds: float | None
    past: tuple[tuple[int, float], ...] = ()

    @property
    def until(self) -> int:
        """Steps on this job when the session ends."""
        return self.start + self.steps

    @property
    def bar(self) -> float | None:
        """The return at which a learner counts as competent, as recorded."""
        return self.incumbent_score if self.threshold is None else self.threshold

    def job_hours(self, steps: int) -> float | None:
        """The job's own time that so many steps stand for [h]."""
        return None if self.step_seconds is None else steps * self.step_seconds / 3_600


@dataclass(frozen=True)
class Standing:
    """A learner's returns on some held-out worlds, held against the bar.

    Attributes:
      returns: of each world. rival: the incumbent's on the same worlds, where it can run.
      recorded: the incumbent's recorded score, for where it cannot.
      threshold: the bar, where that is not the incumbent.
    """

    returns: tuple[float, ...]
    rival: tuple[float, ...] | None
    recorded: float | None
    threshold: float | None

    @property
    def mean(self) -> float:
        return float(np.mean(self.returns))

    @property
    def is_paired(self) -> bool:
        """Whether the incumbent played the same worlds."""
        return self.rival is not None

    @property
    def incumbent(self) -> float | None:
        """The incumbent's mean return: on these worlds, else as recorded."""
        return self.recorded if self.rival is None else float(np.mean(self.rival))

    @property
    def bar(self) -> float | None:
        return self.incumbent if self.threshold is None else self.threshold

    @property
    def is_competent(self) -> bool | None:
        """At or above the bar; None where there is none."""
        return None if self.bar is None else self.mean >= self.bar

    @property
    def difference(self) -> float | None:
        """Mean return less the bar."""
        return None if self.bar is None else self.mean - self.bar

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the difference; paired by world where the incumbent played."""
        if self.bar is None:
            return None
        bar = self.rival if self.threshold is None and self.rival else self.bar
        return interval(np.asarray(self.returns) - np.asarray(bar))


@dataclass(frozen=True)
class Checked:
    """A frozen exam on the way.

    moment: the step after which it was taken. saved: steps on disk by now.
    is_first: the first check ever at or above the bar. leader: which speed leads.
    episodes: begun so far. seconds, cpu_seconds: since work began in this process [s].
    """

    moment: Moment
    standing: Standing
    saved: int
    is_first: bool
    leader: str
    episodes: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Examining:
    """The session is over, and the final exam begins, on so many worlds."""

    job: str
    steps: int
    worlds: int


@dataclass(frozen=True)
class Verdict:
    """What became of a session.

    Attributes:
      session: what it was about. standing: on the final exam's worlds.
      steps: on this job, over all sessions. episodes: begun.
      competent_at: steps before the first check at or above the bar; None where none was.
      saved: steps on disk. leader: which speed leads.
      seconds, cpu_seconds: since work began in this process, exams included [s].
      steps_per_second: worked in this process, checks included.
    """

    session: Started
    standing: Standing
    steps: int
    episodes: int
    competent_at: int | None
    saved: int
    leader: str
    seconds: float
    cpu_seconds: float
    steps_per_second: float


Event = Started | Moment | Checked | Examining | Verdict


# ---- what a user calls


def work(
    learner: Learner,
    job: str,
    steps: int | None = None,
    checks: int | None = None,
    stop_hopeless: float | None = None,
    at_once: int = 1,
) -> Generator[Event, None, None]:
    """Works on a job as `Learner.work` does, checks on the way, and examines at the end.

    Args:
      job: a profession of the catalogue, or an environment's id.
      steps: decisions in this session; by default the job's budget.
      checks: frozen exams on the way; by default about one every 400 steps, 1 to 20.
      stop_hopeless, at_once: as in `Learner.work`.

    Yields:
      Started; then a Moment for every step, and a Checked after those that were checked;
      then Examining and, last, the Verdict. A session that lacks only its exam gets that.

    Raises:
      As `Learner.work`.
    """
    entry = registry().find(job)
    steps = entry.budget_steps if steps is None else steps
    checks = usual_checks(steps) if checks is None else checks
    bar, clock = Bar(entry, learner), Clock()
    started = _started(learner, entry, steps, checks)
    yield started
    if started.done < steps:
        for moment in learner.work(job, steps, checks, stop_hopeless, at_once=at_once):
            yield moment
            if moment.check is not None:
                yield _checked(learner, moment, bar, clock)
    worlds = exam_worlds(learner, entry.name)
    yield Examining(entry.name, learner.steps(entry.name), worlds)
    yield _verdict(learner, job, started, worlds, bar, clock)


def usual_checks(steps: int) -> int:
    """How many checks a session of so many steps has by default."""
    return min(max(steps // CHECK_EVERY_STEPS, 1), MOST_CHECKS)


def unfinished(learner: Learner, job: str, steps: int) -> Session | None:
    """The session of that length that was begun and lacks steps, or its final exam.

    job: the catalogue's name.
    """
    session, worked = learner.session(job), learner.steps(job)
    if session is None or session.steps != steps or worked > session.until:
        return None
    exams = (c for c in learner.checks(job) if c.first == EXAM_FIRST)
    is_examined = any(check.step >= session.until for check in exams)
    return None if is_examined else session


def interval(differences: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Bootstrap interval of the mean of differences [N], by resampling them; repeatable."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(differences), size=(RESAMPLES, len(differences)))
    tail = 50 * (1 - confidence)
    low, high = np.percentile(differences[drawn].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)


def exam_worlds(learner: Learner, job: str) -> int:
    """Episodes of the final exam: as many as make about 4,000 steps, 3 to 20."""
    length = learner.spec(job).max_steps
    if length is None:
        length = max(learner.steps(job) // max(learner.episodes(job), 1), 1)
    return min(max(EXAM_STEPS // length, EXAM_FEWEST), EXAM_MOST)


# ---- the bar


@dataclass
class Bar:
    """What a learner is held against: the incumbent plays each world once, when needed.

    What it earns there is noted in the learner's log, for reports.
    """

    entry: Entry
    learner: Learner
    _played: dict[int, tuple[float, ...]] = field(default_factory=dict)
    _is_runnable: bool = True

    def hold(self, check: Check) -> Standing:
        """A check's returns, held against the incumbent's on the same worlds."""
        incumbent = self.entry.incumbent
        return Standing(
            check.returns,
            self._played_on(check.first, len(check.returns)),
            incumbent.score if incumbent else None,
            self.entry.threshold,
        )

    def competent_at(self) -> int | None:
        """Steps before the first check on the way that was at or above the bar."""
        for check in self.learner.checks(self.entry.name):
            if check.first != EXAM_FIRST and self.hold(check).is_competent:
                return check.step
        return None

    def _played_on(self, first: int, worlds: int) -> tuple[float, ...] | None:
        known = self._played.get(first, ())
        if len(known) < worlds and self._is_runnable:
            more = range(first + len(known), first + worlds)
            seeds = [held_out_seed(self.entry.name, world) for world in more]
            try:
                played = incumbents.returns(self.entry, seeds)
            except QuickstudyError:  # its recorded score will do; the learner's work goes on
                played = None
            self._is_runnable = played is not None
            if played:
                known = self._played[first] = known + played
                note = {"incumbent": {"first": first, "returns": known}}
                self.learner.note(self.entry.name, note)
        return known[:worlds] if len(known) >= worlds else None


class Clock:
    """Seconds, and seconds of CPU, since it was made."""

    def __init__(self) -> None:
        self._began, self._cpu_began = time.perf_counter(), time.process_time()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    @property
    def cpu_seconds(self) -> float:
        return time.process_time() - self._cpu_began


# ---- helpers


def _started(learner: Learner, entry: Entry, steps: int, checks: int) -> Started:
    left = unfinished(learner, entry.name, steps)
    worked = learner.steps(entry.name)
    start = worked if left is None else left.start
    incumbent = entry.incumbent
    return Started(
        job=entry.name,
        title=entry.title,
        note=entry.note,
        learner=learner.name,
        seed=learner.seed,
        start=start,
        steps=steps,
        done=worked - start,
        checks=checks,
        incumbent=incumbent.name if incumbent else None,
        incumbent_score=incumbent.score if incumbent else None,
        threshold=entry.threshold,
        random_score=entry.random_score,
        step_seconds=entry.step_seconds,
        past=tuple(
            (check.step, check.mean)
            for check in learner.checks(entry.name)
            if check.first != EXAM_FIRST and check.step > start
        ),
    )


def _checked(learner: Learner, moment: Moment, bar: Bar, clock: Clock) -> Checked:
    check = learner.checks(moment.job)[-1]
    standing = bar.hold(check)
    return Checked(
        moment=moment,
        standing=standing,
        saved=learner.sync(moment.job),
        is_first=bar.competent_at() == check.step,
        leader=learner.leader(moment.job),
        episodes=learner.episodes(moment.job),
        seconds=clock.seconds,
        cpu_seconds=clock.cpu_seconds,
    )


def _verdict(
    learner: Learner, job: str, started: Started, worlds: int, bar: Bar, clock: Clock
) -> Verdict:
    name = started.job
    worked = learner.steps(name) - started.start - started.done
    steps_per_second = worked / max(clock.seconds, 1e-9)
    standing = bar.hold(learner.check(job, worlds, EXAM_FIRST))
    return Verdict(
        session=started,
        standing=standing,
        steps=learner.steps(name),
        episodes=learner.episodes(name),
        competent_at=bar.competent_at(),
        saved=learner.sync(name),
        leader=learner.leader(name),
        seconds=clock.seconds,
        cpu_seconds=clock.cpu_seconds,
        steps_per_second=steps_per_second,
    )
