"""What an office does, with a real learner: who acts, what is recorded, what teaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from town import SMALL, VALVE, Town

import quickstudy as qs
from quickstudy.errors import BadAction, BadObservation, QuickstudyError, UnknownDecision
from quickstudy.experience.event import Event, Kind
from quickstudy.posts.declared import from_json
from quickstudy.posts.post import gate_of
from quickstudy.posts.told import (
    Asked,
    Contradiction,
    Expired,
    Lesson,
    NotWaiting,
    PostExists,
    Reply,
    Told,
    UnknownPost,
)
from quickstudy.types import End

HERE = Asked([1.0, 2.0], episode="e")


def lived(town: Town, kind: Kind = Kind.DECISION) -> list[Event]:
    return list(town.front.log.read(job="valve", kinds=[kind]))


def earned(town: Town, decision: int) -> float:
    """All that the learner's memory holds of a decision's reward."""
    place = town.front.learner.place("valve")
    row = place.rows[list(place.decisions).index(decision)]
    return float(place.mind.memory.reward[row])


# ---- who acts


def test_what_the_gate_allows_is_the_learners(town: Town) -> None:
    town.post("autonomous")
    answer = town.office.decide("valve", HERE)
    assert (answer.by, answer.verdict, answer.level) == ("learner", "allow", "autonomous")
    assert answer.action == answer.proposed in ("close", "keep", "open")
    assert answer.worth is not None and answer.low < answer.worth < answer.high  # type: ignore[operator]
    assert lived(town)[0].leader in ("instinct", "judgement")


def test_else_the_incumbent_acts_or_the_fallback(town: Town) -> None:
    town.post("autonomous", fallback="keep", caps={"any": {"per_hour": 0}})
    told = town.office.decide("valve", Asked([1.0, 2.0], incumbent="open"))
    fallen = town.office.decide("valve", Asked([1.0, 2.0]))
    assert (told.action, told.by) == ("open", "incumbent")
    assert (fallen.action, fallen.by) == ("keep", "fallback")
    assert fallen.verdict == told.verdict == "refuse" and "per_hour" in fallen.reasons[0]
    assert [event.leader for event in lived(town)] == ["incumbent", "fallback"]


def test_where_nothing_is_known_the_caller_tells_what_was_done(town: Town) -> None:
    town.post("shadow")
    answer = town.office.decide("valve", HERE)
    assert answer.action is None and not answer.needs_approval and not lived(town)
    with pytest.raises(NotWaiting, match="taken"):
        town.office.told(answer.id, Told(reward=1.0))
    town.office.told(answer.id, Told(reward=1.0, taken="open"))
    (decision,) = lived(town)
    assert decision.leader == "incumbent" and decision.action is not None
    assert decision.action.tolist() == [2.0] and earned(town, decision.n) == 1.0
    assert town.office.resolution(answer.id).action == "open"
    with pytest.raises(Contradiction, match="first stands"):
        town.office.told(answer.id, Told(taken="close"))


def test_a_step_that_nobody_told_is_no_link(town: Town) -> None:
    """What was done is not known: the decisions before and behind must not be linked."""
    town.post("shadow")
    first = town.office.decide("valve", Asked([1.0, 2.0], episode="e", incumbent="open"))
    town.office.decide("valve", HERE)
    town.office.decide("valve", Asked([3.0, 2.0], episode="e", incumbent="open"))
    memory = town.front.learner.mind("valve").memory
    assert memory.num_ready == 0
    ends = [event.end for event in lived(town, Kind.OUTCOME)]
    assert ends == [End.CUT] and town.office.resolution(first.id).action == "open"


# ---- rewards


def test_rewards_come_late_in_parts_twice_and_out_of_order(town: Town) -> None:
    town.post("autonomous")
    ids = [town.office.decide("valve", HERE).id for _ in range(3)]
    for id in (ids[2], ids[0], ids[1], ids[0]):
        town.office.told(id, Told(reward=float(id), key="b"))
        town.office.told(id, Told(reward=0.5, key="a"))
    position = town.front.log.last
    town.office.told(ids[0], Told(reward=0.5, key="a"))
    assert town.front.log.last == position
    assert [earned(town, id) for id in ids] == [id + 0.5 for id in ids]
    with pytest.raises(Contradiction, match="before"):
        town.office.told(ids[0], Told(reward=0.6, key="a"))


@pytest.mark.parametrize("accepts_late", [False, True])
def test_after_the_wait_the_default_holds(town: Town, accepts_late: bool) -> None:
    town.post(one_step=True, reward_default=-2.0, accepts_late=accepts_late)
    told, silent = (town.office.decide("valve", Asked([1.0, 2.0])).id for _ in range(2))
    town.office.told(told, Told(reward=1.0))
    town.now += 60.0
    assert town.office.tick() == 0
    town.now += 0.1
    assert town.office.tick() == 2
    assert (earned(town, told), earned(town, silent)) == (1.0, -2.0)
    town.office.told(told, Told(reward=1.0))  # said before, so no news
    if accepts_late:
        for key in "ab":
            town.office.told(silent, Told(reward=3.0, key=key))
        assert earned(town, silent) == 6.0
    else:
        with pytest.raises(Expired, match="late"):
            town.office.told(silent, Told(reward=3.0))
        assert earned(town, silent) == -2.0
    assert not town.office.state("valve")["open"]["episodes"]


def test_a_clock_that_jumps_back_expires_nothing(town: Town) -> None:
    town.post()
    id = town.office.decide("valve", HERE).id
    town.now -= 1e6
    town.office.tick()
    town.office.told(id, Told(reward=1.0))
    assert town.office.decide("valve", HERE).expires == 1_060.0


def test_a_one_step_decision_is_settled_by_its_whole_reward(town: Town) -> None:
    town.post(one_step=True)
    whole, parts = (town.office.decide("valve", Asked([1.0, 2.0])).id for _ in range(2))
    town.office.told(parts, Told(reward=1.0, key="click"))
    town.office.told(whole, Told(reward=1.0))
    memory = town.front.learner.mind("valve").memory
    assert memory.num_ready == 1
    town.office.told(parts, Told(is_final=True))
    assert memory.num_ready == 2
    town.office.told(parts, Told(reward=1.0, key="sale"))
    assert earned(town, parts) == 2.0
    names = {event.stream for event in lived(town)}
    town.office.decide("valve", Asked([1.0, 2.0]))
    assert {event.stream for event in lived(town)} == names  # slots are used again


def test_each_decision_of_the_learner_has_its_cost(town: Town) -> None:
    town.post(decision_cost=0.25, harm_below=0.0)
    id = town.office.decide("valve", HERE).id
    town.office.told(id, Told(reward=0.1, is_final=True))
    assert earned(town, id) == pytest.approx(-0.15)
    assert town.office.state("valve")["ledger"]["errors"] == 0  # what it cost is no harm


def test_episodes_end_once_and_with_their_latest_decision(town: Town) -> None:
    town.post()
    first, last = (town.office.decide("valve", HERE).id for _ in range(2))
    with pytest.raises(Contradiction, match="latest"):
        town.office.told(first, Told(done=True))
    town.office.told(last, Told(truncated=True, observation=[5.0, 5.0]))
    town.office.told(last, Told(truncated=True, observation=[5.0, 5.0]))
    town.office.end("valve", "e")
    outcomes = lived(town, Kind.OUTCOME)
    assert [event.end for event in outcomes] == [End.TRUNCATED]
    with pytest.raises(UnknownDecision, match="under way"):
        town.office.end("valve", "nobody's")


def test_a_verdict_is_a_reward_of_the_latest_decision(town: Town) -> None:
    town.post()
    ids = [town.office.decide("valve", HERE).id for _ in range(2)]
    for _ in range(2):
        town.office.verdict("valve", "e", 5.0, "ann", "well done")
    assert [earned(town, id) for id in ids] == [0.0, 5.0]
    with pytest.raises(Contradiction):
        town.office.verdict("valve", "e", 4.0, "ann")
    town.office.end("valve", "e")
    town.office.verdict("valve", "e", 1.0, "bob")
    assert earned(town, ids[1]) == 6.0


def test_an_episode_that_was_left_is_cut_after_a_day(town: Town) -> None:
    town.post()
    town.office.decide("valve", Asked([1.0, 2.0], episode="left"))
    town.now += 50_000
    town.office.decide("valve", HERE)
    town.now += 40_000
    town.office.tick()
    assert town.office.state("valve")["open"]["episodes"] == 1
    assert town.restart().decide("valve", HERE).episode == "e"
    assert [event.end for event in lived(town, Kind.OUTCOME)] == [End.CUT]


# ---- mentors


def test_a_person_allows_edits_rejects_or_takes_over(town: Town) -> None:
    town.post("supervised", fallback="keep")
    office = town.office
    asked = office.decide("valve", HERE)
    assert asked.needs_approval and asked.action is None
    (waiting,) = office.inbox()
    assert (waiting.kind, waiting.observation) == ("approval", {"heat": 1.0, "flow": 2.0})
    allowed = office.answer(asked.id, Reply("allow", "ann"))
    assert (allowed.by, allowed.action) == ("learner", asked.proposed)
    other = "open" if asked.proposed != "open" else "close"
    edited = office.answer(office.decide("valve", HERE).id, Reply("edit", "ann", other))
    assert (edited.by, edited.action, edited.verdict) == ("mentor", other, "refuse")
    rejected = office.answer(office.decide("valve", HERE).id, Reply("reject", "bob", why="No."))
    assert (rejected.by, rejected.action) == ("fallback", "keep")
    assert rejected.reasons == ("No.",)
    with pytest.raises(NotWaiting):
        office.answer(asked.id, Reply("allow", "ann"))
    leaders = [event.leader for event in lived(town)]
    assert leaders[1:] == ["mentor", "veto", "fallback"]
    standing = office.state("valve")["classes"]["any"]
    assert standing["judged"] == 3 and standing["errors"] >= 1
    acts = [event.note["act"] for event in town.front.log.read(kinds=[Kind.NOTE])
            if event.note and "act" in event.note]  # fmt: skip
    assert [(act["what"], act["who"]) for act in acts] == [
        ("create", "ann"), ("allow", "ann"), ("edit", "ann"), ("reject", "bob"),
    ]  # fmt: skip


def test_who_takes_over_is_asked_until_the_episode_ends(town: Town) -> None:
    town.post("supervised")
    office = town.office
    office.answer(office.decide("valve", HERE).id, Reply("take-over", "ann", "open"))
    autonomous = from_json(VALVE | {"terms": {"any": {"first": "autonomous"}}})
    office._clerk.posts["valve"].gate = gate_of(autonomous, town.now)
    assert office.decide("valve", HERE).reasons == ("A mentor has taken this episode over.",)
    assert office.decide("valve", Asked([1.0, 2.0], episode="other")).verdict == "allow"


def test_being_overridden_is_a_cut(town: Town) -> None:
    """What a mentor does next is no merit of what the learner did, and no fault of it."""
    town.post("supervised")
    office = town.office
    office.answer(office.decide("valve", HERE).id, Reply("allow", "ann"))
    office.answer(office.decide("valve", Asked([3.0, 4.0], episode="e")).id,
                  Reply("edit", "ann", "open"))  # fmt: skip
    ends = [event for event in lived(town, Kind.OUTCOME) if event.end]
    assert [event.end for event in ends] == [End.CUT]
    assert ends[0].observation is not None and ends[0].observation.tolist() == [3.0, 4.0]


def test_nobody_answers(town: Town) -> None:
    town.post("supervised", ask_seconds=10.0)
    asked = town.office.decide("valve", HERE)
    town.now += 10.5
    with pytest.raises(NotWaiting, match="too late"):
        town.office.answer(asked.id, Reply("allow", "ann"))
    town.office.tick()
    late = town.office.resolution(asked.id)
    assert (late.verdict, late.action, late.needs_approval) == ("refuse", None, False)
    assert late.reasons == ("Nobody answered in time.",)
    assert town.office.state("valve")["classes"]["any"]["judged"] == 0
    town.office.told(asked.id, Told(taken="close", reward=0.0))
    assert lived(town)[0].leader == "incumbent"


def test_lessons_are_learned_from_before_any_decision(town: Town) -> None:
    town.post()
    rows = [
        Lesson(
            [float(n), 0.0],
            "open",
            1.0,
            episode=f"m{n % 2}",
            end="terminated" if n > 3 else None,
        )
        for n in range(6)
    ]
    town.office.demonstrate("valve", rows, "ann")
    steps = [(event.episode, event.step) for event in lived(town)]
    assert steps == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]  # side by side no more
    heats = [event.observation[0] for event in lived(town) if event.observation is not None]
    assert heats == [0, 2, 4, 1, 3, 5]
    with pytest.raises(BadObservation, match="Row 2"):
        town.office.demonstrate("valve", [rows[0], Lesson([1.0], "open")], "ann")
    with pytest.raises(BadAction, match="Row 1"):
        town.office.history("valve", [Lesson([1.0, 1.0], "ope")], "ann")
    assert town.office.state("valve")["ledger"]["lessons"] == 6


# ---- rollback


def test_it_acts_by_a_mind_that_was_kept(town: Town) -> None:
    town.post("autonomous")
    town.office.told(town.office.decide("valve", HERE).id, Told(reward=1.0, done=True))
    with pytest.raises(QuickstudyError, match="no snapshot 'monday'"):
        town.office.pin("valve", "monday", "ann")
    town.front.close()
    qs.open(town.path, SMALL).close()  # studies, as the student would
    office = town.restart()
    office.snapshot("valve", "monday", "ann")
    assert office.snapshots("valve") == ["monday"]
    office.pin("valve", "monday", "ann", "It goes astray.")
    for office in (town.office, town.restart()):
        assert office.state("valve")["mind"]["pinned"] == "monday"
        standing = office.state("valve")["classes"]["any"]  # which another mind had earned
        assert (standing["level"], standing["judged"]) == ("supervised", 0)
    town.office.pin("valve", None, "ann")
    assert town.office.state("valve")["mind"]["pinned"] is None


# ---- audits and evidence


def test_shadow_audits_are_right_where_the_learner_agrees(town: Town) -> None:
    town.post("shadow", terms={"audit_share": 1.0})
    office = town.office
    asked = Asked([1.0, 2.0], incumbent="open")
    agreed = [office.decide("valve", asked).proposed == "open" for _ in range(12)]
    assert any(agreed) and not all(agreed)
    waiting = office.inbox()
    assert len(waiting) == agreed.count(False) and waiting[0].kind == "audit"
    # Those behind the first that waits do not count yet: else agreement would come first.
    judged = office.state("valve")["classes"]["any"]["judged"]
    assert judged == agreed.index(False)
    for one in waiting:
        office.audit(one.id, False, "ann")
    assert office.state("valve")["classes"]["any"]["judged"] == 12
    assert not office.inbox()


def test_a_mistake_that_was_audited_teaches(town: Town) -> None:
    town.post("shadow", terms={"audit_share": 1.0})
    while not town.office.inbox():
        town.office.decide("valve", Asked([1.0, 2.0], incumbent="open"))
    (one,) = town.office.inbox()
    town.office.audit(one.id, True, "ann")
    lesson = lived(town)[-1]
    assert (lesson.leader, list(lesson.observation)) == ("veto", [1.0, 2.0])
    assert list(lesson.action) != list(lived(town)[-2].action)  # which the incumbent took
    taught = len(lived(town))
    town.office.audit(one.id, True, "ann")  # said again, it is on record and no second lesson
    assert len(lived(town)) == taught


def test_what_nobody_judged_in_time_was_a_mistake(town: Town) -> None:
    town.post("autonomous", terms={"audit_share": 1.0}, audit_seconds=5.0)
    town.office.decide("valve", HERE)
    town.now += 6.0
    town.office.tick()
    standing = town.office.state("valve")["classes"]["any"]
    assert (standing["judged"], standing["errors"]) == (1, 1)
    assert "in time" in town.office.state("valve")["incidents"][0]["what"]


def test_outcomes_judge_where_harm_is_declared(town: Town) -> None:
    town.post("autonomous", harm_below=0.0)
    ids = [town.office.decide("valve", HERE).id for _ in range(4)]
    for id, reward in zip(ids, [1.0, -1.0, None, 2.0], strict=True):
        town.office.told(id, Told(reward=reward, key="all"))
        town.office.told(id, Told(is_final=True))
    assert town.office.state("valve")["classes"]["any"]["judged"] == 2  # the third is not known
    town.now += 61
    town.office.tick()
    standing = town.office.state("valve")["classes"]["any"]
    assert (standing["judged"], standing["errors"]) == (4, 1)
    assert not town.office.inbox()


def test_clean_decisions_widen_and_mistakes_take_back(town: Town) -> None:
    town.post("supervised", terms={"tolerated": 0.3, "alpha": 0.2})
    office = town.office
    for _ in range(40):
        answer = office.decide("valve", HERE)
        if answer.verdict == "allow":
            break
        office.answer(answer.id, Reply("allow", "ann"))
    assert answer.level == "autonomous"
    assert town.restart().decide("valve", HERE).verdict == "allow"


def test_budgets_and_leases_outlive_a_restart(town: Town) -> None:
    town.post("autonomous", caps={"any": {"per_hour": 2}}, terms={"lease_seconds": 5_000})
    office = town.office
    assert [office.decide("valve", HERE).verdict for _ in range(2)] == ["allow", "allow"]
    assert town.restart().decide("valve", HERE).verdict == "refuse"
    town.now += 3_601
    assert town.office.decide("valve", HERE).verdict == "allow"
    town.now += 2_000
    assert town.restart().decide("valve", HERE).verdict == "ask"


# ---- the switch


def test_switched_off_nothing_is_the_learners(town: Town) -> None:
    town.post("autonomous", fallback="keep")
    office = town.office
    office.decide("valve", HERE)
    office.switch("valve", "off", "ann", "smoke")
    assert [event.end for event in lived(town, Kind.OUTCOME)] == [End.CUT]
    off = office.decide("valve", HERE)
    assert (off.by, off.verdict) == ("fallback", "refuse") and "smoke" in off.reasons[0]
    office = town.restart()
    assert office.decide("valve", HERE).by == "fallback"
    office.switch("valve", "on", "ann")
    assert office.decide("valve", HERE).by == "learner"


def test_off_refuses_what_waits_and_pause_lets_it_wait(town: Town) -> None:
    town.post("supervised")
    asked = town.office.decide("valve", HERE)
    town.office.switch("valve", "paused", "ann")
    assert town.office.resolution(asked.id).needs_approval
    town.office.switch("valve", "off", "ann")
    assert town.office.resolution(asked.id).verdict == "refuse"


def test_the_switch_for_all_holds_for_posts_that_come_later(town: Town) -> None:
    town.post("autonomous")
    town.office.switch(None, "off", "ann")
    town.restart()
    town.post("autonomous", name="second")
    assert town.office.state("second")["switch"] == "off"


def test_a_page_is_told_which_switch_holds_and_by_whom(town: Town) -> None:
    town.post("autonomous")

    def told() -> tuple[Any, ...]:
        state = town.office.state("valve")
        by = state["switched"]
        return state["switch"], state["switch_own"], state["switch_all"], by and by["who"]

    assert told() == ("on", "on", "on", None)
    town.office.switch("valve", "off", "ann", "Too hot.")
    switched = {"who": "ann", "why": "Too hot.", "time": town.now}
    town.now += 1.0
    town.office.switch(None, "paused", "bob")
    assert told() == ("off", "off", "paused", "ann")
    assert town.office.state("valve")["switched"] == switched
    town.office.switch("valve", "on", "ann")
    assert told() == ("paused", "on", "paused", "bob")
    town.restart()
    town.now += 1.0
    town.office.switch(None, "on", "cleo")
    assert told() == ("on", "on", "on", "cleo")


def test_a_page_is_told_the_terms_that_are_obeyed(town: Town) -> None:
    caps = {"per_hour": 2.5, "effect_per_decision": 3, "cost_per_day": 0.5}
    town.post("supervised", terms={"tolerated": 0.02, "lease_seconds": 60}, caps={"any": caps})
    told = town.office.state("valve")["classes"]["any"]
    assert told["caps"] == {"per_hour": 2, "effect_per_decision": 3, "cost_per_day": 0.5}
    assert (told["tolerated"], told["lease_of"], told["is_irreversible"]) == (0.02, 60, False)


def test_the_latest_decisions_say_when_they_were_asked_and_what_they_earned(
    town: Town,
) -> None:
    town.post("supervised", one_step=True, wait_seconds=50.0, decision_cost=5.0)
    office = town.office
    for number in range(3):
        asked = office.decide("valve", Asked([1.0, 2.0]))
        town.now += 1.0
        office.answer(asked.id, Reply("allow", "ann"))
        if number:
            office.told(asked.id, Told(reward=1.5, key="a"))
            office.told(asked.id, Told(reward=number, key="b"))

    def seen() -> list[tuple[float, float | None]]:
        return [(one.asked, one.reward) for one in office.decisions("valve")]

    assert seen() == [(1002.0, 3.5), (1001.0, 2.5), (1000.0, None)]
    office = town.restart()
    assert seen() == [(1002.0, 3.5), (1001.0, 2.5), (1000.0, None)]
    town.now += 60.0  # its time is over: what it earned is the default, nothing
    office.tick()
    assert seen()[-1] == (1000.0, 0.0)


def test_one_step_decisions_wait_for_their_rewards_though_it_is_switched_off(
    town: Town,
) -> None:
    town.post(one_step=True)
    id = town.office.decide("valve", Asked([1.0, 2.0])).id
    town.office.switch("valve", "off", "ann")
    town.office.told(id, Told(reward=1.0))
    assert town.front.learner.mind("valve").memory.num_ready == 1


# ---- what callers get wrong


def test_errors_name_what_came(town: Town) -> None:
    town.post(caps={"any": {"cost_per_day": 1.0}})
    office, log = town.office, town.front.log
    wrong: list[tuple[type[QuickstudyError], Asked]] = [
        (BadObservation, Asked([1.0])),
        (BadObservation, Asked([1.0, float("nan")])),
        (BadObservation, Asked({"heat": 1.0})),
        (BadObservation, Asked(None)),
        (BadObservation, Asked([1.0, 2.0], mask=[0, 0, 0])),
        (BadObservation, Asked([1.0, 2.0], candidates=[[1.0]])),
        (BadAction, Asked([1.0, 2.0], incumbent="opn")),
        (BadAction, Asked([1.0, 2.0], incumbent="open", mask=[1, 1, 0])),
        (QuickstudyError, Asked([1.0, 2.0], key="@k")),
        (QuickstudyError, Asked([1.0, 2.0], cost=-1.0)),
        (QuickstudyError, Asked([1.0, 2.0], effect=float("nan"))),
        (QuickstudyError, Asked([1.0, 2.0], episode="\ud800")),
    ]
    position = log.last
    for error, asked in wrong:
        with pytest.raises(error):
            office.decide("valve", asked)
    assert log.last == position  # what does not fit leaves no trace
    with pytest.raises(UnknownPost, match="Did you mean 'valve'"):
        office.decide("valv", HERE)
    id = office.decide("valve", Asked([1.0, 2.0], key="k")).id
    with pytest.raises(Contradiction):
        office.decide("valve", Asked([1.0, 3.0], key="k"))
    for reward in (float("nan"), float("inf"), 1e300, "1", True):
        with pytest.raises(QuickstudyError, match="reward"):
            office.told(id, Told(reward=reward))  # type: ignore[arg-type]
    for unknown in (0, -1, 10**30, 1, "1", None):
        with pytest.raises(UnknownDecision):
            office.told(unknown, Told(reward=1.0))  # type: ignore[arg-type]
    with pytest.raises(PostExists):
        town.post(wait_seconds=1.0)
    assert np.isfinite(earned(town, id))


def test_candidates_are_slots_with_features(town: Town) -> None:
    shape = {"type": "candidates", "most": 3, "features": 2}
    town.post(action=shape)
    answer = town.office.decide(
        "valve", Asked([1.0, 2.0], candidates=[[1, 2], [3, 4]], mask=[0, 1])
    )
    assert answer.action == 1
    (decision,) = lived(town)
    assert decision.mask is not None and decision.mask.tolist() == [False, True, False]
    for wrong in ([], [[1]], [[1, 2]] * 4, [["a", "b"]], None):
        with pytest.raises(BadObservation, match="candidates"):
            town.office.decide("valve", Asked([1.0, 2.0], candidates=wrong))  # type: ignore[arg-type]


def test_listeners_hear_of_it(town: Town) -> None:
    heard: list[dict[str, Any]] = []
    town.office.listeners.append(heard.append)
    town.post("supervised")
    id = town.office.decide("valve", HERE).id
    town.office.answer(id, Reply("reject", "ann"))
    kinds = [event["kind"] for event in heard]
    assert sorted(kinds) == ["answered", "asked", "incident", "judged", "post"]
    assert all(event["post"] == "valve" and event["time"] >= 1_000 for event in heard)
