"""What a value function is worth: the same job with its outcome delayed, and a dead branch.

    python -m benchmarks.delay                      # everything
    python -m benchmarks.delay --resume             # goes on where it was interrupted
    python -m benchmarks.delay --quick              # one seed, short delays
    python -m benchmarks.delay --table              # only writes the table and figure again

Two learners with the same encoder, size of network and optimiser: ours, and the naive one,
which learns from final outcomes alone (`quickstudy.mind.naive`).

*Payday* (`benchmarks.delay_jobs`): press the right key for the signal that shows; what was
earned stands on a counter and is paid after D presses. Counted are the decisions until 90 %
of the keys are right on held-out worlds. *The fork*: a learner knows from elsewhere how two
regions end, then walks from a fork as far as their edges, and is broken off there. No outcome
ever follows a decision at the fork; does what it makes of the branches change all the same?

Left out: a naive learner with a learned baseline (that is a value function), and jobs where
what was done cannot be seen on the way, on which neither has anything to go by.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import platformdirs

from benchmarks import runs, tables
from benchmarks import statistics as stats
from benchmarks.delay_jobs import BAR, FORK, PAYDAY
from benchmarks.runs import OURS, Line, Plan
from benchmarks.statistics import Interval

NAIVE = "naive"
DELAYS = (1, 10, 30, 100, 300)  # decisions
QUICK_DELAYS = (1, 10)
CAP = {OURS: 20_000, NAIVE: 200_000}  # decisions; a run that is not done by then is censored
FIRST_LOOK = 50  # decisions before the first evaluation
LOOKED_AT, EXAMINED = 200, 1_000  # decisions of an evaluation, of the last one
WALKED = {OURS: 400, NAIVE: 1_600}  # decisions elsewhere, and as many from the fork
# What the fork's table shows, by its key in the runs' lines.
WEIGHED = {
    "judgement: worth": "judgement",
    "instinct: worth": "instinct",
    "naive: chance": "chance",
}


# ---- plans


def plans(delays: Sequence[int], seeds: Sequence[int]) -> list[Plan]:
    """Seed by seed, so that a benchmark that is stopped half-way has whole seeds."""
    todo = []
    for seed in seeds:
        for algorithm in (OURS, NAIVE):
            todo += [_payday(delay, algorithm, seed) for delay in delays]
            walked = WALKED[algorithm]
            todo.append(Plan(FORK, algorithm, seed, walked, walked // 4, episodes=1, exam=1))
    return todo


def _payday(delay: int, algorithm: str, seed: int) -> Plan:
    worlds, exam = (math.ceil(decisions / delay) for decisions in (LOOKED_AT, EXAMINED))
    return Plan(f"{PAYDAY}-{delay}", algorithm, seed, CAP[algorithm], FIRST_LOOK, worlds, exam)


# ---- what the lines amount to


def samples(line: Line) -> tuple[int, bool]:
    """Decisions until the bar, and whether it was reached; if not, all that were taken."""
    last = line["curve"][-1]
    return int(last["step"]), last["mean"] >= BAR


def geometric(values: Sequence[float] | np.ndarray) -> float:
    """Geometric mean: samples differ by factors."""
    return math.exp(stats.mean(np.log(values)))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, Interval]:
    """How many times theirs is ours (geometric means), and a bootstrap 95 % interval."""
    rng = np.random.default_rng(0)
    logs = [np.log(np.asarray(group, float)) for group in (ours, theirs)]
    drawn = [
        rng.choice(theirs, len(theirs)).mean() - rng.choice(ours, len(ours)).mean()
        for ours, theirs in [logs] * 2_000
    ]
    low, high = np.exp(np.quantile(drawn, [0.025, 0.975]))
    return float(np.exp(logs[1].mean() - logs[0].mean())), Interval(float(low), float(high))


def by_delay(lines: Sequence[Line], algorithm: str) -> dict[int, list[tuple[int, bool]]]:
    """Delay → samples of each seed in order."""
    found: dict[int, list[tuple[int, bool]]] = {}
    for line in sorted(lines, key=lambda line: line["plan"]["seed"]):
        job, _, delay = line["plan"]["job"].partition("-")
        if job == PAYDAY and line["plan"]["algorithm"] == algorithm and "failed" not in line:
            found.setdefault(int(delay), []).append(samples(line))
    return dict(sorted(found.items()))


# ---- the table


def report(lines: Sequence[Line], command: str) -> str:
    """The results file."""
    notes = (
        f"*decisions to the bar*: first evaluation with ≥ {BAR:.0%} right keys over about "
        f"{LOOKED_AT} decisions on held-out worlds (chance 25 %, best 100 %); evaluations from "
        f"{FIRST_LOOK} decisions on, 5 % apart, the naive learner's after whole batches.",
        f"≥: not reached within {CAP[OURS]:,} decisions (ours) or {CAP[NAIVE]:,} (naive); it "
        "counts as reached there, so ratios over such runs are bounds.",
        "Geometric means with a 95 % bootstrap interval over seeds; *ratio*: naive / ours.",
        "The naive learner's settings were chosen on development seeds for this job; ours has "
        "none but its seed.",
    )
    parts = [tables.header("Delay: with a value function and without", command, lines, notes)]
    parts += ["## Payday", tables.summary(_payday_table(lines))]
    parts += ["![Decisions to the bar against the delay](delay.png)"]
    parts += ["## The fork", _fork_table(lines)]
    return "\n\n".join(parts) + "\n"


def _payday_table(lines: Sequence[Line]) -> str:
    ours, naive = by_delay(lines, OURS), by_delay(lines, NAIVE)
    head = ["outcome after", "ours: decisions to the bar", "each seed"]
    head += ["naive: decisions to the bar", "each seed", "ratio [95 %]"]
    rows = []
    for delay in sorted(ours.keys() | naive.keys()):
        row = [f"{delay} decision{'s' * (delay > 1)}"]
        for found in (ours.get(delay, []), naive.get(delay, [])):
            row += [_mean(found), " / ".join(_sample(*one) for one in found) or "—"]
        rows.append([*row, _ratio(ours.get(delay, []), naive.get(delay, []))])
    return tables.table(head, rows)


def _mean(found: Sequence[tuple[int, bool]]) -> str:
    if not found:
        return "—"
    steps = [step for step, _ in found]
    bound = "" if all(reached for _, reached in found) else "≥ "
    ends = stats.stratified_bootstrap([steps], geometric)
    return bound + tables.interval(geometric(steps), ends)


def _sample(step: int, is_reached: bool) -> str:
    return tables.number(step) if is_reached else f"≥ {tables.number(step)}"


def _ratio(ours: Sequence[tuple[int, bool]], naive: Sequence[tuple[int, bool]]) -> str:
    """A bound where runs of one side were stopped; nothing is known where of both."""
    if not ours or not naive:
        return "—"
    is_late, is_very_late = (not all(ok for _, ok in found) for found in (ours, naive))
    if is_late and is_very_late:
        return "—"
    value, ends = ratio([step for step, _ in ours], [step for step, _ in naive])
    return ("≤ " if is_late else "≥ " if is_very_late else "") + tables.interval(value, ends)


def _fork_table(lines: Sequence[Line]) -> str:
    forks = [ln for ln in lines if ln["plan"]["job"] == FORK and "failed" not in ln]
    forks.sort(key=lambda line: line["plan"]["seed"])
    head = ["each seed", "swamp: before", "after", "meadow: before", "after"]
    rows = []
    for name, key in WEIGHED.items():
        ends = [
            (ln["curve"][0][key], ln["curve"][-1][key]) for ln in forks if key in ln["curve"][0]
        ]
        if ends:
            cells = [
                tables.each(end[i][branch] for end in ends) for branch in (0, 1) for i in (0, 1)
            ]
            rows.append([name, *cells])
    said = (
        "What the learners make of the fork's two branches. *Before*: they have seen elsewhere "
        f"how both regions end (−1 and 1), in {WALKED[OURS]} decisions (naive "
        f"{WALKED[NAIVE]:,}). *After*: as many more, all from the fork and broken off at the "
        "regions' edges, so that no outcome came. In truth the branches are worth "
        f"−{0.95**19:.3f} and {0.95**19:.3f} at our mind's discount of .95."
    )
    return f"{said}\n\n{tables.table(head, rows)}"


# ---- the figure


def draw(lines: Sequence[Line], path: Path) -> None:
    """Decisions to the bar against the delay, both learners, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for algorithm, color, label in (
        (NAIVE, "#b5541c", "final outcomes alone"),
        (OURS, "#0b6e99", "with a value function"),
    ):
        found = by_delay(lines, algorithm)
        if not found:
            continue
        means, errors = [], []
        for runs_there in found.values():
            steps = [step for step, _ in runs_there]
            low, high = stats.stratified_bootstrap([steps], geometric)
            means.append(geometric(steps))
            errors.append((max(0.0, means[-1] - low), max(0.0, high - means[-1])))
        axes.errorbar(
            list(found),
            means,
            np.transpose(errors),
            color=color,
            marker="o",
            capsize=3,
            label=label,
        )
        for delay, runs_there in found.items():
            for step, is_reached in runs_there:
                face = color if is_reached else "white"
                axes.plot(delay, step, "o", ms=3, color=color, mfc=face, alpha=0.6)
    axes.set(xscale="log", yscale="log")
    shown = sorted({delay for name in (OURS, NAIVE) for delay in by_delay(lines, name)})
    axes.set_xticks(shown, [str(delay) for delay in shown])
    axes.set_xticks([], minor=True)
    axes.legend(frameon=False, loc="upper left")
    axes.set_xlabel("delay of the outcome [decisions]")
    axes.set_ylabel("decisions until 90 % of the keys are right")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    figure.savefig(path, dpi=150, format="png")


