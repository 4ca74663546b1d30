"""Observations and actions, flat and back: by hand, and over random nested spaces."""

import json

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_jobs import Hybrid

from quickstudy.errors import BadAction, BadObservation, UnsupportedSpace
from quickstudy.jobs.layout import (
    Layout,
    describe_change,
    leaves,
    pack,
    pack_action,
    spec_from_json,
    spec_of,
    spec_to_json,
    unpack,
)
from quickstudy.types import Leaf, Spec

TWO = spaces.Discrete(2)
FREE = spaces.Box(-np.inf, np.inf, (3,), np.float32)


def layout(observation=FREE, action=TWO):
    return Layout(spec_of(observation, action))


# ── Leaves ──────────────────────────────────────────────────────────────────────────────


def test_leaves_of_every_kind_by_hand():
    space = spaces.Dict(
        a=spaces.Box(-1.0, 2.0, (2,), np.float64),
        b=spaces.Tuple([spaces.Discrete(3, start=-1), spaces.MultiBinary((2, 2))]),
        c=spaces.MultiDiscrete([[2, 3], [4, 5]], start=[[0, 1], [0, 0]]),
        d=spaces.Box(np.array([0, -np.inf]), np.array([np.inf, 1]), dtype=np.float64),
    )
    inf = float("inf")
    assert leaves(space, "observation") == (
        Leaf(("a",), "box", (2,), "float64", (-1.0,), (2.0,)),
        Leaf(("b", 0), "discrete", (), "int64", sizes=(3,), start=(-1,)),
        Leaf(("b", 1), "discrete", (2, 2), "int8", sizes=(2,) * 4, start=(0,) * 4),
        Leaf(("c",), "discrete", (2, 2), "int64", sizes=(2, 3, 4, 5), start=(0, 1, 0, 0)),
        Leaf(("d",), "box", (2,), "float64", (0.0, -inf), (inf, 1.0)),
    )


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((10, 10, 4), "box"),
        ((7, 7, 3), "box"),
        ((84, 84, 1), "image"),
        ((3, 64, 48), "image"),
        ((4, 84, 84), "image"),
        ((4, 4, 3), "box"),
        ((20, 20, 20), "box"),
        ((64, 64), "box"),
        ((3, 4, 5), "box"),
        ((0, 8, 8), "box"),
    ],
)
def test_what_looks_like_an_image(shape, kind):
    assert leaves(spaces.Box(0, 1, shape, bool), "observation")[0].kind == kind
    assert leaves(spaces.Box(0, 1, shape, bool), "action")[0].kind == "box"


def test_the_largest_float_and_the_largest_integer_mean_no_bound():
    huge = np.finfo(np.float32).max
    (leaf,) = leaves(spaces.Box(-huge, huge, (2,), np.float32), "observation")
    assert (leaf.low, leaf.high) == ((-np.inf,), (np.inf,))
    (leaf,) = leaves(spaces.Box(0, np.inf, (2,), np.int64), "observation")
    assert (leaf.low, leaf.high) == ((0.0,), (np.inf,))
    (leaf,) = leaves(spaces.Box(-np.inf, 3, (2,), np.int32), "observation")
    assert (leaf.low, leaf.high) == ((-np.inf,), (3.0,))


def test_a_mask_is_no_leaf():
    space = spaces.Dict(seen=FREE, action_mask=spaces.MultiBinary(4))
    assert [leaf.name for leaf in leaves(space, "observation")] == ["seen"]


@pytest.mark.parametrize(
    ("space", "role", "words"),
    [
        (
            spaces.Dict(a=TWO, words=spaces.Text(5)),
            "observation",
            ["observation's part 'words'", "Text space", "FilterObservation"],
        ),
        (spaces.Dict(a=spaces.Tuple([TWO, spaces.Sequence(TWO)])), "observation", ["'a/1'"]),
        (spaces.OneOf([TWO, TWO]), "observation", ["The observation space is a OneOf"]),
        (
            spaces.Dict(gain=spaces.Box(0.0, np.inf, (2,), np.float32)),
            "action",
            ["action's part 'gain'", "low 0", "high inf", "TransformAction"],
        ),
        (FREE, "action", ["The action space is a Box without finite bounds", "-inf"]),
        (spaces.Dict(a=spaces.Dict()), "action", ["'a'", "empty"]),
        (spaces.Dict([(1, TWO)]), "observation", ["key 1", "text"]),
    ],
)
def test_what_is_not_supported_is_named(space, role, words):
    with pytest.raises(UnsupportedSpace) as error:
        leaves(space, role)
    assert all(word in str(error.value) for word in words), error.value


