"""The sequence, small: both ways live, what stood still is told, and shares by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import sequence
from benchmarks.sequence import FIRST, JOBS, ORDER, PADDED, Padded
from quickstudy import life
from quickstudy.jobs.registry import registry
from quickstudy.learner import Learner

SESSIONS = ((FIRST, 40), ("MountainCar-v0", 40), (FIRST, 40))  # too few for judgement


@pytest.fixture(scope="module", autouse=True)
def _entered() -> None:
    sequence.enter()


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "WORLDS", 1)
    monkeypatch.setattr(life, "LONGEST_TRIAL", 20)


def test_all_five_fit_one_shape() -> None:
    specs = [registry().make(PADDED + job).spec for job in JOBS]
    assert len({(spec.observation, spec.action) for spec in specs}) == 1


def test_padding_forbids_what_a_job_lacks_and_cuts_amounts() -> None:
    cliff, swing = (registry().find(job).make() for job in ("CliffWalking-v1", "Pendulum-v1"))
    shown, info = Padded(cliff).reset(seed=0)
    assert shown.tolist() == np.eye(48)[36].tolist()  # the lower left corner
    assert info["action_mask"].tolist() == [1, 1, 1, 1, 0]
    padded = Padded(swing)
    padded.reset(seed=0)
    _, _, _, _, info = padded.step(3)
    assert swing.unwrapped.last_u == 1.0 and info["action_mask"].all()


def test_a_career_stands_still_elsewhere(tmp_path: Path) -> None:
    told = sequence.career(tmp_path, 0, SESSIONS)
    assert told["moved"] == [] and set(told["final"]) == {FIRST, "MountainCar-v0"}
    first, other, second = told["curves"]
    assert [step for step, _ in first] == [8, 16, 24, 32, 40]
    assert second[0] == (0, first[-1][1]) and len(other) == 5


def test_what_moves_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = sequence._session

    def clumsy(learner: Learner, job: str, *given: Any) -> Any:
        if FIRST in learner.jobs and job != FIRST:
            learner.mind(FIRST).learned.instinct.weights[:] += 1.0
        return session(learner, job, *given)

    monkeypatch.setattr(sequence, "_session", clumsy)
    assert sequence.career(tmp_path, 0, SESSIONS[:2])["moved"] == [FIRST]


def test_fine_tuning_carries_what_was_learned_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, seen = sequence._session, []

    def watched(learner: Learner, job: str, *given: Any) -> Any:
        mind = learner.mind(job)
        before, size = mind.learned, mind.memory.size
        curve = session(learner, job, *given)
        seen.append((before, size, mind.learned))
        return curve

    monkeypatch.setattr(sequence, "_session", watched)
    told = sequence.tuned(tmp_path, 0, SESSIONS)
    assert [len(curve) for curve in told["curves"]] == [5, 5, 6]
    assert set(told["final"]) == {FIRST, "MountainCar-v0"}
    assert [size for _, size, _ in seen] == [0, 0, 0]
    assert seen[0][0] is not seen[0][2]  # something was learned
    closing = [before.instinct.weights for before, _, _ in seen[1:]]
    assert all(
        np.array_equal(own, after.instinct.weights)
        for own, (_, _, after) in zip(closing, seen, strict=False)
    )


def _line(way: str, last: float) -> Any:
    curves = [[(1, 60.0), (2, 110.0), (5, 85.0)] for _ in ORDER]
    curves[-1] = [(0, 85.0), (5, last)]
    return {
        "way": way, "seed": 7, "share": 1.0, "source": "x", "date": "today", "moved": [],
        "curves": curves, "final": {**dict.fromkeys(JOBS, 60.0), FIRST: last},
    }  # fmt: skip


def test_shares_by_hand() -> None:
    line = _line("ours", 210.0)
    assert sequence.kept(line, JOBS[1], 10.0) == (0.5, 50 / 75)
    assert sequence.kept(line, FIRST, 10.0) == (1.0, 200 / 75)  # its peak came the second time
    assert sequence.back(line, 10.0) == 0.75
    assert sequence.kept(line, JOBS[1], 200.0) == (None, None)


def test_the_table_counts() -> None:
    lines = [
        {"way": "random", "seed": 0, "share": 1.0, "earn": dict.fromkeys(JOBS, 10.0)},
        _line("ours", 210.0),
        _line("tuned", 10.0),
    ]
    text = sequence.written(lines, "python -m benchmarks.sequence")
    assert "Quickstudy: of the peak 95% is left in the end 1 of 5 times" in text
    assert "Fine-tuning: of the peak 95% is left in the end 0 of 5 times" in text
    assert "changed by a bit in 0 of 1 careers" in text
