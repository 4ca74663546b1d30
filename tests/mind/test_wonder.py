"""Curiosity where situations never come twice: by hand, on a swing, in a mind."""

from __future__ import annotations

import numpy as np
import pytest
from specs import amounts, choice, numbers

from quickstudy.mind import curiosity, encoder, instinct, store
from quickstudy.mind import mind as minds
from quickstudy.mind.encoder import Frame
from quickstudy.mind.mind import Mind
from quickstudy.types import End, Observation, Spec

TOP = 0.45
SWING = Spec((numbers(2),), (amounts(1),), max_steps=999)
ALONE = minds.Settings(lead="instinct")  # judgement plays no part in wonder


def test_by_hand_what_leads_to_the_untried_is_worth_most() -> None:
    """Places 0, 1, 2. Option 0 stays, 1 goes on; it ended once, from 2; never on from 1."""
    frame = Frame(Spec((choice(3),), (choice(2),)))
    settings = instinct.Settings(cosines=512, apart=6.0, prior=1e-3, sweeps=100)
    own = instinct.init(frame, settings, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    place, option, to, ends = np.array(
        [(0, 0, 0, 0), (0, 1, 1, 0), (1, 0, 1, 0), (2, 1, 2, 1)]
    ).T
    normaliser = encoder.init_normaliser(frame)

    def see(at: np.ndarray) -> np.ndarray:
        x = encoder.encode(normaliser, frame, at[:, None].astype("f4"))
        return instinct.cosines(own, x)

    rows = instinct.Rows(
        *(see(place), option[:, None], np.full(4, 7.0), np.where(ends, 0.0, 0.5), see(to)),
        next_mask=np.ones((4, 2), bool),
    )
    own = instinct.fit(own, settings, frame, rows, 0.0, 1.0, (-9.0, 9.0), rng)
    wonder = curiosity.wonder(own, settings, frame, 4, rows, 0.5)
    values = see(np.arange(3)) @ wonder.weights.T
    # Nothing is new of places seen: staying earns 0, where 1 / (1 − γ) = 2 was hoped for.
    # What was paid, 7, plays no part; what ended is worth nothing at all.
    wanted = [[-1.5, -1.0], [-1.0, 0.0], [0.0, -2.0]]
    np.testing.assert_allclose(values, wanted, atol=0.2)


def swung(mind: Mind, decisions: int, episode: int = 0, prize: float = 0.0) -> float:
    """The farthest up to the right that a car got, from the ground between two hills.

    The motor alone does not climb it; every effort costs, nothing is paid but a prize on top.
    """
    minds.begin(mind, "", episode)
    mind.streams[""].mood.is_curious |= mind.counts.fitted > 0
    at, speed, farthest = -0.5, 0.0, -0.5
    for _ in range(decisions):
        shown = Observation(np.float32([at, 10 * speed]))
        chosen = minds.act(mind, shown, "")
        row = minds.decided(mind, "", shown, chosen.flat, chosen.predictions)
        push = float(chosen.flat[0])
        minds.rewarded(mind, row, prize if at > TOP else -0.1 * push**2)
        speed = np.clip(speed + 0.0015 * push - 0.0025 * np.cos(3 * at), -0.07, 0.07)
        at = max(at + speed, -1.2)
        speed = max(speed, 0.0) if at == -1.2 else speed
        farthest = max(farthest, at)
        minds.study(mind)
        if at > TOP + 0.1:
            break
    minds.ended(mind, "", End.CUT, Observation(np.float32([at, 10 * speed])))
    minds.study(mind, between_episodes=True)
    return float(farthest)


@pytest.mark.parametrize("seed", range(3))
def test_it_pumps_up_a_swing(seed: int) -> None:
    mind = minds.init(SWING, seed, ALONE)
    swung(mind, 100)
    assert swung(mind, 600, 1) > TOP


def test_at_random_a_swing_stays_low() -> None:
    """So that the test above can fail."""
    rng, farthest = np.random.default_rng(0), []
    for _ in range(3):
        at, speed = -0.5, 0.0
        for _ in range(600):
            speed += 0.0015 * rng.uniform(-1, 1) - 0.0025 * np.cos(3 * at)
            at += speed
            farthest.append(at)
    assert max(farthest) < 0.0


def curious(mind: Mind) -> float:
    """Share of episodes that curiosity would lead."""
    return float(np.mean([minds._mood(mind, number, 0).is_curious for number in range(200)]))


def test_it_leads_as_long_as_nothing_was_gained() -> None:
    mind = minds.init(SWING, 0, ALONE)
    assert curious(mind) == 0.0  # nothing is known yet
    swung(mind, 60)
    swung(mind, 60, 1)
    assert curious(mind) > 0.1
    mind.counts.late += 1  # what comes late may still be a gain
    assert curious(mind) == 0.0
    mind.counts.late, mind.counts.best = 0, 1.0
    assert curious(mind) == 0.0


def test_a_saved_mind_wonders_alike() -> None:
    mind = minds.init(SWING, 3, ALONE)
    swung(mind, 100)
    minds.begin(mind, "", 1)
    shown = Observation(np.float32([-0.4, 0.1]))
    seen = minds._see(mind, shown)
    weights = minds._wonder(mind).weights
    for _ in range(5):  # known later than the wonder is of
        chosen = minds.act(mind, shown, "")
        minds.rewarded(mind, minds.decided(mind, "", shown, chosen.flat), 0.0)
    other = minds.init(SWING, 3, ALONE)
    store.load([other], *store.dump([mind]))
    other.memory = mind.memory
    np.testing.assert_array_equal(minds._wonder(other).weights, weights)
    assert minds._by_instinct(other, seen, weights @ seen.phi)[0] in instinct.prototypes(
        ALONE.instinct
    )
