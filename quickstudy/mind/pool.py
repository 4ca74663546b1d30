"""One mind out of several that know one job: all their experience, and what each believes.

    pool(mind, teachers, lived)

`mind` is fresh but for its memory, which holds what all the teachers lived. Its instinct is
fitted to that memory, as it would be in any life: it merges exactly. Its judgement is taught,
of every row by the teacher who lived it, and then studies the pooled experience as in any life:
teachers whose skill differs are weighed by what came of it. No step is taken in any
environment, and nobody's weights are averaged: two networks that learned apart number their
hidden units differently.

Where experience may not leave its site (see `knowledge`), who heard of it teaches in situations
that it imagines.

Whose ideas: pooled experience instead of pooled weights (Smith et al. 2022); for the teaching
see `teaching`.

Left out: a choice among teachers. Which of them is at home in another's experience could not be
told from how far it surprises them (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quickstudy.mind import arbiter, encoder, moments
from quickstudy.mind import mind as minds
from quickstudy.mind.knowledge import heard_share, lesson_in_imagined
from quickstudy.mind.mind import Mind
from quickstudy.mind.moments import Moments
from quickstudy.mind.teaching import FIRM, Settings, lesson, some, teach


def pool(
    mind: Mind,
    teachers: Sequence[Mind],
    lived: Sequence[np.ndarray],
    settings: Settings | None = None,
    heard: Sequence[bool] = (),
) -> None:
    """Fills a fresh mind from teachers of the same spaces, in place.

    Args:
      mind: as `init` gave it, but for its memory, which holds the union of what was lived.
      teachers: in an order that does not hang on who asks (it decides ties of chance).
      lived: for each teacher the rows of that memory in which it decided, oldest first.
      heard: for each, whether it knows something of the job that nobody here lived; by default
        none does.

    The same minds and rows give the same mind, bit for bit, on one machine.
    """
    settings = settings or Settings()
    ready = mind.memory.ready[: mind.memory.num_ready]
    known = [np.intersect1d(of, ready) for of in lived]  # what followed is known too
    told = [t for t, has in zip(teachers, heard, strict=False) if has and t.counts.inherited]
    _count(mind, teachers, np.unique(np.concatenate([*lived, np.zeros(0, np.int64)])))
    if told:
        _hear(mind, told)
    if mind.memory.size or not told:
        minds.look_and_refit(mind)
    mind.arbiter = _arbiter(teachers)
    rng = np.random.default_rng([mind.seed, 5, mind.memory.size])
    pairs = [(t, some(r, settings.rows, rng)) for t, r in zip(teachers, known, strict=True)]
    pairs = [(teacher, rows) for teacher, rows in pairs if len(rows)]
    if (pairs or told) and "judgement" in minds.speeds(mind):
        parts = [lesson(mind, teacher, mind.memory, rows, FIRM, rng) for teacher, rows in pairs]
        parts += [lesson_in_imagined(mind, teacher, settings, rng) for teacher in told]
        taught = teach(mind, parts, settings, rng)
        mind.learned = mind.learned._replace(judgement=taught, coming=taught)
        mind.counts.taught = settings.updates
        if pairs:
            mind.counts.owed = float(settings.study)
            minds.study(mind)


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


def _hear(mind: Mind, told: Sequence[Mind]) -> None:
    """Adds what stands for experience that is elsewhere: counts, and what was seen there."""
    counts, seen = mind.counts, mind.learned.normaliser.seen
    for teacher in told:
        known, share = teacher.counts, heard_share(teacher)
        counts.inherited += known.inherited
        counts.decisions += known.inherited
        counts.rewards += share * known.rewards
        counts.worst = min(counts.worst, known.worst)
        counts.best = max(counts.best, known.best)
        number, mean, m2 = teacher.learned.normaliser.seen
        seen = moments.merge(seen, Moments(share * number, mean, share * m2))
    mind.learned = mind.learned._replace(normaliser=encoder.normaliser_of(seen))


def _arbiter(teachers: Sequence[Mind]) -> arbiter.Arbiter:
    """Evidence on returns adds; of errors, which are forgetful means, their mean."""
    all_of = [teacher.arbiter for teacher in teachers]
    pooled = arbiter.Arbiter()
    for name in (
        "weight",
        "total",
        "squares",
        "mood_weight",
        "mood_total",
        "mood_squares",
        "ahead_weight",
        "ahead_total",
        "ahead_squares",
        "foretold",
    ):
        setattr(pooled, name, np.sum([getattr(a, name) for a in all_of], axis=0).tolist())
    known = [a for a in all_of if any(a.error)]
    if known:
        pooled.error = np.mean([a.error for a in known], axis=0).tolist()
        pooled.blur = float(np.mean([a.blur for a in known]))
    for a in all_of:
        pooled.misses = pooled.misses + a.misses
        pooled.recency = pooled.recency + a.recency
    return pooled
