"""What of a log is sound, and what is not: looked at position by position, changing nothing.

`stretches` walks over a log whatever its state: it gives sound events as blocks, and says of
the others where they are and what is wrong. `verify` counts them; `salvage` keeps the sound.

Left out: pages that SQLite cannot reach any more, though they hold rows that were (its own
`.recover` reads such); telling rot from an edit.
"""

from __future__ import annotations

import contextlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from quickstudy.errors import DamagedLearner, QuickstudyError
from quickstudy.experience import table
from quickstudy.experience.columns import NAMES, Block
from quickstudy.experience.event import Kind, Row

AT_ONCE = 256
NAMED = 100  # positions that are told one by one
MISSING, DAMAGED = "missing", "damaged"

Progress = Callable[[int, int], None]  # (positions looked at, positions)


@dataclass(frozen=True)
class Stretch:
    """Consecutive positions of one kind.

    block: the events, where they are sound. why: MISSING, DAMAGED, or what of a segment is;
      empty where nothing is. is_segment: whether they lie in one.
    """

    first: int
    last: int
    block: Block | None
    why: str = ""
    is_segment: bool = False

    @property
    def number(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Verdict:
    """What `verify` found.

    rows: how many events were read. counts: of the sound ones by kind.
    bad: positions whose checksum does not fit. missing: positions that are not there.
      Both name the first hundred. compacted: how many of the events lie in segments.
    bad_segments: (first, last position, what is wrong) of segments that cannot be read.
    trouble: what is wrong beside events, or None.
    """

    rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    bad: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    compacted: int = 0
    bad_segments: tuple[tuple[int, int, str], ...] = ()
    trouble: str | None = None

    @property
    def is_sound(self) -> bool:
        return not (self.bad or self.missing or self.bad_segments or self.trouble)


def verify(path: Path, progress: Progress | None = None) -> Verdict:
    """Reads everything, and says what is damaged; changes nothing and raises nothing."""
    counts: Counter[str] = Counter()
    bad: list[int] = []
    missing: list[int] = []
    bad_segments: list[tuple[int, int, str]] = []
    rows = compacted = 0
    trouble = None
    try:
        with table.closing(table.connect(path, readonly=True)) as db, table.told(path):
            db.execute("BEGIN")  # one state, though others may be writing
            trouble = _ask_sqlite(db)
            last, keys = table.last(db), _Sum()
            for stretch in stretches(db, last):
                rows += stretch.number if stretch.why != MISSING else 0
                compacted += stretch.number if stretch.is_segment else 0
                if stretch.block is not None:
                    counts.update(_by_kind(stretch.block))
                    if stretch.is_segment:
                        keys.add(stretch.block.keys())
                if stretch.is_segment and stretch.why:
                    bad_segments.append((stretch.first, stretch.last, stretch.why))
                elif stretch.why:
                    named = missing if stretch.why == MISSING else bad
                    named.extend(range(stretch.first, stretch.last + 1)[: NAMED - len(named)])
                if progress:
                    progress(stretch.last, last)
            table.names(db)
            (twice,) = table.ask(
                db, "SELECT count(*) FROM events WHERE n <= ?", (table.last_in_segments(db),)
            )[0]
            if twice:
                trouble = trouble or f"{twice} events lie in rows and in segments"
            if not bad_segments and keys != _keys_in_table(db):
                trouble = trouble or "the table of idempotency keys is not that of the segments"
    except (QuickstudyError, TypeError) as error:
        trouble = trouble or str(error)
    return Verdict(
        rows, dict(counts), tuple(bad), tuple(missing), compacted, tuple(bad_segments), trouble
    )


def stretches(db: apsw.Connection, last: int, mend: bool = False) -> Iterator[Stretch]:
    """Every position up to `last`, in order, in as few stretches as it is convenient.

    mend: whether to put right columns in which one bit is flipped.
    """
    n = 1
    while n <= last:
        stretch = _segment(db, n, mend) or _rows(db, n, last)
        yield stretch
        n = stretch.last + 1


# ---- segments


def _segment(db: apsw.Connection, n: int, mend: bool) -> Stretch | None:
    """The segment that begins at n, sound or not; None where none does."""
    if not table.has_segments(db):
        return None
    known = None
    with contextlib.suppress(apsw.Error, DamagedLearner, TypeError):
        known = table.find_segment(db, n)
    block, why = _read_segment(db, n, mend)
    if known is not None and known[0] == n:
        if block is not None and block.last == known[1]:
            return Stretch(n, known[1], block, is_segment=True)
        return Stretch(n, known[1], None, why or DAMAGED, is_segment=True)
    if block is None:
        return None
    return Stretch(n, block.last, block, "its ends are not known", is_segment=True)


def _read_segment(db: apsw.Connection, first: int, mend: bool) -> tuple[Block | None, str]:
    packed = {}
    for name in NAMES:
        content = _column(db, first, name, mend)
        if content is None:
            return None, f"column {name}"
        packed[name] = content
    block = Block(first, len(Block(first, 0, packed).numbers("kind").values), packed)
    return block, ""


def _column(db: apsw.Connection, first: int, name: str, mend: bool) -> bytes | None:
    query = "SELECT content, crc FROM columns WHERE first = ? AND name = ?"
    with contextlib.suppress(apsw.Error, TypeError):
        for content, crc in table.ask(db, query, (first, name)):
            difference = crc ^ table.column_checksum(first, name, content)
            if difference == 0:
                return bytes(content)
            return mended(content, difference) if mend else None
    return None


def mended(content: bytes, difference: int) -> bytes | None:
    """What a CRC-32 was made of before one bit flipped; None if it was not just one bit.

    The difference of two checksums hangs on where bits differ alone: of a bit in the last byte
    it stands in the table of CRC-32, and each byte that follows shifts it on.

    Args:
      difference: of the checksum that is from the one that was, by exclusive or.
    """
    shifts = np.array(
        [zlib.crc32(bytes([i])) ^ zlib.crc32(b"\0") for i in range(256)], np.uint32
    )
    now = shifts[1 << np.arange(8)]
    for at in range(len(content) - 1, -1, -1):
        (hit,) = np.nonzero(now == difference)
        if len(hit):
            right = bytearray(content)
            right[at] ^= 1 << int(hit[0])
            return bytes(right)
        now = (now >> np.uint32(8)) ^ shifts[now & np.uint32(255)]
    return None


# ---- rows


def _rows(db: apsw.Connection, n: int, last: int) -> Stretch:
    """Sound rows from n on, or the stretch up to the next that is there."""
    stored = _stored(db, n, last)
    sound: list[Row] = []
    for row in stored:
        if row[0] != n + len(sound) or row[0] > last or not table.is_sound(row):
            break
        sound.append(Row._make(row[:-1]))
    if sound:
        return Stretch(n, sound[-1].n, Block.of(sound))
    if stored and stored[0][0] == n:
        return Stretch(n, n, None, DAMAGED)
    upto = min(stored[0][0] - 1 if stored else last, _before_next_segment(db, n, last), last)
    return Stretch(n, max(n, upto), None, MISSING)


def _stored(db: apsw.Connection, n: int, last: int) -> list[Any]:
    """What rows there are from n on, a few hundred at most; one by one where pages rotted."""
    query = f"{table.SELECT} WHERE n >= ? ORDER BY n LIMIT {AT_ONCE}"
    with contextlib.suppress(apsw.Error, UnicodeDecodeError):
        return table.ask(db, query, (n,))
    found = []
    for position in range(n, min(n + AT_ONCE, last + 1)):
        with contextlib.suppress(apsw.Error, UnicodeDecodeError):
            found += table.ask(db, f"{table.SELECT} WHERE n = ?", (position,))
    if not found:  # a page or more: what comes behind it is looked at next
        return [(min(n + AT_ONCE, last + 1),)]
    return found


def _before_next_segment(db: apsw.Connection, n: int, last: int) -> int:
    if table.has_segments(db):
        with contextlib.suppress(apsw.Error):
            query = "SELECT min(first) FROM columns WHERE first > ?"
            found = table.ask(db, query, (n,))[0][0]
            return last if found is None else int(found) - 1
    return last


# ---- checks beside events


def _by_kind(block: Block) -> dict[str, int]:
    kinds, numbers = np.unique(block.numbers("kind").values, return_counts=True)
    return {
        Kind(kind).name: number
        for kind, number in zip(kinds.tolist(), numbers.tolist(), strict=True)
    }


@dataclass
class _Sum:
    """A checksum over keys that does not depend on their order."""

    count: int = 0
    total: int = 0

    def add(self, keys: list[tuple[int, str, int]]) -> None:
        self.count += len(keys)
        self.total += sum(zlib.crc32(f"{job}/{n}/{key}".encode()) for job, key, n in keys)


def _keys_in_table(db: apsw.Connection) -> _Sum:
    found = _Sum()
    if table.has_segments(db):
        for entry in db.execute("SELECT job, key, n FROM keys"):
            found.add([entry])
    return found


def _ask_sqlite(db: apsw.Connection) -> str | None:
    said = table.ask(db, "PRAGMA integrity_check(3)")
    return None if said == [("ok",)] else "; ".join(str(line[0]) for line in said)
