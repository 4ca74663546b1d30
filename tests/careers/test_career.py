"""Careers: what is read from the log, and how it is told."""

from __future__ import annotations

import io
import json
import math

import gymnasium
import pytest
from made import Made
from rich.console import Console

import quickstudy as qs
from quickstudy import report
from quickstudy.careers import career as careers
from quickstudy.careers import shown
from quickstudy.careers.law import Took
from quickstudy.cli import main
from quickstudy.errors import DamagedLearner, QuickstudyError, UnknownJob
from quickstudy.experience import union
from quickstudy.experience.event import Kind
from quickstudy.rivals import Rival
from quickstudy.types import End


def veteran(path):
    """Three jobs, two of one family; the incumbent of "a" and "b" earns about 10."""
    made = Made(path)
    for name, width, pays in (("a", 2, (4, 8, 12, 14)), ("b", 2, (9, 16)), ("c", 5, (1,))):
        made.job(name, width, step_seconds=30.0 if name == "a" else None)
        if name != "c":
            made.note(name, {"rival": {"name": "rule", "returns": [9.0, 10.0, 11.0]}})
        for earned in pays:
            made.episode(name, earned)
            made.check(name, [earned - 1.0, earned + 1.0])
    return made.close()


@pytest.fixture
def told(tmp_path):
    return careers.career(veteran(tmp_path / "vera"))


def test_jobs_in_order_with_practice(told):
    assert [(held.job, held.steps, held.own) for held in told.jobs] == [
        ("a", 16, 16), ("b", 8, 8), ("c", 4, 4),
    ]  # fmt: skip
    assert told.jobs[0].job_hours == pytest.approx(16 * 30 / 3_600)
    assert told.jobs[1].job_hours is None
    assert told.jobs[0].span == 15.0  # seconds between its first and last decision


def test_competence_then_and_now(told):
    held = told.jobs[0]
    assert (held.first.mean, held.competent.mean, held.now.mean) == (4.0, 12.0, 14.0)
    assert (held.competent.step, held.best.mean, held.bar) == (12, 14.0, 10.0)
    assert told.jobs[2].competent is None and told.jobs[2].bar is None


def test_net_positive(told):
    """−6, −8, −6, −2 for "a"; −1, +5 for "b"; nobody does "c"."""
    a, b, c = told.jobs
    assert (a.balance.total, a.balance.since, a.balance.cost) == (-2.0, None, 8.0)
    assert (b.balance.total, b.balance.since) == (5.0, 8)
    half = 4.302653 / math.sqrt(3)  # Student's t, 2 degrees of freedom; one is their deviation
    assert b.balance.interval == pytest.approx((5 - 2 * half, 5 + 2 * half), abs=1e-5)
    assert shown.net(a).startswith("not yet: -2")
    assert shown.net(b) == "since 8 steps [4, 8]: +5 [+0.0317, +9.97] over 2 episodes"
    assert shown.net(c) == "not known: no incumbent"


def test_the_law_of_its_families(told):
    (family,) = told.families  # nothing is known of how long "c" takes
    assert (family.jobs, family.law.past) == (("a", "b"), 2)
    assert family.law.took == (Took(0, 8.0, 12.0), Took(1, 4.0, 8.0))


def test_episodes_that_were_cut_do_not_count(tmp_path):
    made = Made(tmp_path / "cut")
    made.job("a")
    made.note("a", {"rival": {"name": "rule", "returns": [10.0]}})
    made.episode("a", 99.0, end=End.CUT)
    (held,) = careers.career(made.close()).jobs
    assert held.balance is None
    assert shown.net(held) == "not known: no episode of its own has ended"


def test_without_checks_ten_episodes_count(tmp_path):
    made = Made(tmp_path / "own")
    made.job("a")
    made.note("a", {"rival": {"name": "rule", "returns": [10.0]}})
    for earned in [0.0] * 10 + [9.0] * 5 + [11.0] * 5 + [0.0] * 3:
        made.episode("a", earned)
    (held,) = careers.career(made.close()).jobs
    assert [(mark.step, mark.mean) for mark in held.marks] == [(40, 0.0), (80, 10.0)]
    assert (held.judged_by, held.competent.step) == ("episodes", 80)
    assert "ten episodes, exploring" in dict(shown.lines(held))["competent"]


def test_streams_side_by_side_are_not_mixed(tmp_path):
    """Two episodes at once, as a caller may have them."""
    with qs.hire(tmp_path / "side") as side:
        side.declare("a", gymnasium.spaces.Box(0, 1, (1,)), gymnasium.spaces.Discrete(2))
        side.tell_incumbent("a", 1.0)
        left, right = (side.decide([0.5], job="a", stream=name) for name in ("l", "r"))
        for decision, reward in ((left, 3.0), (right, 5.0)):
            side.reward(decision.id, reward)
            side.finish(decision.id)
        (held,) = qs.career(side).jobs  # open, and nothing is waiting to be written
    assert (held.balance.episodes, held.balance.total) == (2, 6.0)


def test_the_catalogues_incumbent_played_on_held_out_worlds(tmp_path):
    made = Made(tmp_path / "car")
    made.job("MountainCar-v0")
    made.episode("MountainCar-v0", -200.0)
    made.check("MountainCar-v0", [-200.0, -200.0])
    made.log.sync()
    told_of = careers.career(made.folder.path)
    assert told_of.jobs[0].incumbent == Rival("push the way it moves", (-119.5,))
    assert told_of.jobs[0].balance.interval is None
    made.note("MountainCar-v0", {"incumbent": {"first": 0, "returns": [-110.0, -120.0]}})
    (held,) = careers.career(made.close()).jobs
    assert (held.incumbent.mean, held.balance.total) == (-115.0, -85.0)
    assert held.balance.interval is not None
    assert held.bar == -130.0  # the threshold, not the incumbent


