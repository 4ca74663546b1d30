"""THE loop: observe → decide → act → record → study. One page, in plain sight.

    observation = job.reset(seed)
    while working:
        decision = decide(place, observation)         # mind.act, experience.append
        step = job.step(decision.flat)
        outcome(place, decision.id, step.reward, …)   # experience.append, mind.study

Everything goes through the same three functions whether a job's environment drives them
(`live`), a caller does (`Learner.decide`, `Learner.reward`), or the log does when a mind is
rebuilt (`absorb`). What a saved mind has studied already is only taken into its memory, all
at once (see `recollection`).
"""

from __future__ import annotations

import contextlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from quickstudy.errors import UnknownDecision
from quickstudy.experience.event import DROPPED, Event, Kind
from quickstudy.experience.log import Log
from quickstudy.jobs.copies import Copies
from quickstudy.jobs.job import Job
from quickstudy.jobs.layout import Layout
from quickstudy.mind import inheritance
from quickstudy.mind import mind as minds
from quickstudy.mind.arbiter import LEADERS
from quickstudy.mind.inheritance import Inheritance
from quickstudy.mind.mind import Forecast, Mind
from quickstudy.types import Array, Decision, End, Moment, Observation, Step, Value

WORK = "work"  # the stream on which `live` works; copies have work/0, work/1, …
LONGEST_TRIAL = 10_000  # steps
MANNER = "manner"  # in the note of a decision by a mind that does not study: see `minds.Manner`


@dataclass
class Episode:
    """An episode under way: its number, decisions taken, rewards so far.

    first, latest: positions in the log of its first and latest decision; 0 before any.
    """

    number: int
    steps: int = 0
    earned: float = 0.0
    first: int = 0
    latest: int = 0


@dataclass
class Place:
    """One job as one learner knows it: its mind there, and how far it has come.

    steps, episodes: over all sessions. open: episodes under way, by stream.
    decisions, rows: where each decision stands in the log and in the mind's memory.
    is_absorbed: False between an event's record and its effect on the mind.
    """

    name: str
    layout: Layout
    mind: Mind
    log: Log
    steps: int = 0
    episodes: int = 0
    open: dict[str, Episode] = field(default_factory=dict)
    decisions: array[int] = field(default_factory=lambda: array("q"))
    rows: array[int] = field(default_factory=lambda: array("q"))
    is_absorbed: bool = True


GivesUp = Callable[[Place, Episode, Decision], bool]


# ---- the loop


def live(
    place: Place,
    job: Job,
    until: int,
    seed_of: Callable[[int], int],
    observation: Observation | None = None,
    gives_up: GivesUp | None = None,
) -> Iterator[tuple[Moment, Observation | None]]:
    """Works until `place.steps` reaches `until`; yields after every step.

    Args:
      job: the environment. seed_of: an episode's number → the seed of its reset.
      observation: what the job shows now, in the middle of an episode; None begins one.
      gives_up: whether to cut an episode by its latest decision; None never does.

    Yields:
      the moment, and what the job shows now (None where the episode is over).
    """
    while place.steps < until:
        if observation is None or WORK not in place.open:  # over, or cut by an exam meanwhile
            seed = seed_of(place.episodes)
            observation = job.reset(seed)
            begin(place, WORK, seed)
        decision = decide(place, observation, WORK)
        step = job.step(decision.flat)
        moment = _took_step(place, WORK, decision, step, gives_up)
        observation = None if moment.end else step.observation
        yield moment, observation


def live_at_once(
    place: Place,
    copies: Copies,
    until: int,
    seed_of: Callable[[int], int],
    gives_up: GivesUp | None = None,
) -> Iterator[Moment]:
    """As `live`, in several copies of a job, which step together; each is a stream of its own.

    Yields:
      the moments of one step of all, once all of them are recorded.
    """
    shown: dict[int, Observation] = {}
    while place.steps < until:
        idle = [at for at in range(copies.number) if at not in shown]
        worlds = {at: seed_of(place.episodes + i) for i, at in enumerate(idle)}
        if worlds:
            shown |= copies.reset(worlds)
        for at, seed in worlds.items():
            begin(place, _stream(at), seed)
        working = sorted(shown)[: until - place.steps]
        decided = {at: decide(place, shown[at], _stream(at)) for at in working}
        steps = copies.step({at: decision.flat for at, decision in decided.items()})
        moments: list[Moment] = []
        for at, decision in decided.items():
            moments.append(_took_step(place, _stream(at), decision, steps[at], gives_up))
            shown[at] = steps[at].observation
            if moments[-1].end:
                del shown[at]
        yield from moments


def _took_step(
    place: Place, stream: str, decision: Decision, step: Step, gives_up: GivesUp | None
) -> Moment:
    """What a step of the job brought is recorded and taken in; the moment that it was."""
    episode, end = place.open[stream], step.end
    if not end and gives_up is not None and gives_up(place, episode, decision):
        end = End.CUT
    outcome(place, decision.id, step.reward, end, step.observation, stream)
    return _moment(place, episode, decision, step.reward, end)


