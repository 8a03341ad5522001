"""What people feed a pipeline: each bad log ends in a stated error or in rows that are counted and quarantined, never in silent loss."""

import dataclasses
import gzip
import json
import re
import resource
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from executed_node import features_of, quarantined, run

from components.declaration import Launch, Log, Objective, Split
from components.errors import LogError
from components.ingest.example_gen import events_example_gen

pytestmark = pytest.mark.tensorflow

LAUNCH = Launch(
    name="shop",
    log=Log("log.csv", "user", "item", "time", event="event", value="value", max_quarantined=0.2),
    objectives=(Objective("buy", event="buy"),),
    split=Split(eval_share=0.25),
)
START = 1_700_000_000
ROWS = [
    {"user": f"u{row % 5}", "item": f"i{row % 7}", "time": START + row, "event": "buy", "value": row / 4}
    for row in range(40)
]
NAMES = tuple(ROWS[0])
HEADER = ",".join(NAMES)


def csv(*rows, header=HEADER, separator=",", end="\n"):
    """The good rows, and after them some others, each a line."""
    lines = [header, *(separator.join(map(str, row.values())) for row in ROWS)]
    return end.join([line.replace(",", separator) for line in lines] + list(rows)) + end


def jsonl(*lines):
    return "\n".join([*map(json.dumps, ROWS), *lines]) + "\n"


def changed(**columns):
    """The good rows with columns replaced; a function is given the row's number."""
    return [
        row | {name: value(at) if callable(value) else value for name, value in columns.items()}
        for at, row in enumerate(ROWS)
    ]


def as_csv(rows):
    return "\n".join([HEADER, *(",".join(map(str, row.values())) for row in rows)]) + "\n"


def parquet(table):
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none")
    return sink.getvalue().to_pybytes()


def table(**columns):
    """The good rows as a table with columns added or replaced."""
    good = {name: pa.array([row[name] for row in ROWS]) for name in NAMES}
    return pa.table(good | columns)


def with_hole(data):
    """Zeros over a tenth of the bytes in the first third, where the pages are."""
    start, length = len(data) // 5, len(data) // 10
    return data[:start] + b"\xff" * length + data[start + length :]


class Bad(NamedTuple):
    """A log, the declaration's change, and how it must end: in an error with a text, or with these rows in and quarantined per reason."""

    name: str
    content: object
    error: str = ""
    rows: int = 40
    aside: dict | None = None
    log: dict | None = None
    file: str = "log.csv"


OTHER_TIME = {"not_before": None}
BIG = "x" * 10_000_000
ODD_TABLE = pa.Table.from_arrays([*table().columns, pa.array(range(40))], [*NAMES, "user"])

