"""The appraisal: the bar, intervals, and what is yielded in which order."""

from __future__ import annotations

import numpy as np
import odd_jobs  # noqa: F401  (registers its environments)
import pytest

import quickstudy as qs
from quickstudy import appraisal
from quickstudy.appraisal import Bar, Checked, Examining, Standing, Started, Verdict
from quickstudy.errors import JobFailed
from quickstudy.jobs import incumbents
from quickstudy.jobs.entry import Entry, Incumbent
from quickstudy.jobs.registry import registry
from quickstudy.learner import Check, held_out_seed
from quickstudy.types import Moment

JOB = "Drift-v0"


def _entry(policy=None, **changes):
    import gymnasium

    known = {
        "name": JOB,
        "title": "drift",
        "make": lambda: gymnasium.make(JOB, disable_env_checker=True),
        "incumbent": Incumbent("pushes back", -3.0, policy),
    }
    return Entry(**{**known, **changes})


def _pushes_back(env):
    return lambda observation, info: int(observation[0] < 0)


@pytest.fixture
def ada(tmp_path):
    with qs.hire(tmp_path / "ada", seed=1) as learner:
        yield learner


# ---- the bar


def test_standing_paired_by_hand():
    held = Standing((3.0, 5.0), (1.0, 2.0), -9.0, None)
    assert (held.mean, held.incumbent, held.bar, held.difference) == (4.0, 1.5, 1.5, 2.5)
    assert held.is_paired and held.is_competent
    assert held.interval == (2.0, 3.0)  # paired: differences are 2 and 3


def test_standing_without_a_runnable_incumbent_uses_the_record():
    held = Standing((3.0, 5.0), None, 4.5, None)
    assert (held.incumbent, held.bar, held.is_paired, held.is_competent) == (4.5,) * 2 + (
        False,
        False,
    )


def test_standing_with_a_threshold_has_that_as_its_bar():
    held = Standing((3.0, 5.0), (9.0, 9.0), 9.0, 4.0)
    assert (held.incumbent, held.bar, held.is_competent) == (9.0, 4.0, True)
    assert held.interval == (-1.0, 1.0)


def test_standing_without_a_bar():
    held = Standing((3.0,), None, None, None)
    assert held.bar is held.is_competent is held.difference is held.interval is None


def test_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    covers = 0
    for _ in range(60):
        low, high = appraisal.interval(rng.normal(1.0, 2.0, size=20))
        covers += low <= 1.0 <= high
    assert 49 <= covers <= 60


def test_usual_checks():
    assert [appraisal.usual_checks(n) for n in (1, 399, 4_000, 50_000)] == [1, 1, 10, 20]


# ---- the incumbent


def test_incumbent_plays_the_worlds_that_are_given():
    entry = _entry(_pushes_back)
    seeds = [held_out_seed(JOB, world) for world in range(3)]
    returns = incumbents.returns(entry, seeds)
    assert returns == incumbents.returns(entry, seeds[:2]) + incumbents.returns(
        entry, seeds[2:]
    )
    assert len(set(returns)) == 3
    assert min(returns) > -40  # pushing away from zero earns less than -100


def test_incumbent_that_cannot_be_run_has_no_returns():
    assert incumbents.returns(_entry(None), [1, 2]) is None


def test_incumbent_that_raises_is_a_job_that_failed():
    def broken(env):
        raise KeyError("valve")

    with pytest.raises(JobFailed, match=r"incumbent of job 'Drift-v0'.*KeyError.*valve"):
        incumbents.returns(_entry(broken), [1])


def test_bar_plays_each_world_once_and_notes_it(ada):
    played = []

    def counting(env):
        played.append(1)
        return _pushes_back(env)

    ada.decide(np.zeros(2, np.float32), job=JOB)
    bar = Bar(_entry(counting), ada)
    first = bar.hold(Check(10, (-1.0, -2.0)))
    again = bar.hold(Check(20, (-1.0, -2.0, -3.0)))
    assert len(played) == 3
    assert again.rival[:2] == first.rival


def test_bar_falls_back_on_the_record_where_the_incumbent_is_broken(ada):
    def broken(env):
        raise RuntimeError("no licence")

    held = Bar(_entry(broken), ada).hold(Check(10, (-1.0, -2.0)))
    assert (held.incumbent, held.is_paired) == (-3.0, False)


# ---- work


def test_work_yields_everything_in_order(ada):
    events = list(appraisal.work(ada, "probe/delayed", steps=20, checks=2))
    kinds = [type(event) for event in events if not isinstance(event, Moment)]
    assert kinds == [Started, Checked, Checked, Examining, Verdict]
    moments = [event for event in events if isinstance(event, Moment)]
    assert [moment.step for moment in moments] == list(range(1, 21))
    started, verdict = events[0], events[-1]
    assert (started.done, started.until, started.bar) == (0, 20, 1.0)
    assert (verdict.steps, verdict.saved, verdict.episodes) == (20, 20, 4)
    assert len(verdict.standing.returns) == appraisal.EXAM_MOST
    checks = ada.checks("probe/delayed")
    assert [check.first for check in checks] == [0, 0, appraisal.EXAM_FIRST]
    first = [c.step for c in checks[:2] if c.mean >= 1.0][:1]
    assert [verdict.competent_at] == (first or [None])


def test_work_that_was_left_is_taken_up_again(ada):
    events = appraisal.work(ada, "probe/delayed", steps=30, checks=0)
    for event in events:
        if isinstance(event, Moment) and event.step == 12:
            break
    events.close()
    assert appraisal.unfinished(ada, "probe/delayed", 30).start == 0
    assert appraisal.unfinished(ada, "probe/delayed", 31) is None
    resumed = list(appraisal.work(ada, "probe/delayed", steps=30, checks=0))
    assert resumed[0].done == 12
    assert sum(isinstance(event, Moment) for event in resumed) == 18
    assert appraisal.unfinished(ada, "probe/delayed", 30) is None


def test_work_that_lacks_only_its_exam_gets_that(ada):
    for _ in ada.work("probe/delayed", steps=20):
        pass
    assert appraisal.unfinished(ada, "probe/delayed", 20) is not None
    kinds = [type(event) for event in appraisal.work(ada, "probe/delayed", steps=20)]
    assert kinds == [Started, Examining, Verdict]


def test_exam_is_long_where_episodes_are_short(ada):
    for _ in ada.work(JOB, steps=20):
        pass
    assert ada.spec(JOB).max_steps == 10
    assert appraisal.exam_worlds(ada, JOB) == 20


def test_default_job_is_in_the_catalogue():
    from quickstudy.cli import DEFAULT_JOB

    entry = {e.name: e for e in registry().entries()}[DEFAULT_JOB]
    assert entry.budget_steps == 4_000
    assert entry.incumbent.policy is not None
