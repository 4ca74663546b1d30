"""The mind of one job: two speeds, foresight, who leads, and the memory that they study.

`init` makes one from a spec. `begin`, `act`, `decided`, `rewarded`, `ended` follow an
episode; `study` learns from what is due. All that a mind becomes follows from what it was
told, in that order, so that it can be rebuilt from the experience log.

Left out: one mind for several jobs (each job has its own), drives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np

from quickstudy.mind import (
    arbiter,
    atlas,
    curiosity,
    encoder,
    foresight,
    instinct,
    judgement,
    memory,
    policy,
)
from quickstudy.mind.arbiter import Arbiter
from quickstudy.mind.atlas import Atlas
from quickstudy.mind.encoder import Frame, Normaliser
from quickstudy.mind.foresight import Foresight
from quickstudy.mind.instinct import Instinct
from quickstudy.mind.judgement import Judgement, Study
from quickstudy.mind.memory import Memory
from quickstudy.mind.policy import Mood
from quickstudy.types import Array, End, Observation, Spec, Value

NO_AMOUNTS = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Settings:
    """One setting for every job."""

    instinct: instinct.Settings = field(default_factory=instinct.Settings)
    judgement: judgement.Settings = field(default_factory=judgement.Settings)
    foresight: foresight.Settings = field(default_factory=foresight.Settings)
    arbiter: arbiter.Settings = field(default_factory=arbiter.Settings)
    policy: policy.Settings = field(default_factory=policy.Settings)
    num_steps: int = 3  # folded into one target of judgement
    first_study: int = 64  # decisions before judgement studies
    first_lead: int = 2000  # updates before judgement leads, where instinct can
    most_updates: float = 4.0  # of judgement per decision, at first
    least_updates: float = 0.5  # and in the long run
    even_updates: int = 10_000  # decisions at which it is one update per decision
    more_updates: float = 3.0  # so many times as many, at most, where they hold, that is
    holds: float = 0.2  # where new targets are missed by less than that share of their variance
    fresh: int = 32  # new rows in a row, on which that is seen, at most
    keep_fresh: float = 0.98  # of what was seen before, from one study to the next
    refit_growth: float = 0.1  # instinct is refitted when experience has grown by this share
    refit_steps: int = 50  # and, within an episode, by at least so many decisions
    settled: int = 1_000  # decisions on a new job until it studies an inheritance as its own
    trial: int = 2_000  # decisions on a new job in which an inheritance can still be dropped
    window: int = 500  # decisions after which an episode is judged, and its mood drawn afresh
    circle: int = 12  # or so many, if they went the very way of those before them, unpaid
    together: float = 0.5  # share of the episodes without foresight that both speeds lead
    lead: str = "both"  # "instinct" or "judgement": that one alone, for probes
    foresees: bool = True  # False: nobody looks ahead, for probes and ablations


class Learned(NamedTuple):
    """The arrays of a mind: what is saved, merged, cloned.

    coming: judgement after the study under way, which may not be done yet: JAX studies in a
    thread of its own while the job goes on. It is adopted when the next study is due, not
    when it happens to be done, so that a life does not hang on how fast a machine is.
    """

    normaliser: Normaliser
    instinct: Instinct
    judgement: Judgement
    coming: Judgement
    foresight: Foresight


@dataclass
class Counts:
    """What a mind keeps count of.

    decisions: taken in so far; rewards: the sum of all their rewards; worst, best: the least
    and the most of them, or 0 where that is beyond. late: rewards that came after the next
    decision or the end. owed: updates due and
    not made. fitted: rows in memory at instinct's last refit. horizon: longest episode so
    far [steps]. past, past_mean, past_m2: of the discounted sums of rewards up to each
    decision: how many, their mean, the sum of their squared deviations (Welford 1962).
    inherited: of the decisions, those that stand for other jobs' (see `inheritance`), or for
    other learners' (see `knowledge`).
    taught: updates by which others taught its judgement, before its own.
    taught_error: how far values erred there, root mean square.
    others: of the decisions, those that others took (a mentor, the incumbent).
    studied: rows that were ready when judgement's latest study began.
    missed, varied: forgetful means of `judgement.held_against` on newer ones.
    """

    decisions: int = 0
    rewards: float = 0.0
    worst: float = 0.0
    best: float = 0.0
    late: int = 0
    owed: float = 0.0
    fitted: int = 0
    horizon: int = 0
    past: int = 0
    past_mean: float = 0.0
    past_m2: float = 0.0
    inherited: int = 0
    taught: int = 0
    taught_error: float = 0.0
    others: int = 0
    studied: int = 0
    missed: float = 0.0
    varied: float = 0.0


class Forecast(NamedTuple):
    """What each speed expects of a decision, and the variance over judgement's members."""

    instinct: float
    judgement: float
    apart: float


UNWEIGHED = Forecast(0.0, 0.0, 0.0)  # of a mind that judges nothing


@dataclass
class Stream:
    """An episode under way.

    rows, predictions: of its decisions since it was last judged. past: discounted return
    before the last of them. length: decisions in the whole episode. others: how many of rows
    are decisions that others took.
    """

    episode: int
    mood: Mood
    rows: list[int] = field(default_factory=list)
    predictions: list[Forecast] = field(default_factory=list)
    past: float = 0.0
    length: int = 0
    others: int = 0


@dataclass
class Mind:
    """See the module.

    studies: False for one that only acts and remembers, since another process studies the same
      experience and hands over what it learned (see `adopt`).
    """

    frame: Frame
    settings: Settings
    seed: int
    learned: Learned
    memory: Memory
    arbiter: Arbiter = field(default_factory=Arbiter)
    counts: Counts = field(default_factory=Counts)
    streams: dict[str, Stream] = field(default_factory=dict)
    plan: curiosity.Plan | None = None  # the latest of curiosity; follows from memory
    wonder: curiosity.Wonder | None = None  # likewise, where situations never come twice
    map: Atlas | None = None  # the latest of foresight where situations recur; likewise
    studies: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """A flat action, its value, and what each speed expects of it."""

    flat: Array
    value: Value
    leader: str
    explored: bool
    predictions: Forecast


