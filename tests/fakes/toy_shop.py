"""A shop small enough to know by heart, for the tests of rules and model.

Six users click along the circle A B C D E F X. Before each click they were shown its item in the first slot, and
another item, which they did not click, in the second. The catalogue lists A to G: F is not active, nobody ever met G,
and X is in the log only.
"""

import atexit
import dataclasses
import functools
import os
import shutil
import tempfile
from collections.abc import Sequence

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from components.declaration import Catalogue, Launch, Log, Model, Objective, Split
from components.declaration.views import TransformView
from components.features import item_table
from components.features.event_table import MISSING_INT, EventTable
from components.features.preprocessing import LAUNCH_KEY, preprocessing_fn
from components.features.training_data import TrainingData
from components.models import training as model_training
from components.registry import export
from components.registry.recommender import Recommender
from components.rules import training as rules_training

# Keras 2.16 draws the seeds of its initializers in a way that Python 3.10 has deprecated.
KERAS_SEEDS = pytest.mark.filterwarnings("ignore:non-integer arguments to randrange:DeprecationWarning")
RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
CIRCLE = (b"A", b"B", b"C", b"D", b"E", b"F", b"X")
HOUR = 3_600_000_000
LAUNCH = Launch(
    name="toy",
    log=Log(
        *("log", "user", "item", "time"),
        time_unit="us",
        event="event",
        impression="shown",
        request="request",
        position="position",
        context=("device", "age:float"),
    ),
    catalogue=Catalogue("items", "item", title="title", categories=("kind",), numbers=("price",), active="active"),
    objectives=(Objective("click", event="click"), Objective("buy", event="buy", weight=5.0)),
    split=Split(eval_share=0.1),
    model=Model(dim=8, history=3, epochs=2, batch_users=4, learning_rate=0.01, top_k=4, ranking_epochs=1),
)
# No context, no catalogue, nothing to learn a ranking head from: ratings without a threshold.
PLAIN = Launch(
    name="plain",
    log=Log("log", "user", "item", "time", time_unit="us"),
    objectives=(Objective("like"),),
    split=Split(eval_share=0.1),
    model=dataclasses.replace(LAUNCH.model, top_k=100),  # more than there are
)
CATALOGUE = {
    "item": np.array([b"A", b"B", b"C", b"D", b"E", b"F", b"G"], object),
    "title": np.array([b"Mug A", b"Mug B", b"Hat C", b"Hat D", b"Mug E", b"Hat F", b""], object),
    "kind": np.array([b"mug", b"mug", b"hat", b"hat", b"mug", b"hat", b"mug"], object),
    "price": np.array([1, 2, 3, 4, 5, 6, 7], np.float32),
    "active": np.array([1, 1, 1, 1, 1, 0, 1]),
}
# What Transform reads: a and b of "device" twice and once, "tier" and "age" always there, "age:float" with a 0 and a
# gap.
CONTEXT_SPEC = {
    "time": tf.io.FixedLenFeature([1], tf.int64),
    "device": tf.io.VarLenFeature(tf.string),
    "age:float": tf.io.VarLenFeature(tf.float32),
    "tier": tf.io.FixedLenFeature([1], tf.string),
    "visits": tf.io.FixedLenFeature([], tf.int64),
    "never": tf.io.VarLenFeature(tf.float32),
}
CONTEXT_ROWS = (
    {"time": [1], "device": ["tv"], "age:float": [0.0], "tier": ["gold"], "visits": 1, "never": []},
    {"time": [2], "device": ["phone", "tv"], "age:float": [4.0, 99.0], "tier": ["tin"], "visits": 3, "never": []},
    {"time": [3], "device": [], "age:float": [], "tier": ["tin"], "visits": 5, "never": []},
    {"time": [4], "device": ["phone"], "age:float": [float("nan")], "tier": ["tin"], "visits": 7, "never": []},
)


def _folder() -> str:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def transform() -> tft.TFTransformOutput:
    """What Transform makes of `CONTEXT_ROWS`."""
    context = tuple(name for name in CONTEXT_SPEC if name != "time")
    return learnt(
        dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, context=context)), CONTEXT_SPEC, CONTEXT_ROWS
    )


