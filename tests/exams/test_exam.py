"""The exam: what it measures, that it changes nothing, that it goes on, whom it refuses."""

from __future__ import annotations

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

import quickstudy as qs
from quickstudy.errors import JobFailed, QuickstudyError
from quickstudy.exams import exam as exams
from quickstudy.exams import page, told
from quickstudy.exams.exam import OneWorld, Settings
from quickstudy.exams.score import SEEN, TWIN, Lot, Result
from quickstudy.exams.sitting import Sat, sit
from quickstudy.jobs import registry
from quickstudy.types import End, Value

DTD = "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"
FEW = Settings(worlds=3, random=2, strengths=(1.0,))


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("QUICKSTUDY_HOME", str(tmp_path / "home"))


@pytest.fixture
def ada(tmp_path):
    with qs.hire(tmp_path / "ada", seed=3) as learner:
        for _ in learner.work("CartPole-v1", 120):
            pass
        yield learner


def test_an_exam_sits_every_lot_and_changes_nothing(ada) -> None:
    job = registry.make("CartPole-v1")
    shown = job.reset(0)
    before = exams.Frozen(ada.mind("CartPole-v1")).answer(shown)
    result = qs.exam(ada, "CartPole-v1", FEW)
    names = [lot.name for lot in result.lots]
    assert names[:3] == ["seen", "twin", "random"]
    assert names[3:7] == ["noise", "dropped sensors", "delay", "sticking"]
    assert names[7:] == ["gravity", "pole length", "pole mass", "push"]
    assert [len(lot.worlds) for lot in result.lots] == [3, 3, 2] + [3] * 8
    after = exams.Frozen(ada.mind("CartPole-v1")).answer(shown)
    assert after[1] == before[1]
    assert ada.steps("CartPole-v1") == 120
    job.close()


def test_seen_worlds_are_those_it_worked_in(ada) -> None:
    seen = qs.exam(ada, settings=FEW).lot(SEEN)
    worked = ada.worlds("CartPole-v1")
    assert len(worked) == ada.episodes("CartPole-v1")
    assert {sat.seed for sat in seen.worlds} <= set(worked)
    assert worked[-1] in {sat.seed for sat in seen.worlds}


