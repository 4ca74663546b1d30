"""Knowledge without experience: what the file holds, and that it merges as a learner does."""

from __future__ import annotations

import functools
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from learners import (
    BOX,
    DISPATCH,
    SMALL,
    assert_kill_changes_nothing,
    assert_merges_into,
    assert_rebuilt,
    assert_same,
    copied,
    dispatched,
    hired,
    merged,
    opened,
    without_mind,
)  # fmt: skip

import quickstudy as qs
from quickstudy.careers import skill
from quickstudy.cli import main
from quickstudy.collective.merge import preview, provenance
from quickstudy.collective.replay import replay
from quickstudy.errors import BadSkill, QuickstudyError, SpecChanged, UnknownJob
from quickstudy.experience.event import Kind
from quickstudy.experience.log import Log
from quickstudy.jobs.layout import spec_of
from quickstudy.learner import Learner
from quickstudy.mind import knowledge, pool, teaching
from quickstudy.mind import mind as minds


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Lessons of a second."""
    settings = functools.partial(
        teaching.Settings, rows=2_000, updates=500, batch=64, learning_rate=1e-2, study=16
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(knowledge, "Settings", settings)
        patch.setattr(pool, "Settings", settings)
        patch.setattr(skill, "FEWEST", 40)
        yield


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ada, bea and eve know dispatch; of ada and eve there is knowledge, and cleo has ada's."""
    home = tmp_path_factory.mktemp("sites")
    for seed, (name, steps) in enumerate({"ada": 70, "bea": 50, "eve": 60}.items()):
        with hired(home / name, seed) as learner:
            dispatched(learner, steps, seed)
    for name in ("ada", "eve"):
        told(home / name, home / f"{name}.k")
    with merged(home / "bea", home / "ada.k", into=home / "cleo"):
        pass
    with merged(home / "ada.k", home / "eve.k", into=home / "dora"):
        pass
    return home


def told(learner: Path, to: Path) -> skill.About:
    return skill.export(learner, DISPATCH, to, "for tests", SMALL, knowledge=True)


