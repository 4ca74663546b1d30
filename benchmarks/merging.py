"""What merging keeps: learners that worked apart become one, without a new step.

    python -m benchmarks.merging                  # an hour or two; five seeds
    python -m benchmarks.merging --quick          # minutes; one seed, short jobs, no table here
    python -m benchmarks.merging --resume         # goes on where it was interrupted

Retention is (merged − random) / (parent − random), on the same held-out worlds, for every
parent on every job that it knew. Two and five parents are merged: on different jobs; on one
job, in worlds of their own; and on variants of one job that all go by one name, each parent
examined on its own variant. Beside it two ways to do without experience: the mean of the
parents' weights, and the mean of weights that came from a common ancestor, which had half of
the practice.

It is also looked whether order, repetition and merging with oneself change a single bit.

Left out: retention of what learners know of worlds by heart.

Developed on seed 0 (pooling on CartPole, MountainCar, Pendulum and the anaesthetist).
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np

import quickstudy as qs
from benchmarks import families, runs, tables
from benchmarks.runs import Line
from benchmarks.statistics import mean, stratified_bootstrap
from quickstudy.collective.prospect import is_same
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.registry import registry
from quickstudy.learner import Learner
from quickstudy.mind.mind import Mind

DIFFERENT = ("CartPole-v1", "anaesthetist", "Pendulum-v1", "MountainCar-v0", "CliffWalking-v1")
SHARED = "one-cart"  # by this name parents know variants of a job
STEPS = {"different": 2_500, "same": 3_000, "patients": 3_000, "variants": 3_000}
WORLDS, FIRST_WORLD = 20, 3_000
BAR = 0.95


@dataclass(frozen=True)
class Parent:
    """A learner and the job it worked on; variant: what that name stood for."""

    path: Path
    job: str
    variant: str


def _enter_shared() -> None:
    """One name for whatever cart the process has in hand."""
    registry().add(Entry(name=SHARED, title="A cart", make=lambda: _hand[0]()))


_hand = [families.CARTS["cart"]]


def take(variant: str) -> None:
    """The name SHARED stands for this variant from now on."""
    _hand[0] = families.CARTS.get(variant, _hand[0])


def one(kind: str, seed: int, steps: int) -> Line:
    """Parents of a kind, and what becomes of two and of all five of them."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        parents = [
            _raised(home / f"parent{number}", parent, 5 * seed + number, steps)
            for number, parent in enumerate(_parents(kind))
        ]
        forks = []
        if kind == "variants":
            forks = _forked(home, kind, seed, steps)
        told: Line = {"kind": kind, "seed": seed, "steps": steps, "scores": []}
        for number in (2, 5):
            told["scores"] += _scores(home, kind, parents[:number], forks[:number], number)
        told["laws"] = _laws(home, parents[:2])
        return told


def _parents(kind: str) -> list[tuple[str, str]]:
    """Of each of five parents the job and what stands behind its name."""
    if kind == "different":
        return [(job, job) for job in DIFFERENT]
    if kind == "variants":
        return [(SHARED, variant) for variant in families.FAMILIES["carts"].jobs]
    job = "CartPole-v1" if kind == "same" else "anaesthetist"
    return [(job, job)] * 5


def _raised(path: Path, parent: tuple[str, str], seed: int, steps: int) -> Parent:
    job, variant = parent
    take(variant)
    with qs.hire(path, seed=seed) as learner:
        for _ in learner.work(job, steps):
            pass
    return Parent(path, job, variant)


