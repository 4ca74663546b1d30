"""Early sense: does worth foretell failure, does spread hold, what does giving up cost?

    python -m benchmarks.sense               # everything, run by run; --resume goes on
    python -m benchmarks.sense --quick       # one seed of development, fewer jobs: minutes
    python -m benchmarks.sense --table       # only writes the table and the picture again

A learner works, and then acts, frozen, on worlds that it never saw. Where a task has a notion
of success, it is a *half-skilled* learner that acts: the one of the first check at which 30 to
70 % of its frozen episodes succeed, or else of the check that was nearest to a half. Success:
CartPole at its bar, the driver unhurt to the end.

*Foresight.* At a tenth, a quarter and a half of the nominal episode (the job's time limit), is
worth lower in episodes that will fail than in those that will succeed? AUROC, with a bootstrap
interval over episodes within seeds. Episodes that are over by then are not counted, for there
is nothing left to foretell; they are told beside it. The same at shares of each episode's own
length, which only hindsight knows. *Lead*: seconds of the job's time from the first decision
whose worth is below a bound to the end of the failing episode; only a twentieth of the
successful episodes ever fall below that bound.

*Coverage.* The share of decisions whose discounted return lay in worth ± 1.645 spread. Worth
cannot know the time limit, for nothing that a job shows tells the time; it means what
`types.End` says: beyond a truncation the value goes on. So, frozen, the time limit is lifted
until 95 % of every return has come. While learning, each interval is as it was said before
anything of its episode was known, a truncated or cut return goes on with the last worth, and a
decision counts by the share of its return that did come.

*Giving up.* Whole frozen episodes are put through `quickstudy.hopeless` as if it could give
them up, so it is known what would have become of those. Beside it, lives with and without
`work --stop-hopeless`.

Seeds 100 to 104 were never used in development (0 to 4 were). Left out: other predictors of
failure; half-skill by noise instead of by learning.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import runs, tables
from benchmarks import statistics as stats
from benchmarks.runs import Line, Plan
from benchmarks.statistics import Interval

if TYPE_CHECKING:
    from quickstudy.jobs.gym import GymJob
    from quickstudy.learner import Learner
    from quickstudy.mind.mind import Mind

FIRST_WORLD = 5_000  # frozen episodes use worlds from here on, checks those from 0
SHARES = (0.1, 0.25, 0.5)  # of an episode
HALF = (0.3, 0.7)  # share of successes of who is half-skilled
UNSEEN = 0.05  # of a discounted return may lie beyond what is waited for
RARELY = 0.05  # share of successful episodes that fall below the bound
DEVIATIONS = 1.645  # spreads on either side of worth: a 90 % interval
RATES = (0.02, 0.1)  # of lost successes, for giving up
RATE = 0.1  # the one of the lives
POINTS = 60  # of a drawn curve


@dataclass(frozen=True)
class Task:
    """A job here. most: steps to work. every: steps between checks. episodes: of a check.
    exam: frozen episodes at the end. limit: decisions of the nominal episode. success: the
    return, or (where None) reaching the limit. is_foreseen: whether half-skill is waited for.
    """

    job: str
    most: int
    every: int
    episodes: int
    exam: int
    limit: int
    success: float | None = None
    is_foreseen: bool = False


TASKS = (
    Task("CartPole-v1", 5_000, 100, 10, 100, 500, 475.0, True),
    Task("driver", 4_000, 500, 10, 40, 30, None, True),
    Task("Pendulum-v1", 2_000, 2_000, 0, 10, 200),
    Task("MountainCar-v0", 3_000, 3_000, 0, 15, 200),
    Task("anaesthetist", 2_000, 2_000, 0, 10, 200),
)
LIVES = (  # jobs on which giving up is lived: steps, steps between checks, episodes of a check
    ("CartPole-v1", 6_000, 500, 5),
    ("MountainCar-v0", 5_000, 500, 5),
)
SENSE, PLAIN, GIVING_UP = "sense", "plain", f"stop-hopeless {RATE}"


@dataclass(frozen=True)
class Course:
    """A frozen episode: worth and spread of each decision, its rewards, and whether it ended
    by itself (else it was stopped from here). All [T], but for what each speed of the mind
    expects: [T, 2]."""

    worth: np.ndarray
    spread: np.ndarray
    rewards: np.ndarray
    speeds: np.ndarray
    is_over: bool

    def is_success(self, task: Task) -> bool:
        if task.success is None:
            return len(self.rewards) >= task.limit
        return float(self.rewards[: task.limit].sum()) >= task.success


# ---- one run, in a process of its own


def sense(plan: Plan) -> dict[str, Any]:
    """Works as the plan says, then acts frozen; what was foreseen, covered, given up."""
    import quickstudy as qs
    from quickstudy import report
    from quickstudy.jobs import registry
    from quickstudy.mind import mind as minds

    task = next(task for task in TASKS if task.job == plan.job)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "learner"
        with qs.hire(home, seed=plan.seed) as learner:
            job = registry.make(plan.job)
            lift_limit(job)
            skill, steps, mind = _half_skilled(learner, job, task, plan)
            gamma = minds.discount(mind)
            most = task.limit + round(np.log(UNSEEN) / np.log(gamma))
            worlds = range(FIRST_WORLD, FIRST_WORLD + plan.exam)
            courses = [course(mind, job, plan.job, world, most) for world in worlds]
            seconds = job.spec.step_seconds or 1.0
            job.close()
        told = report.of(home, plan.job)[0]
    return {
        "worked": steps,
        "skill": skill,
        "leader": minds.leader(mind),
        "discount": gamma,
        "seconds": seconds,
        "learning": learning_coverage(told.ended, gamma),
        "frozen": frozen_coverage(courses, task, gamma),
        "episodes": foresight(courses, task, seconds) if task.is_foreseen else [],
        "given_up": {str(rate): give_up(courses, task, gamma, rate) for rate in RATES}
        if task.is_foreseen
        else {},
    }


def lift_limit(job: GymJob) -> None:
    """Takes away a job's time limit, wherever it is kept."""
    import gymnasium

    layer: Any = job.env
    while isinstance(layer, gymnasium.Wrapper):
        if isinstance(layer, gymnasium.wrappers.TimeLimit):
            layer._max_episode_steps = sys.maxsize
        layer = layer.env
    config = getattr(layer, "config", None)
    if isinstance(config, dict) and "duration" in config:  # highway-env keeps its own [s]
        config["duration"] = sys.maxsize


