"""Proposes the roles of a log's columns from its first rows: from names, types, values and their order, each with a reason."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from components.declaration import Log
from components.declaration.data import LABEL_PREFIX, ROW_ID
from components.errors import DayoneError
from pipeline.onboarding import answer_proposal, context_proposal, id_proposal, role_words, time_proposal
from pipeline.onboarding.answer_proposal import Answer
from pipeline.onboarding.column_profile import Column
from pipeline.onboarding.event_proposal import event_column, impression_value, only_impressions
from pipeline.onboarding.log_sample import Sample
from pipeline.onboarding.missing_roles import missing_text

NEEDED = ("user", "item", "time")
GIVEN = (*NEEDED, "event", "value", "request")
_MOST_SHOWN = 12
_MOST_WITHOUT_ID = 0.01


class ProposalError(DayoneError):
    """The sample does not show which column is the user, the item or the time."""


@dataclasses.dataclass
class Roles:
    """Columns by role, as far as known.

    Attributes:
      column: role to column: user, item, time, event, value, request, position, policy, propensity, model_version.
      why: role or context column to the reason, in a few words.
      context: the context columns.
      time_unit, time_format: of the time column.
      impression: the event that says an item was shown.
      answer: the answer of a row-per-impression log; None if the log is none.
      more: further fields of the log's declaration that differ from their default.
      unused: column to why it has no role.
    """

    column: dict[str, str] = dataclasses.field(default_factory=dict)
    why: dict[str, str] = dataclasses.field(default_factory=dict)
    context: tuple[str, ...] = ()
    time_unit: str = "s"
    time_format: str | None = None
    impression: str | None = None
    answer: Answer | None = None
    more: dict[str, Any] = dataclasses.field(default_factory=dict)
    unused: dict[str, str] = dataclasses.field(default_factory=dict)

    def take(self, role: str, column: Column, why: str) -> None:
        """Gives a column its role."""
        self.column[role] = column.name
        described = column.describe_ids() if role in ("user", "item", "request") else column.describe()
        self.why[role] = f"{why}: {described}"

    def declare(self, field: str, value: Any, why: str) -> None:
        """Sets a further field of the log's declaration."""
        self.more[field] = value
        self.why[field] = why

    def log(self, path: str, delimiter: str) -> Log:
        """Returns the log's part of a declaration."""
        named: dict[str, Any] = {**self.column, **self.more}
        shape: dict[str, Any] = {
            "time_unit": self.time_unit,
            "time_format": self.time_format,
            "impression": self.impression,
            "delimiter": delimiter,
        }
        return Log(path=path, **named, **shape, context=self.context)


def propose(sample: Sample, given: Mapping[str, str]) -> Roles:
    """Returns the roles of the columns.

    Args:
      sample: the first rows; of a log with lists of items, one row per element.
      given: columns that a person named, by role (`GIVEN`), and "time_format".

    Raises:
      ProposalError: if user, item or time is not named and not found, or nothing separates what was shown from what was
        taken; it lists the columns.
    """
    roles = Roles()
    for role in GIVEN:
        if role in given:
            roles.take(role, given_column(sample, role, given[role]), "you said so")
    if sample.item:
        roles.take("item", sample.columns[sample.item], "a list of items, one event each")
    _find_ids(roles, sample)
    _find_time(roles, sample, given.get("time_format"))
    missing = [role for role in NEEDED if role not in roles.column]
    if missing:
        assigned = {role: f"{name!r} ({roles.why[role]})" for role, name in roles.column.items()}
        raise ProposalError(missing_text(sample.name, assigned, free(roles, sample), missing))
    _find_id_forms(roles, sample)
    _find_events(roles, sample)
    _find_shown(roles, sample)
    _find_outcome(roles, sample)
    chosen, roles.unused = context_proposal.choose(sample, roles.column, free(roles, sample))
    roles.context = tuple(chosen)
    roles.why |= chosen
    return roles


