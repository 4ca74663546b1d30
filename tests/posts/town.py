"""A learner at its posts, in a world whose clock is set by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import quickstudy as qs
from quickstudy.front import Front, open_front
from quickstudy.mind import judgement
from quickstudy.mind import mind as minds
from quickstudy.posts.declared import from_json
from quickstudy.posts.office import Office

SMALL = minds.Settings(
    judgement=judgement.Settings(hidden=(16, 16), batch=16, fused=8), window=40, first_lead=32
)
VALVE: dict[str, Any] = {
    "name": "valve",
    "observation": {"type": "box", "names": ["heat", "flow"]},
    "action": {"type": "discrete", "n": 3, "labels": ["close", "keep", "open"]},
}


class Town:
    """A learner, its office, and the time there. `restart` opens both anew from the log."""

    def __init__(self, path: Path):
        self.path, self.now = path, 1_000.0
        qs.hire(path, settings=SMALL).close()
        self.front, self.office = self._open()

    def _open(self) -> tuple[Front, Office]:
        front = open_front(self.path, SMALL)
        return front, Office(front, lambda: self.now)

    def restart(self) -> Office:
        self.front.close()
        self.front, self.office = self._open()
        return self.office

    def post(self, level: str = "autonomous", **more: Any) -> str:
        """Makes a post on which nothing is audited, unless it is said otherwise."""
        terms = {"first": level, "audit_share": 1e-9} | more.pop("terms", {})
        declared = VALVE | {"terms": {"any": terms}} | more
        self.office.create(from_json(declared), "ann")
        return str(declared["name"])
