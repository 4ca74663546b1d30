"""What a post is: declared once, as JSON, by whoever gives a learner the work.

    {"name": "valve", "observation": {"type": "box", "shape": [2], "names": ["heat", "flow"]},
     "action": {"type": "discrete", "n": 3, "labels": ["close", "keep", "open"]},
     "one_step": false, "reward_meaning": "minus the degrees off target",
     "classes": {"open": "risky"}, "caps": {"risky": {"per_hour": 20}}}

Spaces are "box" (numbers within bounds), "discrete" (one of n, which may have labels), "dict"
(named parts), and for actions "candidates": a set of options that changes from question to
question, each with features. Those are slots for the mind, masked where empty, and their
features are part of what it observes.

Left out: text, images other than as numbers, candidates beside other choices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from gymnasium import spaces

from quickstudy.errors import (
    BadAction,
    BadObservation,
    QuickstudyError,
    did_you_mean,
)
from quickstudy.jobs.layout import Layout, spec_of
from quickstudy.posts import forms
from quickstudy.posts.forms import Json
from quickstudy.types import Array, Observation

LONGEST_NAME = 100
LONGEST_WAIT = 366 * 86_400.0  # seconds
ALIKE = 0.1  # of an amount, which lies in [-1, 1]
ANY = "any"  # the class of an action that was given none


@dataclass(frozen=True)
class Declared:
    """A post's terms, as its caller said them.

    Attributes:
      name: also the job's, in the learner's log.
      observation, action: spaces as JSON (see the module).
      one_step: each decision stands alone, and is settled by its own reward.
      reward_meaning: in words, for the page. reward_default: what a decision earned of which
        nobody told anything. wait_seconds: for how long it can be told; then the default
        holds. accepts_late: whether a reward counts even later, in the default's place.
      decision_cost: taken off the reward of each decision that the learner made [its units].
      harm_below: a reward below that means that the learner's action was a mistake; None: only
        people (or `Told.is_error`) say so.
      fallback: an action that is safe whenever the learner's is not to be taken.
      ask_seconds: for how long a person is waited for; then it is refused. audit_seconds: the
        same for audits; one that nobody judged counts as a mistake.
      classes: of actions: label or index of an option → class; those not named are "any".
      terms, caps: class → the gate's terms and caps (fields of `deployment`'s).
      max_steps: an episode's own time limit. incumbent: what does the work today earns in an
        episode, on average.
    """

    name: str
    observation: Json
    action: Json
    one_step: bool = False
    reward_meaning: str = ""
    reward_default: float = 0.0
    wait_seconds: float = 60.0
    accepts_late: bool = False
    decision_cost: float = 0.0
    harm_below: float | None = None
    fallback: Any = None
    ask_seconds: float = 300.0
    audit_seconds: float = 86_400.0
    classes: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, Json] = field(default_factory=dict)
    caps: Mapping[str, Json] = field(default_factory=dict)
    max_steps: int | None = None
    incumbent: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data; inverts `from_json`."""
        return asdict(self)

    @property
    def action_classes(self) -> tuple[str, ...]:
        """Those that its actions can be of."""
        options = forms.options(self.action)
        named = (self.classes.get(option, ANY) for option in options or [ANY])
        return tuple(dict.fromkeys(named))


def from_json(said: Any) -> Declared:
    """A post as somebody said it.

    Raises:
      QuickstudyError: names the part, what came and what was expected.
    """
    if not isinstance(said, Mapping):
        forms.refuse(
            "post", said, "an object with at least a name, an observation and an action"
        )
    known = {one.name for one in fields(Declared)}
    for key in said:
        if key not in known:
            near = did_you_mean(str(key), known)
            raise QuickstudyError(f"A post has no part '{key}'.{near} Leave it out.")
    for key in ("name", "observation", "action"):
        if key not in said:
            forms.refuse(key, None, "it to be there")
    for key, value in said.items():
        what, is_fit = _CHECKS[key]
        if not is_fit(value):
            forms.refuse(key, value, what)
    declared = Declared(**{key: _plain(value) for key, value in said.items()})
    Wording(declared)  # a space that will not do is found here
    return declared


