"""`quickstudy log`: verify, repair, compact, export; a learner goes on after repair."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import apsw
import gymnasium
import jax
import numpy as np
import pytest

import quickstudy as qs
from quickstudy.cli import main
from quickstudy.errors import QuickstudyError
from quickstudy.learner import Learner
from quickstudy.mind import judgement
from quickstudy.mind import mind as minds

SMALL = minds.Settings(judgement=judgement.Settings(hidden=(16, 16), batch=16, fused=8))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> tuple[int, list[str], str]:
        code = main(["log", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err

    return run


@pytest.fixture
def ada(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty decisions with late rewards, in segments of 16 events."""
    monkeypatch.setattr("quickstudy.experience.log.SEGMENT_ROWS", 16)
    with qs.hire(tmp_path / "ada", settings=SMALL) as learner:
        box, two = gymnasium.spaces.Box(-1.0, 1.0, (2,)), gymnasium.spaces.Discrete(2)
        learner.declare("dispatch", box, two)
        for step in range(40):
            decision = learner.decide([step / 40, 0.0], job="dispatch")
            learner.reward(decision.id, 1.0)
            if step % 8 == 7:
                learner.finish(decision.id)
    return tmp_path / "ada"


def opened(path: Path) -> Learner:
    return qs.open(path, settings=SMALL)


def damage(path: Path, statement: str) -> None:
    db = apsw.Connection(str(path / "experience.db"))
    db.execute(statement)
    db.close()


def test_verify(run: Any, ada: Path) -> None:
    code, out, err = run("verify", ada)
    assert (code, err) == (0, "")
    assert "sound events" in out[0] and "in segments" in out[1]
    damage(ada, "UPDATE columns SET content = x'00' WHERE first = 17 AND name = 'action'")
    code, out, err = run("verify", ada)
    assert code == 7 and "Rows 17 to 32, a segment, cannot be read: column action." in out
    assert "quickstudy log repair" in err
    code, out, _ = run("verify", ada, "--json")
    told = json.loads(out[0])
    assert (code, told["event"], told["sound"]) == (7, "verify", False)
    assert told["bad_segments"] == [[17, 32, "column action"]]
    assert run("verify", "nobody")[0] == 7


def test_a_repaired_learner_goes_on(run: Any, ada: Path) -> None:
    assert run("repair", ada)[1] == ["The log is sound; there is nothing to repair."]
    damage(ada, "DELETE FROM columns WHERE first = 33 AND name = 'reward'")
    code, out, err = run("repair", ada, "--json")
    told = json.loads(out[0])
    assert (code, err, told["lost"]) == (0, "", 16)
    assert told["gaps"] == [{"first": 33, "last": 48, "why": "column reward"}]
    new = Path(told["into"])
    assert new == ada.with_name("ada-repaired")
    with opened(new) as learner:
        kept = learner.steps("dispatch")
        assert 30 <= kept < 40
        memory = learner.mind("dispatch").memory
        assert np.all(memory.reward[memory.ready[: memory.num_ready]] == 1.0)
        decision = learner.decide([0.5, 0.0], job="dispatch")
        assert decision.id > told["kept"]
        learner.reward(decision.id, 1.0)
        learner.finish(decision.id)
    with opened(new) as learner:  # from the cache now, and its memory from columns
        assert learner.steps("dispatch") == kept + 1
    code, _, err = run("repair", ada)
    assert code == 1 and "lives in" in err
    assert run("verify", new)[0] == 0


def test_late_rewards_and_keys_of_compacted_decisions(ada: Path) -> None:
    with opened(ada) as learner:
        assert learner._log.compacted >= 64
        memory = learner.mind("dispatch").memory
        first = int(learner._places["dispatch"].decisions[0])
        last = learner._log.last
        learner.reward(first, 1.0)  # said before: nothing changes
        assert learner._log.last == last
        learner.reward(first, 0.25, key="tip")
        assert memory.reward[0] == 1.25
        with pytest.raises(QuickstudyError, match="reward 1 before, and now 2"):
            learner.reward(first, 2.0)
    with opened(ada) as learner:
        assert learner.mind("dispatch").memory.reward[0] == 1.25


def test_a_mind_from_segments_is_the_mind_bit_by_bit(ada: Path) -> None:
    """Opened from its cache, and rebuilt from compacted experience alone."""
    shutil.copytree(ada, ada.with_name("bea"), ignore=shutil.ignore_patterns("lock"))
    (ada.with_name("bea") / "mind.json").unlink()
    with opened(ada) as a, opened(ada.with_name("bea")) as b:
        one, two = a.mind("dispatch"), b.mind("dispatch")
        for x, y in zip(
            jax.tree.leaves(one.learned), jax.tree.leaves(two.learned), strict=True
        ):
            np.testing.assert_array_equal(x, y)
        assert (one.counts, one.arbiter) == (two.counts, two.arbiter)
        size = one.memory.size
        assert size == two.memory.size and one.memory.cells == two.memory.cells
        for name in ("raw", "mask", "action", "reward", "after", "ready"):
            mine, theirs = getattr(one.memory, name), getattr(two.memory, name)
            np.testing.assert_array_equal(mine[:size], theirs[:size])
        assert a._places["dispatch"].open == b._places["dispatch"].open


