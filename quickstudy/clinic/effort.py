"""How many decisions a learner will probably need: a line through what is known of ours.

    log₁₀ decisions = w · features ± t · s · √(1 + xᵀ (XᵀX)⁻¹ x)

The line is fitted to the median steps to the bar of our own runs. It rests on few jobs, most
of them small classics, so the interval is wide, and a job unlike them may fall outside it.

No feature of a job enters yet. Of ten choices the best (steps of an episode, ways to act)
brings the error with each job left out from 0.68 to 0.51, but one run in eight does as well
when the jobs are shuffled (p = 0.13). The figures are printed by: python -m benchmarks.effort

Left out: how hard the job's bar is, which nothing seen at random can tell.
"""

from __future__ import annotations

import math

import numpy as np

from quickstudy.clinic.finding import Finding
from quickstudy.clinic.record import Record
from quickstudy.types import Array

FEATURES = ("1",)
WEIGHTS = (3.6067,)
INVERSE = ((0.1111,),)  # (XᵀX)⁻¹
SPREAD = 0.644  # s: of the residuals [log10 decisions]
QUANTILE = 1.3968  # t: of Student's distribution, for the middle 80 %
JOBS = 9


def features(record: Record) -> dict[str, float]:
    """What may tell how long learning takes, of a record of random work."""
    spec = record.spec
    differs = record.reward != np.median(record.reward)
    per_episode = np.bincount(record.episode, differs, record.episodes) > 0
    return {
        "1": 1.0,
        "log10 steps of an episode": math.log10(max(float(record.lengths.mean()), 1.0)),
        "log10 numbers observed": math.log10(max(spec.raw_size, 1)),
        "log10 ways to act": math.log10(max(spec.options + 2 * spec.amounts, 1)),
        "share of episodes that see another reward": float(per_episode.mean()),
    }


def decisions(record: Record) -> Finding:
    """A guess, with the interval in which 80 % of jobs like ours fall."""
    known = features(record)
    x = np.array([known[name] for name in FEATURES])
    guess, low, high = predicted(x)
    by = ", ".join(name for name in FEATURES if name != "1")
    shown = (
        f"about {_round(guess):,} decisions to competence [{_round(low):,}, {_round(high):,}] "
        f"(80 % interval, from {JOBS} jobs of ours{f', by {by}' if by else ' alone'})"
    )
    return Finding("effort", "ok", shown)


def beforehand() -> tuple[float, float, float]:
    """The guess and both ends, of a job that nobody has looked at."""
    assert FEATURES == ("1",), "features are of a record: look at the job first"
    return predicted(np.ones(1))


def predicted(x: Array) -> tuple[float, float, float]:
    """Decisions: the guess and both ends."""
    middle = float(x @ np.array(WEIGHTS))
    half = QUANTILE * SPREAD * math.sqrt(1.0 + float(x @ np.array(INVERSE) @ x))
    return 10.0**middle, 10.0 ** (middle - half), 10.0 ** (middle + half)


def _round(number: float) -> int:
    """To two figures: more would pretend."""
    digits = 1 - math.floor(math.log10(max(number, 1.0)))
    return int(round(number, digits))
