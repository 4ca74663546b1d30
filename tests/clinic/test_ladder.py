"""The ladder names the bug that was planted, and lets the healthy climb to its top."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np
import pytest

from benchmarks import bugs
from quickstudy.clinic import ladder, remembered, rungs, studied
from quickstudy.clinic.drills import Diary, Drill, Kind
from quickstudy.clinic.watch import Turn, Watched, watch
from quickstudy.mind import mind as minds
from quickstudy.types import End, Observation, Step

GAMMA = 0.95
# Those that show before anything is compiled or learned: an examination takes a second.
QUICK = (
    "reward sign flipped",
    "every third reward lost",
    "terminations bootstrapped",
    "truncation taken for termination",
    "discount ignored",
    "actions off by one on the way",
    "mask forgotten in acting",
    "only the first 1,000 rows kept",
)


@pytest.fixture(scope="module")
def diary() -> Watched:
    """A healthy mind's diary."""
    return watch(Diary(), 100, ladder._small(minds.Settings()), seed=3)


def _ill(findings):
    return [finding.name for finding in findings if finding.result == "ill"]


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_bug_is_named_first(name: str) -> None:
    with bugs.PLANTED[name]():
        found = ladder.climb(seed=1)
    assert _ill(found)[0] in bugs.PLANTED[name].names
    assert found[-1].name != rungs.RUNGS[-1].name  # it did not climb on


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_healthy_climb_to_the_top(seed: int) -> None:
    said = []
    found = ladder.climb(seed=seed, tell=lambda doing, share: said.append(share))
    assert _ill(found) == [] and found[-1].name == rungs.RUNGS[-1].name
    assert len({finding.name for finding in found}) == len(found)
    assert said == sorted(said) and said[0] == 0.0 and said[-1] < 1.0


def test_a_mind_that_raises_is_a_finding(monkeypatch) -> None:
    def act(*given):
        raise RuntimeError("valve 7")

    monkeypatch.setattr(minds, "act", act)
    (finding,) = ladder.climb()
    assert (finding.name, finding.result) == ("raises", "ill") and "valve 7" in finding.evidence


def test_planting_leaves_nothing_behind() -> None:
    for name, bug in bugs.PLANTED.items():
        if not bug.is_compiled:
            before = [getattr(where, attribute) for where, attribute, _ in bug.plant()]
            with bug():
                during = [getattr(where, attribute) for where, attribute, _ in bug.plant()]
            after = [getattr(where, attribute) for where, attribute, _ in bug.plant()]
            assert before == after and before != during, name


# ---- what is remembered


def test_a_healthy_memory_is_exact(diary) -> None:
    assert {f.result for f in remembered.examine(diary)} == {"ok"}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda r: -r, "reward sign"),
        (lambda r: np.roll(r, 1), "reward timing"),
        (lambda r: np.where(np.arange(len(r)) % 4, r, 0), "rewards lost"),
        (lambda r: 100 * r, "reward scale"),
        (lambda r: np.clip(r, 0.3, 0.4), "rewards stored"),
        (lambda r: r, "rewards stored"),
    ],
)
def test_what_befell_the_rewards(change, name) -> None:
    told = np.random.default_rng(0).normal(1, 1, 200)
    finding = remembered._rewards(told, change(told))
    assert finding.name == name
    assert finding.result == ("ok" if np.array_equal(change(told), told) else "ill")


def test_expected_windows_by_hand() -> None:
    """γ = 0.9: three steps fold into 1 + .9·2 + .81·4; what terminates counts for nothing."""
    shown = [Observation(np.array([float(t)], np.float32), np.ones(2, bool)) for t in range(5)]
    ends = [End.NOT, End.NOT, End.NOT, End.TERMINATED]
    turns = [
        Turn(shown[t], np.zeros(1), 0.0, np.zeros(1), Step(shown[t + 1], 2.0**t, ends[t]))
        for t in range(4)
    ]
    life = Watched(mind=None, at_birth=None, turns=turns)
    windows = remembered._expected(life, 3)
    assert windows.reward == pytest.approx([6.04, 12.08, 11.2, 8.0])
    assert windows.discount == pytest.approx([0.729, 0.0, 0.0, 0.0])
    assert windows.next_raw[:, 0].tolist() == [3, 4, 4, 4]


