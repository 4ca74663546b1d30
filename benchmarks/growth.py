"""The cost of growth: opening a long log, its size on disk, decisions and study of many jobs.

    python -m benchmarks.growth             # half an hour of appending, most of it
    python -m benchmarks.growth --quick     # a hundredth of it; writes no table here

A life is made up: `Log.append` writes decisions and rewards as a learner would, on jobs as
large as CartPole (four numbers seen, two actions, episodes of 200 steps), observations a
random walk, predictions noise. The mind beside it counts as one that studied all of it (and
learned nothing): that is what opening relies on. Then, each in a fresh process:

- *open*: seconds until the learner can decide, imports left out;
- *disk*: bytes of the log before and after compaction, per million steps;
- *decision, study*: of learners that hold 1, 10 and 50 jobs, on one of them.

CPU seconds are the process's, of all its threads: they depend less on what else the machine
does than wall seconds do. Left out: wide observations; reading by event.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import runs, tables
from benchmarks.runs import Line

if TYPE_CHECKING:
    from quickstudy.learner import Learner

LIVES = ((1, 100_000), (1, 1_000_000), (50, 20_000))  # (jobs, steps on each)
HELD = ((1, 20_000), (10, 20_000), (50, 20_000))
EPISODE_STEPS = 200
REPEATS = 3  # of each opening
DECISIONS, UPDATES, ROUNDS = 300, 256, 5
SEED = 0


# ---- a life that is made up


def make(folder: Path, jobs: int, steps: int) -> Line:
    """Writes the life; gives the log's bytes before and after it is compacted."""
    import gymnasium

    import quickstudy as qs
    from quickstudy.experience import log as logs

    logs.COMPACT_ABOVE, logs.COMPACT_AT_CLOSE_SECONDS = sys.maxsize, 0.0
    rng = np.random.default_rng(SEED)
    shown, acts = gymnasium.spaces.Box(-1e3, 1e3, (4,)), gymnasium.spaces.Discrete(2)
    with qs.hire(folder, seed=SEED) as learner:
        for number in range(jobs):
            learner.declare(_job(number), shown, acts)
            _live(learner._log, _job(number), steps, rng)
            counts = learner.mind(_job(number)).counts
            counts.decisions = counts.fitted = steps
            counts.rewards, counts.best, counts.horizon = float(steps), 1.0, EPISODE_STEPS
        learner.save()
    before = _bytes(folder)
    with logs.Log.open(folder / "experience.db") as log:
        began = time.process_time()
        log.compact()
        spent = time.process_time() - began
        log.shrink()
    return {"rows": before, "compacted": _bytes(folder), "compact_cpu": spent}


def _live(log: Any, job: str, steps: int, rng: np.random.Generator) -> None:
    from quickstudy.experience.event import Kind
    from quickstudy.types import End

    seen = (0.05 * rng.normal(size=(steps, 4)).cumsum(0)).astype(np.float32)
    taken = rng.integers(2, size=(steps, 1)).astype(np.float32)
    expected = rng.normal(size=(steps, 3)).tolist()
    for step in range(steps):
        episode, at = divmod(step, EPISODE_STEPS)
        own = {"stream": "work", "episode": episode}
        if at == 0:
            log.append(Kind.EPISODE, job, **own, note={"seed": step})
        worth, spread, support = expected[step]
        n = log.append(
            Kind.DECISION, job, **own, step=at, observation=seen[step], action=taken[step],
            leader="judgement", worth=worth, spread=spread, support=support,
        )  # fmt: skip
        end = End.TERMINATED if at == EPISODE_STEPS - 1 else End.NOT
        log.append(Kind.OUTCOME, job, stream="work", decision=n, reward=1.0, end=end)


def _job(number: int) -> str:
    return f"job {number}"


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("experience.db*"))


# ---- what is measured, in processes of their own


def opening(folder: Path) -> Line:
    """Seconds until a learner is open."""
    import quickstudy as qs

    assert qs.open  # names are looked up lazily: this imports the mind, JAX included
    wall, cpu = time.perf_counter(), time.process_time()
    learner = qs.open(folder)
    spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    steps = sum(learner.steps(job) for job in learner.jobs)
    learner._folder.close()  # nothing is saved: the next opening finds the same
    return spent | {"steps": steps, "peak_mb": runs.peak_mb()}