# ── By hand ─────────────────────────────────────────────────────────────────────────────


def test_hybrid_by_hand():
    hybrid = layout(Hybrid.observation_space, Hybrid.action_space)
    observation = {
        "arm": (np.array([0.5, -2.0], np.float32), 3),
        "lamps": np.array([1, 0, 1], np.int8),
    }
    assert hybrid.pack(observation).raw.tolist() == [0.5, -2.0, 2.0, 1.0, 0.0, 1.0]
    # In the order of the parts (tool, more), the choices; after them the amounts (force).
    flat = np.array([3, 0, 1, 1, 1, 2, -1.0, 0.5], np.float32)
    action = hybrid.unpack(flat)
    assert action["force"].tolist() == [0.0, 5.0]
    assert action["more"][0].tolist() == [0, 1, 1]
    assert action["more"][1].tolist() == [2, 2]
    assert action["tool"] == 2 and type(action["tool"]) is int
    assert hybrid.pack_action(action).tolist() == flat.tolist()


def test_discrete_action_is_a_plain_int():
    action = layout(action=spaces.Discrete(5, start=10)).unpack(np.array([3], np.float32))
    assert action == 13 and type(action) is int


def test_box_action_is_rescaled_clipped_and_typed():
    space = spaces.Box(np.array([0, -1], np.float32), np.array([10, 1], np.float32))
    written = layout(action=space).unpack(np.array([0.5, -3.0], np.float32))
    assert written.tolist() == [7.5, -1.0] and written.dtype == np.float32
    whole = layout(action=spaces.Box(0, 10, (1, 1), np.int32)).unpack(np.array([0.28]))
    assert whole.tolist() == [[6]] and whole.dtype == np.int32


def test_a_box_without_room_stays_where_it_is():
    still = layout(action=spaces.Box(3.0, 3.0, (1,), np.float32))
    assert still.unpack(np.array([0.7])).tolist() == [3.0]
    assert still.pack_action(np.array([3.0])).tolist() == [0.0]


def test_packing_copies():
    seen = np.zeros(3, np.float32)
    raw = layout().pack(seen).raw
    seen[:] = 1.0
    assert raw.tolist() == [0.0, 0.0, 0.0]


def test_lists_as_json_brings_them():
    nested = layout(Hybrid.observation_space)
    raw = nested.pack({"arm": [[0.5, 1], 1], "lamps": [0, 0, 1]}).raw
    assert raw.tolist() == [0.5, 1.0, 0.0, 0.0, 0.0, 1.0]


def test_large_numbers_that_fit_pass():
    assert layout().pack(np.array([1e20, -3e38, 0.0])).raw.tolist()[0] == np.float32(1e20)


def test_functions_agree_with_the_layout():
    spec = spec_of(FREE, TWO)
    assert pack(spec, [1, 2, 3]).raw.tolist() == [1, 2, 3]
    assert unpack(spec, pack_action(spec, 1)) == 1


# ── What does not fit ───────────────────────────────────────────────────────────────────

NEST = spaces.Dict(arm=spaces.Tuple([FREE, spaces.Discrete(3, start=1)]))
LAMPS = spaces.MultiDiscrete([2, 3])


