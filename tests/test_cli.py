"""The command line: what it prints, what it keeps, how it fails and how it stops."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import quickstudy as qs
from quickstudy import appraisal, cli, listing, roster, screens, words
from quickstudy.cli import main
from quickstudy.experience.folder import Folder
from quickstudy.types import Decision, End, Moment, Value
from quickstudy.view import View

TESTS = Path(__file__).parent
LAST_LINE = {
    "event", "job", "learner", "seed", "steps", "session_steps", "job_hours", "return",
    "returns", "incumbent", "incumbent_on_same_worlds", "bar", "competent", "difference",
    "interval", "random", "competent_at_steps", "competent_at_job_hours", "leader",
    "episodes", "saved", "seconds", "cpu_seconds", "steps_per_second",
}  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QUICKSTUDY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(home, capsys):
    """Runs a command in this process: exit code, lines on stdout, text on stderr."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err

    return run


def _json(lines):
    return [json.loads(line) for line in lines]


def _without_clock(lines):
    return [
        {key: value for key, value in line.items() if key not in screens.OF_THE_CLOCK}
        for line in _json(lines)
    ]


# ---- work


def test_json_lines_and_what_is_on_disk(run, home):
    code, out, err = run("work", "CartPole-v1", "--steps", 40, "--seed", 7, "--json",
                         "--checks", 2)  # fmt: skip
    lines = _json(out)
    assert (code, err) == (0, "")
    events = [line["event"] for line in lines if line["event"] != "competent"]
    assert events == ["start", "check", "check", "end"]
    last = lines[-1]
    assert set(last) == LAST_LINE
    assert (last["job"], last["learner"], last["seed"]) == ("CartPole-v1", "CartPole-v1-7", 7)
    assert last["steps"] == last["saved"] == 40
    assert (last["incumbent"], last["bar"], last["competent"]) == (None, 475.0, False)
    assert last["return"] == pytest.approx(np.mean(last["returns"]))
    assert last["interval"][0] <= last["difference"] <= last["interval"][1]
    assert not list(home.glob("*/*.png"))


def test_incumbent_plays_the_same_worlds(run):
    code, out, _ = run("work", "MountainCar-v0", "--steps", 20, "--json", "--checks", 0)
    last = _json(out)[-1]
    assert code == 0
    assert last["incumbent_on_same_worlds"]
    assert (last["return"], last["bar"], last["competent"]) == (-200.0, -130.0, False)
    assert -135 < last["incumbent"] < -105


def test_seed_makes_a_run_repeatable(run, home, tmp_path, monkeypatch):
    command = ("work", "odd_jobs:Drift-v0", "--steps", 30, "--seed", 5, "--json")
    first = run(*command)[1]
    monkeypatch.setenv("QUICKSTUDY_HOME", str(tmp_path / "other"))
    assert _without_clock(run(*command)[1]) == _without_clock(first)


def test_a_second_run_shows_learning_again(run, home):
    command = ("work", "odd_jobs:Drift-v0", "--steps", 5, "--seed", 5, "--json")
    runs = [_json(run(*command)[1])[-1] for _ in range(3)]
    names = [last["learner"] for last in runs]
    assert names == ["Drift-v0-5", "Drift-v0-5.2", "Drift-v0-5.3"]
    assert [last["steps"] for last in runs] == [5, 5, 5]


def test_a_second_run_says_so(run):
    command = ("work", "odd_jobs:Drift-v0", "--steps", 3, "--plain")
    run(*command)
    said = run(*command)[1][0]
    assert "Drift-v0 worked here before" in said
    assert "--learner Drift-v0 " in said and "Hired Drift-v0.2" in said


def test_a_named_learner_goes_on(run):
    run("work", "odd_jobs:Drift-v0", "--steps", 5, "--learner", "ada", "--json")
    last = _json(
        run("work", "odd_jobs:Drift-v0", "--steps", 4, "--learner", "ada", "--json")[1]
    )
    assert (last[0]["steps"], last[-1]["steps"], last[-1]["session_steps"]) == (5, 9, 4)


