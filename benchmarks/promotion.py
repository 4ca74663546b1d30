"""How often is a level widened that should not be? Simulated, where the true rate is known.

    python -m benchmarks.promotion           # 10,000 runs a row: minutes
    python -m benchmarks.promotion --quick   # 400: seconds; writes no table here

Judged decisions err by chance, at a rate that we set. `quickstudy.deployment.evidence` bets
against "the rate is q or more" and widens at 1/α. Beside it what is found in the field: "20
straight successes", and "at least 95 % right over the last 20".

Then the other way: a class that was widened and errs in 2 %, and from one decision on in more;
how many judged ones pass until its level is taken back. False alarms are told as the average
run between them, at the tolerated rate and well below it.

Bets are computed for all runs at once here; tests hold them against the shipped object. Left
out: what becomes of the level afterwards (see `benchmarks.caps`).
"""

from __future__ import annotations

import argparse
import datetime
import math
import random
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, mean, median

import numpy as np

from benchmarks import runs, tables
from benchmarks.statistics import Interval
from quickstudy.deployment.autonomy import Terms
from quickstudy.deployment.evidence import LOWER, Alarm, Evidence

COMMAND = "python -m benchmarks.promotion"
ALPHA, Q, WITHIN = Terms.alpha, Terms.tolerated, 1_000
SEED = 100
LAST, STREAK = 20, 20
WARM, JUMP_FROM = 200, 0.02  # decisions after a promotion, before the jump
NEVER = sys.maxsize
CHUNK = 2_000  # runs at a time: memory

Rates = Callable[[np.ndarray], np.ndarray]  # errors so far [runs, t] → rate of the next [runs]


# ---- widening


def flat(rate: float) -> Rates:
    return lambda past: np.full(len(past), rate)


def late(first: float, then: float, change: int) -> Rates:
    """One rate, and after so many decisions another one."""
    return lambda past: np.full(len(past), first if past.shape[1] < change else then)


def bursts(least: float, after_an_error: float) -> Rates:
    """Errors draw errors after them; no decision errs less often than `least`."""

    def rate(past: np.ndarray) -> np.ndarray:
        was_error = past[:, -1] if past.shape[1] else np.zeros(len(past), bool)
        return np.where(was_error, after_an_error, least)

    return rate


def drawn(rates: Rates, count: int, within: int, rng: np.random.Generator) -> np.ndarray:
    """Errors [count, within], bool."""
    errors = np.zeros((count, within), bool)
    for t in range(within):
        errors[:, t] = rng.random(count) < rates(errors[:, :t])
    return errors


def log_wealths(errors: np.ndarray, q: float) -> np.ndarray:
    """What `Evidence.log_wealth` is after each decision, [runs, t]: the same sums."""
    count, within = errors.shape
    so_far = np.concatenate([np.zeros((count, 1), int), errors.cumsum(1)], 1)
    starts = [0]
    while (start := math.ceil(1 / q) * 2 ** (len(starts) - 1)) <= within:
        starts.append(start)
    wealth = np.empty((count, within + 1))
    wealth[:] = 1 / (np.searchsorted(starts, np.arange(within + 1), side="right") + 1)  # waits
    for part, start in enumerate(starts):
        wrong = so_far[:, start:] - so_far[:, start : start + 1]
        right = np.arange(within + 1 - start) - wrong
        stake = 1 / ((part + 1) * (part + 2)) / len(LOWER)
        powers = np.arange(within + 1 - start)
        for lower in LOWER:
            won = ((1 - lower * q) / (1 - q)) ** powers
            wealth[:, start:] += stake * (lower**powers)[wrong] * won[right]
    return np.log(wealth[:, 1:])


def first(is_there: np.ndarray) -> np.ndarray:
    """Decisions until it was so, [runs]; NEVER where it was not."""
    return np.where(is_there.any(1), is_there.argmax(1) + 1, NEVER)


def by_bet(errors: np.ndarray, q: float) -> np.ndarray:
    return first(log_wealths(errors, q) >= -math.log(ALPHA))


