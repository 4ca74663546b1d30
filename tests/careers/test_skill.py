"""Skills as files: what is handed on acts as it did, and what does not fit is refused."""

from __future__ import annotations

import functools
import hashlib
import json
import zipfile
from dataclasses import asdict

import gymnasium
import numpy as np
import pytest

import quickstudy as qs
from quickstudy import life
from quickstudy.careers import skill
from quickstudy.cli import main
from quickstudy.errors import (
    BadSkill,
    CannotMerge,
    DamagedLearner,
    DiskTrouble,
    QuickstudyError,
    SpecChanged,
    UnknownJob,
)
from quickstudy.experience import union
from quickstudy.experience.folder import Folder
from quickstudy.mind import pool
from tests.test_inheritance import practised
from tests.test_learner import assert_same_mind, hired, opened

JOB, LICENCE = "probe/both", "CC BY 4.0, Ada's Taxis"


def practise(path, steps=40, seed=3, job=JOB):
    with qs.hire(path, seed=seed) as learner:
        for _ in learner.work(job, steps=steps):
            pass
    return path


def answers(path, job=JOB):
    """What a learner does and expects in some situations, frozen."""
    with qs.open(path) as learner:
        width = learner.spec(job).raw_size
        rng = np.random.default_rng(0)
        shown = [learner.decide(x, job=job, explore=False, record=False)
                 for x in rng.uniform(-1, 1, (8, width)).astype(np.float32)]  # fmt: skip
    return [(one.flat.tolist(), asdict(one.value), one.leader) for one in shown]


def events_of(path):
    with Folder.open(path, readonly=True) as folder:
        return len(folder.log)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A giver, and the file with its skill."""
    home = tmp_path_factory.mktemp("giver")
    ada = practise(home / "ada")
    skill.export(ada, JOB, home / "both.skill", LICENCE)
    return ada, home / "both.skill"


@pytest.fixture
def bea(tmp_path):
    qs.hire(tmp_path / "bea", seed=8).close()
    return tmp_path / "bea"


def repacked(file, to, **changes):
    """The file with some of its parts changed, or left out (None)."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = changes.get(name.replace(".", "_"), old.read(name))
            if content is not None:
                new.writestr(name, content)
    return to


# ---- given and taken


def test_the_receiver_acts_as_the_giver_did(given, bea):
    ada, file = given
    taken = skill.take_in(file, bea)
    assert taken.events > 80 and taken.about.steps == 40
    assert answers(bea) == answers(ada)
    (bea / "mind.json").unlink()  # from experience alone
    assert answers(bea) == answers(ada)


def test_the_cache_spares_studying(given, bea, monkeypatch):
    def studied(*_):
        raise AssertionError("it studied again")

    monkeypatch.setattr(life, "absorb", studied)
    skill.take_in(given[1], bea)
    assert answers(bea) == answers(given[0])


@pytest.mark.parametrize("changes", [{"mind_eqx": None, "mind_json": None},
                                     {"mind_json": b"{"}, {"mind_eqx": b"rot"}])  # fmt: skip
def test_without_a_usable_cache_it_studies(given, bea, tmp_path, changes):
    file = repacked(given[1], tmp_path / "bare.skill", **changes)
    skill.take_in(file, bea)
    assert answers(bea) == answers(given[0])


def test_learning_goes_on_and_is_replayed_exactly(given, bea):
    skill.take_in(given[1], bea)
    with qs.open(bea) as learner:
        assert (learner.steps(JOB), learner.seed) == (40, 8)
        for _ in learner.work(JOB, steps=20):
            pass
    before = answers(bea)
    (bea / "mind.json").unlink()
    assert answers(bea) == before != answers(given[0])


def test_own_experience_of_the_job_is_pooled(given, tmp_path):
    cleo = practise(tmp_path / "cleo", steps=30, seed=5)
    qs.merge([given[0], cleo], into=tmp_path / "both", force=True).close()
    skill.take_in(given[1], cleo)
    with qs.open(cleo) as learner:
        assert learner.steps(JOB) == 70
    assert answers(cleo) == answers(tmp_path / "both")  # as in a merger
    (held,) = qs.career(cleo).jobs
    assert (held.steps, held.own) == (70, 30)


@pytest.mark.parametrize("changes", [{}, {"mind_json": None}])
def test_a_skill_that_began_with_what_another_job_taught(tmp_path, monkeypatch, changes):
    """What was taught is an event of the job, so the other job need not come along."""
    monkeypatch.setattr("quickstudy.learner.FIT_TO_TEACH", 100)
    short = functools.partial(pool.Settings, updates=100, batch=32)
    monkeypatch.setattr(pool, "Settings", short)
    with hired(tmp_path / "ada") as ada:
        practised(ada, "left", 150)
        practised(ada, "right", 40)
        assert ada.taught_by("right") == ("left",)
        settings = ada._settings
    hired(tmp_path / "bea", seed=1).close()
    skill.export(tmp_path / "ada", "right", tmp_path / "whole.skill", settings=settings)
    file = repacked(tmp_path / "whole.skill", tmp_path / "right.skill", **changes)
    skill.take_in(file, tmp_path / "bea", settings)
    with opened(tmp_path / "ada") as ada, opened(tmp_path / "bea") as bea:
        assert bea.jobs == ("right",)
        assert_same_mind(ada, bea, "right")


