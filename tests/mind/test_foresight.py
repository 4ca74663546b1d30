"""Foresight: the model against known motion, the search by hand, and what it does in a mind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quickstudy.mind import arbiter, foresight, store
from quickstudy.mind import mind as minds
from quickstudy.mind.arbiter import FORESIGHT, Arbiter
from quickstudy.mind.encoder import Frame
from quickstudy.mind.foresight import Foresight, Rows, Settings
from quickstudy.mind.judgement import Judgement, Study
from quickstudy.mind.mind import Mind
from quickstudy.types import End, Leaf, Observation, Spec


def amounts(number: int) -> Spec:
    low, high = (-1.0,) * number, (1.0,) * number
    return replace(spec(), action=(Leaf((), "box", (number,), "float32", low, high),))


def spec(options: tuple[int, ...] = (3,), numbers: int = 2) -> Spec:
    shown = Leaf((), "box", (numbers,), "float32", (-10.0,), (10.0,))
    start = (0,) * len(options)
    done = Leaf((), "discrete", (len(options),), "int64", sizes=options, start=start)
    return Spec((shown,), (done,), max_steps=100)


FRAME = Frame(spec())


def moved(x: np.ndarray, option: np.ndarray) -> np.ndarray:
    """What a toy does: the option pushes the second number, which moves the first."""
    change = np.stack([0.3 * np.sin(x[:, 1]), 0.2 * (option - 1.0) - 0.1 * x[:, 1]], axis=1)
    return x + change


def lived(number: int, seed: int = 0) -> Rows:
    """Rows of the toy: it ends beyond 1.5, and pays the first number."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 1.5, (number, 2)).astype(np.float32)
    option = rng.integers(3, size=number)
    after = moved(x, option)
    is_end = after[:, 0] > 1.5
    reward = np.where(is_end, 7.0, x[:, 0])
    unseen = np.where(is_end[:, None], np.nan, after)  # what ended is never shown
    return Rows(x, np.eye(3, dtype=np.float32)[option], reward, np.nan_to_num(unseen), is_end)


@pytest.fixture(scope="module")
def known() -> Foresight:
    fresh = foresight.init(FRAME, Settings(), np.random.default_rng(0))
    rows, model = lived(1_500), fresh
    for _ in range(3):  # where it ends is approached from refit to refit
        model = foresight.fit(model, Settings(), rows)
    return model


def test_it_learns_how_things_move_what_is_paid_and_where_it_ends(known: Foresight) -> None:
    rows = lived(500, seed=1)
    option = rows.action.argmax(-1)
    x, pays = foresight._step(known, rows.x, rows.action)
    truth = moved(rows.x, option)
    goes_on = ~rows.is_end
    assert np.abs(x - truth).max() < 0.05
    assert np.abs(pays - rows.x[:, 0])[goes_on].max() < 0.05
    odds = foresight._of_ends(x, foresight._cosines(known, x)) @ known.ends
    is_clear = np.abs(truth[:, 0] - 1.5) > 0.1
    assert ((odds > 0) == rows.is_end)[is_clear].all()
    assert (known.last[0] + x @ known.last[1:])[rows.is_end] == pytest.approx(7.0, abs=0.2)


def test_too_little_experience_teaches_nothing() -> None:
    fresh = foresight.init(FRAME, Settings(), np.random.default_rng(0))
    few = foresight.fit(fresh, Settings(), lived(100))
    assert few is fresh
    assert not foresight.is_known(few)


def by_hand(depth: int) -> tuple[Foresight, Settings]:
    """Three options add −1, 0 or 1 to one number; each step pays −|option − 1| / 4."""
    frame = Frame(spec(numbers=1))
    settings = Settings(depth=depth, beam=9, cosines=4)
    model = foresight.init(frame, settings, np.random.default_rng(0))
    apart = np.zeros_like(model.apart)
    apart[0, :, 0] = [-1.0, 0.0, 1.0]
    apart[0, :, 1] = [-0.25, 0.0, -0.25]
    return model._replace(apart=apart), settings


def every(x: np.ndarray, step: int, first: np.ndarray) -> np.ndarray:
    """Every option is tried everywhere."""
    return np.eye(3, dtype=np.float32)[None]


def far(x: np.ndarray) -> np.ndarray:
    """Only at 3 it is worth something."""
    return 10.0 * (np.abs(x[:, 0] - 3.0) < 0.5)


