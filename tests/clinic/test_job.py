"""The doctor names the fault that was planted, and leaves the healthy in peace."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sick_jobs as sick

from quickstudy.clinic import effort, predict, replay, rewards, ridge
from quickstudy.clinic.finding import Finding, Report, in_order
from quickstudy.clinic.job import examine
from quickstudy.clinic.record import Budget, Path, record
from quickstudy.clinic.settings import Settings
from quickstudy.errors import QuickstudyError, UnknownJob
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.gym import GymJob
from quickstudy.types import End

# Small, and enough to tell: an examination takes half a CPU second.
SETTINGS = Settings(
    steps=1_500, extra_steps=4_000, points=10, policy_seeds=5, features=64, resamples=100
)
BAR = Entry("toy", "a toy", lambda: None, threshold=1e9)


def _examine(toy, seed=1, entry=BAR):
    return examine(toy(), entry, SETTINGS, seed)


def _told(report):
    """What is not ok: name -> result."""
    return {f.name: f.result for f in report if f.result != "ok"}


@pytest.mark.parametrize("seed", range(4))
def test_a_healthy_job_is_left_in_peace(seed):
    assert _told(_examine(sick.Healthy, seed)) == {}


# What breaks off each episode hides its end as well.
NEVER_ENDS = {"horizon": "noted", "what is done matters": "noted"}
SICK = [
    (sick.Constant, {"constant entries": "noted"}, "entry 2 is always 7"),
    (sick.Lost, {"scale of entries": "ill"}, "entry 2"),
    (sick.Faint, {"scale of entries": "ill"}, "entry 2"),
    (sick.Large, {"scale of entries": "noted"}, "entry 2"),
    (sick.Twin, {"twin entries": "noted"}, "entry 2 = entry 0"),
    (sick.NotANumber, {"not finite": "ill", **NEVER_ENDS}, "nan at entry 0"),
    (sick.InfiniteReward, {"not finite": "ill", **NEVER_ENDS}, "came inf"),
    (sick.Raises, {"troubles": "ill", **NEVER_ENDS}, "valve 7"),
    (
        sick.NeverRewarded,
        {"rewards seen": "noted", "what is done matters": "noted"},
        "always 0 in 38 episodes",
    ),
    (sick.Huge, {"scale of rewards": "noted"}, "root mean square"),
    (
        sick.Outlier,
        {"scale of rewards": "noted", "predictable": "noted"},
        "from the median",
    ),
    (
        sick.Deaf,
        {"effect of actions": "ill", "what is done matters": "noted"},
        "nothing done made any difference",
    ),
    (sick.HalfDeaf, {"effect of actions": "noted"}, "amount 1"),
    (sick.TwoAlike, {"effect of actions": "noted"}, "options 2, 3"),
    (sick.LimitAsEnd, {"endings": "ill"}, "after exactly 40 steps"),
    (sick.LimitAsEndWithClock, {"endings": "noted"}, "tells the time"),
    (sick.LimitAmongEnds, {"endings": "noted"}, "after exactly 40 steps"),
    (sick.Unseeded, {"repeatable": "noted", "worlds": "noted"}, "differ; first in entry 0"),
    (sick.OneWorld, {"worlds": "noted"}, "0 go another way"),
    (sick.Late, {"horizon": "noted"}, "100% of what rewards vary"),
    (sick.Hidden, {"history": "noted"}, "entry 0"),
    (
        sick.Chance,
        {"predictable": "noted", "what is done matters": "noted"},
        "on held-out episodes",
    ),
]


@pytest.mark.parametrize(
    ("toy", "told", "evidence"), SICK, ids=lambda x: getattr(x, "__name__", "")
)
def test_the_planted_fault_is_named_and_no_other(toy, told, evidence):
    report = _examine(toy)
    assert _told(report) == told
    assert evidence in report[next(iter(told))].evidence
    assert report[next(iter(told))].advice


def test_without_repeatability_actions_are_judged_by_regression():
    assert _examine(sick.Unseeded)["effect of actions"].result == "ok"
    report = _examine(sick.UnseededAndDeaf)
    assert report["effect of actions"].result == "noted"
    assert "by regression" in report["effect of actions"].evidence


@pytest.mark.parametrize(
    "name",
    ["CartPole-v1", "MountainCar-v0", "Pendulum-v1", "probe/action", "probe/both",
     "probe/action-continuous", "probe/both-continuous"],
)  # fmt: skip
def test_sound_jobs_are_not_ill(name):
    for seed in (1, 2):
        assert examine(name, settings=SETTINGS, seed=seed).ill == ()


# Notes that sound jobs get, all of them true of these jobs.
NOTES = {
    "CartPole-v1": set(),
    "Pendulum-v1": set(),
    "MountainCar-v0": {"rewards seen", "what is done matters"},
    "probe/both": set(),
    "probe/action": {"worlds", "constant entries"},
}


@pytest.mark.parametrize("name", NOTES)
def test_notes_on_sound_jobs_are_few(name):
    assert set(_told(examine(name, settings=SETTINGS))) == NOTES[name]


@pytest.mark.parametrize("name", ["constant", "observation", "delayed"])
def test_probes_in_which_nothing_can_be_done_are_told(name):
    report = examine(f"probe/{name}", settings=SETTINGS)
    assert {f.name for f in report.ill} == {"effect of actions", "random against bar"}


# ---- bars


@pytest.mark.parametrize(
    ("bar", "known", "result"),
    [(-1e9, None, "ill"), (1e9, None, "ok"), (None, None, "noted"), (5.0, 6.0, "ill")],
)
def test_random_against_the_bar(bar, known, result):
    entry = dataclasses.replace(BAR, threshold=bar, random_score=known)
    assert _examine(sick.Healthy, entry=entry)["random against bar"].result == result


def test_a_bar_within_the_interval_is_noted():
    returns = np.array([0.0, 10.0] * 20)
    assert rewards.against_bar(returns, 5.0, None, SETTINGS).result == "noted"
    assert rewards.against_bar(np.zeros(0), 5.0, None, SETTINGS).result == "ok"


# ---- regression, by hand


def test_ridge_by_hand():
    x, y = np.array([[1.0], [2.0]]), np.array([[2.0], [4.0]])
    assert ridge.solve(x, y, np.array([0.0])) == pytest.approx(2.0)
    assert ridge.solve(x, y, np.array([5.0])) == pytest.approx(1.0)  # 10 / (5 + 5)


def test_held_out_errors_do_not_see_what_is_held_out():
    """Noise cannot be foretold, however many features there are to learn it by heart."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(300, 80)), random.normal(size=(300, 1))
    episode = np.repeat(np.arange(30), 10)
    share = ridge.removed(
        ridge.held_out_errors(x, y, episode, 5)[:, 0], y[:, 0] ** 2, episode, SETTINGS
    )
    assert share.value < 0.05 and share.low <= share.value <= share.high
    clear = ridge.held_out_errors(x, x[:, :1] * 3, episode, 5)[:, 0]
    assert ridge.removed(clear, 9 * x[:, 0] ** 2, episode, SETTINGS).low > 0.95


