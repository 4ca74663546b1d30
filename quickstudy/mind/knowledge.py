"""What a mind knows of a job, in a form that may leave where its experience may not.

    taught = distil(mind)                  # at the giver's: an Inheritance
    receive(fresh, taught)                 # at the receiver's, see `inheritance`

A fresh judgement is taught by the mind's leader in situations that never were: numbers drawn
one by one from a bell curve with the mean and deviation that were seen, within the job's
bounds; everything else by chance. What travels is that judgement, a small mind without memory.
It says no more than a table of those situations with the leader's values would, for it was made
from that table alone; it takes less room, can act at once, and can be asked about other
situations, which is what it takes to pool it: it teaches in situations drawn anew.

What leaves: the mean and deviation of each number that was shown; how many decisions there
were, the sum of their rewards, the least and the most of them, the length of the longest
episode, the moments of discounted returns, forgetful sums of episodes' returns and errors; and
what the leader would do and expect anywhere. What does not: any observation, mask, action or
reward as it was, but for the least and most reward; which numbers went together; the network
that studied experience itself. That is no proof of privacy: who may ask a mind anything learns
something of what it lived.

Whose ideas: distillation (Hinton et al. 2015), of data that are made up from statistics of what
the teacher saw (Lopes et al. 2017).

Left out: pictures, of which bell curves would show noise; instinct, which is fitted anew where
there is experience; noise that would make privacy a theorem (Dwork et al. 2006).
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from quickstudy.mind import arbiter, inheritance, memory, moments
from quickstudy.mind import mind as minds
from quickstudy.mind.encoder import Frame
from quickstudy.mind.inheritance import Inheritance
from quickstudy.mind.memory import TERMINAL, Memory
from quickstudy.mind.mind import Counts, Mind
from quickstudy.mind.moments import Moments
from quickstudy.mind.teaching import FIRM, Lesson, Settings, lesson, teach

WIDER, WIDE = 0.5, 2.0  # share of situations that are drawn so many times as far out
MASKED = 0.25  # share of situations in which only some options are allowed
UNKNOWING = 100.0  # times the squared error of judgement, or of returns: who knows nothing errs


def distil(teacher: Mind, settings: Settings | None = None) -> Inheritance:
    """What a mind knows of its job, without its experience; the same mind gives the same.

    Raises:
      ValueError: the job shows pictures.
    """
    if teacher.frame.images:
        raise ValueError("situations with pictures cannot be imagined")
    settings = settings or Settings()
    pupil = minds.init(teacher.frame.spec, 0, teacher.settings)
    pupil.counts = _counts(teacher.counts)
    pupil.counts.taught = settings.updates
    pupil.learned = pupil.learned._replace(normaliser=teacher.learned.normaliser)
    rng = np.random.default_rng(7)
    part = lesson_in_imagined(pupil, teacher, settings, rng)
    kept = inheritance.packed(pupil, teach(pupil, [part], settings, rng))
    return Inheritance(kept.parameters, kept.note | {"arbiter": asdict(_evidence(teacher))})


def lesson_in_imagined(
    mind: Mind, teacher: Mind, settings: Settings, rng: np.random.Generator
) -> Lesson:
    """What a teacher says of situations like those that it knows of."""
    drawn = imagined(teacher, settings.rows, rng)
    return lesson(mind, teacher, drawn, np.arange(drawn.size), FIRM, rng)


def imagined(mind: Mind, number: int, rng: np.random.Generator) -> Memory:
    """So many situations that might have been, each with a decision taken by chance."""
    frame, spec = mind.frame, mind.frame.spec
    raw = np.zeros((number, spec.raw_size), np.float32)
    raw[:, frame.numbers_at] = _numbers(frame, mind.learned.normaliser.seen, number, rng)
    sizes = [n for leaf in frame.leaves("discrete") for n in leaf.sizes]
    raw[:, frame.discrete_at] = rng.integers(sizes or 1, size=(number, len(sizes)))
    choices = rng.integers(spec.choices or 1, size=(number, len(spec.choices)))
    amounts = rng.uniform(-1, 1, (number, spec.amounts))
    action = np.concatenate([choices, amounts], -1).astype(np.float32)
    drawn = memory.init(spec.raw_size, spec.options, action.shape[1], capacity=max(number, 1))
    drawn.extend(raw, _masks(frame, choices, rng), action)
    return drawn


def remembered(mind: Mind, number: int) -> Memory:
    """A mind's memory; where it has none, so many situations that it might have had."""
    if mind.memory.num_ready:
        return mind.memory
    drawn = imagined(mind, number, np.random.default_rng(0))
    drawn.link_all(np.arange(number), np.full(number, TERMINAL))
    return drawn


def _numbers(frame: Frame, seen: Moments, number: int, rng: np.random.Generator) -> np.ndarray:
    """[number, numbers] within the job's bounds."""
    width = np.where(rng.random((number, 1)) < WIDER, WIDE, 1.0)
    drawn = seen.mean + width * moments.std(seen) * rng.standard_normal(
        (number, len(seen.mean))
    )
    low, high = (_bound(frame, side) for side in ("low", "high"))
    return np.clip(drawn, low, high)


def _bound(frame: Frame, side: str) -> np.ndarray:
    bounds = [np.broadcast_to(getattr(leaf, side), leaf.width) for leaf in frame.leaves("box")]
    return np.concatenate([*bounds, np.zeros(0)])


def _masks(frame: Frame, choices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """bool [n, options]; the option taken is always allowed."""
    shape = len(choices), frame.spec.options
    allowed = (rng.random(shape) < 0.5) | (rng.random((len(choices), 1)) >= MASKED)
    if shape[1]:
        np.put_along_axis(allowed, frame.starts + choices, True, axis=1)
    return allowed


def _counts(known: Counts) -> Counts:
    """Of a mind that only heard of it: all its decisions are inherited, none is its own."""
    return replace(
        known, inherited=known.decisions, late=min(known.late, 1), owed=0.0, fitted=0
    )


def _evidence(teacher: Mind) -> arbiter.Arbiter:
    """What the leader has earned is judgement's now; instinct there is none.

    Of the latest misses, which are almost as many as decisions, only what they come to.
    """
    old = teacher.arbiter
    at = arbiter.SPEEDS.index(minds.speed(teacher))
    counts, error = teacher.counts, old.error[at]
    square = counts.past_mean**2 + counts.past_m2 / max(counts.past, 1)
    return replace(
        old,
        weight=[0.0, old.weight[at]],
        total=[0.0, old.total[at]],
        squares=[0.0, old.squares[at]],
        ahead_weight=[0.0, 0.0],
        ahead_total=[0.0, 0.0],
        ahead_squares=[0.0, 0.0],
        foretold=[0.0] * 6,
        error=[UNKNOWING * max(error, square), error],
        misses=[old.blur],
        recency=[1.0],
    )


def heard_share(mind: Mind) -> float:
    """Of the decisions that a mind knows of, the share that it was told about only."""
    return mind.counts.inherited / max(mind.counts.decisions, 1)
