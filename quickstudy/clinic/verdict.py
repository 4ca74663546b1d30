"""Bug or wrong direction? A learner failed on a job: is it broken, or is the job hopeless?

    verdict("CartPole-v1")
    print(verdict(my_env))

Oracles (`oracles`) look for what would have to be different for anybody to succeed at the job.
What they saw is a few numbers (`Signs`), and the first of `RULES` that holds is what is said of
the job: a table to be read, not a black box. Where the job is not to blame, the mind climbs the
ladder of probes (`ladder`): where it falls, it has a bug.

    direction   any learner would fail, however sound: `ingredient` says what is missing
    bug         the mind fails where every sound one succeeds
    fine        the job can be learned and the mind is healthy: practise more
    unsure      the oracles did not see enough to say

Left out: bugs that no rung sees, jobs at which only actions in concert pay and no plan hit
upon them, and whether the reward means what it should.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import gymnasium
import numpy as np

from quickstudy.clinic import oracles, replay
from quickstudy.clinic.finding import Finding, Result, counted
from quickstudy.clinic.job import FIRST_SEED
from quickstudy.clinic.oracles import Gain, Sight
from quickstudy.clinic.record import Budget, Record, Tell, record
from quickstudy.clinic.settings import Settings
from quickstudy.errors import QuickstudyError
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.job import Job
from quickstudy.jobs.registry import registry

if TYPE_CHECKING:
    from quickstudy.mind import mind as minds

Kind = Literal["bug", "direction", "fine", "unsure"]
DEFAULT = Settings()
HEADS = {"bug": "a bug in the learner", "direction": "wrong direction", "fine": "fine"}


@dataclass(frozen=True)
class Signs:
    """What the oracles saw at a job, as numbers that the rules read.

    Attributes:
      worked: steps that could be taken. is_repeatable: under its seed.
      moves: whether anything followed from what was done. pays: whether earnings did.
      at_random, by_plan: mean return of random work, and of the best plan on each world.
      is_met: whether rewards ever differed, at random or by a plan. searched: steps of a
        curious search until they did; None where it met nothing, or was not needed.
        met_longer: whether they did without the time limit; None where none could be lifted.
      trials, decisive: situations tried, and those in which an action earned more.
      seen_share: of what actions change, what the discount leaves. visible: share of decisive
        situations after which something shown differed before the end: then later decisions
        see that it goes well, and need not look as far.
      gains: of hindsight's gain, what each kind of knowledge tells (see `oracles.gains`).
      adds: standard errors by which one kind tells more than another: "past" and "state" more
        than "shown", "shown" more than "blind".
      needed: decisions to tell the better action in the noise.
      sight: what acting by what is shown earned on new worlds, against acting blindly; None
        where the trials alone were enough to say, or the steps did not last.
    """

    worked: int = 0
    is_repeatable: bool = True
    moves: bool = False
    pays: bool = False
    at_random: float = 0.0
    by_plan: float = 0.0
    is_met: bool = False
    searched: int | None = None
    met_longer: bool | None = None
    trials: int = 0
    decisive: int = 0
    seen_share: float = 1.0
    visible: float = 0.0
    gains: dict[str, Gain] = field(default_factory=dict)
    adds: dict[str, float] = field(default_factory=dict)
    needed: float = 0.0
    sight: Sight | None = None

    @property
    def is_never_met(self) -> bool:
        return not self.is_met and self.searched is None

    def share(self, kind: str) -> float:
        """Of hindsight's gain, at least 0."""
        return max(self.gains[kind].share, 0.0) if kind in self.gains else 0.0


@dataclass(frozen=True)
class Rule:
    """Where the signs are so, the verdict is this; `line` of the evidence says why."""

    line: str
    holds: Callable[[Signs, Settings], bool]
    kind: Kind
    ingredient: str
    says: str
    advice: str = ""


