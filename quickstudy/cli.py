"""The command line: one short command per library function.

Heavy imports are inside the commands, so that help and the list of jobs come at once. Errors
are told in one place, `main`: one sentence on standard error (and as the last line with
--json), and the exit code of the error's class.

Left out: shell completion; settings files (there is one setting for every job).
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from quickstudy import words
from quickstudy.errors import QuickstudyError
from quickstudy.interrupt import Interrupt, Stopped

DEFAULT_JOB = "anaesthetist"
DEFAULT_SERVER = "ada"
BUG, BROKEN_PIPE = 70, 141


def _whole(least: int) -> Callable[[str], int]:
    """Reads a whole number of at least so much."""

    def read(text: str) -> int:
        with suppress(ValueError):
            number = int(text)
            if number >= least:
                return number
        raise typer.BadParameter(f"came {text!r}, expected a whole number, at least {least}.")

    return read


def _share(text: str) -> float:
    """Reads a number between 0 and 1."""
    with suppress(ValueError):
        number = float(text)
        if 0.0 < number < 1.0:
            return number
    raise typer.BadParameter(f"came {text!r}, expected a number between 0 and 1.")


def _counts(text: str) -> tuple[int, ...]:
    """Reads whole numbers, at least 1, with commas between."""
    with suppress(ValueError):
        numbers = tuple(int(part) for part in text.split(","))
        if min(numbers) >= 1:
            return numbers
    raise typer.BadParameter(f"came {text!r}, expected whole numbers like 1,10,100.")


app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""A learner that you deploy: it learns a job while doing it.

\b
Examples:
  quickstudy work                       the default job, live
  quickstudy work CartPole-v1 --seed 7  any Gymnasium job, repeatable
  quickstudy jobs                       what else there is
""",
)


@app.command()
def work(
    jobs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[JOB]...", help="Jobs, worked one after another.",
                       show_default=DEFAULT_JOB),
    ] = None,
    learner: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who works: hired if new, otherwise goes on. "
                     "Without it, a learner called after the job."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", parser=_whole(1), help="Decisions to work. Without it, "
                     "the job's budget."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", parser=_whole(0), help="Makes the run of a new learner "
                     "repeatable. Without it, one is drawn and told."),
    ] = None,
    checks: Annotated[
        int | None,
        typer.Option(metavar="N", parser=_whole(0), help="Frozen exams on the way. Without "
                     "it, about one every 400 steps, at most 20."),
    ] = None,
    predict: Annotated[
        bool,
        typer.Option("--predict", help="Look first whether a sound learner could learn the "
                     "job, and keep that in the ledger of predictions (see report)."),
    ] = False,
    stop_hopeless: Annotated[
        float | None,
        typer.Option(metavar="RATE", parser=_share, help="Give up episodes that are past "
                     "hope, and lose at most this share of successes by it (0.02); only "
                     "where resetting is free. Without it, none is given up."),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option(metavar="N", parser=_whole(1), help="Copies of the job to work in at the "
                     "same time, each in a process of its own: where one step takes long."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Where to draw the curves (of one job). Without it, "
                     "in the learner's folder; with --json, nowhere."),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="ASCII lines, no live view.")
    ] = False,
    json: Annotated[
        bool,
        typer.Option("--json", help="JSON lines. Under one --seed all fields repeat but "
                     "seconds, cpu_seconds and steps_per_second."),
    ] = False,
) -> None:  # fmt: skip
    """Puts a learner on a job and shows it learning.

    The same command again resumes what was interrupted; what was finished stays, and a fresh
    learner starts. Ctrl-C stops after the step under way and saves; twice stops at once.

    \b
    Examples:
      quickstudy work
      quickstudy work CartPole-v1 --steps 5000 --seed 7
      quickstudy work CartPole-v1 MountainCar-v0 --learner ada --checks 5
      quickstudy work --json --plain --out curves.png
    """
    with Interrupt() as interrupt:
        from quickstudy import shift

        asked = shift.Asked(
            jobs=tuple(jobs or [DEFAULT_JOB]),
            learner=learner,
            steps=steps,
            seed=seed,
            checks=checks,
            out=out,
            draws=out is not None or not json,
            stop_hopeless=stop_hopeless,
            at_once=at_once,
            predicts=predict,
        )
        shift.work(asked, shift.choose_screen(plain, json), interrupt)


