"""kill -9 of a service under load: what was acknowledged is there, and there once.

    python -m benchmarks.crash --through serve --kills 210 --lives 7 --seed 320

A life is one learner's folder with three posts: decisions that stand alone, episodes of several
decisions, and one in shadow whose callers say themselves what they did. Callers in threads, a
connection each, ask and tell as fast as they can: rewards late, in any order, whole or in
parts, some told again though they were acknowledged. The service is killed at moments drawn
at random and started again in the same place; what was under way then is sent again under the
same keys.
In some sessions the student alone is killed first, and the service goes on.

The oracle is what callers wrote down: every acknowledgement, and nothing that a service keeps.
After each start, before anything is sent, and at the end, the log is held against it: what was
acknowledged and is not there as it was answered is *lost*; what is there twice, or that nobody
sent, is *doubled*. At the end everything was acknowledged, so both have to come out even.

The first start of a life is the command line's. The others are forked from a process that has
imported everything (see `nursery`), since imports take longer than all the rest; so kills at
the start fall on opening the folder, not on imports.

Left out: loss of power, and a disk that fails (the log's own tests); people who answer.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import runs, tables
from benchmarks.runs import OURS, ROOT, Line, Plan
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.log import Log
from quickstudy.service.client import Client, Refused

ALONE, COURSE, WATCHED = "alone", "course", "watched"
OBSERVATION = {"type": "box", "shape": [3], "low": -1, "high": 1}
DECLARED = {"observation": OBSERVATION, "action": {"type": "discrete", "n": 3}}
AT_ONCE = {"terms": {"any": {"first": "autonomous"}}}
LONG = {"wait_seconds": 86_400.0}
POSTS: dict[str, dict[str, Any]] = {
    ALONE: {**DECLARED, **AT_ONCE, **LONG, "one_step": True},
    COURSE: {**DECLARED, **AT_ONCE, **LONG},
    WATCHED: {**DECLARED, **LONG, "one_step": True},
}
CALLERS = 6
COURSE_STEPS = 6
TELLING_SHARE = 0.55  # of a caller's requests, once it has something to tell
AGAIN_SHARE = 0.05  # of them is said again though it was acknowledged
AT_START, UNDER_LOAD, STUDENT = "at start", "under load", "student first"
SHARES = {AT_START: 0.2, UNDER_LOAD: 0.65, STUDENT: 0.15}
LOAD_SECONDS = (0.05, 1.2)
STUDENT_SECONDS = (1.5, 6.0)
START_SECONDS = 120.0  # longer than that is a failure
SOURCE = ("service", "posts", "experience", "deployment", "front.py", "student.py")


# ---- callers, and what they write down


@dataclass
class Question:
    """What was asked; id and action once it was answered."""

    post: str
    key: str
    observation: list[float]
    episode: str | None = None
    id: int = 0
    action: int | None = None


@dataclass
class Outcome:
    """What is told of a question: a reward, whole or a part, an end, or what was done."""

    of: Question
    told: dict[str, Any]
    is_acknowledged: bool = False


class Caller:
    """One connection's worth of work, over all starts of the service.

    Attributes:
      asked, outcomes: all that was ever sent or is to be. pending: sent and unacknowledged.
      wrong: answers that should not have been.
    """

    def __init__(self, number: int, seed: int):
        self._number, self._rng = number, random.Random(f"{seed} {number}")
        self.asked: list[Question] = []
        self.outcomes: list[Outcome] = []
        self.pending: Question | Outcome | None = None
        self.wrong: list[str] = []
        self._due: list[Outcome] = []
        self._steps = 0

    def work(self, url: str, is_over: threading.Event) -> None:
        """Until it is over, or the service is gone."""
        with self._connected(url) as client:
            self._resend(client)
            while not is_over.is_set():
                self._turn(client)

    def finish(self, url: str) -> None:
        """All that is left to be told."""
        with self._connected(url) as client:
            self._resend(client)
            while self._due:
                self._send(client, self._due.pop(self._rng.randrange(len(self._due))))

    @contextlib.contextmanager
    def _connected(self, url: str) -> Iterator[Client]:
        with Client(url) as client:
            try:
                yield client
            except Refused as refused:
                if refused.status:
                    self.wrong.append(f"{refused.status} {refused}")

    def _resend(self, client: Client) -> None:
        if self.pending:
            self._send(client, self.pending)
        for question in self._rng.sample(self.asked, min(3, len(self.asked))):
            if question.id:
                self._send(client, question)

    def _turn(self, client: Client) -> None:
        draw = self._rng.random()
        if self.outcomes and draw < AGAIN_SHARE:
            outcome = self._rng.choice(self.outcomes)
            if outcome.is_acknowledged:
                self._send(client, outcome)
        elif self._due and draw < TELLING_SHARE:
            self._send(client, self._due.pop(self._rng.randrange(len(self._due))))
        else:
            self._send(client, self._question())

    def _question(self) -> Question:
        number, episode = len(self.asked), None
        post = self._rng.choice((ALONE, COURSE, COURSE, WATCHED))
        if post == COURSE:
            episode = f"{self._number}-{self._steps // COURSE_STEPS}"
            self._steps += 1
        observation = [self._rng.randrange(-8, 9) / 8 for _ in range(3)]
        question = Question(post, f"{self._number}-{number}", observation, episode)
        self.asked.append(question)
        return question

    def _send(self, client: Client, what: Question | Outcome) -> None:
        is_news = not (what.id if isinstance(what, Question) else what.is_acknowledged)
        self.pending = what if is_news else self.pending
        if isinstance(what, Outcome):
            client.post(what.of.post).outcome(what.of.id, **what.told)
            what.is_acknowledged = True
        else:
            self._ask(client, what)
        self.pending = None

    def _ask(self, client: Client, question: Question) -> None:
        answer = client.post(question.post).decide(
            question.observation, key=question.key, episode=question.episode
        )
        if not question.id:
            question.id, question.action = answer["id"], answer["action"]
            self._plan(question)
        elif answer["id"] != question.id:
            self.wrong.append(f"{question.key}: answered as {question.id}, then {answer['id']}")

    def _plan(self, question: Question) -> None:
        """What will be told of it, some time."""
        is_in_parts = self._rng.random() < 0.3
        parts: list[dict[str, Any]] = [{"reward": self._reward()}]
        if is_in_parts:
            parts = [{"reward": self._reward(), "key": key} for key in ("first", "second")]
        if question.post == WATCHED:
            taken = self._rng.randrange(3)
            parts = [{"taken": taken, **part} for part in parts]
        elif question.post == COURSE and self._steps % COURSE_STEPS == 0:
            parts.append({"reward": None, "done": True})
        outcomes = [Outcome(question, told) for told in parts]
        self.outcomes += outcomes
        self._due += outcomes

    def _reward(self) -> float:
        return self._rng.randrange(-16, 17) / 8  # sums of them are exact


# ---- the log, held against it


class Book:
    """What the log of a learner holds, read on as it grows."""

    def __init__(self, folder: Path):
        self._path, self._read = folder / "experience.db", 0
        self._keyed: dict[tuple[str, str], Event] = {}
        self._ends: Counter[int] = Counter()
        self._twice: list[str] = []
        self._explained: set[tuple[str, str]] = set()

    def read_on(self) -> int:
        """Takes in what is new; gives the last position. Raises DamagedLearner for gaps."""
        with Log.open(self._path, readonly=True) as log:
            for event in log.read(after=self._read):
                self._read = event.n
                self._take(event)
        return self._read

    def _take(self, event: Event) -> None:
        if event.kind == Kind.OUTCOME and event.end and event.decision:
            self._ends[event.decision] += 1
        if event.key is None:
            return
        if (event.job, event.key) in self._keyed:
            self._twice.append(f"{event.job} {event.key} at {event.n}")
        self._keyed[event.job, event.key] = event

    def lost(self, callers: Sequence[Caller]) -> list[str]:
        """What was acknowledged and is not there as it was answered."""
        asked = (one for caller in callers for one in caller.asked if one.id)
        told = (one for caller in callers for one in caller.outcomes if one.is_acknowledged)
        wrong = [f"decision {one.id} ({one.key})" for one in asked if not self._has(one)]
        wrong += [f"{one.told} of {one.of.id}" for one in told if not self._has_outcome(one)]
        return wrong

    def doubled(self, callers: Sequence[Caller]) -> list[str]:
        """What is there twice, or was never sent; for when nothing is under way any more."""
        self.lost(callers)  # explains what is there
        unknown = self._keyed.keys() - self._explained
        over = [f"{n} ended {count} times" for n, count in self._ends.items() if count > 1]
        return [*self._twice, *over, *(f"{job} {key}, never sent" for job, key in unknown)]

    def rewards(self, post: str) -> float:
        return sum(one.reward or 0.0 for (job, _), one in self._keyed.items() if job == post)

    def _find(self, post: str, key: str) -> Event | None:
        self._explained.add((post, key))
        return self._keyed.get((post, key))

    def _has(self, question: Question) -> bool:
        event = self._find(question.post, f"?{question.key}")
        if event is None or event.n != question.id or event.action is None:
            return False
        return question.action is None or int(event.action[0]) == question.action

    def _has_outcome(self, outcome: Outcome) -> bool:
        of, told = outcome.of, outcome.told
        n: int | None = of.id
        if of.post == WATCHED:
            event = self._find(of.post, f"@{of.id}")
            if event is None or event.action is None or int(event.action[0]) != told["taken"]:
                return False
            n = event.n
        if told["reward"] is None:
            return self._ends[of.id] == 1
        found = self._find(of.post, f"{n}/{told.get('key', '@whole')}")
        return found is not None and found.reward == told["reward"]


# ---- the service


class Service:
    """A running service: its process's number, its address once it listens."""

    def __init__(self, pid: int, said: Path):
        self.pid, self._said = pid, said

    def url(self) -> str | None:
        """None: it does not listen yet."""
        for line in self._said.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                if url := json.loads(line).get("url"):
                    return str(url)
        return None

    def student(self) -> int | None:
        found = subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, text=True)
        return int(found.stdout.split()[0]) if found.stdout.strip() else None


