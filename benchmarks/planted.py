"""Students whose truth is known, for trials of the exam: masters, sloppy ones, memorisers.

A master does a job by a line of physics. A sloppy one does as the master, but for a share of
its actions, which are random. Memorisers know some worlds by heart, each in its own way, and
are lost in others. All answer from flat observations, as a learner of ours does.

Left out: memorisers that know the exam is an exam.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks import plants
from quickstudy.exams.worlds import EDITIONS, Edition, edition
from quickstudy.experience import folder as folders
from quickstudy.jobs.job import Job
from quickstudy.jobs.registry import registry
from quickstudy.mind import policy
from quickstudy.mind.encoder import Frame
from quickstudy.types import Array, End, Observation, Spec, Value

Master = Callable[[Array], float]  # what is shown → the option chosen
Answer = tuple[Array, Value | None]
TRIES = 60  # by who knows no master
ANGLE, ANGULAR_SPEED, PLACE, SPEED = 1.0, 0.5, 0.05, 0.15  # what a cart's master weighs


def balance(shown: Array) -> float:
    """CartPole: push to where the pole falls."""
    x, speed, angle, turning = shown
    fall = ANGLE * angle + ANGULAR_SPEED * turning + PLACE * x + SPEED * speed
    return float(fall > 0)


def push_along(shown: Array) -> float:
    """MountainCar: push the way the car moves."""
    return 2.0 if shown[1] >= 0 else 0.0


MASTERS: dict[str, Master] = {
    plants.JOB: plants.right,
    "CartPole-v1": balance,
    "MountainCar-v0": push_along,
}


@contextlib.contextmanager
def home(seed: int) -> Iterator[Path]:
    """A home of its own for learners, with an edition "first" that follows from the seed."""
    before = os.environ.get("QUICKSTUDY_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["QUICKSTUDY_HOME"] = folder
        keep_edition("first", seed)
        try:
            yield Path(folder)
        finally:
            os.environ.pop("QUICKSTUDY_HOME")
            if before is not None:
                os.environ["QUICKSTUDY_HOME"] = before


def keep_edition(name: str, *seed: int) -> Edition:
    """An edition of an exam whose salt, unlike a real one's, follows from a seed."""
    path = folders.home() / EDITIONS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"name": name, "salt": f"trial {seed}"}))
    return edition(name)


class Sloppy:
    """A master but for a share of random actions; another share in worlds it knows.

    Args:
      slips: that share. known, slips_there: first observations of worlds that it recognises,
        and its share there.
    """

    def __init__(
        self,
        job: str,
        spec: Spec,
        slips: float,
        known: Sequence[Array] = (),
        slips_there: float = 0.0,
    ) -> None:
        self._master, self._frame = MASTERS[job], Frame(spec)
        self._slips, self._slips_there = slips, slips_there
        self._known = {shown.tobytes() for shown in known}
        self._rng, self._now = np.random.default_rng(0), -1.0

    def begin(self, seed: int) -> None:
        """The same slips in the same world."""
        self._rng, self._now = np.random.default_rng([11, seed]), -1.0

    def answer(self, shown: Observation) -> Answer:
        """As the master, unless it slips."""
        if self._now < 0:
            is_known = shown.raw.tobytes() in self._known
            self._now = self._slips_there if is_known else self._slips
        if self._rng.random() < self._now:
            return policy.random_action(self._rng, self._frame, None), None
        return np.array([self._master(shown.raw)], np.float32), None


class Playback:
    """Plays what went well in the known world whose start is nearest, whatever is shown.

    lives: (what is shown, actions) [steps] of each known world.
    """

    def __init__(self, lives: Sequence[tuple[Array, Array]]) -> None:
        self._starts = np.array([shown[0] for shown, _ in lives])
        self._actions = [actions for _, actions in lives]
        self._playing: list[Array] = []

    def begin(self, seed: int) -> None:
        """Nothing is known of the world yet."""
        self._playing = []

    def answer(self, shown: Observation) -> Answer:
        """The next action of the record; its last one where it has come to an end."""
        if not self._playing:
            nearest = np.abs(self._starts - shown.raw).sum(1).argmin()
            self._playing = list(self._actions[nearest])
        return (self._playing.pop(0) if len(self._playing) > 1 else self._playing[0]), None


class Table:
    """Looks up what was done in exactly this situation; where it never was, acts at random."""

    def __init__(self, spec: Spec, lives: Sequence[tuple[Array, Array]]) -> None:
        self._frame, self._rng = Frame(spec), np.random.default_rng(0)
        self._known = {
            shown.tobytes(): action
            for life in lives
            for shown, action in zip(*life, strict=True)
        }

    def begin(self, seed: int) -> None:
        """The same dice in the same world."""
        self._rng = np.random.default_rng([12, seed])

    def answer(self, shown: Observation) -> Answer:
        """What stands in the table, or anything."""
        known = self._known.get(shown.raw.tobytes())
        return (
            (policy.random_action(self._rng, self._frame, None), None)
            if known is None
            else (known, None)
        )


def live(
    job: Job, seed: int, act: Callable[[Observation], Array]
) -> tuple[Array, Array, float]:
    """One world: what was shown and done [steps], and the return."""
    observation, end, earned = job.reset(seed), End.NOT, 0.0
    seen, done = [], []
    while end is End.NOT:
        action = act(observation)
        seen.append(observation.raw)
        done.append(action)
        step = job.step(action)
        observation, end, earned = step.observation, step.end, earned + step.reward
    return np.array(seen), np.array(done), earned


def mastered(job: str, seeds: Sequence[int]) -> list[tuple[Array, Array]]:
    """The master's lives in the worlds of these seeds."""
    with closing(registry().make(job)) as made:
        master = MASTERS[job]
        return [
            live(made, seed, lambda o: np.array([master(o.raw)], np.float32))[:2]
            for seed in seeds
        ]


def tried(
    job: str, seeds: Sequence[int], rng: np.random.Generator
) -> list[tuple[Array, Array]]:
    """The best of some random lives in each world: what memory alone comes to."""
    with closing(registry().make(job)) as made:
        frame = Frame(made.spec)
        found = []
        for seed in seeds:
            lives = [
                live(made, seed, lambda o: policy.random_action(rng, frame, o.mask))
                for _ in range(TRIES)
            ]
            seen, done, _ = max(lives, key=lambda life: life[2])
            found.append((seen, done))
        return found


def starts(job: str, seeds: Sequence[int]) -> list[Array]:
    """What is shown first in the worlds of these seeds."""
    with closing(registry().make(job)) as made:
        return [made.reset(seed).raw for seed in seeds]