@app.command()
def jobs(
    json: Annotated[bool, typer.Option("--json", help="One JSON object a job.")] = False,
    probes: Annotated[
        bool, typer.Option("--probes", help="List the probes too: tests of learners.")
    ] = False,
) -> None:
    """Lists the jobs: what they are, who does them today, and how to install them.

    \b
    Examples:
      quickstudy jobs
      quickstudy jobs --probes --json
    """
    from quickstudy import listing

    listed = listing.entries(probes)
    if json:
        for entry in listed:
            print(words.json_line("job", listing.fields(entry)))
        return
    from rich.console import Console

    listing.show(listed, Console(highlight=False))


@app.command()
def report(
    learner: Annotated[
        str, typer.Argument(metavar="LEARNER", help="A learner's name or path.")
    ],
    job: Annotated[
        str | None,
        typer.Argument(metavar="[JOB]", help="One of its jobs. Without it, all of them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Where to draw (one job). Without it, in the "
                     "learner's folder."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="The table as JSON lines.")
    ] = False,
) -> None:  # fmt: skip
    """Draws a learner's curves from its log; works beside a running learner.

    \b
    Examples:
      quickstudy report anaesthetist
      quickstudy report ada CartPole-v1 --out cartpole.png
      quickstudy report ada --json
    """
    from quickstudy import report as reports

    told_of_all = reports.of(learner, job)
    for told in told_of_all:
        path = reports.draw(told, out)
        if json:
            print(words.json_line("report", reports.fields(told) | {"curves": str(path)}))
        else:
            print("\n".join([words.plain(line) for line in reports.lines(told)]))
            print(f"curves: {path}")
    if not json and (tally := reports.tally(told_of_all)):
        print(words.plain(tally))
    if job is None:
        _tell_laws(told_of_all, json)


def _tell_laws(told: Any, json: bool) -> None:
    """What a learner's jobs tell of the next ones, where there is more than one of a family."""
    from quickstudy.careers import career, shown

    for family in career.families([career.held(one) for one in told]):
        if json:
            print(words.json_line("law", shown.family_fields(family)))
        elif len(family.jobs) > 1:
            print(words.plain(shown.law_line(family)))


@app.command()
def career(
    learner: Annotated[
        str, typer.Argument(metavar="LEARNER", help="A learner's name or path.")
    ],
    json: Annotated[
        bool, typer.Option("--json", help="One JSON line a job, then one a family of jobs.")
    ] = False,
) -> None:  # fmt: skip
    """Tells the jobs that a learner held, how good it is at each, and since when it pays.

    Practice, competence then and now, and when more was produced than learning cost, held
    against who does the job today; and how many steps the next job like these will take. Works
    beside a running learner.

    \b
    Examples:
      quickstudy career ada
      quickstudy career ada --json
    """
    from quickstudy.careers import shown
    from quickstudy.careers.career import career as career_of

    told = career_of(learner)
    if json:
        for held in told.jobs:
            line = {"learner": told.learner} | shown.fields(held)
            print(words.json_line("held", line))
        for family in told.families:
            print(words.json_line("law", shown.family_fields(family)))
        return
    from rich.console import Console

    shown.show(told, Console(highlight=False, markup=False))


