"""What a parent would gain and lose by being merged, job by job, before it is done.

A job that can be made is tried: parent, merged learner and random actions in the same held-out
worlds, frozen. For one that was only declared, experience has to do: in a sample of the
parent's own situations, what the parent itself thinks of the merged learner's decisions, of its
own, and of random ones. Knowledge without experience has no such situations; it imagines some.

    retention = (merged − random) / (parent − random)

Where the parent does not earn more than chance there is nothing to keep, and no retention.

Left out: worlds made otherwise (an exam does that); what a parent's judgement of others'
decisions is itself worth.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import numpy as np

from quickstudy import life
from quickstudy.errors import QuickstudyError
from quickstudy.exams import statistics
from quickstudy.exams.statistics import Estimate
from quickstudy.jobs import registry
from quickstudy.jobs.gym import GymJob
from quickstudy.learner import Learner, held_out_seed
from quickstudy.mind import knowledge, policy
from quickstudy.mind import mind as minds
from quickstudy.mind.memory import Memory
from quickstudy.mind.mind import Mind
from quickstudy.types import Array, End, Observation

FIRST_WORLD = 3_000  # of the held-out ones; checks and exams begin elsewhere
STEPS = 4_000  # of the trials of one mind, about, at most
FEWEST, MOST = 5, 20  # worlds
SITUATIONS = 400  # at most, where there is no world
Act = Callable[[Observation], Array]
NONE, ALL = Estimate(0.0, 0.0, 0.0), Estimate(1.0, 1.0, 1.0)
How = Literal["unchanged", "worlds", "experience", "gone"]


@dataclass(frozen=True)
class Prospect:
    """What a parent would gain and lose on one job.

    how: "unchanged" where the merged mind is the parent's own, bit for bit; "worlds" where it
      was tried; "experience" where it was estimated from the parent's own; "gone" where all
      that was known of the job is left out.
    cases: worlds, or episodes. earns, would_earn, random: means a world, or of worth by the
      parent's own judgement; None where nothing was tried.
    difference: would_earn less earns. retention: see the module; None where there is nothing
      to keep. agreement: share of situations in which both decide alike, where estimated.
    """

    parent: str
    job: str
    steps: int
    how: How
    cases: int = 0
    earns: float | None = None
    would_earn: float | None = None
    random: float | None = None
    difference: Estimate = NONE
    retention: Estimate | None = ALL
    agreement: float | None = None


def all_of(
    parents: Sequence[Learner], merged: Learner, tell: Callable[[str], None] | None = None
) -> tuple[Prospect, ...]:
    """Of every parent, on every job on which it has worked."""
    found = []
    for parent in parents:
        for job in parent.jobs:
            if not parent.knows(job):
                continue
            if tell:
                tell(f"Looking what {parent.name} would keep of {job}.")
            found.append(of(parent, merged, job))
    return tuple(found)


def of(parent: Learner, merged: Learner, job: str) -> Prospect:
    """Of one parent on one job."""
    if job not in merged.jobs:
        return Prospect(parent.name, job, parent.steps(job), "gone", retention=None)
    before, after = parent.mind(job), merged.mind(job)
    if is_same(before, after):
        return Prospect(parent.name, job, parent.steps(job), "unchanged")
    with _made(parent, job) as made:
        scores = _tried(before, after, made, job) if made else None
    if scores is not None:
        return _prospect(parent, job, "worlds", scores, [*range(len(scores))], None)
    scores, episodes, agreement = _weighed(before, after)
    return _prospect(parent, job, "experience", scores, episodes, agreement)


def is_same(one: Mind, two: Mind) -> bool:
    """Whether two minds decide alike whatever they are shown: bit for bit."""
    pairs = zip(jax.tree.leaves(one.learned), jax.tree.leaves(two.learned), strict=True)
    return one.counts == two.counts and all(np.array_equal(a, b) for a, b in pairs)


def share(estimate: Estimate | None) -> str:
    """``87 % (95 % interval 80 to 93 %)``."""
    if estimate is None:
        return "nothing"
    value, low, high = (round(100 * part) for part in estimate)
    return f"{value} % (95 % interval {low} to {high} %)"


def _prospect(
    parent: Learner,
    job: str,
    how: How,
    scores: Array,
    cases: Sequence[int],
    agreement: float | None,
) -> Prospect:
    """From scores [n, 3] of parent, merged and random; resampled by case [n]."""
    case = np.unique(np.asarray(cases), return_inverse=True)[1]
    number = np.bincount(case).astype(float)
    sums = np.stack([np.bincount(case, column) for column in scores.T], axis=-1)

    def means(drawn: Array) -> Array:
        at = np.asarray(drawn).astype(int)
        return sums[at].sum(-2) / number[at].sum(-1)[..., None]

    def estimate(statistic: Callable[[Array], Array]) -> Estimate:
        of_cases = np.arange(len(number))
        return statistics.estimate([of_cases], lambda drawn: statistic(means(drawn)))

    above = estimate(lambda m: m[..., 0] - m[..., 2])
    kept = None
    if above.low > 0:
        kept = estimate(lambda m: (m[..., 1] - m[..., 2]) / (m[..., 0] - m[..., 2]))
    earns, would_earn, at_random = scores.mean(0).tolist()
    return Prospect(
        parent=parent.name,
        job=job,
        steps=parent.steps(job),
        how=how,
        cases=len(number),
        earns=earns,
        would_earn=would_earn,
        random=at_random,
        difference=estimate(lambda m: m[..., 1] - m[..., 0]),
        retention=kept,
        agreement=agreement,
    )


# ---- in worlds


@contextlib.contextmanager
def _made(parent: Learner, job: str) -> Iterator[GymJob | None]:
    """The job's environment; None where there is none, or another than the parent knows."""
    try:
        made = registry.make(job)
    except QuickstudyError:
        yield None
        return
    with contextlib.closing(made):
        yield made if made.spec == parent.spec(job) else None


