"""Learners whose logs are written by hand: no mind, no environment, any career at will."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gymnasium

from quickstudy.experience.event import Kind
from quickstudy.experience.folder import Folder
from quickstudy.jobs.layout import spec_of
from quickstudy.jobs.specs import spec_to_json
from quickstudy.types import End


def spec(width: int = 2, step_seconds: float | None = None):
    box = gymnasium.spaces.Box(0, 1, (width,))
    return spec_of(box, gymnasium.spaces.Discrete(2), step_seconds=step_seconds)


class Made:
    """A learner's log, being written."""

    def __init__(self, path: Path):
        self.folder = Folder.create(path)
        self.log, self.clock = self.folder.log, 1_000.0
        self.steps: dict[str, int] = {}

    def job(self, name: str, width: int = 2, step_seconds: float | None = None) -> None:
        self.log.append(Kind.JOB, name, note=spec_to_json(spec(width, step_seconds)))

    def episode(self, job: str, earned: float, steps: int = 4, end: End = End.TERMINATED):
        """So many decisions, a second each; the last one is paid."""
        self.log.append(Kind.EPISODE, job, time=self.clock)
        for step in range(steps):
            decision = self.log.append(
                Kind.DECISION, job, step=step, observation=[0.0, 0.0], action=[0.0],
                worth=0.0, spread=1.0, support=0.0, leader="instinct", time=self.clock,
            )  # fmt: skip
            last = step == steps - 1
            self.log.append(
                Kind.OUTCOME, job, decision=decision, reward=earned if last else 0.0,
                end=end if last else End.NOT, time=self.clock,
            )  # fmt: skip
            self.clock += 1.0
        self.steps[job] = self.steps.get(job, 0) + steps

    def check(self, job: str, returns: Sequence[float], first: int = 0) -> None:
        note = {"step": self.steps[job], "returns": list(returns), "first": first}
        self.log.append(Kind.NOTE, job, note={"check": note})

    def note(self, job: str, note: dict) -> None:
        self.log.append(Kind.NOTE, job, note=note)

    def close(self) -> Path:
        self.folder.close()
        return self.folder.path
