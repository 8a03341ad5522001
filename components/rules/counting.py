"""The rules that the template brings, counted vectorised: popularity, recent popularity, that by context, co-visitation.

Letters as in `components.rules.rule_forms`; p distinct pairs.
"""

import numpy as np

from components.declaration.views import ServingView
from components.features.histories import order_by_user_and_time
from components.features.id_codes import codes
from components.ingest.event_time import DAY
from components.rules.rule_forms import NextItems, PerContext, PerItem, RuleLog, context_keys

NEIGHBOURS = 100
READ, READ_DECAY = 5, 0.5  # the last items that co-visitation reads, and the weight of each against the one after it
MAX_SLICES = 50
# A slice's counts are drawn towards everybody's as if that many more events had been seen: a slice of three events is no
# taste.
PRIOR_EVENTS = 50.0


def popularity(launch: ServingView, log: RuleLog) -> PerItem:
    """Counts how often each item was taken."""
    del launch
    return PerItem(_taken(log, np.ones(len(log.item), bool)))


def recent_popularity(launch: ServingView, log: RuleLog) -> PerItem:
    """Counts how often each item was taken in the last `rules.recent_days`."""
    return PerItem(_taken(log, _recent(launch, log)))


def context_popularity(launch: ServingView, log: RuleLog) -> PerContext:
    """Recent popularity among those who ask with the same values of `rules.context`, for the `MAX_SLICES` most frequent of them.

    score(slice, item) = count(slice, item) + m share(item), share of all recent events, m = `PRIOR_EVENTS`: the mean of
    a Dirichlet posterior, but for a factor. A slice that is not among them gets m share(item).
    """
    recent = _recent(launch, log)
    everybody = _taken(log, recent)
    prior = PRIOR_EVENTS * everybody / max(everybody.sum(), 1.0)
    slices, keys = codes(context_keys([log.context[name][recent] for name in launch.rules.context]))
    kept = np.sort(np.argsort(-np.bincount(slices, minlength=len(keys)), kind="stable")[:MAX_SLICES])
    place = np.full(len(keys), -1)
    place[kept] = np.arange(len(kept))
    size, row = len(log.items), place[slices]
    cells = row[row >= 0] * size + log.item[recent][row >= 0]
    counts = np.bincount(cells, minlength=(len(kept) + 1) * size).reshape(len(kept) + 1, size)
    return PerContext(launch.rules.context, keys[kept], (counts + prior).astype(np.float32))


def covisitation(launch: ServingView, log: RuleLog) -> NextItems:
    """weight(a, b) = pairs(a, b) / sqrt(sum over c of pairs(a, c)); the heaviest b of each a are kept.

    pairs(a, b) is the sum over times b came d items after a, d up to the window, of decay^(d-1). The square root lies
    between counts, where frequent items of the history drown the others, and shares, where an item that was met
    once speaks as loudly as one that was met a thousand times.
    """
    size = len(log.items)
    source, target, weight = next_pairs(launch, log)
    totals = np.sqrt(np.bincount(source, weight, minlength=size))
    return NextItems(*_heaviest(source, target, weight / totals[source], size), READ, READ_DECAY)


def next_pairs(launch: ServingView, log: RuleLog) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts the distinct pairs of co-visitation, by source, then target: items [p] int64 twice, counts [p] float64."""
    window, decay, size = launch.rules.covisitation_window, launch.rules.covisitation_decay, len(log.items)
    order = order_by_user_and_time(log.user, log.time, launch.seed, log.item, log.tie)
    user, item = log.user[order], log.item[order]
    pairs, weights = [np.zeros(0, np.int64)], [np.zeros(0)]
    for distance in range(1, window + 1):
        same_user = (user[distance:] == user[:-distance]) & (item[distance:] != item[:-distance])
        pairs.append((item[:-distance][same_user].astype(np.int64) * size) + item[distance:][same_user])
        weights.append(np.full(same_user.sum(), decay ** (distance - 1)))
    distinct, place = np.unique(np.concatenate(pairs), return_inverse=True)
    return (
        distinct // size,
        distinct % size,
        np.bincount(place.ravel(), np.concatenate(weights), minlength=len(distinct)),
    )


def _recent(launch: ServingView, log: RuleLog) -> np.ndarray:
    """[e] bool, the events of the declared last days."""
    return log.time >= log.time.max(initial=0) - launch.rules.recent_days * DAY


def _taken(log: RuleLog, chosen: np.ndarray) -> np.ndarray:
    return np.bincount(log.item[chosen], minlength=len(log.items)).astype(np.float32)


def _heaviest(source: np.ndarray, target: np.ndarray, weight: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs [p] to the `NEIGHBOURS` heaviest targets of each source: [N, M] int32 and float32."""
    order = np.lexsort((target, -weight, source))
    source, target, weight = source[order], target[order], weight[order]
    rank = np.arange(len(source)) - np.searchsorted(source, source)
    kept = rank < NEIGHBOURS
    width = int(rank[kept].max(initial=0)) + 1
    neighbours, weights = np.zeros((size, width), np.int32), np.zeros((size, width), np.float32)
    neighbours[source[kept], rank[kept]] = target[kept]
    weights[source[kept], rank[kept]] = weight[kept]
    return neighbours, weights
