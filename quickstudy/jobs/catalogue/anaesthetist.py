"""Anaesthetist: keep a patient asleep, neither too deep nor too light, with propofol.

The package simulates patients who differ in how they take up and clear the drug, and a
depth-of-sleep monitor (BIS, 0–100, wanted in 40–60) that is noisy. One setting of the
infusion [µg/kg/min] each half minute, 200 of them an operation. Three worlds: every
patient alike and no noise (easy), patients who differ (medium), patients who differ more
and whom the surgeon disturbs (hard).

Left out: remifentanil and the two drugs together, which the package has too.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym

from quickstudy.jobs.catalogue.shims import SeedEveryReset, gym_make, moves
from quickstudy.jobs.entry import Entry, Incumbent, Policy

GYM_ID = "anesthesim/PropofolControl-v0"
NOTE = "A simulator for software, not medical advice."


def make(difficulty: str = "medium") -> gym.Env:
    """Builds the operating theatre; `difficulty` is easy, medium or hard."""
    import anesthesim  # noqa: F401  (registers its environments)

    return SeedEveryReset(gym_make(GYM_ID, difficulty=difficulty))


def shipped_heuristic(env: gym.Env) -> Policy:
    """The package's own proportional controller around a monitor reading of 50."""
    from anesthesim.agents.heuristic import HEURISTIC_MAP

    act = HEURISTIC_MAP[GYM_ID]
    return lambda observation, info: act(observation)


def _less_sensitive(env: Any, strength: float) -> None:
    """Patients who need 40 % more of the drug to sleep as deeply."""
    env.pd_model.Ce50 *= 1.0 + 0.4 * strength


def _more_varied(env: Any, strength: float) -> None:
    """Patients who differ by a standard deviation of 15 % more, as in the hard world."""
    env._pk_variability += 0.15 * strength


def _noisier_monitor(env: Any, strength: float) -> None:
    """A monitor that is off by 4 points more."""
    env._bis_noise += 4.0 * strength


def _entry(name: str, difficulty: str, title: str, random: float, heuristic: float) -> Entry:
    return Entry(
        name=name,
        title=title,
        make=partial(make, difficulty),
        package="anesthesim==0.1.0",
        extra="anaesthetist",
        module="anesthesim",
        gym_id=GYM_ID if difficulty == "medium" else "",
        step_seconds=30.0,
        random_score=random,
        incumbent=Incumbent("shipped heuristic", heuristic, shipped_heuristic),
        budget_steps=4_000,
        shifts=moves(
            partial(make, difficulty),
            sensitivity=_less_sensitive,
            patients=_more_varied,
            monitor=_noisier_monitor,
        ),
        note=NOTE,
    )


ENTRIES: tuple[Entry, ...] = (
    _entry(
        "anaesthetist", "medium", "Keep patients who differ asleep with propofol", -134.6, 133.5
    ),
    _entry(
        "anaesthetist-easy",
        "easy",
        "Keep patients who are alike asleep, with a monitor that has no noise",
        -113.0,
        140.0,
    ),
    _entry(
        "anaesthetist-hard",
        "hard",
        "Keep patients who differ more asleep, while the surgeon disturbs them",
        -176.5,
        107.9,
    ),
)