class Place:
    """A learner's folder where services are started and killed, one after the other."""

    def __init__(self, scratch: Path, nursery: subprocess.Popen[str]):
        self.folder, self._scratch, self._nursery = scratch / "ada", scratch, nursery
        self._child: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def start(self, is_forked: bool) -> Service:
        self._starts += 1
        said = self._scratch / f"said-{self._starts}"
        said.touch()
        if is_forked:
            assert self._nursery.stdin and self._nursery.stdout
            self._nursery.stdin.write(f"{self.folder} {said}\n")
            return Service(int(self._nursery.stdout.readline()), said)
        command = [sys.executable, "-m", "quickstudy", *arguments(self.folder)]
        with said.open("wb") as out:
            self._child = subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
            )
        return Service(self._child.pid, said)

    def ready(self, service: Service) -> str:
        """Its address, once it listens. Raises RunError: it does not come to it."""
        until = time.monotonic() + START_SECONDS
        while (url := service.url()) is None:
            if time.monotonic() > until:
                raise runs.RunError("the service did not start")
            time.sleep(0.005)
        return url

    def kill(self, service: Service) -> None:
        os.kill(service.pid, signal.SIGKILL)
        if self._child:
            self._child.wait()
            self._child = None
            return
        assert self._nursery.stdout
        how = self._nursery.stdout.readline().strip()
        if how != str(int(signal.SIGKILL)):
            raise runs.RunError(f"the service ended by itself: {how}")


