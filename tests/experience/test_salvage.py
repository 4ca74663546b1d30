"""Repair: every sound event is kept where it was, what was lost is said, nothing is touched."""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path

import apsw
import numpy as np
import pytest
from test_log import fill, same

from quickstudy.errors import DamagedLearner, QuickstudyError
from quickstudy.experience import export, salvage, soundness
from quickstudy.experience.event import LOST, Event, Kind
from quickstudy.experience.folder import EXPERIENCE, Folder
from quickstudy.experience.log import Log


@pytest.fixture
def ada(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[Event]]:
    """A learner's folder, and its 60 events: 48 in segments."""
    monkeypatch.setattr("quickstudy.experience.log.SEGMENT_ROWS", 16)
    with Folder.create(tmp_path / "ada", settings={"seed": 3}) as folder:
        fill(folder.log, 60)
        return folder.path, list(folder.log.read())


def edit(path: Path, *statements: str) -> None:
    db = apsw.Connection(str(path / EXPERIENCE))
    for statement in statements:
        db.execute(statement)
    db.close()


def check_repaired(done: salvage.Salvage, expected: list[Event], lost: list[int]) -> None:
    """Sound events as they were, a note in the place of each other one, of another origin."""
    assert [n for gap in done.gaps for n in range(gap.first, gap.last + 1)] == lost
    assert (done.lost, done.kept) == (len(lost), len(expected) - len(lost))
    with Folder.open(done.path) as folder:
        assert folder.log.verify().is_sound
        found = list(folder.log.read())
        assert len(found) == len(expected)
        for event, was in zip(found, expected, strict=True):
            if event.n in lost:
                assert event.kind == Kind.NOTE and event.note and LOST in event.note
                assert event.origin != folder.log.uid
            else:
                assert same(event, was)
        origins = [(event.origin, event.origin_n) for event in found]
        assert len(set(origins)) == len(found)
        n = folder.log.append(Kind.NOTE)
        assert n == len(expected) + 1
        keyed = next(e for e in expected if e.key and e.n not in lost)
        assert folder.log.append(Kind.NOTE, keyed.job, key=keyed.key) == keyed.n


def contents(path: Path) -> dict[str, bytes]:
    """Of its files; SQLite leaves an empty one behind when it only reads."""
    held = {file.name: file.read_bytes() for file in path.iterdir()}
    return {name: content for name, content in held.items() if content and name[-4:] != "-shm"}


@pytest.mark.parametrize(
    "statement, lost",
    [
        ("UPDATE events SET reward = reward + 1 WHERE n = 55", [55]),
        ("DELETE FROM events WHERE n IN (50, 51, 57)", [50, 51, 57]),
        ("DELETE FROM events WHERE n > 57", [58, 59, 60]),
        ("DELETE FROM events", list(range(49, 61))),
        ("DELETE FROM columns WHERE first = 17 AND name = 'reward'", list(range(17, 33))),
        ("UPDATE columns SET content = x'0000' WHERE first = 33 AND name = 'key'",
         list(range(33, 49))),
        ("DELETE FROM segments WHERE first = 17", []),
        ("UPDATE segments SET last = 40 WHERE first = 17", []),
        ("DELETE FROM keys", []),
        ("UPDATE events SET n = 7000 WHERE n = 55", [55]),
        ("UPDATE about SET value = 'x' WHERE key = 'uid'", []),
    ],
)  # fmt: skip
def test_what_is_sound_is_kept(
    ada: tuple[Path, list[Event]], statement: str, lost: list[int]
) -> None:
    path, expected = ada
    edit(path, statement)
    before = contents(path)
    assert not salvage.is_sound(path)
    done = salvage.repair(path, path.with_name("bea"))
    assert contents(path) == before
    check_repaired(done, expected, lost)
    assert done.path.name == "bea" and salvage.is_sound(done.path)


def test_a_lost_name_takes_its_events_with_it(ada: tuple[Path, list[Event]]) -> None:
    path, expected = ada
    edit(path, "UPDATE names SET name = 'other' WHERE name = 'job 1'")
    done = salvage.repair(path, path.with_name("bea"))
    check_repaired(done, expected, [e.n for e in expected if e.job == "job 1"])


