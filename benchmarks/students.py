"""Two students: one drilled in a single world, one with a hundredth of the practice, broad.

    python -m benchmarks.students              # four CPU minutes
    python -m benchmarks.students --times 20   # twenty times the practice, not a hundred
    python -m benchmarks.students --quick      # seconds; writes no table here
    python -m benchmarks.students --seed 3     # other students, other worlds

The broad student meets a fresh plant each episode (`benchmarks.plants`), the drilled one the
same plant in every one. Both sit one exam, on plants that neither has met and on plants whose
valve, drift and dice were moved. All practice stands in a ledger, counted by the learners' own
logs. Left out: students that choose where to practise.

Developed on seeds 0 to 14; 100 was run with --times 20, the table's 101 once.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import quickstudy as qs
from benchmarks import planted, plants, runs, tables
from quickstudy.exams.compare import Difference, compare
from quickstudy.exams.exam import Settings
from quickstudy.exams.score import RANDOM, Result
from quickstudy.exams.statistics import Estimate, estimate, iqm

COMMAND = "python -m benchmarks.students"
SEED = 101
BROAD_STEPS, TIMES = 1_000, 100
QUICK_STEPS, QUICK_TIMES = 100, 5
WORLDS = 50  # of each kind in the exam


@dataclass(frozen=True)
class Student:
    """One student: its line in the ledger, and its exam."""

    name: str
    steps: int
    episodes: int
    worlds: int
    cpu_seconds: float
    result: Result


def taught(name: str, seed: int, steps: int, worlds: int | None) -> Student:
    """Practises and is examined; only practice counts in the ledger."""
    with qs.hire(name, seed=seed) as learner:
        began = time.process_time()
        for _ in learner.work(plants.JOB, steps, worlds=worlds):
            pass
        spent = time.process_time() - began
        return Student(
            name,
            learner.steps(plants.JOB),
            learner.episodes(plants.JOB),
            len(learner.worlds(plants.JOB)),
            spent,
            qs.exam(learner, plants.JOB, Settings(worlds=WORLDS, random=WORLDS)),
        )


def written(drilled: Student, broad: Student, command: str) -> str:
    """The ledger and the marks."""
    times = drilled.steps / broad.steps
    gains = compare(drilled.result, broad.result)
    better = sum(told.gain.low > 0 for told in gains)
    worse = sum(told.gain.high < 0 for told in gains)
    fresh = gains[0].gain
    said = (
        f"With {times:,.0f} times the practice, all in one world, a student earns "
        f"{_told(drilled.result.twin)} in fresh worlds; with practice in {broad.worlds:,} "
        f"worlds {_told(broad.result.twin)} (random actions {_random(broad)}). Broad less "
        f"drilled: {_told(fresh)}. Of {len(gains)} lots the broad one is better on {better}, "
        f"worse on {worse}, and on the rest no difference can be told."
    )
    ledger = [
        [s.name, f"{s.steps:,}", f"{s.episodes:,}", f"{s.worlds:,}", f"{s.cpu_seconds:,.0f}"]
        for s in (drilled, broad)
    ]
    marks = [
        [_lot(told), *(_told(_score(s, told)) for s in (drilled, broad)), _told(told.gain)]
        for told in gains
    ]
    own = [["its own worlds", *(_told(s.result.seen) for s in (drilled, broad)), "—"]]
    return "\n".join(
        [
            "# Two students",
            "",
            f"Made by `{command}` on {datetime.date.today()}; do not edit. Job {plants.JOB}, "
            f"{WORLDS} worlds of a kind, the same for both but for their own; bar "
            f"{tables.number(plants.BAR)}; {runs.machine()}. One student of each kind: the "
            "intervals are over worlds, not over students. Differences are over worlds that "
            "both sat.",
            "",
            tables.summary(said),
            "",
            "Practice:",
            "",
            tables.table(["student", "steps", "episodes", "worlds", "CPU seconds"], ledger),
            "",
            "Exam (interquartile means [95 %]):",
            "",
            tables.table(["worlds", "drilled", "broad", "broad less drilled"], own + marks),
            "",
        ]
    )


def _lot(told: Difference) -> str:
    return f"{told.lot} {told.strength:g}" if told.strength else "fresh"


def _score(student: Student, told: Difference) -> Estimate:
    lot = next(
        lot
        for lot in student.result.lots
        if (lot.name, lot.strength) == (told.lot, told.strength)
    )
    return estimate([lot.earned], iqm)


def _random(student: Student) -> str:
    lot = student.result.lot(RANDOM)
    return tables.number(float(iqm(lot.earned))) if lot else "—"


def _told(told: Estimate | None) -> str:
    if told is None:
        return "—"
    low, high = tables.number(told.low), tables.number(told.high)
    return f"{tables.number(told.value)} [{low}, {high}]"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=SEED, help="of students and exam")
    parser.add_argument("--times", type=int, default=TIMES, help="the drilled one's practice")
    parser.add_argument("--quick", action="store_true", help="seconds; writes no table here")
    parser.add_argument("--output", type=Path, help="folder for the table")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    plants.enter()
    steps = QUICK_STEPS if asked.quick else BROAD_STEPS
    times = QUICK_TIMES if asked.quick else asked.times
    with planted.home(asked.seed):
        broad = taught("broad", asked.seed, steps, None)
        print(f"broad: {_told(broad.result.twin)} in fresh worlds", flush=True)
        drilled = taught("drilled", asked.seed + 1, times * steps, 1)
    command = f"{COMMAND} --times {times} --seed {asked.seed}"
    text = written(drilled, broad, command)
    (runs.folder_asked(asked) / "students.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
