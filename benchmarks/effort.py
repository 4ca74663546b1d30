"""How many decisions a job takes: fits the doctor's guess to our own runs.

    python -m benchmarks.effort            # prints the fits, and the figures for the module

For each job of `benchmarks/results/quick.jsonl` it takes the median over seeds of the steps to
the bar (a seed that never got there counts as its whole budget: too few, and said so), works
at the job at random as the doctor does, and fits log10 steps by least squares on the features
that the module names. The error with each job left out is printed for every choice of at most
two, and how often the best of them looks as good by chance: a reader sees how little nine jobs
tell.

Left out: runs of `professions`, of which most have one seed and several sources.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy import stats

from benchmarks import quick
from benchmarks import statistics as figures
from benchmarks.runs import OURS, RESULTS, Line
from quickstudy.clinic import effort
from quickstudy.clinic.job import FIRST_SEED, _quiet
from quickstudy.clinic.record import Budget, record
from quickstudy.clinic.settings import Settings
from quickstudy.jobs.registry import registry

INSIDE = 0.8  # of the interval


def steps_to_bars() -> dict[str, tuple[float, int]]:
    """Job -> median steps to its bar, and how many seeds never got there."""
    by_job: dict[str, list[Line]] = defaultdict(list)
    for text in (RESULTS / "quick.jsonl").read_text().splitlines():
        line = json.loads(text)
        if "failed" not in line:
            by_job[line["plan"]["job"]].append(line)
    found = {}
    for task in quick.TASKS:
        bar = quick.bar_of(task, by_job[task.job])
        ours = [line for line in by_job[task.job] if line["plan"]["algorithm"] == OURS]
        curves = [[(c["step"], c["mean"]) for c in line["curve"]] for line in ours]
        reached = [figures.steps_to(curve, bar) for curve in curves]
        never = sum(steps is None for steps in reached)
        found[task.job] = (float(np.median([s or task.steps for s in reached])), never)
    return found


def features_of(job: str) -> dict[str, float]:
    """As the doctor sees them."""
    settings, made = Settings(), registry().make(job)
    budget = Budget(settings.steps, settings.seconds)
    seen, _ = record(made, settings, FIRST_SEED, budget, _quiet)
    made.close()
    return effort.features(seen)


def left_out(x: np.ndarray, y: np.ndarray) -> float:
    """Root mean square error [log10], each job foretold from the others."""
    hat = x @ np.linalg.pinv(x)
    return math.sqrt(float(np.mean(np.square((y - hat @ y) / (1.0 - np.diag(hat))))))


def best(choices: Sequence[np.ndarray], y: np.ndarray) -> float:
    """The smallest left-out error, as a share of that of the mean alone (the first choice)."""
    return min(left_out(x, y) for x in choices) / left_out(choices[0], y)


def by_chance(choices: Sequence[np.ndarray], y: np.ndarray, shuffles: int = 2_000) -> float:
    """How often the best of all choices looks as good where the jobs are shuffled."""
    random, reached = np.random.default_rng(0), best(choices, y)
    return float(
        np.mean([best(choices, random.permutation(y)) <= reached for _ in range(shuffles)])
    )


def main() -> None:
    known = steps_to_bars()
    table = {job: features_of(job) for job in known}
    y = np.log10([steps for steps, _ in known.values()])
    names = list(next(iter(table.values())))
    for job, (steps, never) in known.items():
        told = ", ".join(f"{name} {value:.2f}" for name, value in table[job].items())
        print(f"{job}: {steps:,.0f} steps ({never} seeds never): {told}")
    choices = []
    for size in (0, 1, 2):
        for chosen in itertools.combinations(names[1:], size):
            x = np.array([[row[name] for name in ("1", *chosen)] for row in table.values()])
            choices.append(x)
            print(
                f"left-out error {left_out(x, y):.3f}: {', '.join(chosen) or 'the mean alone'}"
            )
    print(f"as good by chance, over all these choices: p = {by_chance(choices, y):.2f}")
    x = np.array([[row[name] for name in effort.FEATURES] for row in table.values()])
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    freedom = len(y) - x.shape[1]
    spread = math.sqrt(float(np.square(y - x @ weights).sum()) / freedom)
    print(f"WEIGHTS = {tuple(weights.round(4).tolist())}")
    print(f"INVERSE = {tuple(map(tuple, np.linalg.inv(x.T @ x).round(4).tolist()))}")
    print(f"SPREAD = {spread:.4f}")
    print(f"QUANTILE = {stats.t.ppf(0.5 + INSIDE / 2, freedom):.4f}")
    print(f"JOBS = {len(y)}")


if __name__ == "__main__":
    main()