# ---- between a caller's terms and the mind's


class Wording:
    """Reads what callers of a post say, and says what the mind answers.

    classes: of actions. layout: of the job. fallback: flat, None where there is none.
    """

    def __init__(self, declared: Declared):
        self._observation, self._action = declared.observation, declared.action
        observed, done = (
            forms.space(self._observation, "observation"),
            forms.actions(self._action),
        )
        self._most = int(self._action["most"]) if self._has_candidates else 0
        if self._has_candidates:
            self._features = int(self._action["features"])
            shape = (self._most, self._features)
            listed = spaces.Box(-np.inf, np.inf, shape, np.float32)
            observed = spaces.Dict({"situation": observed, "candidates": listed})
        self.spaces = observed, done
        self.max_steps = 1 if declared.one_step else declared.max_steps
        self.layout = Layout(spec_of(observed, done, self.max_steps))
        self._reads_plainly = not forms.needs_reading(self._observation)
        self.fallback = None
        if declared.fallback is not None:
            self.fallback = self.action(declared.fallback)
        options = forms.options(self._action)
        self._classes = [declared.classes.get(option, ANY) for option in options]
        for option in declared.classes:
            if option not in options:
                known = ", ".join(options[:10]) or "none: it is no discrete action"
                forms.refuse("classes", option, f"one of the action's options ({known})")
        for part in ("terms", "caps"):
            for name in getattr(declared, part):
                if name not in declared.action_classes:
                    forms.refuse(part, name, f"one of {', '.join(declared.action_classes)}")

    @property
    def _has_candidates(self) -> bool:
        return bool(self._action["type"] == "candidates")

    def observation(
        self,
        said: Any,
        mask: Any = None,
        candidates: Sequence[Sequence[float]] | None = None,
        is_over: bool = False,
    ) -> Observation:
        """What a caller sees, flattened.

        Raises:
          BadObservation: names the part that does not fit.
        """
        shown, mask = self.job_terms(said, mask, candidates, is_over)
        return self.layout.pack(shown, {"action_mask": mask}, over=is_over)

    def job_terms(
        self,
        said: Any,
        mask: Any = None,
        candidates: Sequence[Sequence[float]] | None = None,
        is_over: bool = False,
    ) -> tuple[Any, Any]:
        """As `observation`, not flattened yet: what the job shows, and its mask."""
        shown = said if self._reads_plainly else forms.read(self._observation, said)
        if self._has_candidates:
            listed, mask = self._slots(candidates, mask, is_over)
            shown = {"situation": shown, "candidates": listed}
        elif candidates is not None:
            forms.misfit("candidates", candidates, "none: the post's action is no set of them")
        if mask is not None and not self.layout.spec.options:
            forms.misfit("mask", mask, "none: the post's action has no options")
        return shown, mask

    def action(self, said: Any) -> Array:
        """A caller's action, flat. BadAction: it does not fit."""
        if self._has_candidates:
            return self.layout.pack_action(said)
        try:
            return self.layout.pack_action(forms.read(self._action, said))
        except BadObservation as error:
            raise BadAction(str(error)) from None

    def said(self, flat: Array) -> Any:
        """A flat action as JSON holds it."""
        return forms.write(self._action, self.layout.unpack(flat))

    def shown(self, raw: Array) -> Any:
        """A flat observation as JSON holds it: for people; candidates are among it."""
        parts, at = {}, 0
        for leaf in self.layout.spec.observation:
            numbers = np.round(raw[at : at + leaf.width], 6).tolist()
            parts[leaf.name] = numbers[0] if leaf.shape == () else numbers
            at += leaf.width
        names = self._observation.get("names")
        if names and "" in parts:
            return dict(zip(names, parts[""], strict=True))
        return parts.get("", parts)

    def action_class(self, flat: Array) -> str:
        """Which class an action is of, by its first choice."""
        return self._classes[int(flat[0])] if self._classes else ANY

    def allows(self, mask: Array | None, flat: Array) -> bool:
        """Whether every choice of a flat action is among the allowed options."""
        if mask is None:
            return True
        sizes = self.layout.spec.choices
        starts = np.cumsum((0, *sizes[:-1]))
        return bool(mask[(starts + flat[: len(sizes)]).astype(int)].all())

    def is_alike(self, one: Array, other: Array) -> bool:
        """Whether two flat actions come to the same: choices equal, amounts almost."""
        choices = len(self.layout.spec.choices)
        apart = np.abs(one - other)
        return not apart[:choices].any() and bool((apart[choices:] <= ALIKE).all())

    def _slots(
        self, candidates: Sequence[Sequence[float]] | None, mask: Any, is_over: bool
    ) -> tuple[Array, Array | None]:
        """Features [most, features], and which slots can be chosen."""
        if candidates is None and is_over:
            return np.zeros((self._most, self._features), np.float32), None
        expected = f"1 to {self._most} lists of {self._features} numbers each"
        try:
            rows = np.asarray(candidates, np.float64)
        except (TypeError, ValueError):
            forms.misfit("candidates", candidates, expected)
        if rows.ndim != 2 or rows.shape[1] != self._features or not 0 < len(rows) <= self._most:
            forms.misfit("candidates", candidates, expected)
        listed = np.zeros((self._most, self._features), np.float64)
        listed[: len(rows)] = rows
        allowed = np.zeros(self._most, bool)
        allowed[: len(rows)] = True
        if mask is not None:
            if not isinstance(mask, Sequence) or len(mask) != len(rows):
                forms.misfit("mask", mask, f"a list of {len(rows)}, one for each candidate")
            allowed[: len(rows)] = [one in (1, True) for one in mask]
        return listed, allowed