def _forked(home: Path, kind: str, seed: int, steps: int) -> list[Parent]:
    """Five that have an ancestor in common, and half of their practice."""
    named = _parents(kind)
    ancestor = _raised(home / "ancestor", named[0], 5 * seed, steps // 2)
    forks = []
    for number, (job, variant) in enumerate(named):
        path = home / f"fork{number}"
        shutil.copytree(ancestor.path, path)
        take(variant)
        with qs.open(path) as learner:
            worlds = range(10_000 * (number + 1), 10_000 * (number + 1) + 1_000)
            for _ in learner.work(job, steps - steps // 2, worlds=worlds):
                pass
        forks.append(Parent(path, job, variant))
    return forks


def _scores(
    home: Path, kind: str, parents: Sequence[Parent], forks: Sequence[Parent], number: int
) -> list[Line]:
    """Of each parent: random, parent, merged, and both means of weights where there are any."""
    found = []
    paths = [parent.path for parent in parents]
    with ExitStack() as stack:
        opened = [stack.enter_context(qs.open(path)) for path in paths]
        alike = [stack.enter_context(qs.open(fork.path)) for fork in forks]
        minds = [one.mind(parent.job) for one, parent in zip(opened, parents, strict=True)]
        means: dict[str, Mind | None] = {"weights": None, "ancestor": None}
        if kind != "different":
            means["weights"] = averaged(minds)
        if alike:
            means["ancestor"] = averaged([of.mind(parents[0].job) for of in alike])
        merged = stack.enter_context(qs.merge(paths, home / f"merged-{number}", force=True))
        for parent, mind in zip(parents, minds, strict=True):
            take(parent.variant)
            score = {
                name: _score(of, parent.job) if of else None
                for name, of in {
                    "parent": mind,
                    "merged": merged.mind(parent.job),
                    **means,
                }.items()
            }
            chance = families.by_chance(parent.job, WORLDS, FIRST_WORLD)
            same = is_same(mind, merged.mind(parent.job))
            found.append(
                {
                    "number": number,
                    "job": parent.variant,
                    "random": chance,
                    **score,
                    "same": same,
                }
            )
    return found


def _score(mind: Mind, job: str) -> float:
    return families.score(mind, job, WORLDS, FIRST_WORLD)


def averaged(minds: Sequence[Mind]) -> Mind:
    """The first mind with the mean of everybody's arrays: naive, and shown for that."""

    def middle(*arrays: np.ndarray) -> np.ndarray:
        return np.mean(arrays, axis=0).astype(arrays[0].dtype)

    return replace(minds[0], learned=jax.tree.map(middle, *(mind.learned for mind in minds)))


def _laws(home: Path, parents: Sequence[Parent]) -> Line:
    """What must change nothing: order, a second time, a parent, oneself."""
    one, other = (parent.path for parent in parents)
    made = {
        "merged": home / "merged-2",
        "order": _merged(home / "order", [other, one]),
        "again": _merged(home / "again", [home / "merged-2", one, other]),
    }
    itself = _merged(home / "itself", [one, one])
    with ExitStack() as stack:
        opened = {
            name: stack.enter_context(qs.open(path))
            for name, path in {**made, "one": one, "itself": itself}.items()
        }
        return {
            "order": _are_same(opened["merged"], opened["order"]),
            "again": _are_same(opened["merged"], opened["again"]),
            "itself": _are_same(opened["one"], opened["itself"]),
        }


def _merged(path: Path, parents: Sequence[Path]) -> Path:
    # The same learner twice counts once; a copy of it needs nobody else.
    qs.merge(parents, path, force=True).close()
    return path


def _are_same(one: Learner, other: Learner) -> bool:
    return set(one.jobs) == set(other.jobs) and all(
        is_same(one.mind(job), other.mind(job)) for job in one.jobs
    )


# ---- the table


def retention(score: Line, which: str) -> float | None:
    """Of one parent; None where there is no such mind, or it is no better than chance."""
    if score[which] is None or score["parent"] <= score["random"]:
        return None
    kept: float = (score[which] - score["random"]) / (score["parent"] - score["random"])
    return kept


TITLES = {
    "different": "different jobs",
    "same": "one job (CartPole-v1)",
    "patients": "one job (anaesthetist)",
    "variants": "five carts by one name",
}


def written(lines: Sequence[Line], command: str) -> str:
    """A row for each kind of parents and each number of them."""
    rows, least = [], []
    for kind in dict.fromkeys(line["kind"] for line in lines):
        for number in (2, 5):
            scores = [
                [score for score in line["scores"] if score["number"] == number]
                for line in lines
                if line["kind"] == kind
            ]
            row = [f"{TITLES[kind]}, {number}"]
            for which in ("merged", "weights", "ancestor"):
                per_seed = [
                    [kept for kept in (retention(s, which) for s in of) if kept is not None]
                    for of in scores
                ]
                row += [_told([kept for kept in per_seed if kept]), _worst(per_seed)]
                if which == "merged":
                    least.append((kind, number, [k for of in per_seed for k in of]))
            rows.append(row)
    laws = {
        name: sum(line["laws"][name] for line in lines) for name in ("order", "again", "itself")
    }
    kept = sum(k >= BAR for _, _, of in least for k in of)
    every = sum(len(of) for _, _, of in least)
    said = (
        f"Merged without a new step, {kept} of {every} parents keep {BAR:.0%} of what they "
        f"earn above chance ({tables.seeds(lines)}). Not a bit differs: in another order "
        f"{laws['order']} of {len(lines)}, merged a second time {laws['again']} of "
        f"{len(lines)}, merged with oneself {laws['itself']} of {len(lines)}."
    )
    head = ["parents", "merged [95 %]", "worst", "mean of weights [95 %]", "worst",
            "mean of weights, common ancestor [95 %]", "worst"]  # fmt: skip
    seeds = sorted({line["seed"] for line in lines})
    steps = sorted({f"{line['steps']:,}" for line in lines})
    return "\n".join(
        [
            "# What merging keeps",
            "",
            f"Made by `{command}` on {lines[-1]['date']}; do not edit. Source "
            f"{lines[-1]['source']}; seeds {', '.join(map(str, seeds))}; {' or '.join(steps)} "
            f"steps a parent; {WORLDS} held-out worlds; {runs.machine()}.",
            "",
            "Retention, (merged − random) / (parent − random): the mean over parents, its "
            "bootstrap interval over seeds, and the worst single parent. A parent that is no "
            "better than chance has nothing to keep and is left out.",
            "",
            tables.summary(said),
            "",
            tables.table(head, rows),
            "",
        ]
    )


def _told(per_seed: Sequence[Sequence[float]]) -> str:
    means = [mean(of) for of in per_seed]
    if len(means) == 1:  # one seed tells of no other
        return tables.number(means[0])
    return tables.interval(mean(means), stratified_bootstrap([means], mean)) if means else "—"


def _worst(per_seed: Sequence[Sequence[float]]) -> str:
    every = [kept for of in per_seed for kept in of]
    return tables.number(min(every)) if every else "—"


def main(arguments: list[str] | None = None) -> int:
    """Runs what was asked for, or one line of it."""
    parser = runs.options("merging", __doc__, ("KIND", "SEED", "STEPS"))
    parser.add_argument("--kinds", default=",".join(STEPS), help="which, with commas")
    asked = parser.parse_args(arguments)
    families.enter()
    _enter_shared()
    if asked.one:
        kind, seed, steps = asked.one
        print(json.dumps(one(kind, int(seed), int(steps))))
        return 0
    seeds = runs.seeds_asked(asked)
    tasks = [
        (kind, str(seed), str(300 if asked.quick else STEPS[kind]))
        for seed in seeds
        for kind in asked.kinds.split(",")
    ]
    runs.tabulate("merging", asked, tasks, written, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
