"""Every route: what it answers, and how it refuses."""

from __future__ import annotations

import collections
import concurrent.futures
import json
import re
import time

import fake_office as fakes
import pytest

from quickstudy.errors import DiskTrouble

VALVE = "/v1/posts/valve"
HERE = {"observation": [0.2, 0.4]}
THERE = {"observation": [fakes.ASKS, 0.4]}
WHO = {"who": "Nora", "why": "because"}


def ask(http, body=HERE, post="valve"):
    return http.post(f"/v1/posts/{post}/decide", json=body)


def refused(answer, status, *words):
    """The answer is that status and one sentence with these words."""
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert set(said) == {"error", "code"}
    assert "\n" not in said["error"] and said["error"].endswith((".", ")"))
    for word in words:
        assert word in said["error"], said["error"]


# ---- decisions and outcomes


def test_decide_answers_in_the_offices_words(http):
    said = ask(http).json()
    assert said["action"] == "keep" and said["by"] == "learner"
    assert said["low"] < said["worth"] < said["high"]
    assert said["propensity"] == 1.0 and said["needs_approval"] is False


def test_the_same_key_gets_the_same_answer(http):
    first, second = (ask(http, {**HERE, "key": "k"}).json() for _ in range(2))
    assert first == second
    assert ask(http, {**HERE, "key": "l"}).json()["id"] != first["id"]


def test_an_outcome_late_twice_and_contradicted(http):
    url = f"/v1/decisions/{ask(http).json()['id']}/outcome"
    assert http.post(url, json={"reward": 1.0}).status_code == 200
    assert http.post(url, json={"reward": 1.0}).status_code == 200
    refused(http.post(url, json={"reward": 2.0}), 409, "1.0", "2.0")
    assert http.post(url, json={"reward": 2.0, "key": "more"}).status_code == 200


def test_a_batch_answers_each_on_its_own(http):
    said = http.post(
        f"{VALVE}/decide-batch", json={"items": [HERE, {"observation": [1.0]}, THERE]}
    ).json()["items"]
    assert said[0]["action"] == "keep"
    assert said[1]["status"] == 422 and "shape" in said[1]["error"]
    assert said[2]["needs_approval"]
    told = http.post("/v1/outcomes", json={"items": [
        {"decision": said[0]["id"], "reward": 1.0}, {"decision": 10**6, "reward": 1.0},
    ]}).json()["items"]  # fmt: skip
    assert told[0]["id"] == said[0]["id"] and told[1]["status"] == 404


def test_a_batch_for_nobody_is_one_error(http):
    refused(http.post("/v1/posts/vlave/decide-batch", json={"items": [HERE]}), 404, "vlave")


def test_an_episode_ends(http, office):
    answer = http.post(f"{VALVE}/episodes/monday%20morning/end", json={"end": "truncated"})
    assert answer.status_code == 200
    assert office.acts[-1] == (
        "end",
        "valve",
        {"episode": "monday morning", "end": "truncated"},
    )


# ---- posts


def test_a_post_is_created_listed_and_shown(http):
    declared = fakes.VALVE | {"name": "pump", "one_step": True}
    assert http.post("/v1/posts", json=declared).status_code == 201
    assert http.post("/v1/posts", json=declared).status_code == 201
    refused(http.post("/v1/posts", json=declared | {"one_step": False}), 409, "pump")
    said = http.get("/v1/posts").json()
    assert [post["name"] for post in said["posts"]] == ["valve", "pump"]
    assert http.get("/v1/posts/pump").json()["declared"]["one_step"] is True


@pytest.mark.parametrize(
    ("part", "value", "word"),
    [
        ("action", {"type": "discreet", "n": 3}, "discrete"),
        ("observation", {"type": "box", "shape": [-1]}, "shape"),
        ("name", "", "name"),
        ("one_stop", True, "one_stop"),
        ("wait_seconds", -1, "wait_seconds"),
        ("terms", {"any": 3}, "terms"),
    ],
)
def test_a_post_that_will_not_do_says_which_part(http, part, value, word):
    answer = http.post("/v1/posts", json=fakes.VALVE | {"name": "new", part: value})
    assert 400 <= answer.status_code < 500
    assert word in answer.json()["error"]


def test_the_form_of_a_post_has_every_part_that_a_post_has():
    from dataclasses import fields

    from quickstudy.posts.declared import Declared
    from quickstudy.service.schemas import Declaring

    assert set(Declaring.model_fields) == {field.name for field in fields(Declared)}
    for field in fields(Declared):
        if field.name not in ("name", "observation", "action"):
            default = Declaring.model_fields[field.name].get_default(call_default_factory=True)
            assert default == getattr(Declared("x", {}, {"type": "box"}), field.name)


@pytest.mark.parametrize("path", ["", "/decisions", "/curve", "/snapshots"])
def test_what_there_is_to_see_of_a_post(http, path):
    assert http.get(VALVE + path).status_code == 200
    refused(http.get(f"/v1/posts/nobody{path}"), 404, "nobody")


# ---- mentors and the gate


