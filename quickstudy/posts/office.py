"""All posts of one learner: it proposes, the gate rules, the log remembers.

    office = Office(front)
    office.create(from_json({"name": "valve", …}), who="ann")
    answer = office.decide("valve", Asked([20.5, 1.0]))
    office.told(answer.id, Told(reward=-0.3))

A decision is recorded with the action that was *taken*, by whomever: the learner where the gate
allows it, else the incumbent, the fallback or a mentor. Where that is not known yet, the
proposal is kept, and the decision is recorded when a person has answered or the caller has
said what was done.

Rules, where a choice had to be made:
- Parts of a reward are told under keys, a whole one without. Either may come late, twice and in
  any order. After `wait_seconds` without any the default holds; what comes later is refused as
  `Expired`, unless the post accepts what is late: then it counts in the default's place.
- Where somebody else acts after the learner did, its own chain of decisions is cut there: its
  value goes on from that situation by what it knows, so that being overridden is neither good
  nor bad for it. So it is where it is switched off. What others do meanwhile it still learns
  from, as demonstrations.
- In shadow an audit is judged right where the learner proposed what was done anyway; else a
  person says. What nobody judged in time counts as a mistake. Questions that were not answered
  in time do not count: they are refused. Judgements count in the order in which they were drawn
  (see `queue`).
- A key of `Asked` is good for ever, one of `Told` for each decision.

Left out: threads (whoever serves calls from one), and waiting for the disk: what a method did
counts once `log.saved` has reached the position that it gives.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from quickstudy.deployment import Act, Proposal, Ruling, Verdict
from quickstudy.errors import BadAction, QuickstudyError, did_you_mean
from quickstudy.experience.event import Event, Kind
from quickstudy.front import Front, Proposed, Shown
from quickstudy.posts import declared as declarations
from quickstudy.posts.declared import Declared
from quickstudy.posts.post import (
    COST,
    DEFAULT,
    WHOLE,
    WITHDRAWN,
    Facts,
    Post,
    Run,
    Waits,
    flat_of,
)
from quickstudy.posts.queue import Judgement
from quickstudy.posts.told import (
    Answer,
    Asked,
    Contradiction,
    EndName,
    Expired,
    Lesson,
    NotWaiting,
    PostExists,
    Reply,
    SwitchState,
    Told,
    UnknownDecision,
    UnknownPost,
    Waiting,
)
from quickstudy.types import Array, End, Observation, Value

NINE_OF_TEN = 1.645  # standard deviations of a normal, either side
MOST_REWARD = 1e12  # beyond, float32 sums of squares are infinite
LONGEST_KEY, LONGEST_TEXT = 200, 2_000  # characters
ENDS = {"terminated": End.TERMINATED, "truncated": End.TRUNCATED, "cut": End.CUT}
STATES = ("on", "paused", "off")
SAYS = ("allow", "edit", "reject", "take-over")
UNANSWERED = "Nobody answered in time."
GONE = "Its episode went on without it."

Listener = Callable[[dict[str, Any]], None]


class Office:
    """See the module. Made for a front, whose log says all that it knows.

    listeners: each hears of everything as it happens: {"kind": "post" | "decision" | "asked" |
      "answered" | "outcome" | "judged" | "gate" | "switch" | "lessons", "post", "time", …}.
    """

    def __init__(self, front: Front, clock: Callable[[], float] = time.time):
        self.listeners: list[Listener] = []
        self._front, self._log, self._clock = front, front.log, clock
        self._posts: dict[str, Post] = {}
        self._latest = 0.0  # the latest time that was seen: it never runs backwards
        self._all: Act | None = None  # the latest turn of the switch for all
        for event in self._log.read():
            if event.origin == self._log.uid:
                self._replay(event)

    def _replay(self, event: Event) -> None:
        note = event.note or {}
        if "declared" in note:
            declared = declarations.from_json(note["declared"])
            self._posts[event.job] = Post(declared, note["at"])
        post = self._posts.get(event.job)
        if post is None:
            return
        post.replay(event)
        self._latest = max(
            self._latest, note.get("at", 0.0), note.get("post", note).get("at", 0.0)
        )
        self._heed(note.get("gate", ()))

    # ---- posts

    @property
    def posts(self) -> tuple[str, ...]:
        """Names, in the order in which they were created."""
        return tuple(self._posts)

    def create(self, declared: Declared, who: str) -> int:
        """A post; the same again changes nothing.

        Raises:
          PostExists: it is declared otherwise. UnsupportedSpace, SpecChanged: as `declare`.
        """
        name, now = declared.name, self._time()
        if name in self._posts:
            if self._posts[name].declared == declared:
                return self._log.last
            raise PostExists(
                f"Post '{name}' is declared otherwise already; give the new one another name."
            )
        _check_text(who, "who")
        post = Post(declared, now)
        learner = self._front.learner
        learner.declare(name, *post.wording.spaces, post.wording.max_steps)
        if declared.incumbent is not None:
            learner.tell_incumbent(name, declared.incumbent)
        self._posts[name] = post
        n = self._note(post, {"declared": declared.to_json(), "act": _act("create", who, "")})
        if self._all is not None and self._all["state"] != "on":
            n = self._turn(post, self._all["state"], self._all["who"], self._all["why"], True)
        self._say("post", post, id=None)
        return n

    def declared(self, name: str) -> Declared:
        """As it was created. UnknownPost."""
        return self._post(name).declared

    # ---- deciding

    def decide(self, name: str, asked: Asked) -> Answer:
        """What to do in a situation.

        Raises:
          UnknownPost. BadObservation, BadAction: names what does not fit. Contradiction: under
          this key another situation was asked about. QuickstudyError: a cost, an effect or a
          text that is none.
        """
        post, now = self._post(name), self._time()
        shown = post.wording.observation(asked.observation, asked.mask, asked.candidates)
        if asked.key is not None:
            _check_key(asked.key)
            known = self._log.find(name, f"?{asked.key}")
            if known is not None:
                return self._asked_before(known, asked.key, shown)
        if asked.episode is not None:
            _check_key(asked.episode)
        other = self._otherwise(post, asked.incumbent, shown)
        run = self._run(post, asked.episode)
        proposed = self._front.propose(name, shown, run.stream)
        ruling = self._rule(post, run, proposed, asked, now)
        facts = _facts(ruling, proposed, asked, now)
        if ruling.verdict is Verdict.ALLOW:
            return self._take(post, run, proposed, proposed.flat, "learner", facts, asked.key)
        if ruling.verdict is not Verdict.ASK and other is not None:
            return self._take(post, run, proposed, *other, facts, asked.key)
        return self._keep(post, run, proposed, facts, asked.key)

    def _asked_before(self, known: int, key: str, shown: Observation) -> Answer:
        event = self._log.at(known)
        assert event is not None and event.observation is not None
        if not np.array_equal(event.observation, shown.raw):
            raise Contradiction(
                f"Another situation was asked about under the key '{key}' before; give each "
                "question a key of its own."
            )
        return self.resolution(known)

    def _otherwise(
        self, post: Post, incumbent: Any, shown: Observation
    ) -> tuple[Array, str] | None:
        """What would be done without the learner, and by whom."""
        wording = post.wording
        if incumbent is not None:
            flat = wording.action(incumbent)
            if not wording.allows(shown.mask, flat):
                raise BadAction(
                    f"The incumbent's action {incumbent!r} is not among those that the mask "
                    "allows; send what it really does, or another mask."
                )
            return flat, "incumbent"
        if wording.fallback is not None and wording.allows(shown.mask, wording.fallback):
            return wording.fallback, "fallback"
        return None

    def _run(self, post: Post, episode: str | None) -> Run:
        """The episode that a question belongs to; begun if need be."""
        run = None if post.declared.one_step else post.run_of(episode)
        if run is None:
            return self._begin(post, episode)
        if run.waiting:
            self._leave(post, run.waiting, GONE)
            return self._cut(post, run)  # what was done is not known: nothing links over it
        return run

    def _begin(self, post: Post, episode: str | None, is_mentors: bool = False) -> Run:
        stream = post.slots.lowest()
        note: dict[str, Any] = {"episode": episode}
        if is_mentors:
            note["is_mentors"] = True
        self._front.begin(post.name, stream, note)
        return post.begun(stream, episode, is_mentors)

    def _cut(self, post: Post, run: Run, last: Observation | None = None) -> Run:
        """The learner's chain of decisions is cut; the caller's episode goes on anew."""
        if not run.latest:
            return run
        waiting = run.waiting
        self._end(post, run, End.CUT, last)
        new = self._begin(post, run.episode, run.is_mentors)
        if waiting:
            self._note(post, {"moved": waiting}, stream=new.stream)
            post.moved(waiting, new.stream)
        return new

    def _end(self, post: Post, run: Run, end: End, last: Observation | None) -> int:
        """An episode is over, by its latest decision."""
        name, n, stream = post.name, run.decision, run.stream
        position = self._front.outcome(name, n, None, end, last, stream)
        post.followed(n, stream, None, end, None)
        return position

    def _rule(
        self, post: Post, run: Run, proposed: Proposed, asked: Asked, now: float
    ) -> Ruling:
        proposal = Proposal(post.wording.action_class(proposed.flat), asked.cost, asked.effect)
        self._let_time_pass(post)
        ruling = post.gate.rule(proposal, now)
        if run.is_mentors and ruling.verdict is Verdict.ALLOW:
            reason = ("A mentor has taken this episode over.",)
            ruling = replace(ruling, verdict=Verdict.ASK, reasons=reason, is_audited=False)
        return ruling

    def _take(
        self,
        post: Post,
        run: Run,
        proposed: Proposed,
        flat: Array,
        by: str,
        facts: Facts,
        key: str | None = None,
    ) -> Answer:
        """A decision, with the action that is taken."""
        shown, now = proposed.observation, self._latest
        if run.by == "learner" and by != "learner":
            run = self._cut(post, run, shown)
        facts = facts | {"by": by, "until": now + post.declared.wait_seconds}
        if by != "learner":
            value = proposed.value
            facts["value"] = [value.worth, value.spread, value.support]
            facts["proposed"] = proposed.flat.tolist()
        id = facts.get("of")
        key = f"@{id}" if id else None if key is None else f"?{key}"
        n = self._front.record(
            post.name, shown, flat, run.stream, by, proposed, {"post": facts}, key
        )
        post.decided(n, run.stream, facts)
        id = id or n
        if by == "learner" and post.declared.decision_cost:
            cost = -post.declared.decision_cost
            self._earn(post, n, run.stream, cost, COST)
        is_shadow_audit = id in post.audits and facts["verdict"] == "shadow"
        if is_shadow_audit and post.wording.is_alike(flat, proposed.flat):
            self._judge(post, id, facts["class"], False, "It proposed what was done.", by)
        answer = _answer(post, id, facts, flat, proposed.flat, proposed.value, n)
        self._say("decision", post, id=id, answer=answer)
        return answer

    def _keep(
        self, post: Post, run: Run, proposed: Proposed, facts: Facts, key: str | None
    ) -> Answer:
        """A proposal on which nobody acts yet."""
        shown, value = proposed.observation, proposed.value
        n = self._log.append(
            Kind.NOTE,
            post.name,
            stream=run.stream,
            key=None if key is None else f"?{key}",
            observation=shown.raw,
            mask=shown.mask,
            action=proposed.flat,
            explored=proposed.explored,
            leader=proposed.leader,
            worth=value.worth,
            spread=value.spread,
            support=value.support,
            note={"post": facts},
        )
        post.proposed(n, run.stream, facts)
        answer = _answer(post, n, facts, None, proposed.flat, value, n)
        kind = "asked" if answer.needs_approval else "decision"
        self._say(kind, post, id=n, answer=answer)
        return answer

    # ---- answers as they stand

    def resolution(self, id: int) -> Answer:
        """The answer as it stands now: for those who wait for a person.

        Raises:
          UnknownDecision: no such answer was ever given.
        """
        post, event, facts = self._facts(id)
        decision = self._log.find(post.name, f"@{id}") if event.kind == Kind.NOTE else None
        if decision is not None:
            event = self._at(decision)
            assert event.note is not None
            facts = event.note["post"]
        proposed = _proposed(event, facts)
        if event.kind == Kind.DECISION:
            return _answer(
                post, id, facts, event.action, proposed.flat, proposed.value, event.n
            )
        answer = _answer(post, id, facts, None, proposed.flat, proposed.value, self._log.last)
        if id in post.asking or facts["verdict"] != "ask":
            return answer
        waits = post.missing.get(id)
        reasons = waits.reasons if waits else (UNANSWERED,)
        until = waits.until if waits else answer.expires
        return replace(
            answer, verdict="refuse", needs_approval=False, reasons=reasons, expires=until
        )

    def _facts(self, id: int) -> tuple[Post, Event, Facts]:
        """What was kept of an answer. UnknownDecision: there was none."""
        event = self._log.at(id) if isinstance(id, int) and 0 < id < 2**62 else None
        facts = (event.note or {}).get("post") if event else None
        if event is None or not facts or event.origin != self._log.uid or "of" in facts:
            raise UnknownDecision(
                f"No answer here has the id {id!r}; give the id that `decide` gave."
            )
        return self._post(event.job), event, facts

    def _at(self, n: int) -> Event:
        event = self._log.at(n)
        assert event is not None
        return event

    # ---- what followed

    def told(self, id: int, told: Told) -> int:
        """What followed a decision.

        Raises:
          UnknownDecision. Contradiction: it was told otherwise before. Expired: too late.
          NotWaiting: nobody has said what was done. BadObservation, BadAction: what does not
          fit. QuickstudyError: a reward or a key that is none.
        """
        post, event, facts = self._facts(id)
        now = self._time()
        wording, reward = post.wording, told.reward
        part = WHOLE
        if reward is not None:
            _check_reward(reward)
            if told.key is not None:
                _check_key(told.key)
                part = told.key
        last = None
        if told.observation is not None and told.truncated and not told.done:
            last = wording.observation(told.observation, is_over=True)
        decision = self._decision_of(post, event, told, now)
        stream = self._at(decision).stream if decision != event.n else event.stream
        reward = self._news(post, id, decision, reward, part, now)
        end = self._end_told(post, id, decision, stream, told)
        if told.is_error is not None:
            why = "Whoever told the outcome said so."
            self._was_error(post, id, facts["class"], told.is_error, "caller", why)
        if reward is None and not end:
            return self._log.last
        if reward is not None:
            self._withdraw(post, decision, stream)
        key = part if reward is not None else None
        n = self._earn(post, decision, stream, reward, key, end, last)
        self._judge_by_outcome(post, id, is_settled=bool(end) or told.is_final)
        self._say("outcome", post, id=id, reward=told.reward, end=int(end))
        return n

    def _decision_of(self, post: Post, event: Event, told: Told, now: float) -> int:
        """Where the decision stands in the log; recorded now, if its action is told now."""
        id, taken = event.n, told.taken
        if event.kind == Kind.DECISION:
            self._check_taken(post, event, taken)
            return id
        decision = self._log.find(post.name, f"@{id}")
        if decision is not None:
            self._check_taken(post, self._at(decision), taken)
            return decision
        waits = post.asking.get(id) or post.missing.get(id)
        if waits is None:
            raise Expired(
                f"What was done at {id} was not told in time (its episode went on, or "
                f"{post.declared.wait_seconds:g} s went by); nothing more can be learned of it."
            )
        if taken is None:
            raise NotWaiting(
                f"It is not known what was done at {id}; tell the action that was taken "
                'together with the outcome: {"taken": …}.'
            )
        return self._taken(post, event, waits, taken).position

    def _taken(self, post: Post, event: Event, waits: Waits, taken: Any) -> Answer:
        """The caller says what was done about a proposal."""
        proposed = _proposed(event, {})
        flat = post.wording.action(taken)
        if not post.wording.allows(event.mask, flat):
            raise BadAction(f"The action {taken!r} is not among those that the mask allowed.")
        facts: Facts = (event.note or {})["post"]
        verdict, why = facts["verdict"], tuple(facts.get("reasons", ()))
        if event.n in post.asking:
            verdict, why = "refuse", ("Whoever asked did not wait for an answer.",)
            self._refuse(post, event.n, why)
        facts = _settled(facts, event.n, self._latest, verdict, why)
        run = post.runs[waits.stream]
        return self._take(post, run, proposed, flat, "incumbent", facts)

    def _check_taken(self, post: Post, event: Event, taken: Any) -> None:
        if taken is None:
            return
        assert event.action is not None
        if not post.wording.is_alike(post.wording.action(taken), event.action):
            raise Contradiction(
                f"Another action was taken at {event.n}, {post.wording.said(event.action)!r}, "
                f"than is told now, {taken!r}; the first stands."
            )

    def _news(
        self,
        post: Post,
        id: int,
        decision: int,
        reward: float | None,
        part: str,
        now: float,
    ) -> float | None:
        """The reward, where it was not told before."""
        if reward is None:
            return None
        known = self._log.find(post.name, f"{decision}/{part}")
        if known is not None:
            before = self._at(known).reward
            if before != reward:
                raise Contradiction(
                    f"Decision {decision} was given the reward {before:g} before, and now "
                    f"{reward:g}; give a further part a key of its own."
                )
            return None
        opened = post.open.get(id)
        until = opened.until if opened else (self._at(decision).note or {})["post"]["until"]
        if now > until and not post.declared.accepts_late:
            raise Expired(
                f"The reward for decision {id} came {now - until:.3g} s late: the post waits "
                f"{post.declared.wait_seconds:g} s; declare accepts_late or a longer wait."
            )
        return float(reward)

    def _end_told(self, post: Post, id: int, decision: int, stream: str, told: Told) -> End:
        """How the episode ended here, as far as that is news."""
        if post.declared.one_step:
            is_whole = told.reward is not None and told.key is None
            is_over = is_whole or told.is_final or told.done or told.truncated
            end = End.TERMINATED if is_over else End.NOT
        elif told.done or told.truncated:
            end = End.TERMINATED if told.done else End.TRUNCATED
        else:
            return End.NOT
        run = post.runs.get(stream)
        if run is not None and run.decision == decision:
            if run.waiting:
                self._leave(post, run.waiting, GONE)
            return end
        opened = post.open.get(id)
        if opened is not None and not opened.is_last:
            raise Contradiction(
                f"Decision {id} was not the last of its episode, which went on after it; end "
                "an episode with its latest decision."
            )
        return End.NOT  # it is over already

    def _earn(
        self,
        post: Post,
        decision: int,
        stream: str,
        reward: float | None,
        key: str | None,
        end: End = End.NOT,
        last: Observation | None = None,
    ) -> int:
        n = self._front.outcome(post.name, decision, reward, end, last, stream, key)
        full = None if key is None else f"{decision}/{key}"
        post.followed(decision, stream, reward, end, full)
        return n

    def _withdraw(self, post: Post, decision: int, stream: str) -> None:
        """A default that was given before counts no more, now that something was told."""
        known = self._log.find(post.name, f"{decision}/{DEFAULT}")
        default = None if known is None else self._at(known).reward
        if default and self._log.find(post.name, f"{decision}/{WITHDRAWN}") is None:
            self._earn(post, decision, stream, -default, WITHDRAWN)

    def end(
        self, name: str, episode: str | None, end: EndName = "terminated", last: Any = None
    ) -> int:
        """An episode is over; the same again changes nothing.

        Raises:
          UnknownPost. UnknownDecision: no such episode is under way. BadObservation.
        """
        post = self._post(name)
        self._time()
        if end not in ENDS:
            raise QuickstudyError(f"Came the end {end!r}; expected one of {', '.join(ENDS)}.")
        run = post.run_of(episode)
        if run is None:
            if episode in post.last_of:
                return self._log.last
            raise UnknownDecision(
                f"No episode {episode!r} is under way on post '{name}'; give the id that its "
                "questions carried."
            )
        shown = None if last is None else post.wording.observation(last, is_over=True)
        if run.waiting:
            self._leave(post, run.waiting, GONE)
        if not run.latest:
            n = self._note(post, {"over": run.stream})
            self._front.cut(name, run.stream)
            post.ended(run.stream)
            return n
        id, n = run.latest, self._end(post, run, ENDS[end], shown)
        self._judge_by_outcome(post, id, is_settled=False)
        self._say("outcome", post, id=id, reward=None, end=int(ENDS[end]))
        return n

    # ---- judgements

    def _was_error(
        self, post: Post, id: int, of: str, is_error: bool, who: str, why: str
    ) -> int:
        """Somebody says whether the learner's action was a mistake.

        Only what was drawn can be evidence *for* it; a mistake that was not is put on record.
        """
        if post.queues[of].waits_for(id):
            return self._judge(post, id, of, is_error, why, who)
        act = _act("judge", who, why, of=id, is_error=is_error)
        post.heard(act, self._latest)
        return self._note(post, {"act": act})

    def _judge(
        self,
        post: Post,
        id: int,
        of: str,
        is_error: bool,
        why: str,
        who: str,
        more: dict[str, Any] | None = None,
    ) -> int:
        said = {"of": id, "class": of, "is_error": is_error, "who": who, "why": why}
        ready = post.judged(id, is_error, why, of)
        n = self._note(post, {"judged": said, **(more or {})}, self._count(post, of, ready))
        self._say("judged", post, id=id, is_error=is_error, who=who)
        return n

    def _count(self, post: Post, of: str, ready: Iterable[Judgement]) -> list[Act]:
        """Judgements whose turn it is go to the gate."""
        acts: list[Act] = []
        for one in ready:
            acts += post.gate.judged(of, one.is_error, self._latest, one.why, era=one.era)
        return acts

    def _judge_by_outcome(self, post: Post, id: int, is_settled: bool) -> None:
        """Where the reward says whether it was a mistake, and all of it is there."""
        opened, least = post.open.get(id), post.declared.harm_below
        if opened is None or least is None or opened.by != "learner":
            return
        if not is_settled or not opened.is_rewarded:
            return
        self._judge_earned(post, id)

    def _judge_earned(self, post: Post, id: int) -> None:
        opened, least = post.open[id], post.declared.harm_below
        if least is not None and post.queues[opened.action_class].waits_for(id):
            why = f"It earned {opened.earned:g}; below {least:g} is harm."
            is_error = opened.earned < least
            self._judge(post, id, opened.action_class, is_error, why, "the outcome")

    def audit(self, id: int, is_error: bool, who: str, why: str = "") -> int:
        """A person's judgement of what the learner did or proposed. UnknownDecision."""
        post, _, facts = self._facts(id)
        self._time()
        _check_text(who, "who")
        _check_text(why, "why", can_be_empty=True)
        if id in post.asking:
            raise NotWaiting(f"Somebody waits for an answer to {id}; answer it instead.")
        return self._was_error(post, id, facts["class"], bool(is_error), who, why)

    # ---- mentors

    def inbox(self, name: str | None = None) -> list[Waiting]:
        """What waits for a person, oldest first. UnknownPost."""
        posts = list(self._posts.values()) if name is None else [self._post(name)]
        found = [
            self._waiting(post, id) for post in posts for id in (*post.asking, *post.audits)
        ]
        return sorted(found, key=lambda one: (one.asked, one.id))

    def _waiting(self, post: Post, id: int) -> Waiting:
        answer, event = self.resolution(id), self._at(id)
        assert event.observation is not None and event.note is not None
        facts = event.note["post"]
        is_asked = id in post.asking
        until = post.asking[id].until if is_asked else post.audits[id].until
        return Waiting(
            id=id,
            post=post.name,
            kind="approval" if is_asked else "audit",
            episode=answer.episode,
            action_class=answer.action_class,
            observation=post.wording.shown(event.observation),
            action=answer.proposed,
            taken=answer.action,
            worth=answer.worth,
            low=answer.low,
            high=answer.high,
            support=answer.support,
            cost=facts.get("cost", 0.0),
            effect=facts.get("effect", 0.0),
            reasons=answer.reasons,
            asked=facts["at"],
            expires=until,
        )

    def answer(self, id: int, reply: Reply) -> Answer:
        """A mentor's answer; it teaches.

        Raises:
          UnknownDecision. NotWaiting: it was answered, or nobody waits. BadAction, and
          QuickstudyError: the reply does not fit.
        """
        post, event, facts = self._facts(id)
        self._time()
        _check_text(reply.who, "who")
        _check_text(reply.why, "why", can_be_empty=True)
        if reply.answer not in SAYS:
            raise QuickstudyError(
                f"Came the answer {reply.answer!r}; expected one of {', '.join(SAYS)}."
            )
        waits = post.asking.get(id)
        if waits is None:
            raise NotWaiting(f"Nobody waits for an answer to {id}: it has one, or is too late.")
        flat = None
        if reply.answer in ("edit", "take-over"):
            flat = post.wording.action(reply.action)
            if not post.wording.allows(event.mask, flat):
                raise BadAction(f"The action {reply.action!r} is not allowed by the mask.")
        proposed = _proposed(event, {})
        more = {"act": _act(reply.answer, reply.who, reply.why, of=id)}
        if reply.answer == "allow":
            answer = self._approve(post, id, waits, proposed, facts, reply, more)
        elif flat is not None:
            why = reply.why or "A mentor took another action."
            self._judge(post, id, facts["class"], True, why, reply.who, more)
            run = post.runs[waits.stream]
            if reply.answer == "take-over":
                run = self._over_to_mentor(post, run)
            facts = _settled(facts, id, self._latest, "refuse", (why,))
            answer = self._take(post, run, proposed, flat, "mentor", facts)
        else:
            why = reply.why or "A mentor rejected it."
            self._front.forbid(post.name, proposed.observation, proposed.flat, note=more)
            answer = self._reject(post, id, facts, proposed, why, reply.who, more)
        self._say("answered", post, id=id, answer=answer, who=reply.who)
        return answer

    def _approve(
        self,
        post: Post,
        id: int,
        waits: Waits,
        proposed: Proposed,
        facts: Facts,
        reply: Reply,
        more: dict[str, Any],
    ) -> Answer:
        """A person stands in for the level; switch and caps still hold."""
        cost, effect = facts.get("cost", 0.0), facts.get("effect", 0.0)
        self._let_time_pass(post)
        ruling = post.gate.approve(Proposal(facts["class"], cost, effect), self._latest)
        why = reply.why or "A mentor allowed it."
        if ruling.verdict is not Verdict.ALLOW:
            self._judge(post, id, facts["class"], False, why, reply.who, more)
            return self._instead(post, id, facts, proposed, ruling.reasons)
        settled = _settled(facts, id, self._latest, "allow", (why,))
        run = post.runs[waits.stream]
        answer = self._take(post, run, proposed, proposed.flat, "learner", settled)
        self._judge(post, id, facts["class"], False, why, reply.who, more)
        return answer

    def _over_to_mentor(self, post: Post, run: Run) -> Run:
        """From now on a person is asked about every step of this episode."""
        if not post.declared.one_step:
            self._note(post, {"mentors": run.stream})
            run.is_mentors = True
        return run

    def _reject(
        self,
        post: Post,
        id: int,
        facts: Facts,
        proposed: Proposed,
        why: str,
        who: str,
        more: dict[str, Any],
    ) -> Answer:
        self._judge(post, id, facts["class"], True, why, who, more)
        return self._instead(post, id, facts, proposed, (why,))

    def _instead(
        self, post: Post, id: int, facts: Facts, proposed: Proposed, why: tuple[str, ...]
    ) -> Answer:
        """The fallback, where the learner's action was refused; else the caller says."""
        fallback = post.wording.fallback
        waits = post.asking[id]
        self._refuse(post, id, why)
        if fallback is None or not post.wording.allows(proposed.observation.mask, fallback):
            return self.resolution(id)
        settled = _settled(facts, id, self._latest, "refuse", why)
        run = post.runs[waits.stream]
        return self._take(post, run, proposed, fallback, "fallback", settled)

    def _refuse(self, post: Post, id: int, why: tuple[str, ...]) -> int:
        of = post.asking[id].action_class
        ready = post.refused(id, self._latest, why)
        return self._note(post, {"refused": id, "reasons": why}, self._count(post, of, ready))

    def _leave(self, post: Post, id: int, why: str) -> int:
        """Nobody will say any more what was done about a proposal."""
        waits = post.asking.get(id) or post.missing[id]
        ready = post.left(id)
        acts = self._count(post, waits.action_class, ready)
        return self._note(post, {"left": id, "why": why}, acts)

    def verdict(
        self, name: str, episode: str | None, reward: float, who: str, why: str = ""
    ) -> int:
        """A reward for how an episode went, given to its latest decision.

        Raises:
          UnknownPost. UnknownDecision: no such episode, or it was over too long ago.
          Contradiction: the same person said otherwise before.
        """
        post = self._post(name)
        self._time()
        _check_reward(reward)
        _check_key(who)
        _check_text(why, "why", can_be_empty=True)
        run, id = post.run_of(episode), post.last_of.get(episode, 0)
        if run is not None and run.latest:
            decision, stream, id = run.decision, run.stream, run.latest
        elif opened := post.open.get(id):
            decision, stream = opened.decision, opened.stream
        else:
            raise UnknownDecision(
                f"Post '{name}' knows no episode {episode!r} with a decision that can still be "
                "rewarded; tell the outcome of a decision by its id instead."
            )
        part = f"@verdict/{who}"
        known = self._log.find(name, f"{decision}/{part}")
        if known is not None:
            if self._at(known).reward != reward:
                raise Contradiction(f"{who} gave this episode another verdict before.")
            return known
        self._note(post, {"act": _act("verdict", who, why, of=id, reward=reward)})
        n = self._earn(post, decision, stream, float(reward), part)
        self._say("outcome", post, id=id, reward=reward, end=0)
        return n

    def demonstrate(self, name: str, lessons: Sequence[Lesson], who: str) -> int:
        """What a mentor did, to be learned from, before any decision or later.

        Raises:
          UnknownPost. BadObservation, BadAction: says which row; nothing was kept then.
        """
        return self._lessons(name, lessons, who, "mentor")

    def history(self, name: str, lessons: Sequence[Lesson], who: str) -> int:
        """What the incumbent did before the learner came. Raises as `demonstrate`."""
        return self._lessons(name, lessons, who, "incumbent")

    def _lessons(self, name: str, lessons: Sequence[Lesson], who: str, by: str) -> int:
        post = self._post(name)
        self._time()
        _check_text(who, "who")
        rows = [self._lesson(post, number, one) for number, one in _in_order(lessons)]
        for _, episode in groupby(rows, key=itemgetter(1)):
            self._front.demonstrate(name, [shown for shown, _ in episode], by, {"who": who})
        post.ledger.lessons += len(rows)
        n = self._note(post, {"act": _act("lessons", who, "", count=len(rows), by=by)})
        self._say("lessons", post, count=len(rows), who=who)
        return n

    def _lesson(self, post: Post, number: int, one: Lesson) -> tuple[Shown, str | None]:
        wording = post.wording
        try:
            shown, mask = wording.job_terms(one.observation, one.mask, one.candidates)
            packed = wording.observation(one.observation, one.mask, one.candidates)
            flat = wording.action(one.action)
            if not wording.allows(packed.mask, flat):
                raise BadAction(f"The action {one.action!r} is not allowed by the mask.")
            reward = post.declared.reward_default if one.reward is None else one.reward
            _check_reward(reward)
            end = End.NOT if one.end is None else ENDS.get(one.end)
            if end is None:
                known = ", ".join(ENDS)
                raise QuickstudyError(f"Came the end {one.end!r}; expected one of {known}.")
            if post.declared.one_step:
                end = End.TERMINATED
            last = None
            if one.last is not None and end in (End.TRUNCATED, End.CUT):
                last, _ = wording.job_terms(one.last, is_over=True)
                wording.observation(one.last, is_over=True)
        except QuickstudyError as error:
            raise type(error)(f"Row {number}: {error}") from error
        action = wording.layout.unpack(flat)
        return Shown(shown, action, float(reward), end, mask, last), one.episode

    # ---- the gate

    def switch(self, name: str | None, state: SwitchState, who: str, why: str = "") -> int:
        """One post's switch, or that of all (None). Paused and off cut every episode.

        Off also refuses what waits for a person; paused lets it wait. UnknownPost.
        """
        posts = list(self._posts.values()) if name is None else [self._post(name)]
        self._time()
        if state not in STATES:
            raise QuickstudyError(f"Came the state {state!r}; expected on, paused or off.")
        _check_text(who, "who")
        _check_text(why, "why", can_be_empty=True)
        n = self._log.last
        for post in posts:
            n = self._turn(post, state, who, why, name is None)
        return n

    def _turn(self, post: Post, state: str, who: str, why: str, is_all: bool) -> int:
        turn = {"on": post.gate.on, "paused": post.gate.pause, "off": post.gate.off}[state]
        n = self._gate(post, turn(who, why, self._latest, is_all))
        if post.gate.switch != "on" and not post.declared.one_step:
            for run in list(post.runs.values()):
                self._cut(post, run)
        if post.gate.switch == "off":
            for id in list(post.asking):
                _, event, facts = self._facts(id)
                reason = (f"It was switched off by {who}.",)
                self._instead(post, id, facts, _proposed(event, {}), reason)
        self._say("switch", post, state=state, who=who, why=why)
        return max(n, self._log.last)

    def demote(self, name: str, action_class: str | None, who: str, why: str = "") -> int:
        """One class of actions, or all (None), back into shadow. UnknownPost."""
        return self._change(name, action_class, who, why, is_demotion=True)

    def renew(self, name: str, action_class: str | None, who: str, why: str = "") -> int:
        """The lease anew, where it was earned again. UnknownPost, QuickstudyError."""
        return self._change(name, action_class, who, why, is_demotion=False)

    def _change(
        self, name: str, action_class: str | None, who: str, why: str, is_demotion: bool
    ) -> int:
        post = self._post(name)
        now = self._time()
        _check_text(who, "who")
        _check_text(why, "why", can_be_empty=True)
        self._let_time_pass(post)
        standing = post.gate.standing(now)
        is_due = {
            of: one.level > 0 if is_demotion else one.level == 2 for of, one in standing.items()
        }
        classes = (
            [of for of in standing if is_due[of]] if action_class is None else [action_class]
        )
        change = post.gate.demote if is_demotion else post.gate.renew
        acts = [act for of in classes for act in change(of, why, who, now)]
        return self._gate(post, acts) if acts else self._log.last

    def snapshots(self, name: str) -> list[str]:
        """Labels of the minds that were kept; they are of all posts. UnknownPost."""
        self._post(name)
        return list(self._front.snapshots())

    def snapshot(self, name: str, label: str, who: str) -> int:
        """Keeps the minds as they are. UnknownPost, QuickstudyError."""
        post = self._post(name)
        self._time()
        _check_text(who, "who")
        self._front.snapshot(label)
        return self._note(post, {"act": _act("snapshot", who, "", label=label)})

    def pin(self, name: str, label: str | None, who: str, why: str = "") -> int:
        """Acts by a mind that was kept; None: by the latest again. Evidence begins anew."""
        post = self._post(name)
        now = self._time()
        _check_text(who, "who")
        _check_text(why, "why", can_be_empty=True)
        if label is None:
            self._front.unpin(name)
        else:
            self._front.pin(name, label)
        post.pinned = label
        what = f"Another mind acts: {label or 'the latest'}."
        acts = post.gate.restart_evidence(f"{what} {why}".strip(), now, who)
        told = {"pin": label, "act": _act("pin", who, why, label=label)}
        n = self._note(post, told, acts)
        self._say("gate", post, acts=acts)
        return n

    # ---- time

    def tick(self, now: float | None = None) -> int:
        """What time does, on every post; gives how many things. Call it about once a second.

        Questions that nobody answered are refused; decisions of which nothing was told get the
        default; what nobody judged counts as a mistake; leases end. Takes in what the student
        learned meanwhile.
        """
        now = self._time(now)
        self._front.refresh()
        return sum(self._tick(post, now) for post in self._posts.values())

    def _tick(self, post: Post, now: float) -> int:
        count = 0
        for id in _over(post.asking, now):
            _, event, facts = self._facts(id)
            self._instead(post, id, facts, _proposed(event, {}), (UNANSWERED,))
            self._say("answered", post, id=id, answer=self.resolution(id), who=None)
            count += 1
        for id in _over(post.missing, now):
            run = post.runs[post.missing[id].stream]
            self._leave(post, id, "Nobody told what was done.")
            self._drop(post, run)
            count += 1
        for id in _over(post.open, now):
            self._settle(post, id)
            count += 1
        for id in _over(post.audits, now):
            why = "Nobody judged it in time."
            self._judge(post, id, post.audits[id].action_class, True, why, "time")
            count += 1
        return count + self._let_time_pass(post)

    def _let_time_pass(self, post: Post) -> int:
        """Leases end. Before what the gate may refuse: its refusal would swallow that."""
        acts = post.gate.tick(self._latest)
        if acts:
            self._gate(post, acts)
        return len(acts)

    def _settle(self, post: Post, id: int) -> None:
        """The time of a decision is over: the default holds, if nothing was told."""
        opened, default = post.open[id], post.declared.reward_default
        run = post.runs.get(opened.stream)
        is_under_way = run is not None and run.decision == opened.decision
        end = End.TERMINATED if post.declared.one_step and is_under_way else End.NOT
        reward = default if not opened.is_rewarded and default else None
        if reward is not None or end:
            key = None if reward is None else DEFAULT
            self._earn(post, opened.decision, opened.stream, reward, key, end)
        self._judge_earned(post, id)
        post.closed(id)

    def _drop(self, post: Post, run: Run) -> None:
        """What was done in an episode is not known: nothing links over it."""
        if run.latest:
            self._end(post, run, End.CUT, None)
        else:
            self._note(post, {"over": run.stream})
            self._front.cut(post.name, run.stream)
            post.ended(run.stream)

    def _time(self, now: float | None = None) -> float:
        """The time, which never runs backwards here."""
        self._latest = max(self._latest, self._clock() if now is None else now)
        return self._latest

    # ---- for the page

    def state(self, name: str, now: float | None = None) -> dict[str, Any]:
        """All that a page shows of a post. UnknownPost."""
        post = self._post(name)
        now = max(self._latest, self._clock() if now is None else now)
        ledger, learner = post.ledger, self._front.learner
        return {
            "name": name,
            "declared": post.declared.to_json(),
            "created": post.created,
            "switch": str(post.gate.switch),
            "classes": {
                of: asdict(one) | {"level": one.level.name.lower(), "switch": str(one.switch)}
                for of, one in post.gate.standing(now).items()
            },
            "waiting": {"approvals": len(post.asking), "audits": len(post.audits)},
            "open": {
                "decisions": len(post.open),
                "proposals": len(post.missing),
                "episodes": len(post.runs),
            },
            "ledger": {
                "decisions": ledger.decisions,
                "episodes": ledger.episodes,
                "outcomes": ledger.outcomes,
                "rewards": ledger.rewards,
                "by": dict(ledger.by),
                "verdicts": dict(ledger.verdicts),
                "judged": ledger.judged,
                "errors": ledger.errors,
                "lessons": ledger.lessons,
                "hours": 0.0 if ledger.first is None else (now - ledger.first) / 3600,
            },
            "mind": {
                "steps": learner.steps(name),
                "leader": learner.leader(name),
                "lag": self._front.lag,
                "pinned": post.pinned,
            },
            "incumbent": post.declared.incumbent,
            "incidents": list(reversed(post.incidents)),
        }

    def decisions(self, name: str, most: int = 50) -> list[Answer]:
        """The latest, newest first. UnknownPost."""
        post = self._post(name)
        latest = list(post.recent)[-most:] if most > 0 else []
        return [self.resolution(id) for id in reversed(latest)]

    def curve(self, name: str) -> list[dict[str, float]]:
        """What was earned in stretches of decisions, whose last one has the number "decisions".

        Each is {"decisions", "episodes" (that ended), "reward"}. UnknownPost.
        """
        points, upto = [], 0.0
        for decisions, episodes, reward in self._post(name).ledger.curve:
            upto += decisions
            if decisions:
                points.append({"decisions": upto, "episodes": episodes, "reward": reward})
        return points

    # ---- below the surface

    def _post(self, name: str) -> Post:
        try:
            return self._posts[name]
        except (KeyError, TypeError):
            near = did_you_mean(str(name), self._posts)
            known = ", ".join(self._posts) or "none yet: create one"
            raise UnknownPost(f"Unknown post {name!r}.{near} Known: {known}.") from None

    def _note(
        self,
        post: Post,
        what: dict[str, Any],
        acts: Sequence[Act] = (),
        stream: str = "",
    ) -> int:
        """Something that belongs to no decision; with what the gate did, at once."""
        note = {"at": self._latest, **what}
        if acts:
            note["gate"] = list(acts)
            self._heed(acts)
            post.acted(acts)
        return self._log.append(Kind.NOTE, post.name, stream=stream, note=note)

    def _gate(self, post: Post, acts: list[Act]) -> int:
        n = self._note(post, {}, acts)
        self._say("gate", post, acts=acts)
        return n

    def _heed(self, acts: Iterable[Act]) -> None:
        for act in acts:
            if act["act"] == "switch" and act["is_all"]:
                self._all = act

    def _say(self, kind: str, post: Post, **what: Any) -> None:
        if self.listeners:
            told = {"kind": kind, "post": post.name, "time": self._latest, **what}
            for listener in self.listeners:
                listener(told)


