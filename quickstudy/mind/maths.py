"""Equations: arrays in, arrays out. Nothing here knows what a learner is.

Written against the array protocol that NumPy and jax.numpy share (``xp`` says which), so
that the network that acts (NumPy, no dispatch cost) is the one that learns (JAX).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Array = Any  # np.ndarray or jax.Array
EPSILON = 1e-6
BETA_1, BETA_2, ADAM_EPSILON = 0.9, 0.999, 1e-8


def layer_norm(x: Array, xp: Any = jnp) -> Array:
    """Each row to mean 0 and variance 1; no gain, no bias.

    Args:
      x: [..., D].
      xp: numpy or jax.numpy.

    Returns:
      [..., D].

    See Ba, Kiros & Hinton (2016), eq. 4. Why here: it bounds a critic's extrapolation
    (Ball et al. 2023, §4.2) and keeps it plastic (Lyle et al. 2023).
    """
    return _jax_layer_norm(x) if xp is jnp else _normed(x, xp)[0]


def _normed(x: Array, xp: Any) -> tuple[Array, Array]:
    """``y = (x − mean) / σ`` [..., D] and ``1/σ`` [..., 1]."""
    centred = x - _row_mean(x, xp)
    inverse = 1.0 / xp.sqrt(_row_mean(centred * centred, xp) + EPSILON)
    return centred * inverse, inverse


def _row_mean(x: Array, xp: Any) -> Array:
    """[..., 1]. In JAX a product: on CPU it hands sums to a library, microseconds a call."""
    width = x.shape[-1]
    if xp is not jnp:
        return x.sum(axis=-1, keepdims=True) / width
    means = x.reshape(-1, width) @ jnp.full(width, 1.0 / width, x.dtype)
    return means.reshape(*x.shape[:-1], 1)


@jax.custom_vjp
def _jax_layer_norm(x: Array) -> Array:
    return _normed(x, jnp)[0]


def _norm_forwards(x: Array) -> tuple[Array, tuple[Array, Array]]:
    y, inverse = _normed(x, jnp)
    return y, (y, inverse)


def _norm_backwards(kept: tuple[Array, Array], slope: Array) -> tuple[Array]:
    """``∂x = (∂y − mean ∂y − y · mean(y ∂y)) / σ``: fewer passes than JAX would find."""
    y, inverse = kept
    along = y * _row_mean(slope * y, jnp)
    return (inverse * (slope - _row_mean(slope, jnp) - along),)


_jax_layer_norm.defvjp(_norm_forwards, _norm_backwards)


def huber(error: Array, delta: float = 1.0) -> Array:
    """``e²/2`` near zero, ``δ(|e| − δ/2)`` beyond ``δ``. Any shape. Huber (1964)."""
    small = jnp.minimum(jnp.abs(error), delta)
    return small * (jnp.abs(error) - 0.5 * small)


def n_step_return(rewards: Array, discount: float, alive: Array) -> tuple[Array, Array]:
    """Sums the rewards of a window and says how much of the value beyond counts.

        R = Σₖ γᵏ rₖ over the window's n steps,   Γ = γⁿ

    Args:
      rewards: [N, ...] of each step; what stands after a window's last step is not read.
      discount: γ in [0, 1].
      alive: bool [N, ...], whether the window has that step; once False, False from there.

    Returns:
      R [...] and Γ [...], to be set to 0 where the episode terminated.

    Steps come first so that NumPy sums whole rows. See Sutton & Barto (2018), §7.1.
    """
    powers = discount ** np.arange(len(rewards) + 1)
    return np.tensordot(powers[:-1], np.where(alive, rewards, 0.0), 1), powers[alive.sum(0)]


def factor_values(table: Array, mask: Array) -> Array:
    """Best total over the allowed options: the mean over factors of each one's best.

    Args:
      table: [..., F, N] value of each option of each factor.
      mask: bool [..., F, N], True where allowed; a factor with none (padding) counts for
        nothing.

    Returns:
      [...] the value of the best joint choice, as additive factors allow to find it
      (Sunehag et al. 2018, eq. 4; Tavakoli et al. 2018).
    """
    return _mean_over_factors(jnp.max(jnp.where(mask, table, -1e9), axis=-1), mask)


def chosen_values(table: Array, choices: Array, mask: Array) -> Array:
    """The total of the options chosen; shapes as `factor_values`, choices [..., F] ints.

    Compared, not indexed: the gradient of indexing is a scatter, one entry at a time.
    """
    is_chosen = jax.nn.one_hot(choices, table.shape[-1], dtype=bool)
    return _mean_over_factors(jnp.where(is_chosen, table, 0.0).sum(-1), mask)


def _mean_over_factors(values: Array, mask: Array) -> Array:
    real = jnp.any(mask, axis=-1).astype(values.dtype)
    return jnp.sum(values * real, axis=-1) / jnp.maximum(jnp.sum(real, axis=-1), 1.0)


def adamw(
    parameters: Array,
    gradient: Array,
    mean: Array,
    square: Array,
    updates: Array,
    learning_rate: float,
    weight_decay: float,
) -> tuple[Array, Array, Array]:
    """One step down a gradient, each entry at its own pace.

        m ← β₁ m + (1 − β₁) g,   s ← β₂ s + (1 − β₂) g²
        θ ← θ − η (m / (1 − β₁ᵗ) / (√(s / (1 − β₂ᵗ)) + ε) + λ θ)

    Args:
      parameters, gradient, mean, square: θ, g, m, s, all of one shape; m and s begin at 0.
      updates: t, with this one: 1 at the first.
      learning_rate, weight_decay: η, λ.

    Returns:
      θ, m and s.

    See Kingma & Ba (2015), alg. 1, with its β and ε; Loshchilov & Hutter (2019), alg. 2.
    """
    mean = BETA_1 * mean + (1 - BETA_1) * gradient
    square = BETA_2 * square + (1 - BETA_2) * gradient**2
    t = updates.astype(jnp.float32)
    pace = jnp.sqrt(square / (1 - BETA_2**t)) + ADAM_EPSILON
    step = mean / (1 - BETA_1**t) / pace + weight_decay * parameters
    return parameters - learning_rate * step, mean, square


def tanh_gaussian(mean: Array, log_std: Array, noise: Array) -> tuple[Array, Array]:
    """A sample squashed into (-1, 1) and the log-density of each entry.

        a = tanh(u), u = μ + σ ε,  log π(a) = log N(u; μ, σ) − log(1 − tanh² u)

    Args:
      mean, log_std, noise: [..., C]; noise is standard normal.

    Returns:
      a [..., C] and log-density [..., C] (sum over entries for the joint one).

    See Haarnoja et al. (2018), appendix C. The last term is written as
    ``2 (log 2 − u − softplus(−2u))``, which does not overflow.
    """
    u = mean + jnp.exp(log_std) * noise
    log_normal = -0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi)
    return jnp.tanh(u), log_normal - 2 * (np.log(2.0) - u - jax.nn.softplus(-2 * u))
