"""The content of the demo page: a user's history, three answers, and the change by the last click.

The answers: the rules' without a history, the baseline's for this history (the rule that the verdict compared the model
with), and the champion's.

The page keeps nothing: clicks stand in its address, `?user=u1&clicked=i7&clicked=i9`. So do the filter
(`filter_category=shoes`) and the item whose like are shown (`like=i7`). Nothing of it reaches the
histories, the log or the metrics of answers, so that nobody trains on what was tried out here.

Of a launch that starts empty the page is a first product instead: what it shows is an impression, and a click on it an
event, as `/v1/events` takes it.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from components.declaration.request_names import FILTER, input_name
from components.errors import DayoneError
from components.serving import demo_page, page_request, predict_answer, predict_request
from components.serving.demo_users import NOBODY, DemoUsers
from components.serving.model_holder import Model
from components.serving.page_request import MOST_VALUES
from components.serving.predict_request import DEFAULT_SIGNATURE, EXCLUDED, HISTORY, ITEMS, USER
from components.serving.request_errors import RequestError
from components.serving.service import Service
from components.serving.surfaces import Surfaces

RANK = "rank"
SHOWN_HISTORY, SHOWN_SIMILAR = 12, 6
FIRST_USER = "visitor-1"
Answer = predict_answer.Answer


@dataclasses.dataclass(frozen=True)
class Visit:
    """The parameters in the address: the user, their clicks on this page, context column to text, filters, and the item whose like are shown."""

    user: str
    clicked: tuple[str, ...]
    context: Mapping[str, str]
    filters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    like: str = ""

    def link(self, item: str) -> str:
        """Returns the address after a click on an item."""
        return self._address((*self.clicked, item))

    def link_similar(self, item: str) -> str:
        """Returns the address that also shows the items like one."""
        return self._address(self.clicked, item)

    @property
    def fresh(self) -> str:
        """The address without the clicks."""
        return self._address(())

    @property
    def chosen(self) -> dict[str, str]:
        """The filters with a value, by column."""
        return {column: value for column, value in self.filters.items() if value}

    def _address(self, clicked: Sequence[str], like: str = "") -> str:
        context = [(name, value) for name, value in self.context.items() if value]
        filters = [(FILTER + column, value) for column, value in self.chosen.items()]
        shown = [("like", like)] if like else []
        return "?" + urlencode(
            [("user", self.user), *context, *filters, *(("clicked", item) for item in clicked), *shown]
        )


class Demo:
    """Makes the page."""

    def __init__(
        self,
        service: Service,
        users: Callable[[], DemoUsers] = lambda: NOBODY,
        records: bool = False,
        baseline: Callable[[], Model | None] = lambda: None,
    ):
        """Stores the parts of the page.

        Args:
          service: what answers.
          users: called for each page; raises `DayoneError` if nobody knows.
          records: whether what is shown and clicked are events.
          baseline: returns the rules of the last run; None if there are none.
        """
        self._service, self._users, self._records, self._baseline = service, users, records, baseline
        self._surfaces = Surfaces(service)

    def page(self, parameters: Sequence[tuple[str, str]]) -> tuple[int, bytes]:
        """Returns the HTTP status and the page for an address's parameters."""
        values = dict(parameters)
        columns = self._service.launch.log.context
        users, note = self._choice()
        user = values.get("user") or next(iter(users.histories), FIRST_USER if self._records else "")
        clicked = tuple(value for name, value in parameters if name == "clicked")
        context = {name: values.get(name, "") for name in columns}
        visit = Visit(user, clicked, context, self._read_filters(values), values.get("like", ""))
        view = {"launch": self._service.launch.name, "visit": visit, "users": users, "note": note}
        view |= {"actions": self._service.launch.positive_events if self._records else ()}
        try:
            with self._service.holder.using() as model:
                logs = self._records
                view |= {"choices": self._choices(model)}
                answer = self._answer_logged(model, visit) if logs else self._answer_visit(model, visit, users)
                return 200, demo_page.render(view | answer | self._similar(model, visit))
        except RequestError as error:
            return error.status, demo_page.render(view | {"problem": str(error)})

    def act(self, form: Sequence[tuple[str, str]]) -> str:
        """Logs what was done with an item that the page showed; returns the address of the page after it.

        Raises:
          RequestError: for a form that is not the page's, or where nothing is logged.
        """
        if not self._records:
            raise RequestError("nothing of this page is logged.")
        values = dict(form)
        names = {"user_id": USER, "item_id": "item", "event": "event", "request_id": "request"}
        event = {name: values.get(field, "") for name, field in names.items()}
        event |= {name: values[name] for name in self._service.launch.log.context if values.get(name)}
        self._service.events(json.dumps({"events": [event]}).encode())
        context = {name: values.get(name, "") for name in self._service.launch.log.context}
        return Visit(values[USER], (), context, self._read_filters(values)).fresh

    def _read_filters(self, values: Mapping[str, str]) -> dict[str, str]:
        """Returns the catalogue's categories and what the address chooses of each; "" for anything."""
        catalogue = self._service.launch.catalogue
        return {column: values.get(FILTER + column, "") for column in (catalogue.categories if catalogue else ())}

    def _choices(self, model: Model) -> dict[str, list[str]]:
        """Returns the values of each category that the page offers; none of a category with too many."""
        described = page_request.describe_choices(model, self._service.launch)["filters"]
        columns = self._read_filters({})
        return {
            column: values for column, values in described.items() if column in columns and len(values) < MOST_VALUES
        }

    def _similar(self, model: Model, visit: Visit) -> dict[str, object]:
        """Returns the items like the chosen one, which a page that is logged shows as impressions."""
        if not visit.like:
            return {"similar": []}
        question = {ITEMS: [visit.like], USER: visit.user, "log": self._records}
        question |= {"context": self._context(model, visit), "filters": visit.chosen, "n": SHOWN_SIMILAR}
        answer = json.loads(self._surfaces.similar(json.dumps(question).encode()))
        titles = model.titles()
        return {
            "similar": _list_items(answer, titles, set()),
            "liked": _item(visit.like, titles),
            "answered_by": answer["policy"].partition(":")[2],
            "similar_request": answer["request_id"],
        }

    def _answer_logged(self, model: Model, visit: Visit) -> dict[str, object]:
        """Returns what is recommended, answered and logged as for any caller."""
        question = {"instances": [{USER: visit.user} | self._context(model, visit)], "filters": visit.chosen}
        answer = json.loads(self._service.predict(json.dumps(question).encode()))
        titles = model.titles()
        history = [_item(item, titles) for item in self._known(visit.user, NOBODY)][::-1]
        return {
            "version": model.number,
            "kind": model.card.get("kind", "model"),
            "card": model.card,
            "history": history[:SHOWN_HISTORY],
            "more": max(len(history) - SHOWN_HISTORY, 0),
            "now": _list_items(answer["predictions"][0], titles, set()),
            "request": answer["request_ids"][0],
            "objectives": {},
        }

    def _choice(self) -> tuple[DemoUsers, str]:
        try:
            return self._users(), ""
        except DayoneError as error:
            return NOBODY, str(error)

    def _answer_visit(self, model: Model, visit: Visit, users: DemoUsers) -> dict[str, object]:
        """Makes three queries in one request: without a history, with it, and with it before the last click."""
        history_items = self._known(visit.user, users)
        history, before = [*history_items, *visit.clicked], [*history_items, *visit.clicked[:-1]]
        rows = ({HISTORY: [], EXCLUDED: history}, {HISTORY: history, EXCLUDED: []}, {HISTORY: before, EXCLUDED: []})
        queries = [{USER: visit.user} | row | self._context(model, visit) for row in rows]
        rules, now, then = self._ask(model, {"instances": queries, "filters": visit.chosen})
        baseline = self._ask_baseline(model, visit, history)
        others = {*rules[ITEMS], *baseline[ITEMS]}
        titles = model.titles()
        acted = _list_acted(history, len(history_items), titles)
        return {
            "version": model.number,
            "kind": model.card.get("kind", "model"),
            "card": model.card,
            "history": acted[::-1][:SHOWN_HISTORY],
            "more": max(len(acted) - SHOWN_HISTORY, 0),
            "rules": _list_items(rules, titles, set(now[ITEMS])),
            "baseline": _list_items(baseline, titles, set(now[ITEMS])),
            "baseline_rule": baseline["rule"],
            "now": _add_moves(_list_items(now, titles, others), then[ITEMS] if visit.clicked else None),
            "objectives": self._objectives(model, visit, history, now[ITEMS]),
        }

    def _ask_baseline(self, model: Model, visit: Visit, history: Sequence[str]) -> Answer:
        """Returns the baseline's answer to a history, with the name of its `rule`; no items where it says nothing new."""
        rules = self._baseline() if history and model.card.get("kind", "model") == "model" else None
        if rules is None or not rules.acquire():
            return {ITEMS: [], "scores": [], "rule": ""}
        try:
            query = {USER: visit.user, HISTORY: list(history), EXCLUDED: []} | self._context(rules, visit)
            (answer,) = self._ask(rules, {"instances": [query], "filters": visit.chosen})
        finally:
            rules.release()
        return {**answer, "rule": rules.card.get("rule", "")}

    def _known(self, user: str, users: DemoUsers) -> list[str]:
        """Returns a user's history from the log, followed by the events this server has received."""
        events = [
            item.decode("utf-8", "replace")
            for item in self._service.read_histories([user.encode("utf-8", "replace")])[0]
        ]
        return [*users.histories.get(user, ()), *events]

    def _context(self, model: Model, visit: Visit) -> dict[str, object]:
        """Returns the request's context, numbers where the model takes numbers; empty values are left out."""
        kinds = {tensor.name: tensor.dtype for tensor in model.inputs[DEFAULT_SIGNATURE]}
        named = {input_name(column): text for column, text in visit.context.items() if text}
        return {name: _value(name, text, kinds[name]) for name, text in named.items() if name in kinds}

    def _ask(self, model: Model, body: Mapping[str, object]) -> list[Answer]:
        request = predict_request.parse(json.dumps(body).encode(), model.inputs, self._service.limits)
        self._service.fill_user_columns(request, model)
        self._service.leave_out_withheld(request)
        request = self._service.add_page(request, model)
        signature = predict_request.choose_signature(request, model.inputs)
        return predict_answer.rows(
            request, model(signature, predict_request.arrays(request.rows, model.inputs[signature]))
        )

    def _objectives(
        self, model: Model, visit: Visit, history: Sequence[str], items: Sequence[str]
    ) -> dict[str, list[float]]:
        """Objective to its score for each item; empty where the version does not rank."""
        if RANK not in model.inputs or not items:
            return {}
        row = {USER: visit.user, HISTORY: list(history), ITEMS: list(items)} | self._context(model, visit)
        (answer,) = self._ask(model, {"signature_name": RANK, "instances": [row]})
        return answer


