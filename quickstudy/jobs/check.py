"""The exam for adapters: does this job behave as a learner relies on it to?

    check_job("CartPole-v1").raise_if_failed()
    print(check_job(my_job))

Anybody's adapter can run it. Every check gives a finding with its evidence and what to do:
"ok", "failed" (a learner would learn something false, or stop), or "noted" (worth knowing,
no fault). Nothing raises until it is asked to. (The spirit is that of Gymnasium's checker
and river's checks: a plugin's author runs the same tests as we do.)

Left out: whether the reward means what it should, which no checker can tell; and whether
two copies in one process disturb each other.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
import numpy as np

from quickstudy.errors import JobFailed, QuickstudyError
from quickstudy.jobs import registry
from quickstudy.jobs.findings import Findings
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.job import Job
from quickstudy.jobs.specs import describe_change, spec_from_json, spec_to_json
from quickstudy.types import Array, End, Leaf, Observation, Spec, Step

Result = Literal["ok", "failed", "noted"]
Check = Callable[[], "Finding"]

MOST_EXTREMES = 200  # tried a job; a job of thousands of options would take all day


@dataclass(frozen=True)
class Finding:
    """One check: its name, how it went, what was seen, and what to do about it."""

    name: str
    result: Result
    evidence: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f" → {self.advice}" if self.advice else ""
        return f"{self.result:6} {self.name}: {self.evidence}{advice}"


@dataclass(frozen=True)
class Report(Findings[Finding]):
    """All findings about one job, in the order in which they were made."""

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that need mending."""
        return tuple(f for f in self.findings if f.result == "failed")

    def raise_if_failed(self) -> None:
        """Raises JobFailed that lists every failed check."""
        if self.failed:
            listed = "; ".join(f"{f.name} ({f.evidence}; {f.advice})" for f in self.failed)
            raise JobFailed(f"Job '{self.job}' fails {len(self.failed)} checks: {listed}.")


def check_job(
    job: Job | gymnasium.Env | str, episodes: int = 3, seed: int = 0, steps: int = 2_000
) -> Report:
    """Works at a job with random allowed actions, and looks whether it keeps its word.

    Args:
      job: a Job, a Gymnasium environment, or a job's name. It is closed afterwards.
      episodes: how many to work through for the record.
      seed: of the job and of the actions.
      steps: at most so many in all for that record, for jobs whose episodes are long.

    Returns:
      The findings. A check that cannot go on ends the examination there.

    Raises:
      UnknownJob: no job of that name. Everything else is a finding.
    """
    if isinstance(job, str):
        job = registry.make(job)
    elif isinstance(job, gymnasium.Env):
        try:
            job = GymJob(job)
        except QuickstudyError as error:
            return Report(str(job), (_refused("spaces", error),))
    exam = _Exam(job, seed)
    for name, check in _checks(exam, episodes, steps):
        try:
            exam.findings.append(check())
        except Exception as error:
            exam.findings.append(_refused(name, error))
            _close_quietly(job)
            break
    return Report(job.name, tuple(exam.findings))


def _refused(name: str, error: Exception) -> Finding:
    mended = isinstance(error, QuickstudyError)
    advice = "do what it says" if mended else "make the adapter raise no other error than ours"
    return Finding(name, "failed", f"{type(error).__name__}: {error}", advice)


def _close_quietly(job: Job) -> None:
    try:
        job.close()
    except Exception:
        return  # the failure that ended the examination is the one to report


@dataclass
class _Exam:
    """A job under examination, and what was seen of it so far."""

    job: Job
    seed: int
    findings: list[Finding] = field(default_factory=list)
    spec: Spec = field(init=False)
    record: list[list[tuple[Observation, Array | None, Step | None]]] = field(
        default_factory=list
    )

    def __post_init__(self) -> None:
        self.spec = self.job.spec
        self.random = np.random.default_rng(self.seed)


