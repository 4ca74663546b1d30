"""Curiosity: a way to what has been tried least.

Where situations recur exactly, by a map. In a grid, a table or a game the very same observation
comes again and again. There the rows of memory are a map: which situation followed which, how
often each option was tried. Planning on that map leads to the nearest untried option, however
far away, where actions at random would take exponentially many steps. Untried options count as
if everything behind them were new. What the job pays plays no part: that is for the value
function to learn from what curiosity brings home.

Where they never come twice, by wonder: instinct's fit once more, with another reward, how
little support there is for what follows. It begins with everything new for ever, so that what
no experience speaks of draws as far as what is known does not. A swing is pumped up that way,
where at random one push undoes the other.

Whose ideas: R-max (Brafman & Tennenholtz 2002), count-based bonuses (Strehl & Littman 2008),
elliptical ones (Li et al. 2010; Jin et al. 2020), exploring without rewards (Jin et al. 2020b).

Left out: wonder over several amounts, which instinct cannot do. Cells of a few random cuts were
tried in its place, with plans and with a critic of their own, and found less than held random
actions do (docs/log.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from quickstudy.mind import instinct
from quickstudy.mind.encoder import Frame, bucket
from quickstudy.mind.instinct import Instinct
from quickstudy.mind.memory import OPEN, Memory

RECURRING = 0.5  # share of rows whose situation was met before, from which on a map helps
ENOUGH = 50  # rows
SWEEPS = 60  # of value iteration: how far away a plan looks, in steps
SETTLED = 1e-3  # of the most that newness can sum to: a sweep that moves less is the last
BLANK = 0.5  # of the most that newness can sum to: from there on something new is in reach
REPLAN = 50  # rows between plans, at least; a hundredth of memory where that is more


@dataclass(frozen=True)
class Plan:
    """Over the first `size` rows of memory, for each situation (cell) and option.

    newness: [S, A] discounted sum of newness from there on. tried: [S, A] how often.
    """

    size: int
    newness: np.ndarray
    tried: np.ndarray


def can_map(frame: Frame) -> bool:
    """Whether a job's action is one choice among options, which a map can follow."""
    return len(frame.spec.choices) == 1 and not frame.spec.amounts


def applies(memory: Memory) -> bool:
    """Whether curiosity can lead: situations recur."""
    return memory.has_map and memory.size >= ENOUGH and memory.recurring >= RECURRING


def size_now(memory: Memory) -> int:
    """The rows that a plan made now is of: the same for every stream, for a while."""
    return memory.size - memory.size % max(REPLAN, bucket(memory.size // 100))


def plan(memory: Memory, size: int, options: int, discount: float) -> Plan:
    """Value iteration on the map that the first `size` rows of memory draw.

    q(s, a) = N(s, a)^(-1/2) + γ Σ p(s'|s, a) maxₐ q(s', a),   1 / (1 − γ) where N = 0
    """
    cell = memory.cell[:size]
    num_cells = int(cell.max()) + 1
    rows, taken = tries(memory, 0, size, options)
    tried = np.bincount(taken, minlength=num_cells * options).astype(float)
    moves = led_to(memory, rows, taken, tried, num_cells)
    bonus = 1.0 / np.sqrt(np.maximum(tried, 1.0))
    most, worth = 1.0 / (1.0 - discount), np.zeros(num_cells)
    allowed = np.zeros((num_cells, options), bool)
    np.logical_or.at(allowed, cell, memory.mask[:size])
    for _ in range(SWEEPS):
        newness = bonus + discount * (moves @ worth)
        newness[tried == 0] = most
        newness[~allowed.ravel()] = -np.inf
        before, worth = worth, newness.reshape(num_cells, options).max(-1)
        if np.abs(worth - before).max() < SETTLED * most:
            break
    shape = (num_cells, options)
    return Plan(size, newness.reshape(shape), tried.reshape(shape))


def tries(
    memory: Memory, oldest: int, size: int, options: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows [N] from `oldest` to `size` whose outcome is known by then, and what they tried [N].

    That is cell · options + option.
    """
    after = memory.after[oldest:size]
    rows = oldest + np.flatnonzero((after < size) & (after != OPEN))
    return rows, memory.cell[rows] * options + memory.action[rows, 0].astype(np.int64)


def led_to(
    memory: Memory, rows: np.ndarray, tried: np.ndarray, times: np.ndarray, num_cells: int
) -> Any:
    """Sparse [K, S]: which share of the tries of each kind led to each cell.

    Args:
      tried: int [N], of which kind each row's try is. times: [K], how many there are of each.
    """
    after = memory.after[rows]
    goes_on = after >= 0
    kind, to = tried[goes_on], memory.cell[after[goes_on]]
    return sparse.csr_matrix((1.0 / times[kind], (kind, to)), shape=(len(times), num_cells))


def choose(
    of: Plan,
    memory: Memory,
    observation: np.ndarray,
    mask: np.ndarray,
    rng: np.random.Generator,
) -> int:
    """The option that leads to most newness; any allowed one where the situation is new.

    Args:
      observation: [R] raw. mask: bool [A]. What was tried since the plan was made counts.
    """
    cell = memory.find(observation)
    if cell is None or cell >= len(of.tried):
        return int(rng.choice(np.flatnonzero(mask)))
    since = np.flatnonzero(memory.cell[of.size : memory.size] == cell) + of.size
    again = np.bincount(memory.action[since, 0].astype(np.int64), minlength=len(mask))
    before = of.tried[cell]
    less = 1.0 / np.sqrt(np.maximum(before, 1)) - 1.0 / np.sqrt(np.maximum(before + again, 1))
    newness = of.newness[cell] - less
    tested = (before == 0) & (again > 0)  # no longer untried, though the plan thinks so
    newness = np.where(tested, newness[~tested].min(initial=0.0) - again, newness)
    newness = np.where(mask, newness, -np.inf)
    return int(rng.choice(np.flatnonzero(newness >= newness.max() - 1e-9)))


def has_blanks(of: Plan, memory: Memory, observation: np.ndarray, discount: float) -> bool:
    """Whether something untried is in reach, or all there was tried less than some four times.

    Args:
      observation: [R] raw. discount: that of the plan.
    """
    cell = memory.find(observation)
    if cell is None or cell >= len(of.tried):
        return True
    return bool(of.newness[cell].max() >= BLANK / (1.0 - discount))


@dataclass(frozen=True)
class Wonder:
    """As instinct knew the first `size` rows of memory: weights [O, D] of its cosines for each
    option, whose products differ as discounted sums of newness from there on do.
    """

    size: int
    weights: np.ndarray


def wonder(
    own: Instinct,
    settings: instinct.Settings,
    frame: Frame,
    size: int,
    rows: instinct.Rows,
    discount: float,
) -> Wonder:
    """Fitted Q-iteration where a decision earns how new what follows is, in [0, 1].

    √(φ'ᵀ(ΦᵀΦ + λI)⁻¹φ' λ / φ'ᵀφ'), nothing once it ended; elsewhere 1 / (1 − γ) is hoped for.
    """
    seen = instinct.supports(own, rows.next_phi)
    most, goes_on = 1.0 / (1.0 - discount), rows.discount > 0.0
    rows = rows._replace(reward=np.sqrt(1.0 - seen) * goes_on)
    blank = own._replace(weights=np.zeros_like(own.weights))
    rng = np.random.default_rng(0)  # at scale 0 nothing is drawn
    fitted = instinct.fit(blank, settings, frame, rows, most, 0.0, (0.0, most), rng)
    return Wonder(size, fitted.sample)