@pytest.mark.parametrize(("depth", "option"), [(1, 1), (2, 1), (3, 2), (4, 2)])
def test_the_search_by_hand(depth: int, option: int) -> None:
    model, settings = by_hand(depth)
    here = np.zeros(8, np.float32)
    anything = np.ones(3, bool)
    found = foresight.best(model, settings, here, anything, every, far, 1.0, (-1.0, 1.0))
    if depth == 4:  # three of four steps lead there, and any may be the idle one
        assert found in (1, 2)
    else:
        assert found == option
    # What is not allowed here may still be done later.
    allowed = np.array([True, False, False])
    assert foresight.best(model, settings, here, allowed, every, far, 1.0, (-1.0, 1.0)) == 0


@pytest.mark.parametrize(("usual", "option"), [(2, 2), (1, 1)])
def test_a_rollout_by_hand(usual: int, option: int) -> None:
    """Where only the first step is chosen, it serves what follows: 3 is reached or is not."""
    model, settings = by_hand(3)

    def once(x: np.ndarray, step: int, first: np.ndarray) -> np.ndarray:
        actions = every(x, step, first)
        return actions if step == 0 else actions[:, usual : usual + 1]

    here, anything = np.zeros(8, np.float32), np.ones(3, bool)
    found = foresight.best(model, settings, here, anything, once, far, 1.0, (-1.0, 1.0))
    assert found == option


def test_after_an_end_nothing_is_paid_and_nothing_is_worth_anything() -> None:
    model, settings = by_hand(3)
    ends = np.zeros_like(model.ends)
    ends[0], ends[1] = -1.5, 1.0  # beyond 1.5, before 3 is reached
    model = model._replace(ends=ends)
    here, anything = np.zeros(8, np.float32), np.ones(3, bool)
    assert foresight.best(model, settings, here, anything, every, far, 1.0, (-1.0, 1.0)) == 1
    last = np.zeros_like(model.last)
    last[0] = 5.0
    model = model._replace(last=last)
    assert foresight.best(model, settings, here, anything, every, far, 0.9, (-1.0, 5.0)) == 2


def test_where_it_applies() -> None:
    assert foresight.applies(FRAME, Settings())
    assert foresight.applies(Frame(amounts(2)), Settings())
    for other in (spec((17,)), spec((3, 3)), spec(numbers=65), amounts(9)):
        assert not foresight.applies(Frame(other), Settings())


def test_amounts_are_tried_beside_what_is_usual_and_elsewhere() -> None:
    usual = np.array([0.0, 0.9], np.float32)
    tried = foresight.around(Settings(), usual)
    beside = len(Settings().beside)
    assert tried.shape == (1 + 2 * (2 * beside) + 4, 2)
    assert np.abs(tried).max() <= 1.0
    assert np.array_equal(tried[0], usual)
    near = tried[1 : 1 + 4 * beside] - usual
    assert (np.abs(near) > 1e-6).sum(1).max() == 1  # one axis at a time
    assert near.sum(0)[0] == pytest.approx(0.0, abs=1e-6)  # both ways
    far = foresight.around(Settings(), -usual)[-4:]
    assert np.array_equal(tried[-4:], far)  # anywhere: the same ones each time
    coded = foresight.coded(Frame(amounts(2)), tried)
    assert np.allclose(coded[..., 2:], tried**2)


def test_amounts_from_elsewhere_are_kept_up_for_a_while() -> None:
    ways = foresight.around(Settings(), np.zeros(2, np.float32))
    first, usual = np.arange(len(ways)), np.full(ways.shape, 0.5, np.float32)
    held = foresight.onward(2, ways, first, usual, 1)
    assert np.array_equal(held[:-4], usual[:-4])
    assert np.array_equal(held[-4:], ways[-4:])
    assert np.array_equal(foresight.onward(2, ways, first, usual, 2), usual)


@pytest.mark.parametrize(("push", "tells"), [(0.05, False), (0.5, True)])
def test_whether_one_step_of_amounts_tells(push: float, tells: bool) -> None:
    """The same job, its steps ten times as long."""
    rng, frame = np.random.default_rng(0), Frame(amounts(1))
    x = rng.uniform(-1.7, 1.7, (800, 2)).astype(np.float32)
    done = rng.uniform(-1, 1, (800, 1)).astype(np.float32)
    model = foresight.init(frame, Settings(), rng)
    assert not foresight.acts_at_once(model, Settings())
    rows = Rows(x, foresight.coded(frame, done), x[:, 0], x + push * done, np.zeros(800, bool))
    model = foresight.fit(model, Settings(), rows)
    assert foresight.acts_at_once(model, Settings()) == tells


