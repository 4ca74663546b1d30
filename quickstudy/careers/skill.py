"""A job's skill as a file: experience that moves on, whose it was, and on what terms.

    export("ada", "dispatch", "dispatch.skill", licence="CC BY 4.0, Ada's Taxis")
    take_in("dispatch.skill", into="bea")     # bea now acts there as ada did

A skill file is a zip of

    skill.json       whose, when, how much, from which version, on what terms: for people too
    experience.db    an experience log with the job's events, as they happened to their origins
    mind.eqx         what the giver's mind made of them, and what that is: a cache, which may be
    mind.json        missing or unfit, for it can be derived from experience

A zip around a log, because what the log guarantees (checksums on every row, no other format
read by mistake, every event once) is had for nothing, while any tool shows what the terms are.
The receiver's log takes all of it in or nothing, in one transaction. No pickle.

Where experience may not leave its site, `knowledge=True` puts nothing of it into the log but
what the giver's mind made of it (see `mind.knowledge`, which says what leaves and what does
not): one event, of an origin of its own. So it is merged, kept, derived, undone as experience
is, by the same commands; it counts for nothing where what it was made of, or later knowledge of
the same giver, is there too (see `lineage`).

    export("ada", "dispatch", "dispatch.knowledge", knowledge=True)
    merge(["bea", "dispatch.knowledge"], into="cleo")

The terms are a note, shown wherever the skill is: whether they are kept is up to people.

Left out: signatures (a checksum finds rot, not forgery: take skills from people you trust);
several jobs in a file; observations that sites share, for knowledge to be asked about (for
imagined ones nobody has to agree on any).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import time as clock
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import quickstudy
from quickstudy import lineage, report
from quickstudy.careers.career import Source
from quickstudy.errors import (
    BadSkill,
    DamagedLearner,
    DiskTrouble,
    QuickstudyError,
    SpecChanged,
    UnknownJob,
    did_you_mean,
)
from quickstudy.experience import folder as folders
from quickstudy.experience import union
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.folder import Folder
from quickstudy.experience.log import Log
from quickstudy.jobs.registry import registry
from quickstudy.jobs.specs import describe_change, spec_from_json, spec_to_json
from quickstudy.learner import Learner, open_learner
from quickstudy.lineage import Known
from quickstudy.mind import inheritance, store
from quickstudy.mind import knowledge as knowing
from quickstudy.mind import mind as minds
from quickstudy.mind.inheritance import Inheritance
from quickstudy.types import Spec

FORMAT = 1
ABOUT, EXPERIENCE, ARRAYS, NOTE = "skill.json", "experience.db", "mind.eqx", "mind.json"
FEWEST = 200  # decisions of which there is knowledge: what was met once is no statistic
_UNREADABLE = zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError


@dataclass(frozen=True)
class About:
    """What `skill.json` says.

    learner, uid: the giver; of knowledge, its own uid. when: it was made [unix s].
    steps: decisions, of all origins.
    upto, seeds, names: of each origin, see `union.Mark`.
    version: of Quickstudy. source: what the job is. licence: a note; "" for none.
    experience: SHA-256 of the log. is_knowledge: that holds none, but what came of it.
    """

    format: int
    job: str
    learner: str
    uid: str
    when: float
    steps: int
    upto: Mapping[str, int]
    seeds: Mapping[str, int]
    names: Mapping[str, str]
    version: str
    source: str
    licence: str
    experience: str
    is_knowledge: bool = False

    def __str__(self) -> str:
        terms = f"licence: {self.licence}" if self.licence else "no licence note"
        if self.is_knowledge:
            return (
                f"what {self.learner} knows of {self.job} after {self.steps:,} steps, none of "
                f"which is in it; {terms}."
            )
        return f"{self.learner}'s skill on {self.job}, {self.steps:,} steps; {terms}."


@dataclass(frozen=True)
class Taken:
    """What became of an import. events: that were new; 0 where all of it was known."""

    about: About
    into: str
    events: int

    def __str__(self) -> str:
        about = self.about
        if not self.events:
            return (
                f"{self.into} has all of {about.learner}'s experience of {about.job} in this "
                "file already; nothing was changed."
            )
        return f"{self.into} took in {self.events:,} events of {about}"


# ---- giving


def export(
    learner: str | Path,
    job: str,
    to: str | Path,
    licence: str = "",
    settings: minds.Settings | None = None,
    knowledge: bool = False,
) -> About:
    """Writes what a learner knows of a job as a skill file; the learner may be at work.

    Args:
      to: the file, which must not exist. licence: a note on what may be done with it.
      settings: of the mind, as for `open`.
      knowledge: leaves all experience out; see the module.

    Raises:
      UnknownJob: it never worked there. QuickstudyError: `to` exists; it worked there too
      little for knowledge, or the job shows pictures. DiskTrouble: it cannot be
      written. DamagedLearner: as `open`. In each case no file is left.
    """
    to = Path(to)
    if to.exists():
        raise QuickstudyError(f"{to} exists already; give another --to, or remove it.")
    path = folders.resolve(learner)
    with open_learner(path, settings, readonly=True) as giver:
        name = _job_of(giver, job)
        events = _of_job(union.read(giver.log, giver.position), name)
        cache = None if knowledge else _mind_of(giver, name, events)
        uid = giver.uid
        if knowledge:
            events = _known_of(giver, name, events)
            uid = events[0].origin
        with tempfile.TemporaryDirectory() as scratch, _trouble(to):
            log = _log_of(events, uid, Path(scratch) / EXPERIENCE)
            about = _about(giver, name, events, licence, hashlib.sha256(log).hexdigest())
            if knowledge:
                about = _of_its_own(about, uid)
            _write(to, about, log, cache)
    return about


def _job_of(giver: Learner, job: str) -> str:
    short = job.rpartition(":")[2].casefold()
    held = [name for name in giver.jobs if giver.steps(name)]
    by_id = {e.gym_id.casefold(): e.name for e in registry().entries() if e.gym_id}
    for name in held:
        if short in (name.casefold(),) or by_id.get(short) == name:
            return name
    raise UnknownJob(
        f"{giver.name} never worked on job '{job}'.{did_you_mean(job, held)} "
        f"It worked on: {', '.join(held) or 'none'}."
    )


def _of_job(events: list[Event], job: str) -> list[Event]:
    """A job's events, and the marks that say who knew of them."""
    return [e for e in events if e.job == job or _is_mark_for(e, job)]


