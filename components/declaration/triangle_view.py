"""What the step Triangle reads of a declaration; see `components.declaration.views`."""

import dataclasses

from components.declaration.insight import Insight
from components.declaration.learning import CustomModel, Model
from components.declaration.views import MetricName, ServingView


@dataclasses.dataclass(frozen=True)
class TriangleView(ServingView):
    """Triangle, which only launches with an insight have: what rules and model are trained and compared by."""

    model: Model | CustomModel
    promotion: MetricName
    insight: Insight | None
