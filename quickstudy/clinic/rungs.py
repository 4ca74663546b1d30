"""Rungs: drills of which the truth is known, and what each fault would make of it.

A rung asks a few questions after a short life: what is this situation worth, what is best
there? Each question knows its true answer and the answers that the usual faults would lead to.
An answer that is too far from the truth is named after the fault that it is nearest to; both
speeds of the mind answer for themselves.

Left out: faults that leave no trace in worth or choice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quickstudy.clinic.drills import Drill, Kind
from quickstudy.clinic.finding import Finding
from quickstudy.clinic.watch import Watched
from quickstudy.mind import arbiter
from quickstudy.mind import mind as minds
from quickstudy.types import Array, Observation

Worth = Callable[[float], float]  # of a discount


@dataclass(frozen=True)
class Question:
    """A situation, what it is worth in truth, and what is best there (None: anything).

    faults: name → what a mind with that fault would say it is worth.
    """

    shown: tuple[float, ...]
    truth: Worth
    faults: Mapping[str, Worth]
    best: float | None = None
    allowed: tuple[bool, ...] | None = None


@dataclass(frozen=True)
class Rung:
    """One drill and its questions.

    name: of the finding where no known fault fits. near: how far worth may be from the truth,
    in the drill's units. decisions: length of the life. reach: how far the best amount may
    be missed, in [-1, 1]. speeds: those that are asked.
    """

    name: str
    kinds: tuple[Kind, ...]
    questions: tuple[Question, ...]
    near: float
    decisions: int
    options: int = 2
    reach: float = 0.45
    speeds: tuple[str, ...] = arbiter.SPEEDS

    def drill(self) -> Drill:
        return Drill(self.kinds, self.options)


EXPLODES = "worth explodes"  # beyond what can be, and like no fault that has a number
ADVICE = {
    EXPLODES: "a gradient that climbs, a step too large, or worth after a termination",
    "reward sign": "look for a minus between the reward and the targets",
    "rewards lost": "look whether rewards enter the targets",
    "sight": "look whether the situation enters the networks",
    "termination": "nothing follows a termination: multiply what does by a discount of 0",
    "truncation": "bootstrap where a time limit stopped the episode",
    "look-ahead": "add the discounted worth of what follows to the target",
    "discount": "one factor of the discount a step",
    "best of what follows": "the critic chooses the best option, its slow copy says its worth",
    "mask in targets": "take the best over allowed options only, in targets too",
    "choice": "act by the values: largest worth, right sign, right scale",
}


def _const(number: float) -> Worth:
    return lambda gamma: number


def _forever(number: float) -> Worth:
    return lambda gamma: number / (1.0 - gamma)


# ---- the rungs

RIGHT, WRONG = 2.0, -1.0


def _side(side: float) -> Question:
    faults = {
        "reward sign": _const(-WRONG),
        "rewards lost": _const(0.0),
        "sight": _const((RIGHT + WRONG) / 2),
        "choice": _const(WRONG),
        "termination": _forever(RIGHT),
    }
    return Question((side,), _const(RIGHT), faults, best=float(side > 0))


def _pays_beside(side: float) -> Kind:
    """One option is right on each side."""
    return Kind(lambda t: (side,), lambda t, a: RIGHT if 2 * a - 1 == side else WRONG)


CHOOSING = Rung(
    "choosing by what is seen",
    (_pays_beside(-1.0), _pays_beside(1.0)),
    (_side(-1.0), _side(1.0)),
    near=0.4,
    decisions=120,
)

LIMIT = 4  # steps until the time limit


def _at_limit(gamma: float) -> float:
    """What the time-limited kind would be worth if nothing followed the limit."""
    return float(np.mean([(1 - gamma**left) / (1 - gamma) for left in range(1, LIMIT + 1)]))


ENDING = Rung(
    "ends",
    (
        Kind(lambda t: (-1.0,), lambda t, a: 1.0),
        Kind(lambda t: (1.0,), lambda t, a: 1.0, LIMIT, is_truncated=True),
    ),
    (
        Question(
            (-1.0,), _const(1.0), {"termination": _forever(1.0), "truncation": _const(1.0)}
        ),
        Question(
            (1.0,), _forever(1.0), {"termination": _forever(1.0), "truncation": _at_limit}
        ),
    ),
    near=13.0,
    decisions=180,
)

LATE, LESS = 8, 0.5  # steps until the only reward; what the worse option pays then
WINDOW = 3  # steps that judgement folds into one: so far it sees without asking what is best


def _left(step: int) -> Question:
    left = LATE - step
    faults = {
        "look-ahead": _const(float(left == 1)),
        "discount": _const(1.0),
        "termination": lambda g: g ** (left - 1) / (1 - g),
        "best of what follows": lambda g: (LESS if left > WINDOW else 1.0) * g ** (left - 1),
    }
    return Question((step / LATE,), lambda g: g ** (left - 1), faults)


AHEAD = Rung(
    "looking ahead",
    (
        Kind(
            lambda t: (t / LATE,),
            lambda t, a: (1.0 if a else LESS) * float(t == LATE - 1),
            LATE,
        ),
    ),
    tuple(_left(step) for step in range(0, LATE, 2)),
    near=0.2,
    decisions=200,
)

# Option 1 is worth most where it is allowed, and forbidden where all is bad.
FORBIDDEN = Rung(
    "forbidden options",
    (
        Kind(lambda t: (-1.0,), lambda t, a: 2 * a - 1.0),
        Kind(lambda t: (float(t),), lambda t, a: -2.0 * t, 2, allows=lambda t: (True, False)),
    ),
    (
        Question((-1.0,), _const(1.0), {"mask in targets": _const(1.0)}, best=1.0),
        Question(
            (0.0,),
            lambda g: -2.0 * g,
            {"mask in targets": _const(0.3)},
            allowed=(True, False),
        ),
    ),
    near=0.5,
    decisions=120,
)


def _amount(side: float) -> Question:
    faults = {
        "rewards lost": _const(0.0),
        "sight": _const(0.0),
        "reward sign": _const(-1.0),
        "choice": _const(1.0 - 4.0),  # the amount that is right on the other side
        "termination": _forever(1.0),
    }
    return Question((side,), _const(1.0), faults, best=side / 2)


def _pays_near(side: float) -> Kind:
    """The nearer the amount, the more."""
    return Kind(lambda t: (side,), lambda t, a: 1.0 - (a - side) ** 2)


AMOUNTS = Rung(
    "amounts",
    (_pays_near(-1.0), _pays_near(1.0)),
    (_amount(-1.0), _amount(1.0)),
    near=0.75,
    decisions=220,
    options=0,
    speeds=("judgement",),  # instinct, with five amounts, may not have tried the best yet
)

RUNGS = (CHOOSING, ENDING, AHEAD, FORBIDDEN, AMOUNTS)


# ---- asking


def examine(rung: Rung, life: Watched, gamma: float) -> list[Finding]:
    """What each speed answers, and what that says of it."""
    told = []
    for speed in rung.speeds:
        if speed in minds.speeds(life.mind):
            told.append(_of(rung, life, speed, gamma))
    ill = [finding for finding in told if finding.result == "ill"]
    if not ill:
        return [Finding(rung.name, "ok", "; ".join(f.evidence for f in told))]
    by_name: dict[str, list[str]] = {}
    for finding in ill:
        by_name.setdefault(finding.name, []).append(finding.evidence)
    return [
        Finding(name, "ill", f"{rung.name}: {'; '.join(said)}", ADVICE.get(name, ""))
        for name, said in by_name.items()
    ]


def _of(rung: Rung, life: Watched, speed: str, gamma: float) -> Finding:
    """One speed's answers to a rung's questions."""
    choices = [_asked(life, speed, question) for question in rung.questions]
    worth = np.array([choice.value.worth for choice in choices])
    truth = np.array([question.truth(gamma) for question in rung.questions])
    shown = f"{speed} says {_row(worth)} where the truth is {_row(truth)}"
    if not np.all(np.abs(worth - truth) <= rung.near):
        return Finding(_nearest(rung, worth, truth, gamma), "ill", shown)
    missed = [
        question.best is not None and abs(choice.flat[0] - question.best) > rung.reach
        for question, choice in zip(rung.questions, choices, strict=True)
    ]
    if any(missed):
        did = _row(np.array([choice.flat[0] for choice in choices]))
        return Finding("choice", "ill", f"{shown}, but {speed} does {did}")
    return Finding(rung.name, "ok", shown)


def _asked(life: Watched, speed: str, question: Question) -> minds.Choice:
    """A frozen answer of one speed alone."""
    mask = None if question.allowed is None else np.array(question.allowed)
    settings = dataclasses.replace(life.mind.settings, lead=speed)
    alone = dataclasses.replace(life.mind, settings=settings)
    return minds.act(alone, Observation(np.array(question.shown, np.float32), mask))


def _nearest(rung: Rung, worth: Array, truth: Array, gamma: float) -> str:
    """The fault that would have led nearest to these answers; the rung where none is near."""
    names = dict.fromkeys(name for question in rung.questions for name in question.faults)
    far = {rung.name: float(np.abs(worth - truth).max())}
    for name in names:
        said = [q.faults.get(name, q.truth)(gamma) for q in rung.questions]
        far[name] = float(np.abs(worth - np.array(said)).max())
    nearest = min(far, key=lambda name: (np.nan_to_num(far[name], nan=np.inf), name))
    if far[nearest] <= rung.near:
        return nearest
    is_beyond = np.abs(worth).max() > np.abs(truth).max() + 2 * rung.near
    return EXPLODES if is_beyond and nearest == rung.name else nearest


def _row(numbers: Sequence[float] | Array) -> str:
    return " / ".join(f"{number:.2f}" for number in numbers)
