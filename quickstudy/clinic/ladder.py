"""The probe ladder: is there a bug in the learner? Each rung isolates one fault.

    for finding in climb(): print(finding)

It climbs with the mind as installed. First what is remembered is held against what was told
(`remembered`), with nothing learned; then whether studying did its work (`studied`), and which
speed is given the lead; then whether what was learned is true (`rungs`), from choosing to
amounts. It stops at the first step that is ill: what stands on it would be ill too, and say
nothing more.

Whose idea: Andy Jones ("Debugging RL, Without the Agonizing Pain"). Left out: images, several
factors of choice, several streams.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from quickstudy.clinic import remembered, rungs, studied
from quickstudy.clinic.drills import Diary
from quickstudy.clinic.finding import Finding
from quickstudy.clinic.watch import watch
from quickstudy.jobs.gym import GymJob
from quickstudy.mind import arbiter
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Mind
from quickstudy.types import End, Observation, Spec

Tell = Callable[[str, float], None]  # what is being done, and the share done in [0, 1]
Step = Callable[[minds.Settings, int], list[Finding]]

DIARY = 128  # decisions
WIDEST, LARGEST = 64, 64  # units of a layer, rows of an update
CONTEST, LATEST = 80, 40  # episodes in which one speed earns more; of them, those that count
LED = 0.55  # share of them that the better one must lead; chance is a half


def _quiet(doing: str, share: float) -> None:
    """Tells nobody."""


def climb(
    settings: minds.Settings | None = None, seed: int = 0, tell: Tell = _quiet
) -> tuple[Finding, ...]:
    """Climbs the ladder with new minds, as far as it holds.

    Args:
      settings: of the minds. seed: of them and of their worlds.
      tell: called before each step with what is being done and the share done, in [0, 1].

    Returns:
      findings in the order of the ladder, lowest first. An ill one is a bug in the learner;
      what stands above it was not looked at. A mind that raises is a finding.
    """
    settings, steps = _small(settings or minds.Settings()), _steps()
    found: dict[str, Finding] = {}  # what a higher step says of the same holds
    for number, (doing, step) in enumerate(steps):
        tell(doing, number / len(steps))
        new = _taken(doing, step, settings, seed)
        for finding in new:
            found.pop(finding.name, None)
            found[finding.name] = finding
        if _are_ill(new):
            break
    return tuple(found.values())


def _are_ill(found: list[Finding]) -> bool:
    return any(finding.result == "ill" for finding in found)


def _steps() -> list[tuple[str, Step]]:
    lives = [(rung.name, _life_on(rung)) for rung in rungs.RUNGS]
    return [("memory and study", _diary), ("the arbiter", _arbiter), *lives]


def _taken(doing: str, step: Step, settings: minds.Settings, seed: int) -> list[Finding]:
    """A step's findings; what raises there is one too."""
    try:
        with np.errstate(all="ignore"):  # numbers that overflow are looked for by name
            return step(settings, seed)
    except Exception as error:  # whatever a mind with a bug raises
        said = " ".join(str(error).split()) or "no message"
        shown = f"at '{doing}' it raised {type(error).__name__}: {said}"
        return [Finding("raises", "ill", shown, "mend what raises")]


def _small(settings: minds.Settings) -> minds.Settings:
    """Smaller networks and lots, of which a drill needs no more; all else as it is."""
    own = settings.judgement
    hidden = tuple(min(width, WIDEST) for width in own.hidden)
    small = dataclasses.replace(own, hidden=hidden, batch=min(own.batch, LARGEST))
    return dataclasses.replace(settings, judgement=small)


# ---- the steps


def _diary(settings: minds.Settings, seed: int) -> list[Finding]:
    """What is remembered, what the discount is, and what studying did, of one life."""
    life = watch(Diary(), DIARY, settings, seed)
    found = remembered.examine(life)
    if _are_ill(found):
        return found
    return [*found, _discount(life.mind), *studied.examine(life, studied.Limits())]


def _life_on(rung: rungs.Rung) -> Step:
    def step(settings: minds.Settings, seed: int) -> list[Finding]:
        life = watch(rung.drill(), rung.decisions, settings, seed)
        done = [] if rung.options else [remembered.amounts(life)]
        if _are_ill(done):
            return done
        return [*done, *rungs.examine(rung, life, foreseen_discount(life.mind))]

    return step


def foreseen_discount(mind: Mind) -> float:
    """γ as the docs have it: a fifth of the horizon counts, ``clip(1 − 5/H, .95, .99)``."""
    horizon = mind.frame.spec.max_steps or mind.counts.horizon or 100
    return min(max(1 - 5 / horizon, 0.95), 0.99)


def _discount(mind: Mind) -> Finding:
    name, has, due = "discount", minds.discount(mind), foreseen_discount(mind)
    shown = f"{has:.4g}, where the horizon asks for {due:.4g}"
    if abs(has - due) < 1e-6:
        return Finding(name, "ok", shown)
    return Finding(name, "ill", shown, rungs.ADVICE[name])


def _arbiter(settings: minds.Settings, seed: int) -> list[Finding]:
    """Gives one speed all the success, then the other: does the better one come to lead?"""
    name = "arbiter"
    if settings.lead != "both":
        return [Finding(name, "ok", f"{settings.lead} alone leads, by its settings")]
    alone = dataclasses.replace(settings, first_lead=0, together=0.0, foresees=False)
    shares, ends = [], []
    for better in arbiter.SPEEDS:
        led, last = _contest(better, alone, seed)
        shares.append(float(np.mean([leader == better for leader in led[-LATEST:]])))
        ends.append(last == better)
    said = ", ".join(
        f"{speed} leads {share:.0%} where it earns more"
        for speed, share in zip(arbiter.SPEEDS, shares, strict=True)
    )
    if min(shares) >= LED and all(ends):
        return [Finding(name, "ok", said)]
    advice = "credit each episode to who led it, and give the lead to the better earner"
    return [Finding(name, "ill", said, advice)]


def _contest(better: str, settings: minds.Settings, seed: int) -> tuple[list[str], str]:
    """Who led each of CONTEST episodes of one step, and who would lead in the end."""
    mind, led = minds.init(_spec(), seed, settings), []
    rng = np.random.default_rng([seed, 1])
    for number in range(CONTEST):
        minds.begin(mind, "drill", number)
        shown = Observation(rng.normal(size=3).astype(np.float32))
        choice = minds.act(mind, shown, "drill")
        row = minds.decided(mind, "drill", shown, choice.flat, choice.predictions)
        minds.rewarded(mind, row, float(choice.leader == better) + 0.1 * float(rng.normal()))
        minds.ended(mind, "drill", End.TERMINATED, None)
        led.append(choice.leader)
    return led, minds.leader(mind)


def _spec() -> Spec:
    return GymJob(Diary()).spec
