"""Decisions over HTTP under load: how many a second, how late, while learning goes on.

    python -m benchmarks.load
    python -m benchmarks.load --seconds 60 --rates 500,1000 --connections 1,8,32

A real `quickstudy serve` with its student, and this generator in a process of its own, on the
same machine: one post of one-step decisions (eight numbers, four options, a reward that depends
on both), keep-alive. An answer counts when it came, and it comes when its decision is fsynced.
What followed is told back in batches of up to a hundred, ten times a second, so that there is
something to learn; those requests are part of the load and not counted as decisions.

*Closed*: each connection asks again as soon as it has its answer. *Open*: questions fall due at
a steady rate whether or not answers came, and the time counts from when each was due, so that a
pause is charged to all who would have come during it (coordinated omission; Tene 2013). After
the last run the service is killed with SIGKILL, and every answered decision is looked for in
the log.

Left out: networks, TLS, many posts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from benchmarks import runs, tables
from benchmarks.runs import RESULTS, Line

POST: dict[str, Any] = {
    "name": "load",
    "observation": {"type": "box", "shape": [8], "low": -1, "high": 1},
    "action": {"type": "discrete", "n": 4},
    "one_step": True,
    "terms": {"any": {"first": "autonomous"}},
}
QUESTIONS = 512  # different ones
WARM_UP_SECONDS = 5.0
TELL_SECONDS = 0.1
MOST_TOLD = 100


# ---- the generator: a process of its own


class Wire(asyncio.Protocol):
    """One keep-alive connection with one question under way."""

    def __init__(self) -> None:
        self._seen = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the service hung up"))

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length or self._answer is None:
            return
        self._seen = b""
        if not head.startswith(b"HTTP/1.1 200"):
            self._answer.set_exception(RuntimeError(body.decode()))
        else:
            self._answer.set_result(body)

    async def ask(self, request: bytes) -> bytes:
        """Sends a request; the body of its answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hangs up."""
        self._transport.close()


class Generator:
    """Asks, tells what followed, and notes how long each answer took."""

    def __init__(self, host: str, port: int):
        self._host, self._port = host, port
        draw = random.Random(7)
        self._situations = [[draw.uniform(-1, 1) for _ in range(8)] for _ in range(QUESTIONS)]
        path = f"/v1/posts/{POST['name']}/decide"
        self._questions = [self._request(path, {"observation": x}) for x in self._situations]
        self._turn = itertools.count()
        self._earned: list[dict[str, Any]] = []
        self._wires: list[Wire] = []
        self.latencies: list[float] = []
        self.last = self.told = 0

    async def run(self, connections: int, rate: float | None, seconds: float) -> Line:
        """Closed, or open where a rate is given."""
        wires = [await self._connect() for _ in range(connections)]
        teller = asyncio.create_task(self._keep_telling())
        began = time.perf_counter()
        if rate is None:
            await asyncio.gather(*(self._closed(wire, began + seconds) for wire in wires))
        else:
            await self._open(wires, rate, seconds)
        took = time.perf_counter() - began
        teller.cancel()
        for wire in self._wires:
            wire.close()
        waits = sorted(self.latencies)
        return {
            "decisions": len(waits), "seconds": took, "last": self.last, "told": self.told,
            **{f"p{q:g}": waits[int(q / 100 * (len(waits) - 1))] * 1e3 for q in (50, 99, 99.9)},
            "max": waits[-1] * 1e3,
        }  # fmt: skip

    async def _closed(self, wire: Wire, until: float) -> None:
        while (now := time.perf_counter()) < until:
            await self._one(wire, now)

    async def _open(self, wires: list[Wire], rate: float, seconds: float) -> None:
        due: asyncio.Queue[float | None] = asyncio.Queue()

        async def worker(wire: Wire) -> None:
            while (moment := await due.get()) is not None:
                await self._one(wire, moment)

        workers = [asyncio.create_task(worker(wire)) for wire in wires]
        began, count = time.perf_counter(), 0
        while (now := time.perf_counter() - began) < seconds:
            for i in range(count, int(now * rate)):
                due.put_nowait(began + i / rate)
            count = int(now * rate)
            await asyncio.sleep(0.0005)
        for _ in workers:
            due.put_nowait(None)
        await asyncio.gather(*workers)

    async def _one(self, wire: Wire, since: float) -> None:
        number = next(self._turn) % QUESTIONS
        answer = orjson.loads(await wire.ask(self._questions[number]))
        self.latencies.append(time.perf_counter() - since)
        self.last = max(self.last, answer["id"])
        reward = self._situations[number][answer["action"]]  # as good as that number is high
        self._earned.append({"decision": answer["id"], "reward": round(reward, 3)})

    async def _keep_telling(self) -> None:
        wire = await self._connect()
        while True:
            await asyncio.sleep(TELL_SECONDS)
            while self._earned:
                part, self._earned = self._earned[:MOST_TOLD], self._earned[MOST_TOLD:]
                await wire.ask(self._request("/v1/outcomes", {"items": part}))
                self.told += len(part)

    async def _connect(self) -> Wire:
        loop = asyncio.get_running_loop()
        wire = (await loop.create_connection(Wire, self._host, self._port))[1]
        self._wires.append(wire)
        return wire

    def _request(self, path: str, body: Any) -> bytes:
        told = orjson.dumps(body)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(told)}\r\n\r\n"
        )
        return head.encode() + told


def generate(address: str, connections: str, rate: str, seconds: str) -> None:
    """What the generator's process does; prints one JSON line."""
    import uvloop

    host, port = address.split(":")
    generator = Generator(host, int(port))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        line = runner.run(generator.run(int(connections), float(rate) or None, float(seconds)))
    print(json.dumps(line | {"cpu": time.process_time()}))


