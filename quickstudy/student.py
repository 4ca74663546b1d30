"""The process that studies for a learner at its post: follows the log, publishes what it knows.

    with open_front("ada") as front, Student(front.path) as student: ...
    python -m quickstudy.student PATH           # what `Student` starts

It opens the learner's folder for reading beside the process that acts (see `front`), takes in
what is on disk exactly as any later opening would, and writes the cache about once a second. So
it holds nothing that is not in the log, and may be killed at any time.

It ends by itself when whoever started it is gone: its standard input is a pipe from there, and
a pipe ends with its writer, however that came to its end.

Left out: several students (study is one stream of updates in the order of the log).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from quickstudy.errors import DiskTrouble, LearnerInUse, QuickstudyError
from quickstudy.experience import folder as folders

PUBLISH_SECONDS = 1.0  # from one cache to the next
PUBLISH_SHARE = 0.1  # of its time, at most
LOOK_SECONDS = 0.05  # from one look for what is new to the next
STUDY_SECONDS = 0.25  # from one look whether it is over to the next
NICENESS = 5  # acting comes first
WAIT_SECONDS = 30.0  # for an earlier student to end
STOP_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 60.0  # between two starts of one that fails


class Student:
    """The student of one learner, as the process that acts sees it.

    Use as a context manager, or `start` and `stop`; call `tend` now and then.
    """

    def __init__(self, path: Path, command: Sequence[str] | None = None):
        """path: the learner's folder. command: what to run there, for tests."""
        self._command = command or [sys.executable, "-m", "quickstudy.student", str(path)]
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._failures = 0

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts it, if it does not run."""
        if not self.is_alive:
            self.stop()
            # In a session of its own: a terminal's Ctrl-C is for whoever started us.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, start_new_session=True
            )
            self._started = time.monotonic()

    def tend(self) -> bool:
        """Starts it again where it died, ever less often where it dies again."""
        if self._process is None or self.is_alive:
            return self.is_alive
        age = time.monotonic() - self._started
        if age > LONGEST_PAUSE_SECONDS:
            self._failures = 0
        if age > min(2.0**self._failures, LONGEST_PAUSE_SECONDS):
            self._failures += 1
            self.start()
        return self.is_alive

    def stop(self) -> None:
        """Lets it publish what it has, and end; kills it where that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Student:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def study(path: Path, is_over: threading.Event) -> None:
    """Follows a learner's log and publishes what it learns, until it is over.

    Raises:
      LearnerInUse: another student does. DamagedLearner: the folder, or what is written there.
    """
    from quickstudy.learner import open_learner  # JAX takes seconds, and whoever starts us none

    with _alone(path), open_learner(path, readonly=True, is_behind=True) as learner:
        published, due = learner.position, 0.0
        while not is_over.is_set():
            is_idle = not learner.follow(STUDY_SECONDS)
            if learner.position > published and time.monotonic() >= due:
                began = time.monotonic()
                if _publish(learner.publish):
                    published = learner.position
                took = time.monotonic() - began
                due = began + max(PUBLISH_SECONDS, took / PUBLISH_SHARE)
            if is_idle:
                is_over.wait(LOOK_SECONDS)
        if learner.position > published:
            _publish(learner.publish)


def main(path: str) -> int:
    """Studies until standard input ends; an exit code."""
    is_over = threading.Event()
    threading.Thread(target=_wait_for_end, args=(is_over,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        study(Path(path), is_over)
    except KeyboardInterrupt:
        pass  # Ctrl-C goes to both processes; the other one ends us
    except QuickstudyError as error:
        print(f"The student: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _wait_for_end(is_over: threading.Event) -> None:
    parent = os.getppid()
    while os.read(sys.stdin.fileno(), 1024):
        pass
    if os.getppid() != parent:
        os._exit(0)  # killed: somebody else may be at work with the learner in a moment
    is_over.set()


def _publish(publish: Callable[[], None]) -> bool:
    try:
        publish()
    except DiskTrouble as error:
        print(f"The student: {error}", file=sys.stderr)
        return False
    return True


def _alone(path: Path) -> contextlib.AbstractContextManager[object]:
    """The right to study here; waits for an earlier student, which ends with its parent."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return folders.studying(path)
        except LearnerInUse:
            if time.monotonic() > until:
                raise
            time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
