"""The catalogue of jobs, by profession: one small file each.

Each entry says what brings the job, how long a step is in real time, what a random worker
scores and who does the job today, as code that runs. Figures whose source is "measured" come
from ``python -m benchmarks.incumbents`` (table in ``benchmarks/results/incumbents.md``).
Importing this package imports no job's package: that happens when a job is made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from quickstudy.jobs.catalogue import (
    anaesthetist,
    classic,
    driver,
    game_player,
    greenhouse_grower,
    grid_operator,
    icu_doctor,
    job_shop,
    penetration_tester,
    planners,
    plant_operator,
    radio_operator,
    robot_arm,
    supply_planner,
    traffic_engineer,
)
from quickstudy.jobs.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    *anaesthetist.ENTRIES,
    *plant_operator.ENTRIES,
    *icu_doctor.ENTRIES,
    *supply_planner.ENTRIES,
    *traffic_engineer.ENTRIES,
    *driver.ENTRIES,
    *grid_operator.ENTRIES,
    *penetration_tester.ENTRIES,
    *greenhouse_grower.ENTRIES,
    *robot_arm.ENTRIES,
    *radio_operator.ENTRIES,
    *planners.ENTRIES,
    *game_player.ENTRIES,
    *job_shop.ENTRIES,
    *classic.ENTRIES,
)


def register(registry: Any) -> None:
    """Adds every entry to a registry: the entry point in the group ``quickstudy``.

    All of them are simulators, so resetting is free.
    """
    for entry in ENTRIES:
        registry.add(replace(entry, resets_freely=True))
