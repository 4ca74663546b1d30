"""Our learner beside Stable-Baselines3 and SBX: small classics, and the default job.

    python -m benchmarks.quick                      # everything: a day
    python -m benchmarks.quick --workers 2          # two runs side by side; the table says so
    python -m benchmarks.quick --resume             # goes on where it was interrupted
    python -m benchmarks.quick --quick              # one seed, small budgets, no peers: minutes
    python -m benchmarks.quick --table              # only writes the table again

One setting of ours for every job, which is none at all; peers at their defaults, and with the
settings that their own community tuned for the very job (`benchmarks.tuned`). Every so many
steps each is evaluated, frozen, on the same held-out worlds, and at the end once more on other
ones. The bar is the catalogue's; for a job whose bar is its incumbent, the incumbent's mean on
the very same worlds. By when it should be reached was set before the runs.

Seeds from 100 on are not those of development (0 to 14). Of them 100 to 104 have been looked at
by now, and MountainCarContinuous on 100 and 101 was tried with other settings, so later tables
begin at 113. Left out: our own numbers at any setting but the one.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import peers, runs, tables
from benchmarks import statistics as stats
from benchmarks.runs import INCUMBENT, OURS, Line, Plan

EXAM = 50  # held-out worlds of the last evaluation
EVERY_PEER = ",".join(peers.LIBRARIES)


@dataclass(frozen=True)
class Task:
    """A job here. steps: to work. every: steps between evaluations. episodes: of one.

    bar: None where it is the incumbent's mean on the same worlds. by: steps at which the
    median seed should be there. floor: random actions. quick_steps: with --quick.
    early: mean return that episodes 7 to 10 should reach, where there is such a bar.
    """

    job: str
    is_discrete: bool
    steps: int
    every: int
    episodes: int
    bar: float | None
    by: int
    floor: float
    quick_steps: int
    early: float | None = None


TASKS = (
    Task("CartPole-v1", True, 20_000, 500, 10, 475.0, 2_500, 22.0, 1_500, early=200.0),
    Task("Acrobot-v1", True, 8_000, 250, 10, -100.0, 3_000, -500.0, 1_500),
    Task("MountainCar-v0", True, 12_000, 250, 10, -130.0, 2_000, -200.0, 1_500),
    Task("Pendulum-v1", False, 6_000, 200, 10, -200.0, 1_000, -1_200.0, 800),
    Task("MountainCarContinuous-v0", False, 6_000, 250, 10, 90.0, 2_000, -33.0, 1_500),
    Task("LunarLander-v3", True, 60_000, 2_500, 10, 200.0, 60_000, -186.0, 2_500),
    Task("LunarLanderContinuous-v3", False, 30_000, 1_500, 10, 200.0, 30_000, -223.0, 1_500),
    Task("MiniGrid-DoorKey-5x5-v0", True, 27_500, 1_000, 10, 0.9, 27_500, 0.03, 1_000),
    Task("anaesthetist", False, 8_000, 400, 20, None, 4_000, -134.6, 1_200),
)
KEPT = 0.95  # share of the evaluations after the first success that should succeed too


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
                    names += peers.algorithms(library, task.job, task.is_discrete)
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
        "Seeds from 100 on are not those of development (0 to 14).",
        f"{tables.beside(lines)} Clocks start with the process, imports and compilation "
        "included, and leave evaluations out.",
        "*steps to the bar*: first evaluation at or above it. *kept*: share of the later "
        "evaluations at or above it. *final*: interquartile mean over seeds of the last "
        f"evaluation ({exam} held-out worlds of its own), with a stratified bootstrap 95 % "
        "interval (Agarwal et al., 2021). *episodes 7–10*: mean return while learning.",
        "CPU and wall seconds, first decision and memory: medians over seeds.",
        "sb3-tuned: the published settings of RL Baselines3 Zoo for that job "
        "(`benchmarks/tuned.py`); a job without such settings has none. Peers see DoorKey "
        "flattened, as their networks for pictures want larger ones.",
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
    """Ours against the bars, then everybody side by side, then all jobs in one number."""
    bars = {task.job: bar_of(task, by_job[task.job]) for task in tasks}
    parts = [_against_bars(tasks, by_job, bars), _side_by_side(tasks, by_job, bars)]
    return "\n\n".join([*parts, _normalised(tasks, by_job, bars)])


def _against_bars(
    tasks: Sequence[Task], by_job: dict[str, list[Line]], bars: dict[str, float]
) -> str:
    """Each bar of ours, and whether it is met or by how much it is not."""
    head = ["job", "bar", "by", "quickstudy: median steps", "verdict"]
    head += [f"kept (bar {tables.percent(KEPT)})", "episodes 7–10"]
    rows = []
    for task in tasks:
        bar = bars[task.job]
        ours = _algorithms(by_job[task.job]).get(OURS, [])
        whole = [outcome(line, bar) for line in ours if "failed" not in line]
        early = _mean_of(run.early for run in whole)
        rows.append(
            [
                task.job,
                tables.number(bar),
                f"{task.by:,}",
                tables.number(stats.median([run.steps for run in whole])) if whole else "—",
                _verdict(whole, bar, task.by),
                tables.percent(_mean_of(run.kept for run in whole)),
                tables.number(early)
                + (f" (bar {tables.number(task.early)})" if task.early else ""),
            ]
        )
    return tables.table(head, rows)


def _verdict(whole: Sequence[Outcome], bar: float, by: int) -> str:
    """ "met", or how many steps late the median seed is, or how far short the end falls."""
    if not whole:
        return "not run"
    steps = stats.median([run.steps for run in whole])
    if steps <= by:
        return "met"
    if math.isfinite(steps):
        return f"{tables.number(steps - by)} steps late"
    short = bar - stats.iqm([run.final for run in whole])
    return f"never; {tables.number(short)} short at the end" if short > 0 else "never"


def _side_by_side(
    tasks: Sequence[Task], by_job: dict[str, list[Line]], bars: dict[str, float]
) -> str:
    """Median steps to the bar, a column for each family of algorithms."""
    found = {task.job: _families(by_job[task.job]) for task in tasks}
    names = sorted(
        {name for families in found.values() for name in families},
        key=lambda name: (name != OURS, name),
    )
    rows = []
    for task in tasks:
        row = [f"{task.job} ({tables.number(bars[task.job])})"]
        for name in names:
            runs_of = [outcome(ln, bars[task.job]) for ln in found[task.job].get(name, [])]
            row.append(
                tables.number(stats.median([run.steps for run in runs_of])) if runs_of else "—"
            )
        rows.append(row)
    return tables.table(["median steps to the bar", *names], rows)


def _normalised(
    tasks: Sequence[Task], by_job: dict[str, list[Line]], bars: dict[str, float]
) -> str:
    """Interquartile mean of the final returns over jobs; random actions 0, the bar 1.

    A family that was not run on every job stands beside ours on the jobs that it was run on.
    """
    scores: dict[str, dict[str, list[float]]] = {}
    for task in tasks:
        for name, group in _families(by_job[task.job]).items():
            scores.setdefault(name, {})[task.job] = [
                normalised(task, bars[task.job], stats.mean(line["exam"])) for line in group
            ]
    rows = []
    for name, strata in sorted(scores.items(), key=lambda item: (item[0] != OURS, item[0])):
        same = [scores.get(OURS, {}).get(job, []) for job in strata]
        ours = _over_jobs(same) if name != OURS and all(same) else "—"
        rows.append([name, str(len(strata)), _over_jobs(list(strata.values())), ours])
    head = ["final return over jobs (random 0, bar 1)", "jobs", "IQM [95 %]"]
    return tables.table([*head, "quickstudy on the same jobs"], rows)


def normalised(task: Task, bar: float, value: float) -> float:
    """A return on a scale that jobs share: random actions 0, the bar 1."""
    return (value - task.floor) / (bar - task.floor)


def _over_jobs(strata: Sequence[Sequence[float]]) -> str:
    value = stats.iqm([score for group in strata for score in group])
    return tables.interval(value, stats.stratified_bootstrap(strata))


def _families(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Whole runs by what a library offers for either kind of action, as DQN and SAC."""
    found: dict[str, list[Line]] = {}
    for name, group in _algorithms(lines).items():
        whole = [line for line in group if "failed" not in line]
        if whole:
            found[family(name)] = whole
    return found


