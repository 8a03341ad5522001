"""The items of one version with their vectors: what a vector index is made from.

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
# What a row holds beside the declared columns of the catalogue; these two are added where rows leave the version's
# folder.
MODEL_VERSION, EVENT_TIMESTAMP = "model_version", "event_timestamp"
OWN = (ITEM, TITLE, ACTIVE, VECTOR, MODEL_VERSION, EVENT_TIMESTAMP)
_SHOWN = 3


class VectorsError(DayoneError):
    """Vectors cannot be exported as they are, or not to where they should go."""


@dataclasses.dataclass(frozen=True)
class ItemVectors:
    """Items and vectors of one version.

    Attributes:
      launch: the launch's name.
      version: the number of the version whose `embed_query` makes the queries that these vectors answer; no other
        version's queries fit.
      table: [n] rows: item_id string, title string, active bool, vector list of D float32, and the declared columns of
        the catalogue.
    """

    launch: str
    version: int
    table: pa.Table

    def __len__(self) -> int:
        """The number of items."""
        return int(self.table.num_rows)

    @property
    def dim(self) -> int:
        """D."""
        return int(self.table.schema.field(VECTOR).type.list_size)

    @property
    def ids(self) -> list[str]:
        """The item ids, in the order of the rows."""
        return self.table[ITEM].to_pylist()

    @property
    def matrix(self) -> np.ndarray:
        """[n, D] float32."""
        chunks = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in self.table[VECTOR].chunks]
        return np.concatenate([np.zeros(0, np.float32), *chunks]).reshape(-1, self.dim)

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that come from the catalogue."""
        return tuple(name for name in self.table.column_names if name not in OWN)

    def batches(self, size: int) -> Iterator["ItemVectors"]:
        """The rows in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield dataclasses.replace(self, table=self.table.slice(start, size))

    def records(self) -> list[dict[str, Any]]:
        """Per row what is known of the item, without the vector; what is missing is left out."""
        rows = self.table.drop([VECTOR]).to_pylist()
        return [{name: _plain(value) for name, value in row.items() if value is not None} for row in rows]

    def offered(self) -> "ItemVectors":
        """The items that may be recommended, checked: exactly what an index should hold.

        Raises:
          VectorsError: if there is none, an id is empty or comes twice, or a vector holds NaN or infinity. Whoever gets
            this far may delete what is not in here.
        """
        offered = dataclasses.replace(self, table=self.table.filter(self.table[ACTIVE]))
        if not len(offered):
            raise VectorsError(
                f"an export needs at least one active item, version {self.version} has none of {len(self):,}. Nothing was written, sent or deleted."
            )
        ids = offered.table[ITEM]
        self._refuse(offered, pc.equal(ids, "").to_numpy(), "an id for every item", "an empty one")
        repeated = np.isin(
            ids.to_numpy(), pc.value_counts(ids).filter(_repeated(ids)).field("values").to_numpy(zero_copy_only=False)
        )
        self._refuse(offered, repeated, "each item once", "repeated ids")
        self._refuse(offered, ~np.isfinite(offered.matrix).all(axis=1), "finite numbers", "NaN or infinity")
        return offered

    def directed(self) -> "ItemVectors":
        """The rows whose vector is not zero: of a new item without features the model knows nothing, and a zero has no cosine."""
        return dataclasses.replace(self, table=self.table.filter(pa.array(self.matrix.any(axis=1))))

    def _refuse(self, offered: "ItemVectors", wrong: np.ndarray, needed: str, got: str) -> None:
        rows = np.flatnonzero(wrong)
        if len(rows):
            shown = ", ".join(repr(offered.table[ITEM][int(row)].as_py()) for row in rows[:_SHOWN])
            shown += ", ..." if len(rows) > _SHOWN else ""
            raise VectorsError(
                f"an export needs {needed}, version {self.version} has {got} in {len(rows):,} of {len(offered):,} items: {shown}. "
                "Nothing was written, sent or deleted. Export another version (--version), and roll this one back."
            )


def _plain(value: Any) -> Any:
    """The examples hold float32: 37.55 comes back as 37.54999923706055, and is 37.55 again."""
    return float(f"{value:.7g}") if isinstance(value, float) else value


def _repeated(ids: pa.ChunkedArray) -> pa.Array:
    return pc.greater(pc.value_counts(ids).field("counts"), 1)
