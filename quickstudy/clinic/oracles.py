"""What would have to be different for success? Each oracle knows one thing that no learner may.

    hindsight   what to do on this very world: the best of many plans, and of all actions
                tried in one situation while everything else stayed the same
    blind       which action is best on the whole
    line        what the observation tells of that to who reads it by a straight line
    shown       what it tells to a more capable reader
    past        what the episode so far tells as well
    state       what the job's full state tells, where the job offers it
    sight       some fixed way of following what is shown, against anybody blind
    longer      the same job without its time limit, where that is a wrapper's
    curious     a search that goes back to where little was tried and goes on from there

Those from blind to state are one regression on different columns, of one target: how much
better each action is than the others in the same situation (its advantage). Trials are paired,
so a job's chance cancels, and hundreds of situations suffice. What a column is worth is judged
on worlds held out, as a share of what hindsight gains.

A job **offers its state** by an attribute `state` of the job, or of its unwrapped Gymnasium
environment (the classics have one): numbers, or a function that gives them, or None.

Whose ideas: trying actions from one state to see what they are worth is the rollout of Tesauro
& Galperin (1996); the search is Go-Explore's first phase (Ecoffet et al. 2021), much reduced.

Left out: actions that pay only in concert with later ones, unless a plan hit upon them;
regressors stronger than those of `predict`.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np

from quickstudy.clinic.predict import actions_as_numbers, as_rows, codes, features_of
from quickstudy.clinic.record import Budget, Path, Policy, Record, Tell, at_random, play
from quickstudy.clinic.replay import signature
from quickstudy.clinic.ridge import held_out_guesses
from quickstudy.clinic.settings import Settings
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.job import Job
from quickstudy.types import Array, End, Observation, Spec

LAGS = 4  # steps of the past that are given one by one
HOLDS = (1.0, math.inf, 4.0, 16.0)  # steps that a plan holds on to an action, on average
AMOUNTS = (-1.0, -0.3, 0.3, 1.0)
PLANS_SHARE, TRIALS_SHARE, SEARCH_SHARE, SIGHT_SHARE = (
    0.25,
    0.75,
    0.2,
    0.6,
)  # of the steps allowed
FIRST_SHARE = 0.2  # of the trials' steps, spent before any is placed where it mattered
SIGHT_WORLDS = 5  # on which a way of following what is shown is searched
CELL = 0.5  # width of a cell of the search, in standard deviations of random work


# ── Plans: what hindsight would do ──────────────────────────────────────────────────────


def held(spec: Spec, seed: int, hold: float) -> Policy:
    """Random allowed actions, each held on to for `hold` steps on average; seen by nobody.

    Where actions are masked, each is drawn anew: the last may not be allowed any more.
    """
    draw, random = at_random(spec, seed), np.random.default_rng([seed, 78])
    kept: list[Array] = []

    def act(shown: Observation, step: int) -> Array | None:
        if kept and shown.mask is None and random.random() >= 1 / hold:
            return kept[0]
        action = draw(shown, step)
        if action is not None:
            kept[:] = [action]
        return action

    return act


@dataclass(frozen=True)
class World:
    """One world, and what came of the plans tried there, the first of them at random."""

    paths: tuple[Path, ...]

    @property
    def best(self) -> Path:
        return max(self.paths, key=earned)

    @property
    def differs(self) -> bool:
        """Whether what was done changed what was earned."""
        sums = [earned(path) for path in self.paths]
        return max(sums) - min(sums) > 1e-9 * (1 + abs(max(sums)))


def earned(path: Path) -> float:
    return float(path.reward.sum())


def planned(
    job: Job, settings: Settings, seed: int, budget: Budget, tell: Tell, limit: int
) -> list[World]:
    """Tries plans on world after world until the budget is spent."""
    worlds: list[World] = []
    while len(worlds) < settings.oracle_worlds and not budget.is_spent:
        world = seed + len(worlds)
        paths = []
        for number in range(settings.plans):
            hold = HOLDS[number % len(HOLDS)]
            policy = held(job.spec, 1_000 * world + number, hold)
            paths.append(play(job, world, policy, limit, budget))
        if budget.is_spent and worlds:
            break  # the last one is not whole
        if all(len(path) for path in paths):
            worlds.append(World(tuple(paths)))
        tell("trying plans", budget.spent / budget.steps)
    return worlds


# ── Trials: all actions in one situation ────────────────────────────────────────────────


@dataclass
class Trials:
    """What came of each action, in situations on many worlds; all else stayed the same.

    A row is a situation: N of them, m actions, D numbers shown, H of the past, S of the state.

    Attributes:
      actions: [m] what is tried. kept: entries of an observation that are. discount: γ.
      world, step: [N] where. shown: [N, D]. past: [N, H]. state: [N, S], S = 0 without.
      came: [N, m] all that was earned from there on. soon: the same, discounted.
      moved: [N] whether anything at all differed. visible: whether what was shown did, before
        the end.
    """

    spec: Spec
    actions: Sequence[Array]
    kept: Array
    discount: float
    world: list[int] = field(default_factory=list)
    step: list[int] = field(default_factory=list)
    shown: list[Array] = field(default_factory=list)
    past: list[Array] = field(default_factory=list)
    state: list[Array] = field(default_factory=list)
    came: list[Array] = field(default_factory=list)
    soon: list[Array] = field(default_factory=list)
    moved: list[bool] = field(default_factory=list)
    visible: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.world)

    @property
    def now(self) -> Array:
        """[N, D] what is shown, options one-hot where all of it was kept."""
        return self.coded(np.array(self.shown, float))

    def coded(self, shown: Array) -> Array:
        """The same of any rows [n, D]."""
        return codes(self.spec, shown) if shown.shape[1] == self.spec.raw_size else shown

    @property
    def decisive(self) -> Array:
        """[N] whether some action earned more than another."""
        came = np.array(self.came).reshape(len(self), -1)
        return np.ptp(came, axis=1) > 1e-9 * (1 + np.abs(came).max(axis=1, initial=0.0))


def actions_to_try(spec: Spec, most: int) -> list[Array]:
    """The same few actions for all situations: options, amounts, or some drawn by chance."""
    if spec.choices and len(spec.choices) == 1 and not spec.amounts:
        options = np.linspace(0, spec.choices[0] - 1, min(most, spec.choices[0])).round()
        return [np.array([option], np.float32) for option in options]
    if not spec.choices and spec.amounts == 1:
        return [np.array([amount], np.float32) for amount in AMOUNTS]
    draw, anything = at_random(spec, 0), Observation(np.zeros(spec.raw_size, np.float32))
    drawn = (draw(anything, step) for step in range(most))
    return [action for action in drawn if action is not None]


def tried(
    job: Job,
    worlds: Sequence[World],
    discount: float,
    settings: Settings,
    seed: int,
    budget: Budget,
    tell: Tell,
) -> Trials:
    """Tries every action in situations of random work and of each world's best plan.

    At first anywhere, near the start more often; then mostly at steps where it mattered. One
    in five is an episode's first.
    """
    random = np.random.default_rng([seed, 79])
    kept = np.sort(random.permutation(job.spec.raw_size)[: settings.widest_shown])
    trials = Trials(job.spec, actions_to_try(job.spec, settings.tried), kept, discount)
    for attempt in range(2 * settings.most_trials):  # some fail where a job is not repeatable
        if len(trials) == settings.most_trials or budget.is_spent:
            break
        number = attempt % len(worlds)
        # The best plan fits its world so closely that any other action spoils it; random work
        # meets what pays too seldom. Each has half of the trials.
        path = worlds[number].best if attempt // len(worlds) % 2 else worlds[number].paths[0]
        is_first = budget.spent < FIRST_SHARE * budget.steps
        at = 0 if attempt % 5 == 0 else _when(path, trials, random, is_first)
        _try_all(job, path, at, number, trials, budget, settings)
        tell("trying other actions", budget.spent / budget.steps)
    return trials


def _when(path: Path, trials: Trials, random: np.random.Generator, is_first: bool) -> int:
    """A step of the path: after the first trials mostly one at which actions mattered."""
    if not is_first and random.random() < 0.7:
        mattered = np.flatnonzero(trials.decisive)
        steps = [trials.step[i] for i in mattered if trials.step[i] < len(path)]
        if steps:
            return int(random.choice(steps))
    if random.random() < 0.5:
        return int(random.integers(len(path)))
    return min(int(math.exp(random.random() * math.log(len(path) + 1))) - 1, len(path) - 1)


def _try_all(
    job: Job,
    path: Path,
    at: int,
    number: int,
    trials: Trials,
    budget: Budget,
    settings: Settings,
) -> None:
    """Adds a situation: each action there, then the path's own; nothing if the budget ends."""
    limit, discount, kept = settings.longest, trials.discount, trials.kept
    states: list[Array] = []
    came, soon, marks, looks = [], [], set(), set()
    for action in trials.actions:
        if not _is_allowed(job.spec, path.masks[at], action):
            came.append(math.nan)
            soon.append(math.nan)
            continue
        after = play(job, path.seed, _instead(job, path, at, action, states), limit, budget)
        if after.trouble or len(after) <= at or (after.end is End.NOT and len(after) < limit):
            return
        rewards = after.reward[at:]
        came.append(float(rewards.sum()))
        soon.append(float(rewards @ discount ** np.arange(len(rewards))))
        marks.add(signature(after, at))
        looks.add(after.shown[at + 1 : -1].tobytes())
    if not marks:
        return
    trials.world.append(number)
    trials.step.append(at)
    trials.shown.append(path.shown[at][kept])
    trials.past.append(_past(job.spec, path, at, kept))
    trials.state.append(states[0])
    trials.moved.append(len(marks) > 1)
    trials.visible.append(len(looks) > 1)
    for kind, column in ((trials.came, came), (trials.soon, soon)):
        values = np.array(column)
        kind.append(np.where(np.isnan(values), np.nanmean(values), values))


