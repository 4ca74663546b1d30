"""The arbiter against simulated speeds: it leads with the better one, and notices a change."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from quickstudy.mind import arbiter
from quickstudy.mind.arbiter import SPEEDS, Arbiter, Settings

Earns = Callable[[int], tuple[float, float]]  # episode → mean return of each speed


def judged(
    judge: Arbiter,
    speed: str,
    earned: float,
    told: np.ndarray,
    came: np.ndarray,
    apart: float = 0.0,
    seen: np.ndarray | None = None,
) -> None:
    """A plain episode in which the ensemble's variance was the same throughout."""
    whole = np.ones(len(came))
    seen = whole if seen is None else seen
    arbiter.judged(
        judge, Settings(), speed, "", earned, False, True, told, apart * whole, came, seen
    )


def worked(
    earns: Earns, episodes: int, seed: int, noise: float = 10.0
) -> tuple[Arbiter, float]:
    """An arbiter after `episodes`, and what it earned less the better speed, per episode."""
    judge, rng, regret = Arbiter(), np.random.default_rng(seed), 0.0
    for episode in range(episodes):
        speed = arbiter.leader(judge, Settings(), rng)
        means = earns(episode)
        earned = means[SPEEDS.index(speed)]
        regret += max(means) - earned
        told = np.array([[0.0, 0.0]])
        came = np.array([noise * rng.standard_normal()])
        judged(judge, speed, earned + float(came[0]), told, came)
    return judge, regret / episodes


@pytest.mark.parametrize("better", [0, 1])
def test_the_better_speed_leads(better: int) -> None:
    means = (100.0, 0.0) if better == 0 else (0.0, 100.0)
    for seed in range(5):
        judge, regret = worked(lambda episode: means, 100, seed)
        assert arbiter.leader(judge, Settings()) == SPEEDS[better]
        # It may lose by its share of foresight (here a coin), and little else.
        assert regret < 100 * (Settings().foreseeing + 0.1)


def test_it_notices_who_has_caught_up() -> None:
    def caught_up(episode: int) -> tuple[float, float]:
        return 50.0, -100.0 if episode < 50 else 150.0

    for seed in range(5):
        judge, _ = worked(caught_up, 250, seed)
        assert arbiter.leader(judge, Settings()) == "judgement"


def test_where_both_fail_alike_the_better_predictor_is_tried() -> None:
    judge = Arbiter()
    for speed in SPEEDS * 5:
        told = np.array([[-200.0, -150.0]])
        judged(judge, speed, -200.0, told, np.array([-150.0]))
    rng = np.random.default_rng(0)
    led = [arbiter.leader(judge, Settings(), rng) for _ in range(200)]
    assert 0.5 < led.count("judgement") / len(led) < 1.0


def better_by_one(seed: int, is_foretold: bool) -> Arbiter:
    """Judgement earns one more; worlds differ by ten and, maybe, worth says by how much."""
    judge, rng = Arbiter(), np.random.default_rng(seed)
    for episode in range(60):
        speed = SPEEDS[episode % 2]
        world = 10.0 * rng.standard_normal()
        told = 0.1 * world if is_foretold else rng.standard_normal()  # not in units of returns
        earned = world + 1.0 * (speed == "judgement") + 0.3 * rng.standard_normal()
        judged(judge, speed, earned, np.array([[told, told]]), np.array([0.0]))
    return judge


def test_what_a_world_gives_is_not_held_for_who_led() -> None:
    def right(is_foretold: bool) -> int:
        ends = [better_by_one(seed, is_foretold) for seed in range(20)]
        return sum(arbiter.leader(judge, Settings()) == "judgement" for judge in ends)

    assert right(is_foretold=True) >= 19
    assert right(is_foretold=False) <= 17


def test_where_worth_foretells_nothing_little_is_taken_away() -> None:
    for seed in range(5):
        judge = better_by_one(seed, is_foretold=False)
        changed = [
            arbiter._as_in_an_average_world(judge, 20.0, worth) - 20.0
            for worth in np.random.default_rng(seed).standard_normal(100)
        ]
        assert np.std(changed) < 3.0


