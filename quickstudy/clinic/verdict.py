"""Bug or wrong direction? A learner failed on a job: is it broken, or is the job hopeless?

    verdict("CartPole-v1")
    print(verdict(my_env))

The learner's mind climbs the ladder of probes (`ladder`): where it falls, it has a bug. Then
oracles (`oracles`) look for what would have to be different for anybody to succeed at the
job. What they saw is a few numbers (`Signs`), and the verdict is the first of `RULES` that
holds: a table to be read, not a black box.

    bug         the mind fails where every sound one succeeds
    direction   it would fail however sound: `ingredient` says what is missing
    fine        the job can be learned and the mind is healthy: more practice, or a hard job
    unsure      the oracles did not see enough to say

Left out: bugs that no rung sees, jobs that only planning far ahead unlocks, and whether the
reward means what it should.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import gymnasium

from quickstudy.clinic import oracles, replay
from quickstudy.clinic.finding import Finding, counted
from quickstudy.clinic.job import FIRST_SEED
from quickstudy.clinic.oracles import Gain
from quickstudy.clinic.record import Budget, Record, Tell, record
from quickstudy.clinic.settings import Settings
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.job import Job
from quickstudy.jobs.registry import registry

Kind = Literal["bug", "direction", "fine", "unsure"]
DEFAULT = Settings()


@dataclass(frozen=True)
class Signs:
    """What the oracles saw at a job, as numbers that the rules read.

    Attributes:
      worked: steps that could be taken. is_repeatable: under its seed.
      moves: whether anything followed from what was done. pays: whether earnings did.
      is_met: whether rewards ever differed, at random or by a plan. searched: steps of the
        curious search until they did; None where it met nothing. longer_met: whether they did
        without the time limit.
      trials, decisive: situations tried, and those in which an action earned more.
      seen_share: of what actions change, what the discount leaves.
      gains: of hindsight's gain, what blind, shown, past and state tell.
      past_adds, state_adds: standard errors by which they tell more than what is shown.
      needed: decisions to tell the better action in the noise.
    """

    worked: int = 0
    is_repeatable: bool = True
    moves: bool = False
    pays: bool = False
    is_met: bool = False
    searched: int | None = None
    longer_met: bool = False
    trials: int = 0
    decisive: int = 0
    seen_share: float = 1.0
    gains: dict[str, Gain] = field(default_factory=dict)
    past_adds: float = 0.0
    state_adds: float = 0.0
    needed: float = 0.0

    def share(self, kind: str) -> float:
        return self.gains[kind].share if kind in self.gains else 0.0

    def sure(self, kind: str) -> float:
        return self.gains[kind].sure if kind in self.gains else 0.0


@dataclass(frozen=True)
class Rule:
    """When the signs are so, the verdict is this."""

    name: str
    holds: Callable[[Signs, Settings], bool]
    kind: Kind
    ingredient: str
    says: str
    advice: str = ""


@dataclass(frozen=True)
class Verdict:
    """What is to blame, by which rule, on what evidence, and what to do.

    ingredient: what would have to change: "observation", "memory", "exploration", "horizon",
    "time", "reward", "actions", "noise", "data"; for a bug "learner"; "" where nothing.
    job, learner: what was found on each.
    """

    name: str
    kind: Kind
    ingredient: str
    says: str
    advice: str
    job: tuple[Finding, ...] = ()
    learner: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        head = {"direction": f"wrong direction ({self.ingredient})"}.get(self.kind, self.kind)
        lines = [f"{self.name}: {head}: {self.says}"]
        lines += [f"  -> {self.advice}"] if self.advice else []
        lines += [f"  {finding}" for finding in (*self.job, *self.learner)]
        return "\n".join(lines)


# ── The rules ───────────────────────────────────────────────────────────────────────────


def _tells(signs: Signs, kind: str, settings: Settings) -> bool:
    """Whether this knowledge says what to do, surely and to a share that matters."""
    return signs.sure(kind) > settings.sure and signs.share(kind) > settings.told


def _adds(signs: Signs, kind: str, by: float, settings: Settings) -> bool:
    """Whether it says a good deal more than what is shown."""
    more = signs.share(kind) - max(signs.share("shown"), 0.0)
    is_most = more > settings.history_adds and more > max(signs.share("shown"), 0.0)
    return by > settings.sure and is_most and _tells(signs, kind, settings)


RULES: tuple[Rule, ...] = (
    Rule(
        "cannot be worked", lambda s, _: s.worked == 0, "unsure", "",
        "not one step could be taken", "see `quickstudy check JOB`",
    ),
    Rule(
        "deaf", lambda s, _: s.trials > 0 and s.is_repeatable and not s.moves,
        "direction", "actions", "nothing that is done has any effect",
        "check how the environment reads the action",
    ),
    Rule(
        "too short", lambda s, _: not s.is_met and s.searched is None and s.longer_met,
        "direction", "time", "nothing is ever earned, but without the time limit it is",
        "lengthen the episodes, or start nearer to the goal",
    ),
    Rule(
        "never met", lambda s, _: not s.is_met and s.searched is None,
        "direction", "exploration",
        "nothing is ever earned: not at random, not by plans, not by a curious search",
        "reward steps on the way, start nearer to the goal, or let a mentor show it once",
    ),
    Rule(
        "met by search", lambda s, _: not s.is_met and s.searched is not None,
        "fine", "", "it is earned seldom, but a curious search meets it",
    ),
    Rule(
        "unpaid", lambda s, _: s.is_repeatable and s.trials > 0 and not s.pays,
        "direction", "reward", "earnings differ, but nothing that is done changes them",
        "reward what the actions bring about",
    ),
    Rule(
        "too late", lambda s, settings: s.decisive >= settings.least_late
        and s.seen_share < settings.seen_share,
        "direction", "horizon",
        "what is done pays so late that the discount leaves nearly nothing of it",
        "reward progress on the way, or decide less often (a longer step)",
    ),
    Rule(
        "too few", lambda s, settings: s.decisive < settings.least_decisive,
        "unsure", "", "too few situations were seen in which it mattered what is done",
    ),
    Rule(
        "forgotten", lambda s, settings: _adds(s, "past", s.past_adds, settings),
        "direction", "memory", "the episode so far tells what to do, what is shown now does not",
        "stack the last observations, or keep showing what was shown before",
    ),
    Rule(
        "drowned",
        lambda s, settings: s.needed > settings.drowned and _tells(s, "shown", settings),
        "direction", "noise", "the better action can be told, but not from rewards as noisy",
        "reward the mean of what is meant, or measure it more exactly",
    ),
    Rule(
        "hidden, by its state", lambda s, settings: _adds(s, "state", s.state_adds, settings),
        "direction", "observation", "the full state tells what to do, the observation does not",
        "show what the state has and the observation lacks",
    ),
    Rule(
        "fine", lambda s, settings: _tells(s, "shown", settings),
        "fine", "", "what is shown tells what to do",
    ),
    Rule(
        "hidden",
        lambda s, settings: s.is_repeatable and s.share("shown") + 2 * _error(s) < 0.25,
        "direction", "observation",
        "some actions are much better, but neither what is shown nor what came before tells "
        "which: the observations do not contain the answer",
        "show what decides which action is right",
    ),
    Rule("open", lambda s, _: True, "unsure", "", "the oracles saw too little to say why"),
)  # fmt: skip


def _error(signs: Signs) -> float:
    """One standard error of the share that is told by what is shown."""
    gain = signs.gains.get("shown")
    return abs(gain.share / gain.sure) if gain and gain.sure else 0.0


# ── What a user calls ───────────────────────────────────────────────────────────────────


def _quiet(doing: str, share: float) -> None:
    """Tells nobody."""


def verdict(
    job: Job | gymnasium.Env | str,
    settings: Settings = DEFAULT,
    seed: int = FIRST_SEED,
    tell: Tell = _quiet,
) -> Verdict:
    """Whether a learner that failed at a job has a bug, or the job is to blame.

    Args:
      job: a Job, a Gymnasium environment, or a job's name. It is closed afterwards.
      settings: how long to look, and every threshold.
      seed: of the first world, of the mind, and of all that is drawn.
      tell: called on the way with what is being done and its share done, in [0, 1].

    Raises:
      UnknownJob, JobFailed, UnsupportedSpace: there is no job to work at.
    """
    from quickstudy.clinic import ladder  # it needs JAX, which takes seconds to import

    of_job = job_verdict(job, settings, seed, tell)
    climbed = tuple(ladder.climb(settings, seed, tell))
    return with_learner(of_job, climbed)


def with_learner(of_job: Verdict, climbed: Sequence[Finding]) -> Verdict:
    """The verdict on a job, and that on the learner, as one: a bug is to be mended first."""
    ill = [finding for finding in climbed if finding.result == "ill"]
    if not ill:
        return Verdict(
            of_job.name,
            of_job.kind,
            of_job.ingredient,
            of_job.says,
            of_job.advice,
            of_job.job,
            tuple(climbed),
        )
    names = ", ".join(finding.name for finding in ill)
    also = "" if of_job.kind != "direction" else f"; the job is at fault too: {of_job.says}"
    return Verdict(
        of_job.name,
        "bug",
        "learner",
        f"the learner fails at {counted(len(ill), 'probe')} ({names}){also}",
        ill[0].advice or "mend the learner first",
        of_job.job,
        tuple(climbed),
    )


def job_verdict(
    job: Job | gymnasium.Env | str,
    settings: Settings = DEFAULT,
    seed: int = FIRST_SEED,
    tell: Tell = _quiet,
) -> Verdict:
    """The same for a learner that is known to be sound: can this job be learned at all?"""
    if isinstance(job, str):
        job = registry().make(job)
    elif isinstance(job, gymnasium.Env):
        job = GymJob(job)
    try:
        signs = looked(job, settings, seed, tell)
    finally:
        job.close()
    rule = next(rule for rule in RULES if rule.holds(signs, settings))
    return Verdict(
        job.name, rule.kind, rule.ingredient, rule.says, rule.advice, _told(signs)
    )


# ── Looking ─────────────────────────────────────────────────────────────────────────────


def looked(job: Job, settings: Settings, seed: int, tell: Tell) -> Signs:
    """Lets every oracle look at a job."""
    first = Budget(settings.oracle_record, settings.oracle_seconds / 5)
    seen, paths = record(job, settings, seed, first, tell)
    if not len(seen.reward):
        return Signs()
    again = Budget(settings.oracle_record, settings.oracle_seconds / 10)
    is_repeatable = not replay.twice(job, paths, settings, again)
    limit = settings.longest
    budget = _part(settings, oracles.PLANS_SHARE)
    worlds = oracles.planned(job, settings, seed, budget, tell, limit)
    if not worlds:
        return Signs(len(seen.reward), is_repeatable)
    is_met = oracles.is_met(seen, worlds)
    searched, longer_met = None, False
    if not is_met:
        searched = oracles.curious(
            job, seen, seed, _part(settings, oracles.SEARCH_SHARE), limit, tell
        )
        longer_met = searched is None and _met_longer(job, seen, settings, seed, tell)
    rest = 1 - oracles.PLANS_SHARE - (0 if is_met else 2 * oracles.SEARCH_SHARE)
    trials = oracles.tried(
        job, worlds, seen.discount, settings, seed, _part(settings, rest), tell, limit
    )
    signs = Signs(
        worked=len(seen.reward),
        is_repeatable=is_repeatable,
        pays=any(world.differs for world in worlds),
        is_met=is_met,
        searched=searched,
        longer_met=longer_met,
    )
    return _signs(signs, trials, settings)


def _part(settings: Settings, share: float) -> Budget:
    return Budget(int(settings.oracle_steps * share), settings.oracle_seconds * share)


def _met_longer(job: Job, seen: Record, settings: Settings, seed: int, tell: Tell) -> bool:
    """Whether something is earned where the time limit is lifted."""
    with oracles.longer(job, settings.times_longer) as limit:
        if not limit:
            return False
        limit = min(limit, settings.longest)
        budget = _part(settings, oracles.SEARCH_SHARE / 2)
        if oracles.is_met(seen, oracles.planned(job, settings, seed, budget, tell, limit)):
            return True
        budget = _part(settings, oracles.SEARCH_SHARE / 2)
        return oracles.curious(job, seen, seed, budget, limit, tell) is not None


def _signs(
    signs: Signs,
    trials: oracles.Trials,
    settings: Settings,
) -> Signs:
    """The signs that trials show, too."""
    decisive = int(trials.decisive.sum())
    signs = replace(
        signs,
        moves=any(trials.moved),
        pays=signs.pays or decisive > 0,
        trials=len(trials),
        decisive=decisive,
        seen_share=oracles.seen_share(trials),
    )
    if decisive < settings.least_decisive:
        return signs
    gains = oracles.gains(trials, settings)
    shown, state = gains["shown"], gains.get("state")
    return replace(
        signs,
        gains=gains,
        past_adds=oracles.adds(gains["past"], shown, trials),
        state_adds=oracles.adds(state, shown, trials) if state else 0.0,
        needed=oracles.decisions_needed(trials, shown, settings),
    )


def _told(signs: Signs) -> tuple[Finding, ...]:
    """The signs as lines for a person."""
    lines = [
        Finding("looked", "ok", f"{signs.trials} situations, {signs.decisive} decisive, repeatable {signs.is_repeatable}, met {signs.is_met}, search {signs.searched}, longer {signs.longer_met}"),
        Finding("gains", "ok", ", ".join(f"{k} {g}" for k, g in signs.gains.items()) + f"; past adds {signs.past_adds:.1f} state adds {signs.state_adds:.1f}"),
        Finding("noise", "ok", f"{signs.needed:.3g} decisions; seen share {signs.seen_share:.2g}"),
    ]
    return tuple(lines)