ERRORS = [
    Bad("an empty file", "", "is empty, needs a header and rows"),
    Bad("only line ends", "\n\n\n", "is empty, needs a header and rows"),
    Bad("a header only", HEADER + "\n", "has a header but no rows"),
    Bad("no header", as_csv(ROWS).split("\n", 1)[1], "lacks the columns 'user', 'item', 'time'; it has 'u0'"),
    Bad(
        "another delimiter than declared",
        csv(separator=";"),
        "lacks the columns 'user', 'item', 'time'; it has 'user;item;time;event;value'",
    ),
    Bad(
        "a column in other letters", csv(header="User,item,time,event,value"), "lacks the column 'user'; it has 'User'"
    ),
    Bad("a declared column that is not there", csv(), "lacks the column 'device'", log={"context": ("device",)}),
    Bad("a column twice", csv(header="user,item,time,event,user"), "the header has 'user' twice"),
    Bad("a column twice in Parquet", parquet(ODD_TABLE), "the schema has 'user' twice", file="log.parquet"),
    Bad("UTF-16", csv().encode("utf-16"), "log.csv: is UTF-16 text, needs CSV as text. Save it as UTF-8"),
    Bad(
        "latin-1 in the events",
        csv("u,i,1700000000,caf\xe9,1").encode("latin-1"),
        "column 'event': is not UTF-8",
    ),
    Bad(
        "latin-1 in a torn row",
        csv("caf\xe9").encode("latin-1"),
        "cannot be read as CSV: CSV parse error: Row #42: Expected 5 columns, got 1",
    ),
    Bad("latin-1 in the header", csv(header=HEADER + "\xe9").encode("latin-1"), "cannot be read as CSV: 'utf-8' codec"),
    Bad(
        "a quote left open in the last field",
        csv('u,i,1700000000,buy,"1', *["u,i,1700000000,buy,1"] * 9),
        "a quote is opened and never closed",
    ),
    Bad(
        "a quote left open before",
        csv('u,i,"1700000000,buy,1', *["u,i,1700000000,buy,1"] * 90),
        "91 of 131 rows are wrong .*91 line unreadable",
    ),
    Bad("a cell of 10 MB in CSV", csv(f"{BIG},i,1700000000,buy,1"), "a row is longer than 2 MB"),
    Bad(
        "milliseconds declared as seconds",
        as_csv(changed(time=lambda at: (START + at) * 1000)),
        "40 of 40 rows are wrong .*40 time unreadable",
    ),
    Bad(
        "seconds declared as milliseconds",
        csv(),
        "40 of 40 rows are wrong .*40 time before 1980-01-01",
        log={"time_unit": "ms"},
    ),
    Bad("ISO times declared as seconds", as_csv(changed(time="2026-01-31T00:00:00Z")), "40 time unreadable"),
    Bad("seconds declared as ISO", csv(), "40 time unreadable", log={"time_unit": "iso"}),
    Bad(
        "more wrong rows than declared",
        csv(*[",,,,"] * 20),
        r"20 of 60 rows are wrong \(33.33%; launch.log.max_quarantined allows 20.00%\): 20 no user",
    ),
    Bad(
        "nothing but wrong rows",
        as_csv(changed(user="")),
        "40 of 40 rows are wrong .*40 no user",
        log={"max_quarantined": 1},
    ),
    Bad("values that are words", as_csv(changed(value="good")), "40 value unreadable"),
    Bad(
        "no positive event",
        as_csv(changed(event="view")),
        "column 'event': needs a row with 'buy' before the cut, found none; events are: 'view'",
    ),
    Bad(
        "no event at all",
        as_csv(changed(event="")),
        "needs a row with 'buy' before the cut, found none; events are: none",
    ),
    Bad(
        "positive events after the cut only",
        as_csv(changed(event=lambda at: "buy" if at > 35 else "view")),
        "needs a row with 'buy' before the cut",
    ),
    Bad("one row", HEADER + "\nu,i,1700000000,buy,1\n", "needs events of several moments, got 1 event, of 2023-11-14"),
    Bad("one moment", as_csv(changed(time=START)), "got 40 events, all of 2023-11-14"),
    Bad(
        "ids that are true or false",
        "\n".join(json.dumps(row | {"user": True}) for row in ROWS),
        "id column 'user' needs text",
        file="log.jsonl",
    ),
    Bad(
        "ids that are lists",
        parquet(table(user=pa.array([["u"]] * 40))),
        "id column 'user' needs text or integers",
        file="log.parquet",
    ),
    Bad(
        "a column of structures",
        json.dumps({"user": "u", "item": "i", "time": START, "event": "buy", "value": {"x": 1}}) + "\n",
        "column 'value' holds struct",
        file="log.jsonl",
    ),
    Bad(
        "a list where rows may not repeat",
        parquet(table(n=[["x"]] * 40)),
        "holds lists",
        file="log.parquet",
        log={"drop_duplicates": True},
    ),
    Bad("one JSON array of all", json.dumps(ROWS), "holds no JSON object, needs one per line", file="log.jsonl"),
    Bad(
        "JSON that is indented",
        json.dumps(ROWS, indent=1),
        "(holds no JSON object|lacks the columns? |rows are wrong)",
        file="log.jsonl",
    ),
    Bad("an empty JSON file", "", "holds no JSON object, needs one per line", file="log.jsonl"),
    Bad("empty JSON objects", "{}\n" * 9, "holds no JSON object, needs one per line", file="log.jsonl"),
    Bad("no Parquet at all", b"user,item,time\n", "cannot be read as Parquet", file="log.parquet"),
    Bad(
        "a broken Parquet footer", parquet(table())[:-9] + b"\xff" * 9, "cannot be read as Parquet", file="log.parquet"
    ),
    Bad("half a Parquet file", parquet(table())[:900], "cannot be read as Parquet", file="log.parquet"),
    Bad("a broken Parquet page", with_hole(parquet(table())), "log.parquet", file="log.parquet"),
    Bad("an empty Parquet table", parquet(table().slice(0, 0)), "has a header but no rows", file="log.parquet"),
    Bad("half a gz of CSV", gzip.compress((csv() * 9).encode())[:300], "is cut off or damaged", file="log.csv.gz"),
    Bad("half a gz of JSON", gzip.compress(jsonl().encode())[:200], "is cut off or damaged", file="log.jsonl.gz"),
    Bad("a broken gz", gzip.compress(jsonl().encode())[:60] + b"\0" * 60, "is cut off or damaged", file="log.jsonl.gz"),
    Bad("no gz at all", csv(), "is not a gzip file, although its name ends in .gz", file="log.csv.gz"),
    Bad("a picture", b"\x89PNG\r\n\x1a\n" + zlib.compress(bytes(range(256)) * 40), "log.csv"),
    Bad(
        "Parquet under a name of CSV",
        parquet(table()),
        "log.csv: is a Parquet file, needs CSV as text. Give it a name that ends in .parquet",
    ),
    Bad(
        "gz under a name of JSON",
        gzip.compress(jsonl().encode()),
        "is packed with gzip, needs JSONL as text",
        file="log.jsonl",
    ),
    Bad(
        "a spreadsheet",
        b"PK\x03\x04" + bytes(40),
        "is a zip archive or a spreadsheet, needs CSV as text. Unpack it, or save the sheet as CSV",
    ),
    Bad(
        "a database",
        b"SQLite format 3\x00" + bytes(40),
        "is an SQLite database, needs CSV as text. Export the table as CSV",
        file="log.db",
    ),
    Bad(
        "Feather",
        b"ARROW1\x00\x00" + bytes(40),
        "is a Feather file, needs CSV as text. Write it as Parquet",
        file="log.feather",
    ),
    Bad(
        "another file that lacks a column",
        {"a.csv": csv(), "b.csv": "user,time\nu,1700000000\n"},
        "b.csv: lacks the column 'item'",
        file="log/",
    ),
    Bad("a folder with nothing in it", {}, "found none", file="log/"),
    Bad("a folder under the name of the file", {}, "needs a data file", file="log.csv/"),
    Bad("no file", None, "no such file"),
]

