"""The ten-hour driver, on a road of our own that needs no package."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from made_lines import line

from benchmarks import driver
from benchmarks.runs import INCUMBENT, OURS, Plan


class Road(gym.Env):
    """Three seconds long; an odd seed is a road with a wall after two, unless one slows."""

    observation_space = gym.spaces.Box(0, 1, (1,))
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        assert seed is not None
        self.has_wall, self.second = bool(seed % 2), 0
        return np.zeros(1, np.float32), {"speed": 0.0, "crashed": False}

    def step(self, action: int) -> Any:
        self.second += 1
        crashed = self.has_wall and self.second == 2 and action == 1
        info = {"speed": 20.0 + 10.0 * action, "crashed": crashed}
        return np.zeros(1, np.float32), 1.0, crashed, self.second == 3, info


def test_drives_each_road_once() -> None:
    fast = driver.drive(Road(), lambda: lambda observation, info: 1, [2, 3, 4])
    assert fast.returns == [3.0, 2.0, 3.0]
    assert fast.crashes == [False, True, False]
    assert fast.means() == {"mean": 8 / 3, "crash": 1 / 3, "speed": 30.0}
    slow = driver.drive(Road(), lambda: lambda observation, info: 0, [3])
    assert (slow.crashes, slow.speeds) == ([False], [20.0])


def checks(*found: tuple[int, float, float]) -> list[dict[str, float]]:
    return [{"step": step, "mean": mean, "crash": crash} for step, mean, crash in found]


def test_report() -> None:
    """The bar at 15,000, lost at 20,000 (it crashes), there again at 25,000."""
    plan = Plan("driver", OURS, 0, 25_000, 5_000, 40, 4)
    more = {"speed": 22.0, "dense_exam": [10.0] * 4, "dense_crashes": [True] * 4}
    lines = [
        {
            **line(plan, [], [22.0] * 4, crashes=[False, False, False, True], **more),
            "curve": checks(
                (5_000, 16.0, 0.5),
                (15_000, 22.0, 0.05),
                (20_000, 25.0, 0.4),
                (25_000, 23.0, 0.0),
            ),
        },
        line(
            Plan("driver", INCUMBENT, 0, 25_000, 5_000, 40, 4),
            [],
            [22.5] * 4,
            crashes=[False] * 4,
            **more,
        ),
    ]
    text = driver.report(lines, "c")
    assert "| quickstudy | 1 | 22.0 [22.0, 22.0] | 25.0% [0.0%, 75.0%] | 22.0 |" in text
    assert (
        "| 10.0 [10.0, 10.0] | 100.0% [100.0%, 100.0%] | 15,000 | 67% | 40% | 0.500 |" in text
    )
    assert "| incumbent | — | 22.5 [22.5, 22.5] | 0.0% [0.0%, 0.0%] |" in text
    assert "| quickstudy, 0 | 16.0, 50% | 22.0, 5% | 25.0, 40% | 23.0, 0% |" in text


def test_plans() -> None:
    todo = driver.plans([INCUMBENT, OURS, driver.PEER], [0, 1], 36_000, is_quick=False)
    assert [plan.algorithm for plan in todo] == [INCUMBENT, *[OURS, driver.PEER] * 2]
    assert {plan.steps for plan in driver.plans([OURS], [0], 36_000, is_quick=True)} == {300}
