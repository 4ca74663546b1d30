"""Giving up: the threshold by hand, its promise by simulation, and lives under it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from quickstudy import hopeless, report
from quickstudy.cli import main
from quickstudy.errors import QuickstudyError
from quickstudy.experience.event import Kind
from quickstudy.hopeless import Hope, Row
from quickstudy.jobs import registry
from quickstudy.life import Episode
from quickstudy.types import End
from tests.test_learner import assert_same_mind, forget_mind, hired, opened

JOB = "CartPole-v1"


def row(lowest: float, earned: float | None = 1.0, **rest: object) -> Row:
    plain = Row(0, bar=1.0, lowest=lowest, below=None, is_let_run=False, earned=earned)
    return replace(plain, **rest)  # type: ignore[arg-type]


def test_margin_by_hand() -> None:
    # 6 to go in 3 steps is 2 a step, discounted 2 · (1 + ½ + ¼) = 3.5
    assert hopeless.margin(5.0, earned=4.0, steps_left=3, discount=0.5, bar=10.0) == 1.5
    assert hopeless.margin(-1.0, earned=12.0, steps_left=1, discount=0.5, bar=10.0) == 1.0


def test_threshold_by_hand() -> None:
    rows = [row(float(lowest)) for lowest in range(9)]
    assert hopeless.threshold(rows[:8], 0.1) is None  # one in ten needs nine
    assert hopeless.threshold(rows, 0.1) == 0.0
    assert hopeless.threshold(rows, 0.2) == 1.0
    unfair = [row(-5.0, below=0.0), row(-5.0, earned=0.0), row(-5.0, earned=None)]
    assert hopeless.threshold([*rows, *unfair], 0.2) == 1.0
    assert hopeless.threshold([*rows, row(-5.0, below=0.0, is_let_run=True)], 0.1) == -5.0


def test_without_a_bar_the_median_of_recent_returns_stands_for_it() -> None:
    rows = [row(0.0, earned=float(earned)) for earned in (9, 1, 5, 3, 7)]
    assert hopeless.usual(rows[:4]) is None
    assert hopeless.usual(rows) == 5.0


def test_cost_by_hand() -> None:
    rows = [
        row(0.0),  # before anything could be given up
        row(0.0, earned=None, below=1.0),
        row(2.0, below=1.0),
        row(0.5, below=1.0, is_let_run=True),  # a success that would have been lost
        row(2.0, below=1.0, is_let_run=True),
        row(0.5, earned=0.0, below=1.0, is_let_run=True),
    ]
    assert hopeless.cost(rows) == hopeless.Cost(watched=2, stopped=1, successes=2, lost=1)


def test_no_more_successes_are_lost_than_stated() -> None:
    """Over many lives, each with its own threshold; an episode is one margin."""
    lost = successes = 0
    for life in range(40):
        hope, rng = Hope(0.1, bar=1.0, seed=life), np.random.default_rng(life)
        for number in range(150):
            is_success = rng.random() < 0.5
            worth = rng.normal(1.0 if is_success else -1.0)
            stops = hope.is_past(Episode(number, steps=1), worth, 1, 0.9)
            hope.ended(number, End.CUT if stops else End.TERMINATED, float(is_success))
            if number >= 50:
                successes += is_success
                lost += is_success and stops
    assert 0.02 < lost / successes < 0.1  # a tenth of the three quarters not let run


def test_an_episode_that_began_unwatched_is_left_alone() -> None:
    hope = Hope(0.1, bar=1.0, seed=0, rows=[row(0.0)] * 20)
    assert not hope.is_past(Episode(3, steps=7), -100.0, 1, 0.9)
    assert hope.ended(3, End.TERMINATED, 0.0) is None


def test_the_end_of_another_episode_is_not_filed_under_the_one_watched() -> None:
    hope = Hope(0.1, bar=1.0, seed=0)
    hope.is_past(Episode(3, steps=1), 0.0, 1, 0.9)
    assert hope.ended(9, End.TERMINATED, 7.0) is None
    assert hope.rows == []


@pytest.fixture
def low_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """CartPole with a bar that beginners pass now and then."""
    entry = replace(registry.registry().find(JOB), threshold=20.0)
    monkeypatch.setitem(registry.registry()._entries, JOB.casefold(), entry)


@pytest.mark.usefixtures("low_bar")
def test_a_learner_gives_up_and_its_log_replays_to_the_same_mind(tmp_path: Path) -> None:
    with hired(tmp_path / "a", 1) as a:
        moments = list(a.work(JOB, 700, stop_hopeless=0.3))
        given_up = [m for m in moments if m.end is End.CUT]
        assert given_up
        rows = a._hopes[JOB].rows
        assert sum(r.earned is None for r in rows) == len(given_up)
        for moment in given_up:
            event = next(
                e for e in a._log.read(kinds=[Kind.OUTCOME])
                if e.decision == moment.decision.id
            )  # fmt: skip
            assert event.end is End.CUT and event.observation is not None
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("lock"))
    forget_mind(tmp_path / "b")
    with opened(tmp_path / "a") as again, opened(tmp_path / "b") as rebuilt:
        assert_same_mind(again, rebuilt, JOB)
        assert rebuilt._hopes[JOB].rows == rows


@pytest.mark.usefixtures("low_bar")
def test_in_two_parts_it_gives_up_the_same(tmp_path: Path) -> None:
    with hired(tmp_path / "a", 1) as a, hired(tmp_path / "b", 1) as b:
        whole = [m.end for m in a.work(JOB, 1200, stop_hopeless=0.3)]
        parts = [m.end for n in (833, 367) for m in b.work(JOB, n, stop_hopeless=0.3)]
        assert End.CUT in whole and whole == parts


@pytest.mark.usefixtures("low_bar")
def test_a_report_tells_of_it(tmp_path: Path) -> None:
    with hired(tmp_path / "a", 1) as a:
        list(a.work(JOB, 700, stop_hopeless=0.3))
        stopped = sum(r.earned is None for r in a._hopes[JOB].rows)
    told = report.of(tmp_path / "a")[0]
    assert report.fields(told)["given_up"]["stopped"] == stopped > 0
    assert f"given up as hopeless: {stopped} of" in list(report.lines(told))[-1]


def test_off_by_default_no_episode_is_watched(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a:
        assert End.CUT not in [m.end for m in a.work(JOB, 200)]
        assert not a._hopes


class Machine(gymnasium.Env):
    """Something real: resetting it takes somebody's hands."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,))
    action_space = gymnasium.spaces.Discrete(2)


def test_refused_where_resetting_is_not_said_to_be_free(tmp_path: Path) -> None:
    gymnasium.register("Machine-v0", Machine)
    try:
        with hired(tmp_path / "a") as a, pytest.raises(QuickstudyError, match="is free"):
            next(a.work("Machine-v0", 10, stop_hopeless=0.02))
    finally:
        del gymnasium.registry["Machine-v0"]


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_is_between_none_and_all(tmp_path: Path, rate: float) -> None:
    with hired(tmp_path / "a") as a, pytest.raises(QuickstudyError, match="between 0 and 1"):
        next(a.work(JOB, 10, stop_hopeless=rate))


def test_the_command_line_refuses_a_rate_of_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["work", JOB, "--stop-hopeless", "2"]) == 2
    assert "expected a number between 0 and 1" in capsys.readouterr().err
