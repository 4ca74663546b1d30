"""Two exams held against each other: pairs of worlds, and what cannot be compared."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from quickstudy.cli import main
from quickstudy.errors import QuickstudyError
from quickstudy.exams import compare as comparing
from quickstudy.exams import told
from quickstudy.exams.compare import NotAlike, compare
from quickstudy.exams.score import SEEN, TWIN, Lot, Result
from quickstudy.exams.sitting import Sat
from quickstudy.types import End


def exam_of(earned: np.ndarray, learner: str = "ada", more: tuple[Lot, ...] = ()) -> Result:
    sat = tuple(Sat(seed, float(e), 5, End.TRUNCATED) for seed, e in enumerate(earned))
    lots = Lot(SEEN, 0.0, sat[:3]), Lot(TWIN, 0.0, sat), Lot("noise", 0.5, sat), *more
    return Result(learner, "a job", 9, "first", "f", None, lots)


@pytest.fixture
def two() -> tuple[Result, Result]:
    worlds = np.random.default_rng(0).normal(0, 100, 40)  # differ far more than the learners do
    return exam_of(worlds), exam_of(worlds + 1.0, "bea")


def test_worlds_are_compared_in_pairs(two) -> None:
    twin, noise = compare(*two)
    assert (twin.lot, twin.worlds, noise.lot, noise.strength) == (TWIN, 40, "noise", 0.5)
    assert twin.gain == pytest.approx((1.0, 1.0, 1.0))
    back, _ = compare(two[1], two[0])
    assert back.gain.value == pytest.approx(-1.0)


def test_only_worlds_that_both_sat_count(two) -> None:
    a, b = two
    short = replace(
        b, lots=(b.lots[0], replace(b.lots[1], worlds=b.lots[1].worlds[5:]), b.lots[2])
    )
    assert [told.worlds for told in compare(a, short)] == [35, 40]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"job": "another"}, "expected one job"),
        ({"edition": "second", "fingerprint": "g"}, r"editions first \(f\) and second \(g\)"),
        ({"lots": ()}, "one alone has the lots noise 0.5, twin"),
    ],
)
def test_what_is_not_alike_is_refused(two, change, says) -> None:
    with pytest.raises(NotAlike, match=says):
        compare(two[0], replace(two[1], **change))


def test_lots_of_other_worlds_are_refused(two) -> None:
    a, b = two
    moved = tuple(replace(sat, seed=sat.seed + 100) for sat in b.lots[1].worlds)
    with pytest.raises(NotAlike, match="without one world in common in the lot twin"):
        compare(a, replace(b, lots=(b.lots[0], replace(b.lots[1], worlds=moved), b.lots[2])))


def test_the_command_reads_what_the_exam_wrote(two, tmp_path, capsys) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, result in zip(paths, two, strict=True):
        path.write_text(json.dumps(told.fields(result)))
    assert main(["compare", *map(str, paths)]) == 0
    head, twin, _ = capsys.readouterr().out.splitlines()
    assert head.startswith("bea (after 9 steps) less ada (after 9) on a job, edition first")
    assert twin.split()[:2] == ["twin", "+1"]
    assert main(["compare", *map(str, paths), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lots"][0]["worlds"] == 40


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "cannot be read"), ("nothing", "is no exam"), ("[]", "is no exam")],
)
def test_what_is_no_exam_gets_one_sentence(tmp_path, text, says) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(QuickstudyError, match=says):
        comparing.read(path)
