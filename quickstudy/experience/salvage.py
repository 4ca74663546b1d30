"""Repair: what is sound of a damaged log, in a new one. The damaged one is left as it is.

Positions stay: a decision's id, a key that names it and every (origin, origin_n) mean what
they meant. Where an event was lost stands a note, `{"lost": {"first": …, "last": …}}`, of the
repair's own origin, so that the lost event itself may come back one day, from a copy. Whoever
reads experience in order knows from the note that something is missing: episodes under way
are cut there (`life.lost`), since what followed their latest decisions is not known.

The mind's cache is left behind: it studied what is lost as well. It is studied anew when the
learner is opened.

A flipped bit in a segment is put right: a checksum of 32 bits tells which one it was.

Left out: rows on pages that SQLite cannot reach; a job whose declaration was lost keeps its
events, and nothing is made of those from before it is declared again.
"""

from __future__ import annotations

import contextlib
import time as clock
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import apsw
import numpy as np

from quickstudy.errors import DamagedLearner, QuickstudyError
from quickstudy.experience import event as rows
from quickstudy.experience import soundness, table
from quickstudy.experience.columns import Block
from quickstudy.experience.event import LOST, Kind, Row
from quickstudy.experience.folder import EXPERIENCE, Folder, made
from quickstudy.experience.log import SEGMENT_ROWS
from quickstudy.experience.soundness import Progress, Stretch


@dataclass(frozen=True)
class Gap:
    """Positions `first` to `last` that were lost, and why."""

    first: int
    last: int
    why: str

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Salvage:
    """What a repair did. kept: events. gaps: where others were lost. path: the new folder."""

    path: Path
    kept: int
    gaps: tuple[Gap, ...]

    @property
    def lost(self) -> int:
        return sum(gap.count for gap in self.gaps)


def repair(path: Path, into: Path, progress: Progress | None = None) -> Salvage:
    """Salvages a learner's log into a new folder.

    Args:
      path: the learner's folder; not changed. into: must not exist, or be an empty folder.

    Raises:
      DamagedLearner: nothing of it can be read. QuickstudyError: a learner lives in `into`.
      DiskTrouble: it cannot be read, or the new one be written; nothing is left of that.
    """
    about = Folder.about_of(path)
    with table.closing(_connect(path / EXPERIENCE)) as db, table.told(path / EXPERIENCE):
        db.execute("BEGIN")
        filler = _Filler(db, about.uid)
        about = replace(about, name=into.name)

        with made(into, about) as beside:
            file = beside / EXPERIENCE
            table.create(file, {"uid": about.uid, "created": repr(about.created), "last": "0"})
            with table.closing(table.connect(file, readonly=False)) as new:
                filler.fill(new, progress)
    return Salvage(into, filler.kept, tuple(filler.gaps))


def _connect(file: Path) -> apsw.Connection:
    """The damaged log; what it says of its tables is not asked for."""
    if not file.is_file() or file.stat().st_size == 0:
        raise DamagedLearner(f"{file} is missing or empty; nothing of it can be repaired.")
    with table.told(file):
        db = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            db.set_busy_timeout(table.BUSY_MILLISECONDS)
            table.ask(db, "SELECT count(*) FROM sqlite_schema")
        except BaseException:
            table.let_go(db)
            raise
    return db


