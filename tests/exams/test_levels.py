"""The number-of-levels curve: where the gap closes, and what the command says."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import quickstudy as qs
from quickstudy.cli import main
from quickstudy.errors import QuickstudyError
from quickstudy.exams import levels as curves
from quickstudy.exams.levels import Curve, Level, Settings, crossing
from quickstudy.interrupt import Stopped


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("QUICKSTUDY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("gaps", "count"),
    [
        ([0.05, 0.0, 0.0], 1.0),
        ([0.5, 0.3, 0.2], math.inf),
        ([0.3, 0.1, 0.0], 10.0),
        ([0.3, 0.2, 0.0], 10.0 * math.sqrt(10)),  # half of the way from .2 to 0
        ([0.05, 0.2, 0.0], 10.0 * math.sqrt(10)),  # once open again it is open
    ],
)
def test_where_the_gap_closes(gaps, count) -> None:
    assert crossing([1, 10, 100], np.array(gaps)) == pytest.approx(count)


def made(gaps: list[float], noise: float) -> Curve:
    """Three learners a level that earn 10 where they were, and less elsewhere."""
    rng = np.random.default_rng(0)

    def lots(earned: float) -> tuple[np.ndarray, ...]:
        return tuple(earned + noise * rng.normal(size=30) for _ in range(3))

    found = (Level(10**k, lots(10.0), lots(10.0 - gap)) for k, gap in enumerate(gaps))
    return Curve("job", 500, tuple(found), 0.0, 10.0)


def test_worlds_needed_with_an_interval() -> None:
    sure = made([8.0, 2.0, 0.0], noise=0.0)
    assert sure.needed == pytest.approx((10 * 10**0.5,) * 3)
    assert sure.gap(1) == pytest.approx((2.0, 2.0, 2.0))
    unsure = made([8.0, 2.0, 0.0], noise=1.0)
    assert unsure.needed.low < unsure.needed.value < unsure.needed.high
    never = made([8.0, 7.0, 6.0], noise=1.0)
    assert math.isinf(never.needed.value)
    assert curves.headline(never).startswith("100 worlds do not close the gap")
    assert curves.fields(never)["needed"] == [None, None, None]


def test_one_learner_among_three_shows_in_the_interval() -> None:
    level = Level(
        1, (np.full(9, 10.0),) * 3, (np.full(9, 0.0), np.full(9, 5.0), np.full(9, 9.0))
    )
    gap = Curve("job", 9, (level,), 0.0, 10.0).gap(0)
    assert gap.value == pytest.approx(10 - 14 / 3)
    assert (gap.low, gap.high) == pytest.approx((1.0, 10.0))


def test_practice_is_equal_and_worlds_are_as_many_as_said(monkeypatch) -> None:
    worked = []
    monkeypatch.setattr(
        curves,
        "exam",
        lambda a, *rest: (
            worked.append((a.steps(rest[0]), len(a.worlds(rest[0])))) or qs.exam(a, *rest)
        ),
    )
    told = []
    asked = Settings(counts=(3, 1), steps=100, learners=2, worlds=3)
    curve = qs.levels("CartPole-v1", asked, lambda *now: told.append(now))
    assert [level.count for level in curve.levels] == [1, 3]
    assert worked == [(100, 1), (100, 1), (100, 3), (100, 3)]
    assert told[-1] == (3, 400, 400)
    assert [len(lot) for lot in curve.levels[1].seen] == [3, 3]


def test_the_command_says_and_draws_it(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(curves, "levels", lambda *_: made([8.0, 2.0, 0.0], noise=1.0))
    assert main(["levels", "CartPole-v1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("job, 500 steps of practice each: about ")
    assert [line.split()[0] for line in lines[1:4]] == ["1", "10", "100"]
    assert (tmp_path / "levels-job.png").read_bytes().startswith(b"\x89PNG")
    assert main(["levels", "CartPole-v1", "--json", "--out", "a.png"]) == 0
    assert len(json.loads(capsys.readouterr().out)["levels"]) == 3
    assert (tmp_path / "a.png").exists()


def test_mistakes(capsys) -> None:
    assert main(["levels", "CartPole-v1", "--counts", "1,x"]) == 2
    assert "whole numbers like 1,10,100" in capsys.readouterr().err
    with pytest.raises(QuickstudyError, match="none below 1"):
        qs.levels("CartPole-v1", Settings(counts=(0, 3)))


def test_stopped_it_says_what_is_left(capsys, monkeypatch) -> None:
    def stop(*_):
        raise Stopped(2)

    monkeypatch.setattr(curves, "levels", stop)
    assert main(["levels", "CartPole-v1"]) == 130
    said = capsys.readouterr()
    assert said.out == "Stopped; nothing is kept of learners that were new.\n"
    assert said.err == ""
