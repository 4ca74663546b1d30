"""`quickstudy serve`: a learner at its posts, over HTTP, until it is stopped.

    HTTP ── this process: the event loop, the office and the mind that acts
              │ one thread fsyncs the log for all who wait (commit)
            experience.db ── the student's process studies and hands back what it learned

One thread runs everything but the fsync, so nothing here is locked and a decision's time is
its own. Where no keys were made it listens on loopback only and needs none.

Left out: several processes behind one port (a learner is one log, and one writer).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from quickstudy.errors import QuickstudyError
from quickstudy.experience import folder as folders
from quickstudy.front import Front, open_front
from quickstudy.interrupt import SIGNALS
from quickstudy.learner import hire
from quickstudy.posts.office import Office
from quickstudy.service.app import make_app
from quickstudy.service.commit import Committer
from quickstudy.service.desk import Desk
from quickstudy.service.events import Hub
from quickstudy.service.journal import Journal
from quickstudy.service.keys import Keys
from quickstudy.service.metrics import Metrics
from quickstudy.service.webhook import Webhook
from quickstudy.student import Student

TEND_SECONDS = 0.5
GRACE_SECONDS = 5.0  # for answers under way when it is stopped
# A full collection of a learner's memory takes tens of milliseconds; what is there stays there.
COLLECT_AFTER = (50_000, 50, 1_000)


@dataclass(frozen=True)
class Asked:
    """What a person chose.

    learner: a name or path; hired if new. port: 0 for any free one. webhook: an address.
    """

    learner: str
    host: str = "127.0.0.1"
    port: int = 8000
    webhook: str | None = None
    is_json: bool = False


def serve(asked: Asked) -> None:
    """Serves until Ctrl-C or SIGTERM.

    Raises:
      QuickstudyError: the address is taken or not allowed, or the learner is in use or damaged.
    """
    journal = Journal(asked.is_json)
    journal.listen()
    path = _folder(asked.learner)
    keys = Keys(path)
    _check_reach(asked.host, keys, path)
    hook = Webhook(asked.webhook) if asked.webhook else None
    with _listening(asked.host, asked.port) as bound, open_front(path) as front:
        office = Office(front)
        office.listeners.append(journal.heard)
        if hook:
            office.listeners.append(hook.heard)
        with Student(path) as student:
            desk = _desk(office, front, student)
            _settle()
            server = _Server(desk, keys)
            journal.write(
                "serving",
                f"{front.path.name} serves at {_url(bound)}, "
                f"{'with keys' if keys.are_there else 'open to this machine only'}; "
                "Ctrl-C stops it.",
                url=_url(bound), learner=front.path.name, has_keys=keys.are_there,
            )  # fmt: skip
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(_run(server, bound, _tending(office, front, student, desk.hub)))
    journal.write("stopped", f"{path.name} stopped; everything is saved.")


def _desk(office: Office, front: Front, student: Student) -> Desk:
    def standing() -> dict[str, Any]:
        return {
            "learner": front.path.name,
            "position": front.log.last,
            "student_is_alive": student.is_alive,
            "student_lag_events": front.lag,
        }

    metrics = Metrics()
    return Desk(office, Committer(front.log, metrics.commit), Hub(), metrics, standing)


async def _run(server: _Server, bound: socket.socket, tending: Callable[[], None]) -> None:
    tender = asyncio.create_task(_keep(tending))
    try:
        await server.serve([bound])
    finally:
        tender.cancel()


async def _keep(tending: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(TEND_SECONDS)
        tending()


def _tending(office: Office, front: Front, student: Student, hub: Hub) -> Callable[[], None]:
    """What has to be looked after: time-outs, the student, and what it learned."""

    def tend() -> None:
        try:
            student.tend()
            if front.refresh():
                hub.publish({"kind": "learned", "position": front.log.last})
            office.tick()
        except QuickstudyError as error:  # a full disk, for now; the next round tries again
            hub.publish({"kind": "incident", "what": str(error)})

    return tend


class _Server(uvicorn.Server):
    """Ctrl-C ends the streams too, which would never end by themselves; and is no error."""

    def __init__(self, desk: Desk, keys: Keys):
        self._hub = desk.hub
        super().__init__(
            uvicorn.Config(
                make_app(desk, keys),
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=int(GRACE_SECONDS),
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def heard(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)
            loop.call_soon_threadsafe(self._hub.close)

        former = {number: signal.signal(number, heard) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


def _folder(name: str) -> Path:
    """The learner's folder; a new learner is hired."""
    path = folders.resolve(name)
    if not folders.is_learner(path):
        hire(path).close()
    return path


def _check_reach(host: str, keys: Keys, path: Path) -> None:
    """Raises QuickstudyError where anybody in a network could use it."""
    if keys.are_there or host == "localhost":
        return
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return
    raise QuickstudyError(
        f"Without keys only this machine may be served, and {host} is reached from elsewhere; "
        f"make a key first: quickstudy keys add {path.name} --scope admin."
    )


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there.

    Raises:
      QuickstudyError: somebody else does, or it is no address of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.create_server(address, family=family, backlog=2048)
        # Head and body leave in two writes; without this the second waits 40 ms for an echo.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise QuickstudyError(
                f"Port {port} of {host} is in use; stop what listens there, or take another "
                "with --port."
            ) from error
        said = (error.strerror or str(error)).lower()
        raise QuickstudyError(f"Cannot listen at port {port} of {host}: {said}.") from error
    with bound:
        yield bound


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _settle() -> None:
    """Keeps the collector out of a decision's way."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
