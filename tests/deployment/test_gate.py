"""The gate: who may act when, what takes that away, and that its acts make it again."""

from __future__ import annotations

import dataclasses
import json
import math
import random
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.caps import Blind, Bought
from quickstudy.deployment import Act, Caps, Gate, Level, Proposal, State, Terms, Verdict
from quickstudy.deployment.auditor import Auditor
from quickstudy.errors import QuickstudyError

WHO = "mentor"
QUICK = Terms(tolerated=0.3, alpha=0.3, alarm=20.0, lease_seconds=100.0)
FIXED = Terms(tolerated=0.3, alpha=0.3, alarm=20.0, is_irreversible=True)
TERMS = {"send": QUICK, "delete": FIXED}
CAPS = {"send": Caps(per_minute=3, cost_per_day=50.0)}


def to_level(name: str, level: Level, at: float = 0.0) -> Act:
    return {
        "act": "level", "class": name, "to": level.name.lower(), "is_alarm": False,
        "at": at, "who": WHO, "why": "",
    }  # fmt: skip


def gate(**given: Any) -> Gate:
    auditor = given.pop("auditor", None) or Auditor(TERMS, random.Random(0))
    return Gate(TERMS, CAPS, auditor=auditor, **given)


def earn(of: Gate, name: str, now: float) -> list[Act]:
    """Clean decisions until the level moves, or to be renewed."""
    acts: list[Act] = []
    for _ in range(of.standing(now)[name].needed or 0):
        acts += of.judged(name, False, now)
    return acts


def levels(acts: list[Act]) -> list[str]:
    return [act["to"] for act in acts if act["act"] == "level"]


# ---- rulings


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("level", Level)
def test_every_case(name: str, level: Level) -> None:
    """By hand: what stands in the way, in the order in which it counts."""
    for own, of_all, is_over, is_spent in product(State, State, (False, True), (False, True)):
        tried = gate()
        tried.replay([to_level(name, level)])
        for state, is_all in ((own, False), (of_all, True)):
            turn = {State.ON: tried.on, State.PAUSED: tried.pause, State.OFF: tried.off}[state]
            turn(WHO, "a test", 0.0, is_all)
        proposal = Proposal(name, cost=51.0 if is_spent else 1.0)
        ruling = tried.rule(proposal, 100.0 if is_over else 99.0)
        if {own, of_all} != {State.ON} or (is_spent and name in CAPS):
            expected = Verdict.REFUSE
        elif level is Level.SHADOW:
            expected = Verdict.SHADOW
        elif level is Level.AUTONOMOUS and not is_over and name == "send":
            expected = Verdict.ALLOW
        else:
            expected = Verdict.ASK
        assert ruling.verdict is expected, (own, of_all, is_over, is_spent)
        assert bool(ruling.reasons) == (expected is not Verdict.ALLOW)
        assert json.dumps(ruling.acts)


def test_only_what_is_allowed_is_taken() -> None:
    tried = gate()
    for level, left in ((Level.SHADOW, 50.0), (Level.SUPERVISED, 50.0), (Level.AUTONOMOUS, 40)):
        tried.replay([to_level("send", level)])
        tried.rule(Proposal("send", cost=10.0), 1.0)
        assert tried.standing(1.0)["send"].caps_left["cost_per_day"] == left


def test_a_person_allows_within_caps() -> None:
    tried = gate()
    tried.replay([to_level("send", Level.SUPERVISED)])
    verdicts = [tried.approve(Proposal("send", cost=20.0), 1.0).verdict for _ in range(3)]
    assert verdicts == [Verdict.ALLOW, Verdict.ALLOW, Verdict.REFUSE]
    tried.pause(WHO, "lunch", 2.0)
    refused = tried.approve(Proposal("send"), 2.0)
    assert refused.reasons == ("This post is paused, by mentor (lunch).",)


def test_both_switches_hold() -> None:
    tried = gate()
    tried.off(WHO, "it smokes", 0.0)
    tried.off(WHO, "fire drill", 0.0, is_all=True)
    tried.on(WHO, "over", 1.0, is_all=True)
    assert tried.switch is State.OFF
    assert tried.rule(Proposal("send"), 1.0).reasons == (
        "This post is off, by mentor (it smokes).",
    )
    tried.on(WHO, "mended", 1.0)
    assert tried.switch is State.ON


def test_audits_are_drawn_by_chance_alone() -> None:
    terms = {"a": Terms(audit_share=0.2)}
    tried = Gate(terms, auditor=Auditor(terms, random.Random(1)))
    drawn = [tried.rule(Proposal("a", cost=i % 2), float(i)).is_audited for i in range(4_000)]
    for half in (drawn[::2], drawn[1::2]):
        assert abs(sum(half) - 400) < 4 * math.sqrt(2_000 * 0.2 * 0.8)
    tried.off(WHO, "", 4_000.0)
    assert not any(tried.rule(Proposal("a"), 4_000.0).is_audited for _ in range(100))


