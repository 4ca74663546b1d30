"""Past decisions of whatever does a job today, from a file into a learner's experience.

    {"observation": [0.2, 1.5], "action": 1, "reward": 0.7, "episode": "tuesday"}

One record a decision, in the order in which they were taken, as JSON lines or as Parquet with
columns of these names:

- observation, action: in the job's own terms; reward: 0 where there is none;
- end: "terminated" (nothing follows), "truncated" or "cut" (its value goes on); else nothing;
- episode: any name, where decisions of several are mixed. One whose last record has no end
  is cut there; where records say neither, all of them are one episode;
- mask: which options were allowed; last: what was seen after an end whose value goes on.

They are recorded as decisions of the incumbent's, and learned from like all others. A file is
taken up as a whole or not at all, and once only.

Left out: a file that does not fit into memory; a job that was not declared (how wide a box is
cannot be told from what lay in it).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from quickstudy.errors import QuickstudyError
from quickstudy.experience.export import JSON_LINES, PARQUET, pyarrow
from quickstudy.front import INCUMBENT, Front, Shown
from quickstudy.types import End

NAMES = ("observation", "action", "reward", "end", "episode", "mask", "last")
ENDS = {None: End.NOT, "": End.NOT} | {end.name.lower(): end for end in End}
HISTORY = "history"  # the key of the note that says which file was taken up


def take_in(front: Front, job: str, file: Path, by: str = INCUMBENT) -> int:
    """Records a file of past decisions; gives how many. It is on disk when this returns.

    Args:
      by: who took them: "incumbent" or "mentor".

    Raises:
      UnknownJob: not declared. QuickstudyError: no such file, it was taken up already, or
      which record does not fit and how. DiskTrouble: it cannot be written.
    """
    digest = hashlib.sha256(_bytes(file)).hexdigest()
    if any(note["sha256"] == digest for note in front.learner.notes(job, HISTORY)):
        raise QuickstudyError(
            f"{file} was taken up already, so all that is in it is known; nothing was changed."
        )
    rows = list(sequences(read(file)))
    with front.log.together():
        front.demonstrate(job, rows, by)
        note = {HISTORY: {"file": file.name, "sha256": digest, "decisions": len(rows)}}
        front.learner.note(job, note)
    return len(rows)


def read(file: Path) -> Iterator[Mapping[str, Any]]:
    """The records of a file, by its ending.

    Raises:
      QuickstudyError: neither ending, pyarrow is missing, or it cannot be read.
    """
    if file.suffix == JSON_LINES:
        return _read_lines(file)
    if file.suffix == PARQUET:
        return _read_parquet(file)
    raise QuickstudyError(
        f"Came {file.name} to import; expected a name that ends in {JSON_LINES} or {PARQUET}."
    )


def sequences(records: Iterable[Mapping[str, Any]]) -> Iterator[Shown]:
    """Decisions, one episode after the other, each with an end.

    Raises:
      QuickstudyError: which record does not fit, and how.
    """
    episodes: dict[Any, list[Shown]] = {}
    for number, record in enumerate(records, 1):
        row = _row(number, record)
        name = record.get("episode")
        episodes.setdefault(name, []).append(row)
        if row.end:
            yield from episodes.pop(name)
    for rows in episodes.values():
        yield from rows[:-1]
        yield rows[-1]._replace(end=End.CUT)


def _row(number: int, record: Mapping[str, Any]) -> Shown:
    unknown = [name for name in record if name not in NAMES]
    missing = [name for name in NAMES[:2] if record.get(name) is None]
    if unknown or missing:
        what = f"has no {missing[0]!r}" if missing else f"has a part {unknown[0]!r}"
        raise QuickstudyError(
            f"Record {number} {what}; expected observation and action, and as they apply "
            f"{', '.join(NAMES[2:])}."
        )
    end = record.get("end")
    if end not in ENDS:
        raise QuickstudyError(
            f"Record {number} has the end {end!r}; expected terminated, truncated, cut or none."
        )
    reward = record.get("reward")
    return Shown(
        record["observation"], record["action"], 0.0 if reward is None else reward, ENDS[end],
        record.get("mask"), record.get("last"),
    )  # fmt: skip


def _read_lines(file: Path) -> Iterator[Mapping[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise QuickstudyError(
                    f"{file}: line {number} is no JSON ({error}); expected one object a line."
                ) from error
            if not isinstance(record, dict):
                raise QuickstudyError(
                    f"{file}: line {number} is a {type(record).__name__}; expected one object "
                    "a line."
                )
            yield record


def _read_parquet(file: Path) -> Iterator[Mapping[str, Any]]:
    pa, parquet = pyarrow("import from")
    try:
        read = parquet.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise QuickstudyError(f"{file} cannot be read as Parquet ({error}).") from error
    with read:
        for batch in read.iter_batches():
            yield from batch.to_pylist()


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise QuickstudyError(f"{file} cannot be read ({error.strerror}).") from error
