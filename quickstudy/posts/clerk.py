"""The clerk of an office: whatever is done at a post is logged here, and then done.

Each method appends what it does to the log and calls the post's method of that event, so that
a new clerk on the same log, who only reads, comes to know the same. Nothing is checked here
that a caller may have said wrongly: see `office` and `inbox`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from quickstudy.deployment import Act
from quickstudy.errors import did_you_mean
from quickstudy.experience.event import Event, Kind
from quickstudy.front import Front, Proposed
from quickstudy.posts import declared as declarations
from quickstudy.posts.answers import act_of, answer_of, proposed_of, settled
from quickstudy.posts.post import COST, DEFAULT, Facts, Post, Run
from quickstudy.posts.queue import Judgement
from quickstudy.posts.told import Answer, UnknownDecision, UnknownPost
from quickstudy.types import Array, End, Observation

UNANSWERED = "Nobody answered in time."

Listener = Callable[[dict[str, Any]], None]


class Clerk:
    """See the module; made for a front, whose log says all that it knows.

    Attributes:
      posts: by name. now: the latest time that was seen [unix s]; it never runs backwards.
      turned_all: the latest turn of the switch for all. listeners: see `office.Office`.
    """

    def __init__(self, front: Front, clock: Callable[[], float]):
        self.front, self.log, self.clock = front, front.log, clock
        self.listeners: list[Listener] = []
        self.posts: dict[str, Post] = {}
        self.now = 0.0
        self.turned_all: Act | None = None
        for event in self.log.read():
            if event.origin == self.log.uid:
                self.replay(event)

    def replay(self, event: Event) -> None:
        """Takes in an event as it was taken in when it happened."""
        note = event.note or {}
        if "declared" in note:
            declared = declarations.from_json(note["declared"])
            self.posts[event.job] = Post(declared, note["at"])
        post = self.posts.get(event.job)
        if post is None:
            return
        post.replay(event)
        self.now = max(self.now, note.get("at", 0.0), note.get("post", note).get("at", 0.0))
        self.heed(note.get("gate", ()))

    def time(self, now: float | None = None) -> float:
        """The time, which never runs backwards here."""
        self.now = max(self.now, self.clock() if now is None else now)
        return self.now

    def let_time_pass(self, post: Post) -> int:
        """Leases end. Before what the gate may refuse: its refusal would swallow that."""
        acts = post.gate.tick(self.now)
        if acts:
            self.gate(post, acts)
        return len(acts)

    def post(self, name: str) -> Post:
        """UnknownPost: there is none of that name."""
        try:
            return self.posts[name]
        except (KeyError, TypeError):
            near = did_you_mean(str(name), self.posts)
            known = ", ".join(self.posts) or "none yet: create one"
            raise UnknownPost(f"Unknown post {name!r}.{near} Known: {known}.") from None

    def at(self, n: int) -> Event:
        """An event that is there."""
        event = self.log.at(n)
        assert event is not None
        return event

    def facts(self, id: int) -> tuple[Post, Event, Facts]:
        """What was kept of an answer. UnknownDecision: there was none."""
        event = self.log.at(id) if isinstance(id, int) and 0 < id < 2**62 else None
        facts = (event.note or {}).get("post") if event else None
        if event is None or not facts or event.origin != self.log.uid or "of" in facts:
            raise UnknownDecision(
                f"No answer here has the id {id!r}; give the id that `decide` gave."
            )
        return self.post(event.job), event, facts

    def resolution(self, id: int) -> Answer:
        """The answer as it stands now: for those who wait for a person.

        Raises:
          UnknownDecision: no such answer was ever given.
        """
        post, event, facts = self.facts(id)
        decision = self.log.find(post.name, f"@{id}") if event.kind == Kind.NOTE else None
        if decision is not None:
            event = self.at(decision)
            assert event.note is not None
            facts = event.note["post"]
        proposed = proposed_of(event, facts)
        if event.kind == Kind.DECISION:
            return answer_of(
                post, id, facts, event.action, proposed.flat, proposed.value, event.n
            )
        answer = answer_of(post, id, facts, None, proposed.flat, proposed.value, self.log.last)
        if id in post.asking or facts["verdict"] != "ask":
            return answer
        waits = post.missing.get(id)
        reasons = waits.reasons if waits else (UNANSWERED,)
        until = waits.until if waits else answer.expires
        return replace(
            answer, verdict="refuse", needs_approval=False, reasons=reasons, expires=until
        )

    def begin(self, post: Post, episode: str | None, is_mentors: bool = False) -> Run:
        """An episode begins, on the lowest free stream."""
        stream = post.slots.lowest()
        note: dict[str, Any] = {"episode": episode}
        if is_mentors:
            note["is_mentors"] = True
        self.front.begin(post.name, stream, note)
        return post.begun(stream, episode, is_mentors)

    def cut(self, post: Post, run: Run, last: Observation | None = None) -> Run:
        """The learner's chain of decisions is cut; the caller's episode goes on anew."""
        if not run.latest:
            return run
        waiting = run.waiting
        self.end(post, run, End.CUT, last)
        new = self.begin(post, run.episode, run.is_mentors)
        if waiting:
            self.note(post, {"moved": waiting}, stream=new.stream)
            post.moved(waiting, new.stream)
        return new

    def end(self, post: Post, run: Run, end: End, last: Observation | None) -> int:
        """An episode is over, by its latest decision."""
        name, n, stream = post.name, run.decision, run.stream
        position = self.front.outcome(name, n, None, end, last, stream)
        post.followed(n, stream, None, end, None)
        return position

    def drop(self, post: Post, run: Run) -> None:
        """What was done in an episode is not known: nothing links over it."""
        if run.latest:
            self.end(post, run, End.CUT, None)
        else:
            self.note(post, {"over": run.stream})
            self.front.cut(post.name, run.stream)
            post.ended(run.stream)

    def take(
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
        shown, now = proposed.observation, self.now
        if run.by == "learner" and by != "learner":
            run = self.cut(post, run, shown)
        facts = facts | {"by": by, "until": now + post.declared.wait_seconds}
        if by != "learner":
            value = proposed.value
            facts["value"] = [value.worth, value.spread, value.support]
            facts["proposed"] = proposed.flat.tolist()
        id = facts.get("of")
        key = f"@{id}" if id else None if key is None else f"?{key}"
        n = self.front.record(
            post.name, shown, flat, run.stream, by, proposed, {"post": facts}, key
        )
        post.decided(n, run.stream, facts)
        id = id or n
        if by == "learner" and post.declared.decision_cost:
            cost = -post.declared.decision_cost
            self.earn(post, n, run.stream, cost, COST)
        is_shadow_audit = id in post.audits and facts["verdict"] == "shadow"
        if is_shadow_audit and post.wording.is_alike(flat, proposed.flat):
            self.judge(post, id, facts["class"], False, "It proposed what was done.", by)
        answer = answer_of(post, id, facts, flat, proposed.flat, proposed.value, n)
        self.say("decision", post, id=id, answer=answer)
        return answer

    def keep(
        self, post: Post, run: Run, proposed: Proposed, facts: Facts, key: str | None
    ) -> Answer:
        """A proposal on which nobody acts yet."""
        shown, value = proposed.observation, proposed.value
        n = self.log.append(
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
        answer = answer_of(post, n, facts, None, proposed.flat, value, n)
        kind = "asked" if answer.needs_approval else "decision"
        self.say(kind, post, id=n, answer=answer)
        return answer

    def earn(
        self,
        post: Post,
        decision: int,
        stream: str,
        reward: float | None,
        key: str | None,
        end: End = End.NOT,
        last: Observation | None = None,
    ) -> int:
        """An outcome: a reward or a part of it, the end of an episode, or both."""
        n = self.front.outcome(post.name, decision, reward, end, last, stream, key)
        full = None if key is None else f"{decision}/{key}"
        post.followed(decision, stream, reward, end, full)
        return n

    def settle(self, post: Post, id: int) -> None:
        """The time of a decision is over: the default holds, if nothing was told."""
        opened, default = post.open[id], post.declared.reward_default
        run = post.runs.get(opened.stream)
        is_under_way = run is not None and run.decision == opened.decision
        end = End.TERMINATED if post.declared.one_step and is_under_way else End.NOT
        reward = default if not opened.is_rewarded and default else None
        if reward is not None or end:
            key = None if reward is None else DEFAULT
            self.earn(post, opened.decision, opened.stream, reward, key, end)
        self.judge_earned(post, id)
        post.closed(id)

    def refuse(self, post: Post, id: int, why: tuple[str, ...]) -> int:
        """What a person was asked about will not be done."""
        of = post.asking[id].action_class
        ready = post.refused(id, self.now, why)
        return self.note(post, {"refused": id, "reasons": why}, self.count(post, of, ready))

    def instead(
        self, post: Post, id: int, facts: Facts, proposed: Proposed, why: tuple[str, ...]
    ) -> Answer:
        """The fallback, where the learner's action was refused; else the caller says."""
        fallback = post.wording.fallback
        waits = post.asking[id]
        self.refuse(post, id, why)
        if fallback is None or not post.wording.allows(proposed.observation.mask, fallback):
            return self.resolution(id)
        facts = settled(facts, id, self.now, "refuse", why)
        run = post.runs[waits.stream]
        return self.take(post, run, proposed, fallback, "fallback", facts)

    def leave(self, post: Post, id: int, why: str) -> int:
        """Nobody will say any more what was done about a proposal."""
        waits = post.asking.get(id) or post.missing[id]
        ready = post.left(id)
        acts = self.count(post, waits.action_class, ready)
        return self.note(post, {"left": id, "why": why}, acts)

    def was_error(
        self, post: Post, id: int, of: str, is_error: bool, who: str, why: str
    ) -> int:
        """Somebody says whether the learner's action was a mistake.

        Only what was drawn can be evidence *for* it; a mistake that was not is put on record.
        """
        if post.queues[of].waits_for(id):
            return self.judge(post, id, of, is_error, why, who)
        act = act_of("judge", who, why, of=id, is_error=is_error)
        for incident in post.heard(act, self.now):
            self.say("incident", post, **incident)
        return self.note(post, {"act": act})

    def judge(
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
        n = self.note(post, {"judged": said, **(more or {})}, self.count(post, of, ready))
        self.say("judged", post, id=id, is_error=is_error, who=who)
        return n

    def judge_by_outcome(self, post: Post, id: int, is_settled: bool) -> None:
        """Where the reward says whether it was a mistake, and all of it is there."""
        opened = post.open.get(id)
        if is_settled and opened and opened.is_rewarded:
            self.judge_earned(post, id)

    def judge_earned(self, post: Post, id: int) -> None:
        """What the learner's action earned says whether it was a mistake, where that counts."""
        opened, least = post.open[id], post.declared.harm_below
        if least is None or opened.by != "learner":
            return
        if post.queues[opened.action_class].waits_for(id):
            why = f"It earned {opened.earned:g}; below {least:g} is harm."
            is_error = opened.earned < least
            self.judge(post, id, opened.action_class, is_error, why, "the outcome")

    def count(self, post: Post, of: str, ready: Iterable[Judgement]) -> list[Act]:
        """Judgements whose turn it is go to the gate."""
        acts: list[Act] = []
        for one in ready:
            acts += post.gate.judged(of, one.is_error, self.now, one.why, era=one.era)
        return acts

    def note(
        self,
        post: Post,
        what: dict[str, Any],
        acts: Sequence[Act] = (),
        stream: str = "",
    ) -> int:
        """Something that belongs to no decision; with what the gate did, at once."""
        note = {"at": self.now, **what}
        if acts:
            note["gate"] = list(acts)
            self.heed(acts)
            for incident in post.acted(acts):
                self.say("incident", post, **incident)
        return self.log.append(Kind.NOTE, post.name, stream=stream, note=note)

    def gate(self, post: Post, acts: list[Act]) -> int:
        """What the gate did, of itself."""
        n = self.note(post, {}, acts)
        self.say("gate", post, acts=acts)
        return n

    def heed(self, acts: Iterable[Act]) -> None:
        """How the switch for all stands: a new post has to know."""
        for act in acts:
            if act["act"] == "switch" and act["is_all"]:
                self.turned_all = act

    def say(self, kind: str, post: Post, **what: Any) -> None:
        """Tells the listeners."""
        if self.listeners:
            told = {"kind": kind, "post": post.name, "time": self.now, **what}
            for listener in self.listeners:
                listener(told)
