"""Five jobs one after the other, and back to the first: what is kept of each.

    python -m benchmarks.sequence                    # an hour or two; five seeds
    python -m benchmarks.sequence --quick            # minutes; one seed, a tenth, no table here
    python -m benchmarks.sequence --seeds 100,101 --ways ours
    python -m benchmarks.sequence --resume           # goes on where it was interrupted

One learner, one life: CartPole, the anaesthetist, CliffWalking, Pendulum, MountainCar, CartPole
again. A job is checked every fifth of its sessions, and at the end of everything, on the same
held-out worlds. *Peak* is the best check of its own sessions. The best of several noisy checks
flatters it, so what is left is told against the end of its first session too; both from random
actions (0) to the peak, or to that end (1).

Beside it plain fine-tuning: one network goes from job to job, without the experience behind it.
All five jobs are padded to one shape for it, and amounts cut into levels. Its statistics of
what was shown go along with it: a job whose numbers are small beside an earlier one's is then
hard to see, and what it never learns it cannot forget.

Left out: jobs of one family (see `transfer`, `merging`); fine-tuning with replay.

Developed on seeds 0 to 2, with short jobs.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import jax
import numpy as np

import quickstudy as qs
from benchmarks import families, runs, tables
from benchmarks.runs import Line
from benchmarks.statistics import mean, stratified_bootstrap
from quickstudy.collective.prospect import is_same
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.registry import registry
from quickstudy.learner import Learner
from quickstudy.mind.mind import Learned, Mind

ORDER = (
    ("CartPole-v1", 5_000), ("anaesthetist", 3_000), ("CliffWalking-v1", 2_000),
    ("Pendulum-v1", 2_000), ("MountainCar-v0", 3_000), ("CartPole-v1", 2_000),
)  # fmt: skip
JOBS = tuple(dict.fromkeys(job for job, _ in ORDER))
FIRST = JOBS[0]  # and last
CHECKS, WORLDS, FIRST_WORLD = 5, 20, 4_000
# Every world is the same one, so one shows all of a frozen mind; random actions take thousands
# of steps there, and still differ.
FEWER = {"CliffWalking-v1": (1, 5)}  # worlds of a check, of random actions
BAR = 0.95
WAYS = {"ours": "quickstudy", "tuned": "fine-tuning"}
Sessions = Sequence[tuple[str, int]]
Curve = list[tuple[int, float]]  # (steps of a session, mean of a check)


def one(way: str, seed: int, share: float) -> Line:
    """A life with sessions as long as `share` has it, or what random actions earn."""
    about = {"way": way, "seed": seed, "share": share}
    if way == "random":
        worlds = {job: FEWER.get(job, (0, WORLDS))[1] for job in JOBS}
        earn = {job: families.by_chance(job, worlds[job], FIRST_WORLD) for job in JOBS}
        return {**about, "earn": earn}
    sessions = [(job, round(steps * share)) for job, steps in ORDER]
    with tempfile.TemporaryDirectory() as folder:
        return {**about, **(career if way == "ours" else tuned)(Path(folder), seed, sessions)}


# ---- one learner


def career(home: Path, seed: int, sessions: Sessions) -> Line:
    """`moved`: jobs whose minds did not stay bit-equal while another was at work."""
    curves, kept, moved = [], {}, set[str]()
    with qs.hire(home / "career", seed=seed) as learner:
        for job, steps in sessions:
            learner.enter(job)
            curves.append(_session(learner, job, steps, job in kept))
            kept[job] = _copy(learner.mind(job))
            moved |= {other for other in kept if not is_same(kept[other], learner.mind(other))}
        final = {job: _score(learner.mind(job), job) for job in kept}
    return {"curves": curves, "final": final, "moved": sorted(moved)}


def _session(learner: Learner, job: str, steps: int, is_back: bool) -> Curve:
    """A check after each fifth; before the first step too, where it was at work before."""
    due = {round(steps * (part + 1) / CHECKS) for part in range(CHECKS)}
    curve = [(0, _score(learner.mind(job), job))] if is_back else []
    for step, _ in enumerate(learner.work(job, steps), 1):
        if step in due:
            curve.append((step, _score(learner.mind(job), job)))
    return curve


def _score(mind: Mind, job: str) -> float:
    worlds, _ = FEWER.get(job.removeprefix(PADDED), (WORLDS, 0))
    return families.score(mind, job, worlds, FIRST_WORLD)


def _copy(mind: Mind) -> Mind:
    learned = jax.tree.map(np.array, mind.learned)
    return replace(mind, learned=learned, counts=replace(mind.counts))


# ---- plain fine-tuning

PADDED = "padded "  # before a job's name
WIDTH, OPTIONS = 48, 5  # CliffWalking's cells, and levels of an amount


class Padded(gym.Wrapper):  # type: ignore[type-arg]
    """A job in a shape that fits all five: numbers with zeros behind, and one choice of which
    some options may be forbidden. An amount is chosen by level, from its least to its most."""

    def __init__(self, env: Any):
        super().__init__(env)
        own = env.action_space
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (WIDTH,), np.float32)
        self.action_space = gym.spaces.Discrete(OPTIONS)
        self._levels: Any = None
        self._mask = np.ones(OPTIONS, np.int8)
        if isinstance(own, gym.spaces.Discrete):
            self._mask[own.n :] = 0
        else:
            self._levels = np.linspace(own.low, own.high, OPTIONS, dtype=np.float32)

    def reset(self, **given: Any) -> Any:
        shown, info = self.env.reset(**given)
        return self._padded(shown), {**info, "action_mask": self._mask}

    def step(self, action: Any) -> Any:
        own = int(action) if self._levels is None else self._levels[action]
        shown, *rest, info = self.env.step(own)
        return self._padded(shown), *rest, {**info, "action_mask": self._mask}

    def _padded(self, shown: Any) -> np.ndarray:
        flat = gym.spaces.flatten(self.env.observation_space, shown)
        return np.pad(flat.astype(np.float32), (0, WIDTH - len(flat)))


def enter() -> None:
    """Puts the padded jobs into the registry of this process."""

    def make(job: str) -> Any:
        return Padded(registry().find(job).make())

    for job in JOBS:
        registry().add(Entry(PADDED + job, "For fine-tuning", partial(make, job)))


def tuned(home: Path, seed: int, sessions: Sessions) -> Line:
    """A learner a session, so that nothing but what was learned is carried over."""
    curves, minds = [], dict[str, Mind]()
    learned: Learned | None = None
    for number, (job, steps) in enumerate(sessions):
        name = PADDED + job
        with qs.hire(home / str(number), seed=seed) as learner:
            learner.enter(name)
            mind = learner.mind(name)
            mind.learned = learned or mind.learned
            curves.append(_session(learner, name, steps, job in minds))
            minds[job], learned = mind, mind.learned
    now = {job: replace(mind, learned=learned) for job, mind in minds.items()}
    return {"curves": curves, "final": {job: _score(now[job], PADDED + job) for job in now}}


# ---- the table


def kept(line: Line, job: str, random: float) -> tuple[float | None, float | None]:
    """What is left in the end of a job's peak, and of the end of its first session.

    From random actions (0) to that (1); None where that was no better than random actions.
    """
    own = [curve for (at, _), curve in zip(ORDER, line["curves"], strict=True) if at == job]
    peak = max(value for curve in own for step, value in curve if step)
    end, final = own[0][-1][1], line["final"][job]
    return _share(final, peak, random), _share(final, end, random)


def back(line: Line, random: float) -> float | None:
    """The first job before a step of its second session, of the peak of its first."""
    peak = max(value for _, value in line["curves"][0])
    return _share(line["curves"][-1][0][1], peak, random)


def _share(value: float, high: float, low: float) -> float | None:
    return (value - low) / (high - low) if high > low else None


def written(lines: Sequence[Line], command: str) -> str:
    """A row for every job and each way, and the way back."""
    random = next(line["earn"] for line in lines if line["way"] == "random")
    rows, said = [], []
    for way, name in WAYS.items():
        own = [line for line in lines if line["way"] == way]
        if not own:
            continue
        met = []
        for job in JOBS:
            shares = [kept(line, job, random[job]) for line in own]
            ends = [line["curves"][JOBS.index(job)][-1][1] for line in own]
            final = mean([line["final"][job] for line in own])
            met.append([share for share, _ in shares])
            rows.append(
                [f"{job}: {name}", tables.number(random[job]), tables.number(mean(ends)),
                 tables.number(final), *_told(met[-1]), *_told([end for _, end in shares])]
            )  # fmt: skip
        home = [back(line, random[FIRST]) for line in own]
        rows.append([f"back at {FIRST}: {name}", "", "", "", *_told(home), "", ""])
        said.append(
            f"{name.capitalize()}: of the peak {BAR:.0%} is left in the end {_times(met)}, and "
            f"before the first step back at {FIRST} {_times([home])}."
        )
        if way == "ours":
            moved = sum(bool(line["moved"]) for line in own)
            said.append(
                f"Minds of jobs not at work changed by a bit in {moved} of {len(own)} careers."
            )
    seeds = list(dict.fromkeys(line["seed"] for line in lines if line["way"] != "random"))
    head = ["job", "random", "end of first session", "final", "final/peak [95 %]", "each seed",
            "final/end of first session [95 %]", "each seed"]  # fmt: skip
    sessions = ", ".join(f"{job} {steps * lines[-1]['share']:,.0f}" for job, steps in ORDER)
    return "\n".join(
        [
            "# Five jobs in a row, and back to the first",
            "",
            f"Made by `{command}` on {lines[-1]['date']}; do not edit. Source "
            f"{lines[-1]['source']}; seeds {', '.join(map(str, seeds))}; {runs.machine()}.",
            "",
            f"Steps: {sessions}. {WORLDS} held-out worlds a check, {CHECKS} checks a session. "
            "Means over seeds; shares from random actions (0) to the peak, or to that end (1), "
            f"with bootstrap intervals over seeds; bar: {BAR:.0%} of the peak. A peak is the "
            "best of noisy checks, and so too high. *Back*: the check before the first step of "
            "the second session, of the first one's peak. On CliffWalking random actions lose "
            "so much that walking in circles until a trial is cut off scores about .82. "
            "Fine-tuning: one network, all jobs padded to one shape, no old experience.",
            "",
            tables.summary(" ".join(said)),
            "",
            tables.table(head, rows),
            "",
        ]
    )  # fmt: skip


def _told(shares: Sequence[float | None]) -> list[str]:
    """Mean and interval; each seed. Who never learned has nothing to keep."""
    known = [share for share in shares if share is not None]
    whole = tables.interval(mean(known), stratified_bootstrap([known], mean)) if known else "—"
    return [whole, " / ".join(map(tables.number, shares))]


def _times(shares: Sequence[Sequence[float | None]]) -> str:
    known = [share for of in shares for share in of if share is not None]
    return f"{sum(share >= BAR for share in known)} of {len(known)} times"


def main(arguments: list[str] | None = None) -> int:
    """Runs what was asked for, or one line of it."""
    parser = runs.options("sequence", __doc__, ("WAY", "SEED", "SHARE"))
    parser.add_argument("--ways", default=",".join(WAYS), help="which, with commas")
    asked = parser.parse_args(arguments)
    enter()
    if asked.one:
        way, seed, share = asked.one
        print(json.dumps(one(way, int(seed), float(share))))
        return 0
    seeds = runs.seeds_asked(asked)
    share = "0.1" if asked.quick else "1"
    lives = [(way, str(seed), share) for seed in seeds for way in asked.ways.split(",")]
    tasks = [("random", "0", share), *lives]
    runs.tabulate("sequence", asked, tasks, written, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
