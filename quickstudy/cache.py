"""What study made of experience, on disk: a cache of minds beside the log.

    mind.eqx     arrays of all minds (see `mind.store`)
    mind.json    which, up to what position of the log, and the arrays' checksum

It is also how a process that studies hands over what it learned to one that acts: the first
writes the cache again and again, the second takes it in when it is newer. So neither ever waits
for the other, and one that is killed leaves what the log can make again.

The arrays are replaced first. Until the note is too, the arrays of before lie beside them,
so that there is a whole cache at any moment.

Left out: a part of the minds alone (a few megabytes are written in a few milliseconds).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quickstudy.experience.folder import MIND_ARRAYS, MIND_NOTE, write_atomically
from quickstudy.mind import store
from quickstudy.mind.mind import Mind

BEFORE = f"{MIND_ARRAYS}.before"

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Cache:
    """Minds as they were saved.

    position: in the log, up to which they had studied. arrays, notes: as `store.dump` gave
    them, a note by job. seeds: of the minds.
    """

    position: int
    arrays: bytes
    notes: Mapping[str, dict[str, Any]]
    seeds: Mapping[str, int]

    def fill(self, minds: Mapping[str, Mind], has_streams: bool = True) -> None:
        """Puts the saved minds into those of the same jobs; others stay as they are.

        has_streams: as in `store.load`.

        Raises:
          store.Unfit: they do not fit; the minds are as they were.
        """
        saved = [minds[name] for name in self.notes]
        before = [mind.seed for mind in saved]
        for mind, seed in zip(saved, self.seeds.values(), strict=True):
            mind.seed = seed
        try:
            store.load(saved, self.arrays, list(self.notes.values()), has_streams)
        except store.Unfit:
            for mind, seed in zip(saved, before, strict=True):
                mind.seed = seed
            raise


def stamp(folder: Path) -> Stamp | None:
    """Another one whenever another cache lies there; None where none does."""
    try:
        stat = (folder / MIND_NOTE).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def read(folder: Path) -> Cache | None:
    """The cache in a folder; None where there is no whole one."""
    try:
        note = json.loads((folder / MIND_NOTE).read_bytes())
        saved, seeds = dict(note["minds"]), note.get("seeds", {})
        seeds = {name: int(seeds[name]) for name in saved}
        position, wanted = int(note["position"]), note["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    for name in (MIND_ARRAYS, BEFORE):
        with contextlib.suppress(OSError):
            arrays = (folder / name).read_bytes()
            if hashlib.sha256(arrays).hexdigest() == wanted:
                return Cache(position, arrays, saved, seeds)
    return None


def write(folder: Path, position: int, minds: Mapping[str, Mind]) -> None:
    """Saves minds that have studied the log up to a position.

    Raises:
      DiskTrouble: it cannot be written; what was there is there.
    """
    names = sorted(minds)
    arrays, notes = store.dump([minds[name] for name in names])
    note = {
        "position": position,
        "sha256": hashlib.sha256(arrays).hexdigest(),
        "minds": dict(zip(names, notes, strict=True)),
        "seeds": {name: minds[name].seed for name in names},
    }
    with contextlib.suppress(OSError):  # none yet, or one that cannot be kept meanwhile
        (folder / MIND_ARRAYS).replace(folder / BEFORE)
    write_atomically(folder / MIND_ARRAYS, arrays)
    write_atomically(folder / MIND_NOTE, json.dumps(note).encode())
    (folder / BEFORE).unlink(missing_ok=True)