# ---- the command


def main(arguments: list[str] | None = None) -> None:
    """Runs what is asked for; writes table and figure after every seed's worth of runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--delays", help=f"default: {','.join(map(str, DELAYS))}")
    runs.add_options(parser)
    asked = parser.parse_args(arguments)
    try:
        given = asked.delays.split(",") if asked.delays else None
        delays = [int(d) for d in given or (QUICK_DELAYS if asked.quick else DELAYS)]
        seeds = runs.seeds_asked(asked)
    except ValueError:
        parser.error(
            "--delays and --seeds take whole numbers, as in --delays 1,100 --seeds 0-4"
        )
    if min(delays) < 1:
        parser.error(f"a delay of {min(delays)} decisions; expected at least 1")
    # Sixty short runs would mostly compile the same programs otherwise.
    cache = platformdirs.user_cache_path("quickstudy") / "compiled"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    path, command = runs.folder_asked(asked) / "delay.jsonl", runs.command("delay", arguments)
    todo = [] if asked.table else plans(delays, seeds)

    def write() -> str:
        draw(runs.read(path), path.with_suffix(".png"))
        return runs.write(path, report, command)

    worker = ("benchmarks.delay_worker",)
    runs.run_by_seed(parser, todo, path, write, asked.resume, worker=worker)


if __name__ == "__main__":
    main()
