"""A visit to the doctor, as the command line has it: whom to examine, and patience meanwhile.

Left out: learners. The doctor examines jobs only, so far.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import Any

from quickstudy.clinic.finding import Report
from quickstudy.clinic.job import examine as examine_job
from quickstudy.clinic.verdict import Verdict
from quickstudy.clinic.verdict import verdict as judge

PATIENCE_SECONDS = 2.0  # without a word


def examine(target: str) -> Report:
    """The doctor's findings on whatever bears that name.

    Raises:
      UnknownJob, JobFailed, UnsupportedSpace: as `quickstudy.clinic.job.examine`.
    """
    # A learner's name or path would be told from a job's here, and be examined by a module of
    # its own (learner.py here) that gives the same Report.
    with Waiting() as waiting:
        return examine_job(target, tell=waiting.tell)


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
