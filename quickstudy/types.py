"""The words that all rooms share: Spec, Step, Decision, Value, Moment.

Inside the house an observation is one flat float32 array ("raw": boxes as they are,
discrete entries as their index, images row by row), and an action is one flat float32
array: first the *choices* (one index for each discrete factor), then the *amounts*
(each in [-1, 1]). A :class:`Spec` says how those arrays correspond to what the job itself
sends and takes, so it can be stored, compared, and used where no environment exists.

Left out: spaces of changing size (Text, Sequence, Graph, OneOf).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Kind = Literal["box", "image", "discrete"]


@dataclass(frozen=True)
class Leaf:
    """One leaf of an observation or of an action.

    Attributes:
      path: keys that lead to the leaf: str through a Dict, int through a Tuple; () when
        the space is a single leaf.
      kind: "box" (numbers), "image" (a Box with rows, columns and channels), or
        "discrete" (one or more choices; MultiBinary is one of size 2 each).
      shape: shape of the array at this leaf in the job's own terms; () for Discrete.
      dtype: numpy dtype name at this leaf, in the job's own terms.
      low, high: bounds of a box, one number where all entries share it, else one an
        entry (flattened); infinite where unbounded. Empty for discrete.
      sizes: options of each discrete factor (flattened). Empty for boxes.
      start: what the job calls option 0 of each factor, as `sizes`. Empty for boxes.
    """

    path: tuple[str | int, ...]
    kind: Kind
    shape: tuple[int, ...]
    dtype: str
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    sizes: tuple[int, ...] = ()
    start: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The path as a person reads it: ``arm/grip``."""
        return "/".join(str(key) for key in self.path)

    @property
    def width(self) -> int:
        """Numbers that this leaf takes in the flat array."""
        return len(self.sizes) if self.kind == "discrete" else int(np.prod(self.shape))


@dataclass(frozen=True)
class Spec:
    """What a job shows and takes: all a mind needs to know of it.

    Attributes:
      observation, action: leaves in the order in which they are flattened.
      max_steps: the job's own time limit for an episode [steps], None where it has none.
      step_seconds: real time that one step stands for [s], None where unknown.
    """

    observation: tuple[Leaf, ...]
    action: tuple[Leaf, ...]
    max_steps: int | None = None
    step_seconds: float | None = None

    @cached_property
    def raw_size(self) -> int:
        """Length of the flat observation."""
        return sum(leaf.width for leaf in self.observation)

    @cached_property
    def choices(self) -> tuple[int, ...]:
        """Options of each discrete factor of the action, over all leaves."""
        return tuple(n for leaf in self.action for n in leaf.sizes)

    @cached_property
    def amounts(self) -> int:
        """Continuous entries of the action, over all leaves."""
        return sum(leaf.width for leaf in self.action if leaf.kind != "discrete")

    @cached_property
    def options(self) -> int:
        """Length of an action mask: the options of all factors, one after the other."""
        return sum(self.choices)


class End(enum.IntEnum):
    """Why an episode stopped, or that it did not.

    TERMINATED: the job says that nothing follows; worth 0 from here on.
    TRUNCATED: the job's time limit; the value goes on (bootstrapped).
    CUT: stopped from outside (switched off, killed, budget over); the value goes on too,
    or else a learner would learn to resist being stopped.
    """

    NOT = 0
    TERMINATED = 1
    TRUNCATED = 2
    CUT = 3

    @classmethod
    def of(cls, terminated: bool, truncated: bool) -> End:
        """What Gymnasium's two flags say; terminated counts before truncated."""
        return cls.TERMINATED if terminated else cls.TRUNCATED if truncated else cls.NOT


@dataclass(frozen=True, slots=True)
class Observation:
    """What a job shows, flattened.

    raw: float32 [Spec.raw_size], finite.
    mask: bool [Spec.options], True where allowed, at least one in each factor; None
      where everything is.
    """

    raw: Array
    mask: Array | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What followed an action. `reward` is finite, in the job's units."""

    observation: Observation
    reward: float
    end: End = End.NOT
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Value:
    """How things go from here.

    worth: expected discounted return, in the job's units.
    spread: how far off that may be, as a standard deviation would be: nine of ten of the
      returns to come lie within worth ± 1.645 spread, if things go on as of late.
    support: in [0, 1], how well experience covers this situation.
    """

    worth: float
    spread: float
    support: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What the learner does, and what it expects of it.

    id: position of the decision in the learner's log; 0 for one that is not recorded.
    action: in the job's own terms (what ``env.step`` takes).
    flat: the same as a flat array (choices, then amounts).
    value: of the action taken, in this situation.
    leader: who in the mind led: one of `mind.arbiter.LEADERS`.
    explored: whether the action was tried for learning's sake.
    """

    id: int
    action: Any
    flat: Array
    value: Value
    leader: str
    explored: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of work, as `Learner.work` yields it.

    step: steps worked on this job so far, over all sessions.
    saved: how many of them are on disk (acknowledged: no crash loses them).
    episode: the episode's number on this job, from 0.
    reward: of this step. episode_return: sum of rewards in this episode so far.
    end: whether and why the episode stopped here.
    check: mean return of a frozen exam taken at this step, else None.
    """

    job: str
    step: int
    saved: int
    episode: int
    reward: float
    episode_return: float
    end: End
    decision: Decision
    check: float | None = None
