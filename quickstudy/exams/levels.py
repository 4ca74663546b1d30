"""The number-of-levels curve: how many worlds must be practised before fresh ones go as well?

    curve = levels("CartPole-v1", Settings(counts=(1, 10, 100), steps=1_000))
    curve.needed                     # worlds that close the gap, with an interval

New learners practise equally long, each in so many worlds; every one is then examined, frozen,
on worlds that it worked in and on fresh ones. The gap counts as closed where it is at most a
tenth of the way from random actions to the bar (or, without one, to the best that was seen).

Whose idea: Cobbe et al. (2020), there for games. Intervals resample learners, and worlds within
each; from three learners they come out rather narrow.

Left out: keeping the learners; one that is interrupted begins anew.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quickstudy import words
from quickstudy.errors import QuickstudyError
from quickstudy.exams import exam as exams
from quickstudy.exams import page
from quickstudy.exams.exam import exam
from quickstudy.exams.score import RANDOM, SEEN, TWIN, Result
from quickstudy.exams.statistics import LEVEL, Estimate, iqm
from quickstudy.exams.worlds import edition
from quickstudy.jobs.registry import registry
from quickstudy.learner import hire

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLOSED = 0.1  # share of the way from random to the bar that the gap may still be
RESAMPLES = 2_000
MOMENTS = 100  # steps of practice between two words of progress

Progress = Callable[[int, int, int], None]  # worlds practised in, steps done, steps in all


@dataclass(frozen=True)
class Settings:
    """What is practised, and how much is asked.

    counts: numbers of worlds to practise in. steps: of each learner, whatever its worlds.
    learners: for each count. worlds: of each kind in an exam. seed: of the first learner.
    """

    counts: tuple[int, ...] = (1, 3, 10, 30, 100)
    steps: int = 2_000
    learners: int = 3
    worlds: int = 30
    seed: int = 0
    edition: str = "first"


@dataclass(frozen=True)
class Level:
    """Learners that practised in `count` worlds: returns of each, where they were and fresh."""

    count: int
    seen: tuple[np.ndarray, ...]
    twin: tuple[np.ndarray, ...]

    def resampled(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Scores on seen and on fresh worlds [RESAMPLES], of learners and worlds drawn anew."""
        who = rng.integers(len(self.seen), size=(RESAMPLES, len(self.seen)))
        scores = [[_drawn(returns, rng) for returns in lot] for lot in (self.seen, self.twin)]
        seen, twin = (np.stack(score)[who, np.arange(RESAMPLES)[:, None]] for score in scores)
        return seen.mean(1), twin.mean(1)

    @property
    def scores(self) -> tuple[float, float]:
        """Interquartile means on seen and on fresh worlds, averaged over learners."""
        seen, twin = ([iqm(returns) for returns in lot] for lot in (self.seen, self.twin))
        return float(np.mean(seen)), float(np.mean(twin))