def given_column(sample: Sample, role: str, name: str) -> Column:
    """Returns the column that a person named.

    Raises:
      ProposalError: if the sample has none of that name.
    """
    if name not in sample.columns:
        raise ProposalError(
            f"--{role} needs a column of {sample.name}, got {name!r}. Its columns: {', '.join(sample.columns)}."
        )
    return sample.columns[name]


def free(roles: Roles, sample: Sample) -> list[Column]:
    """Returns the columns without a role, in the order of the file."""
    assigned = set(roles.column.values()) | set(roles.context) | set(roles.more.get("user_fallbacks", ()))
    return [
        column for name, column in sample.columns.items() if name not in assigned and not name.startswith(LABEL_PREFIX)
    ]


def _find_ids(roles: Roles, sample: Sample) -> None:
    for role in ("user", "item"):
        if role not in roles.column and (match := id_proposal.best(free(roles, sample), role)):
            roles.take(role, *match)
    for role, other in (("user", "item"), ("item", "user")):
        if role not in roles.column and other in roles.column:
            only = id_proposal.only_other(free(roles, sample), sample.rows)
            if only:
                roles.take(role, only, "the only other column that looks like ids")


def _find_id_forms(roles: Roles, sample: Sample) -> None:
    """Finds the fallbacks of an empty user column, and the values that stand for no id."""
    user = sample.columns[roles.column["user"]]
    other = id_proposal.fallback_of(user, free(roles, sample))
    if other:
        roles.declare(
            "user_fallbacks",
            (other.name,),
            f"{user.ids.null_count:,} of {sample.rows:,} rows have no {user.name!r}; there {other.name!r} is the user",
        )
    empty = [
        name
        for name in (user.name, roles.column["item"])
        if _share_empty(sample.columns[name]) > _MOST_WITHOUT_ID and not (other and name == user.name)
    ]
    if empty:
        shares = " and ".join(
            f"{_share_empty(sample.columns[name]):.0%} of the rows have no {name!r}" for name in empty
        )
        roles.declare("missing_ids", ("",), f"{shares}: they are quarantined, and do not stop a run")


def _share_empty(column: Column) -> float:
    return column.ids.null_count / max(len(column.ids), 1)


def _find_time(roles: Roles, sample: Sample, form: str | None) -> None:
    if "time" not in roles.column and (match := time_proposal.choose(free(roles, sample))):
        roles.take("time", *match)
    if "time" not in roles.column:
        return
    column = sample.columns[roles.column["time"]]
    reading, why = time_proposal.reading_of(column, form)
    if reading is None:
        raise ProposalError(f"--time {column.name}: {why}.")
    roles.time_unit, roles.time_format = reading.unit, reading.form
    roles.why["time_format" if reading.form else "time_unit"] = why


def _find_events(roles: Roles, sample: Sample) -> None:
    column = sample.columns[roles.column["event"]] if "event" in roles.column else event_column(free(roles, sample))
    if column is not None and "event" not in roles.column:
        events = ", ".join(column.as_event.top_values[:8])
        roles.take("event", column, f"few different values, which are events: {events}")
    _find_request(roles, sample)
    if column is None:
        column = only_impressions(free(roles, sample))
        if column is None:
            return
        roles.take("event", column, "kinds of events, of which only impressions are there yet")
    roles.impression = impression_value(column.as_event, "request" in roles.column)
    if roles.impression:
        roles.why["impression"] = "the value that says an item was shown"


def _find_request(roles: Roles, sample: Sample) -> None:
    if "request" in roles.column:
        return
    words = role_words.REQUESTS | (role_words.BASKETS if sample.item else frozenset())
    requests = [column for column in free(roles, sample) if _is_request(column, sample.rows, words)]
    for request in requests[:1]:
        rows = sample.rows / max(request.distinct_ids, 1)
        roles.take("request", request, f"ids that {rows:.1f} rows share on average")
        return
    if sample.item:
        roles.column["request"] = ROW_ID
        roles.why["request"] = "the row that the items of a list come from"


