"""Proposes the roles of a log's columns from its first rows: from names, types, values and their order, each with a reason."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from components.declaration import Log
from components.declaration.data import LABEL_PREFIX
from components.errors import DayoneError
from pipeline.onboarding import role_words
from pipeline.onboarding.column_profile import Column, varies_within
from pipeline.onboarding.event_proposal import event_column, impression_value
from pipeline.onboarding.log_sample import Sample

NEEDED = ("user", "item", "time")
MOST_CONTEXT_VALUES = 50
_LEAST_ITEM_SPREAD = 0.2
_MOST_SHOWN = 12
_TIMES = "epoch seconds, milliseconds, microseconds or ISO 8601 text such as 2026-01-31 12:00:00"
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")


class ProposalError(DayoneError):
    """The sample does not show which column is the user, the item or the time."""


@dataclasses.dataclass
class Roles:
    """Columns by role, as far as they were found.

    Attributes:
      column: role to column: user, item, time, event, value, request, position, policy, propensity, model_version.
      why: role or context column to the reason, in a few words.
      context: the context columns.
      time_unit: of the time column.
      impression: the event that says an item was shown.
      unused: column to why it has no role.
    """

    column: dict[str, str] = dataclasses.field(default_factory=dict)
    why: dict[str, str] = dataclasses.field(default_factory=dict)
    context: tuple[str, ...] = ()
    time_unit: str = "s"
    impression: str | None = None
    unused: dict[str, str] = dataclasses.field(default_factory=dict)

    def take(self, role: str, column: Column, why: str) -> None:
        """Gives a column its role."""
        self.column[role] = column.name
        self.why[role] = f"{why}: {column.described()}"

    def log(self, path: str, delimiter: str) -> Log:
        """The log's part of a declaration."""
        named: dict[str, Any] = self.column
        return Log(
            path=path,
            **named,
            time_unit=self.time_unit,
            impression=self.impression,
            context=self.context,
            delimiter=delimiter,
        )


def propose(sample: Sample, given: Mapping[str, str]) -> Roles:
    """The roles of the columns.

    Args:
      sample: the first rows.
      given: user, item and time columns that a person named.

    Raises:
      ProposalError: if one of the three is not named and not found; it lists the columns.
    """
    roles = Roles()
    for role in NEEDED:
        if role in given:
            roles.take(role, _given(sample, role, given[role]), "you said so")
    _find_ids(roles, sample)
    _find_time(roles, sample)
    missing = [role for role in NEEDED if role not in roles.column]
    if missing:
        raise ProposalError(_missing_text(sample, roles, missing))
    _find_events(roles, sample)
    _find_shown(roles, sample)
    _find_value(roles, sample)
    _find_context(roles, sample)
    return roles


def _given(sample: Sample, role: str, name: str) -> Column:
    if name not in sample.columns:
        raise ProposalError(
            f"--{role} needs a column of {sample.name}, got {name!r}. Its columns: {', '.join(sample.columns)}."
        )
    return sample.columns[name]


def free(roles: Roles, sample: Sample) -> list[Column]:
    """The columns without a role, in the order of the file."""
    taken = set(roles.column.values()) | set(roles.context)
    return [
        column for name, column in sample.columns.items() if name not in taken and not name.startswith(LABEL_PREFIX)
    ]


def _find_ids(roles: Roles, sample: Sample) -> None:
    named = {"user": (role_words.USERS, role_words.USERS_BY_ID), "item": (role_words.ITEMS, role_words.ITEMS_BY_ID)}
    for role, (words, words_by_id) in named.items():
        found = [(id_score(column, words, words_by_id), column.distinct, column) for column in free(roles, sample)]
        best = max(found, key=lambda entry: entry[:2], default=(0, 0, None))
        if role not in roles.column and best[0] > 0 and best[2] is not None:
            roles.take(role, best[2], f"the name says {role}")
    for role, other in (("user", "item"), ("item", "user")):
        rest = [column for column in free(roles, sample) if _may_be_id(column, sample.rows)]
        if role not in roles.column and other in roles.column and len(rest) == 1:
            roles.take(role, rest[0], "the only other column that looks like ids")


def id_score(column: Column, words: frozenset[str], words_by_id: frozenset[str]) -> int:
    """How much a name says that the column holds ids of what the words stand for; 0 if it does not."""
    if not _has_id_type(column) or column.distinct < 2:
        return 0
    rest = set(column.words) - words
    named, marked = column.has(words), column.has(role_words.IDS)
    if not named and not (marked and column.has(words_by_id)):
        return 0
    if (rest - words_by_id - role_words.IDS) & role_words.ATTRIBUTES:
        return 0
    return 1 + named * 2 + (marked or len(column.words) == 1)


def _has_id_type(column: Column) -> bool:
    return column.is_whole or (column.is_text and column.mean_words < 1.5) or pa.types.is_binary(column.values.type)


def _may_be_id(column: Column, rows: int) -> bool:
    """Whether values recur, are many, and the name does not say otherwise."""
    many = 100 <= column.distinct <= 0.9 * rows
    named = column.has(
        role_words.ATTRIBUTES | role_words.REQUESTS | role_words.VALUES | role_words.POSITIONS | role_words.EVENTS
    )
    return _has_id_type(column) and many and not named and not column.time_unit


