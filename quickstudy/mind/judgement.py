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

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

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


class Between(NamedTuple):
    """Steps after the first of those that were folded into one, S of them.

    x: [K, S, B, P]. amounts: [K, S, B, C]. weight: [K, S, B] γᵏ, 0 where there is no such step.
    """

    x: Array
    amounts: Array
    weight: Array


class Study(NamedTuple):
    """What one fused call studies: K updates of B rows, encoded and scaled.

    x, next_x: [K, B, P]. images, next_images: each [K, B, rows, columns, channels].
    choices: [K, B, F]. amounts: [K, B, C]. reward, discount: [K, B].
    mask, next_mask: bool [K, B, F, N]. noise: standard normal [K, 2, B, C], of the actor's
    amounts in this situation and in the next. It comes with the data because generators
    take JAX longer to compile than all else that an update holds. bounds: [K, 2] the least
    and the most a situation can be worth.
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
    noise: Array
    between: Between | None = None


class Adam(NamedTuple):
    """Running means [n] of a gradient and of its square; n: all parameters in one vector."""

    mean: Array
    square: Array


class Judgement(NamedTuple):
    """Arrays of the slow speed. Critics [M, …], actor [1, …] or None."""

    critic: Network
    target: Network
    actor: Network | None
    log_temperature: Array
    critic_adam: Adam
    actor_adam: Adam
    updates: Array


def fused_updates(frame: Frame, settings: Settings) -> int:
    """K: updates in one call; fewer where images would fill the memory."""
    pixels = sum(rows * columns * channels for rows, columns, channels in frame.images)
    fits = settings.pixels // max(pixels * settings.batch, 1)
    return min(settings.fused, max(1, 1 << (max(fits, 1).bit_length() - 1)))


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
    log_temperature = np.asarray(np.log(settings.first_temperature), np.float32)
    return Judgement(
        critic=critic,
        target=critic,
        actor=actor,
        log_temperature=log_temperature,
        critic_adam=_blank(critic),
        actor_adam=_blank((actor, log_temperature)),
        updates=np.zeros((), np.int32),
    )


def _blank(parameters: Any) -> Adam:
    zeros = np.zeros(sum(leaf.size for leaf in jax.tree.leaves(parameters)), np.float32)
    return Adam(zeros, zeros)


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


@functools.partial(jax.jit, static_argnames=("settings", "frame_table"))
def study(
    state: Judgement,
    data: Study,
    real_amounts: Array,
    settings: Settings,
    frame_table: tuple[int, int],
) -> tuple[Judgement, Array]:
    """K fused updates.

    Args:
      state: what was learned so far.
      data: see `Study`; the same data give the same updates.
      real_amounts: [C] 1 for amounts that exist, 0 for padding.

    Returns:
      the new state and the mean squared TD error of each update [K].
    """

    def one(state: Judgement, batch: Study) -> tuple[Judgement, Array]:
        return update(state, batch, real_amounts, settings, frame_table)

    return jax.lax.scan(one, state, data)


def update(
    state: Judgement,
    batch: Study,
    real: Array,
    settings: Settings,
    frame_table: tuple[int, int],
) -> tuple[Judgement, Array]:
    """One step of critics, actor, temperature and targets on rows without the K axis."""
    goal = targets(state, batch, real, frame_table)

    def critic_loss(critic: Network) -> Array:
        return maths.huber(_of_rows(critic, batch, frame_table) - goal).mean(-1).sum()

    loss, gradient = jax.value_and_grad(critic_loss)(state.critic)
    updates = state.updates + 1
    critic, critic_adam = _step(settings, state.critic, gradient, state.critic_adam, updates)
    parts, actor_adam = (state.actor, state.log_temperature), state.actor_adam
    if state.actor is not None:
        gradient = jax.grad(actor_loss)(parts, state, batch, real, settings, frame_table)
        parts, actor_adam = _step(settings, parts, gradient, actor_adam, updates)
    target = jax.tree.map(lambda t, c: t + settings.follow * (c - t), state.target, critic)
    return Judgement(critic, target, *parts, critic_adam, actor_adam, updates), loss


def _of_rows(critic: Network, batch: Study, frame_table: tuple[int, int]) -> Array:
    """What each member says of what was done [M, B]."""
    values = table(critic, batch.x, batch.images, batch.amounts, frame_table)
    return maths.chosen_values(values, batch.choices[None], batch.mask[None])


@functools.partial(jax.jit, static_argnames=("frame_table",))
def held_against(
    state: Judgement, batch: Study, real: Array, frame_table: tuple[int, int]
) -> Array:
    """Of rows without the K axis: the mean square of what critics missed their targets by, and
    the variance of these targets [2].

    Where no update has seen the rows it says how far what was studied holds for the rest.
    """
    goal = targets(state, batch, real, frame_table)
    missed = _of_rows(state.critic, batch, frame_table) - goal
    return jnp.stack([(missed**2).mean(), goal.var(-1).mean()])


def targets(state: Judgement, batch: Study, real: Array, frame_table: tuple[int, int]) -> Array:
    """What each member should have said [M, B]: ``R + Γ v'``, each with its own target.

    No v' is beyond what the best or worst reward so far would be worth if it went on for
    ever. Discrete: the critic chooses, its target values (double Q). Amounts: sampled from the
    actor, less temperature × log-density (soft value).
    """
    amounts, bonus = batch.amounts, jnp.zeros_like(batch.reward)
    if state.actor is not None:
        amounts, log_density = _sample(
            state.actor, batch.next_x, batch.next_images, batch.noise[1], real
        )
        bonus = -jnp.exp(state.log_temperature) * log_density
    mask = batch.next_mask[None]
    best = jnp.zeros_like(batch.choices)[None]
    if frame_table[1] > 1:
        online = table(state.critic, batch.next_x, batch.next_images, amounts, frame_table)
        best = jnp.argmax(jnp.where(mask, online, -1e9), axis=-1)
    slow = table(state.target, batch.next_x, batch.next_images, amounts, frame_table)
    v_t = maths.chosen_values(slow, best, mask) + bonus[None]
    v_t = jnp.clip(v_t, batch.bounds[0], batch.bounds[1])
    goal = batch.reward[None] + batch.discount[None] * v_t
    if batch.between is None:
        return goal
    return goal - gained_on_the_way(state, batch.between, batch.noise[1], real, frame_table)


def gained_on_the_way(
    state: Judgement, way: Between, noise: Array, real: Array, frame_table: tuple[int, int]
) -> Array:
    """What steps after the first of a window gained, or lost if below zero [M, B], discounted.

        Σₖ γᵏ (q(sₖ, aₖ) − v(sₖ)),   k = 1 … n − 1

    What was done on the way, other than what the actor would do now, is no fault and no merit
    of the first action (Harutyunyan et al. 2016, eq. 4, at λ = 1 over n steps). v is soft, as
    beyond the window; noise [B, C] serves every step of a row.
    """
    assert state.actor is not None
    x = way.x.reshape(-1, way.x.shape[-1])
    noise = jnp.tile(noise, (len(way.x), 1))
    usual, log_density = _sample(state.actor, x, (), noise, real)
    q, q_usual = (
        table(state.target, x, (), amounts, frame_table).reshape(-1, *way.weight.shape)
        for amounts in (way.amounts.reshape(usual.shape), usual)
    )
    bonus = -jnp.exp(state.log_temperature) * log_density.reshape(way.weight.shape)
    return (way.weight[None] * (q - q_usual - bonus[None])).sum(1)


def actor_loss(
    parts: tuple[Network, Array],
    state: Judgement,
    batch: Study,
    real: Array,
    settings: Settings,
    frame_table: tuple[int, int],
) -> Array:
    """Moves the actor to what the critics value, the temperature to the entropy wanted."""
    actor, log_temperature = parts
    amounts, log_density = _sample(actor, batch.x, batch.images, batch.noise[0], real)
    values = table(state.critic, batch.x, batch.images, amounts, frame_table)
    q = maths.factor_values(values, batch.mask[None])
    temperature = jnp.exp(jax.lax.stop_gradient(log_temperature))
    goal = settings.entropy_per_amount * real.sum()
    surplus = jax.lax.stop_gradient(log_density + goal)
    return (temperature * log_density - q.mean(0)).mean() - log_temperature * surplus.mean()


def _sample(
    actor: Network, x: Array, images: tuple[Array, ...], noise: Array, real: Array
) -> tuple[Array, Array]:
    """Amounts [B, C] and joint log-density [B]; padding is 0 and counts for nothing."""
    mean, log_std = gaussian(actor, x, images)
    amounts, log_density = maths.tanh_gaussian(mean, log_std, noise)
    return amounts * real[None], (log_density * real[None]).sum(-1)


def _step(
    settings: Settings, parameters: Any, gradient: Any, adam: Adam, updates: Array
) -> tuple[Any, Adam]:
    """Parameters after AdamW on the gradient, the norm of which is kept in bounds.

    As vectors: a handful of passes over memory instead of that for every array, and a
    third less to compile.
    """
    flat, shaped = ravel_pytree(parameters)
    slope, _ = ravel_pytree(gradient)
    norm = jnp.sqrt(jnp.vdot(slope, slope))
    slope = slope * (settings.max_gradient / jnp.maximum(norm, settings.max_gradient))
    rates = settings.learning_rate, settings.weight_decay
    flat, mean, square = maths.adamw(flat, slope, adam.mean, adam.square, updates, *rates)
    return shaped(flat), Adam(mean, square)
