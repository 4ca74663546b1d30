"""Does the leak alarm fire where one exam world in twenty was practised, and only there?

    python -m benchmarks.leaked            # 20 leaked, 40 clean, and how small an effect may be
    python -m benchmarks.leaked --quick    # few of each; writes no table here
    python -m benchmarks.leaked --seed 3   # other cases

Each exam has 200 fresh worlds and 800 of no edition. Of the fresh ones ten (5 %) have leaked:
to a learner of ours that practised them among ten others, on locks, which can only be known
by heart (`benchmarks.plants`); or to a sloppy master that slips less there, by a stated amount
(`benchmarks.planted`). Clean cases are the same without the leak. The alarm is the product's
own, `Result.leak`. Counted apart: learners of ours on plants, which can be understood, so that
ten of them more or less change little.

Left out: leaks of single decisions.

Developed on seeds 0 to 14; the table's seed was run once.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import quickstudy as qs
from benchmarks import planted, plants, runs, tables
from benchmarks.overfit import spec_of, worlds_of
from benchmarks.planted import Sloppy
from quickstudy.exams.exam import Settings
from quickstudy.exams.score import CONTROL, TWIN, Result

COMMAND = "python -m benchmarks.leaked"
SEED = 100
WORLDS, CONTROLS = 200, 800  # of the exam, of no edition
LEAKED = WORLDS // 20
OTHERS = 10  # worlds that a learner practises beside the leaked ones
STEPS = 1_500  # of a learner
LEARNERS, CLEAN_LEARNERS, UNDERSTANDING = 5, 5, 2
STUDENTS, CLEAN_STUDENTS = 15, 35
SLIPS = (0.4, 0.9)  # of a sloppy master in worlds it does not know
GAINS = (0.2, 0.4, 0.5, 0.6, 0.75, 0.9)  # slips less in leaked worlds, second table
REPEATS = 10


@dataclass(frozen=True)
class Case:
    """One exam: who sat it, how far leaked worlds stand out, what the alarm says."""

    what: str
    job: str
    is_leaked: bool
    effect: float
    result: Result

    @property
    def fires(self) -> bool:
        return self.result.leak is not None and self.result.leak.fires


def settings_of(name: str) -> Settings:
    return Settings(
        worlds=2, fresh=WORLDS, controls=CONTROLS, random=2, shifts=False, edition=name
    )


def effect_of(result: Result, leaked: Sequence[int]) -> float:
    """How much more leaked worlds earn than the controls, in the controls' deviations."""
    twin, control = result.lot(TWIN), result.lot(CONTROL)
    assert twin and control
    known = set(leaked)
    earned = [sat.earned for sat in twin.worlds if sat.seed in known]
    return float((np.mean(earned) - control.earned.mean()) / control.earned.std())


def learner(number: int, seed: int, is_leaked: bool, job: str) -> Case:
    """A learner of ours that practised ten worlds, and ten of the exam's or ten more."""
    rng = np.random.default_rng([seed, 20, number])
    own = planted.keep_edition(f"learner-{number}-{is_leaked}", seed, number, is_leaked)
    leaked = own.seeds(job, TWIN, LEAKED)
    practised = worlds_of(rng, OTHERS) + (list(leaked) if is_leaked else worlds_of(rng, LEAKED))
    rng.shuffle(practised)
    with qs.hire(f"{job}-{number}-{is_leaked}", seed=int(rng.integers(2**31))) as ada:
        for _ in ada.work(job, STEPS, worlds=practised):
            pass
        result = qs.exam(ada, job, settings_of(own.name))
    return Case(f"learner, {STEPS:,} steps", job, is_leaked, effect_of(result, leaked), result)


def student(number: int, seed: int, is_leaked: bool, slips: float, gain: float) -> Case:
    """A sloppy master that slips less in ten of the exam's worlds."""
    own = planted.keep_edition(f"student-{number}", seed, number, is_leaked)
    leaked = own.seeds(plants.JOB, TWIN, LEAKED)
    known = planted.starts(plants.JOB, leaked) if is_leaked else ()
    who = Sloppy(plants.JOB, spec_of(plants.JOB), slips, known, max(slips - gain, 0.0))
    result = qs.examine(who, plants.JOB, (), settings_of(own.name), f"student {number}")
    told = f", in leaked ones {max(slips - gain, 0.0):.0%}" if is_leaked else ""
    what = f"slips in {slips:.0%}{told}"
    return Case(what, plants.JOB, is_leaked, effect_of(result, leaked), result)


