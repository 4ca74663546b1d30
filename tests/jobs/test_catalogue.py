"""The catalogue: every entry complete and true to its table; what is installed works."""

from __future__ import annotations

import copy
import importlib.util
import itertools
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from quickstudy.jobs import catalogue
from quickstudy.jobs.catalogue import ENTRIES, icu_doctor
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.registry import Registry, is_installed, registry

ROOT = Path(__file__).parents[2]
PROFESSIONS = {
    "anaesthetist", "plant-operator", "icu-doctor", "supply-planner", "traffic-engineer",
    "driver", "grid-operator", "penetration-tester", "greenhouse-grower", "robot-arm",
    "radio-operator", "sysadmin", "fire-chief", "game-player", "job-shop-scheduler",
}  # fmt: skip
SHORT = 100  # steps; enough to pass through most code of an adapter

every = pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)


def extras() -> dict[str, list[str]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]


def measured() -> dict[str, Any]:
    return json.loads((ROOT / "benchmarks/results/incumbents.json").read_text())


def named(name: str) -> Entry:
    return next(e for e in ENTRIES if e.name == name)


def skip_unless_installed(entry: Entry) -> None:
    if entry.module and importlib.util.find_spec(entry.module) is None:
        pytest.skip(f"{entry.package} is not installed")


ENTRANTS = {"random", "incumbent"}


def near(recorded: float, mean: float) -> bool:
    """Whether a rounded figure is that of the table."""
    return abs(recorded - mean) <= 0.06 + 0.005 * abs(mean)


def test_every_profession_is_there_under_a_name_of_its_own():
    names = [e.name.casefold() for e in ENTRIES]
    assert len(set(names)) == len(names)
    assert set(names) >= PROFESSIONS


def test_register_adds_every_entry_to_a_registry():
    registry = Registry()
    catalogue.register(registry)
    # Each is a simulator, and known as one.
    simulators = tuple(replace(entry, resets_freely=True) for entry in ENTRIES)
    assert registry.entries() == simulators


@every
def test_an_entry_is_complete(entry: Entry):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*|[A-Z].*-v\d", entry.name)
    assert entry.title and not entry.title.endswith(".")
    assert entry.note.endswith(".")
    assert entry.budget_steps > 0
    assert entry.step_seconds is None or entry.step_seconds > 0
    assert entry.random_score is not None and entry.bar is not None
    assert entry.random_score < entry.bar
    assert bool(entry.package) == bool(entry.module) == bool(entry.extra)
    if entry.incumbent:
        assert entry.incumbent.policy is not None
        assert entry.random_score < entry.incumbent.score or entry.threshold is not None


@every
def test_an_entrys_extra_installs_the_package_it_pins(entry: Entry):
    if entry.package:
        assert "==" in entry.package
        assert entry.package in extras()[entry.extra]


def test_medical_jobs_say_that_they_are_no_advice():
    for name in ("anaesthetist", "anaesthetist-easy", "anaesthetist-hard", "icu-doctor"):
        assert "not medical advice" in named(name).note


@every
def test_figures_called_measured_are_those_of_the_committed_table(entry: Entry):
    row = measured().get(entry.name)
    if row is None:
        assert entry.incumbent is None or "recorded" in entry.incumbent.source
        return
    figures = row.get("exact") or {w: row[w]["mean"] for w in row.keys() & ENTRANTS}
    assert entry.random_score is not None and near(entry.random_score, figures["random"])
    if entry.incumbent:
        assert near(entry.incumbent.score, figures["incumbent"])
        assert entry.incumbent.name == row["incumbent"]["name"]


