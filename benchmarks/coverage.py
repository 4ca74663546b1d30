"""Do the exam's 95 % intervals hold 95 times in 100? A simulation where the truth is known.

    python -m benchmarks.coverage           # 4,000 draws a row: minutes
    python -m benchmarks.coverage --quick   # 400: seconds; writes no table here

Worlds are drawn from distributions like those that returns have: bell curves, long tails, most
worlds at the best possible return with some falls, success or not. Each row says how often the
interval of an interquartile mean, and of the difference of two (the gap), held the truth.

Seeds 100 to 104 were never used in development. Left out: learners; this is about arithmetic.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from benchmarks import runs, tables
from quickstudy.exams.statistics import estimate, iqm

COMMAND = "python -m benchmarks.coverage"
SEEDS = range(100, 105)
WORLDS = (10, 20, 30, 50)
LOW, HIGH = 0.92, 0.98  # where a nominal 95 % should be measured
RESAMPLES = 1_000
TRUTH = 2_000_001  # draws behind the true value
NEARLY = 1e-9

Draw = Callable[[np.random.Generator, int], np.ndarray]


def _falls(share: float) -> Draw:
    """A best possible return of 500, and falls early on in some worlds."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.where(rng.random(n) < share, rng.uniform(30, 200, n), 500.0)

    return draw


KINDS: dict[str, Draw] = {
    "bell curve": lambda rng, n: rng.normal(size=n),
    "long tail upwards (exponential)": lambda rng, n: rng.exponential(size=n),
    "long tail downwards": lambda rng, n: -(rng.exponential(size=n) ** 1.5),
    "log-normal": lambda rng, n: rng.lognormal(size=n),
    "heavy tails (t, 3 degrees)": lambda rng, n: rng.standard_t(3, n),
    "500, falls in 3 of 10": _falls(0.3),
    "500, falls in 5 of 10": _falls(0.5),
    "success in 7 of 10": lambda rng, n: (rng.random(n) < 0.7) * 1.0,
    "two humps": lambda rng, n: rng.normal(10.0 * (rng.random(n) < 0.5), 1.0),
}


def truth(draw: Draw) -> float:
    """The interquartile mean of very many worlds."""
    return float(iqm(draw(np.random.default_rng(12345), TRUTH)))


def coverage(draw: Draw, worlds: int, draws: int, seed: int, is_gap: bool) -> float:
    """How often the interval held."""
    rng = np.random.default_rng([seed, worlds, is_gap])
    true, held = 0.0 if is_gap else truth(draw), 0
    for number in range(draws):
        if is_gap:
            groups = [draw(rng, worlds), draw(rng, worlds)]
            told = estimate(
                groups, lambda a, b: iqm(a) - iqm(b), resamples=RESAMPLES, seed=number
            )
        else:
            told = estimate([draw(rng, worlds)], iqm, resamples=RESAMPLES, seed=number)
        held += told.low - NEARLY <= true <= told.high + NEARLY
    return held / draws


def measure(draws: int, seeds: Iterable[int]) -> list[tuple[str, bool, list[float]]]:
    """Kind, whether it is a gap, coverage at each number of WORLDS."""
    seeds, found = list(seeds), []
    for kind, draw in KINDS.items():
        for is_gap in (False, True):
            row = [
                float(
                    np.mean([coverage(draw, n, draws // len(seeds), s, is_gap) for s in seeds])
                )
                for n in WORLDS
            ]
            found.append((kind, is_gap, row))
            print(f"{kind}{' (gap)' if is_gap else ''}: {row}", flush=True)
    return found


def written(found: list[tuple[str, bool, list[float]]], draws: int) -> str:
    """The table, with its verdict."""
    cells = [share for _, _, row in found for share in row]
    inside = sum(LOW <= share <= HIGH for share in cells)
    rows = [
        [kind, "gap" if is_gap else "score", *(f"{share:.1%}" for share in row)]
        for kind, is_gap, row in found
    ]
    said = (
        f"{inside} of {len(cells)} cells between {LOW:.0%} and {HIGH:.0%}; least "
        f"{min(cells):.1%}, most {max(cells):.1%}, mean {np.mean(cells):.1%}."
    )
    return "\n".join(
        [
            "# Coverage of the exam's intervals",
            "",
            f"Made by `{COMMAND}` on {datetime.date.today()}; do not edit. {draws:,} draws a "
            f"cell, seeds {SEEDS[0]}–{SEEDS[-1]}, {runs.machine()}. Nominal: 95 %.",
            "",
            tables.summary(said),
            "",
            tables.table(["returns", "of", *(f"{n} worlds" for n in WORLDS)], rows),
            "",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds; writes no table here")
    parser.add_argument("--output", type=Path, help="folder for the table")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    draws = 400 if asked.quick else 4_000
    text = written(measure(draws, [0] if asked.quick else SEEDS), draws)
    (runs.folder_asked(asked) / "coverage.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
