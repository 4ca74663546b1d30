"""`quickstudy serve` as a person starts it: a process, a real learner, a real log."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from quickstudy.cli import main
from quickstudy.service.client import Client, Refused

DECLARED = {
    "observation": {"type": "box", "shape": [2], "low": 0, "high": 1},
    "action": {"type": "discrete", "n": 2, "labels": ["left", "right"]},
    "one_step": True,
    "terms": {"any": {"first": "autonomous"}},
}


@contextmanager
def serving(home: Path, *options: str):
    """A service of the learner "ada", started; gives the process and its address."""
    command = [sys.executable, "-m", "quickstudy", "serve", "ada", "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"QUICKSTUDY_HOME": str(home)},
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        yield process, json.loads(line)["url"]
    finally:
        process.kill()
        process.communicate()


def stopped(process) -> tuple[int, list[str], str]:
    """Ctrl-C, as a terminal sends it: to the student too."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, [json.loads(line)["event"] for line in out.splitlines()], err


def test_start_work_kill_start_again_stop(own_home):
    with serving(own_home) as (process, url), Client(url) as client:
        valve = client.post("valve")
        valve.create(**DECLARED)
        told = [valve.decide([0.1, 0.9], key=str(i)) for i in range(20)]
        for answer in told[:10]:
            valve.outcome(answer["id"], 1.0)
        assert client.call("GET", "/healthz")["status"] == "ok"
        process.send_signal(signal.SIGKILL)  # nothing acknowledged is lost
        process.wait()
    with serving(own_home) as (process, url), Client(url) as client:
        valve = client.post("valve")
        for i, answer in enumerate(told):
            again = valve.decide([0.1, 0.9], key=str(i))
            assert (again["id"], again["action"]) == (answer["id"], answer["action"])
        assert valve.state()["ledger"]["rewards"] == 10
        valve.outcome(told[0]["id"], 1.0)  # twice is once
        with pytest.raises(Refused, match="reward") as refused:
            valve.outcome(told[0]["id"], 2.0)
        assert refused.value.status == 409
        assert valve.state()["ledger"]["rewards"] == 10
        watching = socket.create_connection(url.removeprefix("http://").split(":"))
        watching.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        watching.recv(100)
        with watching:  # a stream that never ends by itself does not hold it up
            code, events, err = stopped(process)
    assert code == 0, err
    assert events[-1] == "stopped"
    assert "Traceback" not in err


def test_what_keeps_it_from_starting_is_one_sentence(own_home, capsys):
    def told(*arguments: str) -> str:
        assert main(list(arguments)) == 1
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} of 127.0.0.1 is in use" in told("serve", "ada", "--port", port)
    assert "keys add" in told("serve", "ada", "--host", "0.0.0.0", "--port", "0")
    assert "https" in told("serve", "ada", "--webhook", "http://example.com", "--port", "0")
    assert main(["serve", "not a name!", "--port", "0"]) == 1
    capsys.readouterr()


def test_keys_on_the_command_line(own_home, capsys):
    import quickstudy as qs

    qs.hire("ada").close()

    def run(*arguments: str) -> str:
        assert main(["keys", *arguments]) == 0
        return capsys.readouterr().out.strip()

    told = run("add", "ada", "--scope", "decide", "--scope", "read", "--name", "dispatcher")
    assert told.startswith("qs_")
    assert json.loads(run("add", "ada", "--scope", "admin", "--json"))["name"] == "admin-1"
    assert run("list", "ada") == "dispatcher: decide, read\nadmin-1: admin"
    assert told not in run("list", "ada", "--json")
    run("remove", "ada", "dispatcher")
    assert run("list", "ada") == "admin-1: admin"
    assert main(["keys", "add", "ada", "--scope", "root"]) == 1
    assert "Known: read, decide, mentor, admin" in capsys.readouterr().err
    assert main(["keys", "list", "nobody"]) != 0


def test_with_keys_a_client_needs_one(own_home):
    import quickstudy as qs
    from quickstudy.service import keys

    qs.hire("ada").close()
    told = keys.add(own_home / "ada", "all", ["admin"])
    with serving(own_home) as (process, url):
        with Client(url) as client, pytest.raises(Refused, match="key is needed"):
            client.post("valve").state()
        with Client(url, told) as client:
            client.post("valve").create(**DECLARED)
            assert client.post("valve").decide([0.5, 0.5])["action"] in ("left", "right")
        code, _, err = stopped(process)
        assert code == 0
        assert told not in err