def test_compact_and_export(run: Any, ada: Path, tmp_path: Path) -> None:
    code, out, _ = run("compact", ada)
    assert code == 0 and out[0].startswith("Moved ") and "MB and takes" in out[1]
    code, out, _ = run("export", ada, "--out", tmp_path / "all.jsonl", "--json")
    told = json.loads(out[0])
    lines = (tmp_path / "all.jsonl").read_text().splitlines()
    assert code == 0 and told["events"] == len(lines) > 80
    code, _, err = run("export", ada, "--out", tmp_path / "all.csv")
    assert code == 1 and "expected a name that ends in" in err


def test_help_has_examples(run: Any) -> None:
    for command in ("verify", "repair", "compact", "export"):
        code, out, _ = run(command, "--help")
        assert code == 0 and any("Examples:" in line for line in out)


# ---- backup


def test_a_backup_is_made_while_it_works(ada: Path, tmp_path: Path, run: Any) -> None:
    to = tmp_path / "monday"
    with opened(ada) as learner:
        learner.decide([0.5, 0.5], job="dispatch")
        learner.sync("dispatch")
        code, out, _ = run("backup", ada, to)
        assert code == 0
        assert "all are sound" in out[0]
        learner.decide([0.5, 0.5], job="dispatch")
    with opened(to) as copy:
        assert copy.steps("dispatch") == 41
        assert copy.uid == learner.uid
        assert copy.log.verify().is_sound
    code, _, error = run("backup", ada, to)
    assert code == 1
    assert "lives in" in error


def test_of_a_damaged_log_there_is_no_backup(ada: Path, tmp_path: Path, run: Any) -> None:
    damage(ada, "UPDATE events SET reward = 7 WHERE n = (SELECT max(n) FROM events)")
    code, _, error = run("backup", ada, tmp_path / "monday")
    assert code == 7
    assert "not sound" in error
    assert not (tmp_path / "monday").exists()


def test_fsck_is_verify(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fsck", str(ada)]) == 0
    assert "sound events" in capsys.readouterr().out


# ---- past decisions


def written(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n")
    return path


def test_past_decisions_are_taken_up_once(ada: Path, tmp_path: Path, run: Any) -> None:
    records = [
        {"observation": [0.1, 0.0], "action": 0, "reward": 1, "episode": "a"},
        {"observation": [0.2, 0.0], "action": 1, "reward": 2, "episode": "b"},
        {"observation": [0.3, 0.0], "action": 1, "episode": "a", "end": "terminated"},
        {"observation": [0.4, 0.0], "action": 0, "reward": 3, "episode": "b"},
        {
            "observation": [0.5, 0.0], "action": 0, "reward": 4, "episode": "c",
            "end": "truncated", "last": [0.6, 0.0], "mask": [True, False],
        },
    ]  # fmt: skip
    file = written(tmp_path / "past.jsonl", records)
    code, out, error = run("import", ada, file, "--job", "dispatch")
    assert (code, error) == (0, "")
    assert "5 decisions" in out[-1]
    with opened(ada) as learner:
        assert learner.steps("dispatch") == 45
        memory, past = learner.mind("dispatch").memory, slice(-6, None)
        n = memory.size
        np.testing.assert_allclose(
            memory.raw[:n][past, 0], [0.1, 0.3, 0.5, 0.6, 0.2, 0.4], atol=1e-6
        )
        assert memory.after[:n][past].tolist() == [n - 5, -2, n - 3, -1, n - 1, -1]
        assert memory.reward[:n][past].tolist() == [1.0, 0.0, 4.0, 0.0, 2.0, 3.0]
        assert memory.mask[n - 4].tolist() == [True, False]
        assert learner.mind("dispatch").counts.others == 5
        assert not learner._places["dispatch"].open
    code, _, error = run("import", ada, file, "--job", "dispatch")
    assert code == 1
    assert "taken up already" in error


def test_past_decisions_in_parquet(ada: Path, tmp_path: Path, run: Any) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = arrow.table(
        {
            "observation": [[0.1, 0.0], [0.2, 0.0]],
            "action": [1, 0],
            "reward": [1.0, None],
            "end": ["terminated", None],
        }
    )
    parquet.write_table(table, tmp_path / "past.parquet")
    code, _, error = run("import", ada, tmp_path / "past.parquet", "--job", "dispatch")
    assert (code, error) == (0, "")
    with opened(ada) as learner:
        assert learner.steps("dispatch") == 42


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"observation": [0.1], "action": 0}, "Row 2"),
        ({"observation": [0.1, 0.2], "action": 2}, "Row 2"),
        ({"observation": [0.1, 0.2]}, "Record 2 has no 'action'"),
        ({"observation": [0.1, 0.2], "action": 0, "rewrad": 1}, "'rewrad'"),
        ({"observation": [0.1, 0.2], "action": 0, "end": "over"}, "the end 'over'"),
        ({"observation": [0.1, 0.2], "action": 0, "reward": "much"}, "finite number"),
    ],
)
def test_of_a_file_that_does_not_fit_nothing_is_taken_up(
    record: dict[str, Any], said: str, ada: Path, tmp_path: Path, run: Any
) -> None:
    good = {"observation": [0.1, 0.0], "action": 0, "end": "terminated"}
    file = written(tmp_path / "past.jsonl", [good, record])
    code, _, error = run("import", ada, file, "--job", "dispatch")
    assert code != 0
    assert said in error
    with opened(ada) as learner:
        assert learner.steps("dispatch") == 40
