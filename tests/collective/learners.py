"""Small learners for the tests of merging: quick to hire, to work and to compare."""

from __future__ import annotations

import shutil
from pathlib import Path

import gymnasium
import jax
import numpy as np

import quickstudy as qs
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


def without_mind(path: Path, to: Path) -> Path:
    """A copy of a learner's folder that has to be rebuilt from experience alone."""
    shutil.copytree(path, to, ignore=shutil.ignore_patterns("lock", "mind.*"))
    return to


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