def test_alike_worlds_change_nothing() -> None:
    judge = Arbiter()
    for earned in (5.0, 7.0, 6.0, 9.0, 8.0, 7.0):
        judged(judge, "instinct", earned, np.array([[3.0, 3.0]]), np.array([3.0]))
    assert arbiter._as_in_an_average_world(judge, 4.0, 3.0) == 4.0
    assert arbiter._as_in_an_average_world(judge, 4.0, 9.0) == 4.0


def test_untried_speeds_are_tried_but_never_give_a_frozen_answer() -> None:
    judge = Arbiter()
    told, came = np.zeros((1, 2)), np.zeros(1)
    assert arbiter.leader(judge, Settings(), np.random.default_rng(0)) == "instinct"
    judged(judge, "instinct", 1.0, told, came)
    assert arbiter.leader(judge, Settings(), np.random.default_rng(0)) == "judgement"
    assert arbiter.leader(judge, Settings()) == "instinct"


def test_errors_by_hand() -> None:
    judge = Arbiter()
    came = np.array([1.0, 3.0])
    judged(judge, "instinct", 4.0, np.array([[0, 1], [0, 1.0]]), came)
    assert judge.error == [5.0, 2.0]  # (1 + 9)/2 and (0 + 4)/2
    judged(judge, "instinct", 4.0, np.array([[1, 1], [3, 3.0]]), came)
    assert judge.error == pytest.approx([4.0, 1.6])  # a fifth of the way towards 0


def test_the_less_wrong_speed_counts_for_more() -> None:
    judge, told = Arbiter(), np.array([10.0, 20.0])
    worth, variance = arbiter.blend(judge, told, 4.0)
    assert (float(worth), float(variance)) == (pytest.approx(15.0), pytest.approx(1.0))
    judged(judge, "instinct", 0.0, np.array([[1.0, 2.0]]), np.zeros(1))
    worth, variance = arbiter.blend(judge, told, 4.0)  # errors 1 and 4: shares .8 and .2
    assert (float(worth), float(variance)) == (pytest.approx(12.0), pytest.approx(0.16))
    judge = Arbiter()
    judged(judge, "instinct", 0.0, np.array([[0.0, 2.0]]), np.zeros(1))
    assert arbiter.blend(judge, told)[0] == 10.0  # who was never wrong is believed


def test_blur_by_hand() -> None:
    judge = Arbiter()
    came = np.arange(1.0, 11.0) * 1.645  # nine of ten within nine spreads, of no worth at all
    judged(judge, "instinct", 0.0, np.zeros((10, 2)), came)
    assert judge.blur == pytest.approx(81.0)
    judge = Arbiter()
    judged(judge, "instinct", 0.0, np.zeros((10, 2)), came, apart=80.0)
    assert judge.blur == pytest.approx(61.0)  # what half of the variance, of judgement, leaves
    judged(judge, "instinct", 0.0, np.zeros((100, 2)), np.zeros(100), apart=80.0)
    assert judge.blur == 0.0


def test_what_was_only_expected_tells_nothing_of_errors() -> None:
    judge, came = Arbiter(), np.array([1.645] * 5 + [0.0] * 95)
    judged(judge, "instinct", 0.0, np.zeros((100, 2)), came)
    assert judge.blur == 0.0
    judge, seen = Arbiter(), np.array([1.0] * 5 + [1e-9] * 95)
    judged(judge, "instinct", 0.0, np.zeros((100, 2)), came, seen=seen)
    assert judge.blur == pytest.approx(1.0)