# ---- levels


def test_levels_are_earned_one_by_one() -> None:
    tried = gate()
    assert levels(earn(tried, "send", 0.0)) == ["supervised"]
    assert levels(earn(tried, "send", 0.0)) == ["autonomous"]
    assert tried.standing(0.0)["send"].lease_seconds == 100.0
    assert tried.standing(0.0)["delete"].level is Level.SHADOW, "each class by itself"


def test_what_cannot_be_undone_never_runs_alone() -> None:
    tried = gate()
    earn(tried, "delete", 0.0)
    for _ in range(500):
        assert not levels(tried.judged("delete", False, 0.0))
    assert tried.standing(0.0)["delete"].needed is None
    tried.replay([to_level("delete", Level.AUTONOMOUS)])  # a corrupt auditor, or log
    assert tried.rule(Proposal("delete"), 0.0).verdict is Verdict.ASK


def test_a_lease_runs_out_and_is_earned_anew() -> None:
    tried = gate()
    earn(tried, "send", 0.0)
    earn(tried, "send", 0.0)
    assert tried.rule(Proposal("send"), 99.9).verdict is Verdict.ALLOW
    ruling = tried.rule(Proposal("send"), 100.0)
    assert ruling.verdict is Verdict.ASK
    assert levels(list(ruling.acts)) == ["supervised"]
    standing = tried.standing(100.0)["send"]
    assert (standing.judged, standing.lease_seconds) == (0, None)
    assert tried.rule(Proposal("send"), 0.0).verdict is Verdict.ASK, "back in time"
    assert levels(earn(tried, "send", 100.0)) == ["autonomous"]


def test_a_lease_is_renewed_where_audits_earned_it() -> None:
    tried = gate()
    with pytest.raises(QuickstudyError, match="no lease to renew"):
        tried.renew("send", "", WHO, 0.0)
    earn(tried, "send", 0.0)
    earn(tried, "send", 0.0)
    needed = tried.standing(0.0)["send"].needed
    with pytest.raises(QuickstudyError, match=f"audit {needed} more"):
        tried.renew("send", "", WHO, 50.0)
    earn(tried, "send", 50.0)
    tried.renew("send", "all fine", WHO, 60.0)
    assert tried.standing(60.0)["send"].lease_seconds == 100.0
    assert tried.standing(60.0)["send"].judged == 0


def test_errors_take_levels_back_and_make_them_dearer() -> None:
    tried = gate()
    first = tried.standing(0.0)["send"].needed
    assert first
    for alarms in (1, 2, 3):
        earn(tried, "send", 0.0)
        earn(tried, "send", 0.0)
        acts: list[Act] = []
        while not levels(acts):
            acts = tried.judged("send", True, 0.0)
        assert levels(acts) == ["supervised"]
        assert "speak against" in acts[-1]["why"]
        standing = tried.standing(0.0)["send"]
        assert standing.alarms == alarms
        assert standing.bar == pytest.approx((1 / 0.3) ** 2**alarms)
        assert standing.needed > first * 2 ** (alarms - 1)


def test_a_lease_that_ran_out_silences_no_alarm() -> None:
    """Or else a learner could do harm by itself, a little in each lease, for ever."""
    tried, now = gate(), 0.0
    earn(tried, "send", now)
    earn(tried, "send", now)
    for _ in range(20):
        before = tried.standing(now)["send"].alarm
        if levels(tried.judged("send", True, now)) == ["supervised"]:
            break
        now += 101.0
        tried.tick(now)
        earn(tried, "send", now)
        assert tried.standing(now)["send"].alarm > before
    assert tried.standing(now)["send"].alarms == 1


def test_a_late_word_on_an_earlier_stay() -> None:
    """It widens nothing, but speaks against the level it was decided on, until an alarm."""
    tried = gate()
    earn(tried, "send", 0.0)
    earn(tried, "send", 0.0)
    alone = tried.rule(Proposal("send"), 0.0).era
    tried.tick(100.0)
    before = tried.standing(100.0)["send"]
    for _ in range(5):
        tried.judged("send", True, 100.0, era=alone)
    assert tried.standing(100.0)["send"] == before
    earn(tried, "send", 100.0)
    assert levels(tried.judged("send", False, 100.0)) == ["supervised"], "alarm"
    earn(tried, "send", 100.0)
    for _ in range(50):
        tried.judged("send", True, 100.0, era=alone)
    assert tried.standing(100.0)["send"].alarm == 0.0, "that stay was punished already"
    with pytest.raises(ValueError, match="era 99"):
        tried.judged("send", True, 100.0, era=99)


