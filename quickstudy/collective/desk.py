"""Merging as a command: says what each parent would gain and lose, and what came of it.

Left out: a live view; merging takes seconds to minutes, and says what it is at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from quickstudy import words
from quickstudy.collective import merge as merging
from quickstudy.collective import replay as replaying
from quickstudy.collective.prospect import Prospect
from quickstudy.errors import QuickstudyError
from quickstudy.experience.union import Share
from quickstudy.interrupt import Stopped

PLAIN_WIDTH = 120  # columns, where there is no terminal
UNBOUND = 10_000  # columns: more than any table needs


@dataclass(frozen=True)
class Asked:
    """What a person asked for; see `quickstudy merge --help`."""

    learners: tuple[str, ...]
    into: str | None
    without: tuple[str, ...] = ()
    is_preview: bool = False
    force: bool = False
    retention: float = merging.LEAST_RETENTION


def merge(asked: Asked, is_json: bool = False) -> None:
    """Merges, or looks what merging would do, and says so.

    Raises:
      As `merge.merge`; Stopped where it was asked to.
    """

    def look(found: Sequence[Prospect]) -> None:
        _show(found, is_json)

    with _nothing_left():
        if asked.is_preview:
            found = merging.preview(asked.learners, without=asked.without, tell=words.tell)
            look(found)
            is_bold = asked.force or bool(asked.without)
            if not is_bold and (why := merging.refusal(found, asked.retention, "The new one")):
                words.tell(why)
            return
        if asked.into is None:
            raise QuickstudyError(
                "Nobody was named to merge into; give --into NAME, or --preview to look only."
            )
        made = merging.merge(
            asked.learners, asked.into, without=asked.without, force=asked.force,
            retention=asked.retention, tell=words.tell, look=look,
        )  # fmt: skip
    with made:
        shares = merging.provenance(made)
        if is_json:
            about = {"learner": made.name, "path": str(made.path), "jobs": made.jobs}
            print(words.json_line("merge", about | {"from": [s._asdict() for s in shares]}))
            return
        print(words.plain(f"{made.name} lives in {made.path}. What it knows happened to"))
        for share in shares:
            if share.steps:
                print(words.plain(f"  {_share(share)}"))


def replay(learner: str, is_json: bool = False, is_settled: bool = False) -> bool:
    """Rebuilds a learner's minds from its log, says how they compare; whether they are alike.

    is_settled: as if all outcomes had come at once.

    Raises:
      As `replay.replay`.
    """
    found = replaying.replay(learner, tell=words.tell, is_settled=is_settled)
    for one in found:
        if is_json:
            print(words.json_line("replay", asdict(one) | {"is_alike": one.is_alike}))
        else:
            print(words.plain(str(one)))
    return all(one.is_alike for one in found)


def table(found: Sequence[Prospect]) -> Table:
    """What each parent would gain and lose on each of its jobs."""
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    drawn.add_column("learner", style="cyan", no_wrap=True)
    drawn.add_column("job", no_wrap=True)
    for name in ("steps", "earns", "merged", "random"):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("gain", no_wrap=True)
    drawn.add_column("keeps", no_wrap=True)
    drawn.add_column("by")
    for one in found:
        earns = (one.earns, one.would_earn, one.random)
        returns = [""] * 3 if one.earns is None else [words.figure(number) for number in earns]
        cells = (
            one.parent,
            one.job,
            f"{one.steps:,}",
            *returns,
            _gain(one),
            _kept(one),
            _by(one),
        )
        drawn.add_row(*map(words.plain, cells))
    return drawn


def lines(one: Prospect) -> Iterator[tuple[str, str]]:
    """The same of one parent and job, line by line, for narrow terminals."""
    if one.earns is not None:
        earns, merged, random = map(words.figure, (one.earns, one.would_earn, one.random))
        yield "earns", f"{earns}; merged {merged}, random {random}"
    yield "gain", _gain(one)
    yield "keeps", _kept(one)
    yield "by", _by(one)


def fields(one: Prospect) -> dict[str, Any]:
    """The same for programs."""
    told = asdict(one)
    for name in ("difference", "retention"):
        estimate = getattr(one, name)
        told[name] = None if estimate is None else estimate._asdict()
    return told


def _show(found: Sequence[Prospect], is_json: bool) -> None:
    if is_json:
        for one in found:
            print(words.json_line("prospect", fields(one)))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    show(found, console)


def _share(share: Share) -> str:
    worked = ", ".join(f"{job} {steps:,} steps" for job, steps in share.steps.items())
    return f"{share.name}: {worked}"


def _gain(one: Prospect) -> str:
    if one.earns is None:
        return "none" if one.how == "unchanged" else "lost"
    value, low, high = map(words.signed, one.difference)
    return f"{value} ({low} to {high})"


def _kept(one: Prospect) -> str:
    if one.how == "unchanged":
        return "all"
    if one.how == "gone":
        return "nothing"
    if one.retention is None:
        return "not above random"
    value, low, high = (round(100 * part) for part in one.retention)
    return f"{value} % ({low} to {high})"


def _by(one: Prospect) -> str:
    if one.how == "unchanged":
        return "the same mind"
    if one.how == "gone":
        return "left out"
    if one.how == "worlds":
        return f"{one.cases} worlds"
    return f"own worth, {one.cases} episodes, {one.agreement:.0%} alike"


def show(found: Sequence[Prospect], console: Console) -> None:
    """Prints them as a table, or line by line where that does not fit."""
    drawn = table(found)
    unbound = console.options.update(max_width=UNBOUND)
    if console.measure(drawn, options=unbound).maximum <= console.width:
        console.print(drawn)
        return
    for one in found:
        console.print(words.plain(f"{one.parent} on {one.job}, {one.steps:,} steps"))
        for line in words.labelled(lines(one), console.width):
            console.print(line)


@contextmanager
def _nothing_left() -> Iterator[None]:
    try:
        yield
    except Stopped as stopped:
        words.tell("Stopped; nothing was made, and the learners are as they were.")
        stopped.is_told = True
        raise
