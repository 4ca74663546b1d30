"""A learner's curves, from its log alone; works beside the process that is at work.

    for told in report.of("ada"):
        report.draw(told)

Three panels: what it earned (with the incumbent's and random's lines), what it expected
against what came, and which speed of its mind led.

Left out: minds (nothing is loaded but the log), confidence bands around one learner's curve.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quickstudy import hopeless, ledger, rivals, words
from quickstudy.errors import DiskTrouble, QuickstudyError, did_you_mean
from quickstudy.experience import folder as folders
from quickstudy.experience import union
from quickstudy.experience.event import DROPPED, LOST, VETO, Event, Kind
from quickstudy.experience.folder import Folder
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.registry import registry
from quickstudy.jobs.specs import spec_from_json
from quickstudy.rivals import Rival
from quickstudy.types import Array, End, Spec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMPORTED = "imported"  # key of the notes that say where foreign experience came from
EXAM_FIRST = 1_000  # checks on worlds from here on are final exams
DOTS_PER_INCH = 150
BINS = 120  # of the second panel, at most
ROWS = 8  # of the table, at most
TEAL, ORANGE, GREY, BLUE, INK = "#00897b", "#ef6c00", "#90a4ae", "#3949ab", "#263238"
VIOLET = "#8e24aa"
LEADERS = ("instinct", "judgement", "both", "foresight")


@dataclass
class Episode:
    """An episode as the log has it; `start` is the steps before it.

    worth, spread: of each decision. rewards: that belong to each, late ones too.
    origin: uid of the learner to whom it happened.
    """

    start: int
    end: End = End.NOT
    worth: list[float] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    led: list[str] = field(default_factory=list)
    origin: str = ""

    @property
    def until(self) -> int:
        return self.start + len(self.rewards)

    @property
    def earned(self) -> float:
        return sum(self.rewards)


@dataclass(frozen=True)
class Exam:
    """A frozen exam: steps before it, and its mean return.

    worlds: how many. is_final: whether it was a final one. incumbent: the incumbent's mean
    return on the same worlds, where it played them. origin: uid of the learner who sat it.
    """

    step: int
    mean: float
    worlds: int
    is_final: bool
    incumbent: float | None = None
    origin: str = ""


@dataclass(frozen=True)
class Told:
    """What a learner's log tells of one job.

    path: the learner's folder. discount: by which worth was reckoned, where known.
    entry: of the catalogue; None where the job is not in it.
    watched: episodes that could be given up, and those that said when (see `hopeless`).
    expected: what it wrote down before its first decision there; None where nothing.
    uid: the learner's. spec: of the job; None where the log has none.
    rival: what a person said that the incumbent earns; None where nobody did.
    played: what the incumbent of the catalogue earned, on each held-out world.
    span: times of the first and the latest decision, its own if it took any [unix s].
    imports: where foreign experience of this job came from, oldest first.
    lived_by: steps by the name of the learner to whom they happened first.
    taught_by: jobs with whose lessons it began. dropped_at: steps after which it dropped them,
    for they did harm; None where it did not.
    """

    learner: str
    path: Path
    job: str
    step_seconds: float | None
    discount: float | None
    episodes: tuple[Episode, ...]
    exams: tuple[Exam, ...]
    entry: Entry | None
    watched: tuple[hopeless.Row, ...] = ()
    expected: ledger.Expectation | None = None
    uid: str = ""
    spec: Spec | None = None
    rival: Rival | None = None
    played: tuple[float, ...] = ()
    span: tuple[float, float] = (0.0, 0.0)
    imports: tuple[dict[str, Any], ...] = ()
    lived_by: dict[str, int] = field(default_factory=dict)
    taught_by: tuple[str, ...] = ()
    dropped_at: int | None = None

    @property
    def steps(self) -> int:
        return sum(len(episode.rewards) for episode in self.episodes)

    @property
    def ended(self) -> tuple[Episode, ...]:
        """Episodes that came to their own end."""
        ended = [e for e in self.episodes if e.end in (End.TERMINATED, End.TRUNCATED)]
        return tuple(sorted(ended, key=lambda e: e.until))  # of several at once, as they ended

    @property
    def checks(self) -> tuple[Exam, ...]:
        return tuple(exam for exam in self.exams if not exam.is_final)

    @property
    def competent_at(self) -> int | None:
        """Steps before the first check at or above the bar; None where none was."""
        for check in self.checks:
            bar = self.bar_at(check)
            if bar is not None and check.mean >= bar:
                return check.step
        return None

    def bar_at(self, check: Exam) -> float | None:
        """What a check is held against: a threshold, or the incumbent, there or as known."""
        if self.entry and self.entry.threshold is not None:
            return self.entry.threshold
        if self.rival:
            return self.rival.mean
        if check.incumbent is not None:
            return check.incumbent
        return self.entry.bar if self.entry else None

    @property
    def outcome(self) -> ledger.Outcome | None:
        """What it expected, against what happened."""
        if self.expected is None:
            return None
        return ledger.held(self.expected, self.steps, self.competent_at)


# ---- reading


def of(learner: str | Path, job: str | None = None) -> tuple[Told, ...]:
    """What a learner's log tells of a job, or of each of its jobs.

    Raises:
      DamagedLearner, DiskTrouble: as `Folder.open`.
      QuickstudyError: it never worked on that job, or on any.
    """
    with Folder.open(folders.resolve(learner), readonly=True) as folder:
        readers, names = _read(folder)
        name = folder.about.name
        told = {
            key: reader.told(name, folder.path, folder.about.uid, names)
            for key, reader in readers.items()
        }
    worked = {key: t for key, t in told.items() if t.steps}
    if job is not None:
        return (_only(worked, job, name),)
    if not worked:
        raise QuickstudyError(f"{name} has not worked on any job yet: nothing to report.")
    return tuple(worked.values())


class _Reader:
    """Takes in a job's events in order."""

    def __init__(self, job: str):
        self.job = job
        self.spec: Spec | None = None
        self.discount: float | None = None
        self.steps = 0
        self.episodes: list[Episode] = []
        self.exams: list[Exam] = []
        self.watched: list[hopeless.Row] = []
        self.expected: dict[str, ledger.Expectation] = {}  # by origin
        self.rival: Rival | None = None
        self.imports: list[dict[str, Any]] = []
        self._taught_by: dict[str, tuple[str, ...]] = {}  # by origin
        self._dropped: dict[str, int] = {}  # by origin
        self._open: dict[tuple[str, str], Episode] = {}  # by origin and stream
        self._span: dict[str, tuple[float, float]] = {}  # by origin
        self._where: dict[int, tuple[Episode, int]] = {}
        self._incumbent: dict[int, list[float]] = {}  # first world → its returns

    def take(self, event: Event) -> None:
        if event.stream == VETO and event.kind != Kind.NOTE:
            return  # imagined, not lived
        if event.kind == Kind.JOB:
            self.spec = spec_from_json(event.note or {})
        elif event.kind == Kind.EPISODE:
            self._begin(event)
        elif event.kind == Kind.DECISION:
            self._decision(event)
        elif event.kind == Kind.OUTCOME:
            self._outcome(event)
        elif event.kind == Kind.INHERITANCE:
            self._taught_by[event.origin] = tuple((event.note or {})["from"])
        elif event.note:
            self._note(event.note, event.origin)

    def _note(self, note: dict[str, Any], origin: str) -> None:
        if "check" in note:
            self._check(note["check"], origin)
        elif "watched" in note:
            self.watched.append(hopeless.Row(**note["watched"]))
        elif ledger.NOTE in note:
            self.expected.setdefault(origin, ledger.of_note(note))
        elif rivals.NOTE in note:
            self.rival = rivals.of_note(note)
        elif "incumbent" in note:
            played = note["incumbent"]
            self._incumbent[played["first"]] = played["returns"]
        elif IMPORTED in note:
            self.imports.append(note[IMPORTED])
        elif DROPPED in note:
            self._dropped[origin] = note[DROPPED]

    def told(self, learner: str, path: Path, uid: str, names: dict[str, str]) -> Told:
        entries = {entry.name: entry for entry in registry().entries()}
        return Told(
            learner,
            path,
            self.job,
            self.spec.step_seconds if self.spec else None,
            self.discount,
            tuple(episode for episode in self.episodes if episode.rewards),
            tuple(self._beside(exam) for exam in self.exams if exam.origin == uid),
            entries.get(self.job),
            tuple(self.watched),
            self.expected.get(uid),
            uid,
            self.spec,
            self.rival,
            tuple(earned for played in self._incumbent.values() for earned in played),
            self._span.get(uid) or self._span_of_all(),
            tuple(self.imports),
            self._lived_by(names),
            self._taught_by.get(uid, ()),
            self._dropped.get(uid),
        )

    def lost(self) -> None:
        """Events are missing here (the log was repaired): see `life.lost`."""
        self._open.clear()

    def _begin(self, event: Event) -> None:
        begun = Episode(self.steps, origin=event.origin)
        self._open[event.origin, event.stream] = begun
        self.episodes.append(begun)

    def _span_of_all(self) -> tuple[float, float]:
        first, last = zip(*self._span.values(), strict=True) if self._span else ((0,), (0,))
        return min(first), max(last)

    def _lived_by(self, names: dict[str, str]) -> dict[str, int]:
        by: Counter[str] = Counter()
        for episode in self.episodes:
            by[names.get(episode.origin, episode.origin)] += len(episode.rewards)
        return dict(by)

    def _decision(self, event: Event) -> None:
        if (event.origin, event.stream) not in self._open:  # its beginning was lost
            self._begin(event)
        episode = self._open[event.origin, event.stream]
        first, last = self._span.get(event.origin, (event.time, event.time))
        self._span[event.origin] = min(first, event.time), max(last, event.time)
        self.steps += 1
        self._where[event.n] = (episode, len(episode.rewards))
        episode.rewards.append(0.0)
        episode.worth.append(event.worth or 0.0)
        episode.spread.append(event.spread or 0.0)
        episode.led.append(event.leader or LEADERS[0])

    def _outcome(self, event: Event) -> None:
        found = self._where.get(event.decision or 0)
        if found is None:
            return
        episode, place = found
        episode.rewards[place] += event.reward or 0.0
        if event.end is not End.NOT:
            episode.end = event.end

    def _beside(self, exam: Exam) -> Exam:
        """The exam with what the incumbent earned on its worlds."""
        earned = self._incumbent.get(EXAM_FIRST if exam.is_final else 0, [])[: exam.worlds]
        if len(earned) < exam.worlds:
            return exam
        return replace(exam, incumbent=float(np.mean(earned)))

    def _check(self, note: dict[str, Any], origin: str) -> None:
        mean = float(np.mean(note["returns"]))
        is_final = note.get("first", 0) >= EXAM_FIRST
        worlds = len(note["returns"])
        self.exams.append(Exam(note["step"], mean, worlds, is_final, origin=origin))
        self.discount = note.get("discount", self.discount)


