"""An office, its service on a real port, and a client to call it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fakes
import httpx
import pytest
import uvicorn

import quickstudy as qs
from quickstudy.front import open_front
from quickstudy.posts.declared import from_json
from quickstudy.posts.office import Office
from quickstudy.service.app import make_app
from quickstudy.service.commit import Committer
from quickstudy.service.desk import Desk
from quickstudy.service.events import Hub
from quickstudy.service.keys import Keys
from quickstudy.service.metrics import Metrics


@contextmanager
def served(desk: Desk, keys: Keys | None = None) -> Iterator[str]:
    """The service's address, while a thread runs it."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(desk, keys), http="httptools", log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve([bound]),))
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        desk.hub.close()
        server.should_exit = True
        thread.join()
        bound.close()


@contextmanager
def real_service(folder: Path) -> Iterator[tuple[str, Office]]:
    """A service of a real learner that studies by itself, without a student's process."""
    qs.hire(folder).close()
    with open_front(folder, studies=True) as front:
        office, metrics = Office(front), Metrics()

        def standing() -> dict[str, Any]:
            return {
                "learner": "ada", "position": front.log.last, "student_is_alive": True,
                "student_lag_events": front.lag,
            }  # fmt: skip

        committer = Committer(front.log, metrics.commit)
        with served(Desk(office, committer, Hub(), metrics, standing)) as url:
            yield url, office


@pytest.fixture(scope="session")
def open_service() -> Iterator[tuple[fakes.FakeOffice, str]]:
    """A service without keys, for all tests; starting one takes a while."""
    office = fakes.FakeOffice()
    with served(fakes.desk(office)) as url:
        yield office, url


@pytest.fixture
def office(open_service: tuple[fakes.FakeOffice, str]) -> fakes.FakeOffice:
    """With one post, "valve", and nothing else."""
    office = open_service[0]
    office.forget()
    office.create(from_json(fakes.VALVE), "test")
    return office


@pytest.fixture
def http(open_service: tuple[fakes.FakeOffice, str], office: object) -> Iterator[httpx.Client]:
    """The service without keys."""
    with httpx.Client(base_url=open_service[1], verify=False) as client:
        yield client
