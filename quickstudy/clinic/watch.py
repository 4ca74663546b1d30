"""A short life under watch: what a mind was told, and what it asked its memory for.

The mind lives by the installed loop (`quickstudy.life.live`) with a log of its own that is
thrown away. What it is told is written down beside it, at the job's edge, and nothing that is
written down passes through the mind.

Left out: several streams, rewards that come late.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from quickstudy import life
from quickstudy.clinic.drills import Diary, Drill
from quickstudy.experience.log import Log
from quickstudy.jobs.gym import GymJob
from quickstudy.life import Place
from quickstudy.mind import mind as minds
from quickstudy.mind.memory import OPEN
from quickstudy.mind.mind import Learned, Mind
from quickstudy.types import Array, End, Observation, Step


@dataclass(frozen=True)
class Turn:
    """One decision as the job saw it.

    given: the flat action that the job was handed. taken: what arrived in the environment.
    greedy: the mind's best frozen answer in that situation.
    """

    shown: Observation
    given: Array
    taken: float
    greedy: Array
    step: Step


@dataclass
class Watched:
    """A life that was watched.

    turns: its decisions. rows: where they stand in the mind's memory. at_birth: what the mind
    began with. asked: for each draw of rows from memory, how many there were to draw from,
    and which were drawn [...]. refits: how often instinct became another.
    """

    mind: Mind
    at_birth: Learned
    turns: list[Turn] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    asked: list[tuple[int, Array]] = field(default_factory=list)
    refits: int = 0
    _sample: Array | None = None  # instinct's, when last looked at

    def look(self) -> None:
        """Counts a refit where instinct is another than at the last look."""
        now, before = self.mind.learned.instinct.sample, self._sample
        if before is None:
            before = self.at_birth.instinct.sample
        self.refits += not np.array_equal(now, before)
        self._sample = now.copy()

    @property
    def is_finished(self) -> Array:
        """bool [turns]: whether the decision's episode came to its end."""
        ends = np.array([turn.step.end is not End.NOT for turn in self.turns])
        return np.cumsum(ends[::-1])[::-1] > 0


class Spy:
    """A job that writes down what passes its edge."""

    def __init__(self, env: Drill | Diary, watched: Callable[[], Watched]):
        self._env, self._job, self._watched = env, GymJob(env, name="drill"), watched
        self._shown: Observation | None = None
        self.name, self.spec, self.layout = "drill", self._job.spec, self._job.layout

    def reset(self, seed: int | None = None) -> Observation:
        """As `Job.reset`."""
        self._shown = self._job.reset(seed)
        return self._shown

    def step(self, action: Array) -> Step:
        """As `Job.step`."""
        shown, watched = self._shown, self._watched()
        assert shown is not None
        watched.look()
        greedy = minds.act(watched.mind, shown).flat
        step = self._job.step(action)
        turn = Turn(shown, np.array(action), self._env.taken[-1], greedy, step)
        watched.turns.append(copy.deepcopy(turn))  # whatever is done with the arrays later
        self._shown = step.observation
        return step

    def close(self) -> None:
        """As `Job.close`."""
        self._job.close()


def watch(
    env: Drill | Diary, decisions: int, settings: minds.Settings, seed: int = 0
) -> Watched:
    """A new mind's first decisions in a drill.

    Raises:
      whatever the mind raises.
    """
    spy = Spy(env, lambda: watched)
    mind = minds.init(spy.spec, seed, settings)
    watched = Watched(mind, copy.deepcopy(mind.learned))
    _listen(watched)
    with tempfile.TemporaryDirectory() as folder:
        log = Log.create(Path(folder) / "experience.db")
        try:
            place = Place(spy.name, spy.layout, mind, log)
            worlds = np.random.default_rng([seed, decisions]).integers(2**31, size=decisions)
            for _ in life.live(place, spy, decisions, lambda episode: int(worlds[episode])):
                pass
        finally:
            log.close()
    watched.look()  # at what the last decision led to
    watched.rows = list(place.rows)
    return watched


def _listen(watched: Watched) -> None:
    """Writes down every draw of rows, whichever class the memory is of."""
    memory = watched.mind.memory
    windows = memory.windows

    def listening(rows: Array, *others: Any) -> Any:
        ready = int((memory.after[: memory.size] != OPEN).sum())  # whatever it may say itself
        watched.asked.append((ready, np.array(rows)))
        return windows(rows, *others)

    vars(memory)["windows"] = listening
