"""A full disk under a real learner: told, survived, and nothing acknowledged is lost."""

from __future__ import annotations

import apsw
import httpx
import pytest
from served import real_service

from quickstudy.experience import log as logs
from quickstudy.experience.event import Kind
from quickstudy.experience.log import Log

DECLARED = {
    "name": "valve",
    "observation": {"type": "box", "shape": [2]},
    "action": {"type": "discrete", "n": 3},
    "one_step": True,
    "terms": {"any": {"first": "autonomous"}},
}
HERE = {"observation": [0.2, 0.4]}


def test_a_full_disk(tmp_path, monkeypatch):
    real = logs.Log._write
    is_full = False

    def write(log, group, names):
        if is_full:
            raise apsw.FullError("database or disk is full")
        real(log, group, names)

    monkeypatch.setattr(logs.Log, "_write", write)
    acknowledged = []
    with real_service(tmp_path / "ada") as (url, _), httpx.Client(base_url=url) as http:
        http.post("/v1/posts", json=DECLARED).raise_for_status()

        def ask(key):
            return http.post("/v1/posts/valve/decide", json=HERE | {"key": key})

        acknowledged += [ask(f"before {i}").json()["id"] for i in range(3)]
        is_full = True
        for i in range(5):
            answer = ask(f"during {i}")
            assert answer.status_code == 503, answer.text
            assert "full" in answer.json()["error"] and answer.headers["retry-after"]
        assert http.get("/healthz").status_code == 200
        assert http.get("/v1/posts/valve").status_code == 200
        is_full = False
        again = [ask(f"during {i}") for i in range(5)]
        while any(answer.status_code == 503 for answer in again):  # it looks once a second
            again = [ask(f"during {i}") for i in range(5)]
        acknowledged += [answer.json()["id"] for answer in again]
        assert ask("during 0").json()["id"] == again[0].json()["id"]
    with Log.open(tmp_path / "ada" / "experience.db", readonly=True) as log:
        kept = [event.n for event in log.read(kinds=[Kind.DECISION])]
    assert set(acknowledged) <= set(kept) and len(set(acknowledged)) == 8


@pytest.mark.parametrize("kind", [apsw.IOError, apsw.ReadOnlyError])
def test_a_failing_disk_is_a_sentence(tmp_path, monkeypatch, kind):
    real = logs.Log._write

    def write(log, group, names):
        raise kind("disk I/O error")

    with real_service(tmp_path / "ada") as (url, _), httpx.Client(base_url=url) as http:
        http.post("/v1/posts", json=DECLARED).raise_for_status()
        monkeypatch.setattr(logs.Log, "_write", write)
        answer = http.post("/v1/posts/valve/decide", json=HERE)
        assert answer.status_code == 503 and set(answer.json()) == {"error", "code"}
        monkeypatch.setattr(logs.Log, "_write", real)
