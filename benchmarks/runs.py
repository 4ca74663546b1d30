"""How benchmarks run: one process per run, one line of JSON per run.

    plan = Plan(job="CartPole-v1", algorithm="quickstudy", seed=100, steps=20_000, …)
    line = run(plan)                 # in a process of its own (`benchmarks.worker`)
    append(path, line)               # an interrupted benchmark goes on with --resume

A process of its own makes CPU seconds and memory clean. Lines are only ever appended; of two
lines on the same plan the later one counts. Lines of ours carry a fingerprint of the source
that learned, so that an old result is never taken for one of the present code.

Runs may go side by side; their CPU seconds then depend on the neighbours (caches, clocks), so
each line says how many there were, and the tables do too.

Left out: several machines.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import importlib.metadata
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
OURS = "quickstudy"
INCUMBENT = "incumbent"
WORKER = ("benchmarks.worker",)
SEEDS, QUICK_SEED = "100-104", "0"  # of results; one of development's
FIRST_EXAM_WORLD = 1_000  # evaluations on the way use worlds 0, 1, …; the exam others
LEARNING = ("mind", "life.py", "learner.py")  # what the fingerprint covers

Line = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """One run.

    job: name in the catalogue. algorithm: "quickstudy", "incumbent", or a peer's name.
    seed: of the learner and of the job it works on. steps: to work. every: steps between
    evaluations. episodes: of an evaluation. exam: episodes of the last one, on other worlds.
    """

    job: str
    algorithm: str
    seed: int
    steps: int
    every: int
    episodes: int
    exam: int

    @property
    def key(self) -> str:
        """What makes it another run."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def name(self) -> str:
        return f"{self.job} · {self.algorithm} · seed {self.seed}"


class Clock:
    """Wall and CPU seconds since this process began, children's included, less pauses.

    Args:
      began: when the process was started [unix s]; by default now.
    """

    def __init__(self, began: float | None = None):
        self._began = time.time() if began is None else began
        self._wall_paused = self._cpu_paused = 0.0

    @property
    def wall(self) -> float:
        return time.time() - self._began - self._wall_paused

    @property
    def cpu(self) -> float:
        return _cpu() - self._cpu_paused

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves out what happens inside: evaluations, and building what is not counted."""
        wall, cpu = time.time(), _cpu()
        try:
            yield
        finally:
            self._wall_paused += time.time() - wall
            self._cpu_paused += _cpu() - cpu


def _cpu() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def peak_mb() -> float:
    """The most memory that this process has held [MB]."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


# ---- one run


class RunError(Exception):
    """The process ended without a result."""