def _record(reward, lengths, ends):
    toy = GymJob(sick.Healthy())
    seen, _ = record(toy, SETTINGS, 0, Budget(40, 60.0), lambda doing, share: None)
    steps = sum(lengths)
    end = np.zeros(steps, int)
    end[np.cumsum(lengths) - 1] = ends
    return dataclasses.replace(
        seen,
        reward=np.array(reward, float),
        end=end,
        episode=np.repeat(np.arange(len(lengths)), lengths),
        step=np.concatenate([np.arange(n) for n in lengths]),
    )


def test_discounted_returns_by_hand():
    """γ = ½, so a window of 4: complete where 4 rewards follow, or the episode terminated."""
    seen = _record([1] * 8, [2, 6], [End.TERMINATED, End.TRUNCATED])
    returns, is_known = predict.discounted_returns(seen, 0.5)
    assert is_known.tolist() == [True, True, True, True, True, False, False, False]
    assert returns[is_known].tolist() == [1.5, 1.0, 1.875, 1.875, 1.875]


def test_the_discount_is_the_learners():
    from types import SimpleNamespace

    from quickstudy.mind import mind

    seen = _record([1] * 8, [2, 6], [End.TERMINATED, End.TRUNCATED])
    for limit in (None, 5, 100, 250, 10_000):
        spec = dataclasses.replace(seen.spec, max_steps=limit)
        like = SimpleNamespace(
            frame=SimpleNamespace(spec=spec), counts=SimpleNamespace(horizon=6)
        )
        assert dataclasses.replace(seen, spec=spec).discount == mind.discount(like)


