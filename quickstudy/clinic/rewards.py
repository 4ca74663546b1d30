"""Is there something to earn, by acting, in time? Pure functions of what was seen."""

from __future__ import annotations

import math

import numpy as np

from quickstudy.clinic.finding import Finding, counted
from quickstudy.clinic.predict import tells_time
from quickstudy.clinic.record import Record
from quickstudy.clinic.settings import Settings
from quickstudy.types import Array, End

RARE = 0.5  # share of steps with another reward than the usual one, to be told


def seen(reward: Array, returns: Array, ends: Array) -> Finding:
    """Whether random work ever saw a difference: rewards [T], returns of whole episodes."""
    name, episodes = "rewards seen", len(ends)
    shown = f"in {counted(episodes, 'episode')} of random work ({counted(len(reward), 'step')})"
    if not len(reward):
        return Finding(name, "ill", "not one step could be taken", "see the troubles")
    if np.ptp(reward) > 0:
        usual, span = np.median(reward), f"{reward.min():.4g} to {reward.max():.4g}"
        share = float(np.mean(reward != usual))
        rare = f"; all but {share:.1%} of steps {usual:g}" if share < RARE else ""
        return Finding(name, "ok", span + rare)
    if len(returns) > 1 and np.ptp(returns) > 0:
        return Finding(name, "ok", f"always {reward[0]:g}, but episodes differ in length")
    advice = (
        "expect a long search: reward steps on the way, start nearer to the goal, or let a "
        "mentor show it once"
    )
    return Finding(name, "noted", f"always {reward[0]:g} {shown}", advice)


def scale(reward: Array, settings: Settings) -> Finding:
    """Rewards of absurd size, or a few that drown all others: [T]."""
    name = "scale of rewards"
    square = float(np.mean(np.square(reward))) if len(reward) else 0.0
    if square > settings.huge_square or 0 < square < settings.tiny_square:
        advice = "use other units, so that typical rewards lie between 0.01 and 100"
        return Finding(name, "noted", f"root mean square {math.sqrt(square):.3g}", advice)
    far = np.abs(reward - np.median(reward)) if len(reward) else np.zeros(1)
    usual = float(np.quantile(far, 0.99))
    if usual > 0 and far.max() > settings.outlier * usual:
        rare = int(np.sum(far > settings.outlier * usual))
        shown = (
            f"{rare} of {counted(len(reward), 'step')} up to {far.max():.3g} from the median"
        )
        advice = "is it meant? one such reward outweighs everything else; cap it or spread it"
        return Finding(name, "noted", f"{shown}, 99 % within {usual:.3g}", advice)
    return Finding(name, "ok", f"root mean square {math.sqrt(square):.3g}")


def endings(record: Record, settings: Settings) -> Finding:
    """Whether a time limit is told as an end for good.

    A learner takes nothing to follow what terminated, so a limit told as an end teaches it
    that the value falls to 0 at a moment that it cannot see coming (Pardo et al. 2018).
    """
    name = "endings"
    over = record.lengths[record.ends == End.TERMINATED]
    counts = f"{len(over)} of {counted(record.episodes, 'episode')} terminated"
    advice = "report a time limit as truncated, not as terminated"
    if len(over) < settings.same_ends or over.max() <= 1:
        return Finding(name, "ok", counts)
    longest, times = int(over.max()), int(np.sum(over == over.max()))
    shown = f"{counts}, {times} of them after exactly {longest} steps"
    is_limit = longest == record.lengths.max()
    if times == len(over) and is_limit:
        if tells_time(record, settings):
            return Finding(name, "noted", f"{shown}; the observation tells the time", advice)
        return Finding(name, "ill", f"{shown}, and nothing shown tells the time", advice)
    if is_limit and times >= settings.spike_share * len(over):
        return Finding(name, "noted", f"{shown}, the longest seen", advice)
    return Finding(name, "ok", counts)


def horizon(record: Record, settings: Settings) -> Finding:
    """Whether what is earned comes later than the discount lets a decision see."""
    name, gamma = "horizon", record.discount
    reach = 1 / (1 - gamma)
    shown = f"discount {gamma:.3f} reaches {reach:.0f} steps; episodes last "
    whole = record.ends != End.CUT
    lengths = record.lengths[whole]
    if not len(lengths):
        longest = counted(int(record.lengths.max(initial=0)), "step")
        advice = "examine it for longer, or give it an end or a time limit"
        return Finding(name, "noted", f"{shown}more than {longest}: none ended", advice)
    shown += f"{lengths.mean():.0f}"
    far = np.abs(record.reward - np.median(record.reward))
    if not far.sum():
        return Finding(name, "ok", f"{shown}; no reward differed, so none came late")
    last = far[np.isin(np.arange(len(far)), np.cumsum(record.lengths) - 1)].sum() / far.sum()
    counts = gamma ** float(np.median(lengths))
    shown += f"; {last:.0%} of what rewards vary falls on the last step"
    if last >= settings.late_share and np.median(lengths) > reach:
        shown += f", of which the first decision sees {counts:.1%}"
        advice = "reward progress on the way, or decide less often (a longer step)"
        return Finding(name, "noted", shown, advice)
    return Finding(name, "ok", shown)


