"""Facts of a decision, as the log keeps them, and the answers that are made of them.

An answer given now and the same one read from the log again are made by the same function.
"""

from __future__ import annotations

from typing import Any

from quickstudy.deployment import Ruling
from quickstudy.experience.event import Event
from quickstudy.front import Proposed
from quickstudy.posts.post import Facts, Post, flat_of
from quickstudy.posts.told import Answer, Asked
from quickstudy.types import Array, Observation, Value

NINE_OF_TEN = 1.645  # standard deviations of a normal, either side


def facts_of(ruling: Ruling, proposed: Proposed, asked: Asked, now: float) -> Facts:
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


def settled(facts: Facts, id: int, now: float, verdict: str, why: tuple[str, ...]) -> Facts:
    """Facts of a decision that answers a proposal."""
    when = {"at": now, "asked": facts["at"]}
    return facts | when | {"of": id, "verdict": verdict, "reasons": list(why)}


def proposed_of(event: Event, facts: Facts) -> Proposed:
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


def answer_of(
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
        asked=facts["asked"] if "asked" in facts else facts["at"],
        expires=facts.get("until", facts["at"] + seconds),
        position=position,
    )


def act_of(what: str, who: str, why: str, **more: Any) -> dict[str, Any]:
    """What a person did, as it is kept."""
    return {"what": what, "who": who, "why": why, **more}
