"""The live view of `quickstudy work`: a terminal that shows a learner becoming competent.

Drawn from the events of `appraisal.work` a few times a second; between two frames a step
costs one look at the clock.

Left out: keys (the view is watched, not operated), and several learners side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from quickstudy import words
from quickstudy.appraisal import Checked, Event, Examining, Started, Verdict
from quickstudy.screens import Pace, Standstill, kept, standstill
from quickstudy.types import End, Moment

FRAME_SECONDS = 0.25
CHART_ROWS, FEWEST_ROWS = 10, 3
WIDE = 60  # columns from which the legend stands below the chart's own columns
LABEL_WIDTH = 8
REPORT_LABELS = 11  # the widest of the final report's, so that its parts align
GOOD, RIVAL, FAINT, PLAIN = "green", "yellow", "bright_black", ""


@dataclass(frozen=True)
class Marks:
    """What the chart is drawn with."""

    episode: str = "•"
    check: str = "◆"
    line: str = "─"
    random: str = "┄"
    axis: str = "│"
    done: str = "━"
    to_do: str = "─"


ASCII_MARKS = Marks("*", "#", "-", ".", "|", "=", "-")


@dataclass
class Curve:
    """Points (step, return) as they come, thinned so that a frame stays cheap."""

    most: int = 512
    points: list[tuple[int, float]] = field(default_factory=list)

    def add(self, step: int, earned: float) -> None:
        """Adds a point; beyond `most`, neighbours are replaced by their mean."""
        self.points.append((step, earned))
        if len(self.points) > self.most:
            pairs = zip(self.points[::2], self.points[1::2], strict=False)
            self.points = [(b[0], (a[1] + b[1]) / 2) for a, b in pairs]


@dataclass
class Canvas:
    """Rows of marks with their styles; the first row is the top."""

    columns: int
    rows: int
    low: float
    high: float
    first: int
    last: int

    def __post_init__(self) -> None:
        self.cells = [[(" ", PLAIN)] * self.columns for _ in range(self.rows)]

    def row(self, number: float) -> int:
        """The row of a return."""
        share = (self.high - number) / (self.high - self.low)
        return min(max(round(share * (self.rows - 1)), 0), self.rows - 1)

    def level(self, number: float, mark: str, style: str) -> None:
        """A line across at a return."""
        self.cells[self.row(number)] = [(mark, style)] * self.columns

    def curve(self, points: Iterable[tuple[int, float]], mark: str, style: str) -> None:
        """Points; those that share a column are averaged."""
        shared: dict[int, list[float]] = {}
        for step, earned in points:
            share = (step - self.first) / max(self.last - self.first, 1)
            shared.setdefault(round(share * (self.columns - 1)), []).append(earned)
        for column, earned_here in shared.items():
            if 0 <= column < self.columns:
                row = self.row(sum(earned_here) / len(earned_here))
                self.cells[row][column] = (mark, style)


class View:
    """The live view; a screen (see `screens.Screen`)."""

    hint = ""

    def __init__(self, console: Console | None = None):
        self._console = console or Console(highlight=False)
        is_ascii = self._console.options.ascii_only
        self._marks = ASCII_MARKS if is_ascii else Marks()
        self._live: Live | None = None
        self._session: Started | None = None
        self._next_frame = 0.0
        self._forget()

    def _forget(self) -> None:
        """Another session begins."""
        self._episodes, self._checks = Curve(), Curve()
        self._moment: Moment | None = None
        self._checked: Checked | None = None
        self._competent: str = ""
        self._status = "warming up"

    # ---- a screen

    def __enter__(self) -> View:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def say(self, sentence: str) -> None:
        self._console.print(self._safe(sentence), style="bold", markup=False)

    def show(self, event: Event) -> None:
        if isinstance(event, Moment):
            self._step(event)
        elif isinstance(event, Checked):
            self._check(event)
        elif isinstance(event, Started):
            self._start(event)
        elif isinstance(event, Examining):
            self._status = f"final exam on {event.worlds} fresh worlds"
            self._draw()
        else:
            self._report(event)

    def stand_still(self, stop: Standstill) -> None:
        self._stop()
        first, second = standstill(stop)
        self._console.print(self._safe(first), style="bold", markup=False)
        self._console.print(self._safe(second), markup=False)

    def keep(self, folder: Path, call: str, curves: Path | None) -> None:
        self._console.print(_grid(kept(folder, call, curves), REPORT_LABELS))

    # ---- what happens

    def _start(self, session: Started) -> None:
        self._forget()
        self._session = session
        for step, mean in session.past:
            self._checks.add(step, mean)
        self._pace = Pace(session.start + session.done, session.until)
        self._console.print(self._safe(words.task(session)), markup=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._live.start()
        self._draw()

    def _step(self, moment: Moment) -> None:
        if moment.end is not End.NOT:
            self._episodes.add(moment.step, moment.episode_return)
        self._moment = moment
        if time.monotonic() >= self._next_frame:
            self._pace.look(moment.step)
            self._status = str(self._pace)
            self._draw()

    def _check(self, checked: Checked) -> None:
        self._checked, self._moment = checked, checked.moment
        self._checks.add(checked.moment.step, checked.standing.mean)
        if checked.is_first and self._session:
            self._competent = words.competent(checked, self._session)
        self._draw()

    def _report(self, verdict: Verdict) -> None:
        self._status = "done"
        self._draw()
        self._stop()
        colour = GOOD if verdict.standing.is_competent else RIVAL
        self._console.print()
        headline = self._safe(words.headline(verdict))
        self._console.print(headline, style=f"bold {colour}", markup=False)
        self._console.print(_grid(words.report(verdict), REPORT_LABELS))

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    # ---- drawing

    def _safe(self, text: str) -> str:
        return words.plain(text) if self._marks is ASCII_MARKS else text

    def _draw(self) -> None:
        if self._live is not None:
            self._live.update(self._frame(), refresh=True)
        self._next_frame = time.monotonic() + FRAME_SECONDS

    def _frame(self) -> Group:
        assert self._session is not None
        session = self._session
        above = Text.assemble(self._head(session), self._progress(session))
        legend, below = self._legend(session), list(self._below())
        taken = self._height(above) + self._height(legend) + len(below) + 2
        taken += sum(len(text) // max(self._console.width - 8, 1) for _, text in below)
        rows = min(max(self._console.height - taken, FEWEST_ROWS), CHART_ROWS)
        return Group(above, self._chart(session, rows), legend, _grid(below))

    def _height(self, text: Text) -> int:
        """Lines that a text takes when it is wrapped, about."""
        width = self._console.width
        return sum(max(-(-len(line) // width), 1) for line in text.plain.split("\n"))

    def _head(self, session: Started) -> Text:
        text = Text()
        text.append(session.job, "bold cyan")
        text.append(self._safe(f" · {session.title}\n"))
        if session.note:
            text.append(self._safe(session.note) + "\n", FAINT)
        text.append(self._safe(f"learner {session.learner} · seed {session.seed}\n"), FAINT)
        return text

    def _progress(self, session: Started) -> Text:
        step = self._moment.step if self._moment else session.start + session.done
        done = step - session.start
        width = max(self._console.width - 6, 10)
        full = width * done // session.steps
        text = Text(no_wrap=True, overflow="crop")
        text.append(self._marks.done * full, GOOD)
        text.append(self._marks.to_do * (width - full), FAINT)
        text.append(f" {100 * done // session.steps:3d} %\n")
        counted = Text(f"{done:,} of {session.steps:,} steps")
        own = session.job_hours(step)
        if own is not None:
            counted.append(self._safe(f" · {words.hours(own)} of the job's time"))
        counted.append(self._safe(f" · {self._status}\n"))
        return Text.assemble(text, counted)

    def _chart(self, session: Started, rows: int) -> Text:
        columns = max(self._console.width - LABEL_WIDTH - 3, 8)
        points = self._episodes.points + self._checks.points
        rival, random = self._rival(session), session.random_score
        seen = [e for _, e in points] + [x for x in (rival, random) if x is not None]
        low, high = (min(seen), max(seen)) if seen else (0.0, 1.0)
        if high - low < 1e-9:
            low, high = low - 0.5, high + 0.5
        canvas = Canvas(columns, rows, low, high, session.start, session.until)
        labels: dict[int, tuple[str, str]] = {}
        for number, mark, style in ((random, self._marks.random, FAINT),
                                    (rival, self._marks.line, RIVAL)):  # fmt: skip
            if number is not None:
                canvas.level(number, mark, style)
                labels[canvas.row(number)] = (words.figure(number), style)
        for row, number in ((0, high), (rows - 1, low)):
            labels.setdefault(row, (words.figure(number), FAINT))
        canvas.curve(self._episodes.points, self._marks.episode, "cyan")
        canvas.curve(self._checks.points, self._marks.check, f"bold {GOOD}")
        return self._rows(canvas, labels)

    def _rows(self, canvas: Canvas, labels: dict[int, tuple[str, str]]) -> Text:
        text = Text(no_wrap=True, overflow="crop")
        for number, cells in enumerate(canvas.cells):
            label, style = labels.get(number, ("", FAINT))
            text.append(f"{label:>{LABEL_WIDTH}} ", style)
            text.append(self._marks.axis, FAINT)
            for mark, style in _runs(cells):
                text.append(mark, style)
            text.append("\n")
        return text

    def _legend(self, session: Started) -> Text:
        marks = self._marks
        text = Text(" " * (LABEL_WIDTH + 2) if self._console.width >= WIDE else "")
        text.append(f"{marks.episode} episode", "cyan")
        text.append(f"  {marks.check} check", GOOD)
        if self._rival(session) is not None:
            name = "bar" if session.threshold is not None else "incumbent"
            text.append(f"  {marks.line} {name}", RIVAL)
        if session.random_score is not None:
            text.append(f"  {marks.random} random", FAINT)
        return text.append("\n")

    def _rival(self, session: Started) -> float | None:
        """The bar's height: on the check's own worlds, once known."""
        return self._checked.standing.bar if self._checked else session.bar

    def _below(self) -> Iterator[tuple[str, str]]:
        """What stands below the chart, line by line."""
        if self._checked:
            held = words.figure(self._checked.standing.mean)
            yield "check", self._safe(f"{held} · {words.against(self._checked)}")
        else:
            yield "check", "none yet"
        if self._moment:
            value = self._moment.decision.value
            worth, spread = words.figure(value.worth), words.figure(value.spread)
            yield "worth", self._safe(f"{worth} ± {spread} · support {value.support:.2f}")
            yield "leads", self._moment.decision.leader
        if self._competent:
            yield "", self._safe(self._competent)


def _grid(lines: Iterable[tuple[str, str]], label_width: int = 0) -> Table:
    """Labels on the left, text on the right, which may wrap."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style=FAINT, no_wrap=True, min_width=label_width)
    table.add_column(overflow="fold")
    for label, text in lines:
        table.add_row(label, Text(text, GOOD if not label else PLAIN))
    return table


def _runs(cells: list[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Neighbours of one style as one piece of text."""
    text, style = "", PLAIN
    for mark, own in cells:
        if own != style and text:
            yield text, style
            text = ""
        text, style = text + mark, own
    yield text, style