def _checks(exam: _Exam, episodes: int, steps: int) -> Iterator[tuple[str, Check]]:
    """The examination, from what everything rests on to what is nice to know."""
    yield "spec", lambda: _spec(exam.spec)
    yield "episodes", lambda: _episodes(exam, episodes, steps)
    yield "observations", lambda: _observations(exam)
    yield "bounds", lambda: _bounds(exam)
    yield "copies", lambda: _copies(exam)
    yield "masks", lambda: _masks(exam)
    yield "rewards", lambda: _rewards(exam)
    yield "time limit", lambda: _time_limit(exam)
    yield "repeatable", lambda: _repeatable(exam, min(steps, 200))
    yield "step after end", lambda: _step_after_end(exam, steps)
    yield "extreme actions", lambda: _extreme_actions(exam)
    yield "spec stays", lambda: _spec_stays(exam)
    yield "close", lambda: _close(exam.job)


# ── The checks ──────────────────────────────────────────────────────────────────────────


def _spec(spec: Spec) -> Finding:
    again = spec_from_json(json.loads(json.dumps(spec_to_json(spec), allow_nan=False)))
    if again != spec:
        change = describe_change(spec, again)
        return Finding("spec", "failed", change, "give the spec plain tuples and numbers")
    if not spec.action:
        return Finding("spec", "failed", "nothing to decide", "give the job an action")
    shown = (
        f"{spec.raw_size} numbers in, {len(spec.choices)} choices and {spec.amounts} amounts"
    )
    return Finding("spec", "ok", f"{shown} out; unchanged by JSON")


def _episodes(exam: _Exam, episodes: int, steps: int) -> Finding:
    """Works, and keeps what it saw; the checks after it look at that."""
    taken, start = 0, time.perf_counter()
    for number in range(episodes):
        record = list(_work(exam, exam.seed + number, steps - taken))
        exam.record.append(record)
        taken += len(record) - 1
        if taken >= steps:
            break
    rate = taken / max(time.perf_counter() - start, 1e-9)
    ended = sum(_end(record) is not End.NOT for record in exam.record)
    shown = f"{ended} of {len(exam.record)} ended, {taken} steps, {rate:,.0f} steps/s"
    if ended:
        return Finding("episodes", "ok", shown)
    limit = exam.spec.max_steps
    advice = (
        f"examine it with steps={limit}" if limit else "give the job an end or a time limit"
    )
    return Finding("episodes", "noted", shown, advice)


def _work(
    exam: _Exam, seed: int, steps: int
) -> Iterator[tuple[Observation, Array | None, Step | None]]:
    """Each observation (copied), the action taken there and what followed it."""
    random = np.random.default_rng(seed)
    shown = exam.job.reset(seed)
    for _ in range(steps):
        action = random_action(exam.spec, shown.mask, random)
        step = exam.job.step(action)
        yield shown, action, step
        shown = step.observation
        if step.end is not End.NOT:
            break
    yield shown, None, None


def random_action(spec: Spec, mask: Array | None, random: np.random.Generator) -> Array:
    """A flat action, uniform over what is allowed."""
    flat = np.empty(len(spec.choices) + spec.amounts, np.float32)
    first = 0
    for i, size in enumerate(spec.choices):
        allowed = np.arange(size)
        if mask is not None:
            allowed = np.flatnonzero(mask[first : first + size])
        flat[i] = allowed[random.integers(len(allowed))]
        first += size
    flat[len(spec.choices) :] = random.uniform(-1.0, 1.0, spec.amounts)
    return flat


def _end(record: list[tuple[Observation, Array | None, Step | None]]) -> End:
    last = record[-2][2] if len(record) > 1 else None
    return last.end if last else End.NOT


def _shown(exam: _Exam) -> Iterator[Observation]:
    for record in exam.record:
        for observation, _, _ in record:
            yield observation


def _observations(exam: _Exam) -> Finding:
    size = exam.spec.raw_size
    advice = "let quickstudy.jobs.layout.Layout pack them"
    for count, observation in enumerate(_shown(exam)):
        raw = observation.raw
        if raw.shape != (size,) or raw.dtype != np.float32:
            came = f"shape {raw.shape}, type {raw.dtype}; expected ({size},), float32"
            return Finding("observations", "failed", came, advice)
        if not np.isfinite(raw).all():
            at = f"{leaf_at(exam.spec, int(np.argmin(np.isfinite(raw))))} is not finite"
            return Finding("observations", "failed", f"{at} in observation {count}", advice)
        for leaf, part in _parts(exam.spec.observation, raw):
            index = np.array(leaf.sizes)
            if leaf.kind == "discrete" and not _are_options(part, index):
                came = f"part '{leaf.name}' is {part}; expected whole numbers below {index}"
                return Finding("observations", "failed", came, advice)
    return Finding("observations", "ok", f"all of them {size} finite numbers")


