"""What a mind has studied already, taken into its memory again: all of it at once.

A saved mind holds what study made of a job's experience, and not the experience. `recall`
fills its memory from the log's columns, and leaves it and the place as `life` would have left
them, event by event, bit by bit:

- a decision, or a last situation whose value goes on, is a row;
- on its stream, within an episode, a decision is followed by the next, or by the end;
- rewards add up in the order in which they came.

Left out: study (see `life.absorb`, for what came after the mind was saved).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quickstudy.experience.columns import Columns
from quickstudy.experience.event import Kind
from quickstudy.life import Episode, Place
from quickstudy.mind.memory import TERMINAL, Memory
from quickstudy.types import Array, End

NO_ROW = -1


class Course(NamedTuple):
    """What happens on streams, one stream after the other, in order on each.

    at: places in the columns. is_decision, is_end: bool, as `at`; else an episode begins.
    follows: whether it goes on with the episode of what stands before it.
    """

    at: Array
    is_decision: Array
    is_end: Array
    follows: Array


def recall(place: Place, past: Columns, lost: Array) -> None:
    """Takes events into a place and its mind's memory, both still empty.

    Args:
      past: all events of the job that the mind has studied. lost: positions [·] at which
        events are missing (see `life.lost`), ascending.
    """
    memory = place.mind.memory
    is_decision = past.kind == Kind.DECISION
    course = _course(past, lost)
    rows = _rows(past, is_decision, course)
    _add(memory, past, is_decision, rows)
    _link(memory, past, course, rows)
    place.decisions.frombytes(past.n[is_decision].tobytes())
    place.rows.frombytes(rows[is_decision].tobytes())
    place.steps = len(place.decisions)
    _reward(memory, place, past)
    begun = past.episode[(past.kind == Kind.EPISODE) | is_decision]
    place.episodes = int(begun.max(initial=-1)) + 1
    _open(place, past, course, lost)


def _course(past: Columns, lost: Array) -> Course:
    is_end = (past.kind == Kind.OUTCOME) & (past.end != End.NOT)
    is_decision = past.kind == Kind.DECISION
    at = np.flatnonzero((past.kind == Kind.EPISODE) | is_decision | is_end)
    at = at[np.argsort(past.stream[at], kind="stable")]
    is_end, is_decision = is_end[at], is_decision[at]
    gaps = np.searchsorted(lost, past.n[at])
    follows = np.zeros(len(at), bool)
    follows[1:] = (past.stream[at][1:] == past.stream[at][:-1]) & (gaps[1:] == gaps[:-1])
    follows &= is_decision | is_end  # the beginning of an episode follows nothing
    follows[1:] &= ~is_end[:-1]
    # What ends nothing is no end: its decision, or all of its episode, was lost.
    is_real = ~is_end | follows
    is_real[1:] &= ~is_end[1:] | is_decision[:-1]
    return Course(at[is_real], is_decision[is_real], is_end[is_real], follows[is_real])


def _rows(past: Columns, is_decision: Array, course: Course) -> Array:
    """The row of memory of each event; NO_ROW where it has none."""
    has_row = is_decision.copy()
    ends = course.at[course.is_end]
    goes_on = (past.end[ends] != End.TERMINATED) & past.has_observation[ends]
    has_row[ends[goes_on]] = True
    return np.where(has_row, np.cumsum(has_row) - 1, NO_ROW)


def _add(memory: Memory, past: Columns, is_decision: Array, rows: Array) -> None:
    has_row = rows != NO_ROW
    num_rows = int(has_row.sum())
    if not num_rows:
        return
    raw = past.observation
    if num_rows < len(raw):  # an end that ended nothing may have shown something
        raw = raw[has_row[past.has_observation]]
    mask = np.ones((num_rows, memory.mask.shape[1]), bool)
    masked = has_row & past.has_mask
    if masked.any():
        mask[rows[masked]] = past.mask[masked[past.has_mask]]
    action = np.zeros((num_rows, memory.action.shape[1]), np.float32)
    action[rows[is_decision]] = past.action[is_decision[past.has_action]]
    memory.extend(raw, mask, action)


def _link(memory: Memory, past: Columns, course: Course, rows: Array) -> None:
    """Says what followed each decision, in the order in which it was known."""
    before = np.roll(course.at, 1)  # what stands before, where something follows it
    is_first = np.zeros(len(course.at), bool)
    is_first[1:] = ~(course.is_decision | course.is_end)[:-1]
    follows = course.follows & ~is_first
    after = rows[course.at]
    after[course.is_end & (past.end[course.at] == End.TERMINATED)] = TERMINAL
    known = follows & (after != NO_ROW)
    order = np.argsort(course.at[known])
    memory.link_all(rows[before[known]][order], after[known][order])


def _reward(memory: Memory, place: Place, past: Columns) -> None:
    paid = (past.kind == Kind.OUTCOME) & ~np.isnan(past.reward)
    decisions = np.frombuffer(place.decisions, np.int64)
    at, is_known = _find(decisions, past.decision[paid])
    rows = np.frombuffer(place.rows, np.int64)[at]
    np.add.at(memory.reward, rows, past.reward[paid][is_known])


def _find(decisions: Array, wanted: Array) -> tuple[Array, Array]:
    """Where those stand that are among the decisions, and which are, bool as `wanted`."""
    at = np.searchsorted(decisions, wanted)
    is_known = at < len(decisions)
    is_known[is_known] = decisions[at[is_known]] == wanted[is_known]
    return at[is_known], is_known


def _open(place: Place, past: Columns, course: Course, lost: Array) -> None:
    """Episodes under way: those that nothing ended."""
    streams = past.stream[course.at]
    is_last = np.ones(len(streams), bool)
    is_last[:-1] = streams[1:] != streams[:-1]
    gap = lost[-1] if len(lost) else 0
    starts = np.flatnonzero(~course.follows)
    for last in np.flatnonzero(is_last & ~course.is_end):
        start = int(starts[np.searchsorted(starts, last, side="right") - 1])
        if past.n[course.at[last]] < gap:
            continue
        at = course.at[start : last + 1]
        taken = past.n[at[course.is_decision[start : last + 1]]]
        episode = Episode(int(past.episode[at[0]]), len(taken))
        if len(taken):
            episode.first, episode.latest = int(taken[0]), int(taken[-1])
            episode.earned = _earned(place, past, int(past.stream[at[0]]), episode.first)
        place.open[past.streams[int(past.stream[at[0]])]] = episode


def _earned(place: Place, past: Columns, stream: int, first: int) -> float:
    """Rewards for decisions from `first` on, one by one as they came."""
    is_own = (past.kind == Kind.OUTCOME) & (past.stream == stream) & ~np.isnan(past.reward)
    is_own &= past.decision >= first
    _, is_known = _find(np.frombuffer(place.decisions, np.int64), past.decision[is_own])
    earned = past.reward[is_own][is_known]
    return float(np.add.accumulate(earned)[-1]) if len(earned) else 0.0
