"""A copy of a learner's folder, made while it works.

SQLite's online backup reads one state of the log, as of one moment, and holds up nobody who
writes. The cache is copied first, so that it knows nothing that the copied log does not hold;
one that was being written is left out, and study makes it again.

Left out: increments (a backup is the whole log).
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import apsw

from quickstudy.errors import DamagedLearner
from quickstudy.experience import folder as folders
from quickstudy.experience import soundness, table
from quickstudy.experience.folder import EXPERIENCE, MIND_ARRAYS, MIND_NOTE, SNAPSHOTS, Folder
from quickstudy.experience.soundness import Progress, Verdict


def back_up(path: Path, to: Path, progress: Progress | None = None) -> Verdict:
    """Copies a learner's folder, and reads the copy through; gives what it found there.

    Args:
      to: must not exist, or be an empty folder. progress: of the reading.

    Raises:
      QuickstudyError: a learner lives at `to`. DamagedLearner: something else lies there, or
      the log is not sound. DiskTrouble: it cannot be written. Nothing is left at `to`.
    """
    with folders.made(to, Folder.about_of(path)) as beside:
        for name in (MIND_NOTE, MIND_ARRAYS):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(path / name, beside / name)
        if (path / SNAPSHOTS).is_dir():
            shutil.copytree(path / SNAPSHOTS, beside / SNAPSHOTS)
        _copy_log(path / EXPERIENCE, beside / EXPERIENCE)
        found = soundness.verify(beside / EXPERIENCE, progress)
        if not found.is_sound:
            raise DamagedLearner(
                f"The log in {path} is not sound, and so would be its backup; look with "
                f"quickstudy log verify {path}"
            )
    return found


def _copy_log(log: Path, to: Path) -> None:
    with (
        table.told(to),
        table.closing(table.connect(log, readonly=True)) as source,
        table.closing(apsw.Connection(str(to))) as copy,
        copy.backup("main", source, "main") as backup,
    ):
        backup.step()  # all pages: in steps it would begin anew whenever someone writes
