"""A disk that fails at any call: a sentence is raised, and what was acknowledged stays.

Between SQLite and the file system stands a shim that counts the calls of a small session (open,
append, sync, compact, close) and lets the k-th fail, once or from there on, with an I/O error
or, where it writes, a full disk. Then the disk is well again and the log has to hold whatever
`saved` had reached, and nothing twice.

A write-ahead log that ends anywhere, as after a loss of power, or whose bytes rotted: the log
opens with all that was moved into the database before, and the first so many commits after it.
A tail is torn only where it was not fsynced, so nothing acknowledged is in it; where fsynced
bytes rot, what is lost is in the write-ahead log: less than one checkpoint's worth.

Left out: calls on shared memory, which apsw passes through; disks that lie about fsync.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

from quickstudy.errors import DamagedLearner, DiskTrouble
from quickstudy.experience import log as logs
from quickstudy.experience.event import Kind
from quickstudy.experience.log import Log

FULL, BROKEN = apsw.FullError, apsw.IOError
BEFORE, GROUPS, GROUP = 10, 3, 5  # rows of the log that is there; commits; rows of one
USUAL = apsw.vfs_names()[0]
SOUND = 10**9  # no call has that number


class Faults:
    """Which call fails: the k-th, and with `is_lasting` all from there on.

    calls: how many there were of those that can fail so. failed: what did.
    """

    def __init__(self, k: int, error: type[apsw.Error] = BROKEN, is_lasting: bool = False):
        self.k, self.error, self.is_lasting = k, error, is_lasting
        self.calls, self.failed = 0, []

    def heed(self, what: str) -> None:
        if self.error is FULL and what != "xWrite":
            return
        self.calls += 1
        if self.calls == self.k or (self.is_lasting and self.calls > self.k):
            self.failed.append(what)
            raise self.error(f"injected into {what}")


def faulty(name: str) -> Callable[..., Any]:
    def method(self: Any, *told: Any) -> Any:
        self.faults().heed(name)
        return getattr(super(type(self), self), name)(*told)

    return method


class Disk(apsw.VFS):
    """All files of SQLite, while it is entered; `faults` can be exchanged."""

    def __init__(self) -> None:
        super().__init__("faulty", base=USUAL, makedefault=True)
        self.now = Faults(SOUND)

    def faults(self) -> Faults:
        return self.now

    def xOpen(self, name: Any, flags: list[int]) -> File:  # noqa: N802
        self.now.heed("xOpen")
        return File(self.faults, name, flags)

    xDelete, xAccess = faulty("xDelete"), faulty("xAccess")  # noqa: N815


class File(apsw.VFSFile):
    """A file of a disk; letting go of one never fails."""

    def __init__(self, faults: Callable[[], Faults], name: Any, flags: list[int]):
        super().__init__(USUAL, name, flags)
        self.faults = faults

    xRead, xWrite, xSync = map(faulty, ("xRead", "xWrite", "xSync"))  # noqa: N815
    xTruncate, xFileSize = map(faulty, ("xTruncate", "xFileSize"))  # noqa: N815
    xLock = faulty("xLock")  # noqa: N815


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(logs, "GROUP_SECONDS", 3600.0)  # only who syncs writes: calls repeat
    monkeypatch.setattr(logs, "RETRY_SECONDS", 3600.0)
    monkeypatch.setattr(logs, "SEGMENT_ROWS", 8)
    disk = Disk()
    try:
        yield disk
    finally:
        disk.unregister()


def append(log: Log) -> None:
    n = log.last + 1
    log.append(Kind.NOTE, f"job {n % 3}", step=n, key=f"k{n}", observation=np.full(40, n))


class Session:
    """What somebody does with a log who tries everything once more when it failed.

    acknowledged: the furthest that `saved` or `sync` ever said. is_done: all went well in the
    end, but for closing.
    """

    def __init__(self, path: Path):
        self.path, self.acknowledged, self.is_done = path, BEFORE, True

    def run(self) -> None:
        log = self._try(lambda: Log.open(self.path))
        if log is None:
            return
        for _ in range(GROUPS):
            for _ in range(GROUP):
                self._try(lambda: append(log))
            self._try(log.sync)
            self.acknowledged = max(self.acknowledged, log.saved)
        reads = lambda: list(log.read()), log.columns, lambda: log.at(3), log.verify
        for act in (log.compact, *reads, log.shrink):
            self._try(act)
        last = log.last
        with contextlib.suppress(DiskTrouble):
            log.close()
            self.acknowledged = last

    def _try(self, act: Callable[[], Any]) -> Any:
        for _ in range(2):
            with contextlib.suppress(DiskTrouble):  # anything else fails the test
                return act()
        self.is_done = False
        return None


def check(path: Path, acknowledged: int) -> None:
    with Log.open(path) as log:
        events = list(log.read())
        last = len(events)
        assert last >= acknowledged
        assert [event.n for event in events] == list(range(1, last + 1))
        assert [event.step for event in events] == list(range(1, last + 1))
        assert all(event.observation[0] == event.n for event in events)
        assert [log.find(f"job {n % 3}", f"k{n}") for n in range(1, last + 1)] == [
            *range(1, last + 1)
        ]
        verdict = log.verify()
        assert verdict.is_sound, verdict
        append(log)
        assert log.sync() == last + 1


def new_log(path: Path) -> Path:
    path.parent.mkdir()
    with Log.create(path) as log:
        for _ in range(BEFORE):
            append(log)
    return path


def fail(disk: Disk, path: Path, faults: Faults) -> Faults:
    """A session on a disk that fails, and what is there when it is well again."""
    new_log(path)
    session = Session(path)
    disk.now = faults
    session.run()
    disk.now = Faults(SOUND)
    assert session.is_done or faults.is_lasting, faults.failed
    check(path, session.acknowledged)
    return faults


def fail_everywhere(disk: Disk, folder: Path, error: Any, is_lasting: bool, stride: int) -> int:
    """Every `stride`-th call; gives how many there are."""
    number = fail(disk, folder / "none" / "experience.db", Faults(SOUND, error)).calls
    seen = set()
    for k in range(1, number + 1, stride):
        path = folder / str(k) / "experience.db"
        seen |= set(fail(disk, path, Faults(k, error, is_lasting)).failed)
    assert seen, "nothing failed"
    return number


CASES = list(itertools.product([BROKEN, FULL], [False, True]))


@pytest.mark.parametrize(("error", "is_lasting"), CASES)
def test_some_calls_fail(disk: Disk, tmp_path: Path, error: Any, is_lasting: bool) -> None:
    assert fail_everywhere(disk, tmp_path, error, is_lasting, 41) > 20


@pytest.mark.slow
@pytest.mark.parametrize(("error", "is_lasting"), CASES)
def test_every_call_fails(disk: Disk, tmp_path: Path, error: Any, is_lasting: bool) -> None:
    assert fail_everywhere(disk, tmp_path, error, is_lasting, 1) > 20


def make_anywhere(disk: Disk, folder: Path, error: Any, stride: int) -> None:
    """Making a log fails at every `stride`-th call: said, and done once the disk is well."""
    for k in itertools.count(1, stride):
        path = folder / f"{k}.db"
        disk.now = Faults(k, error)
        with contextlib.suppress(DiskTrouble):
            Log.create(path).close()
        is_over, disk.now = not disk.now.failed, Faults(SOUND)
        with contextlib.suppress(DamagedLearner):  # half of it is there, and said to be
            Log.open(path).close()
        path.unlink(missing_ok=True)
        if is_over:
            break
        with Log.create(path) as log:
            append(log)
    assert k > 10


@pytest.mark.parametrize("error", [BROKEN, FULL])
def test_a_log_that_cannot_be_made(disk: Disk, tmp_path: Path, error: Any) -> None:
    make_anywhere(disk, tmp_path, error, 9)


@pytest.mark.slow
@pytest.mark.parametrize("error", [BROKEN, FULL])
def test_a_log_that_cannot_be_made_at_any_call(disk: Disk, tmp_path: Path, error: Any) -> None:
    make_anywhere(disk, tmp_path, error, 1)


# ---- a write-ahead log that ends anywhere


TAIL_GROUPS = 4


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A log as a crash leaves it: the database, and commits that are ahead of it only."""
    path = new_log(tmp_path_factory.mktemp("torn") / "there" / "experience.db")
    with Log.open(path) as log:
        for _ in range(TAIL_GROUPS):
            for _ in range(GROUP):
                append(log)
            log.sync()
        return path.read_bytes(), Path(f"{path}-wal").read_bytes()