@dataclass(frozen=True)
class Verdict:
    """What is to blame, on what evidence, and what to do.

    ingredient: what would have to change: "actions", "reward", "exploration", "time",
    "horizon", "memory", "observation", "noise", "data"; "learner" for a bug; else "".
    job, learner: the findings on each.
    """

    name: str
    kind: Kind
    ingredient: str
    says: str
    advice: str = ""
    job: tuple[Finding, ...] = ()
    learner: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        about = f" ({self.ingredient})" if self.kind == "direction" else ""
        lines = [f"{self.name}: {HEADS.get(self.kind, self.kind)}{about}: {self.says}"]
        lines += [f"  -> {self.advice}"] if self.advice else []
        return "\n".join([*lines, *(f"  {finding}" for finding in self.findings)])

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*self.job, *self.learner)

    def raise_if_to_blame(self) -> None:
        """Raises QuickstudyError where the learner or the job has to be mended."""
        if self.kind in ("bug", "direction"):
            raise QuickstudyError(
                f"Job '{self.name}': {HEADS[self.kind]} ({self.ingredient}): {self.says}; "
                f"{self.advice}."
            )


# ── The rules ───────────────────────────────────────────────────────────────────────────


def _tells(signs: Signs, kind: str, settings: Settings) -> bool:
    """Whether this knowledge says what to do, surely and to a share that matters."""
    is_sure = kind in signs.gains and signs.gains[kind].sure > settings.sure
    return is_sure and signs.share(kind) > settings.told


def _tells_more(signs: Signs, kind: str, settings: Settings) -> bool:
    """Whether it says more, and more than all that is shown says."""
    more = signs.share(kind) - signs.share("shown")
    is_much = more > max(settings.adds_share, signs.share("shown"))
    is_sure = signs.adds.get(kind, 0.0) > settings.sure
    return is_much and is_sure and _tells(signs, kind, settings)


def _looks_help(signs: Signs, settings: Settings) -> bool:
    """Whether to look is better than to do what is best on the whole, or that will do."""
    if not _tells(signs, "shown", settings):
        return False
    is_better = signs.adds.get("shown", 0.0) > settings.sure / 2
    return is_better or signs.share("shown") > settings.blindly


def _does_not_tell(signs: Signs, settings: Settings) -> bool:
    """Whether it is known that nothing shown says what to do, or no more than acting blindly.

    Where the full state says no more either, it is not the observation that lacks something.
    """
    has_less = "state" not in signs.gains or signs.adds.get("state", 0.0) > settings.sure
    is_little = all(
        signs.gains[kind].most < settings.untold
        for kind in ("shown", "past")
        if kind in signs.gains
    )
    more, sure = signs.share("shown") - signs.share("blind"), signs.adds.get("shown", 0.0)
    is_no_more = more + 2 * abs(more / sure if sure else 0.0) < settings.adds_share
    is_blind = is_no_more and _tells(signs, "shown", settings)
    return signs.is_repeatable and has_less and (is_little or is_blind)


