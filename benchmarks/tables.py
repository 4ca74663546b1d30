"""Result tables in Markdown: how a number looks, how a table stands, what a header says.

Each results file has a part between `<!-- summary -->` and `<!-- /summary -->` that
`benchmarks.readme` copies into the README.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from benchmarks import runs
from benchmarks.runs import Line
from benchmarks.statistics import Interval

SUMMARY, END_SUMMARY = "<!-- summary -->", "<!-- /summary -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    for line in lines:
        if len(line) != len(head):
            raise ValueError(f"{len(line)} cells under {len(head)} heads: {line}")
    cells = (" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines)
    return "\n".join(f"| {line} |" for line in cells)


def number(value: float | None, digits: int = 3) -> str:
    """A number for people: thousands apart, no false precision; "—" where there is none."""
    if value is None or math.isnan(value):
        return "—"
    if math.isinf(value):
        return "never"
    if value == 0 or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}".replace("-", "−")
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{places}f}".replace("-", "−")


def percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.0%}"


def interval(value: float, ends: Interval, digits: int = 3) -> str:
    """ "82.1 [79.0, 85.3]"."""
    return f"{number(value, digits)} [{number(ends.low, digits)}, {number(ends.high, digits)}]"


def each(values: Iterable[float | None]) -> str:
    """One value a seed, "never" where there was none."""
    return " / ".join("never" if value is None else number(value) for value in values)


def seeds(lines: Sequence[Line]) -> str:
    """How many there are, in words."""
    number = len({line["seed"] for line in lines})
    return "one seed" if number == 1 else f"{number} seeds"


def summary(text: str) -> str:
    """Marks the part that goes into the README."""
    return f"{SUMMARY}\n{text}\n{END_SUMMARY}"


def beside(lines: Sequence[Line]) -> str:
    """A note on how many runs shared the machine."""
    most = max((line.get("workers", 1) for line in lines), default=1)
    if most == 1:
        return "One process per run, one run at a time."
    return (
        f"One process per run, **up to {most} runs side by side**: CPU and wall seconds depend "
        "on the neighbours, and say nothing finer than a third."
    )


def header(title: str, command: str, lines: Sequence[Line], notes: Iterable[str] = ()) -> str:
    """Title, command, dates, versions, seeds, machine of the runs behind a table."""
    dates = sorted({line["date"] for line in lines})
    found: dict[str, set[str]] = {}
    for line in lines:
        for name, version in line.get("versions", {}).items():
            found.setdefault(name, set()).add(version)
    plans = [line["plan"] for line in lines if "plan" in line]
    seeds = sorted({plan["seed"] for plan in plans if plan["algorithm"] != runs.INCUMBENT})
    sources = sorted({line["source"] for line in lines if "source" in line})
    said = [f"# {title}", "", f"Made by `{command}`; do not edit.", ""]
    said.append(f"- Dates: {' to '.join(dict.fromkeys([dates[0], dates[-1]]))}")
    said.append(f"- Machine: {runs.machine()}; one thread for BLAS and torch")
    loads = [line["load"] for line in lines if "load" in line]
    if loads:
        said.append(
            f"- Load average when the runs began: {min(loads):.1f} to {max(loads):.1f} "
            "(above the number of cores, wall seconds say little; CPU seconds suffer less)"
        )
    if seeds:
        said.append(f"- Seeds: {', '.join(map(str, seeds))}")
    every = (f"{name} {'/'.join(sorted(found[name]))}" for name in sorted(found))
    said.append(f"- Versions: {', '.join(every)}")
    if sources:
        said.append(
            f"- Source of our learner: {', '.join(sources)}"
            + (" (**mixed**: run again without --resume)" if len(sources) > 1 else "")
        )
    return "\n".join([*said, *(f"- {note}" for note in notes)])
