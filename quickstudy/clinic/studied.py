"""Did studying do what it says? Instruments on a mind after a short life, each for one fault.

They ask for what every learner of this kind owes: updates are made and move the weights, by
little steps; the slow copy follows; members differ; numbers stay finite; units fire; the
normaliser keeps up; study draws on all of memory; now and then something else than the best
is done.

Left out: whether what was learned is true (`quickstudy.clinic.rungs`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from quickstudy.clinic.finding import Finding
from quickstudy.clinic.watch import Watched
from quickstudy.mind import encoder, judgement, maths
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Learned, Mind
from quickstudy.mind.network import Network
from quickstudy.types import Array, End


@dataclass(frozen=True)
class Limits:
    """From where on an instrument speaks up.

    made: share of the updates and refits owed that must be made. still, wild: of the critics'
    weights, how far they moved in a life, as a share of their length. behind: how far the slow
    copy may be from its critic, as a share of what the critic moved. apart: of the members'
    weights, how far they differ, as a share of their length. dead: share of units of a layer
    that never fire. centred, narrow, wide: of features over the life, the mean and the spread
    that standardised numbers may have. third: share of draws that the oldest and the newest
    third of memory must each have, at least. other: share of decisions that must be another
    than the best known.
    """

    made: float = 0.8
    still: float = 0.02
    wild: float = 20.0
    behind: float = 0.9
    apart: float = 1e-3
    dead: float = 0.5
    centred: float = 1.0
    narrow: float = 0.3
    wide: float = 3.0
    third: float = 0.1
    other: float = 0.02


def examine(life: Watched, limits: Limits) -> list[Finding]:
    """Findings in the order in which one fault hides the next."""
    mind, raw = life.mind, np.stack([turn.shown.raw for turn in life.turns])
    findings = [finite(mind.learned), normaliser(mind, raw, limits), replay(life, limits)]
    if "judgement" in minds.speeds(mind):
        findings += [
            updates(mind, limits),
            learning_rate(life, limits),
            target_copy(life, limits),
            members(mind, limits),
            dead_units(mind, raw, limits),
        ]
    if "instinct" in minds.speeds(mind):
        findings.append(refits(life, limits))
    findings.append(exploration(life, limits))
    return findings


def finite(learned: Learned) -> Finding:
    """Whether all that was learned is numbers."""
    name = "finite"
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(learned)]
    wrong = sum(int((~np.isfinite(array)).sum()) for array in arrays)
    if not wrong:
        return Finding(name, "ok", "every weight is a finite number")
    advice = "a smaller learning rate, gradients in bounds, no division by a spread of 0"
    return Finding(name, "ill", f"{wrong:,} weights are not finite numbers", advice)


def normaliser(mind: Mind, raw: Array, limits: Limits) -> Finding:
    """Whether the situations [N, R] come to a network with mean near 0 and spread near 1."""
    name = "normaliser"
    width = len(mind.learned.normaliser.shift)
    seen = encoder.encode(mind.learned.normaliser, mind.frame, raw)[:, :width]
    moved = raw[:, mind.frame.numbers_at].std(0) > encoder.MIN_STD
    if not moved.any():
        return Finding(name, "ok", "no number ever moved")
    mean, spread = np.abs(seen.mean(0)[moved]), seen.std(0)[moved]
    shown = f"as networks see them, means up to {mean.max():.2g}, "
    shown += f"spreads {spread.min():.2g} to {spread.max():.2g}"
    sound = limits.narrow < spread.min() and spread.max() < limits.wide
    if sound and mean.max() < limits.centred:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "let the statistics follow all that was shown")


def replay(life: Watched, limits: Limits) -> Finding:
    """Whether study draws on old and on recent decisions."""
    name = "replay"
    drawn = [(rows, ready) for ready, rows in life.asked if rows.ndim == 2 and ready]
    if not drawn:
        return Finding(name, "ok", "nothing was drawn by lots")
    place = np.full(life.mind.memory.size, -1)
    ready = life.mind.memory.ready[: life.mind.memory.num_ready]
    place[ready] = np.arange(len(ready))
    at = np.concatenate([place[rows.ravel()] / number for rows, number in drawn])
    old, new = float((at < 1 / 3).mean()), float((at >= 2 / 3).mean())
    shown = f"{old:.0%} of what was studied is of the oldest third, {new:.0%} of the newest"
    if min(old, new) >= limits.third:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "draw from all of memory")


def updates(mind: Mind, limits: Limits) -> Finding:
    """Whether judgement made the updates that its settings owe.

    One that others taught is not judged: how many it owed hangs on when that was.
    """
    name, s = "updates", mind.settings
    number = np.arange(1, mind.counts.decisions + 1)
    due = float(np.clip(s.even_updates / number, s.least_updates, s.most_updates).sum())
    due -= judgement.fused_updates(mind.frame, s.judgement)
    made = int(mind.learned.judgement.updates)
    if mind.counts.taught:
        return Finding(name, "ok", f"{made:,} updates of its own, and lessons from others")
    shown = f"{made:,} updates made, about {due:,.0f} due"
    if mind.memory.num_ready < s.first_study or made >= limits.made * due:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "call study after every outcome, and let it do its work")


def learning_rate(life: Watched, limits: Limits) -> Finding:
    """Whether updates move the critics, and not too far."""
    name = "learning rate"
    was, has = _flat(life.at_birth.judgement.critic), _flat(life.mind.learned.judgement.critic)
    moved = float(np.linalg.norm(has - was) / np.linalg.norm(was))
    shown = f"the critics' weights moved by {moved:.2g} of their length"
    if not int(life.mind.learned.judgement.updates) or limits.still <= moved <= limits.wild:
        return Finding(name, "ok", shown)
    advice = "too small, or the gradient is lost" if moved < limits.still else "too large"
    return Finding(name, "ill", shown, advice)


def target_copy(life: Watched, limits: Limits) -> Finding:
    """Whether the slow copy, which acts and bootstraps, follows its critic."""
    name, has = "target copy", life.mind.learned.judgement
    was, critic, slow = (
        _flat(n) for n in (life.at_birth.judgement.critic, has.critic, has.target)
    )
    far = np.linalg.norm(critic - was)
    behind = float(np.linalg.norm(critic - slow) / far) if far > 0 else 0.0
    shown = f"it is behind its critic by {behind:.0%} of what that moved"
    if behind <= limits.behind:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "move it towards the critic after every update")


def members(mind: Mind, limits: Limits) -> Finding:
    """Whether the critics of the ensemble are different ones."""
    name, critic = "members", mind.learned.judgement.critic
    each = np.stack([_flat(jax.tree.map(lambda w, i=i: w[i], critic))
                     for i in range(mind.settings.judgement.members)])  # fmt: skip
    if len(each) < 2:
        return Finding(name, "ok", "there is one only")
    apart = float(np.linalg.norm(each[0] - each[1]) / np.linalg.norm(each[0]))
    shown = f"two critics differ by {apart:.2g} of their length"
    if apart > limits.apart:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "begin each from weights of its own, or spread is 0")


def dead_units(mind: Mind, raw: Array, limits: Limits) -> Finding:
    """Units of the critics that fire in none of the situations raw [N, R]."""
    name, worst = "dead units", 0.0
    if mind.frame.images:
        return Finding(name, "ok", "not looked for behind convolutions")
    x = encoder.encode(mind.learned.normaliser, mind.frame, raw)
    x = np.concatenate([x, np.zeros((len(x), mind.frame.amounts), np.float32)], axis=-1)[None]
    mlp = mind.learned.judgement.critic.mlp
    for weights, bias in zip(mlp.weights[:-1], mlp.biases[:-1], strict=True):
        x = np.maximum(maths.layer_norm(x @ weights + bias, np), 0.0)
        worst = max(worst, float((x.max(1) <= 0).mean()))
    shown = f"{worst:.0%} of a layer's units never fire"
    if worst <= limits.dead:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "begin them anew, with smaller steps from then on")


def refits(life: Watched, limits: Limits) -> Finding:
    """Whether instinct was fitted afresh as often as its settings owe, and knows something."""
    name, due = "refits", _refits_due(life)
    shown = f"instinct was fitted {life.refits:,} times, {due:,} due"
    if not np.asarray(life.mind.learned.instinct.weights).any():
        shown += ", and still knows nothing"
    elif life.refits >= limits.made * due:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "refit it as experience grows, and keep the outcome")


def _refits_due(life: Watched) -> int:
    """Counted a second time, from what passed the job's edge alone."""
    settings, due, size, fitted = life.mind.settings, 0, 0, 0
    for turn in life.turns:
        size += 1 + (turn.step.end is End.TRUNCATED)  # what was seen last has a row too
        least = settings.refit_steps if turn.step.end is End.NOT else 1
        if size - fitted >= max(least, settings.refit_growth * size):
            due, fitted = due + 1, size
    return due


def exploration(life: Watched, limits: Limits) -> Finding:
    """Whether it ever does something else than what it holds for best."""
    name = "exploration"
    free = [t for t in life.turns if t.shown.mask is None or t.shown.mask.sum() > 1]
    other = float(np.mean([not np.array_equal(t.given, t.greedy) for t in free]))
    shown = f"in {other:.0%} of {len(free)} decisions it did something else than its best"
    if other >= limits.other:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "what is never tried is never learned: explore")


def _flat(network: Network | Any) -> Array:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(network)])
