"""How fast: import, first decision, one decision, updates per second.

    python -m benchmarks.speed
    python -m benchmarks.speed --peers sb3,sbx      # their updates per second too

Each figure is taken in a fresh process. *Cold* has an empty compilation cache, *warm* the one
that the cold run left. Decisions are timed one by one, after enough work that both speeds of
the mind have learned: frozen ones (nothing recorded) and recorded ones (which explore).

Left out: the environment's own time, decisions over HTTP.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import peers, runs, tables
from benchmarks.runs import RESULTS, Line

if TYPE_CHECKING:
    from quickstudy.learner import Learner

JOBS = ("CartPole-v1", "Pendulum-v1", "anaesthetist")
STUDIED = ("CartPole-v1", "Pendulum-v1")  # updates per second: one discrete, one continuous
REPEATS = 5
WARM_UP_STEPS = 600
PAUSE_STEPS = 300  # worked in search of the longest pause
DECISIONS = {"frozen": 3_000, "recorded": 1_000}
UPDATES = 1_024
WORLD = 1_000


# ---- measured in a process of its own


def first_decision(job: str) -> Line:
    """From the interpreter's start: import, first decision, longest pause while working."""
    began = float(os.environ["BENCHMARK_BEGAN"])
    import quickstudy as qs

    assert qs.hire  # names are looked up lazily: this imports the mind, JAX included
    imported = time.time()
    with _learner() as learner:
        at = [time.time()]
        for _ in learner.work(job, PAUSE_STEPS):
            at.append(time.time())
        first = at[1]
    pauses = [after - before for before, after in itertools.pairwise(at[1:])]
    return {
        "import": imported - began,
        "first_after_import": first - imported,
        "first": first - began,
        "longest_pause": max(pauses),
        "steps_per_second": len(pauses) / sum(pauses),
        "version": qs.__version__,
    }


@contextlib.contextmanager
def _learner() -> Iterator[Learner]:
    import quickstudy as qs

    with (
        tempfile.TemporaryDirectory() as folder,
        qs.hire(Path(folder) / "learner", seed=0) as learner,
    ):
        yield learner


def decisions(job: str) -> Line:
    """Microseconds of single decisions on a job: median and 99th percentile."""
    from quickstudy.jobs import registry

    with _learner() as learner:
        for _ in learner.work(job, WARM_UP_STEPS):
            pass
        env = registry.registry().find(job).make()
        return {
            "frozen": _timed(env, DECISIONS["frozen"], _frozen(learner, job)),
            "recorded": _timed(env, DECISIONS["recorded"], _recorded(learner, job)),
        }


Decide = Callable[[Any, dict[str, Any], float], tuple[Any, float]]


def _frozen(learner: Learner, job: str) -> Decide:
    def decide(observation: Any, info: dict[str, Any], earned: float) -> tuple[Any, float]:
        began = time.perf_counter()
        decision = learner.decide(observation, job, info=info, explore=False, record=False)
        return decision.action, time.perf_counter() - began

    return decide


def _recorded(learner: Learner, job: str) -> Decide:
    """Rewards follow each decision, untimed: a reward is on disk when its call returns."""
    latest: list[int] = []

    def decide(observation: Any, info: dict[str, Any], earned: float) -> tuple[Any, float]:
        if latest:
            learner.reward(latest.pop(), earned)
        began = time.perf_counter()
        decision = learner.decide(observation, job, info=info)
        spent = time.perf_counter() - began
        latest.append(decision.id)
        return decision.action, spent

    return decide


def _timed(env: Any, count: int, decide: Decide) -> dict[str, float]:
    """Drives the environment and collects what each decision took [µs]."""
    spent: list[float] = []
    observation, info = env.reset(seed=WORLD)
    earned = 0.0
    while len(spent) < count:
        action, seconds = decide(observation, info, earned)
        spent.append(1e6 * seconds)
        observation, earned, terminated, truncated, info = env.step(action)
        earned = float(earned)
        if terminated or truncated:
            observation, info = env.reset()
    ordered = sorted(spent)
    return {"median": statistics.median(spent), "p99": ordered[int(0.99 * count)]}


def updates(job: str) -> Line:
    """Judgement's updates per second, fused as they are at work, after compilation."""
    import jax

    from quickstudy.mind import mind as minds

    with _learner() as learner:
        for _ in learner.work(job, WARM_UP_STEPS):
            pass
        mind = learner._places[job].mind  # no public way in: work mixes in the environment

        def study() -> float:
            mind.counts.owed += UPDATES
            before, began = mind.counts.owed, time.perf_counter()
            minds.study(mind)
            jax.block_until_ready(jax.tree.leaves(mind.learned))
            return (before - mind.counts.owed) / (time.perf_counter() - began)

        study()
        return {"updates_per_second": statistics.median(study() for _ in range(3))}