def _drawn(returns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return iqm(returns[rng.integers(len(returns), size=(RESAMPLES, len(returns)))])


@dataclass(frozen=True)
class Curve:
    """What came out.

    levels: in the order of their counts. random: what random actions earn on fresh worlds.
    bar: the return at which a learner is competent; None where there is none.
    """

    job: str
    steps: int
    levels: tuple[Level, ...]
    random: float
    bar: float | None

    @cached_property
    def _resampled(self) -> list[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(0)
        return [level.resampled(rng) for level in self.levels]

    def scores(self, number: int) -> tuple[Estimate, Estimate]:
        """On seen and on fresh worlds, of the level of that number, with intervals."""
        values, drawn = self.levels[number].scores, self._resampled[number]
        return _interval(values[0], drawn[0]), _interval(values[1], drawn[1])

    def gap(self, number: int) -> Estimate:
        """Seen less fresh, in the job's units."""
        (seen, twin), (many, much) = self.levels[number].scores, self._resampled[number]
        return _interval(seen - twin, many - much)

    @property
    def way(self) -> float:
        """From random actions to the bar, in the job's units."""
        top = self.bar if self.bar is not None else max(x.scores[0] for x in self.levels)
        return max(top - self.random, 1e-12)

    @cached_property
    def needed(self) -> Estimate:
        """Worlds that close the gap; infinite where more are needed than were tried."""
        counts = [level.count for level in self.levels]
        gaps = np.array([np.subtract(*level.scores) for level in self.levels]) / self.way
        drawn = np.stack([seen - twin for seen, twin in self._resampled], 1) / self.way
        return _interval(crossing(counts, gaps), np.array([crossing(counts, g) for g in drawn]))


def crossing(counts: Sequence[int], gaps: np.ndarray) -> float:
    """The count from which on the gap stays closed, between counts on a logarithmic scale."""
    is_open = np.flatnonzero(gaps > CLOSED)
    if not len(is_open):
        return float(counts[0])
    last = int(is_open[-1])
    if last == len(counts) - 1:
        return math.inf
    share = (gaps[last] - CLOSED) / (gaps[last] - gaps[last + 1])
    low, high = math.log(counts[last]), math.log(counts[last + 1])
    return math.exp(low + share * (high - low))


def _interval(value: float, drawn: np.ndarray) -> Estimate:
    tail = (1.0 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1.0 - tail], method="nearest")
    return Estimate(float(value), float(low), float(high))


def levels(
    job: str, settings: Settings | None = None, progress: Progress | None = None
) -> Curve:
    """Practises and examines; takes counts × learners × steps.

    Raises:
      QuickstudyError: settings out of range. OneWorld: the job is the same whatever its seed.
      UnknownJob, JobFailed: as the job does.
    """
    settings = settings or Settings()
    counts = sorted(set(settings.counts))
    if not counts or counts[0] < 1:
        raise QuickstudyError(
            f"Came {', '.join(map(str, settings.counts)) or 'no'} worlds to practise in; "
            "expected at least one number, none below 1."
        )
    entry = registry().find(job)
    with closing(registry().make(job)) as made:
        exams.refuse_one_world(made, edition(settings.edition).seeds(entry.name, TWIN, 3))
    found, results = [], []
    with tempfile.TemporaryDirectory() as folder:
        for place, count in enumerate(counts):
            results = [
                _learned(Path(folder), entry.name, count, place, number, settings, progress)
                for number in range(settings.learners)
            ]
            found.append(Level(count, *(_returns(results, lot) for lot in (SEEN, TWIN))))
    random = np.concatenate(_returns(results, RANDOM))
    return Curve(entry.name, settings.steps, tuple(found), float(iqm(random)), entry.bar)


def _learned(
    folder: Path,
    job: str,
    count: int,
    place: int,
    number: int,
    settings: Settings,
    progress: Progress | None,
) -> Result:
    asked = exams.Settings(worlds=settings.worlds, shifts=False, edition=settings.edition)
    before = (place * settings.learners + number) * settings.steps
    total = len(set(settings.counts)) * settings.learners * settings.steps
    seed = settings.seed + 1_000 * place + number  # no two alike: their luck is not one luck
    with hire(folder / f"{count}-{number}", seed=seed) as learner:
        for moment in learner.work(job, settings.steps, worlds=count):
            if progress and moment.step % MOMENTS == 0:
                progress(count, before + moment.step, total)
        return exam(learner, job, asked)


def _returns(results: Sequence[Result], lot: str) -> tuple[np.ndarray, ...]:
    return tuple(found.earned for r in results if (found := r.lot(lot)) is not None)


# ---- told and drawn


def lines(curve: Curve) -> Iterator[str]:
    """The curve as people read it."""
    yield f"{curve.job}, {curve.steps:,} steps of practice each: {headline(curve)}"
    for number, level in enumerate(curve.levels):
        (seen, twin), gap = curve.scores(number), curve.gap(number)
        yield (
            f"  {level.count:>6,} world{'s' if level.count > 1 else ' '}  seen "
            f"{words.figure(seen.value)}, fresh {_with_interval(twin)}, gap "
            f"{_with_interval(gap)}"
        )


def headline(curve: Curve) -> str:
    """How many worlds close the gap."""
    most, needed = curve.levels[-1].count, curve.needed
    if math.isinf(needed.value):
        at_least = _count(needed.low, most)
        return f"{most:,} worlds do not close the gap (95 % interval: {at_least} or more)."
    return (
        f"about {_count(needed.value, most)} worlds close the gap (95 % interval "
        f"{_count(needed.low, most)} to {_count(needed.high, most)})."
    )


def _count(number: float, most: int) -> str:
    return f"more than {most:,}" if math.isinf(number) else f"{number:,.0f}"


def _with_interval(told: Estimate) -> str:
    return f"{words.figure(told.value)} ({words.figure(told.low)} to {words.figure(told.high)})"


def fields(curve: Curve) -> dict[str, Any]:
    """The curve for programs; an interval is [value, low, high], null for more than tried."""
    return {
        "job": curve.job,
        "steps": curve.steps,
        "random": curve.random,
        "bar": curve.bar,
        "needed": [None if math.isinf(x) else x for x in curve.needed],
        "levels": [
            {
                "worlds": level.count,
                "learners": len(level.twin),
                "seen": curve.scores(number)[0],
                "twin": curve.scores(number)[1],
                "gap": curve.gap(number),
            }
            for number, level in enumerate(curve.levels)
        ],
    }


def draw(curve: Curve, path: Path) -> Path:
    """Draws the curve as a PNG; gives where.

    Raises:
      DiskTrouble: it cannot be written.
    """
    return page.save(_figure(curve), path)


def _figure(curve: Curve) -> Figure:
    figure, (axes,) = page.figure(4.6)
    counts = [level.count for level in curve.levels]
    pairs = [curve.scores(number) for number in range(len(counts))]
    for place, (name, colour) in enumerate(page.COLOURS.items()):
        if name == RANDOM:
            axes.axhline(curve.random, color=colour, linestyle=":", label="random actions")
            continue
        told = [pair[place] for pair in pairs]
        label = "worlds practised in" if name == SEEN else "fresh worlds"
        axes.plot(counts, [t.value for t in told], "o-", color=colour, label=label)
        low, high = [t.low for t in told], [t.high for t in told]
        axes.fill_between(counts, low, high, color=colour, alpha=0.15, linewidth=0)
    if curve.bar is not None:
        axes.axhline(curve.bar, color=page.INK, linewidth=1, linestyle="--", label="bar")
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set_xlabel(f"worlds practised in, {curve.steps:,} steps in all")
    axes.set_ylabel("return, with 95 % interval")
    axes.legend(frameon=False, fontsize=9)
    figure.suptitle(
        f"{curve.job}: {headline(curve)}",
        x=0.02, ha="left", fontsize=11, fontweight="bold", color=page.INK,
    )  # fmt: skip
    return figure