def test_other_jobs_stay_as_they_are(given, tmp_path):
    cleo = practise(tmp_path / "cleo", steps=30, seed=5, job="probe/delayed")
    alone = answers(cleo, "probe/delayed")
    skill.take_in(given[1], cleo)
    assert answers(cleo, "probe/delayed") == alone
    assert answers(cleo) == answers(given[0])


def test_taken_twice_is_taken_once(given, bea, capsys):
    assert main(["import", str(given[1]), "--into", str(bea)]) == 0
    held, acts = events_of(bea), answers(bea)
    capsys.readouterr()
    assert main(["import", str(given[1]), "--into", str(bea)]) == 0
    assert "in this file already; nothing was changed" in capsys.readouterr().out
    assert (events_of(bea), answers(bea)) == (held, acts)


def test_back_to_the_giver_changes_nothing(given):
    assert skill.take_in(given[1], given[0]).events == 0


def test_what_came_later_can_be_taken_later(bea, tmp_path):
    ada = practise(tmp_path / "ada")
    skill.export(ada, JOB, tmp_path / "early.skill")
    skill.take_in(tmp_path / "early.skill", bea)
    with qs.open(ada) as learner:
        for _ in learner.work(JOB, steps=20):
            pass
    skill.export(ada, JOB, tmp_path / "late.skill")
    skill.take_in(tmp_path / "late.skill", bea)
    assert answers(bea) == answers(ada)


