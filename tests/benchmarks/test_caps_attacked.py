"""The oracle finds breaches where there are some; the worlds do what their rows say."""

from __future__ import annotations

import pytest

from benchmarks import caps
from benchmarks.caps import DAY, EVERY, HONEST, NAMES, TICKS, Attack, Done, Party, harmed
from quickstudy.deployment import Caps
from quickstudy.deployment.caps import Budget


def test_the_oracle_by_hand() -> None:
    minute = 60 * TICKS
    done = [Done(0, 300, 0), Done(1, 300, 0), Done(minute, 300, 800), Done(minute + 1, 0, 0)]
    assert caps.breaches(Caps(per_minute=2), done) == 0
    assert caps.breaches(Caps(per_minute=1), done) == 3
    assert caps.breaches(Caps(per_day=3), done) == 1
    assert caps.breaches(Caps(cost_per_hour=6.0), done) == 2
    assert caps.breaches(Caps(cost_per_hour=9.0, effect_per_day=8.0), done) == 0
    assert caps.breaches(Caps(effect_per_decision=7.99), done) == 1


def test_an_attack_is_refused_often_and_breaches_nothing() -> None:
    found = caps.attacked(6_000, seed=0)
    assert found["breaches"] == 0
    assert 500 < found["allowed"] < 5_000
    assert found["restarts"] == 1


def test_the_attack_would_breach_caps_that_are_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Budget, "short", lambda *_: [])
    attack = Attack(seed=0)
    for _ in range(2_000):
        attack.propose()
    assert all(caps.breaches(caps.CAPS[name], attack.done[name]) for name in NAMES)


def test_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caps, "DECISIONS", 6_000)
    honest, turncoat, bought, both = (
        harmed(party, 1, seed=0)[0]
        for party in (
            Party("nobody"), Party("proposer", 1.0), Party("auditor", is_auditor_bought=True),
            Party("both", 1.0, is_auditor_bought=True),
        )
    )  # fmt: skip
    assert 0 < honest.harm < 2 * HONEST * honest.alone
    assert turncoat.alarms > 1
    assert turncoat.alone < honest.alone < bought.alone <= 250 * 6_000 * EVERY / DAY
    assert both.harm > 20 * max(honest.harm, turncoat.harm, bought.harm)
