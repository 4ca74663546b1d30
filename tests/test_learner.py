"""A learner is its experience: what it becomes follows from its log, however it got there."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import gymnasium
import jax
import numpy as np
import pytest

import quickstudy as qs
from quickstudy import life
from quickstudy.errors import (
    BadObservation,
    DamagedLearner,
    LearnerInUse,
    QuickstudyError,
    SpecChanged,
    UnknownDecision,
    UnknownJob,
)
from quickstudy.jobs import registry
from quickstudy.learner import Learner, held_out_seed
from quickstudy.mind import judgement
from quickstudy.mind import mind as minds
from quickstudy.types import End

SMALL = minds.Settings(judgement=judgement.Settings(hidden=(16, 16), batch=16, fused=8))
BOX, TWO = gymnasium.spaces.Box(-1.0, 1.0, (2,)), gymnasium.spaces.Discrete(2)


def hired(path: Path, seed: int = 0) -> Learner:
    return qs.hire(path, seed=seed, settings=SMALL)


def opened(path: Path) -> Learner:
    return qs.open(path, settings=SMALL)


def arrays(learner: Learner, job: str) -> list[np.ndarray]:
    return jax.tree.leaves(learner._places[job].mind.learned)


def assert_same_mind(one: Learner, two: Learner, job: str) -> None:
    for a, b in zip(arrays(one, job), arrays(two, job), strict=True):
        np.testing.assert_array_equal(a, b)
    mind, other = one._places[job].mind, two._places[job].mind
    assert mind.counts == other.counts
    assert mind.arbiter == other.arbiter
    n = mind.memory.size
    for name in ("raw", "mask", "action", "reward", "after"):
        np.testing.assert_array_equal(
            getattr(mind.memory, name)[:n], getattr(other.memory, name)[:n], err_msg=name
        )
    shown = mind.memory.raw[:20]
    for raw in shown:
        a = one.decide(raw, job, explore=False, record=False)
        b = two.decide(raw, job, explore=False, record=False)
        assert a.action == b.action
        assert a.value == b.value


def worked(learner: Learner, steps: int, job: str = "CartPole-v1") -> list[qs.Moment]:
    return list(learner.work(job, steps))


def forget_mind(path: Path) -> None:
    (path / "mind.json").unlink()


def test_the_same_seed_is_the_same_life(tmp_path: Path) -> None:
    with hired(tmp_path / "a", 3) as a, hired(tmp_path / "b", 3) as b:
        lives = [
            [(m.reward, m.decision.action, m.decision.value) for m in worked(x, 200)]
            for x in (a, b)
        ]
        assert lives[0] == lives[1]
        assert_same_mind(a, b, "CartPole-v1")


def test_another_seed_is_another_life(tmp_path: Path) -> None:
    with hired(tmp_path / "a", 3) as a, hired(tmp_path / "b", 4) as b:
        assert [m.decision.action for m in worked(a, 50)] != [
            m.decision.action for m in worked(b, 50)
        ]


def test_closed_and_opened_it_acts_the_same(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a:
        worked(a, 150)
    with opened(tmp_path / "a") as again:
        shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("lock"))
        forget_mind(tmp_path / "b")  # rebuilt from experience alone
        with opened(tmp_path / "b") as rebuilt:
            assert again.steps("CartPole-v1") == rebuilt.steps("CartPole-v1") == 150
            assert_same_mind(again, rebuilt, "CartPole-v1")


def test_killed_between_saves_nothing_differs(tmp_path: Path) -> None:
    """A copy of the folder taken in mid-episode is what a kill leaves behind."""
    with hired(tmp_path / "a") as a:
        worked(a, 60)
        a.save()
        worked(a, 90)
        a._log.sync()
        shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("lock"))
        with opened(tmp_path / "b") as b:
            assert_same_mind(a, b, "CartPole-v1")


def test_what_it_was_in_the_middle_of_goes_on_after_a_kill(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a:
        for moment in a.work("CartPole-v1", 300):
            if moment.step == 130:
                break
        a._log.sync()
        shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("lock"))
    with opened(tmp_path / "b") as b:
        assert b.interrupted("CartPole-v1")
        moments = worked(b, 300)
        assert [m.step for m in moments] == list(range(131, 301))
        assert not b.interrupted("CartPole-v1")


def test_work_goes_on_where_it_stopped_in_the_middle_of_an_episode(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a, hired(tmp_path / "b") as b:
        whole = worked(a, 80)
        parts = worked(b, 33) + worked(b, 47)
        assert [(m.step, m.episode, m.episode_return) for m in whole] == [
            (m.step, m.episode, m.episode_return) for m in parts
        ]


def test_checks_change_nothing(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a, hired(tmp_path / "b") as b:
        checked = [m.check for m in a.work("CartPole-v1", 100, checks=2)]
        worked(b, 100)
        assert sum(check is not None for check in checked) == 2
        assert [c.step for c in a.checks("CartPole-v1")] == [50, 100]
        assert_same_mind(a, b, "CartPole-v1")


def test_worlds_of_checks_are_never_worlds_of_work(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a:
        seed_of = a._seed_of("CartPole-v1")
        assert not {seed_of(i) for i in range(3000)} & {
            held_out_seed("CartPole-v1", i) for i in range(3000)
        }


# ---- the caller's loop


def bandit(learner: Learner, steps: int) -> None:
    """Action 1 pays where the first number is positive, action 0 where it is not."""
    rng = np.random.default_rng(0)
    for _ in range(steps):
        shown = rng.uniform(-1, 1, 2)
        decision = learner.decide(shown, job="dispatch")
        learner.reward(decision.id, float(decision.action == (shown[0] > 0)))
        learner.finish(decision.id)


def test_it_learns_in_a_loop_that_the_caller_drives(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, TWO)
        bandit(ada, 150)
        right = [
            ada.decide([x, 0.0], job="dispatch", explore=False, record=False).action == (x > 0)
            for x in np.linspace(-0.9, 0.9, 10)
        ]
        assert sum(right) >= 9


def test_a_frozen_answer_leaves_no_trace(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, TWO)
        before = ada._log.last
        answer = ada.decide([0.1, 0.2], job="dispatch", explore=False, record=False)
        assert answer.id == 0
        assert ada._log.last == before
        assert ada.steps("dispatch") == 0


def test_rewards_late_in_any_order_and_twice_make_the_same_memory(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a, hired(tmp_path / "b") as b:
        for learner, late in ((a, False), (b, True)):
            learner.declare("dispatch", BOX, TWO)
            ids = [learner.decide([0.1 * i, 0.0], job="dispatch").id for i in range(6)]
            for n in reversed(ids) if late else ids:
                learner.reward(n, 1.0 + n)
                learner.reward(n, 1.0 + n)
        one, two = (x._places["dispatch"].mind.memory for x in (a, b))
        np.testing.assert_array_equal(one.reward[:6], two.reward[:6])


def test_parts_of_a_reward_add_up_under_keys_of_their_own(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, TWO)
        decision = ada.decide([0.0, 0.0], job="dispatch")
        ada.reward(decision.id, 1.0)
        ada.reward(decision.id, 0.25, key="tip")
        ada.reward(decision.id, 0.25, key="tip")
        assert ada._places["dispatch"].mind.memory.reward[0] == 1.25
        with pytest.raises(QuickstudyError, match=r"reward 1 before, and now 2.*key="):
            ada.reward(decision.id, 2.0)


def test_episodes_side_by_side_on_streams(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, TWO)
        first = [
            ada.decide([0.1, i], job="dispatch", stream=s).id for i in (0, 1) for s in "xy"
        ]
        ada.finish(first[2], terminated=False, observation=[0.5, 0.5])
        place = ada._places["dispatch"]
        assert list(place.open) == ["y"]
        with pytest.raises(QuickstudyError, match="not the latest"):
            ada.finish(first[1])
        memory = place.mind.memory
        np.testing.assert_array_equal(memory.after[:2], [2, 3])
        np.testing.assert_allclose(memory.raw[memory.after[2]], [0.5, 0.5])


def test_masks_are_obeyed_when_acting(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, gymnasium.spaces.Discrete(3))
        for i in range(60):
            mask = np.array([i % 2, 0, 1], np.int8)
            decision = ada.decide([0.0, 0.0], job="dispatch", info={"action_mask": mask})
            assert mask[decision.action]
            ada.reward(decision.id, float(decision.action == 0))


# ---- what can go wrong


def test_unknown_job_is_named_with_the_nearest(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        with pytest.raises(UnknownJob, match=r"'CartPol-v1'\. Did you mean 'CartPole-v1'"):
            worked(ada, 10, "CartPol-v1")
        with pytest.raises(UnknownJob, match="dispatch"):
            ada.decide([0.0], job="dispatch")


@pytest.mark.parametrize("shown", [[np.nan, 0.0], [0.0], "hello", {"x": 1}])
def test_an_observation_that_does_not_fit(shown: object, tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, TWO)
        with pytest.raises(BadObservation, match=r"came .*expected"):
            ada.decide(shown, job="dispatch")
        assert ada.decide([0.0, 0.0], job="dispatch").id  # and it goes on


@pytest.mark.parametrize("reward", [np.nan, np.inf, "much", None])
def test_a_reward_that_is_no_number(reward: object, tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, TWO)
        decision = ada.decide([0.0, 0.0], job="dispatch")
        with pytest.raises(QuickstudyError, match="expected one finite number"):
            ada.reward(decision.id, reward)


def test_a_decision_that_was_never_taken(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, TWO)
        with pytest.raises(UnknownDecision, match="no decision 999"):
            ada.reward(999, 1.0)


def test_spaces_that_changed(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, TWO)
    with opened(tmp_path / "a") as ada:
        ada.declare("dispatch", BOX, TWO)
        with pytest.raises(SpecChanged, match="dispatch"):
            ada.declare("dispatch", BOX, gymnasium.spaces.Discrete(3))


def test_two_at_once_and_none_at_all(tmp_path: Path) -> None:
    with hired(tmp_path / "a"), pytest.raises(LearnerInUse):
        opened(tmp_path / "a")
    with pytest.raises(DamagedLearner):
        opened(tmp_path / "nobody")


@pytest.mark.parametrize("damage", ["arrays", "note", "settings"])
def test_a_damaged_mind_is_rebuilt_from_experience(damage: str, tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a:
        worked(a, 120)
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("lock"))
    if damage == "arrays":
        content = bytearray((tmp_path / "b/mind.eqx").read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / "b/mind.eqx").write_bytes(content)
    elif damage == "note":
        (tmp_path / "b/mind.json").write_text('{"position": "soon"')
    else:
        note = json.loads((tmp_path / "b/mind.json").read_text())
        note["minds"]["CartPole-v1"]["settings"] = "others"
        (tmp_path / "b/mind.json").write_text(json.dumps(note))
    with opened(tmp_path / "a") as a, opened(tmp_path / "b") as b:
        assert_same_mind(a, b, "CartPole-v1")


def test_experience_that_is_gone_is_noticed(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a:
        worked(a, 30)
        a.save()
        shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("lock"))
        worked(a, 30)
    shutil.copy(tmp_path / "a/mind.json", tmp_path / "b/mind.json")
    shutil.copy(tmp_path / "a/mind.eqx", tmp_path / "b/mind.eqx")
    with pytest.raises(DamagedLearner, match="experience is missing"):
        opened(tmp_path / "b")


def test_no_pickle_in_the_folder(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a:
        worked(a, 40)
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert {"experience.db", "learner.toml", "mind.eqx", "mind.json"} <= names
    assert b"\x80\x04\x95" not in (tmp_path / "a/mind.eqx").read_bytes()


def test_a_cut_is_not_an_end(tmp_path: Path) -> None:
    """Closing in mid-episode bootstraps from what was seen last."""
    with hired(tmp_path / "a") as a:
        moments = worked(a, 7)
        assert moments[-1].end is End.NOT
    with opened(tmp_path / "a") as a:
        memory = a._places["CartPole-v1"].mind.memory
        last = memory.ready[memory.num_ready - 1]
        assert memory.after[last] == memory.size - 1  # a situation without a decision
        assert memory.num_ready == 7


@pytest.fixture
def only_one_cartpole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process can hold one CartPole only."""
    entry = registry.registry().find("CartPole-v1")
    single = dataclasses.replace(entry, is_single=True)
    monkeypatch.setattr(registry.Registry, "find", lambda self, name: single)


