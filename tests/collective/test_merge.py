"""A merged learner is the union of its parents' experience, and its minds follow from that."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import apsw
import gymnasium
import numpy as np
import pytest
from learners import (
    BOX,
    CART,
    DISPATCH,
    SMALL,
    TWO,
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
    worked,
)  # fmt: skip

import quickstudy as qs
from quickstudy.collective.merge import preview, provenance
from quickstudy.errors import (
    CannotMerge,
    DamagedLearner,
    QuickstudyError,
    SpecChanged,
    UnknownDecision,
)
from quickstudy.experience import union
from quickstudy.experience.event import Kind


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ada knows CartPole; bea dispatch, and a little CartPole; both in one folder."""
    home = tmp_path_factory.mktemp("family")
    with hired(home / "ada", 1) as ada:
        worked(ada, 80)
    with hired(home / "bea", 2) as bea:
        dispatched(bea, 40)
    with hired(home / "eve", 3) as eve:
        worked(eve, 70)
    with merged(home / "ada", home / "bea", into=home / "cleo"):
        pass
    with merged(home / "ada", home / "eve", into=home / "twins"):
        pass
    return home


def content(path: Path) -> dict[str, str]:
    """What lies in a folder, but for the lock and what SQLite keeps beside the log."""
    files = [f for f in path.rglob("*") if f.is_file() and f.suffix in (".db", ".json", ".eqx")]
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


# ---- what it becomes


def test_a_job_that_one_parent_knows_is_known_as_that_one_knows_it(family: Path) -> None:
    with (
        opened(family / "ada") as ada,
        opened(family / "bea") as bea,
        opened(family / "cleo") as cleo,
    ):
        assert_same(ada, cleo, CART)
        assert_same(bea, cleo, DISPATCH)
        assert cleo.worlds(CART) == ada.worlds(CART)


@pytest.mark.parametrize("name", ["cleo", "twins"])
def test_rebuilt_from_experience_alone_it_is_the_same(
    name: str, family: Path, tmp_path: Path
) -> None:
    assert_rebuilt(family / name, tmp_path / "x")


def test_neither_order_nor_repetition_matters(family: Path, tmp_path: Path) -> None:
    ada, eve, twins = family / "ada", family / "eve", family / "twins"
    others = [(eve, ada), (ada, eve, ada), (twins, ada), (eve, twins)]
    assert_merges_into(twins, others, tmp_path, CART)


def test_merged_with_itself_it_is_a_copy(family: Path, tmp_path: Path) -> None:
    """Under a uid of its own, so that both may work on and be merged again."""
    with opened(family / "ada") as ada:
        with merged(family / "ada", family / "ada", into=tmp_path / "copy") as copy:
            assert_same(ada, copy, CART)
            worked(copy, 10)
        with merged(tmp_path / "copy", family / "ada", into=tmp_path / "both") as both:
            assert both.steps(CART) == 90


@pytest.mark.parametrize("name", ["cleo", "twins"])
def test_it_works_on_and_a_kill_changes_nothing(
    name: str, family: Path, tmp_path: Path
) -> None:
    with opened(copied(family / name, tmp_path / "on")) as one:
        worked(one, 40)
        one.save()
        worked(one, 30)
        assert_kill_changes_nothing(one, tmp_path, CART)


def test_merged_with_its_parents_again_it_stays_what_it_became(
    family: Path, tmp_path: Path
) -> None:
    with opened(copied(family / "twins", tmp_path / "on")) as on:
        worked(on, 30)
    with (
        opened(tmp_path / "on") as on,
        merged(family / "eve", tmp_path / "on", family / "ada", into=tmp_path / "x") as again,
    ):
        assert_same(on, again, CART)


