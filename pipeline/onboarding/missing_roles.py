"""The message of `new` for a log without a column for the user, the item or the time."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.onboarding import id_proposal, role_words, time_proposal
from pipeline.onboarding.column_profile import Column

_MOST_SHOWN = 12
_LIST_MARKS = ("|", ",", ";", " ")
_LISTS = 0.5
_PLURALS = frozenset(f"{word}s" for word in role_words.ITEMS)


def missing_text(name: str, taken: Mapping[str, str], free: Sequence[Column], missing: Sequence[str]) -> str:
    """Returns the message that names what is missing, what was taken and why, and the candidates.

    Args:
      name: of the log.
      taken: the roles that were found: role to "'column' (reason)".
      free: the columns without a role.
      missing: the roles without a column.
    """
    meanings = {"user": "the user's id", "item": "the item's id", "time": "the time"}
    head = f"{name}: no column could be taken for {' or '.join(meanings[role] for role in missing)}."
    assigned = "".join(f"\n  found: {role} = {column}" for role, column in taken.items())
    rest = "".join(f"\n  {column.name}: {column.describe()}{_why_not(column)}" for column in free[:_MOST_SHOWN])
    rest += f"\n  and {hidden} more" if (hidden := len(free) - _MOST_SHOWN) > 0 else ""
    options = " ".join(f"--{role} COL" for role in missing)
    why = "\nDayone learns from what the same user did, with which item, and when: a log without one of these cannot be used as it is."
    return f"{head}{assigned}\n  candidates:{rest}{why}\nIf one of the columns is it, say which: {options}. If none is, add it to the log."


def _why_not(column: Column) -> str:
    if not len(column.present):
        return " (empty in every row)"
    if mark := _list_mark(column):
        return f" (a list written as text, its elements separated by {mark!r}: write a row per element, or a list in JSONL or Parquet)"
    if column.has(role_words.TIMES) and not column.time_readings and len(column.present):
        shares = time_proposal.shares_text(column)
        return shares or f" (not read as a time; a time needs {time_proposal.TIMES})"
    about = "user" if column.has(role_words.USERS) else "item" if column.has(role_words.ITEMS) else ""
    if about and column.distinct_ids == 1 and id_proposal.has_id_type(column):
        return f" (only one {about}: nothing can be learnt from that)"
    return f" (describes the {about}, does not name it)" if about else ""


def _list_mark(column: Column) -> str:
    """Returns what separates the elements of a list that is written as text, as in "i35|i30" or ["i35", "i30"]; "" if it is none."""
    if not column.is_text or not column.has(role_words.ITEMS | _PLURALS):
        return ""
    shares = {
        mark: float(pc.mean(pc.greater(pc.count_substring(column.present, mark), 0).cast(pa.float64())).as_py() or 0.0)
        for mark in _LIST_MARKS
    }
    best = max(shares, key=lambda mark: shares[mark])
    return best if shares[best] >= _LISTS else ""