def _instead(job: Job, path: Path, at: int, action: Array, states: list[Array]) -> Policy:
    """The path's actions, but for one; random ones where they are used up."""
    beyond = at_random(job.spec, path.seed + 1)

    def act(shown: Observation, step: int) -> Array | None:
        if step == at:
            states.append(state_of(job))
            return action
        if step < len(path) and _is_allowed(job.spec, shown.mask, path.action[step]):
            return path.action[step]
        return beyond(shown, step)

    return act


def _is_allowed(spec: Spec, mask: Array | None, action: Array) -> bool:
    if mask is None:
        return True
    firsts = np.cumsum((0, *spec.choices[:-1]))
    return all(mask[first + int(option)] for first, option in zip(firsts, action, strict=False))


def state_of(job: Job) -> Array:
    """The job's full state as numbers, where it offers one (see the module); else none."""
    env = getattr(job, "env", None)
    for owner in (job, env.unwrapped if isinstance(env, gymnasium.Env) else None):
        with contextlib.suppress(Exception):  # what bears that name may be anything
            state = getattr(owner, "state", None)
            state = state() if callable(state) else state
            if state is not None:
                numbers = np.asarray(state, float).ravel()
                return numbers if np.isfinite(numbers).all() else np.zeros(0)
    return np.zeros(0)


