"""What was flattened becomes features; padding never shows."""

from __future__ import annotations

import numpy as np
import pytest
from specs import DISCRETE, HYBRID, PICTURE, choice, numbers

from quickstudy.mind import encoder
from quickstudy.mind.encoder import Frame, bucket
from quickstudy.types import Spec


@pytest.mark.parametrize(
    ("n", "least", "size"), [(1, 1, 1), (3, 1, 4), (4, 1, 4), (5, 8, 8), (9, 8, 16)]
)
def test_buckets(n: int, least: int, size: int) -> None:
    assert bucket(n, least) == size


def test_jobs_of_like_size_share_one_compiled_shape() -> None:
    shapes = {
        (frame.features, frame.table, frame.amounts)
        for frame in (Frame(Spec((numbers(w),), (choice(n),))) for w in (5, 8) for n in (2, 4))
    }
    assert len(shapes) == 1


def test_numbers_and_choices_by_hand() -> None:
    frame = Frame(Spec((choice(3, path=("mode",)), numbers(1, ("x",))), (choice(2),)))
    normaliser = encoder.init_normaliser(frame)
    out = encoder.encode(normaliser, frame, np.array([2.0, 0.5], np.float32))
    np.testing.assert_allclose(out, [0.5, 0, 0, 1, 0, 0, 0, 0])


def test_normalised_to_what_was_seen_and_clipped() -> None:
    frame = Frame(Spec((numbers(2),), (choice(2),)))
    seen = np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)
    normaliser = encoder.update_normaliser(encoder.init_normaliser(frame), frame, seen)
    out = encoder.encode(normaliser, frame, np.array([[3.0, 6.0], [900.0, 5.0]], np.float32))
    np.testing.assert_allclose(out[:, :2], [[1.0, 1.0], [encoder.CLIP, 0.0]])


def test_one_situation_reads_as_in_a_batch() -> None:
    frame = Frame(PICTURE)
    rng = np.random.default_rng(0)
    raw = np.concatenate([rng.integers(0, 255, (5, 240)), rng.integers(0, 5, (5, 1))], 1)
    raw = raw.astype(np.float32)
    normaliser = encoder.init_normaliser(frame)
    whole = encoder.encode(normaliser, frame, raw)
    np.testing.assert_array_equal(whole[3], encoder.encode(normaliser, frame, raw[3]))
    np.testing.assert_array_equal(
        encoder.images(frame, raw)[0][3], encoder.images(frame, raw[3])[0]
    )
    assert encoder.images(frame, raw)[0].max() <= 1.0


def test_masks_stand_where_the_options_do() -> None:
    frame = Frame(HYBRID)
    mask = encoder.expand_mask(frame, np.array([True, False, True, False, True]))
    np.testing.assert_array_equal(
        mask, [[True, False, True, False], [False, True, False, False]]
    )


def test_actions_split_into_choices_and_amounts() -> None:
    frame = Frame(HYBRID)
    choices, amounts = encoder.split_action(frame, np.array([2.0, 1.0, 0.5, -0.5], np.float32))
    np.testing.assert_array_equal(choices, [2, 1])
    np.testing.assert_allclose(amounts, [0.5, -0.5])
    assert Frame(DISCRETE).amounts == 0
