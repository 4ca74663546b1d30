"""The leak alarm on worlds whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from quickstudy.exams.leak import alarm
from quickstudy.exams.sitting import Sat
from quickstudy.types import End


def lot(
    rng: np.random.Generator, worlds: int, leaked: int = 0, is_known: bool = True
) -> list[Sat]:
    """Worlds of noisy returns, of which the first `leaked` stand out."""
    made = []
    for number in range(worlds):
        better = 4.0 if number < leaked else 0.0
        earned = float(rng.normal() + better)
        support = float(rng.random()) if is_known else None
        points = ((1.0, 1.0, 1.0 + float(rng.normal())),) if is_known else ()
        made.append(Sat(number, earned, 5, End.TERMINATED, support, points))
    return made


def test_false_alarms_are_as_rare_as_promised() -> None:
    fired = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        fired += alarm(lot(rng, 60), lot(rng, 180), seed).fires
    assert fired <= 7  # 3 expected


@pytest.mark.parametrize("is_known", [True, False])
def test_one_world_in_twenty_is_enough(is_known: bool) -> None:
    fired = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        told = alarm(lot(rng, 200, 10, is_known), lot(rng, 800, 0, is_known), seed)
        fired += told.fires
        if told.sign == "earns more":
            assert len(set(told.suspects) - set(range(10))) <= 2  # by chance
    assert fired >= 19


def test_what_a_start_foretells_is_taken_off() -> None:
    """Returns that hang on the start by ten deviations of chance hide a leak of five."""
    fired = {True: 0, False: 0}
    for seed, is_leaked in ((seed, is_leaked) for seed in range(6) for is_leaked in fired):
        rng = np.random.default_rng(seed)
        made = []
        for number in range(1_000):
            start = float(rng.random())
            better = 5.0 if is_leaked and number < 10 else 0.0
            earned = 30 * start + float(rng.normal()) + better
            made.append(Sat(number, earned, 5, End.TERMINATED, start=(start, 1.0)))
        told = alarm(made[:200], made[200:], seed)
        fired[is_leaked] += told.fires
        assert not is_leaked or told.sign == "earns more than its start foretells"
    assert fired[True] == 6
    assert fired[False] <= 1


def test_worlds_that_are_all_alike_raise_no_alarm() -> None:
    same = [Sat(n, 500.0, 500, End.TRUNCATED) for n in range(40)]
    told = alarm(same[:10], same[10:])
    assert told.p == 1.0
    assert not told.fires
    assert told.suspects == ()


def test_without_worlds_there_is_nothing_to_tell() -> None:
    with pytest.raises(ValueError, match="without worlds"):
        alarm([], [Sat(0, 1.0, 1, End.TERMINATED)])
