"""Teaching a judgement by examples: what another mind says of situations, learned by heart.

    taught = teach(pupil, [lesson(pupil, teacher, memory, rows, FIRM, rng), …], settings, rng)

A lesson holds what each option is worth to the teacher's leader, and what that teacher would
do. Values alone would not do: gaps between options are small beside what follows, and a pupil
that is a little wrong everywhere decides otherwise everywhere.

Whose ideas: distillation of several policies into one (Rusu et al. 2016), of the decisions
beside the values so that small gaps survive (Wolczyk et al. 2022, ClonEx).

Left out: learning from rewards while being taught.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from quickstudy.mind import arbiter, encoder, instinct, judgement, maths
from quickstudy.mind import mind as minds
from quickstudy.mind.judgement import Judgement
from quickstudy.mind.memory import Memory
from quickstudy.mind.mind import Mind

Array = Any
FUSED = 50  # updates in one compiled call
# How far amounts are taught beyond where squashing flattens: an actor that is sure of itself
# does not unlearn, and another job may want otherwise.
FIRM, LOOSE = 3.0, 1.5


@dataclass(frozen=True)
class Settings:
    """One setting for every job."""

    rows: int = 20_000  # of each teacher's, at most
    updates: int = 4_000
    batch: int = 128  # rows
    learning_rate: float = 1e-3  # at first; it falls to zero along a cosine
    weight_decay: float = 1e-2
    sharpness: float = 4.0  # of decisions: typical gaps between options become so many nats
    decisions: float = 1.0  # what these count against values
    study: int = 500  # updates of its own, on what was pooled, once it is taught


class Lesson(NamedTuple):
    """Situations and what their teachers say of them, as the pupil reads them; n rows.

    x [n, P], images, mask [n, F, N] as in `judgement.Study`. amounts [n, C]: asked about.
    values [n, M, F, N]: of each option there, in the pupil's units.
    mean, log_std [n, C]: of the teacher's amounts before squashing.
    gap: [n] the teacher's typical difference between options, likewise in the pupil's units.
    """

    x: Array
    images: tuple[Array, ...]
    mask: Array
    amounts: Array
    values: Array
    mean: Array
    log_std: Array
    gap: Array


def some(rows: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """At most so many of a teacher's rows, the latest half of them and a draw of the rest."""
    if len(rows) <= most:
        return rows
    latest = most // 2
    return np.concatenate([rng.choice(rows[:-latest], most - latest, False), rows[-latest:]])


def lesson(
    mind: Mind,
    teacher: Mind,
    memory: Memory,
    rows: np.ndarray,
    firm: float,
    rng: np.random.Generator,
) -> Lesson:
    """What a teacher says of the situations in some rows of a memory, as the pupil reads it."""
    frame = mind.frame
    raw, masks = memory.raw[rows], memory.mask[rows]
    mask = encoder.expand_mask(frame, masks)
    images = encoder.images(frame, raw)
    leads = minds.unaided(teacher)
    seen = encoder.encode(teacher.learned.normaliser, frame, raw)
    _, taken = encoder.split_action(frame, memory.action[rows])
    mean, log_std = _amounts(teacher, leads, seen, images, firm)
    amounts = _asked(taken, mean, log_std, frame.spec.amounts, rng)
    values = _values(teacher, leads, seen, images, amounts)
    shift, scale = minds.centre(mind), minds.return_scale(mind)
    values = ((values - shift) / scale).astype(np.float32)
    return Lesson(
        x=encoder.encode(mind.learned.normaliser, frame, raw),
        images=images,
        mask=mask,
        amounts=amounts,
        values=values,
        mean=mean,
        log_std=log_std,
        gap=np.full(len(rows), _gap(values, mask), np.float32),
    )