@pytest.mark.parametrize(
    ("space", "came", "words"),
    [
        (FREE, np.zeros(2), ["(2,)", "float64", "(3,)", "float32", "space declares"]),
        (FREE, np.array([0, np.nan, 0]), ["nan at entry 1", "finite"]),
        (FREE, np.array([0, 0, -np.inf], np.float32), ["-inf at entry 2", "finite"]),
        (FREE, [0, 1e300, 0], ["1e+300 at entry 1", "float32"]),
        (FREE, None, ["came NoneType None", "(3,)"]),
        (FREE, ["1", "2", "3"], ["came list ['1', '2', '3']", "(3,)"]),
        (FREE, [[1], [2, 3]], ["came list", "(3,)"]),
        (FREE, np.array([None, 1, 2], object), ["came ndarray", "None", "(3,)"]),
        (FREE, {"a": 1}, ["came dict", "(3,)"]),
        (NEST, {"leg": 1}, ["part 'arm/0'", "keys 'leg'", "key 'arm'"]),
        (NEST, [1, 2], ["part 'arm/0'", "came list [1, 2]", "key 'arm'"]),
        (NEST, {"arm": ([0, 0, 0],)}, ["part 'arm/1'", "came 1 entries", "more than 1"]),
        (NEST, {"arm": {"0": 1}}, ["part 'arm/0'", "keys '0'", "a tuple"]),
        (NEST, {"arm": ([0, 0, 0], 4)}, ["part 'arm/1'", "came 4", "1 to 3"]),
        (NEST, {"arm": ([0, 0, 0], 0)}, ["part 'arm/1'", "came 0", "1 to 3"]),
        (NEST, {"arm": ([0, 0, 0], 1.5)}, ["part 'arm/1'", "float 1.5", "whole number"]),
        (LAMPS, [0, 3], ["3 at entry 1", "0 to 2"]),
        (LAMPS, [0, -1], ["-1 at entry 1", "0 to 2"]),
        (LAMPS, [0.5, 1], ["0.5 at entry 0", "0 to 1"]),
        (LAMPS, [np.nan, 1], ["nan at entry 0", "0 to 1"]),
        (LAMPS, [0, 1, 1], ["list [0, 1, 1]", "(2,)", "whole numbers"]),
    ],
)
def test_a_bad_observation_is_named(space, came, words):
    if space is LAMPS and len(came) == 3:
        words = ["(3,)", "(2,)", "whole numbers"]
    with pytest.raises(BadObservation) as error:
        layout(space).pack(came)
    message = str(error.value)
    assert all(word in message for word in ["The observation", "came", "expected", *words]), (
        message
    )


@pytest.mark.parametrize(
    ("space", "came", "words"),
    [
        (TWO, 2, ["The action does", "came 2", "0 to 1"]),
        (TWO, "left", ["str 'left'", "whole number, 0 to 1"]),
        (spaces.Dict(a=TWO), {"b": 1}, ["part 'a'", "keys 'b'"]),
        (spaces.Box(-1, 1, (2,)), [0, 1.5], ["1.5 at entry 1", "-1 to 1", "clip"]),
        (spaces.Box(-1, 1, (2,)), [0, np.nan], ["nan at entry 1"]),
        (spaces.Box(-1, 1, (2,)), [0], ["(1,)", "(2,)"]),
    ],
)
def test_a_bad_action_is_named(space, came, words):
    with pytest.raises(BadAction) as error:
        layout(action=space).pack_action(came)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    ("space", "flat", "words"),
    [
        (TWO, [2], ["choice 2", "0 to 1"]),
        (TWO, [0.5], ["choice 0.5"]),
        (TWO, [np.nan], ["choice nan"]),
        (TWO, [0, 1], ["shape (2,)", "(1,)"]),
        (LAMPS, [0, 3], ["choice 3", "0 to 2"]),
        (spaces.Box(-1, 1, (2,)), [0, np.inf], ["inf at entry 1", "finite"]),
    ],
)
def test_a_bad_flat_action_is_named(space, flat, words):
    with pytest.raises(BadAction) as error:
        layout(action=space).unpack(np.array(flat, np.float32))
    assert all(word in str(error.value) for word in words), error.value


# ── Random nested spaces ────────────────────────────────────────────────────────────────

SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)


@st.composite
def boxes(draw):
    shape = draw(SHAPES)
    dtype = draw(st.sampled_from([np.float32, np.float64, np.int16, np.uint8]))
    bottom = 0 if dtype is np.uint8 else -100
    width = int(np.prod(shape))
    entries = st.lists(st.integers(bottom, 100), min_size=width, max_size=width)
    low = np.array(draw(entries)).reshape(shape)
    high = low + draw(st.integers(1, 100))
    return spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype)


SIMPLE = st.one_of(
    boxes(),
    st.builds(spaces.Discrete, st.integers(1, 9), start=st.integers(-5, 5)),
    st.builds(spaces.MultiBinary, SHAPES.filter(bool)),
    SHAPES.filter(bool).flatmap(
        lambda shape: st.builds(
            spaces.MultiDiscrete,
            st.just(np.arange(1, 1 + np.prod(shape)).reshape(shape)),
            start=st.integers(-3, 3).map(lambda s: np.full(shape, s)),
        )
    ),
)
NESTED = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(spaces.Tuple),
        st.dictionaries(st.text("abc/", min_size=1, max_size=3), inner, min_size=1, max_size=3)
        .map(spaces.Dict),
    ),
    max_leaves=5,
)  # fmt: skip