# ---- facts and answers


def _facts(ruling: Ruling, proposed: Proposed, asked: Asked, now: float) -> Facts:
    facts: Facts = {
        "at": now,
        "class": ruling.action_class,
        "level": ruling.level.name.lower(),
        "verdict": ruling.verdict.value,
        "era": ruling.era,
    }
    optional = {
        "reasons": list(ruling.reasons),
        "audited": ruling.is_audited,
        "cost": asked.cost,
        "effect": asked.effect,
        "propensity": proposed.propensity,
        "episode": asked.episode,
    }
    return facts | {name: value for name, value in optional.items() if value}


def _settled(facts: Facts, id: int, now: float, verdict: str, why: tuple[str, ...]) -> Facts:
    """Facts of a decision that answers a proposal."""
    return facts | {"of": id, "at": now, "verdict": verdict, "reasons": list(why)}


def _proposed(event: Event, facts: Facts) -> Proposed:
    """What the learner proposed, from the event that kept it."""
    assert event.observation is not None and event.action is not None
    flat, value = event.action, (event.worth, event.spread, event.support)
    if "proposed" in facts:
        flat, value = flat_of(facts["proposed"]), facts["value"]
    return Proposed(
        observation=Observation(event.observation, event.mask),
        flat=flat,
        action=None,
        value=Value(*(one or 0.0 for one in value)),
        leader=event.leader or "",
        explored=event.explored,
        propensity=facts.get("propensity"),
    )


