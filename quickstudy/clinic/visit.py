"""A visit to the doctor: whom to examine, a job or a learner, and patience meanwhile."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from quickstudy.clinic.finding import Report
from quickstudy.clinic.job import examine as examine_job
from quickstudy.clinic.verdict import Verdict
from quickstudy.clinic.verdict import verdict as judge
from quickstudy.errors import QuickstudyError, UnknownJob
from quickstudy.experience import folder as folders
from quickstudy.jobs.registry import registry

PATIENCE_SECONDS = 2.0  # without a word


def doctor(target: Any, job: str | None = None, **how: Any) -> Report:
    """Examines a job or a learner; in Python: ``qs.doctor("CartPole-v1")``, ``qs.doctor(ada)``.

    Args:
      target: a Job, a Gymnasium environment, an open Learner; a job's name, or a learner's name
        or path. Where both are called so the job is meant, unless `job` is given.
      job: on which to examine a learner; by default the only one it has worked on.
      how: as `quickstudy.clinic.job.examine` or `quickstudy.clinic.learner.examine` take it.

    Returns:
      The findings, ill ones first.

    Raises:
      As those two do; UnknownJob where neither a job nor a learner is called so.
    """
    if job is None and not is_learner(target):
        if isinstance(target, str):
            _find(target)
        return examine_job(target, **how)
    from quickstudy.clinic.learner import examine as examine_learner  # it brings JAX

    return examine_learner(target, job, **how)


def is_learner(target: Any) -> bool:
    """Whether a learner is meant and not a job."""
    if isinstance(target, Path):
        return True
    if not isinstance(target, str):
        return type(target).__name__ == "Learner"  # its class would bring JAX
    try:
        lives_there = folders.is_learner(folders.resolve(target))
    except QuickstudyError:  # no name of a learner, such as "module:Id-v0"
        return False
    return lives_there and not _is_job(target)


def _find(name: str) -> None:
    """Raises UnknownJob, which knows of learners too."""
    try:
        registry().find(name)
    except UnknownJob as error:
        raise UnknownJob(f"{error} No learner is called so either.") from None


def _is_job(name: str) -> bool:
    try:
        registry().find(name)
    except UnknownJob:
        return False
    return True


def examine(target: str, job: str | None = None) -> Report:
    """The doctor's findings on whatever bears that name; says meanwhile what is being done.

    Raises:
      As `doctor`.
    """
    with Waiting() as waiting:
        return doctor(target, job, tell=waiting.tell)


def verdict(job: str) -> Verdict:
    """Whether a learner that failed at a job has a bug, or the job is to blame.

    Raises:
      UnknownJob, JobFailed, UnsupportedSpace: as `quickstudy.clinic.verdict.verdict`.
    """
    with Waiting() as waiting:
        return judge(job, tell=waiting.tell)


class Waiting(ExitStack):
    """Says on a terminal what is being done, where that takes longer than two seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()
        self._status: Any = None

    def tell(self, doing: str, share: float) -> None:
        """What is being done, and the share of it that is, in [0, 1]."""
        if not sys.stderr.isatty() or time.monotonic() - self._began < PATIENCE_SECONDS:
            return
        said = f"{doing} ({share:.0%})"
        if self._status is None:
            from rich.console import Console

            self._status = self.enter_context(Console(stderr=True).status(said))
        self._status.update(said)