# ---- who does the job today, as a person tells it


def test_tell_incumbent(tmp_path):
    with qs.hire(tmp_path / "ada") as ada:
        ada.declare("a", gymnasium.spaces.Box(0, 1, (1,)), gymnasium.spaces.Discrete(2))
        ada.tell_incumbent("a", 7.0)
        ada.tell_incumbent("a", [1.0, 3.0], name="rule of thumb")
        decision = ada.decide([0.5], job="a")
        ada.reward(decision.id, 4.0)
        ada.finish(decision.id)
        with pytest.raises(UnknownJob):
            ada.tell_incumbent("b", 7.0)
        with pytest.raises(QuickstudyError, match="Came 'much' as a return"):
            ada.tell_incumbent("a", "much")
        with pytest.raises(QuickstudyError, match="Came no return of the incumbent 'x'"):
            ada.tell_incumbent("a", [], name="x")
    (held,) = qs.career(tmp_path / "ada").jobs
    assert held.incumbent == Rival("rule of thumb", (1.0, 3.0))
    assert (held.bar, held.balance.total) == (2.0, 2.0)


# ---- how it is told


def test_what_other_jobs_taught(tmp_path, capsys):
    made = Made(tmp_path / "bob")
    for name in ("kept", "dropped"):
        made.job(name)
        made.log.append(Kind.INHERITANCE, name, observation=[0.0], note={"from": ["a", "b"]})
        made.episode(name, 1.0)
    made.note("dropped", {"dropped": 3})
    path = made.close()
    kept, dropped = qs.career(path).jobs
    assert (kept.taught_by, kept.dropped_at) == (("a", "b"), None)
    assert dict(shown.lines(kept))["began with"] == "what a, b taught"
    told = "what a, b taught, and dropped it after 3 steps, for it did harm"
    assert dict(shown.lines(dropped))["began with"] == told
    assert main(["report", str(path), "dropped"]) == 0
    assert f"began with {told}" in capsys.readouterr().out


def test_what_others_were_checked_at_is_not_its_own(tmp_path):
    """A merged learner is not as good as its best parent was until it has shown it."""
    made = Made(tmp_path / "bob")
    made.job("a")
    made.note("a", {"rival": {"name": "rule", "returns": [1.0]}})
    for _ in range(careers.RUN):
        made.episode("a", 5.0)
    made.check("a", [5.0])
    told = list(made.log.read())
    parent = made.folder.about.uid
    made.close()
    heir = Made(tmp_path / "heir")
    union.append(heir.log, union.united([told]))
    (held,) = qs.career(heir.close()).jobs
    assert held.others == {parent: 4 * careers.RUN} and held.marks == ()
    assert dict(shown.lines(held))["competent"].startswith("not known: it was never checked")
    assert not report.of(heir.folder.path)[0].checks


@pytest.mark.parametrize("width", [40, 80, 160])
def test_told_in_terminals_of_any_width(told, width):
    out = io.StringIO()
    shown.show(told, Console(file=out, width=width, highlight=False, markup=False))
    said = " ".join(out.getvalue().split())
    assert said.isascii()
    assert max(map(len, out.getvalue().splitlines())) <= width
    for part in ("vera: 3 jobs held, 28 steps", "not known: no incumbent", "jobs like a, b"):
        assert part in said or (width == 160 and part.startswith("not known"))  # in two lines


def test_command_without_a_terminal(told, capsys):
    assert main(["career", str(told.path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("vera: 3 jobs held")
    assert "practice     16 steps, 8 min of the job's own time, over 15 s" in said


def test_command_as_json(told, capsys):
    assert main(["career", str(told.path), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["held", "held", "held", "law"]
    assert lines[0]["balance"]["total"] == -2.0
    assert lines[-1]["jobs"] == ["a", "b"] and lines[-1]["censored"] == 0


def test_report_tells_the_law_too(told, capsys):
    assert main(["report", str(told.path)]) == 0
    assert "jobs like a, b (2 measured): " in capsys.readouterr().out


def test_beside_a_learner_at_work(tmp_path):
    with qs.hire(tmp_path / "bea", seed=1) as bea:
        for _ in bea.work("probe/delayed", steps=5):
            pass
        assert qs.career(tmp_path / "bea").jobs[0].steps == 5


def test_of_nobody_and_of_one_who_never_worked(tmp_path, capsys):
    with pytest.raises(DamagedLearner, match="No learner lives in"):
        qs.career(tmp_path / "nobody")
    Made(tmp_path / "dan").close()
    assert main(["career", str(tmp_path / "dan")]) == 1
    assert "dan has not worked on any job yet" in capsys.readouterr().err


# ---- used to predict


def test_what_it_expects_of_the_next_job_like_these(tmp_path):
    with qs.hire(tmp_path / "ada", seed=0) as ada:
        assert careers.foretell(ada, "probe/both") is None  # its first job: nothing known
        for _ in ada.work("probe/both", steps=30, checks=1):
            pass
        kin, stranger = "probe/observation", "CartPole-v1"
        assert careers.foretell(ada, stranger) is None
        found = careers.foretell(ada, kin)
        assert found == careers.career(ada).families[0].law.next
