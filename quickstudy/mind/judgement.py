"""Judgement, the slow speed: an ensemble of small critics, and an actor for the amounts.

A critic reads the situation and the amounts, and gives a table: one value for each option
of each discrete factor. So one network serves discrete jobs (no amounts), continuous jobs
(one factor with one option) and hybrids. Each member learns from its own slowly following
target by double Q-learning; the actor ascends the members' mean, with automatic entropy.

Whose ideas: double Q (van Hasselt 2010), ensembles for exploration (Osband et al. 2016),
layer-normed critics (Ball et al. 2023), soft actor-critic (Haarnoja et al. 2018), parametrised
actions for hybrids (Xiong et al. 2018), several updates fused in one scan (Hessel et al. 2021).

Left out: categorical values, pessimism, prioritised replay (see docs/log.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from quickstudy.mind import maths
from quickstudy.mind.encoder import Frame
from quickstudy.mind.network import Network, forward, init_network

Array = Any
LOG_STD = (-5.0, 1.0)


@dataclass(frozen=True)
class Settings:
    """One setting for every job."""

    members: int = 2
    hidden: tuple[int, ...] = (128, 128)
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2  # decoupled: per update, times the learning rate
    follow: float = 0.01  # how far a target moves towards its critic in one update
    batch: int = 128  # rows
    fused: int = 32  # updates in one compiled call, at most
    pixels: int = 1 << 23  # in one compiled call, at most, but for one update
    entropy_per_amount: float = -1.0  # nats the actor keeps, for each amount
    first_temperature: float = 0.05  # in scaled reward
    max_gradient: float = 10.0  # global norm


class Study(NamedTuple):
    """What one fused call studies: K updates of B rows, encoded and scaled.

    x, next_x: [K, B, P]. images, next_images: each [K, B, rows, columns, channels].
    choices: [K, B, F]. amounts: [K, B, C]. reward, discount: [K, B].
    mask, next_mask: bool [K, B, F, N]. bounds: [K, 2] the least and most a situation can be
      worth.
    """

    x: Array
    images: tuple[Array, ...]
    mask: Array
    choices: Array
    amounts: Array
    reward: Array
    discount: Array
    next_x: Array
    next_images: tuple[Array, ...]
    next_mask: Array
    bounds: Array


class Judgement(NamedTuple):
    """Arrays of the slow speed. Critics [M, …], actor [1, …] or None."""

    critic: Network
    target: Network
    actor: Network | None
    log_temperature: Array
    critic_optimiser: Any
    actor_optimiser: Any
    updates: Array


def fused_updates(frame: Frame, settings: Settings) -> int:
    """K: updates in one call; fewer where images would fill the memory."""
    pixels = sum(rows * columns * channels for rows, columns, channels in frame.images)
    fits = settings.pixels // max(pixels * settings.batch, 1)
    return min(settings.fused, max(1, 1 << (max(fits, 1).bit_length() - 1)))


def _optimiser(settings: Settings) -> optax.GradientTransformation:
    return optax.chain(
        optax.clip_by_global_norm(settings.max_gradient),
        optax.adamw(settings.learning_rate, weight_decay=settings.weight_decay),
    )


def init(frame: Frame, settings: Settings, rng: np.random.Generator) -> Judgement:
    """An untrained judgement; every array is NumPy's."""
    factors, options = frame.table
    critic = init_network(
        rng,
        settings.members,
        frame.features + frame.amounts,
        frame.images,
        settings.hidden,
        factors * options,
    )
    actor = None
    if frame.amounts:
        actor = init_network(
            rng, 1, frame.features, frame.images, settings.hidden, 2 * frame.amounts
        )
    return Judgement(
        critic=critic,
        target=critic,
        actor=actor,
        log_temperature=np.asarray(np.log(settings.first_temperature), np.float32),
        critic_optimiser=_blank(_optimiser(settings), critic),
        actor_optimiser=_blank(_optimiser(settings), (actor, np.zeros((), np.float32))),
        updates=np.zeros((), np.int32),
    )


def _blank(optimiser: optax.GradientTransformation, parameters: Any) -> Any:
    """The optimiser's first state: zeros everywhere, so no JAX program needs to run."""
    arrays = eqx.filter(parameters, eqx.is_array)
    shapes = jax.eval_shape(optimiser.init, arrays)
    return jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)


def table(
    critic: Network,
    x: Array,
    images: tuple[Array, ...],
    amounts: Array,
    frame_table: tuple[int, int],
    xp: Any = jnp,
) -> Array:
    """Values [M, B, F, N] of every option in situations x [B, P] at amounts [B, C]."""
    joined = xp.concatenate([x, amounts], axis=-1) if amounts.shape[-1] else x
    out = forward(critic, joined, images, xp)
    return out.reshape(*out.shape[:-1], *frame_table)


def gaussian(
    actor: Network, x: Array, images: tuple[Array, ...], xp: Any = jnp
) -> tuple[Array, Array]:
    """Mean and log-std [B, C] of the actor before squashing."""
    mean, log_std = xp.split(forward(actor, x, images, xp)[0], 2, axis=-1)
    middle, half = sum(LOG_STD) / 2, (LOG_STD[1] - LOG_STD[0]) / 2
    return mean, middle + half * xp.tanh(log_std)


def study(
    state: Judgement,
    data: Study,
    seed: Array,
    real_amounts: Array,
    settings: Settings,
    frame_table: tuple[int, int],
) -> tuple[Judgement, Array]:
    """K fused updates.

    Args:
      state: what was learned so far.
      data: see `Study`.
      seed: int32 scalar; the same seed and data give the same updates.
      real_amounts: [C] 1 for amounts that exist, 0 for padding.

    Returns:
      the new state and the mean squared TD error of each update [K].
    """
    arrays, static = eqx.partition(state, eqx.is_array)
    new, losses = _study(arrays, data, seed, real_amounts, static, settings, frame_table)
    return eqx.combine(new, static), losses


