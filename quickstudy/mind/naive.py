"""The naive learner: the same mind without a value function, kept as a baseline.

It sees with our encoder, thinks with a network of our size and steps with our optimiser, but
all it is ever told is how an episode came out. It works a batch of whole episodes with one
policy, and what came out better than the batch's mean makes every decision in it likelier;
what came out worse, less likely. Nothing on the way tells it how things are going.

Whose ideas: REINFORCE (Williams 1992), as large reasoning models are trained today: outcomes
standardised within a batch (GRPO, Shao et al. 2024), a batch used several times under the
clipped objective (PPO, Schulman et al. 2017), batches without contrast left out (Yu et al.
2025).

Left out: amounts (choices alone), rewards on the way (it would be credit of a kind that an
outcome does not give), a penalty for leaving a reference policy (there is none).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from quickstudy.mind import encoder
from quickstudy.mind.encoder import Frame, Normaliser, bucket
from quickstudy.mind.network import Network, forward, init_network
from quickstudy.types import Observation

Array = Any
EPSILON = 1e-8


@dataclass(frozen=True)
class Settings:
    """As chosen for the delayed job on development seeds (docs/log.md)."""

    hidden: tuple[int, ...] = (128, 128)
    episodes: int = 16  # in one batch
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2  # decoupled: per update, times the learning rate
    passes: float = 4.0  # over each batch
    lot: int = 128  # rows of one update, drawn from the batch
    least_updates: int = 4  # for each batch
    clip: float = 0.2  # how far one batch may move the odds of a decision
    entropy: float = 0.05  # worth of a nat of entropy, in standard deviations of outcomes


class Naive(NamedTuple):
    """All that it learned. network [1, …] gives logits; batches: learned from so far."""

    normaliser: Normaliser
    network: Network
    optimiser: Any
    batches: int


@dataclass
class Episode:
    """One whole episode; T decisions. outcome: the sum of its rewards, in the job's units.

    raw: [T] of [R]. mask: [T] of [options], or None where all were allowed. flat: [T] of [F].
    """

    raw: list[Array] = field(default_factory=list)
    mask: list[Array | None] = field(default_factory=list)
    flat: list[Array] = field(default_factory=list)
    outcome: float = 0.0

    def add(self, shown: Observation, flat: Array, reward: float) -> None:
        """A decision, and what it brought: of rewards only the sum is kept."""
        self.raw.append(shown.raw)
        self.mask.append(shown.mask)
        self.flat.append(flat)
        self.outcome += reward


class Rows(NamedTuple):
    """What one call learns from: K updates of B decisions.

    x: [K, B, P]. images: each [K, B, rows, columns, channels]. mask: bool [K, B, F, N].
    choices: int [K, B, F]. advantage: [K, B].
    """

    x: Array
    images: tuple[Array, ...]
    mask: Array
    choices: Array
    advantage: Array


# ---- the equations


def advantages(outcomes: Array) -> Array:
    """How much better each outcome was than its batch: ``Aᵢ = (Rᵢ − R̄) / s``.

    Args:
      outcomes: [E] in the job's units.

    Returns:
      [E] in standard deviations (of the batch, not of a sample); zeros where all outcomes
      are equal, for then there is nothing to tell them apart by.

    See Shao et al. (2024), §4.1.
    """
    apart = np.asarray(outcomes, np.float64) - np.mean(outcomes)
    spread = float(np.sqrt(np.mean(apart**2)))
    return (
        apart / spread if spread > EPSILON * (1 + abs(float(np.mean(outcomes)))) else 0 * apart
    )


def clipped_gain(log_prob: Array, behaved: Array, advantage: Array, clip: float) -> Array:
    """What policy search ascends: ``min(ρ A, clip(ρ, 1 − ε, 1 + ε) A)``, ``ρ = π / π_behaved``.

    At ``ρ = 1`` its gradient is REINFORCE's, ``A ∇ log π``; once a decision has become so
    much likelier (or less likely) as ε allows, it pulls no more.

    Args:
      log_prob: [...] log π of each decision now. behaved: the same when it was taken.
      advantage: [...]. clip: ε.

    See Schulman et al. (2017), eq. 7.
    """
    ratio = jnp.exp(log_prob - behaved)
    return jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)


# ---- init, act, learn


def init(frame: Frame, settings: Settings, seed: int = 0) -> Naive:
    """It knows nothing and does anything.

    Raises:
      ValueError: the job's action has amounts.
    """
    if frame.amounts:
        raise ValueError(
            "The naive learner takes choices alone; this job's action has amounts."
        )
    rng = np.random.default_rng([seed, 1])
    width = frame.table[0] * frame.table[1]
    network = init_network(rng, 1, frame.features, frame.images, settings.hidden, width)
    shapes = jax.eval_shape(_optimiser(settings).init, network)
    blank = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), shapes)
    return Naive(encoder.init_normaliser(frame), network, blank, 0)


def odds(naive: Naive, frame: Frame, seen: Sequence[Observation]) -> Array:
    """Probability [B, F, N] of every option in B situations; 0 where it is not allowed."""
    raw = np.stack([observation.raw for observation in seen])
    mask = encoder.expand_mask(frame, _masks(frame, [observation.mask for observation in seen]))
    x = encoder.encode(naive.normaliser, frame, raw)
    logits = forward(naive.network, x, encoder.images(frame, raw), np)[0].reshape(mask.shape)
    logits = np.where(_some_allowed(mask, np), logits, -np.inf)
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def act(
    naive: Naive,
    frame: Frame,
    seen: Sequence[Observation],
    rng: np.random.Generator | None = None,
) -> Array:
    """Flat actions [B, F] in B situations, drawn by its odds; without `rng` the likeliest."""
    chances = odds(naive, frame, seen)[:, : len(frame.sizes)]
    if rng is None:
        return chances.argmax(-1).astype(np.float32)
    total = chances.cumsum(-1)
    reached = total > rng.random((*chances.shape[:2], 1)) * total[..., -1:]
    return reached.argmax(-1).astype(np.float32)


def learn(
    naive: Naive, frame: Frame, settings: Settings, episodes: list[Episode], seed: int = 0
) -> Naive:
    """Learns from a batch of whole episodes. One without contrast teaches nothing."""
    raw = np.stack([shown for episode in episodes for shown in episode.raw])
    normaliser = encoder.update_normaliser(naive.normaliser, frame, raw)
    lengths = [len(episode.raw) for episode in episodes]
    advantage = np.repeat(advantages([episode.outcome for episode in episodes]), lengths)
    if not advantage.any():
        return naive
    flat = np.stack([taken for episode in episodes for taken in episode.flat])
    mask = _masks(frame, [mask for episode in episodes for mask in episode.mask])
    count = settings.passes * len(raw) / settings.lot
    updates = bucket(int(np.ceil(count)), settings.least_updates)
    rng = np.random.default_rng([seed, 2, naive.batches])
    at = rng.integers(len(raw), size=(updates, settings.lot))
    rows = Rows(
        x=encoder.encode(normaliser, frame, raw[at]),
        images=encoder.images(frame, raw[at]),
        mask=encoder.expand_mask(frame, mask[at]),
        choices=encoder.split_action(frame, flat[at])[0],
        advantage=advantage[at].astype(np.float32),
    )
    new = _ascend(naive.network, naive.optimiser, rows, settings)
    network, optimiser = jax.tree.map(np.asarray, new)
    return Naive(normaliser, network, optimiser, naive.batches + 1)


def _masks(frame: Frame, masks: Sequence[Array | None]) -> Array:
    """bool [B, options]; all True where everything is allowed."""
    everything = np.ones(frame.spec.options, bool)
    return np.stack([everything if mask is None else mask for mask in masks])


def _optimiser(settings: Settings) -> optax.GradientTransformation:
    return optax.adamw(settings.learning_rate, weight_decay=settings.weight_decay)


@eqx.filter_jit
def _ascend(network: Network, optimiser: Any, rows: Rows, settings: Settings) -> Any:
    """K updates on the rows, held against the policy with which the call began."""
    behaved = jax.lax.map(lambda lot: _log_prob(network, lot)[0], rows)

    def loss(network: Network, lot: Rows, behaved: Array) -> Array:
        log_prob, entropy = _log_prob(network, lot)
        gain = clipped_gain(log_prob, behaved, lot.advantage, settings.clip)
        return -(gain + settings.entropy * entropy).mean()

    def one(state: Any, lot_and_behaved: Any) -> Any:
        network, optimiser = state
        gradient = jax.grad(loss)(network, *lot_and_behaved)
        change, optimiser = _optimiser(settings).update(gradient, optimiser, network)
        return (optax.apply_updates(network, change), optimiser), None

    return jax.lax.scan(one, (network, optimiser), (rows, behaved))[0]


def _log_prob(network: Network, lot: Rows) -> tuple[Array, Array]:
    """Log-probability [B] of the decisions taken, and entropy [B], over all factors."""
    logits = forward(network, lot.x, lot.images)[0].reshape(lot.mask.shape)
    logits = jnp.where(_some_allowed(lot.mask, jnp), logits, -1e9)
    log_odds = jax.nn.log_softmax(logits)
    taken = jnp.take_along_axis(log_odds, lot.choices[..., None], axis=-1)[..., 0]
    entropy = -(jnp.exp(log_odds) * log_odds).sum(-1)
    real = lot.mask.any(-1)
    return (taken * real).sum(-1), (entropy * real).sum(-1)


def _some_allowed(mask: Array, xp: Any) -> Array:
    """The mask, but for factors that are padding: all of theirs, so that a softmax exists."""
    return mask | ~xp.any(mask, axis=-1, keepdims=True)
