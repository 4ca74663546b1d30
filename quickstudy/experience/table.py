"""The database file of an experience log: its tables, its header, and what can go wrong.

One row an event. Names (jobs, streams, leaders, origins) stand once in a table of their own,
so rows stay small; each name and each row has its checksum. The view `history` is for people:

    sqlite3 -readonly experience.db "SELECT * FROM history WHERE utc LIKE '2026-03-17%'"

Old events are moved, 4096 or so at a time, from rows into *segments*: one compressed blob a
column (see `columns`), each with its checksum. Their idempotency keys stay in a table, for
looking up. `history` shows only what is in rows still; `quickstudy log export` writes it all.

Format 1 knew rows only. It is read as it is; to open it for writing adds the tables that are
new, and the programs of then refuse it from there on.

Left out: an index by job or by time (a scan reads a million rows in seconds, and a scan is
what notices damage).
"""

from __future__ import annotations

import contextlib
import functools
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import apsw

from quickstudy.errors import DamagedLearner, DiskTrouble, LearnerInUse, QuickstudyError
from quickstudy.experience.event import Kind, Row, checksum

FORMAT, ROWS_ONLY = 2, 1
APPLICATION_ID = 0x51535459  # "QSTY", in the file's header: whose database this is
BUSY_MILLISECONDS = 5000
KEYS_AT_ONCE = 256
RESTORE = "Restore the learner's folder from a backup; nothing was changed."

_COLUMNS = ", ".join(Row._fields) + ", crc"
_PLACES = "(" + ", ".join("?" * (len(Row._fields) + 1)) + ")"
# Many rows in one statement, not one statement a row: each statement hands Python's lock to
# whoever wants it, and a busy caller gives it back 5 ms later. 512 rows took 1.2 s so.
_INSERTS = {
    size: f"INSERT INTO events ({_COLUMNS}) VALUES {', '.join([_PLACES] * size)}"
    for size in (128, 16, 1)
}
SELECT = f"SELECT {_COLUMNS} FROM events"
FIRST_KINDS = list(Kind)[:5]  # of format 1


def _named(kinds: Iterable[Kind]) -> str:
    return " ".join(f"WHEN {kind.value} THEN '{kind.name}'" for kind in kinds)


_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE events (
  n INTEGER PRIMARY KEY, time REAL NOT NULL, kind INTEGER NOT NULL,
  job INTEGER NOT NULL, stream INTEGER NOT NULL,
  origin INTEGER NOT NULL, origin_n INTEGER NOT NULL,
  episode INTEGER NOT NULL, step INTEGER NOT NULL, decision INTEGER, key TEXT,
  observation BLOB, mask BLOB, action BLOB, reward REAL, end INTEGER NOT NULL,
  explored INTEGER NOT NULL, leader INTEGER, worth REAL, spread REAL, support REAL,
  note TEXT, crc INTEGER NOT NULL);
