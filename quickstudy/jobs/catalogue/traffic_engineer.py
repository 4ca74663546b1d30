"""Traffic engineer: which of four green phases a junction shows next, each five seconds.

An hour at one two-way junction. The reward is minus the cars that stand: the package's default
reward, a difference of waiting times, adds up to nothing but its last term. The incumbent is
max-pressure (Varaiya, 2013), on one junction: green for the longest queues.

Left out: the package's networks of many junctions.
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from quickstudy.jobs.catalogue.shims import SeedEveryReset
from quickstudy.jobs.entry import Entry, Incumbent, Policy
from quickstudy.types import Array


class Junction(gym.Wrapper):
    """Declares the spaces that the package computes anew at each call, and plain actions."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        shown, phases = env.observation_space, env.action_space
        assert isinstance(shown, gym.spaces.Box)
        assert isinstance(phases, gym.spaces.Discrete)
        self.observation_space = gym.spaces.Box(0.0, 1.0, shown.shape, np.float32)
        self.action_space = gym.spaces.Discrete(int(phases.n))

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Shows a phase for five seconds, after two of yellow where it is another."""
        observation, reward, terminated, truncated, info = self.env.step(int(action))
        return observation, float(reward), terminated, truncated, info


def make() -> gym.Env:
    """Builds the junction on SUMO in this process (one simulation a process)."""
    import sumo

    os.environ.setdefault("SUMO_HOME", str(sumo.SUMO_HOME))
    os.environ.setdefault("LIBSUMO_AS_TRACI", "1")
    with contextlib.redirect_stdout(io.StringIO()):  # it announces that it obeys
        import sumo_rl

    nets = Path(sumo_rl.__file__).parent / "nets" / "2way-single-intersection"
    junction = sumo_rl.SumoEnvironment(
        net_file=str(nets / "single-intersection.net.xml"),
        route_file=str(nets / "single-intersection-vhvh.rou.xml"),
        num_seconds=3_600,
        single_agent=True,
        reward_fn="queue",
        sumo_seed=0,
        sumo_warnings=False,
        add_system_info=False,
        add_per_agent_info=False,
    )
    return SeedEveryReset(Junction(junction))


def max_pressure(env: gym.Env) -> Policy:
    """Green for the phase whose lanes hold the longest queues."""
    world: Any = env.unwrapped
    signal = world.traffic_signals[world.ts_ids[0]]
    links = [link[0][0] for link in signal.sumo.trafficlight.getControlledLinks(signal.id)]
    served = np.asarray(
        [
            [
                any(p.state[i] in "Gg" for i, x in enumerate(links) if x == lane)
                for lane in signal.lanes
            ]
            for p in signal.green_phases
        ]
    )

    def act(observation: Array, info: dict[str, Any]) -> int:
        queues = observation[-len(signal.lanes) :]
        return int(np.argmax(served @ queues))

    return act


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="traffic-engineer",
        title="Set the lights of a junction so that few cars stand",
        make=make,
        package="sumo-rl==1.4.5",
        extra="traffic-engineer",
        module="sumo_rl",
        step_seconds=5.0,
        random_score=-25_553.0,
        incumbent=Incumbent("max-pressure", -9_960.0, max_pressure),
        is_single=True,
        budget_steps=20_000,
        note="SUMO runs inside the process, once: one environment at a time.",
    ),
)
