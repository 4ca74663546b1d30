"""What a post may declare, how callers' words are read, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from town import VALVE

from quickstudy.errors import BadAction, BadObservation, QuickstudyError, UnsupportedSpace
from quickstudy.posts.declared import Wording, from_json
from quickstudy.posts.post import gate_of
from quickstudy.posts.queue import Queue
from quickstudy.posts.slots import Slots

TANK = {"type": "box", "shape": [2, 2], "low": 0}
NESTED: dict[str, Any] = {
    "name": "plant",
    "observation": {
        "type": "dict",
        "parts": {"tank": TANK, "mode": {"type": "discrete", "labels": ["day", "night"]}},
    },
    "action": {
        "type": "dict",
        "parts": {
            "pump": {"type": "box", "names": ["left", "right"], "low": 0, "high": [1, 2]},
            "lamp": {"type": "discrete", "n": 2},
        },
    },
}


def test_names_and_labels_are_read_and_written() -> None:
    wording = Wording(from_json(NESTED))
    said = {"tank": [[1, 2], [3, 4]], "mode": "night"}
    shown = wording.observation(said)
    assert shown.raw.tolist() == [1, 2, 3, 4, 1]  # in the order in which they were declared
    action = {"pump": {"left": 0.25, "right": 2.0}, "lamp": 1}
    assert wording.said(wording.action(action)) == action
    assert wording.observation({"mode": 0, "tank": [[1, 2], [3, 4]]}).raw[-1] == 0
    plain = Wording(from_json(VALVE))
    assert plain.observation({"flow": 2, "heat": 1}).raw.tolist() == [1, 2]
    assert plain.shown(np.array([1, 2], np.float32)) == {"heat": 1.0, "flow": 2.0}
    assert [plain.said(plain.action(said)) for said in ("open", 0)] == ["open", "close"]


def test_json_there_and_back() -> None:
    for said in (VALVE, NESTED, VALVE | {"harm_below": -1.0, "classes": {"open": "risky"}}):
        declared = from_json(said)
        assert from_json(json.loads(json.dumps(declared.to_json()))) == declared


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"nam": 1}, "'nam'. Did you mean 'name'"),
        ({"name": ""}, "'name'"),
        ({"name": "a/b"}, "slash"),
        ({"wait_seconds": 0}, "wait_seconds"),
        ({"wait_seconds": float("nan")}, "wait_seconds"),
        ({"one_step": 1}, "one_step"),
        ({"max_steps": True}, "max_steps"),
        ({"fallback": "opn"}, "Did you mean 'open'"),
        ({"classes": {"opn": "risky"}}, "classes"),
        ({"caps": {"risky": {}}}, "caps"),
        ({"observation": {"type": "bix"}}, "observation"),
        ({"observation": {"type": "box", "shape": [0]}}, "observation/shape"),
        ({"observation": {"type": "box", "shape": [10**9]}}, "observation/shape"),
        ({"observation": {"type": "box", "shape": [2], "low": [1, 2, 3]}}, "observation/low"),
        ({"observation": {"type": "box", "shape": [2], "low": 1, "high": 0}}, "high 0"),
        ({"observation": {"type": "box", "names": ["a", "a"]}}, "observation/names"),
        ({"observation": {"type": "dict", "parts": {"a": {"type": "candidates"}}}}, "a'"),
        ({"observation": {"type": "dict", "parts": {}}}, "observation/parts"),
        ({"action": {"type": "box", "shape": [1]}}, "bounds"),
        ({"action": {"type": "discrete", "n": 0}}, "action/n"),
        ({"action": {"type": "discrete", "n": 2, "labels": ["a"]}}, "action/labels"),
        ({"action": {"type": "candidates", "most": 0, "features": 1}}, "action/most"),
        ({"action": {"type": "discrete", "n": 2, "label": 1}}, "Did you mean 'labels'"),
        ({"action": None}, "action"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], names: str) -> None:
    with pytest.raises((QuickstudyError, UnsupportedSpace)) as caught:
        from_json(VALVE | change)
    assert names in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("said", [None, [], "valve", {"name": "x"}])
def test_what_is_no_post_is_refused(said: Any) -> None:
    with pytest.raises(QuickstudyError, match="expected"):
        from_json(said)


@pytest.mark.parametrize(
    ("part", "said", "names"),
    [
        ("terms", {"alhpa": 0.1}, "Did you mean 'alpha'"),
        ("terms", {"alpha": 2}, "alpha"),
        ("terms", {"first": "boss"}, "shadow"),
        ("terms", {"is_irreversible": 1}, "true or false"),
        ("terms", {"lease_seconds": None}, "number"),
        ("caps", {"per_week": 1}, "per_week"),
        ("caps", {"per_day": "1"}, "number"),
        ("caps", {"per_day": -1}, "per_day"),
    ],
)
def test_terms_and_caps_are_the_gates(part: str, said: Any, names: str) -> None:
    with pytest.raises(QuickstudyError, match=names):
        gate_of(from_json(VALVE | {part: {"any": said}}), 0.0)


def test_classes_of_actions() -> None:
    wording = Wording(from_json(VALVE | {"classes": {"open": "risky"}}))
    of = {
        said: wording.action_class(wording.action(said)) for said in ("close", "keep", "open")
    }
    assert of == {"close": "any", "keep": "any", "open": "risky"}
    every = from_json(VALVE | {"classes": {"close": "a", "keep": "b", "open": "b"}})
    assert every.action_classes == ("a", "b")
    assert from_json(NESTED).action_classes == ("any",)


def test_wrong_words_are_named() -> None:
    wording = Wording(from_json(NESTED))
    with pytest.raises(BadObservation, match="Did you mean 'night'"):
        wording.observation({"tank": [[1, 2], [3, 4]], "mode": "nigth"})
    with pytest.raises(BadObservation, match="mode"):
        wording.observation({"tank": [[1, 2], [3, 4]]})
    with pytest.raises(BadAction, match="left, right"):
        wording.action({"pump": {"left": 1}, "lamp": 0})
    with pytest.raises(BadAction, match="pump"):
        wording.action({"pump": [0, 3], "lamp": 0})


def test_alike_are_choices_that_equal_and_amounts_that_almost_do() -> None:
    wording = Wording(from_json(NESTED))
    one, near, far, other = (
        wording.action({"pump": [left, 1], "lamp": lamp})
        for left, lamp in ((0.5, 1), (0.54, 1), (0.6, 1), (0.5, 0))
    )
    assert wording.is_alike(one, near)
    assert not wording.is_alike(one, far) and not wording.is_alike(one, other)


# ---- slots, and the line in which judgements stand


def test_slots_are_used_again_lowest_first() -> None:
    slots = Slots()
    for name in ("1", "2", "3"):
        assert slots.lowest() == name
        slots.claim(name)
    slots.give_back("2")
    slots.give_back("1")
    assert slots.lowest() == "1"
    slots.claim("2")  # as a log says it whose beginning was lost
    slots.claim("5")
    assert (slots.made, sorted(slots.free)) == (5, [1, 4])


def test_judgements_count_in_the_order_in_which_they_were_drawn() -> None:
    queue = Queue()
    for id in (1, 2, 3, 4):
        queue.join(id, era=0)
    assert queue.judge(2, False, "") == []
    assert queue.judge(3, True, "") == []
    assert [one.id for one in queue.judge(1, False, "")] == [1, 2, 3]
    assert queue.leave(4) == [] and not queue.line
    queue.join(5, era=1)
    queue.join(6, era=1)
    queue.judge(6, True, "late")
    assert [(one.id, one.is_error, one.era) for one in queue.leave(5)] == [(6, True, 1)]
