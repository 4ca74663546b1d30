"""The examples run, and show what they say."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_work(capsys):
    verdict = runpy.run_path(str(EXAMPLES / "work.py"))["main"]("probe/delayed", 20)
    assert verdict.steps == 20
    assert "exam: " in capsys.readouterr().out


def test_own_loop(capsys):
    takings = runpy.run_path(str(EXAMPLES / "own_loop.py"))["main"](60)
    assert 1 < takings < 4
    assert "season 5: " in capsys.readouterr().out
