"""The log: what is appended is read back, once, in order, and damage is noticed."""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from quickstudy.errors import DamagedLearner, DiskTrouble, LearnerInUse, QuickstudyError
from quickstudy.experience import event as rows
from quickstudy.experience import table
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.log import Log
from quickstudy.types import End

FIXED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

whole = st.integers(-(2**62) + 1, 2**62 - 1)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
real = st.floats(allow_nan=False)
floats = npst.arrays(np.float32, st.integers(0, 300), elements=st.floats(width=32))
flags = npst.arrays(bool, st.integers(0, 40))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | text | st.floats(-1e300, 1e300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
events = st.fixed_dictionaries(
    {"kind": st.sampled_from(Kind), "job": text},
    optional={
        "stream": text,
        "episode": whole,
        "step": whole,
        "decision": st.integers(1, 2**62 - 1),
        "observation": floats,
        "mask": flags,
        "action": floats,
        "reward": real,
        "end": st.sampled_from(End),
        "explored": st.booleans(),
        "leader": text,
        "worth": real,
        "spread": real,
        "support": real,
        "note": st.dictionaries(text, json_values, max_size=4),
        "time": real,
    },
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.create(tmp_path / "experience.db") as log:
        yield log


def check_same(event: Event, fields: dict[str, Any]) -> None:
    for name, expected in fields.items():
        found = getattr(event, name)
        if isinstance(expected, np.ndarray):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
        else:
            assert found == expected, name


def same(one: Event, other: Event) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=True) if isinstance(a, np.ndarray) else a == b
        for a, b in zip(one, other, strict=True)
    )


def fill(log: Log, count: int = 40) -> None:
    rng = np.random.default_rng(0)
    for i in range(count):
        log.append(
            Kind(1 + i % 5),
            f"job {i % 3}",
            step=i,
            time=1.7e9 + i / 7,
            key=f"key {i}" if i % 4 == 0 else None,
            observation=rng.normal(size=300 if i % 10 == 0 else 6),
            mask=np.arange(i % 13) % 2 == 0 if i % 6 == 0 else None,
            reward=float(rng.normal()),
            worth=1.5 * i,
            note={"said": "a few words", "i": i} if i % 3 == 0 else None,
        )
    log.sync()


# ---- round trips


@FIXED
@given(fields=events)
def test_any_event_comes_back(log: Log, fields: dict[str, Any]) -> None:
    n = log.append(**fields)
    waiting = log.at(n)
    assert log.sync() == n == log.last == log.saved
    (read,) = log.read(after=n - 1)
    stored = log.at(n)
    assert waiting and stored
    check_same(waiting, fields)
    assert same(waiting, read) and same(stored, read)
    assert (read.n, read.origin, read.origin_n) == (n, log.uid, n)


def test_defaults(log: Log) -> None:
    event = log.at(log.append(Kind.NOTE))
    assert event is not None
    assert event[2:-2] == (
        Kind.NOTE, "", "", 0, 0, None, None, None, None, None, None, End.NOT, False,
        None, None, None, None, None,
    )  # fmt: skip
    assert isinstance(event.end, End) and isinstance(event.kind, Kind)


def test_appended_arrays_are_copies(log: Log) -> None:
    observation, note = np.zeros(3, np.float32), {"a": [1]}
    n = log.append(Kind.DECISION, observation=observation, note=note)
    observation[:] = 7
    note["a"].append(2)
    (event,) = log.read()
    assert event.n == n and event.note == {"a": [1]}
    np.testing.assert_array_equal(event.observation, np.zeros(3))
    assert event.observation is not None and not event.observation.flags.writeable


