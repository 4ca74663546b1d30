"""Trials of the exam: planted students are what they are said to be, tables count rightly."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import leaked, overfit, planted, plants
from benchmarks.planted import Playback, Sloppy, Table
from quickstudy.exams.leak import Alarm
from quickstudy.exams.score import CONTROL, SEEN, TWIN, Lot, Result
from quickstudy.exams.sitting import Sat, sit
from quickstudy.jobs.check import check_job
from quickstudy.jobs.registry import registry
from quickstudy.types import End

plants.enter()


def earned(student, job: str, seeds: range) -> float:
    made = registry().make(job)
    return float(np.mean([sit(student, made, seed, 0.99).earned for seed in seeds]))


@pytest.mark.parametrize("job", [plants.JOB, plants.LOCK])
def test_our_jobs_behave_as_learners_rely_on(job) -> None:
    check_job(job).raise_if_failed()


def test_plants_need_their_nameplates_read() -> None:
    spec = overfit.spec_of(plants.JOB)
    assert earned(Sloppy(plants.JOB, spec, 0.0), plants.JOB, range(40)) > 18.5
    assert earned(Sloppy(plants.JOB, spec, 1.0), plants.JOB, range(40)) < 13


def test_memorisers_know_their_worlds_and_no_others() -> None:
    known, other = range(100, 110), range(200, 210)
    lives = planted.mastered(plants.JOB, known)
    spec = overfit.spec_of(plants.JOB)
    starts = planted.starts(plants.JOB, known)
    for student in (
        Playback(lives),
        Table(spec, lives),
        Sloppy(plants.JOB, spec, 1.0, starts, 0.0),
    ):
        there, elsewhere = (earned(student, plants.JOB, seeds) for seeds in (known, other))
        assert there > 18
        assert elsewhere < 15


def test_masters_master_their_jobs() -> None:
    for job, floor in (("CartPole-v1", 450), ("MountainCar-v0", -130)):
        assert earned(Sloppy(job, overfit.spec_of(job), 0.0), job, range(3)) > floor


def lot(name: str, returns: list[float]) -> Lot:
    return Lot(name, 0.0, tuple(Sat(k, e, 5, End.TERMINATED) for k, e in enumerate(returns)))


def test_the_table_of_memorisers_counts_by_kind() -> None:
    def case(kind: str, seen: float) -> overfit.Case:
        lots = lot(SEEN, [seen] * 12), lot(TWIN, [1.0] * 12)
        return overfit.Case("who", "job", kind, Result("a", "job", 1, "e", "f", None, lots))

    found = [case("planted", 2.0), case("planted", 1.0), case("honest", 1.0)]
    text = overfit.written(found, [(0.1, 0.5, 3)], 4, "command")
    assert (
        "exposed: 1 of 2. Drilled in one single world: 0 of 0. Honest ones accused: 0 of 1"
        in text
    )
    assert "| planted: who | job | 2.00 | 1.00 |" in text
    assert "| 10% | 0.50 | 3 of 4 |" in text


def test_the_table_of_leaks_counts_alarms() -> None:
    def case(is_leaked: bool, better: float, what: str = "slips", job: str = "") -> leaked.Case:
        rng = np.random.default_rng(0)
        fresh = [*(better + rng.normal(size=10)), *rng.normal(size=190)]
        lots = lot(TWIN, fresh), lot(CONTROL, list(rng.normal(size=800)))
        return leaked.Case(
            what, job, is_leaked, better, Result("a", "j", 1, "e", "f", None, lots)
        )

    found = [
        case(True, 5.0),
        case(True, 0.0, "learner", plants.LOCK),
        case(True, 5.0, "learner", plants.JOB),
        case(False, 0.0),
    ]
    assert isinstance(found[0].result.leak, Alarm)
    text = leaked.written(found, [(0.5, 1.0, 3)], 4, "command")
    assert "leaked: 1 of 2 (learners of ours that know them by heart 0 of 1" in text
    assert (
        "False alarms: 0 of 1. Learners of ours to which the leak is of little use: 1 of 1"
        in text
    )
    assert "| 90% to 40% | 1.00 | 3 of 4 |" in text
