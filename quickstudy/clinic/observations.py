"""Is what the job shows fit to learn from? Pure functions of what was seen.

Pictures are left out of most of this: a corner that is always black is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from quickstudy.clinic.finding import Finding, counted, listed
from quickstudy.clinic.record import Record
from quickstudy.clinic.settings import Settings
from quickstudy.jobs.check import leaf_at
from quickstudy.types import Array, Spec

Names = Sequence[str]
LEAST_ROWS = 20
WHOLE = 2.0**24  # from here on float32 no longer tells one whole number from the next
NOT_FINITE = re.compile(r"came [-+]?(nan|inf)|came (np|numpy)\.float\d+\([-+]?(nan|inf)")


def findings(record: Record, settings: Settings) -> list[Finding]:
    """All that concerns observations, and what the job raised."""
    entries = numbers_at(record.spec)
    names = [leaf_at(record.spec, int(i)) for i in entries]
    shown = record.shown[:, entries].astype(np.float64)
    return [
        not_finite(record.troubles, len(record.reward)),
        troubles(record.troubles, len(record.reward)),
        constant(shown, names),
        scale(shown, names, settings),
        twins(shown, names, settings),
    ]


def numbers_at(spec: Spec) -> Array:
    """The entries of the flat observation that belong to no picture."""
    kinds = [leaf.kind for leaf in spec.observation for _ in range(leaf.width)]
    return np.array([i for i, kind in enumerate(kinds) if kind != "image"], int)


def not_finite(raised: Sequence[str], steps: int) -> Finding:
    """Numbers that are none, which the job's adapter refuses to hand on."""
    name, broken = "not finite", [text for text in raised if NOT_FINITE.search(text)]
    if not broken:
        return Finding(name, "ok", f"every number finite in {counted(steps, 'step')}")
    advice = "find the division or the sensor it comes from; send finite numbers only"
    return Finding(name, "ill", _broken_off(broken, steps), advice)


def troubles(raised: Sequence[str], steps: int) -> Finding:
    """What else the job raised instead of going on."""
    name, others = "troubles", [text for text in raised if not NOT_FINITE.search(text)]
    if not others:
        return Finding(name, "ok", f"none in {counted(steps, 'step')}")
    return Finding(name, "ill", _broken_off(others, steps), "do what it says, then look again")


def _broken_off(raised: Sequence[str], steps: int) -> str:
    broken = counted(len(raised), "episode")
    return f"{broken} broken off in {counted(steps, 'step')}; first: {raised[0]}"


def constant(shown: Array, names: Names) -> Finding:
    """Entries that never changed: [rows, entries]."""
    name = "constant entries"
    if len(shown) < 2 or not shown.shape[1]:
        return Finding(name, "ok", "nothing to compare")
    still = np.flatnonzero(np.ptp(shown, axis=0) == 0)
    if not len(still):
        return Finding(name, "ok", f"none of {shown.shape[1]}")
    values = [f"{names[i]} is always {shown[0, i]:g}" for i in still.tolist()]
    advice = "leave them out, or find out why they do not move"
    if (np.abs(shown[0, still]) > WHOLE).any():
        advice = "subtract an offset before sending: float32 may have swallowed the changes"
    seen = f"{len(still)} of {shown.shape[1]}: {listed(values)}"
    return Finding(name, "noted", seen, advice)


def scale(shown: Array, names: Names, settings: Settings) -> Finding:
    """Entries far larger, or far smaller in spread, than the others: [rows, entries].

    The learner shifts and scales by running statistics, so only what is lost before that is
    ill: digits that float32 does not hold, or a spread that no normaliser divides by.
    """
    name = "scale of entries"
    if len(shown) < 2 or not shown.shape[1]:
        return Finding(name, "ok", "nothing to compare")
    mean, spread, size = np.abs(shown.mean(0)), shown.std(0), np.abs(shown).max(0)
    moves = np.ptp(shown, axis=0) > 0
    lost = moves & (mean > settings.lost * spread)
    if lost.any():
        values = [
            f"{names[i]} {mean[i]:.3g} +/- {spread[i]:.2g}"
            for i in np.flatnonzero(lost).tolist()
        ]
        advice = "subtract a fixed offset before sending: float32 holds seven digits"
        return Finding(
            name, "ill", f"changes are lost in the last digits: {listed(values)}", advice
        )
    faint = moves & (spread < settings.invisible * (1 + mean))
    if faint.any():
        values = [f"{names[i]} spread {spread[i]:.2g}" for i in np.flatnonzero(faint).tolist()]
        advice = f"use smaller units: below {settings.invisible:g} a learner sees no change"
        return Finding(name, "ill", f"too small to be seen: {listed(values)}", advice)
    typical = float(np.median(spread[moves])) if moves.any() else 0.0
    odd = (size > settings.large) | (moves & (spread < settings.small_share * typical))
    if odd.any():
        values = [
            f"{names[i]} up to {size[i]:.3g}, spread {spread[i]:.2g}"
            for i in np.flatnonzero(odd).tolist()
        ]
        advice = "the learner standardises, so nothing must be done; like units read better"
        return Finding(name, "noted", f"{listed(values)} (median spread {typical:.2g})", advice)
    return Finding(name, "ok", f"magnitudes up to {size.max():.3g}")


def twins(shown: Array, names: Names, settings: Settings, seed: int = 0) -> Finding:
    """Entries that are another one, up to a factor and an offset: [rows, entries]."""
    name = "twin entries"
    moves: Array = np.flatnonzero(np.ptp(shown, axis=0) > 0)
    if len(moves) < 2 or len(shown) < LEAST_ROWS:
        return Finding(name, "ok", "fewer than two entries that move")
    if len(moves) > settings.most_pairs:
        drawn = np.random.default_rng(seed).choice(moves, settings.most_pairs, replace=False)
        moves = np.sort(drawn)
    part = shown[:, moves]
    part = (part - part.mean(0)) / part.std(0)
    residue = 1.0 - np.square(part.T @ part / len(part))
    first, second = np.nonzero(np.triu(residue < settings.twin_residue, k=1))
    # Only the first partner of each is told: three alike are two twins, not three.
    told = dict(zip(second.tolist(), first.tolist(), strict=True))
    told = {b: min(first[second == b]) for b in told}
    if not told:
        return Finding(name, "ok", f"none among the {len(moves)} that move")
    pairs = [f"{names[moves[b]]} = {names[moves[a]]}" for b, a in told.items()]
    advice = "send one of each; the other says nothing new"
    return Finding(name, "noted", f"up to a factor and an offset: {listed(pairs)}", advice)