def test_it_learns_what_amounts_do() -> None:
    """One amount pushes by its square, the other as it is."""
    rng, frame = np.random.default_rng(0), Frame(amounts(2))
    x, done = rng.uniform(-1, 1, (800, 2)), rng.uniform(-1, 1, (800, 2))
    after = x + np.stack([0.5 * done[:, 0] ** 2, 0.3 * done[:, 1] * x[:, 0]], axis=1)
    x, done, after = (part.astype(np.float32) for part in (x, done, after))
    code, nothing = foresight.coded(frame, done), np.zeros(800, bool)
    model = foresight.init(frame, Settings(), rng)
    model = foresight.fit(model, Settings(), Rows(x, code, done[:, 0], after, nothing))
    found, pays = foresight._step(model, x, code)
    assert np.abs(found - after).max() < 0.02
    assert np.abs(pays - done[:, 0]).max() < 0.02


# ---- who leads


S = arbiter.Settings()


def after(
    without: list[float], ahead: list[float], by_instinct: list[float] | None = None
) -> Arbiter:
    """An arbiter after plain episodes of judgement, of foresight, of instinct, in turn."""
    judge, told, one = Arbiter(), np.zeros((1, 2)), np.ones(1)
    leaders = ("judgement", FORESIGHT, "instinct")[: 2 if by_instinct is None else 3]
    lots = list(zip(without, ahead, *([by_instinct] if by_instinct else []), strict=True))
    for lot in [(without[0],), *lots]:  # until one speed has led, none is the better one
        for leader, earned in zip(leaders, lot, strict=False):
            arbiter.judged(
                judge,
                arbiter.Settings(),
                leader,
                arbiter.better_earner(judge),
                earned,
                False,
                True,
                told,
                0.0 * one,
                one,
                one,
            )
    return judge


def test_foresight_leads_as_likely_as_it_earns_no_less() -> None:
    assert arbiter.foresight(Arbiter()) == 0.5
    assert arbiter.foresight(after([10, 12, 11], [90, 95, 99])) > 0.99
    assert arbiter.foresight(after([90, 95, 99], [10, 12, 11])) < 0.01
    assert arbiter.foresight(after([10, 12, 11], [10, 12, 11])) == pytest.approx(0.5)
    # Sooner forgotten than what speeds earned: it grew better, so it counts as better.
    assert arbiter.foresight(after([50] * 12, [0.0] * 4 + [80.0] * 8)) > 0.8


def test_a_long_record_tells_small_differences() -> None:
    """Half a standard deviation: eight episodes, as counted at first, would be a toss-up."""
    rng = np.random.default_rng(0)
    right = []
    for _ in range(20):
        without, ahead = rng.normal(0.0, 1.0, 300), rng.normal(-0.5, 1.0, 300)
        right.append(arbiter.foresight(after(without.tolist(), ahead.tolist())) < 0.5)
    assert sum(right) >= 18


def test_foresight_is_held_against_the_better_speed_alone() -> None:
    bad = [-100.0] * 6
    assert arbiter.foresight(after([50, 52, 51] * 2, [20, 22, 21] * 2, bad)) < 0.01
    assert arbiter.foresight(after(bad, [20, 22, 21] * 2, [50, 52, 51] * 2)) < 0.3
    # It is what earns now that counts: the better speed of before has become the worse.
    assert arbiter.foresight(after([50] * 2 + bad * 2, [40] * 14, [30] * 14)) > 0.9


def test_foresight_is_no_evidence_of_a_speed() -> None:
    judge = after([10, 12, 11], [90, 95, 99])
    assert judge.weight[0] == 0.0
    assert judge.total[1] / judge.weight[1] < 13


# ---- in a mind


def worked(settings: minds.Settings, episodes: int = 12) -> Mind:
    """A mind that lived on the toy, episodes of 30 steps."""
    mind, rng = minds.init(spec(), 3, settings), np.random.default_rng(0)
    for number in range(episodes):
        minds.begin(mind, "one", number)
        x, end = rng.uniform(-1, 0, (1, 2)).astype(np.float32), False
        for _ in range(30):
            shown = Observation(x[0])
            choice = minds.act(mind, shown, "one")
            row = minds.decided(mind, "one", shown, choice.flat, choice.predictions)
            after = moved(x, choice.flat[:1])
            end = bool(after[0, 0] > 1.5)
            minds.rewarded(mind, row, 7.0 if end else float(x[0, 0]))
            x = after.astype(np.float32)
            if end:
                break
            minds.study(mind)
        minds.ended(mind, "one", End.TERMINATED if end else End.TRUNCATED, Observation(x[0]))
        minds.study(mind, between_episodes=True)
    return mind


@pytest.fixture(scope="module")
def experienced() -> Mind:
    return worked(minds.Settings())


def answers(mind: Mind) -> list[list[float]]:
    """What foresight would do in thirty situations."""
    rng = np.random.default_rng(5)
    shown = [Observation(x) for x in rng.uniform(-1, 1, (30, 2)).astype(np.float32)]
    return [minds._answer(mind, minds._see(mind, o), FORESIGHT, None).tolist() for o in shown]