def _read(folder: Folder) -> tuple[dict[str, _Reader], dict[str, str]]:
    """What each job's events tell, and the names of those to whom they happened."""
    readers: dict[str, _Reader] = {}
    names: dict[str, str] = {}
    for event in folder.log.read():
        if (mark := union.mark_of(event)) is not None:
            names |= mark.names
        if event.note and LOST in event.note:
            for reader in readers.values():
                reader.lost()
            continue
        readers.setdefault(event.job, _Reader(event.job)).take(event)
    return readers, names | {folder.about.uid: folder.about.name}


def _only(told: dict[str, Told], job: str, learner: str) -> Told:
    short = job.rpartition(":")[2].casefold()
    for name, of_job in told.items():
        entry = of_job.entry
        if short in {name.casefold(), entry.gym_id.casefold() if entry else ""}:
            return of_job
    raise QuickstudyError(
        f"{learner} has not worked on job '{job}'.{did_you_mean(job, told)} "
        f"It worked on: {', '.join(told) or 'none'}."
    )


# ---- figures


def fields(told: Told) -> dict[str, Any]:
    """The report for programs; returns in the job's units."""
    entry, ended = told.entry, told.ended
    return {
        "learner": told.learner,
        "job": told.job,
        "steps": told.steps,
        "job_hours": _hours(told, told.steps),
        "episodes": len(ended),
        "episode_ends": [episode.until for episode in ended],
        "episode_returns": [episode.earned for episode in ended],
        "checks": [_exam_fields(exam) for exam in told.checks],
        "exams": [_exam_fields(exam) for exam in told.exams if exam.is_final],
        "bar": entry.bar if entry else None,
        "random": entry.random_score if entry else None,
        "given_up": asdict(hopeless.cost(told.watched)) if told.watched else None,
        "prediction": asdict(told.outcome) if told.outcome else None,
        "lived_by": told.lived_by,
        "taught_by": told.taught_by,
        "dropped_at": told.dropped_at,
    }


