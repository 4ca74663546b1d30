"""Reports: what is read from the log, and the curves."""

from __future__ import annotations

import json

import numpy as np
import pytest

import quickstudy as qs
from quickstudy import appraisal, report
from quickstudy.cli import main
from quickstudy.errors import DamagedLearner, DiskTrouble, QuickstudyError
from quickstudy.report import Episode
from quickstudy.types import End, Moment


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """A learner that worked on two jobs; its folder and the moments of the first."""
    path = tmp_path_factory.mktemp("home") / "ada"
    with qs.hire(path, seed=3) as ada:
        events = list(appraisal.work(ada, "CartPole-v1", steps=40, checks=2))
        for _ in ada.work("probe/delayed", steps=10):
            pass
    return path, [event for event in events if isinstance(event, Moment)]


def test_report_tells_what_the_moments_told(worked):
    path, moments = worked
    told = report.of(path, "CartPole-v1")[0]
    assert (told.learner, told.steps) == ("ada", 40)
    ended = [(m.step, m.episode_return) for m in moments if m.end is not End.NOT]
    assert [(e.until, e.earned) for e in told.ended] == ended
    assert [e for one in told.episodes for e in one.led] == [m.decision.leader for m in moments]
    worth = [w for episode in told.episodes for w in episode.worth]
    assert worth == pytest.approx([m.decision.value.worth for m in moments])
    assert [check.step for check in told.checks] == [20, 40]
    assert [exam.step for exam in told.exams if exam.is_final] == [40]
    assert told.discount == pytest.approx(1 - 5 / 500)


def test_report_of_all_jobs(worked):
    assert [told.job for told in report.of(worked[0])] == ["CartPole-v1", "probe/delayed"]


def test_report_beside_a_running_learner(tmp_path):
    with qs.hire(tmp_path / "bea", seed=1) as bea:
        for _ in bea.work("probe/delayed", steps=5):
            pass
        assert report.of(tmp_path / "bea")[0].steps == 5


def test_what_came_by_hand():
    episode = Episode(0, End.TERMINATED, [9.0, 9.0], [0.0, 0.0], [1.0, 2.0], ["", ""])
    assert report.came(episode, 0.5).tolist() == [2.0, 2.0]
    episode.end = End.TRUNCATED  # what lies beyond is worth 9
    assert report.came(episode, 0.5).tolist() == [1 + 0.5 * 6.5, 6.5]


def test_late_rewards_belong_to_their_decision(tmp_path):
    import gymnasium

    with qs.hire(tmp_path / "cleo") as cleo:
        cleo.declare("prices", gymnasium.spaces.Box(0, 1, (1,)), gymnasium.spaces.Discrete(2))
        first = cleo.decide([0.5], job="prices")
        second = cleo.decide([0.5], job="prices")
        cleo.reward(second.id, 2.0)
        cleo.reward(first.id, 1.0)
        cleo.finish(second.id)
    told = report.of(tmp_path / "cleo")[0]
    assert told.ended[0].rewards == [1.0, 2.0]


def test_curves_are_a_picture(worked, tmp_path):
    told = report.of(worked[0], "CartPole-v1")[0]
    path = report.draw(told, tmp_path / "curves.png")
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = np.frombuffer(content[16:24], ">u4")
    assert (width, height) == (9 * 150, 7.6 * 150)


def test_curves_go_next_to_the_learner(worked, capsys):
    assert main(["report", str(worked[0]), "probe/delayed"]) == 0
    said = capsys.readouterr().out
    path = worked[0] / "probe-delayed.png"
    assert path.exists()
    assert str(path) in said and "10 steps" in said and "leads" in said


def test_report_as_json(worked, tmp_path, capsys):
    out = tmp_path / "one.png"
    assert main(["report", str(worked[0]), "CartPole-v1", "--json", "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["event"], told["steps"], told["curves"]) == ("report", 40, str(out))
    assert len(told["episode_returns"]) == len(told["episode_ends"]) == told["episodes"]


def test_report_of_nobody(tmp_path):
    with pytest.raises(DamagedLearner, match="No learner lives in"):
        report.of(tmp_path / "nobody")


def test_report_of_a_job_it_never_had(worked):
    with pytest.raises(QuickstudyError, match=r"Did you mean 'CartPole-v1'.*probe/delayed"):
        report.of(worked[0], "CartPole")


def test_report_of_one_who_never_worked(tmp_path):
    qs.hire(tmp_path / "dan").close()
    with pytest.raises(QuickstudyError, match="has not worked on any job yet"):
        report.of(tmp_path / "dan")


def test_curves_that_cannot_be_written(worked, tmp_path):
    told = report.of(worked[0], "CartPole-v1")[0]
    with pytest.raises(DiskTrouble, match="give another --out"):
        report.draw(told, tmp_path / "missing" / "curves.png")
