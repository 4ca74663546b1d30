"""The ledger of predictions: what a learner expected before it worked, against what happened.

    ledger.expect(ada, "CartPole-v1")          # before its first decision there
    ledger.held(expectation, steps=5_000, competent_at=2_400)

An expectation is a remark in the learner's log, written before its first decision on a job and
never again; what happened is read from the frozen checks that follow. So nobody can move the
mark afterwards, and a report needs the log alone.

Left out: the return that it will end with, of which nothing is known before the first step;
later sessions, in which the learner has already seen how it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from quickstudy import words
from quickstudy.clinic import effort, verdict
from quickstudy.jobs.registry import registry

if TYPE_CHECKING:
    from quickstudy.learner import Learner

NOTE = "expects"
NOMINAL = 0.8  # of the interval of decisions
Result = Literal["hit", "miss", "open"]


@dataclass(frozen=True)
class Expectation:
    """What was expected of the first session on a job.

    decisions, low, high: to competence, with the ends of an 80 % interval. verdict: of the
    doctor on the job ("fine", "direction", "unsure"); None where nobody asked.
    """

    decisions: float
    low: float
    high: float
    verdict: str | None = None


@dataclass(frozen=True)
class Outcome:
    """An expectation, held against what happened.

    decisions: whether competence came within the interval; "open" while it may still come.
    verdict: whether "fine" met success, or "direction" failure; "open" where none was said.
    """

    expected: Expectation
    competent_at: int | None
    decisions: Result
    verdict: Result

    @property
    def results(self) -> tuple[Result, Result]:
        return self.decisions, self.verdict

    def __str__(self) -> str:
        e = self.expected
        low, high, guess = (words.figure(n) for n in (e.low, e.high, e.decisions))
        came = "not yet" if self.competent_at is None else f"at {self.competent_at:,}"
        said = f"expected competence after {guess} decisions [{low}, {high}]: {came}"
        said += f" ({self.decisions})"
        if e.verdict is not None:
            said += f"; the doctor said {e.verdict} ({self.verdict})"
        return said


def expect(
    learner: Learner,
    job: str,
    with_verdict: bool = False,
    foretell: Callable[[Learner, str], tuple[float, float, float] | None] | None = None,
) -> Expectation | None:
    """Writes down what to expect of a job that has a bar; None where it is known already.

    Args:
      job: a profession of the catalogue, or an environment's id.
      with_verdict: lets the doctor look at another copy of the job: seconds.
      foretell: decisions to competence and both ends, from what this learner did before, where
        that says something; otherwise they are as for any learner of ours.

    Raises:
      As `quickstudy.clinic.verdict.of_job`, with a verdict.
    """
    entry = registry().find(job)
    is_late = bool(learner.steps(entry.name) or learner.notes(entry.name, NOTE))
    if entry.bar is None or is_late:
        return None
    said = verdict.of_job(entry.name).kind if with_verdict else None
    guess = foretell(learner, entry.name) if foretell else None
    expected = Expectation(*(guess or effort.beforehand()), said)
    learner.note(entry.name, {NOTE: asdict(expected)})
    return expected


def held(expected: Expectation, steps: int, competent_at: int | None) -> Outcome:
    """Holds an expectation against what happened in so many steps.

    competent_at: steps before the first check at or above the bar; None where none was.
    """
    if competent_at is not None:
        is_within = expected.low <= competent_at <= expected.high
        decisions: Result = "hit" if is_within else "miss"
        verdict_held: Result = "hit" if expected.verdict == "fine" else "miss"
    else:
        decisions = "miss" if steps > expected.high else "open"
        is_over = decisions == "miss"
        hopeless = expected.verdict == "direction"
        verdict_held = ("hit" if hopeless else "miss") if is_over else "open"
    if expected.verdict not in ("fine", "direction"):
        verdict_held = "open"
    return Outcome(expected, competent_at, decisions, verdict_held)


def of_note(note: dict[str, Any]) -> Expectation:
    """From the log."""
    return Expectation(**note[NOTE])


def tally(outcomes: Sequence[Outcome]) -> str:
    """How many predictions came true; "" where none was made."""
    if not outcomes:
        return ""
    results = [result for outcome in outcomes for result in outcome.results if result != "open"]
    if not results:
        return "predictions: none can be judged yet"
    share = results.count("hit") / len(results)
    return (
        f"predictions: {results.count('hit')} of {len(results)} that can be judged came true "
        f"({share:.0%}; {NOMINAL:.0%} expected)"
    )
