"""Recalling all at once leaves what living it, event by event, would have left."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest

from quickstudy import life
from quickstudy.experience.event import LOST, Kind
from quickstudy.experience.log import Log
from quickstudy.jobs.layout import Layout, spec_of
from quickstudy.life import Place
from quickstudy.mind import mind as minds
from quickstudy.recollection import recall
from quickstudy.types import End, Observation

SPEC = spec_of(gymnasium.spaces.Box(-9.0, 9.0, (2,)), gymnasium.spaces.Discrete(3))
STREAMS = ("work", "x", "y")


@pytest.fixture(autouse=True)
def no_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minds, "study", lambda *_, **__: None)


def place(log: Log) -> Place:
    return Place("job", Layout(SPEC), minds.init(SPEC), log)


def shown(rng: np.random.Generator) -> Observation:
    raw = rng.integers(3, size=2).astype(np.float32)  # situations recur
    mask = np.append(rng.random(2) < 0.7, True)
    return Observation(raw, mask if rng.random() < 0.4 else None)


def live(log: Log, rng: np.random.Generator, events: int, gaps: float) -> None:
    """A life of random decisions on streams, with late rewards, ends of all kinds, gaps."""
    lived = place(log)
    for _ in range(events):
        stream = STREAMS[rng.integers(3)]
        if rng.random() < gaps:  # whatever was here was lost
            for _ in range(rng.integers(1, 4)):
                log.append(Kind.NOTE, note={LOST: {}})
            for _ in range(rng.integers(3)):  # as were some decisions that rewards are for
                log.append(Kind.OUTCOME, "job", stream=stream, decision=log.last, reward=1.0,
                           end=End(rng.integers(4)))  # fmt: skip
            life.lost(lived)
            if rng.random() < 0.7:  # an episode whose beginning was lost
                lived.open[stream] = life.Episode(lived.episodes)
                minds.begin(lived.mind, stream, lived.episodes)
                lived.episodes += 1
        choice = rng.random()
        if choice < 0.6:
            life.decide(lived, shown(rng), stream)
        elif choice < 0.8 and lived.decisions:
            late = int(lived.decisions[rng.integers(len(lived.decisions))])
            own = log.at(late)
            assert own is not None
            life.outcome(lived, late, float(rng.normal()), stream=own.stream)
        elif choice < 0.9 and stream in lived.open and lived.open[stream].steps:
            latest = lived.open[stream].latest
            last = shown(rng) if rng.random() < 0.5 else None
            life.outcome(lived, latest, 1.0, End(rng.integers(1, 4)), last, stream)
        elif choice < 0.92:
            life.begin(lived, stream, 3)


def assert_same_place(one: Place, two: Place) -> None:
    a, b = one.mind.memory, two.mind.memory
    assert (a.size, a.num_ready, a.cells) == (b.size, b.num_ready, b.cells)
    for name in ("raw", "mask", "action", "reward", "after", "cell"):
        np.testing.assert_array_equal(
            getattr(a, name)[: a.size], getattr(b, name)[: b.size], name
        )
    np.testing.assert_array_equal(a.ready[: a.num_ready], b.ready[: b.num_ready])
    assert (one.decisions, one.rows, one.steps) == (two.decisions, two.rows, two.steps)
    assert one.episodes == two.episodes
    assert one.open == two.open


@pytest.mark.parametrize("gaps", [0.0, 0.05])
@pytest.mark.parametrize("seed", range(8))
def test_all_at_once_is_one_by_one(tmp_path: Path, seed: int, gaps: float) -> None:
    rng = np.random.default_rng(seed)
    with Log.create(tmp_path / "experience.db") as log:
        live(log, rng, 150, gaps)
        for upto in (0, 1, 40, log.last):
            absorbed, recalled = place(log), place(log)
            lost = []
            for event in log.read():
                if event.n > upto:
                    break
                if event.kind == Kind.NOTE:
                    lost.append(event.n)
                    life.lost(absorbed)
                else:
                    life.absorb(absorbed, event)
            for past in log.columns("job", upto=upto).values():
                recall(recalled, past, np.array(lost, np.int64))
            assert_same_place(absorbed, recalled)
            if not gaps:
                assert bool(absorbed.decisions) == (upto > 1)


def test_a_late_reward_is_not_earned_by_the_next_episode(tmp_path: Path) -> None:
    with Log.create(tmp_path / "experience.db") as log:
        lived = place(log)
        seen = Observation(np.zeros(2, np.float32), None)
        first = life.decide(lived, seen, "x").id
        life.outcome(lived, first, None, End.TERMINATED, stream="x")
        life.begin(lived, "x")
        life.outcome(lived, first, 5.0, stream="x")
        assert lived.open["x"].earned == 0.0
