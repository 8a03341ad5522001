import gzip
import io
import json

import numpy as np
import pyarrow as pa

from components.ingest.quarantine import Quarantine, too_many
from components.ingest.row_checks import Quarantined


def written(add):
    """What a quarantine holds after `add(quarantine)`, and the quarantine."""
    file = io.BytesIO()
    with Quarantine(file) as quarantine:
        add(quarantine)
    return [json.loads(line) for line in gzip.decompress(file.getvalue()).splitlines()], quarantine


def test_a_row_is_kept_with_file_number_reason_and_its_own_columns():
    rows = pa.RecordBatch.from_arrays([pa.array(["ü", None]), pa.array([0, 2])], ["user", "time"])

    records, quarantine = written(
        lambda quarantine: quarantine.add_rows("f.csv", np.array([3, 8]), ["no time", "no user"], rows)
    )

    assert records == [
        {"file": "f.csv", "row": 3, "reason": "no time", "columns": {"user": "ü", "time": 0}},
        {"file": "f.csv", "row": 8, "reason": "no user", "columns": {"user": None, "time": 2}},
    ]
    assert quarantine.rows == 2


def test_a_line_is_kept_as_it_is():
    records, _ = written(lambda quarantine: quarantine.add_line("f.csv", 4, 'a,"b'))

    assert records == [{"file": "f.csv", "row": 4, "reason": "line unreadable", "line": 'a,"b'}]


def test_what_json_cannot_say_becomes_text():
    values = {
        "bytes": pa.array([b"caf\xe9"]),
        "real": pa.array([float("nan")]),
        "moment": pa.array([1_769_817_600_000_000], pa.timestamp("us")),
        "words": pa.array([["a", "b"]]),
        "kind": pa.array(["x"]).dictionary_encode(),
        "bad": pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers()),
    }
    rows = pa.RecordBatch.from_arrays(list(values.values()), list(values))

    records, _ = written(lambda quarantine: quarantine.add_rows("f", np.array([1]), ["no user"], rows))

    expected = {
        "bytes": "caf\\xe9",
        "real": "nan",
        "moment": "2026-01-31 00:00:00.000000",
        "words": "['a', 'b']",
        "kind": "x",
        "bad": "\\xff",
    }
    assert records[0]["columns"] == expected


def test_the_error_says_how_many_why_where_and_what_to_do():
    def add(quarantine):
        quarantine.add_line("a.csv", 2, "x" * 500)
        quarantine.add_line("a.csv", 3, "y")

    _, quarantine = written(add)
    text = str(
        too_many(
            ["a.csv"],
            Quarantined(100, {"line unreadable": 3, "no user": 1}),
            0.01,
            quarantine,
            "q.jsonl.gz",
            "launch.log.max_quarantined",
        )
    )

    assert text.startswith(
        "a.csv: 4 of 100 rows are wrong (4.00%; launch.log.max_quarantined allows 1.00%): 3 line unreadable, 1 no user."
    )
    assert "line unreadable: a.csv, row 2: " + '"' + "x" * 119 + "..." in text
    assert "The first 2 are in q.jsonl.gz. Fix the rows" in text
