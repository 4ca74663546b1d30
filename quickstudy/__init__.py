"""Quickstudy: a learner that you deploy.

    import quickstudy as qs

    ada = qs.hire("ada", seed=0)
    for moment in ada.work("CartPole-v1", steps=5_000):
        ...

Names are looked up when they are first used, so that `quickstudy --help` and
`quickstudy jobs` need not wait for JAX.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quickstudy.careers.career import career
    from quickstudy.careers.skill import export as export_skill
    from quickstudy.careers.skill import take_in as import_skill
    from quickstudy.clinic.verdict import verdict
    from quickstudy.clinic.visit import doctor
    from quickstudy.collective.merge import merge
    from quickstudy.exams.exam import exam, examine
    from quickstudy.exams.levels import levels
    from quickstudy.learner import Check, Learner, hire
    from quickstudy.learner import open_learner as open
    from quickstudy.types import Decision, Moment, Spec, Value

__version__ = "0.1.0"
__all__ = [
    "Check",
    "Decision",
    "Learner",
    "Moment",
    "Spec",
    "Value",
    "career",
    "doctor",
    "exam",
    "examine",
    "export_skill",
    "hire",
    "import_skill",
    "levels",
    "merge",
    "open",
    "verdict",
]

_HOMES = {
    "Check": "learner.Check",
    "Learner": "learner.Learner",
    "career": "careers.career.career",
    "doctor": "clinic.visit.doctor",
    "exam": "exams.exam.exam",
    "examine": "exams.exam.examine",
    "export_skill": "careers.skill.export",
    "hire": "learner.hire",
    "import_skill": "careers.skill.take_in",
    "levels": "exams.levels.levels",
    "merge": "collective.merge.merge",
    "open": "learner.open_learner",
    "verdict": "clinic.verdict.verdict",
    "Decision": "types.Decision",
    "Moment": "types.Moment",
    "Spec": "types.Spec",
    "Value": "types.Value",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'quickstudy' has no attribute '{name}'")
    module, _, attribute = _HOMES[name].rpartition(".")
    return getattr(importlib.import_module(f"quickstudy.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
