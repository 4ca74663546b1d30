"""The off-switch: on, paused or off, of one post and of all.

Both hold: a post runs only where its own switch and that for all are on, so turning all on
again does not wake a post that somebody had turned off by itself.

Being switched off is a cut for learning; the office cuts, see `quickstudy.posts`. Left out:
timers. Who turns it on again is a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """ON: works. PAUSED: nothing new, what waits for a person still waits. OFF: nothing."""

    ON = "on"
    PAUSED = "paused"
    OFF = "off"


ORDER = (State.ON, State.PAUSED, State.OFF)


@dataclass(frozen=True)
class Turned:
    """How a switch stands, by whom and why, since when [unix s]; None: always."""

    state: State = State.ON
    who: str = ""
    why: str = ""
    at: float | None = None


class Switch:
    """Two switches, that of the post and that of all; the stricter one holds."""

    def __init__(self) -> None:
        self.own = self.all = Turned()

    def turn(self, turned: Turned, is_all: bool) -> None:
        """Turns one of the two."""
        if is_all:
            self.all = turned
        else:
            self.own = turned

    @property
    def holds(self) -> Turned:
        """The stricter one; of two alike, the one that was turned last."""
        return max(self.all, self.own, key=lambda one: (ORDER.index(one.state), one.at or 0.0))

    @property
    def state(self) -> State:
        """What holds."""
        return self.holds.state

    @property
    def reason(self) -> str | None:
        """Why nothing may be done, one sentence; None where it is on."""
        turned = self.holds
        if turned.state is State.ON:
            return None
        what = "All posts are" if turned is self.all else "This post is"
        by = f", by {turned.who}" if turned.who else ""
        return f"{what} {turned.state}{by}{f' ({turned.why})' if turned.why else ''}."
