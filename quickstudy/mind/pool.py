"""A mind taught by others, each on what it lived itself. (A stand-in: see `pool`.)"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from quickstudy.mind.mind import Mind


def pool(mind: Mind, teachers: Sequence[Mind], lived: Sequence[np.ndarray]) -> None:
    """Fills a fresh mind, whose memory holds all that its teachers lived, from their judgement.

    Args:
      lived: [n] rows of the mind's memory in which each teacher decided, oldest first.
    """
    first = teachers[0]
    mind.learned = first.learned
    mind.counts, mind.arbiter = copy.copy(first.counts), copy.deepcopy(first.arbiter)
