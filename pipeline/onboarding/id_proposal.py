"""Proposes which columns hold the ids of users and items: by name and values, never by elimination among several."""

import pyarrow as pa

from pipeline.onboarding import role_words
from pipeline.onboarding.column_profile import Column

_MOST_OF_ONE_KIND = 0.9


def best(columns: list[Column], role: str) -> tuple[Column, str] | None:
    """Returns the column whose name says that it holds the ids of the role, "user" or "item"; None if there is none."""
    words, words_by_id = {
        "user": (role_words.USERS, role_words.USERS_BY_ID),
        "item": (role_words.ITEMS, role_words.ITEMS_BY_ID),
    }[role]
    scored = [(id_score(column, words, words_by_id), column) for column in columns]
    named = [(score, column) for score, column in scored if score > 0]
    if named:
        # Who logged in, before the browser: that one fills the gaps (`fallback_of`).
        _, match = max(
            named, key=lambda entry: (entry[0], not entry[1].has(role_words.ANONYMOUS), entry[1].distinct_ids)
        )
        return match, f"the name says {role}"
    contacts = [
        column
        for column in columns
        if role == "user" and column.has(role_words.CONTACTS) and has_id_type(column) and column.distinct_ids > 1
    ]
    return (
        (contacts[0], "an address as the user's id: it ends up in every artifact, so hash it if you can")
        if contacts
        else None
    )


def only_other(columns: list[Column], rows: int) -> Column | None:
    """Returns the only remaining column, if its values recur as ids do; None if there are several."""
    candidates = [column for column in columns if not column.time_readings and column.distinct > 1]
    return candidates[0] if len(candidates) == 1 and _may_be_id(candidates[0], rows) else None


def list_of_items(columns: list[Column]) -> Column | None:
    """Returns the list column whose name says item: `skus`, `items.item_id`; None if there is none."""
    lists = [column for column in columns if column.is_list and _holds_ids(column.values.type.value_type)]
    scored = [(_list_score(column), -at, column) for at, column in enumerate(lists)]
    best_entry = max(scored, key=lambda entry: entry[:2], default=(0, 0, None))
    return best_entry[2] if best_entry[0] > 0 else None


def fallback_of(user: Column, columns: list[Column]) -> Column | None:
    """Returns the column that fills gaps in the user's ids: `anonymousId` for a `userId` that is empty at times."""
    if not user.ids.null_count:
        return None
    others = [
        column
        for column in columns
        if id_score(column, role_words.USERS, role_words.USERS_BY_ID) and column.has(role_words.ANONYMOUS)
    ]
    filled = [column for column in others if column.ids.null_count < user.ids.null_count]
    return filled[0] if filled else None


def id_score(column: Column, words: frozenset[str], words_by_id: frozenset[str]) -> int:
    """Returns how strongly a name says that the column holds ids of what the words stand for; 0 if it does not."""
    if not has_id_type(column) or column.distinct_ids < 2:
        return 0
    parts = column.leaf_words
    rest = set(parts) - words
    named, marked = not words.isdisjoint(parts), not role_words.IDS.isdisjoint(parts)
    if not named and not (marked and not words_by_id.isdisjoint(parts)):
        return 0
    if (rest - words_by_id - role_words.IDS) & role_words.ATTRIBUTES:
        return 0
    return 1 + named * 2 + (marked or len(parts) == 1)


def has_id_type(column: Column) -> bool:
    """Returns whether the values could be ids."""
    return column.is_whole or (column.is_text and column.mean_words < 1.5) or pa.types.is_binary(column.values.type)


def _list_score(column: Column) -> int:
    plural = {word.removesuffix("s") for word in column.words} | set(column.words)
    named = not role_words.ITEMS.isdisjoint(plural)
    marked = not role_words.IDS.isdisjoint(plural)
    last = {column.leaf_words[-1].removesuffix("s")} if column.leaf_words else set()
    attribute = bool(last & (role_words.ATTRIBUTES - role_words.IDS)) and not marked
    return 0 if not named or attribute else 1 + marked + (not role_words.ITEMS.isdisjoint(last))


def _holds_ids(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_int64(kind))


def _may_be_id(column: Column, rows: int) -> bool:
    """Returns whether values recur, are many, and the name does not say otherwise."""
    many = 100 <= column.distinct_ids <= _MOST_OF_ONE_KIND * rows
    named = column.has(
        role_words.ATTRIBUTES | role_words.REQUESTS | role_words.VALUES | role_words.POSITIONS | role_words.EVENTS
    )
    return has_id_type(column) and many and not named