RULES: tuple[Rule, ...] = (
    Rule(
        "looked", lambda s, _: not s.worked or not s.trials,
        "unsure", "", "it could not be worked at for long enough",
        "see `quickstudy check JOB`",
    ),
    Rule(
        "actions", lambda s, _: s.is_repeatable and not s.moves and not s.pays,
        "direction", "actions", "nothing that is done has any effect",
        "check how the environment reads the action",
    ),
    Rule(
        "earnings", lambda s, _: s.is_never_met and bool(s.met_longer),
        "direction", "time", "nothing is ever earned, but without the time limit it is",
        "lengthen the episodes, or start nearer to the goal",
    ),
    Rule(
        "earnings", lambda s, _: s.is_never_met,
        "direction", "exploration",
        "nothing is ever earned: not at random, not by plans, not by a curious search",
        "reward steps on the way, start nearer to the goal, or let a mentor show it once",
    ),
    Rule(
        "earnings", lambda s, _: not s.is_met,
        "fine", "", "it is seldom that anything is earned, but a curious search meets it",
    ),
    Rule(
        "actions", lambda s, _: s.is_repeatable and not s.pays,
        "direction", "reward", "earnings differ, but nothing that is done changes them",
        "reward what the actions bring about",
    ),
    Rule(
        "horizon", lambda s, settings: s.decisive >= settings.least_late
        and s.seen_share < settings.seen_share and s.visible < 0.5,
        "direction", "horizon",
        "what is done pays so late, unseen until then, that the discount leaves nearly nothing",
        "reward progress on the way, or decide less often (a longer step)",
    ),
    Rule(
        "sight", lambda s, settings: s.sight is not None and s.sight.ahead > settings.sure,
        "fine", "", "one action tells little, but who follows what is shown earns more than "
        "anybody blind",
        "practise more; if it still fails, ask for the learner's findings and the exam",
    ),
    Rule(
        "actions", lambda s, settings: s.decisive < settings.least_decisive,
        "unsure", "data", "too few situations were met in which it matters what is done",
        "examine it with more steps",
    ),
    Rule(
        "knowledge", lambda s, settings: _tells_more(s, "past", settings),
        "direction", "memory",
        "the episode so far tells what to do, what is shown now does not",
        "stack the last observations, or keep showing what was shown before",
    ),
    Rule(
        "knowledge", lambda s, settings: _tells_more(s, "state", settings),
        "direction", "observation", "the full state tells what to do, what is shown does not",
        "show what the state has and the observation lacks",
    ),
    Rule(
        "noise", lambda s, settings: s.needed > settings.drowned
        and _tells(s, "shown", settings),
        "direction", "noise",
        "what is shown tells what to do, but rewards are too noisy to find out what",
        "measure what is rewarded more exactly, or reward the mean of it",
    ),
    Rule(
        "knowledge", _looks_help,
        "fine", "", "what is shown tells what to do, and that pays soon enough to be learned",
        "practise more; if it still fails, ask for the learner's findings and the exam",
    ),
    Rule(
        "knowledge", _does_not_tell,
        "direction", "observation",
        "some actions are far better, but neither what is shown nor the episode so far tells "
        "which: the observations do not contain the answer",
        "show what decides which action is right",
    ),
    Rule(
        "knowledge", lambda s, settings: True,
        "unsure", "data", "what is shown may tell what to do, but that is not sure",
        "examine it with more steps, or make it repeatable under its seed",
    ),
)  # fmt: skip


# What trials do not tell, or tell by finding nothing, is looked at once more, by sight.
NOT_TOLD = tuple(r for r in RULES if r.ingredient == "data" or r.holds is _does_not_tell)


# ── What a user calls ───────────────────────────────────────────────────────────────────


def _quiet(doing: str, share: float) -> None:
    """Tells nobody."""


def verdict(
    job: Job | gymnasium.Env | str,
    settings: Settings = DEFAULT,
    seed: int = FIRST_SEED,
    tell: Tell = _quiet,
    mind: minds.Settings | None = None,
) -> Verdict:
    """Whether a learner that failed at a job has a bug, or the job is to blame.

    Args:
      job: a Job, a Gymnasium environment, or a job's name. It is closed afterwards.
      settings: how long to look, and every threshold.
      seed: of the first world, of the mind, and of all that is drawn.
      tell: called on the way with what is being done and its share done, in [0, 1].
      mind: settings of the mind that climbs the ladder; the default is everybody's.

    Raises:
      UnknownJob, JobFailed, UnsupportedSpace: there is no job to work at.
    """
    found = of_job(job, settings, seed, tell)
    if found.kind == "direction":
        return found  # a mended learner would fail there too
    from quickstudy.clinic import ladder  # with JAX, which takes seconds to import

    return with_learner(found, ladder.climb(mind, seed, tell))


def of_job(
    job: Job | gymnasium.Env | str,
    settings: Settings = DEFAULT,
    seed: int = FIRST_SEED,
    tell: Tell = _quiet,
) -> Verdict:
    """The same of the job alone: could a sound learner learn it? Needs no JAX."""
    if isinstance(job, str):
        job = registry().make(job)
    elif isinstance(job, gymnasium.Env):
        job = GymJob(job)
    try:
        signs = looked(job, settings, seed, tell)
        if judged(signs, settings).ingredient == "data":
            signs = looked(job, _with_more_data(settings), seed, tell)
    finally:
        job.close()
    rule = judged(signs, settings)
    return Verdict(
        job.name, rule.kind, rule.ingredient, rule.says, rule.advice, _evidence(signs, rule)
    )


