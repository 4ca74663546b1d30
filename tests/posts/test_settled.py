"""Rewards in order or shuffled, in parts or whole: the same experience, the same mind."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from town import SMALL, Town

from quickstudy.collective import prospect
from quickstudy.collective.replay import replay
from quickstudy.learner import open_learner
from quickstudy.mind import mind as minds
from quickstudy.posts.told import Asked, Told
from quickstudy.settled import experience_digest, rebuilt, settled
from quickstudy.types import Observation

DECISIONS = 100


def lived(path: Path, order: str, **post: Any) -> str:
    """A learner that decided the same, and was told the same about it in some order."""
    town = Town(path)
    name = town.post("autonomous", wait_seconds=1e6, **post)
    world, told = random.Random(0), []
    for n in range(DECISIONS):
        episode = None if post.get("one_step") else f"e{n // 20 * 2 + n % 2}"  # two at a time
        heat = world.uniform(-1, 1)
        answer = town.office.decide(name, Asked([heat, 1.0], episode=episode))
        parts = {"a": world.gauss(0, 1e-3), "b": heat, "c": float(answer.action == "open")}
        told += [(answer.id, key, reward) for key, reward in parts.items()]
        if post.get("one_step"):
            told.append((answer.id, "", 0.0))
        elif n % 20 >= 18:
            town.office.told(answer.id, Told(done=True))
    if order == "shuffled":
        random.Random(1).shuffle(told)
        told += told[:20]  # and some twice
    for id, key, reward in told:
        said = Told(reward=reward, key=key) if key else Told(is_final=True)
        town.office.told(id, said)
    town.front.close()
    return name


def act(mind: minds.Mind) -> list[list[float]]:
    shown = np.random.default_rng(0).uniform(-1, 1, (40, 2)).astype(np.float32)
    return [minds.act(mind, Observation(one)).flat.tolist() for one in shown]


@pytest.mark.parametrize("post", [{"one_step": True}, {}])
def test_order_of_arrival_leaves_no_trace(tmp_path: Path, post: dict[str, Any]) -> None:
    name = lived(tmp_path / "one", "in order", **post)
    lived(tmp_path / "two", "shuffled", **post)
    with (
        open_learner(tmp_path / "one", SMALL) as one,
        open_learner(tmp_path / "two", SMALL) as two,
    ):
        assert experience_digest(one, name) == experience_digest(two, name)
        first, second = (rebuilt(ada, name, SMALL).mind for ada in (one, two))
        assert int(first.learned.judgement.updates) > 0
        assert prospect.is_same(first, second) and first.arbiter == second.arbiter
        assert act(first) == act(second)
        # The minds that lived it are functions of their logs, and those are in another order.
        assert not prospect.is_same(one.mind(name), two.mind(name))


def test_what_was_told_makes_a_difference(town: Town) -> None:
    name = town.post(one_step=True)
    id = town.office.decide(name, Asked([1.0, 1.0])).id
    digests = [experience_digest(town.front.learner, name)]
    for told in (Told(reward=1.0, key="a"), Told(reward=1e-9, key="b"), Told(is_final=True)):
        town.office.told(id, told)
        digests.append(experience_digest(town.front.learner, name))
    town.office.decide(name, Asked([1.0, 1.0]))
    digests.append(experience_digest(town.front.learner, name))
    assert len(set(digests)) == 5


def test_settled_experience_has_each_outcome_behind_its_decision(town: Town) -> None:
    name = town.post()
    ids = [town.office.decide(name, Asked([float(n), 1.0], episode="e")).id for n in range(3)]
    for id in reversed(ids):
        town.office.told(id, Told(reward=float(id), key="a"))
        town.office.told(id, Told(reward=1.0, key="b"))
    town.office.told(ids[-1], Told(truncated=True, observation=[9.0, 9.0]))
    events = list(settled(town.front.log, name))
    kinds = [event.kind.name for event in events]
    assert kinds == ["EPISODE", *["DECISION", "OUTCOME"] * 3]
    assert [event.n for event in events] == list(range(1, 8))
    assert [event.decision for event in events[2::2]] == [2, 4, 6]
    assert [event.reward for event in events[2::2]] == [id + 1.0 for id in ids]
    assert events[-1].end.name == "TRUNCATED"
    assert events[-1].observation is not None and events[-1].observation.tolist() == [9.0, 9.0]


def test_replay_of_settled_experience(tmp_path: Path) -> None:
    lived(tmp_path / "one", "shuffled", one_step=True)
    (found,) = replay(tmp_path / "one", SMALL, is_settled=True)
    assert found.steps == DECISIONS and not found.is_equal
    (found,) = replay(tmp_path / "one", SMALL)
    assert found.is_equal
