"""Merging: a new learner that has all the experience of several, and their skill.

    cleo = merge(["ada", "bea"], into="cleo")
    dora = merge(["cleo"], into="dora", without=["bea"])     # undone: cleo, but for bea

The new log is the union of theirs (see `experience.union`); its minds follow from it (see
`lineage`): where only one of them knows a job, its mind as it is; where several do, one taught
by each of them, without a step in any environment. Parents are only read, and may be at work:
what they record after they were opened here is not in it. The new folder is made beside its
place and renamed into it at the end, so a crash leaves no new learner or a whole one.

Before that it is looked what each parent would lose on each of its jobs (see `prospect`).

A file that `export` wrote counts as a learner who has what is in it: so learners merge whose
experience may not leave its site (see `careers.skill`).

Left out: merging into a learner that exists (but see `Learner.adopt`).
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quickstudy import lineage, words
from quickstudy.careers import skill
from quickstudy.collective import prospect
from quickstudy.collective.prospect import Prospect
from quickstudy.errors import CannotMerge, QuickstudyError, SpecChanged, did_you_mean
from quickstudy.experience import folder as folders
from quickstudy.experience import union
from quickstudy.experience.event import Event, Kind
from quickstudy.experience.folder import Folder
from quickstudy.experience.union import Share
from quickstudy.jobs.specs import describe_change, spec_from_json
from quickstudy.learner import Learner, open_learner
from quickstudy.lineage import Known
from quickstudy.mind import mind as minds

LEAST_RETENTION = 0.9
Tell = Callable[[str], None]
Look = Callable[[Sequence[Prospect]], None]


@dataclass(frozen=True)
class Account:
    """All that goes into a merged learner.

    events: of `union.united`. names, seeds: of each origin that they may have.
    known: the minds of the parents, by job.
    """

    events: list[Event]
    names: dict[str, str]
    seeds: dict[str, int]
    known: dict[str, list[Known]]

    @property
    def seed(self) -> int:
        """Of the new learner (see `lineage.content_seed`); 31 bits."""
        return lineage.content_seed(union.reach(self.events)) >> 1


# ---- the face


def merge(
    learners: Sequence[str | Path],
    into: str | Path,
    *,
    without: Sequence[str] = (),
    force: bool = False,
    retention: float = LEAST_RETENTION,
    settings: minds.Settings | None = None,
    tell: Tell | None = None,
    look: Look | None = None,
) -> Learner:
    """A new learner with all the experience of some others; they stay as they are.

    Args:
      learners: two or more names or paths, of learners or of what `export` wrote; the same one
        twice counts once. One is enough with `without`.
      into: name or path of the new learner.
      without: names or uids of learners; what happened to them first is left out. So a merger
        is undone, whatever is lost by it.
      force: makes it though a parent's skill would suffer.
      retention: the share of what a parent earns above chance that has to be kept.
      settings: of the minds, as for `hire`. tell: hears what is being done.
      look: is shown what each parent would gain and lose, before anything comes of it.

    Raises:
      CannotMerge: the logs contradict each other, or too little would be kept.
      SpecChanged: they know different jobs by one name. QuickstudyError: `into` exists, too few
      learners, nobody called as in `without`. BadSkill: a file is no skill, or damaged.
      DamagedLearner, DiskTrouble: as `open`.
      In each case nothing is left of the new learner.
    """
    path = folders.resolve(into)
    folders.check_free(path.absolute())
    with _united(learners, path, without, settings, tell) as (opened, new):
        is_bold = force or bool(without)
        found = prospect.all_of(opened, new, tell) if look or not is_bold else ()
        if look:
            look(found)
        if not is_bold:
            _check_kept(found, retention, new.name)
    return open_learner(path, settings)


def preview(
    learners: Sequence[str | Path],
    *,
    without: Sequence[str] = (),
    settings: minds.Settings | None = None,
    tell: Tell | None = None,
) -> tuple[Prospect, ...]:
    """What each parent would gain and lose on each of its jobs; nothing is made.

    Arguments and errors: as `merge`.
    """
    with (
        tempfile.TemporaryDirectory() as scratch,
        _united(learners, Path(scratch) / "merged", without, settings, tell) as (opened, new),
    ):
        return prospect.all_of(opened, new, tell)


def provenance(learner: Learner) -> tuple[Share, ...]:
    """Who contributed what to a learner's experience (see `union.provenance`)."""
    return union.provenance(learner.log, learner.name)


@contextlib.contextmanager
def _united(
    learners: Sequence[str | Path],
    path: Path,
    without: Sequence[str],
    settings: minds.Settings | None,
    tell: Tell | None,
) -> Iterator[tuple[list[Learner], Learner]]:
    """The parents and the new learner, whose folder is at `path` once this is over."""
    with parents(learners, settings, tell, alone=bool(without)) as opened:
        account = gather(opened, without)
        with (
            folders.new(path, settings={"seed": account.seed}) as beside,
            _moved_in(beside, account, settings, tell) as new,
        ):
            yield opened, new


# ---- from parents to an account


