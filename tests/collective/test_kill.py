"""kill -9 while learners are merged, or a merged one rebuilt: all or nothing, never between."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from learners import SMALL, merged, opened, worked

from benchmarks import crash_merge
from benchmarks.crash_merge import SHARED, Home, is_fine, kill_merges, kill_openings
from benchmarks.nursery import Nursery, nursery
from benchmarks.runs import RunError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and forks")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return crash_merge.raised(tmp_path, 1, SMALL)


@pytest.fixture
def nurse() -> Iterator[Nursery]:
    with nursery(sys.executable, str(Path(__file__).parent / "kill_child.py")) as nurse:
        yield nurse


def test_kill_merges(home: Home, nurse: Nursery) -> None:
    *killed, last = kill_merges(nurse, home, 3, random.Random(1))
    assert all(map(is_fine, [*killed, last])), [*killed, last]
    assert sum(line["is_killed"] for line in killed) == 3 and not killed[0]["is_there"]
    assert last["is_there"] and last["is_done"] and not last["is_killed"]
    with pytest.raises(RunError, match="came to no end"):
        nurse.run("open", home.path / "nowhere")


def test_what_is_wrong_is_noticed(home: Home) -> None:
    merged(*home.parents, into=home.whole).close()
    for name in ("another", "bare"):
        shutil.copytree(home.whole, home.path / name, ignore=shutil.ignore_patterns("lock"))
    (home.path / "bare/mind.json").unlink()
    assert home.wrong(home.path / "bare") == []
    with opened(home.path / "another") as another:
        another.mind(SHARED).learned.instinct.weights[:] += 1.0
        another.save()
    assert home.wrong(home.path / "another") == ["its mind is another"]
    assert home.wrong(home.parents[0]) == [
        "its experience is not the union", "it knows other jobs", "its mind is another"
    ]  # fmt: skip
    assert not home.is_touched()
    with opened(home.parents[0]) as ada:
        worked(ada, 5)
    assert home.is_touched()


def test_what_was_said_to_be_done_is_there() -> None:
    line = {"of": "merge", "seconds": 1.0, "usual": 2.0, "is_killed": True, "is_done": True,
            "is_there": True, "is_touched": False, "wrong": []}  # fmt: skip
    lost, half = line | {"is_there": False}, line | {"wrong": ["half a learner"]}
    assert [is_fine(one) for one in (line, lost, half)] == [True, False, False]
    text = crash_merge.report([line, lost, half, line | {"of": "open"}], 5, "c")
    assert "| said to be done, and not there | 1 |" in text
    assert "| 3; 1; 2 |" in text and "| 1; 0; 1 |" in text and "| 2 of 3 |" in text
    assert "| merge | 1.00 | 2.00 | yes | yes | **half a learner** |" in text


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_kill_often(home: Home, nurse: Nursery, seed: int) -> None:
    rng = random.Random(seed)
    merges = list(kill_merges(nurse, home, 25, rng))
    openings = list(kill_openings(nurse, home, 10, rng))
    assert all(map(is_fine, merges + openings)), merges + openings
    assert {line["is_there"] for line in merges[:-1]} == {True, False}
