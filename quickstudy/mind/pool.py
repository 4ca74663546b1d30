"""One mind out of several that know one job: all their experience, and what each believes.

    pool(mind, teachers, lived)

`mind` is fresh but for its memory, which holds what all the teachers lived. Its instinct is
fitted to that memory, as it would be in any life: it merges exactly. Its judgement is taught.
Of what one teacher lived another may teach, where that one earns clearly more and is at home:
its values are no more surprised by that experience than by its own. So copies of one job learn
from the best of them, and copies whose worlds differ keep a teacher each. No step is taken in
any environment, and nobody's weights are averaged: two networks that learned apart number
their hidden units differently.

Whose ideas: pooled experience instead of pooled weights (Smith et al. 2022); for the teaching
see `teaching`.

Left out: learning from the pooled rewards on top.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from quickstudy.mind import arbiter, encoder
from quickstudy.mind import mind as minds
from quickstudy.mind.memory import Memory
from quickstudy.mind.mind import Mind
from quickstudy.mind.teaching import FIRM, Settings, amounts_of, lesson, some, teach, values_of

TESTED = 2_000  # rows, at most, on which a teacher shows that it is at home
AT_HOME = 1.5  # times its surprise by its own experience


def pool(
    mind: Mind,
    teachers: Sequence[Mind],
    lived: Sequence[np.ndarray],
    settings: Settings | None = None,
) -> None:
    """Fills a fresh mind from teachers of the same spaces, in place.

    Args:
      mind: as `init` gave it, but for its memory, which holds the union of what was lived.
      teachers: in an order that does not hang on who asks (it decides ties of chance).
      lived: for each teacher the rows of that memory in which it decided, oldest first.

    The same minds and rows give the same mind, bit for bit, on one machine.
    """
    settings = settings or Settings()
    ready = mind.memory.ready[: mind.memory.num_ready]
    known = [np.intersect1d(of, ready) for of in lived]  # what followed is known too
    _count(mind, teachers, np.unique(np.concatenate([*lived, np.zeros(0, np.int64)])))
    minds.look_and_refit(mind)
    mind.arbiter = _arbiter(teachers)
    rng = np.random.default_rng([mind.seed, 5, mind.memory.size])
    pairs = [(t, some(r, settings.rows, rng)) for t, r in zip(teachers, known, strict=True)]
    pairs = [(teacher, rows) for teacher, rows in pairs if len(rows)]
    if pairs and "judgement" in minds.speeds(mind):
        parts = [
            lesson(mind, teacher, mind.memory, rows, FIRM, rng)
            for teacher, (_, rows) in zip(_best(pairs, mind.memory), pairs, strict=True)
        ]
        taught = teach(mind, parts, settings, rng)
        mind.learned = mind.learned._replace(judgement=taught, coming=taught)


# ---- who teaches


def _best(pairs: Sequence[tuple[Mind, np.ndarray]], memory: Memory) -> list[Mind]:
    """For the rows of each, the teacher that is at home there and earns clearly most."""
    chosen = []
    for owner, rows in pairs:
        best, most = owner, _earned(owner)
        for other, own in pairs:
            earned = _earned(other)
            if other is owner or earned[0] - most[0] <= math.hypot(earned[1], most[1]):
                continue
            if surprise(other, memory, rows) <= AT_HOME * surprise(other, memory, own):
                best, most = other, earned
        chosen.append(best)
    return chosen


def _earned(mind: Mind) -> tuple[float, float]:
    """Mean return of its plain episodes of late, and that mean's standard error."""
    of = mind.arbiter
    weight, total, squares = of.mood_weight[0], of.mood_total[0], of.mood_squares[0]
    if weight < 1.0:
        return -math.inf, 0.0
    mean = total / weight
    return mean, math.sqrt(max(squares / weight - mean**2, 0.0) / weight)


def surprise(teacher: Mind, memory: Memory, rows: np.ndarray) -> float:
    """How far a teacher's values are from their own targets on some rows, root mean square.

    One-step temporal-difference errors, in the job's units: small where what followed is what
    the teacher expects, whoever decided.
    """
    frame, leads = teacher.frame, minds.leader(teacher)
    rows = rows[-TESTED:]
    batch = memory.windows(rows, 1, minds.discount(teacher))

    def worth(raw: np.ndarray, mask: np.ndarray, taken: np.ndarray | None) -> np.ndarray:
        seen = encoder.encode(teacher.learned.normaliser, frame, raw)
        images = encoder.images(frame, raw)
        allowed = encoder.expand_mask(frame, mask)
        if taken is None:
            amounts = np.tanh(amounts_of(teacher, leads, seen, images, FIRM)[0])
            amounts[:, frame.spec.amounts :] = 0.0
        else:
            choices, amounts = encoder.split_action(frame, taken)
            allowed = allowed & (np.arange(frame.table[1]) == choices[..., None])
        values = values_of(teacher, leads, seen, images, amounts).mean(1)
        best = np.where(allowed, values, -np.inf).max(-1)
        real = np.isfinite(best)
        return np.where(real, best, 0.0).sum(-1) / np.maximum(real.sum(-1), 1)

    goal = batch.reward + batch.discount * worth(batch.next_raw, batch.next_mask, None)
    error = goal - worth(batch.raw, batch.mask, batch.action)
    return float(np.sqrt(np.mean(error**2)))


# ---- what needs no teaching: counts and evidence add


def _count(mind: Mind, teachers: Sequence[Mind], decided: np.ndarray) -> None:
    """The counts of one who lived it all; `decided`: rows of its memory with a decision."""
    counts = mind.counts
    rewards = mind.memory.reward[decided]
    counts.decisions, counts.rewards = len(decided), float(rewards.sum())
    counts.worst = min(0.0, float(rewards.min(initial=0.0)))
    counts.best = max(0.0, float(rewards.max(initial=0.0)))
    counts.late = max(t.counts.late for t in teachers)
    counts.horizon = max(t.counts.horizon for t in teachers)
    for teacher in teachers:
        minds.add_past(counts, teacher.counts, teacher.counts.past)


def _arbiter(teachers: Sequence[Mind]) -> arbiter.Arbiter:
    """Evidence on returns adds; of errors, which are forgetful means, their mean."""
    all_of = [teacher.arbiter for teacher in teachers]
    pooled = arbiter.Arbiter()
    for name in ("weight", "total", "squares", "mood_weight", "mood_total", "mood_squares"):
        setattr(pooled, name, np.sum([getattr(a, name) for a in all_of], axis=0).tolist())
    known = [a for a in all_of if any(a.error)]
    if known:
        pooled.error = np.mean([a.error for a in known], axis=0).tolist()
        pooled.blur = float(np.mean([a.blur for a in known]))
    for a in all_of:
        pooled.misses = pooled.misses + a.misses
        pooled.recency = pooled.recency + a.recency
    return pooled
