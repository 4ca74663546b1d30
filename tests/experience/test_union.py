"""The union of logs: a set of events stays one set, however it comes together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from quickstudy.errors import CannotMerge
from quickstudy.experience import union
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.log import Log
from quickstudy.types import End

SEEDS, NAMES = {"ada": 1, "bea": 2, "cleo": 3}, {"ada": "Ada", "bea": "Bea", "cleo": "Cleo"}


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[dict[str, Log]]:
    """Of two learners who worked on the same job, and of a third who has not yet."""
    made = {name: Log.create(tmp_path / f"{name}.db", name) for name in SEEDS}
    for start, name in ((100.0, "ada"), (103.0, "bea")):
        made[name].append(Kind.JOB, "dispatch", note={"spec": 1}, time=start)
        work(made[name], start)
    yield made
    for log in made.values():
        log.close()


def work(log: Log, start: float, episodes: int = 2) -> None:
    """Episodes of three decisions, a second each, with a reward under a key for each."""
    for episode in range(episodes):
        at = start + 4 * episode
        log.append(Kind.EPISODE, "dispatch", stream="work", episode=episode, time=at)
        for step in range(3):
            n = log.append(
                Kind.DECISION, "dispatch", stream="work", episode=episode, step=step,
                observation=[at, step], action=[1.0], time=at + step,
            )  # fmt: skip
            log.append(
                Kind.OUTCOME, "dispatch", stream="work", decision=n, key=f"{n}",
                reward=at + step, end=End.TERMINATED if step == 2 else End.NOT, time=at + step,
            )  # fmt: skip


def told(log: Log) -> list[Event]:
    return union.read(log)


def of(*logs: Log, without: tuple[str, ...] = ()) -> list[Event]:
    return union.united([told(log) for log in logs], without)


def merged(path: Path, uid: str, *logs: Log) -> Log:
    events = of(*logs)
    log = Log.create(path, uid)
    union.append(log, events)
    log.append(Kind.NOTE, note=union.mark_note(union.reach(events), SEEDS, NAMES))
    log.sync()
    return log


def plain(events: list[Event]) -> list[tuple]:
    """Events for comparing."""
    return [
        tuple(part.tolist() if isinstance(part, np.ndarray) else part for part in event)
        for event in events
    ]


def of_content(events: list[Event]) -> set[tuple]:
    ids = {event.n: (event.origin, event.origin_n) for event in events}
    named = [e._replace(n=0, note=None, decision=ids.get(e.decision)) for e in events]
    return {repr(one) for one in plain(named)}


def test_all_that_happened_is_in_it_once(logs) -> None:
    whole = of(logs["ada"], logs["bea"])
    assert [event.n for event in whole] == list(range(1, 31))
    assert of_content(whole) == of_content(told(logs["ada"])) | of_content(told(logs["bea"]))


def test_neither_order_nor_repetition_matters(logs) -> None:
    whole = plain(of(logs["ada"], logs["bea"]))
    assert plain(of(logs["bea"], logs["ada"])) == whole
    assert plain(of(logs["ada"], logs["bea"], logs["ada"])) == whole


def test_a_union_with_a_union_is_that_union(logs, tmp_path) -> None:
    """Keys are not qualified twice, decisions are found, whatever log the events lie in."""
    cleo = merged(tmp_path / "new.db", "cleo", logs["ada"], logs["bea"])
    again = of(cleo, logs["bea"])
    lived = [event for event in again if event.origin != "cleo"]
    assert plain(lived) == plain(of(logs["ada"], logs["bea"]))
    assert [union.mark_of(event).upto for event in again[len(lived) :]] == [
        {"ada": 15, "bea": 15}
    ]
    cleo.close()


def test_an_outcome_follows_its_decision_wherever_it_lies(logs, tmp_path) -> None:
    cleo = merged(tmp_path / "new.db", "cleo", logs["ada"], logs["bea"])
    at = {event.n: event for event in cleo.read()}
    outcomes = [event for event in at.values() if event.kind == Kind.OUTCOME]
    assert len(outcomes) == 12
    for outcome in outcomes:
        decision = at[outcome.decision]
        assert decision.kind == Kind.DECISION and decision.origin == outcome.origin
        assert outcome.reward == decision.observation.sum()
        assert outcome.key == f"{outcome.origin}:{outcome.origin_n - 1}"
    cleo.close()


def test_between_origins_the_clock_decides_and_within_one_it_never_does(logs) -> None:
    work(logs["ada"], start=50.0)  # its clock was put back
    whole = of(logs["ada"], logs["bea"])
    numbers, times, latest = {"ada": [], "bea": []}, [], {"ada": 0.0, "bea": 0.0}
    for event in whole:
        numbers[event.origin].append(event.origin_n)
        latest[event.origin] = max(latest[event.origin], event.time)
        times.append(latest[event.origin])
    assert all(own == sorted(own) for own in numbers.values())
    assert times == sorted(times)
    assert [event.origin for event in whole] != sorted(event.origin for event in whole)


def test_a_mark_comes_after_all_that_it_covers(logs, tmp_path) -> None:
    """Though the clock of the one who took it up goes wrong."""
    cleo = Log.create(tmp_path / "new.db", "cleo")
    events = of(logs["ada"], logs["bea"])
    union.append(cleo, events)
    cleo.append(Kind.NOTE, note=union.mark_note(union.reach(events), SEEDS, NAMES), time=1.0)
    cleo.append(Kind.JOB, "dispatch", note={"spec": 1}, time=2.0)
    work(cleo, start=3.0)
    whole = of(cleo)
    assert [event.origin for event in whole[-len(whole) + 30 :]] == ["cleo"] * 16
    cleo.close()


def test_one_number_that_is_told_in_two_ways_is_refused(logs, tmp_path) -> None:
    copy = Log.create(tmp_path / "copy.db", "ada")
    copy.append(Kind.JOB, "dispatch", note={"spec": 1}, time=100.0)
    copy.append(Kind.EPISODE, "dispatch", stream="work", episode=7, time=100.0)
    with pytest.raises(CannotMerge, match="Event 2 of learner ada is told in two ways"):
        of(logs["ada"], copy)
    copy.close()


def test_what_followed_goes_with_what_is_left_out(logs, tmp_path) -> None:
    """A reward that cleo heard of, for a decision that bea took, goes with bea."""
    cleo = merged(tmp_path / "new.db", "cleo", logs["ada"], logs["bea"])
    taken = next(e.n for e in cleo.read(kinds=[Kind.DECISION]) if e.origin == "bea")
    cleo.append(Kind.OUTCOME, "dispatch", decision=taken, reward=1.0, key="late")
    left = of(cleo, without=("bea",))
    assert {event.origin for event in left} == {"ada", "cleo"}
    assert [event.kind for event in left if event.origin == "cleo"] == [Kind.NOTE]
    assert plain([e for e in left if e.origin == "ada"]) == plain(of(logs["ada"]))
    cleo.close()


def test_taking_up_one_job_is_all_or_nothing(logs, monkeypatch) -> None:
    logs["bea"].append(Kind.JOB, "other", note={"spec": 2}, time=200.0)
    cleo, bea = logs["cleo"], told(logs["bea"])
    honest, appended = union._append, []

    def failing(log: Log, event: Event, positions: dict) -> int:
        if len(appended) == 6:
            raise KeyboardInterrupt
        appended.append(event)
        return honest(log, event, positions)

    monkeypatch.setattr(union, "_append", failing)
    with pytest.raises(KeyboardInterrupt):
        union.take_up(cleo, "dispatch", bea, SEEDS, NAMES)
    monkeypatch.undo()
    assert list(cleo.read()) == []
    assert union.take_up(cleo, "dispatch", bea, SEEDS, NAMES) == 15
    assert union.take_up(cleo, "dispatch", bea, SEEDS, NAMES) == 0
    assert union.mark_of(next(iter(cleo.read()))).upto == {"bea": 15}
    found = of_content([event for event in told(cleo) if event.origin == "bea"])
    assert found == of_content([event for event in bea if event.job == "dispatch"])


def test_an_older_copy_does_not_take_up_what_it_did_itself(logs, tmp_path) -> None:
    older = Log.create(tmp_path / "older.db", "ada")
    with pytest.raises(CannotMerge, match="older copy"):
        union.take_up(older, "dispatch", told(logs["ada"]), SEEDS, NAMES)
    assert older.last == 0
    older.close()


def test_any_tree_of_unions_is_the_same_set(tmp_path) -> None:
    """Six learners, merged in random trees: one set of lives, in one order."""
    rng = random.Random(0)
    lives = []
    for number in range(6):
        log = Log.create(tmp_path / f"{number}.db", f"u{number}")
        log.append(Kind.JOB, "dispatch", note={"spec": 1}, time=float(number))
        work(log, start=rng.uniform(0, 20), episodes=rng.randint(1, 3))
        lives.append(log)
    results = []
    for tree in range(4):
        left = list(lives)
        while len(left) > 1:
            rng.shuffle(left)
            both = left.pop(), left.pop()
            path = tmp_path / f"tree{tree}-{len(left)}.db"
            left.append(merged(path, f"t{tree}{len(left)}", *both))
        whole = [e for e in of(left[0]) if not union.mark_of(e)]
        lived = [e for e in union.ordered(whole) if e.origin.startswith("u")]
        results.append([(e.origin, e.origin_n, e.key, e.time) for e in lived])
        for log in left:
            assert log.verify().is_sound
    assert results[0] == [(e.origin, e.origin_n, e.key, e.time) for e in of(*lives)]
    assert all(result == results[0] for result in results)
