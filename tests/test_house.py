"""The house: imports point one way, and rooms keep out of what is not theirs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "quickstudy"
ROOMS = ["jobs", "mind", "experience"]
GROUND = {"types", "errors", "hooks", "closing"}
# room or module → what of ours it may import
MAY = {
    "jobs": GROUND | {"jobs"},
    "mind": GROUND | {"mind"},
    "experience": GROUND | {"experience"},
    "deployment": {"errors", "deployment"},
    "life": GROUND | set(ROOMS),
    "clinic": GROUND | {*ROOMS, "clinic", "learner", "life"},
    "hopeless": GROUND | {"life"},
    "rivals": GROUND,
    "lineage": GROUND | {*ROOMS, "life"},
    "cache": GROUND | {"experience", "mind"},
    "recollection": GROUND | {*ROOMS, "life"},
    "learner": GROUND
    | {*ROOMS, "cache", "hopeless", "life", "lineage", "recollection", "rivals"},
    "front": GROUND | {*ROOMS, "cache", "learner", "life"},
    "settled": GROUND | {*ROOMS, "learner", "life", "lineage"},
    "posts": GROUND | {*ROOMS, "deployment", "front", "posts"},
    "student": GROUND | {"experience", "learner"},
    "history": GROUND | {"experience", "front"},
    "collective": GROUND
    | {
        *ROOMS,
        "careers",
        "collective",
        "exams",
        "learner",
        "interrupt",
        "lineage",
        "life",
        "settled",
        "words",
    },
    "careers": GROUND
    | {*ROOMS, "careers", "clinic", "learner", "lineage", "report", "rivals", "words"},
    "ledger": GROUND | {"clinic", "jobs", "learner", "words"},
    "exams": GROUND | {*ROOMS, "exams", "interrupt", "learner", "report", "words"},
}
NEVER = {
    "experience": {"jax", "equinox", "optax"},
    "deployment": {"jax", "equinox", "optax", "numpy"},
}


def imported(path: Path) -> set[str]:
    """Modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ours(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("quickstudy.")}


def files(name: str) -> list[Path]:
    room = PACKAGE / name
    return sorted(room.rglob("*.py")) if room.is_dir() else [PACKAGE / f"{name}.py"]


@pytest.mark.parametrize("name", MAY)
def test_imports_point_one_way(name: str) -> None:
    for path in files(name):
        assert ours(imported(path)) <= MAY[name], path


@pytest.mark.parametrize("name", NEVER)
def test_no_arrays_where_none_belong(name: str) -> None:
    for path in files(name):
        roots = {module.split(".")[0] for module in imported(path)}
        assert not roots & NEVER[name], path


@pytest.mark.parametrize("name", sorted(GROUND))
def test_the_ground_floor_imports_nothing_of_ours(name: str) -> None:
    assert not ours(imported(PACKAGE / f"{name}.py"))


def test_jobs_are_examined_without_jax() -> None:
    """Importing it takes seconds; a job's findings come sooner."""
    look = "import sys, quickstudy.clinic.job; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look]).returncode == 0


def test_no_pickle_anywhere() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert not {m.split(".")[0] for m in imported(path)} & {"pickle", "dill", "cloudpickle"}