def course(mind: Mind, job: GymJob, name: str, world: int, most: int) -> Course:
    """One frozen episode on a held-out world, of so many decisions at most."""
    from quickstudy.learner import held_out_seed
    from quickstudy.mind import mind as minds

    shown = job.reset(held_out_seed(name, world))
    rows: list[tuple[float, ...]] = []
    is_over = False
    while len(rows) < most and not is_over:
        choice = minds.act(mind, shown)
        step = job.step(choice.flat)
        value, expected = choice.value, choice.predictions
        rows.append(
            (value.worth, value.spread, step.reward, expected.instinct, expected.judgement)
        )
        shown, is_over = step.observation, bool(step.end)
    worth, spread, rewards, *speeds = np.array(rows).T
    return Course(worth, spread, rewards, np.stack(speeds, 1), is_over)


def _half_skilled(
    learner: Learner, job: GymJob, task: Task, plan: Plan
) -> tuple[float, int, Mind]:
    """Share of successes, steps and frozen mind of the check nearest to a half; stops at the
    first that is near enough. Without checks, of the end of the work, and the share is 0."""
    nearest: tuple[float, int, Mind] | None = None
    for moment in learner.work(plan.job, plan.steps):
        if plan.episodes and moment.step % plan.every == 0:
            mind = learner._places[plan.job].mind
            worlds = range(plan.episodes)
            tried = [course(mind, job, plan.job, w, task.limit) for w in worlds]
            skill = stats.mean([one.is_success(task) for one in tried])
            if nearest is None or abs(skill - 0.5) < abs(nearest[0] - 0.5):
                nearest = skill, moment.step, _frozen(mind)
            if HALF[0] <= skill <= HALF[1]:
                break
    return nearest or (0.0, plan.steps, learner._places[plan.job].mind)


