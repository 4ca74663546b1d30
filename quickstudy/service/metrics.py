"""Numbers for Prometheus, in a registry of their own.

Left out: labels by episode or action (there is no end of them); the page shows those.
"""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class Metrics:
    """What the service counts. The methods are what others call as things happen."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "quickstudy_request_seconds", "Requests, from their headers to the last byte.",
            ["endpoint"], buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._statuses = Counter(
            "quickstudy_requests", "Requests by status.", ["endpoint", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._events = Counter(
            "quickstudy_events", "What happened at a post: decisions, outcomes, incidents….",
            ["post", "kind"], registry=self._registry,
        )  # fmt: skip
        self._commits = Histogram(
            "quickstudy_commit_seconds", "Commits of the log, fsync included.",
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._served = Counter(
            "quickstudy_commits_served", "Requests that waited for those commits.",
            registry=self._registry,
        )  # fmt: skip
        self._gauges = {
            name: Gauge(f"quickstudy_{name}", about, registry=self._registry)
            for name, about in {
                "posts": "Posts there are.",
                "inbox": "What waits for a person.",
                "student_is_alive": "Whether the process that studies runs.",
                "student_lag_events": "Events that it has not taken in yet.",
                "log_position": "Events in the log.",
            }.items()
        }
        self._request_of: dict[tuple[str, int], tuple[Any, Any]] = {}
        self._event_of: dict[tuple[str, str], Any] = {}

    def request(self, endpoint: str, status: int, seconds: float) -> None:
        """A request was answered."""
        known = self._request_of.get((endpoint, status))
        if known is None:
            known = self._requests.labels(endpoint), self._statuses.labels(endpoint, status)
            self._request_of[endpoint, status] = known
        known[0].observe(seconds)
        known[1].inc()

    def event(self, event: dict[str, Any]) -> None:
        """Something happened in the office."""
        where = str(event.get("post") or ""), str(event["kind"])
        known = self._event_of.get(where)
        if known is None:
            known = self._event_of[where] = self._events.labels(*where)
        known.inc()

    def commit(self, seconds: float, served: int) -> None:
        """The log was saved for so many who waited."""
        self._commits.observe(seconds)
        self._served.inc(served)

    def page(self, now: dict[str, float]) -> bytes:
        """All of it as text; `now`: the gauges, by name."""
        for name, value in now.items():
            self._gauges[name].set(value)
        return generate_latest(self._registry)
