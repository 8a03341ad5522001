"""Reads the input of the rule-based and the model Trainer from TFX artifacts: the training events and the items."""

import dataclasses
import functools
import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components.declaration import Catalogue
from components.declaration.views import CatalogueFeatures, ServingView, TrainerView
from components.features import item_table
from components.features.event_table import EventTable, read_columns, read_events
from components.features.id_codes import codes
from components.features.item_table import ItemTable
from components.features.preprocessing import CATALOGUE_URI, LAUNCH_KEY

CATALOGUE_SPLIT = "Split-all"
PART_KEY = "part"
_KINDS_BATCH = 1024


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of the training events: those before a moment, of some of the users.

    Attributes:
      before: microseconds since the epoch; None for all of the time.
      users: the share of the users, in (0, 1].
      draw: the number of the random draw of users.
    """

    before: int | None = None
    users: float = 1.0
    draw: int = 0

    def choose(self, events: EventTable, seed: int) -> np.ndarray:
        """Returns which events belong to the part: [n] bool."""
        kept = np.ones(len(events), bool) if self.before is None else events.time < self.before
        if self.users == 1:
            return kept
        user, ids = codes(events.user)
        order = np.random.default_rng((seed, self.draw)).permutation(len(ids))
        return kept & np.isin(user, order[: round(self.users * len(ids))])


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """The input of a Trainer.

    Attributes:
      launch: the step's view of the declaration.
      events: the events of the train split.
      items: the item table.
      transform: the transform graph.
      catalogue: catalogue column to [rows] array, as its examples hold it; empty without a catalogue.
    """

    launch: Any
    events: EventTable
    items: ItemTable
    transform: tft.TFTransformOutput
    catalogue: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def item_rows(self) -> np.ndarray:
        """[n] int32, the item-table row of each event."""
        return self.items.rows_of(self.events.item)


def read(fn_args: Any, view: type[ServingView] = TrainerView) -> TrainingData:
    """Reads the artifacts that TFX's Trainer passes to a `run_fn`.

    Args:
      fn_args: `tfx.components.trainer.fn_args_utils.FnArgs`; its custom_config holds `launch` (a view as JSON),
        `catalogue_uri` ("" for none) and, where only a part of the events is learnt from, `part` (the fields of `Part`).
      view: the class of that view.
    """
    launch = view.from_json(fn_args.custom_config[LAUNCH_KEY])
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    events = read_events(launch, [(matching(fn_args.train_files), False)], transform.raw_feature_spec())
    if PART_KEY in fn_args.custom_config:
        events = events.rows(Part(**fn_args.custom_config[PART_KEY]).choose(events, launch.seed))
    columns = read_catalogue(launch.catalogue, fn_args.custom_config.get(CATALOGUE_URI, "")) if launch.catalogue else {}
    return TrainingData(launch, events, item_table.build(launch.catalogue, columns, events.item), transform, columns)


def count_positives(launch: ServingView, patterns: list[str]) -> int:
    """Returns how many examples of the train split an objective names."""
    files, event = matching(patterns), launch.log.event
    columns = read_named(files, (event or launch.log.user,))
    values = next(iter(columns.values()))
    named = np.array([name.encode() for name in launch.positive_events], bytes)
    return int(np.isin(values.astype(bytes), named).sum()) if event else len(values)


def matching(patterns: list[str]) -> list[str]:
    """Returns the files that match any pattern, sorted, so that rows come in the same order in every run."""
    return sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))


def read_catalogue(catalogue: Catalogue | CatalogueFeatures, uri: str) -> dict[str, np.ndarray]:
    """Reads the declared columns of the catalogue's examples; the dtype of a column is that of its first value."""
    files = matching([os.path.join(uri, CATALOGUE_SPLIT, "*")])
    return read_named(files, catalogue.columns())


def read_named(files: list[str], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Reads columns of examples without a schema; the dtype of a column is that of its first value."""
    kinds = _kinds(files, names)
    return read_columns(files, {name: tf.io.VarLenFeature(kinds.get(name, tf.string)) for name in names})


def _kinds(files: list[str], names: Sequence[str]) -> dict[str, tf.DType]:
    """Returns the dtype of each column, taken from the first example that has a value.

    Reads all examples if a column has no value in any, 100,000 in about a second.
    """
    of_list = {"bytes_list": tf.string, "int64_list": tf.int64, "float_list": tf.float32}
    kinds: dict[str, tf.DType] = {}
    # Batches are five times as fast as single records.
    batches = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_KINDS_BATCH).as_numpy_iterator()
    for record in itertools.chain.from_iterable(batches):
        features = tf.train.Example.FromString(record).features.feature
        for name in names:
            if name not in kinds and name in features and features[name].WhichOneof("kind"):
                kinds[name] = of_list[features[name].WhichOneof("kind")]
        if len(kinds) == len(names):
            break
    return kinds