# ---- the service, and what is asked of it


@contextlib.contextmanager
def service(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service of a fresh learner: its process, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "quickstudy", "serve", "ada", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"QUICKSTUDY_HOME": str(home)},
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["url"].removeprefix("http://")
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def call(address: str, path: str, body: Any = None) -> Any:
    """One request of our own."""
    told = None if body is None else json.dumps(body).encode()
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}{path}", told, head)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def health(address: str) -> dict[str, Any]:
    return json.loads(call(address, "/healthz"))


def commits(address: str) -> float:
    """How many there were."""
    lines = call(address, "/metrics").decode().splitlines()
    name = "quickstudy_commit_seconds_count "
    return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def cpu_seconds(pid: int) -> float:
    """Of a process, its threads included (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def one(address: str, pid: int, connections: int, rate: float, seconds: float) -> Line:
    """One run, with what the service did meanwhile."""
    before, spent, many = health(address), cpu_seconds(pid), commits(address)
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", "--generate", address, str(connections),
         str(rate), str(seconds)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = json.loads(told.stdout)
    after = health(address)
    studied = (after["position"] - after["student_lag_events"]) - (
        before["position"] - before["student_lag_events"]
    )
    return line | {
        "connections": connections,
        "rate": rate,
        "service_cpu": cpu_seconds(pid) - spent,
        "commits": commits(address) - many,
        "studied": studied,
        "lag": after["student_lag_events"],
        "load": os.getloadavg()[0],
    }


def lost(home: Path, last: int, answered: int) -> int:
    """How many of the answered decisions are not in the log of a killed service."""
    from quickstudy.experience.event import Kind
    from quickstudy.experience.log import Log

    with Log.open(home / "ada" / "experience.db", readonly=True) as log:
        kept = sum(1 for event in log.read(job=POST["name"], kinds=[Kind.DECISION])
                   if event.n <= last)  # fmt: skip
    return max(answered - kept, 0)


def report(lines: list[Line], missing: int, command: str) -> str:
    """The results file."""
    about = {
        "date": datetime.date.today().isoformat(),
        "versions": runs.versions("uvicorn", "uvloop", "fastapi", "apsw", "jax"),
        "source": runs.fingerprint(("service", "posts", "deployment", "front.py")),
        "load": lines[0]["load"],
    }
    head = ["load", "connections", "decisions/s", "p50 ms", "p99 ms", "p99.9 ms", "longest ms",
            "decisions a commit", "service CPU µs a decision", "events studied/s",
            "events behind, at the end"]  # fmt: skip
    rows = [
        [
            "closed" if not line["rate"] else f"open, {line['rate']:,.0f}/s",
            str(line["connections"]),
            tables.number(line["decisions"] / line["seconds"], 4),
            *(tables.number(line[q]) for q in ("p50", "p99", "p99.9", "max")),
            tables.number(line["decisions"] / max(line["commits"], 1)),
            tables.number(line["service_cpu"] / line["decisions"] * 1e6),
            tables.number(line["studied"] / line["seconds"]),
            tables.number(line["lag"], 6),
        ]
        for line in lines
    ]
    answered = sum(line["decisions"] for line in lines)
    text = tables.table(head, rows)
    text += (
        f"\n\nKilled with SIGKILL afterwards: of {answered:,} answered decisions {missing:,} "
        "were lost."
    )
    notes = (
        "Service, its student and the generator share the machine's cores; every answer is "
        "counted after its decision's fsync; outcomes are told in batches beside it.",
    )
    return f"{tables.header('Load', command, [about], notes)}\n\n{tables.summary(text)}\n"


def main(arguments: list[str] | None = None) -> None:
    """Measures, and writes the table."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--generate"]:
        generate(*given[1:])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="of each run")
    parser.add_argument("--connections", default="1,8,32", help="closed runs: %(default)s")
    parser.add_argument("--rates", default="500,1000", help="open runs: %(default)s")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for the table")
    asked = parser.parse_args(arguments)
    plans = [(int(n), 0.0) for n in asked.connections.split(",") if n]
    plans += [(32, float(rate)) for rate in asked.rates.split(",") if rate]
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with service(home) as (process, address):
            call(address, "/v1/posts", POST)
            warm = one(address, process.pid, 8, 0.0, WARM_UP_SECONDS)
            lines = [one(address, process.pid, *plan, asked.seconds) for plan in plans]
        answered = warm["decisions"] + sum(line["decisions"] for line in lines)
        missing = lost(home, lines[-1]["last"], answered)
    text = report(lines, missing, runs.command("load", arguments))
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "load.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
