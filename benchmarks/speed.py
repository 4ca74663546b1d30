"""How fast: import, first decision, one decision, updates per second.

    python -m benchmarks.speed
    python -m benchmarks.speed --peers sb3,sbx      # their updates per second too
    python -m benchmarks.speed --peers sb3,sbx --only updates

Each figure is taken in a fresh process. *Cold* has an empty compilation cache, *warm* the one
that the cold run left. Decisions are timed one by one, after enough work that both speeds of
the mind have learned: frozen ones (nothing recorded) and recorded ones (which explore).
Updates are a race: all contenders on a job stand ready and compiled, and take turns.

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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import peers, runs, tables
from benchmarks.runs import RESULTS, Line

if TYPE_CHECKING:
    from quickstudy.learner import Learner
    from quickstudy.mind import mind as minds

JOBS = ("CartPole-v1", "Pendulum-v1", "anaesthetist")
STUDIED = ("CartPole-v1", "Pendulum-v1")  # updates per second: one discrete, one continuous
PARTS = ("starts", "decisions", "updates")
REPEATS = 5
WARM_UP_STEPS = 600
PAUSE_STEPS = 300  # worked in search of the longest pause
DECISIONS = {"frozen": 3_000, "recorded": 1_000}
WORLD = 1_000
TURN_CPU_SECONDS = 0.3  # of a turn, at least
TURNS = 7  # of each contender in the race of updates, after one that compiles
PAUSE_SECONDS = 0.5  # before each turn: time slices and the processor's heat even out


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
def _learner(settings: minds.Settings | None = None) -> Iterator[Learner]:
    import quickstudy as qs

    with (
        tempfile.TemporaryDirectory() as folder,
        qs.hire(Path(folder) / "learner", seed=0, settings=settings) as learner,
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


MEASURES: dict[str, Callable[[str], Line]] = {
    "first": first_decision,
    "decisions": decisions,
}


# ---- the race of updates


@dataclass(frozen=True)
class Contender:
    """Who makes updates on a job.

    size: "shipped", each one's own default; "small", the same work for all: 64 × 64 units,
    64 rows; of critics one where actions are discrete (DQN), else two (SAC).
    """

    name: str
    job: str
    size: str

    def ready(self) -> contextlib.AbstractContextManager[Callable[[], object]]:
        """What makes `peers.UPDATES` updates, rows drawn from memory included."""
        if self.name == runs.OURS:
            return _our_updates(self.job, self.size)
        return contextlib.nullcontext(peers.updates(self.name, self.job, self.size))


class Turn(NamedTuple):
    """What one update took in one turn [s]; CPU of all threads."""

    wall: float
    cpu: float


@contextlib.contextmanager
def _our_updates(job: str, size: str) -> Iterator[Callable[[], object]]:
    from quickstudy.mind import judgement
    from quickstudy.mind import mind as minds

    small = judgement.Settings(
        members=1 if peers.is_discrete(job) else 2, hidden=peers.SMALL, batch=peers.SMALL_BATCH
    )
    settings = minds.Settings(judgement=small) if size == "small" else minds.Settings()
    with _learner(settings) as learner:
        for _ in learner.work(job, WARM_UP_STEPS):
            pass
        mind = learner._places[job].mind  # no public way in: work mixes in the environment

        def study() -> None:
            mind.counts.owed += peers.UPDATES
            minds.study(mind)

        yield study


def take_turns(contender: Contender) -> None:
    """Says a line when compiled; then makes its updates and says what they took, when asked."""
    with contender.ready() as work:
        work()
        print(json.dumps("ready"), flush=True)
        for _ in sys.stdin:
            print(json.dumps(_turn(work)), flush=True)


def _turn(work: Callable[[], object]) -> Turn:
    """Works until both clocks can tell the time."""
    wall, cpu, calls = time.perf_counter(), time.process_time(), 0
    while time.process_time() - cpu < TURN_CPU_SECONDS:
        work()
        calls += 1
    updates = calls * peers.UPDATES
    return Turn((time.perf_counter() - wall) / updates, (time.process_time() - cpu) / updates)


def race(
    contenders: Sequence[Contender], cache: str, peers_python: str
) -> dict[Contender, list[Turn]]:
    """Turn by turn, never two at a time, so that what else the machine does hits all alike."""
    turns: dict[Contender, list[Turn]] = {contender: [] for contender in contenders}
    with contextlib.ExitStack() as stack:
        running = {}
        for contender in contenders:
            python = sys.executable if contender.name == runs.OURS else peers_python
            running[contender] = stack.enter_context(_started(contender, cache, python))
            _said(running[contender])
        for _, contender in itertools.product(range(TURNS), contenders):
            time.sleep(PAUSE_SECONDS)
            running[contender].stdin.write("go\n")
            running[contender].stdin.flush()
            turns[contender].append(Turn(*_said(running[contender])))
    return turns


def _said(process: subprocess.Popen[str]) -> Any:
    """The next line of JSON; libraries may greet before it."""
    assert process.stdout is not None
    for line in process.stdout:
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(line)
    raise runs.RunError(f"exit code {process.wait()}")


@contextlib.contextmanager
def _started(contender: Contender, cache: str, python: str) -> Iterator[Any]:
    """A contender's process; it ends when its questions do."""
    arguments = ["--turns", contender.name, contender.job, contender.size]
    environment = {"XDG_CACHE_HOME": cache, "QUICKSTUDY_HOME": cache}
    process = subprocess.Popen(
        [python, "-m", "benchmarks.speed", *arguments],
        cwd=runs.ROOT,
        env=runs.one_thread(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def contenders_of(job: str, libraries: Sequence[str]) -> list[Contender]:
    """Ours first; each as shipped and small."""
    of_peers = [
        peers.algorithms(library, job, peers.is_discrete(job))[0] for library in libraries
    ]
    return [
        Contender(name, job, size)
        for size in ("shipped", "small")
        for name in (runs.OURS, *of_peers)
    ]


def update_rows(turns: dict[Contender, list[Turn]]) -> list[list[str]]:
    """Medians over turns; of ratios, the median over rounds, each within one round."""
    rows = []
    for contender, own in turns.items():
        ours = turns[Contender(runs.OURS, contender.job, contender.size)]
        faster = [theirs.wall / our.wall for theirs, our in zip(own, ours, strict=True)]
        cheaper = [theirs.cpu / our.cpu for theirs, our in zip(own, ours, strict=True)]
        rows.append(
            [
                contender.size,
                contender.job,
                contender.name,
                tables.number(1 / statistics.median(turn.wall for turn in own)),
                tables.number(1 / statistics.median(turn.cpu for turn in own)),
                tables.number(statistics.median(faster)),
                tables.number(statistics.median(cheaper)),
            ]
        )
    return rows


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
    decision_head = ["one decision, µs", "frozen: median", "p99", "recorded: median", "p99"]
    update_head = ["size", "job", "learner", "updates/s", "updates per CPU s"]
    update_head += ["ours faster, ×", "ours cheaper in CPU, ×"]
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
                f"Updates: {peers.UPDATES} a call, fused as each one can, drawing rows "
                f"included, after compilation; medians of {TURNS} turns, taken in turn with "
                f"pauses of {PAUSE_SECONDS} s. Shipped: each one's default network and batch "
                "(ours moves two critics of 128 × 128 on 128 rows). Small: the same work for "
                "all: 64 × 64, 64 rows, one critic beside DQN and two beside SAC. Ours faster: "
                "how many of ours in the time of one of theirs, within one round.",
            ),
        ),
        tables.SUMMARY,
        *([tables.table(head, start_rows)] if start_rows else []),
        *([tables.table(decision_head, decision_rows)] if decision_rows else []),
        *([tables.table(update_head, figures["updates"])] if figures["updates"] else []),
        tables.END_SUMMARY,
    ]
    return "\n\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Measures everything and writes the table."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--measure"]:
        what, job = given[1:]
        print(json.dumps(MEASURES[what](job)))
        return
    if given[:1] == ["--turns"]:
        take_turns(Contender(*given[1:]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", default=",".join(JOBS), help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each start")
    parser.add_argument("--peers", default="none", help="sb3,sbx or none: %(default)s")
    parser.add_argument(
        "--only",
        choices=PARTS,
        action="append",
        help="starts, decisions or updates; may be repeated; default: all",
    )
    parser.add_argument("--peers-python", default=sys.executable, help="their interpreter")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for the table")
    asked = parser.parse_args(arguments)
    names = asked.jobs.split(",")
    figures: Line = {"repeats": asked.repeats, "starts": {}, "decisions": {}, "updates": []}
    libraries = asked.peers.split(",") if asked.peers != "none" else []
    wanted = asked.only or PARTS
    with tempfile.TemporaryDirectory() as cache:
        for job in names if "starts" in wanted else ():
            print(f"{job}: starts …", flush=True)
            figures["starts"][job] = starts(job, asked.repeats)
        for job in names if "decisions" in wanted else ():
            print(f"{job}: decisions …", flush=True)
            figures["decisions"][job] = measured("decisions", job, cache)
        for job in [j for j in STUDIED if j in names] if "updates" in wanted else ():
            print(f"{job}: updates …", flush=True)
            found = race(contenders_of(job, libraries), cache, asked.peers_python)
            figures["updates"] += update_rows(found)
    text = report(figures, runs.command("speed", arguments))
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "speed.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
