import dataclasses
import gzip
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.declaration import Catalogue, Log
from components.errors import LogError
from components.ingest import csv_blocks, jsonl_blocks
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader

LAYOUT = Layout(ids=("user", "item"), declared=("user", "item", "time"), time="time", request="request")
TABLE = pa.table(
    {
        "user": ["u1", "ü2", "ü3", "u4"],
        "item": [12, 0, 7, 12],
        "time": [1, 2, 3, 4],
        "request": pa.array(["r", None, None, "r"]),
        "amount": pa.array([0.0, None, 1.5, -2.0]),
        "count": pa.array([0, 3, None, 5]),
        "member": pa.array([False, True, None, True]),
        "note": pa.array(["", 'a,\n"b"', None, "NA"]),
        "user:token": ["x", "y", "z", "é"],
    }
)
READ = {
    "user": ["u1", "ü2", "ü3", "u4"],
    "item": ["12", "0", "7", "12"],
    "time": [1_000_000, 2_000_000, 3_000_000, 4_000_000],
    **{name: TABLE[name].to_pylist() for name in ("request", "amount", "count", "member", "note", "user:token")},
}


def read(*files, layout=LAYOUT):
    reader = LogReader([str(file) for file in files], layout)
    reader.settle((layout.time or layout.ids[0],))
    return pa.Table.from_batches(list(reader.batches())).to_pydict()


def write(path, text):
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_table(path, table):
    if path.name.startswith("log.parquet"):
        pq.write_table(table, path, row_group_size=3)
    elif path.name.startswith("log.csv"):
        sink = pa.BufferOutputStream()
        pa_csv.write_csv(table, sink)
        write(path, sink.getvalue().to_pybytes())
    else:
        write(
            path,
            "".join(
                json.dumps({name: value for name, value in row.items() if value is not None}) + "\n"
                for row in table.to_pylist()
            ),
        )
    return path


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.jsonl", "log.jsonl.gz", "log.parquet"])
def test_every_format_gives_the_same_rows(tmp_path, name):
    assert read(write_table(tmp_path / name, TABLE)) == READ


def test_files_of_several_formats_are_one_log_in_the_order_of_the_files(tmp_path):
    files = [write_table(tmp_path / name, TABLE) for name in ("log.csv", "log.jsonl", "log.parquet")]

    assert read(*files) == {name: values * 3 for name, values in READ.items()}


def test_a_column_that_some_files_lack_is_missing_there(tmp_path):
    one = write(tmp_path / "1.csv", "user,item,time\na,x,1\n")
    two = write(tmp_path / "2.csv", "time,extra,item,user\n2,5,y,b\n")

    assert read(one, two) == {
        "user": ["a", "b"],
        "item": ["x", "y"],
        "time": [1_000_000, 2_000_000],
        "extra": [None, 5],
    }


def test_csv_tells_an_empty_text_from_a_missing_one_and_keeps_words_like_na(tmp_path):
    file = write(
        tmp_path / "log.csv", '"user","item","time","country","dwell"\na,x,1,"",\na,x,2,,0\na,x,3,NA,2\na,x,4,null,\n'
    )

    assert read(file)["country"] == ["", None, "NA", "null"]
    assert read(file)["dwell"] == [None, 0, 2, None]


def test_csv_ids_keep_their_spelling_and_whole_floats_lose_the_point(tmp_path):
    file = write(tmp_path / "log.csv", "user,item,time\n007,12.0,1\n7,13.0,2\n")

    assert read(file)["user"] == ["007", "7"]
    assert read(file)["item"] == ["12", "13"]


def test_ids_beyond_int64_are_text_in_every_format(tmp_path):
    ids = [2**64 - 1, 2**63, 7]
    csv = write(tmp_path / "log.csv", "user,item,time\n" + "".join(f"{user},i,1\n" for user in ids))
    pq.write_table(
        pa.table({"user": pa.array(ids, pa.uint64()), "item": ["i"] * 3, "time": [1] * 3}), tmp_path / "log.parquet"
    )
    jsonl = write(tmp_path / "log.jsonl", "".join(f'{{"user": {user}, "item": "i", "time": 1}}\n' for user in ids))

    assert [read(file)["user"] for file in (csv, tmp_path / "log.parquet", jsonl)] == [[str(user) for user in ids]] * 3


