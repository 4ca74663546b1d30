"""Two exams held side by side: the same worlds, sat by two learners, or by one at two ages.

    difference = IQM(returns of b) − IQM(returns of a),  worlds resampled in pairs

Both must be of one job and one edition, or else their worlds are not the same, and a difference
would be one between worlds.

Left out: the seen lots, for each learner has worlds of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quickstudy import words
from quickstudy.errors import QuickstudyError
from quickstudy.exams.score import CONTROL, RANDOM, SEEN, Lot, Result
from quickstudy.exams.sitting import Sat
from quickstudy.exams.statistics import Estimate, estimate, iqm
from quickstudy.types import End

OWN = (SEEN, CONTROL, RANDOM)  # lots that differ from learner to learner, or show no learner


@dataclass(frozen=True)
class Difference:
    """What the second exam earns more than the first on a lot, with its interval."""

    lot: str
    strength: float
    worlds: int
    gain: Estimate


class NotAlike(QuickstudyError):
    """Two exams that cannot be held against each other."""

    exit_code = 12


def compare(a: Result, b: Result) -> tuple[Difference, ...]:
    """What b earns more than a, lot by lot.

    Raises:
      NotAlike: other jobs, other editions, or lots with other worlds.
    """
    if a.job != b.job:
        raise NotAlike(f"Came exams on '{a.job}' and on '{b.job}'; expected one job.")
    if a.fingerprint != b.fingerprint:
        raise NotAlike(
            f"Came exams of the editions {a.edition} ({a.fingerprint}) and {b.edition} "
            f"({b.fingerprint}), whose worlds differ; sit both in one edition."
        )
    lots = [{_key(lot): lot for lot in r.lots if lot.name not in OWN} for r in (a, b)]
    other = set(lots[0]) ^ set(lots[1])
    if other:
        names = ", ".join(sorted(f"{name} {by:g}" if by else name for name, by in other))
        raise NotAlike(
            f"Came exams of which one alone has the lots {names}; sit both with the same "
            "shifts."
        )
    return tuple(_difference(lot, lots[1][key]) for key, lot in lots[0].items())


def _key(lot: Lot) -> tuple[str, float]:
    return lot.name, lot.strength


def _difference(a: Lot, b: Lot) -> Difference:
    earned = [{sat.seed: sat.earned for sat in lot.worlds} for lot in (a, b)]
    both = [seed for seed in earned[0] if seed in earned[1]]
    if not both:
        raise NotAlike(f"Came exams without one world in common in the lot {a.name}.")
    x, y = (np.array([known[seed] for seed in both]) for known in earned)

    def gain(pairs: np.ndarray) -> np.ndarray:
        return iqm(y[pairs.astype(int)]) - iqm(x[pairs.astype(int)])

    return Difference(a.name, a.strength, len(both), estimate([np.arange(len(both))], gain))


def read(path: Path) -> Result:
    """An exam as `quickstudy exam` left it in a JSON file: returns, without support or worth.

    Raises:
      QuickstudyError: it cannot be read, or is no exam.
    """
    try:
        told = json.loads(path.read_text())
        return Result(
            learner=told["learner"],
            job=told["job"],
            steps=told["steps"],
            edition=told["edition"],
            fingerprint=told["fingerprint"],
            bar=told["bar"],
            lots=tuple(_lot(lot) for lot in told["lots"]),
        )
    except OSError as error:
        raise QuickstudyError(
            f"{path} cannot be read ({error.strerror}); give the JSON file of an exam."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise QuickstudyError(
            f"{path} is no exam ({type(error).__name__}); give a file that `quickstudy exam` "
            "wrote."
        ) from error


def _lot(told: dict[str, Any]) -> Lot:
    sat = (Sat(w["seed"], w["earned"], w["steps"], End.NOT) for w in told["worlds"])
    return Lot(told["name"], told["strength"], tuple(sat))


def lines(a: Result, b: Result, found: tuple[Difference, ...]) -> Iterator[str]:
    """The comparison as people read it."""
    yield (
        f"{b.learner} (after {b.steps:,} steps) less {a.learner} (after {a.steps:,}) on "
        f"{a.job}, edition {a.edition}, the same worlds:"
    )
    for told in found:
        name = f"{told.lot} {told.strength:g}" if told.strength else told.lot
        value, low, high = map(words.signed, told.gain)
        sure = "" if told.gain.low > 0 or told.gain.high < 0 else "; no difference can be told"
        yield f"  {name:<20} {value} ({low} to {high}) on {told.worlds} worlds{sure}"


def fields(a: Result, b: Result, found: tuple[Difference, ...]) -> dict[str, Any]:
    """The comparison for programs; an interval is [value, low, high]."""
    return {
        "job": a.job,
        "edition": a.edition,
        "learners": [a.learner, b.learner],
        "steps": [a.steps, b.steps],
        "lots": [
            {"name": d.lot, "strength": d.strength, "worlds": d.worlds, "gain": d.gain}
            for d in found
        ],
    }
