"""Replay memory: every decision of one job, with what followed it, as growing arrays.

Derived from the experience log and rebuilt from it; never saved. A row is a situation and
the decision taken there; ``after`` points at the row of the next situation in the same
episode, so episodes may interleave and rewards may come late. An episode that was truncated
or cut with its last situation known ends in a row without a decision, whose value counts.

Left out: priorities (they did not separate from seed noise here), a bound on size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from quickstudy.mind import maths

OPEN = -1  # what followed is not known (yet)
TERMINAL = -2  # nothing follows


class Batch(NamedTuple):
    """Rows for study; B is any leading shape.

    raw, next_raw: [B, R]. mask, next_mask: bool [B, O]. action: [B, F + C].
    reward: [B] n-step, in the job's units. discount: [B] 0 where it terminated.
    """

    raw: np.ndarray
    mask: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    discount: np.ndarray
    next_raw: np.ndarray
    next_mask: np.ndarray


class Between(NamedTuple):
    """Steps of windows after the first, N - 1 of them; B is any leading shape.

    raw: [N - 1, B, R]. action: [N - 1, B, F + C]. weight: [N - 1, B] γᵏ, or 0 where a window
    has no such step.
    """

    raw: np.ndarray
    action: np.ndarray
    weight: np.ndarray


@dataclass
class Memory:
    """See the module. `size` rows of the arrays are in use; `ready` may be studied.

    cell: rows that show exactly the same situation share one; cells: them, by fingerprint;
    both only where `has_map` asks for it. has_ends: whether any episode ever terminated.
    """

    raw: np.ndarray
    mask: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    after: np.ndarray
    ready: np.ndarray
    cell: np.ndarray
    size: int = 0
    num_ready: int = 0
    cells: dict[int, int] = field(default_factory=dict)
    has_map: bool = False
    has_ends: bool = False

    def add(self, raw: Any, mask: Any | None, action: Any | None) -> int:
        """Stores a situation and the decision taken there (None: none was). Gives its row."""
        if self.size == len(self.reward):
            self._grow()
        row = self.size
        self.raw[row] = raw
        self.mask[row] = True if mask is None else mask
        if action is not None:
            self.action[row] = action
        self.reward[row] = 0.0
        self.after[row] = OPEN
        if self.has_map:
            (self.cell[row],) = self._cells_of(self.raw[row : row + 1])
        self.size += 1
        return row

    def extend(self, raw: np.ndarray, mask: np.ndarray, action: np.ndarray) -> int:
        """As many `add`s of raw [N, R], mask [N, O] and action [N, F + C]; gives the first row.

        Where no decision was taken, the action is zeros.
        """
        start, end = self.size, self.size + len(raw)
        while end > len(self.reward):
            self._grow()
        self.raw[start:end], self.mask[start:end], self.action[start:end] = raw, mask, action
        self.reward[start:end], self.after[start:end] = 0.0, OPEN
        if self.has_map:
            self.cell[start:end] = self._cells_of(self.raw[start:end])
        self.size = end
        return start

    @property
    def recurring(self) -> float:
        """Share of rows whose very situation was met before; only where there is a map."""
        return 1.0 - len(self.cells) / max(self.size, 1)

    def find(self, raw: np.ndarray) -> int | None:
        """The cell of a situation raw [R]; None where it was never met."""
        return self.cells.get(fingerprints(raw[None])[0])

    def _cells_of(self, raw: np.ndarray) -> list[int]:
        """The cells of situations [N, R]; a new one for each that was never met."""
        cells = self.cells
        return [cells.setdefault(known, len(cells)) for known in fingerprints(raw)]

    def link(self, row: int, after: int) -> None:
        """Says what followed `row`: another row, or TERMINAL. It may be studied from now."""
        self.after[row] = after
        self.has_ends |= after == TERMINAL
        self.ready[self.num_ready] = row
        self.num_ready += 1

    def link_all(self, rows: np.ndarray, after: np.ndarray) -> None:
        """As many `link`s."""
        self.after[rows] = after
        self.has_ends |= bool((after == TERMINAL).any())
        end = self.num_ready + len(rows)
        self.ready[self.num_ready : end] = rows
        self.num_ready = end

    def windows(self, rows: np.ndarray, num_steps: int, discount: float) -> Batch:
        """Rows [B] with their next `num_steps` steps folded into one (`maths.n_step_return`).

        A window stops early where the episode does or where what follows is not known yet.
        """
        passed, alive, last, is_end = self._walk(rows, num_steps)
        total, beyond = maths.n_step_return(self.reward[passed], discount, alive)
        return Batch(
            raw=self.raw[rows],
            mask=self.mask[rows],
            action=self.action[rows],
            reward=total.astype(np.float32),
            discount=np.where(is_end, 0.0, beyond).astype(np.float32),
            next_raw=self.raw[last],
            next_mask=self.mask[last],
        )

    def between(self, rows: np.ndarray, num_steps: int, discount: float) -> Between:
        """Where those windows pass through after their first step, and what that counts."""
        passed, alive, _, _ = self._walk(rows, num_steps)
        powers = discount ** np.arange(num_steps, dtype=np.float64)
        weight = np.where(alive, powers.reshape(-1, *(1,) * rows.ndim), 0.0)
        later = passed[1:]
        return Between(
            raw=self.raw[later],
            action=self.action[later],
            weight=weight[1:].astype(np.float32),
        )

    def _walk(
        self, rows: np.ndarray, num_steps: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The windows of rows [B], step by step.

        Returns:
          passed [N, B]: the row of each step; alive bool [N, B]: whether the window has it;
          last [B]: the row where it stops; is_end bool [B]: whether it terminated on the way.
        """
        passed = np.zeros((num_steps, *rows.shape), np.int64)
        alive = np.zeros((num_steps, *rows.shape), bool)
        at, going = rows.copy(), np.ones(rows.shape, bool)
        is_end = np.zeros(rows.shape, bool)
        for k in range(num_steps):
            passed[k], after = at, self.after[at]
            alive[k] = going = going & (after != OPEN)
            is_end |= going & (after == TERMINAL)
            going = going & (after != TERMINAL)
            at = np.where(going, after, at)
        return passed, alive, at, is_end

    def _grow(self) -> None:
        for name in ("raw", "mask", "action", "reward", "after", "ready", "cell"):
            old = getattr(self, name)
            new = np.zeros((2 * len(old), *old.shape[1:]), old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)


def init(
    raw_size: int,
    options: int,
    action_size: int,
    has_map: bool = False,
    capacity: int = 1024,
) -> Memory:
    """An empty memory for observations [raw_size], masks [options], actions [action_size]."""
    return Memory(
        raw=np.zeros((capacity, raw_size), np.float32),
        mask=np.ones((capacity, options), bool),
        action=np.zeros((capacity, action_size), np.float32),
        reward=np.zeros(capacity, np.float64),
        after=np.full(capacity, OPEN, np.int64),
        ready=np.zeros(capacity, np.int64),
        cell=np.zeros(capacity, np.int64),
        has_map=has_map,
    )


def fingerprints(raw: np.ndarray) -> list[int]:
    """64 bits of each situation [N, R]; alike where all its numbers are the same bits.

    Python's own hash: a fifth of the time of a cryptographic one, of which a million are made
    when a long life is opened. What it gives differs between processes, and is never kept.
    """
    held, width = raw.tobytes(), raw.shape[1] * raw.itemsize
    return [hash(held[at : at + width]) for at in range(0, len(held), max(width, 1))]
