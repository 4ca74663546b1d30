"""Ten hours behind the wheel: does it learn to drive, does it stay safe, in denser traffic too?

    python -m benchmarks.driver                       # five seeds of ours, the incumbent: hours
    python -m benchmarks.driver --peers sb3-tuned     # DQN too, at highway-env's own settings
    python -m benchmarks.driver --resume              # goes on, inside a run of ours as well
    python -m benchmarks.driver --quick               # one seed, 300 decisions: minutes

36,000 decisions, one a second. On the way, frozen, on the same held-out roads: return, share
of roads that end in a crash, speed. At the end both on 200 other roads, and on those at twice
the density of traffic, which nobody has practised. What was learned must last: checks between
decision 15,000 and the end are held against the bar (return ≥ 22, crash ≤ 5 %).

A run of ours is a learner in a folder, so an interrupted one goes on where it stopped; a peer
begins again. Left out: other roads of the package (merging, roundabouts).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers, runs, tables
from benchmarks import statistics as stats
from benchmarks.runs import FIRST_EXAM_WORLD, INCUMBENT, OURS, Clock, Line, Plan

JOB = "driver"
STEPS, EVERY, ROADS, EXAM = 36_000, 2_500, 40, 200
QUICK = Plan(JOB, OURS, 0, 300, 100, 3, 5)
SETTLED = 15_000  # decisions after which it should drive, and go on to
BAR, CRASHES = 22.0, 0.05  # return at least, share of crashes at most
DENSER = 2  # times the traffic
PEER = f"{peers.TUNED}-dqn"

Act = Callable[[Any, dict[str, Any]], Any]


# ---- one run, in a process of its own


@dataclass(frozen=True)
class Driven:
    """Of each road: return, whether it ended in a crash, mean speed [m/s]."""

    returns: list[float]
    crashes: list[bool]
    speeds: list[float]

    def means(self) -> dict[str, float]:
        return {
            "mean": stats.mean(self.returns),
            "crash": stats.mean(self.crashes),
            "speed": stats.mean(self.speeds),
        }


def drive(env: Any, make_act: Callable[[], Act], seeds: Sequence[int]) -> Driven:
    """Drives each road once, nothing learned."""
    driven = Driven([], [], [])
    for seed in seeds:
        act, earned, speeds, is_over = make_act(), 0.0, [], False
        observation, info = env.reset(seed=seed)
        while not is_over:
            action = act(observation, info)
            observation, reward, terminated, truncated, info = env.step(action)
            earned, is_over = earned + float(reward), terminated or truncated
            speeds.append(float(info["speed"]))
        driven.returns.append(earned)
        driven.crashes.append(bool(info["crashed"]))
        driven.speeds.append(stats.mean(speeds))
    return driven


class Examiner:
    """Checks on the way and the last exam; keeps in a file what was found so far.

    Args:
      make_act: given an environment, a policy for one road.
      notes: the file, where a run can be resumed.
    """

    def __init__(
        self, plan: Plan, clock: Clock, make_act: Callable[[Any], Act], notes: Path | None
    ):
        from quickstudy.jobs import registry

        self._plan, self._clock, self._make_act, self._notes = plan, clock, make_act, notes
        self._make = registry.registry().find(JOB).make
        self._env = self._make()
        self.curve: list[dict[str, float]] = []
        if notes is not None and notes.exists():
            self.curve = json.loads(notes.read_text())
        self._before = self._last()  # spent in earlier sittings, up to their last check
        self.sittings = int(self._before.get("sittings", 0)) + 1

    def _last(self) -> dict[str, float]:
        return self.curve[-1] if self.curve else {}

    def _spent(self) -> dict[str, float]:
        return {
            "cpu": round(self._clock.cpu + self._before.get("cpu", 0.0), 3),
            "wall": round(self._clock.wall + self._before.get("wall", 0.0), 3),
        }

    def stepped(self, step: int) -> None:
        """A decision was worked: checks where that is due and not done yet."""
        is_due = step % self._plan.every == 0 or step == self._plan.steps
        if not is_due or step <= self._last().get("step", 0):
            return
        spent = self._spent()
        with self._clock.paused():
            found = self._drive(self._env, range(self._plan.episodes)).means()
        self.curve.append({"step": step, **found, **spent, "sittings": self.sittings})
        if self._notes is not None:
            self._notes.write_text(json.dumps(self.curve))
        told = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
        print(f"  seed {self._plan.seed}, {step:,} decisions: {told}", file=sys.stderr)

    def _drive(self, env: Any, worlds: Sequence[int]) -> Driven:
        from quickstudy.learner import held_out_seed

        seeds = [held_out_seed(JOB, world) for world in worlds]
        return drive(env, lambda: self._make_act(env), seeds)

    def result(self, *packages: str) -> Line:
        """The line of JSON, after the exam at both densities."""
        spent = self._spent()
        dense = self._make()
        density = dense.unwrapped.config["vehicles_density"]
        dense.unwrapped.configure({"vehicles_density": DENSER * density})
        worlds = range(FIRST_EXAM_WORLD, FIRST_EXAM_WORLD + self._plan.exam)
        usual, denser = self._drive(self._env, worlds), self._drive(dense, worlds)
        return {
            "curve": self.curve,
            "exam": usual.returns,
            "crashes": usual.crashes,
            "speed": stats.mean(usual.speeds),
            "dense_exam": denser.returns,
            "dense_crashes": denser.crashes,
            **spent,
            "sittings": self.sittings,
            "peak_mb": round(runs.peak_mb()),
            "versions": runs.versions("numpy", "gymnasium", "highway-env", *packages),
        }


def ours(plan: Plan, clock: Clock, lives: Path) -> Line:
    """A learner hired for it, with no setting but its seed; goes on if it was interrupted."""
    import quickstudy as qs

    home = lives / f"{plan.seed}-{plan.steps}-{runs.fingerprint()}"
    home.mkdir(parents=True, exist_ok=True)
    path = home / "learner"
    is_there = (path / "experience.db").exists()
    with qs.open(path) if is_there else qs.hire(path, seed=plan.seed) as learner:

        def make_act(env: Any) -> Act:
            def act(observation: Any, info: dict[str, Any]) -> Any:
                frozen = learner.decide(observation, JOB, explore=False, record=False)
                return frozen.action

            return act

        examiner = Examiner(plan, clock, make_act, home / "checks.json")
        if learner.steps(JOB) < plan.steps:
            for moment in learner.work(JOB, plan.steps):
                examiner.stepped(moment.step)
        examiner.stepped(plan.steps)  # stopped between the last decision and its check
        result = examiner.result("jax", "jaxlib", "equinox")
    shutil.rmtree(home)
    return {**result, "source": runs.fingerprint()}


def incumbent(plan: Plan, clock: Clock) -> Line:
    """The driver model on the same roads; it learns nothing."""
    from quickstudy.jobs import registry

    model = registry.registry().find(JOB).incumbent
    assert model is not None and model.policy is not None
    examiner = Examiner(plan, clock, model.policy, None)
    examiner.stepped(plan.steps)
    return examiner.result()


def peer(plan: Plan, clock: Clock) -> Line:
    """SB3's DQN with the settings that highway-env publishes for it."""
    from stable_baselines3.common.callbacks import BaseCallback

    from quickstudy.jobs import registry

    model = peers.make_model(plan, registry.registry().find(JOB).make)

    def make_act(env: Any) -> Act:
        return lambda observation, info: int(model.predict(observation, deterministic=True)[0])

    examiner = Examiner(plan, clock, make_act, None)

    class Checks(BaseCallback):  # type: ignore[misc]
        def _on_step(self) -> bool:
            examiner.stepped(self.num_timesteps)
            return self.num_timesteps < plan.steps

    model.learn(plan.steps, callback=Checks())
    return examiner.result(*peers.PACKAGES[peers.TUNED])


