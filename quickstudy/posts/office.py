"""All posts of one learner: it proposes, the gate rules, the log remembers.

Signatures first; what they do follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from quickstudy.learner import Learner
from quickstudy.posts.told import (
    Answer,
    Asked,
    EndName,
    Lesson,
    Reply,
    SwitchState,
    Told,
    Waiting,
)

Listener = Callable[[dict[str, Any]], None]


class Office:
    """Restored from the log at start. Synchronous; one thread at a time. Nothing is fsynced
    here: what a method did counts once `learner.log.saved` has reached the position it gives.

    listeners: each is called with every event as it happens: {"kind": "decision" | "outcome" |
      "inbox" | "answered" | "gate" | "switch" | "incident" | "post", "post", "time", "id", …}.
    """

    def __init__(self, learner: Learner, clock: Callable[[], float] = time.time):
        self.listeners: list[Listener] = []

    @property
    def posts(self) -> tuple[str, ...]:
        """Names, in the order in which they were created."""
        raise NotImplementedError

    def create(self, declared: Any, who: str) -> int:
        """A post. The same again changes nothing; PostExists: it is declared otherwise."""
        raise NotImplementedError

    def declared(self, name: str) -> Any:
        """As it was created (`Declared`). UnknownPost."""
        raise NotImplementedError

    def state(self, name: str, now: float | None = None) -> dict[str, Any]:
        """All that a page shows of a post. UnknownPost."""
        raise NotImplementedError

    def decide(self, name: str, asked: Asked) -> Answer:
        """UnknownPost, BadObservation, BadAction, Contradiction (key)."""
        raise NotImplementedError

    def resolution(self, id: int) -> Answer:
        """The answer as it stands now: for those who wait for a person. UnknownDecision."""
        raise NotImplementedError

    def told(self, id: int, told: Told) -> int:
        """UnknownDecision, Contradiction, Expired, BadObservation, BadAction."""
        raise NotImplementedError

    def end(
        self, name: str, episode: str | None, end: EndName = "terminated", last: Any = None
    ) -> int:
        """An episode is over. Ended twice in the same way changes nothing."""
        raise NotImplementedError

    def inbox(self, name: str | None = None) -> list[Waiting]:
        """What waits for a person, oldest first."""
        raise NotImplementedError

    def answer(self, id: int, reply: Reply) -> Answer:
        """A mentor's. NotWaiting, Contradiction (answered otherwise), Expired, BadAction."""
        raise NotImplementedError

    def audit(self, id: int, is_error: bool, who: str, why: str = "") -> int:
        """A person's judgement of what the learner did or proposed. UnknownDecision."""
        raise NotImplementedError

    def verdict(
        self, name: str, episode: str | None, reward: float, who: str, why: str = ""
    ) -> int:
        """A reward for how an episode went, to its latest decision."""
        raise NotImplementedError

    def switch(self, name: str | None, state: SwitchState, who: str, why: str = "") -> int:
        """One post's, or all (None). Paused and off cut every episode under way."""
        raise NotImplementedError

    def demote(self, name: str, action_class: str | None, who: str, why: str = "") -> int:
        """One class of actions, or all (None), one level down."""
        raise NotImplementedError

    def renew(self, name: str, action_class: str | None, who: str, why: str = "") -> int:
        """The lease anew."""
        raise NotImplementedError

    def demonstrate(self, name: str, lessons: Sequence[Lesson], who: str) -> int:
        """What a mentor did; learned from, before any decision or later."""
        raise NotImplementedError

    def history(self, name: str, lessons: Sequence[Lesson], who: str) -> int:
        """What the incumbent did before the learner came."""
        raise NotImplementedError

    def snapshots(self, name: str) -> list[str]:
        """Labels of the minds kept."""
        raise NotImplementedError

    def snapshot(self, name: str, label: str, who: str) -> int:
        """Keeps the mind as it is."""
        raise NotImplementedError

    def pin(self, name: str, label: str | None, who: str, why: str = "") -> int:
        """Acts by a mind that was kept; None: by the latest again. Evidence begins anew."""
        raise NotImplementedError

    def decisions(self, name: str, most: int = 50) -> list[dict[str, Any]]:
        """The latest, newest first."""
        raise NotImplementedError

    def curve(self, name: str, points: int = 200) -> list[dict[str, float]]:
        """Rewards over decisions: {"decision", "reward" (mean since the point before)}."""
        raise NotImplementedError

    def tick(self, now: float | None = None) -> int:
        """What time does: unanswered questions are refused, unrewarded decisions get the
        default, leases end. Gives how many; call it about once a second."""
        raise NotImplementedError
