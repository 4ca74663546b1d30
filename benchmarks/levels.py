"""The number-of-levels curve on a job whose worlds must be understood.

    python -m benchmarks.levels                 # 15 learners of 2,000 steps: CPU minutes
    python -m benchmarks.levels --steps 6000 --counts 30 100 300
    python -m benchmarks.levels --quick         # four of 300; writes no table here
    python -m benchmarks.levels --seed 3        # other learners, other exam

The job is `benchmarks.plants`; the curve is the product's own, `qs.levels`. Left out: jobs of
the catalogue that are generated (DoorKey, the driver), which take hours.

Developed on seeds 0 to 14; the table's seed was run once.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import planted, plants, runs, tables
from quickstudy.exams import levels as curves
from quickstudy.exams.levels import Curve, Settings
from quickstudy.exams.statistics import Estimate

COMMAND = "python -m benchmarks.levels"
SEED = 100
USUAL = Settings()
QUICK = Settings(counts=(1, 10), steps=300, learners=2)


def written(curve: Curve, command: str) -> str:
    """The table, with what it comes to."""
    rows = []
    for number, level in enumerate(curve.levels):
        seen, twin = curve.scores(number)
        told = [_interval(x) for x in (seen, twin, curve.gap(number))]
        rows.append([f"{level.count:,}", *told])
    bar = tables.number(curve.bar)
    return "\n".join(
        [
            "# How many worlds must be practised?",
            "",
            f"Made by `{command}` on {datetime.date.today()}; do not edit. Job {curve.job}, "
            f"{len(curve.levels[0].twin)} learners a row, {curve.steps:,} steps each, at "
            f"most 30 worlds that it worked in and 30 to 80 fresh ones; random actions "
            f"{tables.number(curve.random)}, bar {bar}; "
            f"{runs.machine()}. The gap counts as closed at {curves.CLOSED:.0%} of the way "
            "from random to the bar.",
            "",
            tables.summary(f"Of {curve.job}, {curves.headline(curve)}"),
            "",
            tables.table(["worlds", "seen [95 %]", "fresh [95 %]", "gap [95 %]"], rows),
            "",
        ]
    )


def _interval(told: Estimate) -> str:
    low, high = tables.number(told.low), tables.number(told.high)
    return f"{tables.number(told.value)} [{low}, {high}]"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=SEED, help="of learners and exam")
    parser.add_argument("--steps", type=int, default=USUAL.steps, help="of each learner")
    parser.add_argument("--counts", type=int, nargs="+", default=USUAL.counts, help="worlds")
    parser.add_argument("--quick", action="store_true", help="seconds; writes no table here")
    parser.add_argument("--output", type=Path, help="folder for table and picture")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    plants.enter()
    chosen = QUICK if asked.quick else Settings(tuple(asked.counts), asked.steps)
    settings = replace(chosen, seed=10_000 * asked.seed)
    with planted.home(asked.seed):
        curve = curves.levels(plants.JOB, settings, _tell)
    text = written(curve, _command(settings, asked.seed))
    name = "levels" if settings.steps == USUAL.steps else f"levels_{settings.steps}"
    table = runs.folder_asked(asked) / f"{name}.md"
    table.write_text(text)
    curves.draw(curve, table.with_suffix(".png"))
    print(text)
    return 0


def _command(settings: Settings, seed: int) -> str:
    counts = " ".join(map(str, settings.counts))
    asked = f" --steps {settings.steps}" if settings.steps != USUAL.steps else ""
    asked += f" --counts {counts}" if settings.counts != USUAL.counts else ""
    return f"{COMMAND}{asked} --seed {seed}"


def _tell(count: int, done: int, total: int) -> None:
    if done % 1_000 == 0:
        print(f"{done:,} of {total:,} steps; {count} worlds", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