def test_a_column_of_kinds_of_events_is_text_whatever_it_holds(tmp_path):
    for name, values in (("flag", "true"), ("number", "1"), ("word", "click")):
        file = write(tmp_path / f"{name}.csv", f"user,item,time,what\na,b,1,{values}\na,b,1,\n")
        assert read(file, layout=dataclasses.replace(LAYOUT, event="what", request=None))["what"] == [values, None]


def test_a_list_of_words_is_one_text_of_the_catalogue(tmp_path):
    file = write(
        tmp_path / "items.jsonl",
        '{"item": "a", "tags": ["red wine", "dry"]}\n{"item": "b", "tags": []}\n{"item": "c"}\n',
    )
    layout = Layout.of_catalogue(Catalogue("items.jsonl", "item", texts=("tags",)))

    assert read(file, layout=layout)["tags"] == ["red_wine dry", "", None]


def test_a_tab_separated_file_with_typed_headers(tmp_path):
    file = write(
        tmp_path / "ml.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3\t881250949\n"
    )
    layout = Layout.of_log(
        Log("ml.inter", "user_id:token", "item_id:token", "timestamp:float", value="rating:float", delimiter="\t")
    )

    expected = {
        "user_id:token": ["196"],
        "item_id:token": ["242"],
        "rating:float": [3],
        "timestamp:float": [881250949000000],
    }
    assert read(file, layout=layout) == expected


@pytest.mark.parametrize(
    ("early", "late", "expected"),
    [
        ("1", "1.5", [1.0, 1.5]),
        ("1", "x", ["1", "x"]),
        ("true", "x", ["true", "x"]),
        ("", "1", [None, 1]),
        ("", "x", [None, "x"]),
        ("2026-01-31", "x", ["2026-01-31", "x"]),
        ("12:30:00", "x", ["12:30:00", "x"]),
    ],
)
def test_a_csv_column_whose_type_changes_in_a_later_block_is_widened(tmp_path, monkeypatch, early, late, expected):
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 200)
    file = write(tmp_path / "log.csv", "user,item,time,what\n" + f"u,i,1,{early}\n" * 50 + f"u,i,1,{late}\n")

    rows = read(file)["what"]

    assert rows == [expected[0]] * 50 + [expected[1]]
    assert type(rows[0]) is type(expected[0])


@pytest.mark.parametrize(
    ("early", "late", "expected"),
    [
        (1, 1.5, [1.0, 1.5]),
        (1, "x", ["1", "x"]),
        ("x", 1, ["x", "1"]),
        (True, 1, ["true", "1"]),
        (None, 1, [None, 1]),
        ("2026-01-31T00:00:00", "x", ["2026-01-31T00:00:00", "x"]),
        ([1], [1.5, 2], [[1.0], [1.5, 2.0]]),
    ],
)
@pytest.mark.parametrize("block", [200, 1 << 20])
def test_a_json_column_whose_type_changes_is_widened_within_a_block_and_across(
    tmp_path, monkeypatch, block, early, late, expected
):
    monkeypatch.setattr(jsonl_blocks, "_BLOCK_BYTES", block)
    rows = [{"user": 1, "item": "i", "time": 1, "what": what} for what in [early] * 20 + [late]]
    file = write(tmp_path / "log.jsonl", "\n".join(map(json.dumps, rows)))

    assert read(file)["what"] == [expected[0]] * 20 + [expected[1]]