def test_numpy_numbers_are_taken(log: Log) -> None:
    log.append(
        Kind.OUTCOME,
        episode=np.int64(3),  # type: ignore[arg-type]
        reward=np.float32(0.5),  # type: ignore[arg-type]
        worth=-0.0,
        note={"mean": np.float64(2.0), "all": np.arange(3)},
    )
    (event,) = log.read()
    assert (event.episode, event.reward, event.worth) == (3, 0.5, 0.0)
    assert event.note == {"mean": 2.0, "all": [0, 1, 2]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"reward": math.nan},
        {"worth": math.nan},
        {"time": math.nan},
        {"observation": np.zeros((2, 2))},
        {"mask": np.zeros((2, 2), bool)},
        {"note": {"x": math.nan}},
        {"note": {"x": math.inf}},
        {"step": 2**62},
        {"episode": -(2**70)},
        {"key": "\ud800"},
        {"job": "\ud800"},
    ],
)
def test_what_cannot_be_stored_is_refused_at_once(log: Log, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        log.append(Kind.NOTE, **wrong)
    assert log.append(Kind.NOTE) == 1
    assert log.sync() == 1


def test_long_arrays_are_compressed() -> None:
    blob = rows.pack_numbers(np.zeros(1000), "x")
    assert blob is not None and len(blob) == 4001
    row = rows.Row(*[None] * len(rows.Row._fields))._replace(observation=blob)  # type: ignore[arg-type]
    packed = rows.compressed(row).observation
    assert packed is not None and len(packed) < 100
    np.testing.assert_array_equal(rows.unpack_numbers(packed), np.zeros(1000))
    noise = rows.pack_numbers(np.frombuffer(random.Random(0).randbytes(4000), "<f4"), "x")
    assert rows.compressed(row._replace(observation=noise)).observation == noise


# ---- keys


def test_a_key_counts_once_waiting_saved_and_reopened(tmp_path: Path) -> None:
    path = tmp_path / "experience.db"
    with Log.create(path) as log:
        first = log.append(Kind.OUTCOME, "a", key="k", reward=1.0)
        assert log.append(Kind.OUTCOME, "a", key="k", reward=2.0) == first
        assert log.append(Kind.OUTCOME, "b", key="k", reward=3.0) == first + 1
        log.sync()
        assert log.append(Kind.OUTCOME, "a", key="k", reward=4.0) == first
        assert log.has("a", "k") and log.has("b", "k")
        assert not log.has("a", "other") and not log.has("c", "k")
    with Log.open(path) as log:
        assert log.append(Kind.OUTCOME, "a", key="k", reward=5.0) == first
        assert log.find("a", "k") == first and len(log) == 2
        assert [event.reward for event in log.read()] == [1.0, 3.0]


def test_a_key_looked_for_in_vain_is_found_once_it_is_there(log: Log) -> None:
    assert not log.has("a", "k")
    first = log.append(Kind.NOTE, "a", key="k")
    log.sync()  # from here on the disk alone knows it
    assert log.find("a", "k") == first == log.append(Kind.NOTE, "a", key="k")


def test_a_key_whose_append_was_interrupted_is_free(log: Log) -> None:
    with log._disk:
        n = log.append(Kind.OUTCOME, "a", key="k")
        log._waiting.pop()  # as if Ctrl-C had come between noting the key and the row
        assert log.append(Kind.NOTE, "a") == n
        assert not log.has("a", "k")
        assert log.append(Kind.OUTCOME, "a", key="k") == n + 1


# ---- reading


def test_read_filters(log: Log) -> None:
    fill(log, 600)
    assert [event.n for event in log.read(after=590)] == list(range(591, 601))
    assert {event.job for event in log.read(job="job 1")} == {"job 1"}
    found = list(log.read(job="job 1", kinds=[Kind.DECISION, Kind.OUTCOME]))
    assert {event.kind for event in found} == {Kind.DECISION, Kind.OUTCOME}
    assert len(found) == 80
    assert list(log.read(job="unheard of")) == []
    assert list(log.read(after=600)) == [] and log.at(601) is None and log.at(0) is None


def test_reading_while_appending(log: Log) -> None:
    fill(log, 300)
    for event in log.read():
        if event.n <= 300:
            log.append(Kind.NOTE, step=event.n)
    assert log.last == 600


def test_a_reader_beside_the_writer(log: Log) -> None:
    log.append(Kind.NOTE, "early")
    log.sync()
    with Log.open(log.path, readonly=True) as reader:
        assert reader.uid == log.uid and len(reader) == 1
        log.append(Kind.NOTE, "late", key="k")
        log.sync()
        assert [event.job for event in reader.read()] == ["early", "late"]
        assert reader.has("late", "k") and reader.verify().is_sound
        with pytest.raises(ValueError, match="reading only"):
            reader.append(Kind.NOTE)


def test_what_happened_is_a_query(log: Log) -> None:
    log.append(Kind.OUTCOME, "grid", reward=2.5, time=1_700_000_000)
    log.sync()
    db = sqlite3.connect(log.path)
    try:
        query = "SELECT kind, job, reward FROM history WHERE utc LIKE '2023-11-14%'"
        assert db.execute(query).fetchall() == [("OUTCOME", "grid", 2.5)]
    finally:
        db.close()


def test_threads_share_a_log(log: Log) -> None:
    def work(number: int) -> None:
        for step in range(300):
            log.append(Kind.NOTE, f"job {number}", step=step, key=f"k{step // 2}")
            n = log.append(Kind.NOTE, "all", step=step)
            if step % 50 == 0:
                assert log.sync() >= n

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.sync() == 4 * 450
    assert len(list(log.read())) == 4 * 450  # complains of gaps
    for number in range(4):
        steps = [event.step for event in log.read(job=f"job {number}")]
        assert steps == list(range(0, 300, 2))


def test_acknowledged_means_fsynced(log: Log) -> None:
    """kill -9 cannot tell: what a process wrote outlives it, but not a loss of power."""
    assert log._writer is not None
    assert log._writer.pragma("journal_mode") == "wal"
    assert log._writer.pragma("synchronous") == 2  # FULL


def test_a_closed_log(log: Log) -> None:
    log.append(Kind.NOTE)
    log.close()
    log.close()
    with pytest.raises(ValueError, match="closed"):
        log.append(Kind.NOTE)


# ---- any history of use


class Use(RuleBasedStateMachine):
    """Appends, syncs, reopens, loses power; the model is a list."""

    folder: Path
    count = 0

    @initialize()
    def begin(self) -> None:
        Use.count += 1
        self.path = self.folder / f"{Use.count}.db"
        self.log = Log.create(self.path)
        self.model: list[tuple[str, str | None, float]] = []

    @rule(job=st.sampled_from("ab"), reward=real, times=st.sampled_from([1, 3, 700]))
    def append(self, job: str, reward: float, times: int) -> None:
        for _ in range(times):
            self.model.append((job, None, reward))
            assert self.log.append(Kind.OUTCOME, job, reward=reward) == len(self.model)

    @rule(job=st.sampled_from("ab"), key=st.sampled_from("xyz"), reward=real)
    def append_with_key(self, job: str, key: str, reward: float) -> None:
        known = [i for i, entry in enumerate(self.model, 1) if entry[:2] == (job, key)]
        assert self.log.has(job, key) == bool(known)
        n = self.log.append(Kind.OUTCOME, job, key=key, reward=reward)
        if known:
            assert n == known[0]
        else:
            self.model.append((job, key, reward))
            assert n == len(self.model)

    @rule()
    def sync(self) -> None:
        assert self.log.sync() == len(self.model) == self.log.saved

    @rule()
    def reopen(self) -> None:
        self.log.close()
        self.log = Log.open(self.path)
        assert self.log.saved == len(self.model)
        self.check(self.log, len(self.model))

    @rule()
    def lose_power(self) -> None:
        with self.log._disk:  # the files as they are between two commits
            saved = self.log.saved
            lost = self.folder / "lost.db"
            for end in ("", "-wal"):
                source = self.path.with_name(self.path.name + end)
                lost.with_name(lost.name + end).unlink(missing_ok=True)
                if source.exists():
                    shutil.copy(source, lost.with_name(lost.name + end))
        lost.with_name("lost.db-shm").unlink(missing_ok=True)
        with Log.open(lost) as log:
            assert log.last == saved
            self.check(log, saved)

    @invariant()
    def length(self) -> None:
        if hasattr(self, "log"):
            assert len(self.log) == len(self.model)

    def check(self, log: Log, count: int) -> None:
        read = [(event.job, event.key, event.reward) for event in log.read()]
        assert read == self.model[:count]

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.check(self.log, len(self.model))
            self.log.close()


def test_any_history_of_use(tmp_path: Path) -> None:
    class Here(Use):
        folder = tmp_path

    run_state_machine_as_test(
        Here, settings=settings(FIXED, max_examples=15, stateful_step_count=15)
    )


# ---- damage


def read_all(path: Path) -> list[Event]:
    with Log.open(path) as log:
        return list(log.read())


def check_damaged_copy(
    path: Path, content: bytes, expected: list[Event]
) -> QuickstudyError | None:
    """A damaged log is reported, or reads as if nothing were wrong with it."""
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(content)
    try:
        found = read_all(path)
    except QuickstudyError as error:
        assert str(path) in str(error)
        return error
    assert len(found) == len(expected)
    assert all(map(same, found, expected))
    return None


@pytest.mark.parametrize("flips", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_flipped_bits_are_never_read_as_something_else(tmp_path: Path, flips: int) -> None:
    with Log.create(tmp_path / "experience.db", uid="0" * 32) as log:
        fill(log, 60)
    expected = read_all(log.path)
    content = log.path.read_bytes()
    rng = random.Random(4)
    reported = 0
    for _ in range(flips):
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path = log.path.with_name("flipped.db")
        reported += check_damaged_copy(path, bytes(flipped), expected) is not None
    assert reported > flips / 5


def test_truncated_files_are_reported(log: Log) -> None:
    fill(log, 200)
    log.close()
    expected = read_all(log.path)
    content = log.path.read_bytes()
    path = log.path.with_name("short.db")
    for share in (0.0, 0.001, 0.01, 0.3, 0.6, 0.9, 0.999):
        error = check_damaged_copy(path, content[: int(share * len(content))], expected)
        assert isinstance(error, DamagedLearner), (share, error)


@pytest.mark.parametrize(
    "edit, verdict",
    [
        ("UPDATE events SET reward = reward + 1 WHERE n = 7", ((7,), ())),
        ("UPDATE events SET job = 1 + job % 3 WHERE n = 7", ((7,), ())),
        ("UPDATE events SET action = observation WHERE n = 7", ((7,), ())),
        ("UPDATE events SET note = '{}' WHERE n = 7", ((7,), ())),
        ("UPDATE events SET reward = 'text' WHERE n = 7", ((7,), ())),
        ("DELETE FROM events WHERE n = 7", ((), (7,))),
        ("DELETE FROM events WHERE n > 30", None),
        ("UPDATE events SET n = 7000 WHERE n = 7", ((7000,), (7,))),
        ("UPDATE names SET name = 'other' WHERE name = 'job 1'", None),
        ("DELETE FROM names WHERE name = 'job 1'", None),
    ],
)  # fmt: skip
def test_edited_rows_are_named(
    log: Log, edit: str, verdict: tuple[tuple[int, ...], tuple[int, ...]] | None
) -> None:
    fill(log)
    log.close()
    db = apsw.Connection(str(log.path))
    db.execute(edit)
    db.close()
    with pytest.raises(DamagedLearner) as raised:
        read_all(log.path)
    assert "Restore" in str(raised.value) and str(log.path) in str(raised.value)
    if verdict and 7000 not in verdict[0]:
        assert "row 7 " in str(raised.value)
        with Log.open(log.path) as log:
            found = log.verify()
            assert not found.is_sound
            assert (found.bad, found.missing) == verdict
            with pytest.raises(DamagedLearner):
                list(log.read(job="job 2", kinds=[Kind.JOB]))


def test_no_number_is_not_zero() -> None:
    """In SQLite's encoding, a missing whole number is one bit away from 0."""
    row = rows.Row(*[0] * len(rows.Row._fields))._replace(
        key=None, observation=None, mask=None, action=None, note=None
    )  # type: ignore[arg-type]
    sums = {
        rows.checksum(row._replace(**{name: value}))
        for name in ("decision", "leader", "reward", "worth", "spread", "support")
        for value in (None, 1)
    }
    assert len(sums | {rows.checksum(row)}) == 13


def test_rows_lost_while_the_log_is_open(log: Log) -> None:
    fill(log)
    db = apsw.Connection(str(log.path))
    db.set_busy_timeout(10_000)
    db.execute("DELETE FROM events WHERE n > 30")
    db.close()
    with pytest.raises(DamagedLearner, match="row 31 is missing"):
        list(log.read())


def test_verdict_of_a_sound_log(log: Log) -> None:
    fill(log, 10)
    verdict = log.verify()
    assert verdict.is_sound and verdict.rows == 10
    assert verdict.counts == {kind.name: 2 for kind in list(Kind)[:5]}


def test_files_that_are_no_logs(tmp_path: Path) -> None:
    path = tmp_path / "experience.db"
    with pytest.raises(DamagedLearner, match="missing"):
        Log.open(path)
    path.write_bytes(b"")
    with pytest.raises(DamagedLearner, match="empty"):
        Log.open(path)
    path.write_bytes(b"Dear diary, today I learned to drive. " * 100)
    with pytest.raises(DamagedLearner, match="not a database"):
        Log.open(path)
    with pytest.raises(QuickstudyError, match="exists already"):
        Log.create(path)
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE diary (day TEXT)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(DamagedLearner, match="another program"):
        Log.open(path)
    assert path.read_bytes() == before
    with pytest.raises(DiskTrouble):
        Log.create(tmp_path / "nowhere" / "experience.db")


def test_a_newer_format(log: Log) -> None:
    log.close()
    content = bytearray(log.path.read_bytes())
    content[60:64] = struct.pack(">I", 3)  # user_version
    log.path.write_bytes(content)
    with pytest.raises(DamagedLearner, match=r"format 3.*reads format 2.*upgrade"):
        Log.open(log.path)


def test_two_writers_notice(log: Log) -> None:
    with Log.open(log.path) as other:
        other.append(Kind.NOTE, "theirs")
        other.sync()
        log.append(Kind.NOTE, "ours")
        with pytest.raises(LearnerInUse, match="Another process wrote"):
            log.sync()
        assert [event.job for event in other.read()] == ["theirs"]
        log._waiting.clear()  # so that it can be closed


# ---- a failing disk


def test_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "experience.db"
    with Log.create(path) as log:
        fill(log, 50)
        assert log._writer is not None
        pages = log._writer.pragma("page_count")
        log._writer.pragma("max_page_count", pages + 2)
        fill_up = [log.append(Kind.NOTE, observation=np.random.rand(500)) for _ in range(40)]
        for _ in range(3):
            with pytest.raises(DiskTrouble, match="is full; 40 events wait in memory"):
                log.sync()
        with pytest.raises(DiskTrouble, match="Make room"):
            log.append(Kind.NOTE)
        assert log.saved == 50 and log.last == fill_up[-1] == 90
        log._writer.pragma("max_page_count", 10_000)
        assert log.sync() == 90
        assert log.append(Kind.NOTE) == 91
    assert [event.n for event in read_all(path)] == list(range(1, 92))


def test_a_disk_too_full_for_a_new_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(db: apsw.Connection, *_: object) -> None:
        db.execute("ROLLBACK")  # SQLite does so by itself
        raise apsw.FullError("full")

    monkeypatch.setattr(table, "_note", full)
    with pytest.raises(DiskTrouble, match="is full"):
        Log.create(tmp_path / "experience.db")


def test_full_disk_heals_by_itself(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quickstudy.experience.log.RETRY_SECONDS", 0.02)
    assert log._writer is not None
    log._writer.pragma("max_page_count", log._writer.pragma("page_count"))
    log.append(Kind.NOTE, observation=np.random.rand(5000))
    with pytest.raises(DiskTrouble):
        log.sync()
    log._writer.pragma("max_page_count", 10_000)
    until = threading.Event()
    for _ in range(200):
        if log.saved == 1:
            break
        until.wait(0.02)
    assert log.saved == 1 and log.append(Kind.NOTE) == 2


def test_closing_on_a_full_disk_says_so(log: Log) -> None:
    assert log._writer is not None
    log._writer.pragma("max_page_count", log._writer.pragma("page_count"))
    log.append(Kind.NOTE, observation=np.random.rand(5000))
    with pytest.raises(DiskTrouble, match="1 events wait"):
        log.close()
    assert read_all(log.path) == []


WRITE_ERRORS = """
import resource, sys, os
import numpy as np
from quickstudy.errors import DiskTrouble
from quickstudy.experience.log import Kind, Log

hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
log = Log.create(sys.argv[1])
troubles = 0
for round in range(40):
    start = log.saved
    used = os.path.getsize(sys.argv[1] + "-wal") if os.path.exists(sys.argv[1] + "-wal") else 0
    used = max(used, os.path.getsize(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (used + 700 * round - 4000, hard))
    for i in range(20):
        try:
            n = log.last + 1
            log.append(Kind.NOTE, step=n, key=f"k{n}", observation=np.random.rand(100))
        except DiskTrouble:
            break
    try:
        log.sync()
    except DiskTrouble:
        troubles += 1
        # The saver's thread may have saved the first rows before the disk was full; a sync
        # that failed never acknowledges the rest, and what is acknowledged can be read.
        assert start <= log.saved < log.last, (start, log.saved, log.last)
        assert log.saved == start or log.at(log.saved).step == log.saved
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert log.sync() == log.last
log.close()
assert troubles > 5, troubles
log = Log.open(sys.argv[1])
assert all(event.step == event.n for event in log.read())
assert log.verify().is_sound
print(log.last, troubles)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_writes_that_fail_anywhere_in_a_commit(tmp_path: Path) -> None:
    path = tmp_path / "experience.db"
    done = subprocess.run(
        [sys.executable, "-c", WRITE_ERRORS, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    last = int(done.stdout.split()[0])
    assert [event.n for event in read_all(path)] == list(range(1, last + 1))


# ---- many events as one


def test_together_is_one_transaction(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quickstudy.experience.log.MOST_WAITING_ROWS", 3)
    log.append(Kind.NOTE, "before")
    with Log.open(log.path, readonly=True) as beside:
        with log.together():
            for _ in range(10):
                log.append(Kind.NOTE, "inside")
            assert beside.last == 1
        assert beside.last == log.saved == 11


def test_together_or_not_at_all(log: Log) -> None:
    with pytest.raises(RuntimeError), log.together():
        log.append(Kind.NOTE, "inside", key="one")
        raise RuntimeError
    assert not log.has("inside", "one")
    assert log.append(Kind.NOTE, "after", key="one") == 1
    assert [event.job for event in log.read()] == ["after"]


def test_together_on_a_full_disk(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(Kind.NOTE, "before")
    log.sync()
    with monkeypatch.context() as patch:
        patch.setattr(log, "_write", lambda *_: (_ for _ in ()).throw(apsw.FullError("full")))
        with pytest.raises(DiskTrouble, match="Make room"), log.together():
            log.append(Kind.NOTE, "inside")
    log.append(Kind.NOTE, "after")
    assert [event.job for event in log.read()] == ["before", "after"]
