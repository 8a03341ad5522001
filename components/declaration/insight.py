"""The declaration of the insight: what a run measures about the log's time and its users, beyond today's verdict."""

import dataclasses

from components.declaration.checks import check_at_least
from components.errors import DeclarationError

LEAST_MOMENTS, MOST_MOMENTS, LEAST_QUERIES = 3, 10, 100


@dataclasses.dataclass(frozen=True)
class Insight:
    """Adds the step Triangle: when the model overtakes the rules, what more data would bring, and what age costs.

    The step trains the model again on parts of the log (docs/evaluation.md says what that costs).

    Attributes:
      moments: how many moments of the log's time rules and model are trained at, the run's own split included.
      users: whether the model is also trained on random parts of the users, which predicts the gain of twice as many.
      max_queries: of each comparison at most; beyond, a seeded sample of users, each with all of their queries.
    """

    moments: int = 5
    users: bool = True
    max_queries: int = 2000


def check_insight(insight: Insight) -> None:
    """Raises `DeclarationError` for the first field of `launch.insight` that is wrong."""
    if not LEAST_MOMENTS <= insight.moments <= MOST_MOMENTS:
        needed = f"from {LEAST_MOMENTS} to {MOST_MOMENTS} moments"
        raise DeclarationError("launch.insight.moments", insight.moments, needed)
    check_at_least("launch.insight.max_queries", insight.max_queries, LEAST_QUERIES)