def parts(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def repacked(file: Path, to: Path, **changes: bytes) -> Path:
    with zipfile.ZipFile(to, "w") as new:
        for name, content in parts(file).items():
            new.writestr(name, changes.get(name.replace(".", "_"), content))
    return to


def alike(one: Learner, two: Learner) -> float:
    """Share of situations in which both decide the same."""
    shown = np.random.default_rng(9).uniform(-1, 1, (200, 2))
    answers = [
        [who.decide(x, job=DISPATCH, explore=False, record=False).action for x in shown]
        for who in (one, two)
    ]
    return float(np.mean(np.equal(*answers)))


# ---- what leaves, and what does not


def test_nothing_that_was_lived_is_in_the_file(sites: Path, tmp_path: Path) -> None:
    skill.export(sites / "ada", DISPATCH, tmp_path / "raw", settings=SMALL)
    with opened(sites / "ada") as ada:
        memory = ada.mind(DISPATCH).memory
        lived = [row.tobytes() for row in memory.raw[: memory.size]]
        numbers = {repr(float(x)) for x in memory.raw[: memory.size].ravel()}
    for file, found in ((tmp_path / "raw", True), (sites / "ada.k", False)):
        held = parts(file)
        assert any(row in held[skill.EXPERIENCE] for row in lived) == found
    (tmp_path / "db").write_bytes(held[skill.EXPERIENCE])
    with Log.open(tmp_path / "db", readonly=True) as log:
        events = list(log.read())
        text = held[skill.ABOUT].decode() + "".join(json.dumps(e.note) for e in events)
        assert [event.kind for event in events] == [Kind.JOB, Kind.INHERITANCE]
        taught = events[1].observation
        assert taught is not None and not any(row in taught.tobytes() for row in lived)
        assert not any(number in text for number in numbers)
    assert set(held) == {skill.ABOUT, skill.EXPERIENCE}


def test_what_the_file_says_of_itself(sites: Path, tmp_path: Path) -> None:
    about, again = skill.read(sites / "ada.k", SMALL), told(sites / "ada", tmp_path / "again.k")
    assert about.is_knowledge and (about.learner, about.steps) == ("ada", 70)
    assert "70 steps, none of which is in it; licence: for tests" in str(about)
    assert again.uid == about.uid == skill.read(tmp_path / "again.k", SMALL).uid
    assert about.uid != skill.read(sites / "eve.k", SMALL).uid


def test_imagined_situations_are_ones_that_the_job_could_show() -> None:
    space = gymnasium.spaces.Dict(
        {"at": gymnasium.spaces.Box(0.0, np.array([1.0, np.inf], np.float32), (2,)),
         "mode": gymnasium.spaces.Discrete(3), "free": gymnasium.spaces.Box(-np.inf, 0.5, (1,))}
    )  # fmt: skip
    actions = gymnasium.spaces.Tuple((gymnasium.spaces.MultiDiscrete([2, 3]), BOX))
    mind = minds.init(spec_of(space, actions), 0, SMALL)
    seen = np.random.default_rng(0).normal(0.5, 1.0, (50, mind.frame.spec.raw_size))
    mind.memory.extend(seen, np.ones((50, 5), bool), np.zeros((50, 4), np.float32))
    minds._look(mind)
    drawn = knowledge.imagined(mind, 300, np.random.default_rng(1))
    frame = mind.frame
    lows, highs = knowledge._bound(frame, "low"), knowledge._bound(frame, "high")
    numbers, modes = drawn.raw[:300, frame.numbers_at], drawn.raw[:300, frame.discrete_at]
    assert (numbers >= lows).all() and (numbers <= highs).all() and numbers.std(0).min() > 0.1
    assert set(modes.ravel()) == {0, 1, 2}
    allowed = drawn.mask[:300]
    assert allowed[:, :2].any(1).all() and allowed[:, 2:].any(1).all() and not allowed.all()
    assert set(drawn.action[:300, 1]) == {0, 1, 2} and np.abs(drawn.action[:, 2:]).max() <= 1


# ---- taken up


def test_who_has_only_the_knowledge_decides_as_the_giver(sites: Path, tmp_path: Path) -> None:
    hired(tmp_path / "new", 5).close()
    skill.take_in(sites / "ada.k", tmp_path / "new", SMALL)
    with opened(tmp_path / "new") as new, opened(sites / "ada") as ada:
        assert alike(ada, new) > 0.9
        assert new.steps(DISPATCH) == 0 and new.knows(DISPATCH)
        assert new.leader(DISPATCH) == "judgement"
        with opened(without_mind(tmp_path / "new", tmp_path / "again")) as again:
            assert_same(new, again, DISPATCH)
        given, own = ada.mind(DISPATCH), new.mind(DISPATCH)
        assert minds.return_scale(own) == minds.return_scale(given)
        assert minds.bounds(own) == minds.bounds(given)
    assert skill.take_in(sites / "ada.k", tmp_path / "new", SMALL).events == 0
    (found,) = replay(tmp_path / "new", SMALL)
    assert found.is_equal and found.probes > 0


def test_it_learns_on_from_there(sites: Path, tmp_path: Path) -> None:
    with opened(copied(sites / "dora", tmp_path / "on")) as on:
        dispatched(on, 20, 7)
        on.save()
        dispatched(on, 5, 8)
        assert_kill_changes_nothing(on, tmp_path, DISPATCH)
        assert on.steps(DISPATCH) == 25


@pytest.mark.parametrize(("name", "others"), [
    ("cleo", [("ada.k", "bea"), ("bea", "ada.k", "copy.k", "bea"), ("cleo", "ada.k", "bea")]),
    ("dora", [("eve.k", "ada.k"), ("dora", "eve.k"), ("ada.k", "dora", "copy.k")]),
])  # fmt: skip
def test_neither_order_nor_repetition_matters(
    name: str, others: list[tuple[str, ...]], sites: Path, tmp_path: Path
) -> None:
    shutil.copy(sites / "ada.k", sites / "copy.k")
    families = [[sites / parent for parent in parents] for parents in others]
    assert_merges_into(sites / name, families, tmp_path, DISPATCH)


@pytest.mark.parametrize("name", ["cleo", "dora"])
def test_rebuilt_from_the_log_it_is_the_same(name: str, sites: Path, tmp_path: Path) -> None:
    assert_rebuilt(sites / name, tmp_path / "bare")


def test_it_weighs_in_what_is_merged(sites: Path) -> None:
    with (
        opened(sites / "ada") as ada,
        opened(sites / "bea") as bea,
        opened(sites / "cleo") as cleo,
    ):
        own, both = bea.mind(DISPATCH), cleo.mind(DISPATCH)
        given, counts = ada.mind(DISPATCH).learned.normaliser.seen, both.counts
        assert (
            cleo.steps(DISPATCH) == bea.steps(DISPATCH) == counts.decisions - counts.inherited
        )
        assert counts.inherited == 70 and counts.rewards > own.counts.rewards
        assert both.learned.normaliser.seen.number == own.memory.size + given.number
        with merged(sites / "bea", sites / "ada", into=sites / "both") as raw:
            assert raw.mind(DISPATCH).counts.rewards == pytest.approx(counts.rewards)


def test_undone_it_is_gone(sites: Path, tmp_path: Path) -> None:
    with (
        opened(sites / "bea") as bea,
        merged(sites / "cleo", into=tmp_path / "undone", without=["ada-knowledge"]) as undone,
    ):
        assert_same(bea, undone, DISPATCH)


def test_beside_what_it_was_made_of_it_counts_for_nothing(sites: Path, tmp_path: Path) -> None:
    with (
        opened(sites / "ada") as ada,
        merged(sites / "ada.k", sites / "ada", into=tmp_path / "one") as one,
        merged(sites / "ada", sites / "bea", into=tmp_path / "two") as two,
        merged(sites / "cleo", sites / "ada", into=tmp_path / "three") as three,
    ):
        assert_same(ada, one, DISPATCH)
        assert_same(two, three, DISPATCH)


def test_later_knowledge_of_the_same_learner_takes_its_place(
    sites: Path, tmp_path: Path
) -> None:
    with opened(copied(sites / "ada", tmp_path / "ada")) as ada:
        dispatched(ada, 10, 4)
    told(tmp_path / "ada", tmp_path / "later.k")
    with (
        merged(sites / "ada.k", tmp_path / "later.k", into=tmp_path / "both") as both,
        skill.opened(tmp_path / "later.k", SMALL) as later,
    ):
        one, two = both.mind(DISPATCH), later.mind(DISPATCH)
        assert one.counts == two.counts and alike(both, later) == 1.0


def test_who_contributed_is_told(sites: Path) -> None:
    with opened(sites / "cleo") as cleo:
        shares = {share.name: share.steps for share in provenance(cleo)}
    assert shares == {"cleo": {}, "ada-knowledge": {DISPATCH: 70}, "bea": {DISPATCH: 50}}


def test_preview_tells_of_files_too(sites: Path) -> None:
    found = preview([sites / "bea", sites / "ada.k"], settings=SMALL)
    assert [(one.parent, one.how) for one in found] == [
        ("bea", "experience"), ("ada-knowledge", "experience")
    ]  # fmt: skip
    assert all(one.cases > 30 for one in found)


# ---- what is refused


def test_too_little_to_hide_in(tmp_path: Path) -> None:
    with hired(tmp_path / "ada") as ada:
        dispatched(ada, 30)
    with pytest.raises(QuickstudyError, match="took 30 decisions"):
        told(tmp_path / "ada", tmp_path / "ada.k")
    with pytest.raises(UnknownJob):
        skill.export(tmp_path / "ada", "nothing", tmp_path / "ada.k", knowledge=True)
    assert not list(tmp_path.glob("*.k"))


def test_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skill, "FEWEST", 1)
    with hired(tmp_path / "ada") as ada:
        ada.declare("see", gymnasium.spaces.Box(0, 255, (16, 16, 3), np.uint8), BOX)
        ada.decide(np.zeros((16, 16, 3), np.uint8), job="see")
    with pytest.raises(QuickstudyError, match="shows pictures"):
        skill.export(tmp_path / "ada", "see", tmp_path / "k", "", SMALL, knowledge=True)


