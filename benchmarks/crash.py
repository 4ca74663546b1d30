"""kill -9 at random moments: what is lost, and how learning goes on.

    python -m benchmarks.crash                      # 20 kills in 5 lives, and 5 lives without
    python -m benchmarks.crash --through cli        # kills `quickstudy work --json`
    python -m benchmarks.crash --through merge      # kills mergers: see `crash_merge`
    python -m benchmarks.crash --through serve      # kills a service: see `crash_serve`
    python -m benchmarks.crash --resume             # goes on

A life is one learner on one job for so many steps. In some lives the process that works is
killed at moments drawn at random (most while it works, some while it is opening) and the same
command is given again, until the life is complete. A step is *acknowledged* once the child
has printed that it is saved; what was acknowledged and is not there after opening is lost.
Through Python's face the child prints after every step; the command line prints at checks.

Learning curves of killed lives are held against those of uninterrupted ones, on other seeds:
a killed life should be one more of the same kind, so its mean over the curve should fall into
the 95 % prediction interval of theirs.

Left out: loss of power (the log's own tests), a damaged disk, kills of the machine.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import runs, tables
from benchmarks import statistics as stats
from benchmarks.runs import RESULTS, ROOT, Line, Plan

KILLED, WHOLE = "killed", "uninterrupted"
OPENING_SHARE = 0.2  # of the kills come while the learner is being opened
OPENING_SECONDS = 4.0  # after the start, at most
# After the step at which a kill is due, at most; the command line tells of steps less often.
DELAY_SECONDS = {"python": 0.05, "cli": 3.0}
MERGE, SERVE = "merge", "serve"


@dataclass(frozen=True)
class Kill:
    """A moment: so many seconds after a step was worked; step 0 is the process's start."""

    step: int
    delay_seconds: float


@dataclass
class Life:
    """What a life left behind.

    curve: mean return of the check at each step. killed: for each kill, the steps that were
    acknowledged before, and how many of them were lost.
    """

    curve: dict[int, float] = field(default_factory=dict)
    killed: list[tuple[int, int]] = field(default_factory=list)
    acknowledged: int = 0
    opened: int = 0


