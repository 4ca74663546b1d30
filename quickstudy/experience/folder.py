"""A learner's folder: where it lives, and who has it open.

    learner.toml     name, uid, created, settings: flat, for a person to read
    experience.db    the log (see `log`); all else about the learner follows from it
    mind.eqx         arrays of the mind, and what they are: a cache that study can rebuild
    mind.json
    lock             held by the one process that works with the learner
    student.lock     held by the one that studies for it, where that is another
    snapshots/       copies of the cache that a person named

A new folder is made beside its place and renamed into it, so a crash leaves either no
learner or a whole one. The lock is the operating system's: it vanishes with the process.

Left out: folders on network file systems, where locks and SQLite's shared memory may not
hold; a writer for all of TOML (settings are flat: text, numbers, yes or no).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import time as clock
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import platformdirs

from quickstudy.closing import Closing
from quickstudy.errors import (
    DamagedLearner,
    DiskTrouble,
    LearnerInUse,
    QuickstudyError,
    did_you_mean,
)
from quickstudy.experience.log import Log

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FORMAT = 1
ABOUT, EXPERIENCE, LOCK = "learner.toml", "experience.db", "lock"
STUDENT_LOCK, SNAPSHOTS = "student.lock", "snapshots"
MIND_ARRAYS, MIND_NOTE = "mind.eqx", "mind.json"
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_HIRE = "Hire one first: quickstudy work JOB --learner NAME, or qs.hire(NAME)."
LOCKED_BYTE = 1 << 30  # far behind the text, which Windows would not let others read

Setting = str | int | float | bool


@dataclass(frozen=True)
class About:
    """What `learner.toml` says.

    name: what people call it. uid: what its rows carry as their origin.
    created: [unix s]. settings: flat; what a person chose, such as the seed.
    """

    name: str
    uid: str
    created: float
    settings: Mapping[str, Setting] = field(default_factory=dict)


class Folder(Closing):
    """A learner's folder, open; make one with `create` or `open`, and `close` it.

    Attributes:
      path: the folder. about: what `learner.toml` says. log: its experience, open.
    """

    def __init__(self, path: Path, about: About, log: Log, lock: _Lock | None):
        """For `create` and `open`."""
        self.path, self.about, self.log, self._lock = path, about, log, lock

    @classmethod
    def create(
        cls,
        path: str | Path,
        name: str | None = None,
        settings: Mapping[str, Setting] | None = None,
    ) -> Folder:
        """Makes a learner's folder at `path`, and opens it.

        Args:
          path: must not exist, or be an empty folder; folders above it are made.
          name: by default the folder's name.
          settings: flat; kept in `learner.toml`.

        Raises:
          QuickstudyError: a learner lives there already, or the name will not do.
          DamagedLearner: something else is there. Nothing is touched.
          DiskTrouble: it cannot be written there.
        """
        with new(path, name, settings):
            pass
        return cls.open(path)

    @staticmethod
    def about_of(path: Path) -> About:
        """What a learner's `learner.toml` says; nothing else of the folder is looked at.

        Raises:
          DamagedLearner: there is none, or it cannot be read.
        """
        _check_is_learner(path.absolute())
        return _read_about(path.absolute())

    @classmethod
    def open(cls, path: str | Path, readonly: bool = False) -> Folder:
        """Opens a learner's folder; with `readonly` without locking it, beside its worker.

        Raises:
          LearnerInUse: another process, or this one, has it open.
          DamagedLearner: missing, foreign, damaged, or of a newer format. Nothing is touched.
          DiskTrouble: it cannot be read or written.
        """
        path = Path(path).absolute()
        _check_is_learner(path)
        lock = None if readonly else _Lock(path)
        try:
            about = _read_about(path)
            log = Log.open(path / EXPERIENCE, readonly=readonly)
            if log.uid != about.uid:
                log.close()
                raise DamagedLearner(
                    f"{path}: {EXPERIENCE} belongs to learner {log.uid}, {ABOUT} to learner "
                    f"{about.uid}; put the files back that belong together."
                )
        except BaseException:
            if lock:
                lock.release()
            raise
        return cls(path, about, log, lock)

    @property
    def mind_arrays(self) -> Path:
        return self.path / MIND_ARRAYS

    @property
    def mind_note(self) -> Path:
        return self.path / MIND_NOTE

    def close(self) -> None:
        """Saves the log and lets go of the folder; once closed, again does nothing.

        Raises:
          DiskTrouble: see `Log.close`; the folder is let go of all the same.
        """
        try:
            self.log.close()
        finally:
            if self._lock:
                self._lock.release()


@contextlib.contextmanager
def new(
    path: str | Path,
    name: str | None = None,
    settings: Mapping[str, Setting] | None = None,
) -> Iterator[Path]:
    """A new learner's folder beside `path`, with an empty log; see `made`.

    Arguments and errors: as `Folder.create`.
    """
    path = Path(path).absolute()
    name = check_name(path.name if name is None else name)
    check_free(path)
    about = About(name, uuid.uuid4().hex, clock.time(), dict(settings or {}))
    with made(path, about) as beside:
        with _disk_trouble(path):
            Log.create(beside / EXPERIENCE, about.uid).close()
        yield beside


@contextlib.contextmanager
def made(path: Path, about: About) -> Iterator[Path]:
    """A folder beside `path`, which becomes that learner's when all went well; to be filled.

    Whatever goes wrong meanwhile, nothing is left of it; a crash leaves a folder whose name
    begins with a dot, and no learner.

    Raises:
      As `check_free`. DiskTrouble: it cannot be written there.
    """
    path = path.absolute()
    check_free(path)
    with _disk_trouble(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.new-", dir=path.parent))
    try:
        with _disk_trouble(path):
            write_atomically(beside / ABOUT, _as_toml(about).encode())
        yield beside
        check_free(path)  # another may have been quicker
        with _disk_trouble(path):
            if path.exists():
                path.rmdir()  # empty; Windows renames onto nothing that exists
            beside.rename(path)
            _sync_folder(path.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_free(path: Path) -> None:
    """Raises where something lives or lies already.

    Raises:
      QuickstudyError: a learner. DamagedLearner: something else.
    """
    if is_learner(path):
        raise QuickstudyError(
            f"A learner lives in {path} already; open it, or choose another name."
        )
    _check_free(path)


# ---- names and places


def home() -> Path:
    """Where learners live who are called by name: QUICKSTUDY_HOME, or the user's data."""
    chosen = os.environ.get("QUICKSTUDY_HOME")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_path("quickstudy")) / "learners"


