"""The one door for plugins and built-ins alike.

A plugin is a package with an entry point in the group ``quickstudy`` that names a
function taking a :class:`Registry`; our own jobs come through the same door::

    [project.entry-points.quickstudy]
    mine = "my_package:register"

    def register(registry):
        registry.add(Entry(name="mine", ...))

(The idea of one door for both is llm's.) Left out: ordering and replacement of plugins.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

GROUP = "quickstudy"


def plugins() -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Name and register function of every installed plugin, ours among them.

    A plugin is imported when its function is called, so that one that fails to import
    fails there, by name, and the others still come.
    """
    for point in metadata.entry_points(group=GROUP):
        yield point.name, functools.partial(_register, point)


def _register(point: metadata.EntryPoint, registry: Any) -> None:
    point.load()(registry)
