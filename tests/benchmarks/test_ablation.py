"""Ingredients switched off, and the table of what they are good for."""

from __future__ import annotations

from typing import Any

import pytest
from made_lines import line

from benchmarks import ablation, quick, runs
from benchmarks.runs import INCUMBENT, Plan
from quickstudy.mind.mind import Settings

WITHOUT = "one-step targets"


def test_every_ingredient_is_one_of_the_mind() -> None:
    """A setting that was renamed would otherwise be compared with itself."""
    made = [ablation.settings_of(changes) for changes in ablation.INGREDIENTS.values()]
    assert made[0] == Settings()
    assert all(settings != Settings() for settings in made[1:])


def test_overrides_by_dotted_names() -> None:
    changed = ablation.settings_of(
        {"num_steps": 1, "instinct.noise": 0.0, "instinct.doubt": 2.0}
    )
    assert (changed.num_steps, changed.instinct.noise, changed.instinct.doubt) == (1, 0.0, 2.0)
    assert changed.judgement == Settings().judgement


@pytest.mark.parametrize("name", ["num_step", "instinct.noises", "instincts.noise"])
def test_a_setting_that_is_not_there(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        ablation.settings_of({name: 0.0})


def test_plans_have_bars_first_and_whole_seeds_together() -> None:
    tasks = [task for task in quick.TASKS if task.job in ablation.JOBS]
    todo = ablation.plans(tasks, [0, 1], is_quick=False)
    assert [plan.algorithm for plan in todo[:2]] == [INCUMBENT, ablation.SHIPPED]
    assert len(todo) == 1 + 2 * len(tasks) * len(ablation.INGREDIENTS)
    assert [plan.seed for plan in todo] == sorted(plan.seed for plan in todo)


def ablated(name: str, seed: int, final: float, source: str = "abc") -> dict[str, Any]:
    plan = Plan("CartPole-v1", name, seed, 1_500, 500, 10, 20)
    return line(plan, [10.0, 100.0, final], [final] * 20, source=source)


def test_differences_are_taken_seed_by_seed() -> None:
    """Shipped 300 and 100, without 290 and 90: seeds differ by 200, pairs by 10 each. Seed 2
    has no partner."""
    lines = [
        *(ablated(ablation.SHIPPED, seed, final) for seed, final in ((0, 300.0), (1, 100.0))),
        *(ablated(WITHOUT, seed, final) for seed, final in ((1, 90.0), (0, 290.0), (2, 5.0))),
    ]
    text = ablation.report(lines, "c")
    row = next(ln for ln in text.splitlines() if ln.startswith(f"| {WITHOUT} | never"))
    assert row.endswith("| −3.33 [−3.33, −3.33] | −10.0 [−10.0, −10.0] |")
    # Between random (22) and the bar (475) lie 453: −3.33 and −10 in that unit.
    shared = "−0.00736 [−0.00736, −0.00736] | −0.0221 [−0.0221, −0.0221] | 1 |"
    assert f"| {WITHOUT} | {shared}" in text


def test_a_run_with_an_ingredient_off(tmp_path: Any) -> None:
    """In a process of its own, through the whole mind; an unknown one fails."""
    worker = ("benchmarks.ablation", "--measure")
    plan = Plan("CartPole-v1", "without judgement", 0, 40, 20, 1, 1)
    result = runs.run(plan, worker=worker)
    assert [point["step"] for point in result["curve"]] == [20, 40]
    assert result["leader"] == "instinct"
    failed = runs.run(Plan("CartPole-v1", "no such thing", 0, 40, 20, 1, 1), worker=worker)
    assert failed["failed"] == "exit code 1"
