"""A client of the service: one file, Python's own library alone. Copy it where you need it.

    valve = Client("http://127.0.0.1:8000").post("valve")
    valve.create(observation={"type": "box", "shape": [2]},
                 action={"type": "discrete", "n": 3, "labels": ["close", "keep", "open"]})
    answer = valve.decide([21.5, 22.0], episode="monday")
    valve.outcome(answer["id"], reward=-0.5)

One connection is kept open; where the server closed it meanwhile, it is opened anew. What may
have arrived is sent twice only where twice is once: a question with a key, an outcome, a GET.

Left out: threads (a client is one thread's), asyncio, server-sent events.
"""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import quote, urlencode, urlsplit


class Refused(Exception):
    """The service said no; the message is its sentence.

    Attributes:
      status: of the answer, 0 where none came. code: a word for programs.
    """

    def __init__(self, status: int, code: str, sentence: str):
        super().__init__(sentence)
        self.status, self.code = status, code


class Client:
    """A service at an address.

    Args:
      url: as `quickstudy serve` printed it. key: as `quickstudy keys add` printed it.
      timeout_seconds: for one answer, without what a long poll waits.
    """

    def __init__(self, url: str, key: str | None = None, timeout_seconds: float = 30.0):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"An address like http://127.0.0.1:8000 is expected; {url!r} came."
            )
        kind = (
            http.client.HTTPSConnection
            if parts.scheme == "https"
            else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_seconds)
        self._timeout = timeout_seconds
        self._root = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def post(self, name: str) -> Post:
        """A post by its name."""
        return Post(self, name)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        is_safe_twice: bool = False,
        wait_seconds: float = 0.0,
    ) -> Any:
        """Any route (see /openapi.json): what it answers.

        Raises:
          Refused: the service refused it, or cannot be reached.
        """
        told = None if body is None else json.dumps(body, allow_nan=False).encode()
        for attempt in (1, 2):
            is_old = self._connection.sock is not None
            try:
                return self._once(method, path, told, wait_seconds)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if attempt == 1 and is_old and (is_safe_twice or method == "GET"):
                    continue
                host = f"{self._connection.host}:{self._connection.port}"
                raise Refused(0, "unreachable", f"{host} gave no answer: {error!r}.") from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Lets go of the connection."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *told: object) -> None:
        self.close()

    def _once(self, method: str, path: str, told: bytes | None, wait_seconds: float) -> Any:
        connection = self._connection
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(self._timeout + wait_seconds)
        connection.request(method, self._root + path, told, self._headers)
        response = connection.getresponse()
        answer = response.read()
        try:
            said = json.loads(answer)
        except ValueError:
            said = {"error": f"{response.status} {response.reason}, and no JSON."}
        if response.status >= 400:
            raise Refused(response.status, said.get("code", ""), said.get("error", ""))
        return said


class Post:
    """A learner at one piece of work. What the methods take and give is JSON."""

    def __init__(self, client: Client, name: str):
        self._client, self._name = client, name
        self._path = f"/v1/posts/{quote(name, safe='')}"

    def create(self, **declared: Any) -> dict[str, Any]:
        """Declares it: observation, action, and terms. The same again changes nothing."""
        return self._client.call("POST", "/v1/posts", {"name": self._name, **declared}, True)

    def state(self) -> dict[str, Any]:
        """How it stands."""
        return self._client.call("GET", self._path)

    def decide(self, observation: Any, **more: Any) -> dict[str, Any]:
        """What to do: an answer with id, action, worth, … `more`: episode, mask, key, …"""
        body = {"observation": observation, **more}
        return self._client.call("POST", f"{self._path}/decide", body, "key" in more)

    def decide_batch(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Several at once; where one was refused, an "error" stands in its place."""
        is_safe_twice = all("key" in item for item in items)
        body = {"items": items}
        path = f"{self._path}/decide-batch"
        return self._client.call("POST", path, body, is_safe_twice)["items"]

    def wait(self, id: int, seconds: float = 30.0) -> dict[str, Any]:
        """The answer, once a person gave it, or as it stands after so long."""
        path = f"/v1/decisions/{id}?{urlencode({'wait': seconds})}"
        return self._client.call("GET", path, wait_seconds=seconds)

    def outcome(self, id: int, reward: float | None = None, **more: Any) -> dict[str, Any]:
        """What followed. `more`: key, done, truncated, observation, taken, …"""
        body = {"reward": reward, **more}
        return self._client.call("POST", f"/v1/decisions/{id}/outcome", body, True)

    def end(
        self, episode: str, end: str = "terminated", observation: Any = None
    ) -> dict[str, Any]:
        """An episode is over."""
        path = f"{self._path}/episodes/{quote(episode, safe='')}/end"
        return self._client.call("POST", path, {"end": end, "observation": observation}, True)
