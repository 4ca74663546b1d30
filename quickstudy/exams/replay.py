"""Plays one world again, frozen: what a learner saw, did and expected where it failed.

A report names each world that went badly by its seed, and by its shift where there was one;
the same seed brings the same start and the same dice. Nothing is recorded or learned.

Left out: pictures; a job that draws itself can be watched with its own tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from quickstudy import words
from quickstudy.errors import UnknownShift, did_you_mean
from quickstudy.exams import exam as exams
from quickstudy.exams import shifts as shifting
from quickstudy.exams.sitting import LONGEST
from quickstudy.jobs.job import Job
from quickstudy.jobs.layout import Layout
from quickstudy.jobs.registry import registry
from quickstudy.learner import Learner
from quickstudy.mind import mind as minds
from quickstudy.types import Array, End, Value


@dataclass(frozen=True)
class Beat:
    """One decision of a world played again.

    step: from 1. shown: flat observation. action: in the job's own terms. value: what it
    expected. reward: what came. earned: so far. end: whether and why the world ended here.
    """

    step: int
    shown: Array
    action: Any
    value: Value
    reward: float
    earned: float
    end: End


def replay(
    learner: Learner, seed: int, job: str | None = None, shift: str = "", strength: float = 1.0
) -> Iterator[Beat]:
    """Plays the world of a seed; yields after every decision.

    Args:
      job: by default the only one it has worked on. shift, strength: of the world's lot; ""
        for none.

    Raises:
      QuickstudyError: it has not worked on that job, or on several and none was named.
      UnknownShift: the job has no such shift. As the job does, where that fails.
    """
    name = exams.job_of(learner, job)
    mind = learner.mind(name)
    with ExitStack() as stack:
        made: Job = stack.enter_context(closing(registry().make(name)))
        if shift:
            made = _shifted(learner, name, made, shift, strength, stack)
        layout, earned = Layout(made.spec), 0.0
        observation = made.reset(seed)
        for number in range(1, (made.spec.max_steps or LONGEST) + 1):
            shown, choice = observation.raw, minds.act(mind, observation)
            step = made.step(choice.flat)
            observation, earned = step.observation, earned + step.reward
            action = layout.unpack(choice.flat)
            yield Beat(number, shown, action, choice.value, step.reward, earned, step.end)
            if step.end is not End.NOT:
                return


def _shifted(
    learner: Learner, name: str, job: Job, shift: str, strength: float, stack: ExitStack
) -> Job:
    ground = shifting.ground(learner.mind(name).memory)
    known = shifting.of(job.spec, ground)
    if shift in known:
        return shifting.shifted(job, shift, strength, ground)
    own = registry().find(name).shifts
    if shift not in own:
        names = [*known, *own]
        raise UnknownShift(
            f"Job '{name}' has no shift '{shift}'.{did_you_mean(shift, names)} It has: "
            f"{', '.join(names)}."
        )
    return stack.enter_context(closing(exams.moved(job, shift, strength)))


def line(beat: Beat) -> str:
    """A decision as people read it."""
    action = " ".join(str(beat.action).split())
    end = f", {beat.end.name.lower()}" if beat.end is not End.NOT else ""
    return (
        f"{beat.step:>5}  {action:<12} worth {words.figure(beat.value.worth)} +/- "
        f"{words.figure(beat.value.spread)}, support {beat.value.support:.2f}, reward "
        f"{words.figure(beat.reward)}{end}"
    )


def fields(beat: Beat) -> dict[str, Any]:
    """A decision for programs."""
    value = beat.value
    return {
        "step": beat.step,
        "shown": beat.shown.tolist(),
        "action": getattr(beat.action, "tolist", lambda: beat.action)(),
        "worth": value.worth,
        "spread": value.spread,
        "support": value.support,
        "reward": beat.reward,
        "return": beat.earned,
        "end": beat.end.name.lower(),
    }
