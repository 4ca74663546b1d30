"""The doctor of learners: what is planted in a mind or a past is named, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from gymnasium import spaces

import quickstudy as qs
from quickstudy import cli
from quickstudy.clinic import ladder, visit
from quickstudy.clinic import learner as doctor
from quickstudy.clinic.finding import Finding
from quickstudy.clinic.past import Past, read
from quickstudy.errors import QuickstudyError, UnknownJob
from quickstudy.jobs.layout import spec_of
from quickstudy.mind import mind as minds

LIMITS = doctor.Limits()
SPEC = spec_of(spaces.Box(-np.inf, np.inf, (3,)), spaces.Discrete(2), 50, None)
EPISODES, STEPS = 40, 10


@pytest.fixture
def ada(tmp_path):
    """A learner with three short episodes on a job of the caller's: 2, 2 and 1 steps."""
    with qs.hire(tmp_path / "ada", seed=1) as ada:
        ada.declare("dispatch", spaces.Box(-1, 1, (2,)), spaces.Discrete(2))
        for rewards, terminated in (([1.0, 2.0], True), ([3.0, 4.0], False), ([5.0], True)):
            for reward in rewards:
                decision = ada.decide(np.zeros(2, np.float32), job="dispatch")
                ada.reward(decision.id, reward)
            ada.finish(decision.id, terminated)
        yield ada


