"""Which worlds an exam is held on, and how they are kept apart from work.

A world is what a job makes of one seed. The seeds of an exam follow by a hash from the secret
salt of its *edition*, so that nobody meets them by chance or by counting upwards. The salt lies
in a file of the edition; a learner's log keeps only its fingerprint, and the seeds themselves,
so that the learner can be refused to work on them.

Left out: editions handed out by a third party; whoever holds the file can cheat, which is what
the leak alarm is for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from quickstudy.errors import DiskTrouble, QuickstudyError
from quickstudy.experience import folder as folders

EDITIONS = ".editions"  # no learner can be called that
SALT_BYTES = 16


@dataclass(frozen=True)
class Edition:
    """An edition of an exam: its name, and the secret from which its worlds follow."""

    name: str
    salt: str

    @property
    def fingerprint(self) -> str:
        """Tells editions apart without telling the salt."""
        return hashlib.sha256(f"edition:{self.salt}".encode()).hexdigest()[:12]

    def seeds(self, job: str, lot: str, count: int) -> tuple[int, ...]:
        """Seeds of the first `count` worlds of a lot, each in [0, 2³¹)."""
        return tuple(self._seed(job, lot, number) for number in range(count))

    def _seed(self, job: str, lot: str, number: int) -> int:
        digest = hashlib.sha256(f"{self.salt}:{job}:{lot}:{number}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1


def edition(name: str) -> Edition:
    """The edition of that name; made, with a salt of its own, where there is none yet.

    Raises:
      QuickstudyError: the name will not do, or its file is damaged. DiskTrouble: it cannot be
      written.
    """
    if not folders.NAME.fullmatch(name):
        raise QuickstudyError(
            f"Came {name!r} as an edition's name; expected up to 64 letters, digits, '-', '_' "
            "and '.'."
        )
    path = folders.home() / EDITIONS / f"{name}.json"
    if not path.exists():
        _make(path, name)
    try:
        told = json.loads(path.read_text())
        return Edition(str(told["name"]), str(told["salt"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise QuickstudyError(
            f"{path} is no edition of an exam ({type(error).__name__}); bring back the file, "
            "or take another edition."
        ) from error


def _make(path: Path, name: str) -> None:
    """Whole or not at all; where two make it at once, the first one's stays."""
    text = json.dumps({"name": name, "salt": secrets.token_hex(SALT_BYTES)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(text + "\n")
        draft.chmod(0o600)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    except OSError as error:
        raise DiskTrouble(f"{path} cannot be written ({error.strerror}).") from error