def init(spec: Spec, seed: int = 0, settings: Settings | None = None) -> Mind:
    """A mind that knows nothing of a job but its spec."""
    settings = settings or Settings()
    frame = Frame(spec)
    rng = np.random.default_rng([seed, 1])
    normaliser = encoder.init_normaliser(frame)
    fast = instinct.init(frame, settings.instinct, rng)
    slow = judgement.init(frame, settings.judgement, rng)
    ahead = foresight.init(frame, settings.foresight, rng)
    learned = Learned(normaliser, fast, slow, coming=slow, foresight=ahead)
    width = len(spec.choices) + spec.amounts
    store = memory.init(spec.raw_size, spec.options, width, curiosity.can_map(frame))
    return Mind(frame, settings, seed, learned, store)


# ---- what it believes


def discount(mind: Mind) -> float:
    """γ: a fifth of the job's horizon counts. ``clip(1 − 5/H, .95, .99)``."""
    return min(max(1 - 5 / _horizon(mind), 0.95), 0.99)


def _horizon(mind: Mind) -> int:
    """How long an episode may last [steps]."""
    return mind.frame.spec.max_steps or mind.counts.horizon or 100


def return_scale(mind: Mind) -> float:
    """The job's units in one unit of judgement: a standard deviation of returns."""
    counts = mind.counts
    if counts.past < 2:
        return 1.0
    variance = counts.past_m2 / counts.past
    root_mean_square = math.sqrt(variance + counts.past_mean**2)
    # Sums up to a decision have missed what came late; one reward is the least to go by.
    least = max(-counts.worst, counts.best) if counts.late else 0.0
    return max(math.sqrt(variance), 0.1 * root_mean_square, least, 1e-8)


def centre(mind: Mind) -> float:
    """Worth of what nothing is known about: to the job's horizon things go on as on
    average, or at zero, whichever is more. What is learned is the difference from it.

    Without it a critic must first learn one large constant, whose errors drown the small
    differences between actions; below zero it would take away the optimism with which the
    unknown gets tried (after Naik et al. 2024, reward centering; docs/log.md).
    """
    mean = mind.counts.rewards / max(mind.counts.decisions, 1)
    gamma, steps = discount(mind), _horizon(mind)
    return max(0.0, mean) * (1.0 - gamma**steps) / (1.0 - gamma)


def bounds(mind: Mind) -> tuple[float, float]:
    """The least and the most that anything can be worth, as far as rewards so far tell.

    Not in the field's usual recipe, and cheap: on CartPole critics came to expect 157 where
    nothing can be worth more than 100 (docs/log.md).
    """
    forever = 1.0 / (1.0 - discount(mind))
    return mind.counts.worst * forever, mind.counts.best * forever


def speeds(mind: Mind) -> tuple[str, ...]:
    """Those that learn here: both, but where instinct cannot or settings say otherwise."""
    if mind.settings.lead != "both":
        return (mind.settings.lead,)
    return arbiter.SPEEDS if instinct.applies(mind.frame) else ("judgement",)


def leader(mind: Mind, rng: np.random.Generator | None = None) -> str:
    """Who leads the next episode, of `arbiter.LEADERS`; without `rng`, the best so far."""
    if can_foresee(mind) and arbiter.looks_ahead(mind.arbiter, mind.settings.arbiter, rng):
        return arbiter.FORESIGHT
    return unaided(mind, rng)


def unaided(mind: Mind, rng: np.random.Generator | None = None) -> str:
    """Who leads where foresight does not: both speeds, or one of them."""
    if can_join(mind) and (rng is None or rng.random() < mind.settings.together):
        return arbiter.BOTH
    return speed(mind, rng)


def can_join(mind: Mind) -> bool:
    """Whether both speeds can lead together by now: of the same options, once each has led."""
    if len(speeds(mind)) < 2 or mind.frame.spec.amounts or not mind.settings.together:
        return False
    return all(mind.arbiter.weight) and _has_studied(mind)


def can_foresee(mind: Mind) -> bool:
    """Whether foresight can lead by now: on a model, or else on a map."""
    if _fits_a_model(mind):
        return foresight.is_known(mind.learned.foresight)
    return _map(mind) is not None


def _fits_a_model(mind: Mind) -> bool:
    s = mind.settings
    return _foresees(s) and foresight.applies(mind.frame, s.foresight)


def _foresees(settings: Settings) -> bool:
    return settings.foresees and settings.lead == "both"


def _map(mind: Mind) -> Atlas | None:
    """The map of what memory held at the latest refit; None where situations do not recur."""
    size = min(mind.counts.fitted, mind.memory.size)
    is_for_this = _foresees(mind.settings) and atlas.applies(mind.frame)
    if not (is_for_this and atlas.recurs(mind.memory, size)):
        return None
    if mind.map is None or mind.map.size != size:
        gamma = 1.0 - 1.0 / max(_horizon(mind), 2)  # nothing is learned from it: it may be long
        mind.map = atlas.draw(mind.memory, size, mind.frame.spec.choices[0], gamma)
    return mind.map


def speed(mind: Mind, rng: np.random.Generator | None = None) -> str:
    """Which speed leads where foresight does not."""
    known = speeds(mind)
    if len(known) == 1:
        return known[0]
    is_first = not mind.counts.fitted or not any(mind.arbiter.weight)
    if mind.counts.inherited and is_first:
        return "judgement"
    if not _has_studied(mind):
        return "instinct"
    if mind.counts.others and not any(mind.arbiter.weight):
        return arbiter.foresees(mind.arbiter)  # neither ever led
    return arbiter.leader(mind.arbiter, mind.settings.arbiter, rng)


