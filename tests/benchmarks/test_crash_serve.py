"""The oracle of a killed service finds what is lost, doubled, or was never sent."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import crash_serve
from benchmarks.crash_serve import ALONE, COURSE, WATCHED, Book, Caller, Life, Outcome, Question
from quickstudy.experience.event import Kind
from quickstudy.experience.log import Log
from quickstudy.types import End

HERE = [0.5, 0.0, -0.5]


class Told:
    """A log that a service might have kept, and what its one caller wrote down."""

    def __init__(self, folder: Path):
        self.log = Log.create(folder / "experience.db")
        self.caller = Caller(0, seed=1)
        self.folder = folder
        self.alone = self.asks(ALONE, Kind.DECISION, 1)
        self.step = self.asks(COURSE, Kind.DECISION, 2)
        self.watched = self.asks(WATCHED, Kind.NOTE, None)
        self.taken = self.logs(Kind.DECISION, WATCHED, f"@{self.watched.id}", action=[2.0])
        self.hears(self.alone, {"reward": 0.5, "key": "first"})
        self.hears(self.watched, {"reward": 1.0, "taken": 2})
        self.hears(self.step, {"reward": None, "done": True})
        self.logs(Kind.OUTCOME, ALONE, f"{self.alone.id}/first", reward=0.5)
        self.logs(Kind.OUTCOME, WATCHED, f"{self.taken}/@whole", reward=1.0)
        self.ends()

    def asks(self, post: str, kind: Kind, action: int | None) -> Question:
        question = Question(post, f"0-{len(self.caller.asked)}", HERE, action=action)
        flat = [float(action or 0)]
        question.id = self.logs(kind, post, f"?{question.key}", observation=HERE, action=flat)
        self.caller.asked.append(question)
        return question

    def hears(self, of: Question, told: dict[str, Any]) -> None:
        self.caller.outcomes.append(Outcome(of, told, is_acknowledged=True))

    def logs(self, kind: Kind, post: str, key: str | None, **more: Any) -> int:
        return self.log.append(kind, post, key=key, **more)

    def ends(self) -> None:
        self.logs(Kind.OUTCOME, COURSE, None, decision=self.step.id, end=End.TERMINATED)

    def verdict(self) -> tuple[int, int]:
        """How much is lost and doubled."""
        self.log.close()
        book = Book(self.folder)
        book.read_on()
        return len(book.lost([self.caller])), len(book.doubled([self.caller]))


def another_action(told: Told) -> None:
    told.alone.action = 2


def another_reward(told: Told) -> None:
    told.caller.outcomes[0].told["reward"] = 0.25


def another_was_taken(told: Told) -> None:
    told.caller.outcomes[1].told["taken"] = 0


def unsaved_decision(told: Told) -> None:
    told.caller.asked.append(Question(ALONE, "0-9", HERE, id=99, action=0))


def unsaved_part(told: Told) -> None:
    told.hears(told.alone, {"reward": 0.5, "key": "second"})


def unsent(told: Told) -> None:
    told.logs(Kind.DECISION, ALONE, "?7-7", observation=HERE, action=[0.0])


LIES: list[tuple[Callable[[Told], None], tuple[int, int]]] = [
    (lambda told: None, (0, 0)),
    (another_action, (1, 0)),
    (another_reward, (1, 0)),
    (another_was_taken, (1, 1)),  # and its reward is nobody's then
    (unsaved_decision, (1, 0)),
    (unsaved_part, (1, 0)),
    (unsent, (0, 1)),
    (Told.ends, (1, 1)),
]


@pytest.mark.parametrize(("lie", "expected"), LIES)
def test_a_lie_is_found(
    tmp_path: Path, lie: Callable[[Told], None], expected: tuple[int, int]
) -> None:
    told = Told(tmp_path)
    lie(told)
    assert told.verdict() == expected


def test_moments() -> None:
    kills = crash_serve.moments(random.Random(3), 300)
    assert [kill.what for kill in kills[:2]] == [crash_serve.UNDER_LOAD] * 2
    assert Counter(kill.what for kill in kills).keys() == crash_serve.SHARES.keys()


def test_report() -> None:
    life = Life(asked=1_000, told=1_500, is_sound=True, start_seconds=[9.0, 2.0, 3.0])
    life.kills[crash_serve.UNDER_LOAD] = 30
    plan = crash_serve.Plan("service", crash_serve.OURS, 5, 30, 0, 0, 0)
    line = {"plan": asdict(plan), **asdict(life), "date": "2026-11-22", "source": "abc"}
    text = crash_serve.report([line], "c")
    assert "| 30: 0 at start, 30 under load, 0 student first |" in text
    assert "all there, once" in text and "**" not in text
    text = crash_serve.report([line | {"lost": ["decision 7"]}], "c")
    assert "**1 wrong: decision 7**" in text
