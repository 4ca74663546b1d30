"""Learning to learn: what a family's earlier jobs are worth to the next one.

    python -m benchmarks.transfer                    # hours; five seeds, two families
    python -m benchmarks.transfer --quick            # minutes; one seed, no table here
    python -m benchmarks.transfer --seeds 0,1 --families carts
    python -m benchmarks.transfer --resume           # goes on where it was interrupted

A career works the five jobs of a family, one after the other, in an order that begins with
another job for each seed; each new mind begins with what those before taught it. Then it works
a contrary job: the same spaces, the opposite actions. Beside it fresh learners work the fifth
job and the contrary one. All are checked every tenth of a job on the same held-out worlds.

*Competent* is nine tenths of the way from random actions to what fresh learners reach at the
end of the fifth job (of all seeds on that job, or of this seed where there is one alone).

Left out: jobs of other spaces (nothing is carried over there: a fresh mind, bit for bit).

Carts were developed on (seeds 0 and 1), patients never looked at before the table was made.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import quickstudy as qs
from benchmarks import families, runs, tables
from benchmarks.families import FAMILIES
from benchmarks.runs import Line
from benchmarks.statistics import mean, stratified_bootstrap
from quickstudy.learner import Learner

CHECKS, EPISODES, FIRST_WORLD = 10, 10, 2_000
COMPETENT = 0.9  # of the way from random to a fresh learner's last check


def one(name: str, seed: int, steps: int) -> Line:
    """A career and its fresh twins in one family."""
    family = FAMILIES[name]
    turn = seed % len(family.jobs)
    order = (*family.jobs[turn:], *family.jobs[:turn], family.contrary)
    with tempfile.TemporaryDirectory() as folder:
        with qs.hire(Path(folder) / "career", seed=seed) as learner:
            career = {job: _curve(learner, job, steps) for job in order}
            dropped = [
                job
                for job in order
                if learner.taught_by(job) and not learner.mind(job).counts.inherited
            ]
        fresh = {}
        for job in order[-2:]:
            with qs.hire(Path(folder) / f"fresh-{job}", seed=seed) as learner:
                fresh[job] = _curve(learner, job, steps)
    by_chance = {job: families.by_chance(job, EPISODES, FIRST_WORLD) for job in order}
    return {
        "family": name, "seed": seed, "steps": steps, "order": order, "career": career,
        "fresh": fresh, "dropped": dropped, "chance": by_chance,
    }  # fmt: skip


def _curve(learner: Learner, job: str, steps: int) -> list[tuple[int, float]]:
    """Mean of a check before the first step, and after each tenth of the job."""
    curve = [(0, learner.check(job, EPISODES, FIRST_WORLD).mean)]
    for moment in learner.work(job, steps):
        if (
            moment.step * CHECKS % steps < CHECKS
            and moment.step * CHECKS // steps > len(curve) - 1
        ):
            curve.append((moment.step, learner.check(job, EPISODES, FIRST_WORLD).mean))
    return curve


# ---- the table


@dataclass(frozen=True)
class Gain:
    """One seed's fifth or contrary job: with a career behind it, and fresh.

    Areas: mean of the checks, from random (0) to the best check of a fresh learner (1).
    """

    career_area: float
    fresh_area: float
    career_steps: float
    fresh_steps: float
    first: float


def gain(line: Line, which: int, lines: Sequence[Line]) -> Gain:
    """Of the job in place `which` of a line's order."""
    job = line["order"][which]
    career, fresh = line["career"][job], line["fresh"][job]
    low = line["chance"][job]
    ends = [other["fresh"][job][-1][1] for other in lines if job in other["fresh"]]
    high = mean(ends)
    bar = low + COMPETENT * (high - low)

    def area(curve: Any) -> float:
        return (mean([value for _, value in curve]) - low) / (high - low)

    def steps(curve: Any) -> float:
        return float(next((at for at, value in curve if value >= bar), math.inf))

    first = (career[0][1] - low) / (high - low)
    return Gain(area(career), area(fresh), steps(career), steps(fresh), first)