def _with_more_data(settings: Settings) -> Settings:
    times = settings.more_data
    return replace(
        settings,
        oracle_steps=times * settings.oracle_steps,
        oracle_worlds=times * settings.oracle_worlds,
        most_trials=times * settings.most_trials,
    )


def judged(signs: Signs, settings: Settings = DEFAULT) -> Rule:
    """The first rule that holds."""
    return next(rule for rule in RULES if rule.holds(signs, settings))


def with_learner(found: Verdict, climbed: Sequence[Finding]) -> Verdict:
    """The verdict on a job that is not to blame, and the findings on a learner, as one."""
    found = replace(found, learner=tuple(climbed))
    ill = [finding for finding in climbed if finding.result == "ill"]
    if not ill:
        return found
    names = ", ".join(finding.name for finding in ill)
    says = f"the mind fails {counted(len(ill), 'probe')} that a sound one passes: {names}"
    return replace(found, kind="bug", ingredient="learner", says=says, advice=ill[0].advice)


# ── Looking ─────────────────────────────────────────────────────────────────────────────


def looked(job: Job, settings: Settings, seed: int, tell: Tell) -> Signs:
    """Lets every oracle look at a job."""
    first = Budget(settings.oracle_record, settings.oracle_seconds / 5)
    seen, paths = record(job, settings, seed, first, tell)
    if not len(seen.reward):
        return Signs()
    again = Budget(settings.oracle_record, settings.oracle_seconds / 10)
    signs = Signs(len(seen.reward), not replay.twice(job, paths, settings, again))
    budget = _part(settings, oracles.PLANS_SHARE)
    worlds = oracles.planned(job, settings, seed, budget, tell, settings.longest)
    if not worlds:
        return signs
    signs = replace(
        signs,
        is_met=oracles.is_met(seen, worlds),
        pays=any(world.differs for world in worlds),
        at_random=sum(oracles.earned(world.paths[0]) for world in worlds) / len(worlds),
        by_plan=sum(oracles.earned(world.best) for world in worlds) / len(worlds),
    )
    if not signs.is_met:
        signs = _searched(signs, job, seen, settings, seed, tell)
    return _tried(signs, job, seen, worlds, settings, seed, tell)


def _part(settings: Settings, share: float) -> Budget:
    return Budget(int(settings.oracle_steps * share), settings.oracle_seconds * share)


def _searched(
    signs: Signs, job: Job, seen: Record, settings: Settings, seed: int, tell: Tell
) -> Signs:
    """Looks for anything to earn: where little was tried, then without the time limit."""
    budget = _part(settings, oracles.SEARCH_SHARE)
    met = oracles.curious(job, seen, seed, budget, settings.longest, tell)
    if met is not None:
        return replace(signs, searched=met)
    with oracles.longer(job, settings.times_longer) as limit:
        if not limit:
            return signs
        limit = min(limit, settings.longest)
        budget = _part(settings, oracles.SEARCH_SHARE)
        worlds = oracles.planned(job, settings, seed, budget, tell, limit)
        budget = _part(settings, oracles.SEARCH_SHARE)
        is_met = oracles.is_met(seen, worlds) or (
            oracles.curious(job, seen, seed, budget, limit, tell) is not None
        )
    return replace(signs, met_longer=is_met)


