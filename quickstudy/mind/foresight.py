"""Foresight: what would follow, several steps ahead, before anything is done.

A model of the job, refitted in closed form beside instinct: how the numbers of a situation
change, what is paid, and where it ends. An episode with foresight searches it for a few steps
and asks the values of both speeds only for what lies beyond: a small difference between two
actions becomes a large one between what they lead to. Where situations are numbers it applies.
Options are searched at every step. Amounts are tried at the first alone, or for some steps
alike, and then the actor goes on (a rollout): of endless amounts at every step a search finds
whatever the model and the values are wrong about (docs/log.md).

    Δx = W f(x) + Σⱼ eⱼ(a) Vⱼ [1, x],    f(x) = [1, x, cosines of x]

e(a): the option taken, one-hot, or the amounts and their squares. What all actions share is
learned from all rows, what sets them apart is affine. λ of the cosines is chosen for each
output by the error on the latest fifth of the rows, which the fit has not seen.

Whose ideas: planning on a learned model with a value beyond (Sutton 1991; Lowrey et al. 2019,
§2; Hansen et al. 2022), rollouts (Tesauro & Galperin 1996), random features (Rahimi & Recht
2007), logistic regression by Newton steps (Hastie et al. 2009, §4.4.1).

Left out: uncertainty of the model (the arbiter sees what foresight earns), pictures, discrete
entries, several choices at once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from quickstudy.mind.encoder import CLIP, Frame
from quickstudy.mind.instinct import ONE_THREAD

Array = np.ndarray
Worth = Callable[[Array], Array]  # situations x [B, P] → what they are worth [B]
Tries = Callable[[Array, int, Array], Array]
"""Situations x [B, P], the step, and what the ways there began with [B] → e(a) of what to try
[B or 1, K, A]."""


@dataclass(frozen=True)
class Settings:
    """One setting for every job."""

    first: int = 200  # rows that something follows, before it knows anything
    depth: int = 8  # steps
    rows: int = 32  # situations that a step may lead to; else only the best are followed up,
    beam: int = 4  # so many of them
    cosines: int = 256
    width: float = 1.0  # kernel width, in units of √(numbers in the situation)
    affine: float = 0.01  # λ of what is affine
    priors: tuple[float, ...] = (0.2, 0.02, 0.002)  # λ of the cosines, to choose from
    ends: float = 0.05  # λ of where it ends
    newton: int = 4  # steps towards where it ends, in one refit
    most_numbers: int = 64  # in a situation
    most_options: int = 16
    most_amounts: int = 8
    beside: tuple[float, ...] = (0.2, 0.05, 0.0125)  # the actor's amounts, on each axis
    held: int = 4  # steps for which amounts from anywhere are kept up, where one shows little:
    at_once: float = 0.1  # where it moves no number by so much of that number's deviation


class Foresight(NamedTuple):
    """Arrays of the model; n numbers, D cosines, A entries of e(a).

    frequencies [n, D], phases [D]: the random features, never changed.
    shared [1 + n + D, n + 1], apart [1 + n, A, n + 1]: of changes, and of the reward.
    ends [1 + 2n + D]: log-odds that it ended, by the situation in which it did.
    last [1 + n]: what the end itself pays, by the same.
    """

    frequencies: Array
    phases: Array
    shared: Array
    apart: Array
    ends: Array
    last: Array


class Rows(NamedTuple):
    """Experience to fit: x, next_x [N, n], action [N, A], reward [N], is_end bool [N].

    next_x of what ended is not read.
    """

    x: Array
    action: Array
    reward: Array
    next_x: Array
    is_end: Array


def applies(frame: Frame, settings: Settings) -> bool:
    """Whether a job's situations and actions are of a kind that it foresees."""
    spec, n = frame.spec, frame.numbers
    if frame.num_features != n or frame.images or not 0 < n <= settings.most_numbers:
        return False
    if spec.amounts:
        return not spec.choices and spec.amounts <= settings.most_amounts
    return len(spec.choices) == 1 and spec.choices[0] <= settings.most_options


