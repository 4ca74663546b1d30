"""The exam as a command: opens the learner, shows how far it is, says and draws the result.

Left out: a live view; an exam takes seconds to minutes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from quickstudy import words
from quickstudy.exams import levels, page, told
from quickstudy.exams.exam import Progress, Settings, exam
from quickstudy.exams.replay import fields, line, replay
from quickstudy.exams.score import Result
from quickstudy.interrupt import Interrupt, Stopped
from quickstudy.learner import open_learner

WITH_ALARM = 200  # fresh worlds, so that 5 % of them are ten
CONTROLS = 4  # worlds of no edition for each of the exam's, where the leak alarm is on


@dataclass(frozen=True)
class Asked:
    """What a person asked for; see `quickstudy exam --help`."""

    learner: str
    job: str | None
    worlds: int
    edition: str
    shifts: bool
    leak_alarm: bool
    out: Path | None


def hold(asked: Asked, interrupt: Interrupt, is_json: bool = False) -> Result:
    """Examines, says the result, draws it.

    Raises:
      As `exam` and `open_learner`; Stopped where it was asked to.
    """
    settings = Settings(
        worlds=asked.worlds,
        edition=asked.edition,
        shifts=asked.shifts,
        fresh=WITH_ALARM if asked.leak_alarm else 0,
        controls=CONTROLS * max(WITH_ALARM, asked.worlds) if asked.leak_alarm else 0,
    )
    with open_learner(asked.learner) as learner, _bar(interrupt, is_json) as progress:
        try:
            result = exam(learner, asked.job, settings, progress)
        except Stopped as stopped:
            print("Stopped; worlds that were sat are kept. The same command goes on.")
            stopped.is_told = True
            raise
        folder = asked.out or learner.path
    stem = "exam-" + _plain_name(result.job)
    kept = page.keep(json.dumps(told.fields(result)), folder / f"{stem}.json")
    picture = page.draw(result, folder / f"{stem}.png")
    written = page.write(result, folder / f"{stem}.html")
    if is_json:
        places = {"picture": str(picture), "page": str(written), "kept": str(kept)}
        print(words.json_line("exam", told.fields(result) | places))
        return result
    print(words.plain(f"{result.learner} on {result.job}: {told.headline(result)}"))
    for name, said in told.lines(result):
        print(words.plain(f"  {name:<16} {said}"))
    print(words.plain(page.about(result)))
    print(words.plain(f"the worst again: {told.again(result, *result.worst(1)[0])}"))
    print(f"picture: {picture}\npage: {written}\nfor `quickstudy compare`: {kept}")
    return result


def climb(
    job: str, settings: levels.Settings, out: Path | None, interrupt: Interrupt, is_json: bool
) -> None:
    """Practises and examines at each number of worlds, says the curve, draws it.

    Raises:
      As `levels`; Stopped where it was asked to.
    """
    with _bar(interrupt, is_json) as tell:

        def practising(count: int, done: int, total: int) -> None:
            tell(f"practice in {count:,} worlds", done, total)

        try:
            curve = levels.levels(job, settings, practising)
        except Stopped as stopped:
            print("Stopped; nothing is kept of learners that were new.")
            stopped.is_told = True
            raise
    stem = "levels-" + _plain_name(curve.job)
    picture = levels.draw(curve, out or Path(f"{stem}.png"))
    if is_json:
        print(words.json_line("levels", levels.fields(curve) | {"picture": str(picture)}))
        return
    for said in levels.lines(curve):
        print(words.plain(said))
    print(f"picture: {picture}")


@dataclass(frozen=True)
class Again:
    """The world a person wants to see again; see `quickstudy replay --help`."""

    learner: str
    seed: int
    job: str | None
    shift: str
    strength: float


def play_again(asked: Again, is_json: bool = False) -> None:
    """Plays it and says each decision, then the return.

    Raises:
      As `replay` and `open_learner`.
    """
    with open_learner(asked.learner) as learner:
        beat = None
        for beat in replay(learner, asked.seed, asked.job, asked.shift, asked.strength):
            if is_json:
                print(words.json_line("decision", fields(beat)))
            else:
                print(words.plain(line(beat)))
        if beat is not None and not is_json:
            print(f"return {words.figure(beat.earned)} in {beat.step:,} steps")


def _plain_name(job: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", job)


@contextmanager
def _bar(interrupt: Interrupt, is_json: bool) -> Iterator[Progress]:
    """Tells on standard error how far it is: a bar on a terminal, else a line a lot."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    is_seen = sys.stderr.isatty()
    with Bar(console=Console(stderr=True), transient=True, disable=not is_seen) as bar:
        task, last = bar.add_task("exam", total=None), ""

        def progress(lot: str, done: int, total: int) -> None:
            nonlocal last
            interrupt.raise_if_asked()
            bar.update(task, description=lot, completed=done, total=total)
            if not is_seen and not is_json and lot != last:
                print(f"{done:,} of {total:,} done; now {lot}", file=sys.stderr, flush=True)
            last = lot

        yield progress