def _has_studied(mind: Mind) -> bool:
    """Whether judgement has learned enough to lead beside instinct."""
    updates = int(mind.learned.judgement.updates) + mind.counts.taught
    return updates >= mind.settings.first_lead


# ---- acting


def begin(mind: Mind, stream: str, episode: int) -> None:
    """Episode number `episode` begins on a stream."""
    mind.streams[stream] = Stream(episode, _mood(mind, episode, 0))


def _mood(mind: Mind, episode: int, length: int) -> Mood:
    """The mood of an episode's decisions from number `length` on."""
    # As whole words: of a list NumPy would make the same numbers, in twice the time.
    words = np.array([mind.seed, 2, episode, length], np.uint32)
    s, rng = mind.settings, np.random.default_rng(words)
    leads, has_map = leader(mind, rng), curiosity.applies(mind.memory)
    return policy.begin(
        s.policy,
        rng,
        s.judgement.members,
        leads,
        allowed=arbiter.adventure(mind.arbiter, s.arbiter),
        can_plan=has_map or _can_wonder(mind),
        can_sample=_can_sample(mind, leads),
        # What comes late, or where others led, has not been counted: alike then says nothing.
        is_all_alike=arbiter.is_all_alike(mind.arbiter)
        and not (mind.counts.late or mind.counts.others),
        # Of a map without blanks, what was tried least is what is far from where episodes end.
        longest_plan=_horizon(mind) if has_map else 0,
    )


def _can_wonder(mind: Mind) -> bool:
    """Whether wonder can lead: where all that decisions ever earned was losses, at most spared.

    Doing nothing may then be the best that is known, and the way to something better a loss.
    """
    counts = mind.counts
    is_at_a_loss = counts.fitted > 0 and counts.best <= 0.0 and not counts.late
    return is_at_a_loss and "instinct" in speeds(mind) and not mind.frame.images


def _can_sample(mind: Mind, leads: str) -> bool:
    """Whether a leader's answer has a distribution to draw from."""
    has_actor = mind.frame.spec.amounts > 0
    return leads == "instinct" or (leads == "judgement" and has_actor)


def act(mind: Mind, observation: Observation, stream: str | None = None) -> Choice:
    """What to do in a situation.

    On a stream it explores as that episode's mood has it. Without one it gives its best
    answer; nothing changes.
    """
    return _act(mind, _see(mind, observation), observation, stream)


def propose(mind: Mind, observation: Observation, stream: str) -> tuple[Choice, float | None]:
    """As `act` on a stream, with the action's propensity (see `_propensity`)."""
    seen = _see(mind, observation)
    choice = _act(mind, seen, observation, stream)
    return choice, _propensity(mind, seen, choice, mind.streams[stream].mood)


def _propensity(mind: Mind, seen: Seen, choice: Choice, mood: Mood) -> float | None:
    """About how probable it was that this action would be chosen here, in (0, 1).

    A mood could have been drawn otherwise: another member of judgement, all alike probable, or
    instinct's mean instead of its sample; and the action could have been tried at random. One
    more draw, uniform over what is allowed, smooths the few there are. None where actions hold
    amounts, or curiosity leads. An estimate: who weighs by it should clip it.
    """
    frame = mind.frame
    if frame.spec.amounts or mood.is_curious:
        return None
    num_allowed = math.prod(seen.mask[: len(frame.spec.choices)].sum(-1).tolist())
    if mood.leader in (arbiter.FORESIGHT, arbiter.BOTH):
        own = _answer(mind, seen, mood.leader, mood) if choice.explored else choice.flat
        ways = own[None]
    else:
        tables = seen.table
        if mood.leader == "instinct":
            sampled = mind.learned.instinct.sample @ seen.phi
            tables = _spread(frame, np.stack([sampled, seen.felt]))
        assert tables is not None
        ways = _best(frame, tables, seen.mask)
    alike = int((ways == choice.flat).all(-1).sum())
    share = (alike + 1.0 / num_allowed) / (len(ways) + 1)
    s = mind.settings.policy
    tried = s.adventurous * s.holds * arbiter.adventure(mind.arbiter, mind.settings.arbiter)
    return float((1.0 - tried) * share + tried / num_allowed)


def _act(mind: Mind, seen: Seen, observation: Observation, stream: str | None) -> Choice:
    current = mind.streams[stream] if stream is not None else None
    mood = current.mood if current else None
    leads = mood.leader if mood else leader(mind)
    flat = _try(mind, current, seen, observation.mask) if current else None
    explored = flat is not None
    if flat is None:
        flat = _answer(mind, seen, leads, mood)
    return _weigh(mind, seen, flat, leads, explored)


def _answer(mind: Mind, seen: Seen, leads: str, mood: Mood | None) -> Array:
    """The action that `leads` takes for the best."""
    if leads == arbiter.FORESIGHT:
        return _foreseen(mind, seen, mood)
    if leads == arbiter.BOTH:
        return _agreed(mind, seen)
    greedy = _feel if leads == "instinct" else _reason
    return greedy(mind, seen, mood)


def _foreseen(mind: Mind, seen: Seen, mood: Mood | None) -> Array:
    """Foresight's action; where its map is empty, that of who would lead without it."""
    if _fits_a_model(mind):
        return _look_ahead(mind, seen)
    known, best = _map(mind), None
    if known is not None:
        allowed = seen.mask[0, : mind.frame.spec.choices[0]]
        best = atlas.best(known, mind.memory.find(seen.raw), allowed)
    if best is None:
        return _answer(mind, seen, unaided(mind), mood)
    return np.array([best], np.float32)


