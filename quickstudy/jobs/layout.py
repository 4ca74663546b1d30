"""What a job sends and takes, as flat arrays and back.

A :class:`Layout` is made once for a Spec and then used at every step: `pack` turns an
observation into one float32 array and a mask, `unpack` turns a flat action (choices, then
amounts) into what ``env.step`` takes, `pack_action` is its inverse. All the checking of
what a job sends happens here, once, so that nothing behind it needs to check again.

Numbers become float32: an integer above 2²⁴ loses its last digits. A box whose values
leave its declared bounds is let through (many packages declare them loosely); `check_job`
reports it.

Left out: batches. A job is one stream.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from quickstudy.errors import BadAction, BadObservation, QuickstudyError
from quickstudy.jobs.masks import MaskReader
from quickstudy.jobs.spaces import MASK_KEY, Role, leaves, spec_of
from quickstudy.jobs.specs import describe_change, spec_from_json, spec_to_json
from quickstudy.types import Array, Leaf, Observation, Spec

__all__ = [
    "Layout",
    "describe_change",
    "leaves",
    "pack",
    "pack_action",
    "spec_from_json",
    "spec_of",
    "spec_to_json",
    "unpack",
]

SAFE_SQUARES = 1e37  # a sum of squares below this means: finite, and fits float32
LARGEST = float(np.finfo(np.float32).max)
TOLERANCE = 1e-5  # of a box's span: what float32 rounding may add to a bound

Reader = Callable[[Any], Array]


class Layout:
    """How a Spec's flat arrays correspond to what the job itself sends and takes."""

    def __init__(self, spec: Spec):
        self.spec = spec
        self._observed = tuple(
            (leaf, _reader(leaf, "observation")) for leaf in spec.observation
        )
        self._alone = _only(self._observed)
        self._masks = MaskReader(spec) if spec.options else None
        self._done = tuple((leaf, _reader(leaf, "action")) for leaf in spec.action)
        self._writers = tuple(_writers(spec))
        self._action_shape = (len(spec.choices) + spec.amounts,)

    def pack(
        self, observation: Any, info: Mapping[str, Any] | None = None, over: bool = False
    ) -> Observation:
        """An observation in the job's own terms as a flat one, with its mask.

        Args:
          observation: as ``env.step`` returns it. Nested parts may also be lists, as JSON
            brings them.
          info: what came with it; its ``action_mask`` counts before the observation's own.
          over: whether the episode ended here; then a mask may allow nothing.

        Returns:
          New arrays: the job may overwrite its own.

        Raises:
          BadObservation: a part that is missing, not finite, or of another shape, type or
            range; a mask that does not fit. Names the part, what came, what was expected.
        """
        raw = self._alone(observation) if self._alone else self._join(observation)
        if self._masks is None:
            return Observation(raw)
        mask = info.get(MASK_KEY) if info else None
        if mask is None and isinstance(observation, Mapping):
            mask = observation.get(MASK_KEY)
        return Observation(raw, None if mask is None else self._masks.read(mask, over))

    def unpack(self, flat: Array) -> Any:
        """A flat action (choices, then amounts in [-1, 1]) in the job's own terms.

        Discrete gives a plain int; boxes are rescaled to their bounds, and clipped there;
        integer boxes round to the nearest. Arrays are new and have the job's dtype.

        Raises:
          BadAction: another length, not finite, or a choice that is none of the options.
        """
        flat = np.asarray(flat)
        if flat.shape != self._action_shape:
            _fail(BadAction, "action", None, f"shape {flat.shape}", f"{self._action_shape}")
        if len(self._writers) == 1 and self._writers[0][0].path == ():
            return self._writers[0][1](flat)
        return _nest([(leaf.path, write(flat)) for leaf, write in self._writers])

    def pack_action(self, action: Any) -> Array:
        """An action in the job's own terms as a flat one, float32; inverts `unpack`.

        Raises:
          BadAction: as `pack`; also a box outside its bounds.
        """
        parts = [(leaf, read(_part(action, leaf, "action"))) for leaf, read in self._done]
        choices = [part for leaf, part in parts if leaf.kind == "discrete"]
        amounts = [_to_amounts(leaf, part) for leaf, part in parts if leaf.kind != "discrete"]
        empty = [np.zeros(0, np.float32)]
        return np.concatenate(empty + choices + amounts).astype(np.float32)

    def _join(self, observation: Any) -> Array:
        parts = [read(_part(observation, leaf, "observation")) for leaf, read in self._observed]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)


@lru_cache(maxsize=64)
def _layout(spec: Spec) -> Layout:
    return Layout(spec)


def pack(spec: Spec, observation: Any, info: Mapping[str, Any] | None = None) -> Observation:
    """`Layout.pack` for occasional use; in a loop, hold a Layout."""
    return _layout(spec).pack(observation, info)


def unpack(spec: Spec, flat: Array) -> Any:
    """`Layout.unpack` for occasional use; in a loop, hold a Layout."""
    return _layout(spec).unpack(flat)