def one_thread(environment: Mapping[str, str]) -> dict[str, str]:
    """Ours and more, with one thread for BLAS and torch."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **environment}


def spawn(
    module: str,
    arguments: Sequence[str],
    python: str = sys.executable,
    timeout_seconds: float | None = None,
    **environment: str,
) -> Line:
    """Runs `python -m module arguments…` and gives the last line it printed, as JSON.

    One thread for BLAS and torch: with networks this small more threads cost CPU seconds
    and win nothing. What the process says on stderr goes through.

    Raises:
      RunError: it failed, printed no result, or took too long.
    """
    env = one_thread(environment)
    try:
        done = subprocess.run(
            [python, "-m", module, *arguments],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
            timeout=timeout_seconds,
        )
    except subprocess.TimeoutExpired:
        raise RunError(f"not done after {timeout_seconds:.0f} s") from None
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise RunError(f"exit code {done.returncode}")
    result: Line = json.loads(lines[-1])
    return result


def run(
    plan: Plan,
    python: str = sys.executable,
    timeout_seconds: float | None = None,
    worker: Sequence[str] = WORKER,
) -> Line:
    """Runs a plan in a process of its own; a run that fails is a result too ("failed").

    Args:
      worker: the module that works, and what it is told before the plan and the clock.
    """
    load = os.getloadavg()[0]
    module, *told = worker
    arguments = [*told, json.dumps(asdict(plan)), repr(time.time())]
    try:
        result = spawn(module, arguments, python, timeout_seconds)
    except RunError as error:
        result = {"failed": str(error)}
    return {
        "plan": asdict(plan),
        **result,
        "load": round(load, 2),
        "date": datetime.date.today().isoformat(),
    }


def run_all(
    plans: Iterable[Plan],
    path: Path,
    resume: bool,
    pythons: dict[str, str] | None = None,
    timeout_seconds: float | None = None,
    workers: int = 1,
    worker: Sequence[str] = WORKER,
) -> bool:
    """Runs plans in their order, appends each line as it comes, prints progress.

    Args:
      resume: leave out what `path` has already (of this source, where it is ours).
      pythons: interpreter by algorithm; by default this one.
      workers: runs side by side. worker: as `run` has it.

    Returns:
      Whether every run came to its end.
    """
    plans, done = list(plans), finished(path) if resume else {}
    todo = [plan for plan in plans if plan.key not in done]
    if len(todo) < len(plans):
        print(f"{len(plans) - len(todo)} of {len(plans)} runs are in {path.name} already")

    def result(plan: Plan) -> Line:
        python = (pythons or {}).get(plan.algorithm, sys.executable)
        return {**run(plan, python, timeout_seconds, worker), "workers": workers}

    is_fine, pool = True, ThreadPoolExecutor(workers)
    try:
        going = {pool.submit(result, plan): plan for plan in todo}
        for number, future in enumerate(as_completed(going), 1):
            line = future.result()
            append(path, line)
            is_fine &= "failed" not in line
            print(f"[{number}/{len(todo)}] {going[future].name}: {_told(line)}", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)  # interrupted: nothing more is begun
    return is_fine


def run_by_seed(
    parser: argparse.ArgumentParser,
    plans: Iterable[Plan],
    path: Path,
    write: Callable[[], str],
    resume: bool,
    **how: Any,
) -> NoReturn:
    """Runs plans seed by seed as `run_all` has it, writes a table after each, and exits."""
    is_fine = True
    for _, group in itertools.groupby(plans, lambda plan: plan.seed):
        is_fine &= run_all(group, path, resume, **how)
        write()
    if not read(path):
        parser.error(f"no results in {path.name} yet")
    print(write())
    sys.exit(0 if is_fine else 1)


def write(path: Path, report: Callable[[list[Line], str], str], command: str) -> str:
    """Makes the table beside the lines in `path`, and gives it."""
    text = report(read(path), command)
    path.with_suffix(".md").write_text(text)
    return text


def each(
    module: str, tasks: Sequence[Sequence[str]], path: Path, resume: bool, workers: int = 1
) -> list[Line]:
    """Runs `python -m module --one task…` for each task, in a process of its own.

    Each line that comes is kept at once, with its task and our source's fingerprint; with
    `resume`, tasks that `path` has a line for of this source are left out.

    Returns:
      the lines of all tasks that are done, in their order.
    """
    current, kept = fingerprint(), kept_lines(path) if resume else []
    done = {tuple(line["task"]): line for line in kept if line["source"] == current}
    todo = [tuple(task) for task in tasks if tuple(task) not in done]

    def run_one(task: tuple[str, ...]) -> Line:
        about = {"task": task, "source": current, "date": datetime.date.today().isoformat()}
        began = time.monotonic()
        result = spawn(module, ["--one", *task])
        return {**about, **result, "wall": round(time.monotonic() - began, 1)}

    with ThreadPoolExecutor(workers) as pool:
        for number, line in enumerate(pool.map(run_one, todo), 1):
            append(path, line)
            done[tuple(line["task"])] = line
            print(
                f"[{number}/{len(todo)}] {' '.join(line['task'])}: {line['wall']} s", flush=True
            )
    return [done[tuple(task)] for task in tasks]


def options(name: str, doc: str, task: tuple[str, str, str]) -> argparse.ArgumentParser:
    """What benchmarks that run by `each` can be asked for; `task`: what `--one` takes."""
    about = doc.partition("\n")[0]
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=about)
    add_options(parser)
    parser.add_argument("--workers", type=int, default=1, help="runs side by side")
    parser.add_argument("--one", nargs=3, metavar=task)
    return parser


def add_options(parser: argparse.ArgumentParser, seeds: str = SEEDS) -> None:
    """What every benchmark can be asked for; `seeds` where none are named."""
    parser.add_argument("--seeds", help=f"default: {seeds}; with --quick {QUICK_SEED}")
    parser.add_argument("--quick", action="store_true", help="minutes; writes no table here")
    parser.add_argument("--resume", action="store_true", help="leave out what is done")
    parser.add_argument("--table", action="store_true", help="only write the table again")
    parser.add_argument("--output", type=Path, help="folder for lines and table")


def seeds_asked(asked: argparse.Namespace, seeds: str = SEEDS) -> list[int]:
    """Of `add_options`. Raises ValueError."""
    return seeds_of(asked.seeds or (QUICK_SEED if asked.quick else seeds))


def folder_asked(asked: argparse.Namespace) -> Path:
    """Where lines and table go: a quick run leaves those here alone."""
    folder: Path = asked.output or (Path(tempfile.mkdtemp()) if asked.quick else RESULTS)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tabulate(
    name: str,
    asked: argparse.Namespace,
    tasks: Sequence[Sequence[str]],
    written: Callable[[Sequence[Line], str], str],
    arguments: Sequence[str] | None,
) -> None:
    """Runs the tasks of a benchmark as it was asked for; writes its table, and prints it."""
    path = folder_asked(asked) / f"{name}.jsonl"
    if asked.table:
        lines = kept_lines(path)
    else:
        lines = each(f"benchmarks.{name}", tasks, path, asked.resume, asked.workers)
    text = written(lines, command(name, arguments))
    path.with_suffix(".md").write_text(text)
    print(text)


def kept_lines(path: Path) -> list[Line]:
    """The lines of `each`, oldest first; of several on one task the last one alone."""
    if not path.exists():
        return []
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    return list({tuple(line["task"]): line for line in lines}.values())


def _told(line: Line) -> str:
    if "failed" in line:
        return f"failed: {line['failed']}"
    final = sum(line["exam"]) / len(line["exam"])
    return f"{final:.4g} at the end, {line['wall']:.0f} s, {line['cpu']:.0f} CPU s"


# ---- lines


def append(path: Path, line: Line) -> None:
    """Adds a line, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[Line]:
    """The lines of a file, oldest first; of several on one plan the last one alone."""
    if not path.exists():
        return []
    by_key: dict[str, Line] = {}
    for text in path.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):  # the end of a write that was cut off
            line = json.loads(text)
            key = Plan(**line["plan"]).key
            by_key.pop(key, None)
            by_key[key] = line
    return list(by_key.values())