def _past(spec: Spec, path: Path, at: int, kept: Array) -> Array:
    """The episode so far [H]: the last steps one by one, the first, and means of all.

    With it the step's number, and what was earned under each action: that is how a
    learner with a memory would find out in which of several worlds it is.
    """
    shown, reward = path.shown[:, kept], path.reward
    did = actions_as_numbers(spec, path.action)
    parts: list[Array] = [shown[0], shown[: at + 1].mean(0), np.array([at, reward[:at].sum()])]
    for lag in range(1, LAGS + 1):
        there, is_there = max(at - lag, 0), float(at >= lag)
        parts += [shown[there] * is_there, did[there] * is_there]
        parts.append(np.array([reward[there] * is_there, is_there]))
    parts += [did[:at].sum(0), reward[:at] @ did[:at]]
    return np.concatenate(parts)


# ── What each column tells ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Gain:
    """What acting by some knowledge earns over acting anyhow, as a share of hindsight's gain.

    sure: standard errors by which it is above nothing.
    """

    share: float
    sure: float
    each: Array  # [N] in the job's units

    @property
    def most(self) -> float:
        """What the share may well be: two standard errors more."""
        error = abs(self.share / self.sure) if self.sure else 0.0
        return max(self.share, 0.0) + 2 * error

    def __str__(self) -> str:
        return f"{self.share:.0%} ({self.sure:+.1f} standard errors)"


def gains(trials: Trials, settings: Settings) -> dict[str, Gain]:
    """For each kind of knowledge ("blind", "line", "shown", "past", "state") what it gains."""
    past = np.array(trials.past, float)
    now, before = as_rows(trials.now, settings), as_rows(past, settings)
    columns = {
        "blind": np.zeros((len(trials), 1)),
        "line": now,
        "shown": features_of(now, None, settings),
        "past": features_of(now, before, settings),
    }
    if len({len(state) for state in trials.state}) == 1 and len(trials.state[0]):
        whole = np.concatenate([np.array(trials.state), trials.now], axis=1)
        both = as_rows(whole, settings)
        columns["state"] = features_of(both, None, settings)
    return {kind: gain(trials, x, settings) for kind, x in columns.items()}


