"""The gate of one post: what a learner proposes goes through here before it happens.

Three parties that want different things: the *proposer* (a mind, outside) wants return, the
*veto* wants nothing beyond what was granted, the *auditor* wants no level that was not shown.
An action happens without a person only where all three agree.

The gate is a function of its *acts*: small dictionaries, fit for JSON, that its methods give
back and that the caller logs, in order. `replay` of the acts so far makes the same gate at any
time (budgets apart, which follow from the decisions that were logged: `recall`). Moves of
levels are acts themselves: history stays as it was even if the bets of a later version differ.

Left out: threads (the office calls from one), and promotion by hand: a person may begin a class
on a level (`Terms.first`), and take a level away; everything wider has to be earned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from quickstudy.deployment.auditor import Auditor
from quickstudy.deployment.autonomy import Level, Proposal, Ruling, Terms, Verdict
from quickstudy.deployment.caps import Caps, Clock
from quickstudy.deployment.switch import State, Turned
from quickstudy.deployment.veto import Veto
from quickstudy.errors import QuickstudyError, did_you_mean

Act = dict[str, Any]
AUDITOR, LEASE = "the auditor", "the lease"
LOG_MOST = 700.0  # bets are shown up to e to this power: JSON has no infinity


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one class of actions stands.

    Attributes:
      wealth, bar: of the bet that widens; at the bar it is won.
      needed: clean judged decisions until then, if none errs; at AUTONOMOUS until the lease
        may be renewed; None where the class cannot rise.
      judged, errors: of this stay. alarms: levels lost by evidence, ever.
      alarm: of the bet that takes back, against `Terms.alarm`.
      caps_left: cap → what is left. lease_seconds: left, None where there is none.
      switch: on, paused or off.
      tolerated, is_irreversible: of its terms. lease_of: how long a lease is [s].
      caps: cap → how much it is, as obeyed.
    """

    level: Level
    era: int
    wealth: float
    bar: float
    needed: int | None
    judged: int
    errors: int
    alarms: int
    alarm: float
    caps_left: dict[str, float]
    lease_seconds: float | None
    switch: State
    tolerated: float
    is_irreversible: bool
    lease_of: float
    caps: dict[str, float]


