"""What comes in over HTTP: forms that say what a body may hold, and that are obeyed.

Names and shapes that belong to a post (observations, actions) are checked by the post itself;
here are the parts that all posts share. Unknown names are refused: a misspelt field that is
silently ignored teaches a learner the wrong thing. What goes out are the office's own words
(`posts.told`), as JSON.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from quickstudy.posts.told import Asked, EndName, Lesson, Reply, Says, SwitchState, Told

MOST_ITEMS = 1_000
LONGEST_WAIT = 60.0  # seconds, of a long poll
LARGEST = 2**62

Post = Annotated[str, Path(description="The post's name.", max_length=200)]
Id = Annotated[int, Path(description="As an answer told it.", ge=1, le=LARGEST)]
Episode = Annotated[str, Path(description="The caller's own id of it.", max_length=200)]
Wait = Annotated[
    float, Query(ge=0.0, le=LONGEST_WAIT, description="How long to wait for a person [s].")
]
Most = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many at most.")]
Word = Annotated[str, Field(max_length=200)]
Why = Annotated[str, Field(max_length=2_000, description="For the record.")]
Who = Annotated[
    str | None,
    Field(max_length=200, description="For the record; with keys, the key's name holds."),
]
Rows = Annotated[list[list[float]], Field(max_length=10_000)]


class Form(BaseModel):
    """A body; what it does not name is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Declaring(Form):
    """A post: what it observes, what it may do, and on which terms (`posts.declared`)."""

    name: Word
    observation: dict[str, Any] = Field(
        examples=[{"type": "box", "shape": [2], "names": ["degrees", "target"]}]
    )
    action: dict[str, Any] = Field(
        examples=[{"type": "discrete", "n": 3, "labels": ["cool", "keep", "heat"]}]
    )
    one_step: bool = Field(False, description="Each decision stands alone.")
    reward_meaning: str = Field("", max_length=2_000)
    reward_default: float = 0.0
    wait_seconds: float = 60.0
    accepts_late: bool = False
    decision_cost: float = 0.0
    harm_below: float | None = None
    fallback: Any = None
    ask_seconds: float = 300.0
    audit_seconds: float = 86_400.0
    classes: dict[str, str] = Field(default_factory=dict)
    terms: dict[str, dict[str, Any]] = Field(default_factory=dict)
    caps: dict[str, dict[str, Any]] = Field(default_factory=dict)
    max_steps: int | None = None
    incumbent: float | None = None


class Asking(Form):
    """A question: what to do here? (`told.Asked`)"""

    observation: Any = Field(description="As the post declared it.")
    episode: Word | None = Field(None, description="Your own id of what is under way.")
    mask: Any = Field(None, description="Which options are allowed now.")
    candidates: Rows | None = Field(None, description="Features of each option there is now.")
    incumbent: Any = Field(None, description="What would be done without the learner.")
    key: Word | None = Field(None, description="The same key again gets the same answer.")
    cost: float = Field(0.0, description="In the units of the post's caps.")
    effect: float = Field(0.0, description="In the units of the post's caps.")

    def asked(self) -> Asked:
        """In the office's words."""
        return Asked(**self.__dict__)


class AskingMany(Form):
    """Questions, each answered on its own."""

    items: Annotated[list[Asking], Field(min_length=1, max_length=MOST_ITEMS)]


class Telling(Form):
    """What followed a decision (`told.Told`)."""

    reward: float | None = None
    key: Word | None = Field(None, description="Of one part of a reward; parts add up.")
    taken: Any = Field(None, description="What was really done, where the answer had nothing.")
    is_final: bool = Field(False, description="No more parts are to come.")
    done: bool = Field(False, description="Nothing follows in this episode.")
    truncated: bool = Field(False, description="Its time was over.")
    observation: Any = Field(None, description="What was seen last, where it is over.")
    is_error: bool | None = Field(
        None, description="Whether the learner's action was a mistake."
    )

    def told(self) -> Told:
        """In the office's words."""
        return Told(**self.__dict__)


class TellingOf(Telling):
    """What followed a decision, which is named."""

    decision: Annotated[int, Field(ge=1, le=LARGEST)]

    def told(self) -> Told:
        """In the office's words."""
        return Told(
            **{name: value for name, value in self.__dict__.items() if name != "decision"}
        )


class TellingMany(Form):
    """What followed several decisions, each taken in on its own."""

    items: Annotated[list[TellingOf], Field(min_length=1, max_length=MOST_ITEMS)]


class Ending(Form):
    """How an episode ended."""

    end: EndName = "terminated"
    observation: Any = Field(None, description="What was seen last.")


class Replying(Form):
    """A mentor's answer (`told.Reply`)."""

    answer: Says
    action: Any = Field(None, description='Yours, with "edit" and "take-over".')
    who: Who = None
    why: Why = ""

    def reply(self, who: str) -> Reply:
        """In the office's words."""
        return Reply(self.answer, who, self.action, self.why)


class Auditing(Form):
    """A person's judgement of one decision."""

    is_error: bool
    who: Who = None
    why: Why = ""


class Judging(Form):
    """A reward for how an episode went."""

    reward: float
    episode: Word | None = None
    who: Who = None
    why: Why = ""


class Showing(Form):
    """One step that somebody else took (`told.Lesson`)."""

    observation: Any
    action: Any
    reward: float | None = None
    episode: Word | None = None
    end: EndName | None = None
    last: Any = Field(None, description="What was seen last, where the episode is over.")
    mask: Any = None
    candidates: Rows | None = None

    def lesson(self) -> Lesson:
        """In the office's words."""
        return Lesson(**self.__dict__)


class ShowingMany(Form):
    """Steps in order; those of one episode follow each other."""

    items: Annotated[list[Showing], Field(min_length=1, max_length=MOST_ITEMS)]


class Switching(Form):
    """The switch: on, paused, or off."""

    state: SwitchState
    who: Who = None
    why: Why = ""


class Moving(Form):
    """Of which class of actions; None: of all."""

    action_class: Word | None = None
    who: Who = None
    why: Why = ""


class Keeping(Form):
    """A mind to be kept, under a label."""

    label: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    who: Who = None


class Pinning(Form):
    """Which kept mind acts; null: the latest again."""

    snapshot: Word | None
    who: Who = None
    why: Why = ""
