"""The columns beside items and labels that the standard Evaluator gets: what it slices by, and the request."""

from components.declaration.ranking_views import EvaluatorView, RankingView
from components.declaration.verdict_view import VerdictView

SLICE = "slice_"


def by_request(launch: RankingView | EvaluatorView | VerdictView) -> bool:
    """Whether the order within each request is judged: it is declared, and the log has impressions with request ids."""
    return launch.promotion.request_ndcg and launch.learns_from_impressions and launch.log.request is not None


def slice_columns(launch: RankingView | EvaluatorView | VerdictView) -> dict[str, str]:
    """The columns that the figures are sliced by, and what of: kinds of users, or the values of a context column."""
    return {SLICE + name: name for name in launch.promotion.ranking_slices}
