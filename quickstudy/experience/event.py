"""One event of a learner's experience, and how it lies in a row.

A row holds numbers in columns of their own (so that "what happened on Tuesday?" is a query),
arrays as small blobs, and a checksum over every column in one canonical form.

A blob is one byte that says how the rest is packed (0 as it is, 1 zlib), then float32
numbers, little-endian; for a mask its length (uint32) and eight flags to a byte.

Whose idea: event sourcing (what happened is kept, everything else is derived from it), and a
checksum on every record as log-structured stores have it.

Left out: arrays of more than one axis and other precisions (a job's arrays are flat float32
throughout the house); a cryptographic seal (the checksum finds rot, not forgery).
"""

from __future__ import annotations

import enum
import json
import struct
import zlib
from typing import Any, NamedTuple

import numpy as np

from quickstudy.types import Array, End

COMPRESS_ABOVE_BYTES = 512
AS_IT_IS, _ZLIB = b"\0", b"\1"
_NAN = float("nan")
_NO_NUMBER = -(2**63)


class Kind(enum.IntEnum):
    """What sort of thing happened. A new one needs a new `table.FORMAT`; none changes."""

    JOB = 1
    """A job's spec was declared (note: the spec)."""
    EPISODE = 2
    """An episode begins (note: its seed and the like)."""
    DECISION = 3
    """The learner chose."""
    OUTCOME = 4
    """What followed a decision: reward, next observation, end. May be late or partial."""
    NOTE = 5
    """Anything else worth keeping: exam results, cuts, marks of study."""
    INHERITANCE = 6
    """A job's mind starts from what others taught (observation: parameters; note: the rest)."""


LOST = "lost"  # in the note of an event that stands where others were lost (see `salvage`)
VETO = "veto"  # the stream of what was forbidden, as if it had happened; and who "took" it
DROPPED = "dropped"  # in the note after which steps what other jobs taught was dropped


class Event(NamedTuple):
    """Something that happened.

    n: position in this log, from 1, without gaps.
    time: when it was appended [unix s]; the order is n, clocks may jump.
    job, stream: where; `stream` tells episodes of one job apart that run side by side.
    episode, step: numbers from 0 that the caller keeps.
    decision: for an outcome, the n of the decision that it belongs to.
    key: idempotency key; one job has each key once.
    observation, action: float32 [·], read-only. mask: bool [·], read-only.
    reward: in the job's units. end: whether and why the episode stopped here.
    explored, leader, worth, spread, support: of a decision, see `types.Decision`.
    note: what JSON can hold.
    origin, origin_n: uid of the learner to whom it happened first, and its n there.
    """

    n: int
    time: float
    kind: Kind
    job: str
    stream: str
    episode: int
    step: int
    decision: int | None
    key: str | None
    observation: Array | None
    mask: Array | None
    action: Array | None
    reward: float | None
    end: End
    explored: bool
    leader: str | None
    worth: float | None
    spread: float | None
    support: float | None
    note: dict[str, Any] | None
    origin: str
    origin_n: int


class Row(NamedTuple):
    """An event as it is stored; names are numbers here (see the table `names`)."""

    n: int
    time: float
    kind: int
    job: int
    stream: int
    origin: int
    origin_n: int
    episode: int
    step: int
    decision: int | None
    key: str | None
    observation: bytes | None
    mask: bytes | None
    action: bytes | None
    reward: float | None
    end: int
    explored: int
    leader: int | None
    worth: float | None
    spread: float | None
    support: float | None
    note: str | None


# Whole numbers, reals, and the lengths of what follows; in the order of `checksum`.
_CANON = struct.Struct("<12q5d5q")


def checksum(row: Row) -> int:
    """CRC-32 over every column, in a form that does not depend on how SQLite stores it.

    None counts as -2^63, NaN or length -1, which no column holds otherwise.

    Raises:
      Exception: of various kinds, where a column has a type that it never was given.
    """
    (n, time, kind, job, stream, origin, origin_n, episode, step, decision, key,
     observation, mask, action, reward, end, explored, leader, worth, spread, support,
     note) = row  # fmt: skip
    key_bytes = None if key is None else key.encode()
    note_bytes = None if note is None else note.encode()
    crc = zlib.crc32(
        _CANON.pack(
            n, kind, job, stream, origin, origin_n, episode, step, end, explored,
            _NO_NUMBER if decision is None else decision,
            _NO_NUMBER if leader is None else leader,
            time,
            _NAN if reward is None else reward,
            _NAN if worth is None else worth,
            _NAN if spread is None else spread,
            _NAN if support is None else support,
            -1 if key_bytes is None else len(key_bytes),
            -1 if observation is None else len(observation),
            -1 if mask is None else len(mask),
            -1 if action is None else len(action),
            -1 if note_bytes is None else len(note_bytes),
        )
    )  # fmt: skip
    for part in (key_bytes, observation, mask, action, note_bytes):
        if part:
            crc = zlib.crc32(part, crc)
    return crc


def pack_numbers(numbers: Any, what: str) -> bytes | None:
    """Copies a flat array into a blob (not compressed yet: see `compressed`)."""
    if numbers is None:
        return None
    array = np.asarray(numbers, dtype="<f4")
    if array.ndim != 1:
        raise ValueError(f"{what} has shape {array.shape}; the log takes flat arrays.")
    return AS_IT_IS + array.tobytes()


def pack_mask(mask: Any) -> bytes | None:
    """Copies a flat array of flags into a blob, eight to a byte."""
    if mask is None:
        return None
    array = np.asarray(mask, dtype=bool)
    if array.ndim != 1:
        raise ValueError(f"mask has shape {array.shape}; the log takes flat arrays.")
    return AS_IT_IS + len(array).to_bytes(4, "little") + np.packbits(array).tobytes()


def compressed(row: Row) -> Row:
    """The row with its long blobs compressed, where that makes them smaller."""
    blobs = row.observation, row.mask, row.action
    if max(len(blob or b"") for blob in blobs) <= COMPRESS_ABOVE_BYTES:
        return row
    observation, mask, action = map(_compress, blobs)
    return row._replace(observation=observation, mask=mask, action=action)


def _compress(blob: bytes | None) -> bytes | None:
    if blob is None or len(blob) <= COMPRESS_ABOVE_BYTES:
        return blob
    packed = _ZLIB + zlib.compress(blob[1:], 1)
    return packed if len(packed) < len(blob) else blob


def content(blob: bytes) -> bytes:
    """What a blob holds, not compressed."""
    return zlib.decompress(blob[1:]) if blob[:1] == _ZLIB else blob[1:]


def unpack_numbers(blob: bytes | None) -> Array | None:
    """The array of `pack_numbers`, read-only."""
    if blob is None:
        return None
    return np.frombuffer(content(blob), dtype="<f4").astype(np.float32, copy=False)


def unpack_mask(blob: bytes | None) -> Array | None:
    """The array of `pack_mask`, read-only."""
    if blob is None:
        return None
    held = content(blob)
    bits = np.frombuffer(held, dtype=np.uint8, offset=4)
    mask = np.unpackbits(bits, count=int.from_bytes(held[:4], "little")).astype(bool)
    mask.flags.writeable = False
    return mask


def pack_note(note: dict[str, Any] | None) -> str | None:
    """JSON text; numpy's numbers and arrays become plain ones."""
    if note is None:
        return None
    return _JSON.encode(note)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"A note holds a {type(value).__name__}, which JSON cannot hold.")


# One for all: `json.dumps` with options makes an encoder a call, a third of the time.
_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_plain)