def test_alarms_double_what_is_audited() -> None:
    terms = {"a": Terms(audit_share=0.2, first=Level.SUPERVISED)}
    auditor = Auditor(terms, random.Random(1))
    for alarms, share in enumerate((0.2, 0.4, 0.8, 1.0, 1.0)):
        drawn = sum(auditor.draws("a") for _ in range(2_000))
        assert abs(drawn - 2_000 * share) <= 4 * math.sqrt(2_000 * share * (1 - share))
        auditor.move("a", Level.SHADOW, is_alarm=True)
        assert auditor.records["a"].alarms == alarms + 1


def test_who_errs_under_supervision_goes_back_to_shadow() -> None:
    tried = gate()
    earn(tried, "send", 0.0)
    moved = [to for _ in range(50) for to in levels(tried.judged("send", True, 0.0))]
    assert moved == ["shadow"]
    assert math.isfinite(tried.standing(0.0)["send"].alarm)


def test_a_person_demotes_but_never_promotes() -> None:
    tried = gate()
    earn(tried, "send", 0.0)
    earn(tried, "send", 0.0)
    tried.demote("send", "a complaint", WHO, 1.0, Level.SUPERVISED)
    assert tried.standing(1.0)["send"].alarms == 0
    for to in (Level.SUPERVISED, Level.AUTONOMOUS):
        with pytest.raises(QuickstudyError, match="below"):
            tried.demote("send", "", WHO, 1.0, to)


def test_another_policy_begins_without_evidence() -> None:
    tried = gate()
    earn(tried, "send", 0.0)
    era = tried.rule(Proposal("send"), 0.0).era
    tried.judged("send", False, 0.0)
    before = tried.standing(0.0)["send"]
    tried.restart_evidence("rolled back", 1.0, WHO)
    after = tried.standing(1.0)["send"]
    assert (after.judged, after.level) == (0, Level.SUPERVISED)
    assert after.wealth < before.wealth
    tried.judged("send", False, 1.0, era=era)  # a late word on the old policy
    assert tried.standing(1.0)["send"] == after
    earn(tried, "send", 1.0)
    acts = tried.restart_evidence("rolled back", 2.0, WHO)
    assert levels(acts) == ["supervised"], "autonomy was the old policy's"


# ---- three parties


def test_a_corrupt_veto_does_not_suffice() -> None:
    tried = gate(veto=Blind(TERMS, CAPS))
    assert tried.rule(Proposal("send"), 0.0).verdict is Verdict.SHADOW
    earn(tried, "send", 0.0)
    assert tried.rule(Proposal("send"), 0.0).verdict is Verdict.ASK


def test_a_corrupt_auditor_does_not_suffice() -> None:
    tried = gate(auditor=Bought(TERMS))
    for name in TERMS:
        for _ in range(2):
            tried.judged(name, True, 0.0)
    verdicts = [tried.rule(Proposal("send"), 0.0).verdict for _ in range(4)]
    assert verdicts == [Verdict.ALLOW] * 3 + [Verdict.REFUSE]
    assert tried.rule(Proposal("delete"), 0.0).verdict is Verdict.ASK
    tried.off(WHO, "", 0.0)
    assert tried.rule(Proposal("send"), 90.0).verdict is Verdict.REFUSE


def test_the_veto_ends_a_lease_by_itself() -> None:
    """An auditor that never lets go of a level does not keep it alone."""

    class Stubborn(Auditor):
        def move(self, action_class: str, to: Level, is_alarm: bool) -> None:
            if to > self.level(action_class):
                super().move(action_class, to, is_alarm)

    tried = gate(auditor=Stubborn(TERMS))
    earn(tried, "send", 0.0)
    earn(tried, "send", 0.0)
    verdicts = [tried.rule(Proposal("send"), now).verdict for now in (99.9, 100.0)]
    assert verdicts == [Verdict.ALLOW, Verdict.ASK]


# ---- any order of calls

names = st.sampled_from(list(TERMS))
times = st.floats(-200, 200) | st.sampled_from([0.0, 1.0, 60.1, 100.0])
costs = st.sampled_from([0.0, 1.0, 30.0])
CALLS = st.one_of(
    st.tuples(st.just("rule"), names, costs),
    st.tuples(st.just("approve"), names, costs),
    st.tuples(st.just("clean"), names, st.integers(1, 12)),
    st.tuples(st.just("judged"), names, st.sampled_from([None, None, 0, 1, 2])),
    st.tuples(st.just("demote"), names, st.sampled_from(Level)),
    st.tuples(st.just("renew"), names, st.none()),
    st.tuples(st.sampled_from(["on", "pause", "off"]), st.booleans(), st.none()),
    st.tuples(st.just("restart"), st.none(), st.none()),
)


