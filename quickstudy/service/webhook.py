"""Tells another program when somebody is waited for: one POST a question.

It never delays a decision: a thread of its own sends, a queue holds what waits for it, and what
does not fit or does not arrive is written to the journal and forgotten (the inbox has it all).

Left out: retries, signatures (use a secret in the URL's path over https), redirects.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from quickstudy.errors import QuickstudyError
from quickstudy.service.door import LOOPBACK

TIMEOUT_SECONDS = 3.0
MOST_WAITING = 100
TOLD = "asked"
_log = logging.getLogger("quickstudy.service")


class Webhook:
    """An office's listener.

    Raises:
      QuickstudyError: the address is neither https nor on loopback.
    """

    def __init__(self, url: str):
        parts = urlsplit(url)
        is_near = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not (parts.hostname and (parts.scheme == "https" or is_near)):
            raise QuickstudyError(
                f"A webhook goes to https, or to http on this machine; {parts.scheme or 'no'} "
                f"address of {parts.hostname or 'no host'} came."
            )
        self._url = url
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(MOST_WAITING)
        self._opener = urllib.request.build_opener(_Stays)
        threading.Thread(target=self._keep_sending, name="webhook", daemon=True).start()

    def heard(self, event: dict[str, Any]) -> None:
        """Sends it soon, if it is a question."""
        if event["kind"] != TOLD:
            return
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            _log.warning("The webhook does not keep up; a question was not told.")

    def _keep_sending(self) -> None:
        while True:
            event = self._waiting.get()
            request = urllib.request.Request(
                self._url,
                json.dumps(event, default=str).encode(),
                {"Content-Type": "application/json"},
            )
            try:
                self._opener.open(request, timeout=TIMEOUT_SECONDS).close()
            except (OSError, ValueError) as error:  # the address may hold a secret: not told
                _log.warning("The webhook did not take a question: %s.", type(error).__name__)


class _Stays(urllib.request.HTTPRedirectHandler):
    """A redirect could lead to a place that was not allowed."""

    def redirect_request(self, *told: Any) -> None:
        return None
