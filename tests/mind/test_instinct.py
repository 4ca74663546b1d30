"""Instinct: against the exact answer, support, masks, the sample that leads."""

from __future__ import annotations

import numpy as np
import pytest
from specs import CONTINUOUS, DISCRETE, HYBRID, choice

from quickstudy.mind import encoder, instinct
from quickstudy.mind.encoder import Frame
from quickstudy.mind.instinct import Rows, Settings
from quickstudy.types import Spec

SETTINGS = Settings(cosines=64, prior=1e-3, sweeps=200, noise=0.0, doubt=0.0)
ANY = (-np.inf, np.inf)
CHAIN = Spec((choice(3),), (choice(2),))  # three places; action 1 moves right, 0 stays


def chain_rows(frame: Frame, own: instinct.Instinct) -> Rows:
    """Places 0 → 1 → 2 → out; leaving from 2 pays 1 and terminates."""
    place, action = np.repeat([0, 1, 2], 2), np.tile([0, 1], 3)
    to = np.minimum(place + action, 2)
    out = (place == 2) & (action == 1)
    encode = encoder.encode
    normaliser = encoder.init_normaliser(frame)

    def see(at: np.ndarray) -> np.ndarray:
        return instinct.cosines(own, encode(normaliser, frame, at[:, None].astype("f4")))

    return Rows(
        phi=see(place),
        options=action[:, None],
        reward=np.where(out, 1.0, 0.0),
        discount=np.where(out, 0.0, 0.5),
        next_phi=see(to),
        next_mask=np.ones((6, 2), bool),
    )


def fitted(
    offset: float = 0.0,
    settings: Settings = SETTINGS,
    bounds: tuple[float, float] = ANY,
) -> tuple[instinct.Instinct, Rows]:
    frame = Frame(CHAIN)
    rng = np.random.default_rng(0)
    own = instinct.init(frame, settings, rng)
    rows = chain_rows(frame, own)
    return instinct.fit(own, settings, frame, rows, offset, 1.0, bounds, rng), rows


@pytest.mark.parametrize("offset", [0.0, 2.0])
def test_it_finds_the_exact_values_of_a_chain(offset: float) -> None:
    own, rows = fitted(offset)
    values = (rows.phi @ own.weights.T)[::2] + own.offset
    # moving from 2 pays 1; one place before it is worth half; staying halves again.
    np.testing.assert_allclose(values, [[0.125, 0.25], [0.25, 0.5], [0.5, 1.0]], atol=0.03)


def test_nothing_is_worth_more_than_anything_can_be() -> None:
    own, rows = fitted(bounds=(0.0, 0.2))
    values = (rows.phi @ own.weights.T)[::2]  # what follows 1 counts for half of 0.2
    np.testing.assert_allclose(values, [[0.025, 0.05], [0.05, 0.1], [0.1, 1.0]], atol=0.02)


def test_without_noise_the_sample_is_the_mean_and_with_noise_it_is_not() -> None:
    own, _ = fitted()
    np.testing.assert_allclose(own.sample, own.weights, atol=1e-3)
    noisy, _ = fitted(settings=Settings(cosines=64, prior=1e-3, sweeps=200))
    assert np.abs(noisy.sample - noisy.weights).max() > 0.01


def test_support_grows_with_experience_only_where_it_was() -> None:
    frame = Frame(CONTINUOUS)
    rng = np.random.default_rng(0)
    own = instinct.init(frame, Settings(), rng)
    here = instinct.cosines(own, np.zeros((50, frame.features), np.float32))
    far = instinct.cosines(own, np.full(frame.features, 5.0, np.float32))
    assert instinct.support(own, here[0]) == pytest.approx(0.0, abs=1e-6)
    rows = Rows(
        here, np.full((50, 1), 2), np.zeros(50), np.zeros(50), here, np.ones((50, 5), bool)
    )
    own = instinct.fit(own, Settings(), frame, rows, 0.0, 1.0, ANY, rng)
    assert instinct.support(own, here[0]) > 0.9
    assert instinct.support(own, far) < 0.5


def test_masked_options_do_not_count_afterwards() -> None:
    frame = Frame(CHAIN)
    rng = np.random.default_rng(0)
    own = instinct.init(frame, SETTINGS, rng)
    rows = chain_rows(frame, own)
    mask = np.ones((6, 2), bool)
    mask[:, 1] = False  # nobody may move on, so nothing beyond the next step is worth anything
    rows = rows._replace(next_mask=mask)
    own = instinct.fit(own, SETTINGS, frame, rows, 0.0, 1.0, ANY, rng)
    values = (rows.phi @ own.weights.T)[::2]
    np.testing.assert_allclose(values, [[0, 0], [0, 0], [0, 1.0]], atol=0.03)


def test_amounts_stand_for_the_nearest_of_those_tried() -> None:
    frame = Frame(CONTINUOUS)
    flat = np.array([[-1.0], [0.1], [0.9]], np.float32)
    np.testing.assert_array_equal(instinct.options(frame, Settings(), flat)[:, 0], [0, 2, 4])


def test_where_it_applies() -> None:
    assert instinct.applies(Frame(DISCRETE))
    assert instinct.applies(Frame(CONTINUOUS))
    assert not instinct.applies(Frame(HYBRID))


@pytest.mark.parametrize(
    ("options", "cosines"), [(2, 256), (16, 256), (72, 128), (200, 96), (9999, 32)]
)
def test_many_options_take_fewer_cosines(options: int, cosines: int) -> None:
    assert instinct.num_cosines(Settings(), options) == cosines
