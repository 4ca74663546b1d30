"""Observation → features: what was flattened becomes what networks can read.

Numbers are shifted and scaled by running statistics, discrete entries become one-hot,
images are set aside for the convolution. Everything is padded up to the next power of two,
so that jobs of like size share one compiled program.

Left out: learned embeddings, frame stacking (a job's wrapper can stack).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from quickstudy.mind import moments
from quickstudy.mind.moments import Moments
from quickstudy.types import Leaf, Spec

CLIP = 5.0  # standard deviations beyond which a number says nothing more
MIN_STD = 1e-6


def bucket(n: int, least: int = 1) -> int:
    """The next power of two from `n` up, at least `least`."""
    return max(least, 1 << max(0, n - 1).bit_length())


@dataclass(frozen=True)
class Frame:
    """The static shape of one job as its mind sees it; derived from the job's spec.

    F factors of at most N options (a job without choices has one factor with one option),
    C amounts, P features: all padded to buckets, but for an action without amounts.
    """

    spec: Spec

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Options of each factor; (1,) where the action is amounts only."""
        return self.spec.choices or (1,)

    @cached_property
    def table(self) -> tuple[int, int]:
        """[F, N], padded."""
        widest = max(self.sizes)
        return bucket(len(self.sizes)), 1 if widest == 1 else bucket(widest, 4)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each factor's options begin in a flat mask."""
        return np.cumsum([0, *self.sizes[:-1]])

    @cached_property
    def amounts(self) -> int:
        """C, padded; 0 where there are none."""
        return bucket(self.spec.amounts) if self.spec.amounts else 0

    @cached_property
    def images(self) -> tuple[tuple[int, int, int], ...]:
        """[rows, columns, channels] of each image."""
        return tuple(_rows_columns_channels(leaf) for leaf in self.leaves("image"))

    @cached_property
    def numbers(self) -> int:
        """Features that are numbers; they come first."""
        return sum(leaf.width for leaf in self.leaves("box"))

    @cached_property
    def num_features(self) -> int:
        """Features other than images, before padding."""
        return self.numbers + sum(n for leaf in self.leaves("discrete") for n in leaf.sizes)

    @cached_property
    def features(self) -> int:
        """P."""
        return bucket(self.num_features, 8)

    @cached_property
    def valid(self) -> np.ndarray:
        """bool [F, N]: the options that exist."""
        valid = np.zeros(self.table, bool)
        for factor, size in enumerate(self.sizes):
            valid[factor, :size] = True
        return valid

    @cached_property
    def options_at(self) -> np.ndarray:
        """[options] where each entry of a flat mask stands in the flattened table."""
        return np.flatnonzero(self.valid)

    @cached_property
    def numbers_at(self) -> np.ndarray | slice:
        """Where the numbers stand in the raw observation."""
        at = self._positions("box")
        return slice(None) if len(at) == self.spec.raw_size else at

    @cached_property
    def discrete_at(self) -> np.ndarray:
        """Where the discrete entries stand in the raw observation."""
        return self._positions("discrete")

    @cached_property
    def one_hot_at(self) -> np.ndarray:
        """Feature that stands for option 0 of each discrete entry."""
        sizes = [n for leaf in self.leaves("discrete") for n in leaf.sizes]
        return self.numbers + np.cumsum([0, *sizes[:-1]]) if sizes else np.zeros(0, int)

    @cached_property
    def images_at(self) -> tuple[slice, ...]:
        """Where each image stands in the raw observation."""
        slices, start = [], 0
        for leaf in self.spec.observation:
            if leaf.kind == "image":
                slices.append(slice(start, start + leaf.width))
            start += leaf.width
        return tuple(slices)

    def leaves(self, kind: str) -> list[Leaf]:
        """The observation's leaves of one kind."""
        return [leaf for leaf in self.spec.observation if leaf.kind == kind]

    def _positions(self, kind: str) -> np.ndarray:
        kinds = np.repeat(
            [leaf.kind for leaf in self.spec.observation],
            [leaf.width for leaf in self.spec.observation],
        )
        return np.flatnonzero(kinds == kind)


