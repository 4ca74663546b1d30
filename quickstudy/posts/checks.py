"""What callers may say beside what a post declares: keys, texts, rewards."""

from __future__ import annotations

from typing import Any

from quickstudy.errors import QuickstudyError

MOST_REWARD = 1e12  # beyond, float32 sums of squares are infinite
LONGEST_KEY, LONGEST_TEXT = 200, 2_000  # characters


def check_key(key: Any) -> None:
    is_text = isinstance(key, str) and 0 < len(key) <= LONGEST_KEY and key.isprintable()
    if not is_text or key.startswith("@"):
        raise QuickstudyError(
            f"Came {str(key)[:40]!r} as a key or an id; expected a text of 1 to {LONGEST_KEY} "
            "printable characters that does not begin with '@'."
        )


def check_text(text: Any, what: str, can_be_empty: bool = False) -> None:
    is_fit = isinstance(text, str) and len(text) <= LONGEST_TEXT and (text or can_be_empty)
    if not is_fit or any("\ud800" <= one <= "\udfff" for one in text):
        raise QuickstudyError(
            f"Came {str(text)[:40]!r} as {what}; expected a text of at most {LONGEST_TEXT} "
            f"characters{'' if can_be_empty else ', not empty'}."
        )


def check_reward(reward: Any) -> None:
    is_number = isinstance(reward, int | float) and not isinstance(reward, bool)
    if not is_number or not abs(reward) <= MOST_REWARD:
        raise QuickstudyError(
            f"Came {reward!r} as a reward; expected one number within ±{MOST_REWARD:g}."
        )
