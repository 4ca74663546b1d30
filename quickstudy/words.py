"""How figures and sentences read: shared by every screen.

Left out: other languages.
"""

from __future__ import annotations

import json
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quickstudy.appraisal import Checked, Started, Verdict

LABEL_WIDTH = 12  # columns
QUIET_SECONDS = 2.0  # before progress is told
_PLAIN = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "±": "+/-", "·": "-", "…": "...", "’": "'", "µ": "u"}
)


def plain(text: str) -> str:
    """The text in ASCII, for terminals and logs that know no more."""
    return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")


def json_line(event: str, fields: dict[str, Any]) -> str:
    """One line for programs."""
    return json.dumps({"event": event, **fields}, allow_nan=False)


def labelled(lines: Iterable[tuple[str, str]], width: int) -> Iterator[str]:
    """Labels on the left, texts beside them, which wrap within so many columns."""
    for label, text in lines:
        first = f"  {label:{LABEL_WIDTH}} "
        yield from textwrap.wrap(
            plain(text), width, initial_indent=first, subsequent_indent=" " * len(first),
            break_on_hyphens=False,
        )  # fmt: skip


def tell(sentence: str) -> None:
    """What is being done, or what happened, on standard error."""
    print(f"quickstudy: {plain(sentence)}", file=sys.stderr, flush=True)


def telling() -> Callable[[int, int], None]:
    """What tells on standard error how far it is, a line every two seconds."""
    told = time.monotonic()

    def progress(done: int, due: int) -> None:
        nonlocal told
        if time.monotonic() - told > QUIET_SECONDS:
            told = time.monotonic()
            print(f"{done:,} of {due:,} events", file=sys.stderr, flush=True)

    return progress


def figure(number: float | None) -> str:
    """A return as people write it: four figures or so."""
    if number is None:
        return "none"
    if abs(number) >= 1_000:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.3g}"


def signed(number: float) -> str:
    """`figure`, with its sign."""
    return figure(number) if number < 0 else f"+{figure(number)}"


def duration(seconds: float) -> str:
    """A stretch of the clock: ``41 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3_600:,} h {whole % 3_600 // 60} min"


def hours(job_hours: float) -> str:
    """A job's own time: ``5.4 s``, ``45 min``, ``33 h``, ``41 days``."""
    if job_hours < 1 / 60:
        return f"{job_hours * 3_600:.2g} s"
    if job_hours < 1:
        return f"{job_hours * 60:.2g} min"
    if job_hours < 10:
        return f"{job_hours:.1f} h"
    return f"{job_hours:,.0f} h" if job_hours < 1_000 else f"{job_hours / 24:,.0f} days"


def after(session: Started, steps: int) -> str:
    """``1,600 steps, 13 h of the job's own time``."""
    own = session.job_hours(steps)
    counted = f"{steps:,} step{'' if steps == 1 else 's'}"
    return counted if own is None else f"{counted}, {hours(own)} of the job's own time"


def bar(session: Started) -> str:
    """What the learner is held against, as recorded."""
    if session.incumbent is None:
        who = "Nobody does this job today"
    else:
        who = f"The incumbent ({session.incumbent}) earns {figure(session.incumbent_score)}"
    if session.threshold is not None:
        who += f"; the bar is {figure(session.threshold)}"
    elif session.incumbent is None:
        who += ", and there is no bar"
    if session.random_score is not None:
        who += f"; random actions earn {figure(session.random_score)}"
    return f"{who}."


def task(session: Started) -> str:
    """How much is to be done, or left to do."""
    if session.done < session.steps and session.done:
        return f"Resuming at step {session.done:,} of {session.steps:,}."
    if session.done:
        return "All steps are worked; the final exam is left."
    more = " more" if session.start else ""
    return f"Working {session.steps:,}{more} steps" + _own_time(session) + "."


def against(checked: Checked) -> str:
    """``incumbent 141.2 on the same worlds``, or what else the bar is."""
    standing = checked.standing
    if standing.threshold is not None:
        return f"bar {figure(standing.threshold)}"
    if standing.incumbent is None:
        return "no bar"
    where = "on the same worlds" if standing.is_paired else "as recorded"
    return f"incumbent {figure(standing.incumbent)} {where}"


def competent(checked: Checked, session: Started) -> str:
    """The sentence for the first check at or above the bar."""
    return (
        f"Competent: the check's {figure(checked.standing.mean)} is at or above the bar's "
        f"{figure(checked.standing.bar)}, after {after(session, checked.moment.step)}."
    )


def headline(verdict: Verdict) -> str:
    """Competent or not, in one line."""
    standing, session = verdict.standing, verdict.session
    whom = "the bar" if standing.threshold is not None else f"the {session.incumbent}"
    if standing.is_competent is None:
        return f"{session.job}: worked; nobody does this job today, so there is no bar."
    if standing.is_competent:
        is_above = standing.interval is not None and standing.interval[0] > 0
        return f"{session.job}: competent, {'above' if is_above else 'level with'} {whom}."
    return f"{session.job}: not competent yet, below {whom}."


def report(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """The final report, line by line: what it is about, and what it says."""
    standing, session = verdict.standing, verdict.session
    worlds = f"{len(standing.returns)} fresh worlds"
    yield "return", f"{figure(standing.mean)} on {worlds}"
    if standing.incumbent is not None:
        where = "the same worlds" if standing.is_paired else "record, it cannot run here"
        yield "incumbent", f"{figure(standing.incumbent)} on {where} ({session.incumbent})"
    if standing.threshold is not None:
        yield "bar", figure(standing.threshold)
    if standing.difference is not None and standing.interval is not None:
        low, high = map(signed, standing.interval)
        yield "difference", f"{signed(standing.difference)} (95 % interval {low} to {high})"
    if session.random_score is not None:
        yield "random", figure(session.random_score)
    if verdict.competent_at is not None:
        yield "first there", f"at the check after {after(session, verdict.competent_at)}"
    elif standing.bar is not None:
        yield "first there", "at no check on the way"
    yield "worked", f"{after(session, verdict.steps)}, {verdict.episodes:,} episodes"
    yield "leads", verdict.leader
    yield "took", f"{duration(verdict.seconds)}, {duration(verdict.cpu_seconds)} of CPU"


def _own_time(session: Started) -> str:
    own = session.job_hours(session.steps)
    return "" if own is None else f" ({hours(own)} of the job's own time)"
