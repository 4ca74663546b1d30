"""`quickstudy exam`: what it prints, what it leaves behind, how it stops and fails."""

from __future__ import annotations

import json
import shlex

import pytest

import quickstudy as qs
from quickstudy import words
from quickstudy.cli import main
from quickstudy.exams import hall
from quickstudy.interrupt import Stopped


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QUICKSTUDY_HOME", str(tmp_path))
    with qs.hire("ada", seed=3) as learner:
        for _ in learner.work("CartPole-v1", 60):
            pass
    return tmp_path


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err


def test_sentences_a_picture_and_a_page(home, capsys) -> None:
    code, lines, told = run(capsys, "exam", "ada", "--worlds", 2, "--no-shifts")
    assert code == 0
    assert lines[0].startswith("ada on CartPole-v1: It earns")
    assert [line.split()[0] for line in lines[1:5]] == ["seen", "twin", "random", "bar"]
    assert "\n".join(lines).isascii()
    assert "now twin" in told
    assert (home / "ada" / "exam-CartPole-v1.png").read_bytes().startswith(b"\x89PNG")
    assert "</html>" in (home / "ada" / "exam-CartPole-v1.html").read_text()
    assert json.loads((home / "ada" / "exam-CartPole-v1.json").read_text())["learner"] == "ada"


def test_a_world_is_played_again_as_the_report_says(home, capsys) -> None:
    _, lines, _ = run(capsys, "exam", "ada", "--worlds", 2, "--json")
    said = json.loads(lines[0])
    for lot in ("twin", "noise", "push"):
        told = next(x for x in said["lots"] if x["name"] == lot)
        world = told["worlds"][0]
        shift = ["--shift", lot, "--strength", told["strength"]] if told["strength"] else []
        code, lines, _ = run(capsys, "replay", "ada", world["seed"], *shift)
        assert code == 0
        assert lines[-1] == f"return {words.figure(world['earned'])} in {world['steps']} steps"
        assert len(lines) == world["steps"] + 1
    code, lines, _ = run(capsys, "replay", "ada", 5, "--json")
    last = json.loads(lines[-1])
    assert (code, last["step"], last["return"]) == (0, len(lines), float(len(lines)))
    assert last["end"] == "terminated"


def test_the_report_has_the_command_that_plays_the_worst_again(home, capsys) -> None:
    _, lines, _ = run(capsys, "exam", "ada", "--worlds", 2)
    (command,) = (line for line in lines if line.startswith("the worst again: "))
    words_of = shlex.split(command.removeprefix("the worst again: "))
    code, again, _ = run(capsys, *words_of[1:])
    (worst, *_) = (line.split()[1] for line in lines if line.startswith("  worst"))
    assert code == 0
    assert again[-1].split()[1] == worst


def test_one_line_for_programs(home, capsys) -> None:
    code, lines, told = run(
        capsys, "exam", "ada", "--worlds", 2, "--json", "--out", home / "exams"
    )
    (line,) = lines
    said = json.loads(line)
    assert (code, told) == (0, "")
    assert said["event"] == "exam"
    assert len(said["lots"]) == 19
    assert said["twin"][1] <= said["twin"][0] <= said["twin"][2]
    assert {w["seed"] for w in said["lots"][1]["worlds"]}
    assert (home / "exams" / "exam-CartPole-v1.html").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["bob"], 7, "No learner lives in"),
        (["ada", "--job", "Pendulum-v1"], 1, "never worked on 'Pendulum-v1'"),
        (["ada", "--job", "Pendulumm"], 2, "Did you mean"),
        (["ada", "--worlds", "1"], 2, "at least 2"),
        (["ada", "--edition", "a/b"], 1, "as an edition's name"),
    ],
)
def test_a_mistake_gets_one_sentence(home, capsys, arguments, code, part) -> None:
    got, lines, told = run(capsys, "exam", *arguments)
    assert (got, lines) == (code, [])
    assert part in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["bob", 1], 7, "No learner lives in"),
        (["ada", "one"], 2, "expected a whole number"),
        (["ada", 1, "--shift", "pusch"], 2, "no shift 'pusch'. Did you mean 'push'?"),
        (["ada", 1, "--strength", 2], 2, "--strength"),
        (["ada", 1, "--job", "Pendulum-v1"], 1, "never worked on"),
    ],
)
def test_what_cannot_be_played_again_gets_one_sentence(home, capsys, arguments, code, part):
    got, lines, told = run(capsys, "replay", *arguments)
    assert (got, lines) == (code, [])
    assert part in told
    assert told.count("\n") == 1


def test_stopped_it_says_what_goes_on(home, capsys, monkeypatch) -> None:
    def stop(*_):
        raise Stopped(2)

    monkeypatch.setattr(hall, "exam", stop)
    code, lines, told = run(capsys, "exam", "ada")
    assert code == 130
    assert lines == ["Stopped; worlds that were sat are kept. The same command goes on."]
    assert told == ""
