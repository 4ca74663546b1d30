"""Experience once the dust has settled: what was decided, and all that came of it.

    events = settled(log, "valve")        # each decision, and right behind it its whole outcome
    experience_digest(ada, "valve")       # the same, however its rewards arrived
    place = rebuilt(ada, "valve")         # the mind that such experience makes

A log keeps what happened in the order in which it happened: rewards come late, in parts, in any
order, and a mind studies while it waits for them. So two learners who decided the same and were
told the same, in another order, have other minds, each a function of its log. Here parts are
added up (exactly: the sum does not hang on their order either), and a mind made of that is the
same for both, bit for bit.

Streams are named by their episodes, since which slot an episode had hangs on when others ended.
Episodes without decisions, notes and times count for nothing.

Left out: experience that came from other learners (see `lineage`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from quickstudy import life, lineage
from quickstudy.errors import QuickstudyError
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.log import Log
from quickstudy.jobs.layout import Layout
from quickstudy.learner import Learner
from quickstudy.life import MANNER, Place
from quickstudy.mind import mind as minds
from quickstudy.types import Array, End

LIVED = (Kind.INHERITANCE, Kind.EPISODE, Kind.DECISION, Kind.OUTCOME)


@dataclass
class Followed:
    """All that came of one decision: parts of its reward, and the event that ended it."""

    parts: list[float] = field(default_factory=list)
    end: Event | None = None


def settled(log: Log, job: str, upto: int | None = None) -> Iterator[Event]:
    """Events of a job as `life.absorb` takes them, numbered anew from 1.

    Args:
      upto: the last position that counts; None for all.

    Raises:
      QuickstudyError: some of it happened to another learner.
    """
    lived = [
        event for event in log.read(job=job, kinds=LIVED) if upto is None or event.n <= upto
    ]
    if any(event.origin != log.uid for event in lived):
        raise QuickstudyError(
            f"Some experience of job '{job}' came from other learners, in an order that "
            "nobody knows; ask each of them instead."
        )
    return _numbered(_in_order(lived))


def _in_order(lived: Iterable[Event]) -> Iterator[Event]:
    """Each decision with an outcome right behind it, an episode's first behind its start."""
    followed: defaultdict[int, Followed] = defaultdict(Followed)
    for event in lived:
        if event.kind == Kind.OUTCOME and event.decision is not None:
            of = followed[event.decision]
            if event.reward is not None:
                of.parts.append(event.reward)
            if event.end is not End.NOT:
                of.end = event
    begun = set()
    for event in lived:
        if event.kind == Kind.INHERITANCE:
            yield event
        if event.kind != Kind.DECISION:
            continue
        event = event._replace(stream=str(event.episode))
        if event.episode not in begun:
            begun.add(event.episode)
            yield _bare(event, Kind.EPISODE)
        yield event
        if event.n in followed:
            yield _outcome(event, followed[event.n])


def _outcome(decision: Event, of: Followed) -> Event:
    bare = _bare(decision, Kind.OUTCOME)._replace(decision=decision.n)
    if of.parts:
        bare = bare._replace(reward=math.fsum(of.parts))
    if of.end is None:
        return bare
    last = of.end
    return bare._replace(end=last.end, observation=last.observation, mask=last.mask)


def _bare(event: Event, kind: Kind) -> Event:
    """An event of a kind in the place of another."""
    return event._replace(
        kind=kind, observation=None, mask=None, action=None, key=None, note=None,
        leader=None, worth=None, spread=None, support=None, explored=False,
    )  # fmt: skip


def _numbered(events: Iterable[Event]) -> Iterator[Event]:
    numbers: dict[int | None, int] = {}
    for number, event in enumerate(events, 1):
        if event.kind == Kind.DECISION:
            numbers[event.n] = number
        yield event._replace(n=number, decision=numbers.get(event.decision))


def experience_digest(learner: Learner, job: str, upto: int | None = None) -> str:
    """SHA-256 over decisions, what they earned in all, and how their episodes ended.

    The order in which outcomes came makes no difference. Raises as `settled`.
    """
    digest = hashlib.sha256()
    for event in settled(learner.log, job, upto):
        told = [
            int(event.kind), event.n, event.decision, event.episode, event.step, event.leader,
            event.explored, int(event.end), (event.note or {}).get(MANNER),
            None if event.reward is None else event.reward.hex(),
        ]  # fmt: skip
        digest.update(json.dumps(told).encode())
        for array in (event.observation, event.mask, event.action):
            digest.update(_bytes(array))
    return digest.hexdigest()


def _bytes(array: Array | None) -> bytes:
    """An array and where it stops, so that no two of them read as others would."""
    if array is None:
        return b"none"
    return f"{array.dtype.str}{array.size}:".encode() + np.ascontiguousarray(array).tobytes()


def rebuilt(
    learner: Learner,
    job: str,
    settings: minds.Settings | None = None,
    upto: int | None = None,
) -> Place:
    """A learner's place on a job, made of settled experience alone.

    Args:
      settings: those by which it studies. upto: as in `settled`.

    Raises:
      As `settled`; UnknownJob.
    """
    spec = learner.spec(job)
    mind = minds.init(spec, lineage.mind_seed(learner.seed, job), settings)
    place = Place(job, Layout(spec), mind, learner.log)
    for event in settled(learner.log, job, upto):
        life.absorb(place, event)
    return place
