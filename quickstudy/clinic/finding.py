"""What the doctor found: one line each, with the evidence and what to do.

The style is that of `quickstudy.jobs.check`; the results differ. A check asks whether an
adapter keeps its word, the doctor whether a job can be learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from quickstudy.errors import QuickstudyError
from quickstudy.jobs.findings import Findings

Result = Literal["ok", "noted", "ill"]
ORDER: tuple[Result, ...] = ("ill", "noted", "ok")
MOST_NAMED = 3  # of a list; the rest are counted


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its stable name, how it is, the evidence, and what to do.

    result: "ill" (a learner would learn something false, or nothing), "noted" (worth
    knowing; learning will be harder than need be, or cannot be measured), or "ok".
    """

    name: str
    result: Result
    evidence: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f" -> {self.advice}" if self.advice else ""
        return f"{self.result:5} {self.name}: {self.evidence}{advice}"


@dataclass(frozen=True)
class Report(Findings[Finding]):
    """All findings about one job, ill ones first."""

    @property
    def ill(self) -> tuple[Finding, ...]:
        """The findings that need mending."""
        return tuple(f for f in self.findings if f.result == "ill")

    def raise_if_ill(self) -> None:
        """Raises QuickstudyError that names every finding to be mended."""
        if self.ill:
            listed = ", ".join(f.name for f in self.ill)
            raise QuickstudyError(
                f"Job '{self.job}' is ill in {counted(len(self.ill), 'finding')} ({listed}): "
                "mend them before a learner works there, then examine it again."
            )


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Ill first, then noted, then ok; otherwise as they came."""
    return tuple(sorted(findings, key=lambda finding: ORDER.index(finding.result)))


def listed(names: Sequence[str]) -> str:
    """The first few by name, the others by number."""
    more = len(names) - MOST_NAMED
    return "; ".join(names[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def counted(number: int, thing: str) -> str:
    """``1 step``, ``2,000 steps``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