def holding(folder: Path) -> Line:
    """CPU microseconds of a frozen decision, a recorded one, and an update: medians."""
    import quickstudy as qs
    from quickstudy.mind import mind as minds

    learner = qs.open(folder)
    job = learner.jobs[len(learner.jobs) // 2]
    mind, shown = learner._places[job].mind, np.zeros(4, np.float32)

    def study() -> None:
        mind.counts.owed += UPDATES
        minds.study(mind)

    study()  # compiles
    found = {
        "frozen": _cpu(
            lambda: learner.decide(shown, job, explore=False, record=False), DECISIONS
        ),
        "update": _cpu(study, 1) / UPDATES,
        "recorded": _cpu(lambda: _step(learner, job, shown), DECISIONS),
    }
    learner._folder.close()
    return found | {"jobs": len(learner.jobs)}


def _step(learner: Learner, job: str, shown: np.ndarray) -> None:
    """A decision and its reward, with the study that falls due."""
    decision = learner.decide(shown, job)
    learner.reward(decision.id, 1.0)


def _cpu(work: Callable[[], object], times: int) -> float:
    """CPU microseconds of doing it once: median over rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            work()
        rounds.append(1e6 * (time.process_time() - began) / times)
    return statistics.median(rounds)


def made(folder: Path, jobs: str, steps: str) -> Line:
    return make(folder, int(jobs), int(steps))


MEASURES: dict[str, Callable[..., Line]] = {
    "make": made,
    "open": opening,
    "hold": holding,
}


def measured(what: str, folder: Path, *more: int) -> Line:
    """One measurement in a fresh process."""
    arguments = ["--measure", what, str(folder), *map(str, more)]
    return runs.spawn("benchmarks.growth", arguments)


# ---- the table


def life(folder: Path, jobs: int, steps: int, is_held: bool) -> Line:
    """Everything about one life."""
    size = measured("make", folder, jobs, steps)
    openings = [measured("open", folder) for _ in range(REPEATS)]
    found = {"jobs": jobs, "steps": steps, "size": size, "open": openings}
    return found | ({"hold": measured("hold", folder)} if is_held else {})


def report(lives: Sequence[Line], command: str) -> str:
    """The results file."""
    line = {
        "date": datetime.date.today().isoformat(),
        "versions": runs.versions("jax", "numpy", "apsw"),
        "source": runs.fingerprint(),
        "load": os.getloadavg()[0],
    }
    notes = (
        f"Openings: medians of {REPEATS} fresh processes, the files in the system's cache, "
        "imports left out. All but the last rows of a log lie in segments.",
        f"Decisions and updates: medians of {ROUNDS} rounds, on one of the jobs; frozen: "
        "nothing recorded; recorded: with its reward, the log's fsync and the study that falls "
        "due.",
    )
    head = ["jobs", "steps in all", "open, CPU s", "open, s", "memory, MB"]
    head += ["disk as rows, MB per million steps", "compacted", "compacting, CPU s per million"]
    rows = [_row(found) for found in lives]
    held = [found for found in lives if "hold" in found]
    held_head = ["jobs held", "frozen decision, CPU µs", "recorded, CPU µs", "update, CPU µs"]
    held_head += ["frozen, ×", "recorded, ×", "update, ×"]
    held_rows = [_held_row(found, held[0]) for found in held]
    parts = [
        tables.header("The cost of growth", command, [line], notes),
        tables.SUMMARY,
        tables.table(head, rows),
        *([tables.table(held_head, held_rows)] if held else []),
        tables.END_SUMMARY,
    ]
    return "\n\n".join(parts) + "\n"


def _row(found: Line) -> list[str]:
    steps, size = found["jobs"] * found["steps"], found["size"]
    median = {
        name: statistics.median(one[name] for one in found["open"])
        for name in ("wall", "cpu", "peak_mb")
    }
    return [
        str(found["jobs"]),
        f"{steps:,}",
        *(tables.number(median[name]) for name in ("cpu", "wall", "peak_mb")),
        *(tables.number(size[name] / steps) for name in ("rows", "compacted")),
        tables.number(1e6 * size["compact_cpu"] / steps),
    ]


def _held_row(found: Line, first: Line) -> list[str]:
    names = ("frozen", "recorded", "update")
    own, one = found["hold"], first["hold"]
    return [
        str(found["jobs"]),
        *(tables.number(own[name]) for name in names),
        *(tables.number(own[name] / one[name]) for name in names),
    ]


def main(arguments: list[str] | None = None) -> None:
    """Measures everything and writes the table."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--measure"]:
        what, folder, *more = given[1:]
        print(json.dumps(MEASURES[what](Path(folder), *more)))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="minutes; writes no table here")
    parser.add_argument("--output", type=Path, help="folder for the table")
    asked = parser.parse_args(given)
    share = 100 if asked.quick else 1
    lives = []
    for jobs, steps in sorted({*LIVES, *HELD}):
        with tempfile.TemporaryDirectory() as scratch:
            print(f"{jobs} jobs of {steps // share:,} steps …", flush=True)
            is_held = (jobs, steps) in HELD
            lives.append(life(Path(scratch) / "ada", jobs, steps // share, is_held))
    text = report(lives, runs.command("growth", given))
    (runs.folder_asked(asked) / "growth.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
