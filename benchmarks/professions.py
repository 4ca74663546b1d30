"""Our learner in the professions of the catalogue, against who does each job today.

    python -m benchmarks.professions                             # every job installed here
    python -m benchmarks.professions --jobs driver --seeds 100   # one of them, one seed
    python -m benchmarks.professions --resume                    # goes on
    python -m benchmarks.professions --peers sb3 --peers-only    # SB3, as it comes

One setting for every job, which is none at all. Frozen checks on the way; at the end a last
exam on other held-out worlds, on which the incumbent is examined too (paired). Jobs whose
packages conflict are run in several environments, into the same results file.

A peer works a job's budget with each of its default algorithms that can take its actions; the
better one is shown. Where nobody did a job before, a peer after many more steps is the
incumbent (`PEER_INCUMBENTS`).

Seeds from 100 on are not those of development (0 to 14). Left out: tuned peers (`quick`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import peers, runs, tables
from benchmarks import statistics as stats
from benchmarks.runs import INCUMBENT, OURS, RESULTS, Line, Plan
from benchmarks.worker import EXACT

SEEDS = "100-104"
CHECKS = 20  # evaluations on the way
EPISODES = 5  # of one of them
EXAM = 50  # held-out worlds of the last one
FEWER = {"grid-operator": (3, 20), "greenhouse-grower": (2, 20)}  # where episodes are long

# Job → the peer, and its steps, whose last exam is the bar.
PEER_INCUMBENTS: Mapping[str, tuple[str, int]] = {"robot-arm": ("sb3-sac", 100_000)}


@dataclass(frozen=True)
class Job:
    """What the table needs of a catalogue entry."""

    name: str
    budget: int
    step_seconds: float | None
    threshold: float | None
    incumbent: str
    incumbent_score: float | None
    is_runnable: bool
    random: float | None


def jobs() -> tuple[dict[str, Job], set[str]]:
    """The catalogue by name, and which of it is installed here."""
    from quickstudy.jobs import registry
    from quickstudy.jobs.catalogue import ENTRIES

    known = {}
    for entry in ENTRIES:
        who = entry.incumbent
        known[entry.name] = Job(
            name=entry.name,
            budget=entry.budget_steps,
            step_seconds=entry.step_seconds,
            threshold=entry.threshold,
            incumbent=who.name if who else "—",
            incumbent_score=who.score if who else None,
            is_runnable=bool(who and who.policy) and entry.name not in EXACT,
            random=entry.random_score,
        )
    return known, {entry.name for entry in ENTRIES if registry.is_installed(entry)}


def plan(job: Job, algorithm: str, seed: int, steps: int | None) -> Plan:
    """One run; `steps` overrides the catalogue's budget."""
    budget = steps or job.budget
    episodes, exam = FEWER.get(job.name, (EPISODES, EXAM))
    if job.name in EXACT:
        episodes = exam = 1  # one exact value says it all
    return Plan(job.name, algorithm, seed, budget, max(budget // CHECKS, 1), episodes, exam)


def peer_plans(
    job: Job, libraries: Iterable[str], seeds: Sequence[int], steps: int | None
) -> list[Plan]:
    """Each library's default algorithms with our budget, and the peer that is the bar."""
    from quickstudy.jobs import registry

    env = registry.registry().find(job.name).make()
    names = [name for library in libraries for name in peers.suited(library, env.action_space)]
    env.close()
    todo = [(name, steps or job.budget) for name in names]
    if (incumbent := PEER_INCUMBENTS.get(job.name)) and incumbent[0] in names:
        todo.append(incumbent)
    return [plan(job, name, seed, budget) for seed in seeds for name, budget in todo]


# ---- the table


@dataclass(frozen=True)
class Verdict:
    """How the runs on one job ended. Seeds in the same order everywhere.

    bar, check_bar: the returns to reach in the last exam, and in the checks on the way.
    """

    bar: float | None
    finals: list[float]
    competent: int
    steps: list[int | None]
    difference: str
    steps_per_second: float


def judge(job: Job, ours: Sequence[Line], incumbent: Line | None) -> Verdict:
    """Holds runs against the job's bar: its threshold, or the incumbent on the same worlds."""
    bar = check_bar = job.threshold if job.threshold is not None else job.incumbent_score
    if incumbent is not None and job.threshold is None:
        bar, check_bar = stats.mean(incumbent["exam"]), incumbent["curve"][-1]["mean"]
    finals = [stats.mean(line["exam"]) for line in ours]
    return Verdict(
        bar=bar,
        finals=finals,
        competent=sum(bar is not None and final >= bar for final in finals),
        steps=[_steps_to(line, check_bar) for line in ours],
        difference=_difference(job, ours, incumbent),
        steps_per_second=stats.median([ln["plan"]["steps"] / ln["wall"] for ln in ours]),
    )


def _steps_to(line: Line, bar: float | None) -> int | None:
    curve = [(point["step"], point["mean"]) for point in line["curve"]]
    return None if bar is None else stats.steps_to(curve, bar)


def _difference(job: Job, ours: Sequence[Line], incumbent: Line | None) -> str:
    """Mean of ours − the incumbent's, world by world, resampled within each seed."""
    if incumbent is not None:
        theirs = incumbent["exam"]
        gaps = [
            [own - other for own, other in zip(line["exam"], theirs, strict=True)]
            for line in ours
        ]
    elif job.incumbent_score is not None:
        gaps = [[score - job.incumbent_score for score in line["exam"]] for line in ours]
    else:
        return "—"
    value = stats.mean([gap for group in gaps for gap in group])
    if max(len(group) for group in gaps) < 2:
        gaps = [[gap for group in gaps for gap in group]]  # exact values: resample seeds
    return tables.interval(value, stats.stratified_bootstrap(gaps, stats.mean))


def report(lines: Sequence[Line], known: dict[str, Job], command: str) -> str:
    """The results file."""
    notes = (
        "Seeds from 100 on are not those of development (0 to 14).",
        f"Final: last exam, {EXAM} held-out worlds unless an exact value exists (icu-doctor: "
        "the greedy policy's, from the package's own transition table). Bar: the catalogue's "
        "threshold, or the incumbent's mean on the very same worlds.",
        "*competent*: seeds whose final return is at or above the bar. *steps to it*: first "
        f"check at or above it, {CHECKS} checks over the budget. "
        "*difference*: ours − the incumbent's, world by world, bootstrap 95 % interval over "
        "worlds (within these seeds).",
        "steps/s: with learning, without checks, compilation included.",
        "peer: the better of the libraries' default algorithms after the same budget: its last "
        "exam, each seed.",
    )
    rows, curves, missing = [], [], []
    for name, job in known.items():
        group = sorted(
            (line for line in lines if line["plan"]["job"] == name),
            key=lambda line: line["plan"]["seed"],
        )
        ours = [line for line in group if line["plan"]["algorithm"] == OURS]
        if ours:
            rows.append(
                _row(
                    *_with_incumbent(job, group),
                    ours,
                    _best_peer(group, ours[0]["plan"]["steps"]),
                )
            )
            curves += [f"### {name}", _curves(ours)]
        else:
            missing.append(name)
    head = ["job", "random", "incumbent", "bar", "final, each seed", "difference [95 %]"]
    head += ["competent", "steps to it: median", "each seed", "job hours", "budget", "steps/s"]
    head.append("peer")
    parts = [tables.header("Professions", command, lines, notes)]
    parts.append(tables.summary(tables.table(head, rows)))
    if missing:
        parts.append(f"Not run: {', '.join(missing)}.")
    return "\n\n".join([*parts, "## Checks on the way", *curves]) + "\n"


def _with_incumbent(job: Job, group: Iterable[Line]) -> tuple[Job, Line | None]:
    """The job with the incumbent's name, and what it earned, world by world, if it was run."""
    whole = [line for line in group if "failed" not in line]
    known = PEER_INCUMBENTS.get(job.name)
    theirs = [
        line for line in whole if known == (line["plan"]["algorithm"], line["plan"]["steps"])
    ]
    if known and theirs:
        exams = zip(*(line["exam"] for line in theirs), strict=True)
        checked = stats.mean([line["curve"][-1]["mean"] for line in theirs])
        mean = {"exam": [stats.mean(world) for world in exams], "curve": [{"mean": checked}]}
        return replace(job, incumbent=f"{known[0]}, {known[1]:,} steps"), mean
    stood = (line for line in whole if line["plan"]["algorithm"] == INCUMBENT)
    return job, next(stood, None)


def _best_peer(group: Iterable[Line], budget: int) -> str:
    """The last exams of the best of the peers that had `budget` steps, and its name."""
    finals: dict[str, list[float]] = {}
    for line in group:
        name, steps = line["plan"]["algorithm"], line["plan"]["steps"]
        if name not in (OURS, INCUMBENT) and steps == budget and "failed" not in line:
            finals.setdefault(name, []).append(stats.mean(line["exam"]))
    if not finals:
        return "—"
    best = max(finals, key=lambda name: stats.mean(finals[name]))
    return f"{tables.each(finals[best])} ({best})"


def _row(job: Job, incumbent: Line | None, group: Sequence[Line], peer: str) -> list[str]:
    whole = [line for line in group if "failed" not in line]
    failed = f" ({len(group) - len(whole)} failed)" if len(whole) < len(group) else ""
    row = [job.name + failed, tables.number(job.random), job.incumbent]
    if not whole:
        return [*row, tables.number(job.threshold), *["—"] * 6, f"{job.budget:,}", "—", peer]
    verdict = judge(job, whole, incumbent)
    steps = stats.median(verdict.steps) if verdict.bar is not None else None
    hours = steps * job.step_seconds / 3_600 if steps and job.step_seconds else None
    return [
        *row,
        tables.number(verdict.bar),
        tables.each(verdict.finals),
        verdict.difference,
        f"{verdict.competent} of {len(whole)}" if verdict.bar is not None else "no bar",
        tables.number(steps),
        tables.each(verdict.steps) if verdict.bar is not None else "—",
        tables.number(hours),
        f"{whole[0]['plan']['steps']:,}",
        tables.number(verdict.steps_per_second),
        peer,
    ]


def _curves(group: Sequence[Line]) -> str:
    """Mean return of each check, a row a seed."""
    whole = [line for line in group if "failed" not in line]
    if not whole:
        return "Every run failed."
    head = ["seed", *(f"{point['step']:,}" for point in whole[0]["curve"])]
    rows = [
        [str(line["plan"]["seed"]), *(tables.number(point["mean"]) for point in line["curve"])]
        for line in whole
        if len(line["curve"]) == len(whole[0]["curve"])
    ]
    return tables.table(head, rows)


# ---- the command


def main(arguments: list[str] | None = None) -> None:
    """Runs what is asked for, job by job, and writes the table after each job."""
    known, installed = jobs()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", help="comma-separated; default: every one installed here")
    parser.add_argument("--seeds", default=SEEDS, help="default: %(default)s")
    parser.add_argument("--steps", type=int, help="of each run; default: the job's budget")
    parser.add_argument(
        "--peers", default="none", help="of sb3,sbx; or none; default: %(default)s"
    )
    parser.add_argument("--peers-only", action="store_true", help="without our learner")
    parser.add_argument("--timeout", type=float, help="of each run [s]; default: none")
    parser.add_argument("--resume", action="store_true", help="leave out what is done")
    parser.add_argument("--table", action="store_true", help="only write the table again")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for both files")
    asked = parser.parse_args(arguments)
    names = asked.jobs.split(",") if asked.jobs else [n for n in known if n in installed]
    for name in names:
        if name not in known:
            parser.error(f"unknown job {name!r}; known: {', '.join(known)}")
        if name not in installed:
            parser.error(f"{name} is not installed here; `quickstudy jobs` says how")
    libraries = [name for name in asked.peers.split(",") if name != "none"]
    for library in libraries:
        if library not in peers.AS_THEY_COME:
            parser.error(
                f"unknown peer {library!r}; known: {', '.join(peers.AS_THEY_COME)}, none"
            )
    path, is_fine = asked.output / "professions.jsonl", True
    command = runs.command("professions", arguments)
    for name in [] if asked.table else names:
        job, seeds = known[name], runs.seeds_of(asked.seeds)
        todo = [plan(job, INCUMBENT, 0, asked.steps)] if job.is_runnable else []
        if not asked.peers_only:
            todo += [plan(job, OURS, seed, asked.steps) for seed in seeds]
        if libraries:
            todo += peer_plans(job, libraries, seeds, asked.steps)
        is_fine &= runs.run_all(todo, path, asked.resume, timeout_seconds=asked.timeout)
        _write(path, known, command)
    if not runs.read(path):
        parser.error(f"no results in {path.name} yet")
    print(_write(path, known, command))
    sys.exit(0 if is_fine else 1)


def _write(path: Path, known: dict[str, Job], command: str) -> str:
    text = report(runs.read(path), known, command)
    path.with_suffix(".md").write_text(text)
    return text


if __name__ == "__main__":
    main()
