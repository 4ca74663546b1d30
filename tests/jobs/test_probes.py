"""The probes know their own truth: measured here against policies that are obvious."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from quickstudy.jobs.probes import DELAY_STEPS, PROBES
from quickstudy.jobs.registry import registry
from quickstudy.types import Array


def best(observation: Array, name: str):
    target = float(observation[0]) if name.startswith("both") else 1.0
    return np.array([target], np.float32) if "continuous" in name else int(target > 0)


def mean_return(name, act, episodes):
    probe, returns = PROBES[name](), []
    for seed in range(episodes):
        observation, _ = probe.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            observation, reward, over, _, _ = probe.step(act(probe, observation))
            total += reward
        returns.append(total)
    return np.mean(returns), np.std(returns) / np.sqrt(episodes)


def test_five_of_each_kind():
    assert list(PROBES)[:5] == ["constant", "observation", "delayed", "action", "both"]
    assert len(PROBES) == 10


@pytest.mark.parametrize("name", PROBES)
def test_the_truth_is_true(name):
    truth = PROBES[name]().truth
    mean, error = mean_return(name, lambda _, seen: best(seen, name), 300)
    assert abs(mean - truth.best_return) <= 4 * error + 1e-9

    def random(probe, _):
        probe.action_space.seed(int(probe.np_random.integers(1 << 30)))
        return probe.action_space.sample()

    mean, error = mean_return(name, random, 300)
    assert abs(mean - truth.random_return) <= 4 * error + 1e-9


def test_worth_by_hand():
    assert PROBES["constant"]().truth.worth(np.zeros(1), 0.9) == 1.0
    assert PROBES["observation"]().truth.worth(np.array([-1.0]), 0.9) == -1.0
    assert PROBES["both-continuous"]().truth.worth(np.array([-1.0]), 0.9) == 1.0
    delayed = PROBES["delayed"]()
    seen, _ = delayed.reset(seed=0)
    for steps_left in range(DELAY_STEPS, 0, -1):
        assert delayed.truth.worth(seen, 0.9) == pytest.approx(0.9 ** (steps_left - 1))
        assert delayed.truth.worth(seen, 1.0) == 1.0
        seen, reward, over, _, _ = delayed.step(0)
        assert (reward, over) == (float(steps_left == 1), steps_left == 1)


@pytest.mark.parametrize("name", PROBES)
@pytest.mark.filterwarnings("ignore::UserWarning")  # it would like a render mode
def test_gymnasiums_own_checker_agrees(name):
    check_env(PROBES[name](), skip_render_check=True)


@pytest.mark.parametrize("name", PROBES)
def test_registered_with_a_bar_between_random_and_best(name):
    entry = registry().find(f"probe/{name}")
    truth = PROBES[name]().truth
    assert truth.random_return <= entry.bar <= truth.best_return
    assert entry.random_score == truth.random_return
