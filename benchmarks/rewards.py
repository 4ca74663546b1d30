"""A hundred thousand late rewards, in order or shuffled: the same experience, the same mind?

    python -m benchmarks.rewards                 # → results/rewards.md, about 6 CPU minutes
    python -m benchmarks.rewards --http 2000     # some of them over HTTP, in batches, as well

One post of one-step decisions. All decisions are made first, and wait at the same time. Then
the learner's folder is copied. In one copy each reward is told whole, in the order of the
decisions. In the other all is told in any order, a twentieth of the rewards in two parts with
keys of their own, and a twentieth of everything once more. What the logs hold then, settled,
has to be the same (`quickstudy.settled.experience_digest`), and so has the mind that is made of
it, bit for bit; what a mind lived through while rewards were late is a function of its log, and
may differ.

Rewards and parts are multiples of 1/1024, so that parts add up to the whole exactly.

Left out: time-outs, and people who approve; tests have them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import quickstudy as qs
from benchmarks import load, runs, tables
from benchmarks.runs import RESULTS, Line
from quickstudy import life, lineage
from quickstudy.collective import prospect
from quickstudy.experience.event import Event, Kind
from quickstudy.front import open_front
from quickstudy.jobs.layout import Layout
from quickstudy.learner import open_learner
from quickstudy.mind import mind as minds
from quickstudy.posts.declared import from_json
from quickstudy.posts.office import Office
from quickstudy.posts.told import Asked, Told
from quickstudy.settled import experience_digest, settled
from quickstudy.types import Observation

POST = load.POST | {"name": "late", "wait_seconds": 1e6}
NAME, WIDTH, OPTIONS = "late", 8, 4
UNIT = 1024.0
SHARE = 20  # one in so many comes in parts, or twice
PROBES = 1_000
BATCH = 1_000  # items in one request
WAYS = ("in order", "shuffled")

Message = tuple[int, dict[str, Any]]  # a decision's id, and what `Told` says of it


# ---- what is decided and told


def situations(count: int, seed: int) -> list[list[float]]:
    """What is shown, one for each decision."""
    return np.random.default_rng([seed, 0]).uniform(-1, 1, (count, WIDTH)).tolist()


def rewards(shown: list[list[float]], actions: list[int], seed: int) -> list[float]:
    """Of each decision: linear in what was shown, by option, and rounded."""
    weights = np.random.default_rng([seed, 1]).normal(size=(OPTIONS, WIDTH))
    worth = (np.array(shown) * weights[actions]).sum(1)
    return (np.round(worth * UNIT) / UNIT).tolist()


def messages(ids: list[int], earned: list[float], way: str, seed: int) -> list[Message]:
    """What is told, in the order in which it arrives."""
    told = list(zip(ids, earned, strict=True))
    if way == "in order":
        return [(id, {"reward": reward}) for id, reward in told]
    rng, sent = random.Random(seed), list[Message]()
    in_parts = set(rng.sample(ids, len(ids) // SHARE))
    for id, reward in told:
        if id in in_parts:
            part = rng.randint(-2048, 2048) / UNIT
            sent.append((id, {"reward": part, "key": "a"}))
            sent.append((id, {"reward": reward - part, "key": "b"}))
            sent.append((id, {"is_final": True}))
        else:
            sent.append((id, {"reward": reward}))
    sent += rng.sample(sent, len(sent) // SHARE)
    rng.shuffle(sent)
    return sent


# ---- at an office


def each(act: Callable[[Any], Any], items: list[Any]) -> tuple[list[Any], Line]:
    """What came of each, and µs of the processor for one: of the first tenth and the last."""
    came, tenth, spent = [], max(len(items) // 10, 1), []
    began, wall = time.process_time(), time.perf_counter()
    for number, one in enumerate(items, 1):
        came.append(act(one))
        if number % tenth == 0:
            spent.append((time.process_time() - began) / tenth * 1e6)
            began = time.process_time()
    seconds = time.perf_counter() - wall
    return came, {"first": spent[0], "last": spent[-1], "wall": seconds / len(items) * 1e6}


def decide(path: Path, count: int, seed: int) -> tuple[list[int], list[float], Line]:
    """Decisions that wait for their rewards all at once: ids, rewards, and what each took."""
    qs.hire(path, seed=seed).close()
    shown = situations(count, seed)
    with open_front(path) as front:
        office = Office(front)
        office.create(from_json(POST), "the benchmark")
        answers, took = each(lambda one: office.decide(NAME, Asked(one)), shown)
    earned = rewards(shown, [answer.action for answer in answers], seed)
    return [answer.id for answer in answers], earned, took


def tell(path: Path, sent: list[Message]) -> Line:
    """Tells all of it; what each message took, and opening before that [s]."""
    began = time.process_time()
    with open_front(path) as front:
        office = Office(front)
        opening = time.process_time() - began
        waiting = office.state(NAME)["open"]["decisions"]
        _, took = each(lambda one: office.told(one[0], Told(**one[1])), sent)
    return took | {"opening": opening, "waiting": waiting, "messages": len(sent)}


# ---- over HTTP


def over_http(home: Path, count: int, seed: int) -> Line:
    """The same by a service, in batches: the digests that both ways leave."""
    shown, whole = situations(count, seed), home / "whole"
    qs.hire(whole / "ada", seed=seed).close()
    answers: list[Any] = []
    with load.service(whole) as (_, address):
        load.call(address, "/v1/posts", POST)
        for items in chunks([{"observation": one} for one in shown]):
            path = f"/v1/posts/{NAME}/decide-batch"
            answers += post(address, path, items)
    ids, actions = [one["id"] for one in answers], [one["action"] for one in answers]
    earned, digests = rewards(shown, actions, seed), []
    for way in WAYS:
        shutil.copytree(whole, home / way)
        with load.service(home / way) as (_, address):
            for sent in chunks(messages(ids, earned, way, seed)):
                items = [{"decision": id} | said for id, said in sent]
                came = post(address, "/v1/outcomes", items)
                assert all("error" not in one for one in came), came
        digests.append(left(home / way / "ada", 0)[0])
    return {"decisions": count, "digests": digests}


def post(address: str, path: str, items: list[Any]) -> list[Any]:
    """What came of each item of a batch."""
    return list(json.loads(load.call(address, path, {"items": items}))["items"])


def chunks(items: list[Any]) -> Iterator[list[Any]]:
    """Batches of them."""
    for at in range(0, len(items), BATCH):
        yield items[at : at + BATCH]


# ---- what is left of it


def left(path: Path, decisions: int) -> tuple[str, minds.Mind]:
    """In a folder: the settled experience, digested, and the mind that it makes.

    decisions: only the first so many are studied, with all that came of them.
    """
    # Opened as a front is: else it would first study all that it has not.
    with open_learner(path, readonly=True, studies=False) as learner:
        spec, digest = learner.spec(NAME), experience_digest(learner, NAME)
        mind = minds.init(spec, lineage.mind_seed(learner.seed, NAME))
        place = life.Place(NAME, Layout(spec), mind, learner.log)
        for event in until(settled(learner.log, NAME), decisions):
            life.absorb(place, event)
    return digest, mind


def until(events: Iterable[Event], decisions: int) -> Iterator[Event]:
    """Events up to the outcome of decision number `decisions`: one-step ones are three each."""
    return islice((event for event in events if event.kind != Kind.INHERITANCE), 3 * decisions)


def alike(one: minds.Mind, other: minds.Mind, seed: int) -> int:
    """In how many of PROBES new situations both decide the same."""
    shown = np.random.default_rng([seed, 2]).uniform(-1, 1, (PROBES, WIDTH)).astype(np.float32)
    return sum(
        bool((minds.act(one, seen).flat == minds.act(other, seen).flat).all())
        for seen in map(Observation, shown)
    )


def compare(paths: list[Path], decisions: int, seed: int) -> Line:
    """What is left in two folders, held against each other."""
    began = time.process_time()
    (one_digest, one), (other_digest, other) = (left(path, decisions) for path in paths)
    return {
        "digests": [one_digest, other_digest],
        "decisions": one.counts.decisions,
        "updates": int(one.learned.judgement.updates),
        "is_equal": prospect.is_same(one, other) and one.arbiter == other.arbiter,
        "alike": alike(one, other, seed),
        "seconds": time.process_time() - began,
    }


# ---- the table


def report(found: Line, command: str) -> str:
    """The results file."""
    about = {
        "date": datetime.date.today().isoformat(),
        "versions": runs.versions("numpy", "jax", "apsw"),
        "source": runs.fingerprint((*runs.LEARNING, "posts", "front.py", "settled.py")),
        "load": found["load"],
    }
    count, made, studied = found["count"], found["made"], found["studied"]
    head = ["", *WAYS]
    told = [found[way] for way in WAYS]
    spent = [f"{tables.number(one['first'])} → {tables.number(one['last'])}" for one in told]
    rows = [
        ["decisions that waited at once", *(f"{one['waiting']:,}" for one in told)],
        ["messages told", *(f"{one['messages']:,}" for one in told)],
        ["CPU µs a message, first tenth → last", *spent],
        ["wall µs a message, on a busy machine", *(tables.number(one["wall"]) for one in told)],
        ["CPU s to open, all decisions waiting", *(f"{one['opening']:.1f}" for one in told)],
        ["settled experience, SHA-256", *(f"`{one[:16]}…`" for one in studied["digests"])],
    ]
    said = [
        tables.table(head, rows),
        "",
        f"Experience of all {count:,} decisions: {_same(studied['digests'])}. The minds that "
        f"the settled experience of the first {studied['decisions']:,} decisions makes "
        f"({studied['updates']:,} updates of judgement each): "
        f"{'the same, bit for bit' if studied['is_equal'] else '**other ones**'}; they decide "
        f"alike in {studied['alike']:,} of {PROBES:,} new situations.",
        "",
        f"Deciding took {tables.number(made['first'])} µs of the processor each for the first "
        f"tenth and {tables.number(made['last'])} µs for the last, when nearly all of them "
        "were waiting.",
    ]
    if http := found["http"]:
        said += ["", f"Over HTTP, in batches of up to {BATCH:,}, {http['decisions']:,} "
                 f"decisions: {_same(http['digests'])}."]  # fmt: skip
    notes = (
        f"Shuffled: one in {SHARE} rewards in two parts, one in {SHARE} messages told twice.",
        f"Seed {found['seed']}. Only as many decisions are studied as said, since that "
        f"takes long (with the digests {studied['seconds']:.0f} CPU s); `--study-steps`: more.",
    )
    header = tables.header("Late rewards, in order and shuffled", command, [about], notes)
    return f"{header}\n\n{tables.summary(chr(10).join(said))}\n"


def _same(digests: list[str]) -> str:
    return "the same" if len(set(digests)) == 1 else "**not the same**"


def main(arguments: list[str] | None = None) -> None:
    """Measures, and writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--study-steps", type=int, default=1_000, help="decisions studied")
    parser.add_argument("--http", type=int, default=0, help="decisions over HTTP")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for the table")
    asked = parser.parse_args(arguments)
    found: Line = {"count": asked.decisions, "seed": asked.seed, "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ids, earned, found["made"] = decide(home / "whole", asked.decisions, asked.seed)
        tell_progress("decided", found["made"])
        for way in WAYS:
            shutil.copytree(home / "whole", home / way)
            found[way] = tell(home / way, messages(ids, earned, way, asked.seed))
            tell_progress(way, found[way])
        steps = min(asked.study_steps, asked.decisions)
        found["studied"] = compare([home / way for way in WAYS], steps, asked.seed)
        tell_progress("studied", found["studied"])
        found["http"] = over_http(home / "http", asked.http, asked.seed) if asked.http else None
    text = report(found, runs.command("rewards", arguments))
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "rewards.md").write_text(text, encoding="utf-8")
    print(text)


def tell_progress(what: str, of: Any) -> None:
    """One line, at once."""
    print(what, of, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