def _value(name: str, text: str, dtype: str) -> object:
    if dtype == "string":
        return text
    try:
        return int(text) if dtype.startswith("int") else float(text)
    except ValueError as error:
        raise RequestError(f"{name} needs a number, got {text!r}.") from error


def _item(item: str, titles: Mapping[str, str]) -> dict[str, object]:
    return {"id": item, "title": titles.get(item) or item}


def _list_acted(history: Sequence[str], logged: int, titles: Mapping[str, str]) -> list[dict[str, object]]:
    """Returns the items of a history, oldest first; a click and the purchase after it are one row.

    Args:
      history: items of the actions.
      logged: how many of them are not clicks on this page; `here` is true for the others.
      titles: item to title.
    """
    return [
        _item(item, titles) | {"here": index >= logged}
        for index, item in enumerate(history)
        if item != (history[index - 1] if index else None)
    ]


def _list_items(answer: Answer, titles: Mapping[str, str], other: set[str]) -> list[dict[str, object]]:
    """Returns the items of an answer, in order; `both` is true where the other list has them, too."""
    return [
        _item(item, titles) | {"score": score, "both": item in other}
        for item, score in zip(answer[ITEMS], answer["scores"], strict=True)
    ]


def _add_moves(listed: list[dict[str, object]], before: Sequence[str] | None) -> list[dict[str, object]]:
    """Adds how the last click moved each item: ranks up, ranks down (negative), or None for a new one."""
    if before is None:
        return listed
    return [
        row | {"moved": before.index(row["id"]) - place if row["id"] in before else None}
        for place, row in enumerate(listed)
    ]
