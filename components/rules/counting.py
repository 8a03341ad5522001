"""Counts from which the rules recommend: popularity, recent popularity and next-item co-visitation.

Everything is counted from positive events of the training split, vectorised. Letters: N rows of the item table (row 0 is the unknown
item), e positive events, M neighbours kept per item.
"""

import dataclasses

import numpy as np

from components.declaration import Launch
from components.features.histories import order_by_user_and_time

MICROSECONDS_PER_DAY = 86_400_000_000
NEIGHBOURS = 200


@dataclasses.dataclass(frozen=True)
class RuleCounts:
    """What the rules know.

    Attributes:
      popularity: [N] float32, positive events per item.
      recent_popularity: [N] float32, those of the declared last days.
      neighbours: [N, M] int32, the items that users took next, most often first; 0 pads.
      weights: [N, M] float32, how often, nearer ones counting more.
    """

    popularity: np.ndarray
    recent_popularity: np.ndarray
    neighbours: np.ndarray
    weights: np.ndarray

    def fallback(self, launch: Launch) -> np.ndarray:
        """What a user without history is shown: the first popularity rule that is declared, recent before all-time: [N] float32."""
        recent = "recent_popularity" in launch.rules.names or "popularity" not in launch.rules.names
        # All-time popularity settles the ties of the recent one, which are many in a short window.
        return self.recent_popularity + self.popularity / (self.popularity.max() + 1.0) if recent else self.popularity


def count(launch: Launch, user: np.ndarray, item: np.ndarray, time: np.ndarray, size: int, tie: np.ndarray | None = None) -> RuleCounts:
    """Counts the rules.

    Args:
      launch: the declaration, for the windows and the decay.
      user: [e] int64 codes.
      item: [e] int32 rows of the item table.
      time: [e] int64 microseconds.
      size: N.
      tie: [e] int, what orders events of equal time; by default the codes.
    """
    end = time.max(initial=0)
    recent = time >= end - launch.rules.recent_days * MICROSECONDS_PER_DAY
    neighbours, weights = _covisitation(launch, user, item, time, size, tie)
    return RuleCounts(
        popularity=np.bincount(item, minlength=size).astype(np.float32),
        recent_popularity=np.bincount(item[recent], minlength=size).astype(np.float32),
        neighbours=neighbours,
        weights=weights,
    )


def _covisitation(
    launch: Launch, user: np.ndarray, item: np.ndarray, time: np.ndarray, size: int, tie: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """weight(a, b) = sum over times b came d items after a, d up to the window, of decay^(d-1); the M heaviest b of each a."""
    order = order_by_user_and_time(user, time, launch.seed, item, tie)
    user, item = user[order], item[order]
    pairs, weights = [np.zeros(0, np.int64)], [np.zeros(0)]
    for distance in range(1, launch.rules.covisitation_window + 1):
        both = (user[distance:] == user[:-distance]) & (item[distance:] != item[:-distance])
        pairs.append((item[:-distance][both].astype(np.int64) * size) + item[distance:][both])
        weights.append(np.full(both.sum(), launch.rules.covisitation_decay ** (distance - 1)))
    distinct, place = np.unique(np.concatenate(pairs), return_inverse=True)
    weight = np.bincount(place.ravel(), np.concatenate(weights), minlength=len(distinct))
    return _heaviest(distinct // size, distinct % size, weight, size)


def _heaviest(source: np.ndarray, target: np.ndarray, weight: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((target, -weight, source))
    source, target, weight = source[order], target[order], weight[order]
    rank = np.arange(len(source)) - np.searchsorted(source, source)
    kept = rank < NEIGHBOURS
    width = int(rank[kept].max(initial=0)) + 1
    neighbours, weights = np.zeros((size, width), np.int32), np.zeros((size, width), np.float32)
    neighbours[source[kept], rank[kept]] = target[kept]
    weights[source[kept], rank[kept]] = weight[kept]
    return neighbours, weights
