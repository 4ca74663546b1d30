"""What differs when one thing is changed: the seed, one action, the whole policy.

From one seed and the same actions a repeatable job goes the same way twice. So any
difference after one action was replaced is that action's effect, with no statistics.

Left out: effects that show only later than a few steps, or only in situations that random
work does not reach; a finding says in how many situations it looked.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from quickstudy.clinic.finding import Finding, counted, listed
from quickstudy.clinic.record import Budget, Path, Policy, Tell, again, at_random, play
from quickstudy.clinic.settings import Settings
from quickstudy.jobs.check import leaf_at
from quickstudy.jobs.job import Job
from quickstudy.types import Array, End, Spec

AMOUNTS = (-1.0, -0.3, 0.3, 1.0)  # tried for each


@dataclass(frozen=True)
class Difference:
    """Where two episodes part: the step, what differs there, and by how much of its size."""

    step: int
    what: str
    size: float

    def __str__(self) -> str:
        return f"{self.what} at step {self.step}, by {self.size:.2g} of its size"


def difference(one: Path, other: Path, spec: Spec) -> Difference | None:
    """The first difference between two episodes; None where there is none."""
    for step in range(min(len(one.shown), len(other.shown))):
        parts = np.flatnonzero(one.shown[step] != other.shown[step])
        if len(parts):
            i = int(parts[0])
            a, b = float(one.shown[step, i]), float(other.shown[step, i])
            return Difference(step, leaf_at(spec, i), _apart(a, b))
        if step < min(len(one), len(other)) and one.reward[step] != other.reward[step]:
            size = _apart(float(one.reward[step]), float(other.reward[step]))
            return Difference(step + 1, "the reward", size)
    if len(one) != len(other) or one.end != other.end:
        return Difference(min(len(one), len(other)), "the end", 1.0)
    return None


def _apart(a: float, b: float) -> float:
    return abs(a - b) / max(abs(a), abs(b), 1e-30)


# ── Seeds ───────────────────────────────────────────────────────────────────────────────


def twice(
    job: Job, paths: Sequence[Path], settings: Settings, budget: Budget
) -> list[Difference]:
    """Plays the first episodes again, after all that came since; where they differ."""
    found = []
    for path in paths[: settings.seeds]:
        actions = path.action[: settings.compared_steps]
        once = play(job, path.seed, again(actions), len(actions), budget)
        if len(once) < len(actions) and budget.is_spent:
            break
        if differs := difference(_first(path, len(actions)), once, job.spec):
            found.append(differs)
    return found


def _first(path: Path, steps: int) -> Path:
    """The episode's first steps."""
    end = path.end if steps >= len(path) else End.NOT
    return Path(
        path.seed, path.shown[: steps + 1], path.action[:steps], path.reward[:steps], end
    )


def repeatable(found: Sequence[Difference], tried: int, settings: Settings) -> Finding:
    """Whether the same seed and the same actions gave the same episode."""
    name = "repeatable"
    if not tried:
        return Finding(name, "noted", "not examined: no episode could be worked")
    if not found:
        return Finding(name, "ok", f"{counted(tried, 'episode')} twice the same under its seed")
    largest = max(found, key=lambda each: each.size)
    shown = f"{len(found)} of {counted(tried, 'episode')} differ; first in {found[0]}"
    if largest.size < settings.rounding:
        return Finding(name, "noted", f"{shown}: rounding", "harmless but for exact replays")
    advice = "draw all randomness from the generator that reset(seed) makes"
    return Finding(name, "noted", shown, advice)


def worlds(
    job: Job, paths: Sequence[Path], settings: Settings, budget: Budget, is_repeatable: bool
) -> Finding:
    """Whether seeds give different worlds at all: same actions, other seeds."""
    name = "worlds"
    if not paths:
        return Finding(name, "noted", "not examined: no episode could be worked")
    first = max(paths[: settings.seeds], key=len)
    first = _first(first, min(len(first), settings.compared_steps))
    seeds = [path.seed for path in paths[1 : 1 + settings.seeds] if path.seed != first.seed]
    seeds = seeds or [first.seed + 1]
    others = [play(job, seed, again(first.action), len(first), budget) for seed in seeds]
    starts = sum(not np.array_equal(o.shown[:1], first.shown[:1]) for o in others)
    courses = sum(difference(first, other, job.spec) is not None for other in others)
    shown = (
        f"of {counted(len(others), 'other seed')}, {starts} start elsewhere and {courses} go "
        "another way under the same actions"
    )
    if courses == 0:
        advice = (
            "there is one world only, so no exam can tell what was learned from what was "
            "memorised: draw the start, or the conditions, from the seed"
        )
        return Finding(name, "noted", shown, advice)
    if not is_repeatable:
        advice = "seeds change nothing that would not change without them"
        return Finding(name, "noted", shown, f"not repeatable, so {advice}")
    return Finding(name, "ok", shown)


