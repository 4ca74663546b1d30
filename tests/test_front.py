"""A learner at its post, and the student that learns for it: together they are one learner."""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path
from typing import NoReturn

import gymnasium
import jax
import numpy as np
import pytest

import quickstudy as qs
from quickstudy import cache, report
from quickstudy.errors import BadObservation, QuickstudyError, UnknownDecision
from quickstudy.experience.event import Kind
from quickstudy.front import Front, Shown, open_front
from quickstudy.learner import Learner, open_learner
from quickstudy.mind import judgement
from quickstudy.mind import mind as minds
from quickstudy.types import End

SMALL = minds.Settings(
    judgement=judgement.Settings(hidden=(16, 16), batch=16, fused=8), window=40, first_lead=32
)
BOX, TWO = gymnasium.spaces.Box(-9.0, 9.0, (2,)), gymnasium.spaces.Discrete(2)
JOB = "keep level"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with qs.hire(tmp_path / "ada", settings=SMALL) as ada:
        ada.declare(JOB, BOX, TWO)
    return tmp_path / "ada"


def front_of(path: Path, studies: bool = False) -> Front:
    return open_front(path, SMALL, studies)


def student_of(path: Path) -> Learner:
    return open_learner(path, SMALL, readonly=True, is_behind=True)


def rebuilt(path: Path) -> Learner:
    """From experience alone, in a folder of its own."""
    other = path.with_name(f"{path.name}-rebuilt")
    shutil.rmtree(other, ignore_errors=True)
    files = shutil.ignore_patterns("*lock", "mind.*", "snapshots")
    shutil.copytree(path, other, ignore=files)
    return open_learner(other, SMALL)


class World:
    """A number to be kept near zero by pushing it; two episodes of it run side by side."""

    def __init__(self, front: Front, seed: int = 0):
        self.front, self.rng = front, np.random.default_rng(seed)
        self.at = {"a": 0.0, "b": 0.0}
        self.late: list[tuple[int, float, str]] = []

    def step(self, stream: str) -> int:
        front, rng = self.front, self.rng
        it = front.propose(JOB, np.full(2, self.at[stream], np.float32), stream)
        flat, by = it.flat, "learner"
        if rng.random() < 0.2:
            flat, by = np.array([float(self.at[stream] < 0)], np.float32), "mentor"
        note = {"key": "k"} if rng.random() < 0.2 else None
        n = front.record(JOB, it.observation, flat, stream, by, it, note)
        self.at[stream] = float(np.clip(self.at[stream] + (0.5 if flat[0] else -0.5), -5, 5))
        reward, dice = -(self.at[stream] ** 2), rng.random()
        if dice < 0.1:
            front.outcome(JOB, n, reward, End.TERMINATED, stream=stream)
            self.at[stream] = float(rng.normal())
        elif dice < 0.15:
            last = front.pack(JOB, np.full(2, self.at[stream], np.float32))
            front.cut(JOB, stream, last)
            self.late.append((n, reward, stream))
        elif dice < 0.3:
            self.late.append((n, reward, stream))
        else:
            front.outcome(JOB, n, reward, stream=stream, key="r")
        if self.late and rng.random() < 0.3:
            n, reward, stream = self.late.pop(int(rng.integers(len(self.late))))
            front.outcome(JOB, n, reward, stream=stream, key="late")
        return n

    def steps(self, number: int) -> None:
        for i in range(number):
            self.step("ab"[i % 2])