def test_listing_the_catalogue_imports_no_jobs_package():
    modules = {e.module for e in ENTRIES if e.module}
    code = (
        "import sys; from quickstudy.jobs.catalogue import ENTRIES; "
        f"print(*(set(sys.modules) & {modules!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def play(env: gym.Env, policy: Any, seed: int | None, steps: int) -> list[float]:
    """The rewards of one episode, or of its first steps."""
    observation, info = env.reset(seed=seed)
    rewards: list[float] = []
    for _ in range(steps):
        observation, reward, terminated, truncated, info = env.step(policy(observation, info))
        assert np.isfinite(reward)
        rewards.append(float(reward))
        if terminated or truncated:
            break
    return rewards


def random_policy(env: gym.Env) -> Any:
    space = copy.deepcopy(env.action_space)  # some packages make a new one at each reset
    space.seed(0)

    def act(observation: Any, info: dict[str, Any]) -> Any:
        mask = info.get("action_mask")
        return space.sample(None if mask is None else mask.astype(np.int8))

    return act


@every
def test_an_installed_job_runs_and_repeats_under_its_seed(entry: Entry):
    skip_unless_installed(entry)
    env = entry.make()
    observation, _ = env.reset(seed=3)
    assert env.observation_space.contains(observation)
    # The second episode of each pair is reset without a seed, as a run does it.
    runs = []
    for _ in range(2):
        policy = random_policy(env)
        runs.append([play(env, policy, seed, SHORT) for seed in (3, None)])
    env.close()
    assert runs[0] == runs[1]


@every
def test_an_installed_jobs_incumbent_works(entry: Entry):
    skip_unless_installed(entry)
    if entry.incumbent is None or entry.incumbent.policy is None:
        pytest.skip("nobody does this job today")
    env = entry.make()
    env.reset(seed=3)
    policy = entry.incumbent.policy(env)
    actions = []

    def watched(observation: Any, info: dict[str, Any]) -> Any:
        actions.append(policy(observation, info))
        return actions[-1]

    play(env, watched, 3, SHORT)
    env.close()
    assert all(env.action_space.contains(action) for action in actions)


def test_the_anaesthetists_incumbent_scores_near_its_figure():
    entry = named("anaesthetist")
    skip_unless_installed(entry)
    assert entry.incumbent is not None and entry.incumbent.policy is not None
    env = entry.make()
    policy = entry.incumbent.policy(env)
    returns = [sum(play(env, policy, seed, 200)) for seed in range(20)]
    # The standard deviation is 16, so that of this mean is 3.6.
    assert np.mean(returns) == pytest.approx(entry.incumbent.score, abs=12.0)


def test_the_ward_has_exact_values():
    entry = named("icu-doctor")
    skip_unless_installed(entry)
    env = entry.make()
    exact = icu_doctor.exact_scores(env)
    assert exact["best"] == pytest.approx(0.875, abs=1e-3)
    assert entry.random_score == pytest.approx(exact["random"], abs=1e-3)
    assert entry.incumbent is not None and entry.incumbent.policy is not None
    policy = entry.incumbent.policy(env)
    seeds = itertools.chain([0], itertools.repeat(None, 999))
    returns = [sum(play(env, policy, seed, 500)) for seed in seeds]
    assert np.mean(returns) == pytest.approx(exact["incumbent"], abs=0.06)


def life(job, steps=40):
    """What a job shows under actions that are the same each time."""
    rng, shown = np.random.default_rng(0), [job.reset(5).raw]
    for _ in range(steps):
        choices = [rng.integers(n) for n in job.spec.choices]
        step = job.step(np.array([*choices, *rng.uniform(-1, 1, job.spec.amounts)], np.float32))
        shown.append(step.observation.raw)
        if step.end:
            break
    return np.concatenate(shown)


MOVED = [(entry, shift) for entry in ENTRIES if is_installed(entry) for shift in entry.shifts]


@pytest.mark.parametrize(("entry", "shift"), MOVED, ids=[f"{e.name} {s}" for e, s in MOVED])
def test_a_moved_parameter_changes_the_world_and_not_the_spaces(entry, shift):
    jobs = [
        registry().make(entry.name),
        *(registry().make(entry.name, shift, by) for by in (0.5, 1.0)),
    ]
    assert {(job.spec.observation, job.spec.action) for job in jobs} == {
        (jobs[0].spec.observation, jobs[0].spec.action)
    }
    lives = [life(job) for job in jobs]
    assert not any(np.array_equal(lives[0], other) for other in lives[1:])
    for job in jobs:
        job.close()
