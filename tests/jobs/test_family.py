"""Families: what makes two jobs of one kind, and what does not matter."""

from __future__ import annotations

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from quickstudy.jobs.family import family
from quickstudy.jobs.layout import spec_of

Box, Discrete = gymnasium.spaces.Box, gymnasium.spaces.Discrete
PLANT = {"level": Box(0, 1, (2,)), "mode": Discrete(3)}


def of(observation, action, **more):
    if isinstance(observation, dict):
        observation = gymnasium.spaces.Dict(observation)
    return family(spec_of(observation, action, **more))


def test_it_reads():
    assert of(Box(-1, 1, (4,)), Discrete(2)) == "box 4 > choice 2"
    assert (
        of(Box(0, 255, (16, 12, 3), np.uint8), Box(-1, 1, (2,))) == "image 16x12x3 > amount 2"
    )
    assert of(PLANT, Discrete(2)) == "('level',) box 2 + ('mode',) choice 3 > choice 2"


def test_what_does_not_matter():
    """Time limits, clocks, bounds, precision, starts."""
    plain = of(Box(-1, 1, (4,)), Discrete(2))
    assert of(Box(-9, 7, (4,), np.float64), Discrete(2, start=5), max_steps=7) == plain
    assert of(Box(-np.inf, np.inf, (4,)), Discrete(2), step_seconds=30.0) == plain
    each = np.arange(4, dtype=np.float32)
    assert of(Box(each - 1, each + 1), Discrete(2)) == plain


@pytest.mark.parametrize(
    "other",
    [
        (Box(-1, 1, (5,)), Discrete(2)),  # widths
        (Box(-1, 1, (4,)), Discrete(3)),  # choices
        (Box(-1, 1, (4,)), Box(-1, 1, (2,))),  # kinds
        (Box(-1, 1, (4,)), gymnasium.spaces.MultiDiscrete([2, 2])),
        (gymnasium.spaces.MultiDiscrete([4]), Discrete(2)),
        ({"a": Box(-1, 1, (4,))}, Discrete(2)),  # names
        ({"a": Box(-1, 1, (1,)), "b": Box(-1, 1, (3,))}, Discrete(2)),
    ],
)
def test_what_matters(other):
    assert of(*other) != of(Box(-1, 1, (4,)), Discrete(2))


def test_amounts_and_pictures_matter():
    assert of(Discrete(3), Box(-1, 1, (2,))) != of(Discrete(3), Box(-1, 1, (3,)))
    shapes = (24, 16, 3), (16, 24, 3)
    pictures = [of(Box(0, 255, shape, np.uint8), Discrete(2)) for shape in shapes]
    assert pictures[0] != pictures[1]


def test_a_spec_that_is_stored_is_of_the_same_family():
    from quickstudy.jobs.specs import spec_from_json, spec_to_json

    spec = spec_of(gymnasium.spaces.Dict(PLANT), Discrete(2), max_steps=9)
    assert family(spec_from_json(spec_to_json(spec))) == family(spec)
    assert family(replace(spec, max_steps=None)) == family(spec)
