"""What can go wrong that a user can mend.

Each message is one sentence or two: what came, what was expected, what to do.
A programmer's mistake raises ``ValueError``; `assert` is for the impossible.
The CLI translates every :class:`QuickstudyError` in one place, into that sentence
and the exit code of its class.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class QuickstudyError(Exception):
    """A user can mend this; the message says how."""

    exit_code = 1


class UnknownJob(QuickstudyError):
    """No job of that name, or its package is not installed."""

    exit_code = 2


class UnknownShift(QuickstudyError):
    """A job has no such parameter that could be moved."""

    exit_code = 2


class UnsupportedSpace(QuickstudyError):
    """A part of an observation or action has no representation here."""

    exit_code = 3


class BadObservation(QuickstudyError):
    """An observation, reward or mask that does not fit the job's spec."""

    exit_code = 4


class BadAction(QuickstudyError):
    """An action that does not fit the job's spec."""

    exit_code = 4


class JobFailed(QuickstudyError):
    """The environment itself raised."""

    exit_code = 5


class SpecChanged(QuickstudyError):
    """A job's spaces are no longer those that the learner worked with."""

    exit_code = 6


class DamagedLearner(QuickstudyError):
    """The learner's folder is damaged, or is not a learner's."""

    exit_code = 7


class LearnerInUse(QuickstudyError):
    """Another process has the learner open."""

    exit_code = 8


class DiskTrouble(QuickstudyError):
    """The disk is full, read-only or failing; what was acknowledged is kept."""

    exit_code = 9


class UnknownDecision(QuickstudyError):
    """A reward or an end for a decision that this learner never took."""

    exit_code = 10


class CannotMerge(QuickstudyError):
    """What these learners hold does not go together, or would lose too much."""

    exit_code = 11


class BadSkill(QuickstudyError):
    """A file that is no skill, is damaged, or is of a newer format."""

    exit_code = 12


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` with a leading space, or nothing where nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""