@app.command()
def export(
    learner: Annotated[
        str, typer.Argument(metavar="LEARNER", help="A learner's name or path.")
    ],
    job: Annotated[str, typer.Option(metavar="JOB", help="One of its jobs.")],
    to: Annotated[Path, typer.Option(metavar="FILE", help="The skill file to write.")],
    knowledge: Annotated[
        bool,
        typer.Option("--knowledge", help="Leave out all experience; write what came of it."),
    ] = False,
    licence: Annotated[
        str, typer.Option(metavar="TEXT", help="A note on what may be done with it.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="What the file says, as JSON.")] = False,
) -> None:
    """Writes what a learner knows of a job as a file that another can import or merge.

    With --knowledge no observation, mask, action or reward leaves as it was. What leaves: the
    mean and deviation of each number shown; how many decisions there were, the sum, least and
    most of their rewards, the longest episode, moments of returns and errors; when the last
    one was; and a small network, taught in imagined situations, that says what the learner
    would do and expect in any. That is no proof of privacy.

    \b
    Examples:
      quickstudy export ada --job dispatch --to dispatch.skill --licence "CC BY 4.0"
      quickstudy export ada --job dispatch --to dispatch.knowledge --knowledge
    """
    from dataclasses import asdict

    from quickstudy.careers import skill

    about = skill.export(learner, job, to, licence, knowledge=knowledge)
    if json:
        print(words.json_line("export", asdict(about)))
    else:
        print(words.plain(f"{to}: {about}"))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `export` wrote it.")],
    into: Annotated[
        str, typer.Option(metavar="LEARNER", help="Who takes it in: a name or path.")
    ],
    json: Annotated[bool, typer.Option("--json", help="What was taken in, as JSON.")] = False,
) -> None:
    """Gives a learner another one's skill on a job: it acts there as the giver did.

    Where it has experience of its own on that job, both are pooled.

    \b
    Examples:
      quickstudy import dispatch.skill --into bea
    """
    from dataclasses import asdict

    from quickstudy.careers import skill

    taken = skill.take_in(file, into, tell=words.tell)
    if json:
        print(words.json_line("import", asdict(taken)))
    else:
        print(words.plain(str(taken)))


@app.command()
def check(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job to examine.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object a finding.")] = False,
) -> None:
    """Examines a job: does it behave as a learner relies on it to?

    \b
    Examples:
      quickstudy check CartPole-v1
      quickstudy check my_package:MyEnv-v0 --json
    """
    from dataclasses import asdict

    from quickstudy.jobs.check import check_job

    found = check_job(job)
    if json:
        for finding in found:
            print(words.json_line("finding", asdict(finding)))
    else:
        print(words.plain(str(found)))
    found.raise_if_failed()


@app.command()
def exam(
    learner: Annotated[
        str, typer.Argument(metavar="LEARNER", help="A learner's name or path.")
    ],
    job: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="The job. Without it, the only one it worked on."),
    ] = None,
    worlds: Annotated[
        int,
        typer.Option(metavar="N", parser=_whole(2), help="Worlds of each kind."),
    ] = 30,
    edition: Annotated[
        str,
        typer.Option(metavar="NAME", help="Of the exam: another one has other worlds."),
    ] = "first",
    shifts: Annotated[
        bool, typer.Option("--shifts/--no-shifts", help="Sit shifted worlds too.")
    ] = True,
    leak_alarm: Annotated[
        bool,
        typer.Option("--leak-alarm", help="Look whether the fresh worlds were trained on; "
                     "sits 200 of them, and four times as many others."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to put the picture and the page. Without "
                     "it, in the learner's folder."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything as one JSON line.")] = False,
) -> None:  # fmt: skip
    """Examines a learner, frozen, on worlds that it has never seen.

    Worlds that it worked in, fresh ones, and ones made otherwise: noise, failing sensors, late
    or sticking actions. Interrupted, it goes on where it stopped. The fresh worlds are never
    worked in afterwards.

    \b
    Examples:
      quickstudy exam anaesthetist
      quickstudy exam ada --job CartPole-v1 --worlds 50 --out exams
      quickstudy exam ada --no-shifts --json
    """
    with Interrupt() as interrupt:
        from quickstudy.exams import hall

        asked = hall.Asked(learner, job, worlds, edition, shifts, leak_alarm, out)
        hall.hold(asked, interrupt, is_json=json)


@app.command()
def replay(
    learner: Annotated[
        str, typer.Argument(metavar="LEARNER", help="A learner's name or path.")
    ],
    seed: Annotated[
        int,
        typer.Argument(
            metavar="SEED", parser=_whole(0), help="Of the world, as the exam says."
        ),
    ],
    job: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="The job. Without it, the only one it worked on."),
    ] = None,
    shift: Annotated[
        str, typer.Option(metavar="NAME", help="Of the world, where it was a shifted one.")
    ] = "",
    strength: Annotated[
        float, typer.Option(metavar="SHARE", min=0.0, max=1.0, help="Of the shift.")
    ] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON line a decision.")] = False,
) -> None:
    """Plays a world of an exam again, frozen: each decision, what was expected, what came.

    \b
    Examples:
      quickstudy replay ada 1234567
      quickstudy replay ada 1234567 --job CartPole-v1 --shift "pole length" --strength 0.5
    """
    from quickstudy.exams import hall

    hall.play_again(hall.Again(learner, seed, job, shift, strength), is_json=json)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A.json", help="An exam, as `exam` left it.")],
    b: Annotated[Path, typer.Argument(metavar="B.json", help="Another of the same edition.")],
    json: Annotated[bool, typer.Option("--json", help="Everything as one JSON line.")] = False,
) -> None:
    """Holds two exams of one job and edition against each other: what the second earns more.

    \b
    Examples:
      quickstudy compare before/exam-CartPole-v1.json exam-CartPole-v1.json
    """
    from quickstudy.exams import compare as comparing

    first, second = comparing.read(a), comparing.read(b)
    found = comparing.compare(first, second)
    if json:
        print(words.json_line("compare", comparing.fields(first, second, found)))
        return
    for line in comparing.lines(first, second, found):
        print(words.plain(line))


