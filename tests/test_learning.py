"""Learning curves: three seeds each, inside a band that leaves room for luck. Slow.

Not the bars (those are in `benchmarks/`, on other seeds), but far from what chance or a broken
part would give.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import quickstudy as qs

pytestmark = pytest.mark.slow

# job, steps, what at least two of three seeds reach in the best of five checks
BANDS = [
    ("CartPole-v1", 5_000, 400.0),
    ("MountainCar-v0", 4_000, -150.0),
    ("Pendulum-v1", 2_000, -250.0),
    ("anaesthetist", 2_000, 110.0),
]


@pytest.mark.parametrize(("job", "steps", "least"), BANDS)
def test_learning(job: str, steps: int, least: float, tmp_path: Path) -> None:
    if job == "anaesthetist":
        pytest.importorskip("anesthesim")
    best = []
    for seed in (20, 21, 22):
        with qs.hire(tmp_path / str(seed), seed=seed) as learner:
            checks = (m.check for m in learner.work(job, steps, checks=5))
            best.append(max(check for check in checks if check is not None))
    assert sum(score >= least for score in best) >= 2, best