def test_terms_and_provenance_travel_on(given, bea, tmp_path, capsys):
    """Through bea to cleo; both know whose it was, and on what terms."""
    skill.take_in(given[1], bea)
    skill.export(bea, JOB, tmp_path / "again.skill", "ask Bea")
    cleo = tmp_path / "cleo"
    qs.hire(cleo, seed=1).close()
    skill.take_in(tmp_path / "again.skill", cleo)
    assert answers(cleo) == answers(given[0])
    (held,) = qs.career(cleo).jobs
    assert (held.own, held.steps) == (0, 40)
    assert {(s.learner, s.licence) for s in held.sources} == {("ada", LICENCE),
                                                              ("bea", "ask Bea")}  # fmt: skip
    assert main(["career", str(cleo)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "40 steps (0 of its own, 40 of ada's)" in said and f"licence: {LICENCE}" in said
    assert not qs.career(cleo).families  # it did not learn that itself


def test_the_file_says_what_it_is(given):
    with zipfile.ZipFile(given[1]) as file:
        said = json.loads(file.read("skill.json"))
    assert (said["job"], said["learner"], said["steps"]) == (JOB, "ada", 40)
    assert (said["licence"], said["version"]) == (LICENCE, qs.__version__)
    assert skill.read(given[1]).uid == said["uid"] == next(iter(said["seeds"]))


def test_commands(bea, tmp_path, capsys):
    ada, file = practise(tmp_path / "ada", steps=5), tmp_path / "both.skill"
    assert main(["export", str(ada), "--job", JOB, "--to", str(file), "--licence", "mine"]) == 0
    assert "ada's skill on probe/both, 5 steps; licence: mine" in capsys.readouterr().out
    assert main(["import", str(file), "--into", str(bea), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["event"], told["into"], told["about"]["job"]) == ("import", "bea", JOB)
    assert main(["export", str(ada), "--job", JOB, "--to", str(file)]) == 1
    assert "exists already; give another --to" in capsys.readouterr().err


def test_a_giver_at_work(bea, tmp_path):
    with qs.hire(tmp_path / "ada", seed=2) as ada:
        for _ in ada.work(JOB, steps=9):
            pass
        skill.export(tmp_path / "ada", JOB, tmp_path / "now.skill")
    assert skill.take_in(tmp_path / "now.skill", bea).about.steps == 9


# ---- refused


def refused(error, match, file, into):
    """Says why, in one line; and the receiver is as it was."""
    held = events_of(into)
    with pytest.raises(error, match=match) as caught:
        skill.take_in(file, into)
    assert "\n" not in str(caught.value)
    assert events_of(into) == held


def test_another_job_of_that_name(given, tmp_path):
    with qs.hire(tmp_path / "dan") as dan:
        dan.declare(JOB, gymnasium.spaces.Box(0, 1, (9,)), gymnasium.spaces.Discrete(2))
    refused(SpecChanged, "another job as 'probe/both' than .* the observation", given[1],
            tmp_path / "dan")  # fmt: skip


def test_not_a_skill_file(bea, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    refused(BadSkill, "is not a skill file", tmp_path / "notes.txt", bea)
    (tmp_path / "empty").write_bytes(b"")
    refused(BadSkill, "is not a skill file", tmp_path / "empty", bea)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("a", "b")
    refused(BadSkill, "no skill file: it lacks skill.json", tmp_path / "other.zip", bea)
    refused(BadSkill, "There is no file", tmp_path / "missing", bea)
    refused(DiskTrouble, "cannot be read", tmp_path, bea)


def test_a_newer_format(given, bea, tmp_path):
    with zipfile.ZipFile(given[1]) as file:
        about = json.loads(file.read("skill.json")) | {"format": 2, "new": 1}
    file = repacked(given[1], tmp_path / "new.skill", skill_json=json.dumps(about))
    refused(BadSkill, "has format 2, this Quickstudy reads up to 1; upgrade", file, bea)


def test_damage_anywhere(given, bea, tmp_path):
    """Bytes that rot, or an end that is missing; what only the cache had is not missed."""
    whole = given[1].read_bytes()
    bad, rng = tmp_path / "bad.skill", np.random.default_rng(0)
    for end in (10, len(whole) // 2, len(whole) - 1):
        bad.write_bytes(whole[:end])
        refused(BadSkill, "is damaged|is not a skill", bad, bea)
    for place in rng.integers(len(whole), size=25):
        rotten = bytearray(whole)
        rotten[place] ^= 0x55
        bad.write_bytes(rotten)
        try:
            assert skill.read(bad) == skill.read(given[1])
        except BadSkill as error:
            assert "\n" not in str(error)


def test_parts_that_do_not_belong_together(given, bea, tmp_path):
    other = practise(tmp_path / "ed", steps=5, job="probe/delayed")
    with qs.open(other) as ed:  # a second job, of which the file is not to tell
        ed.decide(np.zeros(ed.spec(JOB).raw_size, np.float32), job=JOB)
        everything = skill._log_of(union.read(ed.log), ed.uid, tmp_path / "all.db")
    skill.export(other, "probe/delayed", tmp_path / "other.skill")
    with zipfile.ZipFile(tmp_path / "other.skill") as file:
        log = file.read("experience.db")
    file = repacked(given[1], tmp_path / "mixed.skill", experience_db=log)
    refused(BadSkill, "its experience is not what it was", file, bea)
    with zipfile.ZipFile(given[1]) as whole:
        about = json.loads(whole.read("skill.json"))
    for forged in (log, everything):
        about["experience"] = hashlib.sha256(forged).hexdigest()
        file = repacked(given[1], tmp_path / "forged.skill", experience_db=forged,
                        skill_json=json.dumps(about))  # fmt: skip
        refused(BadSkill, "its events are not those of job 'probe/both'", file, bea)
    for nonsense in (b'{"format": 1}', b"[1]", json.dumps(about | {"seeds": {"a": "b"}})):
        file = repacked(given[1], tmp_path / "no.skill", skill_json=nonsense)
        refused(BadSkill, "skill.json makes no sense", file, bea)


def test_a_job_the_giver_never_had(given, tmp_path, capsys):
    with pytest.raises(UnknownJob, match=r"ada never worked on job 'probe/bth'. Did you mean"):
        skill.export(given[0], "probe/bth", tmp_path / "x.skill")
    with qs.open(given[0]) as ada:
        ada.declare("idle", gymnasium.spaces.Box(0, 1, (1,)), gymnasium.spaces.Discrete(2))
    with pytest.raises(UnknownJob, match="It worked on: probe/both"):
        skill.export(given[0], "idle", tmp_path / "x.skill")
    assert not (tmp_path / "x.skill").exists()


def test_an_older_copy_of_the_giver_itself(given, tmp_path):
    import shutil

    ada = practise(tmp_path / "ada", steps=5)
    shutil.copytree(ada, tmp_path / "backup")
    with qs.open(ada) as learner:
        for _ in learner.work(JOB, steps=5):
            pass
    skill.export(ada, JOB, tmp_path / "new.skill")
    refused(CannotMerge, "older copy", tmp_path / "new.skill", tmp_path / "backup")


def test_into_nobody_and_to_nowhere(given, tmp_path):
    with pytest.raises(DamagedLearner, match="No learner lives in"):
        skill.take_in(given[1], tmp_path / "nobody")
    with pytest.raises(DiskTrouble, match="cannot be written"):
        skill.export(given[0], JOB, tmp_path / "missing" / "x.skill")


def test_a_disk_that_fills_leaves_the_receiver_as_it_was(given, bea, monkeypatch):
    import apsw

    from quickstudy.experience.log import Log

    real, room = Log._write, 50

    def fills(self, group, names):
        nonlocal room
        if len(group) > room:
            raise apsw.FullError("full")
        real(self, group, names)
        room -= len(group)

    before = events_of(bea)
    with monkeypatch.context() as patch:
        patch.setattr(Log, "_write", fills)
        patch.setattr("quickstudy.experience.log.MOST_WAITING_ROWS", 20)
        with pytest.raises(QuickstudyError, match="Make room"):
            skill.take_in(given[1], bea)
    assert events_of(bea) == before
    skill.take_in(given[1], bea)
    assert answers(bea) == answers(given[0])