def test_where_a_process_can_hold_only_one_environment_checks_wait(
    tmp_path: Path, only_one_cartpole: None
) -> None:
    with hired(tmp_path / "a") as a:
        moments = list(a.work("CartPole-v1", 400, checks=3))
        assert a._benches["CartPole-v1"].is_shared
        checked = [m for m in moments if m.check is not None]
        assert len(checked) == 3
        assert all(m.end or m.step == 400 for m in checked)
        assert [m.step for m in moments] == list(range(1, 401))


def test_an_exam_in_mid_episode_of_the_only_environment_cuts_it_and_work_goes_on(
    tmp_path: Path, only_one_cartpole: None
) -> None:
    """Found on the traffic engineer, whose simulator can be started once in a process."""
    with hired(tmp_path / "a") as a:
        steps = []
        for moment in a.work("CartPole-v1", 60):
            steps.append(moment.step)
            if moment.step % 7 == 0:
                a.check("CartPole-v1", 1)
        assert steps == list(range(1, 61))
        assert len(a.checks("CartPole-v1")) == 8


def test_an_episode_longer_than_the_window_is_judged_as_it_goes_on(tmp_path: Path) -> None:
    """Found on the greenhouse, whose episodes have 1,920 steps."""
    windowed = dataclasses.replace(SMALL, window=10)
    with qs.hire(tmp_path / "a", settings=windowed) as ada:
        ada.declare("dispatch", BOX, TWO)
        for step in range(35):
            decision = ada.decide([0.0, step / 35], job="dispatch")
            ada.reward(decision.id, 1.0)
        stream = ada._places["dispatch"].mind.streams[""]
        assert len(stream.rows) == len(stream.predictions) == 5
        ada.finish(decision.id)
        assert ada._places["dispatch"].mind.memory.num_ready == 35
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns("lock"))
    forget_mind(tmp_path / "b")
    with (
        qs.open(tmp_path / "a", settings=windowed) as a,
        qs.open(tmp_path / "b", settings=windowed) as b,
    ):
        assert_same_mind(a, b, "dispatch")


