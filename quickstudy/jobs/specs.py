"""A Spec on disk, and what differs between two of them.

JSON rather than a pickle: a learner's folder must be readable by people, by other
languages, and safe to open when it comes from a stranger.
"""

from __future__ import annotations

import math
from typing import Any

from quickstudy.types import Leaf, Spec

FIELDS = ("shape", "sizes", "start", "low", "high", "dtype")


def spec_to_json(spec: Spec) -> dict[str, Any]:
    """A Spec as plain data for ``json.dumps``; a bound is null where there is none."""
    return {
        "observation": [_leaf_to_json(leaf) for leaf in spec.observation],
        "action": [_leaf_to_json(leaf) for leaf in spec.action],
        "max_steps": spec.max_steps,
        "step_seconds": spec.step_seconds,
    }


def spec_from_json(data: dict[str, Any]) -> Spec:
    """The Spec that `spec_to_json` wrote.

    Raises:
      ValueError: the data is no spec; the message says where it stops making sense.
    """
    try:
        return Spec(
            tuple(_leaf_from_json(leaf) for leaf in data["observation"]),
            tuple(_leaf_from_json(leaf) for leaf in data["action"]),
            data["max_steps"],
            data["step_seconds"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"not a job's spec ({type(error).__name__}: {error})") from error


def describe_change(old: Spec, new: Spec) -> str:
    """What differs, as phrases for a person: "observation 'speed' is gone".

    At most three phrases, the gravest first; "" where the specs are equal.
    """
    changes = [
        *_leaf_changes("observation", old.observation, new.observation),
        *_leaf_changes("action", old.action, new.action),
    ]
    for field, unit in (("max_steps", "steps"), ("step_seconds", "s")):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            was, now = _quantity(before, unit), _quantity(after, unit)
            changes.append(f"{field} was {was}, is {now}")
    rest = f", and {len(changes) - 3} more" if len(changes) > 3 else ""
    return "; ".join(changes[:3]) + rest


def _leaf_to_json(leaf: Leaf) -> dict[str, Any]:
    return {
        "path": list(leaf.path),
        "kind": leaf.kind,
        "shape": list(leaf.shape),
        "dtype": leaf.dtype,
        "low": [None if math.isinf(x) else x for x in leaf.low],
        "high": [None if math.isinf(x) else x for x in leaf.high],
        "sizes": list(leaf.sizes),
        "start": list(leaf.start),
    }


def _leaf_from_json(data: dict[str, Any]) -> Leaf:
    if data["kind"] not in ("box", "image", "discrete"):
        raise ValueError(f"kind {data['kind']!r}")
    return Leaf(
        tuple(data["path"]),
        data["kind"],
        tuple(int(n) for n in data["shape"]),
        str(data["dtype"]),
        tuple(-math.inf if x is None else float(x) for x in data["low"]),
        tuple(math.inf if x is None else float(x) for x in data["high"]),
        tuple(int(n) for n in data["sizes"]),
        tuple(int(n) for n in data["start"]),
    )


def _leaf_changes(role: str, old: tuple[Leaf, ...], new: tuple[Leaf, ...]) -> list[str]:
    before = {leaf.path: leaf for leaf in old}
    after = {leaf.path: leaf for leaf in new}
    gone = [f"{_title(role, leaf)} is gone" for leaf in old if leaf.path not in after]
    added = [
        f"{_title(role, leaf)} is new ({summary(leaf)})"
        for leaf in new
        if leaf.path not in before
    ]
    changed = [
        _difference(role, leaf, after[leaf.path])
        for leaf in old
        if leaf.path in after and leaf != after[leaf.path]
    ]
    moved = [] if gone or added or [*before] == [*after] else [f"{role} parts changed order"]
    return gone + added + changed + moved


def _title(role: str, leaf: Leaf) -> str:
    return f"{role} '{leaf.name}'" if leaf.path else f"the {role}"


def _difference(role: str, old: Leaf, new: Leaf) -> str:
    """The fields of one leaf that differ, each with what it was and is."""
    if old.kind != new.kind or len(old.shape) != len(new.shape):
        return f"{_title(role, old)} was {summary(old)}, is {summary(new)}"
    fields = [name for name in FIELDS if getattr(old, name) != getattr(new, name)]
    parts = [f"{n} was {_short(getattr(old, n))}, is {_short(getattr(new, n))}" for n in fields]
    return f"{_title(role, old)}: " + ", ".join(parts)


def _short(value: object) -> str:
    """A value in at most about forty characters, for an error message."""
    if isinstance(value, tuple) and len(value) == 1:
        return f"{value[0]}"
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "…"


def summary(leaf: Leaf) -> str:
    """A leaf in a few words: "discrete 4", "box (3,) float32"."""
    if leaf.kind == "discrete":
        return f"discrete {_short(leaf.sizes)}"
    return f"{leaf.kind} {leaf.shape} {leaf.dtype}"


def _quantity(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:g} {unit}"