def arguments(folder: Path) -> list[str]:
    """Of the command."""
    return ["serve", str(folder), "--port", "0", "--json"]


def nurse() -> None:
    """Forks a service for each line, ``FOLDER OUTPUT``; tells its number, then how it ended."""
    from quickstudy import cli, learner, student
    from quickstudy.service import serve

    assert serve and learner and student  # imported before a child is forked, not in each
    for line in sys.stdin:
        folder, said = line.split()
        child = os.fork()
        if child == 0:
            out = os.open(said, os.O_WRONLY | os.O_APPEND)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os._exit(cli.main(arguments(Path(folder))))
        os.write(1, f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(1, f"{os.waitstatus_to_exitcode(status) * -1}\n".encode())


@contextlib.contextmanager
def nursery() -> Iterator[subprocess.Popen[str]]:
    """A process that runs `nurse`."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.crash_serve"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        env=runs.one_thread({"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}),
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            assert process.stdin
            process.stdin.close()


# ---- a life


class Kill(NamedTuple):
    """How a session ends: after so many seconds at work; at start: times what a start takes."""

    what: str
    seconds: float


@dataclass
class Life:
    """What came of one.

    kills: of the service, by when. students: kills of the student alone. in_flight: requests
    under way at a kill. start_seconds: until it listened; the first one is the command's.
    """

    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SHARES, 0))
    students: int = 0
    asked: int = 0
    told: int = 0
    in_flight: int = 0
    events: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    is_sound: bool = False
    start_seconds: list[float] = field(default_factory=list)


def moments(rng: random.Random, kills: int) -> list[Kill]:
    """When to kill; the first two starts are waited for, the command's and a forked one."""
    spans = {AT_START: (0.0, 1.1), UNDER_LOAD: LOAD_SECONDS, STUDENT: STUDENT_SECONDS}
    drawn = rng.choices(list(SHARES), list(SHARES.values()), k=kills)
    return [Kill(what, rng.uniform(*spans[what])) for what in [UNDER_LOAD] * 2 + drawn[2:]]


def live(place: Place, seed: int, kills: Sequence[Kill]) -> Life:
    """Sessions that are killed, and one that is not until all is told."""
    life, book = Life(), Book(place.folder)
    callers = [Caller(number, seed) for number in range(CALLERS)]
    for number, kill in enumerate(kills):
        _session(place, life, book, callers, kill, is_forked=number > 0)
    service, url = _started(place, life, is_forked=True)
    book.read_on()
    life.lost += book.lost(callers)
    _all(callers, "finish", url)
    with Client(url) as client:
        states = {name: client.post(name).state() for name in POSTS}
    place.kill(service)
    _close(place, life, book, callers, states)
    return life


def _session(
    place: Place,
    life: Life,
    book: Book,
    callers: Sequence[Caller],
    kill: Kill,
    is_forked: bool,
) -> None:
    life.kills[kill.what] += 1
    if kill.what == AT_START:
        service = place.start(is_forked)
        time.sleep(kill.seconds * life.start_seconds[-1])
        place.kill(service)
        return
    service, url = _started(place, life, is_forked)
    if not is_forked:
        with Client(url) as client:
            for name, declared in POSTS.items():
                client.post(name).create(**declared)
    book.read_on()
    life.lost += book.lost(callers)
    is_over = threading.Event()
    threads = [threading.Thread(target=caller.work, args=(url, is_over)) for caller in callers]
    for thread in threads:
        thread.start()
    time.sleep(kill.seconds)
    if kill.what == STUDENT and (student := service.student()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(student, signal.SIGKILL)
            life.students += 1
        time.sleep(min(kill.seconds, 1.5))
    place.kill(service)
    is_over.set()
    for thread in threads:
        thread.join()
    life.in_flight += sum(caller.pending is not None for caller in callers)


def _started(place: Place, life: Life, is_forked: bool) -> tuple[Service, str]:
    began = time.monotonic()
    service = place.start(is_forked)
    url = place.ready(service)
    life.start_seconds.append(time.monotonic() - began)
    return service, url


def _all(callers: Sequence[Caller], what: str, *told: Any) -> None:
    threads = [threading.Thread(target=getattr(one, what), args=told) for one in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _close(
    place: Place, life: Life, book: Book, callers: Sequence[Caller], states: dict[str, Any]
) -> None:
    """The last look, when everything was acknowledged."""
    life.events = book.read_on()
    life.lost += book.lost(callers)
    life.doubled = book.doubled(callers)
    life.asked = sum(bool(one.id) for caller in callers for one in caller.asked)
    life.told = sum(one.is_acknowledged for caller in callers for one in caller.outcomes)
    life.wrong = [what for caller in callers for what in caller.wrong]
    outcomes = [one for caller in callers for one in caller.outcomes]
    for name, state in states.items():
        told = sum(one.told["reward"] or 0.0 for one in outcomes if one.of.post == name)
        for whose, found in (("log", book.rewards(name)), ("post", state["ledger"]["rewards"])):
            if found != told:
                life.wrong.append(f"{name}: told {told} in all, the {whose} has {found}")
    with Log.open(place.folder / "experience.db", readonly=True) as log:
        life.is_sound = log.verify().is_sound


def is_fine(line: Line) -> bool:
    return line["is_sound"] and not (line["lost"] or line["doubled"] or line["wrong"])


# ---- the table


def run(seed: int, kills: int, lives: int, path: Path, resume: bool) -> list[Line]:
    """All lives, each a line in `path`; with `resume`, those that it has are left out."""
    source = runs.fingerprint(SOURCE)
    done = {line["plan"]["seed"]: line for line in runs.read(path) if line["source"] == source}
    if not resume:
        done.clear()
        path.unlink(missing_ok=True)
    for number in range(lives):
        share = kills * (number + 1) // lives - kills * number // lives
        plan = Plan("service", OURS, seed + number, share, 0, 0, 0)
        if plan.seed in done:
            continue
        began = time.time()
        with tempfile.TemporaryDirectory() as scratch, nursery() as process:
            place = Place(Path(scratch), process)
            life = live(place, plan.seed, moments(random.Random(plan.seed), share))
        line = {
            "plan": asdict(plan), **asdict(life), "wall": round(time.time() - began, 1),
            "versions": runs.versions("numpy", "jax", "apsw", "uvicorn", "fastapi"),
            "source": source, "date": datetime.date.today().isoformat(),
        }  # fmt: skip
        runs.append(path, line)
        done[plan.seed] = line
        said = f"life {plan.seed}: {share} kills, {_verdict(line)}, {line['wall']} s"
        print(said, flush=True)
    return [done[seed + number] for number in range(lives)]


def report(lines: Sequence[Line], command: str) -> str:
    """The results file."""
    kills = [sum(line["kills"].values()) for line in lines]
    total: Counter[str] = sum((Counter(line["kills"]) for line in lines), Counter())
    by = ", ".join(f"{total[what]} {what}" for what in SHARES)
    starts = sorted(seconds for line in lines for seconds in line["start_seconds"][1:])
    result = [
        ["kills of the service, kill -9", f"{sum(kills)}: {by}"],
        ["kills of its student alone", _sum(lines, "students")],
        ["requests under way at a kill, sent again under their keys", _sum(lines, "in_flight")],
        ["acknowledged: decisions; what was told of them",
         f"{_sum(lines, 'asked')}; {_sum(lines, 'told')}"],
        ["of these lost, or there otherwise than answered",
         str(sum(len(line["lost"]) for line in lines))],
        ["doubled, or there and never sent", str(sum(len(line["doubled"]) for line in lines))],
        ["answers that should not have been, sums of rewards that differ",
         str(sum(len(line["wrong"]) for line in lines))],
        ["logs that are sound", f"{sum(line['is_sound'] for line in lines)} of {len(lines)}"],
    ]  # fmt: skip
    rows = [
        [str(line["plan"]["seed"]), str(count),
         *(str(line["kills"].get(what, 0)) for what in SHARES), str(line["students"]),
         f"{line['asked']:,}", f"{line['told']:,}", str(line["in_flight"]),
         f"{line['events']:,}", _verdict(line)]
        for line, count in zip(lines, kills, strict=True)
    ]  # fmt: skip
    head = ["life", "kills", *SHARES, "students killed", "decisions", "outcomes", "sent again",
            "events in the log", "verdict"]  # fmt: skip
    conditions = (
        f"{CALLERS} connections to a fresh learner with three posts in each life. A start, "
        f"forked, took {tables.number(starts[len(starts) // 2])} s (median) until it listened; "
        f"load went on for {LOAD_SECONDS[0]:g} to {LOAD_SECONDS[1]:g} s before a kill, and for "
        f"{STUDENT_SECONDS[0]:g} to {STUDENT_SECONDS[1]:g} s before a student's. The first "
        "start of a life is `quickstudy serve` itself, all others are forked from a process "
        "that has imported everything: no kill falls on imports."
    )
    return (
        "\n\n".join(
            [
                tables.header("Crashes: kill -9 of a service under load", command, lines),
                conditions,
                tables.summary(tables.table(["", "result"], result)),
                tables.table(head, rows),
            ]
        )
        + "\n"
    )


def _sum(lines: Sequence[Line], what: str) -> str:
    return f"{sum(line[what] for line in lines):,}"


def _verdict(line: Line) -> str:
    if is_fine(line):
        return "all there, once"
    found = [*line["lost"], *line["doubled"], *line["wrong"]]
    return f"**{len(found)} wrong: {'; '.join(found[:3]) or 'the log is damaged'}**"


if __name__ == "__main__":
    nurse()
