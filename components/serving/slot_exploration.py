"""Exploration of one slot: a share of requests shows, in one random slot, an item from below the shown ones.

Letters: k slots shown, m answers of the model (m > k), e the share.

Permuting the k best answers (`exploration`) never shows another item, so a new model's other items would have
propensity 0, and no estimate from the log can judge it. Here, with probability e, one of the k slots, uniformly, shows
one of the ranks k + 1 .. m, uniformly:

  P(i at j) = (1 - e) [rank = j] + e ((k - 1) / k [rank = j] + [k < rank <= m] / (k (m - k)))

With m = k there is nothing behind, and every propensity is 1.
"""

import random
from collections.abc import Sequence


def draw_slot(answers: int, slots: int, share: float, rng: random.Random) -> tuple[bool, list[int]]:
    """Returns whether this request explores, and the ranks that are shown, in the order of the slots.

    Args:
      answers: m.
      slots: k, at most m.
      share: e, in [0, 1].
      rng: the source of chance.
    """
    order = list(range(slots))
    explores = answers > slots > 0 and share > 0 and rng.random() < share
    if explores:
        order[rng.randrange(slots)] = rng.randrange(slots, answers)
    return explores, order


def slot_propensities(order: Sequence[int], answers: int, share: float) -> list[float]:
    """Returns P(item in its slot) for each slot of a shown order."""
    slots = len(order)
    if answers <= slots:
        return [1.0] * slots
    behind = share / (slots * (answers - slots))
    ahead = (1 - share) + share * (slots - 1) / slots
    return [behind if rank >= slots else ahead for rank in order]
