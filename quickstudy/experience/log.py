"""The experience log: an append-only, crash-safe record of everything that happens.

    log.append(Kind.DECISION, "dispatch", observation=x, action=u, worth=3.2)   # ~ 5 µs
    log.sync()                        # everything appended so far is on disk now
    for event in log.read(after=1000): ...

An append takes its position at once and waits in memory; rows reach the disk together, as one
transaction with one fsync: when 512 wait, when 0.1 s has passed, or at `sync`. `saved` is the
last position on disk: what is at or below it is *acknowledged* and survives a crash of the
process or a loss of power.

Rows become *segments* once many of them lie there: one compressed blob a column, in the same
file, each put in the place of its rows by one transaction (`compact`). The saver's thread
does it when 16,384 rows wait for it, one segment at a time and without holding up who appends
or syncs but for the transaction itself; `close` does it for a second at most. Whoever reads
cannot tell rows from segments, except by the time it takes.

Whose idea: event sourcing; group commit and the write-ahead log as databases have them
(Gray & Reuter 1993, §9); compaction of what is old as log-structured stores have it. SQLite
does the work on disk, through apsw, since the SQLite that comes with Python is on many
machines one that can corrupt a write-ahead log as it resets it.

Left out:
- repair of a damaged file: see `salvage` (here it is found and named, nothing is changed);
- a row of its own for one damaged byte of a segment: all its events are lost with it;
- rows lost with the write-ahead log: if someone deletes `experience.db-wal`, or its bytes rot
  before SQLite has moved them into the database, the log is shorter and cannot know it;
- rot in the index of keys is found by `verify` only: until then a key may count twice;
- several writers: the learner's folder is locked by one process (see `folder`);
- forking: a child process must not use a log that its parent opened.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import os
import threading
import time as clock
import uuid
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

import apsw
import numpy as np

from quickstudy.closing import Closing
from quickstudy.errors import DamagedLearner, LearnerInUse, QuickstudyError
from quickstudy.experience import event as rows
from quickstudy.experience import soundness, table
from quickstudy.experience.columns import NAMES, READ, Block, Columns, joined
from quickstudy.experience.event import Event, Kind, Row
from quickstudy.experience.soundness import Verdict
from quickstudy.types import Array, End

GROUP_ROWS = 512
GROUP_SECONDS = 0.1
RETRY_SECONDS = 1.0
MOST_WAITING_ROWS = 16 * GROUP_ROWS  # beyond, append waits for the disk itself
READ_ROWS = 256
SEGMENT_ROWS = 4096
SEGMENT_BYTES = 2**20  # of arrays, texts as they lie in rows: a segment of wide rows is shorter
COMPACT_ABOVE = 4 * SEGMENT_ROWS  # rows on disk; below, compaction waits for `close`
COMPACT_AT_CLOSE_SECONDS = 1.0
COMPACT_RETRY_SECONDS = 60.0
LARGEST = 2**62

_LIVED = [kind.value for kind in (Kind.EPISODE, Kind.DECISION, Kind.OUTCOME)]
NO_JOB = -1
_KINDS = {kind.value: kind for kind in Kind}
_ENDS = {end.value: end for end in End}


class Log(Closing):
    """A learner's experience on disk. Make one with `create` or `open`.

    One process writes; its threads may share the log. Iterating over a log while others
    append is fine. Not to be used in a forked child.

    Attributes:
      path: the database file. uid: the learner's, the origin of the rows appended here.
      created: [unix s]. readonly: whether `append` is barred.
    """

    def __init__(self, path: Path, writer: apsw.Connection | None, reader: apsw.Connection):
        """For `create` and `open`; readonly where there is no writer."""
        self.path = path
        self.readonly = writer is None
        self._writer = writer
        self._reader = reader
        self._process = os.getpid()
        self._compacting = threading.RLock()  # taken before _disk
        self._disk = threading.RLock()  # held while writing; taken before _lock
        self._reading = threading.RLock()
        self._lock = threading.RLock()  # guards what is in memory, held for microseconds
        self._wake = threading.Condition(self._lock)
        self._names: dict[str, int] = {}
        self._names_back: dict[int, str] = {}
        self._waiting: list[Row] = []
        self._keys: dict[tuple[int, str], Row] = {}  # of rows that wait
        self._absent: tuple[int, str] | None = None  # the latest key looked for in vain
        self._has_segments = not self.readonly
        self._trouble: Exception | None = None
        self._is_together = False  # whether all that waits has to be one transaction
        self._compact_after = 0.0  # on the monotonic clock
        self._block: Block | None = None  # the segment that was looked into last
        self._is_closed = False  # takes no more
        self._is_let_go = False
        with table.told(path), table.one_look(reader):
            about = self._load_about()
            self._saved = table.last(reader)
            self._compacted = table.last_in_segments(reader)
        self.uid, self.created = about["uid"], float(about["created"])
        self._load_names()
        if self._saved != int(about["last"]):
            raise DamagedLearner(
                f"{path}: its last row should be {about['last']} but is {self._saved}, so rows "
                f"were lost. {table.RESTORE}"
            )
        if not self.readonly:
            self._origin = self._name_id(self.uid)
            atexit.register(self.close)
            self._saver = threading.Thread(
                target=self._keep_saving, name="quickstudy-log", daemon=True
            )
            self._saver.start()

    # ---- opening and closing

    @classmethod
    def create(cls, path: str | Path, uid: str | None = None) -> Log:
        """Makes an empty log at `path`, which must not exist, for the learner `uid`.

        Raises:
          DiskTrouble: it cannot be written there.
          QuickstudyError: something is there already.
        """
        about = {"uid": uid or uuid.uuid4().hex, "created": repr(clock.time()), "last": "0"}
        table.create(Path(path), about)
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path, readonly: bool = False) -> Log:
        """Opens the log at `path`. With `readonly`, also beside a process that writes.

        Raises:
          DamagedLearner: missing, empty, not an experience log, of a newer format, damaged.
          DiskTrouble: it cannot be read (or written, unless `readonly`).
        """
        path = Path(path)
        writer = None if readonly else table.connect(path, readonly=False)
        reader = None
        try:
            reader = table.connect(path, readonly=True)
            return cls(path, writer, reader)
        except BaseException:
            for db in filter(None, (reader, writer)):
                table.let_go(db)
            raise

    def close(self) -> None:
        """Saves what waits and lets go of the file; once closed, again does nothing.

        Raises:
          DiskTrouble: rows that waited could not be saved; they are lost with the process.
        """
        if self._is_let_go or os.getpid() != self._process:
            return
        with self._wake:
            self._is_closed = True
            self._wake.notify_all()
        if not self.readonly:
            self._saver.join()
        try:
            if not self.readonly:
                self._save()
                with contextlib.suppress(QuickstudyError):  # it is on disk either way
                    self._compact(COMPACT_AT_CLOSE_SECONDS)
        except KeyboardInterrupt:
            raise  # still open: close comes again, at exit if not before
        except BaseException:
            self._let_go()
            raise
        self._let_go()

    def _let_go(self) -> None:
        with self._disk, self._reading:
            table.let_go(self._reader)
            if self._writer:
                table.let_go(self._writer)
        self._is_let_go = True
        atexit.unregister(self.close)

    # ---- appending

    def append(
        self,
        kind: Kind,
        job: str = "",
        *,
        stream: str = "",
        episode: int = 0,
        step: int = 0,
        decision: int | None = None,
        key: str | None = None,
        observation: Any = None,
        mask: Any = None,
        action: Any = None,
        reward: float | None = None,
        end: int = End.NOT,
        explored: bool = False,
        leader: str | None = None,
        worth: float | None = None,
        spread: float | None = None,
        support: float | None = None,
        note: dict[str, Any] | None = None,
        time: float | None = None,
        origin: tuple[str, int] | None = None,
    ) -> int:
        """Appends an event (fields: see `Event`) and returns its position at once.

        It is on disk within about 0.2 s, or when `sync` returns. Arrays are copied. If the
        job has an event with this `key` already, nothing is appended and that event's
        position is returned.

        Args:
          time: [unix s], by default now.
          origin: uid and n there, of an event that happened to another learner first.

        Raises:
          DiskTrouble: an earlier row could not be saved; this one was not taken, those that
            wait are kept and tried again every second and at `sync`.
          ValueError: a NaN where a number belongs, an array that is not flat, a note that
            JSON cannot hold, a number beyond ±2^62, the log is closed or readonly.
        """
        _check_whole(episode, step, decision or 0, origin[1] if origin else 0)
        when = clock.time() if time is None else _real(time, "time")
        packed = rows.pack_numbers(observation, "observation")
        flags = rows.pack_mask(mask)
        flat = rows.pack_numbers(action, "action")
        told = rows.pack_note(note)
        reals = [
            None if value is None else _real(value, what)
            for value, what in (
                (reward, "reward"), (worth, "worth"), (spread, "spread"), (support, "support"),
            )
        ]  # fmt: skip
        if key is not None:
            key.encode()  # refused here, not by the saver: a lone surrogate has no UTF-8
        kind_number, end_number = _KINDS[kind].value, _ENDS[end].value
        with self._lock:
            self._check_ready()
            job_id = self._name_id(job)
            if key is not None and (known := self._position(job_id, key)) is not None:
                return known
            # The order of the next lines matters: Ctrl-C may come between any two, so the
            # position follows from what is stored, and nothing is counted beside it.
            n = self._next()
            first = (self._origin, n)
            if origin is not None:
                first = self._name_id(origin[0]), int(origin[1])
            row = Row(
                n, when, kind_number, job_id, self._name_id(stream), *first,
                int(episode), int(step), None if decision is None else int(decision), key,
                packed, flags, flat, reals[0], end_number, 1 if explored else 0,
                None if leader is None else self._name_id(leader),
                reals[1], reals[2], reals[3], told,
            )  # fmt: skip
            if key is not None:
                self._absent = None
                self._keys[job_id, key] = row
            self._waiting.append(row)
            waiting = len(self._waiting)
            if waiting == 1 or waiting == GROUP_ROWS:
                self._wake.notify()
        if waiting >= MOST_WAITING_ROWS and not self._is_together:
            self._save()
        return n

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is appended inside reaches the disk as one transaction, or was never appended.

        All of it waits in memory; other threads wait with what they have to save.

        Raises:
          DiskTrouble: it could not be written, and was forgotten.
        """
        with self._disk:
            self._save()
            first = self.last + 1
            self._is_together = True
            try:
                yield
                self._save()
            except BaseException:
                self._forget(first)
                raise
            finally:
                self._is_together = False

    def _forget(self, first: int) -> None:
        """Drops what waits from a position on."""
        with self._lock:
            kept = [row for row in self._waiting if row.n < first]
            for row in self._waiting[len(kept) :]:
                if row.key is not None:
                    self._keys.pop((row.job, row.key), None)
            self._waiting[:] = kept
            self._trouble = None

    def sync(self) -> int:
        """Blocks until everything appended so far is on disk; returns the last position.

        Raises:
          DiskTrouble: it cannot be written now. Nothing is lost; call again once it can.
        """
        if not self.readonly:
            self._save()
        return self.saved

    @property
    def saved(self) -> int:
        """The last position on disk; 0 where there is none."""
        if self.readonly:
            with self._reading, table.told(self.path):
                return table.last(self._reader)
        return self._saved

    @property
    def last(self) -> int:
        """The last position appended, on disk or not."""
        if self.readonly:
            return self.saved
        with self._lock:
            return self._next() - 1

    def __len__(self) -> int:
        return self.last

    def has(self, job: str, key: str) -> bool:
        """Whether the job has an event with this idempotency key, on disk or not."""
        return self.find(job, key) is not None

    def find(self, job: str, key: str) -> int | None:
        """Position of the job's event with this idempotency key, or None."""
        with self._lock:
            job_id = self._known_id(job)
            return None if job_id is None else self._position(job_id, key)

    # ---- reading

    def read(
        self,
        after: int = 0,
        job: str | None = None,
        kinds: Collection[Kind] | None = None,
    ) -> Iterator[Event]:
        """Yields events in order, checking each row's checksum and that none is missing.

        What was appended before the end is reached is included. Rows of other jobs and
        kinds are checked too: a damaged row cannot hide by claiming to be of another job.

        Args:
          after: begin behind this position. job, kinds: only these; None for all.

        Raises:
          DamagedLearner: a row is damaged or missing.
          DiskTrouble: what waits cannot be saved, or the file cannot be read.
        """
        self.sync()
        numbers = None if kinds is None else {int(kind) for kind in kinds}
        while True:
            saved = self.saved  # before looking: others may append meanwhile
            found = self._next_after(after)
            job_id = None if job is None else self._known_id(job)
            if isinstance(found, Block):
                for row in found.rows(_chosen(found, after, job is None, job_id, numbers)):
                    yield self._event(row)
                after = found.last
                continue
            for stored in found:
                row = self._checked(stored, after + 1)
                after = row.n
                if (job is None or row.job == job_id) and (
                    numbers is None or row.kind in numbers
                ):
                    yield self._event(row)
            if not found:
                break
        if after < saved:
            self._raise_missing(after + 1)

    def at(self, n: int) -> Event | None:
        """The event at position n, on disk or still waiting; None where there never was one.

        Raises:
          DamagedLearner: the row is damaged or missing.
        """
        row = self._row(n)
        if row is None and (block := self._segment(n)) is not None:
            row = next(block.rows(np.array([n - block.first])))
        if row is None:
            self._check_never_was(n)
            return None
        return self._event(row)

    def reward_at(self, n: int) -> float | None:
        """Of the event at position n; None where it has none, or there never was one.

        As `at`, but of old events only this is unpacked: of thousands that lie anywhere, each
        takes a fifth of a millisecond and not five. Raises as `at`.
        """
        row = self._row(n)
        if row is not None:
            return row.reward
        block = self._segment(n, ("reward",))
        if block is None:
            self._check_never_was(n)
            return None
        found, at = block.numbers("reward"), n - block.first
        return float(found.values[at]) if found.known[at] else None

    def columns(
        self,
        job: str | None = None,
        after: int = 0,
        upto: int | None = None,
    ) -> dict[str, Columns]:
        """Episodes, decisions and outcomes as arrays, by job: a million take a second or two.

        Of segments only the columns that are asked for are read and checked, rows wholly.

        Args:
          job: only this one; None for all. after, upto: positions; the first is not among
            them, the last is. None for all that is on disk.

        Raises:
          DamagedLearner: a row or a column is damaged or missing, or arrays of one job are not
          of one length. DiskTrouble: what waits cannot be saved, or the file be read.
        """
        end = self.sync() if upto is None else min(upto, self.sync())
        only = None if job is None else self._known_id(job)
        parts: dict[int, list[Columns]] = {}
        while after < end:
            block = self._block_after(after, READ)
            least, most = after + 1 - block.first, min(end + 1 - block.first, block.count)
            kinds = block.numbers("kind").values[least:most]
            jobs = block.numbers("job").values[least:most]
            jobs = np.where(np.isin(kinds, _LIVED), jobs, NO_JOB)
            for number in sorted(set(jobs.tolist()) - {NO_JOB}):
                if job is None or number == only:
                    at = least + np.flatnonzero(jobs == number)
                    with self._fitting():
                        parts.setdefault(number, []).append(block.columns(at, self.name_of))
            after = block.last
        with self._fitting():
            return {self.name_of(number): joined(found) for number, found in parts.items()}

    def blocks(self) -> Iterator[Block]:
        """Everything that is on disk, in order, by the column; checked.

        Raises:
          DamagedLearner: a row or a column is damaged or missing.
        """
        after, end = 0, self.sync()
        while after < end:
            block = self._block_after(after, NAMES)
            yield block
            after = block.last

    # ---- compacting

    @property
    def compacted(self) -> int:
        """The last position that lies in a segment; 0 where none does."""
        if self.readonly:
            with self._reading, table.told(self.path):
                return table.last_in_segments(self._reader)
        return self._compacted

    def compact(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Moves old rows into segments, all that fill one; gives how many events it moved.

        Each segment is one transaction: whatever happens, an event lies in a row or in a
        segment, and in one only.

        Args:
          progress: told (events moved, events that were in rows) after each segment.

        Raises:
          DamagedLearner: a row is damaged; those before it are in segments.
          DiskTrouble: the disk is full; what was not moved is where it was.
          ValueError: the log is closed or readonly.
        """
        self._check_ready()
        self.sync()
        return self._compact(math.inf, progress)

    def shrink(self) -> None:
        """Gives the disk back the room that moved rows left; needs as much for a moment.

        Raises:
          DiskTrouble: there is not enough room; nothing was changed.
        """
        self._check_ready()
        assert self._writer is not None
        with self._disk, table.told(self.path):
            self._writer.execute("VACUUM")
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def verify(self) -> Verdict:
        """Reads everything, and says what is damaged; changes nothing and raises nothing."""
        with contextlib.suppress(QuickstudyError):  # what waits is not on disk to verify
            self.sync()
        return soundness.verify(self.path)

    # ---- below the surface: memory

    def _row(self, n: int) -> Row | None:
        """The row at position n, where it is not in a segment yet."""
        with self._lock:
            if self._waiting and self._waiting[0].n <= n <= self._waiting[-1].n:
                return self._waiting[n - self._waiting[0].n]
        with self._reading, table.told(self.path):
            stored = table.ask(self._reader, table.SELECT + " WHERE n = ?", (n,))
        return self._checked(stored[0], n) if stored else None

    def _check_ready(self) -> None:
        if self._is_closed or self.readonly:
            state = "closed" if self._is_closed else "open for reading only"
            raise ValueError(f"The log {self.path} is {state}; it takes no more events.")
        if os.getpid() != self._process:
            raise ValueError("A forked child cannot use its parent's log; open it there anew.")
        if self._trouble is not None:
            raise type(self._trouble)(str(self._trouble)) from self._trouble

    def _next(self) -> int:
        return max(self._waiting[-1].n if self._waiting else 0, self._saved) + 1

    def _position(self, job_id: int, key: str) -> int | None:
        """Where the key is; looks among waiting rows, then on disk. Needs _lock."""
        row = self._keys.get((job_id, key))
        if row is not None and self._waiting:
            place = row.n - self._waiting[0].n
            # An interrupted append may have left its key without its row.
            if 0 <= place < len(self._waiting) and self._waiting[place] is row:
                return row.n
        if self._absent == (job_id, key):
            return None  # whoever looks before appending need not ask the disk twice
        with self._reading, table.told(self.path):
            # Once a file has them it never goes back; a writer's has from the first.
            self._has_segments = self._has_segments or table.has_segments(self._reader)
            known = table.find_key(self._reader, job_id, key, self._has_segments)
        if known is None and not self.readonly:
            self._absent = job_id, key
        return known

    def _name_id(self, name: str) -> int:
        """The name's number, a new one if need be (saved with the next rows). Needs _lock."""
        known = self._names.get(name)
        if known is None:
            name.encode()
            known = len(self._names) + 1
            self._names_back[known] = name
            self._names[name] = known
        return known

    def _known_id(self, name: str) -> int | None:
        if self.readonly and name not in self._names:
            self._load_names()
        return self._names.get(name)

    # ---- below the surface: writing

    def _keep_saving(self) -> None:
        """The saver's thread: groups rows, and goes on trying where the disk fails."""
        while True:
            with self._wake:
                # With a timeout, since Ctrl-C may have eaten the call that wakes us.
                self._wake.wait_for(lambda: self._waiting or self._is_closed, RETRY_SECONDS)
                self._wake.wait_for(
                    lambda: len(self._waiting) >= GROUP_ROWS or self._is_closed,
                    timeout=GROUP_SECONDS if self._trouble is None else RETRY_SECONDS,
                )
                if self._is_closed:
                    return
            try:
                self._save()
                self._compact_if_due()
            except Exception:
                # Kept in _trouble: the next append or sync raises it where it is heard.
                with self._wake:
                    self._wake.wait_for(lambda: self._is_closed, timeout=RETRY_SECONDS)

    def _save(self) -> None:
        """Puts what waits on disk, as one transaction; whoever comes meanwhile waits here."""
        with self._disk:
            with self._lock:
                group = self._waiting[:]
                names = list(self._names.items())
            if not group:
                return
            try:
                with table.told(self.path, f"{len(group)} events wait in memory"):
                    self._write(group, names)
            except Exception as error:
                self._trouble = error
                raise
            with self._lock:
                self._saved = group[-1].n
                del self._waiting[: len(group)]
                for row in group:
                    if row.key is not None:
                        self._keys.pop((row.job, row.key), None)  # it is found on disk now
                self._trouble = None

    def _write(self, group: list[Row], names: list[tuple[str, int]]) -> None:
        db = self._writer
        assert db is not None  # a readonly log has nothing waiting
        try:
            db.execute("BEGIN IMMEDIATE")
            # What is on disk decides what is written: an interrupt or an error may have come
            # after an earlier commit was done and before we noted it.
            saved = table.last(db)
            if saved > self._saved:
                self._check_ours(db, saved, group)
            named = table.ask(db, "SELECT count(*) FROM names")[0][0]
            table.insert_names(db, names[named:])
            table.insert(db, [rows.compressed(row) for row in group if row.n > saved])
            table.note_last(db, group[-1].n)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _check_ours(self, db: apsw.Connection, saved: int, group: list[Row]) -> None:
        """Raises LearnerInUse where rows that we did not write are on disk."""
        found = table.ask(db, "SELECT crc FROM events WHERE n = ?", (saved,))
        ours = [rows.checksum(rows.compressed(row)) for row in group if row.n == saved]
        if not found or ours != [found[0][0]]:
            raise LearnerInUse(
                f"Another process wrote to {self.path} while this one had it open; stop the "
                "other one and start this one again."
            )

    # ---- below the surface: compacting

    def _compact_if_due(self) -> None:
        """A segment at a time, as long as many rows lie there; the saver's thread does it."""
        now = clock.monotonic()
        if self._saved - self._compacted < COMPACT_ABOVE or now < self._compact_after:
            return
        try:
            self._compact_one()
        except Exception:
            # Events are where they were, and who reads them is told; it can wait.
            self._compact_after = now + COMPACT_RETRY_SECONDS

    def _compact(
        self, seconds: float, progress: Callable[[int, int], None] | None = None
    ) -> int:
        until, start, due = clock.monotonic() + seconds, self._compacted, self._saved
        while clock.monotonic() < until and self._compact_one():
            if progress:
                progress(self._compacted - start, due - start)
        return self._compacted - start

    def _compact_one(self) -> bool:
        """Moves the oldest rows into a segment; gives whether there were enough."""
        db = self._writer
        assert db is not None
        with self._compacting:
            group = self._rows_for_segment()
            if not group:
                return False
            block = Block.of(group)
            packed, keys = block.pack(), block.keys()  # takes long; nobody waits for it
            with self._disk, table.told(self.path):
                table.move(db, block.first, block.last, packed, keys)
            self._compacted = block.last
            return True

    def _rows_for_segment(self) -> list[Row]:
        """The oldest rows if they fill a segment, else none."""
        group: list[Row] = []
        num_bytes, after = 0, self._compacted
        if self._saved - after < SEGMENT_ROWS:
            with self._reading, table.told(self.path):
                if table.size_of_rows(self._reader) < SEGMENT_BYTES:
                    return group
        while after < self._saved:
            chunk = self._chunk(after)
            if not chunk:
                self._raise_missing(after + 1)
            for stored in chunk:
                row = self._checked(stored, after + 1)
                after = row.n
                group.append(row)
                num_bytes += _size(row)
                if len(group) == SEGMENT_ROWS or num_bytes >= SEGMENT_BYTES:
                    return group
        return []

    # ---- below the surface: reading

    def _next_after(self, after: int) -> Block | list[tuple[Any, ...]]:
        """What follows a position: the segment that holds it, or rows."""
        block = self._segment(after + 1)
        if block is not None:
            return block
        chunk = self._chunk(after)
        if chunk and chunk[0][0] == after + 1:
            return chunk
        return self._segment(after + 1) or chunk  # they may have been moved in between

    def _block_after(self, after: int, names: Collection[str]) -> Block:
        """As `_next_after`; rows are checked, and of a segment the columns of these names."""
        block = self._segment(after + 1, names)
        if block is not None:
            return block
        found = self._next_after(after)
        if isinstance(found, Block):
            return found
        if not found:
            self._raise_missing(after + 1)
        return Block.of([self._checked(row, after + i) for i, row in enumerate(found, 1)])

    def _segment(self, n: int, names: Collection[str] = NAMES) -> Block | None:
        """The segment that holds position n, its columns checked; None where none does."""
        block = self._block
        if block is not None and block.first <= n <= block.last:
            return block
        with self._reading, table.told(self.path):
            ends = table.find_segment(self._reader, n)
            if ends is None:
                return None
            found = table.columns_of(self._reader, ends[0], names)
        packed = {name: content for name, content, crc in found
                  if crc == table.column_checksum(ends[0], name, content)}  # fmt: skip
        for name in names:
            if name not in packed:
                raise DamagedLearner(
                    f"{self.path}: column {name} of rows {ends[0]} to {ends[1]}, a segment, "
                    f"does not fit its checksum. {table.RESTORE}"
                )
        block = Block(ends[0], ends[1] - ends[0] + 1, packed)
        if names is NAMES:
            self._block = block
        return block

    def _chunk(self, after: int) -> list[tuple[Any, ...]]:
        query = f"{table.SELECT} WHERE n > ? ORDER BY n LIMIT {READ_ROWS}"
        with self._reading, table.told(self.path):
            return table.ask(self._reader, query, (after,))

    @contextlib.contextmanager
    def _fitting(self) -> Iterator[None]:
        """Sound rows may still not fit together, where no learner of ours wrote them."""
        try:
            yield
        except ValueError as error:
            raise DamagedLearner(f"{self.path}: {error} {table.RESTORE}") from error

    def _check_never_was(self, n: int) -> None:
        """Raises DamagedLearner where position n, found nowhere, was on disk once."""
        if 0 < n <= self.saved:
            self._raise_missing(n)

    def _raise_missing(self, n: int) -> NoReturn:
        raise DamagedLearner(f"{self.path}: row {n} is missing. {table.RESTORE}")

    def _checked(self, stored: tuple[Any, ...], n: int) -> Row:
        if stored[0] != n:
            self._raise_missing(n)
        if not table.is_sound(stored):
            raise DamagedLearner(
                f"{self.path}: row {n} does not fit its checksum, so the file was damaged or "
                f"edited. {table.RESTORE}"
            )
        return Row._make(stored[:-1])

    def _event(self, row: Row) -> Event:
        name = self.name_of
        return Event(
            row.n, row.time, _KINDS[row.kind], name(row.job), name(row.stream),
            row.episode, row.step, row.decision, row.key,
            rows.unpack_numbers(row.observation), rows.unpack_mask(row.mask),
            rows.unpack_numbers(row.action), row.reward, _ENDS[row.end], bool(row.explored),
            None if row.leader is None else name(row.leader),
            row.worth, row.spread, row.support,
            None if row.note is None else json.loads(row.note),
            name(row.origin), row.origin_n,
        )  # fmt: skip

    def name_of(self, number: int) -> str:
        """What a number in a block stands for: a job, a stream, a leader, an origin."""
        known = self._names_back.get(number)
        if known is None:
            self._load_names()
            known = self._names_back.get(number)
        if known is None:
            raise DamagedLearner(f"{self.path}: name {number} is missing. {table.RESTORE}")
        return known

    def _load_names(self) -> None:
        with self._reading, table.told(self.path):
            for number, name in enumerate(table.names(self._reader), 1):
                self._names_back[number] = name
                self._names[name] = number

    def _load_about(self) -> dict[str, str]:
        with self._reading, table.told(self.path):
            found = table.ask(self._reader, "SELECT key, value, crc FROM about")
        about = {
            key: value for key, value, crc in found if crc == table.text_checksum(key, value)
        }
        if not {"uid", "created", "last"} <= about.keys():
            raise DamagedLearner(
                f"{self.path}: whose log it is cannot be read. {table.RESTORE}"
            )
        return about


# ---- helpers


def _real(value: float, what: str) -> float:
    number = float(value)
    if math.isnan(number):
        raise ValueError(f"{what} is NaN; the log takes numbers, or None for no {what}.")
    return number + 0.0  # SQLite does not tell -0.0 from 0.0, the checksum would


def _check_whole(*numbers: int) -> None:
    if max(map(abs, numbers)) >= LARGEST:
        raise ValueError(f"episode, step, decision are {numbers}; expected within ±2^62.")


def _size(row: Row) -> int:
    """What a row holds beside numbers [bytes]."""
    pieces = row.observation, row.mask, row.action, row.key, row.note
    return sum(len(piece) for piece in pieces if piece is not None)


def _chosen(
    block: Block, after: int, is_any_job: bool, job: int | None, kinds: set[int] | None
) -> Array:
    """Places in a block of the events behind a position that are of a job and of some kinds."""
    is_chosen = np.arange(block.first, block.last + 1) > after
    if not is_any_job:
        is_chosen &= block.numbers("job").values == (-1 if job is None else job)
    if kinds is not None:
        is_chosen &= np.isin(block.numbers("kind").values, list(kinds))
    return np.flatnonzero(is_chosen)