def cases(seed: int, counts: Sequence[int]) -> Iterator[Case]:
    """Draws and examines: learners leaked and clean, students leaked and clean, others."""
    for is_leaked, count in ((True, counts[0]), (False, counts[1])):
        for number in range(count):
            yield learner(number, seed, is_leaked, plants.LOCK)
    for is_leaked, count in ((True, counts[2]), (False, counts[3])):
        for number in range(count):
            slips = float(np.random.default_rng([seed, 21, number, is_leaked]).uniform(*SLIPS))
            yield student(number, seed, is_leaked, slips, slips)
    for number in range(counts[4]):
        yield learner(1_000 + number, seed, True, plants.JOB)


def fires_of(gain: float, repeats: int, seed: int) -> tuple[float, float, int]:
    """Of masters that slip in 90 % elsewhere: the gain, its effect, how often it is found."""
    found = [student(1_000 + n, seed, True, 0.9, gain) for n in range(repeats)]
    return gain, float(np.mean([case.effect for case in found])), sum(c.fires for c in found)


# ---- the table

BY_HEART, UNDERSTOOD, SLOPPY = "by heart", "understood", "sloppy"


def _kind(case: Case) -> str:
    if not case.what.startswith("learner"):
        return SLOPPY
    return BY_HEART if case.job == plants.LOCK else UNDERSTOOD


def written(
    found: list[Case], small: list[tuple[float, float, int]], repeats: int, command: str
) -> str:
    """The table, with its verdict."""

    def count(is_leaked: bool, *what: str) -> str:
        told = [c.fires for c in found if c.is_leaked == is_leaked and _kind(c) in what]
        return f"{sum(told)} of {len(told)}"

    said = (
        f"Alarms with 5 % of the worlds leaked: {count(True, BY_HEART, SLOPPY)} (learners of "
        f"ours that know them by heart {count(True, BY_HEART)}, sloppy masters "
        f"{count(True, SLOPPY)}). False alarms: {count(False, BY_HEART, SLOPPY)}. Learners of "
        f"ours to which the leak is of little use: {count(True, UNDERSTOOD)}."
    )
    rows = [
        [
            case.what,
            case.job,
            "yes" if case.is_leaked else "no",
            f"{case.effect:.2f}" if case.is_leaked else "—",
            f"{case.result.leak.p:.4f}" if case.result.leak else "—",
            case.result.leak.sign if case.result.leak and case.fires else "—",
        ]
        for case in found
    ]
    less = [
        [f"90% to {0.9 - gain:.0%}", f"{effect:.2f}", f"{fired} of {repeats}"]
        for gain, effect, fired in small
    ]
    return "\n".join(
        [
            "# The leak alarm",
            "",
            f"Made by `{command}` on {datetime.date.today()}; do not edit. {WORLDS} worlds an "
            f"exam, {LEAKED} of them leaked, {CONTROLS} others; "
            f"{runs.machine()}. *Effect*: what leaked worlds earn more than others, in "
            "standard deviations of those.",
            "",
            tables.summary(said),
            "",
            tables.table(["who", "job", "leaked", "effect", "p", "told by"], rows),
            "",
            f"How small an effect is found ({repeats} sloppy masters a row):",
            "",
            tables.table(["slips, in leaked worlds", "effect", "alarms"], less),
            "",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=SEED, help="of the cases")
    parser.add_argument("--quick", action="store_true", help="few cases; writes no table here")
    parser.add_argument("--output", type=Path, help="folder for the table")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    plants.enter()
    counts = (LEARNERS, CLEAN_LEARNERS, STUDENTS, CLEAN_STUDENTS, UNDERSTANDING)
    repeats = 2 if asked.quick else REPEATS
    found = []
    with planted.home(asked.seed):
        for case in cases(asked.seed, (1, 0, 1, 1, 0) if asked.quick else counts):
            p = case.result.leak.p if case.result.leak else 1.0
            print(f"p = {p:.4f}, effect {case.effect:.2f}: {case.what}", flush=True)
            found.append(case)
        small = [
            fires_of(gain, repeats, asked.seed) for gain in GAINS[:: 5 if asked.quick else 1]
        ]
    text = written(found, small, repeats, f"{COMMAND} --seed {asked.seed}")
    (runs.folder_asked(asked) / "leaked.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
