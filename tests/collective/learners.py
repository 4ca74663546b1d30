"""Small learners for the tests of merging: quick to hire, to work and to compare."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import gymnasium
import jax
import numpy as np

import quickstudy as qs
from quickstudy.collective.replay import replay
from quickstudy.learner import Learner
from quickstudy.mind import judgement
from quickstudy.mind import mind as minds

SMALL = minds.Settings(judgement=judgement.Settings(hidden=(16, 16), batch=16, fused=8))
BOX, TWO = gymnasium.spaces.Box(-1.0, 1.0, (2,)), gymnasium.spaces.Discrete(2)
CART, DISPATCH = "CartPole-v1", "dispatch"


def hired(path: Path, seed: int = 0) -> Learner:
    return qs.hire(path, seed=seed, settings=SMALL)


def opened(path: Path) -> Learner:
    return qs.open(path, settings=SMALL)


def merged(*paths: Path, into: Path, **more: object) -> Learner:
    return qs.merge(paths, into, settings=SMALL, force=True, **more)


def worked(learner: Learner, steps: int, job: str = CART) -> None:
    for _ in learner.work(job, steps):
        pass


def dispatched(learner: Learner, steps: int, seed: int = 0) -> None:
    """Action 1 pays where the first number is positive, action 0 where it is not."""
    learner.declare(DISPATCH, BOX, TWO)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        shown = rng.uniform(-1, 1, 2)
        decision = learner.decide(shown, job=DISPATCH)
        learner.reward(decision.id, float(decision.action == (shown[0] > 0)))
        learner.finish(decision.id)


def copied(path: Path, to: Path, *but: str) -> Path:
    """A copy of a learner's folder as a killed process leaves it, but for some files."""
    shutil.copytree(path, to, ignore=shutil.ignore_patterns("lock", *but))
    return to


def without_mind(path: Path, to: Path) -> Path:
    """A copy of a learner's folder that has to be rebuilt from experience alone."""
    return copied(path, to, "mind.*")


def assert_same(one: Learner, two: Learner, job: str) -> None:
    """Two minds are the same, bit for bit, with their memories, and decide alike."""
    mind, other = one.mind(job), two.mind(job)
    leaves = jax.tree.leaves(mind.learned), jax.tree.leaves(other.learned)
    for a, b in zip(*leaves, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (mind.seed, mind.counts, mind.arbiter) == (other.seed, other.counts, other.arbiter)
    n = mind.memory.size
    assert n == other.memory.size
    for name in ("raw", "mask", "action", "reward", "after"):
        a, b = getattr(mind.memory, name)[:n], getattr(other.memory, name)[:n]
        np.testing.assert_array_equal(a, b, err_msg=name)
    ready = mind.memory.ready[: mind.memory.num_ready]
    np.testing.assert_array_equal(ready, other.memory.ready[: other.memory.num_ready])
    assert one.steps(job) == two.steps(job) and one.episodes(job) == two.episodes(job)
    for raw in mind.memory.raw[:20]:
        a, b = (x.decide(raw, job, explore=False, record=False) for x in (one, two))
        assert (a.action, a.value) == (b.action, b.value)


def assert_rebuilt(path: Path, to: Path) -> None:
    """A learner's minds are what its experience alone makes of them; `to`: for a copy."""
    with opened(path) as one, opened(without_mind(path, to)) as two:
        for job in one.jobs:
            assert_same(one, two, job)
    found = replay(path, SMALL)
    assert [each.is_equal and each.alike == 1.0 for each in found] == [True] * len(one.jobs)


def assert_kill_changes_nothing(one: Learner, to: Path, job: str) -> None:
    """Who is opened after a kill, with the cache that was saved or none, is the same."""
    one.log.sync()
    for path in (copied(one.path, to / "killed"), without_mind(one.path, to / "bare")):
        with opened(path) as other:
            assert_same(one, other, job)


def assert_merges_into(
    expected: Path, families: Iterable[Sequence[Path]], to: Path, job: str
) -> None:
    """Each family of parents, in whatever order, makes the same learner."""
    with opened(expected) as one:
        for number, parents in enumerate(families):
            with merged(*parents, into=to / f"{number}") as found:
                assert_same(one, found, job)
