"""How many updates a decision is owed: more where what was studied holds for what is new."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from specs import choice, numbers

from quickstudy.mind import judgement
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Mind
from quickstudy.types import End, Observation, Spec

SPEC = Spec((numbers(2),), (choice(2),), max_steps=1)
SMALL = minds.Settings(
    judgement=judgement.Settings(hidden=(32, 32), batch=32), keep_fresh=0.9, foresees=False
)


def known(missed: float, decisions: int) -> Mind:
    """A mind after some decisions, which missed that share of a variance of 4."""
    mind = minds.init(SPEC, 0, SMALL)
    counts = mind.counts
    counts.decisions, counts.missed, counts.varied = decisions, 4 * missed, 4.0
    return mind


@pytest.mark.parametrize(
    ("missed", "decisions", "due"),
    [
        (1.0, 100, 4.0),  # many at first
        (0.01, 100, 4.0),  # and no more than that
        (1.0, 10_000, 1.0),
        (0.2, 10_000, 1.0),
        (0.1, 10_000, 2.0),
        (0.01, 10_000, 3.0),
        (0.0, 10_000, 3.0),
        (1.0, 80_000, 0.5),
        (0.1, 80_000, 1.0),
    ],
)
def test_updates_due_by_hand(missed: float, decisions: int, due: float) -> None:
    assert minds._updates_due(known(missed, decisions)) == pytest.approx(due)


def lived(chance: float) -> Mind:
    """One decision an episode; it pays what is seen, and some chance."""
    mind, rng = minds.init(SPEC, 0, SMALL), np.random.default_rng(0)
    for episode in range(600):
        shown = Observation(rng.uniform(-1, 1, 2).astype(np.float32))
        minds.begin(mind, "", episode)
        chosen = minds.act(mind, shown, "")
        row = minds.decided(mind, "", shown, chosen.flat, chosen.predictions)
        luck = chance * rng.standard_normal()
        minds.rewarded(mind, row, float(shown.raw[0] * (2 * chosen.flat[0] - 1) + luck))
        minds.ended(mind, "", End.TERMINATED, None)
        minds.study(mind, between_episodes=True)
    return mind


def test_chance_is_told_from_what_can_be_learned() -> None:
    assert minds._more_updates(lived(0.0)) > 2.0
    assert minds._more_updates(lived(1.0)) == 1.0


def test_rows_that_were_studied_are_no_news() -> None:
    mind = lived(0.0)
    counts = replace(mind.counts)
    assert 0 < mind.counts.studied <= mind.memory.num_ready
    mind.counts.studied = mind.memory.num_ready
    minds._hold_against_the_new(mind)
    assert mind.counts == replace(counts, studied=mind.memory.num_ready)


def test_nothing_seen_yet_is_no_reason_for_more() -> None:
    assert minds._more_updates(minds.init(SPEC, 0, SMALL)) == 1.0
