"""The union of logs: every event once, in one order, whoever wrote it down.

    told = union.united([union.read(ada.log), union.read(bea.log)])
    union.append(log, told)

An event carries to whom it happened first (its origin) and its number there, so a set of
events is the same set however it came together: the union is idempotent, and does not hang on
order. What an origin's events are is never changed: in a log that is not the origin's own a key
is kept as ``origin:key``, and a decision is named by its position in that log.

A *mark* is a note in which a learner says whose experience it took up, and how far: what it
did afterwards, it did knowing that.

The order of a union: an origin's events as they happened; between origins by the clock, which
never runs backwards within an origin, and by which a mark comes after all that it covers.

Whose ideas: version vectors (Parker et al. 1983) say what a mark covers; clocks that respect
what was known (Lamport 1978) give the order; a grow-only set merges without coordination
(Shapiro et al. 2011).

Left out: events that hold less than the log of a million steps can spare in memory (all of them
are held at once).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from quickstudy.errors import CannotMerge
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.log import Log

MERGED = "merged"  # the key of a mark among notes
Id = tuple[str, int]  # origin, and its number there
Reach = dict[str, int]  # of each origin, the last number that is known


class Mark(NamedTuple):
    """A learner took up what had happened to others.

    origin, n: who, and the number of its note. job: the only one it took up; "" for all.
    upto: how far, of each origin. seeds, names: of those origins.
    """

    origin: str
    n: int
    job: str
    upto: Mapping[str, int]
    seeds: Mapping[str, int]
    names: Mapping[str, str]


class Share(NamedTuple):
    """What happened first to one learner, in the experience of another.

    origin: its uid. name: as far as known. steps: decisions, by job, be it only knowledge of
    them. is_own: of the learner
    itself.
    """

    origin: str
    name: str
    steps: dict[str, int]
    is_own: bool


def mark_of(event: Event) -> Mark | None:
    """The mark that an event is, if it is one."""
    said = (event.note or {}).get(MERGED) if event.kind == Kind.NOTE else None
    if said is None:
        return None
    return Mark(
        event.origin, event.origin_n, event.job, said["upto"], said["seeds"], said["names"]
    )


def mark_note(
    upto: Mapping[str, int], seeds: Mapping[str, int], names: Mapping[str, str]
) -> dict[str, Any]:
    """The note of a mark (see `Mark`)."""
    return {MERGED: {"upto": dict(upto), "seeds": dict(seeds), "names": dict(names)}}


def reach(events: Iterable[Event]) -> Reach:
    """How far events go, of each origin."""
    last: Reach = {}
    for event in events:
        last[event.origin] = max(last.get(event.origin, 0), event.origin_n)
    return last


def provenance(log: Log, name: str) -> tuple[Share, ...]:
    """Who contributed what to the experience of the learner `name`: itself, then by steps."""
    steps: dict[str, Counter[str]] = {log.uid: Counter()}
    names: dict[str, str] = {}
    for event in log.read():
        if (mark := mark_of(event)) is not None:
            names |= mark.names
        elif event.kind == Kind.DECISION:
            steps.setdefault(event.origin, Counter())[event.job] += 1
        elif event.kind == Kind.INHERITANCE and event.note and "steps" in event.note:
            steps.setdefault(event.origin, Counter())[event.job] += event.note["steps"]
    names[log.uid] = name
    shares = [
        Share(origin, names.get(origin, origin), dict(count), origin == log.uid)
        for origin, count in steps.items()
    ]
    return tuple(sorted(shares, key=lambda s: (not s.is_own, -sum(s.steps.values()), s.origin)))


# ---- from logs to their union


def read(log: Log, upto: int | None = None) -> list[Event]:
    """A log's events, each with the key that its origin gave it.

    Args:
      upto: the last position to read; by default all there is.

    Raises:
      DamagedLearner, DiskTrouble: as `Log.read`.
    """
    events = []
    for event in log.read():
        if upto is not None and event.n > upto:
            break
        events.append(event._replace(key=_own_key(event, log.uid)))
    return events


def united(accounts: Sequence[Sequence[Event]], without: Collection[str] = ()) -> list[Event]:
    """All that the accounts tell, once each, in order, numbered from 1.

    Args:
      accounts: events as `read` gives them; `n` and `decision` are each account's own.
      without: origins that are left out, with what followed their decisions.

    Returns:
      events whose `n` and `decision` are positions in this list, from 1.

    Raises:
      CannotMerge: two accounts tell different things under one origin and number.
    """
    told: dict[Id, Event] = {}
    follows: dict[Id, Id] = {}
    for account in accounts:
        ids = {event.n: (event.origin, event.origin_n) for event in account}
        for event in account:
            one = ids[event.n]
            if event.origin in without:
                continue
            if event.decision is not None:
                decided = ids.get(event.decision)
                if decided is None or decided[0] in without:
                    continue
                _check_same(follows.setdefault(one, decided) == decided, event)
            if one in told:
                _check_same(_is_same(told[one], event), event)
            told[one] = event
    numbers: dict[Id, int] = {}
    result = []
    for n, event in enumerate(ordered(list(told.values())), 1):
        one = event.origin, event.origin_n
        numbers[one] = n
        decision = numbers[follows[one]] if one in follows else None
        result.append(event._replace(n=n, decision=decision))
    return result


def ordered(events: Iterable[Event]) -> list[Event]:
    """Events, of any number of origins, in the order of a union; nothing else changes."""
    by_origin: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_origin[event.origin].append(event)
    for own in by_origin.values():
        own.sort(key=lambda event: event.origin_n)
    clock = _Clock(by_origin)
    keyed = [
        (time, event.origin, event.origin_n, event)
        for origin, own in by_origin.items()
        for time, event in zip(clock.times(origin), own, strict=True)
    ]
    keyed.sort(key=lambda entry: entry[:3])
    return [entry[3] for entry in keyed]


def append(log: Log, events: Iterable[Event], known: Mapping[Id, int] | None = None) -> None:
    """Appends what a log does not hold yet of a union, as it happened to its origins.

    Args:
      events: of `united`. known: where the log holds some of them.

    Raises:
      As `Log.append`.
    """
    known = known or {}
    positions: dict[int, int] = {}
    for event in events:
        at = known.get((event.origin, event.origin_n))
        if at is None:
            at = _append(log, event, positions)
        positions[event.n] = at


def take_up(
    log: Log,
    job: str,
    events: Iterable[Event],
    seeds: Mapping[str, int],
    names: Mapping[str, str],
    more: Mapping[str, Any] | None = None,
) -> int:
    """Appends to a learner's log what happened to others on one job, under a mark.

    All of it in one transaction, so that a crash or a full disk leaves all or nothing.

    Args:
      events: as `read` gives them, of one log; of them those of the job, and marks.
      seeds, names: of their origins. more: that the mark's note says, such as on what terms.

    Returns:
      how many events were new.

    Raises:
      CannotMerge: the two contradict each other, or the learner's own log lacks what is told of
        it. As `Log.append`.
    """
    here, there = ([e for e in told if _is_about(e, job)] for told in (read(log), events))
    everything = united([here, there])
    known = {(event.origin, event.origin_n): event.n for event in here}
    new = [event for event in everything if (event.origin, event.origin_n) not in known]
    if any(event.origin == log.uid for event in new):
        raise CannotMerge(
            f"{log.path} lacks events of its own learner that others know of, so it is an "
            "older copy; go on with the newer one. Nothing was changed."
        )
    if new:
        note = mark_note(reach(everything), seeds, names) | dict(more or {})
        with log.together():
            log.append(Kind.NOTE, job, note=note)
            append(log, everything, known)
    return len(new)


def _is_about(event: Event, job: str) -> bool:
    mark = mark_of(event)
    return event.job == job if mark is None else mark.job in ("", job)


def _append(log: Log, event: Event, positions: Mapping[int, int]) -> int:
    decision = None if event.decision is None else positions[event.decision]
    key = event.key
    if key is not None and event.origin != log.uid:
        key = f"{event.origin}:{key}"
    fields = event._asdict()
    for name in ("n", "origin", "origin_n"):
        del fields[name]
    fields |= {"decision": decision, "key": key}
    return log.append(**fields, origin=(event.origin, event.origin_n))


class _Clock:
    """The time of each event, never before what its origin knew then."""

    def __init__(self, by_origin: Mapping[str, Sequence[Event]]):
        self._events = by_origin
        self._numbers = {o: [e.origin_n for e in own] for o, own in by_origin.items()}
        self._times: dict[str, list[float]] = {origin: [] for origin in by_origin}
        self._busy: set[str] = set()

    def times(self, origin: str) -> list[float]:
        """Of all of an origin's events."""
        numbers = self._numbers[origin]
        self._until(origin, numbers[-1] if numbers else 0)
        return self._times[origin]

    def _until(self, origin: str, n: int) -> float:
        """Of an origin's last event at or below n."""
        if origin not in self._events:
            return -math.inf
        place, times = bisect_right(self._numbers[origin], n), self._times[origin]
        if origin not in self._busy:  # only a forged log knows of its own future
            self._busy.add(origin)
            while len(times) < place:
                times.append(self._time(self._events[origin][len(times)], times))
            self._busy.discard(origin)
        return times[min(place, len(times)) - 1] if place and times else -math.inf

    def _time(self, event: Event, before: Sequence[float]) -> float:
        time = max(event.time, before[-1]) if before else event.time
        mark = mark_of(event)
        for origin, n in mark.upto.items() if mark else ():
            if origin != event.origin:
                time = max(time, math.nextafter(self._until(origin, n), math.inf))
        return time


def _own_key(event: Event, uid: str) -> str | None:
    """The key as its origin gave it, of an event in the log of the learner `uid`."""
    if event.key is None or event.origin == uid:
        return event.key
    return event.key.removeprefix(f"{event.origin}:")


def _is_same(one: Event, two: Event) -> bool:
    return all(
        _is_equal(a, b)
        for name, a, b in zip(Event._fields, one, two, strict=True)
        if name not in ("n", "decision")
    )


def _is_equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return type(a) is type(b) and a == b


def _check_same(is_same: bool, event: Event) -> None:
    if not is_same:
        raise CannotMerge(
            f"Event {event.origin_n} of learner {event.origin} is told in two ways, so one of "
            "the logs was edited, or two copies of one learner both worked on under its name. "
            "Merge copies that were made by merging, or leave one out; nothing was changed."
        )