def resolve(name_or_path: str | Path) -> Path:
    """The folder that is meant: a path as it is, a name as a folder under `home`.

    Text is a path if it holds a separator, or if a learner lives in a folder of that name
    right here.

    Raises:
      QuickstudyError: neither a path nor a name that will do.
    """
    if isinstance(name_or_path, Path):
        return name_or_path.expanduser()
    separators = {"/", os.sep, os.altsep or os.sep}
    if separators & set(name_or_path) or is_learner(Path(name_or_path)):
        return Path(name_or_path).expanduser()
    return home() / check_name(name_or_path)


def is_learner(path: Path) -> bool:
    """Whether a learner lives there (in whatever state)."""
    return (path / ABOUT).is_file()


def known() -> list[str]:
    """Names of the learners under `home`, in order."""
    try:
        return sorted(path.name for path in home().iterdir() if is_learner(path))
    except OSError:
        return []


def check_name(name: str) -> str:
    """The name, if it will do as one.

    Raises:
      QuickstudyError: it will not.
    """
    if not NAME.fullmatch(name):
        raise QuickstudyError(
            f"A learner cannot be called {name!r}: 1 to 64 letters, digits, dots, dashes or "
            "underscores were expected, not beginning with a dot."
        )
    return name


# ---- files


def write_atomically(path: str | Path, content: bytes) -> None:
    """Writes a file so that a crash leaves the old content or the new, and nothing between.

    Raises:
      DiskTrouble: it cannot be written; the old content stays.
    """
    with write_beside(Path(path)) as new:
        new.write_bytes(content)