def _tried(
    signs: Signs,
    job: Job,
    seen: Record,
    worlds: Sequence[oracles.World],
    settings: Settings,
    seed: int,
    tell: Tell,
) -> Signs:
    """Tries actions, and what each kind of knowledge tells of them."""
    share = oracles.TRIALS_SHARE if signs.is_met else oracles.SEARCH_SHARE
    budget = _part(settings, share)
    trials = oracles.tried(job, worlds, seen.discount, settings, seed, budget, tell)
    decisive = int(trials.decisive.sum())
    signs = replace(
        signs,
        moves=any(trials.moved),
        pays=signs.pays or decisive > 0,
        trials=len(trials),
        decisive=decisive,
        seen_share=oracles.seen_share(trials),
        visible=float(np.mean(np.array(trials.visible)[trials.decisive])) if decisive else 0.0,
    )
    if decisive >= settings.least_decisive:
        tell("computing", 0.0)
        signs = _known(signs, trials, settings)
    if not len(trials) or judged(signs, settings) not in NOT_TOLD:
        return signs
    budget = _part(settings, oracles.SIGHT_SHARE)
    first = seed + settings.oracle_worlds  # none on which anything was tried
    sight = oracles.by_sight(job, trials, settings, first, budget, tell)
    return replace(signs, sight=sight)


def _known(signs: Signs, trials: oracles.Trials, settings: Settings) -> Signs:
    """What each kind of knowledge tells of what came of the actions."""
    gains = oracles.gains(trials, settings)
    pairs = {"past": "shown", "state": "shown", "shown": "blind"}
    return replace(
        signs,
        gains=gains,
        adds={
            more: oracles.adds(gains[more], gains[less], trials)
            for more, less in pairs.items()
            if more in gains
        },
        needed=oracles.decisions_needed(trials, gains["shown"], settings),
    )


# ── The evidence ────────────────────────────────────────────────────────────────────────

KNOWLEDGE = {
    "blind": "blindly",
    "line": "by a straight-line reading of what is shown",
    "shown": "by all that is shown",
    "past": "with the episode so far",
    "state": "with the full state",
}


def _evidence(signs: Signs, rule: Rule) -> tuple[Finding, ...]:
    """The signs as lines for a person; the one that the rule rests on stands out."""
    result: Result = {"direction": "ill", "unsure": "noted"}.get(rule.kind, "ok")  # type: ignore[assignment]
    return tuple(
        Finding(line, result if line == rule.line else "ok", shown)
        for line, shown in _lines(signs)
    )


def _lines(signs: Signs) -> list[tuple[str, str]]:
    how = "repeatable" if signs.is_repeatable else "not repeatable under its seed"
    lines = [("looked", f"{counted(signs.worked, 'random step')}, {how}")]
    if not signs.trials:
        return lines
    lines.append(("earnings", _earnings(signs)))
    where = counted(signs.trials, "situation")
    what = "something" if signs.moves else "nothing"
    shown = f"in {signs.decisive:,} of {where} one action earned more than another"
    lines.append(("actions", f"{what} followed from what was done; {shown}"))
    if signs.decisive:
        share = f"the discount leaves {signs.seen_share:.2%} of what actions change"
        lines.append(("horizon", share))
    if signs.gains:
        known = (f"{gain} {KNOWLEDGE[kind]}" for kind, gain in signs.gains.items())
        lines.append(("knowledge", f"of what hindsight gains: {', '.join(known)}"))
        needed = f"about {signs.needed:,.0f}" if math.isfinite(signs.needed) else "no number of"
        lines.append(("noise", f"{needed} decisions to tell what is better by what is shown"))
    if signs.sight:
        sight, worlds = signs.sight, counted(signs.sight.worlds, "new world")
        did = f"by what is shown {sight.earned:.4g} on {worlds}, blindly {sight.blindly:.4g}"
        lines.append(("sight", f"{did} ({sight.ahead:+.1f} standard errors)"))
    return lines


def _earnings(signs: Signs) -> str:
    if signs.is_met:
        return (
            f"random work earns {signs.at_random:.4g}, the best of a few plans "
            f"{signs.by_plan:.4g} (hindsight)"
        )
    if signs.searched is not None:
        return f"nothing at random or by plans; a search met some in {signs.searched:,} steps"
    longer = {None: "", True: "; without the time limit some", False: ", limit or none"}
    return f"nothing at random, by plans, or by search{longer[signs.met_longer]}"
