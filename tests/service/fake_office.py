"""A small office and log, so that the service can be tried without a learner.

The office keeps posts and answers in memory and checks what the real one would refuse; it
proposes option 1 always. An observation of [1, …] is refused a person's absence: it asks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from quickstudy.errors import BadObservation, DiskTrouble, QuickstudyError, UnknownDecision
from quickstudy.posts.declared import Declared, Wording
from quickstudy.posts.told import (
    Answer,
    Asked,
    Contradiction,
    NotWaiting,
    PostExists,
    Reply,
    Told,
    UnknownPost,
    Waiting,
)
from quickstudy.service.commit import Committer
from quickstudy.service.desk import Desk
from quickstudy.service.events import Hub
from quickstudy.service.metrics import Metrics

VALVE = {
    "name": "valve",
    "observation": {"type": "box", "shape": [2]},
    "action": {"type": "discrete", "n": 3, "labels": ["close", "keep", "open"]},
}
ASKS = 1.0  # an observation that begins so waits for a person


class FakeLog:
    """Positions, and a disk that may be full."""

    def __init__(self) -> None:
        self.last = self.saved = self.syncs = 0
        self.is_full = False
        self.seconds = 0.0  # of a sync
        self.may_sync = threading.Event()
        self.may_sync.set()

    def append(self) -> int:
        self.last += 1
        return self.last

    def sync(self) -> int:
        upto = self.last
        self.may_sync.wait()
        time.sleep(self.seconds)
        self.syncs += 1
        if self.is_full:
            raise DiskTrouble("No space is left for experience.db; free some.")
        self.saved = upto
        return upto


class FakeOffice:
    """As `posts.office.Office`, with little behind it."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.listeners: list[Any] = []
        self.forget()

    def forget(self) -> None:
        """As new, for those who know it already."""
        self.log.__init__()  # type: ignore[misc]
        self.acts: list[tuple[Any, ...]] = []
        self._posts: dict[str, tuple[Declared, Wording]] = {}
        self._answers: dict[int, Answer] = {}
        self._keys: dict[str, int] = {}
        self._rewards: dict[tuple[int, str | None], float | None] = {}

    @property
    def posts(self) -> tuple[str, ...]:
        return tuple(self._posts)

    def create(self, declared: Declared, who: str) -> int:
        known = self._posts.get(declared.name)
        if known and known[0] != declared:
            raise PostExists(f"There is a post {declared.name!r} already, declared otherwise.")
        self._posts[declared.name] = declared, Wording(declared)
        return self._act("post", declared.name, who=who)

    def declared(self, name: str) -> Declared:
        return self._post(name)[0]

    def state(self, name: str, now: float | None = None) -> dict[str, Any]:
        return {"name": name, "declared": self._post(name)[0].to_json()}

    def decide(self, name: str, asked: Asked) -> Answer:
        wording = self._post(name)[1]
        wording.observation(asked.observation, asked.mask, asked.candidates)
        if asked.key in self._keys:
            return self._answers[self._keys[asked.key]]
        position = self.log.append()
        asks = asked.observation[0] == ASKS
        answer = Answer(
            position, name, asked.episode, None if asks else "keep", "keep",
            "ask" if asks else "allow", None if asks else "learner", 0.5, 0.1, 0.9, 0.3, 1.0,
            asks, "autonomous", "any", (), False, time.time(), time.time() + 60.0, position,
        )  # fmt: skip
        self._answers[position] = answer
        if asked.key is not None:
            self._keys[asked.key] = position
        self._tell("asked" if asks else "decision", name, position)
        return answer

    def resolution(self, id: int) -> Answer:
        if id not in self._answers:
            raise UnknownDecision(f"There is no decision {id}.")
        return self._answers[id]

    def told(self, id: int, told: Told) -> int:
        answer = self.resolution(id)
        before = self._rewards.setdefault((id, told.key), told.reward)
        if before != told.reward:
            raise Contradiction(f"Decision {id} was rewarded {before}; {told.reward} came.")
        position = self.log.append()
        self._tell("outcome", answer.post, id)
        return position

    def end(
        self, name: str, episode: str | None, end: str = "terminated", last: Any = None
    ) -> int:
        self._post(name)
        return self._act("end", name, episode=episode, end=end)

    def inbox(self, name: str | None = None) -> list[Waiting]:
        if name is not None:
            self._post(name)
        return [
            Waiting(
                one.id, one.post, "approval", one.episode, "any", [1.0, 0.0], one.proposed,
                None, one.worth, one.low, one.high, one.support, 0.0, 0.0, one.reasons, 0.0,
                one.expires,
            )
            for one in self._answers.values()
            if one.needs_approval
        ]  # fmt: skip

    def answer(self, id: int, reply: Reply) -> Answer:
        known = self.resolution(id)
        if not known.needs_approval:
            raise NotWaiting(f"Nobody waits for an answer to {id}.")
        if reply.answer in ("edit", "take-over"):
            self._post(known.post)[1].action(reply.action)
        position = self._act("answer", known.post, id=id, who=reply.who)
        self._answers[id] = replace(
            known, needs_approval=False, verdict="allow", action=reply.action or known.proposed,
            by="mentor" if reply.action is not None else "learner", position=position,
        )  # fmt: skip
        self._tell("answered", known.post, id)
        return self._answers[id]

    def audit(self, id: int, is_error: bool, who: str, why: str = "") -> int:
        return self._act("audit", self.resolution(id).post, who=who)

    def verdict(self, name: str, episode: Any, reward: float, who: str, why: str = "") -> int:
        self._post(name)
        return self._act("verdict", name, who=who)

    def switch(self, name: str | None, state: str, who: str, why: str = "") -> int:
        if name is not None:
            self._post(name)
        return self._act("switch", name, state=state, who=who)

    def demote(self, name: str, action_class: str | None, who: str, why: str = "") -> int:
        self._post(name)
        return self._act("demote", name, who=who)

    def renew(self, name: str, action_class: str | None, who: str, why: str = "") -> int:
        self._post(name)
        return self._act("renew", name, who=who)

    def demonstrate(self, name: str, lessons: Any, who: str) -> int:
        wording = self._post(name)[1]
        for lesson in lessons:
            wording.observation(lesson.observation, lesson.mask, lesson.candidates)
            wording.action(lesson.action)
        return self._act("demonstrate", name, lessons=lessons, who=who)

    history = demonstrate

    def snapshots(self, name: str) -> list[str]:
        self._post(name)
        return ["monday"]

    def snapshot(self, name: str, label: str, who: str) -> int:
        self._post(name)
        return self._act("snapshot", name, label=label, who=who)

    def pin(self, name: str, label: str | None, who: str, why: str = "") -> int:
        if label not in (None, *self.snapshots(name)):
            raise QuickstudyError(f"There is no snapshot {label!r}.")
        return self._act("pin", name, label=label, who=who)

    def decisions(self, name: str, most: int = 50) -> list[dict[str, Any]]:
        self._post(name)
        return [{"id": id} for id in sorted(self._answers, reverse=True)][:most]

    def curve(self, name: str) -> list[dict[str, float]]:
        self._post(name)
        return []

    def tick(self, now: float | None = None) -> int:
        return 0

    def _post(self, name: str) -> tuple[Declared, Wording]:
        if name not in self._posts:
            raise UnknownPost(f"There is no post {name!r}.")
        return self._posts[name]

    def _act(self, kind: str, name: str | None, **what: Any) -> int:
        self.acts.append((kind, name, what))
        return self.log.append()

    def _tell(self, kind: str, post: str, id: int) -> None:
        for listener in self.listeners:
            listener({"kind": kind, "post": post, "id": id, "time": time.time()})


def desk(office: FakeOffice) -> Desk:
    """A desk around it."""

    def standing() -> dict[str, Any]:
        return {
            "learner": "ada", "position": office.log.last, "student_is_alive": True,
            "student_lag_events": 0,
        }  # fmt: skip

    metrics = Metrics()
    committer = Committer(office.log, metrics.commit)
    return Desk(office, committer, Hub(), metrics, standing)  # type: ignore[arg-type]


@contextmanager
def frozen(log: FakeLog) -> Iterator[None]:
    """The disk takes its time until left."""
    log.may_sync.clear()
    try:
        yield
    finally:
        log.may_sync.set()


__all__ = ["ASKS", "VALVE", "BadObservation", "FakeLog", "FakeOffice", "desk", "frozen"]