def _answer(
    post: Post,
    id: int,
    facts: Facts,
    flat: Array | None,
    proposed: Array,
    value: Value,
    position: int,
) -> Answer:
    said = post.wording.said
    own = said(proposed)
    is_asked = facts["verdict"] == "ask" and flat is None
    seconds = post.declared.ask_seconds if is_asked else post.declared.wait_seconds
    far = NINE_OF_TEN * value.spread
    return Answer(
        id=id,
        post=post.name,
        episode=facts.get("episode"),
        action=None if flat is None else own if flat is proposed else said(flat),
        proposed=own,
        verdict=facts["verdict"],
        by=facts.get("by"),
        worth=value.worth,
        low=value.worth - far,
        high=value.worth + far,
        support=value.support,
        propensity=facts.get("propensity"),
        needs_approval=is_asked,
        level=facts["level"],
        action_class=facts["class"],
        reasons=tuple(facts.get("reasons", ())),
        is_audited=facts.get("audited", False),
        expires=facts.get("until", facts["at"] + seconds),
        position=position,
    )


def _act(what: str, who: str, why: str, **more: Any) -> dict[str, Any]:
    """What a person did, as it is kept."""
    return {"what": what, "who": who, "why": why, **more}


def _over(waiting: OrderedDict[int, Any], now: float) -> Iterator[int]:
    """Those whose time is over, oldest first; each has to be taken out before the next."""
    while waiting:
        id = next(iter(waiting))
        if waiting[id].until >= now:
            return
        yield id