class Manner(NamedTuple):
    """What of a mood says to whom an episode's return is owed; see `policy.Mood`."""

    leader: str
    is_adventurous: bool
    is_curious: bool
    is_sampled: bool = False  # unknown to logs from before there was such a thing


def manner(mind: Mind, stream: str) -> Manner:
    """In which manner a stream's decisions are made at present."""
    mood = mind.streams[stream].mood
    return Manner(mood.leader, mood.is_adventurous, mood.is_curious, mood.is_sampled)


def set_manner(mind: Mind, stream: str, told: Manner) -> None:
    """Decisions on a stream were made in another manner than this mind would have drawn.

    So it is where one process acts by a mind that is a little older than the one that studies.
    """
    mood = mind.streams[stream].mood
    mood.leader, mood.is_adventurous, mood.is_curious, mood.is_sampled = told


def weigh(mind: Mind, observation: Observation, flat: Array) -> Value:
    """The value of an action in a situation, whoever chose it; nothing changes."""
    return _weigh(mind, _see(mind, observation), flat, leader(mind), False).value


def _try(mind: Mind, current: Stream, seen: Seen, mask: Array | None) -> Array | None:
    """A flat action to take for what it teaches, or None."""
    mood = current.mood
    if not mood.is_curious:
        return policy.hold(mood, mind.settings.policy, mind.frame, mask)
    if not curiosity.applies(mind.memory):
        return _by_instinct(mind, seen, _wonder(mind).weights @ seen.phi)
    options, plan = mind.frame.spec.choices[0], _plan(mind)
    if len(current.rows) >= mood.curious_for and not curiosity.has_blanks(
        plan, mind.memory, seen.raw, discount(mind)
    ):
        return None
    allowed = seen.mask[0, :options]
    taken = curiosity.choose(plan, mind.memory, seen.raw, allowed, mood.rng)
    return np.array([taken], np.float32)


def _plan(mind: Mind) -> curiosity.Plan:
    """Of what memory held a while ago; made when first asked for."""
    size = curiosity.size_now(mind.memory)
    if mind.plan is None or mind.plan.size != size:
        options = mind.frame.spec.choices[0]
        mind.plan = curiosity.plan(mind.memory, size, options, discount(mind))
    return mind.plan


def _wonder(mind: Mind) -> curiosity.Wonder:
    """Of what memory held at the latest refit; fitted when first asked for."""
    size = min(mind.counts.fitted, mind.memory.size)
    if mind.wonder is None or mind.wonder.size != size:
        own, s = mind.learned.instinct, mind.settings.instinct
        rng = np.random.default_rng([mind.seed, 8, size])
        data = _of_instinct(mind, _spread_rows(mind.memory, s.rows, rng, size))
        mind.wonder = curiosity.wonder(own, s, mind.frame, size, data, discount(mind))
    return mind.wonder


@dataclass(frozen=True, slots=True)
class Seen:
    """A situation as both speeds read it: features [P], pictures, cosines [D], mask [F, N].

    raw: [R] as it was shown.
    felt: instinct's values [O], by the posterior's mean, less its offset.
    table: judgement's values [M, F, N], where they do not depend on amounts; else None.
    """

    raw: Array
    x: Array
    pictures: tuple[Array, ...]
    phi: Array
    felt: Array
    mask: Array
    table: Array | None


def _see(mind: Mind, observation: Observation) -> Seen:
    frame, learned = mind.frame, mind.learned
    x = encoder.encode(learned.normaliser, frame, observation.raw)
    pictures: tuple[Array, ...] = ()
    if frame.images:
        pictures = tuple(p[None] for p in encoder.images(frame, observation.raw))
    mask = frame.valid
    if observation.mask is not None and frame.spec.choices:
        mask = encoder.expand_mask(frame, observation.mask)
    table = None if frame.amounts else _table(mind, x, pictures, NO_AMOUNTS)
    phi = instinct.cosines(learned.instinct, x)
    return Seen(observation.raw, x, pictures, phi, learned.instinct.weights @ phi, mask, table)


def _feel(mind: Mind, seen: Seen, mood: Mood | None) -> Array:
    """Instinct's action: of the posterior's sample in a mood for that, else of its mean."""
    own, is_sampled = mind.learned.instinct, mood is not None and mood.is_sampled
    return _by_instinct(mind, seen, own.sample @ seen.phi if is_sampled else seen.felt)


def _by_instinct(mind: Mind, seen: Seen, values: Array) -> Array:
    """The action of most value, by values [O] of instinct's options."""
    if not mind.frame.spec.choices:
        best = int(values.argmax())
        return instinct.prototypes(mind.settings.instinct)[best : best + 1]
    return _greedy(mind.frame, _spread(mind.frame, values), seen.mask, seen.x[:0])


def _spread(frame: Frame, values: Array) -> Array:
    """Values [..., O] as a table [..., F, N]."""
    table = np.full((*values.shape[:-1], frame.valid.size), -np.inf, np.float32)
    table[..., frame.options_at] = values
    return table.reshape(*values.shape[:-1], *frame.table)


def _reason(mind: Mind, seen: Seen, mood: Mood | None) -> Array:
    """Judgement's action: of one member, and of a sampled actor in a mood for that."""
    frame, own = mind.frame, mind.learned.judgement
    amounts = seen.x[:0]
    if own.actor is not None:
        mean, log_std = judgement.gaussian(own.actor, seen.x[None], seen.pictures, np)
        u = mean[0]
        if mood is not None and mood.is_sampled:
            u = u + np.exp(log_std[0]) * mood.rng.standard_normal(len(u), np.float32)
        amounts = np.tanh(u)[: frame.spec.amounts]
    if not frame.spec.choices:
        return amounts
    values = seen.table
    if values is None:
        values = _table(mind, seen.x, seen.pictures, amounts)
    table = values.sum(0) if mood is None else values[mood.member]
    return _greedy(frame, table, seen.mask, amounts)