def measure(lives: Path, plan: Plan, clock: Clock) -> Line:
    """Runs a plan here; see `runs.run`."""
    warnings.simplefilter("ignore")  # of the package, which is not judged here
    if plan.algorithm == OURS:
        return ours(plan, clock, lives)
    return incumbent(plan, clock) if plan.algorithm == INCUMBENT else peer(plan, clock)


# ---- the table


def report(lines: Sequence[Line], command: str) -> str:
    """The results file."""
    whole = [line for line in lines if "failed" not in line]
    notes = (
        "Seeds from 100 on are not those of development (0 to 14).",
        f"{tables.beside(lines)} Clocks leave checks and the last exam out.",
        f"Checks on {ROADS} held-out roads, the exam on {EXAM} others; speeds in m/s. *kept*: "
        f"share of the checks from {SETTLED:,} decisions on with return ≥ {BAR:g} and crash "
        f"≤ {CRASHES:.0%}; *worst crash*: of those. Intervals: stratified bootstrap, 95 %.",
        f"{PEER}: highway-env's published settings, one update a decision; their exploration "
        "schedule over all the decisions here.",
    )
    head = ["driver", "seeds", "return [95 %]", f"crash (bar {CRASHES:.0%})", "speed"]
    head += [f"return, {DENSER}× traffic", f"crash, {DENSER}× traffic", "decisions to the bar"]
    head += ["kept", "worst crash", "CPU min", "wall min"]
    names = sorted({line["plan"]["algorithm"] for line in whole}, key=_rank)
    rows = [
        _row(name, [ln for ln in whole if ln["plan"]["algorithm"] == name]) for name in names
    ]
    parts = [tables.header("Driver: ten hours on a motorway", command, lines, notes)]
    parts.append(tables.summary(tables.table(head, rows)))
    parts += ["## Check by check", _checks(whole)]
    return "\n\n".join(parts) + "\n"


def _rank(name: str) -> tuple[bool, bool, str]:
    return name != OURS, name == INCUMBENT, name