def _past(**parts) -> Past:
    """Forty episodes of ten steps in which worth is right but for noise."""
    rng = np.random.default_rng(0)
    n = EPISODES * STEPS
    came = rng.normal(5, 2, n)
    past = Past(
        episode=np.repeat(np.arange(EPISODES), STEPS),
        worth=came + rng.normal(0, 1, n),
        spread=np.ones(n),
        support=np.full(n, 0.9),
        came=came,
        earned=rng.normal(10, 1, EPISODES),
        leader=np.array(["instinct", "judgement"] * (EPISODES // 2), dtype=object),
    )
    return dataclasses.replace(past, **parts)


@pytest.fixture
def mind() -> minds.Mind:
    """A mind with such a past in memory and its statistics up to date."""
    mind = minds.init(SPEC, 0, minds.Settings(lead="instinct"))
    rng = np.random.default_rng(1)
    for _ in range(EPISODES * STEPS):
        row = mind.memory.add(rng.normal(50, 5, 3).astype(np.float32), None, np.zeros(1))
        mind.memory.link(row, -2)
    mind.counts.decisions, mind.counts.best = EPISODES * STEPS, 1.0
    minds._look(mind)
    return mind


def _told(found):
    return {finding.name: finding.result for finding in found if finding.result != "ok"}


def test_the_well_are_left_in_peace(mind) -> None:
    assert _told(doctor.own(mind, _past(), LIMITS)) == {}


def _better(speed: str) -> np.ndarray:
    """Returns that are much higher where one speed led, in alternating episodes."""
    return np.where(_past().leader == speed, 20.0, 10.0) + _past().earned


FEW = np.array(
    (["instinct"] * 9 + ["judgement"] * 1) * 4, dtype=object
)  # 10 % led by judgement
SICK = [
    ({"worth": _past().worth + 6.0}, {"worth": "noted", "spread": "noted"}),
    ({"worth": _past().worth + 600.0}, {"worth explodes": "ill", "spread": "noted"}),
    ({"worth": np.full(EPISODES * STEPS, 5.0)}, {"worth collapsed": "ill"}),
    ({"spread": np.full(EPISODES * STEPS, 0.1)}, {"spread": "noted"}),
    ({"support": np.full(EPISODES * STEPS, 0.1)}, {"replay": "noted"}),
    ({"earned": _better("judgement")}, {}),  # it does get half of the episodes
]


@pytest.mark.parametrize(("parts", "told"), SICK)
def test_what_is_wrong_with_the_past_is_named(parts, told, mind) -> None:
    past = _past(spread=np.full(EPISODES * STEPS, 2.0))
    assert _told(doctor.own(mind, dataclasses.replace(past, **parts), LIMITS)) == told


def test_an_arbiter_stuck_on_the_worse_speed() -> None:
    limits = dataclasses.replace(LIMITS, episodes=2)
    earned = np.where(FEW == "judgement", 30.0, 10.0) + _past().earned
    finding = doctor.leading(_past(leader=FEW, earned=earned), limits)
    assert finding.result == "ill" and "judgement leads 10%" in finding.evidence
    assert doctor.leading(_past(leader=FEW), limits).result == "ok"  # no difference
    assert "too few" in doctor.leading(_past(leader=FEW), LIMITS).evidence


def test_what_is_wrong_with_the_mind_is_named(mind) -> None:
    mind.memory.raw[: mind.memory.size] += 1_000.0
    assert _told(doctor.own(mind, _past(), LIMITS)) == {"normaliser": "ill"}
    mind.memory.raw[: mind.memory.size] -= 1_000.0
    mind.memory.num_ready = 50
    assert _told(doctor.own(mind, _past(), LIMITS)) == {"replay": "ill"}
    mind.memory.num_ready = EPISODES * STEPS
    weights = np.full_like(mind.learned.instinct.weights, np.nan)
    own = mind.learned.instinct._replace(weights=weights)
    mind.learned = mind.learned._replace(instinct=own)
    assert _told(doctor.own(mind, _past(), LIMITS)) == {"finite": "ill"}


def test_a_short_past_says_little(ada) -> None:
    past = read(ada, "dispatch", 0.5)
    found = doctor.own(ada.mind("dispatch"), past, LIMITS)
    assert _told(found) == {"worth": "noted"}


def test_the_past_by_hand(ada) -> None:
    """γ = ½: 1 + ½·2 = 2; beyond the cut nothing is known; cut episodes earn nothing."""
    past = read(ada, "dispatch", 0.5)
    assert past.episode.tolist() == [0, 0, 1, 1, 2]
    assert past.came[[0, 1, 4]].tolist() == [2.0, 2.0, 5.0] and np.isnan(past.came[2:4]).all()
    assert past.earned.tolist() == [3.0, 5.0] and len(past.leader) == 2
    assert past.recent(1.0, 0).tolist() == [0, 1, 4]
    # 0.2² = 0.04 of what lies beyond is negligible; 0.2 of it is not.
    assert read(ada, "dispatch", 0.2).came[2] == pytest.approx(3.8)


# ---- the whole visit


@pytest.fixture
def short_ladder(monkeypatch):
    """A ladder of one rung, which is as the test wants it."""
    rung = SimpleNamespace(result="ok")

    def climb(settings, tell=None):
        return (Finding("looking ahead", rung.result, "0.70 where the truth is 0.70"),)

    monkeypatch.setattr(ladder, "climb", climb)
    return rung


def test_a_visit(ada, short_ladder) -> None:
    report = qs.doctor(ada)
    assert report["ladder: looking ahead"].result == "ok" and report.job == "dispatch"
    assert str(report).startswith("Learner 'ada' on job 'dispatch':")
    report.raise_if_ill()
    short_ladder.result = "ill"
    report = visit.doctor(ada, job="dispatch")
    assert next(iter(report)).name == "ladder: looking ahead"  # the ill come first
    with pytest.raises(QuickstudyError, match=r"ada.*1 finding \(ladder: looking ahead\)"):
        report.raise_if_ill()


def test_nothing_is_learned_at_the_doctors(ada, short_ladder) -> None:
    before = ada.sync("dispatch"), ada.mind("dispatch").counts.decisions
    qs.doctor(ada)
    assert (ada.sync("dispatch"), ada.mind("dispatch").counts.decisions) == before


def test_jobs_that_it_never_worked_on(ada, tmp_path) -> None:
    with pytest.raises(QuickstudyError, match=r"never worked on 'CartPole-v1'.*dispatch"):
        qs.doctor(ada, "CartPole-v1")
    with (
        qs.hire(tmp_path / "new") as new,
        pytest.raises(QuickstudyError, match="worked on 0 jobs"),
    ):
        qs.doctor(new)


def test_whom_a_name_means(own_home) -> None:
    qs.hire("CartPole-v1").close()
    qs.hire("ada").close()
    assert visit.is_learner("ada") and visit.is_learner(own_home / "ada")
    assert not visit.is_learner("CartPole-v1")  # the job, unless one is named
    assert not visit.is_learner("module:Id-v0") and not visit.is_learner("nobody")
    with pytest.raises(UnknownJob):
        qs.doctor("nobody")


def test_at_the_command_line(ada, short_ladder, capsys) -> None:
    path = str(ada.path)
    ada.close()
    assert cli.main(["doctor", path]) == 0
    assert capsys.readouterr().out.startswith("Learner 'ada' on job 'dispatch':")
    short_ladder.result = "ill"
    assert cli.main(["doctor", path, "--job", "dispatch", "--json"]) == 1
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[0]["name"] == "ladder: looking ahead" and lines[0]["result"] == "ill"
    assert len({line["name"] for line in lines[:-1]}) == len(lines) - 1
    assert err.startswith("quickstudy: Learner 'ada' is ill on job 'dispatch' in 1 finding")
    assert cli.main(["doctor", path, "--job", "CartPole-v1"]) == 1
    assert "never worked on" in capsys.readouterr().err
