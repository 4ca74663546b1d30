"""Whatever happens at an office, a new one on the same log knows the same."""

from __future__ import annotations

import dataclasses
import random
from collections import OrderedDict
from typing import Any

import pytest
from town import VALVE, Town

from quickstudy.errors import QuickstudyError
from quickstudy.posts.declared import from_json
from quickstudy.posts.office import Office
from quickstudy.posts.told import Asked, Lesson, Reply, Told

TWO = {
    "valve": VALVE
    | {
        "terms": {"any": {"first": "supervised", "audit_share": 0.5}},
        "fallback": "keep",
        "caps": {"any": {"per_hour": 30, "cost_per_day": 9.0}},
        "reward_default": -1.0,
        "accepts_late": True,
        "decision_cost": 0.1,
    },
    "advert": {
        "name": "advert",
        "observation": {"type": "box", "shape": [2]},
        "action": {"type": "candidates", "most": 3, "features": 1},
        "one_step": True,
        "terms": {"any": {"first": "shadow", "audit_share": 0.5}},
        "harm_below": 0.0,
    },
    "robot": {
        "name": "robot",
        "observation": {"type": "box", "shape": [2]},
        "action": {"type": "box", "shape": [1], "low": -1, "high": 1},
        "terms": {"any": {"first": "autonomous", "lease_seconds": 900, "audit_share": 0.3}},
        "harm_below": 0.0,
        "wait_seconds": 200.0,
    },
}


def known(office: Office) -> dict[str, Any]:
    """All that an office knows, as far as it counts."""
    found: dict[str, Any] = {"inbox": office.inbox(), "posts": office.posts}
    for name, post in office._clerk.posts.items():
        state = dict(vars(post))
        for part in ("gate", "wording"):
            del state[part]
        state["slots"] = (post.slots.made, sorted(post.slots.free))
        state["standing"] = post.gate.standing(office._clerk.now)
        state["seen"] = office.decisions(name), office.curve(name)
        state["state"] = office.state(name) | {"mind": None}  # what it learned is not ours
        found[name] = state
    return found


class Chance:
    """Does at random what people and programs may do at an office."""

    def __init__(self, town: Town, seed: int):
        self.town, self.rng = town, random.Random(seed)
        self.ids: list[int] = []
        self.keys: dict[str, tuple[str, Asked, int]] = {}

    def act(self) -> None:
        ways = [self.ask] * 8 + [self.tell] * 8 + [self.reply] * 4 + [self.wait] * 2
        ways += [self.audit, self.end, self.verdict, self.switch, self.change, self.teach]
        try:
            self.rng.choice(ways)()
        except QuickstudyError as error:
            assert str(error).endswith((".", "}."))

    def ask(self) -> None:
        rng, office = self.rng, self.town.office
        name = rng.choice(office.posts)
        what: dict[str, Any] = {"observation": [rng.random(), 1.0]}
        if name == "advert":
            what["candidates"] = [[rng.random()] for _ in range(rng.randint(1, 3))]
            if rng.random() < 0.5:
                what["incumbent"] = 0
        else:
            what["episode"] = rng.choice([None, "a", "b", "c"])
        if name == "robot":
            what["cost"] = rng.random()
            if rng.random() < 0.3:
                what["incumbent"] = [rng.random()]
        if rng.random() < 0.3:
            what["key"] = f"k{rng.randint(0, 10**6)}"
        asked = Asked(**what)
        answer = office.decide(name, asked)
        self.ids.append(answer.id)
        if asked.key:
            self.keys[asked.key] = (name, asked, answer.id)

    def tell(self) -> None:
        rng = self.rng
        if not self.ids:
            return
        id = rng.choice(self.ids[-12:])
        taken = rng.choice([None, None, None, 0, "keep", [0.2]])
        self.town.office.told(
            id,
            Told(
                reward=rng.choice([None, -1.0, 0.5, 2.0]),
                key=rng.choice([None, None, "x", "y"]),
                taken=taken,
                is_final=rng.random() < 0.2,
                done=rng.random() < 0.1,
                truncated=rng.random() < 0.1,
                observation=rng.choice([None, [0.0, 1.0]]),
                is_error=rng.choice([None, None, True, False]),
            ),
        )

    def reply(self) -> None:
        rng, office = self.rng, self.town.office
        waiting = [one for one in office.inbox() if one.kind == "approval"]
        if waiting:
            one = rng.choice(waiting)
            says = rng.choice(["allow", "allow", "edit", "reject", "take-over"])
            office.answer(one.id, Reply(says, rng.choice("ab"), action=one.action))

    def wait(self) -> None:
        self.town.now += self.rng.choice([1.0, 20.0, 70.0, 400.0, -50.0])
        if self.rng.random() < 0.5:
            self.town.office.tick()

    def audit(self) -> None:
        waiting = [one for one in self.town.office.inbox() if one.kind == "audit"]
        if waiting:
            one = self.rng.choice(waiting)
            self.town.office.audit(one.id, self.rng.random() < 0.3, "ann")

    def end(self) -> None:
        ends = self.rng.choice(["terminated", "truncated", "cut"])
        self.town.office.end("robot", self.rng.choice("ab"), ends, [1.0, 2.0])

    def verdict(self) -> None:
        rng = self.rng
        self.town.office.verdict("valve", rng.choice("ab"), rng.choice([1.0, 2.0]), "ann")

    def switch(self) -> None:
        name = self.rng.choice([None, *self.town.office.posts])
        state = self.rng.choice(["on", "on", "paused", "off"])
        self.town.office.switch(name, state, "ann")
        if self.rng.random() < 0.7:
            self.town.office.switch(name, "on", "ann")

    def change(self) -> None:
        office = self.town.office
        (office.demote if self.rng.random() < 0.3 else office.renew)("robot", None, "ann")

    def teach(self) -> None:
        lessons = [Lesson([1.0, self.rng.random()], "open", 1.0, episode="m") for _ in range(2)]
        self.town.office.demonstrate("valve", lessons, "bob")


@pytest.mark.parametrize("seed", range(5))
def test_a_new_office_on_the_log_knows_the_same(town: Town, seed: int) -> None:
    for declared in TWO.values():
        town.office.create(from_json(declared), "ann")
    chance = Chance(town, seed)
    for step in range(241):
        chance.act()
        if step % 12 == 0:
            town.office.tick()  # what is over by now is over for both
            before, position = known(town.office), town.front.log.last
            again = Office(town.front, lambda: town.now)
            again.tick(town.office._clerk.now)  # time is not in the log: what is over is over
            assert town.front.log.last == position
            assert_same(known(again), before)


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Says where two things differ, which may be large."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert set(one) == set(other), where
        assert not isinstance(one, OrderedDict) or list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}/{key}")
    else:
        assert one == other, where


def test_the_same_key_gets_the_same_answer_after_a_restart(town: Town) -> None:
    for declared in TWO.values():
        town.office.create(from_json(declared), "ann")
    chance = Chance(town, 3)
    for _ in range(200):
        chance.act()
    assert len(chance.keys) > 10
    answers = {
        key: town.office.decide(name, asked) for key, (name, asked, _) in chance.keys.items()
    }
    town.restart()
    for key, (name, asked, id) in chance.keys.items():
        answer = town.office.decide(name, asked)
        assert answer.id == id
        assert dataclasses.replace(answer, position=0) == dataclasses.replace(
            answers[key], position=0
        )
