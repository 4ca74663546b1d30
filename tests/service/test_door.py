"""Who comes in: keys and their scopes, hosts, paths."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import fake_office as fakes
import httpx
import pytest
from served import served

from quickstudy.errors import DamagedLearner, QuickstudyError
from quickstudy.posts.declared import from_json
from quickstudy.service import keys as locksmith
from quickstudy.service.app import ways
from quickstudy.service.keys import IMPLIED, SCOPES, Keys

BODIES = {"POST": {}, "GET": None}
HTTP = httpx.Client(verify=False)


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """A service with a key of each scope: its address, and the keys by scope."""
    folder = tmp_path_factory.mktemp("keys")
    told = {scope: locksmith.add(folder, f"{scope}'s", [scope]) for scope in SCOPES}
    office = fakes.FakeOffice()
    office.create(from_json(fakes.VALVE), "test")
    with served(fakes.desk(office), Keys(folder)) as url:
        yield url, told, office, folder
    HTTP.close()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def call(url, way, headers=None):
    path = way.path.format(post="valve", id=1, episode="e")
    if path == "/v1/events":
        path += "?"  # an endless answer where it is allowed: only the status is looked at
    with HTTP.stream(way.method, url + path, json=BODIES[way.method], headers=headers) as got:
        return got.status_code


WAYS = ways(fakes.desk(fakes.FakeOffice()))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method} {way.path}")
def test_every_route_takes_the_scope_that_it_says(locked, way):
    url, told, _, _ = locked
    if way.scope is None:
        assert call(url, way) == 200
        return
    assert call(url, way) == 401
    assert call(url, way, bearer("qs_wrong")) == 401
    for scope in SCOPES:
        status = call(url, way, bearer(told[scope]))
        assert (status == 403) == (way.scope not in IMPLIED[scope]), (scope, status)
        assert status != 401


def test_what_is_open_tells_nothing_of_a_post():
    assert [way.path for way in WAYS if way.scope is None] == ["/healthz"]


def test_an_act_is_recorded_under_the_keys_name(locked):
    url, told, office, _ = locked
    body = {"state": "off", "who": "the boss"}
    HTTP.post(f"{url}/v1/switch", json=body, headers=bearer(told["mentor"]))
    assert office.acts[-1][2]["who"] == "mentor's"


def test_switching_on_takes_more_than_switching_off(locked):
    url, told, _, _ = locked
    for state, status in (("off", 200), ("paused", 200), ("on", 403)):
        got = HTTP.post(
            f"{url}/v1/switch", json={"state": state}, headers=bearer(told["mentor"])
        )
        assert got.status_code == status
    got = HTTP.post(f"{url}/v1/switch", json={"state": "on"}, headers=bearer(told["admin"]))
    assert got.status_code == 200


@pytest.mark.parametrize("head", ["Basic abc", "Bearer", "Bearer a b", "\xff", "x" * 4000])
def test_odd_headers_are_refused(locked, head):
    got = HTTP.get(f"{locked[0]}/v1/posts", headers={"Authorization": head.encode("latin-1")})
    assert got.status_code == 401 and got.headers["www-authenticate"] == "Bearer"


def test_a_removed_key_works_no_longer_and_no_key_does_not_mean_open(tmp_path, monkeypatch):
    told = locksmith.add(tmp_path, "only", ["read"])
    monkeypatch.setattr(locksmith, "LOOK_SECONDS", 0.0)
    kept = Keys(tmp_path)
    assert kept.find(told) and kept.are_there
    locksmith.remove(tmp_path, "only")
    assert kept.find(told) is None and kept.are_there
    (tmp_path / locksmith.FILE).unlink()
    assert kept.find(told) is None and kept.are_there


def test_the_first_key_locks_a_service_that_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(locksmith, "LOOK_SECONDS", 0.0)
    with served(fakes.desk(fakes.FakeOffice()), Keys(tmp_path)) as url:
        assert httpx.get(f"{url}/v1/posts").status_code == 200
        told = locksmith.add(tmp_path, "first", ["read"])
        assert httpx.get(f"{url}/v1/posts").status_code == 401
        assert httpx.get(f"{url}/v1/posts", headers=bearer(told)).status_code == 200


def test_kept_is_a_hash_for_the_owner_alone(tmp_path):
    told = locksmith.add(tmp_path, "a", ["read", "decide"])
    path = tmp_path / locksmith.FILE
    assert told not in path.read_text() and len(told) > 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert locksmith.listed(tmp_path)[0].may == {"read", "decide"}
    assert locksmith.add(tmp_path, "b", ["read"]) != told


def test_keys_that_will_not_do(tmp_path):
    with pytest.raises(QuickstudyError, match="decide"):
        locksmith.add(tmp_path, "a", ["decode"])
    with pytest.raises(QuickstudyError, match="needs a scope"):
        locksmith.add(tmp_path, "a", [])
    locksmith.add(tmp_path, "a", ["read"])
    with pytest.raises(QuickstudyError, match="already"):
        locksmith.add(tmp_path, "a", ["read"])
    with pytest.raises(QuickstudyError, match="Known: a"):
        locksmith.remove(tmp_path, "b")
    (tmp_path / locksmith.FILE).write_text('[{"name": 3}]')
    with pytest.raises(DamagedLearner):
        locksmith.listed(tmp_path)


# ---- without keys: this machine only


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("localhost:8000", 200), ("127.0.0.1:1", 200), ("[::1]:8", 200),
        ("LOCALHOST", 200), ("evil.example", 403), ("evil.example:8000", 403),
        ("localhost.evil.example", 403), ("127.0.0.1.evil.example:80", 403), ("", 403),
    ],
)  # fmt: skip
def test_the_host_has_to_be_this_machine(http, host, status):
    for path in ("/healthz", "/v1/posts", "/", "/metrics"):
        got = http.get(path, headers={"Host": host})
        assert (got.status_code == 403) == (status == 403), path


# ---- the page's files


@pytest.mark.parametrize(
    "path",
    [
        "/static/../desk.py", "/static/%2e%2e/desk.py", "/static/..%2fdesk.py",
        "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/..\\desk.py",
        "/static/%2e%2e%5cdesk.py", "/static/....//desk.py", "/static/%00", "/../../etc/passwd",
        "/static/" + "../" * 20 + "etc/passwd", "/static/.", "/static/",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_pages_folder(open_service, path):
    """By hand: a client would tidy such a path before it is sent."""
    host, port = open_service[1].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as wire:
        wire.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert answer.split()[1] in (b"404", b"405", b"400")
    assert b"root:" not in answer and b"import" not in answer


def test_the_page_loads_nothing_from_elsewhere(http, monkeypatch, tmp_path):
    from quickstudy.service import app, desk

    if not (desk.STATIC / "index.html").exists():
        pytest.skip("the page is not in this tree yet")
    page = http.get("/")
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (
        "http://" not in page.text.replace("http://www.w3.org", "") and "//cdn" not in page.text
    )
    for name in Path(app.STATIC).iterdir():
        assert http.get(f"/static/{name.name}").headers["x-content-type-options"] == "nosniff"
