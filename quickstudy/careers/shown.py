"""A career as people read it, in a wide terminal, a narrow one or none; and for programs.

Left out: pictures (`quickstudy report` draws each job's curves).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from quickstudy import report, words
from quickstudy.careers.balance import Balance
from quickstudy.careers.career import Career, Family, Held, Mark, Source
from quickstudy.careers.law import NOMINAL, SURE, Range

WIDE = 120  # columns from which a table holds everything; below, a job takes some lines


# ---- for programs


def fields(held: Held) -> dict[str, Any]:
    """A job of a career; returns in the job's units."""
    return {
        "job": held.job,
        "family": held.family,
        "steps": held.steps,
        "own_steps": held.own,
        "steps_of_others": held.others,
        "job_hours": held.job_hours,
        "span_seconds": held.span,
        "judged_by": held.judged_by,
        "first": _mark_fields(held.first),
        "competent": _mark_fields(held.competent),
        "best": _mark_fields(held.best),
        "now": _mark_fields(held.now),
        "bar": held.bar,
        "incumbent_name": held.incumbent.name if held.incumbent else None,
        "incumbent": held.incumbent.mean if held.incumbent else None,
        "incumbent_interval": held.incumbent.interval if held.incumbent else None,
        "balance": asdict(held.balance) if held.balance else None,
        "sources": [asdict(source) for source in held.sources],
        "taught_by": held.taught_by,
        "dropped_at": held.dropped_at,
    }


def family_fields(family: Family) -> dict[str, Any]:
    """A law of learning to learn; `factor` is for each doubling of 1 + past jobs."""
    law = family.law
    return {
        "family": family.name,
        "jobs": family.jobs,
        "measured": len(law.took),
        "censored": law.censored,
        "factor": law.factor._asdict() if law.is_curve else None,
        "helps": law.helps,
        "next_steps": law.next._asdict(),
    }


def _mark_fields(mark: Mark | None) -> dict[str, Any] | None:
    if mark is None:
        return None
    return {"steps": mark.step, "return": mark.mean, "bar": mark.bar}


# ---- for people


def show(career: Career, console: Console) -> None:
    """Prints a career, as wide as the console is."""
    steps, jobs = sum(held.steps for held in career.jobs), len(career.jobs)
    console.print(f"{career.learner}: {_count(jobs, 'job')} held, {_count(steps, 'step')}")
    if console.width >= WIDE:
        console.print(_table(career))
    else:
        for held in career.jobs:
            console.print(held.job, style="bold cyan")
            for line in words.labelled(lines(held), console.width):
                console.print(line)
    for held in career.jobs if console.width >= WIDE else ():
        for label, text in _past(held):
            console.print(words.plain(f"{held.job}: {label} {text}"))
    for family in career.families:
        console.print(words.plain(law_line(family)))


def lines(held: Held) -> Iterator[tuple[str, str]]:
    """A job line by line: what it is about, and what it says."""
    yield "practice", _practice(held)
    yield "competent", _competent(held)
    if held.marks:
        yield "then, now", _then_and_now(held)
    yield "net-positive", net(held)
    yield from _past(held)


def _past(held: Held) -> Iterator[tuple[str, str]]:
    """What others, and other jobs, gave it."""
    if held.taught_by:
        yield "began with", report.lessons(held.taught_by, held.dropped_at)
    for source in held.sources:
        yield "learned by", _source(source)


def law_line(family: Family) -> str:
    """What a family tells of learning to learn, and what its next job will take."""
    law, names = family.law, ", ".join(family.jobs)
    unfinished = f", {law.censored} not competent yet" if law.censored else ""
    said = f"jobs like {names} ({len(law.took)} measured{unfinished}): "
    if law.is_curve:
        verdict = "whether earlier ones help cannot be told yet"
        if law.helps is not None:
            verdict = "it has learned to learn" if law.helps else "earlier ones hinder"
        factor = _range(law.factor, words.figure)
        said += (
            f"{verdict}; each doubling takes x {factor} of the steps ({SURE:.0%} interval); "
        )
    return (
        f"{said}the next one: about {_range(law.next, _round)} steps ({NOMINAL:.0%} interval)"
    )


def net(held: Held) -> str:
    """Since when it produced more than learning cost, or why that is not so or not known."""
    if held.incumbent is None:
        return "not known: no incumbent"
    balance = held.balance
    if balance is None:
        return "not known: no episode of its own has ended"
    total = words.signed(balance.total)
    if balance.interval is not None:
        low, high = map(words.signed, balance.interval)
        total += f" [{low}, {high}]"
    total += f" over {_count(balance.episodes, 'episode')}"
    if balance.since is None:
        return f"not yet: {total}"
    is_open = balance.interval is not None and not balance.is_sure
    doubt = ", but not for sure" if is_open else ""
    return f"since {_count(balance.since, 'step')}{_between(balance)}{doubt}: {total}"


def _between(balance: Balance) -> str:
    low, high = balance.since_low, balance.since_high
    if low is None or low == high:
        return ""
    return f" [{low:,}, {'not yet' if high is None else f'{high:,}'}]"


def _practice(held: Held) -> str:
    others = "".join(f", {steps:,} of {name}'s" for name, steps in held.others.items())
    own = f" ({held.own:,} of its own{others})" if held.own < held.steps else ""
    hours = held.job_hours
    timed = "" if hours is None else f", {words.hours(hours)} of the job's own time"
    return f"{_count(held.steps, 'step')}{own}{timed}, over {words.duration(held.span)}"


def _competent(held: Held) -> str:
    if held.bar is None:
        return "not known: no bar"
    mark = held.competent
    if mark is not None:
        by = "" if held.judged_by == "checks" else " (ten episodes, exploring)"
        return (
            f"after {_count(mark.step, 'step')}: {words.figure(mark.mean)} against "
            f"{words.figure(mark.bar)}{by}"
        )
    if not held.marks:
        return f"not known: it was never checked; the bar is {words.figure(held.bar)}"
    return f"not yet: the bar is {words.figure(held.bar)}"


def _then_and_now(held: Held) -> str:
    first, best, now = held.first, held.best, held.now
    assert first is not None and best is not None and now is not None
    if first is now:
        return f"{words.figure(now.mean)} at {now.step:,}"
    return (
        f"{words.figure(first.mean)} at {first.step:,}, {words.figure(now.mean)} at "
        f"{now.step:,}; best {words.figure(best.mean)}"
    )


def _source(source: Source) -> str:
    day = time.strftime("%Y-%m-%d", time.gmtime(source.when))
    licence = f"licence: {source.licence}" if source.licence else "no licence note"
    return (
        f"{source.learner} ({source.uid[:8]}), {source.steps:,} steps, since {day}; {licence}"
    )


def _table(career: Career) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("job", style="cyan", no_wrap=True)
    table.add_column("practice", ratio=2)
    table.add_column("competent", ratio=2)
    table.add_column("then, now", ratio=2)
    table.add_column("net-positive", ratio=2)
    for held in career.jobs:
        then_and_now = _then_and_now(held) if held.marks else ""
        cells = held.job, _practice(held), _competent(held), then_and_now, net(held)
        table.add_row(*map(words.plain, cells))
    return table


def _range(found: Range, figure: Any) -> str:
    return f"{figure(found.guess)} [{figure(found.low)}, {figure(found.high)}]"


def _round(steps: float) -> str:
    """To two figures: more would pretend."""
    return f"{float(f'{steps:.1e}'):,.0f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
