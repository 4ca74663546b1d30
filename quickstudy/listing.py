"""`quickstudy jobs`: the catalogue as a table, or as JSON lines.

Left out: the jobs that Gymnasium knows by itself; they work too, by their id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from quickstudy import words
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.registry import install_command, is_installed, registry

PROBE = "probe/"  # tests of learners, listed on request only
WIDE = 100  # columns from which the table holds everything; below, an entry takes some lines


def entries(probes: bool = False) -> tuple[Entry, ...]:
    """The jobs to list."""
    every = registry().entries()
    return tuple(e for e in every if probes or not e.name.startswith(PROBE))


def fields(entry: Entry) -> dict[str, Any]:
    """What is known of a job, for programs; returns in the job's units."""
    incumbent = entry.incumbent
    return {
        "job": entry.name,
        "title": entry.title,
        "installed": is_installed(entry),
        "install": install_command(entry),
        "gym_id": entry.gym_id,
        "step_seconds": entry.step_seconds,
        "random": entry.random_score,
        "incumbent_name": incumbent.name if incumbent else None,
        "incumbent": incumbent.score if incumbent else None,
        "incumbent_source": incumbent.source if incumbent else None,
        "bar": entry.bar,
        "budget_steps": entry.budget_steps,
        "note": entry.note,
    }


def show(listed: Iterable[Entry], console: Console) -> None:
    """Prints the jobs as a table, or where that is too wide, a few lines each."""
    if console.width >= WIDE:
        console.print(_table(listed))
    else:
        for line in _lines(listed):
            console.print(line)
    console.print("Any Gymnasium id is a job too: quickstudy work Acrobot-v1", style="dim")


def _table(listed: Iterable[Entry]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("job", style="cyan", no_wrap=True)
    table.add_column("what it is", ratio=1)
    for name in ("step", "random", "bar"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("incumbent")
    table.add_column("installed", max_width=38, overflow="fold")
    for entry in listed:
        state = "yes" if is_installed(entry) else install_command(entry)
        table.add_row(
            entry.name,
            entry.title,
            _step(entry),
            _score(entry.random_score),
            _score(entry.bar),
            _incumbent(entry),
            Text(state, "green" if state == "yes" else "dim"),
        )
    return table


def _lines(listed: Iterable[Entry]) -> Iterator[Text]:
    for entry in listed:
        text = Text(entry.name, "bold cyan")
        text.append(f"\n  {entry.title}", "")
        scores = f"random {_score(entry.random_score)}, bar {_score(entry.bar)}"
        step = _step(entry)
        timed = f"; a step is {step}" if step else ""
        text.append(f"\n  {scores}{timed}", "")
        if entry.incumbent:
            text.append(f"\n  incumbent: {_incumbent(entry)}", "")
        if not is_installed(entry):
            text.append(f"\n  {install_command(entry)}", "dim")
        yield text


def _step(entry: Entry) -> str:
    seconds = entry.step_seconds
    if seconds is None:
        return ""
    return f"{seconds:g} s" if seconds < 60 else words.hours(seconds / 3_600)


def _score(number: float | None) -> str:
    return "" if number is None else words.figure(number)


def _incumbent(entry: Entry) -> str:
    if entry.incumbent is None:
        return ""
    return f"{entry.incumbent.name}, {words.figure(entry.incumbent.score)}"