# ---- checks


def _is_number(value: Any) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and math.isfinite(value)


def _is_seconds(value: Any) -> bool:
    return _is_number(value) and 0.0 < value <= LONGEST_WAIT


def _is_name(value: Any) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
        return False
    return value.isprintable() and value == value.strip() and "/" not in value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, (*value, *value.values())))


def _is_objects(value: Any) -> bool:
    is_map = isinstance(value, Mapping)
    return is_map and all(_is_text(k) and isinstance(v, Mapping) for k, v in value.items())


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _is_steps(value: Any) -> bool:
    return forms.is_whole(value) and 1 <= value < 2**31


_A_NUMBER = "one finite number"
_SECONDS = f"seconds, above 0 and at most {LONGEST_WAIT:g}"
_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "name": (f"a text of 1 to {LONGEST_NAME} characters, none of them a slash", _is_name),
    "observation": ("a space", lambda value: True),
    "action": ("a space", lambda value: True),
    "one_step": ("true or false", _is_flag),
    "reward_meaning": ("a text", _is_text),
    "reward_default": (_A_NUMBER, _is_number),
    "wait_seconds": (_SECONDS, _is_seconds),
    "accepts_late": ("true or false", _is_flag),
    "decision_cost": (_A_NUMBER, _is_number),
    "harm_below": (f"{_A_NUMBER} or null", _or_none(_is_number)),
    "fallback": ("an action", lambda value: True),
    "ask_seconds": (_SECONDS, _is_seconds),
    "audit_seconds": (_SECONDS, _is_seconds),
    "classes": ("an object: option → class, both texts", _is_texts),
    "terms": ("an object: class → terms", _is_objects),
    "caps": ("an object: class → caps", _is_objects),
    "max_steps": ("a whole number from 1, or null", _or_none(_is_steps)),
    "incumbent": (f"{_A_NUMBER} or null", _or_none(_is_number)),
}


def _plain(value: Any) -> Any:
    """A copy that nobody else can change."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
