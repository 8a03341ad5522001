"""Handles requests independently of the transport: bytes in, bytes out.

A recommendation (`serving_default`) gets its missing history from the store, is drawn in an order that may explore, and
is logged as impressions. The other signatures are not logged.
"""

import dataclasses
import json
import logging
import random
import secrets
import time
from collections.abc import Sequence
from typing import Any

from components.declaration import Launch
from components.declaration.request_names import input_name
from components.registry.withheld import WithheldItems
from components.serving import (
    event_request,
    exploration,
    page_request,
    predict_answer,
    predict_request,
    slot_exploration,
)
from components.serving.arms import Answered, Arms
from components.serving.event_log import EventLog
from components.serving.history_store import HistoryStore, MemoryHistories, idle_seconds
from components.serving.model_holder import Model, ModelHolder
from components.serving.predict_request import (
    AGES,
    DEFAULT_SIGNATURE,
    EXCLUDED,
    HISTORY,
    ITEMS,
    PAGE,
    UNKNOWN_AGE,
    USER,
    Limits,
    PredictRequest,
)
from components.serving.prometheus_metrics import Metrics
from components.serving.shown_answers import KEPT_BYTES, Shown
from components.serving.signature_form import describe_signature
from components.serving.traffic_rows import TrafficRows
from components.serving.user_columns import UserColumns, UserStore

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
        remembered_bytes: int = KEPT_BYTES,
        arms: Arms | None = None,
        explore_slot: float = 0.0,
        policy: exploration.Policy | None = None,
        users: UserStore | None = None,
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
          remembered_bytes: how much memory the answers take that actions are joined with.
          arms: which version answers whom while an experiment runs; None where none is declared.
          explore_slot: the share of requests in which one slot shows an item from below the top k, in [0, 1].
          policy: a custom exploration policy instead; None for none.
          users: the store of the users' columns; None where no table is declared.
        """
        self.arms, self.explore_slot, self._policy = arms, explore_slot, policy
        self.launch, self.holder, self.log, self.metrics, self.limits = launch, holder, log, metrics, limits
        self.histories = histories if histories is not None else MemoryHistories()
        self._rows, self._explore = TrafficRows(launch, remembered_bytes), explore
        self._stores = {"history": self.histories} | ({"users": users} if users is not None else {})
        self._users = UserColumns(launch, users, self.metrics.user_failures.inc) if users is not None else None
        self._rng = random.Random()
        self.withheld = WithheldItems(holder.folder)

    @property
    def front(self) -> ModelHolder:
        """What parses requests."""
        return self.holder if self.arms is None or self.holder.ready else self.arms.front

    def predict(self, body: bytes, version: int | None = None) -> bytes:
        """Answers a predict request.

        Raises:
          RequestError: for what is wrong with it.
        """
        with self.front.using(version) as model:
            request = predict_request.parse(body, model.inputs, self.limits)
            self._fill_histories(request)
            self.fill_user_columns(request, model)
            self.leave_out_withheld(request)
            if self.arms is None or version is not None or request.signature != DEFAULT_SIGNATURE:
                answered = self._answer(request, model)
            else:
                answered = self.arms.answer(request, self._answer, self.metrics.count_arm)
            return predict_answer.encode(request, answered.answers, answered.more)

    def _answer(self, request: PredictRequest, model: Model) -> Answered:
        """Asks a model, draws and logs what is shown."""
        request = self.add_page(request, model)
        signature = predict_request.choose_signature(request, model.inputs)
        outputs = model(signature, predict_request.arrays(request.rows, model.inputs[signature]))
        answers = predict_answer.rows(request, outputs)
        more: dict[str, Any] = {"model_version": str(model.number)}
        if request.signature == DEFAULT_SIGNATURE:
            rows = zip(answers, request.rows, strict=True)
            drawn = [self._draw(answer, model.answers_as(row[HISTORY]), request.page.n) for answer, row in rows]
            self.note_shown(request, answers, drawn, model)
            more |= {
                "request_ids": [answer.request for answer in drawn],
                "policies": [answer.policy for answer in drawn],
            }
            for answer in drawn:
                self.metrics.rows.labels(request.signature, answer.policy).inc()
        else:
            self.metrics.rows.labels(request.signature, "").inc(len(answers))
        return Answered(answers, more)

    def fill_user_columns(self, request: PredictRequest, model: Model) -> None:
        """Fills the users' columns that the caller does not send, from their store."""
        if self._users is not None:
            self._users.fill(request, {tensor.name: tensor.dtype for tensor in model.inputs[request.signature]})

    def add_page(self, request: PredictRequest, model: Model) -> PredictRequest:
        """Returns a recommendation with the inputs of its page, where the model's default answer does not hold that."""
        if request.signature != DEFAULT_SIGNATURE or request.page.fits(self.launch.model.top_k):
            return request
        page = page_request.to_inputs(request.page, PAGE, model, self.launch)
        return dataclasses.replace(request, rows=[row | page for row in request.rows])

    def leave_out_withheld(self, request: PredictRequest) -> None:
        """Adds the withheld items to what a request excludes, whatever the signature, so that the answer is still full."""
        ids = self.withheld.current()
        for row in request.rows if ids else ():
            if EXCLUDED in row:
                row[EXCLUDED] = [*row[EXCLUDED], *ids]

    def _fill_histories(self, request: PredictRequest) -> None:
        """From the store, for the rows that bring none; without them the rules answer, so a store that fails costs no answer."""
        lacking = [row for row in request.rows if HISTORY in row and row[HISTORY] is None]
        if not lacking:
            return
        users = [row[USER] for row in lacking]
        idle = idle_seconds(self.histories, users)
        for row, history, seconds in zip(lacking, self.read_histories(users), idle, strict=True):
            row[HISTORY] = history
            if seconds >= 0 and not row.get(AGES):
                row[AGES] = [UNKNOWN_AGE] * (len(history) - 1) + [seconds]

    def read_histories(self, users: Sequence[bytes]) -> list[list[bytes]]:
        """Returns the histories of users, from the store; empty ones where it fails."""
        try:
            return self.histories.get(users)
        except Exception:
            _LOGGER.exception("the store of histories does not answer")
            self.metrics.history_failures.inc(len(users))
            return [[] for _ in users]

    def _draw(self, answer: predict_answer.Answer, policy: str, n: int | None) -> Drawn:
        """Orders an answer of a policy, cuts it to the n that are shown, and says how probable that was."""
        explores, order, chances = self._choose_order(answer, n)
        answer.update({name: exploration.reorder(values, order) for name, values in answer.items()})
        predict_answer.cut([answer], n)
        shown_by = exploration.EXPLORE if explores else policy
        return Drawn(secrets.token_hex(8), shown_by, chances[: len(answer[ITEMS])])

    def _choose_order(self, answer: predict_answer.Answer, n: int | None) -> tuple[bool, list[int], list[float]]:
        """Returns whether a request explores, the ranks in the order of the slots, and their propensities."""
        count = len(answer[ITEMS])
        slots = min(count, n or count)
        if self._policy and slots:
            try:
                return exploration.ask_policy(self._policy, answer["scores"], slots, self._rng)
            except Exception:
                _LOGGER.exception("the exploration policy fails: the answer is shown as ranked")
                self.metrics.policy_failures.inc()
                return False, list(range(slots)), [1.0] * slots
        if self.explore_slot:
            explores, order = slot_exploration.draw_slot(count, slots, self.explore_slot, self._rng)
            return explores, order, slot_exploration.slot_propensities(order, count, self.explore_slot)
        explores, order = exploration.draw(count, self._explore, self._rng)
        return explores, order, exploration.propensities(order, self._explore)

    def note_shown(
        self, request: PredictRequest, answers: Sequence[predict_answer.Answer], drawn: Sequence[Drawn], model: Model
    ) -> None:
        """Logs what is shown."""
        if self.log is None or not request.log:
            return
        now = time.time_ns() // 1_000
        for row, answer, how in zip(request.rows, answers, drawn, strict=True):
            user = row[USER].decode("utf-8")
            context = {
                name: row.get(input_name(name)) for name in self.launch.log.context
            }  # not the row: its lists would stay in memory
            drew = (answer[ITEMS], how.propensities, how.policy, str(model.number))
            shown = Shown(user, how.request, *drew, context, now, request.page.offset)
            # A user without an id cannot be told from others: the log has no column for such a row.
            self.log.add(self._rows.impressions(shown) if user else [])

    def events(self, body: bytes) -> bytes:
        """Takes actions: into the histories, and into the log.

        Raises:
          RequestError: for what is wrong with them; then none of them counts.
        """
        actions = event_request.parse(body, self.launch, self.limits, self.holder.input_dtypes())
        now = time.time_ns() // 1_000
        self._remember([action for action in actions if action.positive])
        if self.log is not None:
            self.log.add(
                [self._rows.action(action.user, action.item, action.event, now, action.fields) for action in actions]
            )
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
            described = {name: describe_signature(model, name) for name in sorted(model.inputs)}
            metadata = {"signature_def": {"signature_def": described}, "card": model.card}
            metadata |= {"choices": page_request.describe_choices(model, self.launch)}
            return json.dumps({"model_spec": spec, "metadata": metadata}).encode()

    def count_logged(self) -> None:
        """Brings the log's figures into the metrics."""
        self.metrics.version.set(self.holder.number)
        self.metrics.withheld.set(len(self.withheld.current()))
        for name, problem in self._store_problems().items():
            self.metrics.store_down.labels(name).set(bool(problem))
        if self.log is not None:
            self.metrics.logged.set(self.log.written)
            self.metrics.dropped.set(self.log.dropped)
            self.metrics.log_failing.set(bool(self.log.problem))

    def readiness(self) -> tuple[bool, dict[str, object]]:
        """Returns whether a version is loaded, with details; a failing log or store is named, but costs no answer."""
        version = self.holder.number
        state: dict[str, object] = {"status": "ready" if version else "no version is loaded yet", "version": version}
        if self.log is not None and self.log.problem:
            state["log"] = f"failing: {self.log.problem}"
        state |= {name: f"failing: {problem}" for name, problem in self._store_problems().items() if problem}
        return bool(version), state

    def _store_problems(self) -> dict[str, str]:
        """Returns why each store is not asked now, "" where it is; only a guarded store can tell."""
        return {name: getattr(store, "problem", "") for name, store in self._stores.items()}
