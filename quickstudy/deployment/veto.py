"""The veto: what says no, whatever a learner proposes and whatever it has earned.

It looks at the switch, the caps, the lease and whether an action can be undone, and never at
how good the learner is. Its aim is that nothing happens beyond what was granted; it wins
nothing when things get done.
"""

from __future__ import annotations

from collections.abc import Mapping

from quickstudy.deployment.autonomy import Proposal, Terms
from quickstudy.deployment.caps import Budget, Caps
from quickstudy.deployment.switch import Switch


class Veto:
    """Switch, budgets and leases of one post.

    Attributes:
      leases: class → when its autonomy ends [unix s]; classes without one have none.
    """

    def __init__(self, terms: Mapping[str, Terms], caps: Mapping[str, Caps]):
        self._terms = terms
        self.switch = Switch()
        self.budgets = {name: Budget(caps.get(name, Caps())) for name in terms}
        self.leases: dict[str, float] = {}

    def objections(self, proposal: Proposal, now: float) -> list[str]:
        """Why it may not happen at all now, a sentence each."""
        if self.switch.reason:
            return [self.switch.reason]
        return self.budgets[proposal.action_class].short(proposal, now)

    def why_ask(self, action_class: str, now: float) -> str | None:
        """Why a person must be asked, one sentence; None where autonomy was granted."""
        if self._terms[action_class].is_irreversible:
            return f"Actions of the class {action_class} cannot be undone."
        if now >= self.leases.get(action_class, now):
            return f"No lease is running for the class {action_class}."
        return None

    def take(self, proposal: Proposal, now: float) -> list[str]:
        """Takes it out of the budget, all or nothing; why not, a sentence each."""
        return self.budgets[proposal.action_class].take(proposal, now)

    def lease(self, action_class: str, until: float | None) -> None:
        """Grants autonomy until then, or ends it."""
        self.leases.pop(action_class, None)
        if until is not None:
            self.leases[action_class] = until