def init(frame: Frame, settings: Settings, rng: np.random.Generator) -> Foresight:
    """Nothing changes, nothing is paid, nothing ends."""
    n = frame.numbers if applies(frame, settings) else 0
    A = sum(frame.spec.choices) + 2 * frame.spec.amounts if n else 0
    D = settings.cosines if n else 0
    f32 = np.float32
    return Foresight(
        (rng.standard_normal((n, D)) / (settings.width * np.sqrt(max(n, 1)))).astype(f32),
        rng.uniform(0, 2 * np.pi, D).astype(f32),
        np.zeros((1 + n + D, n + 1), f32),
        np.zeros((1 + n, A, n + 1), f32),
        np.zeros(1 + 2 * n + D, f32),
        np.zeros(1 + n, f32),
    )


def is_known(model: Foresight) -> bool:
    """Whether it was ever fitted."""
    return bool(model.shared.any())


def coded(frame: Frame, flat: Array) -> Array:
    """e(a) [..., A] of flat actions [..., F + C]."""
    if frame.spec.amounts:
        return np.concatenate([flat, flat**2], axis=-1)
    return np.eye(frame.spec.choices[0], dtype=np.float32)[flat[..., 0].astype(int)]


def around(settings: Settings, usual: Array) -> Array:
    """Amounts to try [K, C]: what is usual [C], beside it on each axis, and some anywhere.

    Those anywhere are the same ones each time. Each pair points both ways.
    """
    axes = np.concatenate([size * np.eye(len(usual)) for size in settings.beside])
    far = _anywhere(len(usual))
    tried = np.concatenate([usual[None], usual + axes, usual - axes, far, -far])
    return np.clip(tried, -1.0, 1.0).astype(np.float32)


def onward(held: int, ways: Array, first: Array, usual: Array, step: int) -> Array:
    """Amounts [B, C] that go on: what is usual [B, C]; or, for some steps, what was begun with.

    Args:
      held: steps for which amounts from anywhere are kept up.
      ways: [K, C] those of `around`; first: [B] which of them was begun with.
    """
    beside = len(ways) - 2 * len(_anywhere(ways.shape[1]))
    is_held = (first >= beside) & (step < held)
    return np.where(is_held[:, None], ways[first], usual)


def acts_at_once(model: Foresight, settings: Settings) -> bool:
    """Whether one step's amounts, drawn evenly, move some number of a situation noticeably.

    Where they don't, as one push is little of a swing, what they are worth differs by less than
    values err (Tallec et al. 2019, §3): only several steps alike show where they lead.
    Situations are standardised, and taken as uncorrelated.
    """
    amounts = model.apart.shape[1] // 2
    variance = np.repeat([1 / 3, 4 / 45], amounts)  # of a and of a², a even in ±1
    moved = np.einsum("iao,a->o", model.apart[:, :, :-1] ** 2, variance)
    return bool(moved.max(initial=0.0) >= settings.at_once**2)


@functools.cache
def _anywhere(amounts: int) -> Array:
    """Amounts [2, C], uniform."""
    return np.random.default_rng(amounts).uniform(-1.0, 1.0, (2, amounts))


def _cosines(model: Foresight, x: Array) -> Array:
    scale = np.float32(np.sqrt(2.0 / len(model.phases)))
    return np.cos(x @ model.frequencies + model.phases) * scale


def _features(x: Array, cosines: Array) -> Array:
    return np.concatenate([np.ones((len(x), 1), x.dtype), x, cosines], axis=1)


def _of_ends(x: Array, cosines: Array) -> Array:
    return np.concatenate([np.ones((len(x), 1), x.dtype), x, x * x, cosines], axis=1)


def fit(model: Foresight, settings: Settings, rows: Rows) -> Foresight:
    """Fits it afresh, where experience is enough; where it ends from what was known before."""
    if (~rows.is_end).sum() < settings.first:
        return model
    with ONE_THREAD.limit(limits=1, user_api="blas"):
        return _fit(model, settings, rows)


