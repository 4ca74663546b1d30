"""Keys: who may do what over HTTP.

A key is told once, when it is made; kept is its SHA-256 alone, in a file beside the log that
only its owner may read. 256 random bits need no slow hash. Removing a key works at once, also
while the service runs.

    read    sees posts, decisions, the inbox and metrics
    decide  also asks for decisions and tells outcomes
    mentor  also answers the inbox, audits, judges, demonstrates, and may switch off or pause
    admin   also makes posts, switches on, demotes, renews, pins

Left out: expiry, and limits by key.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from quickstudy.errors import DamagedLearner, QuickstudyError, did_you_mean
from quickstudy.experience.folder import write_atomically

FILE = "keys.json"
SCOPES = ("read", "decide", "mentor", "admin")
IMPLIED = {
    "read": {"read"},
    "decide": {"read", "decide"},
    "mentor": {"read", "mentor"},
    "admin": set(SCOPES),
}
PREFIX = "qs_"
LOOK_SECONDS = 1.0  # how long a removed key may still work


@dataclass(frozen=True)
class Key:
    """A key as it is kept.

    name: who holds it; acts are recorded under it. sha256: of the key. created: [unix s].
    """

    name: str
    scopes: tuple[str, ...]
    sha256: str
    created: float

    @property
    def may(self) -> frozenset[str]:
        """Its scopes and those that they imply."""
        return frozenset().union(*(IMPLIED[scope] for scope in self.scopes))


class Keys:
    """The keys of one learner's folder, read again when their file changes."""

    def __init__(self, folder: Path):
        self.path = folder / FILE
        self._looked = -math.inf
        self._stamp: tuple[int, int] | None = None
        self._by_hash: dict[str, Key] = {}
        self._were_there = False

    @property
    def are_there(self) -> bool:
        """Whether one is needed: once there were any, nobody enters without."""
        self._refresh()
        return self._were_there

    def find(self, told: str) -> Key | None:
        """The key that this is, or None."""
        self._refresh()
        return self._by_hash.get(_hash(told))

    def _refresh(self) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._by_hash = None, {}
            return
        self._were_there = True
        if self._stamp != (stat.st_mtime_ns, stat.st_ino):
            self._by_hash = {key.sha256: key for key in listed(self.path.parent)}
            self._stamp = stat.st_mtime_ns, stat.st_ino


def add(folder: Path, name: str, scopes: Iterable[str]) -> str:
    """Makes a key and returns it: the only time that it is told.

    Raises:
      QuickstudyError: no such scope, none at all, or the name is taken.
    """
    asked = tuple(dict.fromkeys(scopes))
    for scope in asked:
        if scope not in SCOPES:
            raise QuickstudyError(
                f"Unknown scope {scope!r}.{did_you_mean(scope, SCOPES)} "
                f"Known: {', '.join(SCOPES)}."
            )
    if not asked:
        raise QuickstudyError(f"A key needs a scope, one or more of {', '.join(SCOPES)}.")
    kept = listed(folder)
    if any(key.name == name for key in kept):
        raise QuickstudyError(
            f"There is a key named {name!r} already; take another name, or remove it first."
        )
    told = PREFIX + secrets.token_urlsafe(32)
    _write(folder, [*kept, Key(name, asked, _hash(told), time.time())])
    return told


def free_name(folder: Path, scopes: Iterable[str]) -> str:
    """A name that no key has, of the scopes and a number."""
    taken, stem = {key.name for key in listed(folder)}, "-".join(scopes)
    return next(name for i in itertools.count(1) if (name := f"{stem}-{i}") not in taken)


def remove(folder: Path, name: str) -> None:
    """Forgets a key; raises QuickstudyError where there is none of that name."""
    kept = listed(folder)
    names = [key.name for key in kept]
    if name not in names:
        raise QuickstudyError(
            f"There is no key named {name!r}.{did_you_mean(name, names)} "
            f"Known: {', '.join(names) or 'none'}."
        )
    _write(folder, [key for key in kept if key.name != name])


def listed(folder: Path) -> list[Key]:
    """All keys of a folder.

    Raises:
      DamagedLearner: the file is not as `add` writes it.
    """
    path = folder / FILE
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    try:
        keys = [
            Key(str(one["name"]), tuple(one["scopes"]), str(one["sha256"]), one["created"])
            for one in json.loads(text)
        ]
        for key in keys:
            _ = key.may
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedLearner(
            f"{path} is not a file of keys; remove it and make new ones."
        ) from error
    return keys


def _write(folder: Path, keys: list[Key]) -> None:
    # The file is its owner's alone (mode 600) from the first byte: see `write_beside`.
    write_atomically(
        folder / FILE, json.dumps([asdict(key) for key in keys], indent=1).encode()
    )


def _hash(told: str) -> str:
    return hashlib.sha256(told.encode(errors="replace")).hexdigest()
