"""A log from a BigQuery query, read by TFX's own BigQueryExampleGen: `Log(path="bigquery:SELECT ...")`.

It needs a Google Cloud project and Beam options that name it (`--project`, `--temp_location`); here it is only
compiled, never run. What our ExampleGen does to files, the query does: ids become text, times microseconds, values
labels, and the log is cut in time, for which `launch.split.eval_from` must name the moment (the standard component
would draw the splits at random). Not done: joining actions to impressions, quarantining rows (rows without id or time
are left out, uncounted), ranges of values, repeated rows, windows of spans: a declaration that asks for these is
refused. For these export the query's answer to Parquet and declare the files.
"""

import pyarrow as pa
from tfx.extensions.google_cloud_big_query.example_gen.component import BigQueryExampleGen
from tfx.proto import example_gen_pb2

from components.declaration.paths import query_of
from components.declaration.views import IngestView, Label
from components.ingest.event_time import MICROSECONDS, to_microseconds


def bigquery_example_gen(launch: IngestView) -> BigQueryExampleGen:
    """Makes the component "ExampleGen" with one query per split, "train" and "eval"."""
    splits = [example_gen_pb2.Input.Split(name=name, pattern=query) for name, query in split_queries(launch).items()]
    return BigQueryExampleGen(input_config=example_gen_pb2.Input(splits=splits)).with_id("ExampleGen")


def split_queries(launch: IngestView) -> dict[str, str]:
    """Returns the query of each split: the declared query in the form of our examples, cut at `eval_from`."""
    log = launch.log
    cut = to_microseconds(pa.array([launch.split.eval_from], pa.string()), "iso")[0].as_py()
    ids = [f"CAST({_quote(name)} AS STRING) AS {_quote(name)}" for name in (log.user, log.item, log.request) if name]
    replaced = ", ".join([*ids, f"{_microseconds(log.time, log.time_unit)} AS {_quote(log.time)}"])
    labels = "".join(
        f", {_label(launch, objective)} AS {_quote(objective.label)}" for objective in launch.ranking_objectives
    )
    rows = f"SELECT * REPLACE ({replaced}){labels} FROM (\n{query_of(log.path)}\n)"
    has_ids = " AND ".join(f"{_quote(name)} IS NOT NULL" for name in (log.user, log.item))
    time = _quote(log.time)
    return {
        name: f"SELECT * FROM ({rows}) WHERE {has_ids} AND {time} {side} {cut}"
        for name, side in (("train", "<"), ("eval", ">="))
    }


def _microseconds(column: str, unit: str) -> str:
    if unit == "iso":  # TIMESTAMP() takes timestamps, datetimes and ISO 8601 text.
        return f"UNIX_MICROS(TIMESTAMP({_quote(column)}))"
    return f"CAST({_quote(column)} * {MICROSECONDS[unit]} AS INT64)"


def _label(launch: IngestView, objective: Label) -> str:
    """1, 0 or null where the row has no value or another event; as `components.ingest.labels` has it."""
    reached = f"CAST({_quote(launch.log.value or '')} >= {objective.value_at_least!r} AS INT64)"
    if objective.event is None:
        return reached
    text = objective.event.replace("\\", "\\\\").replace("'", "\\'")
    return f"IF({_quote(launch.log.event or '')} = '{text}', {reached}, NULL)"


def _quote(column: str) -> str:
    """Returns a column's name in backticks; BigQuery's names cannot hold a backtick."""
    return f"`{column}`"