@app.command()
def levels(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job to practise.")],
    counts: Annotated[
        str, typer.Option(metavar="N,N,…", help="Worlds to practise in.")
    ] = "1,3,10,30,100",
    steps: Annotated[
        int, typer.Option(metavar="N", parser=_whole(1), help="Of practice, for each learner.")
    ] = 2_000,
    learners: Annotated[
        int, typer.Option(metavar="N", parser=_whole(2), help="New ones for each number.")
    ] = 3,
    seed: Annotated[
        int, typer.Option(metavar="N", parser=_whole(0), help="Makes it repeatable.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Where to draw it. Without it, levels-JOB.png here."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything as one JSON line.")] = False,
) -> None:
    """Tells how many worlds must be practised before fresh ones go as well.

    New learners practise equally long, in few worlds or in many; nothing of them is kept.

    \b
    Examples:
      quickstudy levels MiniGrid-DoorKey-5x5-v0 --steps 20000
      quickstudy levels CartPole-v1 --counts 1,10,100 --learners 5 --json
    """
    with Interrupt() as interrupt:
        from quickstudy.exams import hall
        from quickstudy.exams.levels import Settings

        asked = Settings(counts=_counts(counts), steps=steps, learners=learners, seed=seed)
        hall.climb(job, asked, out, interrupt, is_json=json)


@app.command()
def doctor(
    target: Annotated[
        str,
        typer.Argument(metavar="JOB|LEARNER", help="A job, or a learner's name or path; the "
                       "job where both are called so."),
    ],
    job: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="Examine a learner, on this job. Without it, a "
                     "learner on the only one it worked on."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a finding.")] = False,
) -> None:  # fmt: skip
    """Examines whether a job can be learned, or whether a learner has a bug.

    A job: observations, rewards, endings, actions, seeds; it works there at random for 5,000
    steps or a minute. A learner: its mind on a job, then new minds with its settings on a
    ladder of drills whose truth is known; nothing is learned meanwhile. The exit code is 0
    where nothing is ill, 1 where something is.

    \b
    Examples:
      quickstudy doctor CartPole-v1
      quickstudy doctor my_package:MyEnv-v0 --json
      quickstudy doctor ada --job CartPole-v1
    """
    from dataclasses import asdict

    from quickstudy.clinic import visit

    found = visit.examine(target, job)
    if json:
        for finding in found:
            print(words.json_line("finding", asdict(finding)))
    else:
        print(words.plain(str(found)))
    found.raise_if_ill()


@app.command()
def verdict(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Where a learner failed.")],
    json: Annotated[bool, typer.Option("--json", help="Everything as one JSON line.")] = False,
) -> None:
    """Says of a job at which a learner failed: bug, or wrong direction?

    Oracles look what would have to be different for anybody to succeed there; where nothing
    would, the learner's mind climbs a ladder of probes. Half a minute. The exit code is 0 where
    nothing is to blame or it cannot be said, 1 where something is.

    \b
    Examples:
      quickstudy verdict CartPole-v1
      quickstudy verdict my_package:MyEnv-v0 --json
    """
    from dataclasses import asdict

    from quickstudy.clinic import visit

    found = visit.verdict(job)
    if json:
        print(words.json_line("verdict", asdict(found)))
    else:
        print(words.plain(str(found)))
    found.raise_if_to_blame()


@app.command()
def merge(
    learners: Annotated[
        list[str],
        typer.Argument(metavar="LEARNER", help="Names or paths, or files that `export` "
                       "wrote. The same one twice makes a copy that may work elsewhere."),
    ],
    into: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The new learner: a name or a path."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Leave out what happened first to this learner "
                     "(may be repeated): so a merger is undone. One LEARNER is enough then."),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Look what each would gain and lose; only that.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Make it though somebody's skill would suffer.")
    ] = False,
    retention: Annotated[
        float,
        typer.Option(metavar="SHARE", parser=_share, help="Of what a learner earns above "
                     "chance, so much has to be kept."),
    ] = "0.9",  # type: ignore[assignment]
    json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:  # fmt: skip
    """Makes one learner that has all the experience of several, and their skill.

    The others stay as they are, and may be at work. No step is taken in any job but to try, in
    held-out worlds, what would be kept; it refuses where that is too little. Merging the same
    again, or in another order, gives the same mind.

    
    Examples:
      quickstudy merge ada bea --preview
      quickstudy merge ada bea --into cleo
      quickstudy merge cleo --without bea --into dora
      quickstudy merge ada bea.knowledge --into cleo
    """
    with Interrupt():
        from quickstudy.collective import desk

        asked = desk.Asked(
            learners=tuple(learners),
            into=into,
            without=tuple(without or ()),
            is_preview=preview,
            force=force,
            retention=retention,
        )
        desk.merge(asked, is_json=json)


# ---- the log


@app.command()
def serve(
    learner: Annotated[
        str,
        typer.Argument(metavar="[LEARNER]", help="Who serves; hired if new."),
    ] = DEFAULT_SERVER,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Where to listen. Beyond this machine only with "
                     "keys."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65_535, help="0 takes any free one.")
    ] = 8000,
    webhook: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where to tell of questions to a person: https, or "
                     "http on this machine."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="What happens, as JSON lines.")
    ] = False,
) -> None:  # fmt: skip
    """Puts a learner behind an HTTP service, with a gate, an inbox and a live page.

    Any program that can make HTTP calls becomes a job: it creates a post, asks for decisions,
    and tells what followed. Ctrl-C stops it and saves.

    \b
    Examples:
      quickstudy serve
      quickstudy serve ada --port 9000
      quickstudy serve ada --host 0.0.0.0 --json   # after: quickstudy keys add ada …
    """
    from quickstudy.service import serve as services

    services.serve(services.Asked(learner, host, port, webhook, json))


