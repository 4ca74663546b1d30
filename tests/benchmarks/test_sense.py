"""Early sense: its figures by hand, on episodes made up for it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from benchmarks import sense
from benchmarks.runs import Plan
from benchmarks.sense import SENSE, Course, Task

TASK = Task("CartPole-v1", 100, 50, 2, 40, limit=20, success=20.0, is_foreseen=True)


def course(steps: int, worth: float, drop: int = 0, is_over: bool = False) -> Course:
    """A reward of 1 a step; worth as said, and 0 for the last `drop` decisions."""
    said = np.full(steps, worth)
    said[steps - drop :] = 0.0
    speeds = np.stack([said, -said], 1)
    return Course(said, np.ones(steps), np.ones(steps), speeds, is_over)


def test_auroc_by_hand() -> None:
    assert sense.auroc([1.0, 2.0], [3.0, 4.0]) == 1.0
    assert sense.auroc([3.0, 1.0], [2.0, 1.0]) == pytest.approx((0 + 0 + 1 + 0.5) / 4)


def test_frozen_coverage_by_hand() -> None:
    # γ = ½ and an end: returns 1.75, 1.5, 1; worth 0 ± 1.645 holds the last two
    found = sense.frozen_coverage([course(3, 0.0, is_over=True)], TASK, 0.5)
    assert found["inside"] == pytest.approx(2 / 3) and found["above"] == pytest.approx(1 / 3)
    # Stopped from here: the last worth lies beyond, 2 is what every decision expects
    found = sense.frozen_coverage([course(30, 2.0)], TASK, 0.5)
    assert found["inside"] == 1.0 and found["decisions"] == 20  # within the time limit


def test_foresight_counts_the_lead_in_seconds_and_what_is_over() -> None:
    good = [course(30, 10.0) for _ in range(5)]
    rows = sense.foresight([*good, course(8, 10.0, drop=3, is_over=True)], TASK, 0.5)
    failed = rows[-1]
    assert [row["success"] for row in rows] == [True] * 5 + [False]
    assert failed["lead"] == 1.5 and failed["steps"] == 8
    assert failed["instinct"] == [0.0]
    assert failed["nominal"] == [10.0, 0.0, None]  # over before half of the nominal episode


def test_what_was_given_up_is_held_against_what_would_have_come() -> None:
    good, bad = course(20, 10.0), course(15, 10.0, drop=10, is_over=True)
    tally = sense.give_up([good] * 20 + [bad, good] * 20, TASK, 0.5, 0.1)
    assert 10 <= tally["stopped"] <= 20 and tally["lost"] == 0
    assert tally["saved"] == pytest.approx(tally["stopped"] * 9)  # 10 left, one of them worked


def test_the_table_and_the_picture_come_from_the_lines_alone(tmp_path: Path) -> None:
    courses = [course(30, 10.0), course(8, 9.0, drop=3, is_over=True)] * 10
    lines = [
        {
            "plan": asdict(Plan("CartPole-v1", SENSE, seed, 1_000, 250, 10, 20)),
            "worked": 750,
            "seconds": 0.02,
            "learning": {"inside": 0.9, "below": 0.08, "above": 0.02},
            "frozen": {"inside": 0.93, "below": 0.07, "above": 0.0},
            "episodes": sense.foresight(courses, TASK, 0.02),
            "given_up": {str(r): sense.give_up(courses, TASK, 0.9, r) for r in sense.RATES},
            "date": "2026-11-22",
        }
        for seed in (0, 1)
    ]
    text = sense.report_text(lines, "python -m benchmarks.sense")
    assert "| CartPole-v1 | 750 / 750 | 50% |" in text and "1.00 [1.00, 1.00] (20/20)" in text
    assert "| CartPole-v1 | 90% | 90% / 90% | 8% / 2% | 93% |" in text
    sense.draw(lines, tmp_path / "sense.png")
    assert (tmp_path / "sense.png").read_bytes()[:4] == b"\x89PNG"