def finished(path: Path) -> dict[str, Line]:
    """Lines by plan that need no new run."""
    current = fingerprint()
    return {
        Plan(**line["plan"]).key: line
        for line in read(path)
        if "failed" not in line and line.get("source", current) == current
    }


# ---- what a header says


def fingerprint(parts: Iterable[str] = LEARNING) -> str:
    """Of the source that learns, or of other parts: another mind is another result."""
    package, digest = ROOT / "quickstudy", hashlib.sha256()
    for part in parts:
        whole = package / part
        for file in sorted(whole.rglob("*.py")) if whole.is_dir() else [whole]:
            digest.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:10]


def versions(*packages: str) -> dict[str, str]:
    """Of Python and of those packages that are installed here."""
    found = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def machine() -> str:
    """What ran it, as far as it matters: system, architecture, cores."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return f"{platform.system()} {platform.machine()}, {cores} cores"


def command(module: str, arguments: Sequence[str] | None) -> str:
    """The command line that reproduces it; paths on this machine are left out."""
    given, kept = list(sys.argv[1:] if arguments is None else arguments), []
    while given:
        word = given.pop(0)
        name, is_joined, _ = word.partition("=")
        if name in ("--peers-python", "--python", "--output"):
            if not is_joined and given:
                given.pop(0)
        elif word not in ("--resume", "--table", "--peers-only"):
            kept.append(word)
    return " ".join(["python -m", f"benchmarks.{module}", *kept])


def seeds_of(text: str) -> list[int]:
    """ "100-104" or "3,5,7" as numbers. Raises ValueError."""
    seeds: list[int] = []
    for part in text.split(","):
        first, is_range, last = part.partition("-")
        seeds += range(int(first), int(last) + 1) if is_range else [int(first)]
    return seeds
