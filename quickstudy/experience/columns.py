"""Events by the column: how old ones lie on disk, and how many are read at once.

A *block* is a run of consecutive events as arrays, one for each field of `event.Row`. Packed,
each column is one small blob:

    whole numbers   steps from one to the next, in as few bytes as they need
    time            the same, of its bits: clocks move by little
    reals           four bytes where no digit is lost by it, eight otherwise
    arrays, texts   their lengths as whole numbers, and what they hold, end to end

all with bytes of equal rank side by side, then zlib. Nothing is rounded: the rows that come
out are those that went in.

Whose ideas: columns, delta coding and narrow integers as C-Store has them (Stonebraker et al.
2005); the transposed bytes are those of Blosc and HDF5 (shuffle).

Left out: better compressors (not in Python's library), dictionaries over several blocks.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from quickstudy.experience import event as rows
from quickstudy.experience.event import Row
from quickstudy.types import Array

WHOLE = (
    "kind", "job", "stream", "origin", "origin_n", "episode", "step", "decision", "end",
    "explored", "leader",
)  # fmt: skip
REAL = ("time", "reward", "worth", "spread", "support")
ARRAYS = ("observation", "mask", "action")
TEXTS = ("key", "note")
READ = (  # what `Columns` are made of
    "kind", "job", "stream", "episode", "decision", "end", "reward", "observation", "mask",
    "action",
)  # fmt: skip
NAMES = tuple(name for name in Row._fields if name != "n")  # which follows from the first

_LEVEL = 6
_NARROW = tuple(np.dtype(code) for code in ("<i1", "<i2", "<i4", "<i8"))
_SINGLE, _DOUBLE = np.dtype("<f4"), np.dtype("<f8")


class Numbers(NamedTuple):
    """values: int64 or float64 [count], 0 where there is none. known: bool [count]."""

    values: Array
    known: Array


class Pieces(NamedTuple):
    """Arrays or texts, end to end. lengths: int64 [count] in bytes, -1 where there is none."""

    lengths: Array
    content: bytes

    @property
    def ends(self) -> Array:
        """int64 [count]: where in `content` each one ends."""
        return np.cumsum(np.maximum(self.lengths, 0))


class Columns(NamedTuple):
    """Events of one job, in order: what a memory is filled from.

    n, kind, stream, episode, decision, end: int64 [N]; decision is 0 where there is none, and
    stream a number whose name `streams` knows. reward: [N], NaN where there is none.
    observation: float32 [K, R] of those K events that have one, where has_observation [N]; so
    for mask, bool [M, O], and action, float32 [L, F].
    """

    n: Array
    kind: Array
    stream: Array
    episode: Array
    decision: Array
    end: Array
    reward: Array
    observation: Array
    has_observation: Array
    mask: Array
    has_mask: Array
    action: Array
    has_action: Array
    streams: Mapping[int, str]

    def behind(self, n: int) -> Columns:
        """The events behind a position."""
        if not len(self.n) or self.n[0] > n:
            return self
        keep = self.n > n
        cut = {name: getattr(self, name) for name in self._fields}
        for name in ARRAYS:
            cut[name] = cut[name][keep[cut[f"has_{name}"]]]
        numbers = (name for name in self._fields if name not in ("streams", *ARRAYS))
        return Columns(**cut | {name: cut[name][keep] for name in numbers})


@dataclass
class Block:
    """Events `first` to `last`. A column is unpacked when it is first asked for.

    packed: by name; empty where the block was made from rows.
    """

    first: int
    count: int
    packed: Mapping[str, bytes] = field(default_factory=dict)
    _open: dict[str, Numbers | Pieces] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Sequence[Row]) -> Block:
        """The block of consecutive rows, at least one."""
        block = cls(stored[0].n, len(stored))
        by_name = dict(zip(Row._fields, zip(*stored, strict=True), strict=True))
        for name in NAMES:
            numeric = name not in ARRAYS + TEXTS
            block._open[name] = (_numbers if numeric else _pieces)(name, by_name[name])
        return block

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    def numbers(self, name: str) -> Numbers:
        """A column of WHOLE or REAL."""
        if name not in self._open:
            self._open[name] = _unpack_numbers(name, self.packed[name])
        found = self._open[name]
        assert isinstance(found, Numbers)
        return found

    def pieces(self, name: str) -> Pieces:
        """A column of ARRAYS or TEXTS."""
        if name not in self._open:
            self._open[name] = _unpack_pieces(self.packed[name])
        found = self._open[name]
        assert isinstance(found, Pieces)
        return found

    def pack(self) -> dict[str, bytes]:
        """Every column as a blob."""
        return {
            name: _pack_pieces(self.pieces(name))
            if name in ARRAYS + TEXTS
            else _pack_numbers(name, self.numbers(name))
            for name in NAMES
        }

    def rows(self, at: Array) -> Iterator[Row]:
        """The rows at some places, 0 being that of `first`; their blobs not compressed."""
        if not len(at):
            return
        lists = [self._list(name, at) for name in NAMES]
        for n, *values in zip((at + self.first).tolist(), *lists, strict=True):
            yield Row(n, *values)

    def keys(self) -> list[tuple[int, str, int]]:
        """(job, key, n) of each event that has a key."""
        at = np.flatnonzero(self.pieces("key").lengths >= 0)
        jobs = self.numbers("job").values[at].tolist()
        return list(zip(jobs, self._list("key", at), (at + self.first).tolist(), strict=True))

    def columns(self, at: Array, name_of: Callable[[int], str]) -> Columns:
        """The events at some places, all of one job.

        Raises:
          ValueError: their arrays are not all of one length.
        """
        reward, streams = self.numbers("reward"), self.numbers("stream").values[at]
        found = {
            name: self.numbers(name).values[at]
            for name in ("kind", "stream", "episode", "decision", "end")
        }
        found["n"] = at + self.first
        found["reward"] = np.where(reward.known, reward.values, np.nan)[at]
        for name in ARRAYS:
            found[name], found[f"has_{name}"] = self.matrix(name, at)
        numbers = set(streams.tolist())
        return Columns(**found, streams={number: name_of(number) for number in numbers})

    def matrix(self, name: str, at: Array) -> tuple[Array, Array]:
        """Arrays at some places: float32 or bool [K, width], and which places have one.

        Raises:
          ValueError: they are not all of one length.
        """
        pieces = self.pieces(name)
        lengths = pieces.lengths[at]
        has = lengths >= 0
        if not has.any():
            return np.zeros((0, 0), bool if name == "mask" else np.float32), has
        width, most = int(lengths[has].min()), int(lengths[has].max())
        if width < most:
            raise ValueError(f"{name}s have {width} to {most} bytes; one length was expected.")
        starts = pieces.ends[at][has] - width
        content = np.frombuffer(pieces.content, np.uint8)
        if width and (np.diff(starts) == width).all():  # end to end, as they mostly are
            found = content[starts[0] :][: width * len(starts)].reshape(-1, width)
        else:
            found = content[starts[:, None] + np.arange(width)]
        if name != "mask":
            return np.ascontiguousarray(found).view(_SINGLE).astype(np.float32, copy=False), has
        sizes = np.ascontiguousarray(found[:, :4]).view("<u4")
        size = int(sizes[0, 0])
        if (sizes != size).any():
            raise ValueError(f"masks have {size} flags and others; one number was expected.")
        return np.unpackbits(found[:, 4:], axis=1, count=size).astype(bool), has

    def arrays(self, name: str) -> list[Array | None]:
        """A column of ARRAYS, one by one."""
        unpack = rows.unpack_mask if name == "mask" else rows.unpack_numbers
        return [unpack(blob) for blob in self._list(name, np.arange(self.count))]

    def texts(self, name: str) -> list[str | None]:
        """A column of TEXTS, one by one."""
        return self._list(name, np.arange(self.count))

    def _list(self, name: str, at: Array) -> list[Any]:
        if name in ARRAYS + TEXTS:
            return list(self._cut_up(name, at))
        numbers = self.numbers(name)
        values = numbers.values[at].tolist()
        known = numbers.known[at]
        if known.all():
            return values
        return [v if k else None for v, k in zip(values, known.tolist(), strict=True)]

    def _cut_up(self, name: str, at: Array) -> Iterator[Any]:
        pieces = self.pieces(name)
        lengths, ends = pieces.lengths[at].tolist(), pieces.ends[at].tolist()
        for length, end in zip(lengths, ends, strict=True):
            if length < 0:
                yield None
                continue
            content = pieces.content[end - length : end]
            yield content.decode() if name in TEXTS else rows.AS_IT_IS + content


def joined(parts: Sequence[Columns]) -> Columns:
    """One after the other.

    Raises:
      ValueError: their arrays are not all of one length.
    """
    streams = {number: name for part in parts for number, name in part.streams.items()}
    whole = {}
    for name in Columns._fields[:-1]:
        arrays = [getattr(part, name) for part in parts]
        filled = [array for array in arrays if len(array)] or arrays[:1]
        widths = {array.shape[1:] for array in filled}
        if len(widths) > 1:
            raise ValueError(f"{name}s of one job have the shapes {sorted(widths)}.")
        whole[name] = np.concatenate(filled)
    return Columns(**whole, streams=streams)


# ---- from rows


def _numbers(name: str, values: Sequence[Any]) -> Numbers:
    known = np.array([value is not None for value in values])
    if not known.all():
        values = [0 if value is None else value for value in values]
    return Numbers(np.array(values, np.float64 if name in REAL else np.int64), known)


def _pieces(name: str, values: Sequence[Any]) -> Pieces:
    make = str.encode if name in TEXTS else rows.content
    made = [None if value is None else make(value) for value in values]
    lengths = [-1 if piece is None else len(piece) for piece in made]
    return Pieces(np.array(lengths, np.int64), b"".join(filter(None, made)))


# ---- packed


def _pack_numbers(name: str, numbers: Numbers) -> bytes:
    if numbers.known.all():
        return _join(b"", _pack_values(name, numbers.values))
    values = numbers.values[numbers.known]
    return _join(_pack_whole(numbers.known.astype(np.int64)), _pack_values(name, values))


def _unpack_numbers(name: str, blob: bytes) -> Numbers:
    known, packed = _part(blob)
    found = _unpack_values(name, packed)
    if not known:
        return Numbers(found, np.ones(len(found), bool))
    has = _unpack_whole(known).astype(bool)
    values = np.zeros(len(has), found.dtype)
    values[has] = found
    return Numbers(values, has)


def _pack_values(name: str, values: Array) -> bytes:
    if name == "time":
        return _pack_whole(values.view(np.int64))
    if name not in REAL:
        return _pack_whole(values)
    with np.errstate(over="ignore"):
        single = values.astype(_SINGLE)
    fits = np.array_equal(single, values)
    return _pack_planes(single if fits else values.astype(_DOUBLE, copy=False))


def _unpack_values(name: str, blob: bytes) -> Array:
    if name == "time":
        return _unpack_whole(blob).view(np.float64)
    if name not in REAL:
        return _unpack_whole(blob)
    return _unpack_planes(blob, (_SINGLE, _DOUBLE)).astype(np.float64)


def _pack_pieces(pieces: Pieces) -> bytes:
    width, content = _width(pieces.lengths), pieces.content
    if width:
        content = np.frombuffer(content, np.uint8).reshape(-1, width).T.tobytes()
    return _join(_pack_whole(pieces.lengths), zlib.compress(content, _LEVEL))


def _unpack_pieces(blob: bytes) -> Pieces:
    told, packed = _part(blob)
    lengths, content = _unpack_whole(told), zlib.decompress(packed)
    width = _width(lengths)
    if width:
        content = np.frombuffer(content, np.uint8).reshape(width, -1).T.tobytes()
    return Pieces(lengths, content)


def _width(lengths: Array) -> int:
    """The length that all have; 0 where they differ, or there are none."""
    known = lengths[lengths >= 0]
    return int(known[0]) if len(known) and (known == known[0]).all() else 0


def _pack_whole(values: Array) -> bytes:
    """int64 [count]; steps that are too long wrap, and wrap back."""
    steps = np.diff(values, prepend=np.int64(0))
    least, most = (int(steps.min()), int(steps.max())) if len(steps) else (0, 0)
    limits = ((kind, np.iinfo(kind)) for kind in _NARROW)
    kind = next(kind for kind, at in limits if at.min <= least and most <= at.max)
    return _pack_planes(steps.astype(kind))


def _unpack_whole(blob: bytes) -> Array:
    return np.cumsum(_unpack_planes(blob, _NARROW), dtype=np.int64)


def _pack_planes(values: Array) -> bytes:
    size = values.dtype.itemsize
    planes = values.view(np.uint8).reshape(-1, size).T.tobytes()
    return bytes([size]) + zlib.compress(planes, _LEVEL)


def _unpack_planes(blob: bytes, kinds: Sequence[np.dtype[Any]]) -> Array:
    kind = next(kind for kind in kinds if kind.itemsize == blob[0])
    planes = np.frombuffer(zlib.decompress(blob[1:]), np.uint8)
    return np.ascontiguousarray(planes.reshape(kind.itemsize, -1).T).view(kind).ravel()


def _join(first: bytes, second: bytes) -> bytes:
    return len(first).to_bytes(4, "little") + first + second


def _part(blob: bytes) -> tuple[bytes, bytes]:
    end = 4 + int.from_bytes(blob[:4], "little")
    return blob[4:end], blob[end:]
