"""Which jobs are of one family: those that show and take the same sort of things.

    family(ada.spec("CartPole-v1"))   # "box 4 > choice 2"

Driving scenarios, variants of a plant, grids to walk in, patients who differ: what one of them
taught may help at the next, because a mind of the one fits the other. How long an episode or a
step is does not matter to that, nor do bounds, which differ between variants and only scale,
nor what a job calls its first option. What the parts are called does matter: "speed" and
"pressure" are both one number, and mean nothing to each other.

Left out: families by what jobs *do* (two games with one spec are a family here, and whoever
transfers between them has to look whether it helps); jobs whose parts only changed order.
"""

from __future__ import annotations

from quickstudy.types import Leaf, Spec


def family(spec: Spec) -> str:
    """What the jobs of a family have in common, as a person can read it.

    Args:
      spec: of a job; `max_steps`, `step_seconds`, bounds, precisions and starts are ignored.

    Returns:
      Parts of what is shown, in order, then parts of what is taken: each with its name where it
      has one, its kind, and its width, its rows, columns and channels, or its choices.
    """
    return f"{_parts(spec.observation, 'box')} > {_parts(spec.action, 'amount')}"


def _parts(leaves: tuple[Leaf, ...], numbers: str) -> str:
    return " + ".join(_part(leaf, numbers) for leaf in leaves)


def _part(leaf: Leaf, numbers: str) -> str:
    if leaf.kind == "discrete":
        what = f"choice {'x'.join(map(str, leaf.sizes))}"
    elif leaf.kind == "image":
        what = f"image {'x'.join(map(str, leaf.shape))}"
    else:
        what = f"{numbers} {leaf.width}"
    # As Python writes it, so that no name can pass for another's part.
    return f"{leaf.path!r} {what}" if leaf.path else what
