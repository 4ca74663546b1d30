"""A mind as a function of a set of events: whose they were, and who took up whose.

    derive(job, spec, events, seeds, log) -> Place

What happened to one learner is its *lineage*: it began knowing nothing, or knowing what it had
taken up (see `union.Mark`), and then took in its own events one by one. Where one lineage holds
all events, the mind is that lineage's, bit for bit; so merging with oneself, or with a parent,
changes nothing. Where several stand side by side, the mind is pooled from theirs: its memory is
the union, its judgement taught by each of them (see `mind.pool`).

Knowledge that came without its experience (see `mind.knowledge`) is a lineage of one event, of
an origin of its own. It says what experience it was made of; where that is known itself, or
knowledge of that and more, it counts for nothing.

Everything follows from the events of one job and the marks between them, not from the log that
they lie in, nor from the order in which learners were named.

A foreign learner's stream is known as ``stream@origin``, so that nobody goes on with an episode
that is not its own; where minds are pooled all episodes under way are over, as if cut.

Left out: events that stay on disk (those of jobs that are shared are held in memory at once).
"""

from __future__ import annotations

import copy
import hashlib
import json
import zlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from quickstudy import life
from quickstudy.experience import union
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.log import Log
from quickstudy.experience.union import Mark
from quickstudy.jobs.layout import Layout
from quickstudy.life import Place
from quickstudy.mind import mind as minds
from quickstudy.mind.memory import TERMINAL
from quickstudy.mind.mind import Mind
from quickstudy.mind.pool import pool
from quickstudy.types import End, Spec

LIVED = (Kind.INHERITANCE, Kind.EPISODE, Kind.DECISION, Kind.OUTCOME)
PROGRESS_EVENTS = 200  # from one call of progress to the next
Progress = Callable[[int, int], None]  # (events studied, events to study)
Key = tuple[tuple[str, int], ...]  # of each origin, the number of the job's last event


class Known(NamedTuple):
    """A mind that need not be derived again.

    reach: of each origin, the last event of the job that it studied. uid: of the learner whose
    it is, and who calls its own streams by their plain names.
    """

    reach: Mapping[str, int]
    uid: str
    mind: Mind


class Lineage(NamedTuple):
    """What one learner knew, and then lived itself.

    base: what it had taken up. since: the number of the mark by which it did; 0 for none.
    whole: base, and its own events.
    """

    origin: str
    base: Key
    since: int
    whole: Key


def mind_seed(seed: int, job: str) -> int:
    """Seed of a learner's mind on a job."""
    parts = [seed, zlib.crc32(job.encode())]
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def content_seed(upto: Mapping[str, int]) -> int:
    """A seed [32 bits] that follows from whose events there are and how many, and nothing else.

    upto: of each origin, the number of its last event.
    """
    digest = hashlib.sha256(json.dumps(sorted(upto.items())).encode()).digest()
    return int.from_bytes(digest[:4], "little")


def stream_name(stream: str, origin: str, uid: str) -> str:
    """What learner `uid` calls a stream of learner `origin`."""
    return stream if origin == uid else f"{stream}@{origin}"


def reach(events: Iterable[Event], job: str, upto: int) -> union.Reach:
    """How far a mind has come that studied a job's events up to a position in a log."""
    lived = (event for event in events if event.job == job and event.kind in LIVED)
    return union.reach(event for event in lived if event.n <= upto)


def read(
    log: Log, jobs: Collection[str], upto: int
) -> tuple[dict[str, list[Event]], dict[str, int]]:
    """What `derive` needs of a log for each of some jobs, and the seeds that its marks tell.

    Args:
      upto: the last position to read.
    """
    told: dict[str, list[Event]] = {job: [] for job in jobs}
    seeds: dict[str, int] = {}
    for event in log.read():
        if event.n > upto:
            break
        if (mark := union.mark_of(event)) is not None:
            seeds |= mark.seeds
            for events in told.values():
                events.append(event)
        elif event.job in told and event.kind in LIVED:
            told[event.job].append(event)
    return told, seeds


