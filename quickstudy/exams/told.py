"""An exam as people read it: lines for a terminal, fields for programs.

Left out: other languages.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from quickstudy import words
from quickstudy.exams.leak import Alarm
from quickstudy.exams.score import ENOUGH, RANDOM, SEEN, TWIN, Lot, Result
from quickstudy.exams.sitting import Sat
from quickstudy.exams.statistics import Estimate, estimate, iqm

WORST = 5  # worlds that are listed


def headline(result: Result) -> str:
    """What the exam found, in one sentence."""
    twin, gap = result.twin, result.gap
    if gap is None:
        return (
            f"It earns {words.figure(twin.value)} in fresh worlds; which worlds it worked in "
            "is not known, so whether it does better there cannot be told."
        )
    if result.is_overfit:
        return (
            f"It knows its own worlds better than the job: {words.figure(gap.value)} less in "
            f"fresh ones, which chance alone does in {_chance(result.gap_by_chance)}."
        )
    fewest = _fewest(result)
    if fewest < ENOUGH:
        return (
            f"It earns {words.figure(twin.value)} in fresh worlds; {fewest} worlds of a kind "
            "are too few to tell whether it does better in its own."
        )
    apart = "no worse than in its own" if gap.high < 0 else "and no gap to its own can be told"
    return f"It earns {words.figure(twin.value)} in fresh worlds, {apart}."


def lines(result: Result) -> Iterator[tuple[str, str]]:
    """Line by line: what it is about, and what it says. Intervals are of 95 %."""
    for name, score, what in (
        (SEEN, result.seen, "worlds it worked in"),
        (TWIN, result.twin, "fresh worlds"),
        (RANDOM, result.random, "fresh worlds, at random"),
    ):
        if score is not None:
            lot = result.lot(name)
            yield name, f"{_with_interval(score)} on {len(lot.worlds) if lot else 0} {what}"
    if result.bar is not None:
        yield "bar", words.figure(result.bar)
    if result.gap is not None:
        said = "overfit" if result.is_overfit else "not shown to be overfit"
        gap = (
            f"{words.signed(result.gap.value)} (too few worlds for an interval"
            if _fewest(result) < ENOUGH
            else f"{_with_interval(result.gap, words.signed)} (seen less twin"
        )
        yield "gap", f"{gap}); {said}: by chance in {_chance(result.gap_by_chance)}"
    if result.jaggedness is not None:
        yield (
            "jaggedness",
            f"{_percent(result.jaggedness)} from world to world"
            + _of(", {} from skill to skill", result.skills),
        )
    for name, loss in result.decline.items():
        told = Estimate(*(100 * x for x in loss))
        yield name, f"costs {_with_interval(told, _whole)} % of the score"
    if result.support_foretells is not None:
        yield (
            "support",
            (
                f"low support foretells bad worlds with AUROC "
                f"{_with_interval(result.support_foretells, _two)}"
            ),
        )
    if result.coverage is not None and result.bias is not None:
        off = f"{words.figure(abs(result.bias))} too {'high' if result.bias > 0 else 'low'}"
        held = f"{_percent(result.coverage)} of returns lie in its 90 % interval"
        yield "worth", f"{held}; on average it is {off}"
    if result.leak is not None:
        yield "leak", _leak(result.leak)
    for lot, sat in result.worst(WORST):
        yield "worst", f"{words.figure(sat.earned)} in {sat.steps:,} steps: {_where(lot, sat)}"


def again(result: Result, lot: Lot, sat: Sat) -> str:
    """The command that plays a world again."""
    parts = ["quickstudy", "replay", result.learner, str(sat.seed), "--job", result.job]
    if lot.strength:
        parts += ["--shift", lot.name, "--strength", f"{lot.strength:g}"]
    return shlex.join(parts)


def _leak(alarm: Alarm) -> str:
    if not alarm.fires:
        return f"no sign that the fresh worlds were trained on (p = {alarm.p:.2g})"
    standing = ", ".join(map(str, alarm.suspects)) or "none by itself"
    return (
        f"ALARM: the fresh worlds are not like others ({alarm.sign}, p = {alarm.p:.2g}); those "
        f"that stand out have the seeds {standing}"
    )


def _where(lot: Lot, sat: Sat) -> str:
    shifted = f"{lot.name} {lot.strength:g}" if lot.strength else lot.name
    return f"{shifted}, seed {sat.seed}"


def fields(result: Result) -> dict[str, Any]:
    """Everything, for programs; an interval is [value, low, high]."""
    return {
        "learner": result.learner,
        "job": result.job,
        "steps": result.steps,
        "edition": result.edition,
        "fingerprint": result.fingerprint,
        "bar": result.bar,
        "seen": result.seen,
        "twin": result.twin,
        "random": result.random,
        "gap": result.gap,
        "gap_by_chance": result.gap_by_chance,
        "is_overfit": result.is_overfit,
        "jaggedness": result.jaggedness,
        "skills": result.skills,
        "decline": result.decline,
        "support_foretells": result.support_foretells,
        "coverage": result.coverage,
        "bias": result.bias,
        "leak": result.leak and {**asdict(result.leak), "fires": result.leak.fires},
        "lots": [
            {
                "name": lot.name,
                "strength": lot.strength,
                "score": estimate([lot.earned], iqm),
                "worlds": [
                    {"seed": sat.seed, "earned": sat.earned, "steps": sat.steps}
                    for sat in lot.worlds
                ],
            }
            for lot in result.lots
        ],
    }


def _fewest(result: Result) -> int:
    return min(len(lot.worlds) for lot in result.lots if lot.name in (SEEN, TWIN))


def _chance(p: float | None) -> str:
    """``3 of 100 cases``, ``2 of 1,000 cases``, ``less than 1 of 1,000 cases``."""
    if p is None or p >= 0.0095:
        return f"{100 * (p or 0.0):.0f} of 100 cases"
    return f"{1_000 * p:.0f} of 1,000 cases" if p >= 0.001 else "less than 1 of 1,000 cases"


def _with_interval(told: Estimate, figure: Any = words.figure) -> str:
    return f"{figure(told.value)} ({figure(told.low)} to {figure(told.high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _whole(number: float) -> str:
    return f"{number:.0f}".replace("-0", "0") if abs(number) < 0.5 else f"{number:.0f}"


def _two(number: float) -> str:
    return f"{number:.2f}"


def _of(text: str, share: float | None) -> str:
    return "" if share is None else text.format(_percent(share))