MEASURES: dict[str, Callable[[str], Line]] = {
    "first": first_decision,
    "decisions": decisions,
    "updates": updates,
}


# ---- the parent


def measured(what: str, job: str, cache: str, python: str = sys.executable) -> Line:
    """One measurement in a fresh process that keeps its caches in a folder.

    What a user's machine has set for JAX's cache counts for nothing here.
    """
    os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
    return runs.spawn(
        "benchmarks.speed",
        ["--measure", what, job],
        python,
        XDG_CACHE_HOME=cache,
        QUICKSTUDY_HOME=cache,
        BENCHMARK_BEGAN=repr(time.time()),
    )


def starts(job: str, repeats: int) -> dict[str, Line]:
    """Cold and warm starts on a job: the median of each figure."""
    cold, warm = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(measured("first", job, cache))
            warm.append(measured("first", job, cache))
    return {"cold": _medians(cold), "warm": _medians(warm)}


def _medians(lines: Sequence[Line]) -> Line:
    figures = [name for name in lines[0] if isinstance(lines[0][name], float)]
    return {name: statistics.median(line[name] for line in lines) for name in figures}


def report(figures: Line, command: str) -> str:
    """The results file."""
    line = {
        "date": datetime.date.today().isoformat(),
        "versions": runs.versions("jax", "jaxlib", "equinox", "numpy", "gymnasium", "apsw"),
        "source": runs.fingerprint(),
        "load": os.getloadavg()[0],
    }
    head = ["start", "job", "import s", "first decision s, after import"]
    head += ["first decision s, in all", f"longest pause s, of {PAUSE_STEPS} steps"]
    start_rows = [
        [
            kind,
            job,
            tables.number(found[kind]["import"]),
            tables.number(found[kind]["first_after_import"]),
            tables.number(found[kind]["first"]),
            tables.number(found[kind]["longest_pause"]),
        ]
        for job, found in figures["starts"].items()
        for kind in ("cold", "warm")
    ]
    decision_rows = [
        [job, *(tables.number(found[k][q]) for k in DECISIONS for q in ("median", "p99"))]
        for job, found in figures["decisions"].items()
    ]
    update_rows = [
        [who, job, tables.number(found["updates_per_second"])]
        for (who, job), found in figures["updates"]
    ]
    parts = [
        tables.header(
            "Speed",
            command,
            [line],
            (
                f"Starts: medians of {figures['repeats']} fresh processes each. Cold: empty "
                "compilation cache; warm: what the cold start left there.",
                f"Decisions: {DECISIONS['frozen']:,} frozen and {DECISIONS['recorded']:,} "
                f"recorded ones, one by one, after {WARM_UP_STEPS} steps of work.",
                f"Updates: {UPDATES} at a time, after compilation, at each one's default "
                "network and batch (ours: every update moves all members of the ensemble).",
            ),
        ),
        tables.SUMMARY,
        tables.table(head, start_rows),
        tables.table(
            ["one decision, µs", "frozen: median", "p99", "recorded: median", "p99"],
            decision_rows,
        ),
        tables.table(["learner", "job", "updates/s"], update_rows),
        tables.END_SUMMARY,
    ]
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Measures everything and writes the table."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--measure"]:
        what, job = given[1:]
        measure = peers.updates if what.startswith(tuple(peers.LIBRARIES)) else None
        print(json.dumps(measure(what, job) if measure else MEASURES[what](job)))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", default=",".join(JOBS), help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each start")
    parser.add_argument("--peers", default="none", help="sb3,sbx or none: %(default)s")
    parser.add_argument("--peers-python", default=sys.executable, help="their interpreter")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for the table")
    asked = parser.parse_args(arguments)
    names = asked.jobs.split(",")
    figures: Line = {"repeats": asked.repeats, "starts": {}, "decisions": {}, "updates": []}
    with tempfile.TemporaryDirectory() as cache:
        for job in names:
            print(f"{job}: starts …", flush=True)
            figures["starts"][job] = starts(job, asked.repeats)
            print(f"{job}: decisions …", flush=True)
            figures["decisions"][job] = measured("decisions", job, cache)
        for job in [name for name in STUDIED if name in names]:
            print(f"{job}: updates …", flush=True)
            figures["updates"].append(((runs.OURS, job), measured("updates", job, cache)))
            for library in asked.peers.split(",") if asked.peers != "none" else ():
                name = peers.algorithms(library, job, job == "CartPole-v1")[0]
                found = measured(name, job, cache, asked.peers_python)
                figures["updates"].append(((name, job), found))
    text = report(figures, runs.command("speed", arguments))
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "speed.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
