"""Experience for other programs: JSON lines, or Parquet where pyarrow is installed.

One record an event, with the fields of `event.Event`; names as text, `kind` and `end` as the
words of the house, arrays as lists, the note as JSON's own object (in Parquet as its text).

Left out: other formats; reading either back in (`merge` takes learners, not exports; past
decisions of others are told otherwise, see `history`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from quickstudy.errors import QuickstudyError
from quickstudy.experience.columns import Block, Numbers
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.folder import write_beside
from quickstudy.experience.log import Log
from quickstudy.experience.soundness import Progress
from quickstudy.types import End

JSON_LINES, PARQUET = ".jsonl", ".parquet"
EVERY = 1_000  # events between two reports of progress
NAMED = ("job", "stream", "origin", "leader")


def export(log: Log, file: Path, progress: Progress | None = None) -> int:
    """Writes a log's events to a file, by its ending; gives how many. It is whole or not there.

    Raises:
      QuickstudyError: neither ending, the file exists, or pyarrow is missing.
      DamagedLearner: an event is damaged. DiskTrouble: the file cannot be written.
    """
    writers = {JSON_LINES: _write_lines, PARQUET: _write_parquet}
    if file.suffix not in writers:
        raise QuickstudyError(
            f"Came {file.name} to export to; expected a name that ends in {JSON_LINES} or "
            f"{PARQUET}."
        )
    if file.exists():
        raise QuickstudyError(f"{file} exists already; choose another name, or move it.")
    with write_beside(file) as new:
        return writers[file.suffix](log, new, progress)


# ---- JSON lines


def _write_lines(log: Log, file: Path, progress: Progress | None) -> int:
    count, last = 0, log.last
    with file.open("w", encoding="utf-8") as lines:
        for event in log.read():
            lines.write(json.dumps(record(event), allow_nan=False) + "\n")
            count += 1
            if progress and count % EVERY == 0:
                progress(count, last)
    return count


def record(event: Event) -> dict[str, Any]:
    """An event as JSON has it. Infinite numbers, which JSON has not, become text."""
    return {name: _plain(value) for name, value in event._asdict().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Kind | End):
        return value.name.lower()
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value


# ---- Parquet


def _write_parquet(log: Log, file: Path, progress: Progress | None) -> int:
    pa, parquet = pyarrow("export to")
    count, last, writer = 0, log.last, None
    with contextlib.ExitStack() as stack:
        for block in log.blocks():
            some = _table(pa, log, block)
            if writer is None:
                writer = stack.enter_context(
                    parquet.ParquetWriter(file, some.schema, compression="zstd")
                )
            writer.write_table(some)
            count += block.count
            if progress:
                progress(count, last)
        if writer is None:
            raise QuickstudyError("The log holds no event yet; there is nothing to export.")
    return count


def pyarrow(what: str) -> tuple[ModuleType, ModuleType]:
    """pyarrow and its Parquet.

    Raises:
      QuickstudyError: it is missing; what was meant to be done can be done with JSON lines.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise QuickstudyError(
            "Parquet needs pyarrow, which is not installed: pip install 'quickstudy[export]'; "
            f"or {what} a name that ends in {JSON_LINES}, which needs nothing."
        ) from error
    return arrow, parquet


def _table(pa: Any, log: Log, block: Block) -> Any:
    kinds = {kind.value: kind.name.lower() for kind in Kind}
    ends = {end.value: end.name.lower() for end in End}
    columns = {"n": pa.array(np.arange(block.first, block.last + 1))}
    for name in Event._fields[1:]:
        if name in NAMED:
            columns[name] = _words(pa, block.numbers(name), log.name_of)
        elif name == "kind":
            columns[name] = _words(pa, block.numbers(name), kinds.__getitem__)
        elif name == "end":
            columns[name] = _words(pa, block.numbers(name), ends.__getitem__)
        elif name in ("observation", "mask", "action"):
            of = pa.bool_() if name == "mask" else pa.float32()
            columns[name] = pa.array(block.arrays(name), pa.list_(of))
        elif name in ("key", "note"):
            columns[name] = pa.array(block.texts(name), pa.string())
        else:
            numbers = block.numbers(name)
            is_flag = name == "explored"
            values = numbers.values.astype(bool) if is_flag else numbers.values
            columns[name] = pa.array(values, mask=~numbers.known)
    return pa.table(columns)


def _words(pa: Any, numbers: Numbers, word: Callable[[int], str]) -> Any:
    """Words for numbers, each of which is looked up once."""
    known = np.unique(numbers.values[numbers.known])
    words = pa.array([word(number) for number in known.tolist()], pa.string())
    at = np.searchsorted(known, numbers.values)
    return words.take(pa.array(at, mask=~numbers.known))
