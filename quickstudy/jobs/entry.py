"""What the catalogue knows of a job before anybody works there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Builds the environment with one of its parameters moved by a strength in (0, 1]: at 1 as far
# as it is still the same job, near 0 hardly. Spaces stay what they are.
Move = Callable[[float], Any]

# Takes an observation in the job's own terms (and the info that came with it), returns an
# action in the job's own terms. One is made afresh for each episode, so it may keep state.
Policy = Callable[[Any, dict[str, Any]], Any]


@dataclass(frozen=True)
class Incumbent:
    """What does the job today.

    Attributes:
      name: as a person would say it: "shipped heuristic", "PID".
      score: its mean return per episode, in the job's units.
      policy: given the environment, makes one for one episode; None where the figure is
        published but no code of ours can run it.
      source: where the figure comes from: "measured" or a citation.
    """

    name: str
    score: float
    policy: Callable[[Any], Policy] | None = None
    source: str = "measured"


@dataclass(frozen=True)
class Entry:
    """A job in the catalogue.

    Attributes:
      name: what a person types: a profession ("anaesthetist") or an id ("CartPole-v1").
      title: one line for the list.
      make: builds the Gymnasium environment; heavy imports inside. Raises ImportError where
        the package is missing.
      package: pinned requirement of the package that brings it; "" where ours does.
      extra: our optional extra that installs it; "" where none is needed.
      module: what must be importable for it to be installed; "" where nothing is.
      gym_id: the environment's id, for those who know it by that; "" where it has none.
      step_seconds: real time that one step stands for [s]; None where meaningless.
      random_score: mean return of uniformly random (allowed) actions.
      incumbent: what does the job today; None where nobody does.
      budget_steps: steps after which the bar is judged.
      threshold: the return to reach where there is no incumbent, or the bar is another.
      is_single: only one such environment can live in a process, so checks are taken in the
        one that is worked in, between episodes, and the incumbent's recorded score stands.
      resets_freely: resetting in mid-episode costs nothing, as in a simulator; episodes are
        given up only where this is said.
      shifts: the job's own parameters that an exam may move (gravity, density, demand, …), by
        what a person calls them. Without any, exams shift only what is shown and taken.
      note: what a user must know ("a simulator for software, not medical advice").
    """

    name: str
    title: str
    make: Callable[[], Any]
    package: str = ""
    extra: str = ""
    module: str = ""
    gym_id: str = ""
    step_seconds: float | None = None
    random_score: float | None = None
    incumbent: Incumbent | None = None
    budget_steps: int = 20_000
    threshold: float | None = None
    is_single: bool = False
    resets_freely: bool = False
    shifts: Mapping[str, Move] = field(default_factory=dict, hash=False)
    note: str = ""

    @property
    def bar(self) -> float | None:
        """The return at which a learner counts as competent on this job."""
        if self.threshold is not None:
            return self.threshold
        return self.incumbent.score if self.incumbent else None