def _exam_fields(exam: Exam) -> dict[str, Any]:
    return {"steps": exam.step, "return": exam.mean, "incumbent": exam.incumbent}


def lines(told: Told) -> Iterator[str]:
    """A short table: how it went, in up to eight stretches of equal length."""
    own = _hours(told, told.steps)
    worked = f"{told.steps:,} steps" + ("" if own is None else f", {words.hours(own)}")
    yield f"{told.learner} on {told.job}: {worked}, {len(told.ended):,} episodes ended"
    if told.entry and told.entry.bar is not None:
        yield f"bar {words.figure(told.entry.bar)}, random {_or_none(told.entry.random_score)}"
    if set(told.lived_by) - {told.learner}:
        by = ", ".join(f"{name} {steps:,}" for name, steps in told.lived_by.items())
        yield f"steps that happened first to: {by}"
    if told.taught_by:
        yield f"began with {lessons(told.taught_by, told.dropped_at)}"
    yield f"{'steps':>16} {'episodes':>8} {'return':>9} {'check':>9}  leads"
    edges = np.linspace(0, told.steps, min(ROWS, told.steps) + 1).round().astype(int)
    for first, last in itertools.pairwise(edges):
        yield _line(told, int(first), int(last))
    if told.watched:
        yield _given_up(hopeless.cost(told.watched))
    if told.outcome:
        yield str(told.outcome)