@eqx.filter_jit
def _study(
    arrays: Any,
    data: Study,
    seed: Array,
    real: Array,
    static: Any,
    settings: Settings,
    frame_table: tuple[int, int],
) -> Any:
    keys = jax.random.split(jax.random.key(seed), data.reward.shape[0])

    def one(arrays: Any, batch_and_key: tuple[Study, Array]) -> tuple[Any, Array]:
        batch, key = batch_and_key
        state, loss = update(
            eqx.combine(arrays, static), batch, key, real, settings, frame_table
        )
        return eqx.filter(state, eqx.is_array), loss

    return jax.lax.scan(one, arrays, (data, keys))


def update(
    state: Judgement,
    batch: Study,
    key: Array,
    real: Array,
    settings: Settings,
    frame_table: tuple[int, int],
) -> tuple[Judgement, Array]:
    """One step of critics, actor, temperature and targets on rows without the K axis."""
    key_next, key_now = jax.random.split(key)
    temperature = jnp.exp(state.log_temperature)
    goal = jax.lax.stop_gradient(
        targets(state, batch, key_next, real, temperature, frame_table)
    )

    def critic_loss(critic: Network) -> Array:
        values = table(critic, batch.x, batch.images, batch.amounts, frame_table)
        q = maths.chosen_values(
            values,
            jnp.broadcast_to(batch.choices[None], (values.shape[0], *batch.choices.shape)),
            jnp.broadcast_to(batch.mask[None], values.shape),
        )
        return maths.huber(q - goal).mean(-1).sum()

    loss, gradient = eqx.filter_value_and_grad(critic_loss)(state.critic)
    critic, critic_optimiser = _step(settings, gradient, state.critic_optimiser, state.critic)
    actor, log_temperature, actor_optimiser = (
        state.actor,
        state.log_temperature,
        state.actor_optimiser,
    )
    if actor is not None:
        actor, log_temperature, actor_optimiser = _improve(
            state, batch, key_now, real, settings, frame_table
        )
    target = jax.tree.map(lambda t, c: t + settings.follow * (c - t), state.target, critic)
    return (
        Judgement(
            critic,
            target,
            actor,
            log_temperature,
            critic_optimiser,
            actor_optimiser,
            state.updates + 1,
        ),
        loss,
    )


def targets(
    state: Judgement,
    batch: Study,
    key: Array,
    real: Array,
    temperature: Array,
    frame_table: tuple[int, int],
) -> Array:
    """What each member should have said [M, B]: ``R + Γ v'``, each with its own target.

    No v' is beyond what the best or worst reward so far would be worth if it went on for
    ever. Discrete: the critic chooses, its target values (double Q). Amounts: sampled from the
    actor, less temperature × log-density (soft value).
    """
    amounts, log_density = jnp.zeros_like(batch.amounts), jnp.zeros_like(batch.reward)
    if state.actor is not None:
        amounts, log_density = _sample(state.actor, batch.next_x, batch.next_images, key, real)
    online = table(state.critic, batch.next_x, batch.next_images, amounts, frame_table)
    slow = table(state.target, batch.next_x, batch.next_images, amounts, frame_table)
    mask = jnp.broadcast_to(batch.next_mask[None], online.shape)
    best = jnp.argmax(jnp.where(mask, online, -1e9), axis=-1)
    v_t = maths.chosen_values(slow, best, mask) - (temperature * log_density)[None]
    v_t = jnp.clip(v_t, batch.bounds[0], batch.bounds[1])
    return batch.reward[None] + batch.discount[None] * v_t


def _improve(
    state: Judgement,
    batch: Study,
    key: Array,
    real: Array,
    settings: Settings,
    frame_table: tuple[int, int],
) -> tuple[Network, Array, Any]:
    """The actor towards what the critics value, the temperature towards its entropy."""
    goal = settings.entropy_per_amount * real.sum()

    def actor_loss(parts: tuple[Network, Array]) -> Array:
        actor, log_temperature = parts
        amounts, log_density = _sample(actor, batch.x, batch.images, key, real)
        values = table(state.critic, batch.x, batch.images, amounts, frame_table)
        q = maths.factor_values(values, jnp.broadcast_to(batch.mask[None], values.shape))
        temperature = jnp.exp(jax.lax.stop_gradient(log_temperature))
        surplus = jax.lax.stop_gradient(log_density + goal)
        return (temperature * log_density - q.mean(0)).mean() - log_temperature * surplus.mean()

    assert state.actor is not None
    parts = (state.actor, state.log_temperature)
    gradient = eqx.filter_grad(actor_loss)(parts)
    parts, optimiser = _step(settings, gradient, state.actor_optimiser, parts)
    return parts[0], parts[1], optimiser


def _sample(
    actor: Network, x: Array, images: tuple[Array, ...], key: Array, real: Array
) -> tuple[Array, Array]:
    """Amounts [B, C] and joint log-density [B]; padding is 0 and counts for nothing."""
    mean, log_std = gaussian(actor, x, images)
    noise = jax.random.normal(key, mean.shape)
    amounts, log_density = maths.tanh_gaussian(mean, log_std, noise)
    return amounts * real[None], (log_density * real[None]).sum(-1)


def _step(
    settings: Settings, gradient: Any, optimiser_state: Any, parts: Any
) -> tuple[Any, Any]:
    updates, optimiser_state = _optimiser(settings).update(
        gradient, optimiser_state, eqx.filter(parts, eqx.is_array)
    )
    return eqx.apply_updates(parts, updates), optimiser_state