def _is_request(column: Column, rows: int, words: frozenset[str]) -> bool:
    named = column.has(words) and (column.has(role_words.IDS) or len(column.words) == 1)
    return named and id_proposal.has_id_type(column) and 1 < column.distinct_ids < rows and not column.time_readings


def _find_shown(roles: Roles, sample: Sample) -> None:
    """Finds the position, policy, propensity and version of impressions."""
    tests: dict[str, Callable[[Column], bool]] = {
        "propensity": lambda column: (
            column.has(role_words.PROPENSITIES) and column.is_number and column.bounds[0] >= 0 and column.bounds[1] <= 1
        ),
        "position": lambda column: (
            column.has(role_words.POSITIONS)
            and column.is_whole
            and column.bounds[0] >= 0
            and column.bounds[1] <= 10_000
        ),
        "model_version": lambda column: (
            column.has(role_words.VERSIONS) and "app" not in column.words and bool(column.top_values)
        ),
        "policy": lambda column: column.has(role_words.POLICIES) and column.is_text and bool(column.top_values),
    }
    for role, test in tests.items():
        for column in [column for column in free(roles, sample) if test(column)][:1]:
            roles.take(role, column, "name and values fit")
            if role == "position" and column.bounds[0] >= 1:
                roles.declare("first_position", 1, f"the positions begin at {column.bounds[0]:g}")


def _find_outcome(roles: Roles, sample: Sample) -> None:
    """Finds the number on the event, or each row's answer to an impression.

    Raises:
      ProposalError: if rows say where an item was shown and nothing says which were taken.
    """
    items = sample.columns[roles.column["item"]].ids
    value = None if "value" in roles.column else answer_proposal.find_value(free(roles, sample), items)
    answer = answer_proposal.find_answer(free(roles, sample))
    rated = value is not None and value[0].has(role_words.RATINGS)
    if "event" in roles.column:
        _take_value(
            roles,
            value if rated or answer is None else (answer.column, "yes or no, and the name says that it is an answer"),
        )
    elif answer and not rated and "value" not in roles.column:
        _take_answer(roles, answer)
        _take_value(roles, value)
    else:
        _take_value(roles, value)
        if "value" not in roles.column:
            _check_answered(roles, sample)
    if "event" not in roles.column:
        roles.why["event"] = "no column holds kinds of events: every row counts as a positive"
        _check_separated(roles, sample)


def _take_value(roles: Roles, value: tuple[Column, str] | None) -> None:
    if value is not None and "value" not in roles.column:
        roles.take("value", *value)


def _take_answer(roles: Roles, answer: Answer) -> None:
    roles.answer, roles.impression = answer, answer.no
    roles.take(
        "event",
        answer.column,
        f"one row per impression: {answer.yes!r} says that the item was taken, {answer.no!r} that it was only shown",
    )
    roles.declare("rows_are_impressions", True, "a row with an action is its impression, too")


def _check_answered(roles: Roles, sample: Sample) -> None:
    """Refuses a log whose only answer says yes or nothing: rows without it would count as positives."""
    column = answer_proposal.find_unclear(free(roles, sample))
    if column is not None:
        raise ProposalError(f"{sample.name}: {answer_proposal.unclear_text(column)}")


def _check_separated(roles: Roles, sample: Sample) -> None:
    shown = [role for role in ("position", "propensity") if role in roles.column]
    if not shown:
        return
    column = roles.column[shown[0]]
    candidates = (
        ", ".join(f"{column.name} ({column.describe()})" for column in free(roles, sample)[:_MOST_SHOWN]) or "none"
    )
    raise ProposalError(
        f"{sample.name}: {column!r} says where an item was shown, and no column says which were taken: "
        "every impression would count as a positive. "
        f"Columns without a role: {candidates}.\nSay which holds the answer or the kind of event: --event COL. "
        f"If every row is an action, leave the position out: --drop {column}."
    )