def moments(rng: random.Random, steps: int, kills: int, most_seconds: float) -> list[Kill]:
    """When to kill a life, in order of time; `most_seconds` after the step that is due."""
    at = sorted(rng.randrange(1, steps * 19 // 20) for _ in range(kills))
    return [
        Kill(0, rng.uniform(0, OPENING_SECONDS))
        if rng.random() < OPENING_SHARE
        else Kill(step, rng.uniform(0, most_seconds))
        for step in at
    ]


# ---- the child


def work(plan: Plan, folder: Path) -> None:
    """Works until it is done or killed; prints what is acknowledged, line by line."""
    import quickstudy as qs

    is_new = not folder.exists()
    learner = qs.hire(folder, seed=plan.seed) if is_new else qs.open(folder)
    with learner:
        _say(opened=learner.steps(plan.job))
        left = plan.steps - learner.steps(plan.job)
        session = learner.interrupted(plan.job)
        asked = session.steps if session else left
        saved = -1
        for moment in learner.work(plan.job, asked) if left else ():
            if moment.step % plan.every == 0:
                check = learner.check(plan.job, plan.episodes)
                _say(step=moment.step, check=check.mean)
            if moment.saved != saved:
                saved = moment.saved
                _say(step=moment.step, saved=saved)
            else:
                _say(step=moment.step)
    _say(done=True)


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


# ---- the parent


def live(plan: Plan, command: Sequence[str], kills: Sequence[Kill]) -> Life:
    """Gives the same command until a life is complete, killing it where it is due.

    Raises:
      RunError: a process that was not killed ended before the life was complete.
    """
    life = Life()
    for kill in itertools.chain(kills, [None]):
        if _session(command, life, kill):
            break
    return life


def commands(plan: Plan, folder: Path) -> dict[str, list[str]]:
    """What is given again and again: Python's face, or the command line."""
    python, steps = sys.executable, str(plan.steps)
    worker = [python, "-m", "benchmarks.crash", "--work", json.dumps(asdict(plan))]
    cli = [python, "-m", "quickstudy", "work", plan.job, "--json", "--steps", steps]
    cli += ["--seed", str(plan.seed), "--checks", str(plan.steps // plan.every)]
    return {"python": [*worker, str(folder)], "cli": [*cli, "--learner", str(folder)]}


def _session(command: Sequence[str], life: Life, kill: Kill | None) -> bool:
    """One process of a life. Gives whether the life is complete."""
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(kill.delay_seconds, child.kill) if kill else None
    if kill and timer and kill.step == 0:
        timer.start()
    is_done, is_due = False, kill is None or kill.step == 0
    before = life.acknowledged
    assert child.stdout is not None
    for text in child.stdout:
        try:
            said = heard(json.loads(text))
        except json.JSONDecodeError:  # the line in which it was killed
            continue
        is_done |= "done" in said
        _hear(life, said)
        if timer and kill and not is_due and said.get("step", 0) >= kill.step:
            is_due = True
            timer.start()
    code = child.wait()
    if timer:
        timer.cancel()
    if is_done or (code == 0):
        return True
    if code != -signal.SIGKILL:
        raise runs.RunError(f"exit code {code} after {before} acknowledged steps")
    life.killed.append((life.acknowledged, 0))
    return False


def heard(said: Line) -> Line:
    """A line of the command line in the words of `work`; others as they are."""
    event = said.get("event")
    if event == "start":
        return {"opened": said["steps"]}
    if event == "check":
        return {"step": said["steps"], "saved": said["saved"], "check": said["return"]}
    return {"done": True} if event == "end" else said


def _hear(life: Life, said: Line) -> None:
    if "opened" in said:
        if life.killed:
            acknowledged, _ = life.killed[-1]
            life.killed[-1] = (acknowledged, max(0, acknowledged - said["opened"]))
        life.opened = said["opened"]
    life.acknowledged = max(life.acknowledged, said.get("saved", 0))
    if "check" in said:
        life.curve[said["step"]] = said["check"]


def run(plan: Plan, kills: Sequence[Kill], through: str) -> Line:
    """A life and what its log says of itself afterwards, as a line of JSON."""
    from quickstudy.experience.log import Log

    began = time.time()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "learner"
        life = live(plan, commands(plan, folder)[through], kills)
        with Log.open(folder / "experience.db", readonly=True) as log:
            is_sound = log.verify().is_sound
    return {
        "plan": asdict(plan),
        "curve": sorted(life.curve.items()),
        "killed": life.killed,
        "is_sound": is_sound,
        "wall": round(time.time() - began, 1),
        "versions": runs.versions("numpy", "gymnasium", "jax", "apsw"),
        "source": runs.fingerprint(),
        "date": datetime.date.today().isoformat(),
    }


# ---- the table


def report(lines: Sequence[Line], command: str) -> str:
    """The results file."""
    groups = {
        name: [line for line in lines if line["plan"]["algorithm"] == name]
        for name in (WHOLE, KILLED)
    }
    kills = [kill for line in groups[KILLED] for kill in line["killed"]]
    lost = sum(count for _, count in kills)
    rows = [_row(line) for name in (WHOLE, KILLED) for line in groups[name]]
    head = ["life", "seed", "acknowledged steps at each kill", "steps lost", "log is sound"]
    head += ["mean over the curve", "last check", "checks"]
    plan, is_cli = lines[0]["plan"], "--through cli" in command
    worlds = "as many held-out worlds as the command line takes by itself"
    if not is_cli:
        worlds = f"{plan['episodes']} held-out worlds"
    conditions = (
        f"{plan['job']}, {plan['steps']:,} steps a life, a check every {plan['every']} "
        f"on {worlds}."
    )
    result = [["kills", str(len(kills))], ["acknowledged steps lost", str(lost)]]
    result += _comparison(groups[WHOLE], groups[KILLED])
    return (
        "\n\n".join(
            [
                tables.header("Crashes: kill -9 at random moments", command, lines),
                conditions,
                tables.summary(tables.table(["", "result"], result)),
                tables.table(head, rows),
            ]
        )
        + "\n"
    )


def _mean(line: Line) -> float:
    return stats.mean([score for _, score in line["curve"]])


def _row(line: Line) -> list[str]:
    return [
        line["plan"]["algorithm"],
        str(line["plan"]["seed"]),
        ", ".join(f"{steps:,}" for steps, _ in line["killed"]) or "—",
        str(sum(count for _, count in line["killed"])),
        "yes" if line["is_sound"] else "**no**",
        tables.number(_mean(line), 4),
        tables.number(line["curve"][-1][1], 4),
        " / ".join(tables.number(score) for _, score in line["curve"]),
    ]


def _comparison(whole: Sequence[Line], killed: Sequence[Line]) -> list[list[str]]:
    """Whether killed lives are of the same kind as uninterrupted ones."""
    if len(whole) < 2 or not killed:
        return []
    usual, resumed = [_mean(line) for line in whole], [_mean(line) for line in killed]
    ends = stats.prediction_interval(usual)
    inside = sum(ends.low <= value <= ends.high for value in resumed)
    span = f"[{tables.number(ends.low, 4)}, {tables.number(ends.high, 4)}]"
    return [
        ["mean over the curve, uninterrupted", tables.number(stats.mean(usual), 4)],
        ["mean over the curve, killed and resumed", tables.number(stats.mean(resumed), 4)],
        [f"killed lives inside the others' 95 % prediction interval {span}",
         f"{inside} of {len(resumed)}"],
        ["probability of means so far apart by chance (permutation)",
         tables.number(stats.permutation_p(usual, resumed), 2)],
    ]  # fmt: skip


# ---- the command


def main(arguments: list[str] | None = None) -> None:
    """Lives the lives, one after the other, and writes the table."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--work"]:
        work(Plan(**json.loads(given[1])), Path(given[2]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--job", default="CartPole-v1", help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=5_000, help="of a life: %(default)s")
    parser.add_argument("--every", type=int, default=500, help="steps between checks")
    parser.add_argument("--episodes", type=int, default=10, help="of a check")
    parser.add_argument("--kills", type=int, default=20, help="in all: %(default)s")
    parser.add_argument("--lives", type=int, default=5, help="of each kind: %(default)s")
    parser.add_argument("--seed", type=int, default=100, help="of the first life")
    parser.add_argument(
        "--through",
        choices=[*DELAY_SECONDS, MERGE, SERVE],
        default="python",
        help="what is killed: Learner.work (default), the command line, mergers (for which "
        "only --kills, --seed and --output count), or a service (--lives and --resume too)",
    )
    parser.add_argument("--resume", action="store_true", help="leave out what is done")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for both files")
    asked = parser.parse_args(arguments)
    name = "crash" if asked.through == "python" else f"crash_{asked.through}"
    path = asked.output / f"{name}.jsonl"
    if asked.through == MERGE:
        sys.exit(_merge(asked, path.with_suffix(".md"), runs.command("crash", arguments)))
    if asked.through == SERVE:
        sys.exit(_serve(asked, path, runs.command("crash", arguments)))
    done = runs.finished(path) if asked.resume else {}
    lines = []
    for plan, kills in lives(asked):
        if plan.key not in done:
            print(f"{plan.name}, {len(kills)} kills …", end=" ", flush=True)
            line = run(plan, kills, asked.through)
            runs.append(path, line)
            print(f"{sum(lost for _, lost in line['killed'])} steps lost", flush=True)
            done[plan.key] = line
        lines.append(done[plan.key])
    text = report(lines, runs.command("crash", arguments))
    path.with_suffix(".md").write_text(text)
    print(text)
    lost = sum(count for line in lines for _, count in line["killed"])
    sys.exit(1 if lost or not all(line["is_sound"] for line in lines) else 0)


def _merge(asked: argparse.Namespace, path: Path, command: str) -> int:
    from benchmarks import crash_merge

    lines = crash_merge.run(asked.seed, asked.kills)
    text = crash_merge.report(lines, asked.seed, command)
    path.write_text(text)
    print(text)
    return int(not all(map(crash_merge.is_fine, lines)))


def _serve(asked: argparse.Namespace, path: Path, command: str) -> int:
    from benchmarks import crash_serve

    lines = crash_serve.run(asked.seed, asked.kills, asked.lives, path, asked.resume)
    text = crash_serve.report(lines, command)
    path.with_suffix(".md").write_text(text)
    print(text)
    return int(not all(map(crash_serve.is_fine, lines)))


def lives(asked: argparse.Namespace) -> list[tuple[Plan, list[Kill]]]:
    """Every life that is asked for, uninterrupted ones first, no seed twice."""
    todo: list[tuple[Plan, list[Kill]]] = []
    for number in range(2 * asked.lives):
        seed, is_killed = asked.seed + number, number >= asked.lives
        plan = Plan(
            job=asked.job,
            algorithm=KILLED if is_killed else WHOLE,
            seed=seed,
            steps=asked.steps,
            every=asked.every,
            episodes=asked.episodes,
            exam=0,
        )
        share = asked.kills * (number - asked.lives + 1) // asked.lives
        share -= asked.kills * (number - asked.lives) // asked.lives
        kills = []
        if is_killed:
            most = DELAY_SECONDS[asked.through]
            kills = moments(random.Random(seed), asked.steps, share, most)
        todo.append((plan, kills))
    return todo


if __name__ == "__main__":
    main()