SET_ASIDE = [
    Bad("a byte-order mark", b"\xef\xbb\xbf" + csv().encode()),
    Bad("a byte-order mark in JSON", b"\xef\xbb\xbf" + jsonl().encode(), file="log.jsonl"),
    Bad("line ends of Windows", csv(end="\r\n")),
    Bad("line ends of old", csv(end="\r")),
    Bad("blank lines", csv("", "", "u,i,1700000000,buy,1"), rows=41),
    Bad("a folder under the name of a file", {"part-0.csv": csv()}, file="log.csv/"),
    Bad("latin-1 in an id", csv("u,caf\xe9,1700000000,buy,1").encode("latin-1"), rows=41, aside={"item unreadable": 1}),
    Bad(
        "latin-1 in JSON",
        jsonl(json.dumps(ROWS[0] | {"user": "caf\xe9"}, ensure_ascii=False)).encode("latin-1"),
        rows=41,
        aside={"line unreadable": 1},
        file="log.jsonl",
    ),
    Bad("a NUL in an id", csv("u\0,i,1700000000,buy,1"), rows=41, aside={"user unreadable": 1}),
    Bad(
        "a NUL in JSON",
        jsonl('{"user": "\0", "item": "i", "time": 1700000000}'),
        rows=41,
        aside={"line unreadable": 1},
        file="log.jsonl",
    ),
    Bad("a row that is too short", csv("u,i", "u,i,1700000000,buy,1"), rows=42, aside={"line unreadable": 1}),
    Bad("a row that is too long", csv("u,i,1700000000,buy,1,2,3"), rows=41, aside={"line unreadable": 1}),
    Bad(
        "a quote left open in a torn row",
        csv('u,"i,1700000000', "u,i,1700000000,buy,1"),
        rows=42,
        aside={"line unreadable": 2},
    ),
    Bad("a quote that swallows a line", csv('u,"i', 'u,i",1700000000,buy,1'), rows=41, aside={"item unreadable": 1}),
    Bad("ids of numbers and words", csv("7,8,1700000000,buy,1"), rows=41),
    Bad("ids with spaces", csv("u 1, i 2 ,1700000000,buy,1"), rows=41),
    Bad(
        "ids that are blank",
        csv('" ",i,1700000000,buy,1', ",i,1700000000,buy,1", '"",i,1700000000,buy,1'),
        rows=43,
        aside={"no user": 3},
    ),
    Bad(
        "ids that are fractions",
        parquet(table(user=pa.array([1.5, *range(39)], pa.float64()))),
        aside={"user unreadable": 1},
        file="log.parquet",
    ),
    Bad(
        "ids beyond int64",
        jsonl(*['{"user": 99999999999999999999, "item": "i", "time": 1700000000}'] * 2),
        rows=42,
        file="log.jsonl",
    ),
    Bad("words among times", csv("u,i,soon,buy,1", "u,i,,buy,1"), rows=42, aside={"no time": 1, "time unreadable": 1}),
    Bad(
        "NaN and inf among times",
        parquet(table(time=pa.array([np.nan, np.inf, *range(START, START + 38)]))),
        aside={"time unreadable": 2},
        file="log.parquet",
    ),
    Bad("a negative time and a zero", csv("u,i,-1,buy,1", "u,i,0,buy,1"), rows=42, aside={"time before 1980-01-01": 2}),
    Bad("a negative time without a floor", csv("u,i,-1,buy,1"), rows=41, log=OTHER_TIME),
    Bad("milliseconds among seconds", csv("u,i,1700000000000,buy,1"), rows=41, aside={"time unreadable": 1}),
    Bad("a time in the future", csv("u,i,4000000000,buy,1"), rows=41, aside={"time in the future": 1}),
    Bad(
        "an impossible date",
        as_csv(changed(time=lambda at: f"2026-02-{at % 30 + 1:02}")),
        aside={"time unreadable": 2},
        log={"time_unit": "iso"},
    ),
    Bad(
        "words among values",
        csv("u,i,1700000000,buy,n/a", 'u,i,1700000000,buy,"1,234"', 'u,i,1700000000,buy,"1,5"'),
        rows=43,
        aside={"value unreadable": 2},
    ),
    Bad(
        "numbers that no int64 holds",
        parquet(table(n=pa.array([2**64 - 1] * 40, pa.uint64()))),
        rows=40,
        file="log.parquet",
    ),
    Bad(
        "structures that no role names",
        jsonl('{"user": "u", "item": "i", "time": 1700000000, "event": "buy", "value": 1, "deep": {"x": 1}}'),
        rows=41,
        file="log.jsonl",
    ),
    Bad(
        "NaN and inf among values",
        csv("u,i,1700000000,buy,nan", "u,i,1700000000,buy,inf"),
        rows=42,
        aside={"value out of range": 1},
    ),
    Bad(
        "values out of range",
        csv(),
        aside={"value out of range": 4 + 19},
        log={"value_min": 1.0, "value_max": 5.0, "max_quarantined": 0.6},
    ),
    Bad(
        "repeated rows", csv("u0,i0,1700000000,buy,0.0"), rows=41, aside={"repeated": 1}, log={"drop_duplicates": True}
    ),
    Bad("repeated rows that nobody minds", csv("u0,i0,1700000000,buy,0.0"), rows=41),
    Bad("a torn JSON line", jsonl('{"user": "u", "it'), rows=41, aside={"line unreadable": 1}, file="log.jsonl"),
    Bad("JSON that is no object", jsonl("[1]", "null", "7"), rows=43, aside={"line unreadable": 3}, file="log.jsonl"),
    Bad(
        "a name twice in JSON",
        jsonl('{"user": "u", "user": "v", "item": "i", "time": 1700000000}'),
        rows=41,
        aside={"line unreadable": 1},
        file="log.jsonl",
    ),
    Bad(
        "half a surrogate pair",
        jsonl('{"user": "\\ud800", "item": "i", "time": 1700000000}'),
        rows=41,
        aside={"line unreadable": 1},
        file="log.jsonl",
    ),
    Bad("JSON nested a thousandfold", jsonl("[" * 100_000), rows=41, aside={"line unreadable": 1}, file="log.jsonl"),
    Bad(
        "a JSON row without a user",
        jsonl('{"item": "i", "time": 1700000000}'),
        rows=41,
        aside={"no user": 1},
        file="log.jsonl",
    ),
    Bad("a list among single values", jsonl(json.dumps(ROWS[0] | {"item": ["i"]})), rows=41, file="log.jsonl"),
    Bad("a cell of 10 MB in JSON", jsonl(json.dumps(ROWS[0] | {"note": BIG})), rows=41, file="log.jsonl"),
    Bad("a cell of 1 MB in CSV", csv(f"{BIG[:1_000_000]},i,1700000000,buy,1"), rows=41),
    Bad("a cell of 10 MB in Parquet", parquet(table(note=[BIG, *[""] * 39])), file="log.parquet"),
    Bad(
        "text that is not UTF-8 in Parquet",
        parquet(table(note=pa.Array.from_buffers(pa.string(), 40, pa.array([b"\xff"] * 40).buffers()))),
        file="log.parquet",
    ),
    Bad("one user", as_csv(changed(user="u"))),
    Bad("one item", as_csv(changed(item="i"))),
    Bad("every user once", as_csv(changed(user=lambda at: f"u{at}"))),
]


