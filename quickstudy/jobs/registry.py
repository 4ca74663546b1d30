"""Which jobs there are, by the name that a person types.

Jobs come in through plugins (see `quickstudy.hooks`), ours as a stranger's would; any
other environment that Gymnasium knows is a job too, without an incumbent.

Left out: several versions of one job side by side. A package is pinned by its extra.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import gymnasium

from quickstudy import hooks
from quickstudy.errors import JobFailed, QuickstudyError, UnknownJob, UnknownShift, did_you_mean
from quickstudy.jobs.entry import Entry, Move
from quickstudy.jobs.gym import GymJob


class Registry:
    """The jobs that are known, installed or not."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def add(self, entry: Entry) -> None:
        """Adds a job. Raises ValueError where its name is taken, whatever the case."""
        key = entry.name.casefold()
        if key in self._entries:
            raise ValueError(f"the job '{entry.name}' is registered twice")
        self._entries[key] = entry

    def entries(self) -> tuple[Entry, ...]:
        """Every job of the catalogue, installed or not, in the order it was added."""
        return tuple(self._entries.values())

    def find(self, name: str) -> Entry:
        """The job of that name: a profession, or an environment's id.

        Args:
          name: in any case; ``module:Id`` imports the module first, as Gymnasium does.

        Raises:
          UnknownJob: nothing of that name (with the nearest one), or its package is not
            installed (with the command that installs it).
        """
        entry = self._known(name) or _from_gymnasium(name)
        if entry is None:
            raise UnknownJob(
                f"Unknown job '{name}'.{did_you_mean(name, self._names())} "
                "`quickstudy jobs` lists the catalogue; any Gymnasium id works too, "
                "as 'Id-v0' or 'module:Id-v0'."
            )
        if not is_installed(entry):
            raise UnknownJob(_not_installed(entry))
        return entry

    def make(self, name: str, shift: str = "", strength: float = 1.0) -> GymJob:
        """Builds the job of that name.

        Args:
          shift: one of the entry's `shifts`, to build it moved; "" as it is. strength: in
            (0, 1].

        Raises:
          UnknownJob: as `find`; also where the package is there but not usable.
          UnknownShift: the job has no such parameter to move.
          JobFailed: the environment raised while it was built.
          UnsupportedSpace: a part of its spaces has no representation.
        """
        entry = self.find(name)
        build = functools.partial(_move(entry, shift), strength) if shift else entry.make
        try:
            env = build()
        except QuickstudyError:
            raise
        except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
            raise UnknownJob(f"{_not_installed(entry)} ({_one_line(error)})") from error
        except Exception as error:
            raise JobFailed(
                f"Job '{entry.name}' raised {type(error).__name__} while it was built: "
                f"{_one_line(error)}. Fix the environment, or its installation."
            ) from error
        return GymJob(env, entry.step_seconds, entry.name)

    def _known(self, name: str) -> Entry | None:
        key = name.casefold()
        if key in self._entries:
            return self._entries[key]
        by_id = (e for e in self._entries.values() if e.gym_id.casefold() == key != "")
        return next(by_id, None)

    def _names(self) -> Iterator[str]:
        for entry in self._entries.values():
            yield entry.name
            if entry.gym_id:
                yield entry.gym_id
        yield from gymnasium.registry


def _move(entry: Entry, shift: str) -> Move:
    if shift not in entry.shifts:
        raise UnknownShift(
            f"Job '{entry.name}' has no '{shift}' that can be moved."
            f"{did_you_mean(shift, entry.shifts)} It has: {', '.join(entry.shifts) or 'none'}."
        )
    return entry.shifts[shift]


def is_installed(entry: Entry) -> bool:
    """Whether the job's package can be imported; looks without importing it."""
    if not entry.module:
        return True
    try:
        return find_spec(entry.module) is not None
    except (ImportError, ValueError):  # its parent package is missing, or half installed
        return False


def install_command(entry: Entry) -> str:
    """The one command that installs the job's package; "" where nothing is needed."""
    if entry.extra:
        return f"pip install 'quickstudy[{entry.extra}]'"
    return f"pip install '{entry.package}'" if entry.package else ""


@functools.cache
def registry() -> Registry:
    """The jobs of all installed plugins, ours among them. Filled once, at first use."""
    filled = Registry()
    for name, register in hooks.plugins():
        try:
            register(filled)
        except Exception as error:  # a stranger's plugin must not take down the rest
            warnings.warn(
                f"Plugin '{name}' could not be loaded, so its jobs are missing "
                f"({type(error).__name__}: {_one_line(error)}). Update or uninstall it.",
                stacklevel=2,
            )
    return filled


def make(name: str) -> GymJob:
    """`Registry.make` on the default registry."""
    return registry().make(name)


def _from_gymnasium(name: str) -> Entry | None:
    """An entry for any environment that Gymnasium knows; None where it knows none."""
    module, colon, env_id = name.rpartition(":")
    if colon:
        _import(module, name)
    found = _gymnasium_id(env_id)
    if found is None:
        return None
    return Entry(
        name=found,
        title="a Gymnasium environment",
        # Gymnasium's checker would repeat, at every step, what GymJob checks itself.
        make=functools.partial(gymnasium.make, found, disable_env_checker=True),
        gym_id=found,
        threshold=gymnasium.registry[found].reward_threshold,
        # Gymnasium's own are simulators; a stranger's may be a machine.
        resets_freely=str(gymnasium.registry[found].entry_point).startswith("gymnasium."),
    )


def _gymnasium_id(env_id: str) -> str | None:
    if env_id in gymnasium.registry:
        return env_id
    same = (known for known in gymnasium.registry if known.casefold() == env_id.casefold())
    return next(same, None)


def _import(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnknownJob(
            f"Job '{name}' needs the module '{module}', which could not be imported "
            f"({_one_line(error)}): install the package that brings it."
        ) from error


def _not_installed(entry: Entry) -> str:
    command = install_command(entry)
    remedy = f"install it: {command}" if command else "install what it needs"
    return f"Job '{entry.name}' is known, but its package is not installed; {remedy}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or "no message"