def test_a_seed_that_is_not_the_learners(run):
    run("work", "odd_jobs:Drift-v0", "--steps", 3, "--learner", "ada", "--seed", 1, "--json")
    code, _, err = run("work", "odd_jobs:Drift-v0", "--learner", "ada", "--seed", 2, "--plain")
    assert code == 1
    assert "'ada' has seed 1, and came --seed 2" in err


def test_several_jobs_by_one_learner(run, home):
    out = run("work", "odd_jobs:Drift-v0", "probe/delayed", "--steps", 4, "--json")[1]
    ends = [line for line in _json(out) if line["event"] == "end"]
    assert [line["job"] for line in ends] == ["Drift-v0", "probe/delayed"]
    assert {line["learner"] for line in ends} == {"Drift-v0-then-probe-delayed"}


def test_sentences_are_ascii_and_end_with_a_report(run, home):
    code, out, err = run("work", "MountainCar-v0", "--steps", 20, "--plain", "--seed", 1)
    said = "\n".join(out)
    assert (code, err) == (0, "")
    assert said.isascii()
    for part in ("Hired MountainCar-v0-1 (seed 1)", "incumbent (push the way it moves)",
                 "Working 20 steps", "step 20 of 20: check -200.0, bar -130.0",
                 "20 steps saved", "not competent yet", "95 % interval", "first there  at no",
                 "quickstudy report MountainCar-v0-1"):  # fmt: skip
        assert part in said, part
    assert (home / "MountainCar-v0-1" / "MountainCar-v0.png").exists()


def test_out_says_where_the_curves_go(run, tmp_path):
    path = tmp_path / "curves.png"
    code, _, _ = run("work", "odd_jobs:Drift-v0", "--steps", 3, "--json", "--out", path)
    assert code == 0 and path.read_bytes().startswith(b"\x89PNG")


# ---- stopping


def _start(home, *arguments, **more):
    environment = {**os.environ, "QUICKSTUDY_HOME": str(home), "PYTHONPATH": str(TESTS)}
    return subprocess.Popen(
        [sys.executable, "-m", "quickstudy", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**environment, **more},
    )  # fmt: skip


COMMAND = ("work", "odd_jobs:Slow-v0", "--steps", 40, "--seed", 2, "--checks", 4, "--json")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_stopped_in_mid_work_and_resumed_by_the_same_command(number, run, home):
    with _start(home, *COMMAND) as child:
        assert json.loads(child.stdout.readline())["event"] == "start"
        check = json.loads(child.stdout.readline())
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
    seen = _json([*out.splitlines()])
    acknowledged = max([check["saved"], *(line.get("saved", 0) for line in seen)])
    if number == signal.SIGKILL:
        assert child.returncode == -number
    else:
        assert child.returncode == 128 + number
        last = seen[-1]
        assert (last["event"], last["saved"], last["of"]) == ("interrupted", last["done"], 40)
        assert last["command"].startswith(
            "quickstudy work odd_jobs:Slow-v0 --learner Slow-v0-2"
        )
        assert "Traceback" not in err
    with Folder.open(home / "Slow-v0-2", readonly=True) as folder:
        assert folder.log.verify().is_sound
    code, out, err = run(*COMMAND)
    lines = _json(out)
    assert (code, err) == (0, "")
    assert (lines[0]["learner"], lines[0]["until"]) == ("Slow-v0-2", 40)
    assert acknowledged <= lines[0]["steps"] < 40
    assert (lines[-1]["steps"], lines[-1]["saved"]) == (40, 40)


QUIET = [("jobs", "--json"), ("--help",), ("jobs", "--oops", "--json")]


@pytest.mark.parametrize("command", QUIET)
def test_nobody_reads(command, home):
    with _start(home, *command) as child:
        child.stdout.close()
        said = child.stderr.read()
    assert child.returncode in (cli.BROKEN_PIPE, 2)
    assert "Traceback" not in said and "BrokenPipe" not in said