def test_rewards_that_come_after_the_end_do_not_pass_for_none(tmp_path: Path) -> None:
    """Two situations that recur; everything is paid when the episode is over."""
    with qs.hire(tmp_path / "a", settings=SMALL) as ada:
        ada.declare("dispatch", BOX, TWO)
        for episode in range(60):
            decision = ada.decide([episode % 2, 0.0], job="dispatch")
            ada.finish(decision.id)
            ada.reward(decision.id, 5.0 * (decision.action == episode % 2))
        mind = ada._places["dispatch"].mind
        assert mind.counts.late == 60
        assert minds.return_scale(mind) >= 5.0
        moods = [minds._mood(mind, episode, 0) for episode in range(100, 200)]
        assert 0.1 < np.mean([mood.is_curious for mood in moods]) < 0.7


def test_an_episode_begun_and_left_at_once_is_no_hindrance(tmp_path: Path) -> None:
    """As Ctrl-C leaves it, between the beginning of an episode and its first decision."""
    with hired(tmp_path / "ada") as ada:
        worked(ada, 20)
        place = ada._places["CartPole-v1"]
        ada._benches["CartPole-v1"].shown = None
        life.begin(place, life.WORK)
        assert place.open[life.WORK].steps == 0
    with opened(tmp_path / "ada") as ada:
        assert worked(ada, 20)[-1].step == 40
