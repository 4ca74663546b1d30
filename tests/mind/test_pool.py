"""One mind taught by others: it decides as they do, and counts what they lived."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import numpy as np
import pytest

from quickstudy.clinic import studied
from quickstudy.mind import arbiter, encoder, inheritance, judgement, pool, teaching
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Mind
from quickstudy.types import End, Observation, Spec
from tests.mind import specs

SMALL = minds.Settings(  # foresight cannot be taught: it follows from experience of one's own
    judgement=judgement.Settings(hidden=(32, 32), batch=32, fused=8),
    first_lead=100,
    foresees=False,
)
QUICK = teaching.Settings(updates=1_200, batch=64)


def lived(spec: Spec, seed: int, steps: int = 400, sign: float = 1.0) -> Mind:
    """A mind that worked: rewards are for what the first number says the action should be."""
    mind = minds.init(spec, seed, SMALL)
    lives(mind, seed, steps, sign)
    return mind


def lives(mind: Mind, seed: int, steps: int, sign: float = 1.0) -> None:
    spec, rng = mind.frame.spec, np.random.default_rng(seed)
    for episode in range(steps // 20):
        minds.begin(mind, "", episode)
        for t in range(20):
            shown = Observation(rng.uniform(-1, 1, spec.raw_size).astype(np.float32), None)
            flat = minds.act(mind, shown, "").flat
            row = minds.decided(mind, "", shown, flat)
            wanted = sign * shown.raw[0]
            took = flat[0] if spec.amounts else 2 * flat[0] - 1
            minds.rewarded(mind, row, float(took * wanted))
            if t == 19:
                minds.ended(mind, "", End.TERMINATED, None)
            minds.study(mind, between_episodes=t == 19)


def together(teachers: list[Mind], seed: int = 5) -> tuple[Mind, list[np.ndarray]]:
    """A fresh mind whose memory holds what the teachers lived, and whose rows are whose."""
    mind, rows = minds.init(teachers[0].frame.spec, seed, SMALL), []
    for teacher in teachers:
        old, base = teacher.memory, mind.memory.size
        for i in range(old.size):
            row = mind.memory.add(old.raw[i], old.mask[i], old.action[i])
            mind.memory.reward[row] = old.reward[i]
        for i in old.ready[: old.num_ready]:
            after = int(old.after[i])
            mind.memory.link(base + i, after if after < 0 else base + after)
        rows.append(base + np.arange(old.size))
    return mind, rows


def alike(one: Mind, two: Mind, number: int = 200) -> float:
    """Mean difference of what both would do."""
    rng = np.random.default_rng(9)
    raw = rng.uniform(-1, 1, (number, one.frame.spec.raw_size)).astype(np.float32)
    apart = [
        np.abs(
            minds.act(one, Observation(r, None)).flat
            - minds.act(two, Observation(r, None)).flat
        )
        for r in raw
    ]
    return float(np.mean(apart))


def judging(mind: Mind) -> Mind:
    """Judgement leads, alone or with instinct, whatever the evidence, and as it is now."""
    mind.arbiter.weight, mind.arbiter.total = [1.0, 1.0], [0.0, 1.0]
    mind.learned = mind.learned._replace(
        judgement=mind.learned.judgement._replace(updates=np.asarray(5_000, np.int32))
    )
    return mind


@pytest.mark.parametrize("name", ["discrete", "continuous"])
def test_it_decides_as_its_teachers_do(name: str) -> None:
    spec = specs.ALL[name]
    teachers = [judging(lived(spec, seed)) for seed in (0, 1)]
    mind, rows = together(teachers)
    pool.pool(mind, teachers, rows, QUICK)
    leads = {"discrete": "both", "continuous": "judgement"}[name]
    assert [minds.leader(one) for one in (mind, *teachers)] == [leads] * 3
    stranger = judging(lived(spec, 2, sign=-1.0))
    for teacher in teachers:
        assert alike(mind, teacher) < 0.3
        assert alike(mind, stranger) > 0.5


def test_the_same_lessons_make_the_same_mind() -> None:
    teachers = [lived(specs.DISCRETE, seed, 100) for seed in (0, 1)]
    made = []
    for _ in range(2):
        mind, rows = together(teachers)
        pool.pool(mind, teachers, rows, teaching.Settings(updates=50, batch=16))
        made.append(jax.tree.leaves(mind.learned))
    for one, two in zip(*made, strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_was_lived_adds_up() -> None:
    teachers = [lived(specs.DISCRETE, 0, 100), lived(specs.DISCRETE, 1, 60)]
    mind, rows = together(teachers)
    pool.pool(mind, teachers, rows, teaching.Settings(updates=50, batch=16))
    counts, parts = mind.counts, [teacher.counts for teacher in teachers]
    assert counts.decisions == 160
    assert counts.rewards == pytest.approx(sum(part.rewards for part in parts))
    assert counts.best == max(part.best for part in parts)
    assert counts.worst == min(part.worst for part in parts)
    assert counts.horizon == 20
    assert counts.past == 160
    number = sum(part.past for part in parts)
    mean = sum(part.past * part.past_mean for part in parts) / number
    square = sum(part.past_m2 + part.past * part.past_mean**2 for part in parts)
    assert counts.past_mean == pytest.approx(mean)
    assert counts.past_m2 == pytest.approx(square - number * mean**2)
    whole = encoder.update_normaliser(
        encoder.init_normaliser(mind.frame), mind.frame, mind.memory.raw[: mind.memory.size]
    )
    np.testing.assert_allclose(mind.learned.normaliser.shift, whole.shift, atol=1e-6)


def test_instinct_merges_exactly() -> None:
    """As fitted by one who lived it all, whichever of the two was named first."""
    teachers = [lived(specs.DISCRETE, 0, 100), lived(specs.DISCRETE, 1, 60)]
    mind, rows = together(teachers)
    pool.pool(mind, teachers, rows, teaching.Settings(updates=50, batch=16))
    other, rows = together(teachers[::-1])
    pool.pool(other, teachers[::-1], rows, teaching.Settings(updates=50, batch=16))
    one, two = mind.learned.instinct, other.learned.instinct
    np.testing.assert_allclose(one.weights, two.weights, atol=1e-6)
    np.testing.assert_allclose(one.covariance, two.covariance, atol=1e-6)
    by_hand, _ = together(teachers)
    by_hand.counts = mind.counts.__class__(**vars(mind.counts))
    by_hand.counts.fitted = 0
    minds.look_and_refit(by_hand)
    np.testing.assert_allclose(one.weights, by_hand.learned.instinct.weights, atol=1e-6)


@pytest.mark.parametrize("name", ["discrete", "continuous"])
def test_what_is_inherited_is_known_before_the_first_decision(name: str) -> None:
    spec = specs.ALL[name]
    relative = judging(lived(spec, 0))
    mind = minds.init(spec, 7, SMALL)
    taught = inheritance.inherit(mind, [relative], QUICK)
    assert minds.own_decisions(mind) == mind.counts.inherited == 0
    note = json.loads(json.dumps(taught.note))
    inheritance.receive(
        mind, inheritance.Inheritance(taught.parameters.astype(np.float32), note)
    )
    assert minds.leader(mind) == "judgement"
    assert minds.own_decisions(mind) == 0 < mind.counts.inherited
    assert alike(mind, relative) < 0.15


def test_an_inheritance_of_another_size_is_refused() -> None:
    taught = inheritance.inherit(
        minds.init(specs.DISCRETE, 7, SMALL),
        [lived(specs.DISCRETE, 0, 100)],
        teaching.Settings(updates=50),
    )
    with pytest.raises(ValueError, match="size"):
        inheritance.receive(minds.init(specs.PICTURE, 7, SMALL), taught)


TWO_AMOUNTS = Spec((specs.numbers(3),), (specs.amounts(2),), max_steps=20)


@pytest.mark.parametrize("is_like", [True, False])
def test_what_does_harm_is_dropped(is_like: bool) -> None:
    """A job that wants the opposite: judgement is fresh again; one that is alike: it stays."""
    relative = lived(TWO_AMOUNTS, 0, 600)
    mind = minds.init(TWO_AMOUNTS, 7, SMALL)
    inheritance.receive(mind, inheritance.inherit(mind, [relative], QUICK))
    lives(mind, 7, 200, sign=1.0 if is_like else -1.0)
    assert (mind.counts.inherited > 0) is is_like
    assert minds.own_decisions(mind) == 200
    if not is_like:
        assert mind.counts.decisions == 200
        assert mind.counts.rewards == pytest.approx(mind.memory.reward[:200].sum())


def test_where_instinct_leads_it_is_the_measure() -> None:
    of = arbiter.Arbiter(mood_weight=[2.0, 2.0], weight=[3.0, 0.25], total=[30.0, 0.0])
    of.squares = [300.0, 0.0]
    assert arbiter.is_outdone(of, deviation=1.0)
    assert not arbiter.is_outdone(of, deviation=10.0)
    assert not arbiter.is_outdone(replace(of, mood_weight=[1.0, 1.0]), deviation=1.0)
    assert not arbiter.is_outdone(replace(of, total=[0.0, 2.5]), deviation=1.0)


def test_the_doctor_does_not_miss_updates_that_were_lessons() -> None:
    teachers = [lived(specs.DISCRETE, 0, 200), lived(specs.DISCRETE, 1, 200)]
    mind, rows = together(teachers)
    pool.pool(mind, teachers, rows, teaching.Settings(updates=50, batch=16, study=16))
    assert studied.updates(mind, studied.Limits()).result == "ok"
    mind.counts.taught = 0
    assert studied.updates(mind, studied.Limits()).result == "ill"