def _fit(model: Foresight, settings: Settings, rows: Rows) -> Foresight:
    n = rows.x.shape[1]
    features = _features(rows.x, _cosines(model, rows.x))
    affine = features[:, : 1 + n]
    own = (affine[:, :, None] * rows.action[:, None]).reshape(len(affine), -1)
    every = np.concatenate([features, own], axis=1).astype(np.float64)
    goes_on = ~rows.is_end
    goal = np.concatenate([rows.next_x - rows.x, rows.reward[:, None]], axis=1)
    weights = _ridge(every[goes_on], goal[goes_on], settings, slice(1 + n, features.shape[1]))
    shared, apart = weights[: features.shape[1]], weights[features.shape[1] :]
    f32 = np.float32
    model = model._replace(
        shared=shared.astype(f32), apart=apart.reshape(model.apart.shape).astype(f32)
    )
    next_x = rows.next_x.copy()
    if rows.is_end.any():
        next_x[rows.is_end] = _step(model, rows.x, rows.action)[0][rows.is_end]
    return _fit_ends(model, settings, next_x, rows.is_end, rows.reward)


def _ridge(features: Array, goal: Array, settings: Settings, cosines: slice) -> Array:
    """Weights [P, n + 1]; λ of the cosines by the error on what came last."""
    known = int(0.8 * len(features))
    early, late = features[:known], features[known:]
    gram, moments = early.T @ early, early.T @ goal[:known]
    squares = [
        ((late @ _solve(gram, moments, settings.affine, prior, cosines) - goal[known:]) ** 2)
        for prior in settings.priors
    ]
    chosen = np.argmin([square.mean(0) for square in squares], axis=0)
    gram, moments = gram + late.T @ late, moments + late.T @ goal[known:]
    solved = [
        _solve(gram, moments, settings.affine, prior, cosines) for prior in settings.priors
    ]
    return np.choose(chosen, solved)


def _solve(gram: Array, moments: Array, affine: float, prior: float, cosines: slice) -> Array:
    ridge = np.full(len(gram), affine)
    ridge[cosines] = prior
    factor = cho_factor(gram + np.diag(ridge), lower=True, overwrite_a=True)
    return cho_solve(factor, moments)


def _fit_ends(
    model: Foresight, settings: Settings, x: Array, is_end: Array, reward: Array
) -> Foresight:
    """Where it ends, by Newton steps; and what the end pays, by ridge regression."""
    if not is_end.any():
        return model
    features = _of_ends(x, _cosines(model, x)).astype(np.float64)
    weights, ridge = model.ends.astype(np.float64), np.full(features.shape[1], settings.ends)
    ridge[0] = 1e-4
    for _ in range(settings.newton):
        p = 1.0 / (1.0 + np.exp(-np.clip(features @ weights, -30, 30)))
        curve = (features * (p * (1 - p) + 1e-4)[:, None]).T @ features
        curve[np.diag_indices(len(curve))] += ridge
        slope = features.T @ (is_end - p) - ridge * weights
        step = cho_solve(cho_factor(curve, lower=True, overwrite_a=True), slope)
        weights += step * min(1.0, 5.0 / np.abs(step).max())
    affine = np.concatenate([np.ones((len(x), 1)), x], axis=1)[is_end]
    mean = reward[is_end].mean()
    gram = affine.T @ affine + np.eye(affine.shape[1])
    last = np.linalg.solve(gram, affine.T @ (reward[is_end] - mean))
    last[0] += mean
    f32 = np.float32
    return model._replace(ends=weights.astype(f32), last=last.astype(f32))


def _step(model: Foresight, x: Array, action: Array) -> tuple[Array, Array]:
    """Situations [B, n] and rewards [B] after actions e(a) [B, A]."""
    features = _features(x, _cosines(model, x))
    own = _apart(model, features[:, : 1 + x.shape[1]])
    out = features @ model.shared + np.einsum("ba,bao->bo", action, own)
    return np.clip(x + out[:, :-1], -CLIP, CLIP), out[:, -1]