def _agreed(mind: Mind, seen: Seen) -> Array:
    """The action of most worth, as both speeds see it together."""
    assert seen.table is not None
    fast, slow = arbiter.shares(mind.arbiter)
    felt = np.where(seen.mask, _spread(mind.frame, seen.felt), 0.0)
    worth = fast * felt + slow * return_scale(mind) * seen.table.mean(0)
    return _greedy(mind.frame, worth, seen.mask, seen.x[:0])


def _look_ahead(mind: Mind, seen: Seen) -> Array:
    """Foresight's action: the first towards what both speeds together expect most of."""
    frame, own, held = mind.frame, mind.settings.foresight, 1
    if frame.spec.amounts:
        if not foresight.acts_at_once(mind.learned.foresight, own):
            held = own.held
        ways = foresight.around(own, _usual(mind, seen.x[None])[0])
        allowed = np.ones(len(ways), bool)
    else:
        allowed = seen.mask[0, : frame.spec.choices[0]]
        ways = np.arange(len(allowed), dtype=np.float32)[:, None]
    here = foresight.coded(frame, ways)[None]

    def tries(x: Array, step: int, first: Array) -> Array:
        if step == 0 or not frame.spec.amounts:
            return here
        onward = foresight.onward(held, ways, first, _usual(mind, x), step)
        return foresight.coded(frame, onward[:, None])

    rewards = mind.counts.worst, mind.counts.best
    chosen = foresight.best(
        *(mind.learned.foresight, own, seen.x, allowed, tries),
        *(lambda x: _worth_of(mind, x), discount(mind), rewards),
    )
    return ways[chosen]


def _usual(mind: Mind, x: Array) -> Array:
    """Amounts [B, C] that judgement's actor takes for the best in situations x [B, P]."""
    actor = mind.learned.judgement.actor
    assert actor is not None
    mean, _ = judgement.gaussian(actor, x, (), np)
    return np.tanh(mean)[:, : mind.frame.spec.amounts]


def _worth_of(mind: Mind, x: Array) -> Array:
    """What situations x [B, P] are worth [B] by both speeds, blended, in the job's units."""
    own, frame = mind.learned, mind.frame
    amounts = np.zeros((len(x), frame.amounts), np.float32)
    if frame.amounts:
        amounts[:, : frame.spec.amounts] = _usual(mind, x)
    table = judgement.table(own.judgement.target, x, (), amounts, frame.table, np)
    judged = np.where(frame.valid, table.mean(0), -np.inf)[:, 0].max(-1)
    worth = judged * return_scale(mind) + centre(mind)
    if "instinct" in speeds(mind):
        felt = (instinct.cosines(own.instinct, x) @ own.instinct.weights.T).max(-1)
        both = np.stack([felt + own.instinct.offset, worth], axis=-1)
        worth = arbiter.blend(mind.arbiter, both)[0]
    return np.clip(worth, *bounds(mind))


def _table(mind: Mind, x: Array, pictures: tuple[Array, ...], amounts: Array) -> Array:
    """Judgement's values [M, F, N] at amounts [spec.amounts]."""
    frame = mind.frame
    padded = np.zeros((1, frame.amounts), np.float32)
    padded[0, : len(amounts)] = amounts
    # The slow copy acts: an average over recent weights, it errs less than the latest ones.
    slow = mind.learned.judgement.target
    return judgement.table(slow, x[None], pictures, padded, frame.table, np)[:, 0]


def _greedy(frame: Frame, table: Array, mask: Array, amounts: Array) -> Array:
    best = _best(frame, table, mask).astype(np.float32)
    return np.concatenate([best, amounts]) if len(amounts) else best


def _best(frame: Frame, table: Array, mask: Array) -> Array:
    """The allowed option of most value, of each choice: int [..., choices]."""
    return np.where(mask, table, -np.inf).argmax(-1)[..., : len(frame.spec.choices)]


def _weigh(mind: Mind, seen: Seen, flat: Array, leads: str, explored: bool) -> Choice:
    """A flat action and its value: what both speeds expect, blended."""
    forecast = _forecast(mind, seen, flat)
    worth, variance = arbiter.blend(mind.arbiter, np.array(forecast[:2]), forecast.apart)
    value = Value(
        worth=float(worth),
        spread=math.sqrt(variance + mind.arbiter.blur),
        support=instinct.support(mind.learned.instinct, seen.phi),
    )
    return Choice(flat, value, leads, explored, forecast)


def _forecast(mind: Mind, seen: Seen, flat: Array) -> Forecast:
    """A speed that is not there expects what the other does."""
    known = speeds(mind)
    if known == ("instinct",):
        felt = _felt(mind, seen, flat)
        return Forecast(felt, felt, 0.0)
    judged, apart = _judged(mind, seen, flat)
    felt = _felt(mind, seen, flat) if "instinct" in known else judged
    return Forecast(felt, judged, apart)


def _judged(mind: Mind, seen: Seen, flat: Array) -> tuple[float, float]:
    """Mean and variance over judgement's members, in the job's units."""
    num_choices = len(mind.frame.spec.choices)
    values = seen.table
    if values is None:
        values = _table(mind, seen.x, seen.pictures, flat[num_choices:])
    choices = flat[:num_choices].astype(int).tolist() or [0]
    q = [values[:, factor, choice] for factor, choice in enumerate(choices)]
    members, scale = (sum(q[1:], q[0]) / len(q)).tolist(), return_scale(mind)
    mean = sum(members) / len(members)
    variance = sum((v - mean) ** 2 for v in members) / len(members)
    return mean * scale + centre(mind), variance * scale**2


def _felt(mind: Mind, seen: Seen, flat: Array) -> float:
    taken = instinct.options(mind.frame, mind.settings.instinct, flat).tolist()
    total = sum(seen.felt[option] for option in taken)
    return float(total / len(taken) + mind.learned.instinct.offset)