def test_json_ids_and_times_of_mixed_types_are_one_column(tmp_path):
    rows = [
        {"user": 7, "item": "a", "time": 1},
        {"user": "8", "item": 2, "time": "2"},
        {"user": 9.0, "item": "c", "time": 3.5},
    ]
    file = write(tmp_path / "log.jsonl", "\n\n".join(map(json.dumps, rows)))

    assert read(file) == {"user": ["7", "8", "9.0"], "item": ["a", "2", "c"], "time": [1_000_000, 2_000_000, 3_500_000]}


def test_a_json_column_first_seen_in_a_later_block_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl_blocks, "_BLOCK_BYTES", 200)
    rows = [{"user": "u", "item": "i", "time": 1}] * 20 + [{"user": "u", "item": "i", "time": 1, "late": 5}]
    file = write(tmp_path / "log.jsonl", "\n".join(map(json.dumps, rows)))

    assert read(file)["late"] == [None] * 20 + [5]


@given(
    st.lists(
        st.tuples(
            *[st.one_of(st.none(), st.integers(-5, 5), st.floats(-2, 2), st.booleans(), st.text(max_size=3))] * 2
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_json_can_say_in_a_column_is_never_refused_and_nulls_stay_where_they_are(tmp_path_factory, drawn):
    file = tmp_path_factory.mktemp("json") / "log.jsonl"
    write(file, "\n".join(json.dumps({"user": "u", "item": "i", "time": 1, "a": a, "b": b}) for a, b in drawn))

    rows = read(file)

    assert [value is None for value in rows["a"]] == [a is None for a, _ in drawn]
    assert [value is None for value in rows["b"]] == [b is None for _, b in drawn]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("log.csv", "", "log.csv: is empty, needs a header and rows."),
        ("log.csv", "user,item,time\n", "log.csv: has a header but no rows."),
        (
            "log.csv",
            "user,item,when\na,b,1\n",
            "log.csv: lacks the column 'time'; it has 'user', 'item', 'when'. Name the right column in the declaration",
        ),
        ("log.csv", "user,item,item,time\na,b,b,1\n", "log.csv: the header has 'item' twice."),
        (
            "log.csv",
            'user,item,time,note\na,b,1,"\nc,d,2,\n',
            """log.csv: a quote is opened and never closed: the last field, '\\nc,d,2,\\n'..., holds what follows, 1 lines.""",
        ),
        ("log.jsonl", "", "log.jsonl: holds no JSON object, needs one per line."),
        ("log.jsonl", "[1]\n", "log.jsonl: holds no JSON object, needs one per line."),
        ("log.jsonl", '{"user": 1, "item": 2}\n', "log.jsonl: lacks the column 'time'; it has 'user', 'item'."),
        (
            "log.jsonl",
            '{"user": 1, "item": {"id": 7}, "time": 3}\n',
            "log.jsonl: column 'item' holds struct<id: int64>",
        ),
        ("log.parquet", "PAR1 but not really", "log.parquet: cannot be read as Parquet: "),
    ],
)
def test_errors_name_file_column_row_and_value(tmp_path, name, content, text):
    file = write(tmp_path / name, content)

    with pytest.raises(LogError, match=re.escape(text.replace("LOG", str(file)))):
        read(file)


def test_rows_that_are_wrong_are_counted_and_left_out_of_both_passes(tmp_path):
    text = "user,item,time\na,b,1\n,b,1\na,,1\na,b,x\na,b,\na,b,2,9\nc,d,2\n"
    reader = LogReader([str(write(tmp_path / "log.csv", text))], LAYOUT)

    keys = reader.settle(("user",))

    assert keys["user"].to_pylist() == ["a", "c"]
    assert reader.quarantined.rows_in == 7
    assert reader.quarantined.counts == {
        "no user": 1,
        "no item": 1,
        "no time": 1,
        "time unreadable": 1,
        "line unreadable": 1,
    }
    assert [row for batch in reader.batches() for row in batch.to_pylist()] == [
        {"user": user, "item": item, "time": time * 1_000_000} for user, item, time in (("a", "b", 1), ("c", "d", 2))
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.csv", "user,item,time,value\nu,a,1,4\nu,b,1,n/a\nu,c,1,\nu,d,1,2.5\n"),
        (
            "log.jsonl",
            "\n".join(
                json.dumps({"user": "u", "item": i, "time": 1, "value": v})
                for i, v in zip("abcd", (4, "n/a", None, "2.5"), strict=True)
            ),
        ),
    ],
)
def test_a_text_among_the_values_is_a_wrong_row_and_the_others_are_numbers(tmp_path, name, text):
    layout = dataclasses.replace(LAYOUT, request=None, value="value")
    reader = LogReader([str(write(tmp_path / name, text))], layout)

    assert reader.settle(("item", "value")).to_pydict() == {"item": ["a", "c", "d"], "value": [4.0, None, 2.5]}
    assert reader.quarantined.counts == {"value unreadable": 1}