def _is_mark_for(event: Event, job: str) -> bool:
    mark = union.mark_of(event)
    return mark is not None and mark.job in ("", job)


def _log_of(events: list[Event], uid: str, path: Path) -> bytes:
    """A log that holds just these events, as bytes."""
    with Log.create(path, uid) as log:
        union.append(log, union.united([events]))
    return path.read_bytes()


def _about(
    giver: Learner, job: str, events: list[Event], licence: str, experience: str
) -> About:
    marks = [mark for mark in map(union.mark_of, events) if mark]
    upto = union.reach(events)
    seeds = {uid: seed for mark in marks for uid, seed in mark.seeds.items() if uid in upto}
    names = {uid: name for mark in marks for uid, name in mark.names.items() if uid in upto}
    entry = next((e for e in registry().entries() if e.name == job), None)
    return About(
        format=FORMAT,
        job=job,
        learner=giver.name,
        uid=giver.uid,
        when=clock.time(),
        steps=giver.steps(job),
        upto=upto,
        seeds=seeds | {giver.uid: giver.seed},
        names=names | {giver.uid: giver.name},
        version=quickstudy.__version__,
        source=(entry.package or entry.title) if entry else "declared by a caller",
        licence=" ".join(licence.split()),
        experience=experience,
    )


def _known_of(giver: Learner, job: str, events: list[Event]) -> list[Event]:
    """A declaration of the job and what the giver knows of it, and no other event."""
    if giver.steps(job) < FEWEST:
        raise QuickstudyError(
            f"{giver.name} took {giver.steps(job)} decisions on {job}, and knowledge would "
            f"tell too much of each; expected at least {FEWEST}: let it work on. Nothing was "
            "written."
        )
    if any(leaf.kind == "image" for leaf in giver.spec(job).observation):
        raise QuickstudyError(
            f"{job} shows pictures, which cannot be imagined, so there is no knowledge without "
            "experience; leave out --knowledge where that may leave. Nothing was written."
        )
    taught = knowing.distil(giver.mind(job))
    made_of = lineage.reach(events, job, giver.position)
    note = taught.note | {"of": made_of, "steps": giver.steps(job)}
    declared = next(event for event in events if event.kind == Kind.JOB)
    told = declared._replace(time=max(event.time for event in events if event.job == job))
    content = json.dumps([job, told.time, note, spec_to_json(giver.spec(job))]).encode()
    uid = "knowledge-" + hashlib.sha256(content + taught.parameters.tobytes()).hexdigest()[:32]
    return [
        told._replace(n=1, origin=uid, origin_n=1),
        told._replace(
            n=2, origin=uid, origin_n=2, kind=Kind.INHERITANCE,
            observation=taught.parameters, note=note,
        ),
    ]  # fmt: skip