@pytest.mark.parametrize("name", ["healthy", "amounts not rescaled"])
def test_amounts_arrive_as_they_are_remembered(name) -> None:
    with bugs.PLANTED[name]() if name in bugs.PLANTED else contextlib.nullcontext():
        few = dataclasses.replace(rungs.AMOUNTS, decisions=20)
        first, *others = ladder._life_on(few)(ladder._small(minds.Settings()), 3)
    is_healthy = name == "healthy"
    assert (first.name, first.result) == ("action taken", "ok" if is_healthy else "ill")
    assert bool(others) == is_healthy  # what stands on it would say nothing more


# ---- what studying did


def _with(life: Watched, **parts) -> Watched:
    """The same life, with other parts of judgement."""
    learned = life.mind.learned
    changed = learned._replace(judgement=learned.judgement._replace(**parts))
    return dataclasses.replace(life, mind=dataclasses.replace(life.mind, learned=changed))


def _with_instinct(life: Watched, instinct) -> Watched:
    learned = life.mind.learned._replace(instinct=instinct)
    return dataclasses.replace(life, mind=dataclasses.replace(life.mind, learned=learned))


def test_healthy_study_is_left_in_peace(diary) -> None:
    assert _ill(studied.examine(diary, studied.Limits())) == []


def test_what_study_left_undone_is_named(diary) -> None:
    born = diary.at_birth.judgement
    limits = studied.Limits()
    assert studied.learning_rate(_with(diary, critic=born.critic), limits).result == "ill"
    assert studied.target_copy(_with(diary, target=born.critic), limits).result == "ill"
    none = _with(diary, updates=np.zeros((), np.int32))
    assert studied.updates(none.mind, limits).result == "ill"
    nan = _with(diary, log_temperature=np.full((), np.nan))
    assert studied.finite(nan.mind.learned).result == "ill"
    asked = [(100, np.zeros((4, 8), int))]  # row 0, over and over
    assert studied.replay(dataclasses.replace(diary, asked=asked), limits).result == "ill"


def test_refits_that_were_due_are_counted(diary) -> None:
    limits = studied.Limits()
    assert studied.refits(diary, limits).result == "ok"
    assert diary.refits == studied._refits_due(diary) > 10
    once = dataclasses.replace(diary, refits=1)
    assert studied.refits(once, limits).result == "ill"


def test_a_refit_that_is_not_kept_is_none(diary) -> None:
    born = _with_instinct(diary, diary.at_birth.instinct)
    assert studied.refits(born, studied.Limits()).result == "ill"


# ---- what was learned


@pytest.mark.parametrize("rung", rungs.RUNGS, ids=lambda rung: rung.name)
def test_each_fault_is_nearest_to_its_own_answers(rung) -> None:
    truth = np.array([question.truth(GAMMA) for question in rung.questions])
    assert rungs._nearest(rung, truth, truth, GAMMA) == rung.name
    for name in {name for question in rung.questions for name in question.faults}:
        said = [question.faults.get(name, question.truth)(GAMMA) for question in rung.questions]
        assert np.abs(truth - said).max() > rung.near  # it would be told
        same = {
            other
            for other in {n for q in rung.questions for n in q.faults}
            if [q.faults.get(other, q.truth)(GAMMA) for q in rung.questions] == said
        }
        assert rungs._nearest(rung, np.array(said), truth, GAMMA) in same


def test_a_drill_is_what_its_kinds_say() -> None:
    kind = Kind(lambda t: (t / 2,), lambda t, a: a + t, 2, True, lambda t: (True, t == 0))
    drill = Drill((kind,))
    shown, info = drill.reset(seed=0)
    assert shown.tolist() == [0.0] and info["action_mask"].tolist() == [1, 1]
    shown, reward, terminated, truncated, info = drill.step(1)
    assert (shown.tolist(), reward, terminated, truncated) == ([0.5], 1.0, False, False)
    assert info["action_mask"].tolist() == [1, 0]
    assert drill.step(1)[1:4] == (2.0, False, True) and drill.taken == [1.0, 1.0]