def same(a, b, space):
    if isinstance(space, spaces.Dict):
        return all(same(a[k], b[k], part) for k, part in space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return all(same(x, y, part) for x, y, part in zip(a, b, space.spaces, strict=True))
    if isinstance(space, spaces.Box) and space.dtype.kind == "f":
        return a.dtype == b.dtype and np.allclose(a, b, rtol=1e-5, atol=1e-4)
    return np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype


def numbers(value, space):
    """The flat observation, written down a second time and as simply as can be."""
    if isinstance(space, spaces.Dict):
        return [x for k, part in space.spaces.items() for x in numbers(value[k], part)]
    if isinstance(space, spaces.Tuple):
        pairs = zip(value, space.spaces, strict=True)
        return [x for v, part in pairs for x in numbers(v, part)]
    start = getattr(space, "start", 0)
    return np.ravel(np.asarray(value, np.float64) - start).tolist()


@settings(max_examples=150, deadline=None)
@given(NESTED, st.integers(0, 1000))
def test_round_trips(space, seed):
    space.seed(seed)
    spec = spec_of(space, space)
    both, sample = Layout(spec), space.sample()
    assert np.allclose(both.pack(sample).raw, numbers(sample, space), rtol=1e-6)
    flat = both.pack_action(sample)
    assert flat.shape == (len(spec.choices) + spec.amounts,) and flat.dtype == np.float32
    written = both.unpack(flat)
    assert space.contains(written) and same(written, sample, space)
    assert np.allclose(both.pack_action(written), flat, atol=1e-6)
    assert spec_from_json(json.loads(json.dumps(spec_to_json(spec), allow_nan=False))) == spec
    assert describe_change(spec, spec) == ""


@settings(max_examples=100, deadline=None)
@given(NESTED, st.integers(0, 1000))
def test_every_flat_action_is_one_of_the_jobs(space, seed):
    random = np.random.default_rng(seed)
    both = layout(action=space)
    choices = [random.integers(n) for n in both.spec.choices]
    amounts = random.choice([-1.0, 1.0, *random.uniform(-1, 1, 8)], both.spec.amounts)
    assert space.contains(both.unpack(np.array([*choices, *amounts], np.float32)))


# ── Specs on disk ───────────────────────────────────────────────────────────────────────


def test_spec_with_open_bounds_is_valid_json():
    spec = spec_of(FREE, spaces.Box(-2, 2, (1,)), max_steps=200, step_seconds=0.5)
    text = json.dumps(spec_to_json(spec), allow_nan=False)
    assert '"low": [null]' in text
    assert spec_from_json(json.loads(text)) == spec


@pytest.mark.parametrize(
    "data", [{}, {"observation": 3}, {"observation": [{"kind": "x"}], "action": []}, []]
)
def test_what_is_no_spec_is_refused(data):
    with pytest.raises(ValueError, match="not a job's spec"):
        spec_from_json(data)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (spec_of(spaces.Box(-1, 1, (4,)), TWO), "the observation: shape was 3, is 4"),
        (spec_of(FREE, spaces.Discrete(3)), "the action: sizes was 2, is 3"),
        (spec_of(spaces.Discrete(3), TWO), "was box (3,) float32, is discrete 3"),
        (spec_of(spaces.Dict(a=FREE), TWO), "observation 'a' is new (box (3,) float32)"),
        (spec_of(FREE, TWO, max_steps=7), "max_steps was unknown, is 7 steps"),
        (spec_of(FREE, spaces.Discrete(2, start=1)), "start was 0, is 1"),
    ],
)
def test_changes_are_named(new, words):
    assert words in describe_change(spec_of(FREE, TWO), new)


def test_a_part_that_is_gone_or_moved_is_named():
    a, b = (Leaf((x,), "box", (1,), "float32", (0.0,), (1.0,)) for x in "ab")
    assert describe_change(Spec((a, b), ()), Spec((a,), ())) == "observation 'b' is gone"
    assert "changed order" in describe_change(Spec((a, b), ()), Spec((b, a), ()))