def test_repeated_rows_are_wrong_where_the_layout_asks(tmp_path):
    text = "user,item,time,note\nu,a,1,\nu,a,1,\nu,a,1,x\nu,a,2,\nu,a,1,\n"
    file = str(write(tmp_path / "log.csv", text))
    plain, unique = (
        LogReader([file], dataclasses.replace(LAYOUT, request=None, unique=unique)) for unique in (False, True)
    )

    assert plain.settle(("time",)).num_rows == 5
    assert unique.settle(("time",)).num_rows == 3
    assert unique.quarantined.counts == {"repeated": 2}
    assert [note for batch in unique.batches() for note in batch.column(3).to_pylist()] == [None, "x", None]


def test_a_file_that_grows_between_the_passes_is_noticed(tmp_path):
    file = write(tmp_path / "log.csv", "user,item,time\na,b,1\n")
    reader = LogReader([str(file)], LAYOUT)
    reader.settle(())
    write(file, "user,item,time\na,b,1\na,b,2\n")

    with pytest.raises(LogError, match="has more rows than when it was first read"):
        list(reader.batches())


def test_a_truncated_gzip_file_is_named(tmp_path):
    for name, line in (("log.csv.gz", "u,i,1\n"), ("log.jsonl.gz", '{"user": "u", "item": "i", "time": 1}\n')):
        whole = gzip.compress(("user,item,time\n" * ("csv" in name) + line * 50_000).encode())
        file = tmp_path / name
        file.write_bytes(whole[: len(whole) // 2])

        with pytest.raises(LogError, match=f"{name}: is cut off or damaged"):
            read(file)


def test_a_declared_column_that_no_file_has_is_named(tmp_path):
    file = write(tmp_path / "log.csv", "user,item,time\na,b,1\n")
    layout = Layout.of_log(Log("log.csv", "user", "item", "time", context=("device",)))

    with pytest.raises(LogError, match=r"lacks the column 'device'; it has 'user', 'item', 'time'\."):
        read(file, layout=layout)


def test_a_catalogue_has_no_time(tmp_path):
    file = write(tmp_path / "items.csv", "item,title,year\n1,Toy Story,1995\n2,,\n")
    layout = Layout.of_catalogue(Catalogue("items.csv", "item", title="title", texts=("title",), numbers=("year",)))

    assert read(file, layout=layout) == {"item": ["1", "2"], "title": ["Toy Story", None], "year": [1995, None]}


def test_the_first_pass_returns_the_columns_asked_for_in_the_order_of_the_second(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 300)
    times = np.random.default_rng(7).integers(0, 1000, 200)
    file = write(tmp_path / "log.csv", "user,item,time\n" + "".join(f"u,i{time},{time}\n" for time in times))
    reader = LogReader([str(file)], LAYOUT)

    keys = reader.settle(("time", "item"))
    batches = list(reader.batches())

    assert len(batches) > 1
    assert keys.column_names == ["time", "item"]
    assert keys["time"].to_pylist() == [int(time) * 1_000_000 for time in times]
    assert [value for batch in batches for value in batch.column(1).to_pylist()] == keys["item"].to_pylist()
