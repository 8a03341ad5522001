"""Checks that the columns fit their roles: they exist, have the right type, and plausible values."""

import difflib
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Log
from components.declaration.data import ROW_ID
from components.ingest.event_time import DAY
from components.ingest.number_texts import numbers_of
from pipeline.checks.findings import Finding, error, share, warning
from pipeline.checks.log_view import NO_TIME, LogView
from pipeline.onboarding import time_proposal, time_readings
from pipeline.onboarding.column_profile import Column
from pipeline.onboarding.time_readings import Reading

_MOST_VALUES = 1000
_HEAD = 10_000
_MOST = 0.5
_SHOWN = 40
_LONG_DAYS, _SHORT_DAYS = 3650, 1 / 24


def check_columns(view: LogView) -> Iterator[Finding]:
    """Declared columns that the log lacks."""
    if len(view.names) == 1 and len(roles(view.launch.log)) > 1:
        delimiter = view.launch.log.delimiter
        yield error(
            f"all of a row is one column: {view.names[0]!r}.",
            "A run cannot tell the columns apart.",
            f"Change launch.log.delimiter, which is {delimiter!r}; check that the file has a header.",
        )
        return
    for role, column in roles(view.launch.log):
        if column in view.names:
            continue
        near = difflib.get_close_matches(column, view.names, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        has = ", ".join(map(repr, view.names[:_SHOWN]))
        yield error(
            f"column {column!r} (launch.log.{role}) is not in the log, which has {has}.",
            "A run cannot read what is not there.",
            f"{hint}Name the right column, or set the role to None.",
        )


def roles(log: Log) -> list[tuple[str, str]]:
    """Pairs of role and column, for every declared column."""
    names = ("user", "item", "time", "event", "value", "request", "position", "policy", "propensity", "model_version")
    single = [(role, getattr(log, role)) for role in names if getattr(log, role)]
    single = [(role, column) for role, column in single if column != ROW_ID]
    return (
        single
        + [("context", column) for column in log.context if column not in log.user_columns]
        + [("user_fallbacks", column) for column in log.user_fallbacks]
    )


def check_time_unit(view: LogView) -> Iterator[Finding]:
    """Finds a time column whose values look like another unit."""
    log = view.launch.log
    values = view.table[log.time]
    head = pa.concat_arrays(values.slice(0, _HEAD).chunks)
    column = Column(log.time, head)
    declared = Reading(log.time_unit, log.time_format)
    # A timestamp of the file's own type needs no unit, whatever is declared.
    if (
        pa.types.is_timestamp(values.type)
        or not len(column.present)
        or time_readings.share_of(column.present, declared) > _MOST
    ):
        return
    likely = next((reading for reading in column.time_readings if not reading.by_name), None)
    if likely:
        form = f' time_format="{likely.form}"' if likely.form else ""
        yield error(
            f"times such as {column.example()} are declared as {log.time_format or log.time_unit!r} and look like {likely.form or likely.unit!r}.",
            "A wrong unit scales all times by 1,000, so recency windows break.",
            f'Declare time_unit="{likely.unit}"{form}.',
        )
    elif shares := time_proposal.shares_text(column):
        yield error(
            f"the times are not of one unit{shares}.",
            "A run quarantines the others.",
            "Write one unit where the log is made.",
        )


def check_time_range(view: LogView) -> Iterator[Finding]:
    """Times to come, and logs that are very long or very short."""
    times = view.times[view.times != NO_TIME]
    if not len(times):
        return
    future = int((times > int(time.time() * 1e6) + DAY).sum())
    first, last = (
        np.datetime_as_string(np.datetime64(int(moment), "us"), unit="s") for moment in (times.min(), times.max())
    )
    if future:
        yield warning(
            f"{share(future, view.rows)} times lie in the future, the latest is {last} (UTC).",
            "The newest events judge the model; a wrong clock puts the wrong ones there. A run quarantines these rows.",
            "Check launch.log.time_unit and the clock that writes the log.",
        )
    days = (int(times.max()) - int(times.min())) / DAY
    if days < _SHORT_DAYS or days > _LONG_DAYS:
        yield warning(
            f"the log lies from {first} to {last} (UTC), which is {days:,.2f} days.",
            "Of less than an hour there is no later time to judge by; in more than ten years what people like has changed.",
            "Check launch.log.time_unit, and give a part of the log if it is right.",
        )


def check_order(view: LogView) -> Iterator[Finding]:
    """Users whose events nearly all have the same time."""
    order = np.lexsort((view.times, view.users))
    same_user = view.users[order][1:] == view.users[order][:-1]
    rows = view.positive[order][1:] & view.positive[order][:-1] & same_user
    ties = int((rows & (view.times[order][1:] == view.times[order][:-1])).sum())
    if ties > 0.9 * max(int(rows.sum()), 1):
        yield warning(
            f"{share(ties, int(rows.sum()))} neighbouring events of a user have the very same time.",
            "What came first is then drawn at random, and nothing can be learnt from the order.",
            "Log the time with seconds or finer; days alone are too coarse.",
        )


def check_numbers(view: LogView) -> Iterator[Finding]:
    """Roles that need a number and hold something else."""
    log = view.launch.log
    for role in ("value", "position", "propensity"):
        name = getattr(log, role)
        if not view.has(name):
            continue
        column = view.table[name]
        if (
            (role == "value" and pa.types.is_boolean(column.type))
            or pa.types.is_null(column.type)
            or _is_number_text(column)
        ):
            continue
        if not _is_number(column):
            yield error(
                f"column {name!r} (launch.log.{role}) {_wrong_text(column)}.",
                "The role needs a number in every row.",
                _number_fix(role),
            )
        elif role == "position" and pa.types.is_floating(column.type) and not _is_whole(column):
            yield error(
                f"column {name!r} (launch.log.position) holds fractions.",
                "A position is the index of a slot: 0, 1, 2.",
                _number_fix(role),
            )


def _is_number_text(column: pa.ChunkedArray) -> bool:
    """Returns whether most texts are numbers; a run quarantines the others, and counts them."""
    if not pa.types.is_string(column.type):
        return False
    numeric = sum(len(chunk) - numbers_of(chunk, pa.float64()).null_count for chunk in column.chunks)
    return numeric > _MOST * max(len(column) - column.null_count, 1)


def _is_number(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _wrong_text(column: pa.ChunkedArray) -> str:
    """Describes a column of text that should hold numbers: how many are no numbers, and one of them."""
    if not pa.types.is_string(column.type):
        return f"holds {column.type}"
    numbers = [numbers_of(chunk, pa.float64()).is_null() for chunk in column.chunks]
    words = column.filter(pc.and_(pa.chunked_array(numbers, pa.bool_()), column.is_valid()))
    return f"holds text: {share(len(words), len(column))} are no numbers, such as {words[0].as_py()!r}"


def _number_fix(role: str) -> str:
    return f"Write numbers, empty where there is none, or set launch.log.{role} to None."


def _is_whole(column: pa.ChunkedArray) -> bool:
    values = column.drop_null()
    return bool(pc.all(pc.equal(pc.floor(values), values)).as_py() is not False)


def check_positions(view: LogView) -> Iterator[Finding]:
    """Positions that count from another number than the declaration says: the server writes them, too."""
    log = view.launch.log
    if (
        not view.has(log.position)
        or not _is_number(view.table[log.position])
        or view.table[log.position].null_count == view.rows
    ):
        return
    least = int(pc.min(view.table[log.position]).as_py())
    if least != log.first_position:
        yield warning(
            f"the positions in {log.position!r} begin at {least}; launch.log.first_position is {log.first_position}.",
            "The server writes positions from there on: with two bases in one log, one slot has two positions.",
            f"Declare first_position={least}." if least in (0, 1) else "Check the column.",
        )


def check_guards(view: LogView) -> Iterator[Finding]:
    """Guards on a value of a context column that never occurs."""
    for index, guard in enumerate(view.launch.promotion.guards):
        column, equals, value = guard.partition("=")
        if not equals or not view.has(column):
            continue
        texts = view.table[column].cast(pa.string())
        if not pc.any(pc.equal(texts, value)).as_py():
            examples = ", ".join(map(repr, pc.unique(texts.drop_null()).to_pylist()[:8])) or "nothing"
            yield error(
                f"launch.promotion.guards[{index}] is {guard!r}, and no row has {value!r} in {column!r}, which holds {examples}.",
                "A guard without events guards nothing.",
                "Name a value that occurs, or take the guard out.",
            )


def check_propensities(view: LogView) -> Iterator[Finding]:
    """Propensities that are no probabilities."""
    name = view.launch.log.propensity
    if not view.has(name) or not _is_number(view.table[name]):
        return
    values = view.table[name].drop_null()
    wrong = values.filter(pc.invert(pc.and_(pc.greater(values, 0), pc.less_equal(values, 1))))
    if len(wrong):
        yield error(
            f"{share(len(wrong), len(values))} propensities lie outside of (0, 1], such as {wrong[0].as_py()!r}.",
            "A propensity is the probability with which the item was shown there: what was shown had one above 0, and none is above 1.",
            f"Fix {name!r}, or set launch.log.propensity to None.",
        )


def check_context(view: LogView) -> Iterator[Finding]:
    """Context columns that say nothing, or too much."""
    for name in view.launch.log.context:
        if view.has(name) and name not in view.launch.log.user_columns:
            yield from describe_context(f"context column {name!r}", view.table[name], "launch.log.context")


def describe_context(what: str, column: pa.ChunkedArray, field: str) -> Iterator[Finding]:
    """Yields what is wrong with a column as a context.

    Args:
      what: the column, for people.
      column: [n] its values.
      field: of the declaration that names it.
    """
    countable = not (pa.types.is_list(column.type) or pa.types.is_null(column.type))
    different = int(pc.count_distinct(column.drop_null()).as_py()) if countable else 0
    if pa.types.is_list(column.type) or pa.types.is_timestamp(column.type):
        yield error(
            f"{what} holds {column.type}.",
            "A context is one text or one number: a run would read the first value of a list only.",
            "Write one value per row, or take it out.",
        )
    elif pa.types.is_binary(column.type):
        example = next(value for value in column.drop_null().to_pylist())
        yield error(
            f"{what} is not UTF-8, such as {example!r}.",
            "A run stops at it.",
            "Save the file as UTF-8.",
        )
    elif different < 2:
        only = f"the value {column.drop_null()[0].as_py()!r} only" if different else "no value"
        fix = f"Take it out of {field}, unless other values are to come."
        yield warning(f"{what} has {only}.", "It tells no request from another.", fix)
    elif different > _MOST_VALUES and pa.types.is_string(column.type):
        yield warning(
            f"{what} has {different:,} different values, such as {column.drop_null()[0].as_py()!r}.",
            "Each one gets its own embedding: of that many values, few occur often enough to learn it.",
            "Take it out, or group its values (a city to its country).",
        )