def test_one_flipped_bit_of_a_segment_costs_nothing(ada: tuple[Path, list[Event]]) -> None:
    path, expected = ada
    db = apsw.Connection(str(path / EXPERIENCE))
    query = "SELECT content FROM columns WHERE first = 17 AND name = 'observation'"
    content = bytearray(db.execute(query).fetchall()[0][0])
    content[len(content) // 3] ^= 4
    db.execute("UPDATE columns SET content = ? WHERE first = 17 AND name = 'observation'",
               (bytes(content),))  # fmt: skip
    db.close()
    with Folder.open(path) as folder:
        assert folder.log.verify().bad_segments
    check_repaired(salvage.repair(path, path.with_name("bea")), expected, [])


def test_mended_finds_the_bit_or_says_no() -> None:
    rng = random.Random(0)
    for size in (1, 2, 50, 3000):
        content = rng.randbytes(size)
        flipped = bytearray(content)
        flipped[rng.randrange(size)] ^= 1 << rng.randrange(8)
        difference = zlib.crc32(content) ^ zlib.crc32(flipped)
        assert soundness.mended(bytes(flipped), difference) == content
        assert soundness.mended(content, 0xDEADBEEF) is None


@pytest.mark.parametrize("seed", range(3))
def test_whatever_rots_sound_events_come_back(ada: tuple[Path, list[Event]], seed: int) -> None:
    """Random bytes overwritten: it is repaired, or said to be beyond that; never wrong."""
    path, expected = ada
    content = (path / EXPERIENCE).read_bytes()
    rng, repaired, kept = random.Random(seed), 0, 0
    for number in range(12):
        rotten = bytearray(content)
        start = rng.randrange(4096, len(content) - 64)
        rotten[start : start + 64] = rng.randbytes(64)
        (path / EXPERIENCE).write_bytes(rotten)
        try:
            done = salvage.repair(path, path.with_name(f"bea{number}"))
        except QuickstudyError:
            assert not path.with_name(f"bea{number}").exists()
            continue
        with Log.open(done.path / EXPERIENCE) as log:
            assert log.verify().is_sound
            by_n = {event.n: event for event in log.read()}
        sound = [e for e in expected if e.n in by_n and LOST not in (by_n[e.n].note or {})]
        assert all(same(by_n[e.n], e) for e in sound)
        repaired, kept = repaired + 1, kept + len(sound)
    assert repaired > 6 and kept > 0.5 * repaired * len(expected)


def test_what_cannot_be_repaired(ada: tuple[Path, list[Event]], tmp_path: Path) -> None:
    path, _ = ada
    with pytest.raises(DamagedLearner, match="not empty"):
        salvage.repair(path, tmp_path)
    with pytest.raises(DamagedLearner, match="No learner lives"):
        salvage.repair(tmp_path / "nobody", tmp_path / "bea")
    (path / EXPERIENCE).write_bytes(b"no database" * 100)
    with pytest.raises(DamagedLearner, match="not a database"):
        salvage.repair(path, tmp_path / "bea")
    assert not (tmp_path / "bea").exists()


# ---- export


def test_json_lines(ada: tuple[Path, list[Event]], tmp_path: Path) -> None:
    path, expected = ada
    with Folder.open(path, readonly=True) as folder:
        assert export.export(folder.log, tmp_path / "ada.jsonl") == 60
        lines = [json.loads(line) for line in (tmp_path / "ada.jsonl").read_text().splitlines()]
        for line, event in zip(lines, expected, strict=True):
            assert line["kind"] == event.kind.name.lower() and line["note"] == event.note
            assert line["observation"] == event.observation.tolist()  # type: ignore[union-attr]
            assert (line["n"], line["job"], line["key"]) == (event.n, event.job, event.key)
        with pytest.raises(QuickstudyError, match="exists already"):
            export.export(folder.log, tmp_path / "ada.jsonl")
        with pytest.raises(QuickstudyError, match="ends in"):
            export.export(folder.log, tmp_path / "ada.csv")


def test_parquet(ada: tuple[Path, list[Event]], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path, expected = ada
    with Folder.open(path, readonly=True) as folder:
        assert export.export(folder.log, tmp_path / "ada.parquet") == 60
    lines = parquet.read_table(tmp_path / "ada.parquet").to_pylist()
    for line, event in zip(lines, expected, strict=True):
        line["note"] = None if line["note"] is None else json.loads(line["note"])
        told = export.record(event)
        assert line.keys() == told.keys()
        for name, value in told.items():
            assert line[name] == value or np.allclose(line[name], value), name


def test_parquet_without_pyarrow(
    ada: tuple[Path, list[Event]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with (
        Folder.open(ada[0], readonly=True) as folder,
        pytest.raises(QuickstudyError, match=r"quickstudy\[export\]"),
    ):
        export.export(folder.log, tmp_path / "ada.parquet")
    assert not list(tmp_path.glob("*.parquet"))
