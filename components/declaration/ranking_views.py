"""What the steps that judge the ranking head read of a declaration; see `components.declaration.views`."""

import dataclasses

from components.declaration.views import AnswerSize, EventsView, Label, QueriesView, View


@dataclasses.dataclass(frozen=True)
class RankingCriteria(View):
    """What the standard Evaluator measures the ranking head by."""

    ranking_slices: tuple[str, ...]
    request_ndcg: bool


@dataclasses.dataclass(frozen=True)
class RankingView(QueriesView):
    """RankingExamples."""

    objectives: tuple[Label, ...]
    model: AnswerSize
    promotion: RankingCriteria


@dataclasses.dataclass(frozen=True)
class HeadCriteria(View):
    """What the standard Evaluator measures and blesses the ranking head by."""

    ranking_slices: tuple[str, ...]
    request_ndcg: bool
    min_auc: float


@dataclasses.dataclass(frozen=True)
class EvaluatorView(EventsView):
    """Evaluator: what its configuration is made from."""

    objectives: tuple[Label, ...]
    promotion: HeadCriteria