def gain(trials: Trials, features: Array, settings: Settings) -> Gain:
    """What the action foretold to be best earns, over the mean of all, on held-out worlds."""
    soon, world = np.array(trials.soon), np.array(trials.world)
    better = soon - soon.mean(1, keepdims=True)
    guess = held_out_guesses(features, better, world, settings.folds)
    each = better[np.arange(len(better)), guess.argmax(1)]
    most = float(better.max(1).sum())
    share = float(each.sum()) / most if most > 0 else 0.0
    return Gain(share, _errors_above(each, world), each)


def adds(more: Gain, less: Gain, trials: Trials) -> float:
    """Standard errors by which one kind of knowledge gains more than another."""
    return _errors_above(more.each - less.each, np.array(trials.world))


def _errors_above(each: Array, world: Array) -> float:
    """Standard errors by which a sum is above 0; situations of one world are one draw."""
    by_world = np.bincount(world, each)
    error = float(np.sqrt(np.square(by_world - by_world.mean()).sum()))
    if error == 0:
        return math.inf * np.sign(by_world.sum()) if by_world.any() else 0.0
    return float(by_world.sum()) / error


def seen_share(trials: Trials) -> float:
    """Share of what actions change that the discount leaves, from where they are taken."""
    whole, left = (np.ptp(np.array(x), axis=1).sum() for x in (trials.came, trials.soon))
    return min(float(left / whole), 1.0) if whole > 0 else 1.0


def decisions_needed(trials: Trials, best: Gain, settings: Settings) -> float:
    """Decisions until the better action is told from the others, in this much chance.

        n ≈ m (σ / g)²

    σ: spread of what came that the observation does not foretell. g: what the best knowledge
    gains. m: actions. It is about one standard error; a learner needs several times that.
    """
    level = np.array(trials.soon).mean(1, keepdims=True)
    features = features_of(as_rows(trials.now, settings), None, settings)
    guess = held_out_guesses(features, level, np.array(trials.world), settings.folds)
    gained = float(best.each.mean())
    unexplained = float(np.square(level - guess).mean())
    if gained <= 0:
        return math.inf
    return len(trials.actions) * unexplained / gained**2


# ── By sight ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Sight:
    """Mean return by what is shown, and blindly; `ahead`: standard errors between them."""

    worlds: int
    earned: float
    blindly: float
    ahead: float


