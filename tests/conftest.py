"""Strict JAX for every test, and compiled programs kept between runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# The benchmarks are scripts beside the package, not a part of it: found from the root.
sys.path.insert(0, str(HERE.parent))


def pytest_configure(config: pytest.Config) -> None:
    """Before JAX is imported: subprocesses inherit the cache of compiled programs."""
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(HERE.parent / ".pytest_cache/xla"))


@pytest.fixture(autouse=True)
def strict_jax() -> None:
    """A silent broadcast is a bug that learns badly. (Strict dtypes are not for optax.)"""
    import jax

    jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Learners by name live in the test's own folder."""
    home = tmp_path / "home"
    monkeypatch.setenv("QUICKSTUDY_HOME", str(home))
    return home
