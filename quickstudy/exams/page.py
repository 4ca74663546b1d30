"""An exam as a picture, and as one page that needs nothing but itself.

Left out: anything that moves.
"""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quickstudy import words
from quickstudy.errors import DiskTrouble
from quickstudy.exams import told
from quickstudy.exams.score import RANDOM, SEEN, TWIN, Lot, Result
from quickstudy.exams.statistics import Estimate, estimate, iqm
from quickstudy.report import BLUE, DOTS_PER_INCH, GREY, INK, ORANGE, TEAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {SEEN: ORANGE, TWIN: TEAL, RANDOM: GREY}

NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; color: #263238; background: #fff; }}
h1 {{ font-size: 1.4rem; margin-bottom: 0; }} p.about {{ color: #607d8b; margin-top: .2rem; }}
p.found {{ font-size: 1.15rem; }} svg {{ max-width: 100%; height: auto; }}
code {{ font-size: .85em; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ text-align: left; padding: .25rem .9rem .25rem 0; vertical-align: top;
         border-bottom: 1px solid #eceff1; }} th {{ font-weight: 600; }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #eceff1; background: #1b2327; }} th, td {{ border-color: #37474f; }}
  svg {{ background: #fff; border-radius: .5rem; }} p.about {{ color: #90a4ae; }} }}
</style></head><body>
<h1>{title}</h1>
<p class="about">{about}</p>
<p class="found">{found}</p>
{picture}
<h2>Figures</h2>
<table>{figures}</table>
<h2>Where it does worst</h2>
<p>Each world comes back from its seed: the same start, the same dice.</p>
<table><tr><th>return</th><th>steps</th><th>world</th><th>seed</th><th>again</th></tr>{worst}
</table>
</body></html>
"""


def draw(result: Result, path: Path) -> Path:
    """Draws the exam as a PNG of 150 dots an inch; gives where.

    Raises:
      DiskTrouble: it cannot be written.
    """
    drawn = _figure(result)
    drawn.suptitle(
        f"Exam of {result.learner} on {result.job}",
        x=0.02, ha="left", fontsize=14, fontweight="bold", color=INK,
    )  # fmt: skip
    drawn.axes[0].set_title(about(result), loc="left", fontsize=9, color="#607d8b", pad=14)
    return save(drawn, path)


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure as a PNG of 150 dots an inch; gives where.

    Raises:
      DiskTrouble: it cannot be written.
    """
    image = io.BytesIO()
    figure.savefig(image, dpi=DOTS_PER_INCH, format="png")
    return _write(path, image.getvalue())


def write(result: Result, path: Path) -> Path:
    """Writes the page; gives where.

    Raises:
      DiskTrouble: it cannot be written.
    """
    picture = io.StringIO()
    _figure(result).savefig(picture, format="svg", metadata=NO_METADATA)
    svg = picture.getvalue()
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(said)}</td></tr>"
        for name, said in told.lines(result)
        if name != "worst"
    )
    page = PAGE.format(
        title=html.escape(f"Exam of {result.learner} on {result.job}"),
        about=html.escape(about(result)),
        found=html.escape(told.headline(result)),
        picture=svg[svg.index("<svg") :],
        figures=rows,
        worst="".join(_worst(result)),
    )
    return _write(path, page.encode())


def keep(text: str, path: Path) -> Path:
    """Writes a text; gives where.

    Raises:
      DiskTrouble: it cannot be written.
    """
    return _write(path, text.encode())


def about(result: Result) -> str:
    """When, and on which worlds."""
    return (
        f"Frozen after {result.steps:,} steps of work; edition {result.edition} "
        f"({result.fingerprint})."
    )


def _worst(result: Result) -> list[str]:
    return [
        f"<tr><td>{words.figure(sat.earned)}</td><td>{sat.steps:,}</td>"
        f"<td>{html.escape(lot.name)}{f' {lot.strength:g}' if lot.strength else ''}</td>"
        f"<td>{sat.seed}</td><td><code>{html.escape(told.again(result, lot, sat))}</code></td>"
        "</tr>"
        for lot, sat in result.worst(told.WORST)
    ]


def _write(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise DiskTrouble(
            f"{path} cannot be written ({error.strerror or error}); give another --out."
        ) from error
    return path


def figure(*heights: float) -> tuple[Figure, list[Axes]]:
    """An empty figure, 9 inches wide, in our style; axes of these heights [inches] in it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    empty = Figure(figsize=(9, sum(heights)), layout="constrained", facecolor="white")
    FigureCanvasAgg(empty)
    column = empty.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes in column:
        axes.grid(True, axis="both", color="#eceff1")
        axes.set_axisbelow(True)
        axes.tick_params(colors=INK, labelsize=9, length=0)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(GREY)
    return empty, list(column)


def _figure(result: Result) -> Figure:
    lost = _lost(result)
    heights = [1.3 + 0.3 * len(result.lots)] + ([0.8 + 0.3 * len(lost)] if lost else [])
    drawn, axes = figure(*heights)
    _draw_lots(axes[0], result)
    if lost:
        _draw_lost(axes[1], lost)
    return drawn


def _lost(result: Result) -> dict[str, Estimate]:
    """What leaving its own worlds costs, and each shift: shares of the score."""
    if result.ends is None:
        return {}
    way = result.ends[1] - result.ends[0]
    gap = {"own to fresh": Estimate(*(x / way for x in result.gap))} if result.gap else {}
    return gap | result.decline


def _draw_lost(axes: Axes, lost: dict[str, Estimate]) -> None:
    """One bar each, with its interval."""
    for row, (name, share) in enumerate(lost.items()):
        colour = ORANGE if name == "own to fresh" else BLUE
        axes.barh(row, 100 * share.value, height=0.55, color=colour, alpha=0.45)
        axes.plot([100 * share.low, 100 * share.high], [row, row], color=colour, linewidth=3)
    axes.set_yticks(range(len(lost)), list(lost))
    axes.set_ylim(len(lost) - 0.4, -0.6)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_xlabel("lost, in % of the way from random actions to the bar, with 95 % interval")
    axes.grid(False, axis="y")


def _draw_lots(axes: Axes, result: Result) -> None:
    """One row a lot: every world a dot, the interquartile mean a bar with its interval."""
    rng = np.random.default_rng(0)
    for row, lot in enumerate(result.lots):
        colour = COLOURS.get(lot.name, BLUE)
        jitter = row + 0.3 * (rng.random(len(lot.worlds)) - 0.5)
        axes.plot(lot.earned, jitter, ".", color=colour, alpha=0.35, markersize=6)
        score = estimate([lot.earned], iqm)
        axes.plot([score.low, score.high], [row, row], color=colour, linewidth=3)
        axes.plot([score.value], [row], "o", color=colour, markersize=8)
    if result.bar is not None:
        axes.axvline(result.bar, color=INK, linewidth=1, linestyle="--")
        axes.annotate(
            "bar",
            (result.bar, -0.75),
            ha="center",
            fontsize=9,
            color=INK,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(result.lots)), [_label(lot) for lot in result.lots])
    axes.set_ylim(len(result.lots) - 0.4, -0.6)
    axes.set_xlabel("return of a world (dots), interquartile mean with 95 % interval (bars)")
    axes.grid(False, axis="y")


def _label(lot: Lot) -> str:
    return f"{lot.name} {lot.strength:g}" if lot.strength else lot.name