def by_sight(
    job: Job, trials: Trials, settings: Settings, seed: int, budget: Budget, tell: Tell
) -> Sight | None:
    """Whether some fixed way of following what is shown earns more than anybody blind.

    In a trial one action has to tell against all that follows it, which may be hopeless where
    the job is not; whoever takes every action so is told by far more. The way is searched on
    some worlds and tested on others. Blind are random work, each action held throughout, and
    what the one who sees did on the world before, in another order; the best of them counts.

    Returns:
      None where the budget did not last for three worlds.
    """
    tell("following what is shown", 0.0)
    search = Budget(budget.steps // 2, budget.seconds_left / 2)
    best = _best_reader(job, trials, settings, seed, search)
    test = Budget(budget.steps // 2, budget.seconds_left)
    held_on = [_drawn(job.spec, action[None], 0) for action in trials.actions]
    rows: list[list[float]] = []
    before = play(job, seed, best, settings.longest, test)
    while len(before) and len(rows) < settings.sight_worlds:
        world = seed + SIGHT_WORLDS + len(rows)
        sees = play(job, world, best, settings.longest, test)
        others = np.random.default_rng([world, 81]).permutation(before.action)
        blind = [at_random(job.spec, world), *held_on, _drawn(job.spec, others, world)]
        paths = [sees, *(play(job, world, p, settings.longest, test) for p in blind)]
        if test.is_spent or not len(sees):
            break
        before = sees
        rows.append([earned(path) for path in paths])
    if len(rows) < 3:
        return None
    sums = np.array(rows)
    blindest = 1 + int(sums[:, 1:].mean(0).argmax())
    ahead = _errors_above(sums[:, 0] - sums[:, blindest], np.arange(len(sums)))
    return Sight(len(sums), float(sums[:, 0].mean()), float(sums[:, blindest].mean()), ahead)


def _best_reader(
    job: Job, trials: Trials, settings: Settings, seed: int, budget: Budget
) -> Policy:
    """The best of many straight-line readings drawn by chance, and of changes to the best.

        a = argmax_i (x W)_i,   x: what is shown, standardised as in the trials, and 1

    So little finds a way to balance a pole (basic random search: Mania et al. 2018).
    """
    random = np.random.default_rng([seed, 82])
    shape = (trials.now.shape[1] + 1, len(trials.actions))
    best, most = np.zeros(shape), -math.inf
    for number in itertools.count():
        drawn = random.normal(size=shape)
        weights = best + 0.5 * drawn if number % 2 else drawn
        policy = _reader(trials, weights)
        paths = [
            play(job, seed + w, policy, settings.longest, budget) for w in range(SIGHT_WORLDS)
        ]
        if budget.is_spent or not all(map(len, paths)):
            return _reader(trials, best)
        mean = sum(map(earned, paths)) / len(paths)
        if mean >= most:
            best, most = weights, mean
    raise AssertionError


def _reader(trials: Trials, weights: Array) -> Policy:
    """Of the actions tried and allowed, the one with the largest sum of what is shown."""
    known, beyond = trials.now, at_random(trials.spec, 0)
    centre, spread = known.mean(0), known.std(0)
    spread = np.where(spread > 0, spread, 1.0)

    def act(shown: Observation, step: int) -> Array | None:
        row = trials.coded(np.asarray(shown.raw, float)[None, trials.kept])[0]
        sums = np.append((row - centre) / spread, 1.0) @ weights
        for i in np.argsort(-sums, kind="stable"):
            if _is_allowed(trials.spec, shown.mask, trials.actions[i]):
                return trials.actions[i]
        return beyond(shown, step)

    return act


def _drawn(spec: Spec, actions: Array, seed: int) -> Policy:
    """One of some actions after the other, from the first again; random where not allowed."""
    beyond = at_random(spec, seed)

    def act(shown: Observation, step: int) -> Array | None:
        action = actions[step % len(actions)]
        return action if _is_allowed(spec, shown.mask, action) else beyond(shown, step)

    return act


# ── Longer, and more curious ────────────────────────────────────────────────────────────


@contextlib.contextmanager
def longer(job: Job, times: int) -> Iterator[int]:
    """The job with its time limit so many times as long; yields the new limit, 0 without one.

    Only a limit that a wrapper keeps can be lengthened from here.
    """
    layer: Any = job.env if isinstance(job, GymJob) else None
    while isinstance(layer, gymnasium.Wrapper):
        if isinstance(layer, gymnasium.wrappers.TimeLimit):
            break
        layer = layer.env
    if not isinstance(layer, gymnasium.wrappers.TimeLimit):
        yield 0
        return
    limit = layer._max_episode_steps
    layer._max_episode_steps = limit * times
    try:
        yield limit * times
    finally:
        layer._max_episode_steps = limit


def curious(
    job: Job, record: Record, seed: int, budget: Budget, limit: int, tell: Tell
) -> int | None:
    """Steps of search until something was earned that random work never saw; None: not met.

    It keeps one way to each cell (a situation, rounded), goes back to one that was seldom
    gone on from, and goes on from there with random actions, held for a while.
    """
    usual = float(np.median(record.reward))
    spread = record.shown.std(0)
    width = np.where(spread > 0, spread * CELL, 1.0)
    random = np.random.default_rng([seed, 80])
    ways: list[Array] = [np.zeros((0, record.action.shape[1]), np.float32)]
    tries = [0]
    known: set[bytes] = set()
    while not budget.is_spent:
        weights = 1 / np.sqrt(1.0 + np.array(tries))
        chosen = int(random.choice(len(ways), p=weights / weights.sum()))
        tries[chosen] += 1
        way, hold = ways[chosen], float(random.choice([1, 4, 16]))
        policy = _on_from(job.spec, way, int(random.integers(2**31)), hold)
        path = play(job, seed, policy, min(len(way) + 40, limit), budget)
        if np.any(np.abs(path.reward - usual) > 1e-9 * (1 + abs(usual))):
            return budget.spent
        for step, cell in enumerate(np.floor(path.shown / width).astype(int)):
            mark = cell.tobytes()
            if mark not in known and step < len(path):
                known.add(mark)
                ways.append(path.action[:step])
                tries.append(0)
        tell("searching", budget.spent / budget.steps)
    return None


def _on_from(spec: Spec, way: Array, seed: int, hold: float) -> Policy:
    beyond = held(spec, seed, hold)
    return lambda shown, step: way[step] if step < len(way) else beyond(shown, step)


def is_met(record: Record, worlds: Sequence[World]) -> bool:
    """Whether anything but one and the same was ever earned, at random or by a plan.

    Episodes that last longer or shorter by themselves count: then a constant reward differs.
    """
    rewards = [record.reward, *(path.reward for world in worlds for path in world.paths)]
    if np.ptp(np.concatenate(rewards)) > 0:
        return True
    over = {len(p) for w in worlds for p in w.paths if p.end is End.TERMINATED}
    return len(over) > 0 and float(np.abs(rewards[0]).max(initial=0.0)) > 0
