"""A generated sample as ExampleGen and Transform would hand it to the trainers, without the steps, together with the truth."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import bench_protocols as protocols
import numpy as np
import pyarrow as pa
import tensorflow as tf
import toy_shop

from components.features import item_table
from components.features.event_table import MISSING_INT, EventTable
from components.features.training_data import TrainingData
from components.ingest import labels, time_split
from components.ingest.log_files import find_files
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from pipeline import launches

SCRIPT = Path(__file__).resolve().parents[2] / "data" / "generate.py"
SHOP = launches.load("shop")


@dataclasses.dataclass(frozen=True)
class Sample:
    """A sample.

    Attributes:
      events: of both splits.
      catalogue: its declared columns.
      relevance: [n] float32, the generator's P(click) if looked at, of what was shown; NaN elsewhere.
    """

    launch: object
    events: EventTable
    catalogue: dict
    transform: object
    relevance: np.ndarray

    def training(self, launch=None):
        """What the trainers read: the events before the cut; with another declaration of the same columns, if one is given."""
        launch, early = launch or self.launch, self.events.rows(~self.events.late)
        items = item_table.build(launch.catalogue, self.catalogue, early.item)
        return TrainingData(launch, early, items, self.transform, self.catalogue)


def generated(folder, events, seed, users=None):
    """Generates a sample into the folder and reads it."""
    size = ["--events", str(events), "--seed", str(seed), *(["--users", str(users)] if users else [])]
    subprocess.run([sys.executable, SCRIPT, *size, "--out", folder], check=True, capture_output=True)
    return read(folder, dataclasses.replace(SHOP, seed=seed))


def read(folder, launch):
    """Reads the sample of a folder."""
    log = launch.log
    reader = LogReader(find_files(str(folder), log.path), Layout.of_log(log))
    names = (log.user, log.item, log.event, log.request, log.position, *log.context)
    columns = reader.settle((log.time, *names))
    time = columns[log.time].to_numpy()
    cut = time_split.cut_time(time, launch.split)
    label_columns = labels.label_rows(columns, time, cut, launch)
    texts = {
        name: np.array([(value or "").encode() for value in columns[name].to_pylist()], object)
        for name in names
        if name != log.position
    }
    events = EventTable(
        texts[log.user],
        texts[log.item],
        time,
        np.isin(texts[log.event].astype(bytes), [name.encode() for name in launch.positive_events]),
        columns[log.position].cast(pa.int64()).fill_null(MISSING_INT).to_numpy(),
        {objective.name: label_columns[objective.label].astype(np.int64) for objective in launch.ranking_objectives},
        {name: texts[name] for name in log.context},
        time >= cut,
    )
    with np.load(Path(folder) / "truth" / "truth.npz") as truth:
        relevance = truth["event_relevance"]
    return Sample(launch, events, protocols.read_catalogue(launch, str(folder)), _transform(launch, events), relevance)


def _transform(launch, events):
    """Transform's graph, learnt from every different context of the training split."""
    spec = {launch.log.time: tf.io.FixedLenFeature([1], tf.int64)} | {
        name: tf.io.VarLenFeature(tf.string) for name in launch.log.context
    }
    early = ~events.late
    met = sorted(set(zip(*(events.context[name][early].tolist() for name in launch.log.context), strict=True)))
    rows = [
        {launch.log.time: [0]} | {name: [value] for name, value in zip(launch.log.context, row, strict=True)}
        for row in met
    ]
    return toy_shop.learnt(launch, spec, rows)