def _amounts(
    teacher: Mind, leads: str, seen: np.ndarray, images: tuple[np.ndarray, ...], firm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean, within ±`firm`, and log-std [n, C] of the amounts that its leader would take."""
    frame, own = teacher.frame, teacher.learned
    if own.judgement.actor is None:
        nothing = np.zeros((len(seen), 0), np.float32)
        return nothing, nothing
    mean, log_std = (
        np.concatenate(part)
        for part in zip(
            *(
                judgement.gaussian(own.judgement.actor, x, pictures, np)
                for x, pictures in _lots(seen, images)
            ),
            strict=True,
        )
    )
    if leads == "instinct":
        best = (instinct.cosines(own.instinct, seen) @ own.instinct.weights.T).argmax(-1)
        tried = instinct.prototypes(teacher.settings.instinct)[best]
        mean[:, : frame.spec.amounts] = np.arctanh(np.clip(tried, -0.95, 0.95))[:, None]
    return np.clip(mean, -firm, firm), log_std


def _asked(
    taken: np.ndarray, mean: np.ndarray, log_std: np.ndarray, real: int, rng: Any
) -> np.ndarray:
    """The amounts [n, C] asked about: what was taken, what the teacher would, or any."""
    would = np.tanh(mean + np.exp(log_std) * rng.standard_normal(mean.shape, np.float32))
    anything = rng.uniform(-1, 1, mean.shape).astype(np.float32)
    which = rng.integers(3, size=(len(mean), 1))
    amounts = np.where(which == 0, taken, np.where(which == 1, would, anything))
    amounts[:, real:] = 0.0
    return amounts.astype(np.float32)


def _values(
    teacher: Mind,
    leads: str,
    seen: np.ndarray,
    images: tuple[np.ndarray, ...],
    amounts: np.ndarray,
) -> np.ndarray:
    """The leader's values [n, M, F, N] at those amounts, in the job's units."""
    if leads == "instinct":
        return _felt(teacher, seen, amounts)
    judged = _judged(teacher, seen, images, amounts)
    if leads == "judgement":
        return judged
    fast, slow = arbiter.shares(teacher.arbiter)
    return fast * _felt(teacher, seen, amounts) + slow * judged


def _judged(
    teacher: Mind, seen: np.ndarray, images: tuple[np.ndarray, ...], amounts: np.ndarray
) -> np.ndarray:
    frame, slow = teacher.frame, teacher.learned.judgement.target
    at, parts = 0, []
    for x, pictures in _lots(seen, images):
        asked = amounts[at : at + len(x)]
        parts.append(judgement.table(slow, x, pictures, asked, frame.table, np))
        at += len(x)
    values = np.concatenate(parts, axis=1).swapaxes(0, 1)
    return values * minds.return_scale(teacher) + minds.centre(teacher)


def _felt(teacher: Mind, seen: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    frame, own, s = teacher.frame, teacher.learned.instinct, teacher.settings
    shape = (len(seen), s.judgement.members, *frame.table)
    felt = instinct.cosines(own, seen) @ own.weights.T + own.offset
    if frame.spec.amounts:
        nearest = instinct.options(frame, s.instinct, amounts)[..., 0]
        one = np.take_along_axis(felt, nearest[:, None], axis=-1)
        return np.broadcast_to(one[:, None, :, None], shape)
    table = np.zeros((len(seen), frame.valid.size), np.float32)
    table[:, frame.options_at] = felt
    return np.broadcast_to(table.reshape(len(seen), 1, *frame.table), shape)


def _lots(
    seen: np.ndarray, images: tuple[np.ndarray, ...], lot: int = 2048
) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, ...]]]:
    """Situations in lots that fit a cache."""
    for at in range(0, len(seen), lot):
        yield seen[at : at + lot], tuple(i[at : at + lot] for i in images)


def _gap(values: np.ndarray, mask: np.ndarray) -> float:
    """The typical spread of a situation's options: root mean square around their mean."""
    mean = values.mean(1)
    number = np.maximum(mask.sum(-1, keepdims=True), 1)
    middle = np.where(mask, mean, 0.0).sum(-1, keepdims=True) / number
    square = np.where(mask, (mean - middle) ** 2, 0.0).sum(-1) / number[..., 0]
    return max(float(np.sqrt(square.mean())), 1e-6)


def teach(
    mind: Mind, parts: list[Lesson], settings: Settings, rng: np.random.Generator
) -> Judgement:
    """A fresh judgement that was taught: who lived much has a large share of each batch."""
    lesson = Lesson(*(_joined(column) for column in zip(*parts, strict=True)))
    fresh = mind.learned.judgement
    parameters = (fresh.critic, fresh.actor)
    make = _optimiser(settings)
    state = make.init(parameters)
    real = (np.arange(mind.frame.amounts) < mind.frame.spec.amounts).astype(np.float32)
    for _ in range(settings.updates // FUSED):
        rows = rng.integers(len(lesson.x), size=(FUSED, settings.batch))
        batch = jax.tree.map(lambda column, rows=rows: column[rows], lesson)
        parameters, state = _study(parameters, state, batch, real, settings, mind.frame.table)
    critic, actor = jax.tree.map(np.asarray, parameters)
    return fresh._replace(critic=critic, target=critic, actor=actor)


def _joined(column: tuple[Any, ...]) -> Any:
    if isinstance(column[0], tuple):
        return tuple(np.concatenate(images) for images in zip(*column, strict=True))
    return np.concatenate(column)


@functools.cache
def _optimiser(settings: Settings) -> optax.GradientTransformation:
    rate = optax.cosine_decay_schedule(settings.learning_rate, settings.updates)
    return optax.chain(
        optax.clip_by_global_norm(10.0),
        optax.adamw(rate, weight_decay=settings.weight_decay),
    )


def flat(tree: Any) -> np.ndarray:
    """All arrays of a tree as one vector [n], in their order."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


@functools.partial(jax.jit, static_argnames=("settings", "frame_table"))
def _study(
    parameters: Any,
    state: Any,
    batches: Lesson,
    real: Array,
    settings: Settings,
    frame_table: tuple[int, int],
) -> tuple[Any, Any]:
    """K fused updates on batches [K, B, …]."""
    make = _optimiser(settings)

    def one(carried: tuple[Any, Any], batch: Lesson) -> tuple[tuple[Any, Any], None]:
        parameters, state = carried
        slope = jax.grad(loss)(parameters, batch, real, settings, frame_table)
        change, state = make.update(slope, state, parameters)
        return (optax.apply_updates(parameters, change), state), None

    return jax.lax.scan(one, (parameters, state), batches)[0]


def loss(
    parameters: Any,
    batch: Lesson,
    real: Array,
    settings: Settings,
    frame_table: tuple[int, int],
) -> Array:
    """How far the pupil is from its teachers, on one batch.

    Values: Huber's loss over members and allowed options. Decisions: cross-entropy of the
    pupil's choice, at a sharpness where the teacher's typical gap counts, against the
    teacher's. Amounts: squared error of the actor's mean before it is squashed, and of its
    log-std.
    """
    critic, actor = parameters
    values = judgement.table(critic, batch.x, batch.images, batch.amounts, frame_table)
    goal, mask = jnp.moveaxis(batch.values, 1, 0), batch.mask
    error = jnp.where(mask, maths.huber(values - goal), 0.0)
    total = error.sum((0, 2, 3)).mean() / values.shape[0]
    if frame_table[1] > 1:
        sharp = (settings.sharpness / batch.gap)[:, None, None]
        ours = jax.nn.log_softmax(jnp.where(mask, values.mean(0) * sharp, -1e9))
        theirs = jax.nn.softmax(jnp.where(mask, goal.mean(0) * sharp, -1e9))
        crossed = -jnp.where(mask, theirs * ours, 0.0).sum((1, 2)).mean()
        total = total + settings.decisions * crossed
    if actor is not None:
        mean, log_std = judgement.gaussian(actor, batch.x, batch.images)
        apart = (mean - batch.mean) ** 2 + (log_std - batch.log_std) ** 2
        total = total + (apart * real[None]).sum(-1).mean()
    return total
