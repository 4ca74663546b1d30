"""Do the intervals of the law of learning to learn hold? A simulation where the truth is known.

    python -m benchmarks.law           # about three CPU minutes
    python -m benchmarks.law --quick   # seconds; writes no table here

Careers are drawn by the law itself: decisions to competence of each job, seen through a check
every 400 decisions, given up after a budget or never. First with truths as the priors have
them: there 80 % and 95 % must hold, or the arithmetic is wrong, unless the budget was chosen by
one who knows the truth, since the law takes no hint from it. Then for one truth at a time, of
which no prior can promise anything: there it shows how far the stated intervals can be off.

Beside it a straight line through the jobs that became competent, with Student's t: what one
would do without a prior. It has no interval below three such jobs, and does not know of others.

Left out: careers that do not follow the law.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

from benchmarks import runs, tables
from quickstudy.careers import law
from quickstudy.careers.law import Took
from quickstudy.clinic import effort

PRIORS = "as the priors have it"
COMMAND = "python -m benchmarks.law"
SEED = 13
EVERY = 400  # decisions between two checks
FIXED = 4_000.0  # a budget that knows nothing
FITTING = 1.5  # one that does: in median decisions of a first job
BUDGETS = {
    "none": math.inf,
    f"{FIXED:,.0f}": FIXED,
    f"{FITTING:g} × a first job's median": None,
}


class Truth(NamedTuple):
    a: float
    b: float
    noise: float


class Tried(NamedTuple):
    """One career.

    next, factor: whether our intervals held. width: how many times low the next one's high is.
    line: whether the straight line's interval held; None where it has none.
    """

    next: bool
    factor: bool
    width: float
    line: bool | None


def career(truth: Truth, jobs: int, budget: float, rng: np.random.Generator) -> Tried:
    """Draws a career, and holds what is told of its next job against it."""
    past = np.arange(jobs + 1)
    middle = truth.a + truth.b * np.log10(1 + past)
    decisions = 10 ** (middle + truth.noise * rng.standard_normal(jobs + 1))
    records = [_seen(int(p), t, budget) for p, t in zip(past[:-1], decisions[:-1], strict=True)]
    told = law.fit(records, jobs)
    held = told.next.low <= decisions[-1] <= told.next.high
    factor = told.factor.low <= 2**truth.b <= told.factor.high
    width = told.next.high / told.next.low
    return Tried(held, factor, width, _line(records, decisions[-1]))


def _seen(past: int, decisions: float, budget: float) -> Took:
    by = EVERY * math.ceil(decisions / EVERY)
    if by > budget:
        return Took(past, EVERY * (budget // EVERY), math.inf)
    return Took(past, by - EVERY, by)


def _line(records: list[Took], decisions: float) -> bool | None:
    done = [one for one in records if math.isfinite(one.by)]
    if len(done) < 3:
        return None
    x = np.array([[1.0, math.log10(1 + one.past)] for one in done])
    y = np.log10([one.by for one in done])
    inverse = np.linalg.inv(x.T @ x)
    fitted = inverse @ x.T @ y
    freedom = len(done) - 2
    spread = math.sqrt(float(np.sum((y - x @ fitted) ** 2)) / freedom)
    new = np.array([1.0, math.log10(1 + len(records))])
    half = stats.t.ppf(0.9, freedom) * spread * math.sqrt(1 + new @ inverse @ new)
    return bool(abs(math.log10(decisions) - new @ fitted) <= half)


def of_the_priors(rng: np.random.Generator) -> Truth:
    guess, low, high = effort.beforehand()
    spread = math.log10(high / low) / (2 * effort.QUANTILE)
    a = math.sqrt(spread**2 - law.NOISE**2) * rng.standard_t(law.FREEDOM)
    noise = law.NOISE * law.NOISE_FACTOR ** rng.standard_normal()
    return Truth(math.log10(guess) + a, law.SLOPE_SCALE * rng.standard_normal(), noise)


def cells(rng: np.random.Generator) -> Iterator[tuple[str, int, str, Iterator[Truth]]]:
    """What is believed of the truth, jobs, the budget, and truths."""
    for jobs, budget in itertools.product((1, 2, 3, 5, 8), BUDGETS):
        yield PRIORS, jobs, budget, iter(lambda: of_the_priors(rng), None)
    for a, b, noise in itertools.product((2.9, 4.3), (0.0, -0.7), (0.15, 0.3, 0.6)):
        said = f"{10**a:,.0f} decisions, each doubling × {2**b:.2g}, noise {noise:g}"
        yield said, 4, list(BUDGETS)[-1], itertools.repeat(Truth(a, b, noise))


def row(truth: str, jobs: int, budget: str, tried: list[Tried]) -> list[str]:
    line = [one.line for one in tried if one.line is not None]
    return [
        truth,
        str(jobs),
        budget,
        f"{np.mean([one.next for one in tried]):.0%}",
        f"{np.median([one.width for one in tried]):.1f}",
        f"{np.mean([one.factor for one in tried]):.0%}",
        f"{np.mean(line):.0%} of {len(line) / len(tried):.0%}" if line else "none",
    ]


def measure(draws: int, seed: int) -> Iterator[tuple[str, list[Tried], list[str]]]:
    rng = np.random.default_rng(seed)
    for truth, jobs, budget, truths in cells(rng):
        tried = []
        for one in itertools.islice(truths, draws):
            most = BUDGETS[budget] or FITTING * 10**one.a
            tried.append(career(one, jobs, most, rng))
        made = row(truth, jobs, budget, tried)
        print(" | ".join(made), flush=True)
        yield truth, tried, made


def written(found: list[tuple[str, list[Tried], list[str]]], draws: int) -> str:
    """The table, with its summary."""
    fair = [tried for truth, tried, made in found if truth == PRIORS and BUDGETS[made[2]]]
    ours = [one for tried in fair for one in tried]
    held, factor = (np.mean([getattr(t, name) for t in ours]) for name in ("next", "factor"))
    single = [float(np.mean([t.next for t in tried])) for truth, tried, _ in found
              if truth != PRIORS]  # fmt: skip
    said = (
        f"80 % intervals of the next job's decisions held in {held:.0%} of {len(ours):,} "
        f"careers as the priors have them (95 % intervals of the factor in {factor:.0%}); for "
        "one truth at a time, with a budget that knows it, in "
        f"{min(single):.0%} to {max(single):.0%}, mean {np.mean(single):.0%}."
    )
    names = ["truth", "jobs so far", "budget", "next: 80 % held", "high / low, median",
             "factor: 95 % held", "straight line: 80 % held, of those with one"]  # fmt: skip
    return "\n".join([
        "# Coverage of the law of learning to learn",
        "",
        f"Made by `{COMMAND}` on {datetime.date.today()}; do not edit. {draws:,} careers a "
        f"row, seed {SEED}, {runs.machine()}.",
        "",
        tables.summary(said),
        "",
        tables.table(names, [made for _, _, made in found]),
        "",
    ])  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds; writes no table here")
    parser.add_argument("--output", type=Path, help="folder for the table")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    draws = 10 if asked.quick else 120
    text = written(list(measure(draws, 0 if asked.quick else SEED)), draws)
    (runs.folder_asked(asked) / "law.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
