"""Who does each job today, and how well: measures the catalogue's own figures.

    python -m benchmarks.incumbents [JOB…] [--episodes N] [--json]

Runs uniformly random (allowed) actions and the incumbent on seeds 10,000, 10,001, …, and
writes ``benchmarks/results/incumbents.json`` and ``.md``. Jobs that are not named, or whose
package is not installed here, keep the row that they had: the packages conflict, so the table
is made in several environments. Left out: anything that learns.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue import ENTRIES, icu_doctor
from quickstudy.jobs.entry import Entry, Policy

RESULTS = Path(__file__).parent / "results"
FIRST_SEED = 10_000
EPISODES = 200
# Where episodes are long or slow, or one of them tells little.
EPISODES_OF = {
    "anaesthetist": 1_000,
    "anaesthetist-easy": 1_000,
    "anaesthetist-hard": 1_000,
    "icu-doctor": 10_000,
    "supply-planner": 1_000,
    "penetration-tester": 500,
    "game-player": 1_000,
    "greenhouse-grower": 10,
    "radio-operator": 100,
    "traffic-engineer": 20,
    "driver": 100,
    "grid-operator": 100,
    "robot-arm-reach": 30,
    "robot-arm-drawer": 30,
}
EXACT = {"icu-doctor": icu_doctor.exact_scores}


def random_policy(env: gym.Env, seed: int) -> Policy:
    """Draws among the allowed actions, each as likely as the next."""
    env.action_space.seed(seed)

    def act(observation: Any, info: dict[str, Any]) -> Any:
        mask = info.get("action_mask")
        if mask is None:
            return env.action_space.sample()
        return env.action_space.sample(np.asarray(mask, np.int8))

    return act


def play(env: gym.Env, policy: Policy, first: tuple[Any, dict[str, Any]]) -> Any:
    """Plays the episode that `first` opened: return, steps, whether it terminated."""
    (observation, info), total, steps = first, 0.0, 0
    while True:
        observation, reward, terminated, truncated, info = env.step(policy(observation, info))
        total, steps = total + float(reward), steps + 1
        if terminated or truncated:
            return total, steps, bool(terminated)


def score(entry: Entry, who: str, episodes: int) -> dict[str, Any]:
    """Mean and standard deviation of the return of "random" or "incumbent" [job's units]."""
    env, runs, began = entry.make(), [], time.perf_counter()
    for seed in range(FIRST_SEED, FIRST_SEED + episodes):
        first = env.reset(seed=seed)
        if who == "random":
            policy = random_policy(env, seed)
        else:
            assert entry.incumbent is not None and entry.incumbent.policy is not None
            policy = entry.incumbent.policy(env)
        runs.append(play(env, policy, first))
    seconds = time.perf_counter() - began
    env.close()
    returns, steps, terminated = zip(*runs, strict=True)
    return {
        "mean": statistics.fmean(returns),
        "sd": statistics.stdev(returns) if episodes > 1 else 0.0,
        "steps_per_episode": statistics.fmean(steps),
        "terminated": statistics.fmean(terminated),
        "steps_per_second": sum(steps) / seconds,
    }


def measure(entry: Entry, episodes: int | None) -> dict[str, Any]:
    """One row of the table."""
    number = episodes or EPISODES_OF.get(entry.name, EPISODES)
    row: dict[str, Any] = {"job": entry.name, "episodes": number}
    row["seeds"] = [FIRST_SEED, FIRST_SEED + number - 1]
    row["random"] = score(entry, "random", number)
    if entry.incumbent and entry.incumbent.policy:
        row["incumbent"] = {"name": entry.incumbent.name, **score(entry, "incumbent", number)}
    if entry.name in EXACT:
        row["exact"] = EXACT[entry.name](entry.make())
    row["versions"] = versions(entry)
    row["date"] = datetime.date.today().isoformat()
    asked = f" --episodes {episodes}" if episodes else ""
    row["command"] = f"python -m benchmarks.incumbents {entry.name}{asked}"
    return row


def versions(entry: Entry) -> dict[str, str]:
    """What was installed where the row was measured."""
    brought = [entry.package.split("==")[0]] if entry.package else []
    found = {
        name: importlib.metadata.version(name) for name in ["gymnasium", "numpy", *brought]
    }
    return {"python": platform.python_version(), **found}


def installed(entry: Entry) -> bool:
    """Whether the job can be made here."""
    return not entry.module or importlib.util.find_spec(entry.module) is not None


def table(rows: dict[str, Any]) -> str:
    """The rows as Markdown, in the catalogue's order."""
    lines = [
        "# Incumbents of the catalogue",
        "",
        "Made by `python -m benchmarks.incumbents`; do not edit. Mean ± standard deviation of",
        "the return over episodes with seeds from 10,000 up; *ended*: share of episodes that",
        "terminated (a crash, a black-out, a goal) before any time limit.",
        "",
        "| job | random | incumbent | who | ended (random, incumbent) | episodes | steps/s "
        "| package | date |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [line(rows[entry.name], entry) for entry in ENTRIES if entry.name in rows]
    for name, row in rows.items():
        if "exact" in row:
            figures = ", ".join(f"{who} {value:.4f}" for who, value in row["exact"].items())
            lines += ["", f"Exact values for {name}: {figures}."]
    missing = [entry.name for entry in ENTRIES if entry.name not in rows]
    if missing:
        lines += ["", f"Not measured: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def line(row: dict[str, Any], entry: Entry) -> str:
    """One line of the Markdown table."""
    random, who = row["random"], row.get("incumbent")
    figures = f"{who['mean']:.4g} ± {who['sd']:.3g}" if who else "—"
    ended = (
        f"{random['terminated']:.0%}, {who['terminated']:.0%}"
        if who
        else (f"{random['terminated']:.0%}")
    )
    return (
        f"| {row['job']} | {random['mean']:.4g} ± {random['sd']:.3g} | {figures} "
        f"| {who['name'] if who else '—'} | {ended} | {row['episodes']} "
        f"| {random['steps_per_second']:,.0f} | {entry.package or '—'} | {row['date']} |"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints, and writes both files after each job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB")
    parser.add_argument("--episodes", type=int, help="of each; default: by job")
    parser.add_argument("--json", action="store_true", help="print rows as JSON lines")
    asked = parser.parse_args(arguments)
    known = {entry.name: entry for entry in ENTRIES}
    if unknown := set(asked.jobs) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    for entry in [known[name] for name in asked.jobs] or list(ENTRIES):
        if not installed(entry):
            print(f"{entry.name}: {entry.package} is not installed here", file=sys.stderr)
            continue
        row = measure(entry, asked.episodes)
        store(row)
        print(json.dumps(row) if asked.json else line(row, entry), flush=True)


def store(row: dict[str, Any]) -> None:
    """Puts a row into both files."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "incumbents.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    rows[row["job"]] = row
    path.write_text(json.dumps(rows, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    (RESULTS / "incumbents.md").write_text(table(rows))


if __name__ == "__main__":
    main()