def learnt(launch: Launch, spec: dict, examples: Sequence[dict]) -> tft.TFTransformOutput:
    """What Transform makes of examples of this feature spec."""
    folder = _folder()
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    transformation = functools.partial(preprocessing_fn, custom_config={LAUNCH_KEY: TransformView.of(launch).to_json()})
    with tft_beam.Context(temp_dir=os.path.join(folder, "work")), beam.Pipeline(runner=RUNNER) as pipeline:
        rows = pipeline | beam.Create(examples)
        function = (rows, metadata) | tft_beam.AnalyzeDataset(transformation)
        _ = function | tft_beam.WriteTransformFn(folder)
        _ = metadata | tft_beam.WriteMetadata(os.path.join(folder, "metadata"), pipeline)
    return tft.TFTransformOutput(folder)


def events(launch: Launch, users: int = 6, clicks: int = 9) -> EventTable:
    """The log of the shop: three rows per click, an hour from one to the next."""
    user, step = (place.ravel() for place in np.mgrid[:users, :clicks])
    clicked, passed = np.array(CIRCLE, object)[(user + step) % 7], np.array(CIRCLE, object)[(user + step + 3) % 7]
    time = step * HOUR + user
    none, ones = np.full(len(step), MISSING_INT), np.ones(len(step), np.int64)
    columns = {  # shown first, shown second, clicked
        "user": [np.array([b"u%d" % who for who in user], object)] * 3,
        "item": [clicked, passed, clicked],
        "time": [time, time, time + 1],
        "positive": [ones == 0, ones == 0, ones == 1],
        "position": [0 * ones, ones, none],
        "late": [ones == 0] * 3,
        "click": [ones, 0 * ones, none],
        "buy": [step % 2, 0 * ones, none],
        "device": [np.array([b"tv", b"phone", b""], object)[step % 3]] * 3,
        "age:float": [np.array([0.0, 4.0, np.nan], np.float32)[user % 3]] * 3,
    }
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    return EventTable(
        **{name: joined[name] for name in ("user", "item", "time", "positive", "position", "late")},
        labels={objective.name: joined[objective.name] for objective in launch.ranking_objectives},
        context={name: joined[name] for name in launch.log.context},
    )


def log(*rows, launch=PLAIN):
    """A log of (user, item, time) rows, all positive, without labels or context."""
    user, item, time = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    count = len(rows)
    return EventTable(
        user=np.array([*user, None], object)[:-1],
        item=np.array([*item, None], object)[:-1],
        time=np.array(time, np.int64),
        positive=np.ones(count, bool),
        position=np.full(count, -1),
        labels={objective.name: np.full(count, -1) for objective in launch.ranking_objectives},
        context={name: np.array([*[b"tv"] * count, None], object)[:-1] for name in launch.log.context},
        late=np.zeros(count, bool),
    )


def changed_after(log, moment):
    """The log with everything from the moment on made different."""
    late = log.time >= moment
    item = np.where(late, np.roll(log.item, 5), log.item)
    return dataclasses.replace(
        log, item=item, time=np.where(late, log.time + 1, log.time), positive=log.positive ^ late
    )


def data(launch: Launch = LAUNCH, log: EventTable | None = None) -> TrainingData:
    """What a trainer reads of the shop."""
    log = events(launch) if log is None else log
    columns = CATALOGUE if launch.catalogue else {}
    return TrainingData(launch, log, item_table.build(launch.catalogue, columns, log.item), transform(), columns)


@functools.cache
def recommender(kind: str, launch: Launch = LAUNCH) -> Recommender:
    """The "rules" or the "model" of the shop; made once, as training takes seconds."""
    train_data = data(launch)
    return (
        model_training.train(train_data)
        if kind == "model"
        else rules_training.count_rules(train_data, np.ones(len(train_data.events), bool), "covisitation")
    )


@functools.cache
def saved(kind: str, launch: Launch = LAUNCH) -> str:
    """The folder that the rules or the model are saved in."""
    folder = _folder()
    export.save(recommender(kind, launch), folder, {"kind": kind, "launch": launch.name})
    return folder
