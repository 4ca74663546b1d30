"""Action masks: what a job allows now, as one flat array of options.

Environments say it in many ways. Understood are: one array over all options in the order
of the flat action; Gymnasium's own forms (an array for Discrete, a tuple of arrays for
MultiDiscrete, an array of 0 "must be 0", 1 "must be 1", 2 "either" for MultiBinary); and
dicts or tuples of these, shaped as the action is. A part that is missing or None is free.

Left out: joint masks over pairs of factors; they don't factor into options.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from quickstudy.errors import BadObservation
from quickstudy.types import Array, Leaf, Spec

ADVICE = "see quickstudy.jobs.masks for the forms that are understood"


class MaskReader:
    """Reads masks for one action spec. Made once a job; `read` runs at every step."""

    def __init__(self, spec: Spec):
        self._leaves = tuple(leaf for leaf in spec.action if leaf.kind == "discrete")
        self._size = spec.options
        self._one_factor = len(spec.choices) == 1
        self._factor_starts = np.cumsum((0, *spec.choices[:-1]))

    def read(self, mask: Any, over: bool = False) -> Array | None:
        """A mask in the job's own form as bool [options]; None where all is allowed.

        Args:
          mask: as the job sends it; None where it sends none.
          over: whether the episode has ended here; then a mask that allows nothing is
            no mistake (many jobs send zeros), and means None.

        Raises:
          BadObservation: wrong form or length, entries other than 0 and 1, or a factor
            with no option left.
        """
        if mask is None:
            return None
        if type(mask) is np.ndarray and mask.shape == (self._size,):
            flat = _booleans(mask, "action mask")
        else:
            flat = self._join(mask)
        return self._at_least_one(flat, over)

    def _at_least_one(self, flat: Array, over: bool) -> Array | None:
        if self._one_factor:
            if flat.any():
                return flat
        else:
            free = np.logical_or.reduceat(flat, self._factor_starts)
            if free.all():
                return flat
        if over:
            return None
        raise BadObservation(
            f"The action mask allows nothing{self._where_nothing(flat)}; expected at least one "
            "allowed option in each choice: end the episode where nothing can be done."
        )

    def _where_nothing(self, flat: Array) -> str:
        if self._one_factor:
            return f" (all {self._size} options are forbidden)"
        free = np.logical_or.reduceat(flat, self._factor_starts)
        owners = [(leaf, i) for leaf in self._leaves for i in range(len(leaf.sizes))]
        leaf, i = owners[int(np.argmin(free))]
        part = f" of part '{leaf.name}'" if leaf.path else ""
        return f" in choice {i}{part}"

    def _join(self, mask: Any) -> Array:
        if not isinstance(mask, Mapping) and _is_flat(mask, self._size):
            return _booleans(np.asarray(mask), "action mask")
        parts = [_leaf_mask(leaf, _part(mask, leaf, self._size)) for leaf in self._leaves]
        return np.concatenate(parts)


def _is_flat(mask: Any, size: int) -> bool:
    """Whether this is one list over all options, and not one entry a part."""
    try:
        array = np.asarray(mask)
    except ValueError:  # parts of different lengths
        return False
    return array.shape == (size,) and array.dtype.kind != "O"


def _part(mask: Any, leaf: Leaf, options: int) -> Any:
    """The leaf's own mask in a nest; None where the nest does not go there."""
    for key in leaf.path:
        if mask is None:
            return None
        try:
            mask = mask.get(key) if isinstance(mask, Mapping) else mask[key]
        except (KeyError, IndexError, TypeError):
            raise BadObservation(
                f"The action mask has no part '{leaf.name}'; came {_came(mask)}, expected the "
                f"action's own nest, or one array over all {options} options: {ADVICE}."
            ) from None
    return mask


def _leaf_mask(leaf: Leaf, mask: Any) -> Array:
    options = sum(leaf.sizes)
    name = f"action mask's part '{leaf.name}'" if leaf.path else "action mask"
    if mask is None:
        return np.ones(options, bool)
    if _is_flat(mask, options):
        return _booleans(np.asarray(mask), name)
    if _is_multi_binary(leaf) and np.shape(mask) == leaf.shape:
        return _from_either(np.asarray(mask), name)
    return _from_factors(leaf, mask, name)


def _is_multi_binary(leaf: Leaf) -> bool:
    return leaf.dtype == "int8" and set(leaf.sizes) == {2}


def _from_either(mask: Array, name: str) -> Array:
    """Gymnasium's MultiBinary mask (0, 1, or 2 for either) as [2 · entries]."""
    if not np.isin(mask, (0, 1, 2)).all():
        raise BadObservation(
            f"The {name} holds {_came(mask)}; a MultiBinary mask holds 0 (must be 0), "
            "1 (must be 1) or 2 (either)."
        )
    return np.stack([mask.ravel() != 1, mask.ravel() != 0], axis=1).ravel()


def _from_factors(leaf: Leaf, mask: Any, name: str) -> Array:
    """One array a factor, nested as the leaf's shape."""
    parts = []
    for index, size in zip(np.ndindex(leaf.shape), leaf.sizes, strict=True):
        part = mask
        try:
            for i in index:
                part = part[i]
            fits = np.shape(part) == (size,)
        except (IndexError, KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            factors = f", or {len(leaf.sizes)} arrays of {_sizes(leaf)}" if leaf.shape else ""
            raise BadObservation(
                f"The {name} does not fit: came {_came(mask)}, expected an array of "
                f"{sum(leaf.sizes)} options{factors}: {ADVICE}."
            )
        parts.append(_booleans(np.asarray(part), name))
    return np.concatenate(parts)


def _booleans(mask: Array, name: str) -> Array:
    """A copy as bool. Anything but 0 and 1 is more likely logits than a mask."""
    if mask.dtype.kind == "b":
        return mask.copy()
    if mask.dtype.kind in "iuf" and ((mask == 0) | (mask == 1)).all():
        return mask.astype(bool)
    raise BadObservation(
        f"The {name} holds {_came(mask)}; expected only 1 (allowed) and 0 (forbidden)."
    )


def _sizes(leaf: Leaf) -> str:
    shown = ", ".join(map(str, leaf.sizes[:8]))
    return shown + ("…" if len(leaf.sizes) > 8 else "")


def _came(mask: Any) -> str:
    if isinstance(mask, np.ndarray) and mask.dtype.kind != "O":
        text = np.array2string(mask.ravel(), threshold=8, edgeitems=3)
        return f"{mask.dtype} {mask.shape} {text}"
    text = repr(mask)
    return text if len(text) <= 60 else f"{type(mask).__name__} {text[:50]}…"
