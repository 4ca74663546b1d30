"""Small networks whose forward pass runs in NumPy (to act) and in JAX (to learn).

A network may carry a leading axis of members (an ensemble): every weight has it, and the
output too. Made in NumPy: eager random initialisation in JAX compiles dozens of programs.

They are NamedTuples rather than Equinox modules: looking up an attribute of a module takes
microseconds, of which acting has none to spare; JAX treats both alike.

Left out: recurrence, attention, gains and biases of the layer norm.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from quickstudy.mind import maths

Array = Any


class MLP(NamedTuple):
    """Linear → layer norm → ReLU, repeated; then linear. Weights [M, in, out]."""

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


class Conv(NamedTuple):
    """One convolution as patches × weights [M, side·side·in, out]; its stride is side // 2."""

    weights: Array
    bias: Array


class Network(NamedTuple):
    """Convolutions for the images (one stack each), then an MLP over everything."""

    eyes: tuple[tuple[Conv, ...], ...]
    mlp: MLP


def init_network(
    rng: np.random.Generator,
    members: int,
    vector: int,
    images: tuple[tuple[int, int, int], ...],
    hidden: tuple[int, ...],
    out: int,
) -> Network:
    """A network from a vector [vector] and images to [out], with `members` members."""
    eyes, seen = [], 0
    for shape in images:
        stack, width = _init_eye(rng, members, shape)
        eyes.append(stack)
        seen += width
    sizes = (vector + seen, *hidden, out)
    weights = [_uniform(rng, members, i, o) for i, o in itertools.pairwise(sizes)]
    weights[-1] = weights[-1] * np.float32(0.1)  # start near zero, so that targets lead
    biases = tuple(np.zeros((members, 1, o), np.float32) for o in sizes[1:])
    return Network(tuple(eyes), MLP(tuple(weights), biases))


def forward(
    network: Network, vector: Array, images: tuple[Array, ...] = (), xp: Any = jnp
) -> Array:
    """Outputs [M, B, out] of a vector [B, D] or [M, B, D] and images [B, rows, columns, ch]."""
    x = vector[None] if vector.ndim == 2 else vector
    if images:
        members = network.mlp.weights[0].shape[0]
        seen = [_see(stack, i, xp) for stack, i in zip(network.eyes, images, strict=True)]
        x = xp.broadcast_to(x, (members, *x.shape[1:]))
        x = xp.concatenate([x, *seen], axis=-1)
    mlp = network.mlp
    for weights, bias in zip(mlp.weights[:-1], mlp.biases[:-1], strict=True):
        x = xp.maximum(maths.layer_norm(x @ weights + bias, xp), 0.0)
    return x @ mlp.weights[-1] + mlp.biases[-1]


def _init_eye(
    rng: np.random.Generator, members: int, shape: tuple[int, int, int]
) -> tuple[tuple[Conv, ...], int]:
    """Convolutions for one image, and how many numbers they hand on."""
    rows, columns, channels = shape
    plan = [(8, 16), (4, 32)] if min(rows, columns) >= 24 else [(3, 16)]
    stack = []
    for side, out in plan:
        weights = _uniform(rng, members, side * side * channels, out)
        bias = np.zeros((members, 1, 1, 1, out), np.float32)
        stack.append(Conv(weights, bias))
        rows, columns = _steps(rows, side), _steps(columns, side)
        channels = out
    return tuple(stack), rows * columns * channels


def _see(stack: tuple[Conv, ...], image: Array, xp: Any) -> Array:
    x = image[None]
    for conv in stack:
        side = math.isqrt(conv.weights.shape[1] // x.shape[-1])
        patches = _patches(x, side, xp)
        weights = conv.weights[:, None, None]
        x = xp.maximum(patches @ weights + conv.bias, 0.0)
    return x.reshape(*x.shape[:2], -1)


def _patches(x: Array, side: int, xp: Any) -> Array:
    """[M, B, rows', columns', side·side·channels] of x [M, B, rows, columns, channels]."""
    stride = side // 2
    rows, columns = stride * _steps(x.shape[2], side), stride * _steps(x.shape[3], side)
    return xp.concatenate(
        [
            x[:, :, i : i + rows : stride, j : j + columns : stride]
            for i in range(side)
            for j in range(side)
        ],
        axis=-1,
    )


def _steps(length: int, side: int) -> int:
    return (length - side) // (side // 2) + 1


def _uniform(rng: np.random.Generator, members: int, fan_in: int, fan_out: int) -> np.ndarray:
    """LeCun-uniform weights [M, in, out]."""
    bound = np.sqrt(3.0 / max(fan_in, 1))
    return rng.uniform(-bound, bound, (members, fan_in, fan_out)).astype(np.float32)
