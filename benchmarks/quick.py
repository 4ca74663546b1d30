"""Our learner beside Stable-Baselines3 and SBX: small classics, and the default job.

    python -m benchmarks.quick                      # everything: hours
    python -m benchmarks.quick --resume             # goes on where it was interrupted
    python -m benchmarks.quick --quick              # one seed, small budgets, no peers: minutes
    python -m benchmarks.quick --table              # only writes the table again

One setting of ours for every job, which is none at all; peers at their defaults. Every so
many steps each is evaluated, frozen, on the same held-out worlds, and at the end once more on
other ones. The bar is the catalogue's; for a job whose bar is its incumbent, the incumbent's
mean on the very same worlds.

Seeds 100 to 104 were never used in development, which uses 0 to 9. Left out: peers with tuned
settings; our own numbers at any setting but the one.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers, runs, tables
from benchmarks import statistics as stats
from benchmarks.runs import INCUMBENT, OURS, RESULTS, Line, Plan

SEEDS = "100-104"
QUICK_SEED = "0"  # one of development's: those above are for results
EXAM = 50  # held-out worlds of the last evaluation


@dataclass(frozen=True)
class Task:
    """A job here. steps: to work. every: steps between evaluations. episodes: of one.

    bar: None where it is the incumbent's mean on the same worlds. floor: random actions.
    quick_steps: with --quick.
    """

    job: str
    is_discrete: bool
    steps: int
    every: int
    episodes: int
    bar: float | None
    floor: float
    quick_steps: int


TASKS = (
    Task("CartPole-v1", True, 20_000, 500, 10, 475.0, 22.0, 1_500),
    Task("MountainCar-v0", True, 12_000, 250, 10, -130.0, -200.0, 1_500),
    Task("Pendulum-v1", False, 6_000, 200, 10, -200.0, -1_200.0, 800),
    Task("anaesthetist", False, 8_000, 400, 20, None, -134.6, 1_200),
)


@dataclass(frozen=True)
class Outcome:
    """What one run amounts to, held against a bar."""

    steps: int | None
    kept: float | None
    final: float
    early: float | None
    cpu_to_bar: float | None
    wall_to_bar: float | None
    cpu: float
    wall: float
    first_decision: float
    peak_mb: float


def outcome(line: Line, bar: float) -> Outcome:
    """A run's line, held against a bar."""
    curve = [(point["step"], point["mean"]) for point in line["curve"]]
    steps = stats.steps_to(curve, bar)
    reached = next((point for point in line["curve"] if point["step"] == steps), None)
    return Outcome(
        steps=steps,
        kept=stats.kept(curve, bar),
        final=stats.mean(line["exam"]),
        early=stats.mean(line["early"][6:10]) if len(line["early"]) >= 10 else None,
        cpu_to_bar=reached["cpu"] if reached else None,
        wall_to_bar=reached["wall"] if reached else None,
        cpu=line["cpu"],
        wall=line["wall"],
        first_decision=line["first_decision_seconds"],
        peak_mb=line["peak_mb"],
    )


# ---- plans


def plans(
    tasks: Sequence[Task], seeds: Sequence[int], libraries: Sequence[str], is_quick: bool
) -> list[Plan]:
    """Incumbents first (they give the bars), then seed by seed, so that a benchmark that is
    stopped half-way has whole seeds."""
    todo = [_plan(task, INCUMBENT, 0, is_quick) for task in tasks if task.bar is None]
    for seed in seeds:
        for task in tasks:
            names = [OURS] if OURS in libraries else []
            for library in libraries:
                if library != OURS:
                    names += peers.algorithms(library, task.is_discrete)
            todo += [_plan(task, name, seed, is_quick) for name in names]
    return todo


def _plan(task: Task, algorithm: str, seed: int, is_quick: bool) -> Plan:
    steps = task.quick_steps if is_quick else task.steps
    episodes, exam = (5, 10) if is_quick else (task.episodes, EXAM)
    return Plan(task.job, algorithm, seed, steps, task.every, episodes, exam)


# ---- the table