# ── One action replaced ─────────────────────────────────────────────────────────────────


@dataclass
class Trials:
    """What came of replacing one part of an action, over all situations tried.

    outcomes: for each part of the action, one dict a situation: what was tried -> what came,
    as bytes that are equal where nothing differed.
    """

    spec: Spec
    outcomes: dict[int, list[dict[float, bytes]]] = field(default_factory=dict)

    def is_dead(self, part: int) -> bool:
        return all(len(set(tried.values())) < 2 for tried in self.outcomes[part])

    def situations(self, part: int) -> int:
        return sum(len(tried) > 1 for tried in self.outcomes.get(part, ()))

    def name(self, part: int) -> str:
        choices = len(self.spec.choices)
        if part < choices:
            return f"choice {part}" if choices > 1 else "the choice"
        alone = self.spec.amounts == 1
        return "the amount" if alone else f"amount {part - choices}"


def replaced(
    job: Job,
    paths: Sequence[Path],
    settings: Settings,
    budget: Budget,
    tell: Tell,
    seed: int = 0,
) -> Trials:
    """Replays episodes up to some step, and tries other actions there."""
    random = np.random.default_rng(seed)
    parts = range(len(job.spec.choices) + job.spec.amounts)
    trials = Trials(job.spec, {part: [] for part in parts})
    worked = [path for path in paths if len(path)]
    if not worked:
        return trials
    for number, part in itertools.product(range(settings.points), parts):
        path = worked[int(random.integers(len(worked)))]
        at = int(random.integers(min(len(path), settings.deepest)))
        values = _alternatives(job.spec, part, path.masks[at], settings.options, random)
        tried = {}
        for value in values:
            came = play(
                job,
                path.seed,
                _one_other(path, at, part, value),
                at + 1 + settings.follow,
                budget,
            )
            if budget.is_spent:
                return trials
            tried[value] = signature(came, at)
        trials.outcomes[part].append(tried)
        tell("trying other actions", number / settings.points)
    return trials


def _alternatives(
    spec: Spec, part: int, mask: Array | None, most: int, random: np.random.Generator
) -> list[float]:
    """Values to try for one part of an action: allowed options, or amounts."""
    if part >= len(spec.choices):
        return list(AMOUNTS)
    first, size = sum(spec.choices[:part]), spec.choices[part]
    options = np.arange(size)
    if mask is not None:
        options = np.flatnonzero(mask[first : first + size])
    if len(options) > most:
        options = random.choice(options, most, replace=False)
    return [float(option) for option in np.sort(options)]


def _one_other(path: Path, at: int, part: int, value: float) -> Policy:
    """The path's own actions, but for one part of one of them, and that held on."""
    other = path.action[at].copy()
    other[part] = value

    def act(shown: object, step: int) -> Array | None:
        if step == at:
            return other
        return path.action[step] if step < len(path) else path.action[-1]

    return act


def signature(came: Path, at: int) -> bytes:
    """All that followed the action, as bytes: observations, rewards, the end, a refusal."""
    shown = (came.shown[at + 1 :] + 0.0).tobytes()  # + 0.0: minus zero is zero
    return (
        shown
        + b"|"
        + (came.reward[at:] + 0.0).tobytes()
        + bytes([came.end, bool(came.trouble)])
    )


