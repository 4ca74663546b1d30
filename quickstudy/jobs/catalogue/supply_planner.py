"""Supply planner: how much to order on each of eleven links, each day of a month.

One shop, two distributors, three factories, two sources of raw material; goods take up to
twelve days; customers wait, at a price. The package lets an order be as large as 3,100; we
offer 0–60 a link, which covers three times the daily demand.

The incumbent is the textbook's base-stock policy (Clark & Scarf, 1960): every site orders
up to a level of stock on hand and under way. Its levels were tuned by us, by
random search on other seeds than those it was measured on.
Left out: the package's serial chain, and its seasonal and shocked demand.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import gym_make, moves
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array

GYM_ID = "GymInvMgmt/MultiEchelon-v0"
MOST_PER_LINK = 60.0  # units a day

# Site → stock on hand and under way that it orders up to [units].
LEVELS = {1: 125.0, 2: 135.0, 3: 240.0, 4: 45.0, 5: 0.0, 6: 50.0}
# Link (from, to) → share of the site's order placed there.
SHARES = {
    (2, 1): 0.7,
    (3, 1): 0.3,
    (5, 2): 1.0,
    (4, 3): 0.2,
    (6, 3): 0.8,
    (7, 4): 1.0,
    (8, 5): 1.0,
    (8, 6): 1.0,
}


class OfferUpTo(gym.ActionWrapper):
    """Offers orders of 0 to `MOST_PER_LINK` on each link; passes them on as they are."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        assert isinstance(env.action_space, gym.spaces.Box)
        links = env.action_space.shape
        self.action_space = gym.spaces.Box(0.0, MOST_PER_LINK, links, np.float32)

    def action(self, action: Array) -> Array:
        """The same orders, within what is offered."""
        return np.clip(action, 0.0, MOST_PER_LINK).astype(np.float64)


def make() -> gym.Env:
    """Builds the supply chain: 30 days, Poisson demand of 20 a day."""
    import gym_invmgmt  # noqa: F401  (registers its environments)

    return OfferUpTo(gym_make(GYM_ID))


def _more_demand(env: Any, strength: float) -> None:
    """Customers ask for half as much again."""
    env.demand_engine.base_mu *= 1.0 + 0.5 * strength


def base_stock(env: gym.Env) -> Policy:
    """Each site orders what it lacks to its level, split over its suppliers by share."""
    network = env.unwrapped.network  # type: ignore[attr-defined]
    links = [(int(supplier), int(buyer)) for supplier, buyer in network.reorder_links]
    lead_days = [network.lead_times[link] for link in network.reorder_links]
    sites = [int(site) for site in network.main_nodes]
    shops = len(network.retail_links)

    def act(observation: Array, info: dict[str, Any]) -> Array:
        backlog = float(observation[shops : 2 * shops].sum())
        rest = observation[2 * shops :]
        position = dict(zip(sites, rest[: len(sites)], strict=True))
        position[1] -= backlog
        arrivals = iter(rest[len(sites) :])
        for (_, buyer), days in zip(links, lead_days, strict=True):
            position[buyer] += sum(next(arrivals) for _ in range(days))
        lack = {site: max(LEVELS[site] - position[site], 0.0) for site in sites}
        orders = [lack[link[1]] * SHARES.get(link, 0.0) for link in links]
        return np.clip(orders, 0.0, MOST_PER_LINK).astype(np.float32)

    return act


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="supply-planner",
        title="Order goods through a chain of shops, distributors and factories",
        make=make,
        package="gym-invmgmt==0.2.1",
        extra="supply-planner",
        module="gym_invmgmt",
        gym_id=GYM_ID,
        step_seconds=86_400.0,
        random_score=-372.2,
        incumbent=Incumbent("base-stock policy", 814.8, base_stock),
        budget_steps=30_000,
        shifts=moves(make, demand=_more_demand),
        note="Orders are offered as 0–60 units a link, not the package's 0–3,100.",
    ),
)