def _find_time(roles: Roles, sample: Sample) -> None:
    if "time" not in roles.column:
        times = [column for column in free(roles, sample) if column.time_unit]
        named = [column for column in times if column.has(role_words.TIMES)]
        typed = [column for column in times if column.time_unit == "iso"]
        best = (named or typed or (times if len(times) == 1 else []))[:1]
        for column in best:
            roles.take("time", column, "the name says time" if named else "its values are times")
    if "time" in roles.column:
        column = sample.columns[roles.column["time"]]
        if not column.time_unit:
            raise ProposalError(f"--time {column.name}: needs {_TIMES}, got {column.described()}.")
        roles.time_unit = column.time_unit
        roles.why["time_unit"] = _unit_reason(column)


def _unit_reason(column: Column) -> str:
    if column.time_unit == "iso":
        return "times of the file's own type" if not column.is_text else "dates written out"
    return f"numbers like {column.example()} are a moment of our time in this unit"


def _missing_text(sample: Sample, roles: Roles, missing: list[str]) -> str:
    names = {"user": "the user's id", "item": "the item's id", "time": "the time"}
    head = f"{sample.name}: no column could be taken for {' or '.join(names[role] for role in missing)}."
    found = "".join(f"\n  found: {role} = {name!r} ({roles.why[role]})" for role, name in roles.column.items())
    rest = "".join(
        f"\n  {column.name}: {column.described()}{_why_not(column)}" for column in free(roles, sample)[:_MOST_SHOWN]
    )
    rest += f"\n  and {hidden} more" if (hidden := len(free(roles, sample)) - _MOST_SHOWN) > 0 else ""
    options = " ".join(f"--{role} COL" for role in missing)
    why = "\nDayone learns from what the same user did, with which item, and when: a log without one of these cannot be used as it is."
    return f"{head}{found}\n  candidates:{rest}{why}\nIf one of the columns is it, say which: {options}. If none is, add it to the log."


def _why_not(column: Column) -> str:
    if column.is_text and _DATE.match(column.example().strip("'\"")):
        return f" (looks like a date; a time needs {_TIMES})"
    about = "user" if column.has(role_words.USERS) else "item" if column.has(role_words.ITEMS) else ""
    return f" (describes the {about}, does not name it)" if about else ""


def _find_events(roles: Roles, sample: Sample) -> None:
    column = event_column(free(roles, sample))
    if column is None:
        roles.why["event"] = "no column holds kinds of events: every row counts as a positive"
        return
    roles.take("event", column, f"few different values, which are events: {', '.join(column.listed[:8])}")
    requests = [column for column in free(roles, sample) if _is_request(column, sample.rows)]
    for request in requests[:1]:
        roles.take("request", request, f"ids that {sample.rows / max(request.distinct, 1):.1f} rows share on average")
    roles.impression = impression_value(column, "request" in roles.column)
    if roles.impression:
        roles.why["impression"] = "the value that says an item was shown"


def _is_request(column: Column, rows: int) -> bool:
    named = column.has(role_words.REQUESTS) and (column.has(role_words.IDS) or len(column.words) == 1)
    return named and _has_id_type(column) and 1 < column.distinct < rows


def _find_shown(roles: Roles, sample: Sample) -> None:
    """What was shown where, by whom, with which probability."""
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
            column.has(role_words.VERSIONS) and "app" not in column.words and bool(column.listed)
        ),
        "policy": lambda column: column.has(role_words.POLICIES) and column.is_text and bool(column.listed),
    }
    for role, test in tests.items():
        for column in [column for column in free(roles, sample) if test(column)][:1]:
            roles.take(role, column, "name and values fit")


def _find_value(roles: Roles, sample: Sample) -> None:
    answers = [
        column
        for column in free(roles, sample)
        if pa.types.is_boolean(column.values.type) and column.has(role_words.ANSWERS)
    ]
    for column in answers[:1]:
        roles.take("value", column, "true or false, and the name says that it is an answer")
        return
    for column in (column.as_number for column in free(roles, sample)):
        if (
            column.has(role_words.VALUES)
            and column.is_number
            and column.distinct > 1
            and not column.has(role_words.IDS)
        ):
            roles.take(
                "value", column, f"a number from {column.bounds[0]:g} to {column.bounds[1]:g} whose name says value"
            )
            return


def _find_context(roles: Roles, sample: Sample) -> None:
    users, items = (sample.columns[roles.column[role]].values for role in ("user", "item"))
    chosen = {}
    for column in free(roles, sample):
        refused = _no_context(column, items)
        varies = 0.0 if refused else varies_within(column.values, users)
        if not refused and (varies > 0 or column.has(role_words.CONTEXTS)):
            how = f"varies within {varies:.0%} of the users" if varies else "the name says context"
            chosen[column.name] = f"{how}: {column.described()}"
        else:
            roles.unused[column.name] = f"{refused or 'never varies within a user'}: {column.described()}"
    roles.context = tuple(chosen)
    roles.why |= chosen


def _no_context(column: Column, items: pa.Array) -> str:
    """Why a column cannot be a context; "" if it can."""
    if not column.is_text:
        return "neither a role nor a text"
    if not 1 < column.distinct <= MOST_CONTEXT_VALUES:
        return f"needs 2 to {MOST_CONTEXT_VALUES} different values to be a context"
    if not column.has(role_words.CONTEXTS) and varies_within(column.values, items) < _LEAST_ITEM_SPREAD:
        return "belongs to the item: a column for the catalogue"
    return ""
