"""Proposes context columns: texts with few values that vary within a user, never an outcome."""

import re
from collections.abc import Mapping

import pyarrow as pa

from components.declaration.request_names import RESERVED_INPUTS, input_name
from components.ingest.event_shape import partition_columns
from pipeline.onboarding import answer_proposal, role_words
from pipeline.onboarding.column_profile import Column, varies_within
from pipeline.onboarding.log_sample import Sample

MOST_VALUES = 50
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?")
_LEAST_ITEM_SPREAD = 0.2


def choose(sample: Sample, roles: Mapping[str, str], columns: list[Column]) -> tuple[dict[str, str], dict[str, str]]:
    """Chooses the context columns.

    Args:
      sample: the first rows.
      roles: role to column, as far as they were found.
      columns: those without a role.

    Returns:
      Context column to the reason, and any other column to why it is none.
    """
    users, items = (sample.columns[roles[role]].ids for role in ("user", "item"))
    chosen: dict[str, str] = {}
    unused: dict[str, str] = {}
    for column in columns:
        input_names = [input_name(name) for name in chosen]
        refused = (
            _form_reason(column, sample)
            or _meaning_reason(column, input_names)
            or _spread_reason(column, items, sample)
        )
        varies = 0.0 if refused else varies_within(column.values, users)
        if not refused and (varies > 0 or column.has(role_words.CONTEXTS)):
            how = f"varies within {varies:.0%} of the users" if varies else "the name says context"
            chosen[column.name] = f"{how}: {column.describe()}"
        else:
            unused[column.name] = f"{refused or 'never varies within a user'}: {column.describe()}"
    return chosen, unused


def _form_reason(column: Column, sample: Sample) -> str:
    """Returns why a column cannot be a context by its source and gaps; "" if it may be one."""
    root = (sample.item or "").rpartition(".")[0]
    if not len(column.present) or column.is_blank:
        return "empty in every row"
    if root and column.name.startswith(root + "."):
        return "belongs to an item of the list, not to the request"
    if column.name in partition_columns(sample.files[0]) and column.has(role_words.TIME_PARTS):
        return "a part of the time"
    return ""


def _meaning_reason(column: Column, taken: list[str]) -> str:
    """Returns why a column cannot be a context by name and meaning; `taken` are the requests' names."""
    reading = next(iter(column.time_readings), None)
    reasons = {
        "an outcome, which no request knows": answer_proposal.is_outcome(column),
        "a time": reading is not None and (not reading.by_name or column.has(role_words.TIMES)),
        "a time of day: write it and the date into one column": column.is_text
        and column.has(role_words.TIMES)
        and all(map(_TIME_OF_DAY.fullmatch, column.present.slice(0, 100).to_pylist())),
        "no role fits, and only a text can be a context": not column.is_text,
        "yes or no, which may say what came of the request": answer_proposal.is_answer(column)
        and not column.has(role_words.CONTEXTS),
        "the id of a request": column.has(role_words.REQUESTS) and column.has(role_words.IDS),
        f"its name in requests, {input_name(column.name)!r}, is taken": input_name(column.name)
        in (*RESERVED_INPUTS, *taken),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _spread_reason(column: Column, items: pa.Array, sample: Sample) -> str:
    """Returns why a text cannot be a context, by its values; "" if it can."""
    # A log that begins may hold one kind of device; a folder's own key says nothing of its requests.
    begins = column.has(role_words.CONTEXTS) and column.name not in partition_columns(sample.files[0])
    least = 1 if begins else 2
    if not least <= column.distinct <= MOST_VALUES:
        return f"needs {least} to {MOST_VALUES} different values to be a context"
    if not column.has(role_words.CONTEXTS) and varies_within(column.values, items) < _LEAST_ITEM_SPREAD:
        return "belongs to the item: a column for the catalogue"
    return ""
