"""Segments: what was moved reads as before, whatever happens while it is moved."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from crash_child import fields
from hypothesis import given
from hypothesis import strategies as st
from test_crash import check_event
from test_log import FIXED, check_damaged_copy, events, fill, same

from quickstudy.errors import DamagedLearner, DiskTrouble
from quickstudy.experience import table
from quickstudy.experience.columns import Block
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.log import Log
from quickstudy.types import End

ROWS = 16


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quickstudy.experience.log.SEGMENT_ROWS", ROWS)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """60 events, 48 of them in segments."""
    with Log.create(tmp_path / "experience.db") as log:
        fill(log, 60)
        before = list(log.read())
        assert log.compact() == log.compacted == 48
        log.before = before  # type: ignore[attr-defined]
        yield log


def before(log: Log) -> list[Event]:
    return log.before  # type: ignore[attr-defined]


def edit(path: Path, *statements: str) -> None:
    db = apsw.Connection(str(path))
    db.set_busy_timeout(10_000)  # an open log may be writing what was appended
    for statement in statements:
        db.execute(statement)
    db.close()


# ---- what was moved reads as before


@FIXED
@given(several=st.lists(events, min_size=1, max_size=12))
def test_any_events_come_back(several: list[dict[str, Any]]) -> None:
    """Through the columns, packed and unpacked, and nothing is rounded."""
    folder = Path(os.environ["QUICKSTUDY_HOME"])
    folder.mkdir(exist_ok=True)
    path = folder / "any.db"
    for file in folder.glob("any.db*"):
        file.unlink()
    with Log.create(path) as log:
        for i, one in enumerate(several):
            log.append(**one, key=f"k{i}" if i % 3 else None)
        read = list(log.read())
        blocks = list(log.blocks())
        every = [row for b in blocks for row in b.rows(np.arange(b.count))]
        again = Block(1, len(every), Block.of(every).pack())
        back = [log._event(row) for row in again.rows(np.arange(again.count))]
        assert all(map(same, read, back)) and len(back) == len(several)


def test_reading_does_not_tell_rows_from_segments(log: Log) -> None:
    assert all(map(same, log.read(), before(log)))
    assert all(same(log.at(e.n), e) for e in before(log))  # type: ignore[arg-type]
    for after in (0, 7, 15, 16, 47, 48, 55, 60):
        assert [e.n for e in log.read(after=after)] == list(range(after + 1, 61))
    kinds = [Kind.DECISION, Kind.NOTE]
    expected = [e.n for e in before(log) if e.job == "job 1" and e.kind in kinds]
    assert [e.n for e in log.read(job="job 1", kinds=kinds)] == expected
    assert list(log.read(job="unheard of")) == []
    assert log.verify().is_sound and log.verify().compacted == 48
    assert log.at(0) is None and log.at(61) is None


def test_reopened_and_read_beside_the_writer(log: Log) -> None:
    with Log.open(log.path, readonly=True) as reader:
        assert all(map(same, reader.read(), before(log)))
        fill(log, 30)
        assert log.compact() == 32
        assert [e.n for e in reader.read()] == list(range(1, log.last + 1))
        assert reader.compacted == 80 and reader.verify().is_sound
    log.close()
    with Log.open(log.path) as again:
        assert again.compacted == 80
        assert all(map(same, again.read(), before(log)))


def test_moved_while_it_is_read(log: Log) -> None:
    fill(log, 40)
    seen = []
    for event in log.read():
        seen.append(event.n)
        if event.n == 50:
            assert log.compact()
    assert seen == list(range(1, log.last + 1))


def test_keys_are_found_in_segments(log: Log) -> None:
    assert log.find("job 0", "key 0") == 1 and log.find("job 1", "key 4") == 5
    assert log.find("job 1", "key 0") is None
    last = log.last
    assert log.append(Kind.NOTE, "job 1", key="key 4") == 5
    assert log.append(Kind.NOTE, "job 2", key="key 4") == last + 1
    log.close()
    with Log.open(log.path) as again:
        assert again.append(Kind.NOTE, "job 1", key="key 4") == 5


def test_a_reward_is_found_wherever_its_event_lies(log: Log) -> None:
    rewards = {event.n: event.reward for event in log.read()}
    last = log.append(Kind.OUTCOME, "a", decision=1, reward=0.1)
    rewards |= {last: 0.1, last + 1: None, 0: None}
    assert {n: log.reward_at(n) for n in rewards} == rewards
    assert len(set(rewards.values())) > 2
    edit(log.path, "UPDATE columns SET content = zeroblob(9) WHERE name = 'reward'")
    with pytest.raises(DamagedLearner, match="reward"):
        log.reward_at(1)


def test_columns_are_the_events(log: Log) -> None:
    log.append(Kind.DECISION, "odd", observation=[1, 2], mask=[True, False, True])
    log.append(Kind.OUTCOME, "odd", decision=61, reward=2.5, end=End.CUT, stream="s")
    assert log.columns("unheard of") == {}
    (odd,) = log.columns("odd").values()
    assert odd.n.tolist() == [61, 62] and odd.decision.tolist() == [0, 61]
    assert odd.observation.tolist() == [[1, 2]] and odd.has_observation.tolist() == [
        True,
        False,
    ]
    assert odd.mask.tolist() == [[True, False, True]] and len(odd.action) == 0
    assert np.isnan(odd.reward[0]) and odd.reward[1] == 2.5
    assert [odd.streams[number] for number in odd.stream.tolist()] == ["", "s"]
    for length in (2, 3):
        log.append(Kind.DECISION, "uneven", observation=np.zeros(length))
    with pytest.raises(DamagedLearner, match="observations have"):
        log.columns("uneven")


def test_columns_of_several_jobs(tmp_path: Path) -> None:
    with Log.create(tmp_path / "several.db") as log:
        for i in range(70):
            seen = {"observation": [i, i], "action": [i]} if i % 3 else {}
            log.append(Kind(1 + i % 5), f"job {i % 4}", stream=f"s{i % 7}", reward=i or None,
                       episode=i // 9, decision=i or None, end=i % 2, **seen)  # fmt: skip
        assert log.compact() == 64
        for after, upto in ((0, 70), (0, 7), (5, 16), (16, 66), (30, 31), (66, None)):
            found = log.columns(after=after, upto=upto)
            every = [e for e in log.read(after=after) if e.n <= (upto or 70)]
            wanted = [e for e in every if e.kind not in (Kind.JOB, Kind.NOTE)]
            assert set(found) == {e.job for e in wanted}
            for job, columns in found.items():
                own = [e for e in wanted if e.job == job]
                assert columns.n.tolist() == [e.n for e in own]
                assert [columns.streams[s] for s in columns.stream.tolist()] == [
                    e.stream for e in own
                ]
                assert columns.decision.tolist() == [e.decision or 0 for e in own]
                seen = [e.observation for e in own if e.observation is not None]
                assert columns.observation.tolist() == [o.tolist() for o in seen]
                assert columns.has_observation.tolist() == [
                    e.observation is not None for e in own
                ]
                paid = np.array([np.nan if e.reward is None else e.reward for e in own])
                np.testing.assert_array_equal(columns.reward, paid)


def test_wide_rows_make_short_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quickstudy.experience.log.SEGMENT_BYTES", 4000)
    with Log.create(tmp_path / "wide.db") as log:
        for i in range(10):
            log.append(Kind.DECISION, observation=np.random.default_rng(i).normal(size=300))
        assert log.compact() == 8 and log.compacted == 8
        assert [e.n for e in log.read()] == list(range(1, 11))


def test_the_saver_compacts_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quickstudy.experience.log.COMPACT_ABOVE", 2 * ROWS)
    with Log.create(tmp_path / "experience.db") as log:
        until = time.monotonic() + 5
        while log.compacted < 3 * ROWS and time.monotonic() < until:
            log.append(Kind.NOTE)
            log.sync()
        assert log.compacted >= 3 * ROWS
    with Log.open(log.path) as log:
        assert log.compacted > log.last - ROWS  # the rest when it was closed
        assert len(list(log.read())) == log.last


def test_disk_that_is_given_back_keeps_the_layout(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quickstudy.experience.log.SEGMENT_ROWS", 512)
    for _ in range(20):
        fill(log, 60)
    log._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)  # type: ignore[union-attr]
    log.compact()
    size = log.path.stat().st_size
    log.shrink()
    assert log.path.stat().st_size < 0.8 * size
    log.close()
    with Log.open(log.path) as again:
        assert all(map(same, again.read(), before(log))) and again.verify().is_sound


# ---- the format of before


def as_format_1(path: Path, count: int) -> list[Event]:
    """A log as the programs of format 1 made it."""
    with Log.create(path) as log:
        fill(log, count)
        expected = list(log.read())
    edit(
        path, "DROP TABLE segments", "DROP TABLE columns", "DROP TABLE keys",
        "DROP VIEW history", table._VIEW.format(table._named(table.FIRST_KINDS)),
        "PRAGMA user_version = 1", "VACUUM",
    )  # fmt: skip
    db = apsw.Connection(str(path))
    (once,) = (sql for (sql,) in db.execute("SELECT sql FROM sqlite_schema WHERE name='once'"))
    db.close()
    # Its index was made before the view, after the tables: as VACUUM leaves it.
    assert "UNIQUE INDEX once" in once
    return expected


def test_format_1_is_read_as_it_is_and_upgraded_to_write(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    expected = as_format_1(path, 12)
    content = path.read_bytes()
    with Log.open(path, readonly=True) as reader:
        assert all(map(same, reader.read(), expected))
        assert reader.find("job 1", "key 4") == 5 and reader.compacted == 0
        assert reader.verify().is_sound
        assert path.read_bytes() == content
        with Log.open(path) as log:  # upgrades, beside the reader
            assert log.find("job 1", "key 4") == 5
            fill(log, 60)
            assert log.compact() >= 48
            assert [e.n for e in reader.read()] == list(range(1, log.last + 1))
            last = log.last
    with Log.open(path) as log:
        assert all(map(same, log.read(), expected)) and log.verify().is_sound
        log.shrink()
    with Log.open(path) as log:
        assert log.last == last and log.verify().is_sound
    db = apsw.Connection(str(path))
    assert db.pragma("user_version") == table.FORMAT == 2  # which those of then refuse
    db.close()


def test_tables_that_were_edited_are_noticed_in_an_upgraded_log(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    as_format_1(path, 12)
    Log.open(path).close()
    edit(path, "CREATE TABLE mine (x)")
    with pytest.raises(DamagedLearner, match="tables are not a log's"):
        Log.open(path)


# ---- damage


def test_flipped_bits_are_never_read_as_something_else(log: Log) -> None:
    log.shrink()
    log.close()
    content = log.path.read_bytes()
    rng, reported = random.Random(4), 0
    for _ in range(150):
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path = log.path.with_name("flipped.db")
        reported += check_damaged_copy(path, bytes(flipped), before(log)) is not None
    assert reported > 30


@pytest.mark.parametrize(
    "statement, named",
    [
        ("UPDATE columns SET content = x'00' WHERE first = 17 AND name = 'reward'", "reward"),
        ("DELETE FROM columns WHERE first = 17 AND name = 'reward'", "reward"),
        ("UPDATE columns SET content = (SELECT content FROM columns WHERE first = 33 AND "
         "name = 'observation') WHERE first = 17 AND name = 'observation'", "observation"),
        ("UPDATE segments SET last = 31 WHERE first = 17", "segment from row 17"),
        ("DELETE FROM segments WHERE first = 17", "row 17 is missing"),
    ],
)  # fmt: skip
def test_a_damaged_segment_is_named(log: Log, statement: str, named: str) -> None:
    log.close()
    edit(log.path, statement)
    with Log.open(log.path) as log:
        with pytest.raises(DamagedLearner, match=named):
            list(log.read())
        with pytest.raises(DamagedLearner, match=named):
            list(log.read(job="job 2", kinds=[Kind.JOB]))  # it cannot hide
        with pytest.raises(DamagedLearner):
            log.at(20)
        if named != "observation":  # the reward alone is asked for
            with pytest.raises(DamagedLearner):
                log.reward_at(20)
        assert log.at(40) is not None
        verdict = log.verify()
        assert not verdict.is_sound


def test_verify_names_segments_and_keys(log: Log) -> None:
    log.close()
    edit(log.path, "UPDATE columns SET crc = crc + 1 WHERE first = 17 AND name = 'note'")
    with Log.open(log.path) as log:
        assert log.verify().bad_segments == ((17, 32, "column note"),)
    edit(log.path, "UPDATE columns SET crc = crc - 1 WHERE first = 17 AND name = 'note'",
         "UPDATE keys SET n = 9 WHERE key = 'key 4'")  # fmt: skip
    with Log.open(log.path) as log:
        assert "idempotency keys" in (log.verify().trouble or "")


def test_a_damaged_row_is_not_moved(log: Log) -> None:
    fill(log, 40)
    edit(log.path, "UPDATE events SET reward = reward + 1 WHERE n = 70")
    with pytest.raises(DamagedLearner, match="row 70 "):
        log.compact()
    assert log.compacted == 64 and log.at(69) is not None


# ---- what may happen meanwhile


def test_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "experience.db"
    with Log.create(path) as log:
        fill(log, 100)
        expected = list(log.read())
        assert log._writer is not None
        log._writer.pragma("max_page_count", log._writer.pragma("page_count"))
        with pytest.raises(DiskTrouble, match="is full"):
            log.compact()
        moved = log.compacted
        assert all(map(same, log.read(), expected)) and log.verify().is_sound
        assert moved < 96
        log.close()  # though it cannot compact, nothing waits
    with Log.open(path) as log:
        assert all(map(same, log.read(), expected))
        assert log.verify().is_sound


def test_errors_anywhere_in_a_move_leave_rows(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(log, ROWS)
    insert = table.insert_segment

    def fails(db: apsw.Connection, *of: Any) -> None:
        insert(db, *of)
        raise apsw.IOError("the disk went away")

    monkeypatch.setattr(table, "insert_segment", fails)
    with pytest.raises(DiskTrouble, match="went away"):
        log.compact()
    assert log.compacted == 48 and log.verify().is_sound
    monkeypatch.undo()
    monkeypatch.setattr("quickstudy.experience.log.SEGMENT_ROWS", ROWS)
    assert log.compact() == ROWS and log.verify().is_sound


def test_a_crash_between_any_two_statements_of_a_move(log: Log, tmp_path: Path) -> None:
    """The files as they are before each statement are what a kill would leave there."""
    fill(log, 30)
    expected, lost, looked = list(log.read()), tmp_path / "lost.db", []

    def crash(cursor: apsw.Cursor, statement: str, bindings: object) -> bool:
        for end in ("", "-wal"):
            shutil.copy(f"{log.path}{end}", f"{lost}{end}")
        with Log.open(lost, readonly=True) as left:
            assert left.verify().is_sound, left.verify()
            assert all(map(same, left.read(), expected)) and left.last == len(expected)
            looked.append(left.compacted)
        return True

    assert log._writer is not None
    log._writer.exec_trace = crash
    log.compact()
    log._writer.exec_trace = None
    assert len(looked) > 40 and set(looked) == {48, 64}


CHILD = """
import os, sys
sys.path.insert(0, os.path.dirname({here!r}))
from quickstudy.experience import log as logs
from crash_child import fields
logs.SEGMENT_ROWS, logs.COMPACT_ABOVE = 64, 128
log = logs.Log.open(sys.argv[1])
os.write(1, b"open\\n")
while True:
    n = log.last + 1
    assert log.append(**fields(n)) == n
    if n > 300 and n % 3 == 0:  # a reward that was paid long ago is sent again
        assert log.append(**fields(n - 300)) == n - 300
    if n % 7 == 0:
        os.write(1, b"%d\\n" % log.sync())
    if n % 100 == 0:
        log.compact()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills")