# ---- taking in


def decided(
    mind: Mind,
    stream: str,
    observation: Observation,
    flat: Array,
    predictions: Forecast | None = None,
    is_own: bool = True,
) -> int:
    """Takes in a decision; gives its row in memory.

    predictions: as `act` gave them; None computes them again, as a replay does.
    is_own: the mind chose it; False where another did, whose return says nothing of who leads.
    """
    current = mind.streams[stream]
    if not mind.studies:
        predictions = UNWEIGHED
    elif predictions is None:
        predictions = _weigh(
            mind, _see(mind, observation), flat, "judgement", False
        ).predictions
    row = mind.memory.add(observation.raw, observation.mask, flat)
    _link(mind, current, row)
    if len(current.rows) >= mind.settings.window or _goes_in_circles(mind, current):
        _judge(mind, current, predictions)
        current.mood = _mood(mind, current.episode, current.length)
    current.rows.append(row)
    current.predictions.append(predictions)
    current.length += 1
    current.others += not is_own
    mind.counts.others += not is_own
    mind.counts.decisions += 1
    mind.counts.owed += _updates_due(mind)
    return row


def _goes_in_circles(mind: Mind, current: Stream) -> bool:
    """Whether its latest decisions led through the same situations as those before, unpaid.

    Values that change slowly lead round for ever, so that this is all that their leader will
    have earned. Another mood may lead out, and what follows is learned where they were wrong.
    """
    length, of = mind.settings.circle, mind.memory
    if len(current.rows) <= length or not curiosity.applies(of) or mind.counts.late:
        return False
    rows = current.rows[-2 * length :]
    way = of.cell[rows].tolist()
    here, last = way[-1], len(way) - 1
    round_ = next((n for n in range(1, last - length + 2) if way[last - n] == here), None)
    if round_ is None or way[-length:] != way[-length - round_ : -round_]:
        return False
    return not of.reward[rows[-length - round_ :]].any()


def _updates_due(mind: Mind) -> float:
    """Updates for one decision: many at first, when each row is news.

    Not so where judgement was taught already: a few rows studied often would undo it.
    """
    s, own = mind.settings, own_decisions(mind)
    usual = max(s.even_updates / own, s.least_updates) * _more_updates(mind)
    usual = min(usual, s.most_updates)
    return usual * min(1.0, own / s.settled) if mind.counts.inherited else usual


def _more_updates(mind: Mind) -> float:
    """How many times as many updates: more where what was studied holds for what is new.

    Where it does not, as where much is chance, more of them learn the old by heart.
    """
    s, counts = mind.settings, mind.counts
    more = s.holds * counts.varied / max(counts.missed, 1e-12)
    return min(max(more, 1.0), s.more_updates)


def rewarded(mind: Mind, row: int, reward: float, stream: str = "") -> None:
    """Takes in a reward, or a part of one, for the decision in a row; it may come late.

    stream: of that decision, as far as it is known.
    """
    mind.memory.reward[row] += reward
    counts, whole = mind.counts, float(mind.memory.reward[row])
    counts.rewards += reward
    counts.late += not _is_latest(mind, row, stream)
    counts.worst, counts.best = min(counts.worst, whole), max(counts.best, whole)


def _is_latest(mind: Mind, row: int, stream: str) -> bool:
    """Whether the decision in a row is the latest of an episode under way.

    A hundred thousand may be: they are only searched where its stream is not known.
    """
    if mind.memory.after[row] != memory.OPEN:
        return False
    if stream:
        current = mind.streams.get(stream)
        return bool(current and current.rows and current.rows[-1] == row)
    return any(s.rows and s.rows[-1] == row for s in mind.streams.values())


def ended(mind: Mind, stream: str, end: End, last: Observation | None) -> None:
    """Takes in the end of an episode; `last` is what was seen after the last decision.

    TERMINATED: worth nothing from here. TRUNCATED or CUT: its value goes on from `last`;
    where that is unknown, nothing is learned of the last decision.
    """
    current = mind.streams.pop(stream)
    if not current.rows:
        return
    tail = None
    if end == End.TERMINATED:
        _link(mind, current, memory.TERMINAL)
    else:
        tail = current.predictions[-1]
        if last is not None:
            _link(mind, current, mind.memory.add(last.raw, last.mask, None))
    _judge(mind, current, tail, is_whole=end != End.CUT)
    mind.counts.horizon = max(mind.counts.horizon, current.length)
    if mind.studies and _is_misled(mind):
        _drop_inheritance(mind)


def _is_misled(mind: Mind) -> bool:
    """Whether what other jobs taught does harm on this one: prequentially, so it was tried.

    Where instinct can lead, it is the measure: it knows this job alone. Elsewhere promises
    are: a value that errs twice as far as where it was learned does not hold here.
    """
    counts = mind.counts
    if counts.inherited == 0 or own_decisions(mind) > mind.settings.trial:
        return False
    if "instinct" in speeds(mind):
        return arbiter.is_outdone(mind.arbiter, return_scale(mind))
    return arbiter.errs_beyond(mind.arbiter, max(return_scale(mind), counts.taught_error))


def own_decisions(mind: Mind) -> int:
    """Decisions on this job, without those that stand for what was inherited."""
    return mind.counts.decisions - mind.counts.inherited


def _drop_inheritance(mind: Mind) -> None:
    """Judgement begins afresh, and makes up for the updates that it would have had."""
    fresh = init(mind.frame.spec, mind.seed, mind.settings).learned
    counts, own = mind.counts, own_decisions(mind)
    rewards = mind.memory.reward[: mind.memory.size]
    counts.decisions, counts.rewards = own, float(rewards.sum())
    counts.inherited = counts.taught = 0
    counts.worst, counts.best = min(0.0, float(rewards.min())), max(0.0, float(rewards.max()))
    counts.fitted = 0
    counts.owed += mind.settings.most_updates * own
    mind.learned = mind.learned._replace(
        normaliser=fresh.normaliser, judgement=fresh.judgement, coming=fresh.judgement
    )
    look_and_refit(mind)
    arbiter.forget(mind.arbiter, "judgement")


