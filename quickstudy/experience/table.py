"""The database file of an experience log: its tables, its header, and what can go wrong.

One row an event. Names (jobs, streams, leaders, origins) stand once in a table of their own,
so rows stay small; each name and each row has its checksum. The view `history` is for people:

    sqlite3 -readonly experience.db "SELECT * FROM history WHERE utc LIKE '2026-03-17%'"

Left out: an index by job or by time (a scan reads a million rows in seconds, and a scan is
what notices damage).
"""

from __future__ import annotations

import contextlib
import functools
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apsw

from quickstudy.errors import DamagedLearner, DiskTrouble, LearnerInUse, QuickstudyError
from quickstudy.experience.event import Kind, Row, checksum

FORMAT = 1
APPLICATION_ID = 0x51535459  # "QSTY", in the file's header: whose database this is
BUSY_MILLISECONDS = 5000
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
SCHEMA = f"""
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
CREATE UNIQUE INDEX once ON events (job, key) WHERE key IS NOT NULL;
CREATE VIEW history AS SELECT
  n, datetime(time, 'unixepoch') AS utc,
  CASE kind {" ".join(f"WHEN {kind.value} THEN '{kind.name}'" for kind in Kind)} END AS kind,
  (SELECT name FROM names WHERE id = job) AS job,
  (SELECT name FROM names WHERE id = stream) AS stream,
  episode, step, decision, key, reward, end, explored,
  (SELECT name FROM names WHERE id = leader) AS leader, worth, spread, support, note
  FROM events;
"""


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
            with db:
                db.execute(SCHEMA)
                for key, value in about.items():
                    crc = text_checksum(key, value)
                    db.execute("INSERT INTO about VALUES (?, ?, ?)", (key, value, crc))
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {FORMAT}")
        finally:
            db.close()


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
        except BaseException:
            db.close()
            raise
    return db


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
    crc = text_checksum("last", n)
    db.execute("UPDATE about SET value = ?, crc = ? WHERE key = 'last'", (str(n), crc))


def insert_names(db: apsw.Connection, names: list[tuple[str, int]]) -> None:
    """Writes names with their numbers and checksums."""
    for name, number in names:
        crc = text_checksum(number, name)
        db.execute("INSERT INTO names VALUES (?, ?, ?)", (number, name, crc))


def ask(db: apsw.Connection, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
    """All rows of the answer at once: an open query would keep the log from being tidied."""
    return db.execute(query, values).fetchall()


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


def _check_header(path: Path, db: apsw.Connection) -> None:
    application = ask(db, "PRAGMA application_id")[0][0]
    if application != APPLICATION_ID:
        raise DamagedLearner(
            f"{path} is a database of another program (application id {application:#x}, "
            f"expected {APPLICATION_ID:#x}); point to a learner's folder. Nothing was changed."
        )
    version = ask(db, "PRAGMA user_version")[0][0]
    if version != FORMAT:
        raise DamagedLearner(
            f"{path} has format {version}, this Quickstudy reads format {FORMAT}; upgrade "
            "Quickstudy (pip install -U quickstudy). Nothing was changed."
        )


def _check_schema(path: Path, db: apsw.Connection) -> None:
    """Raises DamagedLearner where the tables are not those that `create` makes.

    Their definitions are bytes in the file as well: were some to rot there, rows would be
    looked for in a wrong place, or a wrong column, and not be missed.
    """
    if ask(db, _DEFINITIONS) != _expected_definitions():
        raise DamagedLearner(f"{path} is damaged: its tables are not a log's. {RESTORE}")


_DEFINITIONS = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema"


@functools.cache
def _expected_definitions() -> list[Any]:
    db = apsw.Connection(":memory:")
    try:
        db.execute(SCHEMA)
        return ask(db, _DEFINITIONS)
    finally:
        db.close()
