"""Equations against numbers worked out by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from quickstudy.mind import maths, moments


def test_layer_norm_by_hand() -> None:
    # mean 2, variance 2/3: (1 − 2)/√(2/3) = −1.2247
    out = maths.layer_norm(np.array([[1.0, 2.0, 3.0]]), np)
    np.testing.assert_allclose(out, [[-1.2247, 0.0, 1.2247]], atol=1e-3)


def test_layer_norm_is_the_same_in_both_libraries() -> None:
    x = np.random.default_rng(0).normal(size=(3, 5, 7)).astype(np.float32)
    np.testing.assert_allclose(maths.layer_norm(x, np), maths.layer_norm(x, jnp), atol=1e-6)


def test_layer_norm_backwards_is_what_jax_derives() -> None:
    def plain(x: jnp.ndarray) -> jnp.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + maths.EPSILON)

    rng = np.random.default_rng(0)
    x, slope = rng.normal(size=(2, 2, 5, 7)).astype(np.float32)
    ours, theirs = (jax.vjp(norm, x)[1](slope)[0] for norm in (maths.layer_norm, plain))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("error", "loss"), [(0.5, 0.125), (-0.5, 0.125), (3.0, 2.5), (-3.0, 2.5)]
)
def test_huber_by_hand(error: float, loss: float) -> None:
    assert float(maths.huber(jnp.array(error))) == pytest.approx(loss)


def test_n_step_return_by_hand() -> None:
    """Two windows, the second cut short after two steps: the 8 beyond counts for nothing."""
    rewards = np.array([[1.0, 1.0], [2.0, 2.0], [4.0, 8.0]])
    alive = np.array([[True, True], [True, True], [True, False]])
    total, beyond = maths.n_step_return(rewards, 0.5, alive)
    np.testing.assert_allclose(total, [1 + 1 + 1, 1 + 1])
    np.testing.assert_array_equal(beyond, [0.125, 0.25])


def test_factor_values_obeys_masks_and_ignores_padding() -> None:
    table = jnp.array([[[5.0, 1.0], [2.0, 9.0], [7.0, 7.0]]])
    mask = jnp.array([[[False, True], [True, True], [False, False]]])
    assert float(maths.factor_values(table, mask)[0]) == pytest.approx((1 + 9) / 2)


def test_chosen_values_by_hand() -> None:
    table = jnp.array([[[5.0, 1.0], [2.0, 9.0], [7.0, 7.0]]])
    mask = jnp.array([[[True, True], [True, True], [False, False]]])
    choices = jnp.array([[0, 1, 0]])
    assert float(maths.chosen_values(table, choices, mask)[0]) == pytest.approx((5 + 9) / 2)


def test_adamw_by_hand() -> None:
    # t = 1: m / .1 = g and s / .001 = g², so θ moves by η (sign of g + λ θ)
    new, mean, square = maths.adamw(
        jnp.array([3.0]),
        jnp.array([-2.0]),
        jnp.zeros(1),
        jnp.zeros(1),
        jnp.int32(1),
        learning_rate=0.1,
        weight_decay=0.5,
    )
    np.testing.assert_allclose(new, [3 - 0.1 * (-1 + 0.5 * 3)], rtol=1e-6)
    np.testing.assert_allclose([mean[0], square[0]], [-0.2, 0.004], rtol=1e-5)


def test_tanh_gaussian_density_by_hand() -> None:
    # u = 0.5: log N(0.5; 0, 1) = −1.04394, tanh' = 1 − 0.46212² = 0.78645, its log −0.24023
    action, log_density = maths.tanh_gaussian(jnp.zeros(1), jnp.zeros(1), jnp.full(1, 0.5))
    assert float(action[0]) == pytest.approx(0.46212, abs=1e-4)
    assert float(log_density[0]) == pytest.approx(-1.04394 + 0.24023, abs=1e-4)


def test_moments_in_lots_are_those_of_the_whole() -> None:
    x = np.random.default_rng(1).normal(3.0, 2.0, size=(100, 4))
    seen = moments.init(4)
    for lot in (x[:1], x[1:1], x[1:40], x[40:]):
        seen = moments.update(seen, lot)
    np.testing.assert_allclose(seen.mean, x.mean(0))
    np.testing.assert_allclose(moments.std(seen), x.std(0))
