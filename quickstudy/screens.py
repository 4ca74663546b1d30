"""What `quickstudy work` prints: sentences for people and logs, JSON lines for programs.

(The live view, for terminals, is in `view`.) A screen is shown every event of
`appraisal.work`, most of them thousands of times, so it looks at the clock first.

JSON lines: ``{"event": "start" | "check" | "competent" | "end" | "interrupted" | "error", …}``.
All fields repeat from run to run under one seed, but for those named in `OF_THE_CLOCK`.

Left out: a line for every episode, which is what the log is for (`quickstudy report`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from quickstudy import words
from quickstudy.appraisal import Checked, Event, Examining, Started, Verdict
from quickstudy.types import End, Moment

OF_THE_CLOCK = ("seconds", "cpu_seconds", "steps_per_second")
LINE_EVERY_SECONDS = 5.0
SMOOTHED_SECONDS = 10.0  # over which steps per second are averaged


@dataclass(frozen=True)
class Standstill:
    """A session that was stopped from outside.

    steps: on this job; saved: of them on disk. done: of the session's `of` steps.
    command: what goes on with it.
    """

    job: str
    steps: int
    saved: int
    done: int
    of: int
    command: str


class Screen(Protocol):
    """Shows a session. Used as a context manager around it."""

    hint: str
    """Written when a first Ctrl-C comes, where the screen itself shows nothing of it."""

    def say(self, sentence: str) -> None:
        """Shows a sentence about the way to work: who came, what is read."""
        ...

    def show(self, event: Event) -> None:
        """Shows an event of `appraisal.work`."""
        ...

    def stand_still(self, stop: Standstill) -> None:
        """Shows that the session was stopped."""
        ...

    def keep(self, folder: Path, call: str, curves: Path | None) -> None:
        """Shows where the learner lives, what to call it, and where its curves were drawn."""
        ...

    def __enter__(self) -> Any: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Pace:
    """Steps per second, smoothed, and the time that is left."""

    def __init__(self, step: int, until: int):
        self._until, self._step, self._at = until, step, time.monotonic()
        self.steps_per_second = 0.0

    def look(self, step: int) -> None:
        """Takes the step and the clock as they are now."""
        now = time.monotonic()
        seconds = max(now - self._at, 1e-6)
        rate = (step - self._step) / seconds
        weight = min(seconds / SMOOTHED_SECONDS, 1.0) if self.steps_per_second else 1.0
        self.steps_per_second += weight * (rate - self.steps_per_second)
        self._step, self._at = step, now

    def __str__(self) -> str:
        if self.steps_per_second <= 0:
            return "0 steps/s"
        left = max(self._until - self._step, 0) / self.steps_per_second
        return f"{self.steps_per_second:,.0f} steps/s, {words.duration(left)} left"


class Silent:
    """The parts of a screen that have nothing to enter or leave."""

    hint = ""

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to put back."""


class Sentences(Silent):
    """Plain ASCII lines: one a check, and one every few seconds."""

    hint = "Stopping after this step; once more to stop at once.\n"

    def __init__(self) -> None:
        self._session: Started | None = None
        self._pace = Pace(0, 0)
        self._next_line = 0.0
        self._last_return: float | None = None

    def say(self, sentence: str) -> None:
        print(words.plain(sentence), flush=True)

    def show(self, event: Event) -> None:
        if isinstance(event, Moment):
            self._moment(event)
        elif isinstance(event, Checked):
            self._checked(event)
        elif isinstance(event, Started):
            self._started(event)
        elif isinstance(event, Examining):
            self.say(f"Final exam on {event.worlds} fresh worlds ...")
        else:
            self._verdict(event)

    def stand_still(self, stop: Standstill) -> None:
        for sentence in standstill(stop):
            self.say(sentence)

    def keep(self, folder: Path, call: str, curves: Path | None) -> None:
        for label, text in kept(folder, call, curves):
            self.say(f"  {label:12} {text}")

    def _started(self, session: Started) -> None:
        self._session = session
        self._pace = Pace(session.start + session.done, session.until)
        self._next_line = time.monotonic() + LINE_EVERY_SECONDS
        title = f"{session.title}. {session.note}".rstrip()
        self.say(f"{session.job}: {title}")
        self.say(words.bar(session))
        self.say(words.task(session))

    def _moment(self, moment: Moment) -> None:
        if moment.end is not End.NOT:
            self._last_return = moment.episode_return
        if time.monotonic() < self._next_line:
            return
        value = moment.decision.value
        self._line(
            moment,
            f"last episode {words.figure(self._last_return)}, worth "
            f"{words.figure(value.worth)} +/- {words.figure(value.spread)}",
            moment.decision.leader,
        )

    def _checked(self, checked: Checked) -> None:
        held = f"check {words.figure(checked.standing.mean)}, {words.against(checked)}"
        self._line(checked.moment, held, checked.leader, f"; {checked.saved:,} steps saved")
        if checked.is_first and self._session:
            self.say(words.competent(checked, self._session))

    def _line(self, moment: Moment, what: str, leader: str, rest: str = "") -> None:
        self._pace.look(moment.step)
        self._next_line = time.monotonic() + LINE_EVERY_SECONDS
        assert self._session is not None
        session = self._session
        at = f"step {moment.step - session.start:,} of {session.steps:,}"
        self.say(f"{at}: {what}; {leader} leads; {self._pace}{rest}")

    def _verdict(self, verdict: Verdict) -> None:
        self.say(words.headline(verdict))
        for label, text in words.report(verdict):
            self.say(f"  {label:12} {text}")


