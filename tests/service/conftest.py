"""An office, its service on a real port, and a client to call it."""

from __future__ import annotations

from collections.abc import Iterator

import fake_office as fakes
import httpx
import pytest
from served import served

from quickstudy.posts.declared import from_json


@pytest.fixture(scope="session")
def open_service() -> Iterator[tuple[fakes.FakeOffice, str]]:
    """A service without keys, for all tests; starting one takes a while."""
    office = fakes.FakeOffice()
    with served(fakes.desk(office)) as url:
        yield office, url


@pytest.fixture
def office(open_service: tuple[fakes.FakeOffice, str]) -> fakes.FakeOffice:
    """With one post, "valve", and nothing else."""
    office = open_service[0]
    office.forget()
    office.create(from_json(fakes.VALVE), "test")
    return office


@pytest.fixture
def http(open_service: tuple[fakes.FakeOffice, str], office: object) -> Iterator[httpx.Client]:
    """The service without keys."""
    with httpx.Client(base_url=open_service[1], verify=False) as client:
        yield client
