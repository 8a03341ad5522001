"""The items of one version with their vectors, from which vector indexes are built.

Letters: n items, D vector size.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import DayoneError

ITEM, TITLE, ACTIVE, VECTOR = "item_id", "title", "active", "vector"
# The columns of a row in addition to the catalogue's; these two are added when rows leave the version's folder.
MODEL_VERSION, EVENT_TIMESTAMP = "model_version", "event_timestamp"
OWN = (ITEM, TITLE, ACTIVE, VECTOR, MODEL_VERSION, EVENT_TIMESTAMP)
_SHOWN = 3


class VectorsError(DayoneError):
    """The vectors are not fit for an export, or the sink does not take them."""


@dataclasses.dataclass(frozen=True)
class ItemVectors:
    """Items and vectors of one version.

    Attributes:
      launch: the launch's name.
      version: the version's number; only the `embed_query` of this version gives queries that fit its vectors.
      table: [n] rows: item_id string, title string, active bool, vector list of D float32, and the declared columns of
        the catalogue.
    """

    launch: str
    version: int
    table: pa.Table

    def __len__(self) -> int:
        """Returns the number of items."""
        return int(self.table.num_rows)

    @property
    def dim(self) -> int:
        """D, the size of a vector."""
        return int(self.table.schema.field(VECTOR).type.list_size)

    @property
    def ids(self) -> list[str]:
        """The item ids, in the order of the rows."""
        return self.table[ITEM].to_pylist()

    @property
    def matrix(self) -> np.ndarray:
        """[n, D] float32, the vectors in the order of the rows."""
        chunks = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in self.table[VECTOR].chunks]
        return np.concatenate([np.zeros(0, np.float32), *chunks]).reshape(-1, self.dim)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the catalogue columns."""
        return tuple(name for name in self.table.column_names if name not in OWN)

    def batches(self, size: int) -> Iterator["ItemVectors"]:
        """Yields the rows in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield dataclasses.replace(self, table=self.table.slice(start, size))

    def records(self) -> list[dict[str, Any]]:
        """Returns the columns of each row without its vector and missing values."""
        rows = self.table.drop([VECTOR]).to_pylist()
        return [{name: _plain(value) for name, value in row.items() if value is not None} for row in rows]

    def select_active(self) -> "ItemVectors":
        """Returns the active items after checking them; an index should hold exactly these.

        Raises:
          VectorsError: if no item is active, an id is empty or repeated, or a vector holds NaN or infinity. The checks
            precede any deletion, as sinks delete all other items.
        """
        active = dataclasses.replace(self, table=self.table.filter(self.table[ACTIVE]))
        if not len(active):
            raise VectorsError(
                f"an export needs at least one active item, version {self.version} has none of {len(self):,}. Nothing was written, sent or deleted."
            )
        ids = active.table[ITEM]
        self._reject(active, pc.equal(ids, "").to_numpy(), "an id for every item", "an empty one")
        self._reject(active, _is_repeated(ids), "each item once", "repeated ids")
        self._reject(active, ~np.isfinite(active.matrix).all(axis=1), "finite numbers", "NaN or infinity")
        return active

    def select_nonzero(self) -> "ItemVectors":
        """Returns the rows whose vector is not zero.

        The model has no vector for a new item without features, and the cosine with a zero vector is undefined.
        """
        return dataclasses.replace(self, table=self.table.filter(pa.array(self.matrix.any(axis=1))))

    def _reject(self, active: "ItemVectors", invalid: np.ndarray, needed: str, got: str) -> None:
        rows = np.flatnonzero(invalid)
        if len(rows):
            shown = ", ".join(repr(active.table[ITEM][int(row)].as_py()) for row in rows[:_SHOWN])
            shown += ", ..." if len(rows) > _SHOWN else ""
            raise VectorsError(
                f"an export needs {needed}, version {self.version} has {got} in {len(rows):,} of {len(active):,} items: {shown}. "
                "Nothing was written, sent or deleted. Export another version (--version), and roll this one back."
            )


def _plain(value: Any) -> Any:
    """Rounds a float32 of the examples to its 7 significant digits: 37.54999923706055 becomes 37.55."""
    return float(f"{value:.7g}") if isinstance(value, float) else value


def _is_repeated(ids: pa.ChunkedArray) -> np.ndarray:
    counts = pc.value_counts(ids)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    return np.isin(ids.to_numpy(), repeated.to_numpy(zero_copy_only=False))
