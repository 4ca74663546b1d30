"""Five probe jobs: each isolates one thing that a learner can get wrong."""

from __future__ import annotations

import numpy as np
import pytest

from quickstudy import life
from quickstudy.experience.log import Log
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.layout import pack
from quickstudy.jobs.probes import PROBES
from quickstudy.life import Place
from quickstudy.mind import instinct, judgement
from quickstudy.mind import mind as minds

SMALL = judgement.Settings(hidden=(32, 32), batch=32)
STEPS = {"instinct": 300, "judgement": 700}


def lived(name: str, lead: str, tmp_path, seed: int = 0) -> tuple[Place, GymJob]:
    """A mind that one speed led through some episodes of a probe."""
    job = GymJob(PROBES[name](), name=name)
    # With the return's own variance as the scale, 700 steps are enough at a faster pace.
    settings = minds.Settings(judgement=SMALL, lead=lead)
    log = Log.create(tmp_path / "experience.db")
    place = Place(name, job.layout, minds.init(job.spec, seed, settings), log)
    for _ in life.live(place, job, STEPS[lead], seed_of=lambda episode: seed + episode):
        pass
    return place, job


@pytest.mark.parametrize("lead", ["instinct", "judgement"])
@pytest.mark.parametrize("name", PROBES)
def test_probe(name: str, lead: str, tmp_path) -> None:
    place, job = lived(name, lead, tmp_path)
    assert lead == "judgement" or instinct.applies(place.mind.frame)
    truth = job.env.unwrapped.truth
    returns = [life.trial(place, job, 10_000 + world) for world in range(20)]
    room = max(truth.best_return - truth.random_return, 1.0)
    assert (
        np.mean(returns)
        >= truth.best_return - (truth.steps == 1 and "obs" in name) - 0.1 * room
    )
    gamma = minds.discount(place.mind)
    for world in range(5):
        shown = job.env.reset(seed=world)[0]
        worth = life.answer(place, pack(job.spec, shown)).value.worth
        assert worth == pytest.approx(truth.worth(shown, gamma), abs=0.15)
    place.log.close()