def cut_copies(place: Place) -> None:
    """Episodes of copies that are gone cannot go on."""
    for stream in [s for s in place.open if s.startswith(f"{WORK}/")]:
        cut(place, stream, None)


def _stream(copy: int) -> str:
    return f"{WORK}/{copy}"


def trial(place: Place, job: Job, seed: int) -> float:
    """The return of one frozen episode: nothing is explored, recorded or learned.

    Where the job has no time limit of its own it is cut after LONGEST_TRIAL steps.
    """
    observation, total, end = job.reset(seed), 0.0, End.NOT
    for _ in range(job.spec.max_steps or LONGEST_TRIAL):
        if end is not End.NOT:
            break
        step = job.step(minds.act(place.mind, observation).flat)
        observation, total, end = step.observation, total + step.reward, step.end
    return total


# ---- what happens, recorded and taken in


def begin(
    place: Place, stream: str, seed: int | None = None, note: dict[str, Any] | None = None
) -> None:
    """An episode begins, in the world of a seed. One still open on this stream is cut.

    note: to be kept with the event.
    """
    if stream in place.open:
        cut(place, stream, None)
    place.is_absorbed = False
    if seed is not None:
        note = {"seed": seed}
    place.log.append(Kind.EPISODE, place.name, stream=stream, episode=place.episodes, note=note)
    _begun(place, stream, place.episodes)
    place.is_absorbed = True


def decide(place: Place, observation: Observation, stream: str) -> Decision:
    """Chooses, records the decision, takes it in."""
    if stream not in place.open:
        begin(place, stream)
    choice = minds.act(place.mind, observation, stream)
    n = record(
        place, observation, choice.flat, stream, choice.leader, choice.value, choice.explored,
        predictions=choice.predictions,
    )  # fmt: skip
    action = place.layout.unpack(choice.flat)
    return Decision(n, action, choice.flat, choice.value, choice.leader, choice.explored)


def record(
    place: Place,
    observation: Observation,
    flat: Array,
    stream: str,
    leader: str,
    value: Value | None = None,
    explored: bool = False,
    note: dict[str, Any] | None = None,
    predictions: Forecast | None = None,
    key: str | None = None,
) -> int:
    """A decision, whoever took it: recorded, taken in; gives its position.

    Args:
      flat: the action taken. leader: who chose it, a speed of the mind or another's name.
      value: of that action, if it is known. note: to be kept with the event.
      predictions: as `minds.act` gave them a moment ago; None computes them again, as replay
        does: of what was proposed earlier they may be outdated.
      key: by which the log finds it; the job must have no event of this key yet.
    """
    mind, episode = place.mind, place.open[stream]
    is_own = leader in LEADERS
    if is_own and not mind.studies and not mind.streams[stream].mood.is_told:
        note = (note or {}) | {MANNER: minds.manner(mind, stream)}
        mind.streams[stream].mood.is_told = True
    place.is_absorbed = False
    n = place.log.append(
        Kind.DECISION,
        place.name,
        stream=stream,
        episode=episode.number,
        step=episode.steps,
        key=key,
        observation=observation.raw,
        mask=observation.mask,
        action=flat,
        explored=explored,
        leader=leader,
        worth=value.worth if value else None,
        spread=value.spread if value else None,
        support=value.support if value else None,
        note=note,
    )
    _decided(place, n, stream, observation, flat, predictions, is_own)
    place.is_absorbed = True
    return n


def answer(place: Place, observation: Observation) -> Decision:
    """Its best answer, of which nothing is recorded or learned."""
    choice = minds.act(place.mind, observation)
    action = place.layout.unpack(choice.flat)
    return Decision(0, action, choice.flat, choice.value, choice.leader, choice.explored)


def outcome(
    place: Place,
    decision: int,
    reward: float | None,
    end: End = End.NOT,
    last: Observation | None = None,
    stream: str = "",
    key: str | None = None,
    note: dict[str, Any] | None = None,
) -> int:
    """What followed a decision: recorded, taken in, studied; gives its position.

    Args:
      reward: None where there is none to add. end: where the episode is over.
      last: what is seen now; kept only where the episode is over and its value goes on.
      key: where the log has an event of this key already, nothing happens.
    """
    goes_on = end in (End.TRUNCATED, End.CUT)
    last = last if goes_on else None
    row = row_of(place, decision)
    place.is_absorbed = False
    before = place.log.last
    n = place.log.append(
        Kind.OUTCOME,
        place.name,
        stream=stream,
        decision=decision,
        key=key,
        reward=reward,
        end=end,
        observation=None if last is None else last.raw,
        mask=None if last is None else last.mask,
        note=note,
    )
    if n <= before:
        place.is_absorbed = True
        return n
    inherited = place.mind.counts.inherited
    _followed(place, row, decision, reward, end, last, stream)
    place.is_absorbed = True
    if inherited and not place.mind.counts.inherited:
        place.log.append(Kind.NOTE, place.name, note={DROPPED: place.steps})
    return n