class Normaliser(NamedTuple):
    """How the numbers in observations are shifted and scaled. [numbers] each."""

    seen: Moments
    shift: np.ndarray
    factor: np.ndarray


def init_normaliser(frame: Frame) -> Normaliser:
    """Numbers as they are."""
    width = frame.numbers
    return Normaliser(
        moments.init(width), np.zeros(width, np.float32), np.ones(width, np.float32)
    )


def update_normaliser(normaliser: Normaliser, frame: Frame, raw: np.ndarray) -> Normaliser:
    """Takes in the observations raw [B, R]. An entry that has never moved keeps its scale."""
    return normaliser_of(moments.update(normaliser.seen, raw[:, frame.numbers_at]))


def normaliser_of(seen: Moments) -> Normaliser:
    """By the mean and the deviation of what was seen."""
    std = moments.std(seen)
    std = np.where(std > MIN_STD * (1 + np.abs(seen.mean)), std, 1.0)
    return Normaliser(seen, seen.mean.astype(np.float32), (1 / std).astype(np.float32))


def encode(normaliser: Normaliser, frame: Frame, raw: np.ndarray) -> np.ndarray:
    """Features [..., P] float32 of observations raw [..., R]; images are not among them."""
    features = np.zeros((*raw.shape[:-1], frame.features), np.float32)
    if width := len(normaliser.shift):
        numbers = (raw[..., frame.numbers_at] - normaliser.shift) * normaliser.factor
        np.minimum(numbers, CLIP, out=numbers)
        np.maximum(numbers, -CLIP, out=features[..., :width])
    if len(frame.discrete_at):
        at = frame.one_hot_at + raw[..., frame.discrete_at].astype(np.int64)
        np.put_along_axis(features, at, 1.0, axis=-1)
    return features


def images(frame: Frame, raw: np.ndarray) -> tuple[np.ndarray, ...]:
    """Each image as float32 [..., rows, columns, channels], as the job gave it."""
    pictures = frame.leaves("image")
    return tuple(
        _channels_last(raw[..., at].reshape(*raw.shape[:-1], *leaf.shape), leaf)
        for at, leaf in zip(frame.images_at, pictures, strict=True)
    )


def expand_mask(frame: Frame, mask: np.ndarray) -> np.ndarray:
    """bool [..., F, N] from flat masks [..., options]."""
    out = np.zeros((*mask.shape[:-1], frame.valid.size), bool)
    out[..., frame.options_at] = mask if frame.spec.choices else True
    return out.reshape(*mask.shape[:-1], *frame.table)


def split_action(frame: Frame, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choices int [..., F] and amounts [..., C], padded, from flat actions."""
    num_choices = len(frame.spec.choices)
    choices = np.zeros((*action.shape[:-1], frame.table[0]), np.int32)
    choices[..., :num_choices] = action[..., :num_choices]
    amounts = np.zeros((*action.shape[:-1], frame.amounts), np.float32)
    amounts[..., : frame.spec.amounts] = action[..., num_choices:]
    return choices, amounts


def _is_channels_first(leaf: Leaf) -> bool:
    return leaf.shape[0] < min(leaf.shape[1:])


def _rows_columns_channels(leaf: Leaf) -> tuple[int, int, int]:
    a, b, c = leaf.shape
    return (b, c, a) if _is_channels_first(leaf) else (a, b, c)


def _channels_last(image: np.ndarray, leaf: Leaf) -> np.ndarray:
    top = float(max(leaf.high)) if leaf.high and np.isfinite(max(leaf.high)) else 1.0
    scaled = image / np.float32(max(top, 1.0))
    return np.moveaxis(scaled, -3, -1) if _is_channels_first(leaf) else scaled