def rows_left(folder: Path, database: bytes, ahead: bytes) -> int:
    """How many rows there are, all of them right; the log takes more, and is sound."""
    path = folder / "experience.db"
    for file in folder.iterdir():
        file.unlink()
    path.write_bytes(database)
    Path(f"{path}-wal").write_bytes(ahead)
    with Log.open(path) as log:
        last = log.last
    check(path, BEFORE)
    assert (last - BEFORE) % GROUP == 0  # whole commits
    return last


def cut_everywhere(folder: Path, crashed: tuple[bytes, bytes], places: Iterator[int]) -> None:
    database, ahead = crashed
    left = [rows_left(folder, database, ahead[:place]) for place in places]
    assert left == sorted(left) and left[0] == BEFORE
    assert len(set(left)) == TAIL_GROUPS + 1
    assert left[-1] == BEFORE + TAIL_GROUPS * GROUP


def flip_everywhere(folder: Path, crashed: tuple[bytes, bytes], places: Iterator[int]) -> None:
    database, ahead = crashed
    for place in places:
        flipped = bytearray(ahead)
        flipped[place] ^= 0x40
        whole = rows_left(folder, database, ahead[:place])
        assert rows_left(folder, database, bytes(flipped)) in (whole, BEFORE)


def places(content: bytes, stride: int) -> Iterator[int]:
    return itertools.chain(range(0, len(content), stride), [len(content)])


def test_torn_tails(crashed: tuple[bytes, bytes], tmp_path: Path) -> None:
    cut_everywhere(tmp_path, crashed, places(crashed[1], 1_999))


def test_rotten_tails(crashed: tuple[bytes, bytes], tmp_path: Path) -> None:
    flip_everywhere(tmp_path, crashed, iter(range(5, len(crashed[1]), 3_989)))


@pytest.mark.slow
def test_tails_torn_almost_everywhere(crashed: tuple[bytes, bytes], tmp_path: Path) -> None:
    cut_everywhere(tmp_path, crashed, places(crashed[1], 211))


@pytest.mark.slow
def test_tails_rotten_almost_everywhere(crashed: tuple[bytes, bytes], tmp_path: Path) -> None:
    flip_everywhere(tmp_path, crashed, iter(range(0, len(crashed[1]), 401)))
