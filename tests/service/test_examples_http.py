"""The examples over HTTP, and the README's curl commands, against a real learner."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from served import real_service

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with real_service(tmp_path_factory.mktemp("examples") / "ada") as (url, office):
        yield url, office


def test_a_program_without_our_package(service):
    """-I and -S: neither our path nor installed packages."""
    url, office = service
    program = str(EXAMPLES / "thermostat.py")
    told = subprocess.run(
        [sys.executable, "-I", "-S", program, url, "--days", "2"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("day ") == 2
    ledger = office.state("thermostat")["ledger"]
    assert ledger["decisions"] == 96 and ledger["by"] == {"incumbent": 96}
    assert ledger["episodes"] == 2


def test_a_gymnasium_job(service, capsys):
    url, office = service
    main = runpy.run_path(str(EXAMPLES / "gym_over_http.py"))["main"]
    returns = main(url, "CartPole-v1", 2)
    ledger = office.state("CartPole-v1")["ledger"]
    assert ledger["decisions"] == sum(returns) == ledger["by"]["learner"]
    assert ledger["rewards"] == sum(returns) and ledger["episodes"] == 2


# ---- the README


def curls() -> list[str]:
    """Its curl commands, in order."""
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"<!-- curl -->\n```sh\n(.*?)```\n<!-- /curl -->", text, re.DOTALL)
    lines = "\n".join(line for block in blocks for line in block.splitlines()
                      if not line.startswith("#"))  # fmt: skip
    return [f"curl {one}" for one in re.split(r"^curl ", lines, flags=re.MULTILINE)[1:]]


def as_curl_does(command: str, url: str) -> httpx.Response:
    """What curl would send, of the options that the README uses."""
    words = shlex.split(command, comments=True)[1:]
    given = iter(words)
    address, headers, body = "", {}, None
    for word in given:
        if word == "-H":
            name, _, value = next(given).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(given)
        elif word != "-s":
            address = word
    address = address.replace("http://127.0.0.1:8000", url)
    return httpx.request(
        "GET" if body is None else "POST", address, headers=headers, content=body
    )


def test_the_readmes_curl_commands_work_in_order(tmp_path):
    commands = curls()
    assert len(commands) == 10
    with real_service(tmp_path / "ada") as (url, office):
        answers = [as_curl_does(command, url) for command in commands]
        for command, answer in zip(commands, answers, strict=True):
            assert answer.is_success, (command, answer.text)
        assert answers[1].json()["id"] == 4, "as the README shows it"
        assert answers[1].json()["action"] in ("give up", "wait", "retry")
        assert office.state("retry")["ledger"]["rewards"] == pytest.approx(0.8)
        assert office.state("retry")["switch"] == "on"


def test_the_readme_shows_an_answer_as_it_is(tmp_path):
    text = (ROOT / "README.md").read_text()
    shown = re.search(r'# (\{"id":4.*?…\})', text, re.DOTALL)
    assert shown
    told = json.loads(shown[1].replace("\n# ", "").replace(",…", ""))
    with real_service(tmp_path / "ada") as (url, _):
        answers = [as_curl_does(command, url) for command in curls()[:2]]
        assert told.keys() <= answers[1].json().keys()