def written(lines: Sequence[Line], command: str) -> str:
    """Every family, its fifth job and its contrary one."""
    rows, said = [], []
    for name in dict.fromkeys(line["family"] for line in lines):
        own = [line for line in lines if line["family"] == name]
        for what, which in (("fifth", 4), ("contrary", 5)):
            gains = [gain(line, which, own) for line in own]
            more = [one.career_area - one.fresh_area for one in gains]
            ends = stratified_bootstrap([more], mean)
            rows.append(
                [
                    f"{name}: {what} job",
                    tables.number(mean([one.first for one in gains])),
                    tables.number(mean([one.career_area for one in gains])),
                    tables.number(mean([one.fresh_area for one in gains])),
                    tables.interval(mean(more), ends),
                    tables.each([_finite(one.career_steps) for one in gains]),
                    tables.each([_finite(one.fresh_steps) for one in gains]),
                    f"{_dropped(own, which)} of {len(own)}",
                ]
            )
            if what == "fifth":
                said.append(_said(name, own, gains, more, ends))
    head = [
        "job", "before its first step", "with a career", "fresh", "gain [95 %]",
        "steps to competence: career", "fresh", "dropped",
    ]  # fmt: skip
    seeds = sorted({line["seed"] for line in lines})
    return "\n".join(
        [
            "# Learning to learn",
            "",
            f"Made by `{command}` on {lines[-1]['date']}; do not edit. Source "
            f"{lines[-1]['source']}; seeds {', '.join(map(str, seeds))}; {runs.machine()}.",
            "",
            "From 0 (random actions) to 1 (fresh learners at the end of the job): the check "
            "before the first step, and the mean of all checks over the job. *Competent*: at "
            f"{COMPETENT:g}. The gain's interval is a bootstrap over seeds. A contrary job "
            "shows and takes the same and wants the opposite. *Dropped*: careers in which the "
            "mind gave up what it began with. Carts were developed on, with other seeds; "
            "patients were not.",
            "",
            tables.summary(" ".join(said)),
            "",
            tables.table(head, rows),
            "",
        ]
    )


def _said(
    name: str, lines: Sequence[Line], gains: Sequence[Gain], more: Sequence[float], ends: Any
) -> str:
    number, steps = tables.seeds(lines), lines[0]["steps"]
    # Who never got there counts as one check more than the budget: at least that.
    most = steps * (1 + 1 / CHECKS)
    took = [[min(value, most) for value in of] for of in (
        [one.career_steps for one in gains], [one.fresh_steps for one in gains])]  # fmt: skip
    few, many = mean(took[0]), mean(took[1])
    times = "no step at all" if few == 0 else f"{few:,.0f}, {many / few:.1f} times fewer"
    return (
        f"{name.capitalize()} ({number}): after four jobs of the family the fifth starts at "
        f"{mean([one.first for one in gains]):.0%} of the way from random to what fresh "
        f"learners end at; fresh ones take {many:,.0f} steps to competence, it takes {times}; "
        f"gain over the whole job {tables.interval(mean(more), ends)}."
    )


def _dropped(lines: Sequence[Line], which: int) -> int:
    return sum(line["order"][which] in line["dropped"] for line in lines)


def _finite(steps: float) -> float | None:
    return None if math.isinf(steps) else steps


def main(arguments: list[str] | None = None) -> int:
    """Runs what was asked for, or one line of it."""
    parser = runs.options("transfer", __doc__, ("FAMILY", "SEED", "STEPS"))
    parser.add_argument("--families", default=",".join(FAMILIES), help="which, with commas")
    asked = parser.parse_args(arguments)
    families.enter()
    if asked.one:
        name, seed, steps = asked.one
        print(json.dumps(one(name, int(seed), int(steps))))
        return 0
    names = asked.families.split(",")
    seeds = runs.seeds_asked(asked)
    tasks = [
        (name, str(seed), str(1_200 if asked.quick else FAMILIES[name].steps))
        for name in names
        for seed in seeds
    ]
    runs.tabulate("transfer", asked, tasks, written, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
