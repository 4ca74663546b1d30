"""A learner goes to work on a job with an environment, and is examined.

    python examples/work.py [JOB] [STEPS]

What the command line draws is what is yielded here, so a script can do as it likes with it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import quickstudy as qs
from quickstudy import appraisal
from quickstudy.appraisal import Checked, Verdict
from quickstudy.types import End, Moment


def main(job: str = "CartPole-v1", steps: int = 1_000) -> Verdict | None:
    """Hires a learner in a folder that is thrown away; the verdict at the end."""
    verdict = None
    with tempfile.TemporaryDirectory() as folder, qs.hire(Path(folder) / "ada", seed=0) as ada:
        for event in appraisal.work(ada, job, steps=steps, checks=4):
            match event:
                case Moment(end=End.TERMINATED | End.TRUNCATED):
                    print(f"episode {event.episode}: {event.episode_return:.1f}")
                case Checked():
                    print(f"check after {event.moment.step} steps: {event.standing.mean:.1f}")
                case Verdict():
                    verdict = event
                    print(f"exam: {event.standing.mean:.1f}, bar {event.standing.bar}")
    return verdict


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
