"""The gate: how far a learner may go without a person, and what takes that away again.

Outside the mind, and without its arrays: the standard library alone, so that all of it can be
tested exhaustively. Left out: any knowledge of jobs, actions or values.
"""

from quickstudy.deployment.autonomy import Level, Proposal, Ruling, Terms, Verdict
from quickstudy.deployment.caps import Caps
from quickstudy.deployment.gate import Act, Gate, Standing
from quickstudy.deployment.switch import State

__all__ = [
    "Act", "Caps", "Gate", "Level", "Proposal", "Ruling", "Standing", "State", "Terms",
    "Verdict",
]  # fmt: skip