def against_bar(
    returns: Array, bar: float | None, known: float | None, settings: Settings, seed: int = 0
) -> Finding:
    """Whether random work already does the job.

    Args:
      returns: of whole episodes of random work, in the job's units.
      bar: what counts as competent; None where there is none.
      known: what the catalogue says that random work earns.
    """
    name = "random against bar"
    if bar is None:
        advice = "name an incumbent or a threshold, so that competent means something"
        return Finding(name, "noted", "the job has no bar to reach", advice)
    low, high, mean = _interval(returns, settings, seed)
    shown = f"random work earns {mean:.4g} [{low:.4g}, {high:.4g}]" if len(returns) else ""
    if known is not None:
        shown += f"{' here, ' if shown else 'random work earns '}{known:.4g} by the catalogue"
    shown = (shown or "no episode ended") + f"; the bar is {bar:.4g}"
    if (known is not None and known >= bar) or low >= bar:
        return Finding(name, "ill", shown, "nothing to learn here, or the bar is wrong")
    if len(returns) and high >= bar:
        return Finding(name, "noted", shown, "the bar is close to random: set it higher")
    return Finding(name, "ok", shown)


def _interval(returns: Array, settings: Settings, seed: int) -> tuple[float, float, float]:
    """Both ends and the mean; ends that say nothing below two episodes."""
    if len(returns) < 2:
        mean = float(returns.mean()) if len(returns) else math.nan
        return -math.inf, math.inf if len(returns) else -math.inf, mean
    random = np.random.default_rng(seed)
    draws = random.integers(len(returns), size=(settings.resamples, len(returns)))
    tail = (1 - settings.confident) / 2
    low, high = np.quantile(returns[draws].mean(1), [tail, 1 - tail])
    return float(low), float(high), float(returns.mean())


def indifferent(
    names: list[str],
    returns: Array,
    steps: int,
    is_repeatable: bool,
    settings: Settings,
    seed: int = 0,
) -> Finding:
    """Whether it matters at all what is done: returns [policies, worlds] of so many steps.

    Where a job repeats itself, any difference within a world comes of what was done. Where it
    does not, a permutation test: if policies did not matter, their returns could be swapped
    within each world; the statistic is the variance of the policies' means.
    """
    name = "what is done matters"
    policies, worlds = returns.shape if returns.size else (0, 0)
    if policies < 2 or worlds < 2:
        advice = "examine it with more steps or more seconds"
        return Finding(name, "noted", "too few whole episodes to compare policies", advice)
    means = returns.mean(1)
    best, worst = int(means.argmax()), int(means.argmin())
    chance = _by_chance(returns, settings, seed)
    differ = int(np.sum(np.ptp(returns, axis=0) > 1e-9 * (1.0 + np.abs(returns).max())))
    shown = (
        f"{policies} fixed policies, over at most {steps:,} steps, earn "
        f"{means[worst]:.4g} ({names[worst]}) to "
        f"{means[best]:.4g} ({names[best]}), differently in {differ} of {worlds} worlds "
        f"(by chance: p = {chance:.3f})"
    )
    if differ and (is_repeatable or chance < settings.surprise):
        return Finding(name, "ok", shown)
    advice = (
        "either only a clever policy earns more, or nothing that is done is rewarded: look at "
        "the reward"
    )
    return Finding(name, "noted", shown, advice)


def _by_chance(returns: Array, settings: Settings, seed: int) -> float:
    """p-value of means as far apart as these, if policies did not matter."""
    random, means = np.random.default_rng(seed), returns.mean(1)
    swapped = [
        random.permuted(returns, axis=0).mean(1).var() for _ in range(settings.resamples)
    ]
    slack = 1e-12 * (1.0 + float(np.abs(means).max()) ** 2)
    as_far = int(np.sum(np.array(swapped) >= means.var() - slack))
    return (1 + as_far) / (1 + settings.resamples)
