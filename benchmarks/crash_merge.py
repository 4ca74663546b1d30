"""kill -9 while learners are merged, or a merged one is rebuilt: all or nothing.

    python -m benchmarks.crash --through merge --kills 30

Two small learners know one job both, and one of them another. `quickstudy merge` pools them in
a process that is killed at a random moment, again and again in the same place; what is there
afterwards is held against what came of it where nobody was killed. Then a merged learner that
has its experience and no mind is opened, which derives the mind, and that is killed.

Moments are uniform over a little more than what it takes undisturbed, from a process on that
has imported everything (see `nursery`); every third one is late, when the new takes its place.
Who had ended before its moment was not killed, and another moment is drawn.

Left out: parents that are at work meanwhile; kills of a merger's preview.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import io
import itertools
import math
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import quickstudy as qs
from benchmarks import runs, tables
from benchmarks.nursery import End, Nursery, nurse, nursery
from benchmarks.runs import Line
from quickstudy import cli
from quickstudy.collective import desk
from quickstudy.collective.prospect import is_same
from quickstudy.errors import QuickstudyError
from quickstudy.experience import union
from quickstudy.experience.event import Event
from quickstudy.experience.folder import EXPERIENCE, MIND_NOTE, is_learner
from quickstudy.experience.log import Log
from quickstudy.mind import mind as minds
from quickstudy.mind.mind import Mind

SHARED, OWN = "CartPole-v1", "MountainCar-v0"
STEPS = {SHARED: 70, OWN: 40}
OPENING_SHARE = 0.2  # of the kills come while a merged learner is opened
LATE, LATEST = 0.85, 1.1  # times what it takes undisturbed
KEPT = (".db", ".json", ".eqx", ".toml")  # of a folder; SQLite's own files come and go
REMEMBERED = ("raw", "mask", "action", "reward", "after")


@dataclass(frozen=True)
class Home:
    """A folder with two parents, and what becomes of them.

    settings: of all minds there. before: what the parents' files hold. told: the union of their
    experience, event by event.
    """

    path: Path
    settings: minds.Settings | None
    before: Sequence[dict[str, str]]
    told: Sequence[tuple[Any, ...]]

    @property
    def parents(self) -> tuple[Path, Path]:
        return _parents(self.path)

    @property
    def whole(self) -> Path:
        """Merged where nobody was killed."""
        return self.path / "whole"

    def is_touched(self) -> bool:
        """Whether the parents are other than they were."""
        return [*map(_content, self.parents)] != self.before

    def wrong(self, path: Path) -> list[str]:
        """What a learner lacks that should be the whole one."""
        try:
            with (
                qs.open(path, settings=self.settings) as found,
                qs.open(self.whole, settings=self.settings) as expected,
            ):
                events = [e for e in union.read(found.log) if e.origin != found.uid]
                laws = {
                    "its log is damaged": found.log.verify().is_sound,
                    "its experience is not the union": [*map(_bare, events)] == self.told,
                    "it knows other jobs": set(found.jobs) == set(expected.jobs),
                    "its mind is another": all(
                        _is_equal(found.mind(job), expected.mind(job)) for job in expected.jobs
                    ),
                }
        except QuickstudyError as error:
            return [str(error)]
        return [law for law, holds in laws.items() if not holds]


def raised(path: Path, seed: int, settings: minds.Settings | None = None) -> Home:
    """A home with parents who both know the shared job, the second one of its own too."""
    for number, parent in enumerate(_parents(path)):
        with qs.hire(parent, seed=seed + number, settings=settings) as learner:
            for job in (SHARED, OWN)[: number + 1]:
                for _ in learner.work(job, STEPS[job]):
                    pass
    accounts = [_account(parent) for parent in _parents(path)]
    told = [*map(_bare, union.united(accounts))]
    return Home(path, settings, [*map(_content, _parents(path))], told)


def _account(path: Path) -> list[Event]:
    with Log.open(path / EXPERIENCE, readonly=True) as log:
        return union.read(log)


def _parents(path: Path) -> tuple[Path, Path]:
    return path / "ada", path / "bea"


def _content(path: Path) -> dict[str, str]:
    files = (file for file in path.rglob("*") if file.suffix in KEPT)
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def _bare(event: Event) -> tuple[Any, ...]:
    """An event as something that can be compared."""
    return tuple(part.tobytes() if isinstance(part, np.ndarray) else part for part in event)


def _is_equal(one: Mind, two: Mind) -> bool:
    """Bit for bit, with what they remember."""
    n = one.memory.size
    return (
        is_same(one, two)
        and one.arbiter == two.arbiter
        and n == two.memory.size
        and all(
            np.array_equal(getattr(one.memory, name)[:n], getattr(two.memory, name)[:n])
            for name in REMEMBERED
        )
    )


# ---- kills


def kill_merges(nurse: Nursery, home: Home, kills: int, rng: random.Random) -> Iterator[Line]:
    """Mergers that are killed, all in one place, and at the end one that is not."""
    into = home.path / "cleo"
    for path in (home.whole, into):  # the second finds everything compiled
        usual = nurse.run("merge", path, *home.parents).seconds
    for at in moments(rng, usual):
        shutil.rmtree(into, ignore_errors=True)
        end = nurse.run("merge", into, *home.parents, seconds=at if kills else math.inf)
        is_there = is_learner(into)
        wrong = home.wrong(into) if is_there else ["half a learner"] if into.exists() else []
        yield _line("merge", end, usual, is_there, wrong, home)
        if not kills:
            return
        kills -= end.is_killed


def kill_openings(nurse: Nursery, home: Home, kills: int, rng: random.Random) -> Iterator[Line]:
    """The merged learner is opened without its mind, and killed at it."""
    path = home.path / "bare"

    def opened(seconds: float) -> End:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(home.whole, path, ignore=shutil.ignore_patterns("lock", "mind.*"))
        return nurse.run("open", path, seconds=seconds)

    usual = opened(math.inf).seconds
    for at in moments(rng, usual):
        if not kills:
            return
        end = opened(at)
        is_there = (path / MIND_NOTE).exists()
        yield _line("open", end, usual, is_there, home.wrong(path), home)
        kills -= end.is_killed


def moments(rng: random.Random, usual: float) -> Iterator[float]:
    """When to kill [s], one after the other; `usual`: what it takes undisturbed."""
    for number in itertools.count():
        yield usual * rng.uniform(LATE if number % 3 == 2 else 0.0, LATEST)


def _line(
    what: str, end: End, usual: float, is_there: bool, wrong: list[str], home: Home
) -> Line:
    return {
        "of": what, **end._asdict(), "usual": usual, "is_there": is_there, "wrong": wrong,
        "is_touched": home.is_touched(),
    }  # fmt: skip


def is_fine(line: Line) -> bool:
    """Whether all was as it should be: what was said to be done is there, and what is there."""
    return not (line["wrong"] or line["is_touched"] or line["is_done"] > line["is_there"])


def work(what: str, *names: str) -> None:
    """What a child does: the command, or opening."""
    if what == "open":
        qs.open(Path(names[0])).close()
        return
    into, *parents = names
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = cli.main(["merge", *parents, "--into", into, "--force"])
    if code:
        raise runs.RunError(said.getvalue())


# ---- the table


def run(seed: int, kills: int) -> list[Line]:
    """All kills, told as they come."""
    rng, openings = random.Random(seed), round(OPENING_SHARE * kills)
    found = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        nursery(sys.executable, "-m", "benchmarks.crash_merge") as nurse,
    ):
        home = raised(Path(scratch), seed)
        for how, number in ((kill_merges, kills - openings), (kill_openings, openings)):
            for line in how(nurse, home, number, rng):
                print(f"{line['of']} at {line['seconds']:.2f} s: {_left(line)}", flush=True)
                found.append(line)
    return found


def report(lines: Sequence[Line], seed: int, command: str) -> str:
    """The results file."""
    killed = [line for line in lines if line["is_killed"]]
    merged, opened = ([line for line in killed if line["of"] == of] for of in ("merge", "open"))
    last = [line for line in lines if line["of"] == "merge"][-1]
    held = [line for line in killed if line["is_there"] or line["of"] == "open"]
    same = sum(not line["wrong"] for line in held)
    result = [
        ["`quickstudy merge`: kills; no learner there after; a learner there", _counts(merged)],
        ["opening a merged learner without its mind: kills; no mind saved; saved",
         _counts(opened)],
        ["said to be done, and not there",
         str(sum(line["is_done"] and not line["is_there"] for line in lines))],
        ["times that a parent was touched", str(sum(line["is_touched"] for line in lines))],
        ["learners after a kill that open, with every event of the union and, bit for bit, the "
         "mind made undisturbed", f"{same} of {len(held)}"],
        ["merged undisturbed in that place, after all kills: the same, bit for bit",
         "yes" if is_fine(last) and not last["is_killed"] else "**no**"],
    ]  # fmt: skip
    about = {
        "date": datetime.date.today().isoformat(),
        "versions": runs.versions("numpy", "gymnasium", "jax", "apsw"),
        "source": runs.fingerprint(),
        "plan": {"seed": seed, "algorithm": runs.OURS},
    }
    rows = [
        [line["of"], f"{line['seconds']:.2f}", f"{line['usual']:.2f}",
         "yes" if line["is_killed"] else "no", "yes" if line["is_done"] else "no", _left(line)]
        for line in lines
    ]  # fmt: skip
    conditions = (
        f"Two learners (seeds {seed} and {seed + 1}; the moments are drawn with {seed}) worked "
        f"{STEPS[SHARED]} steps on {SHARED}, the second {STEPS[OWN]} on {OWN} too."
    )
    head = ["what", "ended after [s]", "undisturbed it takes [s]", "killed",
            "had said it was done", "left"]  # fmt: skip
    return (
        "\n\n".join(
            [
                tables.header("Crashes: kill -9 while learners are merged", command, [about]),
                conditions,
                tables.summary(tables.table(["", "result"], result)),
                tables.table(head, rows),
            ]
        )
        + "\n"
    )


def _counts(lines: Sequence[Line]) -> str:
    there = sum(line["is_there"] for line in lines)
    return f"{len(lines)}; {len(lines) - there}; {there}"


def _left(line: Line) -> str:
    if not is_fine(line):
        return f"**{'; '.join(line['wrong']) or 'a parent was touched, or it is not there'}**"
    if line["of"] == "open":
        return "its mind" if line["is_there"] else "its experience"
    return "the whole learner" if line["is_there"] else "nothing"


if __name__ == "__main__":
    assert desk  # imported before a child is forked, not in each of them
    nurse(work)