@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_as_it_compacts(tmp_path: Path, kills: int) -> None:
    """Nothing acknowledged is lost, nothing is there twice, every event is what it was."""
    path = tmp_path / "experience.db"
    Log.create(path).close()
    rng, acknowledged, moved = random.Random(2), 0, 0
    for _ in range(kills):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD.format(here=__file__), str(path)],
            stdout=subprocess.PIPE,
        )
        assert child.stdout
        child.stdout.readline()
        threshold = time.monotonic() + rng.uniform(0.1, 0.6)
        while time.monotonic() < threshold:
            acknowledged = max(acknowledged, int(child.stdout.readline()))
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().split(b"\n")
        acknowledged = max([acknowledged, *(int(line) for line in rest[:-1])])
        child.wait()
        child.stdout.close()
        shutil.copytree(tmp_path, tmp_path.with_name("copy"), dirs_exist_ok=True)
        with Log.open(tmp_path.with_name("copy") / path.name) as log:
            assert log.last >= acknowledged
            assert log.compacted >= moved
            moved = log.compacted
            found = list(log.read())
            assert [event.n for event in found] == list(range(1, log.last + 1))
            assert log.verify().is_sound
        shutil.rmtree(tmp_path.with_name("copy"))
    for event in found:
        check_event(event)
    assert moved > 0
    with Log.open(path) as log:
        keyed = range(3, log.last + 1, 3)
        for n in rng.sample(keyed, min(50, len(keyed))):
            assert log.find(fields(n)["job"], f"k{n}") == n
