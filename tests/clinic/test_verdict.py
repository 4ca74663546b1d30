"""Bug or wrong direction: the rules by hand, the oracles on toys with a known answer."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from benchmarks import blind, blind_jobs
from quickstudy.clinic import ladder, oracles, verdict
from quickstudy.clinic.finding import Finding
from quickstudy.clinic.oracles import Gain, Sight, Trials
from quickstudy.clinic.record import Budget, record
from quickstudy.clinic.settings import Settings
from quickstudy.clinic.verdict import RULES, Signs, judged, of_job, with_learner
from quickstudy.errors import QuickstudyError
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.probes import PROBES

# Small, and enough to tell: a look takes about a second.
SETTINGS = Settings(
    oracle_record=300, oracle_steps=12_000, oracle_worlds=40, most_trials=200, features=64
)


def _gain(share, sure=10.0):
    return Gain(share, sure, np.zeros(1))


SOUND = Signs(
    worked=100,
    moves=True,
    pays=True,
    is_met=True,
    trials=100,
    decisive=100,
    gains={"blind": _gain(0.1), "shown": _gain(0.5), "past": _gain(0.5), "state": _gain(0.5)},
    adds={"shown": 8.0, "past": 0.0, "state": 0.0},
    needed=100.0,
)
NOT_MET = replace(SOUND, is_met=False, pays=False, decisive=0, gains={}, adds={})
UNTOLD = {kind: _gain(0.02, 0.5) for kind in ("blind", "shown", "past")}
SEES, AS_BLIND = Sight(40, 9.0, 1.0, 8.0), Sight(40, 1.1, 1.0, 0.5)
WITHOUT_STATE = {kind: gain for kind, gain in SOUND.gains.items() if kind != "state"}


@pytest.mark.parametrize(
    ("signs", "kind", "ingredient"),
    [
        (SOUND, "fine", ""),
        (Signs(), "unsure", ""),
        (replace(SOUND, moves=False, pays=False), "direction", "actions"),
        (replace(SOUND, pays=False), "direction", "reward"),
        (replace(NOT_MET, met_longer=True), "direction", "time"),
        (replace(NOT_MET, met_longer=False), "direction", "exploration"),
        (replace(NOT_MET, searched=900), "fine", ""),
        (replace(SOUND, seen_share=0.01), "direction", "horizon"),
        (replace(SOUND, seen_share=0.01, visible=1.0), "fine", ""),
        (replace(SOUND, decisive=3), "unsure", "data"),
        (replace(SOUND, decisive=3, sight=AS_BLIND), "unsure", "data"),
        (replace(SOUND, decisive=3, sight=SEES), "fine", ""),
        (replace(SOUND, gains=UNTOLD, adds={}, sight=SEES), "fine", ""),
        (replace(SOUND, gains=UNTOLD, adds={}, sight=AS_BLIND), "direction", "observation"),
        (replace(SOUND, needed=1e6), "direction", "noise"),
        (
            replace(
                SOUND,
                gains=UNTOLD | {"past": _gain(0.7)},
                adds={"past": 8.0, "shown": 0.0},
            ),
            "direction",
            "memory",
        ),
        (replace(SOUND, gains=UNTOLD, adds={}, needed=math.inf), "direction", "observation"),
        (  # not even the full state tells: what is shown lacks nothing
            replace(SOUND, gains=UNTOLD | {"state": _gain(0.02, 0.5)}, adds={}),
            "unsure",
            "data",
        ),
        (  # too little was seen: it may well be 0.02 + 2 · 0.2
            replace(SOUND, gains=UNTOLD | {"shown": _gain(0.02, 0.1)}, adds={}),
            "unsure",
            "data",
        ),
        (  # to look is no better than to do what is best on the whole
            replace(SOUND, gains=WITHOUT_STATE | {"shown": _gain(0.1001)}, adds={"shown": 0.1}),
            "direction",
            "observation",
        ),
        (  # or it may be better: 0.3 more, but only one error from nothing
            replace(SOUND, gains=WITHOUT_STATE | {"shown": _gain(0.4)}, adds={"shown": 1.0}),
            "unsure",
            "data",
        ),
        (  # unless that is good enough
            replace(SOUND, gains=SOUND.gains | {"shown": _gain(0.9)}, adds={"shown": 0.3}),
            "fine",
            "",
        ),
        (replace(SOUND, gains=SOUND.gains | {"shown": _gain(0.5, 2.0)}), "unsure", "data"),
        (
            replace(SOUND, gains=UNTOLD, adds={}, needed=math.inf, is_repeatable=False),
            "unsure",
            "data",
        ),
    ],
)
def test_rules(signs, kind, ingredient):
    rule = judged(signs)
    assert (rule.kind, rule.ingredient) == (kind, ingredient)


def test_every_rule_rests_on_a_line_of_the_evidence():
    lines = {line for line, _ in verdict._lines(replace(SOUND, sight=SEES))}
    assert {rule.line for rule in RULES} <= lines


# ── Oracles ─────────────────────────────────────────────────────────────────────────────


def _trials(soon, world, came=None):
    """Trials of which only earnings matter."""
    job = GymJob(PROBES["both"]())
    soon = np.array(soon, float)
    return Trials(
        job.spec,
        [np.zeros(1)] * soon.shape[1],
        np.zeros(1, int),
        0.95,
        world=list(world),
        step=[0] * len(soon),
        shown=list(np.arange(len(soon), dtype=np.float32)[:, None]),
        soon=list(soon),
        came=list(soon if came is None else np.array(came, float)),
    )


def test_gain_by_hand():
    """The first action is always better by 2: blind knowledge gets all of hindsight's gain."""
    trials = _trials([[3.0, 1.0]] * 6, range(6))
    gained = oracles.gain(trials, np.zeros((6, 1)), SETTINGS)
    assert gained.share == pytest.approx(1.0)
    assert gained.sure == math.inf
    assert gained.each == pytest.approx(np.ones(6))