"""
_SEGMENTS = """
CREATE TABLE segments (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE columns (first INTEGER NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL,
  crc INTEGER NOT NULL, PRIMARY KEY (first, name));
CREATE TABLE keys (job INTEGER NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (job, key)) WITHOUT ROWID;
"""
_INDEX = "CREATE UNIQUE INDEX once ON events (job, key) WHERE key IS NOT NULL;"
_VIEW = """
CREATE VIEW history AS SELECT
  n, datetime(time, 'unixepoch') AS utc,
  CASE kind {} END AS kind,
  (SELECT name FROM names WHERE id = job) AS job,
  (SELECT name FROM names WHERE id = stream) AS stream,
  episode, step, decision, key, reward, end, explored,
  (SELECT name FROM names WHERE id = leader) AS leader, worth, spread, support, note
  FROM events;
"""
# In the order in which VACUUM writes, so that it leaves the layout that `create` makes.
SCHEMAS = {
    FORMAT: _TABLES + _SEGMENTS + _INDEX + _VIEW.format(_named(Kind)),
    ROWS_ONLY: _TABLES + _INDEX + _VIEW.format(_named(FIRST_KINDS)),
}
_BY_KEY = "SELECT n FROM events WHERE job = ?1 AND key = ?2"
# One statement sees one state: between two, an event may be moved.
_BY_KEY_ANYWHERE = f"{_BY_KEY} UNION ALL SELECT n FROM keys WHERE job = ?1 AND key = ?2"
LAYOUT = "layout"  # entry of `about`: checksum of the definitions where a log was upgraded


def create(path: Path, about: Mapping[str, str]) -> None:
    """Makes an empty log's file at `path`, which must not exist.

    Raises:
      DiskTrouble: it cannot be written there.
      QuickstudyError: something is there already.
    """
    if path.exists():
        raise QuickstudyError(f"{path} exists already; choose another path, or open it.")
    with told(path):
        db = apsw.Connection(str(path))
        try:
            _prepare(db)
            with transaction(db):
                db.execute(SCHEMAS[FORMAT])
                for key, value in about.items():
                    _note(db, key, value)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {FORMAT}")
        finally:
            let_go(db)


def connect(path: Path, readonly: bool) -> apsw.Connection:
    """Opens a log's file, once its header says that it is one.

    Raises:
      DamagedLearner: missing, empty, not an experience log, of a newer format, damaged.
      DiskTrouble: it cannot be read (or written, unless `readonly`).
    """
    _check_file(path)
    flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE
    with told(path):
        db = apsw.Connection(str(path), flags=flags)
        try:
            db.set_busy_timeout(BUSY_MILLISECONDS)
            _check_header(path, db)
            _check_schema(path, db)
            if not readonly:
                _prepare(db)
                _upgrade(db)
        except BaseException:
            let_go(db)
            raise
    return db


def let_go(db: apsw.Connection) -> None:
    """Closes a connection, though the disk fails: what is ahead of the database can wait."""
    with contextlib.suppress(apsw.Error):
        db.close()


@contextlib.contextmanager
def closing(db: apsw.Connection) -> Iterator[apsw.Connection]:
    """Lets go of it in the end."""
    try:
        yield db
    finally:
        let_go(db)


def insert(db: apsw.Connection, rows: list[Row]) -> None:
    """Writes rows with their checksums."""
    stored = [(*row, checksum(row)) for row in rows]
    start = 0
    for size, statement in _INSERTS.items():
        while len(stored) - start >= size:
            values = [value for row in stored[start : start + size] for value in row]
            db.execute(statement, values)
            start += size


def note_last(db: apsw.Connection, n: int) -> None:
    """Notes the last row's position apart from the rows, so that they are missed if lost."""
    _note(db, "last", str(n))


def has_segments(db: apsw.Connection) -> bool:
    """Whether the file is of the format that knows them."""
    return bool(_version(db) != ROWS_ONLY)


def last(db: apsw.Connection) -> int:
    """Position of the last event; 0 where there is none."""
    in_rows = ask(db, "SELECT max(n) FROM events")[0][0]
    return int(in_rows or last_in_segments(db))


def last_in_segments(db: apsw.Connection) -> int:
    """Position of the last event that was moved into a segment; 0 where none was."""
    if not has_segments(db):
        return 0
    return int(ask(db, "SELECT max(last) FROM segments")[0][0] or 0)


def size_of_rows(db: apsw.Connection) -> int:
    """What rows hold beside numbers, as they lie there [bytes]."""
    pieces = ("observation", "mask", "action", "key", "note")
    sizes = " + ".join(f"ifnull(length({name}), 0)" for name in pieces)
    return int(ask(db, f"SELECT ifnull(sum({sizes}), 0) FROM events")[0][0])


def find_key(db: apsw.Connection, job: int, key: str, in_segments: bool) -> int | None:
    """Position of a job's event with a key, in rows or also in segments, where it has them."""
    found = ask(db, _BY_KEY_ANYWHERE if in_segments else _BY_KEY, (job, key))
    return found[0][0] if found else None


def find_segment(db: apsw.Connection, n: int) -> tuple[int, int] | None:
    """First and last position of the segment that holds position n.

    Raises:
      DamagedLearner: what is said of it does not fit its checksum.
    """
    if not has_segments(db):
        return None
    found = ask(db, "SELECT * FROM segments WHERE first <= ? ORDER BY first DESC LIMIT 1", (n,))
    if not found or found[0][1] < n:
        return None
    start, end, crc = found[0]
    if crc != text_checksum(start, end):
        raise DamagedLearner(
            f"{db.filename}: the segment from row {start} on does not fit its checksum. "
            f"{RESTORE}"
        )
    return start, end


def columns_of(
    db: apsw.Connection, first: int, names: Collection[str]
) -> list[tuple[str, bytes, int]]:
    """Name, content, checksum of some columns of the segment that begins at a position."""
    places = ", ".join("?" * len(names))
    query = f"SELECT name, content, crc FROM columns WHERE first = ? AND name IN ({places})"
    return ask(db, query, (first, *names))


def column_checksum(first: int, name: str, content: bytes) -> int:
    """CRC-32 of a column of a segment, with whose it is."""
    return zlib.crc32(content, text_checksum(first, name))


def move(
    db: apsw.Connection,
    first: int,
    end: int,
    packed: Mapping[str, bytes],
    keys: list[tuple[int, str, int]],
) -> None:
    """Puts a segment in the place of its rows: all of it, or, where this raises, nothing.

    Args:
      end: the last position in it. packed: its columns. keys: (job, key, n) of its events.
    """
    with transaction(db):
        insert_segment(db, first, end, packed, keys)
        db.execute("DELETE FROM events WHERE n BETWEEN ? AND ?", (first, end))
        if db.changes() != end - first + 1:
            raise apsw.CorruptError(f"rows {first} to {end} are not all there")


def insert_segment(
    db: apsw.Connection,
    first: int,
    end: int,
    packed: Mapping[str, bytes],
    keys: list[tuple[int, str, int]],
) -> None:
    """Writes a segment with its checksums, and its keys; arguments as of `move`."""
    crc = text_checksum(first, end)
    db.execute("INSERT INTO segments VALUES (?, ?, ?)", (first, end, crc))
    for name, content in packed.items():
        crc = column_checksum(first, name, content)
        db.execute("INSERT INTO columns VALUES (?, ?, ?, ?)", (first, name, content, crc))
    for start in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[start : start + KEYS_AT_ONCE]
        places = ", ".join(["(?, ?, ?)"] * len(some))
        values = [value for entry in some for value in entry]
        db.execute(f"INSERT INTO keys VALUES {places}", values)


def insert_names(db: apsw.Connection, names: list[tuple[str, int]]) -> None:
    """Writes names with their numbers and checksums."""
    for name, number in names:
        crc = text_checksum(number, name)
        db.execute("INSERT INTO names VALUES (?, ?, ?)", (number, name, crc))


def names(db: apsw.Connection) -> list[str]:
    """The names, in order of their numbers, which begin at 1.

    Raises:
      DamagedLearner: one of them does not fit its checksum, or is missing.
    """
    found = ask(db, "SELECT id, name, crc FROM names ORDER BY id")
    for place, (number, name, crc) in enumerate(found, 1):
        if number != place or crc != text_checksum(number, name):
            raise DamagedLearner(f"{db.filename}: name {place} is damaged. {RESTORE}")
    return [name for _, name, _ in found]


def ask(db: apsw.Connection, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
    """All rows of the answer at once: an open query would keep the log from being tidied."""
    return db.execute(query, values).fetchall()


@contextlib.contextmanager
def transaction(db: apsw.Connection) -> Iterator[None]:
    """All of it or nothing; a full disk has SQLite roll back by itself."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def one_look(db: apsw.Connection) -> Iterator[None]:
    """All that is asked inside sees one state, though another process may be writing.

    An I/O error ends it by itself; that there is nothing left to end then is no damage.
    """
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


_DAMAGE = (
    apsw.CorruptError, apsw.NotADBError, apsw.FormatError, apsw.SQLError, apsw.MismatchError,
    UnicodeDecodeError,
)  # fmt: skip


@contextlib.contextmanager
def told(path: Path, waiting: str = "") -> Iterator[None]:
    """Turns what SQLite raises into what a user can mend."""
    try:
        yield
    except _DAMAGE as error:
        raise DamagedLearner(f"{path} is damaged ({error}). {RESTORE}") from error
    except apsw.ConstraintError as error:
        raise LearnerInUse(
            f"{path} holds rows that this process did not write ({error}); stop the other "
            "process and start this one again."
        ) from error
    except apsw.BusyError as error:
        raise LearnerInUse(
            f"Another process keeps {path} busy ({error}); stop it, or wait and try again."
        ) from error
    except apsw.FullError as error:
        kept = f"; {waiting} and what was acknowledged is safe" if waiting else ""
        raise DiskTrouble(
            f"The disk of {path} is full{kept}. Make room, then go on or try again."
        ) from error
    except (apsw.Error, OSError) as error:
        kept = f"; {waiting} and what was acknowledged is safe" if waiting else ""
        raise DiskTrouble(
            f"{path} cannot be read or written ({error}){kept}. Check the disk and the "
            "folder's permissions, then try again."
        ) from error


def is_sound(stored: tuple[Any, ...]) -> bool:
    """Whether the checksum, in the last column, is that of the others."""
    try:
        return checksum(Row._make(stored[:-1])) == stored[-1]
    except Exception:  # a column turned into another type: struct, zlib, type errors…
        return False


def text_checksum(key: object, text: object) -> int:
    """CRC-32 of a name or of an entry of `about`, with what it is called by."""
    return zlib.crc32(f"{key}={text}".encode(errors="replace"))


def _prepare(db: apsw.Connection) -> None:
    """How this connection writes: ahead of the database, each commit fsynced."""
    mode = ask(db, "PRAGMA journal_mode = WAL")[0][0]
    if mode != "wal":
        raise apsw.IOError(f"no write-ahead log on this file system (got {mode!r})")
    db.execute("PRAGMA synchronous = FULL")


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise DamagedLearner(f"{path} is missing. {RESTORE}")
    if path.stat().st_size == 0:
        raise DamagedLearner(f"{path} is empty; an experience log was expected. {RESTORE}")


def _upgrade(db: apsw.Connection) -> None:
    """Adds what format 1 has not."""
    if has_segments(db):
        return
    with transaction(db):
        db.execute(_SEGMENTS)
        db.execute("DROP VIEW history")
        db.execute(_VIEW.format(_named(Kind)))
        _note(db, LAYOUT, _layout_checksum(ask(db, _DEFINITIONS)))
        db.execute(f"PRAGMA user_version = {FORMAT}")


def _note(db: apsw.Connection, key: str, value: str) -> None:
    crc = text_checksum(key, value)
    db.execute("INSERT OR REPLACE INTO about VALUES (?, ?, ?)", (key, value, crc))


def _version(db: apsw.Connection) -> int:
    return int(ask(db, "PRAGMA user_version")[0][0])


def _check_header(path: Path, db: apsw.Connection) -> None:
    application = ask(db, "PRAGMA application_id")[0][0]
    if application != APPLICATION_ID:
        raise DamagedLearner(
            f"{path} is a database of another program (application id {application:#x}, "
            f"expected {APPLICATION_ID:#x}); point to a learner's folder. Nothing was changed."
        )
    version = _version(db)
    if version not in SCHEMAS:
        raise DamagedLearner(
            f"{path} has format {version}, this Quickstudy reads format {FORMAT}; upgrade "
            "Quickstudy (pip install -U quickstudy). Nothing was changed."
        )


def _check_schema(path: Path, db: apsw.Connection) -> None:
    """Raises DamagedLearner where the tables are not those that `create` makes.

    Their definitions are bytes in the file as well: were some to rot there, rows would be
    looked for in a wrong place, or a wrong column, and not be missed.
    """
    found = ask(db, _DEFINITIONS)
    if found == _expected_definitions(_version(db)):
        return
    sealed = ask(db, "SELECT value, crc FROM about WHERE key = ?", (LAYOUT,))
    layout = _layout_checksum(found)
    if sealed != [(layout, text_checksum(LAYOUT, layout))]:
        raise DamagedLearner(f"{path} is damaged: its tables are not a log's. {RESTORE}")


_DEFINITIONS = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema ORDER BY name"


@functools.cache
def _expected_definitions(version: int) -> list[Any]:
    db = apsw.Connection(":memory:")
    try:
        db.execute(SCHEMAS[version])
        return ask(db, _DEFINITIONS)
    finally:
        db.close()


def _layout_checksum(definitions: list[Any]) -> str:
    return str(zlib.crc32(repr(definitions).encode()))