def _link(mind: Mind, current: Stream, after: int) -> None:
    if not current.rows:
        return
    row = current.rows[-1]
    mind.memory.link(row, after)
    current.past = discount(mind) * current.past + float(mind.memory.reward[row])
    counts = mind.counts
    counts.past += 1
    delta = current.past - counts.past_mean
    counts.past_mean += delta / counts.past
    counts.past_m2 += delta * (current.past - counts.past_mean)


def add_past(counts: Counts, other: Counts, number: int) -> None:
    """Adds the statistics of another's discounted sums, as if there were `number` of them."""
    if not number:
        return
    total, apart = counts.past + number, other.past_mean - counts.past_mean
    counts.past_m2 += other.past_m2 * number / other.past
    counts.past_m2 += apart**2 * counts.past * number / total
    counts.past_mean += apart * number / total
    counts.past = total


def _judge(mind: Mind, current: Stream, tail: Forecast | None, is_whole: bool = True) -> None:
    """Holds the predictions against what came.

    tail: of what lies beyond, where the episode goes on or was stopped; None where nothing
    follows. is_whole: False where it was cut, so that its sum is no measure of who led.
    """
    if mind.studies:
        _hold_against(mind, current, tail, is_whole and 2 * current.others <= len(current.rows))
    current.rows, current.predictions, current.others = [], [], 0


def _hold_against(mind: Mind, current: Stream, tail: Forecast | None, is_led: bool) -> None:
    """is_led: whether the sum of rewards is a measure of who led."""
    rewards = mind.memory.reward[current.rows]
    returns = np.empty(len(rewards))
    beyond, gamma = 0.0, discount(mind)
    if tail is not None:
        beyond = float(arbiter.blend(mind.arbiter, np.array(tail[:2]))[0])
    for t in range(len(rewards) - 1, -1, -1):
        returns[t] = beyond = rewards[t] + gamma * beyond
    seen = np.ones(len(rewards))
    if tail is not None:
        seen -= gamma ** np.arange(len(rewards), 0, -1)
    predictions = np.array(current.predictions)
    mood = current.mood
    led = "" if mood.is_curious else mood.leader
    arbiter.judged(
        mind.arbiter,
        mind.settings.arbiter,
        led,
        unaided(mind),
        float(rewards.sum()) if is_led else None,
        mood.is_adventurous,
        mood.is_plain,
        predictions[:, :2],
        predictions[:, 2],
        returns,
        seen,
    )


# ---- learning


def study(mind: Mind, between_episodes: bool = False) -> None:
    """Refits instinct and makes judgement's updates, as far as they are due."""
    if not mind.studies:
        return
    new = mind.memory.size - mind.counts.fitted
    least = 1 if between_episodes else mind.settings.refit_steps
    if mind.memory.num_ready and new >= max(
        least, mind.settings.refit_growth * mind.memory.size
    ):
        look_and_refit(mind)
    fused = judgement.fused_updates(mind.frame, mind.settings.judgement)
    while mind.counts.owed >= fused and mind.memory.num_ready >= mind.settings.first_study:
        if "judgement" in speeds(mind):
            _update(mind)
        mind.counts.owed -= fused


def look_and_refit(mind: Mind) -> None:
    """Takes what is new in memory into the normaliser; fits instinct and foresight afresh."""
    _look(mind)
    if "instinct" in speeds(mind):
        _refit(mind)
    if _fits_a_model(mind):
        _refit_foresight(mind)
    mind.counts.fitted = mind.memory.size
    _map(mind)  # drawn here, so that no decision waits for it


def _look(mind: Mind) -> None:
    raw = mind.memory.raw[mind.counts.fitted : mind.memory.size]
    normaliser = encoder.update_normaliser(mind.learned.normaliser, mind.frame, raw)
    mind.learned = mind.learned._replace(normaliser=normaliser)


def _refit(mind: Mind) -> None:
    """Instinct afresh, on the latest experience and a sample of the rest."""
    s, own, size = mind.settings.instinct, mind.learned.instinct, mind.memory.size
    rng = np.random.default_rng([mind.seed, 3, size])
    data = _of_instinct(mind, _spread_rows(mind.memory, s.rows, rng))
    units = centre(mind), return_scale(mind), bounds(mind)
    fitted = instinct.fit(own, s, mind.frame, data, *units, rng)
    mind.learned = mind.learned._replace(instinct=fitted)


def _of_instinct(mind: Mind, rows: Array) -> instinct.Rows:
    """What instinct fits, of some rows of memory."""
    s, own = mind.settings.instinct, mind.learned.instinct
    batch = mind.memory.windows(rows, 1, discount(mind))
    if mind.frame.spec.choices:
        next_mask = batch.next_mask
    else:
        next_mask = np.ones((len(rows), len(own.weights)), bool)
    return instinct.Rows(
        phi=_cosines(mind, batch.raw),
        options=instinct.options(mind.frame, s, batch.action),
        reward=batch.reward,
        discount=batch.discount,
        next_phi=_cosines(mind, batch.next_raw),
        next_mask=next_mask,
    )


