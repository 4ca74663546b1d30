"""Is a learner its experience? Its minds, made from the log alone, beside those that it has.

    for found in replay("ada"): print(found)

Left out: what differs, where something does (`quickstudy log verify` says whether the log is
sound; the doctor examines the learner).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from quickstudy import settled, words
from quickstudy.collective import prospect
from quickstudy.errors import QuickstudyError
from quickstudy.experience import folder as folders
from quickstudy.experience import union
from quickstudy.learner import Learner, open_learner
from quickstudy.lineage import derive
from quickstudy.mind import knowledge
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Mind
from quickstudy.types import Array, Observation

PROBES = 1_000  # of its own situations, at most
ALIKE = 0.99


@dataclass(frozen=True)
class Replayed:
    """A mind on one job, held against the same one rebuilt.

    steps: of experience. probes: situations in which both decided. alike: share of them in
    which they decided the same. furthest: the largest difference between any two numbers of
    them. is_equal: bit for bit.
    """

    job: str
    steps: int
    probes: int
    alike: float
    furthest: float
    is_equal: bool

    @property
    def is_alike(self) -> bool:
        return self.alike >= ALIKE

    def __str__(self) -> str:
        how = (
            "bit for bit the same"
            if self.is_equal
            else f"numbers up to {self.furthest:.2g} off"
        )
        return (
            f"{self.job}: rebuilt from {self.steps:,} steps; {self.alike:.1%} of decisions "
            f"alike in {self.probes:,} of its own situations; {how}"
        )


def replay(
    learner: str | Path,
    settings: minds.Settings | None = None,
    tell: Callable[[str], None] | None = None,
    is_settled: bool = False,
) -> tuple[Replayed, ...]:
    """Rebuilds each of a learner's minds from its log, and compares; nothing is changed.

    It may be at work meanwhile.

    Args:
      is_settled: from experience as if all outcomes had come at once (see `settled`): how much
        did it matter that they came late?

    Raises:
      QuickstudyError: it has not worked yet. As `open_learner`.
    """
    with open_learner(folders.resolve(learner), settings, readonly=True) as opened:
        jobs = [job for job in opened.jobs if opened.knows(job)]
        if not jobs:
            raise QuickstudyError(
                f"{opened.name} has not worked on any job yet: nothing to rebuild."
            )
        events = union.read(opened.log, opened.position)
        seeds = {opened.uid: opened.seed}
        for mark in filter(None, map(union.mark_of, events)):
            seeds |= mark.seeds
        found = []
        for job in jobs:
            if tell:
                tell(f"Rebuilding the mind for {job} from {opened.steps(job):,} steps.")
            progress = words.telling() if tell else None
            if is_settled:
                place = settled.rebuilt(opened, job, settings, opened.position)
            else:
                place = derive(
                    job,
                    opened.spec(job),
                    events,
                    seeds,
                    opened.log,
                    settings,
                    progress=progress,
                )
            found.append(compare(opened, job, place.mind))
        return tuple(found)


def compare(learner: Learner, job: str, rebuilt: Mind) -> Replayed:
    """A learner's mind on a job beside one rebuilt."""
    mind = learner.mind(job)
    shown = _probes(mind)
    alike = [
        np.array_equal(minds.act(mind, one).flat, minds.act(rebuilt, one).flat) for one in shown
    ]
    return Replayed(
        job=job,
        steps=learner.steps(job),
        probes=len(shown),
        alike=float(np.mean(alike)),
        furthest=_furthest(mind, rebuilt),
        is_equal=prospect.is_same(mind, rebuilt) and mind.arbiter == rebuilt.arbiter,
    )


def _probes(mind: Mind) -> list[Observation]:
    """Its own situations, evenly over its life."""
    memory = knowledge.remembered(mind, PROBES)
    at = np.unique(np.linspace(0, memory.size - 1, PROBES).round().astype(int))
    has_masks = bool(mind.frame.spec.options)
    return [Observation(memory.raw[row], memory.mask[row] if has_masks else None) for row in at]


def _furthest(one: Mind, two: Mind) -> float:
    pairs = zip(jax.tree.leaves(one.learned), jax.tree.leaves(two.learned), strict=True)
    return max(_apart(np.asarray(a), np.asarray(b)) for a, b in pairs)


def _apart(a: Array, b: Array) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).max(initial=0.0))
