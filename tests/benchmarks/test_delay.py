"""The delayed jobs keep their word, and the table says no more than the runs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import delay, delay_worker
from benchmarks.delay import NAIVE
from benchmarks.delay_jobs import FORK, Fork, Payday, payday
from benchmarks.runs import OURS, Clock, Plan
from quickstudy.jobs.check import check_job
from quickstudy.jobs.gym import GymJob

# ---- the jobs


@pytest.mark.parametrize("make", [lambda: payday(1), lambda: payday(7), lambda: Fork(False)])
def test_adapters_exam(make) -> None:
    check_job(GymJob(make())).raise_if_failed()


def presses(env: Any, count: int, right: bool) -> list[tuple[float, bool]]:
    """Reward and whether it was over, press by press, of right or of wrong keys."""
    seen, _ = env.reset(seed=0)
    told = []
    for _ in range(count):
        key = Payday.RIGHT[seen["signal"]]
        seen, reward, is_over, _, info = env.step(key if right else (key + 1) % 4)
        assert info["right"] is right
        told.append((reward, is_over))
        if is_over:
            seen, _ = env.reset()
    return told


def test_paid_at_once_or_later_is_the_same_pay() -> None:
    for right in (True, False):
        once, late = (presses(Payday(d), 3_000, right) for d in (1, 100))
        assert all(over for _, over in once)
        assert [over for _, over in late] == ([False] * 99 + [True]) * 30
        assert {reward for reward, over in late if not over} == {0.0}
        for told in (once, late):
            paid = sum(reward for reward, _ in told)
            assert paid / 3_000 == pytest.approx(
                float(right), abs=4 * Payday.NOISE / 3_000**0.5
            )


def test_the_counter_is_what_is_paid() -> None:
    env = Payday(3)
    env.reset(seed=1)
    for _ in range(3):
        seen, reward, is_over, _, _ = env.step(0)
    assert is_over
    assert seen["counter"][0] == pytest.approx(reward)
    assert env.reset()[0]["counter"][0] == 0.0


def test_no_delay_below_one() -> None:
    with pytest.raises(ValueError, match="0 decisions"):
        Payday(0)


@pytest.mark.parametrize("option", [0, 1])
def test_from_the_fork_no_outcome_is_seen(option: int) -> None:
    env = Fork(from_fork=True)
    assert env.reset(seed=0)[0].tolist() == [0.0, 0.0]
    told = [env.step(option) for _ in range(Fork.WALK)]
    assert {reward for _, reward, *_ in told} == {0.0}
    assert [truncated for *_, truncated, _ in told] == [False] * 9 + [True]
    assert told[-1][0].tolist() == [[Fork.SWAMP, Fork.MEADOW][option], 0.5]


def test_elsewhere_begins_where_the_fork_leaves_off() -> None:
    env, ends = Fork(from_fork=False), set()
    for seed in range(8):
        side, along = env.reset(seed=seed)[0]
        assert along == 0.5
        told = [env.step(0) for _ in range(Fork.WALK)]
        assert [terminated for _, _, terminated, *_ in told] == [False] * 9 + [True]
        assert told[-1][1] == side
        ends.add(told[-1][1])
    assert ends == {Fork.SWAMP, Fork.MEADOW}


# ---- the learners there


def forked(algorithm: str, steps: int, folder: Path) -> tuple[Any, Any]:
    """What a learner makes of both branches, before and after decisions from the fork."""
    plan = Plan(FORK, algorithm, seed=0, steps=steps, every=steps, episodes=1, exam=1)
    before, after = delay_worker.forked(plan, Clock(), folder)["curve"]
    return before, after


def test_the_dead_branch_loses_worth_with_no_outcome_seen(tmp_path: Path) -> None:
    before, after = forked(OURS, 200, tmp_path)
    for speed in ("instinct", "judgement"):
        assert after[speed][0] < before[speed][0] - 0.05
        assert after[speed][0] < after[speed][1]


@pytest.mark.slow
def test_the_dead_branch_is_known_for_what_it_is(tmp_path: Path) -> None:
    _, after = forked(OURS, 600, tmp_path)
    truth = 0.95 ** (2 * Fork.WALK - 1)
    assert after["judgement"] == pytest.approx([-truth, truth], abs=0.2)


def test_outcomes_alone_cannot_move_the_fork(tmp_path: Path) -> None:
    before, after = forked(NAIVE, 160, tmp_path)
    assert after["chance"] == before["chance"]
    assert before["chance"] != [0.5, 0.5]  # elsewhere it did learn


@pytest.mark.parametrize("algorithm", [OURS, NAIVE])
def test_a_short_run(algorithm: str, tmp_path: Path) -> None:
    plan = Plan("payday-2", algorithm, seed=0, steps=64, every=32, episodes=10, exam=10)
    result = delay_worker.paid(plan, Clock(), tmp_path)
    assert result["curve"][0]["step"] == 32
    assert all(0 <= share <= 1 for share in result["exam"])


# ---- the table


def line(job: str, algorithm: str, seed: int, step: int, share: float) -> dict[str, Any]:
    plan = Plan(job, algorithm, seed, 1_000, 50, 1, 1)
    curve = [{"step": 50, "mean": 0.2}, {"step": step, "mean": share}]
    return {"plan": asdict(plan), "curve": curve, "exam": [share], "date": "2026-11-22"}


def test_means_are_geometric_and_ratios_are_of_them() -> None:
    assert delay.geometric([100, 10_000]) == pytest.approx(1_000)
    value, ends = delay.ratio([10, 1_000], [100, 10_000])
    assert value == pytest.approx(10)
    assert ends.low < 10 < ends.high
    assert delay.ratio([10, 10], [30, 30]) == (pytest.approx(3), pytest.approx((3, 3)))


def test_runs_that_were_stopped_give_bounds() -> None:
    reached = [line("payday-10", OURS, seed, 100, 0.95) for seed in (0, 1)]
    late = [line("payday-10", NAIVE, 0, 1_000, 0.95), line("payday-10", NAIVE, 1, 1_000, 0.5)]
    text = delay.report([*reached, *late], "made by hand")
    row = next(row for row in text.splitlines() if row.startswith("| 10 decisions"))
    assert "| 100 / 100 |" in row
    assert "| 1,000 / ≥ 1,000 |" in row
    assert "≥ 10.00 [10.00, 10.00]" in row
    both = delay.report([*late, line("payday-10", OURS, 0, 1_000, 0.1)], "made by hand")
    row = next(row for row in both.splitlines() if row.startswith("| 10 decisions"))
    assert row.endswith("| — |")


def test_the_forks_table_has_each_seed() -> None:
    lines = []
    for seed in (1, 0):
        told = line(FORK, OURS, seed, 400, 0.0)
        told["curve"] = [
            {"step": 0, "instinct": [0.25, 0.5], "judgement": [0.125, seed]},
            {"step": 400, "instinct": [0.0, 0.5], "judgement": [-0.5, 1.0]},
        ]
        lines.append(told)
    text = delay.report(lines, "made by hand")
    assert (
        "| judgement: worth | 0.125 / 0.125 | −0.500 / −0.500 | 0 / 1.00 | 1.00 / 1.00 |"
        in text
    )
    assert "naive: chance" not in text


def test_every_seed_is_whole() -> None:
    todo = delay.plans([1, 300], [100])
    assert len(todo) == len({plan.key for plan in todo}) == 6
    assert {(plan.job, plan.episodes) for plan in todo} == {
        ("payday-1", 200),
        ("payday-300", 1),
        (FORK, 1),
    }


def test_figure(tmp_path: Path) -> None:
    lines = [line(f"payday-{d}", a, 0, 99 * d, 0.95) for d in (1, 10) for a in (OURS, NAIVE)]
    delay.draw(lines, tmp_path / "delay.png")
    assert (tmp_path / "delay.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("given", [["--delays", "0"], ["--delays", "x"], ["--seeds", "a"]])
def test_bad_input_is_told_in_a_sentence(given: list[str], capsys) -> None:
    with pytest.raises(SystemExit):
        delay.main(given)
    assert "error: " in capsys.readouterr().err
