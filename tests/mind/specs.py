"""Specs to test with, written out by hand."""

from __future__ import annotations

from quickstudy.types import Leaf, Spec


def numbers(width: int, path: tuple = ()) -> Leaf:
    return Leaf(path, "box", (width,), "float32", (-10.0,), (10.0,))


def choice(*sizes: int, path: tuple = ()) -> Leaf:
    return Leaf(path, "discrete", (len(sizes),), "int64", sizes=sizes, start=(0,) * len(sizes))


def amounts(width: int, path: tuple = ()) -> Leaf:
    return Leaf(path, "box", (width,), "float32", (-1.0,), (1.0,))


def image(rows: int, columns: int, channels: int, path: tuple = ()) -> Leaf:
    shape = (rows, columns, channels)
    return Leaf(path, "image", shape, "uint8", (0.0,), (255.0,))


DISCRETE = Spec((numbers(4),), (choice(2),), max_steps=50)
CONTINUOUS = Spec((numbers(3),), (amounts(1),), max_steps=50)
HYBRID = Spec((numbers(3),), (choice(3, 2, path=("a",)), amounts(2, path=("b",))), max_steps=50)
PICTURE = Spec((image(10, 8, 3, ("eye",)), choice(5, path=("mode",))), (choice(3),))
ALL = {"discrete": DISCRETE, "continuous": CONTINUOUS, "hybrid": HYBRID, "picture": PICTURE}
