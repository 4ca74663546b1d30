"""What each ingredient is good for: the shipped mind with one of them switched off at a time.

    python -m benchmarks.ablation --workers 2         # every ingredient, six jobs, five seeds
    python -m benchmarks.ablation --resume            # goes on where it was interrupted
    python -m benchmarks.ablation --quick             # one job, one seed: minutes
    python -m benchmarks.ablation --table             # only writes the table again

Settings of the mind, nothing else: the code that runs is the shipped one. Jobs, bars and
evaluations are those of `benchmarks.quick`, at half its steps, where learning is decided. A
seed has the same worlds with and without an ingredient, so differences are taken seed by seed.

Development's own seeds, since what is seen here is used to develop. Left out: pairs of
ingredients; other values than "off".
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks import quick, runs, tables, worker
from benchmarks import statistics as stats
from benchmarks.quick import TASKS, Task
from benchmarks.runs import INCUMBENT, Clock, Line, Plan

if TYPE_CHECKING:
    from quickstudy.mind.mind import Settings

SEEDS = "0-4"
JOBS = (
    *("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "Pendulum-v1"),
    *("MountainCarContinuous-v0", "anaesthetist"),
)
QUICK_JOBS = ("CartPole-v1",)
EXAM = 20  # held-out worlds of the last evaluation
SHIPPED = "as shipped"

# Name → settings that are not the shipped ones, by their dotted names.
INGREDIENTS: Mapping[str, Mapping[str, Any]] = {
    SHIPPED: {},
    "the better predictor never leads": {"arbiter.foreseeing": 0.0},
    "nothing tried for its own sake": {"policy.adventurous": 0.0},
    "never by the mean of what is known": {"policy.sampled": 1.0},
    "judgement may lead at once": {"first_lead": 0},
    "speeds never lead together": {"together": 0.0},
    "nobody looks ahead": {"foresees": False},
    "without instinct": {"lead": "judgement"},
    "without judgement": {"lead": "instinct"},
    "one-step targets": {"num_steps": 1},
    "no amounts kept up in rollouts": {"foresight.held": 1},
    "as many updates whatever holds": {"more_updates": 1.0},
    "windows always as they came": {"foresight.at_once": float("inf")},
    "instinct's mean, no sampling": {"instinct.noise": 0.0, "instinct.doubt": 0.0},
    "no weight decay": {"judgement.weight_decay": 0.0},
    "one critic": {"judgement.members": 1},
}


def settings_of(overrides: Mapping[str, Any]) -> Settings:
    """The shipped settings but for those overridden.

    Raises:
      ValueError: no setting of that name, so nothing would be switched off.
    """
    from quickstudy.mind.mind import Settings

    settings = Settings()
    for name, value in overrides.items():
        part, _, inner = name.rpartition(".")
        owner = getattr(settings, part, None) if part else settings
        if not hasattr(owner, inner):
            raise ValueError(f"no setting {name!r}; see quickstudy.mind.mind.Settings")
        changed = replace(owner, **{inner: value})  # type: ignore[type-var]
        settings = replace(settings, **{part: changed}) if part else changed  # type: ignore
    return settings


def measure(plan: Plan, clock: Clock) -> Line:
    """Runs a plan here; see `runs.run`."""
    warnings.simplefilter("ignore")  # of the jobs' packages, which are not judged here
    if plan.algorithm == INCUMBENT:
        return worker.stand(plan, clock)
    return worker.work(plan, clock, settings_of(INGREDIENTS[plan.algorithm]))


def plans(tasks: Sequence[Task], seeds: Sequence[int], is_quick: bool) -> list[Plan]:
    """Incumbents first (they give bars), then seed by seed."""

    def plan(task: Task, name: str, seed: int) -> Plan:
        steps = task.quick_steps if is_quick else task.steps // 2
        return Plan(task.job, name, seed, steps, task.every, task.episodes, EXAM)

    todo = [plan(task, INCUMBENT, 0) for task in tasks if task.bar is None]
    every = itertools.product(seeds, tasks, INGREDIENTS)
    return todo + [plan(task, name, seed) for seed, task, name in every]


# ---- the table


def report(lines: Sequence[Line], command: str) -> str:
    """The results file."""
    whole = [line for line in lines if "failed" not in line]
    tasks = [t for t in TASKS if any(line["plan"]["job"] == t.job for line in whole)]
    by_job = {t.job: [line for line in whole if line["plan"]["job"] == t.job] for t in tasks}
    bars = {task.job: quick.bar_of(task, by_job[task.job]) for task in tasks}
    notes = (
        "Seeds of development: a look inside, not a result.",
        tables.beside(lines),
        "*final*: interquartile mean of the last evaluation; *learning*: mean over the "
        "evaluations on the way, which is higher the sooner it learns. Differences: without "
        "the ingredient − as shipped, seed by seed, 95 % bootstrap interval; below zero the "
        "ingredient helps. Over jobs: random actions 0, the bar 1.",
    )
    parts = [tables.header("Ablation: one ingredient off at a time", command, lines, notes)]
    parts.append(tables.summary(_over_jobs(tasks, by_job, bars)))
    for task in tasks:
        parts += [f"## {task.job}", f"Bar {tables.number(bars[task.job], 4)}."]
        parts.append(_job_table(by_job[task.job], bars[task.job]))
    parts += ["## What was changed", _changes()]
    return "\n\n".join(parts) + "\n"


def _by_seed(lines: Sequence[Line], name: str) -> dict[int, Line]:
    return {ln["plan"]["seed"]: ln for ln in lines if ln["plan"]["algorithm"] == name}


def _pairs(lines: Sequence[Line], name: str) -> list[tuple[Line, Line]]:
    """Lines without an ingredient and as shipped, of the same seeds."""
    off, shipped = _by_seed(lines, name), _by_seed(lines, SHIPPED)
    return [(off[seed], shipped[seed]) for seed in sorted(off.keys() & shipped.keys())]


def final(line: Line) -> float:
    """Mean return of the last evaluation."""
    return stats.mean(line["exam"])


def learning(line: Line) -> float:
    """Mean over the evaluations on the way."""
    return stats.mean([point["mean"] for point in line["curve"]])


def _over_jobs(
    tasks: Sequence[Task], by_job: Mapping[str, list[Line]], bars: Mapping[str, float]
) -> str:
    """Paired differences on the scale that jobs share, resampled within each job."""
    rows = []
    for name in INGREDIENTS:
        if name == SHIPPED:
            continue
        row = [name]
        for figure in (learning, final):
            strata = []
            for task in tasks:
                unit = bars[task.job] - task.floor
                pairs = _pairs(by_job[task.job], name)
                strata.append([(figure(off) - figure(on)) / unit for off, on in pairs])
            known = [group for group in strata if group]
            row.append(_mean_interval(known) if known else "—")
        rows.append([*row, str(len(known))])
    head = ["without", "learning: difference [95 %]", "final: difference [95 %]", "jobs"]
    return tables.table(head, rows)


def _mean_interval(strata: Sequence[Sequence[float]]) -> str:
    value = stats.mean([score for group in strata for score in group])
    return tables.interval(value, stats.stratified_bootstrap(strata, stats.mean))


def _job_table(lines: Sequence[Line], bar: float) -> str:
    head = ["setting", "steps to the bar: median", "each seed", "final [95 %]"]
    head += ["learning: difference [95 %]", "final: difference [95 %]"]
    rows = []
    for name in INGREDIENTS:
        group = [line for _, line in sorted(_by_seed(lines, name).items())]
        if not group:
            continue
        steps = [quick.outcome(line, bar).steps for line in group]
        finals = [final(line) for line in group]
        pairs = _pairs(lines, name) if name != SHIPPED else []
        rows.append(
            [
                name,
                tables.number(stats.median(steps)),
                tables.each(steps),
                tables.interval(stats.iqm(finals), stats.stratified_bootstrap([finals]), 4),
                *(
                    _mean_interval([[figure(off) - figure(on) for off, on in pairs]])
                    if pairs
                    else "—"
                    for figure in (learning, final)
                ),
            ]
        )
    return tables.table(head, rows)


def _changes() -> str:
    rows = [
        [name, ", ".join(f"`{key} = {value!r}`" for key, value in overrides.items()) or "—"]
        for name, overrides in INGREDIENTS.items()
    ]
    return tables.table(["setting", "of quickstudy.mind.mind.Settings"], rows)


# ---- the command


def main(arguments: list[str] | None = None) -> None:
    """Runs what is asked for and writes the table after every seed's worth of runs."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--measure"]:
        print(json.dumps(measure(Plan(**json.loads(given[1])), Clock(float(given[2])))))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = {task.job: task for task in TASKS}
    parser.add_argument("--jobs", help=f"default: {','.join(JOBS)}; of those of quick")
    parser.add_argument("--workers", type=int, default=1, help="runs side by side")
    runs.add_options(parser, SEEDS)
    asked = parser.parse_args(arguments)
    names = asked.jobs.split(",") if asked.jobs else QUICK_JOBS if asked.quick else JOBS
    for job in names:
        if job not in known:
            parser.error(f"unknown job {job!r}; known: {', '.join(known)}")
    seeds = runs.seeds_asked(asked, SEEDS)
    path = runs.folder_asked(asked) / "ablation.jsonl"
    command = runs.command("ablation", arguments)
    todo = [] if asked.table else plans([known[job] for job in names], seeds, asked.quick)
    runs.run_by_seed(
        parser, todo, path, lambda: runs.write(path, report, command), asked.resume,
        workers=asked.workers, worker=("benchmarks.ablation", "--measure"),
    )  # fmt: skip


if __name__ == "__main__":
    main()
