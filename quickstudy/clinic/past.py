"""What a learner went through on a job, as its log has it: what it expected, and what came.

Left out: what it saw; that is in its mind's memory, row by row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quickstudy.experience.event import Kind
from quickstudy.experience.folder import Folder
from quickstudy.learner import Learner
from quickstudy.types import Array, End

NEGLIGIBLE = 0.05  # of worth beyond an episode's end, where that is not known


@dataclass(frozen=True)
class Past:
    """Decisions [N] in order, and episodes [E] that were not cut, by when they began.

    episode [N]. worth, spread, support [N]: as told when the decision was taken. came [N]: the
    discounted return from there on, NaN where it is not known. earned [E]: the sum of rewards.
    leader [E]: which speed led at its first decision.
    """

    episode: Array
    worth: Array
    spread: Array
    support: Array
    came: Array
    earned: Array
    leader: Array

    def recent(self, share: float, least: int) -> Array:
        """Places of the latest decisions of which it is known what came."""
        known = np.flatnonzero(np.isfinite(self.came))
        return known[-max(least, int(share * len(known))) :]


def read(learner: Learner, job: str, gamma: float) -> Past:
    """All that the log holds of a job."""
    learner.sync(job)
    told: list[tuple[int, float | None, float | None, float | None]] = []
    reward: list[float] = []
    at: dict[int, int] = {}
    leaders: dict[int, str] = {}
    ends: dict[int, End] = {}
    with Folder.open(learner.path, readonly=True) as folder:
        for event in folder.log.read(job=job, kinds=[Kind.DECISION, Kind.OUTCOME]):
            if event.kind == Kind.DECISION:
                at[event.n] = len(told)
                told.append((event.episode, event.worth, event.spread, event.support))
                reward.append(0.0)
                leaders.setdefault(event.episode, event.leader or "")
            elif event.decision in at:
                place = at[event.decision]
                reward[place] += event.reward or 0.0
                if event.end is not End.NOT:
                    ends[told[place][0]] = event.end
    table = np.array(told, float).reshape(-1, 4)
    episode, rewards = table[:, 0].astype(int), np.array(reward)
    whole = [e for e in leaders if ends.get(e) in (End.TERMINATED, End.TRUNCATED)]
    sums = dict(zip(*_sums(episode, rewards), strict=True))
    return Past(
        episode,
        worth=table[:, 1],
        spread=table[:, 2],
        support=table[:, 3],
        came=_came(episode, rewards, ends, gamma),
        earned=np.array([sums[e] for e in whole]),
        leader=np.array([leaders[e] for e in whole], dtype=object),
    )


def _sums(episode: Array, reward: Array) -> tuple[list[int], list[float]]:
    names, where = np.unique(episode, return_inverse=True)
    return names.tolist(), np.bincount(where, reward, len(names)).tolist()


def _came(episode: Array, reward: Array, ends: dict[int, End], gamma: float) -> Array:
    """Discounted returns [N]; what lies beyond an end that is none must be negligible."""
    came = np.full(len(reward), np.nan)
    order = np.argsort(episode, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(episode[order])) + 1):
        if not len(rows):
            continue
        is_known = ends.get(int(episode[rows[0]])) == End.TERMINATED
        total, beyond = 0.0, 1.0
        for row in rows[::-1]:
            total, beyond = reward[row] + gamma * total, beyond * gamma
            if is_known or beyond < NEGLIGIBLE:
                came[row] = total
    return came