# ---- errors


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["CartPol-v1"], 2, ["Unknown job 'CartPol-v1'", "Did you mean 'CartPole-v1'"]),
        (["nowhere:It-v0"], 2, ["module 'nowhere'", "install the package"]),
        (["CartPole-v1", "--steps", "0"], 2, ["--steps", "came '0'", "at least 1"]),
        (["CartPole-v1", "--steps", "-5"], 2, ["--steps", "came '-5'", "at least 1"]),
        (["CartPole-v1", "--steps", "abc"], 2, ["--steps", "came 'abc'", "a whole number"]),
        (["CartPole-v1", "--stepz", "5"], 2, ["--stepz"]),
        (["CartPole-v1", "--learner", ".hidden"], 1, ["cannot be called '.hidden'"]),
        (["odd_jobs:NotFinite-v0", "--steps", "30"], 4, ["'NotFinite-v0'", "nan", "finite"]),
        (["odd_jobs:Raises-v0", "--steps", "30"], 5, ["KeyError", "valve 7", "step 8"]),
        (["odd_jobs:Wordy-v0", "--steps", "30"], 3, ["said", "Text"]),
    ],
)
def test_a_mistake_gets_one_sentence(arguments, code, parts, run):
    got, out, err = run("work", *arguments, "--json", "--checks", "0")
    assert got == code
    assert err.startswith("quickstudy: ") and err.count("\n") == 1
    last = json.loads(out[-1])
    assert (last["event"], last["exit_code"]) == ("error", code)
    for part in parts:
        assert part in err, part
        assert part in last["message"]


def test_what_was_worked_before_a_job_failed_is_kept(run, home):
    run("work", "odd_jobs:Raises-v0", "--steps", 30, "--checks", 0, "--json")
    with qs.open(home / "Raises-v0") as learner:
        assert learner.steps("Raises-v0") == 8


def test_a_job_that_changed(run, monkeypatch):
    command = ("work", "odd_jobs:Changing-v0", "--steps", 3, "--learner", "ada", "--plain")
    assert run(*command)[0] == 0
    monkeypatch.setenv("ODD_WIDTH", "5")
    code, _, err = run(*command)
    assert code == 6
    assert "Changing-v0" in err and "2" in err and "5" in err


def test_a_learner_in_use(run, home):
    with qs.hire(home / "ada"):
        code, _, err = run("work", "odd_jobs:Drift-v0", "--learner", "ada", "--plain")
    assert code == 8
    assert "in use by" in err and "stop it or wait" in err


def test_a_foreign_folder(run, home):
    (home / "ada").mkdir(parents=True)
    (home / "ada" / "thesis.tex").write_text("precious")
    code, _, err = run("work", "odd_jobs:Drift-v0", "--learner", "ada", "--plain")
    assert code == 7
    assert "no learner's folder" in err and "nothing was touched" in err
    assert [path.name for path in (home / "ada").iterdir()] == ["thesis.tex"]


def test_a_damaged_folder(run, home):
    run("work", "odd_jobs:Drift-v0", "--steps", 3, "--learner", "ada", "--json")
    (home / "ada" / "experience.db").write_bytes(b"not a database at all" * 400)
    code, _, err = run("work", "odd_jobs:Drift-v0", "--learner", "ada", "--plain")
    assert code == 7
    assert "experience.db" in err


def test_a_bug_is_called_one(run, monkeypatch):
    monkeypatch.setattr(roster, "arrive", lambda *_: 1 / 0)
    code, _, err = run("work", "odd_jobs:Drift-v0", "--plain")
    assert code == cli.BUG
    assert "ZeroDivisionError: division by zero" in err and "QUICKSTUDY_DEBUG=1" in err
    monkeypatch.setenv("QUICKSTUDY_DEBUG", "1")
    assert "Traceback" in run("work", "odd_jobs:Drift-v0", "--plain")[2]


def test_stopped_before_any_work(run, monkeypatch):
    def arrive(*_):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(roster, "arrive", arrive)
    code, out, err = run("work", "probe/constant", "--json")
    assert code == 130 and "Stopped before work began" in err
    assert json.loads(out[-1])["event"] == "error"


def test_out_takes_one_job(run):
    code, _, err = run(
        "work", "odd_jobs:Drift-v0", "probe/delayed", "--out", "x.png", "--plain"
    )
    assert code == 1 and "--out with 2 jobs" in err


# ---- the other commands


