"""Columns in the form that their role asks for: ids and kinds of events as text, times, numbers, lists of words."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import LogError
from components.ingest.column_types import cast_column, id_texts, plain_type
from components.ingest.event_time import to_microseconds
from components.ingest.log_layout import Layout
from components.ingest.number_texts import numbers_of


def event_texts(values: pa.Array) -> pa.Array:
    """Kinds of events as text: 1 and 1.0 are "1", true is "true"; bytes stay, to be refused by name."""
    if pa.types.is_binary(values.type):
        return values
    if pa.types.is_float64(values.type):
        return pc.replace_substring_regex(values.cast(pa.string()), r"\.0$", "")
    return values.cast(pa.string())


def word_texts(values: pa.Array) -> pa.Array:
    """Returns a list as one text with its elements as words, for a text feature; any other column as text."""
    if not (pa.types.is_list(values.type) or pa.types.is_large_list(values.type)):
        return cast_column(values, plain_type(values.type, "", "")).cast(pa.string())
    words = pc.replace_substring_regex(values.flatten().cast(pa.string()), r"\s+", "_")
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), pc.fill_null(words, "")), " ")
    return pc.if_else(values.is_valid(), joined, pa.scalar(None, pa.string()))


def read_column(
    layout: Layout, stated: Mapping[str, pa.DataType], file: str, name: str, values: pa.Array, kind: pa.DataType
) -> pa.Array:
    """Returns a column in the form that its role asks for: ids and events as text, times in microseconds.

    Args:
      layout: the roles of the columns.
      stated: column to the type that the file states, which tells ids that were written as floats.
      file, name: of the column, for messages.
      values: as the file holds them.
      kind: the type of the column over all files.

    Raises:
      LogError: naming the column, if a value cannot be read.
    """
    try:
        if name == layout.event and not pa.types.is_string(values.type):
            return event_texts(cast_column(values, plain_type(values.type, name, file)))
        if name in layout.words:
            return word_texts(values)
        if name not in (*layout.all_ids, *layout.to_parse):
            return cast_column(values, kind)
        # An unsigned number beyond int64 is text from the first look, and an id in any case.
        plain = cast_column(
            values, pa.string() if pa.types.is_uint64(values.type) else plain_type(values.type, name, file)
        )
        if name == layout.time:
            return to_microseconds(plain, layout.time_unit, layout.time_format)
        if name in layout.to_parse:
            return numbers_of(plain, kind)
        was_float = pa.types.is_float64(stated.get(name, kind)) and name not in layout.fallbacks
        return id_texts(plain, name, file, was_float=was_float)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise LogError(file, f"column {name!r} cannot be read as {kind}: {error}.", "Check its values.") from error