def _frozen(mind: Mind) -> Mind:
    """A mind as it is now, to act with; its arrays are replaced by learning, not changed."""
    return replace(mind, arbiter=copy.deepcopy(mind.arbiter), counts=replace(mind.counts))


# ---- what a run amounts to


def learning_coverage(episodes: Sequence[Any], gamma: float) -> dict[str, float]:
    """Of `report.Episode`s: shares of decisions inside, below and above their intervals."""
    from quickstudy.report import came
    from quickstudy.types import End

    apart, weights = [], []
    for episode in episodes:
        steps = len(episode.rewards)
        spread = np.maximum(episode.spread, 1e-12)
        apart.append((came(episode, gamma) - np.array(episode.worth)) / spread)
        unseen = gamma ** np.arange(steps, 0, -1.0)
        weights.append(np.ones(steps) - unseen * (episode.end != End.TERMINATED))
    return _coverage(np.concatenate(apart), np.concatenate(weights))


def frozen_coverage(courses: Sequence[Course], task: Task, gamma: float) -> dict[str, float]:
    """Likewise of frozen episodes, decisions within the time limit."""
    apart = []
    for one in courses:
        returns, beyond = np.empty(len(one.rewards)), 0.0 if one.is_over else one.worth[-1]
        for t in range(len(returns) - 1, -1, -1):
            returns[t] = beyond = one.rewards[t] + gamma * beyond
        apart.append(((returns - one.worth) / np.maximum(one.spread, 1e-12))[: task.limit])
    together = np.concatenate(apart)
    return _coverage(together, np.ones(len(together)))