def put(folder, bad):
    """Writes the log of a case; a dictionary is a folder of files."""
    path = folder / bad.file
    files = {} if bad.content is None else {path: bad.content}
    if isinstance(bad.content, dict):
        path.mkdir()
        files = {path / name: content for name, content in bad.content.items()}
    for name, content in files.items():
        name.write_bytes(content.encode() if isinstance(content, str) else content)
    log = dataclasses.replace(
        LAUNCH.log, path=bad.file.removesuffix("/") if "." in bad.file else bad.file, **(bad.log or {})
    )
    return events_example_gen(dataclasses.replace(LAUNCH, log=log), str(folder), "code")


def test_there_are_more_than_forty_of_them():
    names = [bad.name for bad in ERRORS + SET_ASIDE]
    assert len(names) == len(set(names)) > 40


@pytest.mark.parametrize("bad", ERRORS, ids=lambda bad: bad.name)
def test_a_log_that_cannot_be_used_ends_in_a_stated_error(tmp_path, bad):
    with pytest.raises(LogError, match=re.compile(bad.error, re.DOTALL)) as caught:
        run(put(tmp_path, bad), tmp_path)

    path = re.search(r"\S+\.quarantine\.jsonl\.gz", str(caught.value))
    counted = re.search(r"([\d,]+) of [\d,]+ rows are wrong", str(caught.value))
    assert bool(path) == bool(counted)
    if counted:
        assert len(quarantined(path.group())) == int(counted.group(1).replace(",", ""))