def test_what_a_parent_is_told_late_the_merged_learner_can_be_told(tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare(DISPATCH, BOX, TWO)
        first, second = (ada.decide([x, 0.0], DISPATCH).id for x in (0.1, 0.2))
        ada.reward(first, 1.0)
    with merged(tmp_path / "a", tmp_path / "a", into=tmp_path / "c") as cleo:
        taken = [e.n for e in cleo.log.read(kinds=[Kind.DECISION])]
        cleo.reward(taken[0], 1.0)  # it was told already: nothing changes
        cleo.reward(taken[1], 2.0)
        cleo.reward(taken[1], 2.0)
        cleo.reward(taken[1], 0.5, key="tip")
        assert cleo.mind(DISPATCH).memory.reward[:2].tolist() == [1.0, 2.5]
        with pytest.raises(QuickstudyError, match="reward 1 before"):
            cleo.reward(taken[0], 3.0)
        with pytest.raises(UnknownDecision):
            cleo.reward(10_000, 1.0)
    with opened(without_mind(tmp_path / "c", tmp_path / "d")) as again:
        assert again.mind(DISPATCH).memory.reward[:2].tolist() == [1.0, 2.5]
    assert second > first


def test_an_episode_of_a_parent_is_not_gone_on_with(tmp_path: Path) -> None:
    """ada was killed in the middle of one; cleo begins its own, on the same stream."""
    with hired(tmp_path / "a") as ada:
        worked(ada, 7)
        ada.log.sync()
        with merged(tmp_path / "a", tmp_path / "a", into=tmp_path / "c") as cleo:
            before = cleo.mind(CART).memory
            size, ready = before.size, before.num_ready
            worked(cleo, 5)
            memory = cleo.mind(CART).memory
            assert memory.after[size - 1] < 0  # what ada saw next is not what cleo saw
            assert memory.num_ready == ready + 4 or memory.num_ready == ready + 5
            assert cleo.episodes(CART) >= 2
            with opened(without_mind(tmp_path / "c", tmp_path / "d")) as again:
                assert_same(cleo, again, CART)


def test_episodes_side_by_side_are_not_mixed_up(tmp_path: Path) -> None:
    """Both decided by turns, in one episode each, on streams that are called alike."""
    with hired(tmp_path / "a", 1) as ada, hired(tmp_path / "b", 2) as bea:
        for learner in (ada, bea):
            learner.declare(DISPATCH, BOX, TWO)
        for step in range(4):
            for who, learner in ((0.25, ada), (0.75, bea)):
                decision = learner.decide([who, step / 4], DISPATCH)
                learner.reward(decision.id, who)
    with merged(tmp_path / "a", tmp_path / "b", into=tmp_path / "c") as cleo:
        memory = cleo.mind(DISPATCH).memory
        assert memory.size == 8
        shown, after = memory.raw[:8], memory.after[:8]
        assert shown[:2, 0].tolist() == [0.25, 0.75]
        for row in np.flatnonzero(after >= 0):
            assert shown[after[row]].tolist() == [shown[row, 0], shown[row, 1] + 0.25]
        assert (after >= 0).sum() == 6  # the last of each is open


def test_worlds_kept_for_an_exam_stay_kept(family: Path, tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        worked(ada, 20)
        ada.quarantine(CART, [7], "an exam")
    with (
        merged(tmp_path / "a", family / "bea", into=tmp_path / "c") as cleo,
        pytest.raises(QuickstudyError, match="seed 7"),
    ):
        list(cleo.work(CART, 10, worlds=[7]))


# ---- undone, and taken up


def test_undone_the_other_parent_is_back(family: Path, tmp_path: Path) -> None:
    """What only the one who is left out knew is gone; that is not refused: it was asked for."""
    for whole, gone in (("cleo", "bea"), ("twins", "eve")):
        with (
            opened(family / "ada") as ada,
            qs.merge([family / whole], tmp_path / gone, without=[gone], settings=SMALL) as left,
        ):
            assert left.jobs == (CART,)
            assert_same(ada, left, CART)
            assert [event.kind for event in left.log.read() if event.origin == left.uid] == [
                Kind.NOTE
            ]
            shares = provenance(left)
            assert [share.name for share in shares] == [gone, "ada"]
            assert shares[1].steps == {CART: 80}
        with (
            merged(tmp_path / gone, family / gone, into=tmp_path / f"{gone}-again") as again,
            opened(family / whole) as before,
        ):
            assert_same(before, again, CART)


def test_undone_after_work_its_own_work_stays(family: Path, tmp_path: Path) -> None:
    copied(family / "twins", tmp_path / "on")
    with opened(tmp_path / "on") as on:
        worked(on, 30)
    with merged(tmp_path / "on", into=tmp_path / "left", without=["eve"]) as left:
        assert left.steps(CART) == 80 + 30
        assert {s.name: s.steps.get(CART) for s in provenance(left)} == {
            "left": None, "ada": 80, "twins": 30,
        }  # fmt: skip
        with opened(without_mind(tmp_path / "left", tmp_path / "x")) as again:
            assert_same(left, again, CART)


def test_one_job_is_taken_up_by_a_learner_that_lives(family: Path, tmp_path: Path) -> None:
    copied(family / "ada", tmp_path / "ada")
    with opened(tmp_path / "ada") as ada, opened(family / "bea") as bea:
        told = union.read(bea.log)
        new = ada.adopt(DISPATCH, told, {bea.uid: bea.seed}, {bea.uid: bea.name})
        assert new == len([event for event in told if event.job == DISPATCH])
        assert ada.adopt(DISPATCH, told, {bea.uid: bea.seed}, {bea.uid: bea.name}) == 0
        assert_same(ada, bea, DISPATCH)
    with opened(tmp_path / "ada") as ada, opened(family / "ada") as before:
        assert_same(ada, before, CART)
        dispatched(ada, 10, seed=5)
        with opened(without_mind(tmp_path / "ada", tmp_path / "x")) as again:
            assert_same(ada, again, DISPATCH)


def test_a_job_is_taken_up_in_the_middle_of_an_episode(family: Path, tmp_path: Path) -> None:
    """Both know the job: the mind is pooled, its own episode is over, and it goes on."""
    copied(family / "ada", tmp_path / "ada")
    with opened(tmp_path / "ada") as ada, opened(family / "eve") as eve:
        worked(ada, 5)
        ada.adopt(CART, union.read(eve.log), {eve.uid: eve.seed}, {eve.uid: eve.name})
        worked(ada, 25)
        ada.log.sync()
        assert ada.steps(CART) == 80 + 70 + 30
        with opened(without_mind(tmp_path / "ada", tmp_path / "x")) as again:
            assert_same(ada, again, CART)
    with (
        opened(tmp_path / "ada") as ada,
        merged(tmp_path / "ada", family / "eve", into=tmp_path / "y") as both,
    ):
        assert_same(ada, both, CART)


# ---- what is looked at before


def test_prospects(family: Path) -> None:
    found = {
        (p.parent, p.job): p for p in preview([family / "ada", family / "bea"], settings=SMALL)
    }
    assert set(found) == {("ada", CART), ("bea", DISPATCH)}
    assert {p.how for p in found.values()} == {"unchanged"}
    tried = preview([family / "ada", family / "eve"], settings=SMALL)
    assert [p.job for p in tried] == [CART, CART]
    worlds = [p for p in tried if p.how == "worlds"]
    assert worlds and all(p.earns > p.random for p in worlds)
    for p in worlds:
        assert p.difference.value == pytest.approx(p.would_earn - p.earns)
        assert p.difference.low <= p.difference.value <= p.difference.high


def test_a_declared_job_is_judged_by_experience(family: Path, tmp_path: Path) -> None:
    """fay learned the opposite: by her own worth, bea's decisions are as bad as can be."""
    with hired(tmp_path / "fay", 7) as fay:
        fay.declare(DISPATCH, BOX, TWO)
        rng = np.random.default_rng(1)
        for _ in range(40):
            shown = rng.uniform(-1, 1, 2)
            decision = fay.decide(shown, DISPATCH)
            fay.reward(decision.id, float(decision.action != (shown[0] > 0)))
            fay.finish(decision.id)
    found = preview([family / "bea", tmp_path / "fay"], settings=SMALL)
    judged = [p for p in found if p.how == "experience"]
    assert judged
    for p in judged:
        assert p.cases == 40 and p.earns > p.random
        assert p.agreement < 0.9 and p.retention.value < 0.9


# ---- what can go wrong


def test_parents_are_only_read(family: Path, tmp_path: Path) -> None:
    before = content(family)
    with merged(family / "ada", family / "bea", into=tmp_path / "c"):
        assert content(family) == before


def test_too_little_kept_is_refused_and_leaves_nothing(family: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotMerge, match=r"would keep -?\d+ % .* --force"):
        qs.merge(
            [family / "ada", family / "eve"], tmp_path / "c", settings=SMALL, retention=1e6
        )
    assert list(tmp_path.iterdir()) == []


def test_too_few_and_nobody(family: Path, tmp_path: Path) -> None:
    with pytest.raises(QuickstudyError, match="Came 1 learner to merge; expected at least two"):
        merged(family / "ada", into=tmp_path / "c")
    with pytest.raises(QuickstudyError, match="Came 0 learners"):
        merged(into=tmp_path / "c")
    with pytest.raises(DamagedLearner, match="No learner lives in"):
        merged(family / "ada", family / "nobody", into=tmp_path / "c")
    with pytest.raises(QuickstudyError, match=r"'bee'\. Did you mean 'bea'"):
        merged(family / "cleo", into=tmp_path / "c", without=["bee"])
    assert list(tmp_path.iterdir()) == []


def test_an_existing_place_is_not_touched(family: Path, tmp_path: Path) -> None:
    before = content(family / "bea")
    with pytest.raises(QuickstudyError, match="A learner lives in"):
        merged(family / "ada", family / "eve", into=family / "bea")
    assert content(family / "bea") == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(DamagedLearner, match="no learner's folder"):
        merged(family / "ada", family / "eve", into=tmp_path / "full")
    assert (tmp_path / "full" / "letter.txt").read_text() == "dear"


def test_another_job_of_the_same_name(family: Path, tmp_path: Path) -> None:
    with hired(tmp_path / "a") as ada:
        ada.declare(DISPATCH, BOX, gymnasium.spaces.Discrete(3))
    with pytest.raises(
        SpecChanged, match=r"'dispatch' is not the same .*sizes was 2, is 3|was 3"
    ):
        merged(family / "bea", tmp_path / "a", into=tmp_path / "c")
    with (
        opened(tmp_path / "a") as ada,
        opened(family / "bea") as bea,
        pytest.raises(SpecChanged, match="dispatch"),
    ):
        ada.adopt(DISPATCH, union.read(bea.log), {}, {})
    assert not (tmp_path / "c").exists()


def test_two_copies_of_one_folder_that_both_worked_on(family: Path, tmp_path: Path) -> None:
    for name, steps in (("x", 12), ("y", 15)):
        copied(family / "ada", tmp_path / name)
        with opened(tmp_path / name) as copy:
            copy.declare(DISPATCH, BOX, TWO)
            dispatched(copy, steps, seed=steps)
    with pytest.raises(CannotMerge, match="is told in two ways"):
        merged(tmp_path / "x", tmp_path / "y", into=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_damaged_log(family: Path, tmp_path: Path) -> None:
    copied(family / "eve", tmp_path / "eve")
    log = tmp_path / "eve/experience.db"
    with contextlib.closing(apsw.Connection(str(log))) as db:
        db.execute("UPDATE events SET reward = reward + 1 WHERE reward IS NOT NULL")
    damaged = log.read_bytes()
    with pytest.raises(DamagedLearner, match=r"damaged"):
        merged(family / "ada", tmp_path / "eve", into=tmp_path / "c")
    assert log.read_bytes() == damaged
    assert not (tmp_path / "c").exists()


def test_a_learner_of_a_later_version(family: Path, tmp_path: Path) -> None:
    copied(family / "eve", tmp_path / "eve")
    about = tmp_path / "eve/learner.toml"
    about.write_text(about.read_text().replace("format = 1", "format = 99"))
    with pytest.raises(DamagedLearner, match=r"format 99.*upgrade"):
        merged(family / "ada", tmp_path / "eve", into=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_disk_that_fills(
    family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quickstudy.errors import DiskTrouble
    from quickstudy.experience import folder as folders

    def full(path: Path, content: bytes) -> None:
        raise DiskTrouble("The disk is full.")

    monkeypatch.setattr(folders, "write_atomically", full)
    with pytest.raises(DiskTrouble):
        merged(family / "ada", family / "bea", into=tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_a_parent_at_work_is_read_as_far_as_it_was(tmp_path: Path, family: Path) -> None:
    with hired(tmp_path / "a", 4) as ada:
        worked(ada, 30)
        ada.log.sync()
        with merged(tmp_path / "a", family / "bea", into=tmp_path / "c") as cleo:
            assert_same(ada, cleo, CART)
        worked(ada, 10)
    note = json.loads((tmp_path / "a/mind.json").read_text())
    assert note["position"] > 0
