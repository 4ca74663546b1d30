"""Results of runs that never took place."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from benchmarks.runs import Plan


def line(plan: Plan, scores: list[float], exam: list[float], **more: Any) -> dict[str, Any]:
    """A run's line as `runs.run` gives it: an evaluation every `plan.every` steps."""
    curve = [
        {"step": plan.every * (i + 1), "mean": score, "cpu": 2.0 * (i + 1), "wall": 3.0 * i}
        for i, score in enumerate(scores)
    ]
    return {
        "plan": asdict(plan),
        "curve": curve,
        "exam": exam,
        "early": [float(i) for i in range(10)],
        "first_decision_seconds": 1.25,
        "cpu": 30.0,
        "wall": 15.0,
        "peak_mb": 500,
        "versions": {"numpy": "2.4.6"},
        "load": 0.5,
        "date": "2026-11-21",
        **more,
    }