@pytest.mark.parametrize("steps", [1, 30, 500])
@pytest.mark.parametrize("is_heavy", [False, True])
def test_nine_of_ten_intervals_hold_whatever_the_shape_of_errors(
    steps: int, is_heavy: bool
) -> None:
    """Said before the episode, with errors that grow from episode to episode."""
    rng, judge, inside = np.random.default_rng(steps), Arbiter(), []
    episodes = max(20_000 // steps, 40) if steps > 1 else 2_000
    for episode in range(episodes):
        scale = 3.0 + 2.0 * episode / episodes
        errors = rng.standard_t(2, steps) if is_heavy else rng.normal(size=steps)
        if episode * steps > 500:
            inside.append((np.abs(scale * errors) <= 1.645 * judge.blur**0.5).mean())
        judged(judge, "instinct", 0.0, np.zeros((steps, 2)), scale * errors)
    assert 0.87 < np.mean(inside) < 0.93


def lived(plain: list[float], adventurous: list[float]) -> Arbiter:
    """An arbiter after episodes of both kinds in turn, with these returns."""
    judge = Arbiter()
    told, one = np.zeros((1, 2)), np.ones(1)
    for pair in zip(plain, adventurous, strict=True):
        for is_adventurous, earned in enumerate(pair):
            tries = bool(is_adventurous)
            arbiter.judged(
                judge, Settings(), "instinct", "", earned, tries, not tries, told, one, one, one
            )
    return judge


def test_adventure_is_as_rare_as_it_is_costly() -> None:
    rng = np.random.default_rng(0)
    good, bad = rng.normal(100, 20, 20).tolist(), rng.normal(20, 20, 20).tolist()
    assert arbiter.adventure(Arbiter(), Settings()) == 1.0
    assert arbiter.adventure(lived(good, bad), Settings()) == Settings().least_adventure
    assert arbiter.adventure(lived(bad, good), Settings()) == 1.0
    assert arbiter.adventure(lived([-200.0] * 20, [-200.0] * 20), Settings()) == 1.0
    alike = arbiter.adventure(lived(good, good[::-1]), Settings())
    assert alike > 0.5


def test_all_alike_until_one_earns_more() -> None:
    assert arbiter.is_all_alike(Arbiter())
    assert arbiter.is_all_alike(lived([-200.0] * 5, [-200.0] * 5))
    assert arbiter.is_all_alike(lived([0.0] * 5, [0.0] * 5))
    assert not arbiter.is_all_alike(lived([0.0] * 5, [0.0, 0.0, 0.9, 0.0, 0.0]))


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_the_unit_of_reward_changes_nothing(unit: float) -> None:
    good, bad = [90.0, 110.0, 100.0, 95.0], [20.0, 25.0, 30.0, 10.0]
    judge = lived([unit * r for r in good], [unit * r for r in bad])
    assert arbiter.adventure(judge, Settings()) == Settings().least_adventure
    assert not arbiter.is_all_alike(judge)


def test_what_was_cut_says_nothing_of_who_led() -> None:
    judge, told, one = Arbiter(), np.zeros((1, 2)), np.ones(1)
    arbiter.judged(judge, Settings(), "instinct", "", None, False, True, told, one, one, one)
    assert judge.weight == judge.mood_weight == [0.0, 0.0]
    assert judge.error == [1.0, 1.0]  # its predictions were right or wrong all the same


def test_an_episode_that_neither_led_counts_for_neither() -> None:
    judge = Arbiter()
    judged(judge, "", 100.0, np.zeros((1, 2)), np.ones(1))
    assert judge.weight == [0.0, 0.0]


def test_both_together_count_for_neither_but_as_the_rival_of_foresight() -> None:
    judge, told, one = Arbiter(), np.zeros((1, 2)), np.ones(1)
    for leader, earned in ((arbiter.BOTH, 9.0), ("judgement", 1.0)):
        arbiter.judged(
            judge, Settings(), leader, arbiter.BOTH, earned, False, True, told, one, one, one
        )
    assert judge.weight == [0.0, 1.0]
    assert judge.ahead_weight == [1.0, 0.0]
    assert judge.ahead_total == [9.0, 0.0]


def test_each_speed_counts_by_how_little_it_has_erred() -> None:
    assert arbiter.shares(Arbiter(error=[3.0, 1.0])) == [0.25, 0.75]
    assert arbiter.shares(Arbiter(error=[0.0, 1.0])) == [1.0, 0.0]
    assert arbiter.shares(Arbiter()) == [0.5, 0.5]
