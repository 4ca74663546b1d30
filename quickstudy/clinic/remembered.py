"""What a mind remembers of a life, held against what it was told: exact, with nothing learned.

The expected windows are computed here a second time, step by step, from what passed the job's
edge; memory's own arithmetic is what is being examined.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from quickstudy.clinic.drills import REACH
from quickstudy.clinic.finding import Finding
from quickstudy.clinic.watch import Watched
from quickstudy.mind import memory
from quickstudy.mind.memory import Batch
from quickstudy.types import Array, End, Observation

GAMMA = 0.9  # any: it is told to memory and used here
LONG = 5_000  # decisions of a longer life
NEAR = 1e-4  # relative and absolute; rewards are kept as float32 in windows


def examine(life: Watched) -> list[Finding]:
    """Findings on a diary, in the order in which one fault hides the next."""
    kept = _kept(life) or _room(life)
    if kept:
        return [kept]
    one, many = _expected(life, 1), _expected(life, life.mind.settings.num_steps)
    rows = np.array(life.rows)[life.is_finished]
    has_one = life.mind.memory.windows(rows, 1, GAMMA)
    has_many = life.mind.memory.windows(rows, life.mind.settings.num_steps, GAMMA)
    taken = np.array([turn.taken for turn in life.turns])[life.is_finished]
    findings = [
        _actions(taken, has_one.action[:, 0]),
        _allowed(life),
        _ends(life, one, has_one),
        _situations(one, has_one),
        _masks(one, has_one),
        _rewards(one.reward, has_one.reward),
    ]
    if all(finding.result == "ok" for finding in findings):
        findings.append(_windows(many, has_many))
    return findings


def _kept(life: Watched) -> Finding | None:
    """What is wrong where memory does not hold a row for each decision; None where it does."""
    store, told = life.mind.memory, len(life.turns)
    due = int(life.is_finished.sum())
    ready = np.unique(store.ready[: store.num_ready])
    has = int(np.isin(np.array(life.rows)[life.is_finished], ready).sum())
    if len(set(life.rows)) == told and has == due:
        return None
    shown = f"of {due} decisions whose episode is over, {has} may be studied, in "
    shown += f"{len(set(life.rows))} rows for {told} decisions"
    return Finding("memory keeps", "ill", shown, "keep every decision in a row of its own")


def _room(life: Watched) -> Finding | None:
    """What is wrong where a longer life would not be remembered; None where it would."""
    store = memory.init(1, 0, life.turns[0].given.size)
    for number in range(LONG):
        row = store.add(np.full(1, number, np.float32), None, np.zeros(1))
        store.reward[row] = number
        store.link(row, memory.TERMINAL)
    ready = np.unique(store.ready[: store.num_ready])
    has = np.zeros(LONG)
    has[: len(ready)] = store.windows(ready, 1, GAMMA).reward
    gone = LONG - int(np.isin(np.arange(LONG), has).sum())
    if not gone:
        return None
    shown = f"of {LONG:,} decisions in a row, {gone:,} cannot be studied in the end"
    return Finding(
        "memory keeps", "ill", shown, "let memory grow, or let go of the oldest last"
    )


def _expected(life: Watched, num_steps: int) -> Batch:
    """The windows of all decisions whose episode is over, as they should be."""
    turns = [
        turn for turn, is_over in zip(life.turns, life.is_finished, strict=True) if is_over
    ]
    reward, discount, last = [], [], []
    for start in range(len(turns)):
        total, weight, at = 0.0, 1.0, start
        for at in range(start, min(start + num_steps, len(turns))):
            total, weight = total + weight * turns[at].step.reward, weight * GAMMA
            if turns[at].step.end is not End.NOT:
                break
        is_over = turns[at].step.end is End.TERMINATED
        reward.append(total)
        discount.append(0.0 if is_over else weight)
        last.append(turns[at].step.observation)
    shown = [turn.shown for turn in turns]
    return Batch(
        raw=np.stack([o.raw for o in shown]),
        mask=np.stack([_mask(o) for o in shown]),
        action=np.stack([turn.given for turn in turns]),
        reward=np.array(reward),
        discount=np.array(discount),
        next_raw=np.stack([o.raw for o in last]),
        next_mask=np.stack([_mask(o) for o in last]),
    )


def _mask(shown: Observation) -> Array:
    assert shown.mask is not None  # a diary always says what is allowed
    return shown.mask


def _is_near(a: Array, b: Array) -> Array:
    return np.isclose(a, b, rtol=NEAR, atol=NEAR)


def _share(wrong: Any) -> str:
    return f"in {int(np.sum(wrong))} of {len(wrong)} decisions"


def amounts(life: Watched) -> Finding:
    """Where the action is one amount: remembered in [-1, 1], taken in the job's units."""
    taken = np.array([turn.taken for turn in life.turns])
    return _actions(taken, REACH * life.mind.memory.action[life.rows, 0])


