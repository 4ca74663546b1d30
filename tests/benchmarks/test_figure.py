"""The README's summary figure: what is drawn, and that it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from made_lines import line

from benchmarks import figure, quick
from benchmarks.runs import OURS, Plan

TASK = next(task for task in quick.TASKS if task.job == "CartPole-v1")
PLAN = Plan("CartPole-v1", OURS, 100, 1_500, 500, 10, 50)


def lines_of(name: str, *runs_of: list[float]) -> list[dict]:
    return [
        line(Plan("CartPole-v1", name, 100 + i, 1_500, 500, 10, 50), scores, [scores[-1]])
        for i, scores in enumerate(runs_of)
    ]


def test_each_group_shows_its_highest_curve() -> None:
    lines = [
        *lines_of(OURS, [22.0, 475.0, 475.0]),
        *lines_of("sb3-dqn", [22.0, 22.0, 22.0]),
        *lines_of("sbx-ppo", [22.0, 22.0, 475.0]),
        *lines_of("sb3-tuned-dqn", [22.0, 475.0, 22.0]),
    ]
    found = figure.curves(TASK, 475.0, lines)
    names = {group: of.algorithm for group, of in found.items()}
    assert names == {"ours": OURS, "default": "sbx-ppo", "tuned": "sb3-tuned-dqn"}
    assert found["ours"].scores.tolist() == [[0.0, 1.0, 1.0]]


def test_band_by_hand() -> None:
    """Of five runs the middle three; runs that are all alike leave no doubt."""
    scores = np.array([[0.0], [1.0], [2.0], [3.0], [99.0]])
    middle, low, high = figure.band([scores])
    assert middle == 2.0
    assert low < 2.0 < high
    alike = figure.band([np.ones((5, 2)), np.ones((3, 2))])
    assert alike.tolist() == [[1.0, 1.0]] * 3


def test_jobs_are_averaged_where_so_much_of_the_budget_is_spent() -> None:
    of = figure.Curves(OURS, np.array([500, 1_000]), np.array([[0.0, 1.0]]))
    on = figure.on_shares(of, budget=1_000)[0]
    at = np.interp([0.5, 0.75, 1.0], figure.SHARES, on)
    assert np.allclose(at, [0.0, 0.5, 1.0])


def test_draws(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "quick.png"
    figure.draw(lines_of(OURS, [22.0, 475.0, 475.0], [22.0, 30.0, 475.0]), path)
    assert path.read_bytes().startswith(b"\x89PNG")