log_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Looks after a learner's experience log.

\b
Examples:
  quickstudy log verify ada
  quickstudy log export ada --out ada.parquet
""",
)
app.add_typer(log_app, name="log")

LogOf = Annotated[str, typer.Argument(metavar="LEARNER", help="A learner's name or path.")]
AsJson = Annotated[bool, typer.Option("--json", help="Everything as one JSON line.")]


@log_app.command("verify")
def log_verify(learner: LogOf, json: AsJson = False) -> None:
    """Says what of a log is sound and what is not; changes nothing.

    Works beside a running learner. The exit code is 0 where all is sound, 7 where not.

    \b
    Examples:
      quickstudy log verify ada
      quickstudy log verify ./ada --json
    """
    from quickstudy import logbook

    logbook.verify(learner, json)


@log_app.command("repair")
def log_repair(
    learner: LogOf,
    into: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name or path of the new folder. Without it, "
                     "LEARNER-repaired beside the old one."),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Keeps what is sound of a damaged log, in a new folder; the old one stays as it is.

    Every sound event is kept at its position. Where events were lost, a note says so, and
    episodes under way are cut there.

    \b
    Examples:
      quickstudy log repair ada
      quickstudy log repair ada --into ada2 --json
    """
    from quickstudy import logbook

    logbook.repair(learner, into, json)


