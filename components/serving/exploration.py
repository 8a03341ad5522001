"""Exploration: a declared share of requests sees the best answers in a random order, with known probabilities.

Letters: n candidates (the answers of the model), e the share, k the slots shown.

With probability 1 - e the answers are shown as ranked (policy "model" or "rules"); with probability e in a uniformly
random order (policy
"explore"). So the probability that the server shows item i in slot j, whatever drew it, is

  P(i at j) = (1 - e) [i is ranked j-th] + e / n

which is what an off-policy estimate divides by (inverse propensity: Horvitz and Thompson, 1952). With e = 0 it is 1
throughout.
"""

import random
import typing
from collections.abc import Callable, Sequence

EXPLORE = "explore"
# A custom policy: from the scores of the answers, best first, the number of slots and a source of chance to whether
# the request explores, the ranks in the order of the slots, and the probability of each in its slot.
Policy = Callable[[Sequence[float], int, random.Random], tuple[bool, Sequence[int], Sequence[float]]]
T = typing.TypeVar("T")


def draw(count: int, share: float, rng: random.Random) -> tuple[bool, list[int]]:
    """Draws the order in which to show.

    Args:
      count: n.
      share: e, in [0, 1].
      rng: the source of chance.

    Returns:
      Whether this request explores, and the ranks in the order of the slots.
    """
    order = list(range(count))
    explores = share > 0 and rng.random() < share
    if explores:
        rng.shuffle(order)
    return explores, order


def propensities(order: Sequence[int], share: float) -> list[float]:
    """Returns P(item in its slot) for each slot of a shown order."""
    return [(1 - share) * (rank == place) + share / len(order) for place, rank in enumerate(order)]


def reorder(values: Sequence[T], order: Sequence[int]) -> list[T]:
    """Returns the values in the shown order."""
    return [values[rank] for rank in order]


def ask_policy(
    policy: Policy, scores: Sequence[float], slots: int, rng: random.Random
) -> tuple[bool, list[int], list[float]]:
    """Returns what a team's policy draws: whether it explores, the ranks, and their probabilities.

    Raises:
      ValueError: if the ranks are not different answers, one for each slot, or a probability is not in (0, 1].
    """
    explores, order, chances = policy(scores, slots, rng)
    ranks = [int(rank) for rank in order]
    if len(ranks) != slots or len(set(ranks)) != slots or not set(ranks) <= set(range(len(scores))):
        raise ValueError(f"the policy needs {slots} different ranks below {len(scores)}, got {ranks}.")
    if len(chances) != slots or not all(0 < chance <= 1 for chance in chances):
        raise ValueError(f"the policy needs {slots} probabilities above 0 and at most 1, got {list(chances)}.")
    return bool(explores), ranks, [float(chance) for chance in chances]
