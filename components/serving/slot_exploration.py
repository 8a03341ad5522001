"""Exploration of one place: a share of requests shows, at one random place, an item from behind the shown ones.

Letters: k places shown, m answers of the model (m > k), e the share.

Permuting the k best answers (`exploration`) never shows another item, so a new model's other items would have
propensity 0, and no estimate from the log can judge it. Here, with probability e, one of the k places, uniformly, shows
one of the ranks k + 1 .. m, uniformly:

  P(i at j) = (1 - e) [rank = j] + e ((k - 1) / k [rank = j] + [k < rank <= m] / (k (m - k)))

With m = k there is nothing behind, and every propensity is 1.
"""

import random
from collections.abc import Sequence


def draw_slot(answers: int, places: int, share: float, rng: random.Random) -> tuple[bool, list[int]]:
    """Returns whether this request explores, and the ranks that are shown, in the order of the places.

    Args:
      answers: m.
      places: k, at most m.
      share: e, in [0, 1].
      rng: the source of chance.
    """
    order = list(range(places))
    explores = answers > places > 0 and share > 0 and rng.random() < share
    if explores:
        order[rng.randrange(places)] = rng.randrange(places, answers)
    return explores, order


def slot_propensities(order: Sequence[int], answers: int, share: float) -> list[float]:
    """Returns P(item at its place) for each place of a shown order."""
    places = len(order)
    if answers <= places:
        return [1.0] * places
    behind = share / (places * (answers - places))
    ahead = (1 - share) + share * (places - 1) / places
    return [behind if rank >= places else ahead for rank in order]
