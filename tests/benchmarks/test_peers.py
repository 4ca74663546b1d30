"""Settings of peers, as far as they can be looked at without installing any."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from benchmarks import peers, quick, tuned
from benchmarks.runs import Plan


def test_tuned_settings_are_for_jobs_of_ours_and_their_kind_of_action() -> None:
    kinds = {task.job: task.is_discrete for task in quick.TASKS} | {"driver": True}
    for job, found in tuned.SETTINGS.items():
        fitting = {"ppo", "dqn", "qrdqn"} if kinds[job] else {"ppo", "sac", "tqc"}
        assert set(found) <= fitting, job


def test_names_of_algorithms() -> None:
    assert peers.algorithms("sb3", "Pendulum-v1", False) == ["sb3-sac", "sb3-ppo"]
    assert peers.algorithms("sb3-tuned", "MiniGrid-DoorKey-5x5-v0", True) == ["sb3-tuned-ppo"]
    assert peers.algorithms("sb3-tuned", "anaesthetist", False) == []


def test_algorithms_suit_the_actions() -> None:
    assert peers.suited("sb3", gym.spaces.Box(-1, 1)) == ["sb3-sac", "sb3-ppo"]
    assert peers.suited("sbx", gym.spaces.Discrete(2)) == ["sbx-dqn", "sbx-ppo"]
    assert peers.suited("sb3", gym.spaces.MultiDiscrete([2, 3])) == ["sb3-ppo"]


def test_a_plan_at_its_default_changes_nothing() -> None:
    plain = peers.chosen(Plan("CartPole-v1", "sb3-dqn", 0, 700, 100, 1, 1))
    assert (plain.steps, plain.settings, plain.policy, plain.envs) == (700, {}, {}, 1)
    best = peers.chosen(Plan("CartPole-v1", "sb3-tuned-dqn", 0, 700, 100, 1, 1))
    assert (best.steps, best.settings["train_freq"]) == (50_000, 256)


def test_a_rate_falls_to_zero() -> None:
    assert [tuned.Linear(0.2)(left) for left in (1.0, 0.5, 0.0)] == [0.2, 0.1, 0.0]


def test_an_observation_of_several_parts_becomes_one_vector() -> None:
    parts = gym.spaces.Dict({"a": gym.spaces.Box(0, 9, (2, 3)), "b": gym.spaces.Discrete(4)})

    class Shown(gym.Env):
        observation_space = parts
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):  # type: ignore[no-untyped-def]
            return {"a": np.ones((2, 3), np.float32), "b": 2}, {}

    shown, _ = peers._flat(Shown()).reset()
    assert shown.tolist() == [1.0] * 6 + [0.0, 0.0, 1.0, 0.0]
    plain = gym.make("CartPole-v1")
    assert peers._flat(plain) is plain
