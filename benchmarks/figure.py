"""Draws the README's summary of `benchmarks.quick`: learning curves, ours against peers.

    python -m benchmarks.figure           # benchmarks/results/quick.jsonl → docs/quick.png

A small picture for each job, and one over all jobs. Returns are put on one scale (random
actions 0, the bar 1). Lines are interquartile means over seeds, bands their stratified
bootstrap 95 % intervals (Agarwal et al., 2021). Of the peers' algorithms each job shows the
one whose curve is highest on average there, at defaults and tuned: chosen afterwards, which
favours them. Colours are Okabe and Ito's, and each line has a stroke of its own.

Left out: the curves of all the other peers; they are in `benchmarks/results/quick.jsonl`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers, quick, runs
from benchmarks.quick import TASKS, Task
from benchmarks.runs import INCUMBENT, OURS, RESULTS, ROOT, Line

RESAMPLES = 500
SHARES = np.linspace(0.05, 1.0, 39)  # of a job's budget, where jobs are averaged
COLUMNS = 3
LOW, HIGH = -0.35, 1.55  # of what is drawn


@dataclass(frozen=True)
class Series:
    """How a group of algorithms is drawn."""

    label: str
    colour: str
    stroke: Any
    width: float


SERIES = {
    "ours": Series("quickstudy, one setting", "#0072B2", "-", 2.2),
    "default": Series("best peer, default", "#E69F00", (0, (5, 1.5)), 1.6),
    "tuned": Series("best peer, tuned for the job", "#009E73", (0, (1.2, 1.2)), 1.9),
}


@dataclass(frozen=True)
class Curves:
    """The runs of one algorithm on one job. steps: [T]. scores: [runs, T], normalised."""

    algorithm: str
    steps: np.ndarray
    scores: np.ndarray


def group_of(algorithm: str) -> str:
    """Whose line an algorithm may be."""
    if algorithm == OURS:
        return "ours"
    return "tuned" if algorithm.startswith(peers.TUNED) else "default"


def curves(task: Task, bar: float, lines: Sequence[Line]) -> dict[str, Curves]:
    """For each group its highest curve on this job."""
    found: dict[str, Curves] = {}
    names = {line["plan"]["algorithm"] for line in lines} - {INCUMBENT}
    for name in sorted(names):
        group = [ln for ln in lines if ln["plan"]["algorithm"] == name and "failed" not in ln]
        if not group:
            continue
        steps = np.array([point["step"] for point in group[0]["curve"]])
        scores = np.array(
            [
                [quick.normalised(task, bar, point["mean"]) for point in line["curve"]]
                for line in group
            ]
        )
        new, old = Curves(name, steps, scores), found.get(group_of(name))
        if old is None or _height(new) > _height(old):
            found[group_of(name)] = new
    return found


def _height(of: Curves) -> float:
    """Mean over the budget of what is drawn, so that one abyss does not decide."""
    return float(_middle([of.scores.clip(LOW, HIGH)]).mean())


def band(strata: Sequence[np.ndarray]) -> np.ndarray:
    """[3, T]: interquartile mean, low end, high end, at each point of [runs, T] scores.

    Whole runs are resampled, all points of the line at once.
    """
    rng = np.random.default_rng(0)
    drawn = [
        _middle([scores[rng.integers(len(scores), size=len(scores))] for scores in strata])
        for _ in range(RESAMPLES)
    ]
    return np.stack([_middle(strata), *np.quantile(drawn, [0.025, 0.975], axis=0)])


def _middle(strata: Sequence[np.ndarray]) -> np.ndarray:
    """[T] interquartile mean over runs, as `statistics.iqm` has it."""
    ordered = np.sort(np.concatenate(strata), axis=0)
    cut = len(ordered) // 4
    return ordered[cut : len(ordered) - cut].mean(0)


def on_shares(of: Curves, budget: int) -> np.ndarray:
    """[runs, SHARES]: the scores where so much of the budget is spent."""
    return np.array([np.interp(SHARES * budget, of.steps, row) for row in of.scores])


# ---- drawing


def draw(lines: Sequence[Line], path: Path) -> None:
    """Writes the picture."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    of_job = {t.job: [ln for ln in lines if ln["plan"]["job"] == t.job] for t in TASKS}
    tasks = [task for task in TASKS if of_job[task.job]]
    found = {
        task.job: curves(task, quick.bar_of(task, of_job[task.job]), of_job[task.job])
        for task in tasks
    }
    rows = -(-len(tasks) // COLUMNS)
    figure = plt.figure(figsize=(9, 3.1 + 2.05 * rows), layout="constrained")
    grid = figure.add_gridspec(rows + 1, COLUMNS, height_ratios=[1.45, *[1] * rows])
    aggregate, legend = figure.add_subplot(grid[0, :-1]), figure.add_subplot(grid[0, -1])
    _aggregate(aggregate, tasks, found)
    _legend(legend, aggregate)
    for i, task in enumerate(tasks):
        ax = figure.add_subplot(grid[1 + i // COLUMNS, i % COLUMNS])
        _job(ax, task, found[task.job], is_first=i % COLUMNS == 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=180)
    plt.close(figure)


def _aggregate(ax: Any, tasks: Sequence[Task], found: Mapping[str, dict[str, Curves]]) -> None:
    for name, series in SERIES.items():
        strata = [
            on_shares(found[task.job][name], task.steps)
            for task in tasks
            if name in found[task.job]
        ]
        if strata:
            label = f"{series.label}\n({len(strata)} of {len(tasks)} jobs)"
            _line(ax, 100 * SHARES, band(strata), series, label)
    ax.set_title("All jobs together", loc="left", fontsize=10, fontweight="bold")
    ax.set_xlabel("share of each job's steps, %")
    ax.set_ylabel("return: random 0, bar 1")
    ax.set_xlim(0, 100)
    _frame(ax)


def _legend(ax: Any, of: Any) -> None:
    """What the lines of another panel are, and the two grey ones."""
    ax.axis("off")
    handles, labels = of.get_legend_handles_labels()
    ax.legend(handles, labels, loc="upper left", frameon=False, fontsize=9, labelspacing=1.0)
    said = "bands: 95 % intervals over seeds\ngrey line: the bar\ndotted: by when to be there"
    ax.text(0.06, 0.0, said, transform=ax.transAxes, fontsize=8.5, color="0.3", linespacing=1.5)


def _job(ax: Any, task: Task, found: Mapping[str, Curves], is_first: bool) -> None:
    for name, series in SERIES.items():
        if name in found:
            of = found[name]
            _line(ax, of.steps / 1_000, band([of.scores]), series, of.algorithm)
    ax.axvline(task.by / 1_000, color="0.45", linewidth=0.8, linestyle=":")
    ax.set_title(task.job, loc="left", fontsize=9.5, fontweight="bold", pad=14)
    names = [_short(found[name].algorithm) for name in ("default", "tuned") if name in found]
    ax.text(0, 1.03, " · ".join(names), transform=ax.transAxes, fontsize=7.5, color="0.35")
    ax.set_xlim(0, task.steps / 1_000)
    ax.set_xlabel("thousand steps", fontsize=8)
    ax.tick_params(labelsize=8)
    _frame(ax)
    if not is_first:
        ax.set_yticklabels([])


def _line(ax: Any, x: np.ndarray, of: np.ndarray, series: Series, label: str) -> None:
    middle, low, high = of
    ax.fill_between(x, low, high, color=series.colour, alpha=0.18, linewidth=0)
    ax.plot(x, middle, color=series.colour, ls=series.stroke, lw=series.width, label=label)


def _frame(ax: Any) -> None:
    ax.axhline(1.0, color="0.45", linewidth=0.8)
    ax.set_ylim(LOW, HIGH)
    ax.set_yticks([0.0, 0.5, 1.0])


def _short(algorithm: str) -> str:
    library, _, name = algorithm.rpartition("-")
    how = "tuned" if library == peers.TUNED else "default"
    return f"{how}: {library.split('-')[0].upper()} {name.upper()}"


def main(arguments: list[str] | None = None) -> None:
    """Draws it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=RESULTS / "quick.jsonl")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "quick.png")
    asked = parser.parse_args(arguments)
    lines = runs.read(asked.results)
    if not lines:
        parser.error(
            f"no results in {asked.results.name} yet: run `python -m benchmarks.quick`"
        )
    draw(lines, asked.output)
    print(f"{asked.output.name}: {len(lines)} runs")


if __name__ == "__main__":
    main()
