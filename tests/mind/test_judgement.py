"""Judgement: NumPy acts as JAX learned, padding and masks change nothing, one compile."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from specs import ALL, CONTINUOUS, DISCRETE, PICTURE, image, numbers

from quickstudy.mind import encoder, judgement
from quickstudy.mind.encoder import Frame
from quickstudy.mind.judgement import Judgement, Settings, Study
from quickstudy.types import Spec

SMALL = Settings(hidden=(16, 16), batch=8, fused=2)


def made(frame: Frame, seed: int = 0) -> Judgement:
    return judgement.init(frame, SMALL, np.random.default_rng(seed))


def rows(frame: Frame, seed: int = 0, reward: float = 1.0, discount: float = 0.0) -> Study:
    rng = np.random.default_rng(seed)
    shape = (SMALL.fused, SMALL.batch)
    x = np.zeros((*shape, frame.features), np.float32)
    x[..., : frame.num_features] = rng.normal(size=(*shape, frame.num_features))
    pictures = tuple(rng.random((*shape, *s)).astype(np.float32) for s in frame.images)
    mask = np.broadcast_to(frame.valid, (*shape, *frame.table))
    real = (np.arange(frame.amounts) < frame.spec.amounts).astype(np.float32)
    amounts = rng.uniform(-1, 1, (*shape, frame.amounts)).astype(np.float32) * real
    return Study(
        x=x,
        images=pictures,
        mask=mask,
        choices=np.zeros((*shape, frame.table[0]), np.int32),
        amounts=amounts,
        reward=np.full(shape, reward, np.float32),
        discount=np.full(shape, discount, np.float32),
        next_x=x,
        next_images=pictures,
        next_mask=mask,
        bounds=np.tile(np.float32([-1e9, 1e9]), (SMALL.fused, 1)),
        noise=rng.standard_normal((SMALL.fused, 2, SMALL.batch, frame.amounts), np.float32),
    )


def studied(frame: Frame, data: Study, times: int = 1) -> Judgement:
    state = made(frame)
    real = (np.arange(frame.amounts) < frame.spec.amounts).astype(np.float32)
    for _ in range(times):
        state, _ = judgement.study(state, data, real, SMALL, frame.table)
    return state


@pytest.mark.parametrize("spec", ALL.values(), ids=ALL.keys())
def test_what_acts_is_what_learned(spec: Spec) -> None:
    frame = Frame(spec)
    state, data = made(frame), rows(frame)
    here = (data.x[0], tuple(p[0] for p in data.images), data.amounts[0])
    in_numpy = judgement.table(state.critic, *here, frame.table, np)
    in_jax = judgement.table(state.critic, *here, frame.table)
    assert in_numpy.shape == (SMALL.members, SMALL.batch, *frame.table)
    np.testing.assert_allclose(in_numpy, in_jax, atol=1e-5)


@pytest.mark.parametrize("spec", ALL.values(), ids=ALL.keys())
def test_it_learns_a_terminal_reward(spec: Spec) -> None:
    frame = Frame(spec)
    data = rows(frame, reward=0.7)
    state = studied(frame, data, times=150)
    values = judgement.table(
        state.critic, data.x[0], tuple(p[0] for p in data.images), data.amounts[0], frame.table
    )
    real = frame.valid.any(-1)
    np.testing.assert_allclose(np.asarray(values)[:, :, real, 0].mean(-1), 0.7, atol=0.1)


def test_same_seed_same_data_same_updates() -> None:
    frame = Frame(CONTINUOUS)
    one, two = studied(frame, rows(frame)), studied(frame, rows(frame))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("size", [0.01, 100.0], ids=["free", "held in bounds"])
def test_a_step_is_that_of_optax(size: float) -> None:
    rng = np.random.default_rng(0)
    parameters = {
        "a": rng.normal(size=(2, 3)).astype(np.float32),
        "b": rng.normal(size=5).astype(np.float32),
    }
    theirs = optax.chain(
        optax.clip_by_global_norm(SMALL.max_gradient),
        optax.adamw(SMALL.learning_rate, weight_decay=SMALL.weight_decay),
    )
    step = jax.jit(judgement._step, static_argnums=0)
    state, adam = theirs.init(parameters), judgement._blank(parameters)
    expected = ours = parameters
    for t in range(1, 6):
        gradient = jax.tree.map(
            lambda p: (size * rng.normal(size=p.shape)).astype(np.float32), parameters
        )
        change, state = theirs.update(gradient, state, expected)
        expected = optax.apply_updates(expected, change)
        ours, adam = step(SMALL, ours, gradient, adam, np.int32(t))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_a_target_never_counts_a_forbidden_option() -> None:
    frame = Frame(DISCRETE)
    state = made(frame)
    state = state._replace(target=jax.tree.map(np.copy, state.target))
    state.target.mlp.biases[-1][..., 1] = 100.0  # the forbidden option looks splendid
    state.critic.mlp.biases[-1][..., 1] = 100.0
    data = jax.tree.map(lambda leaf: leaf[0], rows(frame, reward=0.0, discount=1.0))
    mask = np.array(data.next_mask)
    mask[..., 1] = False
    goal = judgement.targets(state, data._replace(next_mask=mask), np.zeros(0), frame.table)
    assert np.abs(np.asarray(goal)).max() < 50


def test_double_q_the_critic_chooses_the_target_values() -> None:
    frame = Frame(DISCRETE)
    state = made(frame)
    state = state._replace(target=jax.tree.map(np.copy, state.target))
    state.critic.mlp.biases[-1][..., 0] = 50.0
    state.target.mlp.biases[-1][..., 0] = -3.0
    data = jax.tree.map(lambda leaf: leaf[0], rows(frame, reward=1.0, discount=0.5))
    goal = judgement.targets(state, data, np.zeros(0), frame.table)
    np.testing.assert_allclose(goal, 1 + 0.5 * -3.0, atol=0.4)


def test_jobs_of_like_size_compile_once() -> None:
    first, second = Frame(Spec((numbers(6),), DISCRETE.action)), Frame(DISCRETE)
    studied(first, rows(first))
    compiled = judgement.study._cache_size()
    studied(second, rows(second))
    assert judgement.study._cache_size() == compiled


def test_padding_is_never_read() -> None:
    """Weights that stand for padding may be anything."""
    frame = Frame(DISCRETE)
    state, data = made(frame), rows(frame)
    before = judgement.table(state.critic, data.x[0], (), data.amounts[0], frame.table, np)
    state.critic.mlp.weights[0][:, frame.num_features :] = np.nan
    x = encoder.encode(encoder.init_normaliser(frame), frame, np.zeros(4, np.float32))
    assert not x[frame.num_features :].any()
    state.critic.mlp.weights[0][:, frame.num_features :] = 1e3
    after = judgement.table(state.critic, data.x[0], (), data.amounts[0], frame.table, np)
    np.testing.assert_array_equal(before, after)


def test_large_images_are_studied_in_smaller_lots() -> None:
    assert judgement.fused_updates(Frame(DISCRETE), Settings()) == 32
    assert judgement.fused_updates(Frame(PICTURE), Settings()) == 32
    large = Spec((image(84, 84, 3),), DISCRETE.action)
    assert judgement.fused_updates(Frame(large), Settings()) == 2


def test_no_target_is_beyond_what_rewards_could_ever_sum_to() -> None:
    frame = Frame(DISCRETE)
    state = made(frame)
    state = state._replace(target=jax.tree.map(np.copy, state.target))
    state.target.mlp.biases[-1][...] = 500.0
    data = jax.tree.map(lambda leaf: leaf[0], rows(frame, reward=1.0, discount=0.5))
    data = data._replace(bounds=np.float32([-7.0, 10.0]))
    goal = judgement.targets(state, data, np.zeros(0), frame.table)
    np.testing.assert_allclose(goal, 1 + 0.5 * 10.0, rtol=1e-5)


def test_what_was_done_on_the_way_is_no_fault_of_the_first_action() -> None:
    """Told the truth of every step, a target is that of one step, whatever was done later.

    The way's rewards are made such that q is exact at each step between: rₖ = q − γ v, and v is
    what the actor's mean earns, with its entropy.
    """
    frame, gamma, steps = Frame(CONTINUOUS), 0.5, 2
    real = (np.arange(frame.amounts) < frame.spec.amounts).astype(np.float32)
    state = made(frame)
    data = [jax.tree.map(lambda leaf: leaf[0], rows(frame, seed)) for seed in range(steps + 2)]

    def q(x: np.ndarray, amounts: np.ndarray) -> np.ndarray:
        return judgement.table(state.target, x, (), amounts, frame.table)[:, :, 0, 0]

    def v(part: Study) -> np.ndarray:
        noise = np.zeros_like(part.amounts)
        mean, log_density = judgement._sample(state.actor, part.x, (), noise, real)
        return q(part.x, mean) - np.exp(state.log_temperature) * log_density[None]

    start, *way, last = data
    first = np.arange(SMALL.batch, dtype=np.float32)
    paid = [q(part.x, part.amounts) - gamma * v(data[k + 2]) for k, part in enumerate(way)]
    between = judgement.Between(
        x=np.stack([part.x for part in way]),
        amounts=np.stack([part.amounts for part in way]),
        weight=np.float32([[gamma], [gamma**2]]) * np.ones(SMALL.batch, np.float32),
    )
    # Both members see the same rewards, so the first one's truth is told.
    folded = start._replace(
        reward=first + (gamma * paid[0] + gamma**2 * paid[1])[0],
        discount=np.full(SMALL.batch, gamma**3, np.float32),
        next_x=last.x,
        noise=np.zeros_like(start.noise),
        bounds=np.float32([-1e6, 1e6]),
        between=between,
    )
    goal = judgement.targets(state, folded, real, frame.table)
    np.testing.assert_allclose(goal[0], first + gamma * v(way[0])[0], atol=1e-4)
    as_it_came = judgement.targets(state, folded._replace(between=None), real, frame.table)
    assert np.abs(as_it_came[0] - goal[0]).max() > 1e-3


def test_what_new_rows_miss_by_hand() -> None:
    """Critics that are empty say 0; what ends is worth its reward alone."""
    frame = Frame(DISCRETE)
    state, data = made(frame), jax.tree.map(lambda part: part[0], rows(frame))
    state = state._replace(critic=jax.tree.map(np.zeros_like, state.critic))
    data = data._replace(reward=np.float32([1, 3] * (SMALL.batch // 2)))
    seen = judgement.held_against(state, data, np.zeros(0, np.float32), frame.table)
    np.testing.assert_allclose(seen, [5.0, 1.0], rtol=1e-6)