def report(lines: Sequence[Line], command: str) -> str:
    """The results file."""
    by_job = {task.job: _of(lines, task.job) for task in TASKS}
    exam = max(line["plan"]["exam"] for line in lines)
    present = [task for task in TASKS if by_job[task.job]]
    notes = (
        "Seeds 100 to 104 were never used in development (0 to 9 were).",
        "One process per run, one run at a time. Clocks start with the process, imports and "
        "compilation included, and leave evaluations out.",
        "*steps to the bar*: first evaluation at or above it. *kept*: share of the later "
        "evaluations at or above it. *final*: interquartile mean over seeds of the last "
        f"evaluation ({exam} held-out worlds of its own), with a stratified bootstrap 95 % "
        "interval (Agarwal et al., 2021). *episodes 7–10*: mean return while learning.",
        "CPU and wall seconds, first decision and memory: medians over seeds.",
    )
    parts = [tables.header("Quick: small classics and the default job", command, lines, notes)]
    parts.append("## Side by side")
    parts.append(tables.summary(_summary(present, by_job)))
    for task in present:
        bar = bar_of(task, by_job[task.job])
        parts += [f"## {task.job}", _conditions(task, by_job[task.job], bar)]
        parts.append(_job_table(by_job[task.job], bar))
    return "\n\n".join(parts) + "\n"


def _of(lines: Sequence[Line], job: str) -> list[Line]:
    return [line for line in lines if line["plan"]["job"] == job]


def bar_of(task: Task, lines: Sequence[Line]) -> float:
    """The task's bar, or its incumbent's mean on the worlds of the evaluations."""
    if task.bar is not None:
        return task.bar
    for line in lines:
        if line["plan"]["algorithm"] == INCUMBENT and "failed" not in line:
            return float(line["curve"][-1]["mean"])
    raise SystemExit(f"{task.job}: its incumbent was not run; run without --table first.")