def by_last(errors: np.ndarray, allowed: int, last: int = LAST) -> np.ndarray:
    """At most so many errors over the last ones, as soon as there are as many."""
    so_far = np.concatenate([np.zeros((len(errors), 1), int), errors.cumsum(1)], 1)
    found = first(so_far[:, last:] - so_far[:, :-last] <= allowed)
    return np.where(found == NEVER, NEVER, found + last - 1)


RULES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "Quickstudy": by_bet,
    "20 straight": lambda errors, q: by_last(errors, 0, STREAK),
    "≥ 95 % of last 20": lambda errors, q: by_last(errors, 1),
}


@dataclass(frozen=True)
class Case:
    """A course of the true error rate. `is_bad`: never below the tolerated one."""

    name: str
    rates: Rates
    is_bad: bool
    q: float = Q
    within: int = WITHIN


def cases() -> list[Case]:
    rates = (0.01, 0.02, 0.03, 0.05, 0.06, 0.08)
    found = [Case(f"{rate:.0%}", flat(rate), rate >= Q) for rate in rates]
    found += [
        Case("5 %, after an error 40 % (bursts)", bursts(Q, 0.4), True),
        Case("30 % for 300 decisions, then 5 %", late(0.3, Q, 300), True),
        Case("30 % for 300 decisions, then 1 %", late(0.3, 0.01, 300), False),
    ]
    for q in (0.01, 0.1):
        for share in (0.4, 1.0, 1.6):
            within = round(50 / q)
            name = f"{share * q:.1%}, tolerated {q:.0%}, within {within:,}"
            found.append(Case(name, flat(share * q), share >= 1, q, within))
    return found


def widened(case: Case, count: int, seed: int) -> dict[str, np.ndarray]:
    """Rule → decisions until it widened, [count]."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[np.ndarray]] = {name: [] for name in RULES}
    for begin in range(0, count, CHUNK):
        errors = drawn(case.rates, min(CHUNK, count - begin), case.within, rng)
        for name, rule in RULES.items():
            found[name].append(rule(errors, case.q))
    return {name: np.concatenate(parts) for name, parts in found.items()}


# ---- taking back


class LastTwenty:
    """The same from the field: alarm as soon as fewer than 95 % of the last 20 are right."""

    def __init__(self, tolerated: float):
        self._last: deque[bool] = deque(maxlen=LAST)

    def see(self, is_error: bool) -> None:
        self._last.append(is_error)

    @property
    def level(self) -> float:
        return math.inf if sum(self._last) > 1 else 0.0


Watch = Callable[[float], Alarm | LastTwenty]
WATCHES: dict[str, Watch] = {"Quickstudy": Alarm, "≥ 95 % of last 20": LastTwenty}


def until_alarm(
    watch: Watch, rate: float, rng: random.Random, q: float, most: int, warm: int = 0
) -> int:
    """Decisions at a rate until the alarm, `most` at most, after `warm` ones at 40 % of q.

    An alarm in the warming up is a false one; the watch then begins anew.
    """
    seen = watch(q)
    for left in range(warm, 0, -1):
        seen.see(rng.random() < JUMP_FROM / Q * q)
        if seen.level >= Terms.alarm and left > 1:
            seen = watch(q)
    for number in range(1, most + 1):
        seen.see(rng.random() < rate)
        if seen.level >= Terms.alarm:
            return number
    return most


def delays(watch: Watch, rate: float, count: int, seed: int, q: float = Q) -> list[int]:
    rng = random.Random(seed)
    return [until_alarm(watch, rate, rng, q, 100_000, WARM) for _ in range(count)]


def runs_between(watch: Watch, rate: float, count: int, seed: int) -> float:
    """Average run until a false alarm; runs longer than a million count as one."""
    rng = random.Random(seed)
    return mean(until_alarm(watch, rate, rng, Q, 1_000_000) for _ in range(count))


# ---- the table


def share(hits: int, count: int) -> str:
    """ "4.9% [4.5, 5.3]": Wilson's interval."""
    z = NormalDist().inv_cdf(0.975)
    p, n = hits / count, count
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    ends = Interval(max(0.0, middle - half), min(1.0, middle + half))
    return f"{p:.1%} [{100 * ends.low:.1f}, {100 * ends.high:.1f}]"


