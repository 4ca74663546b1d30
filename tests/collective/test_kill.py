"""kill -9 while learners are merged, or a merged one rebuilt: all or nothing, never between."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from learners import CART, DISPATCH, assert_same, dispatched, hired, merged, opened, worked

from quickstudy.experience import union
from quickstudy.experience.folder import is_learner

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and forks")


class Nursery:
    """Starts children, and kills them after so many seconds."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process

    def run(self, *order: object, seconds: float = 600.0) -> tuple[bool, float]:
        """Whether the child had done its work, and how long it lived [s]."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(" ".join(map(str, (seconds, *order))) + "\n")
        is_made = False
        while (line := self._process.stdout.readline()).startswith("made"):
            is_made = True
        assert line.startswith("dead"), line
        return is_made, float(line.split()[1])


@contextmanager
def nursery() -> Iterator[Nursery]:
    here = Path(__file__).parent
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", str(here / "kill_child.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(here.parent.parent)},
        text=True,
        bufsize=1,
    ) as process:
        try:
            yield Nursery(process)
        finally:
            assert process.stdin
            process.stdin.close()


def events(path: Path) -> list[tuple]:
    with opened(path) as learner:
        assert learner.log.verify().is_sound
        return [(e.origin, e.origin_n, e.job, e.key, e.reward) for e in union.read(learner.log)]


def check_whole(path: Path, expected: Path) -> None:
    told = [[event for event in events(one) if event[0] in PARENTS] for one in (path, expected)]
    assert told[0] == told[1] != []
    with opened(path) as found, opened(expected) as as_it_should:
        assert_same(found, as_it_should, CART)
        assert_same(found, as_it_should, DISPATCH)


PARENTS: set[str] = set()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    for name, seed in (("ada", 1), ("bea", 2)):
        with hired(home / name, seed) as learner:
            worked(learner, 70)
            dispatched(learner, 20, seed)
            PARENTS.add(learner.uid)
    merged(home / "ada", home / "bea", into=home / "whole").close()
    return home


def kill_merges(home: Path, places: Path, kills: int, seed: int) -> tuple[int, int]:
    """Gives how many kills left no learner, and how many a whole one."""
    rng, none, whole = random.Random(seed), 0, 0
    parents = home / "ada", home / "bea"
    before = [events(parent) for parent in parents]
    with nursery() as nurse:
        for name in ("cold", "warm"):
            is_made, seconds = nurse.run("merge", places / name, *parents)
            assert is_made
        for number in range(kills):
            into = places / f"{number}"
            at = rng.uniform(0, 1.1 * seconds)
            is_made, _ = nurse.run("merge", into, *parents, seconds=at)
            if is_learner(into):
                check_whole(into, home / "whole")
                whole += 1
            else:
                assert not is_made and not into.exists()
                none += 1
                if none == 1:  # what the dead one left does not stand in the way
                    assert nurse.run("merge", into, *parents)[0]
                    check_whole(into, home / "whole")
    assert [events(parent) for parent in parents] == before
    return none, whole


def kill_studies(home: Path, place: Path, kills: int, seed: int) -> int:
    """A merged learner without its mind is opened again and again, and killed at it."""
    rng, made = random.Random(seed), 0
    ignored = shutil.ignore_patterns("lock", "mind.*")
    with nursery() as nurse:
        for name in ("cold", "warm"):
            shutil.copytree(home / "whole", place / name, ignore=ignored)
            seconds = nurse.run("open", place / name)[1]
        for number in range(kills):
            path = place / f"{number}"
            shutil.copytree(home / "whole", path, ignore=ignored)
            made += nurse.run("open", path, seconds=rng.uniform(0, 1.1 * seconds))[0]
            check_whole(path, home / "whole")
    return made


def test_kill_merges(home: Path, tmp_path: Path) -> None:
    none, whole = kill_merges(home, tmp_path, kills=8, seed=1)
    assert none + whole == 8 and none


def test_kill_studies(home: Path, tmp_path: Path) -> None:
    assert kill_studies(home, tmp_path, kills=4, seed=2) < 4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_kill_often(home: Path, tmp_path: Path, seed: int) -> None:
    none, whole = kill_merges(home, tmp_path, kills=50, seed=seed)
    assert none and whole
    kill_studies(home, tmp_path / "study", kills=50, seed=seed)
