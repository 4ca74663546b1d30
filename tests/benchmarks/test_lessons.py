"""Tables of merging and of transfer, from lines made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import merging, runs, transfer


def test_retention_is_what_is_kept_above_chance() -> None:
    score = {
        "random": 20.0,
        "parent": 120.0,
        "merged": 115.0,
        "weights": 20.0,
        "ancestor": None,
    }
    assert merging.retention(score, "merged") == pytest.approx(0.95)
    assert merging.retention(score, "weights") == 0.0
    assert merging.retention(score, "ancestor") is None
    assert merging.retention(score | {"parent": 20.0}, "merged") is None


def merged_line(seed: int, merged: float) -> runs.Line:
    score = {"number": 2, "job": "j", "random": 0.0, "parent": 100.0, "merged": merged,
             "weights": 10.0, "ancestor": None}  # fmt: skip
    return {
        "task": ["same", str(seed), "300"], "source": "abc", "date": "2026-11-22",
        "kind": "same", "seed": seed, "steps": 300,
        "scores": [score, score | {"number": 5}],
        "laws": {"order": True, "again": True, "itself": seed == 1},
    }  # fmt: skip


def test_the_table_counts_parents_and_laws() -> None:
    text = merging.written([merged_line(1, 96.0), merged_line(2, 90.0)], "cmd")
    assert "2 of 4 parents keep 95%" in text
    assert "merged with oneself 1 of 2" in text
    assert "0.900" in text and "[0.900, 0.960]" in text


def curve(*values: float) -> list[tuple[int, float]]:
    return [(100 * at, value) for at, value in enumerate(values)]


def transfer_line(seed: int) -> runs.Line:
    order = ["a", "b", "c", "d", "e", "x"]
    return {
        "family": "carts", "seed": seed, "steps": 200, "order": order, "dropped": ["x"],
        "career": {job: curve(95, 95, 100) for job in order}, "source": "abc",
        "fresh": {"e": curve(0, 50, 100), "x": curve(0, 100, 100)}, "date": "2026-11-22",
        "chance": dict.fromkeys(order, 0.0),
    }  # fmt: skip


def test_gains_are_counted_from_chance_to_the_fresh_ones_end() -> None:
    line = transfer_line(1)
    gain = transfer.gain(line, 4, [line])
    assert (gain.career_steps, gain.fresh_steps) == (0.0, 200.0)
    assert gain.first == pytest.approx(0.95)
    assert gain.fresh_area == pytest.approx(0.5)
    text = transfer.written([line, transfer_line(2)], "cmd")
    assert "it takes no step at all" in text
    assert "2 of 2" in text and "0 of 2" in text


def test_of_two_lines_on_one_task_the_later_counts(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    for merged in (1.0, 2.0):
        runs.append(path, merged_line(3, merged))
    (line,) = runs.kept_lines(path)
    assert line["scores"][0]["merged"] == 2.0


def test_what_is_there_becomes_a_table(tmp_path: Path) -> None:
    runs.append(tmp_path / "merging.jsonl", merged_line(1, 96.0))
    given = ["--table", "--output", str(tmp_path)]
    asked = runs.options("merging", merging.__doc__, ("KIND", "SEED", "STEPS")).parse_args(
        given
    )
    runs.tabulate("merging", asked, [], merging.written, given)
    assert "Made by `python -m benchmarks.merging` on" in (tmp_path / "merging.md").read_text()