def pack_action(spec: Spec, action: Any) -> Array:
    """`Layout.pack_action` for occasional use; in a loop, hold a Layout."""
    return _layout(spec).pack_action(action)


# ── Reading one leaf ────────────────────────────────────────────────────────────────────


def _only(readers: tuple[tuple[Leaf, Reader], ...]) -> Reader | None:
    """The reader of a space that is a single leaf, which needs no walk."""
    return readers[0][1] if len(readers) == 1 and readers[0][0].path == () else None


def _reader(leaf: Leaf, role: Role) -> Reader:
    if leaf.kind != "discrete":
        return _box_reader(leaf, role)
    return _choices_reader(leaf, role) if leaf.shape else _choice_reader(leaf, role)


def _box_reader(leaf: Leaf, role: Role) -> Reader:
    shape, is_flat = leaf.shape, len(leaf.shape) == 1

    def read(value: Any) -> Array:
        if type(value) is not np.ndarray or value.dtype.kind not in "fiub":
            value = _numbers(value, leaf, role)
        if value.shape != shape:
            _misfit(leaf, role, value)
        if value.dtype.kind == "f":
            # One dot product finds NaN, infinity and what would overflow float32 (the cast
            # would warn of that): in float64 no square of a float32 overflows.
            value = value.astype(np.float64).reshape(-1)
            if not _squares(value) < SAFE_SQUARES:
                _refuse_infinite(leaf, role, value)
        raw: Array = value.astype(np.float32)
        return raw if is_flat else raw.reshape(-1)

    return read


def _squares(value: Array) -> float:
    try:
        return float(value.dot(value))
    except RuntimeWarning:  # overflow, where warnings are errors
        return float("inf")


def _refuse_infinite(leaf: Leaf, role: Role, value: Array) -> None:
    """The exact test behind the fast one: returns where all is finite and fits float32."""
    fits = np.abs(value) <= LARGEST  # False for NaN
    if fits.all():
        return
    i = int(np.argmin(fits))
    _fail(
        _error(role),
        role,
        leaf,
        f"{value[i]:g} at entry {i}",
        "finite numbers that fit float32",
        "find out where it comes from (a division, a sensor), or replace it before it is sent",
    )


def _choice_reader(leaf: Leaf, role: Role) -> Reader:
    size, start = leaf.sizes[0], leaf.start[0]

    def read(value: Any) -> Array:
        try:
            index = operator.index(value) - start
        except TypeError:
            _misfit(leaf, role, value)
        if not 0 <= index < size:
            _fail(_error(role), role, leaf, str(value), _options(leaf))
        return np.array([index], np.float32)

    return read


def _choices_reader(leaf: Leaf, role: Role) -> Reader:
    start = np.array(leaf.start, np.int64)
    sizes = np.array(leaf.sizes, np.int64)

    def read(value: Any) -> Array:
        value = _numbers(value, leaf, role)
        if value.shape != leaf.shape:
            _misfit(leaf, role, value)
        index = value.ravel() - start
        fits = (index >= 0) & (index < sizes) & (index == np.floor(index))
        if not fits.all():
            i = int(np.argmin(fits))
            came = f"{value.ravel()[i]} at entry {i}"
            _fail(_error(role), role, leaf, came, _options(leaf, i))
        return index.astype(np.float32)

    return read


def _numbers(value: Any, leaf: Leaf, role: Role) -> Array:
    """Whatever came, as an array of numbers; text and None are none."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):  # lists of different lengths
        _misfit(leaf, role, value)
    if array.dtype.kind not in "fiub":
        _misfit(leaf, role, value)
    return array


def _part(nest: Any, leaf: Leaf, role: Role) -> Any:
    """Follows a leaf's path through dicts and tuples."""
    for depth, key in enumerate(leaf.path):
        try:
            if isinstance(key, str) != isinstance(nest, Mapping):
                raise TypeError
            nest = nest[key]
        except (KeyError, IndexError, TypeError):
            _missing(nest, leaf, depth, role)
    return nest


def _missing(nest: Any, leaf: Leaf, depth: int, role: Role) -> NoReturn:
    key = leaf.path[depth]
    expected = f"a dict with the key {key!r}" if isinstance(key, str) else "a tuple"
    if isinstance(nest, Mapping):
        came = f"a dict with the keys {_short(', '.join(map(repr, nest)) or 'none')}"
    elif isinstance(nest, tuple | list) and isinstance(key, int):
        came, expected = f"{len(nest)} entries", f"more than {key}"
    else:
        came = _came(nest)
    _fail(_error(role), role, leaf, came, expected)


# ── Writing actions ─────────────────────────────────────────────────────────────────────


def _writers(spec: Spec) -> Iterator[tuple[Leaf, Callable[[Array], Any]]]:
    choice, amount = 0, len(spec.choices)
    for leaf in spec.action:
        if leaf.kind == "discrete":
            yield leaf, _choice_writer(leaf, slice(choice, choice + leaf.width))
            choice += leaf.width
        else:
            yield leaf, _box_writer(leaf, slice(amount, amount + leaf.width))
            amount += leaf.width


