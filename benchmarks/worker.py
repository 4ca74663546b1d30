"""One run of a benchmark, in a process of its own; see `runs.run`.

    python -m benchmarks.worker PLAN BEGAN

PLAN is a `runs.Plan` as JSON, BEGAN when the parent started this process [unix s]. Prints one
line of JSON:

    curve    per evaluation: step, mean return, CPU and wall seconds up to there
    exam     returns of the last evaluation, on worlds of its own
    early    returns of the first ten training episodes
    first_decision_seconds, wall, cpu, peak_mb, versions, source (ours)

Everybody is evaluated alike: frozen, best answers only, on the held-out worlds that
`Learner.check` uses (`held_out_seed`). The clocks start with the process, imports included,
and leave evaluations out; a peer's also leaves out importing quickstudy, which it needs for
nothing but to build the job.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.runs import (
    FIRST_EXAM_WORLD,
    INCUMBENT,
    OURS,
    Clock,
    Plan,
    fingerprint,
    peak_mb,
    versions,
)
from benchmarks.statistics import mean

if TYPE_CHECKING:
    from quickstudy.learner import Learner
    from quickstudy.mind.mind import Settings

# The value of a policy, where the job's package gives it exactly: job → f(decide) with
# decide(observation) → action. It takes the place of every evaluation.
EXACT = {"icu-doctor": "exact_sepsis"}
EARLY = 10  # training episodes that are listed

Evaluate = Callable[[range], list[float]]  # held-out worlds → returns


@dataclass
class Record:
    """What a run collects on its way."""

    plan: Plan
    clock: Clock
    evaluate: Evaluate
    curve: list[dict[str, float]] = field(default_factory=list)
    early: list[float] = field(default_factory=list)
    first_decision_seconds: float | None = None

    def decided(self) -> None:
        """A decision was taken."""
        if self.first_decision_seconds is None:
            self.first_decision_seconds = self.clock.wall

    def ended(self, earned: float) -> None:
        """A training episode ended."""
        if len(self.early) < EARLY:
            self.early.append(earned)

    def stepped(self, step: int) -> None:
        """A step was worked: evaluates where that is due."""
        if step % self.plan.every == 0 or step == self.plan.steps:
            spent = {"cpu": round(self.clock.cpu, 3), "wall": round(self.clock.wall, 3)}
            with self.clock.paused():
                score = mean(self.evaluate(range(self.plan.episodes)))
            self.curve.append({"step": step, "mean": score, **spent})

    def result(self, *packages: str) -> dict[str, Any]:
        """The line of JSON, after a last exam."""
        spent = {"cpu": round(self.clock.cpu, 3), "wall": round(self.clock.wall, 3)}
        worlds = range(FIRST_EXAM_WORLD, FIRST_EXAM_WORLD + self.plan.exam)
        return {
            "curve": self.curve,
            "exam": self.evaluate(worlds),
            "early": self.early,
            "first_decision_seconds": self.first_decision_seconds,
            **spent,
            "peak_mb": round(peak_mb()),
            "versions": versions("numpy", "gymnasium", *packages, *_packages(self.plan.job)),
        }


def work(plan: Plan, clock: Clock, settings: Settings | None = None) -> dict[str, Any]:
    """A run of our learner, hired for it, with no setting but its seed.

    settings: of its mind, for ablations alone.
    """
    import quickstudy as qs

    with (
        tempfile.TemporaryDirectory() as folder,
        qs.hire(Path(folder) / "learner", plan.seed, settings) as learner,
    ):
        record = Record(plan, clock, _checks(learner, plan.job))
        for moment in learner.work(plan.job, plan.steps):
            record.decided()
            if moment.end:
                record.ended(moment.episode_return)
            record.stepped(moment.step)
        result = record.result("jax", "jaxlib", "equinox")
        result["leader"] = learner.leader(plan.job)
    return {**result, "source": fingerprint()}


def _checks(learner: Learner, job: str) -> Evaluate:
    if job in EXACT:
        exact = globals()[EXACT[job]]

        def decide(observation: Any) -> Any:
            frozen = learner.decide(observation, job, explore=False, record=False)
            return frozen.action

        return lambda worlds: [exact(decide)]

    def check(worlds: range) -> list[float]:
        return list(learner.check(job, len(worlds), worlds.start).returns)

    return check


def exact_sepsis(decide: Callable[[Any], Any]) -> float:
    """The exact probability that a patient survives if treated as `decide` says."""
    import numpy as np

    from quickstudy.jobs.catalogue import icu_doctor

    env = icu_doctor.make()
    states = range(int(env.observation_space.n))  # type: ignore[attr-defined]
    treatments = np.eye(int(env.action_space.n))  # type: ignore[attr-defined]
    return icu_doctor.exact_value(env, treatments[[int(decide(s)) for s in states]])


def stand(plan: Plan, clock: Clock) -> dict[str, Any]:
    """The incumbent on the same worlds as everybody else; it learns nothing."""
    from quickstudy.jobs import registry

    entry = registry.registry().find(plan.job)
    if entry.incumbent is None or entry.incumbent.policy is None:
        raise SystemExit(f"{plan.job} has no incumbent that can be run")
    env, make_policy = entry.make(), entry.incumbent.policy
    evaluate = evaluation(env, lambda: make_policy(env), world_seeds(entry.name))
    record = Record(plan, clock, evaluate)
    record.stepped(plan.steps)
    result = record.result()
    env.close()
    return result


def world_seeds(job: str) -> Callable[[int], int]:
    """A held-out world's number → the seed of its reset, as `Learner.check` has it."""
    from quickstudy.learner import held_out_seed

    return lambda world: held_out_seed(job, world)


def evaluation(
    env: Any,
    make_policy: Callable[[], Callable[[Any, dict[str, Any]], Any]],
    seed_of: Callable[[int], int],
) -> Evaluate:
    """Plays each world once, with a policy made afresh for it."""

    def returns(worlds: Iterable[int]) -> list[float]:
        played = []
        for world in worlds:
            observation, info = env.reset(seed=seed_of(world))
            act, total, is_over = make_policy(), 0.0, False
            while not is_over:
                observation, reward, terminated, truncated, info = env.step(
                    act(observation, info)
                )
                total, is_over = total + float(reward), terminated or truncated
            played.append(total)
        return played

    return returns


def _packages(job: str) -> list[str]:
    from quickstudy.jobs import registry

    package = registry.registry().find(job).package
    return [package.partition("==")[0]] if package else []


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    plan, clock = Plan(**json.loads(given[0])), Clock(float(given[1]))
    warnings.simplefilter("ignore")  # of the jobs' packages, which are not judged here
    if plan.algorithm == OURS:
        result = work(plan, clock)
    elif plan.algorithm == INCUMBENT:
        result = stand(plan, clock)
    else:
        result = importlib.import_module("benchmarks.peers").learn(plan, clock)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
