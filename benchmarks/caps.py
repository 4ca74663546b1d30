"""Caps under attack, and what one corrupt party of three can do.

    python -m benchmarks.caps           # a million proposals, 8 worlds a row: minutes
    python -m benchmarks.caps --quick   # 20,000 and 2: seconds; writes no table here

**Breaches.** An adversary proposes in bursts, at the edges of windows, in amounts at, just
under and just over what a cap allows, with a clock that jumps to and fro and restarts between.
An oracle that knows only what happened, in whole cents and ticks, sums every window anew.

**Harm.** A world of one decision every five minutes. What is harmful and happens, harms; a
person who approves sees what is harmful, and judges what was drawn. The honest learner errs in
2 %; 5 % are tolerated. A corrupt *proposer* behaves until it is autonomous, and then does harm
at a rate of its choice; a corrupt *veto* objects to nothing; a corrupt *auditor* promotes at
once, never demotes and draws nothing. Each stands beside two honest ones.

Left out: people who err; two corrupt parties, but for one row that shows what they could do.
"""

from __future__ import annotations

import argparse
import datetime
import random
import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from benchmarks import runs, tables
from quickstudy.deployment import Caps, Gate, Level, Proposal, Terms, Verdict
from quickstudy.deployment.auditor import Auditor
from quickstudy.deployment.veto import Veto

COMMAND = "python -m benchmarks.caps"
SEED = 100

# ---- breaches

TICKS = 1_024  # a second: times are exact floats
SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
COURSE = 20_000  # proposals to one gate
NAMES = ("small", "large")
FREE = Terms(first=Level.AUTONOMOUS, lease_seconds=1e12)
CAPS = {
    "small": Caps(per_minute=20, per_hour=300, cost_per_hour=40.0, effect_per_day=900.0),
    "large": Caps(per_day=500, cost_per_day=2_000.0, effect_per_decision=7.5),
}
JUMPS = [0, 0, 1, TICKS, 60 * TICKS, 3_600 * TICKS, 86_400 * TICKS]


class Done(NamedTuple):
    """What happened: ticks (of a clock that never goes back), cents."""

    at: int
    cost: int
    effect: int


def breaches(caps: Caps, done: Sequence[Done]) -> int:
    """Actions at which a window held more than its cap, by the text of the caps alone."""
    times, found = [one.at for one in done], 0
    for name, most in asdict(caps).items():
        if most is None:
            continue
        what, _, period = name.rpartition("_per_" if not name.startswith("per_") else "per_")
        if period == "decision":
            found += sum(one.effect > 100 * most for one in done)
            continue
        amounts = [{"cost": one.cost, "effect": one.effect}.get(what, 100) for one in done]
        sums = [0, *accumulate(amounts)]
        for last, end in enumerate(times):
            begin = bisect_right(times, end - SECONDS[period] * TICKS)
            found += sums[last + 1] - sums[begin] > 100 * most
    return found


