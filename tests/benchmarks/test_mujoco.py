"""Robots on the literature's scale."""

from __future__ import annotations

import pytest
from made_lines import line

from benchmarks import mujoco
from benchmarks.runs import OURS, Plan


def robot(job: str, steps: int, final: float) -> dict:
    return line(Plan(job, OURS, 100, steps, steps // 2, 5, 10), [0.0, final], [final] * 10)


def test_normalised() -> None:
    assert mujoco.normalised("Hopper-v5", 18.791) == 0.0
    assert mujoco.normalised("Hopper-v5", 3_226.0) == 1.0
    half = (10_574.0 - 289.415) / 2
    assert mujoco.normalised("HalfCheetah-v5", half) == pytest.approx(0.5)


def test_ours_stands_beside_the_published_only_after_all_of_it() -> None:
    """Each at TD3's own score, so the mean is 1."""
    lines = [robot(job, 50_000, high) for job, (_, high) in mujoco.REFERENCE.items()]
    assert "| quickstudy | 1.00 [1.00, 1.00] | v5, measured |" in mujoco.report(lines, "c")
    assert "| SimbaV2 | 0.55 | v4, published |" in mujoco.report(lines, "c")
    assert "| quickstudy | — |" in mujoco.report(lines[:4], "c")
    short = [robot(job, 1_000, high) for job, (_, high) in mujoco.REFERENCE.items()]
    assert "| quickstudy | — |" in mujoco.report(short, "c")


def test_plans_are_seed_by_seed() -> None:
    todo = mujoco.plans(["Hopper-v5", "Ant-v5"], [100, 101], is_quick=False)
    assert [plan.seed for plan in todo] == [100, 100, 101, 101]
