"""The client: what it sends, and what it does when a connection breaks."""

from __future__ import annotations

import ast
import socket
import sys
import threading
from pathlib import Path

import fake_office as fakes
import pytest

from quickstudy.service import client as module
from quickstudy.service.client import Client, Refused


@pytest.fixture
def valve(open_service, office):
    with Client(open_service[1]) as client:
        yield client.post("valve")


def test_it_needs_nothing_but_python():
    tree = ast.parse(Path(module.__file__).read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
             for alias in node.names]  # fmt: skip
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_decide_outcome_end(valve, office):
    answer = valve.decide([0.1, 0.2], episode="a/b")
    assert answer["action"] == "keep"
    assert valve.outcome(answer["id"], 1.0, done=True)["id"] == answer["id"]
    valve.end("tuesday", "truncated", observation=[0.0, 0.0])
    assert office.acts[-1][2] == {"episode": "tuesday", "end": "truncated"}
    assert valve.state()["name"] == "valve"


def test_a_batch_and_a_wait(valve, office):
    said = valve.decide_batch([{"observation": [0.1, 0.2]}, {"observation": [fakes.ASKS, 0.0]}])
    assert said[0]["action"] == "keep"
    assert valve.wait(said[1]["id"], 0.01)["needs_approval"]


def test_a_refusal_is_the_services_sentence(valve):
    with pytest.raises(Refused, match="shape") as refused:
        valve.decide([0.1])
    assert refused.value.status == 422
    with pytest.raises(ValueError, match="JSON"):
        valve.decide([float("nan"), 0.0])


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    with pytest.raises(Refused, match=f"127.0.0.1:{port}"):
        Client(f"http://127.0.0.1:{port}").post("valve").state()
    with pytest.raises(ValueError, match="address"):
        Client("127.0.0.1:8000")


def answering(server: socket.socket, count: int) -> list[bytes]:
    """Answers one request a connection, then hangs up without a word."""
    heard: list[bytes] = []

    def run():
        for _ in range(count):
            wire, _ = server.accept()
            with wire:
                heard.append(wire.recv(65_536))
                wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + b'{"id":1}')

    threading.Thread(target=run, daemon=True).start()
    return heard


def test_a_connection_that_was_closed_is_opened_anew_where_twice_is_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard = answering(server, 4)
        with Client(f"http://127.0.0.1:{server.getsockname()[1]}") as client:
            valve = client.post("valve")
            for _ in range(2):
                assert valve.decide([0.0], key="k") == {"id": 1}
                valve.outcome(1, 1.0)
            with pytest.raises(Refused, match="no answer"):
                valve.decide([0.0])  # it may have arrived, and has no key
    assert len(heard) == 4