class Attack:
    """Proposals to one gate that is autonomous in every class."""

    def __init__(self, seed: int):
        self._rng = random.Random(seed)
        self._now = self._latest = 1_000_000 * TICKS
        self.done: dict[str, list[Done]] = {name: [] for name in NAMES}
        self._gate, self._log = self._made(), []  # type: tuple[Gate, list[tuple[Proposal, float]]]

    def _made(self) -> Gate:
        terms = dict.fromkeys(NAMES, FREE)
        return Gate(terms, CAPS, auditor=Auditor(terms, self._rng))

    def propose(self) -> None:
        """One proposal, and what came of it."""
        self._move_clock()
        name = self._rng.choice(NAMES)
        cost, effect = self._amount(4_000), self._amount(750)
        proposal = Proposal(name, cost / 100, effect / 100)
        ruling = self._gate.rule(proposal, self._now / TICKS)
        if ruling.verdict is Verdict.ALLOW:
            self.done[name].append(Done(self._latest, cost, effect))
            self._log.append((proposal, ruling.at))

    def restart(self) -> None:
        """Another process: budgets come from the log alone."""
        self._gate = self._made()
        for proposal, at in self._log:
            self._gate.recall(proposal, at)

    def _move_clock(self) -> None:
        """On by a little, to the edge of a window (± a tick), or far back."""
        rng = self._rng
        if rng.random() < 0.01:
            self._now -= rng.choice(JUMPS)
        elif self._log and rng.random() < 0.05:
            past = round(rng.choice(self._log[-500:])[1] * TICKS)
            edge = (
                past + rng.choice(list(SECONDS.values())[:2]) * TICKS + rng.choice((-1, 0, 1))
            )
            self._now = max(self._now, edge)
        elif rng.random() < 0.3:
            self._now += rng.choice(JUMPS[:-2] if rng.random() < 0.99 else JUMPS)
        self._latest = max(self._latest, self._now)

    def _amount(self, most: int) -> int:
        kind = self._rng.random()
        if kind < 0.3:
            return self._rng.choice((0, 1, 10, most - 1, most, most + 1))
        return self._rng.randrange(most // 50)


def attacked(proposals: int, seed: int) -> dict[str, int]:
    """What was proposed, allowed, restarted, breached."""
    allowed = found = restarts = 0
    for course in range(max(1, proposals // COURSE)):
        attack = Attack(seed * 10_000 + course)
        for number in range(min(COURSE, proposals)):
            attack.propose()
            if number % 5_000 == 4_999:
                attack.restart()
                restarts += 1
        allowed += sum(map(len, attack.done.values()))
        found += sum(breaches(CAPS[name], done) for name, done in attack.done.items())
    return {"allowed": allowed, "restarts": restarts, "breaches": found}


# ---- harm

EVERY, DAY = 300.0, 86_400.0
DECISIONS = 10_000
HONEST = 0.02
TERMS = {"act": Terms()}
LIMITS = {"act": Caps(per_day=250)}  # 288 are wished for
RATES = (0.05, 0.06, 0.08, 0.1, 0.2, 0.5, 1.0)


class Blind(Veto):
    """A veto that objects to nothing."""

    def objections(self, proposal: Proposal, now: float) -> list[str]:
        return []

    def why_ask(self, action_class: str, now: float) -> None:
        return None

    def take(self, proposal: Proposal, now: float) -> list[str]:
        return []


class Bought(Auditor):
    """An auditor that promotes at once, never demotes, and draws nothing."""

    def due(self, action_class: str) -> Level | None:
        record = self.records[action_class]
        return Level(record.level + 1) if record.level < Level.AUTONOMOUS else None

    def draws(self, action_class: str) -> bool:
        return False


@dataclass(frozen=True)
class Party:
    """Who is corrupt. `rate`: of harm that the proposer does once it is autonomous."""

    name: str
    rate: float | None = None
    is_veto_blind: bool = False
    is_auditor_bought: bool = False

    def gate(self, rng: random.Random) -> Gate:
        auditor = (Bought if self.is_auditor_bought else Auditor)(TERMS, rng)
        veto = (Blind if self.is_veto_blind else Veto)(TERMS, LIMITS)
        return Gate(TERMS, LIMITS, auditor=auditor, veto=veto)


PARTIES = [
    Party("nobody"),
    *(Party(f"proposer, harm in {rate:.0%}", rate) for rate in RATES),
    Party("veto", is_veto_blind=True),
    Party("auditor", is_auditor_bought=True),
    Party("proposer (100%) and auditor", 1.0, is_auditor_bought=True),
]


class World:
    """Decisions of one post, and the person beside it."""

    def __init__(self, party: Party, seed: int):
        self._party, self._rng = party, random.Random(seed)
        self._gate = party.gate(random.Random(seed + 1))
        self._waiting: list[tuple[bool, int]] = []
        self.harm = self.alone = self.alarms = 0

    def live(self, decisions: int) -> None:
        level = Level.SHADOW
        for number in range(decisions):
            now = number * EVERY
            if number % 288 == 0:
                self._new_day(number // 288, now)
            level = self._decide(level, now)
        self.alarms = self._gate.standing(now)["act"].alarms

    def _new_day(self, day: int, now: float) -> None:
        """A person turns the post off on one day in seven, and renews what was earned."""
        turn = self._gate.off if day % 7 == 6 else self._gate.on
        turn("person", "maintenance", now)
        standing = self._gate.standing(now)["act"]
        if standing.level is Level.AUTONOMOUS and standing.needed == 0:
            self._gate.renew("act", "earned", "person", now)

    def _decide(self, level: Level, now: float) -> Level:
        """One decision; the level that it was ruled on, which the proposer then knows."""
        is_harmful = self._rng.random() < self._rate(level)
        ruling = self._gate.rule(Proposal("act"), now)
        if ruling.verdict is Verdict.ALLOW:
            self.alone += 1
            self.harm += is_harmful
        if ruling.is_audited or ruling.verdict is Verdict.ASK or self._party.is_auditor_bought:
            self._gate.judged("act", is_harmful, now, era=ruling.era)
        return ruling.level

    def _rate(self, level: Level) -> float:
        """The proposer's; a corrupt one behaves while somebody looks at each decision."""
        if self._party.rate is None:
            return HONEST
        return self._party.rate if level is Level.AUTONOMOUS else 0.0


def harmed(party: Party, worlds: int, seed: int) -> list[World]:
    found = [World(party, seed * 10_000 + 10 * number) for number in range(worlds)]
    for world in found:
        world.live(DECISIONS)
    return found


# ---- the table


def written(proposals: int, worlds: int, seed: int, command: str) -> str:
    attack = attacked(proposals, seed)
    print(attack, flush=True)
    rows, means = [], {}
    for party in PARTIES:
        lives = harmed(party, worlds, seed)
        harms, alone = [life.harm for life in lives], mean(life.alone for life in lives)
        means[party.name] = mean(harms)
        if party.name == "nobody":
            honest, tolerated = mean(harms), TERMS["act"].tolerated * alone
        rows.append(
            [
                party.name, f"{alone:,.0f}", f"{mean(life.alarms for life in lives):.1f}",
                f"{mean(harms):,.0f} ({max(harms):,})", f"{mean(harms) / honest:.2f}",
                f"{mean(harms) / tolerated:.2f}",
            ]
        )  # fmt: skip
        print(" | ".join(rows[-1]), flush=True)
    single = {name: harm for name, harm in means.items() if " and " not in name}
    worst = max(single, key=single.__getitem__)
    said = (
        f"{attack['breaches']} breaches of a cap in {proposals:,} adversarial proposals "
        f"({attack['allowed']:,} allowed). One corrupt party of three does at most "
        f"{single[worst] / tolerated:.2f} times the harm that was tolerated, and "
        f"{single[worst] / honest:.2f} times what an honest learner at {HONEST:.0%} does "
        f"({worst})."
    )
    head = ["corrupt", "actions alone", "alarms", "harm, mean (most)"]
    head += ["times honest", "times tolerated"]
    return "\n".join(
        [
            "# Caps, and corrupt parties",
            "",
            f"Made by `{command}` on {datetime.date.today()}; do not edit. Seed {seed}, "
            f"{runs.machine()}.",
            "",
            tables.summary(said),
            "",
            f"Breaches: {proposals:,} proposals, {COURSE:,} to a gate, two classes with caps "
            f"of count, cost and effect; {attack['restarts']} restarts from the log.",
            "",
            f"Harm: {worlds} worlds a row, {DECISIONS:,} decisions each, {EVERY / 60:.0f} "
            "minutes apart, from shadow upwards on the usual terms; 250 of 288 a day are "
            "allowed, and the post is off on one day in seven. *Tolerated*: "
            f"{TERMS['act'].tolerated:.0%} of what the honest learner does alone. A proposer "
            "that harms no more often than is tolerated is within its terms, whatever it "
            "thinks.",
            "",
            tables.table(head, rows),
            "",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds; writes no table here")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path, help="folder for the table")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    proposals, worlds, seed = (20_000, 2, 0) if asked.quick else (1_000_000, 8, asked.seed)
    text = written(proposals, worlds, seed, runs.command("caps", arguments))
    (runs.folder_asked(asked) / "caps.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
