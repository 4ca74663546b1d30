"""What the OpenAPI promises: neither what fits it nor what does not is ever a 5xx.

The office and the learner are real. Each case is sent as it was made up, and once more with a
post and a decision that there are, since made-up ones hardly ever are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fake_office as fakes
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from served import real_service

from quickstudy.posts.declared import from_json
from quickstudy.posts.told import Asked
from quickstudy.service.app import make_app

OPENAPI = make_app(fakes.desk(fakes.FakeOffice())).openapi()
del OPENAPI["paths"]["/v1/events"]  # has no end
SCHEMA = schemathesis.openapi.from_dict(OPENAPI)
DECLARED = fakes.VALVE | {"terms": {"any": {"first": "autonomous"}}}
ASKED = Asked([0.1, 0.2], episode="monday")


@schemathesis.serializer("application/x-ndjson")
def lines(context: Any, value: Any) -> bytes:
    return str(value).encode(errors="replace")


def few(examples: int) -> Any:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A service of a real learner at a post: its address, and a decision's id."""
    with real_service(tmp_path_factory.mktemp("real") / "ada") as (url, office):
        office.create(from_json(DECLARED), "test")
        yield url, office.decide("valve", ASKED).id


def check(case: schemathesis.Case, real: tuple[str, int]) -> None:
    url, id = real
    sound(case.call(base_url=url), case)
    known = {"post": "valve", "id": id, "episode": "monday"}
    places = case.path_parameters
    if known.keys() & places.keys():
        case.path_parameters = {**places, **{k: v for k, v in known.items() if k in places}}
        sound(case.call(base_url=url), case)


def sound(answer: Any, case: schemathesis.Case) -> None:
    """No 5xx, and where refused, one sentence."""
    assert answer.status_code < 500, (answer.text, case.as_curl_command())
    if answer.status_code >= 400 and case.path != "/healthz":
        assert set(answer.json()) == {"error", "code"}, answer.text


@SCHEMA.parametrize()
@few(4)
def test_no_server_errors(case: schemathesis.Case, real: tuple[str, int]) -> None:
    check(case, real)


@pytest.mark.slow
@SCHEMA.parametrize()
@few(300)
def test_no_server_errors_in_many(case: schemathesis.Case, real: tuple[str, int]) -> None:
    check(case, real)


def test_the_openapi_names_every_way_and_its_refusals() -> None:
    paths = OPENAPI["paths"]
    assert len(paths) >= 22
    for path, methods in paths.items():
        for told in methods.values():
            assert {"403", "422", "503"} <= set(told["responses"]), path
