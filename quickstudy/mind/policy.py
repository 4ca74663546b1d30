"""Values → action: greedy for a member of the ensemble, with moods that last an episode.

Half of the episodes are plain: they follow one member's values (Thompson sampling, Osband et
al. 2016). Where there is something to sample (instinct's values from its posterior, amounts
from the actor) half of these do and half follow the mean: a sample may try the unknown in
every step, and then says little of what the mean, which is what an exam gets, would earn
(docs/log.md). The other half are adventurous: now and then a random action is held for a while
(Dabney et al. 2021), which crosses plateaus that single random steps do not. Or curiosity
leads, by a map for a part of the way only, and the leader goes on from wherever that led.
Everything an episode does at random follows from (seed, episode), so a life can be replayed.

Left out: annealed ε, parameter noise; planning is `foresight`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from quickstudy.mind.encoder import Frame


@dataclass(frozen=True)
class Settings:
    """One setting for every job."""

    adventurous: float = 0.5  # share of episodes, at most
    curious: float = 0.8  # share of those that curiosity leads, where it can
    holds: float = 0.05  # chance at each step of an adventurous episode to start holding
    longest_hold: int = 32  # steps; lengths are log-uniform from 1
    sampled: float = 0.5  # share of the other episodes that sample, where there is what to


@dataclass
class Mood:
    """What lasts for one episode: its random numbers, its leader, what is being held.

    is_adventurous: it tries things for their own sake; is_curious: by plan, not at random, for
      its first `curious_for` decisions, and while there is something new in reach.
    is_sampled: instinct follows a sample of what might be, not the mean of what it knows;
      amounts are drawn from the actor.
    is_told: whether the log says so, where no replay would draw the same (see `life.record`).
    """

    rng: np.random.Generator
    leader: str
    member: int
    is_adventurous: bool
    held: np.ndarray | None = None
    hold_left: int = 0
    is_curious: bool = False
    curious_for: float = math.inf
    is_sampled: bool = False
    is_told: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it follows what its leader takes for the best."""
        return not (self.is_adventurous or self.is_sampled)


def begin(
    settings: Settings,
    rng: np.random.Generator,
    members: int,
    leader: str,
    allowed: float,
    can_plan: bool,
    can_sample: bool,
    is_all_alike: bool,
    longest_plan: int,
) -> Mood:
    """The mood of an episode that `leader` leads, with one of `members` members.

    Args:
      allowed: in [0, 1], how much of the share of adventure its outcomes allow.
      can_plan: whether curiosity applies. can_sample: whether this leader's answer has a
        distribution to draw from. is_all_alike: whether no episode has earned more
        than another so far; then curiosity leads wherever it can, and all the way.
      longest_plan: else it leads so many steps at most, log-uniform from 1, and on while
        something new is in reach; 0: all the way.
    """
    drawn, member = rng.random(2), int(rng.integers(members))
    is_adventurous = bool(drawn[0] < settings.adventurous * allowed)
    is_curious = can_plan and (
        is_all_alike or (is_adventurous and bool(drawn[1] < settings.curious))
    )
    tries = is_adventurous or is_curious
    is_sampled = can_sample and (tries or bool(rng.random() < settings.sampled))
    mood = Mood(rng, leader, member, tries, is_curious=is_curious, is_sampled=is_sampled)
    if is_curious and longest_plan and not is_all_alike:
        mood.curious_for = _log_uniform(rng, longest_plan)
    return mood


def hold(
    mood: Mood, settings: Settings, frame: Frame, mask: np.ndarray | None
) -> np.ndarray | None:
    """The flat action to try for its own sake now, or None."""
    if not mood.is_adventurous or mood.is_curious:
        return None
    if mood.hold_left == 0:
        if mood.rng.random() >= settings.holds:
            return None
        mood.hold_left = _log_uniform(mood.rng, settings.longest_hold)
        mood.held = random_action(mood.rng, frame, mask)
    mood.hold_left -= 1
    held = mood.held
    if held is None or not allows(frame, mask, held):
        mood.hold_left = 0
        return None
    return held


def _log_uniform(rng: np.random.Generator, longest: int) -> int:
    """A number of steps from 1 to `longest`, each power of two as probable as another."""
    return int(np.exp(rng.uniform(0, np.log(longest + 1))))


def random_action(
    rng: np.random.Generator, frame: Frame, mask: np.ndarray | None
) -> np.ndarray:
    """A flat action, uniform over what is allowed."""
    flat = np.empty(len(frame.spec.choices) + frame.spec.amounts, np.float32)
    at = 0
    for factor, size in enumerate(frame.spec.choices):
        allowed = np.arange(size) if mask is None else np.flatnonzero(mask[at : at + size])
        flat[factor] = rng.choice(allowed)
        at += size
    flat[len(frame.spec.choices) :] = rng.uniform(-1, 1, frame.spec.amounts)
    return flat


def allows(frame: Frame, mask: np.ndarray | None, flat: np.ndarray) -> bool:
    """Whether every choice of a flat action is allowed."""
    if mask is None or not frame.spec.choices:
        return True
    return bool(mask[(frame.starts + flat[: len(frame.sizes)]).astype(int)].all())
