"""Predictions: written down before work, once, and held against what happened."""

from __future__ import annotations

import pytest

import quickstudy as qs
from quickstudy import ledger, report
from quickstudy.clinic import effort, verdict
from quickstudy.ledger import Expectation, held


@pytest.mark.parametrize(
    ("steps", "competent_at", "result"),
    [
        (5_000, 2_000, "hit"),
        (5_000, 400, "miss"),  # sooner than it said
        (50_000, 40_000, "miss"),  # later
        (5_000, None, "open"),  # it may still come in time
        (50_000, None, "miss"),
    ],
)
def test_decisions_by_hand(steps, competent_at, result):
    expected = Expectation(4_000.0, 460.0, 36_000.0)
    assert held(expected, steps, competent_at).results == (result, "open")


@pytest.mark.parametrize(
    ("said", "competent_at", "result"),
    [
        ("fine", 2_000, "hit"),
        ("direction", 2_000, "miss"),
        ("direction", None, "hit"),
        ("fine", None, "miss"),
        ("unsure", None, "open"),
    ],
)
def test_verdicts_by_hand(said, competent_at, result):
    expected = Expectation(4_000.0, 460.0, 36_000.0, said)
    assert held(expected, 50_000, competent_at).verdict == result


def test_tally():
    expected = Expectation(4_000.0, 460.0, 36_000.0)
    hit, miss = held(expected, 5_000, 2_000), held(expected, 5_000, 1)
    open_ = held(expected, 5_000, None)
    assert ledger.tally([]) == ""
    assert ledger.tally([open_]) == "predictions: none can be judged yet"
    assert ledger.tally([hit, miss, open_, hit]).startswith("predictions: 2 of 3")


def test_a_guess_without_a_look_needs_no_features():
    """With features of a record, `effort.beforehand` must look first."""
    assert effort.FEATURES == ("1",)
    guess, low, high = effort.beforehand()
    assert low < guess < high


def test_it_is_written_once_before_the_first_decision(tmp_path, monkeypatch):
    looks = []

    def of_job(job):
        looks.append(job)
        return verdict.Verdict(job, "fine", "", "")

    monkeypatch.setattr(verdict, "of_job", of_job)
    with qs.hire(tmp_path / "ada", seed=0) as ada:
        expected = ledger.expect(ada, "probe/both", with_verdict=True)
        assert expected == Expectation(*effort.beforehand(), "fine")
        assert ledger.expect(ada, "probe/both") is None
        for _ in ada.work("probe/both", steps=20, checks=1):
            pass
        assert ledger.expect(ada, "probe/both", with_verdict=True) is None
        assert ledger.expect(ada, "probe/delayed") is not None  # another job
        assert ada.notes("probe/both", ledger.NOTE) == [
            {"decisions": expected.decisions, "low": expected.low, "high": expected.high,
             "verdict": "fine"}
        ]  # fmt: skip
    assert looks == ["probe/both"]
    with qs.open(tmp_path / "ada") as again:
        assert ledger.expect(again, "probe/both") is None
    told = report.of(tmp_path / "ada", "probe/both")[0]
    assert told.expected == expected
    assert told.outcome is not None
    assert told.outcome.competent_at == told.competent_at
    assert list(report.lines(told))[-1] == str(told.outcome)
    assert report.fields(told)["prediction"]["expected"]["verdict"] == "fine"


def test_what_is_expected_changes_nothing_that_is_learned(tmp_path):
    moments = []
    for name in ("ada", "bea"):
        with qs.hire(tmp_path / name, seed=1) as learner:
            if name == "bea":
                ledger.expect(learner, "probe/both")
            moments.append([
                (m.reward, m.decision.flat.tolist(), m.decision.value)
                for m in learner.work("probe/both", steps=40)
            ])  # fmt: skip
    assert moments[0] == moments[1]