def test_it_comes_to_lead_and_can_be_switched_off(experienced: Mind) -> None:
    assert minds.can_foresee(experienced)
    shown = Observation(np.zeros(2, np.float32))
    led = {minds.leader(experienced, np.random.default_rng(n)) for n in range(50)}
    assert FORESIGHT in led
    assert len(led) > 1  # what it stands on is learned by acting without it, too
    unaided = replace(experienced.settings, foresees=False)
    assert minds.leader(replace(experienced, settings=unaided)) == minds.unaided(experienced)
    alone = replace(experienced, settings=replace(unaided, together=0.0))
    assert minds.leader(alone) in arbiter.SPEEDS
    assert minds.act(alone, shown).leader in arbiter.SPEEDS
    assert minds.speed(experienced) == minds.leader(alone)


def test_a_saved_mind_foresees_alike(experienced: Mind) -> None:
    data, notes = store.dump([experienced])
    other = minds.init(spec(), 3, minds.Settings())
    store.load([other], data, notes)
    assert answers(other) == answers(experienced)
    assert other.arbiter == experienced.arbiter


def test_its_propensities_lie_between_nothing_and_one(experienced: Mind) -> None:
    for number in range(20):
        minds.begin(experienced, "asked", number)
        _, share = minds.propose(experienced, Observation(np.zeros(2, np.float32)), "asked")
        assert share is not None
        assert 0.0 < share < 1.0
    del experienced.streams["asked"]


def test_what_foresight_would_not_have_done_is_less_probable(experienced: Mind) -> None:
    shown = Observation(np.zeros(2, np.float32))
    seen = minds._see(experienced, shown)
    own = minds._look_ahead(experienced, seen)
    mood = minds._mood(experienced, 0, 0)
    mood.leader, mood.is_curious = FORESIGHT, False
    choice = minds._weigh(experienced, seen, own, FORESIGHT, True)
    tried = replace(choice, flat=(own + 1) % 3)  # at random, it was something else
    both = [minds._propensity(experienced, seen, one, mood) for one in (choice, tried)]
    assert both[0] is not None
    assert both[1] is not None
    assert both[1] < 0.3 < both[0]


def test_units_of_reward_change_no_answer() -> None:
    """What is paid in millionths is foreseen as well as what is paid in millions."""
    rows, asked = lived(1_500), np.zeros(8, np.float32)
    found = []
    for unit in (1e-6, 1.0, 1e6):
        fresh = foresight.init(FRAME, Settings(), np.random.default_rng(0))
        model = foresight.fit(fresh, Settings(), rows._replace(reward=unit * rows.reward))
        takes = []
        for at in np.linspace(-2, 1.4, 40):
            asked[:2] = at, 0.5

            def worth(x: np.ndarray, unit: float = unit) -> np.ndarray:
                return unit * x[:, 0]

            limits = (-2.0 * unit, 7.0 * unit)
            anything = np.ones(3, bool)
            takes.append(
                foresight.best(model, Settings(), asked, anything, every, worth, 0.95, limits)
            )
        found.append(takes)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("push", "last", "is_taken_out"),
    [
        (0.5, End.TRUNCATED, True),
        (0.01, End.TRUNCATED, False),
        (0.5, End.TERMINATED, False),
    ],
)
def test_where_what_was_tried_on_the_way_is_taken_out_of_windows(
    push: float, last: End, is_taken_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one step of amounts tells, and nothing ever ended."""
    studied = []

    def study(own: Judgement, data: Study, *_: object) -> tuple[Judgement, None]:
        studied.append(data.between)
        return own, None

    monkeypatch.setattr(minds.judgement, "study", study)
    mind, rng = minds.init(amounts(1), 3, minds.Settings()), np.random.default_rng(0)
    for number in range(10):
        minds.begin(mind, "one", number)
        x = rng.uniform(-1, 1, 2).astype(np.float32)
        for _ in range(30):
            shown = Observation(x)
            choice = minds.act(mind, shown, "one")
            row = minds.decided(mind, "one", shown, choice.flat, choice.predictions)
            minds.rewarded(mind, row, float(x[0]))
            x = (0.9 * x + push * choice.flat[0]).astype(np.float32)
            minds.study(mind)
        minds.ended(mind, "one", last, Observation(x))
        minds.study(mind, between_episodes=True)
    assert studied[0] is None  # nothing was known of what a step moves
    between = studied[-1]
    assert (between is not None) == is_taken_out
    if between is not None:
        fused, batch = mind.settings.judgement.fused, mind.settings.judgement.batch
        assert between.weight.shape == (fused, mind.settings.num_steps - 1, batch)
        assert between.amounts.shape == (*between.weight.shape, mind.frame.amounts)