def _row(name: str, lines: Sequence[Line]) -> list[str]:
    settled = [p for ln in lines for p in ln["curve"] if p["step"] >= SETTLED]
    learns = name != INCUMBENT
    return [
        name,
        str(len(lines)) if learns else "—",
        _interval([line["exam"] for line in lines]),
        _share([line["crashes"] for line in lines]),
        tables.number(stats.mean([line["speed"] for line in lines])),
        _interval([line["dense_exam"] for line in lines]),
        _share([line["dense_crashes"] for line in lines]),
        tables.each(_steps_to_bar(line["curve"]) for line in lines) if learns else "—",
        tables.percent(
            stats.mean([is_safe(p) for p in settled]) if settled and learns else None
        ),
        tables.percent(max(p["crash"] for p in settled) if settled and learns else None),
        tables.number(stats.median([line["cpu"] / 60 for line in lines]) if learns else None),
        tables.number(stats.median([line["wall"] / 60 for line in lines]) if learns else None),
    ]


def is_safe(check: dict[str, float]) -> bool:
    """Whether a check is at the bar: fast enough, and hardly a crash."""
    return check["mean"] >= BAR and check["crash"] <= CRASHES


def _steps_to_bar(curve: Sequence[dict[str, float]]) -> int | None:
    return next((int(check["step"]) for check in curve if is_safe(check)), None)


def _interval(strata: Sequence[Sequence[float]]) -> str:
    value = stats.mean([score for group in strata for score in group])
    return tables.interval(value, stats.stratified_bootstrap(strata, stats.mean))


def _share(strata: Sequence[Sequence[bool]]) -> str:
    """A share of crashes with its interval, in percent."""
    value = stats.mean([crash for group in strata for crash in group])
    low, high = stats.stratified_bootstrap(strata, stats.mean)
    return f"{value:.1%} [{low:.1%}, {high:.1%}]"


def _checks(lines: Sequence[Line]) -> str:
    learners = [line for line in lines if line["plan"]["algorithm"] != INCUMBENT]
    steps = sorted({int(check["step"]) for line in learners for check in line["curve"]})
    rows = []
    for line in sorted(
        learners, key=lambda ln: (_rank(ln["plan"]["algorithm"]), ln["plan"]["seed"])
    ):
        found = {int(check["step"]): check for check in line["curve"]}
        cells = [
            f"{found[step]['mean']:.1f}, {found[step]['crash']:.0%}" if step in found else "—"
            for step in steps
        ]
        rows.append([f"{line['plan']['algorithm']}, {line['plan']['seed']}", *cells])
    return tables.table(["return, crash after", *(f"{step:,}" for step in steps)], rows)


# ---- the command


def main(arguments: list[str] | None = None) -> None:
    """Runs what is asked for and writes the table."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--measure"]:
        lives, plan, began = given[1:]
        found = measure(Path(lives), Plan(**json.loads(plan)), Clock(float(began)))
        print(json.dumps(found))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="default: %(default)s")
    parser.add_argument("--peers", default="none", help=f"{peers.TUNED} or none: %(default)s")
    parser.add_argument("--peers-only", action="store_true", help="without our learner")
    parser.add_argument("--peers-python", default=sys.executable, help="their interpreter")
    parser.add_argument("--workers", type=int, default=1, help="runs side by side")
    runs.add_options(parser)
    asked = parser.parse_args(arguments)
    if asked.peers not in (peers.TUNED, "none"):
        parser.error(f"unknown peer {asked.peers!r}; known: {peers.TUNED}, none")
    folder = runs.folder_asked(asked)
    lives = folder / "driver-lives"
    if not asked.resume and not asked.table:
        shutil.rmtree(lives, ignore_errors=True)
    names = [] if asked.peers_only else [INCUMBENT, OURS]
    names += [PEER] if asked.peers == peers.TUNED else []
    seeds = runs.seeds_asked(asked)
    todo = [] if asked.table else plans(names, seeds, asked.steps, asked.quick)
    path, worker = folder / "driver.jsonl", ("benchmarks.driver", "--measure", str(lives))
    pythons = {PEER: asked.peers_python}
    is_fine = runs.run_all(
        todo, path, asked.resume, pythons, workers=asked.workers, worker=worker
    )
    found = runs.read(path)
    if not any("failed" not in line for line in found):
        parser.error(f"no results in {path.name} yet")
    text = report(found, runs.command("driver", arguments))
    path.with_suffix(".md").write_text(text)
    print(text)
    sys.exit(0 if is_fine else 1)


def plans(names: Sequence[str], seeds: Sequence[int], steps: int, is_quick: bool) -> list[Plan]:
    """The incumbent once, then seed by seed."""
    size = QUICK if is_quick else Plan(JOB, OURS, 0, steps, EVERY, ROADS, EXAM)

    def plan(name: str, seed: int) -> Plan:
        return Plan(JOB, name, seed, size.steps, size.every, size.episodes, size.exam)

    todo = [plan(INCUMBENT, 0)] if INCUMBENT in names else []
    return todo + [plan(name, seed) for seed in seeds for name in names if name != INCUMBENT]


if __name__ == "__main__":
    main()
