"""What an office knows of one post: everything here follows from the log.

The office appends an event and then calls the method of that event here; after a restart the
same methods are called with the same events (`replay`). Nothing else changes a post, but that
decisions are dropped whose time is over.

Facts, in the note of a decision or of a proposal under "post":
    at, class, level, verdict, era        of the ruling, and when
    reasons, audited, cost, effect, propensity        where there are any
    by, until        of a decision: who took it, and until when it can be rewarded
    of, asked        the proposal that it answers, and when that was made
    proposed, value        of the learner, where another one acted
Other notes, each with "at": {"declared"} a post, {"refused"} a question, {"left"} a proposal,
{"over"} an episode without decisions, {"judged"} a decision, {"pin"} a snapshot; with what a
person did under "act", and what the gate did under "gate".
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quickstudy.deployment import Act, Caps, Gate, Level, Proposal, Terms
from quickstudy.errors import QuickstudyError, did_you_mean
from quickstudy.experience.event import Event, Kind
from quickstudy.posts.declared import Declared, Wording
from quickstudy.posts.queue import Judgement, Queue
from quickstudy.posts.slots import Slots
from quickstudy.types import Array, End

DEFAULT, WITHDRAWN, WHOLE, COST = "@default", "@withdrawn", "@whole", "@cost"
IDLE_SECONDS = 86_400.0  # at least, until an episode that nobody asks about is dropped
MOST_RECENT = 100
POINTS = 400  # of a curve; then every two become one
Facts = dict[str, Any]
Incident = dict[str, Any]


@dataclass(slots=True)
class Run:
    """An episode under way.

    episode: the caller's id. until: it is cut if nothing is asked before [unix s].
    latest, decision: of its latest decision, its id and its position in the log; 0 before any.
    by: who took that. waiting: a proposal that has no decision yet, or 0.
    is_mentors: a mentor has taken it over.
    """

    stream: str
    episode: str | None
    until: float
    latest: int = 0
    decision: int = 0
    by: str = ""
    waiting: int = 0
    is_mentors: bool = False


@dataclass(slots=True)
class Waits:
    """A proposal without a decision: until when, and why it was refused, if it was."""

    stream: str
    until: float
    action_class: str
    reasons: tuple[str, ...] = ()


@dataclass(slots=True)
class Open:
    """A decision that can still be rewarded.

    decision: its position in the log. until: [unix s]. earned: by what was told so far.
    is_rewarded: something was told, or the default given. is_last: its episode ended with it.
    """

    decision: int
    stream: str
    episode: str | None
    until: float
    by: str
    action_class: str
    earned: float = 0.0
    is_rewarded: bool = False
    is_last: bool = False


@dataclass(slots=True)
class Recent:
    """One of the latest decisions: its id, and what it earned so far, if anything."""

    id: int
    reward: float | None = None


@dataclass(slots=True)
class Audit:
    """A decision in the inbox, of which a person says whether it was a mistake."""

    action_class: str
    until: float


@dataclass
class Ledger:
    """What a post did so far, and a curve of what it earned.

    curve: [decisions, episodes ended, rewards] of stretches of `stretch` decisions each.
    """

    decisions: int = 0
    episodes: int = 0
    outcomes: int = 0
    rewards: float = 0.0
    first: float | None = None
    by: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    verdicts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    judged: int = 0
    errors: int = 0
    lessons: int = 0
    stretch: int = 10
    curve: list[list[float]] = field(default_factory=lambda: [[0, 0, 0.0]])

    def decided(self, facts: Facts) -> None:
        self.decisions += 1
        self.by[facts["by"]] += 1
        self.curve[-1][0] += 1
        if self.curve[-1][0] >= self.stretch:
            self.curve.append([0, 0, 0.0])
        if len(self.curve) > POINTS:
            pairs = zip(self.curve[::2], [*self.curve[1::2], [0, 0, 0.0]], strict=False)
            self.curve = [[a + b for a, b in zip(*pair, strict=True)] for pair in pairs]
            self.stretch *= 2

    def earned(self, reward: float | None, is_end: bool) -> None:
        self.curve[-1][1] += is_end
        self.episodes += is_end
        if reward is not None:
            self.outcomes += 1
            self.rewards += reward
            self.curve[-1][2] += reward


class Post:
    """See the module.

    Attributes:
      runs: episodes under way, by stream, the longest idle first.
      named: a caller's id → stream, but of one-step posts.
      asking: proposals that a person is asked about.
      missing: those of which the caller has not said yet what was done.
      open: decisions that can be rewarded, by id, oldest first.
      ids: position of a decision → its id, where they differ.
      last_of: episodes that are over → the id of their last decision, while that is open.
      audits: in the inbox. queues: by class of actions.
      recent: the latest decisions, by position, oldest first.
    """

    def __init__(self, declared: Declared, at: float):
        self.declared, self.wording, self.created = declared, Wording(declared), at
        self.gate = gate_of(declared, at)
        self.slots = Slots()
        self.runs: OrderedDict[str, Run] = OrderedDict()
        self.named: dict[str | None, str] = {}
        self.asking: OrderedDict[int, Waits] = OrderedDict()
        self.missing: OrderedDict[int, Waits] = OrderedDict()
        self.open: OrderedDict[int, Open] = OrderedDict()
        self.ids: dict[int, int] = {}
        self.last_of: dict[str | None, int] = {}
        self.audits: OrderedDict[int, Audit] = OrderedDict()
        self.queues = {name: Queue() for name in declared.action_classes}
        self.ledger = Ledger()
        self.recent: OrderedDict[int, Recent] = OrderedDict()
        self.incidents: deque[Incident] = deque(maxlen=MOST_RECENT)
        self.pinned: str | None = None

    @property
    def name(self) -> str:
        return self.declared.name

    def run_of(self, episode: str | None) -> Run | None:
        """An episode under way by its caller's id."""
        stream = self.named.get(episode)
        return None if stream is None else self.runs[stream]

    # ---- what happens

    def begun(
        self, stream: str, episode: str | None, at: float, is_mentors: bool = False
    ) -> Run:
        """An episode began."""
        if stream in self.runs:
            self.ended(stream)  # what ended it was lost
        self.slots.claim(stream)
        run = self.runs[stream] = Run(stream, episode, at, is_mentors=is_mentors)
        self._asked(run, at)
        if not self.declared.one_step:
            self.named[episode] = stream
        return run

    def _asked(self, run: Run, at: float) -> None:
        """Somebody still works on this episode."""
        waits = self.declared.ask_seconds + self.declared.wait_seconds
        run.until = at + max(IDLE_SECONDS, waits)
        self.runs.move_to_end(run.stream)

    def proposed(self, n: int, stream: str, facts: Facts) -> None:
        """A proposal was kept that nobody acts on yet."""
        run = self.runs[stream]
        self._asked(run, facts["at"])
        run.waiting = n
        self._ruled(n, facts)
        is_asked = facts["verdict"] == "ask"
        seconds = self.declared.ask_seconds if is_asked else self.declared.wait_seconds
        waits = Waits(stream, facts["at"] + seconds, facts["class"])
        (self.asking if is_asked else self.missing)[n] = waits

    def decided(self, n: int, stream: str, facts: Facts) -> None:
        """A decision was taken."""
        id, by = facts.get("of", n), facts["by"]
        self.asking.pop(id, None)
        self.missing.pop(id, None)
        run, of = self.runs[stream], facts["class"]
        self._asked(run, facts["at"])
        run.latest, run.decision, run.by, run.waiting = id, n, by, 0
        self.open[id] = Open(n, stream, run.episode, facts["until"], by, of)
        if id != n:
            self.ids[n] = id
        else:
            self._ruled(n, facts)
        self.ledger.decided(facts)
        self.recent[n] = Recent(id)
        if len(self.recent) > MOST_RECENT:
            self.recent.popitem(last=False)
        if self.queues[of].waits_for(id) and not self.is_judged_by_outcome(by):
            self.audits[id] = Audit(of, facts["at"] + self.declared.audit_seconds)

    def _ruled(self, id: int, facts: Facts) -> None:
        self.ledger.verdicts[facts["verdict"]] += 1
        if self.ledger.first is None:
            self.ledger.first = facts["at"]
        if self.is_drawn(facts):
            self.queues[facts["class"]].join(id, facts["era"])

    def is_drawn(self, facts: Facts) -> bool:
        """Whether it has to be judged: asked about, drawn, or judged by its outcome."""
        if facts["verdict"] == "allow":
            return "audited" in facts or self.declared.harm_below is not None
        return facts["verdict"] == "ask" or "audited" in facts

    def is_judged_by_outcome(self, by: str) -> bool:
        """Whether what follows shows if a decision was a mistake."""
        return self.declared.harm_below is not None and by == "learner"

    def refused(self, id: int, at: float, reasons: tuple[str, ...]) -> list[Judgement]:
        """What was asked about will not be done; the caller may say what is done instead."""
        waits = self.asking.pop(id)
        waits.until, waits.reasons = at + self.declared.wait_seconds, reasons
        self.missing[id] = waits
        return self.queues[waits.action_class].leave(id)

    def left(self, id: int) -> list[Judgement]:
        """Nobody will say any more what was done instead of a proposal."""
        waits = self.asking.pop(id, None) or self.missing.pop(id)
        run = self.runs.get(waits.stream)
        if run and run.waiting == id:
            run.waiting = 0
        return self.queues[waits.action_class].leave(id)

    def moved(self, id: int, stream: str) -> None:
        """The episode of a proposal goes on in another one."""
        (self.asking.get(id) or self.missing[id]).stream = stream
        self.runs[stream].waiting = id

    def judged(self, id: int, is_error: bool, why: str, of: str) -> list[Judgement]:
        """Somebody said whether it was a mistake; gives what counts now."""
        self.audits.pop(id, None)
        self.ledger.judged += 1
        self.ledger.errors += is_error
        return self.queues[of].judge(id, is_error, why)

    def followed(
        self, decision: int, stream: str, reward: float | None, end: End, key: str | None
    ) -> None:
        """An outcome: a reward, an end, or both."""
        id = self.ids.get(decision, decision)
        opened, part = self.open.get(id), (key or "").partition("/")[2]
        if reward is not None and part != COST:
            if opened:
                opened.earned += reward
                opened.is_rewarded |= part[:1] != "@" or part in (WHOLE, DEFAULT)
            if recent := self.recent.get(decision):
                recent.reward = (recent.reward or 0.0) + reward
        run = self.runs.get(stream)
        is_end = bool(end) and run is not None and run.decision == decision
        if is_end and opened:
            opened.is_last = True
            self.last_of[opened.episode] = id
        self.ledger.earned(reward, is_end and end is not End.CUT)
        if is_end:
            self.ended(stream)

    def ended(self, stream: str) -> None:
        """An episode is over."""
        run = self.runs.pop(stream)
        if self.named.get(run.episode) == stream:
            del self.named[run.episode]
        self.slots.give_back(stream)

    def closed(self, id: int) -> None:
        """A decision can be rewarded no more."""
        opened = self.open.pop(id)
        self.ids.pop(opened.decision, None)
        if self.last_of.get(opened.episode) == id:
            del self.last_of[opened.episode]

    def acted(self, acts: Iterable[Act]) -> list[Incident]:
        """What the gate did; gives what of it people should hear of."""
        told = [(act, _incident(act)) for act in acts]
        return [self._note(act, act["at"], what) for act, what in told if what]

    def heard(self, act: Mapping[str, Any], at: float) -> list[Incident]:
        """What a person did: a mistake that was not drawn is no evidence, but an incident."""
        if act["what"] != "judge" or not act["is_error"]:
            return []
        return [self._note(act, at, f"A mistake, at {act['of']}. {act['why']}")]

    def _note(self, act: Mapping[str, Any], at: float, what: str) -> Incident:
        told = {"time": at, "what": what.strip(), "who": act["who"]}
        self.incidents.append(told)
        return told

    # ---- after a restart

    def replay(self, event: Event) -> None:
        """Takes in an event of the log as it was taken in when it happened."""
        note = event.note or {}
        facts, stream = note.get("post"), event.stream
        if event.kind == Kind.EPISODE:
            if "episode" in note:
                self.begun(stream, note["episode"], note["at"], note.get("is_mentors", False))
        elif event.kind == Kind.DECISION:
            if facts:
                self._make_sure_of(stream, facts["at"])
                self.decided(event.n, stream, facts)
                self._recall(facts)
            elif event.leader in ("mentor", "incumbent"):
                self.ledger.lessons += 1
        elif event.kind == Kind.OUTCOME and stream.isdigit():  # not a lesson's
            assert event.decision is not None
            self.followed(event.decision, stream, event.reward, event.end, event.key)
        elif event.kind == Kind.NOTE:
            self._replay_note(event.n, stream, note)

    def _replay_note(self, n: int, stream: str, note: Mapping[str, Any]) -> None:
        facts = note.get("post", {})
        if "verdict" in facts:
            self._make_sure_of(stream, facts["at"])
            self.proposed(n, stream, facts)
        if "judged" in note:
            said = note["judged"]
            self.judged(said["of"], said["is_error"], said["why"], said["class"])
        if "refused" in note:
            self.refused(note["refused"], note["at"], tuple(note["reasons"]))
        if "left" in note:
            self.left(note["left"])
        if "moved" in note:
            self.moved(note["moved"], stream)
        if "mentors" in note:
            self.runs[note["mentors"]].is_mentors = True
        if "act" in note:
            self.heard(note["act"], note["at"])
        if "over" in note:
            self.ended(note["over"])
        if "pin" in note:
            self.pinned = note["pin"]
        if "gate" in note:
            self.gate.replay(note["gate"])
            self.acted(note["gate"])

    def _recall(self, facts: Facts) -> None:
        if facts["by"] == "learner":
            proposal = Proposal(
                facts["class"], facts.get("cost", 0.0), facts.get("effect", 0.0)
            )
            self.gate.recall(proposal, facts["at"])

    def _make_sure_of(self, stream: str, at: float) -> None:
        if stream not in self.runs:
            self.begun(stream, None, at)  # its beginning was lost