def test_the_inbox_is_answered(http):
    id = ask(http, THERE).json()["id"]
    assert [one["id"] for one in http.get("/v1/inbox").json()["items"]] == [id]
    refused(http.post(f"/v1/inbox/{id}", json={"answer": "yes"}), 422, "answer")
    refused(http.post(f"/v1/inbox/{id}", json={"answer": "edit", "action": "shut"}), 422)
    said = http.post(f"/v1/inbox/{id}", json={"answer": "edit", "action": "open", **WHO})
    assert said.json()["action"] == "open" and said.json()["by"] == "mentor"
    refused(http.post(f"/v1/inbox/{id}", json={"answer": "allow"}), 409, str(id))
    assert http.get("/v1/inbox").json()["items"] == []


@pytest.mark.parametrize(
    ("path", "body", "act"),
    [
        (f"{VALVE}/verdict", {"reward": 1.0, "episode": "e"}, "verdict"),
        (f"{VALVE}/switch", {"state": "off"}, "switch"),
        ("/v1/switch", {"state": "paused"}, "switch"),
        (f"{VALVE}/demote", {"action_class": "any"}, "demote"),
        (f"{VALVE}/renew", {}, "renew"),
        (f"{VALVE}/pin", {"snapshot": "monday"}, "pin"),
        (f"{VALVE}/pin", {"snapshot": None}, "pin"),
        (f"{VALVE}/snapshots", {"label": "tuesday"}, "snapshot"),
    ],
)
def test_what_people_do_is_recorded_under_their_names(http, office, path, body, act):
    who = WHO if act != "snapshot" else {"who": "Nora"}
    answer = http.post(path, json=body | who)
    assert answer.json()["position"] == office.log.saved == office.log.last
    assert office.acts[-1][0] == act and office.acts[-1][2]["who"] == "Nora"


def test_an_audit(http, office):
    id = ask(http).json()["id"]
    assert http.post(f"/v1/decisions/{id}/audit", json={"is_error": False}).status_code == 200
    assert office.acts[-1][0] == "audit"


@pytest.mark.parametrize("path", ["demonstrations", "history"])
def test_lessons_come_as_json_or_as_lines(http, office, path):
    rows = [
        {"observation": [0.1, 0.2], "action": "keep", "reward": 1.0, "end": "terminated"}
    ] * 2
    assert http.post(f"{VALVE}/{path}", json={"items": rows}).status_code == 200
    lines = "\n".join(map(json.dumps, rows)) + "\n\n"
    head = {"Content-Type": "application/x-ndjson"}
    assert http.post(f"{VALVE}/{path}", content=lines, headers=head).status_code == 200
    assert len(office.acts[-1][2]["lessons"]) == 2
    refused(http.post(f"{VALVE}/{path}", content=lines + "{", headers=head), 400, "JSON")
    refused(http.post(f"{VALVE}/{path}", json=rows), 422)
    refused(http.post(f"{VALVE}/{path}", json={"items": [rows[0] | {"action": 9}]}), 422)
    refused(http.post(f"{VALVE}/{path}", json={"items": []}), 422, "items")


# ---- long polls


def test_a_poll_waits_for_a_person(http):
    id = ask(http, THERE).json()["id"]
    assert http.get(f"/v1/decisions/{id}").json()["needs_approval"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(http.get, f"/v1/decisions/{id}?wait=60")
        time.sleep(0.2)
        assert not waiting.done()
        http.post(f"/v1/inbox/{id}", json={"answer": "allow"})
        assert waiting.result(10).json()["action"] == "keep"


def test_a_poll_ends_when_its_time_is_over(http):
    id = ask(http, THERE).json()["id"]
    assert http.get(f"/v1/decisions/{id}?wait=0.05").json()["needs_approval"]
    refused(http.get(f"/v1/decisions/{id}?wait=600"), 422, "wait")
    refused(http.get("/v1/decisions/999999?wait=5"), 404, "999999")


# ---- bad input


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "JSON"),
        (b"{", 400, "JSON"),
        (b'{"observation": [NaN, 0]}', 400, "JSON"),
        (b'{"observation": [1e999, 0]}', 400, "JSON"),
        (b'{"observation": "\xff"}', 400, "JSON"),
        (b"[" * 5000, 400, "JSON"),
        (b"[]", 422, "Asking"),
        (b"{}", 422, "observation"),
        (b'{"observation": [0]}', 422, "shape"),
        (b'{"observation": ["a", 0]}', 422, ""),
        (b'{"observation": [1e39, 0]}', 422, ""),
        (b'{"observation": null}', 422, ""),
        (b'{"observation": {"a": 1}}', 422, ""),
        (b'{"observation": [0, 0], "episode": 3}', 422, "episode"),
        (b'{"observation": [0, 0], "cost": "a"}', 422, "cost"),
        (b'{"observation": [0, 0], "mask": [false, false, false]}', 422, ""),
        (b'{"observation": [0, 0], "mask": 7}', 422, ""),
        (b'{"observation": [0, 0], "candidates": [[1]]}', 422, ""),
        (b'{"observation": [0, 0], "obs": 3}', 422, "obs"),
    ],
)
def test_a_bad_question_is_refused_in_a_sentence(http, body, status, word):
    head = {"Content-Type": "application/json"}
    refused(http.post(f"{VALVE}/decide", content=body, headers=head), status, word)