def widening(count: int, seed: int) -> tuple[str, list[float], float]:
    """The table; promotions of what is bad, by our rule; of 2 % where 5 % are tolerated."""
    rows, bad, good = [], [], math.nan
    for number, case in enumerate(cases()):
        found = widened(case, count, seed * 1_000 + number)
        ours = found["Quickstudy"]
        hits = {name: int((times <= case.within).sum()) for name, times in found.items()}
        if case.is_bad:
            bad.append(hits["Quickstudy"] / count)
        if case.name == "2%":
            good = hits["Quickstudy"] / count
        is_usual = hits["Quickstudy"] * 2 > count
        rows.append(
            [
                case.name,
                "no" if case.is_bad else "yes",
                *(share(hit, count) for hit in hits.values()),
                f"{np.median(ours):,.0f}" if is_usual else "—",
            ]
        )
        print(" | ".join(rows[-1]), flush=True)
    head = ["true error rate", "deserved", *RULES, "median decisions until then"]
    return tables.table(head, rows), bad, good


def taking_back(count: int, seed: int) -> tuple[str, float]:
    """The table; the median delay after the jump that the summary tells."""
    rows, told = [], math.nan
    for name, watch in WATCHES.items():
        cells = []
        for rate in (0.08, 0.1, 0.2, 0.5):
            found = delays(watch, rate, count, seed)
            if name == "Quickstudy" and rate == 0.2:
                told = median(found)
            cells.append(f"{median(found):,.0f} ({np.quantile(found, 0.9):,.0f})")
        for rate, fewer in ((Q, 5), (JUMP_FROM, 50)):
            cells.append(f"{runs_between(watch, rate, max(1, count // fewer), seed):,.0f}")
        rows.append([name, *cells])
        print(" | ".join(rows[-1]), flush=True)
    head = ["", *(f"2 % → {rate}" for rate in ("8 %", "10 %", "20 %", "50 %"))]
    return tables.table([*head, "run at 5 %", "run at 2 %"], rows), told


def written(count: int, seed: int, command: str) -> str:
    table, bad, good = widening(count, seed)
    back, delay = taking_back(count, seed)
    clean = {q: Evidence(q).needed(-math.log(ALPHA)) for q in (0.01, Q, 0.1)}
    needed = ", ".join(f"{number} at {q:.0%}" for q, number in clean.items())
    said = (
        f"Tolerated 5 %: promoted within 1,000 decisions in {good:.1%} of runs at a true 2 %; "
        f"in at most {max(bad):.1%} wherever the rate never was below the tolerated one (bar: "
        f"{ALPHA:.0%}, by Ville's inequality for any course of the rate). After a jump from 2 "
        f"to 20 % the level is taken back after {delay:.0f} judged decisions (median)."
    )
    return "\n".join(
        [
            "# Promotion and demotion",
            "",
            f"Made by `{command}` on {datetime.date.today()}; do not edit. {count:,} runs a "
            f"row, seed {seed}, {runs.machine()}. α = {ALPHA}, tolerated {Q:.0%} where nothing "
            f"else is said, alarm at {Terms.alarm:,.0f}.",
            "",
            tables.summary(said),
            "",
            "## Widening",
            "",
            "Runs in which the level was widened within 1,000 judged decisions (where 1 % or "
            "10 % are tolerated: 5,000 and 500), with 95 % intervals. *Deserved*: the rate is, "
            "at least at the end, below the tolerated one. Rules of thumb know no such rate. "
            f"Clean decisions that suffice by themselves: {needed}.",
            "",
            table,
            "",
            "## Taking back",
            "",
            f"Judged decisions from the jump to the alarm, median (and nine of ten), after "
            f"{WARM} at 2 %. *Run*: average number of judged decisions until a false alarm; by "
            f"proof at least {Terms.alarm:,.0f} for ours at 5 % or less. A fifth as many runs "
            "behind it at 5 %, a fiftieth at 2 %; what had no alarm in a million counts as a "
            "million.",
            "",
            back,
            "",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds; writes no table here")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path, help="folder for the table")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    count, seed = (400, 0) if asked.quick else (10_000, asked.seed)
    text = written(count, seed, runs.command("promotion", arguments))
    (runs.folder_asked(asked) / "promotion.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