# ---- what was granted


def gate_of(declared: Declared, at: float) -> Gate:
    """The gate of a post on its terms.

    Raises:
      QuickstudyError: names what does not fit.
    """
    classes = declared.action_classes
    terms = {name: _granted(Terms, declared.terms.get(name, {}), "terms") for name in classes}
    caps = {name: _granted(Caps, said, "caps") for name, said in declared.caps.items()}
    return Gate(terms, caps, began=at)


def _granted(kind: type[Any], said: Mapping[str, Any], part: str) -> Any:
    known = kind.__dataclass_fields__
    fields = dict(said)
    for key, value in fields.items():
        if key not in known:
            near = did_you_mean(key, known)
            raise QuickstudyError(
                f"The post's {part} have no '{key}'.{near} Known: {', '.join(known)}."
            )
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if key == "first":
            fields[key] = _level(value)
            continue
        if key == "is_irreversible":
            what, is_fit = "true or false", isinstance(value, bool)
        elif kind is Caps:
            what, is_fit = "a number or null", is_number or value is None
        else:
            what, is_fit = "a number", is_number
        if not is_fit:
            came = f"{key}={value!r}"
            raise QuickstudyError(f"The post's {part} came with {came}; expected {what}.")
    return kind(**fields)


def _level(said: Any) -> Level:
    for level in Level:
        if said == level.name.lower() or said is level:
            return level
    known = ", ".join(level.name.lower() for level in Level)
    raise QuickstudyError(
        f"The post's terms came with first={said!r}; expected one of {known}."
    )


def _incident(act: Act) -> str | None:
    """An alarm, a level lost, a switch turned: in words."""
    match act["act"]:
        case "judged" if act["is_error"]:
            return f"A mistake of the class {act['class']}. {act['why']}"
        case "level" if act["is_alarm"] or act["to"] == "shadow":
            return f"{act['class']} is {act['to']} now. {act['why']}"
        case "switch" if act["state"] != "on":
            what = "All posts were" if act["is_all"] else "The post was"
            how = "paused" if act["state"] == "paused" else "turned off"
            return f"{what} {how}. {act['why']}"
    return None


def flat_of(said: Any) -> Array:
    """A flat action from a note."""
    return np.array(said, np.float32)
