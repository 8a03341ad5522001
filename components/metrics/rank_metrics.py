"""Metrics of a recommender from ranks over the full catalogue: one relevant item per query.

    q  queries      k  recommended items per query      n  items of the catalogue

`ranks` [q] float64 start at 1; a tie has the middle of its ranks, a miss is inf (see `ranks.py`). A rank counts as
within k if the middle rank is at most k: of a tie that straddles k, all or none counts.
"""

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from components.declaration.functions import load_function
from components.declaration.metric_names import METRICS
from components.errors import DeclarationError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_FIELD = "launch.promotion.metrics"


def gains(metric: str, ranks: Floats) -> Floats:
    """Returns what each query contributes to a metric; the metric is their mean.

    recall@k: 1 if rank <= k else 0. With one relevant item it is the hit rate.
    ndcg@k:   1 / log2(1 + rank) if rank <= k else 0 (Järvelin & Kekäläinen 2002; the ideal ranking has gain 1).
    mrr:      1 / rank (Voorhees 1999), not cut at any k.

    Args:
      metric: "recall@k", "ndcg@k" or "mrr", k from 1; or the dotted path of a team's function of the ranks.
      ranks: [q] float64.

    Returns:
      [q] float64; in [0, 1] for the built-in ones.

    Raises:
      ValueError: if the metric has another name.
      DeclarationError: if a team's function does not exist, or returns anything but a number of at least 0 per query.
    """
    if "." in metric:
        return _own_gains(metric, ranks)
    if metric == "mrr":
        return 1.0 / ranks
    match = re.fullmatch(r"(recall|ndcg)@([1-9]\d*)", metric)
    if not match:
        raise ValueError(f"metric must be 'recall@k', 'ndcg@k' or 'mrr', got {metric!r}.")
    within = ranks <= int(match[2])
    if match[1] == "recall":
        return within.astype(np.float64)
    return np.where(within, 1.0 / np.log2(1.0 + ranks), 0.0)


def _own_gains(path: str, ranks: Floats) -> Floats:
    values = np.asarray(load_function(_FIELD, path)(ranks.copy()))
    if values.shape != ranks.shape:
        fix = f"It returned shape {values.shape} for {len(ranks)} queries."
        raise DeclarationError(_FIELD, path, "a function that returns a number for each query", fix)
    numbers = values.astype(np.float64)
    if not (np.isfinite(numbers) & (numbers >= 0)).all():
        fix = "It returned others; a miss has the rank inf."
        raise DeclarationError(_FIELD, path, "a function that returns finite numbers of at least 0", fix)
    return numbers


def coverage(recommended: Ints, catalogue_size: int) -> float:
    """Returns the share of the catalogue that is recommended to anyone: distinct recommended items / its size.

    Args:
      recommended: [q, k] int item codes, -1 for an empty slot.
      catalogue_size: how many items may be recommended.
    """
    return len(np.unique(recommended[recommended >= 0])) / max(catalogue_size, 1)


def novelty(recommended: Ints, counts: Ints) -> float:
    """Returns the mean of -log2 p(item), in bits, over the recommended slots: how rare the recommended items are.

    p(item) = (count + 1) / (sum of counts + n), the share of training events, smoothed by Laplace so that a new item
    has one too. The self-information of Zhou et al. (PNAS 2010); the popularity-based item novelty of Vargas & Castells
    (RecSys 2011), without discount by rank. 0 bits would be the only item of the log; one unit more is an item half as
    popular.

    Args:
      recommended: [q, k] int item codes in [0, n), -1 for an empty slot.
      counts: [n] int, training events per item.
    """
    items = recommended[recommended >= 0]
    bits = np.log2(counts.sum() + len(counts)) - np.log2(counts + 1.0)
    return float(bits[items].mean()) if len(items) else 0.0


def popularity_lift(recommended: Ints, taken: Ints, counts: Ints) -> float:
    """Returns how much more popular the recommended items are than the targets: 0 as popular, 1 twice as popular.

    mean count of the recommended slots / mean count of the targets - 1: the lift of group average popularity of
    Abdollahpouri et al.
    (RMSE workshop, RecSys 2019), against what was taken in the asked events instead of the users' profiles, which new
    users lack.

    Args:
      recommended: [q, k] int item codes in [0, n), -1 for an empty slot.
      taken: [q] int item codes, -1 for an item that is not in the catalogue.
      counts: [n] int, training events per item.

    Returns:
      NaN if nothing is recommended, or nothing that was taken is known to training.
    """
    shown, real = counts[recommended[recommended >= 0]], counts[taken[taken >= 0]]
    return float(shown.mean() / real.mean() - 1) if len(shown) and real.sum() else float("nan")


def table(ranks: Floats, paths: Mapping[str, str] | None = None) -> dict[str, float]:
    """Returns the number of queries and every metric that follows from the ranks [q] float64.

    Without queries there is no metric, rather than a NaN or a zero.

    Args:
      ranks: [q] float64.
      paths: name to metric (see `gains`); None for the built-in ones.
    """
    if len(ranks) == 0:
        return {"queries": 0}
    paths = dict(zip(METRICS, METRICS, strict=True)) if paths is None else paths
    return {"queries": len(ranks)} | {name: float(gains(path, ranks).mean()) for name, path in paths.items()}


def of_lists(recommended: Ints, taken: Ints, counts: Ints) -> dict[str, float]:
    """Coverage, novelty and popularity lift of what is recommended; empty without queries.

    Args:
      recommended: [q, k] int columns of the catalogue, -1 for an empty slot.
      taken: [q] int, the column of what was then taken; -1 where it is not in the catalogue.
      counts: [n] int, training events per column.
    """
    if not len(recommended):
        return {}
    lift = popularity_lift(recommended, taken, counts)
    metrics = {"coverage": coverage(recommended, len(counts)), "novelty": novelty(recommended, counts)}
    return metrics | ({} if np.isnan(lift) else {"popularity_lift": lift})
