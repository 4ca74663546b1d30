"""A learner at its post: it acts and records, and another process studies.

    with open_front("ada") as front, Student(front.path) as student:
        it = front.propose("dispatch", observation, stream="7")
        n = front.record("dispatch", it.observation, it.flat, stream="7", proposed=it)
        front.outcome("dispatch", n, reward=1.0, end=End.TERMINATED, stream="7")
        front.refresh()                    # now and then: what the student learned meanwhile

Deciding, recording and hearing what followed are three steps, since others may step in between:
a gate, a mentor who takes another action, an outcome that comes a day later. Nothing here waits
for the disk: what an event's position is compared with is `Log.saved`.

The front's mind acts and remembers. What it learns comes from the student, through the cache
beside the log (see `cache`), about a second later; the student's mind is what any learner makes
of the log, so both can be killed at any time. A learner that studies itself can stand here too,
for tests and benchmarks: then `refresh` has nothing to do.

Whose idea: actors and a learner apart (Nair et al. 2015; Espeholt et al. 2018), the weights
handed over by what is on disk anyway.

Left out: several threads (whoever serves calls this from one).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from quickstudy import cache, life
from quickstudy.closing import Closing
from quickstudy.errors import QuickstudyError, UnknownDecision, did_you_mean
from quickstudy.experience.event import DROPPED, VETO
from quickstudy.experience.folder import MIND_ARRAYS, MIND_NOTE, SNAPSHOTS, check_name
from quickstudy.experience.log import Log
from quickstudy.learner import Learner, finite, open_learner
from quickstudy.life import Place
from quickstudy.mind import mind as minds
from quickstudy.mind import policy, store
from quickstudy.types import Array, End, Observation, Value

LEARNER, MENTOR, INCUMBENT, FALLBACK = "learner", "mentor", "incumbent", "fallback"
BY = (LEARNER, MENTOR, INCUMBENT, FALLBACK)
MUCH_LESS = 2.0  # standard deviations of returns, by which a forbidden action is worth less


@dataclass(frozen=True, slots=True)
class Proposed:
    """What the learner would do; nothing of it is recorded yet.

    observation: packed. flat, action: the same action, packed and in the job's own terms.
    value: of that action. leader: which speed of the mind led. explored: whether it is tried
    for learning's sake. propensity: see `mind.propose`.
    """

    observation: Observation
    flat: Array
    action: Any
    value: Value
    leader: str
    explored: bool
    propensity: float | None


class Shown(NamedTuple):
    """One decision of somebody else with what followed, in the job's own terms.

    mask: allowed options, where not all are. last: what was seen after the end of an episode
    whose value goes on (truncated or cut).
    """

    observation: Any
    action: Any
    reward: float = 0.0
    end: End = End.NOT
    mask: Any = None
    last: Any = None


def open_front(
    name: str | Path, settings: minds.Settings | None = None, studies: bool = False
) -> Front:
    """A learner that was hired before, to act at its posts.

    Args:
      settings: of the mind, for research; a `Student` has the default ones.
      studies: True studies here as well, in the midst of recording: no student is needed.

    Raises:
      As `open_learner`.
    """
    return Front(open_learner(name, settings, studies=studies))


class Front(Closing):
    """See the module. Use as a context manager, or `close` it.

    Attributes:
      learner: whose front it is; for `declare`, `note` and all that is looked up.
    """

    def __init__(self, learner: Learner):
        self.learner = learner
        self._stamp: cache.Stamp | None = None
        self._studied = learner.position if learner.studies else 0
        self.refresh()
        for job in learner.jobs:
            pinned = learner.pin(job)
            if pinned is not None:
                self._fill(job, pinned)

    @property
    def path(self) -> Path:
        return self.learner.path

    @property
    def log(self) -> Log:
        return self.learner.log

    @property
    def lag(self) -> int:
        """Events on disk that the mind by which it acts has not studied."""
        return 0 if self.learner.studies else max(self.log.saved - self._studied, 0)

    def close(self) -> None:
        self.learner.close()

    # ---- the job's own terms and flat arrays

    def pack(
        self,
        job: str,
        observation: Any,
        info: Mapping[str, Any] | None = None,
        is_over: bool = False,
    ) -> Observation:
        """What a job shows, as a flat array with its mask (see `Layout.pack`).

        Raises:
          UnknownJob: not declared. BadObservation: names the part that does not fit.
        """
        return self.learner.place(job).layout.pack(observation, info, over=is_over)

    def pack_action(self, job: str, action: Any, observation: Observation) -> Array:
        """An action as a flat array, if it is allowed in that situation.

        Raises:
          BadAction: it does not fit the job. QuickstudyError: the mask does not allow it.
        """
        place = self.learner.place(job)
        flat = place.layout.pack_action(action)
        if not policy.allows(place.mind.frame, observation.mask, flat):
            raise QuickstudyError(
                f"Came the action {action!r}, which the action mask of this situation does not "
                "allow; expected one that it does."
            )
        return flat

    def unpack(self, job: str, flat: Array) -> Any:
        """A flat action in the job's own terms."""
        return self.learner.place(job).layout.unpack(flat)

    # ---- one decision, step by step

    def begin(self, job: str, stream: str, note: dict[str, Any] | None = None) -> int:
        """An episode begins; one still open on this stream is cut. Gives its number."""
        place = self.learner.place(job)
        life.begin(place, stream, note=note)
        return place.open[stream].number

    def propose(
        self,
        job: str,
        observation: Any,
        stream: str,
        info: Mapping[str, Any] | None = None,
    ) -> Proposed:
        """What it would do, exploring as the episode's mood has it; records no decision.

        Begins an episode where none is under way on the stream.

        Args:
          observation: in the job's own terms, or packed. info: its "action_mask", if any.

        Raises:
          As `pack`.
        """
        place = self.learner.place(job)
        shown = observation
        if not isinstance(observation, Observation):
            shown = place.layout.pack(observation, info)
        if stream not in place.open:
            life.begin(place, stream)
        choice, propensity = minds.propose(place.mind, shown, stream)
        action = place.layout.unpack(choice.flat)
        return Proposed(
            shown, choice.flat, action, choice.value, choice.leader, choice.explored, propensity
        )

    def record(
        self,
        job: str,
        observation: Observation,
        flat: Array,
        stream: str,
        by: str = LEARNER,
        proposed: Proposed | None = None,
        note: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> int:
        """A decision as it was taken, whoever took it; gives its position in the log.

        Args:
          observation, flat: packed. by: "learner", or who took it instead of the learner:
            "mentor", "incumbent" or "fallback". proposed: what the learner had proposed there,
            needed where it took the decision. note: to be kept with it. key: as `life.record`.
        """
        place = self.learner.place(job)
        if stream not in place.open:
            life.begin(place, stream)
        if by != LEARNER:
            _check_by(by)
            return life.record(place, observation, flat, stream, by, note=note, key=key)
        if proposed is None:
            raise ValueError("The learner's own decision is recorded with what it proposed.")
        return life.record(
            place, observation, flat, stream, proposed.leader, proposed.value,
            proposed.explored, note, key=key,
        )  # fmt: skip

    def outcome(
        self,
        job: str,
        decision: int,
        reward: float | None = None,
        end: End = End.NOT,
        last: Observation | None = None,
        stream: str = "",
        key: str | None = None,
        note: dict[str, Any] | None = None,
    ) -> int:
        """What followed a decision, now or late; gives the position of what says so.

        The same again under the same key changes nothing.

        Args:
          end: where the episode is over, of which this is the latest decision. last: packed,
            what is seen after it. stream: of the decision.
          key: tells parts of one decision's reward apart, as in `Learner.reward`.

        Raises:
          UnknownDecision: none of this job. QuickstudyError: not a finite number, the episode
          is over already, or another reward came under this key.
        """
        place = self.learner.place(job)
        name = None if key is None else f"{decision}/{key}"
        if reward is not None:
            reward = finite(reward)
        if end is not End.NOT and not (name and self.log.has(job, name)):
            self._check_latest(place, stream, decision)
        before = self.log.last
        n = life.outcome(place, decision, reward, end, last, stream, name, note)
        if n <= before:
            self._check_same(n, decision, reward)
        return n

    def cut(self, job: str, stream: str, last: Observation | None = None) -> None:
        """Stops a stream's episode from outside, if one is under way; its value goes on."""
        place = self.learner.place(job)
        if stream in place.open:
            life.cut(place, stream, last)

    # ---- what others teach

    def forbid(
        self,
        job: str,
        observation: Observation,
        flat: Array,
        reward: float | None = None,
        note: dict[str, Any] | None = None,
    ) -> int:
        """A veto: as if that action had been taken there, earned so much, and ended all.

        It is kept as an episode of one step on a stream of its own, by nobody who leads.

        Args:
          reward: None for what is clearly less than the best answer there promises.
        """
        place = self.learner.place(job)
        if reward is None:
            best = minds.act(place.mind, observation).value.worth
            reward = best - MUCH_LESS * minds.return_scale(place.mind)
        life.begin(place, VETO, note={VETO: True})
        n = life.record(place, observation, flat, VETO, VETO, note=note)
        life.outcome(place, n, finite(reward), End.TERMINATED, stream=VETO)
        return n

    def demonstrate(
        self,
        job: str,
        rows: Iterable[Shown],
        by: str = MENTOR,
        note: dict[str, Any] | None = None,
    ) -> int:
        """Takes in what others did, in order, as if it had happened here; gives how many rows.

        All is checked before any of it is recorded. An episode without an end is cut.

        Args:
          by: "mentor", "incumbent" or "fallback". note: to be kept with each episode.

        Raises:
          BadObservation, BadAction, QuickstudyError: which row does not fit, and how.
        """
        _check_by(by)
        packed = [self._packed(job, number, Shown(*row)) for number, row in enumerate(rows, 1)]
        place, n = self.learner.place(job), 0
        for shown, flat, row, last in packed:
            if by not in place.open:
                life.begin(place, by, note=note)
            n = life.record(place, shown, flat, by, by)
            life.outcome(place, n, row.reward, row.end, last, by)
        self.cut(job, by)
        return len(packed)

    def _packed(
        self, job: str, number: int, row: Shown
    ) -> tuple[Observation, Array, Shown, Observation | None]:
        try:
            shown = self.pack(job, row.observation, _info(row.mask))
            flat = self.pack_action(job, row.action, shown)
            last = None if row.last is None else self.pack(job, row.last, is_over=True)
            return shown, flat, row._replace(reward=finite(row.reward)), last
        except QuickstudyError as error:
            raise type(error)(f"Row {number}: {error}") from error

    # ---- what the student learned

    def refresh(self) -> bool:
        """Takes in a newer cache, if there is one; cheap where there is none.

        Jobs that are pinned stay as they are. What is half written is left for the next call.
        """
        if self.learner.studies:
            return False
        found = cache.stamp(self.path)
        if found is None or found == self._stamp:
            return False
        saved = cache.read(self.path)
        places = {job: self.learner.place(job) for job in self.learner.jobs}
        if saved is None or not saved.notes.keys() <= places.keys():
            return False
        had = {job: place.mind.counts.inherited for job, place in places.items()}
        try:
            saved.fill({job: self._open(place) for job, place in places.items()}, False)
        except store.Unfit:
            return False
        self._stamp, self._studied = found, saved.position
        for job, place in places.items():
            if had[job] and not place.mind.counts.inherited:
                self.learner.note(job, {DROPPED: place.steps})
        return True

    def _open(self, place: Place) -> minds.Mind:
        """Where what was learned goes: of a pinned job, to a mind that is thrown away."""
        return place.mind if self.learner.pin(place.name) is None else replace(place.mind)

    # ---- snapshots

    def snapshot(self, name: str) -> None:
        """Keeps what the minds of all jobs know now, as far as the student published it.

        Raises:
          QuickstudyError: the name will not do or is taken, or nothing was learned yet.
        """
        check_name(name)
        folder = self.path / SNAPSHOTS
        if (folder / name).exists():
            raise QuickstudyError(f"There is a snapshot '{name}' already; choose another name.")
        self.learner.save()
        folder.mkdir(exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".", dir=folder))
        try:
            for file in (MIND_ARRAYS, MIND_NOTE):
                if (self.path / file).exists():
                    shutil.copy(self.path / file, beside / file)
            if cache.read(beside) is None:
                raise QuickstudyError(
                    "There is no learned mind to keep yet; try again in a second or two."
                )
            beside.rename(folder / name)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def snapshots(self) -> tuple[str, ...]:
        """Names of the snapshots, in order."""
        folder = self.path / SNAPSHOTS
        if not folder.is_dir():
            return ()
        return tuple(sorted(one.name for one in folder.iterdir() if one.name[0] != "."))

    def pin(self, job: str, snapshot: str) -> None:
        """From now on it acts on a job by a snapshot, while the student goes on.

        Raises:
          QuickstudyError: there is no such snapshot, it is damaged or knows nothing of the job,
          or the learner studies itself.
        """
        if self.learner.studies:
            raise QuickstudyError("A learner that studies as it acts cannot be pinned.")
        self._fill(job, snapshot)
        self.learner.set_pin(job, snapshot)

    def unpin(self, job: str) -> None:
        """It acts on a job by what it knows again."""
        if self.learner.pin(job) is not None:
            self.learner.set_pin(job, None)
            self._stamp = None
            self.refresh()

    def _fill(self, job: str, snapshot: str) -> None:
        if snapshot not in self.snapshots():
            near = did_you_mean(snapshot, self.snapshots())
            raise QuickstudyError(f"There is no snapshot '{snapshot}'.{near}")
        saved = cache.read(self.path / SNAPSHOTS / snapshot)
        if saved is None or job not in saved.notes:
            what = "is damaged" if saved is None else f"knows nothing of job '{job}'"
            raise QuickstudyError(f"Snapshot '{snapshot}' {what}; choose another one.")
        into = {name: replace(self.learner.place(name).mind) for name in saved.notes}
        into[job] = self.learner.place(job).mind
        try:
            saved.fill(into, has_streams=False)
        except store.Unfit as error:
            raise QuickstudyError(
                f"Snapshot '{snapshot}' does not fit this version ({error}); choose another."
            ) from error

    # ---- checks

    def _check_same(self, known: int, decision: int, reward: float | None) -> None:
        before = self.log.reward_at(known)
        if before != reward:
            raise QuickstudyError(
                f"Decision {decision} was given the reward {before} before, and now "
                f"{reward}, under one key; give a further part a key of its own."
            )

    def _check_latest(self, place: Place, stream: str, decision: int) -> None:
        life.row_of(place, decision)
        episode = place.open.get(stream)
        if episode is None or episode.latest != decision:
            raise UnknownDecision(
                f"Decision {decision} is not the latest of an episode under way on job "
                f"'{place.name}'; end an episode with its latest decision, once."
            )


def _check_by(by: str) -> None:
    if by not in BY[1:]:
        raise ValueError(f"Came {by!r}; expected one of {', '.join(BY[1:])}.")


def _info(mask: Any) -> dict[str, Any] | None:
    return None if mask is None else {"action_mask": mask}
