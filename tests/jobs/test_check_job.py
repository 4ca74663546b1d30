"""check_job passes what is sound and fails each thing that is broken, by name."""

import dataclasses

import gymnasium
import numpy as np
import pytest
import toy_jobs as toys
from gymnasium import spaces

from quickstudy.errors import JobFailed, UnknownJob
from quickstudy.jobs.check import check_job
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.probes import PROBES
from quickstudy.types import Leaf, Observation

SOUND = [
    *("CartPole-v1", "Pendulum-v1", "MountainCar-v0", "anaesthetist"),
    *(f"probe/{name}" for name in PROBES),
]


@pytest.mark.parametrize("name", SOUND)
def test_sound_jobs_by_name(name):
    report = check_job(name, steps=500)
    report.raise_if_failed()
    assert report["close"].result == "ok" and report["repeatable"].result == "ok"


@pytest.mark.parametrize("toy", [toys.Toy, toys.Hybrid, toys.Masked, toys.Image])
def test_sound_toys(toy):
    report = check_job(toy())
    report.raise_if_failed()
    assert [f.name for f in report if f.result == "noted"] == []


def test_masks_are_seen():
    assert "75%" in check_job(toys.Masked())["masks"].evidence


@pytest.mark.parametrize(
    ("toy", "check", "evidence"),
    [
        (toys.WrongShape, "episodes", "BadObservation"),
        (toys.NotFinite, "episodes", "nan at entry 1"),
        (toys.BadReward, "episodes", "reward"),
        (toys.Raises, "episodes", "KeyError"),
        (toys.OldStyle, "episodes", "returned 4 values"),
        (toys.NoOptions, "episodes", "allows nothing"),
        (toys.DislikesOption, "episodes", "no such lever"),
    ],
)
def test_broken_environments_fail(toy, check, evidence):
    report = check_job(toy())
    assert report[check].result == "failed" and evidence in report[check].evidence
    with pytest.raises(JobFailed, match=f"'{toy.__name__}' fails 1 checks: {check}"):
        report.raise_if_failed()


def test_unsupported_spaces_are_a_finding():
    report = check_job(toys.Toy(observation_space=spaces.Text(3)))
    assert report["spaces"].result == "failed" and "Text" in report["spaces"].evidence


class Adapter(GymJob):
    """A stranger's adapter, which a test then breaks."""

    def __init__(self, env=None):
        super().__init__(env or toys.Toy())


class Forgets(Adapter):
    def reset(self, seed=None):
        shown = super().reset(seed)
        self.spec = dataclasses.replace(self.spec, max_steps=9)
        return shown


class Overwrites(Adapter):
    def reset(self, seed=None):
        self.array = super().reset(seed).raw
        return Observation(self.array)

    def step(self, action):
        step = super().step(action)
        self.array[:] = step.observation.raw
        return dataclasses.replace(step, observation=Observation(self.array))


class GoesOn(Adapter):
    def step(self, action):
        step = super().step(action)
        if step.end:
            super().reset()
        return step


class Doubles(Adapter):
    def reset(self, seed=None):
        return Observation(super().reset(seed).raw.astype(np.float64))


class Lists(Adapter):
    def __init__(self):
        super().__init__()
        action = Leaf((), "discrete", [], "int64", sizes=[2], start=[0])
        self.spec = dataclasses.replace(self.spec, action=(action,))


class IntegerRewards(Adapter):
    def step(self, action):
        return dataclasses.replace(super().step(action), reward=1)


class MasksAsNumbers(Adapter):
    def reset(self, seed=None):
        return Observation(super().reset(seed).raw, np.ones(2, np.int8))


class ClosesOnce(Adapter):
    is_closed = False

    def close(self):
        if self.is_closed:
            raise OSError("already closed")
        self.is_closed = True


class LiesAboutItsLimit(Adapter):
    def __init__(self):
        super().__init__()
        self.spec = dataclasses.replace(self.spec, max_steps=5)


class NotAnOption(Adapter):
    def __init__(self):
        super().__init__(toys.Toy(observation_space=spaces.MultiDiscrete([2, 3])))

    def reset(self, seed=None):
        return Observation(super().reset(seed).raw + np.float32(5))


@pytest.mark.parametrize(
    ("adapter", "check", "evidence"),
    [
        (Forgets, "spec stays", "max_steps was unknown, is 9"),
        (Overwrites, "copies", "writes into an earlier"),
        (GoesOn, "step after end", "went on"),
        (Doubles, "observations", "float64"),
        (Lists, "spec", "shape"),
        (IntegerRewards, "rewards", "reward 1"),
        (MasksAsNumbers, "masks", "int8"),
        (ClosesOnce, "close", "already closed"),
        (LiesAboutItsLimit, "time limit", "10 steps against a limit of 5"),
        (NotAnOption, "observations", "expected whole numbers"),
    ],
)
def test_broken_adapters_fail(adapter, check, evidence):
    finding = check_job(adapter())[check]
    assert finding.result == "failed" and evidence in finding.evidence, finding
    assert finding.advice


@pytest.mark.parametrize(
    ("env", "check", "evidence"),
    [
        (toys.Unseeded(), "repeatable", "observations differ"),
        (toys.OutOfBounds(), "bounds", "entry 2 leaves its bounds"),
        (toys.Toy(reward=lambda: 0.0), "rewards", "always 0"),
        (gymnasium.wrappers.TransformReward(toys.Toy(), lambda r: 3.0), "rewards", "always 3"),
    ],
)
def test_what_is_no_fault_is_noted(env, check, evidence):
    report = check_job(env)
    report.raise_if_failed()
    assert report[check].result == "noted" and evidence in report[check].evidence


def test_an_endless_job_is_noted():
    class Endless(toys.Toy):
        def step(self, action):
            return self.shown(), 0.0, False, False, {}

    endless = check_job(Endless(), steps=50)["episodes"]
    assert (endless.result, endless.advice) == ("noted", "give the job an end or a time limit")
    unfinished = check_job("Pendulum-v1", steps=50)["episodes"]
    assert (unfinished.result, unfinished.advice) == ("noted", "examine it with steps=200")


def test_unknown_names_are_errors():
    with pytest.raises(UnknownJob):
        check_job("CartPol-v1")


def test_the_report_reads_as_text():
    text = str(check_job("probe/constant"))
    assert text.startswith("Job 'probe/constant':\n") and "noted  rewards: always 1" in text