def _tried(before: Mind, after: Mind, made: GymJob, job: str) -> Array:
    """Returns [worlds, 3] of both minds and of random actions."""
    length = made.spec.max_steps or max(before.counts.horizon, 1)
    worlds = int(np.clip(STEPS // length, FEWEST, MOST))
    seeds = [held_out_seed(job, FIRST_WORLD + world) for world in range(worlds)]

    def frozen(mind: Mind) -> Act:
        return lambda shown: minds.act(mind, shown).flat

    def chance(seed: int) -> Act:
        rng = np.random.default_rng([seed, 1])
        return lambda shown: policy.random_action(rng, before.frame, shown.mask)

    return np.array(
        [
            [_return(made, seed, act) for act in (frozen(before), frozen(after), chance(seed))]
            for seed in seeds
        ]
    )


def _return(job: GymJob, seed: int, act: Act) -> float:
    """Of one episode of which nothing is kept."""
    shown, total = job.reset(seed), 0.0
    for _ in range(job.spec.max_steps or life.LONGEST_TRIAL):
        step = job.step(act(shown))
        shown, total = step.observation, total + step.reward
        if step.end is not End.NOT:
            break
    return total


# ---- by experience


def _weighed(before: Mind, after: Mind) -> tuple[Array, list[int], float]:
    """Worth [n, 3] to the parent of its own, the merged and random decisions in a sample of its
    situations; the episode of each; the share of them in which both decide alike."""
    memory, rng = knowledge.remembered(before, SITUATIONS), np.random.default_rng(0)
    ready = np.sort(memory.ready[: memory.num_ready])
    at = ready[np.unique(np.linspace(0, len(ready) - 1, SITUATIONS).round().astype(int))]
    episodes = _episodes(memory)
    scores, alike = [], 0
    for row in at:
        mask = memory.mask[row] if before.frame.spec.options else None
        shown = Observation(memory.raw[row], mask)
        own, other = minds.act(before, shown).flat, minds.act(after, shown).flat
        chance = policy.random_action(rng, before.frame, mask)
        alike += bool(np.array_equal(own, other))
        scores.append([minds.weigh(before, shown, flat).worth for flat in (own, other, chance)])
    return np.array(scores), episodes[at].tolist(), alike / len(at)


def _episodes(memory: Memory) -> Array:
    """A number for each row [size] of memory: rows of one episode share it."""
    after = memory.after[: memory.size]
    number = np.arange(len(after))
    for row in np.flatnonzero(after >= 0):
        number[after[row]] = number[row]
    return number
