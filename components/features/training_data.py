"""What the trainers of the rules and of the model read: the training events and the items, from TFX's artifacts."""

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
from components.features.item_table import ItemTable
from components.features.preprocessing import CATALOGUE_URI, LAUNCH_KEY

CATALOGUE_SPLIT = "Split-all"
_KINDS_BATCH = 1024


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """The events of the train split, the items, the transform graph, and the catalogue's columns as its examples have them."""

    launch: Any
    events: EventTable
    items: ItemTable
    transform: tft.TFTransformOutput
    catalogue: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def item_rows(self) -> np.ndarray:
        """[n] int32, the row of the item table of each event."""
        return self.items.rows_of(self.events.item)


def read(fn_args: Any, view: type[ServingView] = TrainerView) -> TrainingData:
    """Reads what TFX's Trainer hands to a `run_fn`.

    Args:
      fn_args: `tfx.components.trainer.fn_args_utils.FnArgs`; its custom_config holds `launch` (a view as JSON) and
        `catalogue_uri` ("" for none).
      view: the class of that view.
    """
    launch = view.from_json(fn_args.custom_config[LAUNCH_KEY])
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    events = read_events(launch, [(matching(fn_args.train_files), False)], transform.raw_feature_spec())
    columns = read_catalogue(launch.catalogue, fn_args.custom_config.get(CATALOGUE_URI, "")) if launch.catalogue else {}
    return TrainingData(launch, events, item_table.build(launch.catalogue, columns, events.item), transform, columns)


def matching(patterns: list[str]) -> list[str]:
    """The files of some patterns, sorted, so that rows come in the same order in every run."""
    return sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))


def read_catalogue(catalogue: Catalogue | CatalogueFeatures, uri: str) -> dict[str, np.ndarray]:
    """The declared columns of the catalogue's examples; each column's kind is that of its first value."""
    files = matching([os.path.join(uri, CATALOGUE_SPLIT, "*")])
    return read_named(files, catalogue.columns())


def read_named(files: list[str], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns of examples whose types nobody says: each column's kind is that of its first value."""
    kinds = _kinds(files, names)
    return read_columns(files, {name: tf.io.VarLenFeature(kinds.get(name, tf.string)) for name in names})


def _kinds(files: list[str], wanted: Sequence[str]) -> dict[str, tf.DType]:
    """The dtype of each column, by the first example that has it; for one that none has all are read, 100,000 in about a second."""
    of_list = {"bytes_list": tf.string, "int64_list": tf.int64, "float_list": tf.float32}
    kinds: dict[str, tf.DType] = {}
    # One by one out of TensorFlow they take five times as long.
    batches = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_KINDS_BATCH).as_numpy_iterator()
    for record in itertools.chain.from_iterable(batches):
        features = tf.train.Example.FromString(record).features.feature
        for name in wanted:
            if name not in kinds and name in features and features[name].WhichOneof("kind"):
                kinds[name] = of_list[features[name].WhichOneof("kind")]
        if len(kinds) == len(wanted):
            break
    return kinds