def test_damage_and_forgery(sites: Path, tmp_path: Path) -> None:
    whole = (sites / "ada.k").read_bytes()
    files = [sites / "ada.k.zip"]
    for number, at in enumerate(np.linspace(10, len(whole) - 10, 6).astype(int)):
        files.append(tmp_path / f"{number}.k")
        files[-1].write_bytes(whole[:at])
    (tmp_path / "text.k").write_text("not a file of ours")
    about = json.loads(parts(sites / "ada.k")[skill.ABOUT])
    skill.export(sites / "ada", DISPATCH, tmp_path / "raw", settings=SMALL)
    raw = json.loads(parts(tmp_path / "raw")[skill.ABOUT]) | {"is_knowledge": True}
    repacked(tmp_path / "raw", tmp_path / "forged.k", skill_json=json.dumps(raw).encode())
    eve = parts(sites / "eve.k")[skill.EXPERIENCE]
    repacked(sites / "ada.k", tmp_path / "swapped.k", experience_db=eve)
    lied = json.dumps(about | {"format": "x"}).encode()
    repacked(sites / "ada.k", tmp_path / "lied.k", skill_json=lied)
    bad = [tmp_path / f"{name}.k" for name in ("text", "forged", "swapped", "lied")]
    for file in [*files[1:], *bad]:
        with pytest.raises(BadSkill):
            merged(sites / "bea", file, into=tmp_path / "new")
    with pytest.raises(BadSkill, match="another size"):
        skill.take_in(sites / "ada.k", sites / "bea")  # another network
    assert not (tmp_path / "new").exists()
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_dir()) == []


def test_another_job_of_that_name(sites: Path, tmp_path: Path) -> None:
    with hired(tmp_path / "fay") as fay:
        fay.declare(DISPATCH, BOX, gymnasium.spaces.Discrete(3))
    with pytest.raises(SpecChanged, match="sizes was 3, is 2"):
        merged(tmp_path / "fay", sites / "ada.k", into=tmp_path / "new")
    assert not (tmp_path / "new").exists()


# ---- at the command line


def test_commands(own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("ada", 0), ("bea", 1)):
        with qs.hire(name, seed=seed) as learner:
            dispatched(learner, 45, seed)
    file = str(tmp_path / "ada.k")
    assert main(["export", "ada", "--job", DISPATCH, "--to", file, "--knowledge"]) == 0
    assert "none of which is in it" in capsys.readouterr().out
    assert main(["merge", "bea", file, "--into", "cleo", "--force"]) == 0
    said = capsys.readouterr()
    assert "ada-knowledge: dispatch 45 steps" in said.out
    assert "each job that several know: dispatch (of 2 learners)." in said.err
    assert main(["merge", "bea", __file__, "--into", "eve"]) == BadSkill.exit_code
    assert "not a skill file" in capsys.readouterr().err
