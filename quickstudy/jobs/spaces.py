"""Gymnasium spaces as leaves: what a job shows and takes, as plain data.

A space is walked once, in the order in which Gymnasium itself lists its parts, and every
part becomes a :class:`quickstudy.types.Leaf`. From then on no space object is needed.

Left out: spaces of changing size (Text, Sequence, Graph, OneOf), and actions without
bounds: nobody can say how far "1.0" should reach there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NoReturn

import numpy as np
from gymnasium import spaces

from quickstudy.errors import UnsupportedSpace
from quickstudy.types import Array, Leaf, Spec

Role = Literal["observation", "action"]
Path = tuple[str | int, ...]

MASK_KEY = "action_mask"
LARGEST_TABLE = 512  # numbers; up to that, they are read one by one, by both speeds
SMALLEST_IMAGE = 5  # rows and columns; below that, a table is likelier than a picture
MOST_CHANNELS = 16
UNBOUNDED = 1e30  # packages write "no bound" as inf or as the largest float of a type


def spec_of(
    observation: spaces.Space,
    action: spaces.Space,
    max_steps: int | None = None,
    step_seconds: float | None = None,
) -> Spec:
    """The Spec of a job with these spaces; raises UnsupportedSpace."""
    return Spec(
        leaves(observation, "observation"), leaves(action, "action"), max_steps, step_seconds
    )


def leaves(space: spaces.Space, role: Role) -> tuple[Leaf, ...]:
    """The leaves of a space, in the order in which they are flattened.

    A top-level ``action_mask`` of a Dict observation says what is allowed; it is no leaf.

    Raises:
      UnsupportedSpace: names the part, what it is, and what to do.
    """
    return tuple(_walk(space, role, ()))


def _walk(space: spaces.Space, role: Role, path: Path) -> Iterator[Leaf]:
    if isinstance(space, spaces.Dict):
        yield from _walk_dict(space, role, path)
    elif isinstance(space, spaces.Tuple):
        _refuse_empty(len(space.spaces), role, path)
        for i, part in enumerate(space.spaces):
            yield from _walk(part, role, (*path, i))
    else:
        yield _leaf(space, role, path)


def _walk_dict(space: spaces.Dict, role: Role, path: Path) -> Iterator[Leaf]:
    _refuse_empty(len(space.spaces), role, path)
    for key, part in space.spaces.items():
        if not isinstance(key, str):
            _refuse(role, path, f"a Dict with the key {key!r}", "name its keys with text")
        if role == "observation" and path == () and key == MASK_KEY:
            continue
        yield from _walk(part, role, (*path, key))


def _leaf(space: spaces.Space, role: Role, path: Path) -> Leaf:
    sizes: tuple[int, ...]
    start: tuple[int, ...]
    shape: tuple[int, ...]
    match space:
        case spaces.Box():
            return _box(space, role, path)
        case spaces.Discrete():
            sizes, start, shape = (int(space.n),), (int(space.start),), ()
        case spaces.MultiDiscrete():
            sizes, start, shape = _integers(space.nvec), _integers(space.start), space.shape
        case spaces.MultiBinary():
            shape = _integers(np.array(space.shape))
            sizes = (2,) * int(np.prod(shape))
            start = (0,) * len(sizes)
        case _:
            _refuse(role, path, f"a {type(space).__name__} space", _alternative(role))
    dtype = np.dtype(space.dtype).name
    return Leaf(path, "discrete", shape, dtype, sizes=sizes, start=start)


def _box(space: spaces.Box, role: Role, path: Path) -> Leaf:
    low, high = _bounds(space)
    if role == "action" and not (np.isfinite(low).all() and np.isfinite(high).all()):
        what = f"a Box without finite bounds (low {_span(low)}, high {_span(high)})"
        _refuse(role, path, what, _alternative(role))
    shape = tuple(int(n) for n in space.shape)
    is_image = role == "observation" and looks_like_image(shape)
    kind: Literal["image", "box"] = "image" if is_image else "box"
    return Leaf(path, kind, shape, np.dtype(space.dtype).name, _shared(low), _shared(high))


def _bounds(space: spaces.Box) -> tuple[Array, Array]:
    """Bounds [width] in float64; infinite where there are none in practice."""
    low = np.asarray(space.low, np.float64).ravel()
    high = np.asarray(space.high, np.float64).ravel()
    # Gymnasium stores "unbounded" in an integer Box as the type's own limits.
    open_low = ~np.ravel(space.bounded_below) | (low <= -UNBOUNDED)
    open_high = ~np.ravel(space.bounded_above) | (high >= UNBOUNDED)
    return np.where(open_low, -np.inf, low), np.where(open_high, np.inf, high)


def looks_like_image(shape: tuple[int, ...]) -> bool:
    """Whether a Box of this shape is rows, columns and channels, in either order."""
    if len(shape) != 3:
        return False
    rows, columns, channels = shape[1:] + shape[:1] if channels_first(shape) else shape
    is_small = rows * columns * channels <= LARGEST_TABLE
    is_like = min(rows, columns) >= SMALLEST_IMAGE and 1 <= channels <= MOST_CHANNELS
    return is_like and not is_small


def channels_first(shape: tuple[int, ...]) -> bool:
    """Whether an image of this shape is [channels, rows, columns]."""
    return shape[0] < min(shape[1:])


def _shared(bound: Array) -> tuple[float, ...]:
    """One number where all entries share it."""
    if bound.size and (bound == bound[0]).all():
        return (float(bound[0]),)
    return tuple(bound.tolist())


def _integers(array: Array) -> tuple[int, ...]:
    return tuple(int(n) for n in np.ravel(array))


def _span(bound: Array) -> str:
    least, most = bound.min(), bound.max()
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"


def _refuse_empty(parts: int, role: Role, path: Path) -> None:
    if parts == 0 and role == "action":
        _refuse(role, path, "an empty Dict or Tuple", "leave it out of the action space")


def _refuse(role: Role, path: Path, what: str, advice: str) -> NoReturn:
    where = f"The {role}'s part '{'/'.join(map(str, path))}'" if path else f"The {role} space"
    raise UnsupportedSpace(
        f"{where} is {what}; supported are Box"
        f"{' with finite bounds' if role == 'action' else ''}, Discrete, MultiDiscrete, "
        f"MultiBinary, and Dict or Tuple of these: {advice}."
    )


def _alternative(role: Role) -> str:
    if role == "observation":
        return (
            "drop it with gymnasium.wrappers.FilterObservation or turn it into numbers "
            "with gymnasium.wrappers.TransformObservation"
        )
    return "give it bounds, or another form, with gymnasium.wrappers.TransformAction"