def family(algorithm: str) -> str:
    """DQN and SAC count as one, QR-DQN and TQC too: with a replay memory, discrete or not."""
    library, _, name = algorithm.rpartition("-")
    for pair in ("dqn/sac", "qrdqn/tqc"):
        if name in pair.split("/"):
            return f"{library}-{pair}"
    return algorithm


# ---- the command


def main(arguments: list[str] | None = None) -> None:
    """Runs what is asked for and writes the table after every seed's worth of runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = {task.job: task for task in TASKS}
    parser.add_argument("--jobs", default=",".join(known), help="default: %(default)s")
    parser.add_argument(
        "--peers", help=f"{EVERY_PEER} or none; default: all of them, none with --quick"
    )
    parser.add_argument("--peers-only", action="store_true", help="without our learner")
    parser.add_argument("--peers-python", default=sys.executable, help="their interpreter")
    parser.add_argument("--workers", type=int, default=1, help="runs side by side")
    runs.add_options(parser)
    asked = parser.parse_args(arguments)
    for job in (names := asked.jobs.split(",")):
        if job not in known:
            parser.error(f"unknown job {job!r}; known: {', '.join(known)}")
    libraries = (asked.peers or ("none" if asked.quick else EVERY_PEER)).split(",")
    libraries = [name for name in libraries if name != "none"]
    for name in libraries:
        if name not in peers.LIBRARIES:
            parser.error(f"unknown peer {name!r}; known: {EVERY_PEER.replace(',', ', ')}, none")
    if not asked.peers_only:
        libraries = [OURS, *libraries]
    seeds = runs.seeds_asked(asked)
    path, command = runs.folder_asked(asked) / "quick.jsonl", runs.command("quick", arguments)
    todo = plans([known[job] for job in names], seeds, libraries, asked.quick)
    pythons = {plan.algorithm: asked.peers_python for plan in todo}
    pythons |= dict.fromkeys((OURS, INCUMBENT), sys.executable)
    runs.run_by_seed(
        parser, [] if asked.table else todo, path, lambda: runs.write(path, report, command),
        asked.resume, pythons=pythons, workers=asked.workers,
    )  # fmt: skip


if __name__ == "__main__":
    main()