def _are_options(part: Array, sizes: Array) -> bool:
    return bool(((part >= 0) & (part < sizes) & (part == np.floor(part))).all())


def _parts(leaves: tuple[Leaf, ...], raw: Array) -> Iterator[tuple[Leaf, Array]]:
    first = 0
    for leaf in leaves:
        yield leaf, raw[first : first + leaf.width]
        first += leaf.width


def leaf_at(spec: Spec, entry: int) -> str:
    """What a person calls an entry of the flat observation: ``part 'arm', entry 2``."""
    first = 0
    for leaf in spec.observation:
        if entry < first + leaf.width:
            part = f"part '{leaf.name}', " if leaf.path else ""
            return f"{part}entry {entry - first}"
        first += leaf.width
    return f"entry {entry}"


def _bounds(exam: _Exam) -> Finding:
    """Loosely declared bounds are common; a learner does not rely on them."""
    low, high = _declared(exam.spec)
    outside = np.zeros(exam.spec.raw_size, bool)
    for observation in _shown(exam):
        slack = 1e-5 * np.maximum(1.0, np.abs(observation.raw))
        outside |= (observation.raw < low - slack) | (observation.raw > high + slack)
    if not outside.any():
        return Finding("bounds", "ok", "observations stay within what the spec declares")
    where = f"{leaf_at(exam.spec, int(np.argmax(outside)))} leaves its bounds"
    return Finding("bounds", "noted", where, "declare wider bounds, or infinite ones")


def _declared(spec: Spec) -> tuple[Array, Array]:
    """Lowest and highest value of each entry of the flat observation."""
    low, high = [np.zeros(0)], [np.zeros(0)]
    for leaf in spec.observation:
        if leaf.kind == "discrete":
            low.append(np.zeros(leaf.width))
            high.append(np.array(leaf.sizes) - 1.0)
        else:
            low.append(np.broadcast_to(np.array(leaf.low), leaf.width))
            high.append(np.broadcast_to(np.array(leaf.high), leaf.width))
    return np.concatenate(low), np.concatenate(high)


def _copies(exam: _Exam) -> Finding:
    """An array that the job writes into again would rewrite a learner's memory."""
    before = exam.job.reset(exam.seed)
    kept = before.raw.copy()
    after = exam.job.step(random_action(exam.spec, before.mask, exam.random)).observation
    is_shared = np.may_share_memory(before.raw, after.raw)
    if is_shared or not np.array_equal(kept, before.raw):
        came = "a later step writes into an earlier observation"
        return Finding("copies", "failed", came, "return a new array at each step")
    return Finding("copies", "ok", "each observation has an array of its own")


def _masks(exam: _Exam) -> Finding:
    """Shape and content, and that the job keeps to sending them or not."""
    open_ended = [o for r in exam.record for o, action, _ in r if action is not None]
    masks = [o.mask for o in open_ended if o.mask is not None]
    if not masks:
        return Finding("masks", "ok", "the job sends none: everything is allowed")
    for mask in masks:
        if mask.shape != (exam.spec.options,) or mask.dtype != bool:
            came = (
                f"shape {mask.shape}, type {mask.dtype}; expected ({exam.spec.options},), bool"
            )
            return Finding("masks", "failed", came, "let Layout.pack read them")
        first = 0
        for i, size in enumerate(exam.spec.choices):
            if not mask[first : first + size].any():
                came = f"choice {i} has no option left"
                return Finding("masks", "failed", came, "end the episode there")
            first += size
    share = f"{np.mean(masks):.0%} of options allowed on average"
    if len(masks) < len(open_ended):
        came = f"{len(open_ended) - len(masks)} of {len(open_ended)} observations have none"
        return Finding("masks", "noted", came, "send one each time; none means all is allowed")
    return Finding("masks", "ok", share)