def assert_same(one: minds.Mind, two: minds.Mind) -> None:
    for a, b in zip(jax.tree.leaves(one.learned), jax.tree.leaves(two.learned), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.counts == two.counts
    assert one.arbiter == two.arbiter
    assert_same_memory(one, two)


def assert_same_memory(one: minds.Mind, two: minds.Mind) -> None:
    n = one.memory.size
    assert n == two.memory.size
    for name in ("raw", "mask", "action", "reward", "after"):
        mine, other = getattr(one.memory, name), getattr(two.memory, name)
        np.testing.assert_array_equal(mine[:n], other[:n], err_msg=name)


def test_front_and_student_make_the_mind_that_one_learner_would(path: Path) -> None:
    """Though the front acts by minds of different ages, and is opened anew in between."""
    with front_of(path) as front, student_of(path) as student:
        world = World(front)
        for _ in range(6):
            world.steps(40)
            front.log.sync()
            student.follow()
            student.publish()
            assert front.refresh()
            assert front.lag == 0
            world.steps(11)
    with front_of(path) as front, student_of(path) as student:
        world.front = front
        world.steps(60)
        front.log.sync()
        assert student.follow() > 60
        student.publish()
        front.refresh()
        acting, studied = front.learner.mind(JOB), student.mind(JOB)
        assert studied.counts.others > 20
        assert int(studied.learned.judgement.updates) > 100
        assert_same(acting, studied)
        assert acting.streams.keys() == studied.streams.keys()
        with rebuilt(path) as again:
            assert_same(studied, again.mind(JOB))
            for stream, under_way in studied.streams.items():
                mood, other = under_way.mood, again.mind(JOB).streams[stream].mood
                assert (mood.leader, mood.is_adventurous) == (
                    other.leader,
                    other.is_adventurous,
                )


def test_a_learner_that_studies_itself_can_stand_here_too(path: Path) -> None:
    with front_of(path, studies=True) as front:
        World(front).steps(150)
        front.forbid(JOB, front.pack(JOB, [1.0, 1.0]), np.array([1.0], np.float32))
        front.log.sync()
        assert int(front.learner.mind(JOB).learned.judgement.updates) > 50
        with rebuilt(path) as again:
            assert_same(front.learner.mind(JOB), again.mind(JOB))


def test_the_student_learns_who_led_as_the_front_had_it(path: Path) -> None:
    """By its own, later mind it would have drawn another leader, and credited that one."""
    with front_of(path) as front, student_of(path) as student:
        mind = front.learner.mind(JOB)
        front.begin(JOB, "a")
        mood = mind.streams["a"].mood
        mood.leader = "judgement"
        mood.is_curious = mood.is_adventurous = mood.is_sampled = False
        it = front.propose(JOB, [0.0, 0.0], "a")
        n = front.record(JOB, it.observation, it.flat, "a", proposed=it)
        front.outcome(JOB, n, 1.0, End.TERMINATED, stream="a")
        front.log.sync()
        student.follow()
        assert student.mind(JOB).arbiter.weight == [0.0, 1.0]


def test_what_others_earned_is_nobodys_credit(path: Path) -> None:
    with front_of(path, studies=True) as front:
        it = front.propose(JOB, [0.0, 0.0], "a")
        n = front.record(JOB, it.observation, it.flat, "a", "incumbent")
        front.outcome(JOB, n, 1.0, End.TERMINATED, stream="a")
        arbiter = front.learner.mind(JOB).arbiter
        assert arbiter.weight == [0.0, 0.0]
        assert any(arbiter.error)  # predictions were held against what came all the same
        event = front.log.at(n)
        assert event is not None
        assert event.leader == "incumbent"
        assert event.worth is None


def test_a_proposal_records_nothing(path: Path) -> None:
    with front_of(path) as front:
        front.begin(JOB, "a", {"episode": "x7"})
        before = front.log.last
        it = front.propose(JOB, [0.5, 0.5], "a")
        assert front.log.last == before
        assert front.learner.steps(JOB) == 0
        assert it.action in (0, 1)
        assert it.propensity is None or 0.0 < it.propensity < 1.0
        (begun,) = front.log.read(kinds=[Kind.EPISODE])
        assert begun.note == {"episode": "x7"}


def test_a_front_leaves_study_and_the_cache_to_the_student(path: Path) -> None:
    before = cache.stamp(path)
    with front_of(path) as front:
        World(front).steps(120)
        mind = front.learner.mind(JOB)
        assert int(mind.learned.judgement.updates) == 0
        assert mind.counts.fitted == 0
        with pytest.raises(QuickstudyError, match="act only"):
            next(front.learner.work("CartPole-v1", 10))
    assert cache.stamp(path) == before


def test_refresh_never_takes_in_what_is_half_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with front_of(path) as front, student_of(path) as student:
        World(front).steps(100)
        front.log.sync()
        student.follow(0.0)  # one event
        student.publish()
        assert front.refresh()
        assert not front.refresh()
        before = cache.read(path)
        held = front.learner.mind(JOB).learned
        student.follow()
        calls: list[Path] = []

        def dies(file: Path, content: bytes) -> None:
            calls.append(file)
            if len(calls) == 2:
                raise KeyboardInterrupt  # as a kill between the two files
            real(file, content)

        real = cache.write_atomically
        monkeypatch.setattr(cache, "write_atomically", dies)
        with pytest.raises(KeyboardInterrupt):
            student.publish()
        front.refresh()
        assert front.learner.mind(JOB).learned is held
        assert before is not None
        assert cache.read(path) == before  # what was there is there
        monkeypatch.undo()
        student.publish()
        (path / "mind.eqx").write_bytes(b"torn")
        assert not front.refresh()
        assert front.learner.mind(JOB).learned is held
        student.publish()
        assert front.refresh()


def test_outcomes_are_idempotent_by_key(path: Path) -> None:
    with front_of(path) as front:
        it = front.propose(JOB, [0.0, 0.0], "a")
        n = front.record(JOB, it.observation, it.flat, "a", proposed=it)
        first = front.outcome(JOB, n, 0.5, stream="a", key="x")
        assert front.outcome(JOB, n, 0.5, stream="a", key="x") == first
        assert front.outcome(JOB, n, 0.25, stream="a", key="y") == first + 1
        with pytest.raises(QuickstudyError, match="key of its own"):
            front.outcome(JOB, n, 0.75, stream="a", key="x")
        end = front.outcome(JOB, n, 1.0, End.TERMINATED, stream="a", key="end")
        assert front.outcome(JOB, n, 1.0, End.TERMINATED, stream="a", key="end") == end
        assert front.learner.mind(JOB).memory.reward[0] == 1.75
        with pytest.raises(UnknownDecision, match="latest"):
            front.outcome(JOB, n, 1.0, End.TERMINATED, stream="a")
        with pytest.raises(UnknownDecision):
            front.outcome(JOB, 10**6, 1.0)
        with pytest.raises(QuickstudyError, match="finite"):
            front.outcome(JOB, n, math.nan)


def test_a_late_reward_searches_no_other_episodes(path: Path) -> None:
    """A hundred thousand episodes may be under way, and as many rewards come."""

    class Many(dict[str, minds.Stream]):
        def values(self) -> NoReturn:
            raise AssertionError("looked through all of them")

    with front_of(path) as front:
        mind = front.learner.place(JOB).mind
        mind.streams = Many()
        found = []
        for stream in "ab":
            it = front.propose(JOB, np.zeros(2, np.float32), stream)
            found.append(front.record(JOB, it.observation, it.flat, stream, proposed=it))
        front.outcome(JOB, found[0], 1.0, stream="a")
        assert mind.counts.late == 0
        front.cut(JOB, "b")  # what follows is not known
        front.begin(JOB, "b")
        front.outcome(JOB, found[1], 1.0, stream="b")
        assert mind.counts.late == 1


def test_demonstrations_are_learned_from_before_the_first_decision(path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(150):
        at = float(rng.uniform(-4, 4))
        action = int(rng.random() < 0.5)
        reward = -abs(at + (0.5 if action else -0.5))
        rows.append(Shown([at, at], action, reward, End.TERMINATED))
    with front_of(path, studies=True) as front:
        assert front.demonstrate(JOB, rows) == 150
        for at, right in ((-3.0, 1), (3.0, 0)):
            decision = front.learner.decide([at, at], JOB, explore=False, record=False)
            assert decision.action == right
        front.log.sync()
        with rebuilt(path) as again:
            assert_same(front.learner.mind(JOB), again.mind(JOB))


def test_of_demonstrations_that_do_not_fit_nothing_is_kept(path: Path) -> None:
    with front_of(path) as front:
        before = front.log.last
        with pytest.raises(BadObservation, match="Row 2"):
            front.demonstrate(JOB, [Shown([0.0, 0.0], 1), Shown([0.0], 1)])
        with pytest.raises(QuickstudyError, match=r"Row 1: .* mask"):
            front.demonstrate(JOB, [Shown([0.0, 0.0], 1, mask=[True, False])])
        assert front.log.last == before


def test_what_is_forbidden_is_not_its_best_answer_any_more(path: Path) -> None:
    with front_of(path, studies=True) as front:
        shown = front.pack(JOB, [1.0, 1.0])
        for _ in range(5):
            front.demonstrate(JOB, [Shown([1.0, 1.0], a, 1.0, End.TERMINATED) for a in (0, 1)])
        best = front.learner.decide([1.0, 1.0], JOB, explore=False, record=False)
        for _ in range(5):
            n = front.forbid(JOB, shown, best.flat)
        front.log.sync()  # a report reads what is on disk
        (told,) = report.of(path)
        lived = [episode for episode in told.episodes if episode.rewards]
        assert len(lived) == 10  # what was imagined was not lived
        event = next(e for e in front.log.read(after=n) if e.decision == n)
        assert event.end == End.TERMINATED
        assert event.reward is not None
        assert event.reward < best.value.worth
        after = front.learner.decide([1.0, 1.0], JOB, explore=False, record=False)
        assert after.action != best.action


def test_pinned_it_acts_by_a_snapshot_while_the_student_goes_on(path: Path) -> None:
    with front_of(path) as front, student_of(path) as student:
        world = World(front)

        def study() -> None:
            world.steps(80)
            front.log.sync()
            student.follow()
            student.publish()
            front.refresh()

        study()
        front.snapshot("monday")
        with pytest.raises(QuickstudyError, match="already"):
            front.snapshot("monday")
        monday = front.learner.mind(JOB).learned
        study()
        assert not _alike(front.learner.mind(JOB).learned, monday)
        with pytest.raises(QuickstudyError, match="Did you mean 'monday'"):
            front.pin(JOB, "munday")
        front.pin(JOB, "monday")
        study()
        assert _alike(front.learner.mind(JOB).learned, monday)
        assert front.snapshots() == ("monday",)
    with front_of(path) as front, student_of(path) as student:
        assert _alike(front.learner.mind(JOB).learned, monday)  # it is kept
        student.follow()
        student.publish()
        front.unpin(JOB)
        assert _alike(front.learner.mind(JOB).learned, student.mind(JOB).learned)


def _alike(one: minds.Learned, two: minds.Learned) -> bool:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_a_job_declared_at_the_post_reaches_the_student(path: Path) -> None:
    with front_of(path) as front, student_of(path) as student:
        front.learner.declare("other", BOX, TWO)
        it = front.propose("other", [0.0, 0.0], "a")
        front.record("other", it.observation, it.flat, "a", proposed=it)
        front.log.sync()
        student.follow()
        student.publish()
        assert student.steps("other") == 1
        assert front.refresh()


def test_settings_are_one_for_both(path: Path) -> None:
    """A student of other settings is not believed."""
    with front_of(path) as front:
        other = dataclasses.replace(SMALL, num_steps=2)
        with open_learner(path, other, readonly=True, is_behind=True) as student:
            student.follow()
            student.publish()
        assert not front.refresh()
