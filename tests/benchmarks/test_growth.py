"""The cost of growth, small: the made-up life opens, and the table says what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import growth
from quickstudy.experience import log as logs


def test_a_made_life_opens_and_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "SEGMENT_ROWS", 128)
    for name in ("COMPACT_ABOVE", "COMPACT_AT_CLOSE_SECONDS"):
        monkeypatch.setattr(logs, name, getattr(logs, name))  # `make` sets them: put back
    monkeypatch.setattr(growth, "DECISIONS", 3)
    size = growth.make(tmp_path / "ada", 2, 250)
    assert 0 < size["compacted"] < size["rows"]
    opened = growth.opening(tmp_path / "ada")
    assert opened["steps"] == 500
    found = {"jobs": 2, "steps": 250, "size": size, "open": [opened]}
    found["hold"] = growth.holding(tmp_path / "ada")
    text = growth.report([found], "python -m benchmarks.growth")
    assert "| 2 | 500 |" in text and "| 2 | " in text.rpartition("jobs held")[2]
