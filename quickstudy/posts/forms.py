"""Spaces as JSON: what a caller may declare, and how it is read and written.

    {"type": "box", "shape": [2], "low": 0, "high": [1, null], "names": ["heat", "flow"]}
    {"type": "discrete", "n": 2, "labels": ["keep", "open"]}
    {"type": "dict", "parts": {"tank": {…}, "hour": {…}}}
    {"type": "candidates", "most": 10, "features": 5}            (as an action alone)

Left out: texts, sequences, bounds of the observation as a check (see `jobs.layout`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from gymnasium import spaces

from quickstudy.errors import BadObservation, QuickstudyError, did_you_mean
from quickstudy.types import Array

LARGEST_BOX = 1_000_000  # numbers
MOST_OPTIONS = 10_000
TYPES = ("box", "discrete", "dict", "candidates")

Json = Mapping[str, Any]


def space(said: Any, part: str) -> spaces.Space[Any]:
    """A space as JSON → Gymnasium's. QuickstudyError names the part."""
    if not isinstance(said, Mapping) or said.get("type") not in TYPES:
        refuse(part, said, f'an object with a "type": {", ".join(TYPES)}')
    kind = said["type"]
    _check_keys(said, part)
    if kind == "box":
        return _box(said, part)
    if kind == "discrete":
        labels, n = said.get("labels"), said.get("n", len(said.get("labels") or ()))
        if not is_whole(n) or not 1 <= n <= MOST_OPTIONS:
            refuse(f"{part}/n", n, f"a number of options from 1 to {MOST_OPTIONS}")
        if labels is not None and not (is_names(labels) and len(labels) == n):
            refuse(f"{part}/labels", labels, f"{n} different texts")
        return spaces.Discrete(n)
    if kind == "dict":
        parts = said.get("parts")
        if not isinstance(parts, Mapping) or not parts:
            refuse(f"{part}/parts", parts, "an object of named spaces")
        # Pairs keep their order: Gymnasium sorts the keys of a plain dict.
        return spaces.Dict(
            [(name, space(one, f"{part}/{name}")) for name, one in parts.items()]
        )
    return refuse(part, "candidates", "them as the action itself, nowhere else")


def actions(said: Any) -> spaces.Space[Any]:
    if isinstance(said, Mapping) and said.get("type") == "candidates":
        _check_keys(said, "action")
        for key, most in (("most", MOST_OPTIONS), ("features", MOST_OPTIONS)):
            if not is_whole(said.get(key)) or not 1 <= said[key] <= most:
                refuse(f"action/{key}", said.get(key), f"a whole number from 1 to {most}")
        if said["most"] * said["features"] > LARGEST_BOX:
            refuse("action", said, f"at most {LARGEST_BOX} features in all")
        return spaces.Discrete(said["most"])
    return space(said, "action")


_KEYS = {
    "box": {"shape", "low", "high", "names"},
    "discrete": {"n", "labels"},
    "dict": {"parts"},
    "candidates": {"most", "features"},
}


def _check_keys(said: Json, part: str) -> None:
    for key in said.keys() - {"type"}:
        known = _KEYS[said["type"]]
        if key not in known:
            near = did_you_mean(str(key), known)
            refuse(f"{part}/{key}", said[key], f"only {', '.join(sorted(known))}", near)


def _box(said: Json, part: str) -> spaces.Box:
    names = said.get("names")
    shape = said.get("shape", None if names is None else [len(names)])
    if not isinstance(shape, Sequence) or isinstance(shape, str) or len(shape) > 8:
        refuse(f"{part}/shape", shape, "a list of lengths, as [4]")
    if not all(is_whole(n) and n >= 1 for n in shape) or math.prod(shape) > LARGEST_BOX:
        refuse(f"{part}/shape", shape, f"lengths from 1, at most {LARGEST_BOX} numbers in all")
    if names is not None and not (is_names(names) and [len(names)] == list(shape)):
        refuse(f"{part}/names", names, f"different texts, as many as shape {shape} has numbers")
    low = _bound(said.get("low"), -math.inf, tuple(shape), f"{part}/low")
    high = _bound(said.get("high"), math.inf, tuple(shape), f"{part}/high")
    if not (low <= high).all():
        refuse(f"{part}/low", said.get("low"), f"nothing above the bound high {said['high']}")
    return spaces.Box(low, high, tuple(shape), np.float32)


def _bound(said: Any, none: float, shape: tuple[int, ...], part: str) -> Array:
    if said is None:
        return np.full(shape, none, np.float32)
    try:
        bound = np.asarray(said, np.float64)
        if not np.isfinite(bound).all() or (np.abs(bound) > 1e30).any():
            raise ValueError
        return np.broadcast_to(bound, shape).astype(np.float32)
    except (TypeError, ValueError, OverflowError):
        refuse(part, said, f"one finite number, {list(shape)} of them, or null for no bound")


def options(action: Json) -> list[str]:
    """What the options of an action are called in `classes`; [] where it has none."""
    if action.get("type") == "candidates":
        return [str(i) for i in range(action["most"])]
    if action.get("type") != "discrete":
        return []
    return list(action.get("labels") or map(str, range(action["n"])))


def needs_reading(said: Json) -> bool:
    """Whether names or labels may stand for numbers somewhere."""
    if said["type"] == "dict":
        return any(map(needs_reading, said["parts"].values()))
    return bool(said.get("names") or said.get("labels"))


def read(form: Json, said: Any) -> Any:
    """Names and labels → numbers; what does not fit is left for the layout to refuse."""
    if form["type"] == "dict" and isinstance(said, Mapping):
        return {
            name: read(part, said[name]) for name, part in form["parts"].items() if name in said
        }
    if form["type"] == "box" and form.get("names") and isinstance(said, Mapping):
        names = form["names"]
        if said.keys() != set(names):
            misfit("numbers", list(said), f"the names {', '.join(names)}")
        return [said[name] for name in names]
    if form.get("labels") and isinstance(said, str):
        if said not in form["labels"]:
            near = did_you_mean(said, form["labels"])
            misfit("label", said, f"one of {', '.join(form['labels'])}{near}")
        return form["labels"].index(said)
    return said


def write(form: Json, done: Any) -> Any:
    """The inverse of `read`, with plain numbers."""
    if form["type"] == "dict":
        return {name: write(part, done[name]) for name, part in form["parts"].items()}
    if form.get("labels"):
        return form["labels"][done]
    plain = done.tolist() if isinstance(done, np.ndarray) else done
    if form.get("names"):
        return dict(zip(form["names"], plain, strict=True))
    return plain


# ---- checks


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_names(value: Any) -> bool:
    """Whether it is a list of texts, all different."""
    is_list = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return is_list and len(set(value)) == len(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def refuse(part: str, came: Any, expected: str, more: str = "") -> NoReturn:
    raise QuickstudyError(
        f"The post's part '{part}' does not fit: came {_short(came)}, expected {expected}."
        f"{more}"
    )


def misfit(part: str, came: Any, expected: str) -> NoReturn:
    raise BadObservation(f"The {part} do not fit: came {_short(came)}, expected {expected}.")
