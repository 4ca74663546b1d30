"""Your loop drives: a learner sets prices in a shop that knows nothing of Gymnasium.

    python examples/own_loop.py [DAYS]

Each day the shop sees how much is in stock and what day it is, and sets one of four prices.
What was earned is known only when the till is counted, two days later, so rewards come late;
the shop simply names the decision that each one belongs to. A season lasts ten days, then
what is left is thrown away.
"""

from __future__ import annotations

import sys
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import gymnasium
import numpy as np

import quickstudy as qs

PRICES = (4.0, 6.0, 8.0, 10.0)
SEASON_DAYS, STOCK, COUNTED_AFTER_DAYS = 10, 40, 2
JOB = "pricing"


@dataclass
class Shop:
    """Sells less at higher prices, and more at the weekend."""

    seed: int
    day: int = 0
    stock: int = STOCK
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def seen(self) -> dict[str, object]:
        """What whoever sets the price can see."""
        return {"stock": np.array([self.stock / STOCK], np.float32), "day": self.day}

    def sell(self, price: float) -> float:
        """A day's takings."""
        weekend = 1.5 if self.day % 7 >= 5 else 1.0
        sold = min(int(self.rng.poisson(weekend * (12 - price))), self.stock)
        self.stock, self.day = self.stock - sold, self.day + 1
        return sold * price / 100


def season(learner: qs.Learner, seed: int) -> float:
    """One season: decides each day, and hears of each day's takings two days later."""
    shop, uncounted, takings, decision = Shop(seed), deque[tuple[int, float]](), 0.0, None
    for _ in range(SEASON_DAYS):
        decision = learner.decide(shop.seen(), job=JOB)
        earned = shop.sell(PRICES[decision.action])
        uncounted.append((decision.id, earned))
        takings += earned
        if len(uncounted) > COUNTED_AFTER_DAYS:
            learner.reward(*uncounted.popleft())
    for counted in uncounted:
        learner.reward(*counted)
    assert decision is not None
    learner.finish(decision.id)
    return takings


def takings_of(price: Callable[[Shop], float], seeds: range) -> float:
    """Mean takings of seasons under a way to set prices."""
    takings = 0.0
    for seed in seeds:
        shop = Shop(seed)
        takings += sum(shop.sell(price(shop)) for _ in range(SEASON_DAYS))
    return takings / len(seeds)


def main(days: int = 600) -> float:
    """Learns for so many days; the mean takings of a season afterwards."""
    with tempfile.TemporaryDirectory() as folder, qs.hire(Path(folder) / "ada", seed=0) as ada:
        seen = gymnasium.spaces.Dict(
            stock=gymnasium.spaces.Box(0.0, 1.0, (1,)),
            day=gymnasium.spaces.Discrete(SEASON_DAYS),
        )
        actions = gymnasium.spaces.Discrete(len(PRICES))
        ada.declare(JOB, seen, actions, max_steps=SEASON_DAYS, step_seconds=86_400)
        for number in range(days // SEASON_DAYS):
            takings = season(ada, seed=number)
            print(f"season {number}: {takings:.2f}")

        def best(shop: Shop) -> float:
            answer = ada.decide(shop.seen(), job=JOB, explore=False, record=False)
            return PRICES[answer.action]

        fresh = range(10_000, 10_020)  # seasons that it has not seen; nothing is learned here
        after = takings_of(best, fresh)
        print(f"mean takings of a season: {after:.2f}; at one price all along:")
        for price in PRICES:
            print(f"  {price:5.2f}: {takings_of(lambda shop, p=price: p, fresh):.2f}")
    return after


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
