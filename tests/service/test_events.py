"""Server-sent events: what is told, to whom, and what happens when nobody listens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import time

import fake_office as fakes
import httpx
import pytest

from quickstudy.errors import QuickstudyError
from quickstudy.service import events
from quickstudy.service.events import Hub
from quickstudy.service.journal import Journal
from quickstudy.service.webhook import Webhook

HERE = {"observation": [0.2, 0.4]}


@contextlib.contextmanager
def watching(http):
    """The events as they come: an iterator of (kind, data)."""

    def told(lines):
        kind = ""
        for line in lines:
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            if line.startswith("data: "):
                yield kind, json.loads(line.removeprefix("data: "))

    with http.stream("GET", "/v1/events", timeout=30) as stream:
        lines = stream.iter_lines()
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert next(lines) == "retry: 2000"
        yield told(lines)


def test_what_happens_is_told(http):
    with watching(http) as told, httpx.Client(base_url=http.base_url, verify=False) as other:
        id = other.post("/v1/posts/valve/decide", json=HERE).json()["id"]
        kind, event = next(told)
        assert kind == event["kind"] == "decision"
        assert (event["id"], event["post"], event["skipped"]) == (id, "valve", 0)
        other.post("/v1/posts/valve/decide", json={"observation": [fakes.ASKS, 0.0]})
        assert next(told)[0] == "asked"


def test_a_client_that_goes_away_leaves_nothing_behind(open_service, http):
    office, url = open_service
    hub = office.listeners[0].__self__
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as wire:
        wire.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        seen = b""
        while b"hello" not in seen:
            seen += wire.recv(4096)
        assert len(hub._readers) == 1
    for _ in range(100):
        http.post("/v1/posts/valve/decide", json=HERE)
        if not hub._readers:
            break
        time.sleep(0.05)
    assert not hub._readers


def test_a_client_that_goes_away_in_the_midst_of_its_body_or_answer(open_service, http, office):
    host, port = open_service[1].removeprefix("http://").split(":")
    head = b"POST /v1/posts/valve/decide HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: 27\r\n\r\n"
    for body in (b'{"obser', b'{"observation": [0.2, 0.4]}'):
        with fakes.frozen(office.log), socket.create_connection((host, int(port))) as wire:
            wire.sendall(head + body)
            time.sleep(0.05)
    assert http.post("/v1/posts/valve/decide", json=HERE).status_code == 200


# ---- the hub by itself


def decision(id=1):
    return {"kind": "decision", "post": "valve", "id": id}


def test_decisions_are_sampled_and_counted():
    now = [10.0]

    async def run():
        hub = Hub(lambda: now[0])
        stream = hub.stream()
        await anext(stream)
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        for i in range(100):
            hub.publish(decision(i))
        hub.publish({"kind": "switch", "post": "valve", "state": "off"})
        now[0] += 1
        hub.publish(decision(100))
        lines = (await reading).decode()
        assert lines.count("event: decision") == 2 and '"skipped":99' in lines
        assert "event: switch" in lines

    asyncio.run(run())


def test_who_reads_too_slowly_is_told_how_much_was_missed(monkeypatch):
    monkeypatch.setattr(events, "MOST_WAITING", 10)

    async def run():
        hub = Hub()
        stream = hub.stream()
        await anext(stream)
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        for _ in range(25):
            hub.publish({"kind": "gate", "post": "valve"})
        assert b'"count":15' in await reading

    asyncio.run(run())


def test_a_quiet_stream_has_a_heartbeat_and_ends_when_the_hub_does(monkeypatch):
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(events, "WRITE_SECONDS", 0.0)

    async def run():
        hub = Hub()
        stream = hub.stream()
        await anext(stream)
        assert (await anext(stream)).startswith(b":")
        hub.close()
        assert [line async for line in stream] in ([], [b""])
        assert not hub._readers
        await hub.changed(3, 60.0)  # does not wait any more

    asyncio.run(run())


# ---- webhooks


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://localhost", "localhost:80", ""])
def test_a_webhook_goes_to_https_or_stays_here(url):
    with pytest.raises(QuickstudyError, match="https"):
        Webhook(url)


def test_a_question_is_sent_and_a_dead_address_delays_nobody():
    with socket.create_server(("127.0.0.1", 0)) as server:
        hook = Webhook(f"http://127.0.0.1:{server.getsockname()[1]}/secret")
        hook.heard(decision())
        hook.heard({"kind": "asked", "post": "valve", "id": 7})
        wire, _ = server.accept()
        with wire:
            got = b""
            while b"}" not in got:
                got += wire.recv(4096)
            wire.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert b'"id": 7' in got and got.startswith(b"POST /secret")
    for _ in range(300):  # nobody is there any more, and more comes than is kept
        hook.heard({"kind": "asked", "post": "valve", "id": 8})


# ---- the journal


def test_the_journal_tells_what_people_want_to_know_on_one_line(capsys):
    switched = {"kind": "switch", "post": "valve", "time": 3.0, "state": "off", "who": "N\nx"}
    for is_json in (False, True):
        journal = Journal(is_json)
        journal.heard(switched | {"why": None, "answer": object()})
        journal.heard(decision())
        journal.heard({"kind": "gate", "post": "valve", "time": 3.0, "acts": []})
    out, err = capsys.readouterr()
    assert err == "quickstudy: N x switched post valve off.\n"
    told = json.loads(out)
    assert (told["event"], told["who"], told["state"]) == ("switch", "N\nx", "off")


def test_the_journal_tells_in_sentences(capsys):
    journal, at = Journal(False), {"post": "valve", "time": 3.0}
    for kind, more in [
        ("post", {"id": None}),
        ("asked", {"id": 7}),
        ("answered", {"id": 7, "who": "ann"}),
        ("answered", {"id": 8, "who": None}),
        ("switch", {"state": "paused", "who": "ann", "why": "Too hot."}),
        ("lessons", {"count": 3, "who": "bob"}),
        ("incident", {"who": "bob", "what": "A mistake,\nat 7."}),
        ("news", {}),
    ]:
        journal.heard({"kind": kind} | at | more)
    assert capsys.readouterr().err.splitlines() == [
        "quickstudy: post valve was created.",
        "quickstudy: post valve asks a person about decision 7.",
        "quickstudy: ann answered decision 7 of post valve.",
        "quickstudy: nobody answered decision 8 of post valve in time.",
        "quickstudy: ann switched post valve paused: Too hot.",
        "quickstudy: post valve took in 3 steps that bob showed.",
        "quickstudy: incident at post valve: A mistake, at 7.",
        "quickstudy: news at post valve.",
    ]


def test_what_libraries_log_becomes_a_line(capsys, monkeypatch):
    for name in ("uvicorn.error", "quickstudy.service", "asyncio"):  # put back afterwards
        for part in ("handlers", "propagate"):
            logger = logging.getLogger(name)
            monkeypatch.setattr(logger, part, getattr(logger, part))
    Journal(False).listen()
    logging.getLogger("uvicorn.error").error("bad\nthing")
    logging.getLogger("uvicorn.error").info("nothing")
    assert capsys.readouterr().err == "quickstudy: bad thing\n"