def _coverage(apart: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    def share(where: np.ndarray) -> float:
        return float((where * weights).sum() / weights.sum())

    return {
        "inside": share(np.abs(apart) <= DEVIATIONS),
        "below": share(apart < -DEVIATIONS),
        "above": share(apart > DEVIATIONS),
        "decisions": float(len(apart)),
    }


def foresight(courses: Sequence[Course], task: Task, seconds: float) -> list[dict[str, Any]]:
    """Of each episode: did it succeed, its length, worth at SHARES, lead, a curve to draw."""
    good = [one.worth[: task.limit].min() for one in courses if one.is_success(task)]
    bound = float(np.quantile(good, RARELY)) if good else -np.inf
    rows = []
    for one in courses:
        worth = one.worth[: task.limit]
        nominal = [round(share * task.limit) for share in SHARES]
        a_quarter = one.speeds[nominal[1]] if nominal[1] < len(worth) else (None, None)
        at = np.linspace(0, len(worth) - 1, min(POINTS, len(worth))).round().astype(int)
        below = np.flatnonzero(worth < bound)
        rows.append(
            {
                "success": one.is_success(task),
                "steps": len(worth),
                "nominal": [round(float(worth[t]), 4) if t < len(worth) else None
                            for t in nominal],
                "own": [round(float(worth[int(share * len(worth))]), 4) for share in SHARES],
                "instinct": [a_quarter[0]],
                "judgement": [a_quarter[1]],
                "lead": float(len(worth) - below[0]) * seconds if len(below) else 0.0,
                "curve": [at.tolist(), worth[at].round(3).tolist()],
            }
        )  # fmt: skip
    return rows


def give_up(
    courses: Sequence[Course], task: Task, gamma: float, rate: float
) -> dict[str, float]:
    """What giving up at a rate would have stopped, lost and saved, of whole episodes."""
    from quickstudy.hopeless import Hope
    from quickstudy.life import Episode
    from quickstudy.types import End

    bar = task.success if task.success is not None else 1.0
    hope, tally = Hope(rate, bar, seed=0), dict.fromkeys(TALLIED, 0.0)
    for number, one in enumerate(courses):
        rewards = one.rewards[: task.limit]
        if task.success is None:  # success is to last: count the steps
            rewards = np.full(len(rewards), 1.0 / task.limit)
        stopped = None
        for t, worth in enumerate(one.worth[: task.limit]):
            so_far = Episode(number, steps=t + 1, earned=float(rewards[:t].sum()))
            if hope.is_past(so_far, float(worth), task.limit - t, gamma):
                stopped = t
                break
        row = hope._watched
        could = row is not None and row.below is not None and not row.is_let_run
        tally["watched"] += could
        tally["successes"] += could and one.is_success(task)
        if stopped is not None:
            tally["stopped"] += 1
            tally["lost"] += one.is_success(task)
            tally["saved"] += len(rewards) - stopped - 1
        tally["steps"] += len(rewards) if could else 0
        end = End.CUT if stopped is not None else End.TERMINATED
        hope.ended(number, end, float(rewards.sum()))
    return tally


TALLIED = ("watched", "stopped", "successes", "lost", "saved", "steps")


def live(plan: Plan) -> dict[str, Any]:
    """A life with or without giving up, and its checks on the way."""
    import quickstudy as qs
    from quickstudy import hopeless

    rate = RATE if plan.algorithm == GIVING_UP else None
    with (
        tempfile.TemporaryDirectory() as folder,
        qs.hire(Path(folder) / "learner", seed=plan.seed) as learner,
    ):
        curve = []
        for moment in learner.work(plan.job, plan.steps, stop_hopeless=rate):
            if moment.step % plan.every == 0:
                check = learner.check(plan.job, plan.episodes)
                curve.append({"step": moment.step, "mean": check.mean})
        rows = learner._hopes[plan.job].rows if rate else []
        worked = learner.episodes(plan.job)
    return {"curve": curve, "worked_episodes": worked, "cost": asdict(hopeless.cost(rows))}


# ---- the table


def auroc(failed: Sequence[float], succeeded: Sequence[float]) -> float:
    """Probability that a failing episode's worth is the lower one; ties count half."""
    low, high = np.array(failed)[:, None], np.array(succeeded)
    return float((low < high).mean() + 0.5 * (low == high).mean())


def foresight_of(
    lines: Sequence[Line], column: str, share: int
) -> tuple[float, Interval, int, int] | None:
    """Mean AUROC over seeds, its interval, failing and succeeding episodes under way."""
    groups = []
    for line in lines:
        rows = [row for row in line["episodes"] if row[column][share] is not None]
        bad = [row[column][share] for row in rows if not row["success"]]
        good = [row[column][share] for row in rows if row["success"]]
        if bad and good:
            groups.append((np.array(bad), np.array(good)))
    if not groups:
        return None
    rng = np.random.default_rng(0)
    drawn = [
        stats.mean([auroc(rng.choice(b, len(b)), rng.choice(g, len(g))) for b, g in groups])
        for _ in range(1_000)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = stats.mean([auroc(bad, good) for bad, good in groups])
    failing, succeeding = (sum(len(group[i]) for group in groups) for i in (0, 1))
    return value, Interval(float(low), float(high)), failing, succeeding


def report_text(lines: Sequence[Line], command: str) -> str:
    """The results file."""
    whole = [line for line in lines if "failed" not in line]
    seen = [line for line in whole if line["plan"]["algorithm"] == SENSE]
    lives = [line for line in whole if line["plan"]["algorithm"] != SENSE]
    notes = ["Seeds 100 to 104 were never used in development (0 to 4 were)."]
    notes += [f"failed: {_name(line)}: {line['failed']}" for line in lines if "failed" in line]
    parts = [tables.header("Early sense: worth as prediction", command, lines, notes)]
    parts += [(__doc__ or "").split("\n\n", 2)[2].strip()]
    parts += ["## Foresight", tables.summary(_foresight_table(seen))]
    parts += ["![Worth against time](sense.png)"]
    parts += ["## Coverage of 90 % intervals", _coverage_table(seen)]
    parts += ["## Giving up, in hindsight", _given_up_table(seen)]
    if lives:
        parts += [f"## Lives with `--stop-hopeless {RATE}`", _lives_table(lives)]
    return "\n\n".join(parts) + "\n"


def _name(line: Line) -> str:
    plan = line["plan"]
    return f"{plan['job']} {plan['algorithm']} seed {plan['seed']}"


def _of(lines: Sequence[Line], job: str) -> list[Line]:
    return [line for line in lines if line["plan"]["job"] == job]


def _foresight_table(lines: Sequence[Line]) -> str:
    head = ["job", "half-skilled after", "successes"]
    head += [f"AUROC at {share:.0%} (failing/succeeding under way)" for share in SHARES]
    head += ["at 25 % of its own length", "instinct's worth at 25 %", "judgement's"]
    head += ["lead s: median", "failures with a lead"]
    rows = []
    for task in TASKS:
        group = _of(lines, task.job) if task.is_foreseen else []
        if not group:
            continue
        episodes = [row for line in group for row in line["episodes"]]
        leads = [row["lead"] for row in episodes if not row["success"]]
        cells = [task.job, tables.each(line["worked"] for line in group)]
        cells += [tables.percent(stats.mean([row["success"] for row in episodes]))]
        cells += [_auroc_cell(group, "nominal", i) for i in range(len(SHARES))]
        cells += [_auroc_cell(group, "own", 1)]
        cells += [_auroc_cell(group, speed, 0) for speed in ("instinct", "judgement")]
        cells += [tables.number(stats.median(leads)) if leads else "—"]
        rows.append(
            [*cells, tables.percent(stats.mean(np.array(leads) > 0) if leads else None)]
        )
    return tables.table(head, rows)


def _auroc_cell(lines: Sequence[Line], column: str, share: int) -> str:
    found = foresight_of(lines, column, share)
    if found is None:
        return "—"
    value, ends, failing, succeeding = found
    return f"{value:.2f} [{ends.low:.2f}, {ends.high:.2f}] ({failing}/{succeeding})"


def _coverage_table(lines: Sequence[Line]) -> str:
    head = ["job", "while learning", "each seed", "below / above"]
    head += ["frozen", "each seed", "below / above"]
    rows = []
    for task in TASKS:
        group, cells = _of(lines, task.job), [task.job]
        if not group:
            continue
        for when in ("learning", "frozen"):
            found = [line[when] for line in group]
            inside = [one["inside"] for one in found]
            cells += [f"{stats.mean(inside):.0%}"]
            cells += [" / ".join(f"{share:.0%}" for share in inside)]
            sides = [stats.mean([one[side] for one in found]) for side in ("below", "above")]
            cells += [" / ".join(f"{share:.0%}" for share in sides)]
        rows.append(cells)
    return tables.table(head, rows)


def _given_up_table(lines: Sequence[Line]) -> str:
    head = ["job", "rate asked", "given up", "successes lost", "steps saved"]
    rows = []
    for task in TASKS:
        group = _of(lines, task.job) if task.is_foreseen else []
        for rate in RATES if group else ():
            found = [line["given_up"][str(rate)] for line in group]
            sums = {name: sum(one[name] for one in found) for name in TALLIED}
            rows.append([task.job, tables.percent(rate)] + [
                f"{sums[part]:,.0f} of {sums[all_]:,.0f}"
                for part, all_ in (
                    ("stopped", "watched"), ("lost", "successes"), ("saved", "steps")
                )
            ])  # fmt: skip
    return tables.table(head, rows)


def _lives_table(lines: Sequence[Line]) -> str:
    from quickstudy.jobs.registry import registry

    head = ["job", "life", "steps to the bar, each seed", "given up", "lost among let run"]
    rows = []
    for job, *_ in LIVES:
        bar = registry().find(job).bar
        for algorithm in (PLAIN, GIVING_UP):
            group = [ln for ln in _of(lines, job) if ln["plan"]["algorithm"] == algorithm]
            if not group or bar is None:
                continue
            curves = [[(at["step"], at["mean"]) for at in line["curve"]] for line in group]
            costs = [line["cost"] for line in group]
            stopped = sum(cost["stopped"] for cost in costs)
            begun = sum(line["worked_episodes"] for line in group)
            lost, won = (sum(cost[key] for cost in costs) for key in ("lost", "successes"))
            reached = tables.each(stats.steps_to(curve, bar) for curve in curves)
            rows.append([job, algorithm, reached, f"{stopped} of {begun}", f"{lost} of {won}"])
    return tables.table(head, rows)


def draw(lines: Sequence[Line], path: Path) -> None:
    """Worth against time, one thin line an episode, of the first seed of each job."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    firsts = [group[0] for task in TASKS if (group := _of(lines, task.job))]
    firsts = [line for line in firsts if line.get("episodes")]
    if not firsts:
        return
    figure = Figure(figsize=(5.2 * len(firsts), 3.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    for axes, line in zip(np.ravel(figure.subplots(1, len(firsts))), firsts, strict=True):
        for is_success, colour, name in (
            (True, "#00897b", "succeeds"),
            (False, "#ef6c00", "fails"),
        ):
            rows = [row for row in line["episodes"] if row["success"] is is_success]
            for row in rows:
                at, worth = (np.array(column) for column in row["curve"])
                axes.plot(at * line["seconds"], worth, color=colour, alpha=0.35, linewidth=0.8)
                if not is_success:
                    axes.plot(at[-1] * line["seconds"], worth[-1], "x", color=colour)
            axes.plot([], [], color=colour, label=f"{name} ({len(rows)})")
        plan = line["plan"]
        axes.set_title(f"{plan['job']}, seed {plan['seed']}", loc="left", fontsize=10)
        axes.set_xlabel("seconds of the job's time")
        axes.set_ylabel("worth, when it decided")
        axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150, format="png")


# ---- the command


def plans(seeds: Sequence[int], jobs: Sequence[str], with_lives: bool) -> list[Plan]:
    """Seed by seed, so that a benchmark that is stopped has whole seeds."""
    todo = []
    for seed in seeds:
        for t in TASKS:
            todo.append(Plan(t.job, SENSE, seed, t.most, t.every, t.episodes, t.exam))
        for job, steps, every, episodes in LIVES if with_lives else ():
            for algorithm in (PLAIN, GIVING_UP):
                todo.append(Plan(job, algorithm, seed, steps, every, episodes, 0))
    return [plan for plan in todo if plan.job in jobs]


def run(plan: Plan, python: str) -> Line:
    """A plan in a process of its own; a run that fails is a result too."""
    try:
        result = runs.spawn("benchmarks.sense", ["--run", json.dumps(asdict(plan))], python)
    except runs.RunError as error:
        result = {"failed": str(error)}
    return {"plan": asdict(plan), **result, "date": datetime.date.today().isoformat()}


def main(arguments: list[str] | None = None) -> None:
    """Runs what is asked for; the table and the picture are written after every run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = [task.job for task in TASKS]
    parser.add_argument("--jobs", default=",".join(known), help="default: %(default)s")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the runs")
    parser.add_argument("--no-lives", action="store_true", help="without giving up, lived")
    runs.add_options(parser)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.run:
        plan = Plan(**json.loads(asked.run))
        result = sense(plan) if plan.algorithm == SENSE else live(plan)
        versions = runs.versions("numpy", "gymnasium", "jax", "equinox", "highway-env")
        print(json.dumps({**result, "versions": versions, "source": runs.fingerprint()}))
        return
    jobs = asked.jobs.split(",")
    if unknown := set(jobs) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    if asked.quick:
        jobs = [job for job in jobs if job in ("CartPole-v1", "Pendulum-v1")]
    seeds = runs.seeds_asked(asked)
    path, command = runs.folder_asked(asked) / "sense.jsonl", runs.command("sense", arguments)
    todo = [] if asked.table else plans(seeds, jobs, not (asked.no_lives or asked.quick))
    done = runs.finished(path) if asked.resume else {}
    for number, plan in enumerate(todo, 1):
        if plan.key in done:
            continue
        print(f"[{number}/{len(todo)}] {plan.name} …", end=" ", flush=True)
        line = run(plan, asked.python)
        runs.append(path, line)
        print(line.get("failed", "done"), flush=True)
        _write(path, command)
    if not (lines := runs.read(path)):
        parser.error(f"no results in {path.name} yet")
    print(_write(path, command))
    sys.exit(any("failed" in line for line in lines))


def _write(path: Path, command: str) -> str:
    lines = [line for line in runs.read(path) if "failed" not in line]
    draw(lines, path.with_suffix(".png"))
    return runs.write(path, report_text, command)


if __name__ == "__main__":
    main()