def derive(
    job: str,
    spec: Spec,
    events: Iterable[Event],
    seeds: Mapping[str, int],
    log: Log,
    settings: minds.Settings | None = None,
    known: Iterable[Known] = (),
    progress: Progress | None = None,
) -> Place:
    """The place of a job, as the learner of `log` knows it by a set of events.

    Args:
      events: of that job, and marks, in any order; others are passed over. Positions and
        decisions are those of `log`.
      seeds: of each learner among their origins, and of the log's own.
      known: minds derived before, of which use can be made.
      progress: hears now and then how many events were studied, and how many there are.
    """
    return _Derivation(job, spec, events, seeds, log, settings, known, progress).place()


@dataclass
class _Draft:
    """A place whose decisions are numbered as they were taken in.

    numbers: position in the log → number here. rows: in memory before each event.
    """

    place: Place
    numbers: dict[int, int] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)


Take = Callable[[Place, Event], None]


class _Derivation:
    """See `derive`."""

    def __init__(
        self,
        job: str,
        spec: Spec,
        events: Iterable[Event],
        seeds: Mapping[str, int],
        log: Log,
        settings: minds.Settings | None,
        known: Iterable[Known],
        progress: Progress | None,
    ):
        self._job, self._spec, self._log = job, spec, log
        self._seeds, self._settings = seeds, settings
        self._lived: dict[str, list[Event]] = defaultdict(list)
        self._marks: dict[str, list[Event]] = defaultdict(list)
        self._sort(events)
        self._numbers = {o: [e.origin_n for e in own] for o, own in self._lived.items()}
        self._made_of = {
            event.origin: event.note["of"]
            for own in self._lived.values()
            for event in own
            if is_knowledge(event) and event.note
        }
        self._progress, self._done = progress, 0
        self._due = sum(map(len, self._lived.values()))
        self._known = {
            self._key(of.reach): self._named(of)
            for of in known
            if self._last(of.reach) == of.reach
        }

    def place(self) -> Place:
        """Of all events; decisions are called by their positions in the log."""
        everything = {origin: own[-1] for origin, own in self._numbers.items()}
        draft = self._derive(self._key(everything))
        place = draft.place
        positions = {number: n for n, number in draft.numbers.items()}
        taken = zip((positions[n] for n in place.decisions), place.rows, strict=True)
        for at, (n, row) in enumerate(sorted(taken)):
            place.decisions[at], place.rows[at] = n, row
        for episode in place.open.values():
            episode.first = positions.get(episode.first, 0)
            episode.latest = positions.get(episode.latest, 0)
        return place

    # ---- what there is

    def _sort(self, events: Iterable[Event]) -> None:
        uid = self._log.uid
        streams: dict[int, str] = {}  # of each decision, which its outcomes are on too
        for event in sorted(events, key=lambda event: event.n):
            if (mark := union.mark_of(event)) is not None:
                if mark.job in ("", self._job):
                    self._marks[event.origin].append(event)
            elif event.kind in LIVED and event.job == self._job:
                stream = stream_name(event.stream, event.origin, uid)
                if event.decision is not None:
                    stream = streams.get(event.decision, stream)
                elif event.kind == Kind.DECISION:
                    streams[event.n] = stream
                self._lived[event.origin].append(event._replace(stream=stream))
        for own in (*self._lived.values(), *self._marks.values()):
            own.sort(key=lambda event: event.origin_n)

    def _named(self, of: Known) -> Mind:
        """A known mind whose streams are called as the log's learner calls them."""
        foreign = tuple(f"@{origin}" for origin in self._lived)
        streams = {
            name if name.endswith(foreign) else stream_name(name, of.uid, self._log.uid): stream
            for name, stream in of.mind.streams.items()
        }
        return replace(of.mind, streams=streams)

    def _key(self, reach: Mapping[str, int]) -> Key:
        """What counts of a set of events: not knowledge of what is known."""
        last = self._last(reach)
        told = {origin: self._made_of[origin] for origin in last if origin in self._made_of}
        void = [o for o in told if _is_covered(told[o], last) or _is_outdated(o, told)]
        return tuple(sorted((o, n) for o, n in last.items() if o not in void))

    def _last(self, reach: Mapping[str, int]) -> dict[str, int]:
        """Of each origin the number of its last event here, as far as the reach goes."""
        last = {}
        for origin, upto in reach.items():
            numbers = self._numbers.get(origin, [])
            if count := bisect_right(numbers, upto):
                last[origin] = numbers[count - 1]
        return last

    def _own(self, origin: str, after: int, upto: int) -> Sequence[Event]:
        numbers = self._numbers[origin]
        return self._lived[origin][bisect_right(numbers, after) : bisect_right(numbers, upto)]

    def _lineages(self, key: Key) -> list[Lineage]:
        """Those that are part of no other, by origin."""
        every = [self._lineage(origin, dict(key)) for origin, _ in key]
        last = dict(key)
        bases = [(one.origin, dict(one.base)) for one in every]
        return [
            one
            for one in every
            if not any(
                base.get(one.origin, 0) >= last[one.origin]
                for origin, base in bases
                if origin != one.origin
            )
        ]

    def _lineage(self, origin: str, at: Mapping[str, int]) -> Lineage:
        mark = self._mark(origin, at[origin])
        if mark is None:
            return Lineage(origin, (), 0, ((origin, at[origin]),))
        known = {o: min(n, at.get(o, 0)) for o, n in mark.upto.items()}
        base = self._key(known | {origin: mark.n - 1})
        whole = dict(base) | {origin: at[origin]}
        return Lineage(origin, base, mark.n, tuple(sorted(whole.items())))

    def _mark(self, origin: str, before: int) -> Mark | None:
        """The latest mark of a learner before one of its events."""
        made = [event for event in self._marks[origin] if event.origin_n < before]
        return union.mark_of(made[-1]) if made else None

    # ---- from events to a mind

    def _derive(self, key: Key) -> _Draft:
        """The mind that a set of events makes."""
        if key in self._known:
            return self._filled(key)
        lineages = self._lineages(key)
        if len(lineages) > 1:
            draft = self._pooled(key, lineages)
        elif lineages:
            draft = self._followed(lineages[0])
        else:
            draft = self._blank(self._seed(self._log.uid))
        self._known[key] = _as_it_is(draft.place.mind)
        return draft

    def _followed(self, one: Lineage) -> _Draft:
        """A lineage's mind, from where it is known."""
        whole = dict(one.whole)
        known = [dict(key).get(one.origin, 0) for key in self._known
                 if {**dict(key), one.origin: whole[one.origin]} == whole]  # fmt: skip
        since = max((n for n in known if n > one.since), default=None)
        if since is not None:
            draft = self._filled(self._key(whole | {one.origin: since}))
        else:
            since = one.since
            draft = self._derive(one.base) if one.base else self._blank(self._seed(one.origin))
        for event in self._own(one.origin, since, whole[one.origin]):
            _take(draft, event, life.absorb)
            self._studied()
        return draft

    def _studied(self) -> None:
        self._done += 1
        if self._progress and self._done % PROGRESS_EVENTS == 0:
            self._progress(self._done, self._due)

    def _pooled(self, key: Key, lineages: Sequence[Lineage]) -> _Draft:
        draft = self._remembered(key)
        taken = zip(self._in_order(key), draft.rows, strict=True)
        decided = [(event, row) for event, row in taken if event.kind == Kind.DECISION]
        teachers, lived, heard = [], [], []
        for one in lineages:
            teachers.append(self._derive(one.whole).place.mind)
            upto = dict(one.whole)
            rows = [
                row for event, row in decided if event.origin_n <= upto.get(event.origin, 0)
            ]
            lived.append(np.array(rows, np.int64))
            heard.append(any(origin in self._made_of for origin in upto))
        pool(draft.place.mind, teachers, lived, heard=heard)
        return draft

    def _filled(self, key: Key) -> _Draft:
        """A place whose mind is known, with its memory."""
        draft, known = self._remembered(key), _as_it_is(self._known[key])
        mind = draft.place.mind
        mind.learned, mind.counts = known.learned, known.counts
        mind.arbiter, mind.streams = known.arbiter, known.streams
        return draft

    def _remembered(self, key: Key) -> _Draft:
        """A place with all that a set of events leaves in memory, and nothing learned."""
        lineages = self._lineages(key)
        if len(lineages) > 1:
            draft = self._blank(content_seed(dict(key)))
            for event in self._in_order(key):
                _take(draft, event, _recall)
            draft.place.open.clear()
            return draft
        if not lineages:
            return self._blank(self._seed(self._log.uid))
        one = lineages[0]
        draft = self._remembered(one.base) if one.base else self._blank(self._seed(one.origin))
        for event in self._own(one.origin, one.since, dict(key)[one.origin]):
            _take(draft, event, _recall)
        return draft

    def _in_order(self, key: Key) -> list[Event]:
        """The events of a set in the order of a union."""
        upto = dict(key)
        marks = [event for origin, n in key for event in self._marks[origin]
                 if event.origin_n < n]  # fmt: skip
        lived = [event for origin in upto for event in self._own(origin, 0, upto[origin])]
        return [e for e in union.ordered([*lived, *marks]) if e.kind in LIVED]

    def _blank(self, seed: int) -> _Draft:
        mind = minds.init(self._spec, seed, self._settings)
        return _Draft(Place(self._job, Layout(self._spec), mind, self._log))

    def _seed(self, origin: str) -> int:
        return mind_seed(self._seeds.get(origin, 0), self._job)