def _rewards(exam: _Exam) -> Finding:
    steps = [step for record in exam.record for _, _, step in record if step]
    for step in steps:
        if not isinstance(step.reward, float) or not math.isfinite(step.reward):
            came = f"reward {step.reward!r}"
            return Finding("rewards", "failed", came, "return one finite float")
        if not isinstance(step.end, End) or not isinstance(step.info, dict):
            came = f"end {step.end!r}, info {type(step.info).__name__}"
            return Finding("rewards", "failed", came, "return an End and a dict")
    rewards = np.array([step.reward for step in steps])
    shown = f"from {rewards.min():g} to {rewards.max():g}, mean {rewards.mean():g}"
    if len(steps) > 1 and rewards.min() == rewards.max():
        advice = "random work cannot tell good from bad here; see that the reward can move"
        return Finding("rewards", "noted", f"always {rewards[0]:g}", advice)
    return Finding("rewards", "ok", shown)


def _time_limit(exam: _Exam) -> Finding:
    limit = exam.spec.max_steps
    longest = max(len(record) - 1 for record in exam.record)
    if limit is None:
        return Finding("time limit", "ok", "the spec declares none")
    if longest > limit:
        came = f"an episode of {longest} steps against a limit of {limit}"
        return Finding("time limit", "failed", came, "truncate, or correct spec.max_steps")
    for record in exam.record:
        if len(record) - 1 == limit and _end(record) is End.NOT:
            came = f"no end after {limit} steps, the declared limit"
            return Finding("time limit", "failed", came, "truncate, or correct spec.max_steps")
    return Finding("time limit", "ok", f"{longest} steps at most, {limit} declared")


def _repeatable(exam: _Exam, steps: int) -> Finding:
    """A report and never a failure: some packages are not."""
    first = list(_work(exam, exam.seed, steps))
    second = list(_work(exam, exam.seed, steps))
    if len(first) != len(second):
        came = f"an episode took {len(first) - 1} and then {len(second) - 1} steps"
    else:
        came = next(filter(None, map(_difference, first, second)), "")
    if came:
        advice = "draw all randomness from the generator that reset(seed) makes"
        return Finding("repeatable", "noted", f"under one seed {came}", advice)
    return Finding("repeatable", "ok", f"{len(first) - 1} steps twice the same under one seed")


def _difference(first: tuple[Any, ...], second: tuple[Any, ...]) -> str:
    if not np.array_equal(first[0].raw, second[0].raw):
        return "observations differ"
    if first[2] and second[2] and first[2].reward != second[2].reward:
        return "rewards differ"
    return ""


def _step_after_end(exam: _Exam, steps: int) -> Finding:
    record = list(_work(exam, exam.seed, steps))
    if _end(record) is End.NOT:
        return Finding("step after end", "noted", f"no end within {steps} steps to try it at")
    action = random_action(exam.spec, None, exam.random)
    try:
        exam.job.step(action)
    except Exception as error:
        return Finding("step after end", "ok", f"refused with {type(error).__name__}")
    advice = "raise ValueError until reset is called"
    return Finding("step after end", "failed", "the job went on after its end", advice)


def _extreme_actions(exam: _Exam) -> Finding:
    """Each bound of each amount, and each option that is allowed."""
    shown = exam.job.reset(exam.seed)
    extremes = list(_extremes(exam.spec))
    exam.random.shuffle(extremes)
    tried = 0
    for entry, value, option in extremes[:MOST_EXTREMES]:
        if option is not None and shown.mask is not None and not shown.mask[option]:
            continue
        action = random_action(exam.spec, shown.mask, exam.random)
        action[entry] = value
        step = exam.job.step(action)
        shown = step.observation if step.end is End.NOT else exam.job.reset()
        tried += 1
    return Finding("extreme actions", "ok", f"{tried} of {len(extremes)} tried and accepted")


def _extremes(spec: Spec) -> Iterator[tuple[int, float, int | None]]:
    """Entry of the flat action, value to try, and its place in the mask (or None)."""
    for i in range(spec.amounts):
        yield len(spec.choices) + i, -1.0, None
        yield len(spec.choices) + i, 1.0, None
    first = 0
    for i, size in enumerate(spec.choices):
        for option in range(size):
            yield i, float(option), first + option
        first += size


def _spec_stays(exam: _Exam) -> Finding:
    if exam.job.spec == exam.spec:
        return Finding("spec stays", "ok", "the same after work as before")
    change = describe_change(exam.spec, exam.job.spec)
    return Finding("spec stays", "failed", change, "make the spec once, when the job is made")


def _close(job: Job) -> Finding:
    job.close()
    job.close()
    return Finding("close", "ok", "twice, without harm")