def lessons(taught_by: Sequence[str], dropped_at: int | None) -> str:
    """What it knew of other jobs when it began, and what became of that."""
    taught = f"what {', '.join(taught_by)} taught"
    if dropped_at is None:
        return taught
    return f"{taught}, and dropped it after {dropped_at:,} steps, for it did harm"


def tally(told: Sequence[Told]) -> str:
    """How many of its predictions came true, over jobs; "" where it made none."""
    return ledger.tally([one.outcome for one in told if one.outcome])


def _line(told: Told, first: int, last: int) -> str:
    returns = [e.earned for e in told.ended if first < e.until <= last]
    checks = [c.mean for c in told.checks if first < c.step <= last]
    led = [who for e in told.episodes for who in _within(e, first, last)]
    leader = max(set(led), key=led.count) if led else ""
    median = words.figure(float(np.median(returns))) if returns else "-"
    checked = words.figure(checks[-1]) if checks else "-"
    return f"{f'{first:,}-{last:,}':>16} {len(returns):>8} {median:>9} {checked:>9}  {leader}"


def _given_up(cost: hopeless.Cost) -> str:
    if not cost.watched:
        return "given up as hopeless: none; too few successes so far to say what is"
    return (
        f"given up as hopeless: {cost.stopped:,} of {cost.watched:,} episodes that could be; "
        f"of {cost.successes:,} successes among those let run, {cost.lost:,} would have been"
    )


def _within(episode: Episode, first: int, last: int) -> list[str]:
    return episode.led[max(first - episode.start, 0) : max(last - episode.start, 0)]


def _hours(told: Told, steps: int) -> float | None:
    return None if told.step_seconds is None else steps * told.step_seconds / 3_600


