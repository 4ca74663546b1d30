"""Quickstudy: a learner that you deploy.

    import quickstudy as qs

    ada = qs.hire("ada", seed=0)
    for moment in ada.work("CartPole-v1", steps=5_000):
        ...
"""

from quickstudy.learner import Check, Learner, hire
from quickstudy.learner import open_learner as open
from quickstudy.types import Decision, Moment, Spec, Value

__version__ = "0.1.0"
__all__ = ["Check", "Decision", "Learner", "Moment", "Spec", "Value", "hire", "open"]
