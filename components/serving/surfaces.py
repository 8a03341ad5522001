"""The surfaces other than "for you": items like these, and the lists of rules.

What is shown is logged as impressions of the policy that answered: `similar:model`, `similar:covisitation`,
`list:newest`. Nothing of it explores. While an experiment runs, a user gets both from the version of their arm.
"""

import json
import secrets

from components.serving import page_request, predict_answer, predict_request, surface_request
from components.serving.arms import Answered
from components.serving.model_holder import Model
from components.serving.predict_request import ITEMS, PredictRequest
from components.serving.service import Drawn, Service
from components.serving.surface_request import ANSWERED_BY, LIST, RULE, SIMILAR


class Surfaces:
    """Answers `POST /v1/similar` and `POST /v1/lists/RULE`."""

    def __init__(self, service: Service):
        """Takes what holds the versions, the log and the metrics."""
        self._service = service

    def similar(self, body: bytes) -> bytes:
        """Returns items like some others.

        Raises:
          RequestError: for what is wrong with the request.
        """
        return self._answer(body, SIMILAR)

    def list(self, body: bytes, rule: str) -> bytes:
        """Returns the items in the order of a rule; raises as `similar`."""
        return self._answer(body, LIST, rule)

    def _answer(self, body: bytes, signature: str, rule: str = "") -> bytes:
        service = self._service
        with service.front.using() as model:
            request = surface_request.parse(body, signature, model, service.launch, service.limits, rule)
            service.fill_user_columns(request, model)
            service.leave_out_withheld(request)
            arms = service.arms
            answered = arms.answer(request, self._ask, service.metrics.count_arm) if arms else self._ask(request, model)
        more = answered.more
        identity = {"model_version": more["model_version"], "request_id": more["request_ids"][0]}
        return json.dumps(answered.answers[0] | identity | {"policy": more["policies"][0]}, allow_nan=False).encode()

    def _ask(self, request: PredictRequest, model: Model) -> Answered:
        """Asks a model about the one row, and logs what is shown."""
        service, (row,) = self._service, request.rows
        page_request.check_signature(request.signature, model)
        outputs = model(request.signature, predict_request.arrays(request.rows, model.inputs[request.signature]))
        is_similar = request.signature == SIMILAR
        name: bytes = outputs.pop(ANSWERED_BY)[0] if is_similar else row[RULE]
        policy = f"{'similar' if is_similar else 'list'}:{name.decode()}"
        (answer,) = predict_answer.rows(request, outputs)
        drawn = Drawn(secrets.token_hex(8), policy, [1.0] * len(answer[ITEMS]))
        service.note_shown(request, [answer], [drawn], model)
        service.metrics.rows.labels(request.signature, policy).inc()
        more = {"model_version": str(model.number), "request_ids": [drawn.request], "policies": [policy]}
        return Answered([answer], more)