def test_standard_errors_by_hand():
    """Sums by world 1, 3: 4 above 0, with deviations ±1."""
    each, world = np.array([0.5, 0.5, 1.0, 2.0]), np.array([0, 0, 1, 1])
    assert oracles._errors_above(each, world) == pytest.approx(4 / math.sqrt(2))
    assert oracles._errors_above(np.zeros(4), world) == 0.0


def test_what_the_discount_leaves_by_hand():
    assert oracles.seen_share(_trials([[0.5, 0.0]], [0], [[2.0, 0.0]])) == 0.25
    assert oracles.seen_share(_trials([[0.0, 0.0]], [0])) == 1.0


def _tried(env, seed=0):
    job = GymJob(env)
    budget = Budget(6_000, 60.0)
    worlds = oracles.planned(job, SETTINGS, seed, Budget(3_000, 60.0), verdict._quiet, 1_000)
    return oracles.tried(job, worlds, 0.95, SETTINGS, seed, budget, verdict._quiet)


def test_trials_change_one_action_alone():
    """At the probe of choosing by what is seen, the right choice earns 1 and the wrong −1."""
    trials = _tried(PROBES["both"]())
    right = (np.array(trials.shown)[:, 0] > 0).astype(int)
    earned = np.array(trials.came)
    assert np.array_equal(earned[np.arange(len(right)), right], np.ones(len(right)))
    assert np.array_equal(earned[np.arange(len(right)), 1 - right], -np.ones(len(right)))


def test_what_is_shown_tells_what_to_do_where_it_does():
    gains = oracles.gains(_tried(PROBES["both"]()), SETTINGS)
    assert gains["shown"].share > 0.95
    assert gains["blind"].share < 0.3
    assert oracles.gains(_tried(PROBES["action"]()), SETTINGS)["blind"].share > 0.95


@pytest.mark.parametrize(("probe", "sees"), [("both", True), ("action", False)])
def test_who_follows_what_is_shown_is_held_against_anybody_blind(probe, sees):
    """At the second probe one of the actions is always right: to look is worth nothing."""
    job, budget = GymJob(PROBES[probe]()), Budget(2_000, 60.0)
    trials = _tried(PROBES[probe]())
    sight = oracles.by_sight(job, trials, SETTINGS, 500, budget, verdict._quiet)
    assert sight.earned == pytest.approx(1.0)
    assert (sight.ahead > SETTINGS.sure) == sees, sight


def test_a_time_limit_is_lifted_and_put_back():
    job = GymJob(gymnasium.make("CartPole-v1"))
    with oracles.longer(job, 10) as limit:
        assert limit == 5_000
        assert job.env.get_wrapper_attr("_max_episode_steps") == 5_000
    assert job.env.get_wrapper_attr("_max_episode_steps") == 500
    with oracles.longer(GymJob(PROBES["both"]()), 10) as limit:
        assert limit == 0


def test_a_curious_search_goes_where_random_work_does_not():
    """Twenty steps along a corridor, with a step back for each other one."""

    class Far(blind_jobs.Walk):
        def __init__(self):
            super().__init__(np.random.default_rng(0), (30, 30))
            self.steps, self.ways = 60, np.array([1, -1])
            self.action_space = gymnasium.spaces.Discrete(2)

    job = GymJob(Far())
    seen, _ = record(job, SETTINGS, 0, Budget(600, 60.0), verdict._quiet)
    assert not seen.reward.any()
    search = Budget(20_000, 60.0)
    met = oracles.curious(job, seen, 0, search, 1_000, verdict._quiet)
    assert met is not None
    assert met <= search.spent


