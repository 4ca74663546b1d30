"""Foresight on a map: values by hand, and what it does in a mind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quickstudy.mind import arbiter, atlas, memory, store
from quickstudy.mind import mind as minds
from quickstudy.mind.arbiter import FORESIGHT
from quickstudy.mind.encoder import Frame
from quickstudy.mind.memory import TERMINAL, Memory
from quickstudy.mind.mind import Mind
from quickstudy.types import End, Leaf, Observation, Spec

ANY = np.ones(3, bool)


def lived(*episodes: list[tuple[float, int, float]], is_cut: bool = False) -> Memory:
    """Episodes of (situation, option, reward); the last situation of a cut one has no option.

    An episode ends, unless it is cut before its last situation's decision.
    """
    held = memory.init(1, 3, 1, has_map=True)
    for episode in episodes:
        row = None
        for shown, option, reward in episode:
            new = held.add(np.float32([shown]), None, np.float32([option]))
            if row is not None:
                held.link(row, new)
            held.reward[new] = reward
            row = new
        if not is_cut:
            assert row is not None
            held.link(row, TERMINAL)
    return held


def worths(of: atlas.Atlas, cell: int) -> dict[int, float]:
    here = slice(of.begins[cell], of.begins[cell + 1])
    return dict(zip(of.option[here].tolist(), of.worth[here].tolist(), strict=True))


def test_a_way_is_made_of_parts_of_several_episodes() -> None:
    """One found the way to 1, the other the way on from there."""
    held = lived([(0, 0, -1), (1, 0, -5)], [(2, 1, -1), (1, 2, 8)])
    known = atlas.draw(held, held.size, 3, 0.5)
    assert worths(known, 0) == {0: -1 + 0.5 * 8}
    assert worths(known, 1) == {0: -5, 2: 8}
    assert worths(known, 2) == {1: -1 + 0.5 * 8}
    assert atlas.best(known, 1, ANY) == 2


def test_what_varies_counts_by_its_mean() -> None:
    """From 0, option 1 pays 4 and ends, or pays 0 and leads to 1, which is worth 2."""
    held = lived([(0, 1, 4)], [(0, 1, 0), (1, 0, 2)])
    known = atlas.draw(held, held.size, 3, 0.5)
    assert worths(known, 0) == {1: (4 + 0.5 * 2) / 2}


def test_a_loop_is_worth_no_more_than_what_it_pays() -> None:
    """Staying costs 1 a step for ever, going costs 3 once."""
    held = lived([(0, 0, -1), (0, 0, -1), (0, 2, -3)])
    known = atlas.draw(held, held.size, 3, 0.9)
    assert worths(known, 0) == {0: pytest.approx(-1 - 0.9 * 3), 2: -3.0}
    assert atlas.best(known, 0, ANY) == 2


def test_where_nothing_was_tried_things_go_on_as_on_average() -> None:
    held = lived([(0, 0, 2), (1, 0, 4), (2, 0, 0)], is_cut=True)
    known = atlas.draw(held, held.size, 3, 0.5)
    assert worths(known, 2) == {}
    assert worths(known, 1) == {0: 4 + 0.5 * (2 + 4) / 2 / (1 - 0.5)}


def test_only_what_is_allowed_and_was_tried_is_answered() -> None:
    held = lived([(0, 0, 1)], [(0, 2, 5)])
    known = atlas.draw(held, held.size, 3, 0.5)
    assert atlas.best(known, 0, ANY) == 2
    assert atlas.best(known, 0, np.array([True, True, False])) == 0
    assert atlas.best(known, 0, np.array([False, True, False])) is None
    assert atlas.best(known, 1, ANY) is None  # met since it was drawn
    assert atlas.best(known, None, ANY) is None  # never met


def test_it_is_of_its_rows_alone() -> None:
    held = lived([(0, 0, 1), (1, 1, 1)], [(0, 2, 9)])
    assert worths(atlas.draw(held, 2, 3, 0.5), 0) == {0: 1 + 0.5 * 1}  # not the third yet
    assert worths(atlas.draw(held, 1, 3, 0.5), 0) == {}  # what followed is not known
    assert len(atlas.draw(held, 0, 3, 0.5).option) == 0


def test_what_is_long_past_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    held = lived([(0, 0, 9)], [(0, 1, 1), (1, 0, 0)])
    monkeypatch.setattr(atlas, "MOST_ROWS", 2)
    assert worths(atlas.draw(held, held.size, 3, 0.5), 0) == {1: 1.0}


def test_a_far_goal_is_found_from_the_start() -> None:
    """The only reward is 400 steps away, and each situation also has a way back."""
    there = [(float(at), 1, 0.0) for at in range(400)] + [(400.0, 1, 1.0)]
    back = [(float(at), 0, 0.0) for at in range(400, 0, -1)]
    held = lived(there, back)
    known = atlas.draw(held, held.size, 3, 0.99)
    assert [atlas.best(known, cell, ANY) for cell in range(401)] == [1] * 401


def test_it_is_drawn_where_situations_recur() -> None:
    way = [(float(n), 0, 0.0) for n in range(60)]
    twice, once = lived(way, way), lived(way)
    assert atlas.recurs(twice, 120)
    assert not atlas.recurs(once, 60)  # nothing came twice
    assert not atlas.recurs(twice, atlas.ENOUGH - 1)  # too early to tell


def test_views_are_no_places_on_a_map() -> None:
    view = Leaf((), "box", (7, 7, 3), "uint8", (0.0,), (255.0,))
    assert atlas.applies(Frame(spec()))
    assert not atlas.applies(Frame(replace(spec(), observation=(view,))))


# ---- in a mind


def spec() -> Spec:
    shown = Leaf((), "discrete", (), "int64", sizes=(12,), start=(0,))
    done = Leaf((), "discrete", (), "int64", sizes=(40,), start=(0,))  # no model of so many
    return Spec((shown,), (done,), max_steps=60)


def worked(settings: minds.Settings, episodes: int = 40) -> Mind:
    """Twelve rooms in a row; of forty doors one leads on, the others nowhere; each costs 1."""
    mind = minds.init(spec(), 3, settings)
    for episode in range(episodes):
        minds.begin(mind, "one", episode)
        room, steps = 0, 0
        while room < 3 and steps < 60:
            shown = Observation(np.float32([room]))
            choice = minds.act(mind, shown, "one")
            row = minds.decided(mind, "one", shown, choice.flat, choice.predictions)
            room += int(choice.flat[0]) == 7 * (room + 1)
            steps += 1
            minds.rewarded(mind, row, -1.0, "one")
            minds.study(mind)
        end = End.TERMINATED if room == 3 else End.TRUNCATED
        minds.ended(mind, "one", end, Observation(np.float32([room])))
        minds.study(mind, between_episodes=True)
    return mind


@pytest.fixture(scope="module")
def experienced() -> Mind:
    return worked(minds.Settings())


def taken(mind: Mind) -> list[int]:
    """What foresight does in each room."""
    seen = [minds._see(mind, Observation(np.float32([room]))) for room in range(4)]
    return [int(minds._answer(mind, one, FORESIGHT, None)[0]) for one in seen]


def test_it_goes_the_shortest_way_that_was_found(experienced: Mind) -> None:
    assert minds.can_foresee(experienced)
    assert minds.leader(experienced) == FORESIGHT
    untaught = minds.init(spec(), 4, minds.Settings())  # what its speeds know is not asked
    untaught.memory, untaught.counts.fitted = experienced.memory, experienced.counts.fitted
    assert taken(untaught)[:3] == [7, 14, 21]


def test_where_the_map_is_empty_who_would_lead_without_it_answers(experienced: Mind) -> None:
    unknown = minds._see(experienced, Observation(np.float32([9])))
    own = minds._answer(experienced, unknown, FORESIGHT, None)
    assert own == minds._answer(experienced, unknown, minds.unaided(experienced), None)
    nothing = replace(experienced, counts=replace(experienced.counts, fitted=0))
    assert not minds.can_foresee(nothing)
    assert len(taken(nothing)) == 4  # an episode that it leads goes on


def test_nobody_who_may_not_foresee_draws_a_map(experienced: Mind) -> None:
    settings = replace(experienced.settings, foresees=False, together=0.0)
    alone = replace(experienced, settings=settings)
    assert not minds.can_foresee(alone)
    assert minds.leader(alone) in arbiter.SPEEDS


def test_a_saved_mind_reads_the_same_map(experienced: Mind) -> None:
    data, notes = store.dump([experienced])
    other = minds.init(spec(), 3, minds.Settings())
    other.memory = experienced.memory
    store.load([other], data, notes)
    assert taken(other) == taken(experienced)
    assert minds.leader(other) == FORESIGHT


def test_a_map_is_drawn_once_for_each_refit(experienced: Mind) -> None:
    assert minds._map(experienced) is minds._map(experienced)
    before = minds._map(experienced)
    assert before is not None
    assert before.size == experienced.counts.fitted
