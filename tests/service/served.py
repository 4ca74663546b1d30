"""Services on real ports, while they are entered: of any desk, and of a real learner."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

import quickstudy as qs
from quickstudy.front import open_front
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
