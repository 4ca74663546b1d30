"""The table of planted bugs counts as it says, and the bars are where it says."""

from __future__ import annotations

import pytest

from benchmarks import bugs

KNOWN = next(name for name in bugs.PLANTED if name not in bugs.HELD_OUT)


def _line(case: str, ill: list[str], cpu_seconds: float = 8.0) -> dict:
    return {
        "case": case,
        "seed": 1,
        "ill": ill,
        "said": [f"ill   {name}: so" for name in ill],
        "cpu_seconds": cpu_seconds,
        "date": "2026-11-22",
        "source": "abc",
    }


def _lines(missed: int = 0, alarms: int = 0) -> list[dict]:
    return [
        *(_line(KNOWN, [bugs.PLANTED[KNOWN].names[0]]) for _ in range(12 - missed)),
        *(_line(KNOWN, []) for _ in range(missed)),
        *(_line(bugs.HEALTHY, ["choice"]) for _ in range(alarms)),
        *(_line(bugs.HEALTHY, []) for _ in range(20 - alarms)),
    ]


def test_only_the_first_finding_names_a_bug() -> None:
    name = bugs.PLANTED[KNOWN].names[0]
    assert bugs.is_named(_line(KNOWN, [name, "choice"]))
    assert not bugs.is_named(_line(KNOWN, ["choice", name]))
    assert not bugs.is_named(_line(KNOWN, []))


@pytest.mark.parametrize(
    ("missed", "alarms", "is_passed"),
    [(0, 0, True), (1, 1, True), (2, 0, False), (0, 2, False)],
)
def test_the_bars(missed: int, alarms: int, is_passed: bool) -> None:
    lines = _lines(missed, alarms)
    assert bugs.has_passed(lines) == is_passed
    assert not bugs.has_passed([*lines, _line(bugs.HEALTHY, [], cpu_seconds=61.0)])


def test_the_table_says_what_was_counted() -> None:
    text = bugs.written(_lines(missed=2, alarms=1), "python -m benchmarks.bugs")
    assert "| all | 12 | 10 | 10 |" in text and "| held out | 0 | 0 | 0 |" in text
    assert "1 of 20 healthy minds" in text and text.count("**missed**") == 2


def test_cases_follow_from_the_seed() -> None:
    assert bugs.cases(7) == bugs.cases(7) != bugs.cases(8)
    names = [name for name, _ in bugs.cases(7)]
    assert set(names) == {*bugs.PLANTED, bugs.HEALTHY} and names.count(bugs.HEALTHY) == 20
    assert min(seed for _, seed in bugs.cases(7)) >= 1_000
    assert set(bugs.HELD_OUT) <= set(bugs.PLANTED) and len(bugs.PLANTED) >= 12


def test_a_trial_goes_on_where_it_stopped(tmp_path, monkeypatch) -> None:
    done = []

    def examine(case: str, seed: int) -> dict:
        done.append(case)
        return _line(case, []) | {"seed": seed, "source": bugs.source()}

    monkeypatch.setattr(bugs, "examine", examine)
    kept = tmp_path / "bugs.jsonl"
    bugs.trial([("a", 1), ("b", 2)], kept, is_resumed=False)
    lines = bugs.trial([("a", 1), ("b", 2), ("c", 3)], kept, is_resumed=True)
    assert done == ["a", "b", "c"] and [line["case"] for line in lines] == done
