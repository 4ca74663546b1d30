"""Five robots to 50,000 steps: continuous control far beyond the budgets of `benchmarks.quick`.

    python -m benchmarks.mujoco --workers 2          # five tasks, five seeds: hours
    python -m benchmarks.mujoco --resume             # goes on where it was interrupted
    python -m benchmarks.mujoco --quick              # one task, one seed, 1,000 steps: minutes

Gymnasium's Hopper, HalfCheetah, Walker2d, Ant and Humanoid, one setting. Returns are put on
the scale of the literature: a random policy 0, TD3 after a million steps 1 (constants of
Fujimoto et al. 2023, "For SALE", for v4).

**Beside, not against**: published figures are for v4 of these tasks, which no longer installs.
v5 differs in Ant's and Humanoid's observations and in when Hopper and Walker2d are paid for
being healthy, so a hundredth more or less means nothing here. Peers were not run.

Left out: the DeepMind Control Suite.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping, Sequence

from benchmarks import runs, tables
from benchmarks import statistics as stats
from benchmarks.runs import OURS, Line, Plan

STEPS, EVERY, EPISODES, EXAM = 50_000, 5_000, 5, 10
QUICK_STEPS = 1_000

# Job → return of a random policy, return of TD3 after a million steps; both of v4.
REFERENCE: Mapping[str, tuple[float, float]] = {
    "Hopper-v5": (18.791, 3_226.0),
    "HalfCheetah-v5": (-289.415, 10_574.0),
    "Walker2d-v5": (2.791, 3_946.0),
    "Ant-v5": (-70.288, 3_942.0),
    "Humanoid-v5": (120.423, 5_165.0),
}
# Mean over the five tasks of v4, TD3-normalised, after 50,000 steps.
PUBLISHED: Mapping[str, float] = {
    "SimbaV2": 0.55,
    "DR.Q": 0.49,
    "REDQ": 0.45,
    "CrossQ": 0.34,
    "BRO": 0.22,
    "SAC": 0.17,
}


def plans(jobs: Sequence[str], seeds: Sequence[int], is_quick: bool) -> list[Plan]:
    """Seed by seed, so that a benchmark that is stopped half-way has whole seeds."""
    steps, every = (QUICK_STEPS, QUICK_STEPS) if is_quick else (STEPS, EVERY)
    episodes, exam = (1, 1) if is_quick else (EPISODES, EXAM)
    return [
        Plan(job, OURS, seed, steps, every, episodes, exam)
        for seed, job in itertools.product(seeds, jobs)
    ]


def normalised(job: str, value: float) -> float:
    """A return on the literature's scale: random 0, TD3 1."""
    low, high = REFERENCE[job]
    return (value - low) / (high - low)


def report(lines: Sequence[Line], command: str) -> str:
    """The results file."""
    whole = [line for line in lines if "failed" not in line]
    notes = (
        "Seeds from 100 on are not those of development (0 to 14).",
        tables.beside(lines),
        "*final*: interquartile mean over seeds of the last evaluation, stratified bootstrap "
        "95 % interval. *normalised*: random 0, TD3 after a million steps 1, by v4's figures.",
        "**Beside, not against**: ours are on v5, published figures on v4.",
    )
    strata = {
        job: [ln for ln in whole if ln["plan"]["job"] == job]
        for job in REFERENCE
        if any(ln["plan"]["job"] == job for ln in whole)
    }
    parts = [tables.header("MuJoCo: five robots to 50,000 steps", command, lines, notes)]
    parts.append(tables.summary(_beside(strata)))
    parts += ["## Task by task", _tasks(strata)]
    return "\n\n".join(parts) + "\n"


def _final(line: Line) -> float:
    return stats.mean(line["exam"])


def _beside(strata: Mapping[str, Sequence[Line]]) -> str:
    """Our mean over tasks, and those published; ours only where all tasks were run."""
    head = ["after 50,000 steps", "TD3-normalised mean of five tasks", "tasks"]
    scores = [[normalised(job, _final(ln)) for ln in group] for job, group in strata.items()]
    steps = {line["plan"]["steps"] for group in strata.values() for line in group}
    is_comparable = len(scores) == len(REFERENCE) and steps == {STEPS}
    ours = "—"
    if is_comparable:
        value = stats.mean([stats.mean(group) for group in scores])
        ours = tables.interval(value, stats.stratified_bootstrap(scores, stats.mean))
    rows = [[OURS, ours, "v5, measured"]]
    rows += [
        [name, tables.number(value, 2), "v4, published"] for name, value in PUBLISHED.items()
    ]
    return tables.table(head, rows)


def _tasks(strata: Mapping[str, Sequence[Line]]) -> str:
    head = ["task", "steps", "final [95 %]", "each seed", "normalised", "half-way"]
    head += ["CPU min", "wall min", "MB"]
    rows = []
    for job, group in strata.items():
        finals = [_final(line) for line in group]
        half = [line["curve"][(len(line["curve"]) - 1) // 2]["mean"] for line in group]
        rows.append(
            [
                job,
                f"{group[0]['plan']['steps']:,}",
                tables.interval(stats.iqm(finals), stats.stratified_bootstrap([finals])),
                tables.each(finals),
                tables.number(stats.mean([normalised(job, final) for final in finals])),
                tables.number(stats.iqm(half)),
                tables.number(stats.median([line["cpu"] / 60 for line in group])),
                tables.number(stats.median([line["wall"] / 60 for line in group])),
                tables.number(stats.median([line["peak_mb"] for line in group])),
            ]
        )
    return tables.table(head, rows)


def main(arguments: list[str] | None = None) -> None:
    """Runs what is asked for and writes the table after every seed's worth of runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--jobs", help=f"default: {','.join(REFERENCE)}; with --quick the first"
    )
    parser.add_argument("--workers", type=int, default=1, help="runs side by side")
    runs.add_options(parser)
    asked = parser.parse_args(arguments)
    jobs = (
        asked.jobs.split(",") if asked.jobs else list(REFERENCE)[: 1 if asked.quick else None]
    )
    for job in jobs:
        if job not in REFERENCE:
            parser.error(f"unknown task {job!r}; known: {', '.join(REFERENCE)}")
    seeds = runs.seeds_asked(asked)
    path, command = runs.folder_asked(asked) / "mujoco.jsonl", runs.command("mujoco", arguments)
    todo = [] if asked.table else plans(jobs, seeds, asked.quick)
    runs.run_by_seed(
        parser, todo, path, lambda: runs.write(path, report, command), asked.resume,
        workers=asked.workers,
    )  # fmt: skip


if __name__ == "__main__":
    main()
