"""The catalogue of jobs, by profession: one small file each.

Each entry says what brings the job, how long a step is in real time, what a random worker
scores and who does the job today, as code that runs. Figures whose source is "measured" come
from ``python -m benchmarks.incumbents`` (table in ``benchmarks/results/incumbents.md``).
Importing this package imports no job's package: that happens when a job is made.
"""

from __future__ import annotations

from typing import Any

from quickstudy.jobs.catalogue import (
    anaesthetist,
    classic,
    game_player,
    greenhouse_grower,
    icu_doctor,
    job_shop,
    penetration_tester,
    plant_operator,
    radio_operator,
    supply_planner,
)
from quickstudy.jobs.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    *anaesthetist.ENTRIES,
    *plant_operator.ENTRIES,
    *icu_doctor.ENTRIES,
    *supply_planner.ENTRIES,
    *penetration_tester.ENTRIES,
    *greenhouse_grower.ENTRIES,
    *radio_operator.ENTRIES,
    *game_player.ENTRIES,
    *job_shop.ENTRIES,
    *classic.ENTRIES,
)


def register(registry: Any) -> None:
    """Adds every entry to a registry: the entry point in the group ``quickstudy``."""
    for entry in ENTRIES:
        registry.add(entry)
