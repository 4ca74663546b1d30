"""What can be foretold from what is seen, with and without what went before?

    φ(x) = [x, xxᵀ, √2 cos(Ωx + b)], the features of `quickstudy.clinic.ridge`

Products of entries are there for physics: without them a position's change, sine times speed,
is told better by the change before it, and every swinging arm seems to hide something.

Left out: anything stronger. What these features cannot foretell may still be foretold by a
network; a finding says so.
"""

from __future__ import annotations

import numpy as np

from quickstudy.clinic.finding import Finding
from quickstudy.clinic.record import Record
from quickstudy.clinic.ridge import (
    held_out_errors,
    random_features,
    removed,
    standardised,
)
from quickstudy.clinic.settings import Settings
from quickstudy.jobs.check import leaf_at
from quickstudy.types import Array, End, Spec

LAGS = 2  # steps of history tried
CLIP = 5.0  # standard deviations; the learner looks no further either
MOST_PRODUCTS = 300  # of pairs of entries; wider rows have none
MOST_CODES = 2_048  # options of what is shown, one-hot; beyond, they stay numbers


# ── What a record shows, as rows of numbers ─────────────────────────────────────────────


def actions_as_numbers(spec: Spec, action: Array) -> Array:
    """Choices one-hot, amounts as they are: [N, A] -> [N, options + amounts]."""
    parts = [action[:, len(spec.choices) :]]
    for i, size in enumerate(spec.choices):
        parts.append((action[:, i : i + 1] == np.arange(size)).astype(float))
    return np.concatenate(parts, axis=1)


def situations(record: Record, settings: Settings) -> Array:
    """Observations as rows of few numbers [T + E, D]: what moves, standardised and clipped.

    Options are one-hot. Where it is wide, the principal components that vary most.
    """
    return as_rows(codes(record.spec, record.shown), settings)


def as_rows(x: Array, settings: Settings) -> Array:
    """What moves of some numbers [N, D], standardised, clipped, narrowed where it is wide."""
    x = x[:, np.ptp(x, axis=0) > 0].astype(np.float64)
    x = np.clip(standardised(x), -CLIP, CLIP)
    return x if x.shape[1] <= settings.widest else _narrowed(x, settings.widest)


