"""The load generator: what it counts, and what it finds lost."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from benchmarks import load
from quickstudy.experience.event import Kind
from quickstudy.experience.log import Log


def measured(rate: float | None, seconds: float, pause: float = 0.0) -> load.Line:
    """What the generator says of a service that knows two requests."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wait = pause  # from the first question on: a slow machine only makes it longer
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if wait and b"/decide" in head:
                    await asyncio.sleep(wait)
                    wait = 0.0
                length = head.lower().split(b"content-length: ")[1].split()[0]
                await reader.readexactly(int(length))
                body = b'{"id": 3, "action": 1}' if b"/decide" in head else b'{"items": []}'
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
                writer.write(body)
        writer.close()

    async def run() -> load.Line:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            line = await load.Generator("127.0.0.1", port).run(2, rate, seconds)
            await asyncio.sleep(0.05)  # both ends hang up
        return line

    return asyncio.run(run())


@pytest.mark.parametrize("rate", [None, 200.0])
def test_every_answer_is_counted_once(rate: float | None) -> None:
    line = measured(rate, 0.5)
    assert line["last"] == 3 and 0 < line["told"] <= line["decisions"]
    assert 0 < line["p50"] <= line["p99"] <= line["p99.9"] <= line["max"]
    if rate:
        assert line["decisions"] <= rate * line["seconds"] + 1


def test_an_open_run_charges_a_pause_to_all_who_were_due() -> None:
    """The service stops for 0.3 s once; closed, that would be two slow answers of many."""
    assert measured(100.0, 0.4, pause=0.3)["p50"] > 50


def test_what_was_answered_and_is_not_in_the_log_is_lost(tmp_path) -> None:
    (tmp_path / "ada").mkdir()
    with Log.create(tmp_path / "ada" / "experience.db") as log:
        for _ in range(3):
            log.append(Kind.DECISION, "load", observation=[0.0], action=[0.0])
        last = log.sync()
    assert load.lost(tmp_path, last, 3) == 0
    assert load.lost(tmp_path, last, 5) == 2


def test_the_report_reads_its_lines() -> None:
    line = {
        "decisions": 1_000, "seconds": 1.0, "p50": 1.0, "p99": 2.0, "p99.9": 3.0, "max": 4.0,
        "connections": 8, "rate": 0.0, "service_cpu": 0.5, "commits": 100.0, "studied": 10,
        "lag": 5, "load": 1.0,
    }  # fmt: skip
    text = load.report([line, line | {"rate": 500.0}], 0, "python -m benchmarks.load")
    assert "| closed | 8 | 1,000 |" in text and "| open, 500/s |" in text
    assert "of 2,000 answered decisions 0 were lost" in text
