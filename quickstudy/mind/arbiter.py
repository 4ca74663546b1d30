"""Which speed of the mind leads, and how far its predictions can be trusted.

Each episode is led by one speed. Afterwards two things are known that were not known when it
began (prequential: test, then train): what the leader earned, and how far both speeds'
predictions were from what came. Mostly the better earner leads: one draw from the belief
about each speed's mean return, and the higher draw leads, so that one that might have caught
up is still tried. On a share of the episodes the better predictor leads: where both have
failed alike so far, foreseeing it is all there is to tell them apart.

Where both know the options, they lead some of the episodes *together*, and every exam that
foresight does not: by the values of both, each counted as in worth. Critics that err apart err
less together (Hansen & Salamon 1990), and nothing hangs on which of them a few lucky episodes
speak for.

Or *foresight* leads: both speeds' values, asked of what would follow
(`quickstudy.mind.foresight`). The likelier it earns no less than who would lead without it, the
more episodes it leads, never none and never all: what it stands on is learned by acting without
it, too. That record is forgotten ever more slowly, of n episodes 2 √n or so count: earnings
first change fast, and later two that are nearly alike must be told apart.

Worlds differ, and some give more whoever leads. What worth foretold at an episode's first
decision tells how much, so a return is counted as if its world had been an average one (a
control variate): where worlds differ much, a few episodes then say what took hundreds.

What is expected on the whole is both predictions, each counted by how little it has erred of
late (Bates & Granger 1969): while judgement leads better it may foretell worse (docs/log.md).
Errors also say how wide the spread is: as wide as would have made nine of ten recent intervals
hold (conformal prediction with forgetting, Barber et al. 2023). Its promise is about intervals
on the whole, not in each situation, and only as far as things go on as of late.

Whose ideas: prequential judgement (Dawid 1984), Thompson sampling with forgetting (Raj &
Kalyani 2017). Predictive error alone was tried as the judge and lost (see docs/log.md): a
speed may foretell its own bad outcomes very well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SPEEDS = ("instinct", "judgement")
BOTH = "both"  # what is best by the values of both
FORESIGHT = "foresight"  # a search among what would follow, likewise
LEADERS = (*SPEEDS, BOTH, FORESIGHT)
COVERED, DEVIATIONS = 0.9, 1.645  # so much of a bell curve lies within so many spreads
FEW = 3.5  # episodes, forgetfully counted: four
KNOTS = 20  # numbers that stand for an episode's misses, at most


@dataclass(frozen=True)
class Settings:
    """One setting for every job."""

    keep: float = 0.95  # of the evidence, from one episode to the next
    explored: float = 0.1  # what an episode that is not plain counts against one that is
    foreseeing: float = 0.25  # share of episodes that the better predictor leads
    recent: float = 2.0  # of w episodes with foresight, w / (2 + w) go with a new one
    least_ahead: float = 0.1  # share of plain episodes that foresight leads whatever it earns
    most_ahead: float = 0.75
    keep_errors: float = 0.8  # likewise, of the prediction errors
    keep_moods: float = 0.95  # likewise, of what plain and adventurous episodes earned
    least_adventure: float = 0.1  # share of adventure that is kept whatever it costs
    keep_misses: float = 0.65  # of what sets the spread, from one lot to the next
    lot: int = 100  # decisions; a longer episode is one lot, a shorter one a part of it
    most_misses: int = 300  # numbers that are kept of it


@dataclass
class Arbiter:
    """What the episodes so far say of each leader, and of each speed as a prophet.

    weight, total, squares: in the order of SPEEDS, forgetful count, sum and sum of squares of
      the returns that it led to by itself.
    ahead_weight, ahead_total, ahead_squares: as above, of episodes without and with foresight,
      those without only where who would lead an exam did; each is forgotten as its own kind
      goes on.
    foretold: forgetful count of episodes, sums of what worth w said at their first decision and
      of their returns e, and of w², e² and w e.
    error: in the order of SPEEDS, forgetful mean squared error of predictions, in the job's
      units squared.
    mood_weight, mood_total, mood_squares: as above, of plain and of adventurous episodes.
    misses: of recent decisions, what the ensemble's variance would have needed on top for
      worth's interval to hold: some quantiles an episode, oldest first. recency: their weights.
    blur: what would have made COVERED of them hold; with the variance, the spread squared.
    """

    weight: list[float] = field(default_factory=lambda: [0.0, 0.0])
    total: list[float] = field(default_factory=lambda: [0.0, 0.0])
    squares: list[float] = field(default_factory=lambda: [0.0, 0.0])
    ahead_weight: list[float] = field(default_factory=lambda: [0.0, 0.0])
    ahead_total: list[float] = field(default_factory=lambda: [0.0, 0.0])
    ahead_squares: list[float] = field(default_factory=lambda: [0.0, 0.0])
    foretold: list[float] = field(default_factory=lambda: [0.0] * 6)
    error: list[float] = field(default_factory=lambda: [0.0, 0.0])
    mood_weight: list[float] = field(default_factory=lambda: [0.0, 0.0])
    mood_total: list[float] = field(default_factory=lambda: [0.0, 0.0])
    mood_squares: list[float] = field(default_factory=lambda: [0.0, 0.0])
    misses: list[float] = field(default_factory=list)
    recency: list[float] = field(default_factory=list)
    blur: float = 0.0


def judged(
    arbiter: Arbiter,
    settings: Settings,
    leader: str,
    rival: str,
    earned: float | None,
    is_adventurous: bool,
    is_plain: bool,
    predictions: np.ndarray,
    apart: np.ndarray,
    returns: np.ndarray,
    seen: np.ndarray,
) -> None:
    """Takes in an episode that is over.

    Args:
      leader: who led it; "" where nobody did. rival: who would lead, were there no foresight.
      earned: the sum of its rewards; None where it was stopped from outside, which says nothing
        of who led.
      is_adventurous: it tried things for their own sake. is_plain: it followed what its leader
        takes for the best; where it explored it says less of its leader.
      predictions: [T, 2] what both speeds expected. apart: [T] the ensemble's variance.
      returns: [T] what came, discounted; beyond the end of what was cut, what was expected.
      seen: [T] in (0, 1], the share of it that did come: what was only expected tells
        nothing of errors.
    """
    worth, variance = blend(arbiter, predictions, apart)
    _remember(arbiter, settings, (worth - returns) ** 2 / DEVIATIONS**2 - variance, seen)
    mean_square = ((predictions - returns[:, None]) ** 2).mean(0)
    is_first = not any(arbiter.error)
    for i in range(len(SPEEDS)):
        share = 1.0 if is_first else 1.0 - settings.keep_errors
        arbiter.error[i] += share * (float(mean_square[i]) - arbiter.error[i])
    if earned is not None:
        counts = 1.0 if is_plain else settings.explored
        as_usual = _as_in_an_average_world(arbiter, earned, float(worth[0]))
        _credit(arbiter, settings, leader, rival, as_usual, counts)
        _count_mood(arbiter, settings, earned, is_adventurous)
        _count_world(arbiter, settings, earned, float(worth[0]), counts)


def blend(arbiter: Arbiter, predictions: np.ndarray, apart: Any = 0.0) -> tuple[Any, Any]:
    """What is expected on the whole: each speed counts by the inverse of its recent error.

    Args:
      predictions: [..., 2] what each speed expects. apart: [...] the ensemble's variance.

    Returns:
      what is expected [...], and what is left of that variance [...].
    """
    share = np.array(shares(arbiter))
    return predictions @ share, apart * share[1] ** 2


def shares(arbiter: Arbiter) -> list[float]:
    """How much each speed counts in what is expected on the whole; in the order of SPEEDS."""
    error = arbiter.error  # plain numbers: of two, NumPy costs more than it computes
    weight = [1.0 / e for e in error] if all(error) else [float(e == 0.0) for e in error]
    return [w / sum(weight) for w in weight]


def _as_in_an_average_world(arbiter: Arbiter, earned: float, worth: float) -> float:
    """A return less what it owes to its world, as far as `worth` foretold that.

    By the regression of returns on what was foretold before, shrunk the less it explains
    (positive part; James & Stein 1961): where worlds are alike nothing is taken away.
    """
    n, told, came, told_2, came_2, both = arbiter.foretold
    if n < FEW:
        return earned
    along, spread, apart = both - told * came / n, told_2 - told**2 / n, came_2 - came**2 / n
    if spread <= 1e-9 * told_2 or apart <= 1e-9 * came_2 or along == 0.0:
        return earned
    explained = along**2 / (spread * apart)
    sure = max(0.0, 1.0 - 1.0 / (n * explained))
    return earned - sure * along / spread * (worth - told / n)


def _credit(
    arbiter: Arbiter,
    settings: Settings,
    leader: str,
    rival: str,
    earned: float,
    counts: float,
) -> None:
    """Counts a return for who led to it."""
    keep = 1.0 - (1.0 - settings.keep) * counts
    a = arbiter
    for i, speed in enumerate(SPEEDS):
        led = counts if speed == leader else 0.0
        _count((a.weight, a.total, a.squares), i, keep, led, earned)
    if leader in (FORESIGHT, rival):
        kind = int(leader == FORESIGHT)
        keep = 1.0 - counts / (settings.recent + a.ahead_weight[kind])
        ahead = a.ahead_weight, a.ahead_total, a.ahead_squares
        _count(ahead, kind, keep, counts, earned)


def _count_mood(
    arbiter: Arbiter, settings: Settings, earned: float, is_adventurous: bool
) -> None:
    """Counts a return for its kind of mood."""
    moods = arbiter.mood_weight, arbiter.mood_total, arbiter.mood_squares
    for mood in (0, 1):
        was = float(mood == is_adventurous)
        _count(moods, mood, settings.keep_moods, was, earned)


def _count_world(
    arbiter: Arbiter, settings: Settings, earned: float, worth: float, counts: float
) -> None:
    """Takes in what was foretold of a world, and what came."""
    keep = 1.0 - (1.0 - settings.keep) * counts
    new = 1.0, worth, earned, worth**2, earned**2, worth * earned
    known = zip(arbiter.foretold, new, strict=True)
    arbiter.foretold = [keep * old + counts * moment for old, moment in known]


def _count(
    record: tuple[list[float], list[float], list[float]],
    at: int,
    keep: float,
    counts: float,
    earned: float,
) -> None:
    """A return counts in a forgetful count, sum and sum of squares; in place."""
    for moment, power in zip(record, (1.0, earned, earned**2), strict=True):
        moment[at] = keep * moment[at] + counts * power


def _remember(
    arbiter: Arbiter, settings: Settings, missed: np.ndarray, seen: np.ndarray
) -> None:
    """Sets `blur` by the latest misses [T], weighted by `seen`, and those before."""
    keep = settings.keep_misses ** min(1.0, len(missed) / settings.lot)
    knots = min(len(missed), KNOTS)
    recency = [keep * old for old in arbiter.recency] + [(1.0 - keep) / knots] * knots
    arbiter.recency = recency[-settings.most_misses :]
    levels, covered = (np.arange(knots) + 0.5) / knots, np.array([COVERED])
    misses = arbiter.misses + _quantiles(missed, seen, levels).tolist()
    arbiter.misses = misses[-settings.most_misses :]
    blur = _quantiles(np.array(arbiter.misses), np.array(arbiter.recency), covered)
    arbiter.blur = max(float(blur[0]), 0.0)


def _quantiles(values: np.ndarray, weights: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The least values at or below which shares `levels` of the weight lie."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    at = np.searchsorted(below, levels * below[-1] * (1 - 1e-12))
    return values[order[np.minimum(at, len(values) - 1)]]


def leader(arbiter: Arbiter, settings: Settings, rng: np.random.Generator | None = None) -> str:
    """Which speed leads the next episode; without `rng`, the better earner so far."""
    if rng is None:
        return better_earner(arbiter)
    tried = _tried(arbiter)
    if len(tried) < 2:
        return SPEEDS[1 - tried[0] if tried else 0]
    if rng.random() < settings.foreseeing:
        return foresees(arbiter)
    mean = np.array(arbiter.total) / arbiter.weight
    deviation = _deviation(arbiter.weight, arbiter.total, arbiter.squares)
    draws = mean + deviation / np.sqrt(arbiter.weight) * rng.standard_normal(2)
    return SPEEDS[int(draws[1] >= draws[0])]


def better_earner(arbiter: Arbiter) -> str:
    """Which speed has led to more on average so far; instinct where neither has led."""
    tried = _tried(arbiter)
    if len(tried) < 2:
        return SPEEDS[tried[0] if tried else 0]
    mean = np.array(arbiter.total) / arbiter.weight
    return SPEEDS[int(mean[1] >= mean[0])]


def _tried(arbiter: Arbiter) -> list[int]:
    return [i for i, weight in enumerate(arbiter.weight) if weight > 1e-3]


def looks_ahead(
    arbiter: Arbiter, settings: Settings, rng: np.random.Generator | None = None
) -> bool:
    """Whether foresight leads the next episode; without `rng`, whether it is best so far."""
    share = foresight(arbiter)
    if rng is None:
        return share >= 0.5
    return bool(rng.random() <= min(max(share, settings.least_ahead), settings.most_ahead))


def foresight(arbiter: Arbiter) -> float:
    """How probable it is that episodes with foresight earn no less than the better speed's.

    1/2 where one of both has not been tried.
    """
    weight = arbiter.ahead_weight
    if min(weight) <= 1e-3:
        return 0.5
    return _is_no_less(weight, arbiter.ahead_total, arbiter.ahead_squares)


def foresees(arbiter: Arbiter) -> str:
    """The speed whose predictions have erred less of late."""
    return SPEEDS[int(arbiter.error[1] <= arbiter.error[0])]


def adventure(arbiter: Arbiter, settings: Settings) -> float:
    """How much adventure its outcomes allow: a share in [least_adventure, 1].

    Twice the probability that adventurous episodes earn no less on average than plain ones:
    where nothing has worked yet adventure costs nothing, where balance or a soft landing has
    been learned every held action breaks it.
    """
    weight = arbiter.mood_weight
    if min(weight) < 1.5:
        return 1.0
    is_no_less = _is_no_less(weight, arbiter.mood_total, arbiter.mood_squares)
    return min(1.0, max(settings.least_adventure, 2.0 * is_no_less))


def _is_no_less(weight: list[float], total: list[float], squares: list[float]) -> float:
    """How probable it is that the second kind of episode earns no less than the first."""
    first, second = (t / w for t, w in zip(total, weight, strict=True))
    doubt = _deviation(weight, total, squares) * math.sqrt(sum(1.0 / w for w in weight))
    return 0.5 * math.erfc((first - second) / (math.sqrt(2.0) * doubt))


def is_outdone(arbiter: Arbiter, deviation: float) -> bool:
    """Whether instinct led to clearly more than judgement, once a few episodes are over.

    Clearly: by more than a standard error, where returns differ by `deviation` at least.
    """
    if sum(arbiter.mood_weight) < FEW or min(arbiter.weight) <= 1e-3:
        return False
    fast, slow = np.array(arbiter.total) / arbiter.weight
    own = _deviation(arbiter.weight, arbiter.total, arbiter.squares)
    doubt = math.sqrt(sum(1.0 / weight for weight in arbiter.weight))
    return bool(fast - slow > max(deviation, own) * doubt)


def errs_beyond(arbiter: Arbiter, deviation: float) -> bool:
    """Whether judgement's recent error is more than twice a deviation, likewise."""
    return sum(arbiter.mood_weight) > FEW and arbiter.error[1] > 4.0 * deviation**2


def forget(arbiter: Arbiter, speed: str) -> None:
    """As if a speed had never led."""
    at = SPEEDS.index(speed)
    arbiter.weight[at] = arbiter.total[at] = arbiter.squares[at] = 0.0


def is_all_alike(arbiter: Arbiter) -> bool:
    """Whether every episode so far earned the same, so that there is nothing to lose."""
    weight, total = sum(arbiter.mood_weight), sum(arbiter.mood_total)
    squares = sum(arbiter.mood_squares)
    return weight == 0.0 or squares - total**2 / weight <= 1e-12 * squares


def _deviation(weight: list[float], total: list[float], squares: list[float]) -> float:
    """Standard deviation of a return around the mean of its own kind."""
    known = [i for i in range(len(weight)) if weight[i] > 0.0]
    around = sum(squares[i] - total[i] ** 2 / weight[i] for i in known)
    return math.sqrt(max(around, 1e-12 * sum(squares)) / sum(weight) + 1e-300)