class Gate:
    """Levels, evidence, caps, leases and switch of one post.

    Args:
      terms: of each class of actions. caps: of those that have any.
      began: when the post was made [unix s]: leases of classes that begin autonomous.
      auditor, veto: others in their place; for simulations of corrupt ones.

    Raises:
      QuickstudyError: no class at all, or caps of an unknown one.
    """

    def __init__(
        self,
        terms: Mapping[str, Terms],
        caps: Mapping[str, Caps] | None = None,
        began: float = 0.0,
        auditor: Auditor | None = None,
        veto: Veto | None = None,
    ):
        if not terms:
            raise QuickstudyError("A post has no class of actions; declare at least one.")
        self._terms = dict(terms)
        for name in caps or {}:
            self._check(name)
        self._auditor = auditor or Auditor(self._terms)
        self._veto = veto or Veto(self._terms, caps or {})
        self._clock = Clock()
        for name, of in self._terms.items():
            if of.first is Level.AUTONOMOUS:
                self._veto.lease(name, began + of.lease_seconds)

    # ---- decisions

    def rule(self, proposal: Proposal, now: float) -> Ruling:
        """What is to happen with a proposal; what is allowed is taken from its budget.

        Raises:
          QuickstudyError: an unknown class.
        """
        name = proposal.action_class
        self._check(name)
        acts, now = tuple(self.tick(now)), self._clock.seen(now)
        level = self._auditor.level(name)
        era = self._auditor.records[name].era

        def ruled(verdict: Verdict, *reasons: str) -> Ruling:
            can_draw = verdict in (Verdict.ALLOW, Verdict.SHADOW)
            is_audited = can_draw and self._auditor.draws(name)
            return Ruling(verdict, level, name, reasons, is_audited, era, now, acts)

        if objections := self._veto.objections(proposal, now):
            return ruled(Verdict.REFUSE, *objections)
        if level is Level.SHADOW:
            return ruled(Verdict.SHADOW, f"The class {name} is in shadow: another one acts.")
        why_ask = self._veto.why_ask(name, now)
        if level is Level.SUPERVISED or why_ask:
            return ruled(Verdict.ASK, why_ask or f"The class {name} is supervised.")
        if objections := self._veto.take(proposal, now):
            return ruled(Verdict.REFUSE, *objections)
        return ruled(Verdict.ALLOW)

    def approve(self, proposal: Proposal, now: float) -> Ruling:
        """What is to happen with a proposal that a person allowed: ALLOW or REFUSE.

        A person stands in for the level; switch and caps still hold. Raises as `rule`.
        """
        name = proposal.action_class
        self._check(name)
        acts, now = tuple(self.tick(now)), self._clock.seen(now)
        reasons = self._veto.objections(proposal, now) or self._veto.take(proposal, now)
        return Ruling(
            Verdict.REFUSE if reasons else Verdict.ALLOW,
            self._auditor.level(name),
            name,
            tuple(reasons),
            era=self._auditor.records[name].era,
            at=now,
            acts=acts,
        )

    def recall(self, proposal: Proposal, at: float) -> None:
        """Counts an action that was allowed or approved at `Ruling.at`; in the log's order."""
        self._check(proposal.action_class)
        self._clock.seen(at)
        self._veto.budgets[proposal.action_class].recall(proposal, at)

    # ---- judgements

    def judged(
        self,
        action_class: str,
        is_error: bool,
        now: float,
        why: str = "",
        who: str = "",
        era: int | None = None,
    ) -> list[Act]:
        """Takes in what somebody said of a decision that was asked about or drawn.

        Args:
          era: of the ruling (`Ruling.era`): what was decided before a level moved widens
            nothing now, and what another policy decided counts for nothing. None: the present.

        Returns:
          acts to be logged: the judgement, and a move of the level where it led to one.

        Raises:
          QuickstudyError: an unknown class. ValueError: an era that never was.
        """
        self._check(action_class)
        record = self._auditor.records[action_class]
        if era is not None and not 0 <= era <= record.era:
            raise ValueError(f"era {era} of {action_class}; there were {record.era + 1}")
        acts = self.tick(now)
        fact = {"is_error": bool(is_error), "era": record.era if era is None else era}
        acts.append(self._do("judged", now, who, why, action_class, **fact))
        to = self._auditor.due(action_class)
        if to is not None:
            acts.append(self._moved(action_class, to, now))
        return acts

    def _moved(self, action_class: str, to: Level, now: float) -> Act:
        """The auditor moves a level."""
        record = self._auditor.records[action_class]
        counts = f"{record.evidence.errors} errors in {record.evidence.judged} judged decisions"
        is_alarm = to < record.level
        against = "speak against" if is_alarm else "show"
        why = f"{counts} {against} an error rate below {record.terms.tolerated:g}."
        return self._level(action_class, to, now, AUDITOR, why, is_alarm)

    # ---- what people do

    def demote(
        self, action_class: str, why: str, who: str, now: float, to: Level = Level.SHADOW
    ) -> list[Act]:
        """Takes a level away.

        Raises:
          QuickstudyError: `to` is not below the present level.
        """
        self._check(action_class)
        level = self._stands(action_class, now)
        if to >= level:
            raise QuickstudyError(
                f"The class {action_class} was to be demoted to {to.name.lower()} and is "
                f"{level.name.lower()}; name a level below it."
            )
        return [*self.tick(now), self._level(action_class, to, now, who, why)]

    def renew(self, action_class: str, why: str, who: str, now: float) -> list[Act]:
        """Lets a lease begin anew, where audits have earned it again.

        Raises:
          QuickstudyError: no lease is running, or audits since it began do not suffice.
        """
        self._check(action_class)
        record, level = self._auditor.records[action_class], self._stands(action_class, now)
        if level is not Level.AUTONOMOUS:
            raise QuickstudyError(
                f"The class {action_class} has no lease to renew: it is "
                f"{level.name.lower()}, and earns the next level by clean decisions."
            )
        if not record.is_shown:
            raise QuickstudyError(
                f"The lease of {action_class} is not earned again yet: audit {record.needed} "
                "more clean decisions."
            )
        acts = self.tick(now)
        acts.append(self._level(action_class, Level.AUTONOMOUS, now, who, why))
        return acts

    def restart_evidence(self, why: str, now: float, who: str = "") -> list[Act]:
        """Another policy is at work (a rollback, a pin, a declared change).

        What was shown of the old one counts no more, for wider levels or against them; and
        what the old one did by itself, a person now approves until the new one has earned it.
        """
        acts = [*self.tick(now), self._do("restarted", now, who, why)]
        for name in self._terms:
            if self._auditor.level(name) is Level.AUTONOMOUS:
                acts.append(self._level(name, Level.SUPERVISED, now, who, why))
        return acts

    def on(self, who: str, why: str, now: float, is_all: bool = False) -> list[Act]:
        """Turns the post's switch on, or that of all posts."""
        return self._turn(State.ON, who, why, now, is_all)

    def pause(self, who: str, why: str, now: float, is_all: bool = False) -> list[Act]:
        """Nothing new is decided; what waits for a person still waits."""
        return self._turn(State.PAUSED, who, why, now, is_all)

    def off(self, who: str, why: str, now: float, is_all: bool = False) -> list[Act]:
        """Nothing happens."""
        return self._turn(State.OFF, who, why, now, is_all)

    def _turn(self, state: State, who: str, why: str, now: float, is_all: bool) -> list[Act]:
        acts = self.tick(now)
        acts.append(self._do("switch", now, who, why, state=state.value, is_all=is_all))
        return acts

    # ---- time, and what stands

    def tick(self, now: float) -> list[Act]:
        """Ends leases that are over; also part of every other call."""
        now = self._clock.seen(now)
        return [
            self._level(name, Level.SUPERVISED, now, LEASE, "The lease is over.")
            for name in self._terms
            if self._stands(name, now) is not self._auditor.level(name)
        ]

    def _stands(self, name: str, now: float) -> Level:
        """The level, or the one below where its lease is over."""
        level, until = self._auditor.level(name), self._veto.leases.get(name, -math.inf)
        is_over = level is Level.AUTONOMOUS and until <= self._clock.seen(now)
        return Level.SUPERVISED if is_over else level

    @property
    def switch(self) -> State:
        """On, paused or off: the stricter of the post's and that of all."""
        return self._veto.switch.state

    @property
    def switches(self) -> tuple[Turned, Turned, Turned]:
        """The post's own switch, that of all, and the one of them that holds."""
        switch = self._veto.switch
        return switch.own, switch.all, switch.holds

    def standing(self, now: float) -> dict[str, Standing]:
        """Class → where it stands; moves nothing (`tick` first, for leases that are over)."""
        now = self._clock.seen(now)
        return {name: self._standing(name, now) for name in self._terms}

    def _standing(self, name: str, now: float) -> Standing:
        record, lease = self._auditor.records[name], self._veto.leases.get(name)
        return Standing(
            level=record.level,
            era=record.era,
            wealth=math.exp(min(record.evidence.log_wealth, LOG_MOST)),
            bar=math.exp(min(record.log_bar, LOG_MOST)),
            needed=record.needed,
            judged=record.evidence.judged,
            errors=record.evidence.errors,
            alarms=record.alarms,
            alarm=min(record.alarm.level, math.exp(LOG_MOST)),
            caps_left=self._veto.budgets[name].left(now),
            lease_seconds=None if lease is None else max(0.0, lease - now),
            switch=self.switch,
            tolerated=record.terms.tolerated,
            is_irreversible=record.terms.is_irreversible,
            lease_of=record.terms.lease_seconds,
            caps=self._veto.budgets[name].most,
        )

    # ---- acts

    def replay(self, acts: Iterable[Act]) -> None:
        """Does again what was done, on a gate that was just made."""
        for act in acts:
            self._apply(act)

    def _level(
        self,
        action_class: str,
        to: Level,
        now: float,
        who: str,
        why: str,
        is_alarm: bool = False,
    ) -> Act:
        facts = {"to": to.name.lower(), "is_alarm": is_alarm}
        return self._do("level", now, who, why, action_class, **facts)

    def _do(
        self, what: str, now: float, who: str, why: str, of: str | None = None, **facts: Any
    ) -> Act:
        """Makes an act and applies it: what is logged is what was done."""
        act = {"act": what, "at": self._clock.seen(now), "who": who, "why": why}
        act |= ({} if of is None else {"class": of}) | facts
        self._apply(act)
        return act

    def _apply(self, act: Act) -> None:
        self._clock.seen(act["at"])
        match act["act"]:
            case "judged":
                self._auditor.see(act["class"], act["is_error"], act["era"])
            case "level":
                name, to = act["class"], Level[act["to"].upper()]
                self._auditor.move(name, to, act["is_alarm"])
                seconds = self._terms[name].lease_seconds
                self._veto.lease(name, act["at"] + seconds if to is Level.AUTONOMOUS else None)
            case "restarted":
                for name in self._terms:
                    self._auditor.restart(name)
            case "switch":
                turned = Turned(State(act["state"]), act["who"], act["why"], act["at"])
                self._veto.switch.turn(turned, act["is_all"])
            case other:
                raise QuickstudyError(
                    f"The log holds an act of the gate that is unknown here: {other!r}; it may "
                    "be of a newer version of Quickstudy."
                )

    def _check(self, action_class: str) -> None:
        if action_class not in self._terms:
            raise QuickstudyError(
                f"Unknown class of actions {action_class!r}."
                f"{did_you_mean(action_class, self._terms)} Known: {', '.join(self._terms)}."
            )
