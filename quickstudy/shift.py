"""A shift: one command's worth of work, from who comes to where the curves lie.

It brings together the roster (who), the appraisal (what happens) and a screen (what is seen).

Left out: shifts of several learners at once.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quickstudy import appraisal, ledger, report, roster
from quickstudy.careers.career import foretell
from quickstudy.errors import QuickstudyError
from quickstudy.interrupt import Interrupt, Stopped
from quickstudy.jobs.registry import registry
from quickstudy.roster import Arrival
from quickstudy.screens import JsonLines, Screen, Sentences, Standstill
from quickstudy.types import Moment

TELL_EVERY_EVENTS = 2_000  # studied again when a learner is opened after a crash


@dataclass(frozen=True)
class Asked:
    """What a person asked for; None where they left the choice to us.

    jobs: as they named them. learner: name or path. steps: of each job. out: where to draw
    the curves. draws: whether to draw them at all. stop_hopeless: successes that may be lost by
    giving up episodes (a share); None gives up none. at_once: copies of a job to work in.
    predicts: whether to look first if the job can be learned at all.
    """

    jobs: tuple[str, ...]
    learner: str | None = None
    steps: int | None = None
    seed: int | None = None
    checks: int | None = None
    out: Path | None = None
    draws: bool = True
    stop_hopeless: float | None = None
    at_once: int | None = None
    predicts: bool = False


def work(asked: Asked, screen: Screen, interrupt: Interrupt) -> None:
    """Calls the learner, works on every job, draws the curves.

    Raises:
      Stopped: asked to, from outside; everything is saved. Otherwise as `Learner.work`.
    """
    if asked.out is not None and len(asked.jobs) > 1:
        raise QuickstudyError(
            f"Came --out with {len(asked.jobs)} jobs; expected one job to draw. Leave it out, "
            "and use `quickstudy report LEARNER JOB --out PNG` afterwards."
        )
    entries = [registry().find(job) for job in asked.jobs]
    steps = {entry.name: asked.steps or entry.budget_steps for entry in entries}
    with screen:
        arrival = roster.arrive(asked.learner, steps, asked.seed, _studying(screen))
        screen.say(arrival.news)
        command = _resume_command(asked, arrival)
        with arrival.learner:
            for job in arrival.jobs:
                _work_on(job, steps[job], asked, arrival, screen, interrupt, command)
        folder = arrival.learner.path
        screen.keep(folder, arrival.call, _draw(folder, arrival.jobs, asked))


def choose_screen(plain: bool, json: bool) -> Screen:
    """JSON lines, sentences, or the live view where there is a terminal that can show it."""
    if json:
        return JsonLines()
    if not plain and sys.stdout.isatty():
        from rich.console import Console

        console = Console(highlight=False)
        if not console.is_dumb_terminal:
            from quickstudy.view import View

            return View(console)
    return Sentences()


def _work_on(
    job: str,
    steps: int,
    asked: Asked,
    arrival: Arrival,
    screen: Screen,
    interrupt: Interrupt,
    command: str,
) -> None:
    learner = arrival.learner
    interrupt.hint = screen.hint
    learner.enter(job, screen.say)
    ledger.expect(learner, job, asked.predicts, foretell)
    how = asked.checks, asked.stop_hopeless, asked.at_once or 1
    events = appraisal.work(learner, job, steps, *how)
    try:
        for event in events:
            screen.show(event)
            interrupt.is_patient = isinstance(event, Moment)
            interrupt.raise_if_asked()
    except Stopped as stopped:
        interrupt.is_patient = False
        events.close()
        session, worked = learner.session(job), learner.steps(job)
        done = worked - (session.start if session else worked)
        stop = Standstill(job, worked, learner.sync(job), done, steps, command)
        screen.stand_still(stop)
        stopped.is_told = True
        raise
    finally:
        interrupt.is_patient = False


def _studying(screen: Screen) -> Callable[[int, int], None]:
    """Says at times how far a learner is in studying what came after its mind was saved."""
    told = 0

    def tell(done: int, events: int) -> None:
        nonlocal told
        if done - told >= TELL_EVERY_EVENTS:
            told = done
            screen.say(f"Studying again what came last: {done:,} of {events:,} events.")

    return tell


def _resume_command(asked: Asked, arrival: Arrival) -> str:
    """What goes on with this shift, wherever it stops."""
    parts = ["quickstudy", "work", *asked.jobs, "--learner", arrival.call]
    for option, number in (
        ("--steps", asked.steps),
        ("--checks", asked.checks),
        ("--stop-hopeless", asked.stop_hopeless),
        ("--at-once", asked.at_once),
    ):
        if number is not None:
            parts += [option, str(number)]
    return shlex.join(parts)


def _draw(folder: Path, jobs: tuple[str, ...], asked: Asked) -> Path | None:
    if not asked.draws:
        return None
    drawn = [report.draw(told, asked.out) for job in jobs for told in report.of(folder, job)]
    return drawn[-1] if drawn else None
