"""Foresight on a map: the best of what was tried, where situations recur exactly.

In a table, a grid or a game with rules memory is a map: what followed what, and what was paid
on the way. Value iteration over the options that were tried finds the best way through it,
although its parts may have been lived in different episodes. What nobody tried does not count
here (see `quickstudy.mind.curiosity` for that), and where the map is empty it has no answer.

    q(s, a) = mean of r + γ v(s') over all that was tried,   v(s) = max q(s, a) over tried a

Whose ideas: experience as the model (Sutton 1990), certainty equivalence (Kearns & Singh
2002), plans over tried actions only (Fujimoto et al. 2019).

Left out: pictures and views, which hide much of what matters, so that the same view is not the
same situation (docs/log.md); how far one lucky try can be trusted (the arbiter sees what it
earns); jobs with several choices or with amounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from quickstudy.mind import curiosity
from quickstudy.mind.curiosity import ENOUGH
from quickstudy.mind.encoder import Frame
from quickstudy.mind.memory import Memory

RECURRING = 0.02  # share of rows whose situation was met before, from which on it is drawn
MOST_ROWS = 100_000  # the latest: a second or two, in which a service answers nobody
MOST_SWEEPS = 1_000  # of value iteration: how far away a way may lead, in steps
SETTLED = 1e-6  # of the largest value: a sweep that moves less is the last


@dataclass(frozen=True)
class Atlas:
    """What was tried in the latest of the first `size` rows of memory, by situation (cell).

    begins: [S + 1] where each cell's options begin. option, worth: [K], in the job's units.
    """

    size: int
    begins: np.ndarray
    option: np.ndarray
    worth: np.ndarray


def applies(frame: Frame) -> bool:
    """Whether a job's situations and actions are of a kind that a map holds."""
    is_view = any(len(leaf.shape) > 1 for leaf in frame.spec.observation)
    return curiosity.can_map(frame) and not is_view


def recurs(memory: Memory, size: int) -> bool:
    """Whether situations recur often enough for a map of the first `size` rows."""
    return size >= ENOUGH and memory.recurring >= RECURRING


def draw(memory: Memory, size: int, options: int, gamma: float) -> Atlas:
    """Value iteration over what the latest of the first `size` rows of memory tried.

    A situation in which nothing was tried, as an episode's last may be, is worth what an
    endless run of average rewards would be.
    """
    num_cells = int(memory.cell[:size].max(initial=-1)) + 1
    rows, tried = curiosity.tries(memory, max(0, size - MOST_ROWS), size, options)
    known, kind, times = np.unique(tried, return_inverse=True, return_counts=True)
    here, first = np.unique(known // options, return_index=True)
    begins = np.searchsorted(known // options, np.arange(num_cells + 1))
    if not len(known):
        return Atlas(size, begins, known, np.zeros(0))
    paid = np.bincount(kind, memory.reward[rows]) / times
    moves = gamma * curiosity.led_to(memory, rows, kind, times, num_cells)
    value = np.full(num_cells, memory.reward[rows].mean() / (1.0 - gamma))
    value[here] = 0.0
    return Atlas(size, begins, known % options, _iterate(paid, moves, value, here, first))


def _iterate(
    paid: np.ndarray, moves: Any, value: np.ndarray, here: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """Worth [K] of what was tried: what it paid, and the best of what was tried where it led.

    Args:
      paid: [K]. moves: sparse [K, S], γ × share of the tries that led there. value: [S], where
        nothing was tried for good, elsewhere to begin with. here: cells where something was.
      first: [S'] where the options of each of those begin.
    """
    for _ in range(MOST_SWEEPS):
        worth: np.ndarray = paid + moves @ value
        before, value[here] = value[here], np.maximum.reduceat(worth, first)
        if np.abs(value[here] - before).max() <= SETTLED * np.abs(value).max():
            break
    return worth


def best(of: Atlas, cell: int | None, allowed: np.ndarray) -> int | None:
    """The option that leads to most of those tried in a cell; None where none was.

    Args:
      allowed: bool [A], what may be done here.
    """
    if cell is None or cell + 1 >= len(of.begins):
        return None
    here = slice(of.begins[cell], of.begins[cell + 1])
    option, worth = of.option[here], of.worth[here]
    may = allowed[option]
    return int(option[may][worth[may].argmax()]) if may.any() else None