def _actions(taken: Array, has: Array) -> Finding:
    """Whether what arrived in the job is what is remembered, in the job's units."""
    name, wrong = "action taken", ~_is_near(taken, has)
    if not wrong.any():
        return Finding(name, "ok", "the actions remembered are those that the job took")
    shown = f"{_share(wrong)} the job took another action than is remembered"
    return Finding(name, "ill", shown, "look between the decision, the job and memory")


def _allowed(life: Watched) -> Finding:
    name = "mask in acting"
    forbidden = np.array(
        [t.shown.mask is not None and not t.shown.mask[int(t.taken)] for t in life.turns]
    )
    greedy = np.array(
        [t.shown.mask is not None and not t.shown.mask[int(t.greedy[0])] for t in life.turns]
    )
    if not (forbidden | greedy).any():
        return Finding(name, "ok", "nothing forbidden was done")
    shown = f"something forbidden was done {_share(forbidden)}, would be {_share(greedy)}"
    return Finding(name, "ill", shown, "let the mask into every choice, tried or best")


def _situations(told: Batch, has: Batch) -> Finding:
    name, wrong = "situation stored", ~_is_near(told.raw, has.raw).all(-1)
    if wrong.any():
        shown = f"{_share(wrong)} another situation is remembered than was shown"
        return Finding(name, "ill", shown, "store what was shown before the decision")
    wrong = ~_is_near(told.next_raw, has.next_raw).all(-1) & (told.discount > 0)
    if wrong.any():
        same = _is_near(told.raw, has.next_raw).all(-1)
        own = f", {_share(same)} the situation itself" if same.any() else ""
        shown = f"{_share(wrong)} something else is said to follow than did{own}"
        return Finding("next situation", "ill", shown, "pair each situation with its successor")
    return Finding(name, "ok", "every situation and its successor, as shown")


def _masks(told: Batch, has: Batch) -> Finding:
    name, goes_on = "mask stored", told.discount > 0
    wrong = (told.mask != has.mask).any(-1)
    wrong |= (told.next_mask != has.next_mask).any(-1) & goes_on
    if not wrong.any():
        return Finding(name, "ok", "every mask, as told")
    shown = f"{_share(wrong)} another mask is remembered than was told"
    return Finding(name, "ill", shown, "store each mask beside its situation")


def _ends(life: Watched, told: Batch, has: Batch) -> Finding:
    """Where nothing follows nothing may count, and everywhere else something must."""
    wrong = (told.discount == 0) & (has.discount != 0)
    if wrong.any():
        shown = f"{_share(wrong)} an episode terminated, and worth is said to follow"
        return Finding("termination", "ill", shown, "a discount of 0 where it terminated")
    ends = np.array([t.step.end for t in life.turns])[life.is_finished]
    wrong = (has.discount == 0) & (ends == End.TRUNCATED)
    if wrong.any():
        shown = f"{_share(wrong)} a time limit is taken for a termination"
        return Finding("truncation", "ill", shown, "bootstrap from the last situation")
    if not _is_near(told.discount, has.discount).all():
        wrong = ~_is_near(told.discount, has.discount)
        shown = f"{_share(wrong)} what follows counts otherwise than the discount says"
        return Finding("discount", "ill", shown, "one factor of the discount a step")
    return Finding("termination", "ok", "what terminated, what was truncated, as told")


def _rewards(told: Array, has: Array) -> Finding:
    """Which of the usual accidents befell the rewards, if any."""
    if _is_near(told, has).all():
        return Finding("rewards stored", "ok", "every reward beside its decision, as told")
    wrong = _share(~_is_near(told, has))
    if _is_near(-told, has).all():
        return Finding("reward sign", "ill", f"{wrong} minus the reward", "drop the minus")
    for by in (-1, 1):
        late = np.roll(told, by)
        if _is_near(late, has)[1:-1].mean() > 0.5:
            shown = f"{wrong} the reward of the decision {'after' if by < 0 else 'before'}"
            return Finding("reward timing", "ill", shown, "store r with its own s and a")
    if _is_near(has, np.zeros(len(has))).mean() > 0.1:
        shown = f"{wrong} another reward, mostly none"
        return Finding("rewards lost", "ill", shown, "store every reward that comes")
    factor = float(told @ has / (told @ told))
    if _is_near(factor * told, has).all():
        shown = f"all are {factor:.3g} times what was told"
        return Finding("reward scale", "ill", shown, "store rewards in the job's units")
    return Finding("rewards stored", "ill", f"{wrong} another reward", "store it as told")


def _windows(told: Batch, has: Batch) -> Finding:
    """Several steps folded into one: sums, what lies beyond, and where it is reached."""
    name = "windows of steps"
    wrong = ~_is_near(told.reward, has.reward) | ~_is_near(told.discount, has.discount)
    goes_on = told.discount > 0
    wrong |= goes_on & ~_is_near(told.next_raw, has.next_raw).all(-1)
    wrong |= goes_on & (told.next_mask != has.next_mask).any(-1)
    if not wrong.any():
        return Finding(name, "ok", "several steps fold into one as they should")
    shown = f"{_share(wrong)} several steps fold into something else than their sum"
    return Finding(name, "ill", shown, "look at where windows stop and what they add up")
