"""Slices that a launch declares: by a category of the item that was taken, and by a team's function of the queries.

Letters: q queries, r rows of the catalogue.
"""

from collections.abc import Mapping

import numpy as np

from components.declaration.functions import is_own, load_function
from components.declaration.rule_names import short_name
from components.declaration.views import RetrievalView
from components.errors import DeclarationError
from components.evaluation.slices import by_value
from components.metrics import queries
from components.metrics.queries import Queries

_FIELD = "launch.promotion.slices"


def columns(launch: RetrievalView) -> tuple[str, ...]:
    """Returns the columns of the catalogue that the declared slices read, the id first; () for none."""
    named = tuple(name for name in launch.promotion.slices if not is_own(name))
    return (launch.catalogue.item, *named) if named and launch.catalogue else ()


def masks(launch: RetrievalView, asked: Queries, catalogue: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the queries of each declared slice: name to [q] bool. Slices without a query are left out.

    Args:
      launch: the declaration.
      asked: the queries.
      catalogue: column to [r] array, of `columns`.

    Raises:
      DeclarationError: if a team's function does not exist, or returns anything but a truth or a text per query.
    """
    by_name: dict[str, np.ndarray] = {}
    for name in launch.promotion.slices:
        if is_own(name):
            by_name |= _of_function(name, asked)
        elif launch.catalogue:
            ids = catalogue[launch.catalogue.item]
            by_name |= _of_items(name, queries.columns_of(asked.target, ids), catalogue[name])
    return {name: mask for name, mask in by_name.items() if mask.any()}


def _of_items(name: str, row: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the slices of a category; items outside the catalogue, [q] row -1, are in none."""
    listed = np.flatnonzero(row >= 0)
    by_name = {}
    for slice_name, mask in by_value(name, values[row[listed]]).items():
        by_name[slice_name] = np.zeros(len(row), bool)
        by_name[slice_name][listed[mask]] = True
    return by_name


def _of_function(path: str, asked: Queries) -> dict[str, np.ndarray]:
    values = np.asarray(load_function(_FIELD, path)(asked))
    if values.shape != (len(asked),) or values.dtype.kind not in "bUSO":
        fix = f"It returned {values.dtype} of shape {values.shape} for {len(asked)} queries."
        raise DeclarationError(_FIELD, path, "a function that returns a truth or a text for each query", fix)
    name = short_name(path)
    return {name: values} if values.dtype == bool else by_value(name, values.astype(str))