def effects(trials: Trials, settings: Settings) -> Finding:
    """Which parts of an action, and which options, never made a difference."""
    name = "effect of actions"
    looked = [part for part in trials.outcomes if trials.situations(part)]
    if not looked:
        return Finding(name, "noted", "not examined: no two actions could be compared")
    dead = [part for part in looked if trials.is_dead(part)]
    tried = f"in {counted(min(trials.situations(part) for part in looked), 'situation')}"
    if len(dead) == len(trials.outcomes):
        advice = "the environment ignores what is done: check how it reads the action"
        return Finding(name, "ill", f"nothing done made any difference {tried}", advice)
    if dead:
        names = listed([trials.name(part) for part in dead])
        advice = "check how the environment reads it; if it does nothing, leave it out"
        return Finding(name, "noted", f"never made a difference {tried}: {names}", advice)
    if same := list(_same_options(trials, settings)):
        advice = "fine if they matter elsewhere; else leave one of each out"
        return Finding(name, "noted", f"never told apart {tried}: {listed(same)}", advice)
    return Finding(
        name, "ok", f"each of {counted(len(looked), 'part')} makes a difference, {tried}"
    )


def _same_options(trials: Trials, settings: Settings) -> Iterator[str]:
    """Groups of options of a choice that no situation told apart."""
    for part, size in enumerate(trials.spec.choices):
        group_of = dict.fromkeys(range(size), -1)
        for a, b in itertools.combinations(range(size), 2):
            shared = [t[a] == t[b] for t in trials.outcomes[part] if a in t and b in t]
            if len(shared) >= settings.least_points and all(shared) and group_of[b] < 0:
                group_of[b] = a if group_of[a] < 0 else group_of[a]
        for first in sorted({group for group in group_of.values() if group >= 0}):
            same = [str(first), *(str(b) for b, a in group_of.items() if a == first)]
            yield f"options {', '.join(same)} of {trials.name(part)}"


# ── Whole policies ──────────────────────────────────────────────────────────────────────


def compare(
    job: Job, settings: Settings, budget: Budget, rate: float, tell: Tell, seed: int = 0
) -> tuple[list[str], Array, int]:
    """Constant actions and random ones on the same worlds: names, returns, steps at most.

    Args:
      rate: steps a second that the job makes. Long episodes are cut for all policies alike,
        so that the budget lasts for a few worlds; worlds that do not fit are left out.

    Returns:
      Names of the policies, their returns [policies, worlds], and where episodes were cut.
    """
    named = list(_constant_actions(job.spec, settings.policies))
    affordable = min(budget.left, int(rate * budget.seconds_left))
    fits = affordable // (len(named) * settings.least_worlds)
    limit = max(1, min(settings.longest, fits))
    columns: list[list[float]] = []
    for number in range(settings.policy_seeds):
        earned = []
        for _, action in named:
            path = play(
                job, seed + number, _constantly(job.spec, action, seed + number), limit, budget
            )
            if path.trouble or (path.end is End.NOT and len(path) < limit):
                break  # the budget is spent
            earned.append(float(path.reward.sum()))
        if len(earned) < len(named):
            break
        columns.append(earned)
        tell("comparing policies", number / settings.policy_seeds)
    return [name for name, _ in named], np.array(columns).T, limit


def _constant_actions(spec: Spec, most: int) -> Iterator[tuple[str, Array | None]]:
    """Random work (None), then actions that are held on to."""
    yield "random", None
    choices, amounts = len(spec.choices), spec.amounts
    middle = np.concatenate([np.zeros(choices), np.zeros(amounts)]).astype(np.float32)
    if choices:
        for option in range(min(max(spec.choices), most)):
            action = middle.copy()
            action[:choices] = np.minimum(option, np.array(spec.choices) - 1)
            yield f"always option {option}", action
    else:
        for amount in (-1.0, 0.0, 1.0):
            yield f"always amount {amount:g}", np.full(amounts, amount, np.float32)


def _constantly(spec: Spec, action: Array | None, seed: int) -> Policy:
    """The same action where it is allowed, else a random one."""
    random = at_random(spec, seed)
    if action is None:
        return random

    def act(shown: object, step: int) -> Array | None:
        mask = shown.mask  # type: ignore[attr-defined]
        allowed = mask is None or all(
            mask[first + int(option)]
            for first, option in zip(_starts(spec), action, strict=False)
        )
        return action if allowed else random(shown, step)  # type: ignore[arg-type]

    return act


def _starts(spec: Spec) -> list[int]:
    return [sum(spec.choices[:i]) for i in range(len(spec.choices))]