def _of_its_own(about: About, uid: str) -> About:
    """What a file says of itself that holds knowledge under a uid of its own."""
    seeds, names = {uid: about.seeds[about.uid]}, {uid: knower(about.learner)}
    return replace(about, uid=uid, seeds=seeds, names=names, is_knowledge=True)


def knower(learner: str) -> str:
    """What the origin of a learner's knowledge is called."""
    return f"{learner[:54]}-knowledge"


def _mind_of(giver: Learner, job: str, events: list[Event]) -> tuple[bytes, dict[str, Any]]:
    """The giver's mind as bytes, and what it has studied."""
    mind = giver.mind(job)
    arrays, (note,) = store.dump([mind])
    reach = lineage.reach(events, job, giver.position)
    return arrays, {"reach": reach, "seed": mind.seed, "mind": note}


def _write(
    to: Path, about: About, log: bytes, mind: tuple[bytes, dict[str, Any]] | None
) -> None:
    """The zip; it appears under its name when it is whole."""
    parts = {ABOUT: json.dumps(asdict(about), indent=2).encode(), EXPERIENCE: log}
    if mind:
        parts |= {ARRAYS: mind[0], NOTE: json.dumps(mind[1]).encode()}
    beside = to.with_name(f".{to.name}.new")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in parts.items():
                file.writestr(name, content)
        beside.rename(to)
    finally:
        beside.unlink(missing_ok=True)


# ---- taking


@dataclass(frozen=True)
class _Skill:
    """A skill file, read. events: of `union.read`, none of another job."""

    about: About
    events: list[Event]
    spec: Spec
    arrays: bytes
    note: dict[str, Any]


def read(file: str | Path, settings: minds.Settings | None = None) -> About:
    """What a skill file says of itself, once all of it was found sound.

    Arguments and errors: as `take_in`.
    """
    return _read(Path(file), settings).about


def take_in(
    file: str | Path,
    into: str | Path,
    settings: minds.Settings | None = None,
    tell: Callable[[str], None] | None = None,
) -> Taken:
    """Gives a learner the experience in a skill file, and with it the skill.

    Where it has none of its own on that job it acts there as the giver did, bit for bit; where
    it has, both are pooled, as in a merger.

    Args:
      into: name or path of a learner that nobody works with. settings: as for `open`.
      tell: hears it where that takes time.

    Raises:
      BadSkill: not a skill file, damaged, or of a newer format. SpecChanged: the learner knows
      another job by that name. CannotMerge: the two contradict each other. LearnerInUse,
      DamagedLearner, DiskTrouble: as `open`. In each case its experience stays as it was.
    """
    skill = _read(Path(file), settings)
    about = skill.about
    with open_learner(into, settings) as receiver:
        _check_fits(receiver, skill)
        held = {(event.origin, event.origin_n) for event in receiver.log.read()}
        if all((event.origin, event.origin_n) in held for event in skill.events):
            return Taken(about, receiver.name, 0)
        if tell and (steps := receiver.steps(about.job)):
            tell(f"Pooling it with {receiver.name}'s {steps:,} steps; it takes a while.")
        source = Source(about.learner, about.uid, about.when, about.steps, about.licence)
        new = receiver.adopt(
            about.job, skill.events, about.seeds, about.names, _known(skill, settings),
            {report.IMPORTED: asdict(source)},
        )  # fmt: skip
        return Taken(about, receiver.name, new)


@contextlib.contextmanager
def opened(file: str | Path, settings: minds.Settings | None = None) -> Iterator[Learner]:
    """A learner, for a while, who has what is in a skill file and nothing else.

    So whatever is done with learners can be done with files (see `collective.merge`).

    Raises:
      As `take_in`, of the file.
    """
    skill = _read(Path(file), settings)
    about = skill.about
    name = about.names[about.uid]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / name
        seed = about.seeds[about.uid]
        who = folders.About(name, about.uid, about.when, {"seed": seed})
        with folders.made(path, who) as beside:
            _log_of(skill.events, about.uid, beside / folders.EXPERIENCE)
        known = {about.job: _known(skill, settings)}
        with Learner(Folder.open(path), settings, known=known) as learner:
            yield learner


def _check_fits(receiver: Learner, skill: _Skill) -> None:
    job = skill.about.job
    if job in receiver.jobs and receiver.spec(job) != skill.spec:
        change = describe_change(receiver.spec(job), skill.spec)
        raise SpecChanged(
            f"{receiver.name} knows another job as '{job}' than this skill is for: {change}. "
            "Only the same job's skill can be imported; nothing was changed."
        )