def _refit_foresight(mind: Mind) -> None:
    """Foresight afresh, likewise; its rows in the order in which they were lived."""
    own, n = mind.settings, mind.frame.numbers
    rng = np.random.default_rng([mind.seed, 7, mind.memory.size])
    rows = np.sort(_spread_rows(mind.memory, own.instinct.rows, rng))
    batch = mind.memory.windows(rows, 1, 1.0)
    data = foresight.Rows(
        x=_features(mind, batch.raw)[:, :n],
        action=foresight.coded(mind.frame, batch.action),
        reward=batch.reward,
        next_x=_features(mind, batch.next_raw)[:, :n],
        is_end=batch.discount == 0.0,
    )
    fitted = foresight.fit(mind.learned.foresight, own.foresight, data)
    mind.learned = mind.learned._replace(foresight=fitted)


def _spread_rows(
    of: Memory, most: int, rng: np.random.Generator, size: int | None = None
) -> Array:
    """The latest rows and a sample of the rest, `most` at most; of the first `size` alone."""
    ready = of.ready[: of.num_ready]
    if size is not None:
        ready = ready[(ready < size) & (of.after[ready] < size)]
    if len(ready) <= most:
        return ready
    latest = most // 2
    older = rng.choice(ready[:-latest], most - latest, replace=False)
    return np.concatenate([older, ready[-latest:]])


def _cosines(mind: Mind, raw: Array) -> Array:
    return instinct.cosines(mind.learned.instinct, _features(mind, raw))


def _features(mind: Mind, raw: Array) -> Array:
    return encoder.encode(mind.learned.normaliser, mind.frame, raw)


def _update(mind: Mind) -> None:
    """Adopts what was studied, and begins a fused call on rows drawn evenly from memory."""
    own = jax.tree.map(np.asarray, mind.learned.coming)  # waits until it is done
    mind.learned = mind.learned._replace(judgement=own)
    _hold_against_the_new(mind)
    s, frame, count = mind.settings.judgement, mind.frame, int(own.updates)
    rng = np.random.default_rng([mind.seed, 4, count])
    shape = (judgement.fused_updates(frame, s), s.batch)
    rows = mind.memory.ready[rng.integers(mind.memory.num_ready, size=shape)]
    coming, _ = judgement.study(own, _to_study(mind, rows, rng), _real(frame), s, frame.table)
    mind.learned = mind.learned._replace(coming=coming)


def _hold_against_the_new(mind: Mind) -> None:
    """Takes in how far judgement errs on rows that came since its latest study began."""
    s, counts, frame = mind.settings, mind.counts, mind.frame
    new = mind.memory.ready[counts.studied : mind.memory.num_ready]
    counts.studied = mind.memory.num_ready
    if not len(new):
        return
    rows = np.resize(new[-s.fresh :], (1, s.fresh))
    rng = np.random.default_rng([mind.seed, 9, counts.studied])
    batch = jax.tree.map(lambda part: part[0], _to_study(mind, rows, rng))
    seen = judgement.held_against(mind.learned.judgement, batch, _real(frame), frame.table)
    missed, varied = np.asarray(seen).tolist()
    counts.missed += (1.0 - s.keep_fresh) * (missed - counts.missed)
    counts.varied += (1.0 - s.keep_fresh) * (varied - counts.varied)


def _real(frame: Frame) -> Array:
    """[C] 1 for amounts that exist, 0 for padding."""
    return (np.arange(frame.amounts) < frame.spec.amounts).astype(np.float32)


def _to_study(mind: Mind, rows: Array, rng: np.random.Generator) -> Study:
    """What judgement studies, of rows [K, B] of memory."""
    batch = mind.memory.windows(rows, mind.settings.num_steps, discount(mind))
    noise = rng.standard_normal((len(rows), 2, rows.shape[1], mind.frame.amounts), np.float32)
    data = _encoded(mind, batch, noise)
    return data._replace(between=_between(mind, rows)) if _is_exact(mind) else data


def _is_exact(mind: Mind) -> bool:
    """Whether what was tried on in a window after its first step is taken out again: where
    foresight tries amounts, one step of them tells, and nothing ended so far.

    A window as it came makes small differences large: it holds several steps alike. Where one
    tells that only blurs what the best amounts earn. Where a step may be the last, what
    careless ones cost is left in: it keeps away from the edge (Sutton & Barto 2018, ex. 6.6).
    """
    if mind.memory.has_ends or not mind.frame.spec.amounts or not _fits_a_model(mind):
        return False
    return foresight.acts_at_once(mind.learned.foresight, mind.settings.foresight)


def _between(mind: Mind, rows: Array) -> judgement.Between:
    way = mind.memory.between(rows, mind.settings.num_steps, discount(mind))
    raw, action, weight = (np.moveaxis(part, 0, 1) for part in way)
    _, amounts = encoder.split_action(mind.frame, action)
    return judgement.Between(_features(mind, raw), amounts, weight)


def _encoded(mind: Mind, batch: memory.Batch, noise: Array) -> Study:
    frame, normaliser = mind.frame, mind.learned.normaliser
    choices, amounts = encoder.split_action(frame, batch.action)
    limits = (np.array(bounds(mind)) - centre(mind)) / return_scale(mind)
    return Study(
        x=encoder.encode(normaliser, frame, batch.raw),
        images=encoder.images(frame, batch.raw),
        mask=encoder.expand_mask(frame, batch.mask),
        choices=choices,
        amounts=amounts,
        reward=_in_units_of_judgement(mind, batch),
        discount=batch.discount,
        next_x=encoder.encode(normaliser, frame, batch.next_raw),
        next_images=encoder.images(frame, batch.next_raw),
        next_mask=encoder.expand_mask(frame, batch.next_mask),
        bounds=np.tile(limits, (len(batch.reward), 1)).astype(np.float32),
        noise=noise,
    )


def _in_units_of_judgement(mind: Mind, batch: memory.Batch) -> Array:
    """Rewards such that a value v of the job becomes ``(v − centre) / scale``."""
    shifted = batch.reward - (1.0 - batch.discount) * centre(mind)
    return (shifted / return_scale(mind)).astype(np.float32)
