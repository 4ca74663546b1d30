"""Editions: worlds that nobody can guess, always the same for one edition."""

from __future__ import annotations

import pytest

from quickstudy.errors import QuickstudyError
from quickstudy.exams.worlds import EDITIONS, Edition, edition


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("QUICKSTUDY_HOME", str(tmp_path))
    return tmp_path


def test_an_edition_stays_and_another_one_differs(at_home) -> None:
    one = edition("spring")
    assert edition("spring") == one
    other = edition("autumn")
    assert one.salt != other.salt
    assert one.fingerprint != other.fingerprint
    assert one.salt not in one.fingerprint
    path = at_home / EDITIONS / "spring.json"
    assert path.stat().st_mode & 0o077 == 0  # a secret
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []


def test_seeds_follow_from_salt_job_and_lot() -> None:
    one = Edition("x", "salt")
    assert one.seeds("job", "twin", 5) == Edition("y", "salt").seeds("job", "twin", 5)
    assert one.seeds("job", "twin", 5) == one.seeds("job", "twin", 9)[:5]
    many = one.seeds("job", "twin", 1_000)
    assert len(set(many)) == 1_000
    assert all(0 <= seed < 2**31 for seed in many)
    assert not set(many) & set(one.seeds("job", "noise 1", 1_000))
    assert not set(many) & set(one.seeds("other", "twin", 1_000))
    assert not set(many) & set(Edition("x", "other salt").seeds("job", "twin", 1_000))


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 65])
def test_a_name_that_will_not_do(name: str) -> None:
    with pytest.raises(QuickstudyError, match="as an edition's name"):
        edition(name)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"name": "x"}'])
def test_a_damaged_file(at_home, content: str) -> None:
    edition("spring")
    (at_home / EDITIONS / "spring.json").write_text(content)
    with pytest.raises(QuickstudyError, match="no edition of an exam"):
        edition("spring")