def cut(place: Place, stream: str, last: Observation | None) -> None:
    """Stops a stream's episode from outside; its value goes on (see `types.End`)."""
    episode = place.open[stream]
    if episode.steps:
        outcome(place, episode.latest, None, End.CUT, last, stream)
    else:
        del place.open[stream]
        place.mind.streams.pop(stream, None)  # a mind saved after such a cut has none


def absorb(place: Place, event: Event) -> None:
    """Takes in an event from the log as it was taken in when it happened.

    Where events before it were lost (see `lost`), so may be the beginning of its episode, or
    the decision that it belongs to: the episode then begins here, and what belongs to nothing
    is passed over.
    """
    shown, stream = _shown(event), event.stream
    if event.kind == Kind.EPISODE:
        _begun(place, stream, event.episode)
    elif event.kind == Kind.DECISION:
        assert shown is not None and event.action is not None
        if stream not in place.open:
            _begun(place, stream, event.episode)
        is_own = event.leader is None or event.leader in LEADERS
        _decided(place, event.n, stream, shown, event.action, None, is_own)
        if event.note and MANNER in event.note:
            minds.set_manner(place.mind, stream, minds.Manner(*event.note[MANNER]))
    elif event.kind == Kind.OUTCOME:
        assert event.decision is not None
        with contextlib.suppress(UnknownDecision):
            row = row_of(place, event.decision)
            goes_on = stream in place.open and place.open[stream].steps
            end = event.end if goes_on else End.NOT
            _followed(place, row, event.decision, event.reward, end, shown, stream)
    elif event.kind == Kind.INHERITANCE:
        assert event.observation is not None and event.note is not None
        inheritance.receive(place.mind, Inheritance(event.observation, event.note))


def inherit(place: Place, relatives: Mapping[str, Mind]) -> None:
    """A job not begun yet starts from what others taught (see `mind.inheritance`)."""
    taught = inheritance.inherit(place.mind, list(relatives.values()))
    note = taught.note | {"from": list(relatives)}
    place.is_absorbed = False
    place.log.append(Kind.INHERITANCE, place.name, observation=taught.parameters, note=note)
    inheritance.receive(place.mind, Inheritance(taught.parameters, note))
    place.is_absorbed = True


def lost(place: Place) -> None:
    """Events of some jobs are missing here (a log was repaired): episodes under way are cut.

    What followed their latest decisions is not known, so nothing is learned of those.
    """
    for stream in list(place.open):
        del place.open[stream]
        place.mind.streams.pop(stream, None)


def _shown(event: Event) -> Observation | None:
    if event.observation is None:
        return None
    return Observation(event.observation, event.mask)


def row_of(place: Place, decision: int) -> int:
    """The row in memory of the decision at a position in the log.

    Raises:
      UnknownDecision: this learner took no such decision on this job.
    """
    at = bisect_left(place.decisions, decision)
    if at == len(place.decisions) or place.decisions[at] != decision:
        raise UnknownDecision(
            f"Decision {decision} is not one that was taken on job '{place.name}'; give the "
            "id of a decision that was recorded there."
        )
    return place.rows[at]


def _begun(place: Place, stream: str, number: int) -> None:
    place.open[stream] = Episode(number)
    place.episodes = max(place.episodes, number + 1)
    minds.begin(place.mind, stream, number)


def _decided(
    place: Place,
    n: int,
    stream: str,
    observation: Observation,
    flat: Array,
    predictions: Forecast | None,
    is_own: bool,
) -> None:
    row = minds.decided(place.mind, stream, observation, flat, predictions, is_own)
    _took(place, n, row, stream)


def _took(place: Place, n: int, row: int, stream: str) -> None:
    place.decisions.append(n)
    place.rows.append(row)
    place.steps += 1
    episode = place.open[stream]
    episode.steps += 1
    episode.first = episode.first or n
    episode.latest = n


def _earned(place: Place, decision: int, reward: float, stream: str) -> None:
    """A reward for an episode that is over changes nothing of the one under way."""
    episode = place.open.get(stream)
    if episode and 0 < episode.first <= decision:
        episode.earned += reward


def _followed(
    place: Place,
    row: int,
    decision: int,
    reward: float | None,
    end: End,
    last: Observation | None,
    stream: str,
) -> None:
    if reward is not None:
        minds.rewarded(place.mind, row, reward, stream)
        _earned(place, decision, reward, stream)
    if end is not End.NOT:
        minds.ended(place.mind, stream, end, last)
        del place.open[stream]
    minds.study(place.mind, between_episodes=end is not End.NOT)


def _moment(
    place: Place, episode: Episode, decision: Decision, reward: float, end: End
) -> Moment:
    return Moment(
        job=place.name,
        step=bisect_right(place.decisions, decision.id),
        saved=bisect_right(place.decisions, place.log.saved),
        episode=episode.number,
        reward=reward,
        episode_return=episode.earned,
        end=end,
        decision=decision,
    )