@log_app.command("compact")
def log_compact(learner: LogOf, json: AsJson = False) -> None:
    """Compresses what is old in a log, and gives the disk back what it took.

    Learners do the first by themselves, as they work and when they are closed.

    \b
    Examples:
      quickstudy log compact ada
      quickstudy log compact ada --json
    """
    from quickstudy import logbook

    logbook.compact(learner, json)


@log_app.command("export")
def log_export(
    learner: LogOf,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write: .jsonl, or .parquet (needs "
                     "quickstudy[export]). Without it, LEARNER.jsonl here."),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Writes every event to a file for other programs; works beside a running learner.

    \b
    Examples:
      quickstudy log export ada
      quickstudy log export ada --out ada.parquet
    """
    from quickstudy import logbook

    logbook.export(learner, out, json)


@log_app.command("import")
def log_import(
    learner: LogOf,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Past decisions: .jsonl, or .parquet (needs "
                       "quickstudy[export])."),
    ],
    job: Annotated[str, typer.Option(metavar="JOB", help="The job on which they were taken.")],
    json: AsJson = False,
) -> None:  # fmt: skip
    """Takes up what was done on a job before the learner came, and learns from it.

    One record a decision: observation, action, reward, end (terminated, truncated or cut), and
    as they apply episode, mask, last. The job has to be known. A file is taken up once.

    \b
    Examples:
      quickstudy log import ada past.jsonl --job CartPole-v1
      quickstudy log import ada past.parquet --job dispatch --json
    """
    from quickstudy import logbook

    logbook.take_history(learner, file, job, json)


@log_app.command("backup")
def log_backup(
    learner: LogOf,
    to: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for the copy.")],
    json: AsJson = False,
) -> None:
    """Copies a learner's folder, also while it works, and reads the copy through.

    \b
    Examples:
      quickstudy log backup ada ./ada-monday
    """
    from quickstudy import logbook

    logbook.backup(learner, to, json)


@app.command("fsck")
def fsck(learner: LogOf, json: AsJson = False) -> None:
    """Says what of a learner's log is sound and what is not: `log verify`, by its other name.

    \b
    Examples:
      quickstudy fsck ada
    """
    log_verify(learner, json)


@log_app.command("replay")
def log_replay(
    learner: Annotated[
        str, typer.Argument(metavar="LEARNER", help="A learner's name or path.")
    ],
    settled: Annotated[
        bool, typer.Option("--settled", help="As if outcomes had come at once, in order.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a job.")] = False,
) -> None:
    """Rebuilds a learner's minds from experience alone, and compares them with those it has.

    Takes about as long as it studied in all. The exit code is 1 where fewer than 99 % of
    decisions are alike; nothing is changed. With --settled they may differ: that shows how much
    it mattered that outcomes came late.

    
    Examples:
      quickstudy log replay ada
      quickstudy log replay ada --settled
      quickstudy log replay ada --json
    """
    with Interrupt():
        from quickstudy.collective import desk

        if not desk.replay(learner, is_json=json, is_settled=settled) and not settled:
            raise typer.Exit(1)


# ---- errors, in one place


keys_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Keys of a learner's service: once there is one, nobody comes in without.",
)
app.add_typer(keys_app, name="keys")


@keys_app.command("add")
def keys_add(
    learner: LogOf,
    scope: Annotated[
        list[str],
        typer.Option(metavar="SCOPE", help="What it may do: read, decide, mentor or admin. May "
                     "be given several times."),
    ],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who holds it; acts are recorded under it. Without "
                     "it, the scopes and a number."),
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Makes a key and prints it: the only time that it is shown. A hash of it is kept.

    \b
    Examples:
      quickstudy keys add ada --scope decide --name dispatcher
      quickstudy keys add ada --scope mentor --name "Nora Berg"
    """
    from quickstudy.service import keys

    folder = _learners_folder(learner)
    name = name or keys.free_name(folder, scope)
    told = keys.add(folder, name, scope)
    print(
        words.json_line("key", {"name": name, "scopes": scope, "key": told}) if json else told
    )


@keys_app.command("list")
def keys_list(learner: LogOf, json: AsJson = False) -> None:
    """Lists the keys: names and scopes; the keys themselves are not kept.

    \b
    Examples:
      quickstudy keys list ada
    """
    from quickstudy.service import keys

    for key in keys.listed(_learners_folder(learner)):
        fields = {"name": key.name, "scopes": key.scopes, "created": key.created}
        line = f"{key.name}: {', '.join(key.scopes)}"
        print(words.json_line("key", fields) if json else words.plain(line))


@keys_app.command("remove")
def keys_remove(
    learner: LogOf,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `keys list` says.")],
    json: AsJson = False,
) -> None:
    """Removes a key; it stops working within a second, also while the service runs.

    \b
    Examples:
      quickstudy keys remove ada dispatcher
    """
    from quickstudy.service import keys

    keys.remove(_learners_folder(learner), name)
    print(
        words.json_line("removed", {"name": name}) if json else words.plain(f"{name}: removed")
    )


def _learners_folder(name: str) -> Path:
    """The folder of a learner that there is."""
    from quickstudy.experience import folder as folders

    path = folders.resolve(name)
    folders.Folder.about_of(path)
    return path


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        return _run(arguments, is_json="--json" in arguments)


def _run(arguments: list[str], is_json: bool) -> int:
    try:
        code = typer.main.get_command(app).main(
            arguments, prog_name="quickstudy", standalone_mode=False
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        return _hang_up()
    except SystemExit:  # how typer tells of a broken pipe
        return _hang_up()
    except Stopped as stopped:
        if stopped.is_told:
            return stopped.exit_code
        return _tell("Stopped before work began.", stopped.exit_code, is_json)
    except (KeyboardInterrupt, typer.Abort):
        return _tell("Stopped.", 130, is_json)
    except QuickstudyError as error:
        return _tell(str(error), error.exit_code, is_json)
    except Exception as error:
        return _explain(error, is_json)


def _explain(error: Exception, is_json: bool) -> int:
    """An error that is none of ours: the command line's own, or a bug."""
    usage = typer.BadParameter.__mro__[2]  # ClickException, wherever typer keeps it
    if isinstance(error, usage):
        message = error.format_message()  # type: ignore[attr-defined]
        return _tell(f"{message} See: quickstudy --help", 2, is_json)
    if os.environ.get("QUICKSTUDY_DEBUG"):
        traceback.print_exc()
    said = " ".join(str(error).split()) or "no message"
    return _tell(
        f"{type(error).__name__}: {said}. This is a bug; run with QUICKSTUDY_DEBUG=1 for the "
        "traceback.",
        BUG,
        is_json,
    )


def _tell(message: str, code: int, is_json: bool) -> int:
    """One sentence on standard error, and the last JSON line."""
    try:
        if is_json:
            print(words.json_line("error", {"message": message, "exit_code": code}), flush=True)
        print(f"quickstudy: {message}", file=sys.stderr, flush=True)
    except BrokenPipeError:
        _hang_up()
    return code


def _hang_up() -> int:
    """Nobody reads any more: be quiet, also when Python flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    return BROKEN_PIPE


def _warn(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
    """Warnings as one line."""
    print(f"quickstudy: warning: {' '.join(str(message).split())}", file=sys.stderr)
