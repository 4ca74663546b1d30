"""Jobs made otherwise than they were learned: what a learner's world may do to it later.

Each shift takes a job and a strength in [0, 1] and gives a job. They work on the flat arrays,
so every job can be shifted: noise on what is shown, sensors that fail, actions that come late
or stick. A job's own parameters (gravity, density, demand) move where its entry in the
catalogue says how (`Entry.shifts`).

Left out: shifts of the reward, and of several things at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from quickstudy.jobs.job import Job
from quickstudy.mind.memory import Memory
from quickstudy.types import Array, Observation, Spec, Step

LONGEST_DELAY = 3  # steps, at strength 1
MOST_NOISE = 0.5  # of a number's standard deviation in the learner's experience
MOST_DROPPED = 0.3  # share of the sensors
MOST_STICKING = 0.5  # chance a step


@dataclass(frozen=True)
class Ground:
    """What shifts are measured by: mean and deviation [R] of what the learner has seen."""

    mean: Array
    deviation: Array


def ground(memory: Memory) -> Ground:
    """Of all situations in a mind's memory."""
    raw = memory.raw[: memory.size]
    return Ground(raw.mean(0), raw.std(0))


@dataclass
class _Shifted:
    """A job with something put before what it shows, and before what it takes.

    The shift's own dice come from the world's seed, so a world is the same for everybody.
    """

    job: Job
    see: Callable[[Observation], Observation]
    take: Callable[[Array], Array]
    begin: Callable[[np.random.Generator], None]

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def spec(self) -> Spec:
        return self.job.spec

    def reset(self, seed: int | None = None) -> Observation:
        self.begin(np.random.default_rng([9, 0 if seed is None else seed]))
        return self.see(self.job.reset(seed))

    def step(self, action: Array) -> Step:
        step = self.job.step(self.take(action))
        return replace(step, observation=self.see(step.observation))

    def close(self) -> None:
        self.job.close()


Shift = Callable[[Job, float, Ground], Job]


def _numbers(spec: Spec) -> Array:
    """Which entries of the flat observation are numbers that a sensor may give [R]."""
    kinds = [np.full(leaf.width, leaf.kind == "box") for leaf in spec.observation]
    return np.concatenate(kinds)


class _Dice:
    """Random numbers of the world under way, and what it keeps."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.kept: Any = None


def noise(job: Job, strength: float, ground: Ground) -> Job:
    """Numbers are shown with Gaussian noise."""
    dice, at = _Dice(), _numbers(job.spec)
    size = np.where(at, MOST_NOISE * strength * ground.deviation, 0.0)

    def begin(rng: np.random.Generator) -> None:
        dice.rng = rng

    def see(shown: Observation) -> Observation:
        noisy = shown.raw + size * dice.rng.standard_normal(len(size))
        return replace(shown, raw=noisy.astype(np.float32))

    return _Shifted(job, see, _same, begin)


def dropped_sensors(job: Job, strength: float, ground: Ground) -> Job:
    """Some numbers are stuck at their mean for a whole episode."""
    dice, at = _Dice(), _numbers(job.spec)

    def begin(rng: np.random.Generator) -> None:
        dice.kept = at & (rng.random(len(at)) < MOST_DROPPED * strength)

    def see(shown: Observation) -> Observation:
        raw = np.where(dice.kept, ground.mean, shown.raw).astype(np.float32)
        return replace(shown, raw=raw)

    return _Shifted(job, see, _same, begin)


def delay(job: Job, strength: float, ground: Ground) -> Job:
    """Actions take effect steps later; the first one is repeated until then."""
    dice, steps = _Dice(), round(LONGEST_DELAY * strength)

    def begin(rng: np.random.Generator) -> None:
        dice.kept = deque(maxlen=steps + 1)

    def take(action: Array) -> Array:
        dice.kept.append(action)
        return dice.kept[0]

    return _Shifted(job, _as_shown, take, begin)


def sticking(job: Job, strength: float, ground: Ground) -> Job:
    """At times the last action is taken again instead of the new one."""
    dice = _Dice()

    def begin(rng: np.random.Generator) -> None:
        dice.rng, dice.kept = rng, None

    def take(action: Array) -> Array:
        sticks = dice.kept is not None and dice.rng.random() < MOST_STICKING * strength
        dice.kept = dice.kept if sticks else action
        return dice.kept

    return _Shifted(job, _as_shown, take, begin)


def _same(action: Array) -> Array:
    return action


def _as_shown(shown: Observation) -> Observation:
    return shown


SHIFTS: dict[str, Shift] = {
    "noise": noise,
    "dropped sensors": dropped_sensors,
    "delay": delay,
    "sticking": sticking,
}
OF_SENSORS = ("noise", "dropped sensors")


def of(spec: Spec, ground: Ground | None) -> tuple[str, ...]:
    """Names of the shifts that any such job can have: sensors need numbers, and a ground."""
    has_sensors = ground is not None and bool(_numbers(spec).any())
    return tuple(name for name in SHIFTS if has_sensors or name not in OF_SENSORS)


def shifted(job: Job, name: str, strength: float, ground: Ground | None) -> Job:
    """A job made otherwise by one of `SHIFTS`."""
    nothing = np.zeros(job.spec.raw_size)
    return SHIFTS[name](job, strength, ground or Ground(nothing, nothing))