@contextlib.contextmanager
def write_beside(path: Path) -> Iterator[Path]:
    """A new file beside `path`, for writing; it takes its place when all went well.

    Raises:
      DiskTrouble: it cannot be written; the old content stays.
    """
    with _disk_trouble(path):
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(number)
        try:
            yield Path(name)
            with Path(name).open("rb+") as file:
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Puts the folder's entries on disk, so that a rename survives a loss of power."""
    if sys.platform == "win32":
        return
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def _disk_trouble(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskTrouble(
            f"{path} cannot be written ({error.strerror or error}). Make room or check the "
            "folder's permissions, then try again."
        ) from error


# ---- learner.toml


def _as_toml(about: About) -> str:
    lines = [
        f"format = {FORMAT}",
        f"name = {_toml(about.name)}",
        f"uid = {_toml(about.uid)}",
        f"created = {_toml(about.created)}  # unix seconds",
        "",
        "[settings]",
        *(f"{_toml(key)} = {_toml(value)}" for key, value in about.settings.items()),
    ]
    return "\n".join(lines) + "\n"


def _toml(value: Setting) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value))  # of numpy's, the plain number
    if isinstance(value, str):  # JSON's text is TOML's, but for the character "delete"
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    raise ValueError(f"A setting is {value!r}; text, a number, or yes or no was expected.")


def _read_about(path: Path) -> About:
    file = path / ABOUT
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DamagedLearner(
            f"{file} cannot be read as TOML ({error}); mend it or restore it from a backup. "
            "Nothing was changed."
        ) from error
    except OSError as error:
        raise DiskTrouble(f"{file} cannot be read ({error.strerror}).") from error
    version = read.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise DamagedLearner(
            f"{file} has format {version}, this Quickstudy reads format {FORMAT}; upgrade "
            "Quickstudy (pip install -U quickstudy). Nothing was changed."
        )
    try:
        name, uid, created = str(read["name"]), str(read["uid"]), float(read["created"])
        settings = dict(read.get("settings", {}))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedLearner(
            f"{file} lacks or garbles {error}; format, name, uid and created were expected. "
            "Restore it from a backup; nothing was changed."
        ) from error
    return About(name, uid, created, settings)


def _check_is_learner(path: Path) -> None:
    if is_learner(path):
        return
    if not path.exists():
        near = did_you_mean(path.name, known()) if path.parent == home().absolute() else ""
        raise DamagedLearner(f"No learner lives in {path}.{near} {_HIRE}")
    _check_free(path)
    raise DamagedLearner(f"{path} is empty, a learner's folder was expected. {_HIRE}")


def _check_free(path: Path) -> None:
    """Raises DamagedLearner where something lies that is not a learner's."""
    if not path.exists():
        return
    if not path.is_dir():
        raise DamagedLearner(
            f"{path} is a file, a learner's folder was expected; choose another name or path. "
            "Nothing was touched."
        )
    with _disk_trouble(path):
        if any(path.iterdir()):
            raise DamagedLearner(
                f"{path} is no learner's folder: it is not empty and has no {ABOUT}. Choose "
                "another name or path; nothing was touched."
            )


# ---- the lock


def studying(path: Path) -> contextlib.AbstractContextManager[object]:
    """The exclusive right to study for the process that works with a learner; taken at once.

    Raises:
      LearnerInUse: another process does. DiskTrouble: the folder cannot be written.
    """
    return _Lock(path, STUDENT_LOCK)


class _Lock:
    """The exclusive right to a learner's folder; the system frees it if we are killed."""

    def __init__(self, folder: Path, name: str = LOCK):
        with _disk_trouble(folder):
            self._number = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._take()
        except OSError as error:
            holder = os.pread(self._number, 32, 0) if hasattr(os, "pread") else b""
            os.close(self._number)
            pid = holder.decode("ascii", "replace").strip() or "unknown"
            who = "this process" if pid == str(os.getpid()) else f"another process (pid {pid})"
            raise LearnerInUse(
                f"{folder} is in use by {who}; stop it or wait until it has finished."
            ) from error
        with contextlib.suppress(OSError):  # who holds it is told where the disk has room
            os.ftruncate(self._number, 0)
            os.write(self._number, f"{os.getpid()}\n".encode())
        _held.add(self._number)

    def _take(self) -> None:
        if sys.platform == "win32":
            os.lseek(self._number, LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(self._number, msvcrt.LK_NBLCK, 1)
            os.lseek(self._number, 0, os.SEEK_SET)
        else:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Lets go; again does nothing."""
        if self._number in _held:
            _held.discard(self._number)
            os.close(self._number)

    def __enter__(self) -> _Lock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


# A forked child holds our lock too, and would keep it after we are gone: it lets go at once.
_held: set[int] = set()


def _let_go() -> None:
    for number in _held:
        os.close(number)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