def test_jobs_as_json(run):
    jobs = {line["job"]: line for line in _json(run("jobs", "--json")[1])}
    default = jobs[cli.DEFAULT_JOB]
    assert default["incumbent_name"] == "shipped heuristic"
    assert default["step_seconds"] == 30
    assert all(
        job["installed"] or job["install"].startswith("pip install") for job in jobs.values()
    )
    assert not any(name.startswith("probe/") for name in jobs)
    assert any("probe/both" in line for line in run("jobs", "--probes", "--json")[1])


@pytest.mark.parametrize("width", [40, 80, 140])
def test_jobs_fit_the_terminal(width):
    out = io.StringIO()
    listing.show(listing.entries(), Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any("anaesthetist" in line for line in lines)


def test_check_prints_findings(run):
    code, out, _ = run("check", "CartPole-v1")
    assert code == 0 and out[0] == "Job 'CartPole-v1':" and len(out) > 5
    code, out, err = run("check", "odd_jobs:NotFinite-v0")
    assert code == 5 and "failed" in "\n".join(out) and "NotFinite-v0" in err


def test_doctor_puts_the_ill_first(run):
    code, out, err = run("doctor", "probe/constant")
    assert code == 1 and out[0] == "Job 'probe/constant':"
    results = [line.split()[0] for line in out[1:]]
    assert results[0] == "ill" and results == sorted(results, key=["ill", "noted", "ok"].index)
    assert err.startswith("quickstudy: Job 'probe/constant' is ill in") and "effect" in err
    assert err.isascii() and all(line.isascii() for line in out)


def test_doctor_as_json(run):
    code, out, err = run("doctor", "probe/both", "--json")
    lines = _json(out)
    assert (code, err) == (0, "")
    assert {line["event"] for line in lines} == {"finding"}
    assert all(set(line) == {"event", "name", "result", "evidence", "advice"} for line in lines)
    assert len({line["name"] for line in lines}) == len(lines)


def test_doctor_of_nobody(run):
    code, out, err = run("doctor", "CartPol-v1")
    assert code == 2 and not out and "Did you mean 'CartPole-v1'" in err


def test_verdict_on_a_job_that_is_deaf(run):
    code, out, err = run("verdict", "odd_jobs:Deaf-v0")
    assert code == 1 and out[0].startswith("Deaf-v0: wrong direction (actions): nothing")
    assert any(line.split()[:2] == ["ill", "actions:"] for line in out)
    assert err.startswith("quickstudy: Job 'Deaf-v0': wrong direction (actions)")
    code, out, err = run("verdict", "odd_jobs:Deaf-v0", "--json")
    (line, error) = _json(out)
    assert (line["event"], line["kind"], line["ingredient"]) == (
        "verdict",
        "direction",
        "actions",
    )
    assert error["exit_code"] == code == 1


@pytest.mark.parametrize(
    "command",
    [
        "work",
        "jobs",
        "report",
        "check",
        "exam",
        "replay",
        "compare",
        "levels",
        "doctor",
        "verdict",
        "serve",
    ],
)
def test_help_mentions_every_option_and_has_an_example(command, run):
    import typer

    code, out, _ = run(command, "--help")
    said = "\n".join(out)
    assert code == 0
    assert re.search(rf"^ *quickstudy {command}", said, re.MULTILINE)
    for parameter in typer.main.get_command(cli.app).commands[command].params:
        for name in parameter.opts:
            if name.startswith("-"):
                assert re.search(rf"{re.escape(name)}\b.*\w", said), name


def test_help_and_jobs_need_no_jax():
    look = (
        "import sys; from quickstudy.cli import main; main(['jobs', '--json']); "
        "main(['--help']); sys.exit('jax' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", look], stdout=subprocess.DEVNULL).returncode == 0
    )


# ---- the live view


def _session(**changes):
    known = {
        "job": "anaesthetist", "title": "Keep patients asleep", "note": "No advice.",
        "learner": "ada", "seed": 7, "start": 0, "steps": 400, "done": 0, "checks": 2,
        "incumbent": "rule", "incumbent_score": 100.0, "threshold": None,
        "random_score": -100.0, "step_seconds": 30.0,
    }  # fmt: skip
    return appraisal.Started(**{**known, **changes})


