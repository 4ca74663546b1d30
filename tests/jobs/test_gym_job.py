"""The Gymnasium adapter: ends, seeds, actions, and environments that misbehave."""

import gymnasium
import numpy as np
import pytest
import toy_jobs as toys
from gymnasium import spaces

from quickstudy.errors import BadAction, BadObservation, JobFailed, UnsupportedSpace
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.job import Job
from quickstudy.types import End

GO = np.zeros(1, np.float32)


def work(job, steps):
    """Steps with the first option until the end, or so many."""
    job.reset(seed=0)
    for _ in range(steps):
        step = job.step(GO)
        if step.end is not End.NOT:
            break
    return step


def test_it_is_a_job_with_a_spec_and_a_name():
    job = GymJob(gymnasium.make("CartPole-v1"), step_seconds=0.02)
    assert isinstance(job, Job)
    assert job.name == "CartPole-v1"
    assert (job.spec.max_steps, job.spec.step_seconds) == (500, 0.02)
    assert job.reset(seed=1).raw.tolist() == job.reset(seed=1).raw.tolist()
    assert job.reset(seed=1).raw.tolist() != job.reset(seed=2).raw.tolist()


def test_the_time_limit_of_a_wrapper_counts():
    job = GymJob(gymnasium.wrappers.TimeLimit(toys.Toy(), 4))
    assert job.spec.max_steps == 4 and job.name == "Toy"
    assert work(job, 9).end is End.TRUNCATED


def test_terminated_counts_before_truncated():
    job = GymJob(gymnasium.wrappers.TimeLimit(toys.Toy(), 10))
    assert work(job, 20).end is End.TERMINATED


def test_rewards_and_ends_by_hand():
    job = GymJob(toys.Toy())
    job.reset(seed=0)
    steps = [job.step(GO) for _ in range(10)]
    assert [s.reward for s in steps] == list(range(1, 11))
    assert [s.end for s in steps] == [End.NOT] * 9 + [End.TERMINATED]


@pytest.mark.parametrize("reward", [1, True, np.float32(1), np.array(1), np.int64(1)])
def test_rewards_of_every_numeric_type(reward):
    step = work(GymJob(toys.Toy(reward=lambda: reward)), 1)
    assert step.reward == 1.0 and type(step.reward) is float


@pytest.mark.parametrize(
    "reward", [None, np.array([1.0]), float("nan"), np.float64("inf"), "1", [1.0], {}]
)
def test_a_bad_reward_is_named(reward):
    with pytest.raises(BadObservation, match=r"'Toy', step 1 .*reward.* came .*finite number"):
        work(GymJob(toys.Toy(reward=lambda: reward)), 1)


def test_hybrid_actions_arrive_in_the_jobs_own_terms():
    env = toys.Hybrid()  # asserts that its space contains each action
    job = GymJob(env)
    random = np.random.default_rng(0)
    job.reset(seed=0)
    for _ in range(9):
        choices = [random.integers(n) for n in job.spec.choices]
        job.step(np.array([*choices, *random.uniform(-1, 1, job.spec.amounts)], np.float32))


def test_a_mask_that_allows_nothing_at_the_end_is_none():
    job = GymJob(toys.Masked())
    mask = job.reset(seed=0).mask
    assert mask.tolist() == [False, True, True, True]
    for _ in range(10):
        step = job.step(np.array([np.argmax(mask)], np.float32))
        mask = step.observation.mask
    assert step.end is End.TERMINATED and mask is None


@pytest.mark.parametrize(
    ("toy", "error", "words"),
    [
        (
            toys.Raises,
            JobFailed,
            "'Raises' raised KeyError in step, step 5 .*valve 7.*Reset it",
        ),
        (toys.OldStyle, JobFailed, "'OldStyle' returned 4 values from step.*expected 5"),
        (toys.WrongShape, BadObservation, r"'WrongShape', step 4 .*\(2,\).*\(3,\)"),
        (toys.NotFinite, BadObservation, "'NotFinite', step 4 .*nan at entry 1"),
        (toys.BadReward, BadObservation, "'BadReward', step 4 .*reward.*nan"),
        (toys.NoOptions, BadObservation, "'NoOptions', step 4 .*allows nothing"),
    ],
)
def test_an_environment_that_misbehaves_is_named_and_its_episode_over(toy, error, words):
    job = GymJob(toy())
    with pytest.raises(error, match=words):
        work(job, 9)
    if error is not JobFailed or toy is toys.Raises:
        with pytest.raises(ValueError, match="call reset first"):
            job.step(GO)


def test_failing_at_reset_is_named():
    def raises(**_):
        raise OSError("line down")

    with pytest.raises(JobFailed, match=r"'Toy' raised OSError in reset: line down"):
        GymJob(toys.Toy(reset=raises)).reset()
    with pytest.raises(JobFailed, match=r"returned ndarray from reset; expected 2"):
        GymJob(toys.Toy(reset=lambda **_: np.zeros(3))).reset()
    with pytest.raises(BadObservation, match=r"'Toy' at reset: .*\(1,\)"):
        GymJob(toys.Toy(shown=lambda: np.zeros(1))).reset()


def test_ctrl_c_passes_through():
    def interrupted(action):
        raise KeyboardInterrupt

    job = GymJob(toys.Toy(step=interrupted))
    job.reset()
    with pytest.raises(KeyboardInterrupt):
        job.step(GO)


def test_stepping_without_an_episode_is_refused():
    job = GymJob(toys.Toy())
    with pytest.raises(ValueError, match="call reset first"):
        job.step(GO)
    work(job, 10)
    with pytest.raises(ValueError, match="call reset first"):
        job.step(GO)


def test_a_bad_action_leaves_the_episode_as_it_was():
    job = GymJob(toys.Toy())
    job.reset(seed=0)
    with pytest.raises(BadAction, match="choice 5"):
        job.step(np.array([5.0]))
    assert job.step(GO).reward == 1.0


def test_closing_twice_closes_once():
    closed = []
    job = GymJob(toys.Toy(close=lambda: closed.append(1)))
    job.close()
    job.close()
    assert closed == [1]


def test_unsupported_spaces_are_refused_at_the_door():
    with pytest.raises(UnsupportedSpace, match="Text"):
        GymJob(toys.Toy(observation_space=spaces.Text(3)))