def _or_none(number: float | None) -> str:
    return "unknown" if number is None else words.figure(number)


def came(episode: Episode, discount: float) -> Array:
    """What came after each decision of an episode, discounted [T].

        Gₜ = rₜ + γ Gₜ₊₁,   beyond the end: 0 where terminated, else the last worth

    Where an episode was truncated or cut, nobody knows what would have come.
    """
    beyond = 0.0 if episode.end == End.TERMINATED else episode.worth[-1]
    returns = np.empty(len(episode.rewards))
    for t in range(len(returns) - 1, -1, -1):
        returns[t] = beyond = episode.rewards[t] + discount * beyond
    return returns


# ---- drawing


def default_path(told: Told) -> Path:
    """Where the curves go unless somebody says otherwise: the learner's folder."""
    return told.path / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', told.job)}.png"


def draw(told: Told, out: Path | None = None) -> Path:
    """Draws the curves as a PNG of 150 dots an inch; gives where.

    Raises:
      DiskTrouble: it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = default_path(told) if out is None else out
    figure = Figure(figsize=(9, 7.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    earned, expected, led = figure.subplots(3, 1, sharex=True, height_ratios=(5, 3, 0.7))
    for axes in (earned, expected, led):
        _plain_axes(axes)
    _draw_earned(earned, told)
    _draw_expected(expected, told)
    _draw_led(led, told)
    _title(earned, told)
    _axis_of_hours(earned, told)
    try:
        figure.savefig(path, dpi=DOTS_PER_INCH, format="png")
    except OSError as error:
        raise DiskTrouble(
            f"{path} cannot be written ({error.strerror or error}); give another --out."
        ) from error
    return path


def _plain_axes(axes: Axes) -> None:
    axes.grid(True, color="#eceff1", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#cfd8dc")


def _title(axes: Axes, told: Told) -> None:
    entry = told.entry
    subtitle = f"{entry.title}. {entry.note}".strip() if entry else ""
    axes.figure.suptitle(  # type: ignore[union-attr]
        f"{told.learner} learns the job of {told.job}"
        if entry
        else f"{told.learner}: {told.job}",
        x=0.02,
        ha="left",
        fontsize=14,
        fontweight="bold",
        color=INK,
    )
    axes.set_title(_shortened(subtitle, 110), loc="left", fontsize=9, color="#607d8b")


def _draw_earned(axes: Axes, told: Told) -> None:
    ended = told.ended
    x, y = [e.until for e in ended], [e.earned for e in ended]
    axes.plot(x, y, ".", color=GREY, markersize=7, alpha=0.8, label="episode, exploring")
    if len(y) >= 3:
        axes.plot(x, _running_median(y), color=INK, linewidth=1.6, label="running median")
    axes.plot(
        [c.step for c in told.checks], [c.mean for c in told.checks], "o-", color=TEAL,
        markersize=5, linewidth=1.6, label="frozen check, unseen worlds",
    )  # fmt: skip
    finals = [exam for exam in told.exams if exam.is_final]
    if finals:
        axes.plot(
            [e.step for e in finals], [e.mean for e in finals], "*", color=TEAL,
            markersize=15, markeredgecolor="white", label="final exam, other worlds",
            clip_on=False, zorder=4,
        )  # fmt: skip
    _draw_rivals(axes, told)
    axes.set_ylabel("return per episode", color=INK)
    _legend(axes)


def _draw_rivals(axes: Axes, told: Told) -> None:
    """The incumbent's line (where the checks' worlds put it, if it played them), and others."""
    entry = told.entry
    if entry is None:
        return
    if entry.incumbent is not None:
        beside = [c.incumbent for c in told.checks if c.incumbent is not None]
        height = beside[-1] if beside else entry.incumbent.score
        where = "on the checks' worlds" if beside else "on record"
        label = f"incumbent ({entry.incumbent.name}): {words.figure(height)} {where}"
        axes.axhline(height, color=ORANGE, linewidth=1.6, label=label)
        _draw_beside(axes, told)
    if entry.threshold is not None:
        label = f"bar: {words.figure(entry.threshold)}"
        axes.axhline(entry.threshold, color=ORANGE, linewidth=1.4, linestyle="--", label=label)
    if entry.random_score is not None:
        label = f"random actions: {words.figure(entry.random_score)}"
        axes.axhline(entry.random_score, color=GREY, linewidth=1.2, linestyle=":", label=label)


def _draw_beside(axes: Axes, told: Told) -> None:
    """The incumbent at the final exams."""
    played = [(e.step, e.incumbent) for e in told.exams if e.is_final and e.incumbent]
    if played:
        axes.plot(
            *zip(*played, strict=True), "*", color=ORANGE, markersize=11,
            markeredgecolor="white", label="incumbent at the final exam", clip_on=False,
        )  # fmt: skip


def _legend(axes: Axes) -> None:
    """Where it hides least."""
    axes.legend(fontsize=8, loc="lower right", framealpha=0.9, edgecolor="none")


def _draw_expected(axes: Axes, told: Told) -> None:
    worth = np.array([w for e in told.episodes for w in e.worth])
    spread = np.array([s for e in told.episodes for s in e.spread])
    steps = np.arange(1, len(worth) + 1)
    x, mean, apart = (_binned(column) for column in (steps, worth, spread))
    axes.fill_between(x, mean - apart, mean + apart, color=BLUE, alpha=0.15, linewidth=0)
    axes.plot(x, mean, color=BLUE, linewidth=1.6, label="worth ± spread, when it decided")
    if told.discount is not None:
        gamma = told.discount
        came_after = np.concatenate([came(e, gamma) for e in told.episodes])
        label = f"what came (γ = {gamma:.3g})"
        axes.plot(x, _binned(came_after), color=INK, linewidth=1.2, label=label)
    axes.set_ylabel("worth", color=INK)
    _legend(axes)


def _draw_led(axes: Axes, told: Told) -> None:
    led = [who for e in told.episodes for who in e.led]
    colours = dict(zip(LEADERS, (ORANGE, BLUE, VIOLET, TEAL), strict=True))
    first = 0
    for step in range(1, len(led) + 1):
        if step == len(led) or led[step] != led[first]:
            colour = colours.get(led[first], GREY)
            axes.axvspan(first, step, color=colour, alpha=0.75, linewidth=0)
            first = step
    for who in LEADERS:
        axes.plot([], [], "s", color=colours[who], alpha=0.75, label=f"{who} leads")
    axes.set_yticks([])
    axes.grid(False)
    axes.set_ylim(0, 1)
    axes.set_xlim(0, max(len(led), 1))
    axes.set_xlabel("steps", color=INK, loc="left")  # beside the legend
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.legend(
        fontsize=8, frameon=False, ncols=4, loc="upper right", bbox_to_anchor=(1, -0.35)
    )


def _axis_of_hours(axes: Axes, told: Told) -> None:
    """The job's own time along the top, where a step stands for some."""
    seconds = told.step_seconds
    if seconds is None:
        return
    is_days = told.steps * seconds > 30 * 86_400
    a_step = seconds / (86_400 if is_days else 3_600)
    scale = functools.partial(np.multiply, a_step), functools.partial(np.multiply, 1 / a_step)
    top = axes.secondary_xaxis("top", functions=scale)
    top.set_xlabel(f"{'days' if is_days else 'hours'} of the job's own time", color=INK)
    top.tick_params(colors=INK, labelsize=9, length=0)
    top.spines["top"].set_visible(False)


def _running_median(values: Sequence[float]) -> list[float]:
    """Of as many neighbours as a twelfth of the episodes, three at least."""
    half = max(len(values) // 24, 1)
    return [
        float(np.median(values[max(i - half, 0) : i + half + 1])) for i in range(len(values))
    ]


def _binned(values: Array) -> Array:
    """Means of neighbours, so that at most `BINS` numbers are left."""
    parts = np.array_split(np.asarray(values, float), min(BINS, max(len(values), 1)))
    return np.array([part.mean() for part in parts])


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
