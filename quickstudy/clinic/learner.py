"""Is this learner well? Looks at its mind and its log on one job, then climbs the ladder.

    examine("ada", "CartPole-v1").raise_if_ill()

First its own mind, which only looking at can judge: numbers that are none, dead units,
statistics that no longer fit, replay that does not cover what it meets, updates owed, a speed
that leads though the other earns more, worth that is beyond what can be or far from what came,
spread that foretells nothing. Then new minds with its settings climb the probe ladder, where
the truth is known (`quickstudy.clinic.ladder`). Nothing is learned or recorded meanwhile.

Left out: whether the job is to blame (`quickstudy.clinic.job`), and whether more experience
would have helped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quickstudy.clinic import ladder, studied
from quickstudy.clinic.finding import Finding, Report, counted, in_order
from quickstudy.clinic.past import Past, read
from quickstudy.errors import QuickstudyError
from quickstudy.learner import Learner, open_learner
from quickstudy.mind import arbiter, encoder
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Mind
from quickstudy.types import Array

Tell = Callable[[str, float], None]  # what is being done, and the share done in [0, 1]
ON_LADDER = "ladder: "  # before the names of what was found there


@dataclass(frozen=True)
class Limits:
    """From where on the doctor of learners speaks up.

    least: decisions below which little can be told. recent, window: the share of the past that
    counts as recent, and the decisions that make it up at least. clipped: share of standardised
    numbers that may lie beyond what networks see. kept: share of decisions that memory must
    hold. thin: support below which memory does not cover what is met. beyond: how far worth may
    be outside what can be, as a share of that range. off: how far worth may be from what came,
    in standard deviations of what came. flat: spread of worth below which it has collapsed,
    likewise. held: share of nine-in-ten intervals that must hold. led: share of recent episodes
    that the better earner must lead at least. episodes: of each speed, before they are
    compared. surprise: p-value below which two speeds differ. resamples: of permutations.
    """

    least: int = 200
    recent: float = 1 / 3
    window: int = 500
    clipped: float = 0.1
    kept: float = 0.9
    thin: float = 0.3
    beyond: float = 0.5
    off: float = 1.5
    flat: float = 0.01
    held: float = 0.75
    led: float = 0.3
    episodes: int = 8
    surprise: float = 0.01
    resamples: int = 2_000


@dataclass(frozen=True)
class Examined(Report):
    """All findings about one learner on one job, ill ones first."""

    learner: str = ""

    def __str__(self) -> str:
        head = f"Learner '{self.learner}' on job '{self.job}':"
        return "\n".join([head, *(f"  {finding}" for finding in self.findings)])

    def raise_if_ill(self) -> None:
        """Raises QuickstudyError that names every finding to be mended."""
        if self.ill:
            listed = ", ".join(finding.name for finding in self.ill)
            raise QuickstudyError(
                f"Learner '{self.learner}' is ill on job '{self.job}' in "
                f"{counted(len(self.ill), 'finding')} ({listed}): mend them, then let its mind "
                "be studied anew from its log (remove mind.json)."
            )


def _quiet(doing: str, share: float) -> None:
    """Tells nobody."""


def examine(
    learner: Learner | str | Path,
    job: str | None = None,
    limits: Limits | None = None,
    tell: Tell = _quiet,
) -> Examined:
    """Looks at a learner's mind on a job, and climbs the ladder with its settings.

    Args:
      learner: one that is open, or a name or path. job: by default the only one it has
        worked on. limits: every threshold.
      tell: called on the way with what is being done and its share done, in [0, 1].

    Returns:
      The findings, ill ones first.

    Raises:
      QuickstudyError: it has worked on several jobs and none was named, or never on that one.
      DamagedLearner, LearnerInUse: as `open_learner`.
    """
    tell("opening", 0.0)
    opened = nullcontext(learner) if isinstance(learner, Learner) else open_learner(learner)
    with opened as one:
        name = _job_of(one, job)
        tell("its own mind", 0.0)
        mind = one.mind(name)
        found = own(mind, read(one, name, minds.discount(mind)), limits or Limits())
        settings, called = mind.settings, one.name
    climbed = [
        dataclasses.replace(finding, name=ON_LADDER + finding.name)
        for finding in ladder.climb(settings, tell=tell)
    ]
    return Examined(name, in_order([*found, *climbed]), called)


def _job_of(learner: Learner, job: str | None) -> str:
    worked = [name for name in learner.jobs if learner.steps(name)]
    known = ", ".join(worked) or "none"
    if job is None and len(worked) != 1:
        raise QuickstudyError(
            f"{learner.name} has worked on {len(worked)} jobs ({known}); expected one, or "
            "--job JOB."
        )
    if job is not None and job not in worked:
        raise QuickstudyError(
            f"{learner.name} has never worked on '{job}', so there is nothing to examine; take "
            f"one of: {known}."
        )
    return job or worked[0]


# ---- its own mind


def own(mind: Mind, past: Past, limits: Limits) -> list[Finding]:
    """What can be told of a mind and its past, without any world."""
    marks = studied.Limits()
    raw = _latest(mind, limits)
    found = [
        studied.finite(mind.learned),
        normaliser(mind, raw, limits),
        replay(mind, past, limits),
    ]
    if "judgement" in minds.speeds(mind) and len(past.worth) >= limits.least:
        found.append(studied.updates(mind, marks))
        if np.ptp(raw, axis=0).any():  # a layer norm leaves nothing of what is always 0
            found.append(studied.dead_units(mind, raw, marks))
    now = past.recent(limits.recent, limits.window)
    if len(past.worth) < limits.least or not len(now):
        shown = (
            f"{counted(len(past.worth), 'decision')} so far, {len(now):,} with known returns"
        )
        return [
            *found,
            Finding("worth", "noted", shown, "examine it when it has worked longer"),
        ]
    return [
        *found,
        worth(mind, past, now, limits),
        spread(past, now, limits),
        leading(past, limits),
    ]


def _latest(mind: Mind, limits: Limits) -> Array:
    """The latest situations in memory [N, R]."""
    number = max(limits.window, int(limits.recent * mind.memory.size))
    return mind.memory.raw[max(0, mind.memory.size - number) : mind.memory.size]


def normaliser(mind: Mind, raw: Array, limits: Limits) -> Finding:
    """Whether the numbers of recent situations [N, R] come to the networks unclipped."""
    name, width = "normaliser", len(mind.learned.normaliser.shift)
    if not width or not len(raw):
        return Finding(name, "ok", "there are no numbers to scale")
    seen = encoder.encode(mind.learned.normaliser, mind.frame, raw)[:, :width]
    clipped = float((np.abs(seen) >= encoder.CLIP).mean(0).max())
    away = float(np.abs(seen.mean(0)).max())
    shown = (
        f"of recent numbers at most {clipped:.0%} are clipped; means up to {away:.2g} spreads"
    )
    if clipped <= limits.clipped and away < encoder.CLIP / 2:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "let the statistics follow what it meets")


def replay(mind: Mind, past: Past, limits: Limits) -> Finding:
    """Whether memory holds what was decided, and covers what is met now."""
    name, decided = "replay", max(len(past.worth), 1)
    held = mind.memory.num_ready / decided
    shown = f"memory holds {min(held, 1.0):.0%} of {decided:,} decisions"
    if held < limits.kept and decided >= limits.least:
        return Finding(name, "ill", shown, "keep what was decided until it has been studied")
    recent = past.support[-limits.window :]
    recent = recent[np.isfinite(recent)]
    if not len(recent):
        return Finding(name, "ok", shown)
    support = float(np.median(recent))
    shown += f"; median support of what it meets now: {support:.2f}"
    if support >= limits.thin or decided < limits.least:
        return Finding(name, "ok", shown)
    advice = "it meets what memory does not cover: let it go on, or look for what changed"
    return Finding(name, "noted", shown, advice)


def worth(mind: Mind, past: Past, now: Array, limits: Limits) -> Finding:
    """Whether worth is possible, moves, and is near what came."""
    name, said, came = "worth", past.worth[now], past.came[now]
    least, most = minds.bounds(mind)
    room = limits.beyond * max(most - least, 1e-12)
    outside = float(((said < least - room) | (said > most + room) | ~np.isfinite(said)).mean())
    if outside > limits.clipped:
        shown = (
            f"{outside:.0%} of recent worths lie outside what can be, {least:.4g} to {most:.4g}"
        )
        return Finding(
            "worth explodes", "ill", shown, "a smaller learning rate; look at targets"
        )
    deviation, off = float(came.std()), float((said - came).mean())
    shown = f"recent worth {said.mean():.4g} on average where {came.mean():.4g} came"
    if deviation <= 1e-9 * (1.0 + abs(float(came.mean()))):
        return Finding(name, "ok", f"{shown}, always the same")
    shown += f" (± {deviation:.3g})"
    if float(said.std()) < limits.flat * deviation:
        advice = "look whether updates are made, and at dead units"
        return Finding("worth collapsed", "ill", f"{shown}; worth is always the same", advice)
    if abs(off) > limits.off * deviation:
        advice = "look at terminations, at the discount, at whether what it meets has changed"
        return Finding(name, "noted", f"{shown}: {'above' if off > 0 else 'below'}", advice)
    return Finding(name, "ok", shown)


def spread(past: Past, now: Array, limits: Limits) -> Finding:
    """Whether nine in ten intervals hold; its evidence tells if wide ones foretell misses."""
    name = "spread"
    missed = np.abs(past.worth[now] - past.came[now])
    held = float((missed <= arbiter.DEVIATIONS * past.spread[now] + 1e-9).mean())
    ranks = _rank_correlation(past.spread[now], missed)
    shown = f"{held:.0%} of intervals held that should in 90%; rank correlation with misses "
    shown += "none to be had" if np.isnan(ranks) else f"{ranks:.2f}"
    if held >= limits.held:
        return Finding(name, "ok", shown)
    return Finding(name, "noted", shown, "do not trust its intervals here yet")


def _rank_correlation(a: Array, b: Array) -> float:
    ranks = np.argsort(np.argsort([a, b])).astype(float)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])


def leading(past: Past, limits: Limits) -> Finding:
    """Whether the speed that earns more gets to lead."""
    name = "arbiter"
    half = slice(len(past.earned) // 2, None)
    leader, earned = past.leader[half], past.earned[half]
    by = {one: earned[leader == one] for one in arbiter.LEADERS if (leader == one).any()}
    if len(by) < 2 or min(map(len, by.values())) < limits.episodes:
        led = ", ".join(f"{speed} {len(sums)}" for speed, sums in by.items()) or "none"
        return Finding(name, "ok", f"recent episodes led: {led}; too few to compare")
    better = max(by, key=lambda speed: float(by[speed].mean()))
    share = float((leader == better).mean())
    chance = _by_chance(earned, leader == better, limits)
    shown = ", ".join(f"{speed} earns {by[speed].mean():.4g}" for speed in by)
    shown += f"; {better} leads {share:.0%} (difference by chance: p = {chance:.3f})"
    if share >= limits.led or chance >= limits.surprise:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, "give the lead to the better earner")


def _by_chance(earned: Array, is_better: Array, limits: Limits) -> float:
    """p-value of a difference of means as large as this, if it did not matter who led."""
    rng = np.random.default_rng(0)
    has = earned[is_better].mean() - earned[~is_better].mean()
    drawn = [rng.permutation(is_better) for _ in range(limits.resamples)]
    as_large = sum(earned[d].mean() - earned[~d].mean() >= has for d in drawn)
    return (1 + as_large) / (1 + limits.resamples)