class _Filler:
    """Copies what is sound of one database into another, and counts."""

    def __init__(self, db: apsw.Connection, uid: str):
        self._db = db
        self.kept = 0
        self.gaps: list[Gap] = []
        self._loose: list[Row] = []  # not written yet
        self._names = _sound_names(db)
        self._all_names = dict(self._names)
        highest = max(self._names, default=0)
        for number in range(1, highest + 1):  # numbers stay, so a lost name leaves a stand-in
            self._all_names.setdefault(number, f"lost name {number}")
        self._origin = self._number(uuid.uuid4().hex)
        self._nobody = self._number("")
        self._last = _last(db)

    def fill(self, new: apsw.Connection, progress: Progress | None) -> None:
        """Raises DiskTrouble where the new one cannot be written."""
        new.execute("BEGIN IMMEDIATE")
        names = [(name, number) for number, name in sorted(self._all_names.items())]
        table.insert_names(new, names)
        for stretch in self._stretches():
            if stretch.is_segment and stretch.block is not None:
                self._pack_loose(new)  # rows stand behind all segments
                block = stretch.block
                table.insert_segment(new, block.first, block.last, block.packed, block.keys())
            else:
                self._loose += self._rows(stretch)
            self.kept += stretch.number if stretch.block is not None else 0
            if len(self._loose) >= SEGMENT_ROWS:
                self._pack_loose(new)
            if progress:
                progress(stretch.last, self._last)
        table.insert(new, [rows.compressed(row) for row in self._loose])
        table.note_last(new, self._last)
        new.execute("COMMIT")

    def _pack_loose(self, new: apsw.Connection) -> None:
        if self._loose:
            block = Block.of(self._loose)
            table.insert_segment(new, block.first, block.last, block.pack(), block.keys())
            self._loose = []

    def _rows(self, stretch: Stretch) -> list[Row]:
        """Its rows, or a note at every position of a gap."""
        if stretch.block is not None:
            return list(stretch.block.rows(np.arange(stretch.number)))
        gap = Gap(stretch.first, stretch.last, stretch.why)
        told = rows.pack_note({LOST: {"first": gap.first, "last": gap.last, "why": gap.why}})
        now, before = clock.time(), self._lost()
        if self.gaps and (self.gaps[-1].last, self.gaps[-1].why) == (gap.first - 1, gap.why):
            self.gaps[-1] = Gap(self.gaps[-1].first, gap.last, gap.why)
        else:
            self.gaps.append(gap)
        return [
            Row(
                n, now, int(Kind.NOTE), self._nobody, self._nobody, self._origin, number, 0, 0,
                None, None, None, None, None, None, 0, 0, None, None, None, None, told,
            )
            for number, n in enumerate(range(gap.first, gap.last + 1), before + 1)
        ]  # fmt: skip

    def _lost(self) -> int:
        return sum(gap.count for gap in self.gaps)

    def _stretches(self) -> Iterator[Stretch]:
        """Those of the log, once bits are put right, and events cut out that use lost names."""
        for stretch in soundness.stretches(self._db, self._last, mend=True):
            if stretch.block is None:
                yield stretch
            else:
                yield from self._with_sound_names(stretch)

    def _with_sound_names(self, stretch: Stretch) -> Iterator[Stretch]:
        block = stretch.block
        assert block is not None
        is_sound = np.ones(block.count, bool)
        for column in ("job", "stream", "origin", "leader"):
            numbers = block.numbers(column)
            is_sound &= np.isin(numbers.values, list(self._names)) | ~numbers.known
        if is_sound.all():
            yield stretch
            return
        edges = np.flatnonzero(np.diff(is_sound)) + 1
        for part in np.split(np.arange(block.count), edges):
            first, last = block.first + int(part[0]), block.first + int(part[-1])
            if is_sound[part[0]]:
                yield Stretch(first, last, Block.of(list(block.rows(part))))
            else:
                yield Stretch(first, last, None, "a name in it is damaged")

    def _number(self, name: str) -> int:
        for number, known in self._all_names.items():
            if known == name:
                return number
        number = len(self._all_names) + 1
        self._all_names[number] = name
        return number


def _sound_names(db: apsw.Connection) -> dict[int, str]:
    """Names that fit their checksums, by number."""
    found = {}
    with contextlib.suppress(apsw.Error, UnicodeDecodeError):
        for number, name, crc in db.execute("SELECT id, name, crc FROM names"):
            if crc == table.text_checksum(number, name):
                found[int(number)] = str(name)
    return found


def _last(db: apsw.Connection) -> int:
    """The last position that the log ever had, as far as anything tells."""
    known = [0]
    with contextlib.suppress(apsw.Error, TypeError, ValueError):
        for value, crc in db.execute("SELECT value, crc FROM about WHERE key = 'last'"):
            if crc == table.text_checksum("last", value):
                return int(value)
    for query in ("SELECT max(n) FROM events", "SELECT max(last) FROM segments"):
        with contextlib.suppress(apsw.Error, TypeError):
            known += [n for (n,) in table.ask(db, query) if isinstance(n, int)]
    return max(known)


def is_sound(path: Path) -> bool:
    """Whether there is nothing to repair in a learner's folder."""
    with contextlib.suppress(QuickstudyError):
        Folder.open(path, readonly=True).close()
        return soundness.verify(path / EXPERIENCE).is_sound
    return False