@dataclass
class Front:
    """Situations that the search stands at, B of them.

    x [B, n]; cosines [B, D] of it; paid [B]: what the way there paid, discounted; first [B]:
    the option that the way began with; is_over [B]: it ended there.
    """

    x: Array
    cosines: Array
    paid: Array
    first: Array
    is_over: Array

    def only(self, at: Array) -> Front:
        """Some of them."""
        parts = (self.x, self.cosines, self.paid, self.first, self.is_over)
        return Front(*(part[at] for part in parts))


def best(
    model: Foresight,
    settings: Settings,
    x: Array,
    allowed: Array,
    tries: Tries,
    worth: Worth,
    gamma: float,
    rewards: tuple[float, float],
) -> int:
    """Which of the actions to try leads to the most, as far as is foreseen; a beam search.

    Args:
      x: [P] the situation, its n numbers first. allowed: bool [K] what of it may be done here.
      tries: what to try in a situation; step 0 is this one.
      worth: of situations where the search stops, in the job's units.
      gamma: discount. rewards: the least and the most that a decision earned so far.
    """
    here = x[None, : len(model.frequencies)]
    front = Front(here, _cosines(model, here), np.zeros(1), np.zeros(1, int), np.zeros(1, bool))
    actions = tries(x[None], 0, front.first)
    front = _followed(model, front, actions, 1.0, rewards)
    front.first = np.arange(len(front.x))
    front, power = front.only(np.flatnonzero(allowed)), gamma
    for step in range(1, settings.depth):
        if len(front.x) * actions.shape[1] > settings.rows:
            score = _score(front, worth, power, len(x))
            front = front.only(np.argsort(-score, kind="stable")[: settings.beam])
        if (front.first == front.first[0]).all():
            return int(front.first[0])
        actions = tries(_padded(front.x, len(x)), step, front.first)
        front = _followed(model, front, actions, power, rewards)
        power *= gamma
    return int(front.first[_score(front, worth, power, len(x)).argmax()])


def _followed(
    model: Foresight, front: Front, actions: Array, power: float, rewards: tuple[float, float]
) -> Front:
    """Every action e(a) [B or 1, K, A] after every situation; power: γ to the steps before."""
    n, options = front.x.shape[1], actions.shape[1]
    features = _features(front.x, front.cosines)
    own = actions @ _apart(model, features[:, : 1 + n])
    out = (features @ model.shared)[:, None] + own
    moved = np.repeat(front.x, options, axis=0) + out[..., :-1].reshape(-1, n)
    x = np.minimum(np.maximum(moved, -CLIP), CLIP)
    cosines, was_over = _cosines(model, x), np.repeat(front.is_over, options)
    ends = _of_ends(x, cosines) @ model.ends > 0.0
    pays = np.where(ends, model.last[0] + x @ model.last[1:], out[..., -1].reshape(-1))
    pays = np.where(was_over, 0.0, np.minimum(np.maximum(pays, rewards[0]), rewards[1]))
    paid = np.repeat(front.paid, options) + power * pays
    return Front(x, cosines, paid, np.repeat(front.first, options), was_over | ends)


def _apart(model: Foresight, affine: Array) -> Array:
    """What each entry of e(a) does [B, A, n + 1] where [1, x] is [B, 1 + n]."""
    of_all = model.apart.reshape(affine.shape[1], -1)
    return (affine @ of_all).reshape(len(affine), -1, model.apart.shape[2])


def _score(front: Front, worth: Worth, power: float, features: int) -> Array:
    """What was paid, and what lies beyond by the values of both speeds."""
    beyond = worth(_padded(front.x, features))
    return front.paid + power * np.where(front.is_over, 0.0, beyond)


def _padded(numbers: Array, features: int) -> Array:
    """Situations x [B, P] of which only the numbers [B, n] are known, and there are no more."""
    x = np.zeros((len(numbers), features), np.float32)
    x[:, : numbers.shape[1]] = numbers
    return x