@pytest.mark.parametrize("bad", SET_ASIDE, ids=lambda bad: bad.name)
def test_rows_in_are_rows_out_and_rows_quarantined(tmp_path, bad):
    examples = run(put(tmp_path, bad), tmp_path)

    kept = features_of(examples, "train") + features_of(examples, "eval")
    aside = quarantined(Path(examples.uri) / "quarantine.jsonl.gz")
    counts = {reason: [row["reason"] for row in aside].count(reason) for reason in {row["reason"] for row in aside}}
    assert counts == (bad.aside or {})
    assert len(kept) + len(aside) == bad.rows == examples.get_int_custom_property("rows_in")
    assert examples.get_int_custom_property("rows_quarantined") == len(aside)
    assert f"{len(aside)} quarantined" in examples.get_string_custom_property("figure") or not aside


def test_a_full_disk_is_said(tmp_path):
    notes = np.random.default_rng(7).bytes(6_000_000)
    rows = pa.concat_tables([table()] * 1000)
    (tmp_path / "log.parquet").write_bytes(
        parquet(rows.append_column("note", pa.array([notes[at : at + 100] for at in range(0, 4_000_000, 100)])))
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    node = put(tmp_path, Bad("", None, file="log.parquet"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(LogError, match=r"the examples cannot be written: .*Make room"):
            run(node, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