def _algorithms(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Runs that came to their end, by algorithm, ours first."""
    found: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda line: line["plan"]["seed"]):
        if line["plan"]["algorithm"] != INCUMBENT:
            found.setdefault(line["plan"]["algorithm"], []).append(line)
    return dict(sorted(found.items(), key=lambda item: (item[0] != OURS, item[0])))


def _conditions(task: Task, lines: Sequence[Line], bar: float) -> str:
    plan = lines[0]["plan"]
    source = "the incumbent's mean on the same worlds" if task.bar is None else "fixed"
    text = (
        f"Bar {tables.number(bar, 4)} ({source}); {plan['steps']:,} steps, an evaluation every "
        f"{plan['every']} on {plan['episodes']} held-out worlds."
    )
    for line in lines:
        if line["plan"]["algorithm"] == INCUMBENT and "failed" not in line:
            text += (
                " The incumbent on the worlds of the last evaluation: "
                f"{tables.number(stats.mean(line['exam']), 4)}."
            )
    return text


def _job_table(lines: Sequence[Line], bar: float) -> str:
    head = ["algorithm", "steps to the bar: median", "each seed", "kept", "final [95 %]"]
    head += ["episodes 7–10", "CPU s to the bar", "CPU s in all", "wall s to the bar"]
    head += ["wall s in all", "first decision s", "MB"]
    rows = []
    for name, group in _algorithms(lines).items():
        whole = [outcome(line, bar) for line in group if "failed" not in line]
        failed = len(group) - len(whole)
        label = f"{name} ({failed} failed)" if failed else name
        if not whole:
            rows.append([label] + ["—"] * (len(head) - 1))
            continue
        finals = [run.final for run in whole]
        rows.append(
            [
                label,
                tables.number(stats.median([run.steps for run in whole])),
                tables.each(run.steps for run in whole),
                tables.percent(_mean_of(run.kept for run in whole)),
                tables.interval(
                    stats.iqm(finals), stats.stratified_bootstrap([finals]), digits=4
                ),
                tables.number(_mean_of(run.early for run in whole)),
                tables.number(stats.median([run.cpu_to_bar for run in whole])),
                tables.number(stats.median([run.cpu for run in whole])),
                tables.number(stats.median([run.wall_to_bar for run in whole])),
                tables.number(stats.median([run.wall for run in whole])),
                tables.number(stats.median([run.first_decision for run in whole])),
                tables.number(stats.median([run.peak_mb for run in whole])),
            ]
        )
    return tables.table(head, rows)


def _mean_of(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return stats.mean(known) if known else None


def _summary(tasks: Sequence[Task], by_job: dict[str, list[Line]]) -> str:
    """Median steps to the bar by job, and the normalised final return over all of them."""
    names = list(dict.fromkeys(name for t in tasks for name in _algorithms(by_job[t.job])))
    names.sort(key=lambda name: (name != OURS, name))
    bars = {task.job: bar_of(task, by_job[task.job]) for task in tasks}
    head = ["median steps to the bar"]
    head += [f"{task.job} ({tables.number(bars[task.job])})" for task in tasks]
    rows = []
    for name in names:
        row = [name]
        for task in tasks:
            group = _algorithms(by_job[task.job]).get(name, [])
            whole = [outcome(ln, bars[task.job]) for ln in group if "failed" not in ln]
            row.append(
                tables.number(stats.median([run.steps for run in whole])) if whole else "—"
            )
        rows.append(row)
    return tables.table(head, rows) + "\n\n" + _normalised(tasks, by_job, bars)


def _normalised(
    tasks: Sequence[Task], by_job: dict[str, list[Line]], bars: dict[str, float]
) -> str:
    """Interquartile mean of the final returns over jobs; random actions 0, the bar 1."""
    families: dict[str, dict[str, list[float]]] = {}
    for task in tasks:
        low, high = task.floor, bars[task.job]
        for name, group in _algorithms(by_job[task.job]).items():
            scores = [
                (stats.mean(ln["exam"]) - low) / (high - low)
                for ln in group
                if "failed" not in ln
            ]
            if scores:
                families.setdefault(_family(name), {})[task.job] = scores
    rows = []
    for name, strata in families.items():
        if len(strata) < len(tasks):
            continue  # of other jobs than the rest: not to be compared
        groups = list(strata.values())
        value = stats.iqm([score for group in groups for score in group])
        rows.append([name, tables.interval(value, stats.stratified_bootstrap(groups))])
    if not rows:
        return "Final returns over all jobs: no algorithm was run on each of them yet."
    head = ["final return over all jobs (random 0, bar 1)", "IQM [95 %]"]
    return tables.table(head, rows)


def _family(algorithm: str) -> str:
    """DQN and SAC count as one: what a library offers with a replay memory."""
    library, _, name = algorithm.partition("-")
    return f"{library}-dqn/sac" if name in ("dqn", "sac") else algorithm


# ---- the command


def main(arguments: list[str] | None = None) -> None:
    """Runs what is asked for and writes the table after every seed's worth of runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = {task.job: task for task in TASKS}
    parser.add_argument("--jobs", default=",".join(known), help="default: %(default)s")
    parser.add_argument("--seeds", help=f"default: {SEEDS}; with --quick {QUICK_SEED}")
    parser.add_argument("--peers", help="sb3,sbx or none; default: both, none with --quick")
    parser.add_argument("--peers-only", action="store_true", help="without our learner")
    parser.add_argument("--peers-python", default=sys.executable, help="their interpreter")
    parser.add_argument("--quick", action="store_true", help="minutes; writes no table here")
    parser.add_argument("--resume", action="store_true", help="leave out what is done")
    parser.add_argument("--table", action="store_true", help="only write the table again")
    parser.add_argument("--output", type=Path, help="folder for both files")
    asked = parser.parse_args(arguments)
    for job in (names := asked.jobs.split(",")):
        if job not in known:
            parser.error(f"unknown job {job!r}; known: {', '.join(known)}")
    libraries = (asked.peers or ("none" if asked.quick else "sb3,sbx")).split(",")
    libraries = [name for name in libraries if name != "none"]
    for name in libraries:
        if name not in peers.LIBRARIES:
            parser.error(f"unknown peer {name!r}; known: {', '.join(peers.LIBRARIES)}, none")
    if not asked.peers_only:
        libraries = [OURS, *libraries]
    seeds = runs.seeds_of(asked.seeds or (QUICK_SEED if asked.quick else SEEDS))
    folder = asked.output or (Path(tempfile.mkdtemp()) if asked.quick else RESULTS)
    path, is_fine = folder / "quick.jsonl", True
    command = runs.command("quick", arguments)
    todo = plans([known[job] for job in names], seeds, libraries, asked.quick)
    for _, group in itertools.groupby([] if asked.table else todo, lambda plan: plan.seed):
        batch = list(group)
        pythons = {plan.algorithm: asked.peers_python for plan in batch}
        pythons |= dict.fromkeys((OURS, INCUMBENT), sys.executable)
        is_fine &= runs.run_all(batch, path, asked.resume, pythons)
        _write(path, command)
    if not runs.read(path):
        parser.error(f"no results in {path.name} yet")
    print(_write(path, command))
    sys.exit(0 if is_fine else 1)


def _write(path: Path, command: str) -> str:
    text = report(runs.read(path), command)
    path.with_suffix(".md").write_text(text)
    return text


if __name__ == "__main__":
    main()
