"""One run of `benchmarks.delay`, in a process of its own; see `runs.run`.

    python -m benchmarks.delay_worker PLAN BEGAN

PLAN is a `runs.Plan` as JSON, BEGAN when the parent started this process [unix s]. Prints one
line of JSON. On payday: `curve`, the share of right keys on held-out worlds after so many
decisions, up to the bar, and `exam`, the same on other worlds. At the fork: `curve`, what the
learner makes of both branches after so many decisions.

Both learners meet the same worlds of work for a seed; nothing but their decisions differs.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.delay_jobs import BAR, FORK, Fork, payday
from benchmarks.runs import FIRST_EXAM_WORLD, OURS, Clock, Plan, fingerprint, peak_mb, versions
from quickstudy import life
from quickstudy.experience.log import Log
from quickstudy.jobs.gym import GymJob
from quickstudy.learner import held_out_seed
from quickstudy.life import Place
from quickstudy.mind import mind as minds
from quickstudy.mind import naive as naives
from quickstudy.mind.arbiter import SPEEDS
from quickstudy.mind.encoder import Frame
from quickstudy.mind.naive import Episode
from quickstudy.types import Array, End, Observation

GROWTH = 1.05  # decisions from one evaluation to the next
SEED_STRIDE = 1_000_000  # episodes of one learner; no two learners share a world of work

Make = Callable[[], GymJob]
CHANCE = "chance"  # what the naive learner has for worth

Act = Callable[[list[Observation]], Array]  # B situations → flat actions [B, F], best answers


class Ours:
    """Our mind in the loop that every job runs in; its log goes into `folder`."""

    def __init__(self, job: GymJob, seed: int, folder: Path):
        log = Log.create(folder / "experience.db")
        self._place = Place(job.name, job.layout, minds.init(job.spec, seed), log)
        self._seed = seed

    def work(self, make: Make, decisions: int) -> Iterator[int]:
        """Works and learns; yields the decisions taken so far after every one of them."""
        until = self._place.steps + decisions
        for moment, _ in life.live(self._place, make(), until, self._world):
            yield moment.step

    def act(self, seen: list[Observation]) -> Array:
        return np.stack([minds.act(self._place.mind, shown).flat for shown in seen])

    def weigh(self, shown: Observation) -> dict[str, list[float]]:
        """What each speed expects of every option, asked by allowing nothing else."""
        mind, only = self._place.mind, np.eye(self._place.mind.frame.spec.options, dtype=bool)
        told = [minds.act(mind, Observation(shown.raw, mask)).predictions[:2] for mask in only]
        return {
            speed: list(of) for speed, of in zip(SPEEDS, zip(*told, strict=True), strict=True)
        }

    def _world(self, episode: int) -> int:
        return self._seed * SEED_STRIDE + episode


class Unvalued:
    """The naive learner: it works a batch of whole episodes, then learns from them."""

    def __init__(self, job: GymJob, seed: int):
        self._settings, self._frame = naives.Settings(), Frame(job.spec)
        self._mind = naives.init(self._frame, self._settings, seed)
        self._rng, self._seed = np.random.default_rng([seed, 3]), seed
        self._decisions = self._episodes = 0

    def work(self, make: Make, decisions: int) -> Iterator[int]:
        """Works and learns; yields the decisions taken so far after every batch."""
        jobs = [make() for _ in range(self._settings.episodes)]
        until = self._decisions + decisions
        while self._decisions < until:
            batch = self._play(jobs)
            self._mind = naives.learn(
                self._mind, self._frame, self._settings, batch, self._seed
            )
            yield self._decisions

    def act(self, seen: list[Observation]) -> Array:
        return naives.act(self._mind, self._frame, seen)

    def weigh(self, shown: Observation) -> dict[str, list[float]]:
        """The chance of every option."""
        chances = naives.odds(self._mind, self._frame, [shown])[0, 0]
        return {CHANCE: chances[: self._frame.sizes[0]].tolist()}

    def _play(self, jobs: list[GymJob]) -> list[Episode]:
        """One whole episode of each job, side by side."""
        batch, first = [Episode() for _ in jobs], self._seed * SEED_STRIDE + self._episodes
        shown = {i: job.reset(first + i) for i, job in enumerate(jobs)}
        while shown:
            going = list(shown)
            flats = naives.act(self._mind, self._frame, list(shown.values()), self._rng)
            for i, flat in zip(going, flats, strict=True):
                step = jobs[i].step(flat)
                batch[i].add(shown[i], flat, step.reward)
                shown[i] = step.observation
                if step.end is not End.NOT:
                    del shown[i]
            self._decisions += len(going)
        self._episodes += len(jobs)
        return batch


def hired(plan: Plan, job: GymJob, folder: Path) -> Ours | Unvalued:
    """The learner that a plan asks for; it knows nothing."""
    return Ours(job, plan.seed, folder) if plan.algorithm == OURS else Unvalued(job, plan.seed)


# ---- payday


def paid(plan: Plan, clock: Clock, folder: Path) -> dict[str, Any]:
    """Works until the bar is reached, or `plan.steps` decisions."""
    delay = int(plan.job.rpartition("-")[2])

    def make() -> GymJob:
        return GymJob(payday(delay), name=plan.job)

    twin, due = make(), plan.every
    learner = hired(plan, twin, folder)
    curve: list[dict[str, float]] = []
    for decisions in learner.work(make, plan.steps):
        if decisions < due:
            continue
        due = int(decisions * GROWTH) + 1
        with clock.paused():
            share = share_right(learner.act, twin, range(plan.episodes))
        curve.append({"step": decisions, "mean": share})
        if share >= BAR:
            break
    worlds = range(FIRST_EXAM_WORLD, FIRST_EXAM_WORLD + plan.exam)
    return {"curve": curve, "exam": [share_right(learner.act, twin, worlds)]}


def share_right(act: Act, job: GymJob, worlds: range) -> float:
    """Share of right keys over whole episodes of best answers on held-out worlds."""
    rights: list[bool] = []
    for world in worlds:
        shown, end = job.reset(held_out_seed(job.name, world)), End.NOT
        while end is End.NOT:
            step = job.step(act([shown])[0])
            rights.append(step.info["right"])
            shown, end = step.observation, step.end
    return float(np.mean(rights))


# ---- the fork


def forked(plan: Plan, clock: Clock, folder: Path) -> dict[str, Any]:
    """`plan.steps` decisions elsewhere, then as many from the fork, where no outcome comes."""

    def make(from_fork: bool) -> GymJob:
        return GymJob(Fork(from_fork), name=plan.job)

    job = make(True)
    shown, learner = job.reset(0), hired(plan, job, folder)
    before = max(learner.work(lambda: make(False), plan.steps))
    curve = [{"step": 0, **learner.weigh(shown)}]
    for decisions in learner.work(lambda: make(True), plan.steps):
        if (decisions - before) % plan.every == 0:
            curve.append({"step": decisions - before, **learner.weigh(shown)})
    swamp, meadow = list(curve[-1].values())[-1]
    return {"curve": curve, "exam": [meadow - swamp]}


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    plan, clock = Plan(**json.loads(given[0])), Clock(float(given[1]))
    with tempfile.TemporaryDirectory() as folder:
        result = (forked if plan.job == FORK else paid)(plan, clock, Path(folder))
    result |= {"cpu": round(clock.cpu, 3), "wall": round(clock.wall, 3), "peak_mb": peak_mb()}
    found = versions("numpy", "gymnasium", "jax", "jaxlib", "equinox")
    print(json.dumps({**result, "versions": found, "source": fingerprint()}))


if __name__ == "__main__":
    main()
