"""The one mutable object: living minds, and their experience on disk.

    ada = hire("ada", seed=0)
    for moment in ada.work("CartPole-v1", steps=5_000): ...
    decision = ada.decide(observation, job="dispatch")
    ada.reward(decision.id, 1.0)

A learner is its experience: the log is the truth, and `mind.eqx` a cache of what study made
of it up to some position. What came later is studied again when the learner is opened, in
the same order, so a crash costs seconds and nothing that was acknowledged.

What happened to others and was taken up counts as experience too: see `lineage` for jobs on
which there is some, `collective.merge` for how it comes.

Left out: a shared mind for several jobs, several processes on one learner.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import time
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium
import jax
import numpy as np
import platformdirs

from quickstudy import cache, hopeless, life, lineage, recollection, rivals
from quickstudy.closing import Closing
from quickstudy.errors import (
    DamagedLearner,
    QuickstudyError,
    SpecChanged,
    UnknownDecision,
)
from quickstudy.experience import folder as folders
from quickstudy.experience import union
from quickstudy.experience.event import LOST, Event, Kind
from quickstudy.experience.folder import Folder
from quickstudy.experience.log import Log
from quickstudy.hopeless import Hope
from quickstudy.jobs import registry
from quickstudy.jobs.copies import Copies
from quickstudy.jobs.family import family
from quickstudy.jobs.gym import GymJob
from quickstudy.jobs.layout import Layout, spec_of
from quickstudy.jobs.specs import describe_change, spec_from_json, spec_to_json
from quickstudy.life import WORK, Episode, Place
from quickstudy.lineage import Known, Progress
from quickstudy.mind import mind as minds
from quickstudy.mind import store
from quickstudy.types import Array, Decision, End, Moment, Observation, Spec

SAVE_SECONDS = 30.0  # between two saves of the mind while it works
CHECK_STEPS = 1_000  # of a frozen check, at most, but for one episode
FIT_TO_TEACH = 1_000  # decisions on a job, before another of its family starts from it
MOST_RELATIVES = 8  # from which one job starts
FEWEST, MOST = 3, 10  # episodes of a check

Tell = Callable[[str], None]  # says a sentence to whoever waits


@dataclass
class Bench:
    """A job's environment while the learner works there.

    job: where it learns. twin: another copy for checks, made when first needed; the same
      one where a process can hold only one.
    shown: what the job shows in the middle of an episode; None between episodes.
    """

    job: GymJob
    twin: GymJob | None = None
    shown: Observation | None = None

    @property
    def is_shared(self) -> bool:
        return self.twin is self.job


@dataclass(frozen=True)
class Session:
    """A stretch of work that was asked for: `steps` decisions from `start` on."""

    start: int
    steps: int

    @property
    def until(self) -> int:
        return self.start + self.steps


@dataclass(frozen=True)
class Check:
    """A frozen exam on held-out worlds.

    step: steps worked before it. returns: of each world. first: number of the first world.
    """

    step: int
    returns: tuple[float, ...]
    first: int = 0

    @property
    def mean(self) -> float:
        return sum(self.returns) / len(self.returns)


def hire(name: str | Path, seed: int = 0, settings: minds.Settings | None = None) -> Learner:
    """A new learner in a folder of its own; it knows nothing.

    Args:
      name: a name under QUICKSTUDY_HOME (default: the user's data folder), or a path.
      seed: the same seed on the same jobs gives the same life.
      settings: of the mind, for research; the default is the one setting for every job.

    Raises:
      QuickstudyError: the name will not do, or a learner of that name exists.
      DamagedLearner: something else lies there. DiskTrouble: it cannot be written.
    """
    path = folders.resolve(name)
    return Learner(Folder.create(path, settings={"seed": int(seed)}), settings)


def open_learner(
    name: str | Path,
    settings: minds.Settings | None = None,
    progress: Progress | None = None,
    readonly: bool = False,
    studies: bool = True,
    is_behind: bool = False,
) -> Learner:
    """A learner that was hired before, as it was when it last acknowledged something.

    Args:
      readonly: only to be looked at; works beside a process that works with it.
      studies: False for one that acts and records while another process studies (see `front`).
      is_behind: with `readonly`, knows only what its saved mind does, and reads on by `follow`.

    Raises:
      DamagedLearner: none there, or its folder is damaged. LearnerInUse: by another process.
    """
    folder = Folder.open(folders.resolve(name), readonly)
    return Learner(folder, settings, progress, studies=studies, is_behind=is_behind)


class Learner(Closing):
    """See the module; made by `hire` and `open`. Use as a context manager, or `close` it."""

    def __init__(
        self,
        folder: Folder,
        settings: minds.Settings | None = None,
        progress: Progress | None = None,
        known: Mapping[str, Iterable[Known]] | None = None,
        studies: bool = True,
        is_behind: bool = False,
    ):
        """For `hire`, `open` and merging.

        known: minds that need not be derived from experience again, by job.
        """
        self._studies = studies
        _keep_compiled_programs()
        self._folder, self._log = folder, folder.log
        self._settings = settings or minds.Settings()
        self._places: dict[str, Place] = {}
        self._benches: dict[str, Bench] = {}
        self._sessions: dict[str, Session] = {}
        self._checks: dict[str, list[Check]] = {}
        self._hopes: dict[str, Hope] = {}
        self._barred: dict[str, set[int]] = {}
        self._pins: dict[str, str | None] = {}
        self._position = 0  # in the log, up to which it was read when opened
        self._saved_at = time.monotonic()
        try:
            self._restore(progress, known or {}, is_behind)
        except BaseException:
            folder.close()
            raise

    # ---- who it is

    @property
    def name(self) -> str:
        return self._folder.about.name

    @property
    def path(self) -> Path:
        return self._folder.path

    @property
    def seed(self) -> int:
        return int(self._folder.about.settings.get("seed", 0))

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs it has worked on, or knows the spec of."""
        return tuple(self._places)

    @property
    def uid(self) -> str:
        """What its own events carry as their origin."""
        return self._folder.about.uid

    @property
    def log(self) -> Log:
        """Its experience: for those who read."""
        return self._log

    @property
    def position(self) -> int:
        """In the log, up to which it was read when the learner was opened, or has followed."""
        return self._position

    @property
    def studies(self) -> bool:
        """Whether it learns itself; else another process does, and it only acts."""
        return self._studies

    def steps(self, job: str) -> int:
        """Decisions taken on a job, over all sessions."""
        return self._places[job].steps if job in self._places else 0

    def knows(self, job: str) -> bool:
        """Whether it worked on a job, or was told something of it."""
        return bool(job in self._places and self._places[job].mind.counts.decisions)

    def episodes(self, job: str) -> int:
        """Episodes begun on a job, over all sessions."""
        return self._places[job].episodes if job in self._places else 0

    def spec(self, job: str) -> Spec:
        """What a job shows and takes, as the learner knows it."""
        return self._place(job).layout.spec

    def session(self, job: str) -> Session | None:
        """The latest session on a job, whether worked to its end or not."""
        return self._sessions.get(job)

    def leader(self, job: str) -> str:
        """Who in its mind leads on a job: one of `mind.arbiter.LEADERS`."""
        return minds.leader(self._place(job).mind)

    def checks(self, job: str) -> tuple[Check, ...]:
        """Frozen exams taken on a job, oldest first."""
        return tuple(self._checks.get(job, ()))

    def worlds(self, job: str) -> tuple[int, ...]:
        """Seeds of the worlds in which it worked by its own loop, each once, oldest first.

        Those of learners from before seeds were kept are not known.
        """
        begun = self._log.read(job=job, kinds=[Kind.EPISODE])
        seeds = (event.note["seed"] for event in begun if event.note and "seed" in event.note)
        return tuple(dict.fromkeys(seeds))

    def mind(self, job: str) -> minds.Mind:
        """What it thinks with on a job: for examiners, who change nothing."""
        return self._place(job).mind

    def place(self, job: str) -> Place:
        """Where it stands on a job: for those who act for it (see `front`)."""
        return self._place(job)

    def pin(self, job: str) -> str | None:
        """The snapshot by which it acts on a job, where it was pinned to one (see `front`)."""
        return self._pins.get(job)

    def set_pin(self, job: str, snapshot: str | None) -> None:
        """Keeps in the log that it acts by a snapshot from now on; None for what it is."""
        self.note(job, {"pin": snapshot})
        self._pins[job] = snapshot

    def notes(self, job: str, key: str) -> list[Any]:
        """Remarks about a job under a key, oldest first (see `note`)."""
        noted = self._log.read(job=job, kinds=[Kind.NOTE])
        return [event.note[key] for event in noted if event.note and key in event.note]

    def interrupted(self, job: str) -> Session | None:
        """The session on a job that was not worked to its end, if there is one."""
        session = self._sessions.get(job)
        return session if session and self.steps(job) < session.until else None

    # ---- its own loop: a job with an environment

    def enter(self, job: str, tell: Tell | None = None) -> None:
        """Takes up a job, as `work` would, and says so where that takes time.

        A job of a family (see `jobs.family`) of which it knows others begins with what these
        taught it, and drops that where it does harm (see `mind.mind`).

        Raises:
          As `work`.
        """
        self._bench(job, tell)

    def taught_by(self, job: str) -> tuple[str, ...]:
        """The jobs with whose lessons its mind began on this one."""
        begun = self._log.read(job=job, kinds=[Kind.INHERITANCE])
        return tuple(
            dict.fromkeys(
                name for event in begun for name in (event.note or {}).get("from", ())
            )
        )

    def work(
        self,
        job: str,
        steps: int,
        checks: int = 0,
        stop_hopeless: float | None = None,
        worlds: int | Sequence[int] | None = None,
        at_once: int = 1,
    ) -> Iterator[Moment]:
        """Works on a job and learns it meanwhile; yields after every step.

        A session of the same length that was interrupted is worked to its end; otherwise
        a new one begins where the last one stopped.

        Args:
          job: a profession of the catalogue, or an environment's id.
          steps: decisions in this session.
          checks: frozen exams on held-out worlds, evenly over the session (see `check`).
          stop_hopeless: gives up episodes that are past hope, and resets; the number is the
            share of successful episodes that may be lost by it (see `hopeless`). None: never.
          worlds: practises in that many worlds only, or in those of these seeds, over and
            over. None: a fresh one each episode.
          at_once: copies of the job to work in at the same time, each in a process of its
            own: for environments that are slow. Their episodes end with the session. A program
            does so under ``if __name__ == "__main__":``.

        Raises:
          QuickstudyError: `steps`, `stop_hopeless`, `worlds` or `at_once` is out of range, the
          job does not say that resetting it is free, or a world belongs to an exam. UnknownJob,
          UnsupportedSpace: the job cannot be made. SpecChanged: its spaces are not those of
          last time. BadObservation, JobFailed: what it shows, or it itself, is broken.
          DiskTrouble: nothing can be saved. All that was acknowledged is kept.
        """
        for number, what in ((steps, "steps"), (at_once, "copies at once")):
            if number < 1:
                raise QuickstudyError(f"Came {number} {what}; expected at least 1.")
        self._check_studies()
        hope = None if stop_hopeless is None else self._hope(job, stop_hopeless)
        name, bench = self._bench(job)
        place, seed_of = self._places[name], self._seed_of(name, worlds)
        session = self._session(name, steps)
        due = {session.start + round(steps * (i + 1) / checks) for i in range(checks)}
        gives_up = functools.partial(_is_past, hope) if hope else None
        lived = self._lived(job, session.until, seed_of, gives_up, at_once)
        try:
            self._cut_what_is_lost(place, bench)
            is_due = False
            for moment in lived:
                if hope and moment.end:
                    self._watched(name, hope, moment)
                checked = None
                is_due = is_due or moment.step in due
                waits = bench.is_shared and bench.shown and moment.step < session.until
                if is_due and not waits:
                    checked, is_due = self.check(name).mean, False
                self._save_now_and_then()
                yield replace(moment, check=checked) if checked is not None else moment
        except QuickstudyError:
            bench.shown = None  # the episode is over, whatever became of it
            raise
        finally:
            lived.close()  # copies of the job end with it
            with contextlib.suppress(QuickstudyError):
                self._log.sync()

    def _lived(
        self,
        job: str,
        until: int,
        seed_of: Callable[[int], int],
        gives_up: life.GivesUp | None,
        at_once: int,
    ) -> Generator[Moment]:
        name, bench = self._bench(job)
        place = self._places[name]
        if at_once == 1:
            lived = life.live(place, bench.job, until, seed_of, bench.shown, gives_up)
            for moment, bench.shown in lived:
                yield moment
            return
        with Copies(name, bench.job.spec, at_once) as copies:
            yield from life.live_at_once(place, copies, until, seed_of, gives_up)
        life.cut_copies(place)

    def check(self, job: str, episodes: int | None = None, first: int = 0) -> Check:
        """A frozen exam: its best answers on held-out worlds, with nothing learned.

        Args:
          job: as in `work`. episodes: by default as many as make about 1,000 steps, three
            to ten. first: number of the first held-out world; the same number is the same
            world, whatever the learner.
        """
        name, bench = self._bench(job)
        place = self._places[name]
        if bench.twin is None:
            bench.twin = registry.make(job)
        if bench.is_shared and WORK in place.open:
            life.cut(place, WORK, bench.shown)
            bench.shown = None
        if episodes is None:
            episodes = self._check_episodes(place)
        worlds = range(first, first + episodes)
        returns = tuple(
            life.trial(place, bench.twin, held_out_seed(name, world)) for world in worlds
        )
        check = Check(place.steps, returns, first)
        note = asdict(check) | {"discount": minds.discount(place.mind)}
        self.note(name, {"check": note})
        self._checks.setdefault(name, []).append(check)
        return check

    # ---- the caller's loop: no environment object

    def declare(
        self,
        job: str,
        observation: gymnasium.Space,
        action: gymnasium.Space,
        max_steps: int | None = None,
        step_seconds: float | None = None,
    ) -> None:
        """Says what a job shows and takes; once is enough, the learner keeps it.

        Raises:
          UnsupportedSpace: names the part. SpecChanged: it was declared otherwise before.
        """
        self._enter(job, spec_of(observation, action, max_steps, step_seconds))
        self._log.sync()

    def decide(
        self,
        observation: Any,
        job: str,
        *,
        stream: str = "",
        info: dict[str, Any] | None = None,
        explore: bool = True,
        record: bool = True,
    ) -> Decision:
        """Chooses an action in a situation, in the job's own terms.

        Args:
          observation: as the job shows it. info: its "action_mask", if there is one.
          stream: tells episodes of one job apart that run side by side.
          explore, record: both False for its best answer, of which nothing is kept (an
            exam). Recorded decisions explore: that is how it learns.

        Raises:
          UnknownJob: not declared, and no job of the catalogue. BadObservation: names the
          part that does not fit.
        """
        if explore != record:
            raise QuickstudyError(
                f"Came explore={explore}, record={record}; expected both (it learns) or "
                "neither (a frozen answer)."
            )
        place = self._place(job)
        shown = place.layout.pack(observation, info)
        if not record:
            return life.answer(place, shown)
        decision = life.decide(place, shown, stream)
        self._save_now_and_then()
        return decision

    def reward(self, decision: int, reward: float, key: str | None = None) -> None:
        """A reward for a decision, now or late; it is on disk when this returns.

        Saying the same twice changes nothing. Further parts of a reward need a key each.

        Raises:
          UnknownDecision: no such decision was recorded. QuickstudyError: not a finite
          number, or another reward came under this key before.
        """
        reward = finite(reward)
        place = self._place_of(decision)
        name = self._global_name(decision)
        key = name if key is None else f"{name}/{key}"
        known = self._log.find(place.name, key)
        if known is not None:
            self._check_same(known, decision, reward)
        else:
            stream = self._stream_of(decision)
            life.outcome(place, decision, reward, stream=stream, key=key)
        self._log.sync()

    def finish(self, decision: int, terminated: bool = True, observation: Any = None) -> None:
        """The episode of this decision, its latest, is over.

        Args:
          terminated: nothing follows. False: it was stopped from outside (a cut), and its
            value goes on from `observation`, if that is known.
        """
        place = self._place_of(decision)
        stream = self._stream_of(decision)
        episode = place.open.get(stream)
        if episode is None or episode.latest != decision:
            raise QuickstudyError(
                f"Decision {decision} is not the latest of an episode under way on job "
                f"'{place.name}'; finish an episode with its latest decision, once."
            )
        last = None
        if observation is not None and not terminated:
            last = place.layout.pack(observation, None, over=True)
        end = End.TERMINATED if terminated else End.CUT
        life.outcome(place, decision, None, end, last, stream)
        self._log.sync()

    # ---- what happened to others

    def adopt(
        self,
        job: str,
        events: Sequence[Event],
        seeds: Mapping[str, int],
        names: Mapping[str, str],
        known: Iterable[Known] = (),
        more: Mapping[str, Any] | None = None,
    ) -> int:
        """Takes up what others lived on one job; gives how many events were new.

        Args:
          events: of one log, as `union.read` gives them; those of other jobs are passed over.
          seeds, names: of the learners among their origins.
          known: minds that need not be derived from the events. more: to be noted with it.

        Raises:
          SpecChanged: it is another job there. CannotMerge: the logs contradict each other.
          DiskTrouble: it cannot be written. Nothing was taken up then.
        """
        self._check_studies()
        declared = next(e for e in events if e.kind == Kind.JOB and e.job == job)
        is_new = job not in self._places
        if is_new:
            self._take_up(job, _spec(declared))
        else:
            self._check_spec(job, _spec(declared))
            self._cut_own(job)
        before, place = self._log.last, self._places[job]
        place.is_absorbed = False
        try:
            new = union.take_up(self._log, job, events, seeds, names, more)
        except QuickstudyError:
            place.is_absorbed = True
            if is_new:
                del self._places[job]
            raise
        self._position = self._log.sync()
        place.is_absorbed = not new
        self._derive({job: before} if new else {}, {job: known})
        self.save()
        return new

    def _cut_own(self, job: str) -> None:
        """Its own loop's episode is over, wherever it stands."""
        place, bench = self._places[job], self._benches.get(job)
        if place.is_absorbed:
            life.cut_copies(place)
        if place.is_absorbed and WORK in place.open:
            life.cut(place, WORK, bench.shown if bench else None)
        if bench:
            bench.shown = None

    # ---- keeping

    def note(self, job: str, note: dict[str, Any]) -> None:
        """Keeps a remark about a job (what JSON can hold) in the log; nothing learns of it."""
        self._log.append(Kind.NOTE, job, note=note)

    def tell_incumbent(
        self, job: str, returns: float | Sequence[float], name: str = "incumbent"
    ) -> None:
        """Says what does a job today, for jobs that are in no catalogue; told again, the latest
        counts.

        Args:
          returns: what it earned in each of some episodes, or its mean return alone. name: as a
            person would say it.

        Raises:
          UnknownJob: not declared. QuickstudyError: not finite numbers, or none.
        """
        self._place(job)
        earned = [finite(one, "a return") for one in np.asarray(returns, object).ravel()]
        self.note(job, rivals.to_note(name, earned))
        self._log.sync()

    def quarantine(self, job: str, seeds: Sequence[int], why: str) -> None:
        """Keeps worlds for an exam: from now on it refuses to work in them."""
        new = sorted(set(seeds) - self._barred.get(job, set()))
        if new:
            self.note(job, {"quarantine": {"why": why, "seeds": new}})
            self._barred.setdefault(job, set()).update(new)

    def sync(self, job: str) -> int:
        """Puts everything on disk; gives the steps on a job that are there now: all of them.

        Raises:
          DiskTrouble: it cannot be written now. What was acknowledged is kept.
        """
        self._log.sync()
        return self.steps(job)

    def save(self) -> None:
        """Writes the mind beside the log, so that the next opening has little to study."""
        self._saved_at = time.monotonic()
        if self._log.readonly or not self._studies:
            return
        if not all(place.is_absorbed for place in self._places.values()):
            return  # interrupted inside an event: the log knows more than the mind
        cache.write(self.path, self._log.sync(), self._minds())

    def close(self) -> None:
        """Cuts what its own loop left open, saves, lets go of the folder."""
        try:
            for name in self._benches:
                self._cut_own(name)
            self.save()
        finally:
            for bench in self._benches.values():
                for job in (bench.job, bench.twin):
                    if job is not None:
                        job.close()
            self._benches.clear()
            self._folder.close()

    # ---- beside the process that acts (see `student`)

    def follow(self, seconds: float = math.inf) -> int:
        """Takes in, and studies, what another process wrote; gives how many events.

        Args:
          seconds: after which it stops; at the next call it goes on.

        Raises:
          ValueError: it was not opened readonly. DamagedLearner: what was written is damaged.
        """
        if not self._log.readonly:
            raise ValueError("A learner follows what others write; open it readonly.")
        start, until = self._position, time.monotonic() + seconds
        for event in self._log.read(after=start):
            self._take_in(event)
            self._position = event.n
            if time.monotonic() > until:
                break
        return self._position - start

    def publish(self) -> None:
        """Writes what it learned where the process that acts finds it, and any later opening.

        Raises:
          DiskTrouble: it cannot be written; what was there is there.
        """
        cache.write(self.path, self._position, self._minds())

    def _minds(self) -> dict[str, minds.Mind]:
        return {name: place.mind for name, place in self._places.items()}

    def _check_studies(self) -> None:
        if not self._studies:
            raise QuickstudyError(
                f"{self.name} was opened to act only, while another process studies; open it "
                "with studies=True to work or merge."
            )

    # ---- places

    def _place(self, job: str) -> Place:
        """The place of a declared job, or of one in the catalogue."""
        if job not in self._places:
            name = registry.registry().find(job).name
            if name not in self._places:
                with contextlib.closing(registry.make(job)) as made:
                    self._enter(name, made.spec)
            job = name
        return self._places[job]

    def _bench(self, job: str, tell: Tell | None = None) -> tuple[str, Bench]:
        name = registry.registry().find(job).name
        if name not in self._benches:
            made = registry.make(job)
            self._enter(name, made.spec, tell)
            is_single = registry.registry().find(job).is_single
            self._benches[name] = Bench(made, made if is_single else None)
        return name, self._benches[name]

    def _enter(self, name: str, spec: Spec, tell: Tell | None = None) -> None:
        """Takes up a job, or finds it as it was."""
        if name in self._places:
            self._check_spec(name, spec)
            return
        self._log.append(Kind.JOB, name, note=spec_to_json(spec))
        self._take_up(name, spec)
        relatives = self._relatives(name, spec)
        if relatives:
            if tell:
                tell(f"{name}: begins with what {_listed(relatives)} taught; a few seconds.")
            life.inherit(self._places[name], relatives)

    def _relatives(self, name: str, spec: Spec) -> dict[str, minds.Mind]:
        """Minds of the latest jobs of a family that have something to teach."""
        known = {
            other: place.mind
            for other, place in self._places.items()
            if other != name
            and family(place.layout.spec) == family(spec)
            and "judgement" in minds.speeds(place.mind)
            and minds.own_decisions(place.mind) >= FIT_TO_TEACH
        }
        return dict(list(known.items())[-MOST_RELATIVES:])

    def _check_spec(self, name: str, spec: Spec) -> None:
        old = self._places[name].layout.spec
        if old != spec:
            raise SpecChanged(
                f"Job '{name}' is not what {self.name} worked on before: "
                f"{describe_change(old, spec)}. Bring back the old spaces, or give the "
                "job another name."
            )

    def _take_up(self, name: str, spec: Spec) -> None:
        mind = minds.init(spec, lineage.mind_seed(self.seed, name), self._settings)
        mind.studies = self._studies
        self._places[name] = Place(name, Layout(spec), mind, self._log)

    def _place_of(self, decision: int) -> Place:
        for place in self._places.values():
            with contextlib.suppress(UnknownDecision):
                life.row_of(place, decision)
                return place
        raise UnknownDecision(
            f"{self.name} recorded no decision {decision}; give the id that `decide` returned "
            "(frozen answers have none)."
        )

    def _stream_of(self, decision: int) -> str:
        event = self._log.at(decision)
        if event is None:
            return ""
        return lineage.stream_name(event.stream, event.origin, self._log.uid)

    def _global_name(self, decision: int) -> str:
        """What a decision is called in keys: another learner may have had its reward too."""
        event = self._log.at(decision)
        if event is None or event.origin == self._log.uid:
            return f"{decision}"
        return f"{event.origin}:{event.origin_n}"

    def _check_same(self, known: int, decision: int, reward: float) -> None:
        event = self._log.at(known)
        if event is not None and event.reward != reward:
            raise QuickstudyError(
                f"Decision {decision} was given the reward {event.reward:g} before, and now "
                f"{reward:g}; add a further part under a key of its own: reward({decision}, "
                f'{reward:g}, key="…").'
            )

    # ---- sessions

    def _session(self, name: str, steps: int) -> Session:
        left = self.interrupted(name)
        if left is not None and left.steps == steps:
            return left
        session = Session(self.steps(name), steps)
        self._sessions[name] = session
        note = {"session": {"start": session.start, "steps": session.steps}}
        self._log.append(Kind.NOTE, name, note=note)
        return session

    def _hope(self, job: str, rate: float) -> Hope:
        """What watches a job's episodes, with all that it learned so far."""
        entry = registry.registry().find(job)
        rate = hopeless.rate_of(rate, entry.name, entry.resets_freely)
        hope = self._hopes.setdefault(entry.name, Hope(rate, entry.bar, self.seed))
        hope.rate, hope.bar = rate, entry.bar
        return hope

    def _watched(self, name: str, hope: Hope, moment: Moment) -> None:
        note = hope.ended(moment.episode, moment.end, moment.episode_return)
        if note is not None:
            self.note(name, {"watched": note})

    def _cut_what_is_lost(self, place: Place, bench: Bench) -> None:
        """An episode of an environment that is gone cannot go on."""
        life.cut_copies(place)
        if bench.shown is None and WORK in place.open:
            life.cut(place, WORK, None)

    def _seed_of(
        self, name: str, worlds: int | Sequence[int] | None = None
    ) -> Callable[[int], int]:
        """An episode's number → the seed of its world; none of an exam's."""
        barred = self._barred.get(name, set())
        if isinstance(worlds, Sequence):
            given = _worlds_of(worlds, barred)
            return lambda episode: given[episode % len(given)]
        if worlds is not None and worlds < 1:
            raise QuickstudyError(f"Came {worlds} worlds; expected at least 1.")

        def seed_of(episode: int) -> int:
            parts = self.seed, _number(name), episode % worlds if worlds else episode
            tries = (_seed(*parts, *more) for more in itertools.chain([()], _ones()))
            return next(seed for seed in tries if seed not in barred)

        return seed_of

    def _check_episodes(self, place: Place) -> int:
        length = place.layout.spec.max_steps or max(place.mind.counts.horizon, 1)
        return int(np.clip(CHECK_STEPS // length, FEWEST, MOST))

    def _save_now_and_then(self) -> None:
        if time.monotonic() - self._saved_at > SAVE_SECONDS:
            self.save()

    # ---- opening

    def _restore(
        self,
        progress: Progress | None,
        known: Mapping[str, Iterable[Known]],
        is_behind: bool,
    ) -> None:
        """Memory from the log; the mind from its cache, and study of what came after.

        Jobs on which others' experience counts too are derived as a whole, at the end.
        is_behind: leaves to `follow` what came after, but for such jobs.
        """
        told = list(self._log.read(kinds=[Kind.JOB, Kind.NOTE]))
        jobs = [event for event in told if event.kind == Kind.JOB]
        shared = {event.job for event in jobs if event.origin != self.uid}
        lost = np.array([e.n for e in told if e.note and LOST in e.note], np.int64)
        position = self._position = self._load_cache(jobs)
        own = {event.job: event.n for event in jobs if event.job not in shared}
        self._recall(position, own, lost)
        for event in told:
            if event.kind == Kind.NOTE:
                self._take_note(event)
        if is_behind and not shared:
            return
        last = self._log.last
        for event in self._log.read(after=position):
            self._position = event.n
            if event.kind == Kind.JOB or event.job not in shared:
                self._take_in(event)
            if progress and event.n % lineage.PROGRESS_EVENTS == 0:
                progress(event.n - position, last - position)
        self._derive(dict.fromkeys(shared, position), known, progress)

    def _derive(
        self,
        studied: Mapping[str, int],
        known: Mapping[str, Iterable[Known]],
        progress: Progress | None = None,
    ) -> None:
        """Places of jobs anew, from all that the log holds of them.

        studied: for each, the position up to which the mind that is there knows it.
        """
        if not studied:
            return
        told, seeds = lineage.read(self._log, set(studied), self._position)
        seeds[self._log.uid] = self.seed
        for job, upto in studied.items():
            place, events = self._places[job], told[job]
            own = Known(lineage.reach(events, job, upto), self.uid, place.mind)
            self._places[job] = lineage.derive(
                job, place.layout.spec, events, seeds, self._log, self._settings,
                [*known.get(job, ()), own], progress,
            )  # fmt: skip
            self._places[job].mind.studies = self._studies

    def _recall(self, position: int, declared: dict[str, int], lost: Array) -> None:
        """Fills memories with what the minds have studied: events up to a position."""
        for name, past in self._log.columns(upto=position).items() if position else ():
            if name in declared:
                mine = past.behind(declared[name])  # its declaration may have been lost before
                recollection.recall(self._places[name], mine, lost[lost <= position])

    def _take_in(self, event: Event) -> None:
        if event.kind == Kind.JOB:
            if event.job not in self._places:
                self._take_up(event.job, _spec(event))
        elif event.kind == Kind.NOTE:
            if event.note and LOST in event.note:
                for place in self._places.values():
                    life.lost(place)
        elif event.job in self._places:
            life.absorb(self._places[event.job], event)

    def _load_cache(self, jobs: Sequence[Event]) -> int:
        """Fills the minds from `mind.eqx`; gives the position up to which they studied.

        Args:
          jobs: the events that declare a job.
        """
        saved = cache.read(self.path)
        if saved is None:
            return 0
        if saved.position > self._log.last:
            return self._refuse_cache(saved.position)
        try:
            for event in jobs:
                if event.n <= saved.position and event.job not in self._places:
                    self._take_up(event.job, _spec(event))
            saved.fill(self._minds())
        except (ValueError, KeyError, TypeError, store.Unfit):
            self._places.clear()
            return 0
        return saved.position

    def _refuse_cache(self, position: int) -> int:
        raise DamagedLearner(
            f"{self.path}: the mind studied {position} events, but the log has only "
            f"{self._log.last}; experience is missing. Bring back experience.db with its "
            "-wal file, or delete mind.json to go on with what is there."
        )

    def _take_note(self, event: Event) -> None:
        note = event.note or {}
        if "quarantine" in note:
            self._barred.setdefault(event.job, set()).update(note["quarantine"]["seeds"])
        if event.origin != self._log.uid:
            return  # what another was in the middle of, or earned, is not ours to go on with
        if "pin" in note:
            self._pins[event.job] = note["pin"]
        if "session" in note:
            self._sessions[event.job] = Session(**note["session"])
        if "check" in note:
            said = note["check"]
            check = Check(said["step"], tuple(said["returns"]), said.get("first", 0))
            self._checks.setdefault(event.job, []).append(check)
        if "watched" in note:
            hope = self._hopes.setdefault(event.job, Hope(0.0, None, self.seed))
            hope.rows.append(hopeless.Row(**note["watched"]))


def _keep_compiled_programs() -> None:
    """Compiled once on this machine, then read from disk; unless JAX was told otherwise."""
    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        cache = platformdirs.user_cache_path("quickstudy") / "compiled"
        jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def _is_past(hope: Hope, place: Place, episode: Episode, decision: Decision) -> bool:
    mind = place.mind
    length = mind.frame.spec.max_steps or mind.counts.horizon
    steps_left = max(length - episode.steps + 1, 1)
    return hope.is_past(episode, decision.value.worth, steps_left, minds.discount(mind))


def held_out_seed(job: str, world: int) -> int:
    """Seed of a job's held-out world number `world`; never a seed of work."""
    return _seed(2**32 - 1, _number(job), world)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _worlds_of(seeds: Sequence[int], barred: set[int]) -> list[int]:
    given = [int(seed) for seed in seeds]
    if not given or min(given) < 0:
        raise QuickstudyError(
            f"Came {len(given)} worlds to practise in, the least {min(given, default=None)}; "
            "expected at least one seed, none below 0."
        )
    kept = [seed for seed in given if seed in barred]
    if kept:
        raise QuickstudyError(
            f"Came the world of seed {kept[0]} to practise in ({len(kept)} of {len(given)} are "
            "like it); it is kept for an exam, which would measure nothing afterwards: take "
            "other seeds."
        )
    return given


def _ones() -> Iterator[tuple[int]]:
    return ((number,) for number in itertools.count(1))


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0] >> 1)


def _number(name: str) -> int:
    return zlib.crc32(name.encode())


def _spec(event: Event) -> Spec:
    return spec_from_json(event.note or {})


def finite(came: Any, what: str = "a reward") -> float:
    with contextlib.suppress(TypeError, ValueError):
        number = float(came)
        if np.isfinite(number):
            return number
    raise QuickstudyError(f"Came {came!r} as {what}; expected one finite number.")
