"""Masks in every form that jobs send, and what is said of the ones that don't fit."""

import numpy as np
import pytest
from gymnasium import spaces

from quickstudy.errors import BadObservation
from quickstudy.jobs.layout import Layout, spec_of

SEEN = spaces.Box(-1.0, 1.0, (1,), np.float32)
FOUR = spaces.Discrete(4)
TWO_THREE = spaces.MultiDiscrete([2, 3])
LAMPS = spaces.MultiBinary(2)
NEST = spaces.Dict(tool=spaces.Discrete(3), more=spaces.Tuple([TWO_THREE, SEEN]))


def read(action, mask, over=False):
    layout = Layout(spec_of(SEEN, action))
    packed = layout.pack(np.zeros(1, np.float32), {"action_mask": mask}, over)
    return None if packed.mask is None else packed.mask.astype(int).tolist()


@pytest.mark.parametrize(
    ("action", "mask", "expected"),
    [
        (FOUR, np.array([1, 0, 1, 1], np.int8), [1, 0, 1, 1]),
        (FOUR, np.array([True, False, False, False]), [1, 0, 0, 0]),
        (FOUR, [0, 0, 0, 1], [0, 0, 0, 1]),
        (FOUR, np.array([0.0, 1.0, 1.0, 0.0]), [0, 1, 1, 0]),
        (FOUR, None, None),
        (TWO_THREE, (np.array([0, 1]), np.array([1, 1, 0])), [0, 1, 1, 1, 0]),
        (TWO_THREE, np.array([0, 1, 1, 1, 0]), [0, 1, 1, 1, 0]),
        (spaces.MultiDiscrete([2, 2]), np.array([[0, 1], [1, 1]]), [0, 1, 1, 1]),
        (spaces.MultiDiscrete([[1, 2]]), (((1,), (0, 1)),), [1, 0, 1]),
        (LAMPS, np.array([1, 2], np.int8), [0, 1, 1, 1]),
        (LAMPS, np.array([0, 1], np.int8), [1, 0, 0, 1]),
        (LAMPS, np.array([1, 0, 1, 1], np.int8), [1, 0, 1, 1]),
        (NEST, {"tool": [1, 0, 1]}, [1, 0, 1, 1, 1, 1, 1, 1]),
        (NEST, {"more": (([0, 1], [1, 1, 0]), None)}, [1, 1, 1, 0, 1, 1, 1, 0]),
        (NEST, [1, 0, 1, 1, 1, 0, 0, 1], [1, 0, 1, 1, 1, 0, 0, 1]),
        (SEEN, np.array([1, 0]), None),  # nothing to choose, so nothing to forbid
    ],
)
def test_forms_of_masks(action, mask, expected):
    assert read(action, mask) == expected


def test_a_mask_in_the_observation_and_one_in_info():
    space = spaces.Dict(seen=SEEN, action_mask=spaces.MultiBinary(4))
    layout = Layout(spec_of(space, FOUR))
    shown = {"seen": np.zeros(1, np.float32), "action_mask": np.array([1, 0, 0, 0])}
    assert layout.pack(shown).mask.tolist() == [True, False, False, False]
    assert layout.pack(shown).raw.shape == (1,)
    info = {"action_mask": np.array([0, 1, 0, 0])}
    assert layout.pack(shown, info).mask.tolist() == [False, True, False, False]


def test_a_mask_is_copied():
    mask = np.ones(4, bool)
    packed = Layout(spec_of(SEEN, FOUR)).pack(np.zeros(1), {"action_mask": mask})
    mask[:] = False
    assert packed.mask.all()


def test_nothing_allowed_is_no_mistake_where_the_episode_ended():
    assert read(FOUR, np.zeros(4), over=True) is None
    assert read(TWO_THREE, np.array([1, 0, 0, 0, 0]), over=True) is None


@pytest.mark.parametrize(
    ("action", "mask", "words"),
    [
        (FOUR, np.zeros(4, np.int8), ["allows nothing", "all 4 options", "at least one"]),
        (TWO_THREE, [1, 0, 0, 0, 0], ["allows nothing", "in choice 1"]),
        (NEST, {"more": (([0, 0], [1, 1, 0]), None)}, ["choice 0 of part 'more/0'"]),
        (FOUR, np.ones(3), ["(3,)", "array of 4 options"]),
        (FOUR, np.ones((4, 4)), ["(4, 4)", "array of 4 options"]),
        (FOUR, 1, ["came 1", "4 options"]),
        (FOUR, "1111", ["came '1111'"]),
        (FOUR, np.array([0.0, -np.inf, 0.0, 1.0]), ["-inf", "only 1 (allowed) and 0"]),
        (FOUR, np.array([2, 0, 1, 1]), ["[2 0 1 1]", "only 1 (allowed)"]),
        (TWO_THREE, ([1, 1], [1, 1]), ["came ([1, 1], [1, 1])", "2 arrays of 2, 3"]),
        (LAMPS, np.array([1, 3], np.int8), ["[1 3]", "2 (either)"]),
        (NEST, {"tool": [1, 1]}, ["part 'tool'", "came [1, 1]", "3 options"]),
        (NEST, [1, 1], ["no part 'tool'", "came [1, 1]", "all 8 options"]),
        (NEST, {"more": ()}, ["no part 'more/0'", "came ()"]),
    ],
)
def test_a_mask_that_does_not_fit_is_named(action, mask, words):
    with pytest.raises(BadObservation) as error:
        read(action, mask)
    message = str(error.value)
    assert "action mask" in message and all(word in message for word in words), message
