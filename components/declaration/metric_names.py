"""The retrieval metrics and slices that a declaration can name: built-in ones, and a team's own by dotted path.

Tables, criteria and guards name an own one by the last part of its path.
"""

import re

from components.declaration.rule_names import short_name

METRICS = ("recall@10", "recall@20", "recall@50", "ndcg@10", "mrr")
MOST_PLACES = 1000
_WITH_PLACES = re.compile(r"(recall|ndcg)@([1-9]\d{0,3})")


def is_built_in(metric: str) -> bool:
    """Returns whether a name is "mrr", or "recall@k" or "ndcg@k" with k from 1 to `MOST_PLACES`."""
    match = _WITH_PLACES.fullmatch(metric)
    return metric == "mrr" or (match is not None and int(match[2]) <= MOST_PLACES)


class Metrics:
    """What holds `metric` and `metrics`: the promotion criteria, or a view of them."""

    metric: str
    metrics: tuple[str, ...]

    @property
    def metric_paths(self) -> dict[str, str]:
        """Name to dotted path (or the name again, of a built-in one) of each metric that is measured, in order."""
        names = dict.fromkeys((*METRICS, *self.metrics))
        return {short_name(name): name for name in names}


def find_unlisted(metrics: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the built-in metrics among `names` that are measured only if they are listed, and are not yet."""
    missing = (name for name in names if is_built_in(name) and name not in (*METRICS, *metrics))
    return tuple(dict.fromkeys(missing))
