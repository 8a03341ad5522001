"""Examples equal the log: generated tables go through every format and our ExampleGen, and come back as they were."""

import csv
import dataclasses
import datetime as dt
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from executed_node import features_of, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.declaration import Launch, Log, Objective, Split
from components.errors import LogError
from components.ingest.example_gen import events_example_gen

pytestmark = pytest.mark.tensorflow

LAUNCH = Launch(
    "shop", Log("log", "user", "item", "time", not_before=None), Split(eval_from="2020-01-01"), (Objective("any"),)
)
CUT = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
# What a CSV file can tell apart from other types: a text column that looks like numbers would be read as numbers.
WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\0"), max_size=8).map(
    lambda text: "w" + text
)
TEXT = st.one_of(st.just(""), st.text(st.characters(exclude_categories=("Cs",)), max_size=8), st.just("longé" * 40))
KINDS = {
    "whole": (pa.int64(), st.sampled_from([0, -1, 1, 2**63 - 1, -(2**63)]) | st.integers(-(2**53), 2**53)),
    "real": (
        pa.float64(),
        st.sampled_from([0.0, -0.0, 0.1]) | st.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    "flag": (pa.bool_(), st.booleans()),
    "text": (pa.string(), TEXT),
    "nothing": (pa.null(), st.none()),
    "moment": (
        pa.timestamp("us"),
        st.integers(0, 2**52).map(lambda time: (CUT + dt.timedelta(microseconds=time)).replace(tzinfo=None)),
    ),
    "zoned": (pa.timestamp("ns", "Asia/Tokyo"), st.integers(0, 2**60)),
    "small": (pa.uint8(), st.integers(0, 255)),
    "kind": (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["", "a", "é"])),
    "words": (pa.list_(pa.string()), st.lists(TEXT, max_size=3)),
    "numbers": (pa.list_(pa.int64()), st.lists(st.integers(-5, 5), max_size=3)),
}
IN_CSV = ("whole", "real", "flag", "words_only", "text_or_empty")
IN_JSON = ("whole", "real", "flag", "text", "nothing", "words", "numbers")
IDS = st.integers(-(2**63), 2**63 - 1).map(str) | st.text(
    st.characters(exclude_categories=("Cs", "Cc")), max_size=8
).map(lambda text: "w" + text)
TIMES = st.sampled_from(["s", "ms", "us", "iso"])


EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def drawn_rows(names, kinds=KINDS):
    return st.lists(
        st.fixed_dictionaries({"user": IDS, "item": IDS} | {name: st.none() | kinds[name][1] for name in names}),
        max_size=6,
    )


def with_times(rows, unit):
    """The rows, half before the cut and half after, with their times in microseconds and as the log writes them."""
    moments = [CUT + dt.timedelta(hours=13 * place - 20) for place in range(len(rows))]
    factor = {"s": 1, "ms": 1000, "us": 1_000_000}
    texts = [moment.isoformat() if unit == "iso" else round(moment.timestamp() * factor[unit]) for moment in moments]
    return [row | {"time": text} for row, text in zip(rows, texts, strict=True)], [
        round(moment.timestamp() * 1_000_000) for moment in moments
    ]


def expected(rows, times):
    """What the examples should hold: lists of bytes, int64 and float32, nothing where the log has nothing."""
    features = []
    for row, time in zip(rows, times, strict=True):
        values = {
            name: value if isinstance(value, list) else [value]
            for name, value in (row | {"time": time}).items()
            if value is not None
        }
        features.append({name: [as_feature(name, value) for value in parts] for name, parts in values.items()})
    return features


def as_feature(name, value):
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dt.datetime):
        # In whole numbers: microseconds as a float are wrong by one from the year 2106 on.
        return (value.replace(tzinfo=dt.timezone.utc) - EPOCH) // dt.timedelta(microseconds=1)
    if name == "zoned":
        return value // 1000
    return float(np.float32(value)) if isinstance(value, float) else int(value)