# ---- what is kept, what is replayed


def test_a_record_is_what_happened():
    job, budget = GymJob(sick.NotANumber()), Budget(100, 60.0)
    seen, paths = record(job, SETTINGS, 3, budget, lambda doing, share: None)
    assert seen.lengths.tolist() == [29, 29, 29, 13] and len(seen.troubles) == 3
    assert seen.shown.shape == (104, 2) and set(seen.ends) == {End.CUT}
    for number, path in enumerate(paths):
        rows = seen.before[seen.episode == number]
        assert np.array_equal(seen.shown[rows], path.shown[:-1])
        assert np.array_equal(seen.shown[rows[-1] + 1], path.shown[-1])


def test_differences_are_found_where_they_are():
    spec = GymJob(sick.Healthy()).spec
    one = Path(0, np.zeros((3, 2)), np.zeros((2, 1)), np.zeros(2), End.NOT)
    other = dataclasses.replace(one, shown=np.array([[0, 0], [0, 4.0], [1, 1]]))
    assert replay.difference(one, one, spec) is None
    assert str(replay.difference(one, other, spec)) == "entry 1 at step 1, by 1 of its size"
    paid = dataclasses.replace(one, reward=np.array([0.0, 2.0]))
    assert replay.difference(one, paid, spec).what == "the reward"
    ended = dataclasses.replace(one, end=End.TERMINATED)
    assert replay.difference(one, ended, spec).what == "the end"


def test_the_budget_is_kept():
    report = examine(sick.Healthy(), BAR, Settings(steps=300, extra_steps=200))
    assert "300 random steps in 8 episodes, 200 replayed" in report["looked"].evidence
    slow = examine(sick.Healthy(), BAR, Settings(seconds=0.2))
    assert slow["looked"].result == "noted" and "the time allowed" in slow["looked"].evidence


def test_the_same_seed_gives_the_same_report():
    first, again = ([f for f in _examine(sick.Healthy) if f.name != "looked"] for _ in range(2))
    assert first == again


# ---- the guess, the report


def test_the_guess_by_hand(monkeypatch):
    monkeypatch.setattr(effort, "WEIGHTS", (3.0,))
    monkeypatch.setattr(effort, "INVERSE", ((3.0,),))
    monkeypatch.setattr(effort, "SPREAD", 0.5)
    monkeypatch.setattr(effort, "QUANTILE", 1.0)
    assert effort.predicted(np.ones(1)) == pytest.approx((1_000.0, 100.0, 10_000.0))


def test_the_guess_says_what_it_rests_on():
    assert f"from {effort.JOBS} jobs of ours" in _examine(sick.Healthy)["effort"].evidence


def test_the_ill_come_first_and_are_raised():
    found = [Finding(name, name, "seen", "do") for name in ("ok", "noted", "ill")]
    report = Report("x", in_order(found))
    assert [f.name for f in report] == ["ill", "noted", "ok"]
    with pytest.raises(QuickstudyError, match="'x' is ill in 1 finding \\(ill\\)"):
        report.raise_if_ill()
    Report("x", tuple(found[:2])).raise_if_ill()


def test_no_job_no_findings():
    with pytest.raises(UnknownJob, match="CartPole-v1"):
        examine("CartPol-v1")