def _moment(step, earned=None):
    decision = Decision(step, 0, np.zeros(1), Value(5.0, 1.5, 0.25), "judgement", False)
    end = End.NOT if earned is None else End.TRUNCATED
    return Moment("anaesthetist", step, step, 0, 1.0, earned or 0.0, end, decision)


def _checked(step, *returns):
    standing = appraisal.Standing(returns, (90.0,) * len(returns), 100.0, None)
    is_first = standing.is_competent
    return appraisal.Checked(_moment(step), standing, step, is_first, "judgement", 2, 1.0, 1.0)


def _film(width, height, encoding="utf-8", **environment):
    """Everything that the view wrote for a short session."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(
        file=file, width=width, height=height, force_terminal=True, highlight=False,
        _environ={"TERM": "xterm", **environment},
    )  # fmt: skip
    with View(console) as view:
        view.say("Hired ada (seed 7).")
        view.show(_session())
        view.show(_moment(100, -80.0))
        view.show(_checked(200, 40.0, 60.0))
        view.show(_moment(300, 70.0))
        view.show(_checked(400, 95.0, 97.0))
        standing = appraisal.Standing((95.0,) * 3, (90.0, 91.0, 92.0), 100.0, None)
        view.show(appraisal.Examining("anaesthetist", 400, 3))
        view.show(
            appraisal.Verdict(_session(), standing, 400, 2, 400, 400, "judgement", 3, 3, 130)
        )
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [40, 80])
def test_view_fits_and_shows_all(width):
    film = _film(width, 30, NO_COLOR="1")
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", film).replace("\r", "\n").splitlines()
    assert max(map(len, lines)) <= width
    said = " ".join(" ".join(lines).split())
    for part in ("anaesthetist", "No advice.", "learner ada", "400 of 400 steps", "◆", "•",
                 "┄", "incumbent 90.0", "5 ± 1.5", "support 0.25", "judgement",
                 "Competent: the check's 96.0", "3.3 h", "competent, above the rule",
                 "95 % interval"):  # fmt: skip
        assert part in said, part


def test_view_knows_terminals_without_unicode_and_without_colour():
    film = _film(80, 24, encoding="ascii")
    assert "*" in film and "+/-" in film
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", _film(80, 24, NO_COLOR="1"))


def test_view_takes_little_time():
    import time

    console = Console(file=io.StringIO(), width=80, height=30, force_terminal=True)
    with View(console) as view:
        view.show(_session(steps=1_000_000))
        view.show(_moment(1, -80.0))
        moment, began = _moment(2), time.process_time()
        for _ in range(10_000):
            view.show(moment)
        assert time.process_time() - began < 0.1  # 10 µs a step; a frame costs 2 ms


def test_screens_are_chosen_by_the_terminal(monkeypatch):
    from quickstudy import shift

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(shift.choose_screen(plain=False, json=False), View)
    assert isinstance(shift.choose_screen(plain=True, json=False), screens.Sentences)
    assert isinstance(shift.choose_screen(plain=True, json=True), screens.JsonLines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(shift.choose_screen(plain=False, json=False), screens.Sentences)


# ---- words


def test_words_by_hand():
    assert [words.figure(x) for x in (None, 0.78213, -25_995.2, 133.47, 9.999)] == [
        "none", "0.782", "-25,995", "133.5", "10",
    ]  # fmt: skip
    assert [words.duration(s) for s in (41.2, 200, 7_500)] == [
        "41 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
    assert [words.hours(h) for h in (5.4 / 3600, 0.75, 3.333, 33.3, 2_400)] == [
        "5.4 s", "45 min", "3.3 h", "33 h", "100 days",
    ]  # fmt: skip
    assert words.plain("−1 ± 2 · 50 µg — “so”") == "-1 +/- 2 - 50 ug - ?so?"


def test_default_names():
    assert roster.default_name(["anaesthetist"]) == "anaesthetist"
    assert roster.default_name(["anaesthetist"], 7) == "anaesthetist-7"
    assert roster.default_name(["ALE/Pong-v5", "x"]) == "ALE-Pong-v5-then-x"
    assert len(roster.default_name(["j" * 200], 123_456)) <= 60
