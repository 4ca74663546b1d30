"""Merging at the command line: what it shows, what it refuses, how it stops."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from rich.console import Console

import quickstudy as qs
from quickstudy.cli import main
from quickstudy.collective import desk
from quickstudy.collective import merge as merging
from quickstudy.collective.prospect import Prospect
from quickstudy.exams.statistics import Estimate
from quickstudy.interrupt import Stopped


@pytest.fixture
def run(capsys):
    """Runs a command in this process: exit code, lines on stdout, text on stderr."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err

    return run


@pytest.fixture
def two(own_home: Path) -> Path:
    """ada and bea, at home, each with a few steps on a job of its own."""
    for name, job in (("ada", "CartPole-v1"), ("bea", "MountainCar-v0")):
        with qs.hire(name, seed=1) as learner:
            list(learner.work(job, 12))
    return own_home


def test_look_merge_report_undo(two, run):
    code, out, err = run("merge", "ada", "bea", "--preview")
    assert code == 0 and "Reading bea." in err
    assert out[0].split() == [
        "learner", "job", "steps", "earns", "merged", "random", "gain", "keeps", "by",
    ]  # fmt: skip
    assert [line.split()[:3] for line in out[1:]] == [
        ["ada", "CartPole-v1", "12"], ["bea", "MountainCar-v0", "12"],
    ]  # fmt: skip
    assert all("the same mind" in line for line in out[1:])
    assert sorted(path.name for path in two.iterdir()) == ["ada", "bea"]

    code, out, _ = run("merge", "ada", "bea", "--into", "cleo", "--json")
    lines = [json.loads(line) for line in out]
    assert code == 0
    assert [line["event"] for line in lines] == ["prospect", "prospect", "merge"]
    assert lines[0]["how"] == "unchanged" and lines[0]["retention"]["value"] == 1.0
    assert lines[-1]["learner"] == "cleo"
    assert {share["name"]: share["steps"] for share in lines[-1]["from"]} == {
        "cleo": {}, "ada": {"CartPole-v1": 12}, "bea": {"MountainCar-v0": 12},
    }  # fmt: skip

    code, out, _ = run("report", "cleo", "CartPole-v1", "--out", two / "curves.png")
    assert code == 0 and "steps that happened first to: ada 12" in out

    code, out, _ = run("log", "replay", "cleo")
    assert code == 0
    assert [line.split(":")[0] for line in out] == ["CartPole-v1", "MountainCar-v0"]
    assert all("100.0% of decisions alike" in line and "bit for bit" in line for line in out)

    code, out, _ = run("merge", "cleo", "--without", "bea", "--into", "dora")
    assert code == 0
    assert out[2].split()[-3:] == ["nothing", "left", "out"]
    assert out[-1] == "  ada: CartPole-v1 12 steps"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["merge", "ada", "bea"], 1, "give --into NAME, or --preview"),
        (["merge", "ada", "--into", "cleo"], 1, "Came 1 learner to merge"),
        (["merge", "ada", "bea", "--into", "ada"], 1, "A learner lives in"),
        (["merge", "ada", "nobody", "--into", "cleo"], 7, "No learner lives in"),
        (["merge", "ada", "--without", "eve", "--into", "cleo"], 1, "called 'eve'"),
        (["merge", "ada", "bea", "--retention", "2", "--into", "cleo"], 2, "between 0 and 1"),
        (["merge", "ada", "bea", "--into", "c l e o"], 1, "cannot be called"),
        (["log", "replay", "nobody"], 7, "No learner lives in"),
    ],
)
def test_one_sentence_for_each_mistake(two, run, command, code, said):
    got, out, err = run(*command)
    assert (got, out) == (code, [])
    assert said in err and "Traceback" not in err
    assert sorted(path.name for path in two.iterdir()) == ["ada", "bea"]


def test_narrow_terminals_and_what_would_be_refused(capsys):
    estimate = Estimate(0.41, 0.28, 0.66)
    poor = Prospect(
        "bea", "CartPole-v1", 1500, "worlds", 8, 500.0, 216.9, 21.4,
        difference=Estimate(-283.1, -340.9, -163.6), retention=estimate,
    )  # fmt: skip
    for width, number in ((60, 5), (160, 2)):
        desk.show([poor], Console(width=width, highlight=False, color_system=None))
        shown = capsys.readouterr().out.splitlines()
        assert len(shown) == number and max(map(len, shown)) <= width
        assert "41 % (28 to 66)" in " ".join(shown) and "216.9" in " ".join(shown)
    assert "41 % (95 % interval 28 to 66 %)" in merging.refusal([poor], 0.9, "cleo")
    assert merging.refusal([poor], 0.4, "cleo") == ""


def test_ctrl_c_leaves_nothing(two, run, monkeypatch):
    def stop(*_: object) -> None:
        raise Stopped(signal.SIGINT)

    monkeypatch.setattr(merging.prospect, "all_of", stop)
    code, out, err = run("merge", "ada", "bea", "--into", "cleo")
    assert (code, out) == (130, [])
    assert err.endswith("Stopped; nothing was made, and the learners are as they were.\n")
    assert sorted(path.name for path in two.iterdir()) == ["ada", "bea"]


def test_a_mind_that_is_not_its_experience_is_told(two, run, monkeypatch):
    monkeypatch.setattr("quickstudy.collective.replay.ALIKE", 1.01)
    code, out, _ = run("log", "replay", "ada", "--json")
    assert code == 1
    assert json.loads(out[0])["is_alike"] is False