def _choice_writer(leaf: Leaf, where: slice) -> Callable[[Array], Any]:
    if leaf.shape == ():
        return _one_choice_writer(leaf, where.start)
    sizes, start = np.array(leaf.sizes), np.array(leaf.start)
    dtype = np.dtype(leaf.dtype)

    def write(flat: Array) -> Any:
        index = flat[where]
        fits = (index >= 0) & (index < sizes) & (index == np.floor(index))
        if not fits.all():
            i = int(np.argmin(fits))
            _fail(BadAction, "action", leaf, f"choice {index[i]:g}", f"0 to {sizes[i] - 1}")
        return (index.astype(np.int64) + start).astype(dtype).reshape(leaf.shape)

    return write


def _one_choice_writer(leaf: Leaf, i: int) -> Callable[[Array], int]:
    size, start = leaf.sizes[0], leaf.start[0]

    def write(flat: Array) -> int:
        index = flat.item(i)
        if not 0 <= index < size or index != int(index):
            _fail(BadAction, "action", leaf, f"choice {index:g}", f"0 to {size - 1}")
        return int(index) + start

    return write


def _box_writer(leaf: Leaf, where: slice) -> Callable[[Array], Array]:
    low, high = _bounds(leaf)
    middle, reach = low / 2 + high / 2, high / 2 - low / 2
    dtype, is_flat = np.dtype(leaf.dtype), len(leaf.shape) == 1
    is_whole = dtype.kind != "f"

    def write(flat: Array) -> Array:
        amounts = flat[where] * reach + middle
        if not _squares(amounts) < SAFE_SQUARES:
            _refuse_infinite(leaf, "action", amounts)
        # Clipped after scaling: rounding may leave the bounds by a hair.
        amounts = np.minimum(np.maximum(amounts, low), high)
        if is_whole:
            amounts = np.rint(amounts)
        amounts = amounts.astype(dtype)
        return amounts if is_flat else amounts.reshape(leaf.shape)

    return write


def _to_amounts(leaf: Leaf, part: Array) -> Array:
    """A box's entries as amounts in [-1, 1]; 0 where its bounds leave no room."""
    low, high = _bounds(leaf)
    slack = TOLERANCE * np.maximum(high - low, np.abs(high))
    fits = (part >= low - slack) & (part <= high + slack)
    if not fits.all():
        i = int(np.argmin(fits))
        expected = f"{np.broadcast_to(low, fits.shape)[i]:g} to "
        expected += f"{np.broadcast_to(high, fits.shape)[i]:g}"
        _fail(BadAction, "action", leaf, f"{part[i]:g} at entry {i}", expected, "clip it first")
    room = high > low
    scaled = (part - (low / 2 + high / 2)) / np.where(room, high / 2 - low / 2, 1.0)
    return np.where(room, np.clip(scaled, -1.0, 1.0), 0.0).astype(np.float32)


def _bounds(leaf: Leaf) -> tuple[Array, Array]:
    """Bounds in float64, [1] where shared, else [width]."""
    return np.array(leaf.low, np.float64), np.array(leaf.high, np.float64)


def _nest(parts: list[tuple[tuple[str | int, ...], Any]]) -> Any:
    """Puts parts back into the dicts and tuples that their paths came from."""
    if len(parts) == 1 and parts[0][0] == ():
        return parts[0][1]
    groups: dict[str | int, list[tuple[tuple[str | int, ...], Any]]] = {}
    for path, value in parts:
        groups.setdefault(path[0], []).append((path[1:], value))
    nested = {key: _nest(group) for key, group in groups.items()}
    is_tuple = all(isinstance(key, int) for key in nested)
    return tuple(nested.values()) if is_tuple else nested


# ── Saying what is wrong ────────────────────────────────────────────────────────────────


def _error(role: Role) -> type[QuickstudyError]:
    return BadObservation if role == "observation" else BadAction


def _misfit(leaf: Leaf, role: Role, value: Any) -> NoReturn:
    _fail(_error(role), role, leaf, _came(value), _expected(leaf))


def _fail(
    error: type[QuickstudyError],
    role: Role,
    leaf: Leaf | None,
    came: str,
    expected: str,
    advice: str = "",
) -> NoReturn:
    if not advice:
        advice = "make the job return what its space declares"
        if role == "action":
            advice = "send what the job's spec declares"
    part = f"{role}'s part '{leaf.name}'" if leaf and leaf.path else role
    raise error(f"The {part} does not fit: came {came}, expected {expected}; {advice}.")


def _came(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return f"an array of shape {value.shape} and type {value.dtype}"
    return f"{type(value).__name__} {_short(repr(value))}"


def _expected(leaf: Leaf) -> str:
    if leaf.kind != "discrete":
        return f"an array of shape {leaf.shape} and type {leaf.dtype}"
    if leaf.shape:
        return f"an array of shape {leaf.shape} of whole numbers"
    return f"a whole number, {_options(leaf)}"


def _options(leaf: Leaf, i: int = 0) -> str:
    return f"{leaf.start[i]} to {leaf.start[i] + leaf.sizes[i] - 1}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
