"""The rules that need no event: they order the items by what the catalogue says of them.

They serve on a launch's first day, and stand behind all others ever after. The first item of an order has the score 1,
the last one 1 / n, in equal steps, so that a boost of 2 lifts the middle of the list to its top.

Letters: N rows of the item table, n items of the catalogue, c rows of the catalogue.
"""

import numpy as np
import pyarrow as pa

from components.declaration.views import CatalogueFeatures, ServingView
from components.errors import LogError
from components.features.item_table import MISSING_INT
from components.ingest.event_time import to_microseconds
from components.rules.rule_forms import PerItem, RuleLog


def catalogue_order(launch: ServingView, log: RuleLog) -> PerItem:
    """Ranks the items in the order of the catalogue's rows."""
    del launch
    return _rank_rows(log, _list_rows(log))


def newest(launch: ServingView, log: RuleLog) -> PerItem:
    """Ranks the newest items first, by `catalogue.added`; items without a time come last."""
    return _rank_rows(log, _sort_by_time(_catalogue(launch), log, _list_rows(log)))


def priority(launch: ServingView, log: RuleLog) -> PerItem:
    """Scores items by the number in `catalogue.priority`; items without one, or with 0 or less, have no score."""
    rows = _list_rows(log)
    numbers = _numbers(_read_column(log, _catalogue(launch).priority or "", rows))
    scores = np.zeros(len(log.items), np.float32)
    scores[rows] = np.where(np.isfinite(numbers) & (numbers > 0), numbers, 0.0)
    return PerItem(scores)


def round_robin(launch: ServingView, log: RuleLog) -> PerItem:
    """Alternates between the categories (the first of `catalogue.categories`): the first item of each, the second of each, and so on.

    Within a category the newest come first where the catalogue says when an item was added, else the catalogue's order.
    Categories take turns in the order in which they first appear in the catalogue. What is not active takes no turn.
    """
    catalogue, rows = _catalogue(launch), _list_rows(log)
    _, first, category = np.unique(
        _read_column(log, catalogue.categories[0], rows).astype(bytes), return_index=True, return_inverse=True
    )
    turn = dict(zip(rows.tolist(), np.argsort(np.argsort(first))[category.ravel()].tolist(), strict=True))
    rows = _sort_by_time(catalogue, log, rows) if catalogue.added else rows
    rows = rows[log.items.active[rows]]
    turns = np.array([turn[row] for row in rows.tolist()], np.int64)
    order = np.argsort(turns, kind="stable")
    number = np.empty(len(rows), np.int64)
    number[order] = np.arange(len(rows)) - np.searchsorted(turns[order], turns[order])
    return _rank_rows(log, rows[np.lexsort((turns, number))])


def _catalogue(launch: ServingView) -> CatalogueFeatures:
    assert launch.catalogue is not None  # the declaration refuses such a rule without one
    return launch.catalogue


def _list_rows(log: RuleLog) -> np.ndarray:
    """Returns the rows of the item table that the catalogue lists, in its order: [n] int64."""
    rows = np.flatnonzero(log.place >= 0)
    return rows[np.argsort(log.place[rows], kind="stable")]


def _read_column(log: RuleLog, column: str, rows: np.ndarray) -> np.ndarray:
    """Returns a column of the catalogue for rows of the item table: [n]."""
    return log.catalogue[column][log.place[rows]]


def _sort_by_time(catalogue: CatalogueFeatures, log: RuleLog, rows: np.ndarray) -> np.ndarray:
    """Sorts the rows, the last added first; the sort is stable."""
    return rows[
        np.argsort(-_moments(_read_column(log, catalogue.added or "", rows), catalogue.added or ""), kind="stable")
    ]


def _moments(column: np.ndarray, name: str) -> np.ndarray:
    """Converts a column of times to numbers: [n] float64, -inf for a missing time.

    Raises:
      LogError: for a text that is neither a number nor ISO 8601.
    """
    numbers = _numbers(column)
    if column.dtype == object:
        texts = pa.array([text.decode("utf-8", "replace") for text in column.tolist()], pa.string())
        times = to_microseconds(texts, "iso").to_numpy(zero_copy_only=False)
        numbers = np.where(np.isfinite(numbers), numbers, times)
        unread = ~np.isfinite(numbers) & (column != b"")
        if unread.any():
            problem = f"needs a date in ISO 8601 or a number, got {texts[int(np.flatnonzero(unread)[0])].as_py()!r}."
            raise LogError(f"catalogue, column {name!r}", problem, "Write it so, or leave launch.catalogue.added out.")
    return np.where(np.isfinite(numbers), numbers, -np.inf)


def _numbers(column: np.ndarray) -> np.ndarray:
    """Converts a column of numbers or texts to numbers: [n] float64, NaN for a missing one."""
    if column.dtype == object:
        return np.array([_number(text) for text in column.tolist()], np.float64)
    numbers = column.astype(np.float64)
    return np.where(column == MISSING_INT, np.nan, numbers) if column.dtype == np.int64 else numbers


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _rank_rows(log: RuleLog, rows: np.ndarray) -> PerItem:
    scores = np.zeros(len(log.items), np.float32)
    scores[rows] = np.arange(len(rows), 0, -1) / max(len(rows), 1)
    return PerItem(scores)
