"""A new job of a family begins with what others taught, and that too follows from the log."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import quickstudy as qs
from quickstudy import learner as learners
from quickstudy.experience.event import DROPPED, Kind
from quickstudy.learner import Learner
from quickstudy.mind import inheritance, pool, teaching
from quickstudy.mind import mind as minds
from tests.test_learner import assert_same_mind, hired, opened

BOX, TWO = gymnasium.spaces.Box(-1.0, 1.0, (2,)), gymnasium.spaces.Discrete(2)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "FIT_TO_TEACH", 100)
    settings = functools.partial(teaching.Settings, updates=200, batch=32)
    monkeypatch.setattr(inheritance, "Settings", settings)
    monkeypatch.setattr(pool, "Settings", settings)


def practised(
    learner: Learner, job: str, steps: int, sign: float = 1.0, space: gymnasium.Space = TWO
) -> None:
    """Rewards are for taking option 1 where the first number is above 0."""
    learner.declare(job, BOX, space)
    rng = np.random.default_rng(steps)
    for step in range(steps):
        shown = rng.uniform(-1, 1, 2).astype(np.float32)
        decision = learner.decide(shown, job)
        learner.reward(decision.id, float(sign * shown[0] * (2 * decision.action - 1)))
        if step % 10 == 9:
            learner.finish(decision.id)


def test_a_job_of_the_family_begins_with_what_was_taught(tmp_path: Path) -> None:
    with hired(tmp_path / "ada") as ada:
        practised(ada, "left", 150)
        practised(ada, "few", 20)
        ada.declare("right", BOX, TWO)
        ada.declare("other", BOX, gymnasium.spaces.Discrete(3))
        assert ada.taught_by("right") == ("left",)
        assert ada.taught_by("left") == ada.taught_by("other") == ()
        assert ada.mind("right").counts.inherited > 0 == ada.mind("other").counts.inherited
        assert ada.steps("right") == 0


def test_unrelated_jobs_are_learned_as_by_who_knows_nothing(tmp_path: Path) -> None:
    three = gymnasium.spaces.Discrete(3)
    with hired(tmp_path / "ada") as ada, hired(tmp_path / "fresh") as fresh:
        practised(ada, "left", 150)
        for learner in (ada, fresh):
            practised(learner, "other", 150, space=three)
        assert_same_mind(ada, fresh, "other")


def test_it_follows_from_the_log(tmp_path: Path) -> None:
    with hired(tmp_path / "ada") as ada:
        practised(ada, "left", 150)
        practised(ada, "right", 70)
        ada.sync("right")
        shutil.copytree(tmp_path / "ada", tmp_path / "bea")
        ada.save()
        shutil.copytree(tmp_path / "ada", tmp_path / "cleo")
        for name in ("bea", "cleo"):
            with opened(tmp_path / name) as copy:
                for job in ("left", "right"):
                    assert_same_mind(ada, copy, job)
                practised(copy, "right", 30)
        practised(ada, "right", 30)
        with opened(tmp_path / "bea") as bea, opened(tmp_path / "cleo") as cleo:
            assert_same_mind(ada, bea, "right")
            assert_same_mind(ada, cleo, "right")


def test_a_merged_learner_knows_it_without_the_job_that_taught_it(tmp_path: Path) -> None:
    with hired(tmp_path / "ada") as ada, hired(tmp_path / "bea", seed=1) as bea:
        practised(ada, "left", 150)
        practised(ada, "right", 70)
        practised(bea, "up", 50)
        with qs.merge([ada.path, bea.path], tmp_path / "cleo", settings=ada._settings) as cleo:
            assert_same_mind(ada, cleo, "right")


def test_what_is_dropped_is_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hired(tmp_path / "ada") as ada:
        practised(ada, "left", 150)
        practised(ada, "right", 20)
        assert ada.notes("right", DROPPED) == []
        monkeypatch.setattr(minds, "_is_misled", lambda mind: mind.counts.inherited > 0)
        practised(ada, "right", 20)
        assert ada.mind("right").counts.inherited == 0
        assert ada.notes("right", DROPPED) == [30]


def test_who_taught_is_told_in_time(tmp_path: Path) -> None:
    said: list[str] = []
    with hired(tmp_path / "ada") as ada:
        for _ in ada.work("CartPole-v1", 150):
            pass
        gymnasium.register(
            "Cart-v0", "gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=50
        )
        try:
            ada.enter("Cart-v0", said.append)
            ada.enter("Cart-v0", said.append)
        finally:
            del gymnasium.registry["Cart-v0"]
        events = list(ada.log.read(kinds=[Kind.INHERITANCE]))
    assert said == ["Cart-v0: begins with what CartPole-v1 taught; a few seconds."]
    assert [event.job for event in events] == ["Cart-v0"]