def codes(spec: Spec, shown: Array) -> Array:
    """Discrete entries one-hot, as far as there is room: an option is no amount."""
    sizes = [n for leaf in spec.observation for n in (leaf.sizes or (0,) * leaf.width)]
    if not any(sizes) or sum(sizes) > MOST_CODES:
        return shown
    parts = [
        shown[:, i : i + 1] == np.arange(size) if size > 2 else shown[:, i : i + 1]
        for i, size in enumerate(sizes)
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _narrowed(x: Array, widest: int, first: int = 512, seed: int = 0) -> Array:
    """The components that vary most; very wide rows are projected at random before."""
    if x.shape[1] > first:
        x = x @ np.random.default_rng(seed).normal(size=(x.shape[1], first)) / np.sqrt(first)
    x = x - x.mean(0)
    _, directions = np.linalg.eigh(x.T @ x)
    return standardised(x @ directions[:, -widest:])


def products(x: Array) -> Array:
    """Each pair of columns multiplied, squares too; none where that would be too many."""
    first, second = np.triu_indices(x.shape[1])
    if len(first) > MOST_PRODUCTS:
        return np.zeros((len(x), 0))
    return standardised(x[:, first] * x[:, second])


def features_of(now: Array, past: Array | None, settings: Settings) -> Array:
    """Rows, their products and their random features; with history more of them."""
    parts = [now, products(now), random_features(now, settings.features, 0)]
    if past is not None:
        both = np.concatenate([now, past], axis=1)
        parts += [past, random_features(both, settings.features, 1)]
    return np.concatenate(parts, axis=1)


def _few(record: Record, rows: int, settings: Settings) -> str:
    """Why nothing can be said from so few; "" where it can."""
    if record.episodes < settings.least_episodes or rows < settings.least_rows:
        return f"only {rows} rows in {record.episodes} episodes"
    return ""


def _not_said(name: str, why: str) -> Finding:
    return Finding(name, "noted", f"not examined: {why}", "examine it with more steps")


# ── Findings ────────────────────────────────────────────────────────────────────────────


def tells_time(record: Record, settings: Settings) -> bool:
    """Whether the step's number can be read off the observation."""
    x = situations(record, settings)[record.before]
    if not x.shape[1] or record.episodes < settings.least_episodes:
        return False
    t = record.step[:, None].astype(float)
    errors = held_out_errors(features_of(x, None, settings), t, record.episode, settings.folds)
    fit = removed(errors[:, 0], np.square(t - t.mean())[:, 0], record.episode, settings)
    return fit.value >= settings.tells_time


def history(record: Record, settings: Settings) -> Finding:
    """Whether steps before the last observation say more about what follows.

    Where they do, the observation is not the whole situation (a partially observable job),
    and frames should be stacked. Compared are held-out errors in the change of each entry
    and in the reward, with and without the last steps.
    """
    name = "history"
    rows = np.flatnonzero(record.step >= LAGS)
    if not len(rows) and record.episodes:
        return Finding(name, "ok", "episodes are too short for one")
    if why := _few(record, len(rows), settings):
        return _not_said(name, why)
    seen = situations(record, settings)
    did = standardised(actions_as_numbers(record.spec, record.action))
    now = np.concatenate([seen[record.before[rows]], did[rows]], axis=1)
    past = [seen[record.before[rows] - lag] for lag in range(1, LAGS + 1)]
    past += [did[rows - lag] for lag in range(1, LAGS + 1)]
    targets, kinds = _what_follows(record, seen, rows)
    if not len(kinds):
        return Finding(name, "ok", "nothing changes that could be foretold")
    episode = record.episode[rows]
    without = held_out_errors(
        features_of(now, None, settings), targets, episode, settings.folds
    )
    joined = features_of(now, np.concatenate(past, axis=1), settings)
    given = held_out_errors(joined, targets, episode, settings.folds)
    return _judged(without, given, targets, kinds, episode, settings)


def _what_follows(record: Record, seen: Array, rows: Array) -> tuple[Array, list[str]]:
    """Changes of the observation and the reward, standardised; and what to call them."""
    change = seen[record.before[rows] + 1] - seen[record.before[rows]]
    columns = np.concatenate([change, record.reward[rows, None]], axis=1)
    kept = np.flatnonzero(np.ptp(record.shown, axis=0) > 0)
    if len(kept) == seen.shape[1]:
        names = [leaf_at(record.spec, int(i)) for i in kept]
    else:
        names = [f"component {i}" for i in range(seen.shape[1])]
    names.append("the reward")
    moves = columns.std(0) > 1e-9
    return standardised(columns[:, moves]), [names[i] for i in np.flatnonzero(moves)]


def _judged(
    without: Array,
    given: Array,
    targets: Array,
    kinds: list[str],
    episode: Array,
    settings: Settings,
) -> Finding:
    """The finding, from held-out errors without and given history."""
    name = "history"
    everything = np.square(targets)
    helped = []
    for k, kind in enumerate(kinds):
        share = removed(given[:, k], without[:, k], episode, settings)
        gain = float((without[:, k].sum() - given[:, k].sum()) / everything[:, k].sum())
        if share.low > settings.history_share and gain > settings.history_gain:
            helped.append((share.value, f"{kind} {share}"))
    left = float(without.sum() / everything.sum())
    overall = removed(given.sum(1), without.sum(1), episode, settings)
    shown = f"without it {left:.0%} of the variance is left; it removes {overall} of that"
    if not helped:
        return Finding(name, "ok", shown)
    best = "; ".join(text for _, text in sorted(helped, reverse=True)[:3])
    advice = (
        "stack the last few observations and actions (gymnasium.wrappers."
        "FrameStackObservation), or show what is hidden (velocities, a clock)"
    )
    return Finding(name, "noted", f"{shown}; most in {best}", advice)


def predictable(record: Record, settings: Settings) -> Finding:
    """Whether reward or return can be foretold from what is seen and done."""
    name, gamma = "predictable", record.discount
    if why := _few(record, len(record.reward), settings):
        return _not_said(name, why)
    seen = situations(record, settings)[record.before]
    did = standardised(actions_as_numbers(record.spec, record.action))
    features = features_of(np.concatenate([seen, did], axis=1), None, settings)
    returns, is_known = discounted_returns(record, gamma)
    fits = {}
    for kind, y, rows in (
        ("reward", record.reward, np.ones(len(is_known), bool)),
        ("return", returns, is_known),
    ):
        if _rarely_differs(y[rows], settings):
            continue
        y, episode = y[rows, None], record.episode[rows]
        errors = held_out_errors(features[rows], y, episode, settings.folds)
        middle = held_out_errors(np.zeros((len(y), 1)), y, episode, settings.folds)
        fits[kind] = removed(errors[:, 0], middle[:, 0], episode, settings)
    if not fits:
        return Finding(name, "ok", "rewards and returns hardly vary under random work")
    shown = ", ".join(f"{kind} R2 {share}" for kind, share in fits.items())
    if any(share.high > settings.predictable for share in fits.values()):
        return Finding(name, "ok", f"on held-out episodes: {shown}")
    advice = (
        "nothing shown tells what will be earned: is what matters missing from the "
        "observation, or the reward pure chance?"
    )
    return Finding(name, "noted", f"on held-out episodes: {shown}", advice)


def _rarely_differs(y: Array, settings: Settings) -> bool:
    """Whether too few rows have another value than the usual one to learn from."""
    if len(y) < settings.least_rows:
        return True
    usual = np.median(y)
    return bool(np.sum(np.abs(y - usual) > 1e-9 * (1 + abs(usual))) < settings.least_events)


def discounted_returns(record: Record, gamma: float) -> tuple[Array, Array]:
    """Discounted sums of the next 2/(1 − γ) rewards [T], and where they are all known.

    The same window everywhere, or else a sum would tell how near the end of the record is.
    Beyond a termination nothing is earned; beyond a truncation or a cut nobody knows.
    """
    window, count = round(2 / (1 - gamma)), len(record.reward)
    sums, left = np.zeros(count + 1), np.zeros(count + 1, int)
    for i in range(count - 1, -1, -1):
        is_last = record.end[i] != End.NOT
        sums[i] = record.reward[i] + (0.0 if is_last else gamma * sums[i + 1])
        left[i] = 1 if is_last else left[i + 1] + 1
    sums, left = sums[:-1], left[:-1]
    goes_on = left > window
    beyond = np.minimum(np.arange(count) + window, count - 1)
    returns = sums - np.where(goes_on, gamma**window * sums[beyond], 0.0)
    is_known = (record.ends == End.TERMINATED)[record.episode] | (left >= window)
    return returns, is_known


def effects(record: Record, settings: Settings) -> Finding:
    """Whether actions tell anything of what follows, for jobs that no replay can repeat."""
    name, rows = "effect of actions", np.arange(len(record.reward))
    if why := _few(record, len(rows), settings):
        return _not_said(name, why)
    seen = situations(record, settings)
    did = standardised(actions_as_numbers(record.spec, record.action))
    targets, kinds = _what_follows(record, seen, rows)
    if not kinds:
        return Finding(name, "ill", "nothing ever changes", "see the constant entries")
    blind, knowing = (features_of(seen[record.before], past, settings) for past in (None, did))
    without = held_out_errors(blind, targets, record.episode, settings.folds)
    given = held_out_errors(knowing, targets, record.episode, settings.folds)
    share = removed(given.sum(1), without.sum(1), record.episode, settings)
    shown = f"not repeatable, so by regression: actions remove {share} of what is left unsaid"
    if share.low > 0:
        return Finding(name, "ok", shown)
    advice = "no effect seen: make the job repeatable under its seed, then look again"
    return Finding(name, "noted", shown, advice)
