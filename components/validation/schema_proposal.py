"""Proposes a schema: what the examples of a log or a catalogue hold, inferred with pyarrow in one or two passes.

The proposal is what TensorFlow Data Validation would infer from the written examples (types, presence, domains), made
without them, and with what only the declaration knows: ids, policies and titles stay open, a propensity lies from 0 to
1, and the columns that matter (event, policy, context) get a threshold for drift. Nothing here imports TensorFlow, TFX
or protobuf.
"""

import collections.abc
import dataclasses
import typing

import pyarrow as pa

from components.declaration import Launch
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.quarantine import no_row_left
from components.ingest.spans import input_files
from components.ingest.time_split import cut_time
from components.ingest.user_table import Joined, join_users
from components.validation import traffic_schema
from components.validation.column_facts import LONGEST_DOMAIN, ColumnFacts
from components.validation.schema_text import Column, schema_text

__all__ = ["CATALOGUE", "LOG", "Column", "propose", "schema_text"]

LOG, CATALOGUE = "log", "catalogue"
DRIFT_THRESHOLD = 0.1
_LONGEST_GUESS = 20  # of a column without a role: with more values it is rather free text or a count
_ROWS_PER_VALUE = 20  # a column without a role needs that many rows per value to be taken for a category


def propose(launch: Launch, base: str, which: str) -> tuple[Column, ...]:
    """Returns the columns that the examples would have, in the order of the data, labels last.

    Args:
      launch: the declaration.
      base: the data folder, where relative paths start.
      which: `LOG` or `CATALOGUE`.

    Returns:
      One `Column` each; `schema_text` makes a file of them. Reads all rows once or twice; memory is bounded by a batch.
      Of a log that starts empty and holds no row yet, the columns that our own server will write.

    Raises:
      LogError: if the data cannot be read as declared.
    """
    if which == CATALOGUE:
        assert launch.catalogue is not None
        reader = LogReader(input_files(launch.catalogue.path, base), Layout.of_catalogue(launch.catalogue))
        reader.settle(())
        return tuple(_catalogue_column(name, column, launch) for name, column in _look(reader, None, 0).items())
    empty = launch.log.starts_empty
    files = input_files(launch.log.path, base, launch.log.spans, empty)
    if not files:
        return traffic_schema.columns(launch)
    reader = LogReader(files, Layout.of_log(launch.log))
    keys = reader.settle((launch.log.time, launch.log.user))
    times = keys[launch.log.time].to_numpy()
    if not len(times) and empty and not reader.quarantined.rows:
        return traffic_schema.columns(launch)
    if not len(times):
        raise no_row_left(files, reader.quarantined)
    cut = cut_time(times, launch.split, empty)
    columns = _look(reader, launch.log.time, cut, join_users(launch.log, keys, base))
    return (*(_log_column(name, column, launch) for name, column in columns.items()), *_labels(columns, launch))


def _look(reader: LogReader, time: str | None, cut: int, users: Joined | None = None) -> dict[str, ColumnFacts]:
    """Returns the facts of each column of a settled log and of its users; `cut` is the first moment of eval in its time column."""
    types = users.types(reader.types) if users else reader.types
    columns_read, row = {name: ColumnFacts(kind) for name, kind in types.items()}, 0
    for rows in reader.batches():
        batch = users.add_to(rows, row) if users else rows
        row += batch.num_rows
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        late = columns[time].to_numpy() >= cut if time else None
        for name, column in columns.items():
            columns_read[name].add(column, late)
    return columns_read


def _plain(name: str, facts: ColumnFacts, **more: typing.Any) -> Column:
    inner = facts.kind.value_type if pa.types.is_list(facts.kind) else facts.kind
    text = pa.types.is_string(inner) or pa.types.is_binary(inner) or pa.types.is_null(inner)
    kind: typing.Literal["BYTES", "INT", "FLOAT"] = (
        "BYTES" if text else "FLOAT" if pa.types.is_floating(inner) else "INT"
    )
    filled: typing.Literal["always", "sometimes", "never"]
    filled = (
        "always"
        if facts.rows and facts.filled == facts.rows
        else "sometimes"
        if min(facts.filled_per_split)
        else "never"
    )
    more = {"low": 0 if facts.low is not None and facts.low >= 0 else None} | more
    return Column(
        name,
        kind,
        filled,
        single=not pa.types.is_list(facts.kind),
        boolean=pa.types.is_boolean(inner),
        facts=facts,
        **more,
    )


def _domain(facts: ColumnFacts, longest: int) -> tuple[str, ...]:
    """Returns the values of a text column, sorted; () where there are too many of them."""
    values = facts.values or set()
    if not values or len(values) > longest or not all(isinstance(value, str) for value in values):
        return ()
    return tuple(sorted(values))


def _guess_domain(facts: ColumnFacts) -> tuple[str, ...]:
    values = _domain(facts, _LONGEST_GUESS)
    return values if facts.filled >= _ROWS_PER_VALUE * len(values) else ()


def _log_column(name: str, facts: ColumnFacts, launch: Launch) -> Column:
    log = launch.log
    if name in (log.user, log.item, log.request, log.model_version):
        return _plain(name, facts)
    if name == log.policy:  # A new policy is daily business; that its share jumped is worth a look.
        return _plain(name, facts, drift=DRIFT_THRESHOLD)
    if name == log.event or name in log.context:
        return _plain(name, facts, domain=_domain(facts, LONGEST_DOMAIN), drift=DRIFT_THRESHOLD)
    if name == log.propensity:
        return _plain(name, facts, low=0, high=1)
    if name == log.value and facts.values is not None and len(facts.values) <= _LONGEST_GUESS:
        return _plain(name, facts, low=facts.low, high=facts.high)
    return _plain(name, facts, domain=_guess_domain(facts))


def _catalogue_column(name: str, facts: ColumnFacts, launch: Launch) -> Column:
    catalogue = launch.catalogue
    assert catalogue is not None
    if name in catalogue.categories:
        return _plain(name, facts, domain=_domain(facts, LONGEST_DOMAIN))
    if name in (catalogue.item, catalogue.title, *catalogue.texts):
        return _plain(name, facts)
    if name == catalogue.active and facts.values is not None and facts.values <= {0, 1}:
        return dataclasses.replace(_plain(name, facts, low=None), boolean=True)
    return _plain(name, facts, domain=_guess_domain(facts))


def _labels(found: dict[str, ColumnFacts], launch: Launch) -> collections.abc.Iterator[Column]:
    """Yields the label columns, which ExampleGen adds to the rows that have one."""
    value = found.get(launch.log.value or "")
    for objective in launch.ranking_objectives:
        every_row = (
            not launch.learns_from_impressions
            and objective.event is None
            and value is not None
            and value.filled == value.rows
        )
        yield Column(objective.label, "INT", "always" if every_row else "sometimes", boolean=True)
