"""Whether a model that was trained once more, on all events, may stand in for the one that the verdict was about.

It has learnt from the events that would test it, so no figure of its own says whether it is any good. What can be seen
is whether something went wrong: it must answer its warm-up requests, and recommend much the same as the judged model.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from components.declaration.views import QueriesView
from components.evaluation import contender
from components.evaluation.contender import Contender
from components.features.event_table import EventTable
from components.metrics import queries
from components.metrics.queries import Queries
from components.registry import warmup

MOST_QUERIES = 1000
LEAST_AGREEMENT = 0.5


class Check(NamedTuple):
    """What the check found.

    Attributes:
      agreement: share of the queries for which the first item of the judged model is among the first ten of the other;
        NaN where it was not asked.
      problem: why the other one may not be pushed; "" if it may.
    """

    agreement: float
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for the model's card."""
        agreement = {} if np.isnan(self.agreement) else {"agreement": round(self.agreement, 4)}
        return agreement | {"problem": self.problem}


def check(launch: QueriesView, events: EventTable, judged: str, refitted: str) -> Check:
    """Compares two saved recommenders on the queries of the eval split.

    Args:
      launch: the declaration.
      events: the events of both splits; a sample of `MOST_QUERIES` of the eval split is evaluated.
      judged: the folder of the model that won.
      refitted: the folder of the one that was trained once more.
    """
    try:
        other = contender.load(refitted)
        warmup.replay(refitted, other.model)
        sample = queries.rolling(launch, events, events.late, MOST_QUERIES)
        other.check_ranking(sample)
        agreement = measure_agreement(contender.load(judged), other, sample)
    except ValueError as error:
        return Check(float("nan"), str(error))
    if not agreement >= LEAST_AGREEMENT:
        return Check(
            agreement,
            f"for {agreement:.0%} of {len(sample):,} queries it has the first item of the judged model among its first "
            f"{queries.RECOMMENDED}, at least {LEAST_AGREEMENT:.0%} are needed",
        )
    return Check(agreement)


def measure_agreement(judged: Contender, other: Contender, asked: Queries) -> float:
    """Returns the share of the queries for which the first item of one is among the first ten of the other; NaN without queries.

    Raises:
      ValueError: if one of them does not answer with numbers.
    """
    first = queries.ask(judged.score, judged.candidates, asked, recommended=1).recommended[:, 0]
    same_queries = dataclasses.replace(asked, target=judged.candidates[first])
    ranks = queries.ask(other.score, other.candidates, same_queries).ranks
    return float(np.mean(ranks <= queries.RECOMMENDED)) if len(ranks) else float("nan")
