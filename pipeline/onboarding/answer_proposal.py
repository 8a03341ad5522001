"""Outcomes: which column says whether the user wanted the item, and which columns can only be known afterwards, so that no request has them."""

import dataclasses

import pyarrow as pa
import pyarrow.compute as pc

from components.ingest.number_texts import FALSE_WORDS, TRUE_WORDS
from pipeline.onboarding import role_words
from pipeline.onboarding.column_profile import Column, varies_within

_TRUTHS = TRUE_WORDS | FALSE_WORDS


@dataclasses.dataclass(frozen=True)
class Answer:
    """A column of a row-per-impression log that says what came of it.

    Attributes:
      column: the column.
      no, yes: its two values as text, as the log's event column has them.
    """

    column: Column
    no: str
    yes: str


def is_outcome(column: Column) -> bool:
    """Returns whether a column is only known after the request: an answer, a rating, a dwell time."""
    if column.has(role_words.CONTEXTS) and not is_answer(column):
        return False
    return column.has(role_words.VALUES | role_words.ANSWERS | role_words.OPINIONS | role_words.LATER)


def is_answer(column: Column) -> bool:
    """Returns whether all values are yes or no, in any spelling."""
    if pa.types.is_boolean(column.values.type):
        return column.distinct > 0
    if not (column.is_text or column.is_number) or not 0 < column.distinct <= 6:
        return False
    return _TRUTHS.issuperset(text.strip().lower() for text in column.top_values)


def find_answer(columns: list[Column]) -> Answer | None:
    """Returns the answer, by name, that has both values; of several the one that is yes most often."""
    answers = [answer for column in columns if _says_answer(column) and (answer := _two_values(column))]
    return max(answers, key=_share_of, default=None)


def find_unclear(columns: list[Column]) -> Column | None:
    """Returns a column that is an answer by its name and cannot be read as one: 1 or nothing, 1 and -1, "3 stars"."""
    for column in columns:
        is_opinion = column.has(role_words.RATINGS | role_words.OPINIONS) and column.is_text
        if is_opinion and not _is_id(column) and column.distinct > 1:
            return column
        coded = is_answer(column) or column.is_number
        if (
            _is_named(column)
            and coded
            and (column.distinct == 2 or (column.distinct == 1 and column.values.null_count))
        ):
            return column
    return None


def unclear_text(column: Column) -> str:
    """Returns what is wrong with the column that `find_unclear` found, and the fix."""
    empty = column.values.null_count
    gaps = f", empty in {empty:,} of {len(column.values):,} rows" if empty else ""
    is_rating = column.has(role_words.RATINGS | role_words.OPINIONS)
    needed = "a number in every row" if is_rating else "a word for yes and one for no"
    kind, fix = ("a rating", "numbers") if is_rating else ("the answer to an impression", "1 and 0")
    return (
        f"{column.name!r} ({column.describe()}{gaps}) looks like {kind}, and needs {needed}: "
        "without that every row would count as a positive. "
        f"Write {fix} in it; or, if every row is an action, leave it out: --drop {column.name}."
    )


def find_value(columns: list[Column], items: pa.Array) -> tuple[Column, str] | None:
    """Returns the number on the event, and why: a rating before any other, never what is the item's own.

    Args:
      columns: those without a role.
      items: [rows] the items' ids.
    """
    numbers = [column.as_number for column in columns]
    fitting = [
        column
        for column in numbers
        if column.is_number and column.distinct > 1 and (column.has(role_words.VALUES) or _is_stay(column))
    ]
    fitting = [column for column in fitting if not (_is_id(column) or is_answer(column) or _is_length(column, items))]
    fitting.sort(key=lambda column: (not column.has(role_words.RATINGS), not _is_stay(column)))
    for column in fitting[:1]:
        return column, f"a number from {column.bounds[0]:g} to {column.bounds[1]:g} whose name says value"
    return None


def _is_stay(column: Column) -> bool:
    """Returns whether the name says how long somebody stayed: `play_time_ms`, `watch_duration`."""
    return column.has(role_words.STAYS) and column.has(role_words.LENGTHS)


def _is_length(column: Column, items: pa.Array) -> bool:
    """Returns whether the number may be the item's own length: its name says no more than duration, or each item has one."""
    if column.has(role_words.RATINGS | role_words.QUANTITIES):
        return False
    bare = set(column.words) <= role_words.LENGTHS | role_words.ITEMS
    recurs = len(items) > 2 * int(pc.count_distinct(items).as_py())
    return (bare and "duration" in column.words and "time" not in column.words) or (
        recurs and not varies_within(column.values, items)
    )


def _says_answer(column: Column) -> bool:
    return is_answer(column) and _is_named(column)


def _is_named(column: Column) -> bool:
    return column.has(role_words.ANSWERS) and not column.has(role_words.NO_ANSWERS)


def _two_values(column: Column) -> Answer | None:
    """Returns the answer, if it has one word for yes and one for no."""
    texts = column.as_event.top_values
    yes = [text for text in texts if text.strip().lower() in TRUE_WORDS]
    no = [text for text in texts if text.strip().lower() in FALSE_WORDS]
    return Answer(column, no[0], yes[0]) if len(yes) == len(no) == 1 else None


def _share_of(answer: Answer) -> float:
    return float(pc.mean(pc.equal(answer.column.as_event.values, answer.yes).cast(pa.float64())).as_py() or 0.0)


def _is_id(column: Column) -> bool:
    return column.has(role_words.IDS)
