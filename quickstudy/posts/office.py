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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np

from quickstudy.deployment import Proposal, Ruling, Verdict
from quickstudy.errors import BadAction, QuickstudyError
from quickstudy.experience.event import Event, Kind
from quickstudy.front import Front, Proposed
from quickstudy.posts import lessons
from quickstudy.posts.answers import act_of, facts_of, proposed_of, settled
from quickstudy.posts.checks import check_amount, check_key, check_reward, check_text
from quickstudy.posts.clerk import UNANSWERED, Clerk, Listener
from quickstudy.posts.declared import Declared
from quickstudy.posts.inbox import Inbox
from quickstudy.posts.lessons import ENDS
from quickstudy.posts.post import DEFAULT, WHOLE, WITHDRAWN, Facts, Open, Post, Recent, Run
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
    Waiting,
)
from quickstudy.types import Array, End, Observation

STATES = ("on", "paused", "off")
GONE = "Its episode went on without it."
K = TypeVar("K")


class Office:
    """See the module. Made for a front, whose log says all that it knows.

    listeners: each hears of everything as it happens: {"kind": "post" | "decision" | "asked" |
      "answered" | "outcome" | "judged" | "gate" | "switch" | "incident" | "lessons", "post",
      "time", …}.
    """

    def __init__(self, front: Front, clock: Callable[[], float] = time.time):
        self._clerk = Clerk(front, clock)
        self._inbox = Inbox(self._clerk)
        self.listeners: list[Listener] = self._clerk.listeners

    # ---- posts

    @property
    def posts(self) -> tuple[str, ...]:
        """Names, in the order in which they were created."""
        return tuple(self._clerk.posts)

    def create(self, declared: Declared, who: str) -> int:
        """A post; the same again changes nothing.

        Raises:
          PostExists: it is declared otherwise. UnsupportedSpace, SpecChanged: as `declare`.
        """
        name, now = declared.name, self._clerk.time()
        if name in self._clerk.posts:
            if self._clerk.posts[name].declared == declared:
                return self._clerk.log.last
            raise PostExists(
                f"Post '{name}' is declared otherwise already; give the new one another name."
            )
        check_text(who, "who")
        post = Post(declared, now)
        learner = self._clerk.front.learner
        learner.declare(name, *post.wording.spaces, post.wording.max_steps)
        if declared.incumbent is not None:
            learner.tell_incumbent(name, declared.incumbent)
        self._clerk.posts[name] = post
        n = self._clerk.note(
            post, {"declared": declared.to_json(), "act": act_of("create", who, "")}
        )
        if self._clerk.turned_all is not None and self._clerk.turned_all["state"] != "on":
            n = self._turn(
                post,
                self._clerk.turned_all["state"],
                self._clerk.turned_all["who"],
                self._clerk.turned_all["why"],
                True,
            )
        self._clerk.say("post", post, id=None)
        return n

    def declared(self, name: str) -> Declared:
        """As it was created. UnknownPost."""
        return self._clerk.post(name).declared

    # ---- deciding

    def decide(self, name: str, asked: Asked) -> Answer:
        """What to do in a situation.

        Raises:
          UnknownPost. BadObservation, BadAction: names what does not fit. Contradiction: under
          this key another situation was asked about. QuickstudyError: a cost, an effect or a
          text that is none.
        """
        post, now = self._clerk.post(name), self._clerk.time()
        shown = post.wording.observation(asked.observation, asked.mask, asked.candidates)
        if asked.key is not None:
            check_key(asked.key)
            known = self._clerk.log.find(name, f"?{asked.key}")
            if known is not None:
                return self._asked_before(known, asked.key, shown)
        if asked.episode is not None:
            check_key(asked.episode)
        check_amount(asked.cost, "a cost")
        check_amount(asked.effect, "an effect")
        other = self._otherwise(post, asked.incumbent, shown)
        run = self._run(post, asked.episode)
        proposed = self._clerk.front.propose(name, shown, run.stream)
        ruling = self._rule(post, run, proposed, asked, now)
        facts = facts_of(ruling, proposed, asked, now)
        if ruling.verdict is Verdict.ALLOW:
            return self._clerk.take(
                post, run, proposed, proposed.flat, "learner", facts, asked.key
            )
        if ruling.verdict is not Verdict.ASK and other is not None:
            return self._clerk.take(post, run, proposed, *other, facts, asked.key)
        return self._clerk.keep(post, run, proposed, facts, asked.key)

    def _asked_before(self, known: int, key: str, shown: Observation) -> Answer:
        event = self._clerk.log.at(known)
        assert event is not None and event.observation is not None
        if not np.array_equal(event.observation, shown.raw):
            raise Contradiction(
                f"Another situation was asked about under the key '{key}' before; give each "
                "question a key of its own."
            )
        return self._clerk.resolution(known)

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
            return self._clerk.begin(post, episode)
        if run.waiting:
            self._clerk.leave(post, run.waiting, GONE)
            return self._clerk.cut(
                post, run
            )  # what was done is not known: nothing links over it
        return run

    def _rule(
        self, post: Post, run: Run, proposed: Proposed, asked: Asked, now: float
    ) -> Ruling:
        proposal = Proposal(post.wording.action_class(proposed.flat), asked.cost, asked.effect)
        self._clerk.let_time_pass(post)
        ruling = post.gate.rule(proposal, now)
        if run.is_mentors and ruling.verdict is Verdict.ALLOW:
            reason = ("A mentor has taken this episode over.",)
            ruling = replace(ruling, verdict=Verdict.ASK, reasons=reason, is_audited=False)
        return ruling

    # ---- what followed

    def resolution(self, id: int) -> Answer:
        """The answer as it stands now: for those who wait for a person. UnknownDecision."""
        return self._clerk.resolution(id)

    def told(self, id: int, told: Told) -> int:
        """What followed a decision.

        Raises:
          UnknownDecision. Contradiction: it was told otherwise before. Expired: too late.
          NotWaiting: nobody has said what was done. BadObservation, BadAction: what does not
          fit. QuickstudyError: a reward or a key that is none.
        """
        now = self._clerk.time()
        part = WHOLE if told.key is None else told.key
        if told.key is not None:
            check_key(told.key)
        if told.reward is not None:
            check_reward(told.reward)
        post, opened = self._opened(id, told)
        last = None
        if told.observation is not None and told.truncated and not told.done:
            last = post.wording.observation(told.observation, is_over=True)
        decision, stream = opened.decision, opened.stream
        reward = self._news(post, id, opened, told.reward, part, now)
        end = self._end_told(post, id, opened, told)
        if told.is_error is not None:
            why = "Whoever told the outcome said so."
            self._clerk.was_error(post, id, opened.action_class, told.is_error, "caller", why)
        if reward is not None and now > opened.until:
            self._withdraw(post, decision, stream)
        if reward is not None or end:
            key = None if reward is None else part
            self._clerk.earn(post, decision, stream, reward, key, end, last)
        self._clerk.judge_by_outcome(post, id, is_settled=bool(end) or told.is_final)
        n = self._clerk.log.last
        if reward is None and not end:
            return n
        self._clerk.say("outcome", post, id=id, reward=told.reward, end=int(end))
        return n

    def _opened(self, id: int, told: Told) -> tuple[Post, Open]:
        """The decision that an outcome is told of; recorded now, if its action is told now."""
        for post in self._clerk.posts.values():
            if opened := post.open.get(id):
                self._check_taken(post, opened.decision, told.taken)
                return post, opened
        post, event, facts = self._clerk.facts(id)
        decision: int | None = id
        if event.kind == Kind.NOTE:
            decision = self._clerk.log.find(post.name, f"@{id}")
        if decision is None:
            self._taken(post, event, told.taken)
            return post, post.open[id]
        event = self._clerk.at(decision)
        facts = (event.note or {})["post"]
        self._check_taken(post, decision, told.taken)
        closed = Open(decision, event.stream, None, facts["until"], facts["by"], facts["class"])
        return post, closed

    def _taken(self, post: Post, event: Event, taken: Any) -> None:
        """The caller says what was done about a proposal."""
        id, proposed = event.n, proposed_of(event, {})
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
        flat = post.wording.action(taken)
        if not post.wording.allows(event.mask, flat):
            raise BadAction(f"The action {taken!r} is not among those that the mask allowed.")
        facts: Facts = (event.note or {})["post"]
        verdict, why = facts["verdict"], tuple(facts.get("reasons", ()))
        if id in post.asking:
            verdict, why = "refuse", ("Whoever asked did not wait for an answer.",)
            self._clerk.refuse(post, id, why)
        facts = settled(facts, id, self._clerk.now, verdict, why)
        self._clerk.take(post, post.runs[waits.stream], proposed, flat, "incumbent", facts)

    def _check_taken(self, post: Post, decision: int, taken: Any) -> None:
        if taken is None:
            return
        event = self._clerk.at(decision)
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
        of: Open,
        reward: float | None,
        part: str,
        now: float,
    ) -> float | None:
        """The reward, where it was not told before."""
        if reward is None:
            return None
        known = self._clerk.log.find(post.name, f"{of.decision}/{part}")
        if known is not None:
            before = self._clerk.log.reward_at(known)
            if before != reward:
                raise Contradiction(
                    f"Decision {id} was given the reward {before:g} before, and now "
                    f"{reward:g}; give a further part a key of its own."
                )
            return None
        if now > of.until and not post.declared.accepts_late:
            raise Expired(
                f"The reward for decision {id} came {now - of.until:.3g} s late: it waits "
                f"{post.declared.wait_seconds:g} s; declare accepts_late or a longer wait."
            )
        return float(reward)

    def _end_told(self, post: Post, id: int, of: Open, told: Told) -> End:
        """How the episode ended here, as far as that is news."""
        if post.declared.one_step:
            is_whole = told.reward is not None and told.key is None
            is_over = is_whole or told.is_final or told.done or told.truncated
            end = End.TERMINATED if is_over else End.NOT
        elif told.done or told.truncated:
            end = End.TERMINATED if told.done else End.TRUNCATED
        else:
            return End.NOT
        run = post.runs.get(of.stream)
        if run is not None and run.decision == of.decision:
            if run.waiting:
                self._clerk.leave(post, run.waiting, GONE)
            return end
        if id in post.open and not of.is_last:
            raise Contradiction(
                f"Decision {id} was not the last of its episode, which went on after it; end "
                "an episode with its latest decision."
            )
        return End.NOT  # it is over already

    def _withdraw(self, post: Post, decision: int, stream: str) -> None:
        """A default that was given before counts no more, now that something was told."""
        known = self._clerk.log.find(post.name, f"{decision}/{DEFAULT}")
        default = None if known is None else self._clerk.log.reward_at(known)
        if default and self._clerk.log.find(post.name, f"{decision}/{WITHDRAWN}") is None:
            self._clerk.earn(post, decision, stream, -default, WITHDRAWN)

    def end(
        self, name: str, episode: str | None, end: EndName = "terminated", last: Any = None
    ) -> int:
        """An episode is over; the same again changes nothing.

        Raises:
          UnknownPost. UnknownDecision: no such episode is under way. BadObservation.
        """
        post = self._clerk.post(name)
        self._clerk.time()
        if end not in ENDS:
            raise QuickstudyError(f"Came the end {end!r}; expected one of {', '.join(ENDS)}.")
        run = post.run_of(episode)
        if run is None:
            if episode in post.last_of:
                return self._clerk.log.last
            raise UnknownDecision(
                f"No episode {episode!r} is under way on post '{name}'; give the id that its "
                "questions carried."
            )
        shown = None if last is None else post.wording.observation(last, is_over=True)
        if run.waiting:
            self._clerk.leave(post, run.waiting, GONE)
        if not run.latest:
            n = self._clerk.note(post, {"over": run.stream})
            self._clerk.front.cut(name, run.stream)
            post.ended(run.stream)
            return n
        id, n = run.latest, self._clerk.end(post, run, ENDS[end], shown)
        self._clerk.judge_by_outcome(post, id, is_settled=False)
        self._clerk.say("outcome", post, id=id, reward=None, end=int(ENDS[end]))
        return n

    # ---- mentors

    def inbox(self, name: str | None = None) -> list[Waiting]:
        """What waits for a person, oldest first. UnknownPost."""
        return self._inbox.waiting(name)

    def answer(self, id: int, reply: Reply) -> Answer:
        """A mentor's answer; it teaches.

        Raises:
          UnknownDecision. NotWaiting: it was answered, or nobody waits. BadAction, and
          QuickstudyError: the reply does not fit.
        """
        return self._inbox.answer(id, reply)

    def audit(self, id: int, is_error: bool, who: str, why: str = "") -> int:
        """A person's judgement of what the learner did or proposed.

        Raises:
          UnknownDecision. NotWaiting: somebody waits for an answer to it instead.
        """
        return self._inbox.audit(id, is_error, who, why)

    def verdict(
        self, name: str, episode: str | None, reward: float, who: str, why: str = ""
    ) -> int:
        """A reward for how an episode went, given to its latest decision.

        Raises:
          UnknownPost. UnknownDecision: no such episode, or it was over too long ago.
          Contradiction: the same person said otherwise before.
        """
        return self._inbox.verdict(name, episode, reward, who, why)

    def demonstrate(self, name: str, lessons: Sequence[Lesson], who: str) -> int:
        """What a mentor did, to be learned from, before any decision or later.

        Raises:
          UnknownPost. BadObservation, BadAction: says which row; nothing was kept then.
        """
        return self._lessons(name, lessons, who, "mentor")

    def history(self, name: str, lessons: Sequence[Lesson], who: str) -> int:
        """What the incumbent did before the learner came. Raises as `demonstrate`."""
        return self._lessons(name, lessons, who, "incumbent")

    def _lessons(self, name: str, rows: Sequence[Lesson], who: str, by: str) -> int:
        post = self._clerk.post(name)
        self._clerk.time()
        check_text(who, "who")
        shown = [lessons.read(post, number, one) for number, one in lessons.in_order(rows)]
        for _, episode in groupby(shown, key=itemgetter(1)):
            self._clerk.front.demonstrate(name, [one for one, _ in episode], by, {"who": who})
        post.ledger.lessons += len(rows)
        n = self._clerk.note(post, {"act": act_of("lessons", who, "", count=len(rows), by=by)})
        self._clerk.say("lessons", post, count=len(rows), who=who)
        return n

    # ---- the gate

    def switch(self, name: str | None, state: SwitchState, who: str, why: str = "") -> int:
        """One post's switch, or that of all (None). Paused and off cut every episode.

        Off also refuses what waits for a person; paused lets it wait. UnknownPost.
        """
        posts = list(self._clerk.posts.values()) if name is None else [self._clerk.post(name)]
        self._clerk.time()
        if state not in STATES:
            raise QuickstudyError(f"Came the state {state!r}; expected on, paused or off.")
        check_text(who, "who")
        check_text(why, "why", can_be_empty=True)
        n = self._clerk.log.last
        for post in posts:
            n = self._turn(post, state, who, why, name is None)
        return n

    def _turn(self, post: Post, state: str, who: str, why: str, is_all: bool) -> int:
        turn = {"on": post.gate.on, "paused": post.gate.pause, "off": post.gate.off}[state]
        n = self._clerk.gate(post, turn(who, why, self._clerk.now, is_all))
        if post.gate.switch != "on" and not post.declared.one_step:
            for run in list(post.runs.values()):
                self._clerk.cut(post, run)
        if post.gate.switch == "off":
            for id in list(post.asking):
                _, event, facts = self._clerk.facts(id)
                reason = (f"It was switched off by {who}.",)
                self._clerk.instead(post, id, facts, proposed_of(event, {}), reason)
        self._clerk.say("switch", post, state=state, who=who, why=why)
        return max(n, self._clerk.log.last)

    def demote(self, name: str, action_class: str | None, who: str, why: str = "") -> int:
        """One class of actions, or all (None), back into shadow. UnknownPost."""
        return self._change(name, action_class, who, why, is_demotion=True)

    def renew(self, name: str, action_class: str | None, who: str, why: str = "") -> int:
        """The lease anew, where it was earned again. UnknownPost, QuickstudyError."""
        return self._change(name, action_class, who, why, is_demotion=False)

    def _change(
        self, name: str, action_class: str | None, who: str, why: str, is_demotion: bool
    ) -> int:
        post = self._clerk.post(name)
        now = self._clerk.time()
        check_text(who, "who")
        check_text(why, "why", can_be_empty=True)
        self._clerk.let_time_pass(post)
        standing = post.gate.standing(now)
        is_due = {
            of: one.level > 0 if is_demotion else one.level == 2 for of, one in standing.items()
        }
        classes = (
            [of for of in standing if is_due[of]] if action_class is None else [action_class]
        )
        change = post.gate.demote if is_demotion else post.gate.renew
        acts = [act for of in classes for act in change(of, why, who, now)]
        return self._clerk.gate(post, acts) if acts else self._clerk.log.last

    def snapshots(self, name: str) -> list[str]:
        """Labels of the minds that were kept; they are of all posts. UnknownPost."""
        self._clerk.post(name)
        return list(self._clerk.front.snapshots())

    def snapshot(self, name: str, label: str, who: str) -> int:
        """Keeps the minds as they are. UnknownPost, QuickstudyError."""
        post = self._clerk.post(name)
        self._clerk.time()
        check_text(who, "who")
        self._clerk.front.snapshot(label)
        return self._clerk.note(post, {"act": act_of("snapshot", who, "", label=label)})

    def pin(self, name: str, label: str | None, who: str, why: str = "") -> int:
        """Acts by a mind that was kept; None: by the latest again. Evidence begins anew."""
        post = self._clerk.post(name)
        now = self._clerk.time()
        check_text(who, "who")
        check_text(why, "why", can_be_empty=True)
        with self._clerk.log.together():  # whoever is killed here has done both or neither
            if label is None:
                self._clerk.front.unpin(name)
            else:
                self._clerk.front.pin(name, label)
            post.pinned = label
            what = f"Another mind acts: {label or 'the latest'}."
            acts = post.gate.restart_evidence(f"{what} {why}".strip(), now, who)
            told = {"pin": label, "act": act_of("pin", who, why, label=label)}
            n = self._clerk.note(post, told, acts)
        self._clerk.say("gate", post, acts=acts)
        return n

    # ---- time

    def tick(self, now: float | None = None) -> int:
        """What time does, on every post; gives how many things. Call it about once a second.

        Questions that nobody answered are refused; decisions of which nothing was told get the
        default; what nobody judged counts as a mistake; leases end; episodes are cut of which
        nobody has asked for a day. Takes in what the student learned meanwhile.
        """
        now = self._clerk.time(now)
        self._clerk.front.refresh()
        return sum(self._tick(post, now) for post in self._clerk.posts.values())

    def _tick(self, post: Post, now: float) -> int:
        count = 0
        for id in _over(post.asking, now):
            _, event, facts = self._clerk.facts(id)
            self._clerk.instead(post, id, facts, proposed_of(event, {}), (UNANSWERED,))
            self._clerk.say(
                "answered", post, id=id, answer=self._clerk.resolution(id), who=None
            )
            count += 1
        for id in _over(post.missing, now):
            run = post.runs[post.missing[id].stream]
            self._clerk.leave(post, id, "Nobody told what was done.")
            self._clerk.drop(post, run)
            count += 1
        for id in _over(post.open, now):
            self._clerk.settle(post, id)
            count += 1
        for stream in _over(post.runs, now):
            self._clerk.drop(post, post.runs[stream])
            count += 1
        for id in _over(post.audits, now):
            why = "Nobody judged it in time."
            self._clerk.judge(post, id, post.audits[id].action_class, True, why, "time")
            count += 1
        return count + self._clerk.let_time_pass(post)

    # ---- for the page

    def state(self, name: str, now: float | None = None) -> dict[str, Any]:
        """All that a page shows of a post. UnknownPost."""
        post = self._clerk.post(name)
        now = max(self._clerk.now, self._clerk.clock() if now is None else now)
        ledger, learner = post.ledger, self._clerk.front.learner
        return {
            "name": name,
            "declared": post.declared.to_json(),
            "created": post.created,
            **_switches(post),
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
                "lag": self._clerk.front.lag,
                "pinned": post.pinned,
            },
            "incumbent": post.declared.incumbent,
            "incidents": list(reversed(post.incidents)),
        }

    def decisions(self, name: str, most: int = 50) -> list[Answer]:
        """The latest, newest first. UnknownPost."""
        post = self._clerk.post(name)
        latest = list(post.recent.values())[-most:] if most > 0 else []
        return [self._earned(one) for one in reversed(latest)]

    def _earned(self, one: Recent) -> Answer:
        """With what it earned so far; 0 once its time is over and nothing came."""
        answer, reward = self._clerk.resolution(one.id), one.reward
        if reward is None and max(self._clerk.now, self._clerk.clock()) > answer.expires:
            reward = 0.0
        return replace(answer, reward=reward)

    def curve(self, name: str) -> list[dict[str, float]]:
        """What was earned in stretches of decisions, whose last one has the number "decisions".

        Each is {"decisions", "episodes" (that ended), "reward"}. UnknownPost.
        """
        points, upto = [], 0.0
        for decisions, episodes, reward in self._clerk.post(name).ledger.curve:
            upto += decisions
            if decisions:
                points.append({"decisions": upto, "episodes": episodes, "reward": reward})
        return points


def _switches(post: Post) -> dict[str, Any]:
    """How the post's own switch stands and that for all, what holds, and by whom."""
    own, all, holds = post.gate.switches
    by = {"who": holds.who, "why": holds.why, "time": holds.at}
    return {
        "switch": str(holds.state),
        "switch_own": str(own.state),
        "switch_all": str(all.state),
        "switched": None if holds.at is None else by,
    }


def _over(waiting: OrderedDict[K, Any], now: float) -> Iterator[K]:
    """Those whose time is over, oldest first; each has to be taken out before the next."""
    while waiting:
        id = next(iter(waiting))
        if waiting[id].until >= now:
            return
        yield id
