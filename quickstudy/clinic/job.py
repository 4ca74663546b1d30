"""Can this job be learned? Works at it with random actions, and says what it found.

    examine("CartPole-v1").raise_if_ill()
    print(examine(my_env))

Findings are pure functions of what was recorded (`observations`, `rewards`, `predict`), or
of what differs when one thing is changed (`replay`); this file runs them in order. `check`
asks whether an adapter keeps its word; the doctor takes that for granted.

Whose ideas: the lists of what goes wrong in reinforcement learning before any learner is to
blame by Andy Jones ("Debugging RL, Without the Agonizing Pain") and by Pardo et al. (2018),
"Time Limits in Reinforcement Learning"; the tests are our own.

Left out: whether the reward means what it should, which nobody can see from here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import gymnasium

from quickstudy.clinic import effort, observations, predict, replay, rewards
from quickstudy.clinic.finding import Finding, Report, counted, in_order
from quickstudy.clinic.record import Budget, Path, Record, Tell, record
from quickstudy.clinic.settings import Settings
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.job import Job
from quickstudy.jobs.registry import registry

DEFAULT = Settings()
FIRST_SEED = 20_000  # development uses 0 to 14, results 100 to 104, incumbents 10,000 on
# Shares of the time allowed; the rest is for statistics.
AT_RANDOM, IN_REPLAYS, IN_POLICIES = 0.4, 0.2, 0.2


def _quiet(doing: str, share: float) -> None:
    """Tells nobody."""


def examine(
    job: Job | gymnasium.Env | str,
    entry: Entry | None = None,
    settings: Settings = DEFAULT,
    seed: int = FIRST_SEED,
    tell: Tell = _quiet,
) -> Report:
    """Works at a job with random allowed actions, and says what is wrong with it.

    Args:
      job: a Job, a Gymnasium environment, or a job's name. It is closed afterwards.
      entry: what the catalogue knows of it (the bar); found by itself for a name.
      settings: how long to look, and every threshold.
      seed: of the first world and of all that is drawn.
      tell: called on the way with what is being done and its share done, in [0, 1].

    Returns:
      The findings, ill ones first. What the job raises while it works is a finding.

    Raises:
      UnknownJob, JobFailed, UnsupportedSpace: there is no job to work at.
    """
    if isinstance(job, str):
        entry = entry or registry().find(job)
        job = registry().make(job)
    elif isinstance(job, gymnasium.Env):
        job = GymJob(job)
    start = time.monotonic()
    try:
        return _examined(job, entry, settings, seed, tell, start)
    finally:
        _close_quietly(job)


def _close_quietly(job: Job) -> None:
    try:
        job.close()
    except Exception:
        return  # `check` looks at closing


def _examined(
    job: Job, entry: Entry | None, settings: Settings, seed: int, tell: Tell, start: float
) -> Report:
    steps = max(200, min(settings.steps, settings.numbers // max(job.spec.raw_size, 1)))
    budget = Budget(min(steps, settings.steps), settings.seconds * AT_RANDOM)
    began = time.monotonic()
    seen, paths = record(job, settings, seed, budget, tell)
    rate = len(seen.reward) / max(time.monotonic() - began, 1e-9)
    extra = Budget(settings.extra_steps // 2, settings.seconds * IN_REPLAYS)
    found = _from_replays(job, seen, paths, settings, extra, tell)
    more = Budget(settings.extra_steps - extra.spent, settings.seconds * IN_POLICIES)
    names, returns, limit = replay.compare(job, settings, more, rate, tell, seed)
    found.append(rewards.indifferent(names, returns, limit, _is_repeatable(found), settings))
    tell("computing", 0.0)
    found += _from_record(seen, entry, settings)
    found.append(_looked(seen, extra.spent + more.spent, time.monotonic() - start))
    return Report(job.name, in_order(found))


def _looked(seen: Record, extra: int, seconds: float) -> Finding:
    """How long and how closely: what every other finding rests on."""
    shown = (
        f"{counted(len(seen.reward), 'random step')} in {counted(seen.episodes, 'episode')}, "
        f"{extra:,} replayed or compared ones, {seconds:.0f} s"
    )
    if seen.stopped_by == "steps":
        return Finding("looked", "ok", shown)
    advice = "a slow job: allow more seconds to see more of it"
    return Finding("looked", "noted", f"{shown}; the time allowed was over", advice)


def _from_replays(
    job: Job, seen: Record, paths: list[Path], settings: Settings, budget: Budget, tell: Tell
) -> list[Finding]:
    """Findings that rest on doing the same again, but for one thing."""
    tried = min(settings.seeds, len(paths))
    apart = replay.twice(job, paths, settings, budget)
    findings = [
        replay.repeatable(apart, tried, settings),
        replay.worlds(job, paths, settings, budget, is_repeatable=not apart),
    ]
    if not apart:
        trials = replay.replaced(job, paths, settings, budget, tell)
        return [*findings, replay.effects(trials, settings)]
    return [*findings, predict.effects(seen, settings)]


def _is_repeatable(found: list[Finding]) -> bool:
    return any(f.name == "repeatable" and f.result == "ok" for f in found)


def _from_record(seen: Record, entry: Entry | None, settings: Settings) -> list[Finding]:
    """Findings that are pure functions of what was seen."""
    bar, known = (entry.bar, entry.random_score) if entry else (None, None)
    found = observations.findings(seen, settings)
    found += [
        rewards.seen(seen.reward, seen.returns, seen.ends),
        rewards.scale(seen.reward, settings),
    ]
    if not len(seen.reward):
        return found
    looks: list[Callable[[], Finding]] = [
        lambda: rewards.endings(seen, settings),
        lambda: rewards.horizon(seen, settings),
        lambda: predict.history(seen, settings),
        lambda: predict.predictable(seen, settings),
        lambda: rewards.against_bar(seen.returns, bar, known, settings),
        lambda: effort.decisions(seen),
    ]
    return found + [look() for look in looks]
