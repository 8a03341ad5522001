"""What the server does with a request, whatever carries it: bytes in, bytes out.

A recommendation (`serving_default`) gets its missing history from the store, is drawn in an order that may explore, and
is logged as impressions. The other signatures are asked and answered.
"""

import dataclasses
import json
import logging
import random
import secrets
import time
from collections.abc import Sequence

from components.declaration import Launch
from components.serving import event_request, exploration, predict_answer, predict_request
from components.serving.event_log import EventLog
from components.serving.history_store import HistoryStore, MemoryHistories
from components.serving.model_holder import Model, ModelHolder
from components.serving.predict_request import DEFAULT_SIGNATURE, HISTORY, ITEMS, USER, Limits, PredictRequest
from components.serving.prometheus_metrics import Metrics
from components.serving.traffic_rows import Shown, TrafficRows

_LOGGER = logging.getLogger("dayone.serving")


@dataclasses.dataclass(frozen=True)
class Drawn:
    """How one recommendation was drawn."""

    request: str
    policy: str
    propensities: list[float]


class Service:
    """Answers predictions and takes events."""

    def __init__(
        self,
        launch: Launch,
        holder: ModelHolder,
        log: EventLog | None,
        metrics: Metrics,
        limits: Limits,
        explore: float = 0.0,
        histories: HistoryStore | None = None,
    ):
        """Takes what it works with.

        Args:
          launch: the declaration: columns of the log, which events are positive, how long histories are.
          holder: of the model that serves.
          log: where impressions and actions go; None for nowhere.
          metrics: what is counted.
          limits: of a request.
          explore: the share of requests that explore, in [0, 1].
          histories: of the users whose callers send none; None for a store in memory.
        """
        self.launch, self.holder, self.log, self.metrics, self.limits = launch, holder, log, metrics, limits
        self.histories = histories if histories is not None else MemoryHistories()
        self._rows, self._explore = TrafficRows(launch), explore
        self._rng = random.Random()

    def predict(self, body: bytes, version: int | None = None) -> bytes:
        """Answers a predict request.

        Raises:
          RequestError: for what is wrong with it.
        """
        with self.holder.using(version) as model:
            request = predict_request.parse(body, model.inputs, self.limits)
            self._fill_histories(request)
            outputs = model(request.signature, predict_request.arrays(request.rows, model.inputs[request.signature]))
            answers = predict_answer.rows(request, outputs)
            more: dict[str, object] = {"model_version": str(model.number)}
            policy = ""
            if request.signature == DEFAULT_SIGNATURE:
                drawn = [self._draw(answer, model, request.k) for answer in answers]
                self._note(request, answers, drawn, model)
                more |= {"request_ids": [each.request for each in drawn], "policies": [each.policy for each in drawn]}
                policy = str(model.card.get("kind", "model"))
            self.metrics.rows.labels(request.signature, policy).inc(len(answers))
            return predict_answer.encode(request, answers, more)

    def _fill_histories(self, request: PredictRequest) -> None:
        """From the store, for the rows that bring none; without them the rules answer, so a store that fails costs no answer."""
        lacking = [row for row in request.rows if HISTORY in row and row[HISTORY] is None]
        if not lacking:
            return
        for row, history in zip(lacking, self.told([row[USER] for row in lacking]), strict=True):
            row[HISTORY] = history

    def told(self, users: Sequence[bytes]) -> list[list[bytes]]:
        """The histories of users, from the store; empty ones where it fails."""
        try:
            return self.histories.get(users)
        except Exception:
            _LOGGER.exception("the store of histories does not answer")
            self.metrics.history_failures.inc(len(users))
            return [[] for _ in users]

    def _draw(self, answer: predict_answer.Answer, model: Model, k: int | None) -> Drawn:
        """Orders an answer, cuts it to the k that are shown, and says how probable that was."""
        explores, order = exploration.drawn(len(answer[ITEMS]), self._explore, self._rng)
        chances = exploration.propensities(order, self._explore)
        answer.update({name: exploration.reordered(values, order) for name, values in answer.items()})
        predict_answer.cut([answer], k)
        policy = exploration.EXPLORE if explores else str(model.card.get("kind", "model"))
        return Drawn(secrets.token_hex(8), policy, chances[: len(answer[ITEMS])])

    def _note(
        self, request: PredictRequest, answers: Sequence[predict_answer.Answer], drawn: Sequence[Drawn], model: Model
    ) -> None:
        """Logs what is shown."""
        if self.log is None or not request.log:
            return
        now = time.time_ns() // 1_000
        for row, answer, how in zip(request.rows, answers, drawn, strict=True):
            user = row[USER].decode("utf-8")
            shown = Shown(user, how.request, answer[ITEMS], how.propensities, how.policy, str(model.number), row, now)
            # A user without an id cannot be told from others: the log has no place for such a row.
            self.log.add(self._rows.impressions(shown) if user else [])

    def events(self, body: bytes) -> bytes:
        """Takes actions: into the histories, and into the log.

        Raises:
          RequestError: for what is wrong with them; then none of them counts.
        """
        actions = event_request.parse(body, self.launch, self.limits)
        now = time.time_ns() // 1_000
        self._remember([action for action in actions if action.positive])
        if self.log is not None:
            self.log.add([self._rows.action(each.user, each.item, each.event, now, each.given) for each in actions])
        return json.dumps({"accepted": len(actions)}).encode()

    def _remember(self, actions: Sequence[event_request.Action]) -> None:
        """Into the histories; the log has the actions in any case."""
        try:
            for action in actions:
                self.histories.add(action.user.encode(), action.item.encode())
        except Exception:
            _LOGGER.exception("the store of histories takes nothing")
            self.metrics.history_failures.inc(len(actions))

    def status(self) -> bytes:
        """TF Serving's model status."""
        return json.dumps({"model_version_status": self.holder.status()}).encode()

    def metadata(self, version: int | None = None) -> bytes:
        """TF Serving's metadata of the signatures, and the version's card."""
        with self.holder.using(version) as model:
            spec = {"name": self.launch.name, "signature_name": "", "version": str(model.number)}
            described = {name: _signature(model, name) for name in sorted(model.inputs)}
            return json.dumps(
                {"model_spec": spec, "metadata": {"signature_def": {"signature_def": described}, "card": model.card}}
            ).encode()

    def count_logged(self) -> None:
        """Brings the log's figures into the metrics."""
        self.metrics.version.set(self.holder.number)
        if self.log is not None:
            self.metrics.logged.set(self.log.written)
            self.metrics.dropped.set(self.log.dropped)


def _signature(model: Model, name: str) -> dict[str, object]:
    sides = {"inputs": model.inputs[name], "outputs": model.outputs[name]}
    described = {side: {each.name: _tensor(each) for each in tensors} for side, tensors in sides.items()}
    return described | {"method_name": "tensorflow/serving/predict"}


def _tensor(each: predict_request.Input) -> dict[str, object]:
    dims = [{"size": "-1", "name": ""}] * each.rank
    dtype = "DT_" + {"float32": "FLOAT", "float64": "DOUBLE"}.get(each.dtype, each.dtype.upper())
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": False}}