def _known(skill: _Skill, settings: minds.Settings | None) -> Iterator[Known]:
    """The giver's mind, where this version can use it as it is."""
    if skill.about.version != quickstudy.__version__:
        return
    with contextlib.suppress(store.Unfit, KeyError, TypeError, ValueError):
        mind = minds.init(skill.spec, int(skill.note["seed"]), settings or minds.Settings())
        store.load([mind], skill.arrays, [skill.note["mind"]])
        yield Known(dict(skill.note["reach"]), skill.about.uid, mind)


def _read(file: Path, settings: minds.Settings | None = None) -> _Skill:
    parts = _parts(file)
    about = _read_about(file, parts[ABOUT])
    if hashlib.sha256(parts[EXPERIENCE]).hexdigest() != about.experience:
        raise _damaged(file, "its experience is not what it was when it was made")
    with tempfile.TemporaryDirectory() as scratch, _trouble(file):
        path = Path(scratch) / EXPERIENCE
        path.write_bytes(parts[EXPERIENCE])
        try:
            with Log.open(path, readonly=True) as log:
                events = union.read(log)
        except DamagedLearner as error:
            raise _damaged(file, str(error)) from error
    spec = next((_spec(event) for event in events if _is_spec(event, about.job)), None)
    if spec is None or _of_job(events, about.job) != events:
        raise _damaged(file, f"its events are not those of job '{about.job}'")
    if about.is_knowledge:
        _check_knowledge(file, about, events, spec, settings)
    try:
        note = json.loads(parts.get(NOTE, b"{}"))
    except ValueError:
        note = {}
    return _Skill(about, events, spec, parts.get(ARRAYS, b""), note)


def _check_knowledge(
    file: Path,
    about: About,
    events: list[Event],
    spec: Spec,
    settings: minds.Settings | None,
) -> None:
    """Raises BadSkill where events are not knowledge that a mind can take."""
    kinds = [event.kind for event in events]
    if kinds != [Kind.JOB, Kind.INHERITANCE] or {e.origin for e in events} != {about.uid}:
        raise _damaged(file, "it says that it is knowledge, but holds experience")
    taught, note = events[1].observation, events[1].note or {}
    try:
        if taught is None or not all(isinstance(n, int) for n in note["of"].values()):
            raise ValueError("nothing was taught")
        inheritance.receive(minds.init(spec, 0, settings), Inheritance(taught, note))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(file, f"its knowledge makes no sense: {error}") from error


def _parts(file: Path) -> dict[str, bytes]:
    """What the zip holds, by name."""
    try:
        with zipfile.ZipFile(file) as zipped:
            names = set(zipped.namelist())
            if not {ABOUT, EXPERIENCE} <= names:
                raise BadSkill(
                    f"{file} is a zip, but no skill file: it lacks {ABOUT} or {EXPERIENCE}; "
                    "give one that `quickstudy export` wrote."
                )
            return {n: zipped.read(n) for n in (ABOUT, EXPERIENCE, ARRAYS, NOTE) if n in names}
    except FileNotFoundError as error:
        raise BadSkill(f"There is no file {file}; give one that `export` wrote.") from error
    except OSError as error:
        raise DiskTrouble(f"{file} cannot be read ({error.strerror or error}).") from error
    except _UNREADABLE as error:
        if zipfile.is_zipfile(file) or file.read_bytes()[:2] == b"PK":
            raise _damaged(file, str(error)) from error
        raise BadSkill(
            f"{file} is not a skill file; give one that `quickstudy export` wrote."
        ) from error


def _read_about(file: Path, text: bytes) -> About:
    try:
        said = json.loads(text)
        if said["format"] > FORMAT:
            raise BadSkill(
                f"{file} has format {said['format']}, this Quickstudy reads up to {FORMAT}; "
                "upgrade it (pip install -U quickstudy). Nothing was changed."
            )
        about = About(**said)
        seeds = {str(uid): int(seed) for uid, seed in about.seeds.items()}
        return replace(about, seeds=seeds, steps=int(about.steps), when=float(about.when))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(file, f"{ABOUT} makes no sense: {error}") from error


def _damaged(file: Path, why: str) -> BadSkill:
    return BadSkill(f"{file} is damaged ({why}); ask for it again. Nothing was changed.")


def _is_spec(event: Event, job: str) -> bool:
    return event.kind == Kind.JOB and event.job == job


def _spec(event: Event) -> Spec:
    return spec_from_json(event.note or {})


@contextlib.contextmanager
def _trouble(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskTrouble(
            f"{file} cannot be written or read ({error.strerror or error}); check the disk and "
            "the folder's permissions."
        ) from error
