"""What others did, as lessons: read, checked, and put in order."""

from __future__ import annotations

from collections.abc import Sequence

from quickstudy.errors import BadAction, QuickstudyError
from quickstudy.front import Shown
from quickstudy.posts.checks import check_reward
from quickstudy.posts.post import Post
from quickstudy.posts.told import Lesson
from quickstudy.types import End

ENDS = {"terminated": End.TERMINATED, "truncated": End.TRUNCATED, "cut": End.CUT}


def read(post: Post, number: int, one: Lesson) -> tuple[Shown, str | None]:
    """A lesson in the job's own terms, and its episode. Errors name its row."""
    wording = post.wording
    try:
        shown, mask = wording.job_terms(one.observation, one.mask, one.candidates)
        packed = wording.observation(one.observation, one.mask, one.candidates)
        flat = wording.action(one.action)
        if not wording.allows(packed.mask, flat):
            raise BadAction(f"The action {one.action!r} is not allowed by the mask.")
        reward = post.declared.reward_default if one.reward is None else one.reward
        check_reward(reward)
        end = End.NOT if one.end is None else ENDS.get(one.end)
        if end is None:
            known = ", ".join(ENDS)
            raise QuickstudyError(f"Came the end {one.end!r}; expected one of {known}.")
        if post.declared.one_step:
            end = End.TERMINATED
        last = None
        if one.last is not None and end in (End.TRUNCATED, End.CUT):
            last, _ = wording.job_terms(one.last, is_over=True)
            wording.observation(one.last, is_over=True)
    except QuickstudyError as error:
        raise type(error)(f"Row {number}: {error}") from error
    action = wording.layout.unpack(flat)
    return Shown(shown, action, float(reward), end, mask, last), one.episode


def in_order(lessons: Sequence[Lesson]) -> list[tuple[int, Lesson]]:
    """Numbered from 1; steps of one episode next to each other, episodes as they began."""
    first: dict[str | None, int] = {}
    numbered = list(enumerate(lessons, 1))
    for number, one in numbered:
        first.setdefault(one.episode, number)
    return sorted(numbered, key=lambda row: first[row[1].episode])
