"""Checks the table of the users: that it is there, fits the log's users and times, and knows nothing of what they did later."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Users
from components.errors import LogError
from components.ingest.user_table import NONE, UserTable, user_files
from pipeline.checks import column_checks, id_checks
from pipeline.checks.findings import Finding, error, share, warning
from pipeline.checks.log_view import LogView
from pipeline.onboarding import lenient_log, role_words

_MOST_UNKNOWN = 0.5
_SOME_UNKNOWN = 0.1
_MOST_EARLY = 0.1
_FOLLOWS = 0.5  # a rank correlation with what the user does in the log
_LEAST_USERS = 50  # with fewer a rank correlation says little
_PERSONAL = role_words.CONTACTS | frozenset(
    ["name", "firstname", "lastname", "surname", "birthday", "birthdate", "dob", "address", "street", "ip"]
)
_OUTCOMES = (
    role_words.VALUES
    | role_words.ANSWERS
    | frozenset(["churn", "churned", "ltv", "lifetime", "total", "totals", "count", "spend", "spent", "last"])
)


def check(view: LogView, users: Users, base: Path) -> Iterator[Finding]:
    """Yields all findings of the table, alone and compared with the log.

    Args:
      view: the log.
      users: the table's part of the declaration.
      base: the data folder.
    """
    try:
        files = user_files(users, str(base))
        missing = list(_missing_columns(users, files))
        yield from missing
        if missing:
            return
        table = UserTable(users, files)
    except LogError as problem:
        fix = "Mend it, or set launch.log.users to None."
        yield error(f"the table of the users cannot be read: {problem}", "A run would end here.", fix)
        return
    yield from _check_quarantined(table, users)
    for name, values in table.columns.items():
        yield from column_checks.describe_context(_what(name), pa.chunked_array([values]), "launch.log.users.columns")
        yield from _check_personal(name, values)
    if len(table):
        yield from _check_known(view, table, users)
    yield from _check_time(view, table, users)


def _what(name: str) -> str:
    return f"column {name!r} of the users"


def _missing_columns(users: Users, files: tuple[str, ...]) -> Iterator[Finding]:
    present = tuple(lenient_log.reader(files, (users.user,), users.delimiter).types)
    for name in (users.user, *((users.time,) if users.time else ()), *users.columns):
        if name in present:
            continue
        near = difflib.get_close_matches(name, present, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        has = ", ".join(map(repr, present[:40]))
        fix = f"{hint}Name the right column, or take it out; check launch.log.users.delimiter."
        yield error(f"column {name!r} is not in the table of the users, which has {has}.", "A run cannot read it.", fix)


def _check_quarantined(table: UserTable, users: Users) -> Iterator[Finding]:
    quarantined = table.reader.quarantined
    if not quarantined.rows:
        return
    stops = quarantined.share > users.max_quarantined or not len(table)
    yield (error if stops else warning)(
        f"of the users' table, a run would set {share(quarantined.rows, quarantined.rows_in)} rows aside ({quarantined}).",
        f"launch.log.users.max_quarantined allows {users.max_quarantined:.1%}{', so it would stop' if stops else ''}.",
        "Fix the rows, or what the declaration says of them (time_unit, time_format, delimiter).",
    )


def _check_personal(name: str, values: pa.Array) -> Iterator[Finding]:
    """Values that name a person: they would be written into examples, statistics and the traffic log."""
    texts = values.drop_null().slice(0, 1000).to_pylist() if pa.types.is_string(values.type) else []
    contacts = sum(bool(id_checks.CONTACT.fullmatch(text)) for text in texts)
    named = _words(name) & _PERSONAL
    if contacts > len(texts) / 20 or named:
        holds = f"holds e-mail addresses or telephone numbers in {share(contacts, len(texts))} values"
        yield warning(
            f"{_what(name)} {holds if contacts else f'seems to name a person ({next(iter(named))})'}.",
            "Its values are written into the examples, the statistics, the traffic log and the model's vocabulary.",
            "Take it out, or group its values (a birthday to an age group).",
        )


def _check_known(view: LogView, table: UserTable, users: Users) -> Iterator[Finding]:
    """Events whose user has no row, or none that holds yet."""
    rows = view.positive & view.whole
    column = view.table[view.launch.log.user].filter(pa.array(rows))
    if not len(column):
        return
    ever = np.full(len(column), np.iinfo(np.int64).max)
    unknown = table.join(column, ever).rows == NONE
    if unknown.mean() > _SOME_UNKNOWN:
        logged = column.filter(pa.array(unknown))
        form = id_checks.same_but_for(pc.unique(logged.combine_chunks()), table.ids)
        note = f"; most of them differ from its ids by {form} only" if form else ""
        yield (error if unknown.mean() > _MOST_UNKNOWN else warning)(
            f"{share(int(unknown.sum()), len(column))} positive events are of users that the table does not have, such as "
            f"{logged[0].as_py()!a}{note}; the table has {table.ids[0].as_py()!a}.",
            "Their columns count as missing.",
            "Check that both use the same ids.",
        )
    early = (table.join(column, view.times[rows]).rows == NONE) & ~unknown
    if early.mean() > _MOST_EARLY:
        yield warning(
            f"{share(int(early.sum()), len(column))} positive events lie before the first row of their user.",
            "No row holds then, so their columns count as missing.",
            f"Give earlier rows, or check {users.time!r} and launch.log.users.time_unit.",
        )


def _check_time(view: LogView, table: UserTable, users: Users) -> Iterator[Finding]:
    """Yields warnings of a user table without times for past events, and of columns that were counted from these events."""
    if users.time is not None:
        return
    names = ", ".join(map(repr, users.columns))
    yield warning(
        f"the table of the users has no time: the values of today ({names}) count for every event, also for earlier ones.",
        "What a user became through these events is then known before them: the model looks better than it will be.",
        "Keep only columns that do not change through the feature, or name the time from which a row holds: launch.log.users.time.",
    )
    actions = _actions(view, table)
    for name, values in table.columns.items():
        correlation = _rank_correlation(values, actions)
        words = _words(name) & _OUTCOMES
        if abs(correlation) < _FOLLOWS and not words:
            continue
        follows = f"follows how often the user acts in the log (rank correlation {correlation:.2f})"
        named = f"has a name ({', '.join(sorted(words))}) that says it was counted afterwards"
        yield warning(
            f"{_what(name)} {follows if abs(correlation) >= _FOLLOWS else named}.",
            "A column that is counted from the events that the model shall predict is an outcome, not a context.",
            "Take it out, or give each value the time from which it was known.",
        )


def _actions(view: LogView, table: UserTable) -> np.ndarray:
    """[m] the positive events of each row's user."""
    rows = view.positive & view.whole
    column = view.table[view.launch.log.user].filter(pa.array(rows))
    joined = table.join(column, np.full(len(column), np.iinfo(np.int64).max)).rows
    return np.bincount(joined[joined != NONE], minlength=len(table))


def _rank_correlation(values: pa.Array, actions: np.ndarray) -> float:
    """Spearman's rank correlation of a column of numbers with the actions of the users who act; 0 where there is none."""
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        return 0.0
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    usable = np.isfinite(numbers) & (actions > 0)
    if usable.sum() < _LEAST_USERS or np.ptp(numbers[usable]) == 0 or np.ptp(actions[usable]) == 0:
        return 0.0
    return float(np.corrcoef(_ranks(numbers[usable]), _ranks(actions[usable]))[0, 1])


def _ranks(numbers: np.ndarray) -> np.ndarray:
    """Mean ranks, equal numbers alike."""
    _, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place.reshape(-1)]


def _words(name: str) -> frozenset[str]:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return frozenset(re.split(r"[^a-z0-9]+", apart.lower()))
