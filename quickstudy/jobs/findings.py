"""What an examination of a job gives: its findings, by name and in order.

Shared by `quickstudy.jobs.check` and the doctor, whose findings have results of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Named(Protocol):
    """A finding: whatever it says, it has a name."""

    @property
    def name(self) -> str: ...


Found = TypeVar("Found", bound=Named)


@dataclass(frozen=True)
class Findings(Generic[Found]):
    """All findings about one job."""

    job: str
    findings: tuple[Found, ...]

    def __getitem__(self, name: str) -> Found:
        """The finding of that name. Raises KeyError where it was not reached."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(name)

    def __iter__(self) -> Iterator[Found]:
        return iter(self.findings)

    def __str__(self) -> str:
        return "\n".join([f"Job '{self.job}':", *(f"  {f}" for f in self.findings)])