@pytest.mark.parametrize("reward", ["1", "true", "[1]", '"a"', "NaN", "-Infinity", "1e400"])
def test_a_bad_reward_is_refused(http, reward):
    url, head = f"/v1/decisions/{ask(http).json()['id']}/outcome", {}
    answer = http.post(
        url,
        content=b'{"reward": %b}' % reward.encode(),
        headers=head | {"Content-Type": "application/json"},
    )
    assert answer.status_code == (200 if reward == "1" else 422 if reward[0] in '["t' else 400)


@pytest.mark.parametrize("id", ["0", "-1", "x", "9" * 30, "1.5"])
def test_a_bad_id_is_refused(http, id):
    refused(http.post(f"/v1/decisions/{id}/outcome", json={"reward": 1.0}), 422)


def test_unknown_posts_and_decisions_are_named(http):
    refused(ask(http, post="vlave"), 404, "vlave")
    refused(http.post("/v1/decisions/999999/outcome", json={"reward": 1.0}), 404, "999999")


def test_unknown_addresses_and_methods(http):
    refused(http.get("/v2/posts"), 404, "/openapi.json")
    refused(http.get(f"{VALVE}/decide"), 405, "method")
    for path in ("/docs", "/redoc"):
        assert http.get(path).status_code == 404  # their pages load scripts from elsewhere


def test_too_large(http):
    head = {"Content-Type": "application/json"}
    body = b'{"observation": "' + b"x" * 2**20 + b'"}'
    refused(http.post(f"{VALVE}/decide", content=body, headers=head), 413, "1,048,576")
    chunks = (body[i : i + 65_536] for i in range(0, len(body), 65_536))
    refused(http.post(f"{VALVE}/decide", content=chunks, headers=head), 413, "1,048,576")
    chunks = (body[i : i + 65_536] for i in range(0, len(body), 65_536))
    refused(http.post("/v1/outcomes", content=chunks, headers=head), 413, "1,048,576")
    many = {"items": [HERE] * 1001}
    refused(http.post(f"{VALVE}/decide-batch", json=many), 422, "items", "1000")


def test_only_json_is_taken(http):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = http.post(f"{VALVE}/decide", content=b"{}", headers={"Content-Type": kind})
        refused(answer, 415, "application/json")
    refused(http.post(f"{VALVE}/switch"), 415)


# ---- the disk


def test_nothing_is_answered_before_it_is_on_disk(http, office):
    with concurrent.futures.ThreadPoolExecutor(1) as pool, fakes.frozen(office.log):
        asking = pool.submit(ask, http)
        time.sleep(0.2)
        assert not asking.done() and office.log.last > office.log.saved
        office.log.may_sync.set()
        assert asking.result(10).json()["position"] <= office.log.saved


def test_a_full_disk_is_told_and_survived(http, office):
    office.log.is_full = True
    answer = ask(http, HERE | {"key": "once"})
    refused(answer, 503, "space")
    assert answer.headers["retry-after"] == "2"
    assert http.get("/healthz").status_code == 200
    office.log.is_full = False
    said = ask(http, HERE | {"key": "once"})
    assert said.status_code == 200 and said.json()["position"] <= office.log.saved


def test_a_disk_that_takes_no_more_rows_refuses_a_batch_as_one(http, office, monkeypatch):
    def full():
        raise DiskTrouble("No space is left.")

    monkeypatch.setattr(office.log, "append", full)
    refused(ask(http), 503, "space")
    refused(http.post(f"{VALVE}/decide-batch", json={"items": [HERE]}), 503, "space")


# ---- bugs


def test_a_bug_of_ours_is_a_500_and_the_service_goes_on(http, office, monkeypatch):
    monkeypatch.setattr(office, "curve", lambda name: 1 / 0)
    answer = http.get(f"{VALVE}/curve")
    assert answer.status_code == 500 and answer.json()["code"] == "bug"
    assert ask(http).status_code == 200


# ---- health and metrics


def counted(http):
    """Counters by name and labels; 0 where there is none."""
    found = collections.Counter()
    for line in http.get("/metrics").text.splitlines():
        if match := re.fullmatch(r'quickstudy_(\w+)_total{\w+="(.*)",\w+="(.*)"} (.*)', line):
            found[match.groups()[:3]] = float(match[4])
    return found


def test_health_and_metrics(http):
    before = counted(http)
    for _ in range(3):
        ask(http)
    ask(http, {"observation": [0.0]})
    said = http.get("/healthz").json()
    assert said["status"] == "ok" and said["student_is_alive"] is True
    after = counted(http)
    assert after["requests", "decide", "200"] - before["requests", "decide", "200"] == 3
    assert after["requests", "decide", "422"] - before["requests", "decide", "422"] == 1
    assert after["events", "decision", "valve"] - before["events", "decision", "valve"] == 3
    assert "quickstudy_posts 1.0" in http.get("/metrics").text
