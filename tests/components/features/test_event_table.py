"""Reading examples into columns, and columns into the roles of the log."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from components.declaration import Launch, Log, Objective, Split
from components.features import event_table
from components.features.event_table import MISSING_INT, read_columns, read_events

pytestmark = pytest.mark.tensorflow

LAUNCH = Launch(
    name="toy",
    log=Log(
        *("log", "user:token", "item:token", "time"),
        event="event",
        impression="shown",
        request="request",
        position="position",
        context=("device:token", "age"),
    ),
    objectives=(Objective("click", event="click"), Objective("buy", event="buy")),
    split=Split(eval_share=0.1),
)
SCHEMA = {
    "event": tf.io.FixedLenFeature([1], tf.string),
    "position": tf.io.VarLenFeature(tf.int64),
    "device:token": tf.io.VarLenFeature(tf.string),
    "age": tf.io.VarLenFeature(tf.float32),
    "not declared": tf.io.VarLenFeature(tf.float32),
}
ROW = {"user:token": [b"u"], "item:token": [b"i"], "time": [5], "event": [b"click"]}


def _feature(values):
    if not values:
        return tf.train.Feature()
    if isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _write(folder, rows, name="data.gz"):
    path = str(folder / name)
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for row in rows:
            features = {column: _feature(values) for column, values in row.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return path


SPEC = {"s:x": tf.io.VarLenFeature(tf.string), "i": tf.io.VarLenFeature(tf.int64), "f": tf.io.VarLenFeature(tf.float32)}


def test_a_row_has_the_first_value_of_each_column_or_the_missing_marker(tmp_path):
    rows = [
        {"s:x": [b"a", b"b"], "i": [0, 9], "f": [0.0, 9.0]},
        {"s:x": [], "f": []},
        {"s:x": [b""], "i": [-3], "f": [1.5], "more": [b"z"]},
    ]
    columns = read_columns([_write(tmp_path, rows)], SPEC)
    assert columns["s:x"].tolist() == [b"a", b"", b""]
    assert columns["i"].tolist() == [0, MISSING_INT, -3]
    np.testing.assert_array_equal(columns["f"], np.array([0, np.nan, 1.5], np.float32))


def test_a_column_that_no_row_has(tmp_path):
    columns = read_columns([_write(tmp_path, [{"i": [1]}, {"i": [2]}])], SPEC)
    assert columns["s:x"].tolist() == [b"", b""]
    assert np.isnan(columns["f"]).all()


@pytest.mark.parametrize("files", [0, 1, 2])
def test_no_rows(tmp_path, files):
    columns = read_columns([_write(tmp_path, [], f"{number}.gz") for number in range(files)], SPEC)
    assert {name: (column.shape, column.dtype) for name, column in columns.items()} == {
        "s:x": ((0,), np.dtype(object)),
        "i": ((0,), np.dtype(np.int64)),
        "f": ((0,), np.dtype(np.float32)),
    }


@pytest.mark.parametrize("batch", [1, 3, 4, 100])
def test_several_files_and_batches_keep_the_order_of_the_rows(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(event_table, "BATCH_ROWS", batch)
    files = [
        _write(tmp_path, [{"i": [number], "s:x": [b"%d" % number]} for number in part], f"{part[0]}.gz")
        for part in ([0, 1, 2], [3], [4, 5, 6, 7])
    ]
    columns = read_columns(files, SPEC)
    assert columns["i"].tolist() == list(range(8))
    assert columns["s:x"].tolist() == [b"%d" % number for number in range(8)]


def test_equal_texts_are_held_once(tmp_path, monkeypatch):
    monkeypatch.setattr(event_table, "BATCH_ROWS", 2)
    cells = read_columns([_write(tmp_path, [{"s:x": [text]} for text in (b"u1", b"u2", b"u1", b"u2", b"u1")])], SPEC)[
        "s:x"
    ]
    assert cells.tolist() == [b"u1", b"u2", b"u1", b"u2", b"u1"]
    assert len({id(text) for text in cells}) == 2


def test_roles_of_three_rows(tmp_path):
    early = [
        ROW
        | {
            "event": [b"shown"],
            "position": [3],
            "device:token": [b"tv"],
            "age": [7.0],
            "label_click": [1],
            "label_buy": [0],
        },
        ROW | {"event": [b"buy"], "time": [6]},
    ]
    late = [ROW | {"user:token": [b"v"], "time": [9]}]
    splits = [([_write(tmp_path, early, "early.gz")], False), ([_write(tmp_path, late, "late.gz")], True)]
    events = read_events(LAUNCH, splits, SCHEMA)
    assert len(events) == 3
    assert events.user.tolist() == [b"u", b"u", b"v"]
    assert events.time.tolist() == [5, 6, 9]
    assert events.positive.tolist() == [False, True, True]
    assert events.position.tolist() == [3, MISSING_INT, MISSING_INT]
    assert {name: label.tolist() for name, label in events.labels.items()} == {
        "click": [1, MISSING_INT, MISSING_INT],
        "buy": [0, MISSING_INT, MISSING_INT],
    }
    assert events.context["device:token"].tolist() == [b"tv", b"", b""]
    assert events.context["age"][0] == 7
    assert np.isnan(events.context["age"][1:]).all()
    assert events.late.tolist() == [False, False, True]
    assert events.rows(events.late).user.tolist() == [b"v"]
    chosen = events.rows(np.array([2, 0]))
    assert (chosen.time.tolist(), chosen.labels["click"].tolist(), chosen.context["device:token"].tolist()) == (
        [9, 5],
        [MISSING_INT, 1],
        [b"", b"tv"],
    )


def test_without_event_and_position_every_row_is_a_positive_without_position(tmp_path):
    launch = dataclasses.replace(
        LAUNCH,
        log=Log("log", "user:token", "item:token", "time", value="age"),
        objectives=(Objective("like", value_at_least=4.0),),
    )
    events = read_events(launch, [([_write(tmp_path, [ROW | {"label_like": [1]}])], False)], {})
    assert (events.positive.tolist(), events.position.tolist(), events.context) == ([True], [MISSING_INT], {})
    assert events.labels["like"].tolist() == [1]


def test_events_may_be_numbers_and_positions_floats(tmp_path):
    objectives = (Objective("click", event="1"), Objective("buy", event="22"))
    launch = dataclasses.replace(
        LAUNCH, objectives=objectives, log=dataclasses.replace(LAUNCH.log, impression="0", context=())
    )
    schema = {"event": tf.io.VarLenFeature(tf.int64), "position": tf.io.VarLenFeature(tf.float32)}
    rows = [
        ROW | {"event": [kind], "position": position}
        for kind, position in ((0, [2.0]), (1, []), (22, [float("nan")]), (2, [0.0]))
    ]
    events = read_events(launch, [([_write(tmp_path, rows)], False)], schema)
    assert events.positive.tolist() == [False, True, True, False]
    assert events.position.tolist() == [2, MISSING_INT, MISSING_INT, 0]
    assert events.position.dtype == np.int64


def test_only_columns_with_a_role_are_parsed():
    spec = event_table.feature_spec(LAUNCH, SCHEMA)
    assert set(spec) == {
        "user:token",
        "item:token",
        "time",
        "event",
        "position",
        "device:token",
        "age",
        "label_click",
        "label_buy",
    }
    assert spec["age"].dtype == tf.float32