@contextlib.contextmanager
def parents(
    learners: Sequence[str | Path],
    settings: minds.Settings | None = None,
    tell: Tell | None = None,
    alone: bool = False,
) -> Iterator[list[Learner]]:
    """Learners opened to be read, each once, though they be at work.

    alone: whether one is enough.

    Raises:
      QuickstudyError: too few. As `open_learner`.
    """
    if len(learners) < (1 if alone else 2):
        raise QuickstudyError(
            f"Came {len(learners)} learner{'' if len(learners) == 1 else 's'} to merge; "
            "expected at least two (the same one twice makes a copy that may work elsewhere)."
        )
    paths = dict.fromkeys(_found(one).absolute() for one in learners)
    with contextlib.ExitStack() as stack:
        opened = []
        for path in paths:
            if tell:
                tell(f"Reading {path.name}.")
            progress = words.telling() if tell else None
            learner = (
                skill.opened(path, settings)
                if path.is_file()
                else open_learner(path, settings, progress, readonly=True)
            )
            opened.append(stack.enter_context(learner))
        yield opened


def _found(name_or_path: str | Path) -> Path:
    """A learner's folder, or else the file that lies there."""
    path = Path(name_or_path).expanduser()
    return path if path.is_file() else folders.resolve(name_or_path)


def gather(opened: Sequence[Learner], without: Sequence[str] = ()) -> Account:
    """All that some learners know, but for what happened first to others.

    Raises:
      As `merge`.
    """
    accounts = [union.read(learner.log, learner.position) for learner in opened]
    names: dict[str, str] = {}
    seeds: dict[str, int] = {}
    for account in accounts:
        for mark in filter(None, map(union.mark_of, account)):
            names |= mark.names
            seeds |= mark.seeds
    names |= {learner.uid: learner.name for learner in opened}
    seeds |= {learner.uid: learner.seed for learner in opened}
    barred = [origin_of(name, names) for name in without]
    check_specs(accounts)
    events = union.united(accounts, barred)
    known: dict[str, list[Known]] = {}
    for learner, account in zip(opened, accounts, strict=True):
        for job in learner.jobs:
            reach = lineage.reach(account, job, learner.position)
            known.setdefault(job, []).append(Known(reach, learner.uid, learner.mind(job)))
    return Account(events, names, seeds, known)


def check_specs(accounts: Sequence[Sequence[Event]]) -> None:
    """Raises SpecChanged where accounts tell of different jobs by one name."""
    specs: dict[str, dict[str, Any]] = {}
    for account in accounts:
        for event in account:
            if event.kind != Kind.JOB:
                continue
            said = event.note or {}
            known = specs.setdefault(event.job, said)
            if known != said:
                change = describe_change(spec_from_json(known), spec_from_json(said))
                raise SpecChanged(
                    f"Job '{event.job}' is not the same for these learners: {change}. Merge "
                    "learners of one job, or let one of them learn it under another name; "
                    "nothing was changed."
                )


def origin_of(name: str, names: dict[str, str]) -> str:
    """The uid of a learner by its name or uid.

    Raises:
      QuickstudyError: nobody is called so, or several are.
    """
    found = [uid for uid, known in names.items() if name in (uid, known)]
    if len(found) == 1:
        return found[0]
    if found:
        raise QuickstudyError(
            f"{len(found)} learners are called '{name}' there; give one's uid: "
            f"{', '.join(sorted(found))}."
        )
    raise QuickstudyError(
        f"Nothing there happened to a learner called '{name}'."
        f"{did_you_mean(name, names.values())} Known: {', '.join(sorted(names.values()))}."
    )


# ---- from an account to a learner


@contextlib.contextmanager
def _moved_in(
    beside: Path, account: Account, settings: minds.Settings | None, tell: Tell | None
) -> Iterator[Learner]:
    """The new learner, in the folder that is being made."""
    if tell:
        tell(f"Putting {len(account.events):,} events together.")
    with Folder.open(beside) as folder:
        union.append(folder.log, account.events)
        upto = union.reach(account.events)
        note = union.mark_note(upto, account.seeds, account.names)
        folder.log.append(Kind.NOTE, note=note)
    progress = words.telling() if tell else None
    if tell and (several := {job: len(of) for job, of in account.known.items() if len(of) > 1}):
        what = ", ".join(f"{job} (of {number} learners)" for job, number in several.items())
        tell(f"Making one mind for each job that several know: {what}.")
    with Learner(Folder.open(beside), settings, progress, account.known) as new:
        yield new


def refusal(found: Sequence[Prospect], retention: float, into: str) -> str:
    """Why a merger is refused unless it is forced; "" where enough is kept."""
    poor = [one for one in found if one.retention and one.retention.value < retention]
    if not poor:
        return ""
    worst = min(poor, key=lambda one: one.retention.value if one.retention else 0.0)
    return (
        f"{into} would keep {prospect.share(worst.retention)} of what {worst.parent} earns "
        f"above chance on {worst.job}, and {100 * retention:.0f} % is asked for; --force "
        "(force=True) makes it all the same."
    )


def _check_kept(found: Sequence[Prospect], retention: float, into: str) -> None:
    if why := refusal(found, retention, into):
        raise CannotMerge(f"{why} Nothing was made.")
