"""The standard Evaluator's columns besides items and labels: slices and the request."""

from components.declaration.ranking_views import EvaluatorView, RankingView
from components.declaration.verdict_view import VerdictView

SLICE = "slice_"


def by_request(launch: RankingView | EvaluatorView | VerdictView) -> bool:
    """Returns whether the order within each request is evaluated: it needs impressions with request ids."""
    return launch.promotion.request_ndcg and launch.learns_from_impressions and launch.log.request is not None


def slice_columns(launch: RankingView | EvaluatorView | VerdictView) -> dict[str, str]:
    """Returns the columns that slice the figures: kinds of users, or the values of a context column."""
    return {SLICE + name: name for name in launch.promotion.ranking_slices}
