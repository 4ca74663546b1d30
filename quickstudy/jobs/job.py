"""The interface of a job: where a learner works.

An adapter turns some system (a Gymnasium environment, a service over HTTP, a machine)
into this, and `check_job` tells whether it did so well.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from quickstudy.types import Array, Observation, Spec, Step


@runtime_checkable
class Job(Protocol):
    """One stream of decisions and outcomes.

    Left out: batches, rendering, and anything that only some jobs have.
    """

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    @property
    def spec(self) -> Spec:
        """What it shows and takes; the same for as long as the job lives."""
        ...

    def reset(self, seed: int | None = None) -> Observation:
        """Starts an episode. The same seed should give the same start.

        Raises:
          JobFailed: the system itself failed.
          BadObservation: what it shows does not fit the spec.
        """
        ...

    def step(self, action: Array) -> Step:
        """Takes a flat action (choices, then amounts in [-1, 1]); says what followed.

        Raises:
          ValueError: no episode is under way.
          BadAction, BadObservation, JobFailed: as they say.
        """
        ...

    def close(self) -> None:
        """Releases what the job holds. Closing twice does no harm."""
        ...
