"""What callers and mentors say to an office, and what it answers: plain data, no behaviour.

Everything here is in a caller's own terms, such that JSON holds it: an action is a number, a
label, a list or an object as the post declared it, and a time is in unix seconds.

Left out: how any of it is checked (see `declared` and `office`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from quickstudy.errors import QuickstudyError, UnknownDecision

Says = Literal["allow", "edit", "reject", "take-over"]
By = Literal["learner", "incumbent", "fallback", "mentor"]
EndName = Literal["terminated", "truncated", "cut"]
SwitchState = Literal["on", "paused", "off"]


class UnknownPost(QuickstudyError):
    """No post of that name."""

    exit_code = 2


class PostExists(QuickstudyError):
    """A post of that name is declared otherwise."""


class Contradiction(QuickstudyError):
    """The same thing was told before, and differently; the first telling stands."""


class Expired(QuickstudyError):
    """It came after the time in which it could count."""


class NotWaiting(QuickstudyError):
    """Nobody waits for this answer: there was one, or never a question."""


__all__ = [
    "Answer", "Asked", "By", "Contradiction", "EndName", "Expired", "Lesson", "NotWaiting",
    "PostExists", "Reply", "Says", "SwitchState", "Told", "UnknownDecision", "UnknownPost",
    "Waiting",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: what to do here?

    observation: as the post declared it.
    episode: the caller's own id of what is under way; None: a one-step post's decision stands
      alone, another post's is part of its one endless episode.
    mask: which options are allowed now; None for all. candidates: the features of each option
      there is now, of a post that declared "candidates".
    incumbent: what would be done without the learner, if that is known.
    key: the same question asked again gets the same answer.
    cost, effect: of what the learner may do, in the units of the post's caps.
    """

    observation: Any
    episode: str | None = None
    mask: Any = None
    candidates: Sequence[Sequence[float]] | None = None
    incumbent: Any = None
    key: str | None = None
    cost: float = 0.0
    effect: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do, or that it has to wait.

    id: what outcomes, audits and polls name. episode: the caller's, as it asked.
    action: to be taken now; None where a person is waited for, or where nothing is known that
      could be done instead of what was refused (then the caller decides, and tells).
    verdict: of the gate: "allow", "ask", "refuse" or "shadow"; once a person has answered
      "allow" or "refuse".
    by: whose the action is. proposed: the learner's own, whatever came of it.
    worth, low, high: expected return of the learner's action; nine of ten returns lie between
      low and high. support: in [0, 1], how well experience covers this.
    propensity: probability with which the learner would choose `proposed` here, None where
      it is not known.
    needs_approval: whether a person is waited for now.
    level, action_class, reasons, is_audited: of the gate's ruling; reasons are sentences.
    asked: when the question came. expires: when the wait for a person or for an outcome is
      over [unix s].
    position: in the log; the answer counts once that is on disk.
    reward: what was told of it so far, in `Office.decisions`; None where nothing was yet.
    """

    id: int
    post: str
    episode: str | None
    action: Any
    proposed: Any
    verdict: str
    by: By | None
    worth: float | None
    low: float | None
    high: float | None
    support: float | None
    propensity: float | None
    needs_approval: bool
    level: str
    action_class: str
    reasons: tuple[str, ...]
    is_audited: bool
    asked: float
    expires: float
    position: int
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What followed a decision, now or late, in one part or several.

    reward: None where there is none to tell. Without a key it is the whole reward; parts have
      a key each, and add up. Telling the same again changes nothing.
    taken: the action that was really taken, where the answer had none.
    is_final: no more parts are to come (a one-step decision is settled by this).
    done: nothing follows in this episode. truncated: its time was over. observation: what was
      seen then.
    is_error: whether the learner's action was (or would have been) a mistake, if that is known.
    """

    reward: float | None = None
    key: str | None = None
    taken: Any = None
    is_final: bool = False
    done: bool = False
    truncated: bool = False
    observation: Any = None
    is_error: bool | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A mentor's answer to a question in the inbox.

    answer: "allow" as proposed; "edit": `action` instead, which teaches; "take-over": the same,
      and the mentor goes on with the episode (the learner is cut off from it); "reject".
    """

    answer: Says
    who: str
    action: Any = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing in the inbox.

    kind: "approval" (somebody waits for it) or "audit" (it is done; was it a mistake?).
    action: the learner's. taken: what was done, None where nothing was yet.
    asked, expires: [unix s].
    """

    id: int
    post: str
    kind: Literal["approval", "audit"]
    episode: str | None
    action_class: str
    observation: Any
    action: Any
    taken: Any
    worth: float | None
    low: float | None
    high: float | None
    support: float | None
    cost: float
    effect: float
    reasons: tuple[str, ...]
    asked: float
    expires: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """One step that somebody else took: a demonstration's, or of the time before the learner.

    episode: steps of one episode follow each other; None: as in `Asked`. end: where it is over.
    """

    observation: Any
    action: Any
    reward: float | None = None
    episode: str | None = None
    end: EndName | None = None
    last: Any = None
    mask: Any = None
    candidates: Sequence[Sequence[float]] | None = field(default=None)