def test_interrupted_it_goes_on_and_a_second_time_it_is_not_sat(ada, monkeypatch) -> None:
    sat = []
    monkeypatch.setattr(exams, "sit", lambda *a: sat.append(a[2]) or sit(*a))

    def stop(lot: str, done: int, total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        qs.exam(ada, settings=FEW, progress=stop)
    assert len(sat) == 7
    whole = qs.exam(ada, settings=FEW)
    assert len(sat) == 32
    assert qs.exam(ada, settings=FEW) == whole
    assert len(sat) == 32


def test_it_refuses_to_work_in_the_worlds_of_its_exam(ada) -> None:
    twin = qs.exam(ada, settings=FEW).lot(TWIN)
    seed = twin.worlds[0].seed
    with pytest.raises(QuickstudyError, match=f"seed {seed}.*kept for an exam"):
        next(ada.work("CartPole-v1", 10, worlds=[5, seed]))
    path = ada.path
    ada.close()
    with (
        qs.open(path) as again,
        pytest.raises(QuickstudyError, match="kept for an exam"),
    ):
        next(again.work("CartPole-v1", 10, worlds=[seed]))


def test_a_few_worlds_are_practised_over_and_over(tmp_path) -> None:
    with qs.hire(tmp_path / "bea", seed=1) as bea:
        for _ in bea.work("CartPole-v1", 150, worlds=2):
            pass
        assert bea.episodes("CartPole-v1") > 3
        assert len(bea.worlds("CartPole-v1")) == 2
        for _ in bea.work("CartPole-v1", 60, worlds=[11, 12, 13]):
            pass
        assert set(bea.worlds("CartPole-v1")[2:]) <= {11, 12, 13}
        with pytest.raises(QuickstudyError, match="at least 1"):
            next(bea.work("CartPole-v1", 10, worlds=0))
        with pytest.raises(QuickstudyError, match="at least one seed"):
            next(bea.work("CartPole-v1", 10, worlds=[]))


class Unchanging(gymnasium.Env):
    """The same world whatever its seed."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    steps = 0

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(1, np.float32), float(action), self.steps == 4, False, {}


def test_a_job_of_one_world_cannot_measure_generalisation(tmp_path) -> None:
    gymnasium.register("Unchanging-v0", Unchanging)
    try:
        with qs.hire(tmp_path / "bea", seed=1) as bea:
            for _ in bea.work("Unchanging-v0", 20):
                pass
            with pytest.raises(OneWorld, match="no unseen world"):
                qs.exam(bea, settings=FEW)
    finally:
        del gymnasium.registry["Unchanging-v0"]


def test_whom_it_cannot_examine(ada, tmp_path) -> None:
    with pytest.raises(QuickstudyError, match="never worked on 'Pendulum-v1'"):
        qs.exam(ada, "Pendulum-v1", FEW)
    with (
        qs.hire(tmp_path / "new") as new,
        pytest.raises(QuickstudyError, match="worked on 0 jobs"),
    ):
        qs.exam(new, settings=FEW)


def test_a_learner_whose_worlds_are_not_known_has_no_gap(tmp_path) -> None:
    env = gymnasium.make("CartPole-v1")
    with qs.hire(tmp_path / "bea", seed=1) as bea:
        shown, _ = env.reset(seed=0)
        for _ in range(20):
            decision = bea.decide(shown, "CartPole-v1")
            shown, reward, over, _, _ = env.step(decision.action)
            bea.reward(decision.id, float(reward))
            if over:
                bea.finish(decision.id)
                shown, _ = env.reset()
        result = qs.exam(bea, settings=FEW)
    assert result.lot(SEEN) is None
    assert result.gap is None
    assert "not known" in told.headline(result)


def test_the_leak_alarm_sits_worlds_of_no_edition(ada) -> None:
    asked = replace(FEW, worlds=10, controls=30, shifts=False)
    result = qs.exam(ada, settings=asked)
    control = {sat.seed for sat in result.lot("control").worlds}
    assert len(control) == 30
    assert not control & {sat.seed for sat in result.lot(TWIN).worlds}
    assert 0.0 < result.leak.p <= 1.0
    assert "leak" in dict(told.lines(result))
    assert qs.exam(ada, settings=replace(asked, controls=0)).leak is None


def made(seen: list[float], twin: list[float], bar: float | None = 10.0) -> Result:
    def lot(name: str, earned: list[float], strength: float = 0.0) -> Lot:
        sat = (
            Sat(i, e, 5, End.TERMINATED, e / 10, ((e, 1.0, e + (i % 2) * 3),))
            for i, e in enumerate(earned)
        )
        return Lot(name, strength, tuple(sat))

    shifted = lot("noise", [e - 4 for e in twin], 0.5), lot("noise", [e - 8 for e in twin], 1.0)
    return Result(
        "ada", "job", 9, "first", "f", bar,
        (lot(SEEN, seen), lot(TWIN, twin), lot("random", [0.0] * 10), *shifted),
    )  # fmt: skip


def test_figures_by_hand() -> None:
    result = made([9.0] * 12, [5.0] * 12)
    assert result.gap == (4.0, 4.0, 4.0)
    assert result.ends == (0.0, 10.0)
    assert result.jaggedness == 0.0
    # lost: 0, .4, .8 of the score at strengths 0, .5, 1; the mean under the line is .4
    assert result.decline["noise"] == pytest.approx((0.4, 0.4, 0.4))
    assert result.skills == pytest.approx(0.4)  # .5 and −.3
    assert result.coverage == 0.5  # every other return is 3 above a worth with spread 1
    assert result.bias == -1.5
    assert result.support_foretells == (1.0, 1.0, 1.0)  # support was made to follow returns
    assert [sat.earned for _, sat in result.worst(2)] == [-3.0, -3.0]


@pytest.mark.parametrize(
    ("seen", "twin", "says"),
    [
        ([9.0] * 12, [5.0] * 12, "knows its own worlds better"),
        ([5.0] * 12, [9.0] * 12, "no worse than in its own"),
        ([5.0, 9.0] * 6, [9.0, 5.0] * 6, "no gap"),
        ([9.0] * 12, [5.0] * 4, "knows its own worlds better"),
        ([9.0], [5.0] * 60, "knows its own worlds better"),  # one of 61 by chance
        ([9.0], [5.0] * 20, "too few"),  # one of 21
        ([9.0] * 30, [5.0] * 7 + [9.0] * 23, "knows its own worlds better"),  # no IQM sees it
    ],
)
def test_headlines(seen: list[float], twin: list[float], says: str) -> None:
    assert says in told.headline(made(seen, twin))


def test_without_a_bar_the_learner_is_its_own_measure() -> None:
    assert made([9.0] * 12, [5.0] * 12, bar=None).ends == (0.0, 9.0)
    assert made([-1.0] * 12, [-2.0] * 12, bar=None).ends is None


def test_worth_is_held_only_against_returns_that_came() -> None:
    class Same:
        def begin(self, seed: int) -> None: ...

        def answer(self, shown):
            return np.array([0.0], np.float32), Value(7.0, 1.0, 0.5)

    job = registry.make("CartPole-v1")
    sat = sit(Same(), job, 0, discount=0.9)
    assert sat.end is End.TERMINATED
    assert sat.points[0][:2] == (7.0, 1.0)
    assert sat.points[0][2] == pytest.approx(sum(0.9**k for k in range(sat.steps)))
    assert sat.points[-1][2] == pytest.approx(1.0)
    job.close()
    lake = registry.make("Pendulum-v1")
    sat = sit(Same(), lake, 0, discount=0.9)  # truncated after 200; .9²⁹ < .05
    assert (sat.end, sat.steps) == (End.TRUNCATED, 200)
    assert len(sat.points) == 8
    lake.close()


def test_a_picture_and_a_page_that_needs_nothing(tmp_path) -> None:
    result = made([9.0, 8.0] * 6, [5.0, 4.0] * 6)
    assert page.draw(result, tmp_path / "x" / "e.png").read_bytes().startswith(b"\x89PNG")
    text = page.write(result, tmp_path / "e.html").read_text()
    assert "<svg" in text
    assert "Exam of ada on job" in text
    names = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"  # nothing is fetched
    assert "http" not in text.replace(names[0], "").replace(names[1], "").replace(DTD, "")
    assert "<script" not in text


class Knows:
    """Keeps the pole up in the worlds that it knows by their start; elsewhere it gives up."""

    def __init__(self, known: set[bytes]) -> None:
        self.known, self.is_known = known, None

    def begin(self, seed: int) -> None:
        self.is_known = None

    def answer(self, shown):
        if self.is_known is None:
            self.is_known = shown.raw.tobytes() in self.known
        falls_right = shown.raw[2] + 0.5 * shown.raw[3] > 0
        return np.array([float(falls_right and self.is_known)], np.float32), None


def test_a_student_of_another_make_is_examined_and_exposed() -> None:
    job = registry.make("CartPole-v1")
    known = {job.reset(seed).raw.tobytes() for seed in range(12)}
    job.close()
    asked = replace(FEW, worlds=12, shifts=False)
    result = qs.examine(Knows(known), "CartPole-v1", range(12), asked)
    assert result.is_overfit
    assert result.seen.low > result.twin.high
    unknown = qs.examine(Knows(set()), "CartPole-v1", range(12), asked)
    assert not unknown.is_overfit
    assert qs.examine(Knows(known), "CartPole-v1", (), asked).is_overfit is False


def test_students_of_other_makes_meet_shifts_that_need_no_sensors() -> None:
    result = qs.examine(Knows(set()), "CartPole-v1", (), FEW)
    names = [lot.name for lot in result.lots]
    assert names[2:4] == ["delay", "sticking"]
    assert "pole length" in names


def test_who_worked_in_few_worlds_meets_more_fresh_ones() -> None:
    asked = Settings(random=2, shifts=False)
    result = qs.examine(Knows(set()), "CartPole-v1", [1, 2], asked)
    assert [len(lot.worlds) for lot in result.lots] == [2, 80, 2]
    assert len(qs.examine(Knows(set()), "CartPole-v1", (), asked).lots[0].worlds) == 30


def test_a_moved_job_with_other_spaces_is_refused(monkeypatch) -> None:
    entry = registry.registry().find("CartPole-v1")
    monkeypatch.setitem(entry.shifts, "body", lambda by: gymnasium.make("Acrobot-v1"))
    with pytest.raises(JobFailed, match="with its body moved by 1 is another job"):
        qs.examine(Knows(set()), "CartPole-v1", (), FEW)