class JsonLines(Silent):
    """One JSON object a line: at the start, at every check, at the end."""

    def __init__(self) -> None:
        self._session: Started | None = None

    def say(self, sentence: str) -> None:
        """Programs read fields; sentences are for people."""

    def show(self, event: Event) -> None:
        if isinstance(event, Started):
            self._session = event
            _write("start", start_fields(event))
        elif isinstance(event, Checked):
            assert self._session is not None
            fields = check_fields(event, self._session)
            _write("check", fields)
            if event.is_first:
                _write("competent", fields)
        elif isinstance(event, Verdict):
            _write("end", end_fields(event))

    def stand_still(self, stop: Standstill) -> None:
        _write("interrupted", stop.__dict__)

    def keep(self, folder: Path, call: str, curves: Path | None) -> None:
        """Where things lie differs from run to run; whoever gave the name knows it."""


def start_fields(session: Started) -> dict[str, Any]:
    """Fields of the line "start"; `bar`, `incumbent` and `random` as recorded."""
    return {
        "job": session.job,
        "learner": session.learner,
        "seed": session.seed,
        "steps": session.start + session.done,
        "until": session.until,
        "session_steps": session.steps,
        "session_done": session.done,
        "checks": session.checks,
        "incumbent_name": session.incumbent,
        "incumbent": session.incumbent_score,
        "bar": session.bar,
        "random": session.random_score,
        "step_seconds": session.step_seconds,
        "note": session.note,
    }


def check_fields(checked: Checked, session: Started) -> dict[str, Any]:
    """Fields of the lines "check" and "competent"."""
    value = checked.moment.decision.value
    return {
        "job": session.job,
        "learner": session.learner,
        "seed": session.seed,
        "steps": checked.moment.step,
        "job_hours": session.job_hours(checked.moment.step),
        **_standing_fields(checked),
        "worth": value.worth,
        "spread": value.spread,
        "support": value.support,
        "leader": checked.leader,
        "episodes": checked.episodes,
        "saved": checked.saved,
        "seconds": checked.seconds,
        "cpu_seconds": checked.cpu_seconds,
    }


def end_fields(verdict: Verdict) -> dict[str, Any]:
    """Fields of the line "end", the last one of a job."""
    session, at = verdict.session, verdict.competent_at
    return {
        "job": session.job,
        "learner": session.learner,
        "seed": session.seed,
        "steps": verdict.steps,
        "session_steps": session.steps,
        "job_hours": session.job_hours(verdict.steps),
        **_standing_fields(verdict),
        "difference": verdict.standing.difference,
        "interval": verdict.standing.interval,
        "random": session.random_score,
        "competent_at_steps": at,
        "competent_at_job_hours": None if at is None else session.job_hours(at),
        "leader": verdict.leader,
        "episodes": verdict.episodes,
        "saved": verdict.saved,
        "seconds": verdict.seconds,
        "cpu_seconds": verdict.cpu_seconds,
        "steps_per_second": verdict.steps_per_second,
    }


def standstill(stop: Standstill) -> tuple[str, ...]:
    """Sentences about a session that was stopped."""
    return (
        f"Stopped at step {stop.done:,} of {stop.of:,} on {stop.job}; all {stop.saved:,} "
        "steps so far are saved.",
        f"Go on with: {stop.command}",
    )


def kept(folder: Path, call: str, curves: Path | None) -> tuple[tuple[str, str], ...]:
    """Where the learner lives and where its curves are, line by line."""
    drawn = (("curves", str(curves)),) if curves else ()
    return (("learner", str(folder)), *drawn, ("see again", f"quickstudy report {call}"))


def _standing_fields(event: Checked | Verdict) -> dict[str, Any]:
    standing = event.standing
    return {
        "return": standing.mean,
        "returns": standing.returns,
        "incumbent": standing.incumbent,
        "incumbent_on_same_worlds": standing.is_paired,
        "bar": standing.bar,
        "competent": standing.is_competent,
    }


def _write(event: str, fields: dict[str, Any]) -> None:
    print(words.json_line(event, fields), flush=True)
