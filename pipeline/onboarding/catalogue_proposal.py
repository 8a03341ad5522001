"""Proposes what a catalogue's columns are: the id, the title, categories, words, numbers, and the flag of what may be recommended."""

import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Catalogue
from components.errors import DayoneError
from components.ingest.event_time import NUMBER_TEXT
from components.ingest.number_texts import COMMA_TEXT, FALSE_WORDS, TRUE_WORDS
from pipeline.onboarding import role_words
from pipeline.onboarding.column_profile import Column
from pipeline.onboarding.log_sample import Sample

# So many values are categories even if hardly two items share one. Beyond, a value is a category if so many items share it on average: brands,
# sellers, shelves of a large catalogue.
_MOST_CATEGORIES, _SHARED_BY = 200, 2
_ENOUGH_NUMBERS = 0.95


class CatalogueError(DayoneError):
    """No column of the catalogue holds the items of the log."""


@dataclasses.dataclass
class CatalogueRoles:
    """The declaration of a catalogue in the making.

    Attributes:
      catalogue: what is proposed.
      why: column to the reason.
      unused: column to why it has no role.
    """

    catalogue: Catalogue
    why: dict[str, str]
    unused: dict[str, str]


def propose(sample: Sample, path: str, logged: pa.Array) -> CatalogueRoles:
    """Returns the roles of the columns.

    Args:
      sample: the first rows of the catalogue.
      path: as the declaration is to name it.
      logged: [rows] item ids of the log, as it has them.

    Raises:
      CatalogueError: if no column holds items of the log.
    """
    item, overlap = _item_column(sample, logged)
    why = {item: f"holds {overlap:.0%} of the items in the log's first rows"}
    roles: dict[str, list[str]] = {"title": [], "categories": [], "texts": [], "numbers": [], "active": []}
    unused: dict[str, str] = {}
    for name, column in sample.columns.items():
        if name == item:
            continue
        role_names, reason = _role(column, sample.rows, bool(roles["title"]), bool(roles["active"]))
        for role in role_names:
            roles[role].append(name)
        (why if role_names else unused)[name] = f"{reason}: {column.describe()}"
    fields: dict[str, tuple[str, ...]] = {role: tuple(roles[role]) for role in ("categories", "texts", "numbers")}
    single = {role: next(iter(roles[role]), None) for role in ("title", "active")}
    return CatalogueRoles(
        Catalogue(
            path,
            item,
            single["title"],
            fields["categories"],
            fields["texts"],
            fields["numbers"],
            single["active"],
            sample.delimiter,
        ),
        why,
        unused,
    )


def _item_column(sample: Sample, logged: pa.Array) -> tuple[str, float]:
    """Returns the column that holds most of the logged items, and their share."""
    items = pc.unique(logged.drop_null()).cast(pa.string())
    shares = {name: _overlap(column, items) for name, column in sample.columns.items()}
    best = max(shares, key=lambda name: shares[name], default="")
    if not best or shares[best] == 0:
        columns = "".join(f"\n  {name}: {column.describe()}" for name, column in sample.columns.items())
        problem = (
            f"{sample.name}: no column holds items of the log, such as {items[:3].to_pylist()}. Its columns:{columns}"
        )
        raise CatalogueError(f"{problem}\nGive the catalogue of the same items, or leave --catalogue out.")
    return best, shares[best]


def _overlap(column: Column, items: pa.Array) -> float:
    if column.spelled is None and not (column.is_text or pa.types.is_int64(column.values.type)):
        return 0.0
    matches = pc.is_in(items, value_set=column.ids.drop_null())
    return float(pc.mean(matches.cast(pa.float64())).as_py() or 0.0)


def _role(column: Column, rows: int, has_title: bool, has_active: bool) -> tuple[tuple[str, ...], str]:
    """Returns the fields that name the column, and why; no field if it has no role."""
    if (
        _is_flag(column)
        and column.has(role_words.ACTIVE | role_words.INACTIVE)
        and column.has(role_words.INACTIVE | role_words.NEGATIONS)
    ):
        return (), "a flag of what may not be recommended: add a column that is true for what may, and name it `active`"
    if column.is_list:
        return (
            (("texts",), "a list of words")
            if pa.types.is_string(column.values.type.value_type)
            else ((), "a list of no words")
        )
    if column.has(role_words.ACTIVE) and not has_active and _is_flag(column):
        return ("active",), "a flag whose name says what may be recommended"
    if column.has(role_words.TITLES) and column.is_text and not has_title:
        return ("title", "texts"), "the name says title; its words are features, too"
    return _text_role(column, rows) if column.is_text else _number_role(column)


def _number_role(column: Column) -> tuple[tuple[str, ...], str]:
    if not column.is_number or column.distinct < 2:
        return (), "neither a text nor a number that varies"
    if column.time_unit and column.bounds[0] > 1e8:
        return (), "a time"
    few = column.distinct <= _MOST_CATEGORIES
    if column.has(role_words.CATEGORIES | role_words.IDS) and column.is_whole and (few or _is_shared(column)):
        return ("categories",), "few different codes" if few else "codes that several items share"
    if column.has(role_words.IDS) and not few:
        return (), "ids of something else"
    return ("numbers",), "a number"


def _text_role(column: Column, rows: int) -> tuple[tuple[str, ...], str]:
    if column.time_unit:
        return (), "a time"
    number_text = f"{NUMBER_TEXT}|{COMMA_TEXT}"
    numbers = pc.mean(pc.match_substring_regex(column.present, number_text).cast(pa.float64())).as_py() or 0.0
    if numbers >= _ENOUGH_NUMBERS and not column.has(role_words.CATEGORIES | role_words.IDS):
        return ("numbers",), "nearly all of its texts are numbers"
    if column.mean_words >= 1.5:
        return ("texts",), f"{column.mean_words:.1f} words on average"
    few = 1 < column.distinct <= min(_MOST_CATEGORIES, max(20, rows // 2))
    if few and (column.distinct < rows or column.has(role_words.CATEGORIES)):
        return ("categories",), "few different values"
    if column.distinct > 1 and _is_shared(column):
        return ("categories",), "values that several items share"
    return (), "one value only" if column.distinct < 2 else "too many different values for a category, and no words"


def _is_shared(column: Column) -> bool:
    return column.distinct * _SHARED_BY <= len(column.present)


def _is_flag(column: Column) -> bool:
    words = {str(value).lower() for value in column.top_values}
    flag_words = TRUE_WORDS | FALSE_WORDS
    return pa.types.is_boolean(column.values.type) or (0 < column.distinct <= 2 and words <= flag_words)


def relative(path: Path, base: Path) -> str:
    """Returns a path for the declaration: relative if it is in or next to the log's folder, else absolute."""
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)