def ingested(folder, name, content, unit):
    """The examples of a log of one file, in the order of their time; the error's text if there is one."""
    (folder / name).write_bytes(content)
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, path=name, time_unit=unit))
    examples = run(events_example_gen(launch, str(folder), "code"), folder)
    rows = features_of(examples, "train") + features_of(examples, "eval")
    return sorted(({name: value for name, value in row.items() if value} for row in rows), key=lambda row: row["time"])


def check(folder, name, content, rows, times, unit):
    """A log of no row, or of rows on one side of the cut only, is an error; any other comes back as it was."""
    if len(rows) < 3:
        with pytest.raises(
            LogError,
            match=r"has a header but no rows|holds no JSON object|leaves no event for|events of several moments",
        ):
            ingested(folder, name, content, unit)
    else:
        assert ingested(folder, name, content, unit) == [
            {key: value for key, value in row.items() if value} for row in expected(rows, times)
        ]


few = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@few
@given(drawn_rows(KINDS), TIMES)
def test_parquet(tmp_path_factory, rows, unit):
    rows, times = with_times(rows, unit)
    kinds = {"user": pa.string(), "item": pa.string(), "time": pa.string() if unit == "iso" else pa.int64()} | {
        n: k for n, (k, _) in KINDS.items()
    }
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()}),
        sink,
        row_group_size=2,
        version="2.6",
    )
    check(tmp_path_factory.mktemp("log"), "log.parquet", sink.getvalue().to_pybytes(), rows, times, unit)


@few
@given(drawn_rows(IN_JSON), TIMES, st.booleans())
def test_json_lines(tmp_path_factory, rows, unit, says_null):
    rows, times = with_times(rows, unit)
    lines = [{name: value for name, value in row.items() if says_null or value is not None} for row in rows]
    content = "".join(json.dumps(line, ensure_ascii=not says_null) + "\n" for line in lines)
    check(tmp_path_factory.mktemp("log"), "log.jsonl", content.encode(), rows, times, unit)


CSV_KINDS = KINDS | {
    "words_only": (None, WORDS),
    "text_or_empty": (None, st.sampled_from(["", "w,", 'w"w', "w\n w", "NA"])),
}


@few
@given(drawn_rows(IN_CSV, CSV_KINDS), TIMES, st.sampled_from([",", "\t", ";"]))
def test_csv(tmp_path_factory, rows, unit, delimiter):
    # A column of nothing but empty texts and nulls holds no text to tell it from one of nothing.
    rows = [row | {"text_or_empty": "w" if at == 0 else row["text_or_empty"]} for at, row in enumerate(rows)]
    rows, times = with_times(rows, unit)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(["user", "item", "time", *IN_CSV])
    for row in rows:
        writer.writerow(
            [
                EMPTY if value == "" else _csv_text(value)
                for value in (row[name] for name in ("user", "item", "time", *IN_CSV))
            ]
        )
    folder = tmp_path_factory.mktemp("log")
    launch_delimiter = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, delimiter=delimiter))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "LAUNCH", launch_delimiter)
        check(folder, "log.csv", text.getvalue().replace(EMPTY, '""').encode(), rows, times, unit)


EMPTY = "\ue000EMPTY"  # Python's writer cannot write an empty text in quotes and nothing for null


def _csv_text(value):
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.parquet"])
def test_a_text_of_a_megabyte_is_a_text(tmp_path, name):
    rows, times = with_times(
        [{"user": "u", "item": f"i{at}", "note": "é,x" * (250_000 * at) + "w"} for at in range(3)], "us"
    )
    table = pa.Table.from_pylist(rows)
    sink = pa.BufferOutputStream()
    if name == "log.csv":
        pa_csv.write_csv(table, sink)
    elif name == "log.parquet":
        pq.write_table(table, sink)
    else:
        sink.write("".join(json.dumps(row) + "\n" for row in rows).encode())
    check(tmp_path, name, sink.getvalue().to_pybytes(), rows, times, "us")
