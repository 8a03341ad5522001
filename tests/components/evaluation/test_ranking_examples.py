"""The rows that the ranking head is judged on, read back."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from small_recommenders import LAUNCH, events

from components.declaration import Log, Objective, Promotion
from components.evaluation import ranking_examples
from components.features.event_table import MISSING_INT
from components.features.training_data import matching

pytestmark = pytest.mark.tensorflow

TWO = dataclasses.replace(
    LAUNCH,
    log=Log(
        "e.csv",
        "user",
        "item",
        "time",
        event="event",
        impression="shown",
        request="request",
        context=("device", "age", "day"),
    ),
    objectives=(Objective("click", event="click"), Objective("buy", event="buy")),
    promotion=Promotion(ranking_slices=("users", "device", "day", "age")),
)
CONTEXT = {
    "device": np.array([b"tv", b"", b"tv", b"web", b"tv", b"tv"], object),
    "age": np.array([0.0, np.nan, 31.5, 0.0, 1.0, 1.0], np.float32),
    "day": np.array([1, MISSING_INT, 2, 0, 1, 1]),
}
LABELS = {"click": [-1, 1, 1, 0, MISSING_INT, 0], "buy": [-1, 0, 1, 0, 1, -1]}


def log(**changes):
    defaults = {"positive": [1, 0, 1, 0, 0, 0], "late": [0, 0, 1, 1, 1, 1], "context": CONTEXT, "labels": LABELS}
    return events("uuuuuu", "abcdef", [1, 2, 3, 4, 5, 6], **(defaults | changes))


def written(launch, table, folder):
    """The rows as dicts, and what `write` returned."""
    rows = ranking_examples.write(launch, table, str(folder))
    records = tf.data.TFRecordDataset(matching([f"{folder}/Split-eval/*"]), compression_type="GZIP").as_numpy_iterator()
    return rows, [plain(tf.train.Example.FromString(record)) for record in records]


def plain(example):
    features = example.features.feature
    return {
        name: list(getattr(feature, kind).value)
        for name, feature in features.items()
        if (kind := feature.WhichOneof("kind"))
    }


def test_rows_by_eye(tmp_path):
    count, rows = written(TWO, log(), tmp_path)
    # Of the eval rows c to f, e lacks one label and f the other.
    assert count == 2
    assert rows == [
        {
            "item": [b"c"],
            "history": [b"a"],
            "device": [b"tv"],
            "age": [31.5],
            "day": [2],
            "label_click": [1],
            "label_buy": [1],
        }
        | {"slice_users": [b"known users"], "slice_device": [b"tv"], "slice_day": [b"2"]},
        {
            "item": [b"d"],
            "history": [b"a", b"c"],
            "device": [b"web"],
            "age": [0.0],
            "day": [0],
            "label_click": [0],
            "label_buy": [0],
        }
        | {"slice_users": [b"known users"], "slice_device": [b"web"], "slice_day": [b"0"]},
    ]


def test_what_is_missing_stays_missing(tmp_path):
    _, rows = written(TWO, log(late=[0, 1, 0, 0, 0, 0]), tmp_path)
    slices = {"slice_users": [b"known users"], "slice_device": [b""], "slice_day": [b"%d" % MISSING_INT]}
    assert rows == [{"item": [b"b"], "history": [b"a"], "device": [b""], "label_click": [1], "label_buy": [0]} | slices]


def test_the_request_is_written_where_the_order_within_it_is_judged(tmp_path):
    by_request = dataclasses.replace(TWO, promotion=dataclasses.replace(TWO.promotion, request_ndcg=True))
    table = dataclasses.replace(log(), request=np.array([b"r1", b"r1", b"", b"r2", b"r3", b"r3"], object))
    assert [row.get("request") for row in written(TWO, table, tmp_path / "a")[1]] == [None, None]
    assert [row["request"] for row in written(by_request, table, tmp_path / "b")[1]] == [[b"row 2"], [b"r2"]]


def test_a_row_without_history_is_written(tmp_path):
    _, rows = written(TWO, log(positive=[0] * 6, late=[0, 0, 1, 0, 0, 0]), tmp_path)
    assert rows[0]["item"] == [b"c"]
    assert rows[0].get("history", []) == []


@pytest.mark.parametrize("changes", [{"late": [0] * 6}, {"labels": {name: [-1] * 6 for name in LABELS}}])
def test_no_row_is_a_file_without_rows(tmp_path, changes):
    assert written(TWO, log(**changes), tmp_path) == (0, [])
    assert matching([f"{tmp_path}/Split-eval/*"])


@pytest.mark.parametrize("seed", range(5))
def test_only_the_past_is_known(tmp_path, seed):
    rng = np.random.default_rng(seed)
    count = 80
    user, item, time = rng.integers(4, size=count), 10 + rng.integers(9, size=count), rng.permutation(count)
    positive, late = rng.random(count) < 0.5, time >= 50
    labels = {name: rng.integers(2, size=count) for name in LABELS}
    blank = {name: np.repeat(column[:1], count) for name, column in CONTEXT.items()}
    table = events(user, item, time, positive, late, blank, labels)
    later = time > 65
    changed = dataclasses.replace(table, item=np.where(later, b"new", table.item), positive=positive | later)

    _, rows = written(TWO, table, tmp_path / "a")
    _, again = written(TWO, changed, tmp_path / "b")

    query_rows = np.flatnonzero(late)
    for row, index in zip(rows, query_rows, strict=True):
        before = np.flatnonzero((user == user[index]) & (time < time[index]) & positive)
        expected = [b"%d" % item[one] for one in before[np.argsort(time[before])]][-TWO.model.history :]
        assert (row["item"], row.get("history", [])) == ([b"%d" % item[index]], expected)
    assert [row for row, index in zip(again, query_rows, strict=True) if not later[index]] == [
        row for row, index in zip(rows, query_rows, strict=True) if not later[index]
    ]