def _in_order(lessons: Sequence[Lesson]) -> list[tuple[int, Lesson]]:
    """Numbered from 1; steps of one episode next to each other, episodes as they began."""
    first: dict[str | None, int] = {}
    numbered = list(enumerate(lessons, 1))
    for number, one in numbered:
        first.setdefault(one.episode, number)
    return sorted(numbered, key=lambda row: first[row[1].episode])


# ---- checks


def _check_key(key: Any) -> None:
    is_text = isinstance(key, str) and 0 < len(key) <= LONGEST_KEY and key.isprintable()
    if not is_text or key.startswith("@"):
        raise QuickstudyError(
            f"Came {str(key)[:40]!r} as a key or an id; expected a text of 1 to {LONGEST_KEY} "
            "printable characters that does not begin with '@'."
        )


def _check_text(text: Any, what: str, can_be_empty: bool = False) -> None:
    is_fit = isinstance(text, str) and len(text) <= LONGEST_TEXT and (text or can_be_empty)
    if not is_fit or any("\ud800" <= one <= "\udfff" for one in text):
        raise QuickstudyError(
            f"Came {str(text)[:40]!r} as {what}; expected a text of at most {LONGEST_TEXT} "
            f"characters{'' if can_be_empty else ', not empty'}."
        )


def _check_reward(reward: Any) -> None:
    is_number = isinstance(reward, int | float) and not isinstance(reward, bool)
    if not is_number or not abs(reward) <= MOST_REWARD:
        raise QuickstudyError(
            f"Came {reward!r} as a reward; expected one number within ±{MOST_REWARD:g}."
        )
