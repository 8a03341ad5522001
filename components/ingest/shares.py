"""Writes the examples of a log in shares: one here, or one per piece of a file on the workers of a Beam runner.

The first pass over a log settles the types, finds the rows that are wrong, cuts in time and makes the labels; it holds
a few columns of the entire log and runs in the executor. The rest is per row, and costs most: reading all columns,
encoding, writing. `write` does that for one share, the same way wherever it runs. A share travels as a file below the
artifact, not in the graph of the Beam job, which has a limit of a few megabytes; so workers must see the same folders
as the executor.
"""

import contextlib
import hashlib
import os
import pickle
import typing

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf

from components.errors import LogError
from components.ingest import labels
from components.ingest.example_files import ONE_SHARD, ExampleFile
from components.ingest.log_reader import LogReader
from components.ingest.quarantine import Quarantine
from components.ingest.user_table import Joined
from components.progress import Progress

QUARANTINE = "quarantine.jsonl.gz"
_PLANS = "shares"


class Target(typing.NamedTuple):
    """Where examples go.

    Attributes:
      uri: the folder of the artifact.
      folders: that of each split.
      gzip_level: of the files.
    """

    uri: str
    folders: dict[str, str]
    gzip_level: int


class Share(typing.NamedTuple):
    """The rows that one call writes.

    Attributes:
      reader: settled; of all rows or of a part of them.
      in_split: per split [rows] bool, of the rows that are right.
      labels: per label [rows] int8, `NO_LABEL` where the row has none.
      users: the users' columns of the rows; None where no table of the users is declared.
      shard: the end of the files' names.
    """

    reader: LogReader
    in_split: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    users: Joined | None = None
    shard: str = ONE_SHARD


def split_up(whole: Share) -> list[Share]:
    """Returns a share per piece of each file, see `file_pieces`."""
    parts, shares, row = whole.reader.parts(), [], 0
    for number, part in enumerate(parts):
        rows = slice(row, row + part.quarantined.rows_in - part.quarantined.rows)
        cut = [{name: values[rows] for name, values in of.items()} for of in (whole.in_split, whole.labels)]
        users = whole.users.part(rows) if whole.users else None
        shares.append(Share(part, cut[0], cut[1], users, f"{number:05d}-of-{len(parts):05d}"))
        row = rows.stop
    return shares


def write_with_beam(whole: Share, target: Target, pipeline: beam.Pipeline) -> None:
    """Writes each share as one element of a Beam pipeline, which is run.

    Args:
      whole: all rows to write.
      target: where to; the workers see it under the same name.
      pipeline: empty.
    """
    folder = os.path.join(target.uri, _PLANS)
    tf.io.gfile.makedirs(folder)
    plans = [_write_plan(os.path.join(folder, share.shard), share, target) for share in split_up(whole)]
    with pipeline:
        _ = (
            pipeline
            | "Shares" >> beam.Create(plans)
            | "Apart" >> beam.Reshuffle()
            | "Write" >> beam.MapTuple(_write_planned)
        )
    tf.io.gfile.rmtree(folder)


def _write_plan(path: str, share: Share, target: Target) -> tuple[str, str]:
    """Writes one share's plan; returns its path and the SHA-256 digest of its bytes, which travels with the Beam job."""
    plan = pickle.dumps((share, target))
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(plan)
    return path, hashlib.sha256(plan).hexdigest()


def _write_planned(path: str, digest: str) -> None:
    """Writes a planned share.

    Unpickling runs code, so only the bytes that the executor wrote are unpickled: the digest came with the job, not
      with the file.

    Raises:
      LogError: if the plan was changed on its way.
    """
    with tf.io.gfile.GFile(path, "rb") as file:
        plan = file.read()
    if hashlib.sha256(plan).hexdigest() != digest:
        raise LogError(
            path,
            "the plan of a share is not the one that the executor wrote.",
            "Check who can write to the artifact store, then run again.",
        )
    share, target = pickle.loads(plan)
    write(share, target)


def write(share: Share, target: Target) -> None:
    """Streams all columns into the files of the splits, and the rows that are wrong into a quarantine, if there are any.

    Raises:
      LogError: if rows in are not rows out plus rows quarantined.
    """
    quarantined, row = share.reader.quarantined, 0
    progress = Progress("writing examples", quarantined.rows_in - quarantined.rows)
    with contextlib.ExitStack() as stack:
        files = {
            split: stack.enter_context(ExampleFile(target.folders[split], target.gzip_level, share.shard))
            for split in share.in_split
        }
        quarantine = _quarantine(stack, share, target) if quarantined.rows else None
        for batch in share.reader.batches(quarantine):
            rows = slice(row, row + batch.num_rows)
            labelled = _complete(share, batch, rows)
            for split, chosen in share.in_split.items():
                files[split].write(labelled.filter(pa.array(chosen[rows])))
            row = rows.stop
            progress.advance(batch.num_rows)
    out, aside = sum(file.rows for file in files.values()), quarantine.rows if quarantine else 0
    if out + aside != quarantined.rows_in or aside != quarantined.rows:
        problem = f"{quarantined.rows_in:,} rows in, {out:,} out and {aside:,} quarantined ({quarantined.rows:,} when first read)."
        raise LogError(
            "examples",
            problem,
            "Run again when nobody writes to the log; if it stays so, this is a defect of the reader.",
        )


def _quarantine(stack: contextlib.ExitStack, share: Share, target: Target) -> Quarantine:
    name = QUARANTINE if share.shard == ONE_SHARD else QUARANTINE.replace(".", f"-{share.shard}.", 1)
    return stack.enter_context(Quarantine(stack.enter_context(tf.io.gfile.GFile(os.path.join(target.uri, name), "wb"))))


def _complete(share: Share, batch: pa.RecordBatch, rows: slice) -> pa.RecordBatch:
    """Returns a batch, the rows of that slice, with its users' columns and its labels."""
    joined = share.users.add_to(batch, rows.start) if share.users else batch
    label_columns = [values[rows] for values in share.labels.values()]
    arrays = [pa.array(values.astype(np.int64), mask=values == labels.NO_LABEL) for values in label_columns]
    return pa.RecordBatch.from_arrays([*joined.columns, *arrays], [*joined.schema.names, *share.labels])
