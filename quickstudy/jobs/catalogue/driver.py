"""Driver: a three-lane motorway at one decision a second; fast, to the right, and whole.

The package's faster variant of its best-known task. The incumbent drives through the same
five actions as the learner: Treiber's intelligent driver model sets the speed, MOBIL (Kesting
et al., 2007) the lane, both with the package's own code and constants.

Left out: merging, roundabouts, racetracks; they share this job's spaces.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from quickstudy.jobs.catalogue.shims import gym_make
from quickstudy.jobs.entry import Entry, Incumbent, Policy

GYM_ID = "highway-fast-v0"
SPEED_WANTED = 30.0  # m/s
PUSH = 0.1  # m/s² of advised acceleration before the speed changes by one notch
LEFT, KEEP, RIGHT, FASTER, SLOWER = 0, 1, 2, 3, 4


def make(**config: Any) -> gym.Env:
    """Builds the motorway with the package's defaults, but for what is given."""
    import highway_env  # noqa: F401  (registers its environments)

    return gym_make(GYM_ID, config=config) if config else gym_make(GYM_ID)


def idm_and_mobil(env: gym.Env) -> Policy:
    """Changes lane where MOBIL advises it, else keeps IDM's distance to the car in front."""
    from highway_env.vehicle.behavior import IDMVehicle

    world: Any = env.unwrapped

    def advise(driver: Any) -> int:
        here = driver.lane_index
        if driver.target_lane_index == here:
            for lane in driver.road.network.side_lanes(here):
                if driver.mobil(lane):
                    return LEFT if lane[2] < here[2] else RIGHT
        ahead, _ = driver.road.neighbour_vehicles(driver, driver.target_lane_index)
        push = driver.acceleration(driver, front_vehicle=ahead)
        return FASTER if push > PUSH else SLOWER if push < -PUSH else KEEP

    def act(observation: Any, info: dict[str, Any]) -> int:
        car = world.vehicle
        driver = IDMVehicle.create_from(car)
        driver.target_speed = SPEED_WANTED
        traffic = world.road.vehicles
        seat = traffic.index(car)
        traffic[seat] = driver  # or else the driver sees its own car as another
        try:
            return advise(driver)
        finally:
            traffic[seat] = car

    return act


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="driver",
        title="Drive on a motorway, fast and without a crash",
        make=make,
        package="highway-env==1.12.1",
        extra="driver",
        module="highway_env",
        gym_id=GYM_ID,
        step_seconds=1.0,
        random_score=6.9,
        incumbent=Incumbent("IDM + MOBIL driver model", 22.4, idm_and_mobil),
        budget_steps=36_000,
        threshold=22.0,
        shifts={"density": lambda strength: make(vehicles_density=1.0 + strength)},
        note="Judge the crash rate too (the bar is 5 % on 200 unseen seeds): a return of 22 "
        "can hide it. Slow to simulate, 30–80 steps a second.",
    ),
)
