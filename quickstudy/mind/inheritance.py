"""What the first days of a new job begin with: what other jobs of its family taught.

    receive(mind, inherit(mind, relatives))

A fresh judgement is taught by the minds of other jobs, each on its own rows. What comes of it
is a vector and a note, which the log keeps: so a mind stays a function of what happened on its
own job, wherever that experience is taken. What it inherits counts for as much as WEIGHT
decisions of its own, and is dropped where it does harm (see `mind.mind`).

Left out: instinct, which knows a job within its first episodes, and is the measure of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from quickstudy.mind import encoder, moments
from quickstudy.mind import mind as minds
from quickstudy.mind.arbiter import Arbiter
from quickstudy.mind.judgement import Judgement
from quickstudy.mind.mind import Mind
from quickstudy.mind.moments import Moments
from quickstudy.mind.teaching import LOOSE, Settings, flat, lesson, some, teach

WEIGHT = 1_000  # decisions for which what is inherited counts, beside those of the new job


class Inheritance(NamedTuple):
    """What a new job's mind starts from.

    parameters: [n] critic, and actor where there is one, as one vector. note: what JSON can
    hold: from whom, the normaliser's moments, the counts, and evidence where it is of this job.
    """

    parameters: np.ndarray
    note: dict[str, Any]


def inherit(
    mind: Mind, relatives: Sequence[Mind], settings: Settings | None = None
) -> Inheritance:
    """What minds of other jobs with the same spaces can teach this fresh one.

    It ends up with their values and decisions, in units that are theirs together. `mind` is
    left as it was (see `receive`).
    """
    settings = settings or Settings()
    pupil = minds.init(mind.frame.spec, mind.seed, mind.settings)
    _inherit_counts(pupil, relatives)
    pupil.counts.taught = settings.updates
    seen = moments.init(len(pupil.learned.normaliser.shift))
    for relative in relatives:
        seen = moments.merge(seen, _capped(relative.learned.normaliser.seen))
    pupil.learned = pupil.learned._replace(normaliser=encoder.normaliser_of(_capped(seen)))
    rng = np.random.default_rng([mind.seed, 6])
    parts = []
    for relative in relatives:
        rows = some(relative.memory.ready[: relative.memory.num_ready], settings.rows, rng)
        parts.append(lesson(pupil, relative, relative.memory, rows, LOOSE, rng))
    return packed(pupil, teach(pupil, parts, settings, rng))


def packed(pupil: Mind, taught: Judgement) -> Inheritance:
    """What a pupil was taught, and in what units, as the log keeps it."""
    seen = pupil.learned.normaliser.seen
    return Inheritance(
        flat((taught.critic, taught.actor)),
        {
            "seen": [float(seen.number), seen.mean.tolist(), seen.m2.tolist()],
            "counts": asdict(pupil.counts),
        },
    )


def receive(mind: Mind, inheritance: Inheritance) -> None:
    """A fresh mind takes an inheritance, in place.

    Raises:
      ValueError, KeyError, TypeError: it is not one of a mind of these spaces and settings.
    """
    fresh, note = mind.learned.judgement, inheritance.note
    parts, shaped = ravel_pytree((fresh.critic, fresh.actor))
    if len(parts) != len(inheritance.parameters):
        raise ValueError("the inheritance is of a network of another size")
    critic, actor = jax.tree.map(np.asarray, shaped(jnp.asarray(inheritance.parameters)))
    taught = fresh._replace(critic=critic, target=critic, actor=actor)
    number, mean, m2 = (np.asarray(part) for part in note["seen"])
    normaliser = encoder.normaliser_of(Moments(number, mean, m2))
    if len(mean) != len(mind.learned.normaliser.shift):
        raise ValueError("the inheritance is of other observations")
    mind.counts = minds.Counts(**note["counts"])
    mind.arbiter = Arbiter(**note.get("arbiter", {}))
    mind.learned = mind.learned._replace(normaliser=normaliser, judgement=taught, coming=taught)


def _inherit_counts(mind: Mind, relatives: Sequence[Mind]) -> None:
    """Scale, centre and bounds to start from; what the new job shows soon outweighs them."""
    counts, known = mind.counts, [relative.counts for relative in relatives]
    share = WEIGHT // len(known)
    for old in known:
        counts.inherited += share
        counts.rewards += share * old.rewards / max(old.decisions, 1)
        minds.add_past(counts, old, min(old.past, share))
    counts.decisions = counts.inherited
    counts.worst, counts.best = min(c.worst for c in known), max(c.best for c in known)
    counts.horizon = max(c.horizon for c in known)
    counts.taught_error = max(relative.arbiter.error[1] for relative in relatives) ** 0.5


def _capped(seen: Moments) -> Moments:
    share = min(1.0, WEIGHT / max(float(seen.number), 1.0))
    return Moments(seen.number * share, seen.mean, seen.m2 * share)
