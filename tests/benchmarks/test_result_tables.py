"""Lines of results, and the tables made from them."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from made_lines import line

from benchmarks import crash, professions, quick, readme, runs, tables
from benchmarks.runs import INCUMBENT, OURS, Plan
from benchmarks.statistics import Interval

PLAN = Plan("CartPole-v1", OURS, 100, 1_500, 500, 10, 50)


# ---- cells


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "—"),
        (math.nan, "—"),
        (math.inf, "never"),
        (0.0, "0"),
        (12_345.6, "12,346"),
        (-134.6, "−135"),
        (13.37, "13.4"),
        (0.01234, "0.0123"),
        (-0.5, "−0.500"),
    ],
)
def test_numbers(value: float | None, expected: str) -> None:
    assert tables.number(value) == expected


def test_cells() -> None:
    assert tables.interval(475, Interval(401.234, 500), 4) == "475.0 [401.2, 500.0]"
    assert tables.each([1_000, None, 2_500]) == "1,000 / never / 2,500"
    assert tables.percent(2 / 3) == "67%"
    assert tables.percent(None) == "—"


def test_table() -> None:
    expected = "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |"
    assert tables.table(["a", "b"], [["1", "2|3"]]) == expected
    with pytest.raises(ValueError, match="1 cells under 2 heads"):
        tables.table(["a", "b"], [["1"]])


# ---- lines


def test_lines_are_kept_and_the_last_one_on_a_plan_counts(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "quick.jsonl"
    other = replace(PLAN, seed=101)
    for seed_plan, score in ((PLAN, 1.0), (other, 2.0), (PLAN, 3.0)):
        runs.append(path, line(seed_plan, [score], [score]))
    with path.open("a") as file:
        file.write('{"plan": {"job": "Cart')  # killed while it wrote
    assert [ln["exam"] for ln in runs.read(path)] == [[2.0], [3.0]]


def test_finished_leaves_out_failures_and_other_sources(tmp_path: Path) -> None:
    path = tmp_path / "quick.jsonl"
    plans = [replace(PLAN, seed=seed) for seed in range(4)]
    runs.append(path, line(plans[0], [1.0], [1.0], source=runs.fingerprint()))
    runs.append(path, line(plans[1], [1.0], [1.0], source="another"))
    runs.append(path, {"plan": asdict(plans[2]), "failed": "exit code 1"})
    runs.append(path, line(plans[3], [1.0], [1.0]))  # a peer's has no source of ours
    assert set(runs.finished(path)) == {plans[0].key, plans[3].key}


def test_a_run_that_fails_is_a_result() -> None:
    failed = runs.run(replace(PLAN, job="no such job"))
    assert failed["failed"] == "exit code 1"
    assert failed["plan"]["job"] == "no such job"


def test_a_worker_in_a_process_of_its_own() -> None:
    """The incumbent learns nothing, so it is the quickest whole run."""
    plan = Plan("MountainCar-v0", INCUMBENT, 0, 100, 50, episodes=2, exam=3)
    result = runs.run(plan)
    assert [point["step"] for point in result["curve"]] == [100]
    assert len(result["exam"]) == 3
    assert all(-200 < score < -80 for score in result["exam"])
    assert result["cpu"] > 0


def test_runs_side_by_side(tmp_path: Path) -> None:
    """Both fail at once, so this is quick; the lines say how many went together."""
    path = tmp_path / "quick.jsonl"
    plans = [replace(PLAN, job="no such job", seed=seed) for seed in (1, 2)]
    assert not runs.run_all(plans, path, resume=False, workers=2)
    assert {line["plan"]["seed"] for line in runs.read(path)} == {1, 2}
    assert {line["workers"] for line in runs.read(path)} == {2}


def test_clock_leaves_pauses_out() -> None:
    clock = runs.Clock(began=0.0)
    with clock.paused():
        pass
    assert clock.wall > 1e9  # since 1970
    clock = runs.Clock()
    with clock.paused():
        time.sleep(0.3)
    assert clock.wall < 0.3


def test_commands_name_no_path_of_this_machine() -> None:
    given = ["--seeds", "100", "--peers-python", "/x/python", "--output=/y", "--resume"]
    assert runs.command("quick", given) == "python -m benchmarks.quick --seeds 100"


def test_seeds() -> None:
    assert runs.seeds_of("100-102,7") == [100, 101, 102, 7]


def test_fingerprint_is_of_the_source() -> None:
    assert runs.fingerprint() == runs.fingerprint()
    assert len(runs.fingerprint()) == 10


# ---- quick


def quick_lines() -> list[dict[str, Any]]:
    """Three seeds of ours on CartPole, one peer, and the anaesthetist with its incumbent."""
    lines = [
        line(replace(PLAN, seed=100), [20.0, 480.0, 490.0], [500.0] * 50, source="abc"),
        line(replace(PLAN, seed=101), [20.0, 30.0, 475.0], [400.0] * 50, source="abc"),
        line(replace(PLAN, seed=102), [20.0, 30.0, 40.0], [300.0] * 50, source="abc"),
        line(replace(PLAN, algorithm="sb3-dqn"), [9.0, 9.0, 9.0], [9.0] * 50),
        {
            "plan": asdict(replace(PLAN, algorithm="sb3-ppo")),
            "failed": "x",
            "date": "2026-11-22",
        },
    ]
    job = replace(PLAN, job="anaesthetist", every=400, steps=800)
    lines.append(line(replace(job, algorithm=INCUMBENT, seed=0), [130.0], [131.0] * 50))
    lines.append(line(job, [129.0, 130.0], [140.0] * 50, source="abc"))
    return lines


def test_quick_report() -> None:
    text = quick.report(quick_lines(), "python -m benchmarks.quick")
    assert "Dates: 2026-11-21 to 2026-11-22" in text
    assert "Seeds: 100, 101, 102\n" in text  # the incumbent's is none
    assert "| median steps to the bar | quickstudy | sb3-dqn/sac |" in text
    assert "| CartPole-v1 (475) | 1,500 | never |" in text
    assert "| anaesthetist (130) | 800 | — |" in text
    assert (
        "| 1,500 | 1,000 / 1,500 / never | 100% | 400.0 [300.0, 500.0] | 7.50 | 6.00 |" in text
    )
    assert "| sb3-dqn | never | never | — | 9.000 [9.000, 9.000] |" in text
    assert "| sb3-ppo (1 failed) | — |" in text
    assert "Bar 130.0 (the incumbent's mean on the same worlds); 800 steps" in text
    assert "worlds of the last evaluation: 131.0" in text


def test_quick_holds_ours_against_its_bars() -> None:
    """Medians 1,500 of 2,500 and 800 of 4,000; episodes 7–10 earned 6, 7, 8, 9."""
    text = quick.report(quick_lines(), "c")
    assert "| CartPole-v1 | 475 | 2,500 | 1,500 | met | 100% | 7.50 (bar 200) |" in text
    assert "| anaesthetist | 130 | 4,000 | 800 | met | — | 7.50 |" in text


def test_quick_says_by_how_much_a_bar_is_missed() -> None:
    def verdict(steps: list[int | None], final: float) -> str:
        whole = [
            quick.Outcome(step, None, final, None, None, None, 0, 0, 0, 0) for step in steps
        ]
        return quick._verdict(whole, bar=475.0, by=2_500)

    assert verdict([2_000, 2_500, None], 400.0) == "met"
    assert verdict([4_000, 2_000, None], 400.0) == "1,500 steps late"
    assert verdict([None, 2_000, None], 400.0) == "never; 75.0 short at the end"
    assert verdict([None], 480.0) == "never"
    assert verdict([], 0.0) == "not run"


def test_quick_normalises_between_random_and_the_bar() -> None:
    """CartPole: (500 − 22) / 453 …; the anaesthetist: (140 + 134.6) / 264.6."""
    text = quick.report(quick_lines(), "c")
    scores = sorted([(s - 22) / 453 for s in (500, 400, 300)] + [274.6 / 264.6])
    expected = tables.number(sum(scores[1:3]) / 2)
    assert f"| quickstudy | 2 | {expected} [" in text


def test_quick_compares_on_the_same_jobs() -> None:
    """The peer was run on CartPole alone, where ours ended at (400 − 22) / 453 = .834."""
    text = quick.report(quick_lines(), "c")
    row = next(ln for ln in text.splitlines() if ln.startswith("| sb3-dqn/sac | 1 |"))
    assert row.split(" | ")[-1].startswith("0.834 [0.614, 1.06]")


def test_quick_families() -> None:
    names = {name: quick.family(name) for name in (OURS, "sb3-ppo", "sbx-sac")}
    assert names == {OURS: OURS, "sb3-ppo": "sb3-ppo", "sbx-sac": "sbx-dqn/sac"}
    assert quick.family("sb3-tuned-tqc") == "sb3-tuned-qrdqn/tqc"


def test_a_table_says_where_runs_went_side_by_side() -> None:
    lines = quick_lines()
    assert "one run at a time" in quick.report(lines, "c")
    lines[0]["workers"] = 2
    assert "**up to 2 runs side by side**" in quick.report(lines, "c")


def test_quick_plans_put_bars_first_and_whole_seeds_together() -> None:
    todo = quick.plans(quick.TASKS, [100, 101], [OURS, "sb3"], is_quick=False)
    assert [plan.algorithm for plan in todo[:4]] == [INCUMBENT, OURS, "sb3-dqn", "sb3-ppo"]
    assert [plan.seed for plan in todo] == sorted(plan.seed for plan in todo)
    names = {plan.algorithm for plan in todo if plan.job == "Pendulum-v1"}
    assert names == {OURS, "sb3-sac", "sb3-ppo"}


# ---- professions


def test_professions_are_held_against_the_incumbent_on_the_same_worlds() -> None:
    job = professions.Job("driver", 1_000, 1.0, None, "IDM", 20.0, True, 8.0)
    plan = replace(PLAN, job="driver", steps=1_000, every=500)
    who = line(replace(plan, algorithm=INCUMBENT), [21.0], [10.0, 30.0])
    ours = [line(plan, [20.5, 22.0], [13.0, 33.0]), line(plan, [1.0, 2.0], [9.0, 29.0])]
    verdict = professions.judge(job, ours, who)
    assert verdict.bar == 20.0
    assert verdict.finals == [23.0, 19.0]
    assert verdict.competent == 1
    assert verdict.steps == [1_000, None]  # 20.5 is below the incumbent's 21 on those worlds
    assert verdict.difference.startswith("1.00 [1.00, 1.00]")  # + 3, + 3, − 1, − 1


def test_professions_report() -> None:
    known = {"driver": professions.Job("driver", 1_000, 3_600.0, 22.0, "IDM", 20.0, False, 8.0)}
    known["pilot"] = replace(known["driver"], name="pilot")
    plan = replace(PLAN, job="driver", steps=1_000, every=500)
    text = professions.report([line(plan, [20.5, 22.0], [23.0, 25.0])], known, "c")
    assert "| driver | 8.00 | IDM | 22.0 | 24.0 |" in text
    assert "| 1 of 1 | 1,000 | 1,000 | 1,000 | 1,000 | 66.7 | — |" in text  # steps = job hours
    assert "Not run: pilot." in text


def test_a_professions_peers_are_shown_beside_and_may_be_the_bar() -> None:
    job = professions.Job("robot-arm", 1_000, None, None, "Jacobian", -5.0, True, -43.0)
    plan = replace(PLAN, job="robot-arm", steps=1_000, every=500)
    sac, long = replace(plan, algorithm="sb3-sac"), 100_000
    lines = [
        line(plan, [-6.0, -4.0], [-4.0, -6.0]),
        line(sac, [-9.0], [-9.0, -9.0]),
        line(replace(plan, algorithm="sb3-ppo"), [-12.0], [-12.0, -12.0]),
    ]
    before = professions.report(lines, {"robot-arm": job}, "c")
    assert "| Jacobian | −5.00 |" in before
    assert "| −9.00 (sb3-sac) |" in before
    lines += [
        line(replace(sac, steps=long, seed=seed), [score], [score, score - 1.0])
        for seed, score in ((100, -5.0), (101, -6.0))
    ]
    after = professions.report(lines, {"robot-arm": job}, "c")
    assert (
        "| sb3-sac, 100,000 steps | −6.00 | −5.00 | 1.00 [" in after
    )  # −5.5 and −6.5 by world
    assert "| −9.00 (sb3-sac) |" in after


# ---- crash


def test_lost_steps_are_counted_when_the_learner_opens_again() -> None:
    life = crash.Life()
    crash._hear(life, {"opened": 0})
    crash._hear(life, {"step": 60, "saved": 50})
    life.killed.append((life.acknowledged, 0))
    crash._hear(life, {"opened": 47})
    assert life.killed == [(50, 3)]


def test_the_command_lines_words_are_understood() -> None:
    said = {"event": "check", "steps": 100, "saved": 98, "return": 22.5}
    assert crash.heard(said) == {"step": 100, "saved": 98, "check": 22.5}
    assert crash.heard({"event": "start", "steps": 7}) == {"opened": 7}
    assert crash.heard({"event": "end"}) == {"done": True}
    assert crash.heard({"step": 3}) == {"step": 3}


def crash_line(algorithm: str, seed: int, score: float) -> dict[str, Any]:
    """A life whose curve is flat."""
    killed = [[120, 0], [400, 2]] if algorithm == crash.KILLED else []
    return {
        "plan": asdict(replace(PLAN, algorithm=algorithm, seed=seed)),
        "curve": [[500, score], [1_000, score]],
        "killed": killed,
        "is_sound": True,
        "date": "2026-11-21",
    }


def test_crash_report() -> None:
    lines = [crash_line(crash.WHOLE, seed, score) for seed, score in enumerate((1.0, 2.0, 3.0))]
    lines += [crash_line(crash.KILLED, 3, 2.5), crash_line(crash.KILLED, 4, 99.0)]
    text = crash.report(lines, "c")
    assert "| kills | 4 |" in text
    assert "| acknowledged steps lost | 4 |" in text
    assert "[−2.969, 6.969] | 1 of 2 |" in text
    assert "| killed | 3 | 120, 400 | 2 | yes | 2.500 | 2.500 | 2.50 / 2.50 |" in text


# ---- the README


def test_readme_blocks_are_rewritten(tmp_path: Path) -> None:
    (tmp_path / "quick.md").write_text(
        "# Quick\nMade by `python -m benchmarks.quick`; do not edit.\n| x |\n"
        f"{tables.summary('| a |')}\n| b |\n"
    )
    (tmp_path / "plain.md").write_text("# Plain\n| c |\ntext\n| d |\n")
    old = (
        "one\n<!-- results:quick -->\nold\n<!-- /results -->\ntwo\n"
        "<!-- results:plain --><!-- /results -->\n"
        "<!-- results:none -->kept<!-- /results -->\n"
    )
    new = readme.rewritten(old, tmp_path)
    assert new == (
        "one\n<!-- results:quick -->\n| a |\n\n[All of it](benchmarks/results/quick.md). "
        "Made by `python -m benchmarks.quick`.\n<!-- /results -->\ntwo\n"
        "<!-- results:plain -->\n| c |\n| d |\n\n[All of it](benchmarks/results/plain.md).\n"
        "<!-- /results -->\n<!-- results:none -->kept<!-- /results -->\n"
    )
    assert readme.rewritten(new, tmp_path) == new


def test_readme_wants_a_table(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"empty\.md has neither"):
        readme.summary_of("# Nothing", "empty")


def test_plans_survive_json() -> None:
    assert Plan(**json.loads(PLAN.key)) == PLAN
