"""Children that merge small learners, or rebuild a mind, until they are killed: no test."""

from __future__ import annotations

from pathlib import Path

from learners import merged, opened

from benchmarks.nursery import nurse


def work(what: str, *names: str) -> None:
    into, *parents = map(Path, names)
    if what == "merge":
        merged(*parents, into=into).close()
    else:
        opened(into).close()  # rebuilds the mind, and saves it


if __name__ == "__main__":
    nurse(work)
