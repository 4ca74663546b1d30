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
    width = x.shape[-1]
    centred = x - x.sum(axis=-1, keepdims=True) / width
    variance = (centred * centred).sum(axis=-1, keepdims=True) / width
    return centred / xp.sqrt(variance + EPSILON)


def huber(error: Array, delta: float = 1.0) -> Array:
    """``e²/2`` near zero, ``δ(|e| − δ/2)`` beyond ``δ``. Any shape. Huber (1964)."""
    small = jnp.minimum(jnp.abs(error), delta)
    return small * (jnp.abs(error) - 0.5 * small)


def n_step_return(rewards: Array, discount: float, alive: Array) -> tuple[Array, Array]:
    """Sums the rewards of a window and says how much of the value beyond counts.

        R = Σₖ γᵏ rₖ over the window's steps,   Γ = γⁿ (0 where the window terminated)

    Args:
      rewards: [..., N] rewards, already 0 after the last step of the window.
      discount: γ in [0, 1].
      alive: [..., N + 1]; 1 while the episode goes on and the window has not been cut
        short, entry k telling whether step k exists, the last whether the value counts.

    Returns:
      R [...] and the number of steps taken [...]: Γ is ``γ**steps`` where alive at the end.

    See Sutton & Barto (2018), §7.1.
    """
    powers = discount ** np.arange(rewards.shape[-1])
    return (rewards * powers * alive[..., :-1]).sum(-1), alive[..., :-1].sum(-1)


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
    """The total of the options chosen; shapes as `factor_values`, choices [..., F] ints."""
    taken = jnp.take_along_axis(table, choices[..., None], axis=-1)[..., 0]
    return _mean_over_factors(taken, mask)


def _mean_over_factors(values: Array, mask: Array) -> Array:
    real = jnp.any(mask, axis=-1).astype(values.dtype)
    return jnp.sum(values * real, axis=-1) / jnp.maximum(jnp.sum(real, axis=-1), 1.0)


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