def _take(draft: _Draft, event: Event, how: Take) -> None:
    """Takes in an event, as far as what it speaks of is there.

    Where experience was left out, an outcome may speak of a decision that is not, or an episode
    go on that was not begun.
    """
    place = draft.place
    draft.rows.append(place.mind.memory.size)
    number = len(draft.rows)
    decision = None
    if event.decision is not None:
        decision = draft.numbers.get(event.decision)
        if decision is None:
            return
        if event.end is not End.NOT and event.stream not in place.open:
            event = event._replace(end=End.NOT)
    elif event.kind == Kind.DECISION:
        draft.numbers[event.n] = number
        if event.stream not in place.open:
            how(place, event._replace(kind=Kind.EPISODE))
    how(place, event._replace(n=number, decision=decision))


def _recall(place: Place, event: Event) -> None:
    """Takes an event into memory alone."""
    memory, stream = place.mind.memory, event.stream
    if event.kind == Kind.EPISODE:
        place.open[stream] = life.Episode(event.episode)
        place.episodes = max(place.episodes, event.episode + 1)
    elif event.kind == Kind.DECISION:
        row = memory.add(event.observation, event.mask, event.action)
        _follow(place, stream, row)
        life._took(place, event.n, row, stream)
    elif event.decision is not None:
        if event.reward is not None:
            memory.reward[life.row_of(place, event.decision)] += event.reward
            life._earned(place, event.decision, event.reward, stream)
        if event.end == End.TERMINATED:
            _follow(place, stream, TERMINAL)
        elif event.end is not End.NOT and event.observation is not None:
            _follow(place, stream, memory.add(event.observation, event.mask, None))
        if event.end is not End.NOT:
            del place.open[stream]


def _follow(place: Place, stream: str, after: int) -> None:
    """Says what followed a stream's latest decision, where there was one."""
    if place.open[stream].steps:
        latest = life.row_of(place, place.open[stream].latest)
        place.mind.memory.link(latest, after)


def _as_it_is(mind: Mind) -> Mind:
    """The mind, but for its memory, as it will stay while it goes on."""
    return replace(
        mind,
        counts=copy.copy(mind.counts),
        arbiter=copy.deepcopy(mind.arbiter),
        streams=copy.deepcopy(mind.streams),
    )


def is_knowledge(event: Event) -> bool:
    """Whether an event is what somebody knows of a job, without the experience."""
    return event.kind == Kind.INHERITANCE and "of" in (event.note or {})


def _is_covered(made_of: Mapping[str, int], last: Mapping[str, int]) -> bool:
    return all(last.get(origin, 0) >= n for origin, n in made_of.items())


def _is_outdated(origin: str, told: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether other knowledge was made of all that, and more, or stands for the same."""
    own = told[origin]
    others = ((other, of) for other, of in told.items() if other != origin)
    return any(
        _is_covered(own, of) and (not _is_covered(of, own) or other < origin)
        for other, of in others
    )
