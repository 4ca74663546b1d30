"""A mentor's inbox: what waits for a person, and what a person's answer does.

Left out: who may answer (see `service.keys`), and notices (see `service.webhook`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quickstudy.deployment import Proposal, Verdict
from quickstudy.errors import BadAction, QuickstudyError
from quickstudy.front import Proposed
from quickstudy.posts.answers import act_of, proposed_of, settled
from quickstudy.posts.checks import check_key, check_reward, check_text
from quickstudy.posts.clerk import Clerk
from quickstudy.posts.post import Facts, Post, Run
from quickstudy.posts.told import (
    Answer,
    Contradiction,
    NotWaiting,
    Reply,
    UnknownDecision,
    Waiting,
)

SAYS = ("allow", "edit", "reject", "take-over")


@dataclass(frozen=True, slots=True)
class Question:
    """A proposal that somebody waits for."""

    post: Post
    id: int
    facts: Facts
    proposed: Proposed
    run: Run


class Inbox:
    """See the module, and `office.Office` for what its methods promise."""

    def __init__(self, clerk: Clerk):
        self._clerk = clerk

    def waiting(self, name: str | None = None) -> list[Waiting]:
        """What waits for a person, oldest first. UnknownPost."""
        posts = list(self._clerk.posts.values()) if name is None else [self._clerk.post(name)]
        found = [self._shown(post, id) for post in posts for id in (*post.asking, *post.audits)]
        return sorted(found, key=lambda one: (one.asked, one.id))

    def _shown(self, post: Post, id: int) -> Waiting:
        answer, event = self._clerk.resolution(id), self._clerk.at(id)
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
        """A mentor's answer; it teaches."""
        post, event, facts = self._clerk.facts(id)
        now = self._clerk.time()
        check_text(reply.who, "who")
        check_text(reply.why, "why", can_be_empty=True)
        if reply.answer not in SAYS:
            raise QuickstudyError(
                f"Came the answer {reply.answer!r}; expected one of {', '.join(SAYS)}."
            )
        waits = post.asking.get(id)
        if waits is None or waits.until < now:
            raise NotWaiting(f"Nobody waits for an answer to {id}: it has one, or is too late.")
        question = Question(post, id, facts, proposed_of(event, {}), post.runs[waits.stream])
        if reply.answer == "allow":
            answer = self._allow(question, reply)
        elif reply.answer == "reject":
            answer = self._reject(question, reply)
        else:
            answer = self._edit(question, reply)
        self._clerk.say("answered", post, id=id, answer=answer, who=reply.who)
        return answer

    def _allow(self, of: Question, reply: Reply) -> Answer:
        """A person stands in for the level; switch and caps still hold."""
        cost, effect = of.facts.get("cost", 0.0), of.facts.get("effect", 0.0)
        self._clerk.let_time_pass(of.post)
        proposal = Proposal(of.facts["class"], cost, effect)
        ruling = of.post.gate.approve(proposal, self._clerk.now)
        why = reply.why or "A mentor allowed it."
        if ruling.verdict is not Verdict.ALLOW:
            self._judge(of, False, why, reply)
            return self._clerk.instead(of.post, of.id, of.facts, of.proposed, ruling.reasons)
        facts = settled(of.facts, of.id, self._clerk.now, "allow", (why,))
        answer = self._clerk.take(
            of.post, of.run, of.proposed, of.proposed.flat, "learner", facts
        )
        self._judge(of, False, why, reply)
        return answer

    def _reject(self, of: Question, reply: Reply) -> Answer:
        """Not that, here: the learner hears of it as of something bad."""
        why = reply.why or "A mentor rejected it."
        act = {"act": _act(of, reply)}
        self._clerk.front.forbid(
            of.post.name, of.proposed.observation, of.proposed.flat, note=act
        )
        self._judge(of, True, why, reply)
        return self._clerk.instead(of.post, of.id, of.facts, of.proposed, (why,))

    def _edit(self, of: Question, reply: Reply) -> Answer:
        """Another action, which is a demonstration; or the whole rest of the episode."""
        wording, proposed = of.post.wording, of.proposed
        flat = wording.action(reply.action)
        if not wording.allows(proposed.observation.mask, flat):
            raise BadAction(f"The action {reply.action!r} is not allowed by the mask.")
        why = reply.why or "A mentor took another action."
        self._judge(of, not wording.is_alike(flat, proposed.flat), why, reply)
        if reply.answer == "take-over" and not of.post.declared.one_step:
            self._clerk.note(of.post, {"mentors": of.run.stream})
            of.run.is_mentors = True
        facts = settled(of.facts, of.id, self._clerk.now, "refuse", (why,))
        return self._clerk.take(of.post, of.run, proposed, flat, "mentor", facts)

    def _judge(self, of: Question, is_error: bool, why: str, reply: Reply) -> None:
        act, of_class = {"act": _act(of, reply)}, of.facts["class"]
        self._clerk.judge(of.post, of.id, of_class, is_error, why, reply.who, act)

    def audit(self, id: int, is_error: bool, who: str, why: str = "") -> int:
        """A person's judgement of what the learner did or proposed. UnknownDecision.

        A mistake that was drawn for audit teaches as a veto does: in shadow nobody acts on a
        proposal, so nothing else would tell the learner (docs/log.md: it never left shadow).
        """
        post, event, facts = self._clerk.facts(id)
        self._clerk.time()
        check_text(who, "who")
        check_text(why, "why", can_be_empty=True)
        if id in post.asking:
            raise NotWaiting(f"Somebody waits for an answer to {id}; answer it instead.")
        is_lesson = is_error and id in post.audits
        n = self._clerk.was_error(post, id, facts["class"], bool(is_error), who, why)
        if not is_lesson:
            return n
        of = proposed_of(event, facts)
        self._clerk.front.forbid(post.name, of.observation, of.flat)
        return self._clerk.log.last

    def verdict(
        self, name: str, episode: str | None, reward: float, who: str, why: str = ""
    ) -> int:
        """A reward for how an episode went, given to its latest decision."""
        post = self._clerk.post(name)
        self._clerk.time()
        check_reward(reward)
        check_key(who)
        check_text(why, "why", can_be_empty=True)
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
        known = self._clerk.log.find(name, f"{decision}/{part}")
        if known is not None:
            if self._clerk.log.reward_at(known) != reward:
                raise Contradiction(f"{who} gave this episode another verdict before.")
            return known
        self._clerk.note(post, {"act": act_of("verdict", who, why, of=id, reward=reward)})
        n = self._clerk.earn(post, decision, stream, float(reward), part)
        self._clerk.say("outcome", post, id=id, reward=reward, end=0)
        return n


def _act(of: Question, reply: Reply) -> dict[str, Any]:
    return act_of(reply.answer, reply.who, reply.why, of=of.id)