def test_full_state_where_it_is_offered():
    classic = GymJob(gymnasium.make("CartPole-v1"))
    classic.reset(0)
    assert oracles.state_of(classic).shape == (4,)
    assert oracles.state_of(GymJob(PROBES["both"]())).shape == (0,)


# ── Whole verdicts ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["hidden", "reward by chance", "deaf", "needle"])
def test_hopeless_jobs_are_told(kind):
    found = of_job(blind_jobs.hopeless(kind, 1), SETTINGS, seed=1)
    assert found.kind == "direction", found
    assert found.ingredient in blind_jobs.RIGHT[kind], found
    assert any(finding.result == "ill" for finding in found.job)
    with pytest.raises(QuickstudyError, match="wrong direction"):
        found.raise_if_to_blame()


def test_what_was_shown_before_is_found_missing():
    settings = replace(SETTINGS, oracle_steps=20_000, most_trials=300, more_data=2)
    found = of_job(blind_jobs.hopeless("forgotten", 1), settings, seed=1)
    assert (found.kind, found.ingredient) == ("direction", "memory"), found


def test_a_sound_job_is_fine():
    found = of_job(blind_jobs.sound("match", 1), SETTINGS, seed=1)
    assert (found.kind, found.ingredient) == ("fine", "")
    found.raise_if_to_blame()
    assert all(finding.result == "ok" for finding in found.job)


def test_a_bug_is_named():
    fine = of_job(PROBES["both"](), SETTINGS, seed=1)
    climbed = Finding("reward sign", "ill", "minus", "mend it"), Finding("finite", "ok", "")
    found = with_learner(fine, climbed)
    assert (found.kind, found.ingredient, found.advice) == ("bug", "learner", "mend it")
    assert "reward sign" in found.says
    assert with_learner(fine, climbed[1:]).kind == "fine"


def test_no_ladder_is_climbed_at_a_hopeless_job(monkeypatch):
    def climb(*given):
        raise AssertionError

    monkeypatch.setattr(ladder, "climb", climb)
    assert verdict.verdict(blind_jobs.hopeless("deaf", 1), SETTINGS).kind == "direction"
    with pytest.raises(AssertionError):
        verdict.verdict(PROBES["both"](), SETTINGS)


def test_more_data_is_taken_where_so_little_does_not_say(monkeypatch):
    sizes = []

    def looked(job, settings, *more):
        sizes.append(settings.most_trials)
        return SOUND if len(sizes) > 1 else replace(SOUND, decisive=1)

    monkeypatch.setattr(verdict, "looked", looked)
    assert of_job(PROBES["both"](), SETTINGS).kind == "fine"
    assert sizes == [SETTINGS.most_trials, SETTINGS.more_data * SETTINGS.most_trials]


def test_a_job_that_cannot_be_worked_at_is_left_open():
    class Broken(blind_jobs.Match):
        def act(self, action):
            raise KeyError("valve 7")

    found = of_job(Broken(np.random.default_rng(0)), SETTINGS)
    assert found.kind == "unsure"


# ── The blind trial ─────────────────────────────────────────────────────────────────────


def test_cases_are_drawn_from_the_seed():
    drawn = blind.cases(5)
    assert drawn == blind.cases(5)
    assert [c.what for c in drawn] != [c.what for c in blind.cases(6)]
    sorts = [case.sort for case in drawn]
    assert [sorts.count(sort) for sort in blind.RIGHTLY] == [10, 10, 4]


def test_a_case_is_seen_once(tmp_path, monkeypatch):
    case = next(c for c in blind.cases(5) if c.what == "deaf")
    path = tmp_path / "blind.jsonl"
    monkeypatch.setattr(blind, "verdict", functools.partial(verdict.verdict, settings=SETTINGS))
    first = blind.run([case], path, resume=False)
    assert blind.is_right(first[0])
    assert blind.is_named(first[0])
    monkeypatch.setattr(blind, "seen", lambda case: pytest.fail("seen again"))
    assert blind.run([case], path, resume=True) == first
    assert "1 of 1 cases told apart" in blind.written(first, 5)


def test_what_was_said_is_counted():
    line = {"case": {"sort": "bug", "what": "dead units"}, "kind": "bug", "ill": ["dead units"]}
    assert blind.is_right(line)
    assert blind.is_named(line)
    assert not blind.is_named(line | {"ill": ["finite"]})
    assert not blind.is_right(line | {"kind": "fine"})


def test_toys_repeat_under_their_seed():
    for make, kinds in (
        (blind_jobs.sound, blind_jobs.SOUND),
        (blind_jobs.hopeless, blind_jobs.HOPELESS),
    ):
        for kind in kinds:
            one, other = make(kind, 3), make(kind, 3)
            for env in (one, other):
                env.action_space.seed(0)
                env.reset(seed=5)
            action = one.action_space.sample()
            assert str(one.step(action)) == str(other.step(action)), kind