class Watched:
    """A gate, its log, and a model of what may forbid that reads the calls and acts alone."""

    def __init__(self, begin: dict[str, Level]):
        self.terms = {
            name: dataclasses.replace(of, first=min(begin[name], of.ceiling))
            for name, of in TERMS.items()
        }
        self.live = self.made()
        self.log: list[Act] = []
        self.done: list[tuple[Proposal, float]] = []
        self.now = 0.0
        self.live.tick(self.now)
        self.switches = {False: "on", True: "on"}
        self.lease_ends = {
            name: 100.0 for name, of in self.terms.items() if of.first is Level.AUTONOMOUS
        }

    def made(self) -> Gate:
        return Gate(self.terms, CAPS, auditor=Auditor(self.terms, random.Random(0)))

    def call(self, what: str, name: Any, more: Any, leap: float) -> None:
        now = self.now + leap
        try:
            acts = self._called(what, name, more, now)
        except (QuickstudyError, ValueError):  # a demotion upwards, an era that never was
            acts = []
        self.now = max(self.now, now)
        for act in acts:
            if act["act"] == "level":
                self.lease_ends.pop(act["class"], None)
                if act["to"] == "autonomous":
                    self.lease_ends[act["class"]] = act["at"] + 100.0
        self.log += acts

    def _called(self, what: str, name: Any, more: Any, now: float) -> list[Act]:
        live = self.live
        match what:
            case "rule" | "approve":
                proposal = Proposal(name, cost=more)
                ruling = (live.rule if what == "rule" else live.approve)(proposal, now)
                assert ruling.at == max(now, self.now)
                if ruling.verdict is Verdict.ALLOW:
                    self.done.append((proposal, ruling.at))
                    self.check_allowed(name, now, is_alone=what == "rule")
                return list(ruling.acts)
            case "clean":
                return [act for _ in range(more) for act in live.judged(name, False, now)]
            case "judged":
                return live.judged(name, True, now, "seen", WHO, era=more)
            case "demote":
                return live.demote(name, "no", WHO, now, more)
            case "renew":
                return live.renew(name, "yes", WHO, now)
            case "restart":
                return live.restart_evidence("new", now)
        self.switches[name] = what
        turn = {"on": live.on, "pause": live.pause, "off": live.off}[what]
        return turn(WHO, "", now, name)

    def check_allowed(self, name: str, now: float, is_alone: bool) -> None:
        assert set(self.switches.values()) == {"on"}
        if is_alone:
            assert name != "delete"
            assert max(now, self.now) < self.lease_ends[name]

    def check_replayed(self) -> None:
        again = self.made()
        again.replay(json.loads(json.dumps(self.log)))
        for proposal, at in self.done:
            again.recall(proposal, at)
        again.tick(self.now)
        self.log += self.live.tick(self.now)
        assert again.standing(self.now) == self.live.standing(self.now)


@given(
    st.fixed_dictionaries(dict.fromkeys(TERMS, st.sampled_from(Level))),
    st.lists(st.tuples(CALLS, times), max_size=30),
)
@settings(deadline=None, max_examples=150)
def test_any_calls(begin: dict[str, Level], calls: list[tuple[Any, float]]) -> None:
    """Nothing is allowed against switch, lease or nature; acts make the same gate again."""
    watched = Watched(begin)
    for (what, name, more), leap in calls:
        watched.call(what, name, more, leap)
        watched.check_replayed()


# ---- bad input


def test_bad_input_is_said() -> None:
    tried = gate()
    with pytest.raises(QuickstudyError, match="Did you mean 'send'"):
        tried.rule(Proposal("sends"), 0.0)
    with pytest.raises(QuickstudyError, match="Unknown class"):
        Gate(TERMS, {"other": Caps()})
    with pytest.raises(QuickstudyError, match="at least one"):
        Gate({})
    with pytest.raises(QuickstudyError, match="newer version"):
        tried.replay([{"act": "promote", "at": 0.0}])


@pytest.mark.parametrize(
    "bad",
    [
        {"tolerated": 0.0}, {"tolerated": 1.0}, {"tolerated": math.nan}, {"alpha": 0.0},
        {"alarm": 1.0}, {"audit_share": 0.0}, {"audit_share": 1.1}, {"lease_seconds": 0.0},
        {"lease_seconds": math.inf}, {"is_irreversible": True, "first": Level.AUTONOMOUS},
    ],
)  # fmt: skip
def test_bad_terms_are_said(bad: dict[str, Any]) -> None:
    with pytest.raises(QuickstudyError):
        Terms(**bad)
