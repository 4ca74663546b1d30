"""`quickstudy log …`: a learner's experience log, looked after.

Left out: a log without its learner's folder; two learners at once (see merge).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from quickstudy import words
from quickstudy.errors import DamagedLearner
from quickstudy.experience import backup as backups
from quickstudy.experience import export as exports
from quickstudy.experience import folder as folders
from quickstudy.experience import salvage, soundness
from quickstudy.experience.folder import EXPERIENCE, Folder
from quickstudy.experience.soundness import Verdict


def verify(learner: str, is_json: bool) -> None:
    """Says what is sound and what is not.

    Raises:
      DamagedLearner: not all is sound.
    """
    path = _path(learner)
    about = Folder.about_of(path)
    found = soundness.verify(path / EXPERIENCE, words.telling())
    if is_json:
        said = asdict(found) | {"learner": about.name, "sound": found.is_sound}
        print(words.json_line("verify", said))
    else:
        for line in _lines(found):
            print(words.plain(line))
    if not found.is_sound:
        raise DamagedLearner(
            f"The log of {about.name} is damaged; nothing was changed. Restore its folder from "
            f"a backup, or keep what is sound: quickstudy log repair {learner}"
        )


def _lines(found: Verdict) -> Iterator[str]:
    counted = ", ".join(f"{number:,} {kind}" for kind, number in sorted(found.counts.items()))
    yield f"{sum(found.counts.values()):,} sound events ({counted or 'none'})."
    yield f"{found.compacted:,} of {found.rows:,} lie in segments, the others in rows."
    if found.bad:
        yield f"Rows that do not fit their checksums: {_some(found.bad)}."
    if found.missing:
        yield f"Rows that are missing: {_some(found.missing)}."
    for first, last, why in found.bad_segments:
        yield f"Rows {first:,} to {last:,}, a segment, cannot be read: {why}."
    if found.trouble:
        yield f"Beside that: {found.trouble.rstrip('.')}."


def _some(positions: tuple[int, ...]) -> str:
    more = " and perhaps more" if len(positions) == soundness.NAMED else ""
    return ", ".join(map(str, positions[:10])) + (" ..." if len(positions) > 10 else more)


def repair(learner: str, into: str | None, is_json: bool) -> None:
    """Salvages what is sound of a damaged log into a new folder."""
    path = _path(learner)
    target = path.with_name(f"{path.name}-repaired") if into is None else folders.resolve(into)
    if salvage.is_sound(path):
        said: dict[str, Any] = {
            "learner": str(path),
            "into": None,
            "kept": None,
            "lost": 0,
            "gaps": [],
        }
        _say("repair", said, ["The log is sound; there is nothing to repair."], is_json)
        return
    done = salvage.repair(path, target.absolute(), words.telling())
    lines = [
        f"Kept {done.kept:,} sound events in {done.path}; lost {done.lost:,}. {path} is as it "
        "was.",
        *(f"  rows {gap.first:,} to {gap.last:,}: {gap.why}" for gap in done.gaps[:20]),
    ]
    if len(done.gaps) > 20:
        lines.append(f"  and {len(done.gaps) - 20:,} more")
    lines += [
        "Where events were lost stands a note that says so, and episodes under way are cut.",
        f"Its mind is studied anew when it is opened: quickstudy report {done.path}",
        "It is the same learner: go on with one of the two folders, not with both.",
    ]
    said = {"learner": str(path), "into": str(done.path), "kept": done.kept,
            "lost": done.lost, "gaps": [asdict(gap) for gap in done.gaps]}  # fmt: skip
    _say("repair", said, lines, is_json)


def compact(learner: str, is_json: bool) -> None:
    """Moves old rows into segments, and gives the disk back what they took."""
    path = _path(learner)
    with Folder.open(path) as folder:
        before = _bytes(path)
        moved = folder.log.compact(words.telling())
        folder.log.shrink()
        compacted, last = folder.log.compacted, folder.log.last
    after = _bytes(path)
    said = {"learner": str(path), "moved": moved, "compacted": compacted, "events": last,
            "bytes_before": before, "bytes_after": after}  # fmt: skip
    lines = [
        f"Moved {moved:,} events into segments, where {compacted:,} of {last:,} lie now.",
        f"The log took {before / 1e6:,.1f} MB and takes {after / 1e6:,.1f} MB.",
    ]
    _say("compact", said, lines, is_json)


def export(learner: str, out: Path | None, is_json: bool) -> None:
    """Writes every event to a file for other programs."""
    path = _path(learner)
    file = out or Path(f"{path.name}{exports.JSON_LINES}")
    with Folder.open(path, readonly=True) as folder:
        count = exports.export(folder.log, file, words.telling())
    said = {"learner": str(path), "file": str(file), "events": count}
    _say("export", said, [f"Wrote {count:,} events to {file}."], is_json)


def backup(learner: str, to: Path, is_json: bool) -> None:
    """Copies a learner's folder while it works, and reads the copy through."""
    path = _path(learner)
    found = backups.back_up(path, to.absolute(), words.telling())
    events = sum(found.counts.values())
    said = {"learner": str(path), "to": str(to), "events": events}
    lines = [
        f"Copied {events:,} events to {to}, and read them there: all are sound.",
        "It is the same learner: go on with one of the two folders, not with both.",
    ]
    _say("backup", said, lines, is_json)


def take_history(learner: str, file: Path, job: str, is_json: bool) -> None:
    """Takes up past decisions, and studies them."""
    from quickstudy import history  # JAX takes seconds, and nothing else here needs it
    from quickstudy.front import open_front
    from quickstudy.learner import open_learner

    path = _path(learner)
    with open_front(path) as front:
        count = history.take_in(front, job, file)
    with open_learner(path, progress=words.telling()) as studied:
        steps = studied.steps(job)
    said = {"learner": str(path), "job": job, "file": str(file), "decisions": count,
            "steps": steps}  # fmt: skip
    lines = [f"Took up {count:,} decisions from {file}, and studied them."]
    _say("import", said, lines, is_json)


def _path(learner: str) -> Path:
    return folders.resolve(learner).absolute()


def _bytes(path: Path) -> int:
    files = (path / EXPERIENCE, path / f"{EXPERIENCE}-wal")
    return sum(file.stat().st_size for file in files if file.exists())


def _say(event: str, fields: dict[str, Any], lines: list[str], is_json: bool) -> None:
    if is_json:
        print(words.json_line(event, fields))
    else:
        for line in lines:
            print(words.plain(line))
