"""Several copies of a job at once: the same learner, the same log, a stream for each copy."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_learner import assert_same_mind, hired, opened

import quickstudy as qs
from quickstudy import report
from quickstudy.cli import main
from quickstudy.errors import BadObservation, JobFailed, QuickstudyError
from quickstudy.experience.event import Kind
from quickstudy.jobs import registry
from quickstudy.jobs.copies import Copies
from quickstudy.learner import held_out_seed
from quickstudy.types import End

DRIFT = "odd_jobs:Drift-v0"


def test_a_copy_lives_what_a_job_lives() -> None:
    job = registry.make(DRIFT)
    with Copies(DRIFT, job.spec, 2) as copies:
        shown = copies.reset({0: 5, 1: 6})
        assert shown[0].raw.tolist() == job.reset(5).raw.tolist() != shown[1].raw.tolist()
        waiting = shown[1].raw.tolist()
        for _ in range(10):
            alone = job.step(np.array([1.0]))
            step = copies.step({0: np.array([1.0])})[0]
            assert step.observation.raw.tolist() == alone.observation.raw.tolist()
            assert (step.reward, step.end) == (alone.reward, alone.end)
        assert step.end is End.TRUNCATED
        again = copies.reset({0: 5})  # the other goes on where it waited
        assert again[0].raw.tolist() == shown[0].raw.tolist()
        moved = copies.step({1: np.array([0.0])})[1].observation.raw
        assert moved.tolist() == pytest.approx([waiting[0] - 0.5] * 2)


def test_every_step_is_a_moment_and_every_episode_a_world(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a:
        moments = list(a.work(DRIFT, 95, checks=2, at_once=3))
        assert [moment.step for moment in moments] == list(range(1, 96))
        assert len([m for m in moments if m.check is not None]) == 2
        assert sum(m.end is End.TRUNCATED for m in moments) == 9
        worlds = a.worlds("Drift-v0")
        assert len(worlds) == a.episodes("Drift-v0") == 12
        assert not {held_out_seed("Drift-v0", i) for i in range(200)} & set(worlds)
        cut = [e for e in a.log.read(kinds=[Kind.OUTCOME]) if e.end is End.CUT]
        assert len(cut) == 3  # under way when the session was over
        assert next(iter(a.work(DRIFT, 1))).episode == 12  # alone again


def test_the_same_seed_lives_the_same_life_and_the_log_rebuilds_it(tmp_path: Path) -> None:
    for name in "ab":
        with hired(tmp_path / name) as learner:
            for _ in learner.work("CartPole-v1", 130, at_once=4):
                pass
            (told,) = report.of(learner.path, "CartPole-v1")
            until = [episode.until for episode in told.ended]
            assert len(until) > 1 and until == sorted(until)
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    for path in (tmp_path / "c").glob("mind.*"):
        path.unlink()
    with opened(tmp_path / "a") as a, opened(tmp_path / "b") as b, opened(tmp_path / "c") as c:
        assert_same_mind(a, b, "CartPole-v1")
        assert_same_mind(a, c, "CartPole-v1")


def test_masks_are_obeyed(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as a:
        assert len(list(a.work("odd_jobs:Masked-v0", 60, at_once=2))) == 60


@pytest.mark.parametrize(
    ("job", "error", "reason"),
    [
        ("Raises-v0", JobFailed, "KeyError.*valve 7"),
        ("NotFinite-v0", BadObservation, "finite"),
    ],
)
def test_a_copy_that_fails_says_so_and_what_was_lived_is_kept(
    job: str,
    error: type[QuickstudyError],
    reason: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with hired(tmp_path / "a") as a:
        with pytest.raises(error, match=reason):
            list(a.work(f"odd_jobs:{job}", 60, at_once=2))
        assert a.steps(job) in (14, 16)
    assert "Traceback" not in capfd.readouterr().err


def test_a_process_that_is_killed_is_noticed(tmp_path: Path) -> None:
    job = registry.make(DRIFT)
    with Copies(DRIFT, job.spec, 2) as copies:
        copies.reset({0: 1, 1: 2})
        os.kill(copies._envs.processes[1].pid, signal.SIGKILL)
        copies._envs.processes[1].join()
        with pytest.raises(JobFailed, match="is gone"):
            copies.step({0: np.array([1.0]), 1: np.array([1.0])})


def test_no_copies_are_too_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with hired(tmp_path / "a") as a, pytest.raises(QuickstudyError, match="0 copies at once"):
        list(a.work(DRIFT, 10, at_once=0))
    assert main(["work", DRIFT, "--at-once", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_mid_work_and_resumed_by_the_same_command(
    number: int, own_home: Path
) -> None:
    command = [sys.executable, "-m", "quickstudy", "work", "odd_jobs:Slow-v0", "--seed", "2"]
    command += ["--steps", "60", "--checks", "6", "--at-once", "2", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, start_new_session=True, **options) as child:
        child.stdout.readline()
        check = json.loads(child.stdout.readline())
        if number == signal.SIGKILL:
            child.kill()
        else:
            os.killpg(child.pid, number)  # as a terminal does: to the copies too
        _, err = child.communicate(timeout=60)
    assert "Traceback" not in err
    again = subprocess.run(command, env=environment, timeout=120, **options)
    assert again.returncode == 0, again.stderr
    with qs.open(own_home / "Slow-v0-2", readonly=True) as learner:
        assert learner.steps("Slow-v0") == 60
    assert json.loads(again.stdout.splitlines()[0])["steps"] >= check["saved"] > 0
