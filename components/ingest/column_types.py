"""The column types of a log, the unification of types over several files, and ids as text.

Types: null, bool, int64, float64, string, binary, timestamp[us] (UTC) and lists of these. Everything that CSV, JSONL
  and Parquet
can hold is brought to one of them without loss, or refused by name.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import LogError

Types = dict[str, pa.DataType]
TIMESTAMP = pa.timestamp("us")
_WHOLE_FLOAT = r"^([+-]?\d+)\.0*$"
_FIRST_PRINTABLE = 0x20
_EXACT_FLOAT = 2**53  # from here on float64 skips integers: two ids could become one


class TypeConflictError(Exception):
    """A column holds values that the types agreed on so far do not: read again with these."""

    def __init__(self, file: str, types: Types):
        """Takes the file and the type found for each column in question."""
        self.file, self.types = file, types
        super().__init__(f"{file}: {types}")


def plain_type(kind: pa.DataType, column: str, file: str) -> pa.DataType:
    """Returns the type of the list above that holds all values of `kind`.

    Raises:
      LogError: for types that no column of an example can hold, such as structs.
    """
    types = pa.types
    if types.is_dictionary(kind) or types.is_list(kind) or types.is_large_list(kind):
        inner = plain_type(kind.value_type, column, file)
        if types.is_dictionary(kind):
            return inner
        if not types.is_nested(inner):
            return pa.list_(inner)
    for holds, plain in (
        ((types.is_null,), pa.null()),
        ((types.is_boolean,), pa.bool_()),
        ((types.is_integer, types.is_duration, types.is_time), pa.int64()),
        ((types.is_float32, types.is_float64, types.is_decimal), pa.float64()),
        ((types.is_string, types.is_large_string), pa.string()),
        ((types.is_binary, types.is_large_binary, types.is_fixed_size_binary), pa.binary()),
        ((types.is_timestamp, types.is_date), TIMESTAMP),
    ):
        if any(check(kind) for check in holds):
            return plain
    raise LogError(
        file, f"column {column!r} holds {kind}, needs numbers, text, true/false, times or lists of them.", "Drop it."
    )


def unify(one: pa.DataType, other: pa.DataType, column: str, file: str) -> pa.DataType:
    """Returns the narrowest type that holds both: int and float give float, other pairs give string.

    Raises:
      LogError: if one is a list and the other is not.
    """
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(unify(one.value_type, other.value_type, column, file))
    if pa.types.is_list(one) or pa.types.is_list(other):
        raise LogError(file, f"column {column!r} is a list here and a single value elsewhere.", "Write it in one form.")
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    return pa.binary() if pa.binary() in (one, other) else pa.string()


def cast_column(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Casts to a type that `plain_type` and `unify` gave; timestamps lose what is finer than a microsecond."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type):
        # The zone only says how to show the moment: the number is UTC with and without it.
        values = values.cast(pa.timestamp("us", values.type.tz), safe=False).cast(pa.int64()).cast(TIMESTAMP)
    if pa.types.is_date(values.type):
        values = values.cast(TIMESTAMP)
    if pa.types.is_time32(values.type):
        values = values.cast(pa.int32())
    return values if values.type == kind else values.cast(kind)


def id_texts(values: pa.Array, column: str, file: str, was_float: bool = False) -> pa.Array:
    """Ids as text: 12 and, where a missing neighbour made floats of integers, 12.0 give "12".

    Args:
      values: ids as text, bytes, integers or floats, with nulls.
      column: named in errors.
      file: named in errors.
      was_float: whether text came from a CSV column of floats.

    Returns:
      [rows] string; null for what is no id: fractions, floats too large to be exact, bytes that are not UTF-8, control
      characters.

    Raises:
      LogError: for types that are no ids.
    """
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_timestamp(kind) or pa.types.is_boolean(kind):
        raise LogError(file, f"id column {column!r} needs text or integers, got {kind}.", "Write the ids as text.")
    if pa.types.is_float64(kind):
        exact = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), _EXACT_FLOAT))
        values = pc.if_else(exact, values, pa.scalar(None, kind)).cast(pa.int64())
    texts = _without_control_characters(_utf8(values))
    return pc.replace_substring_regex(texts, _WHOLE_FLOAT, r"\1") if was_float else texts


def _utf8(values: pa.Array) -> pa.Array:
    """As text; null where it is not UTF-8, which no reader of Parquet checks."""
    try:
        texts = values.cast(pa.string())
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array([_decode(value) for value in values.cast(pa.binary()).to_pylist()], pa.string())
    return texts


def _decode(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _without_control_characters(texts: pa.Array) -> pa.Array:
    """Null for a text with a line break or a NUL in it: a quote was left open, or numpy would cut it."""
    data = texts.buffers()[2]
    if data is None or not (np.frombuffer(data, np.uint8) < _FIRST_PRINTABLE).any():
        return texts
    return pc.if_else(pc.match_substring_regex(texts, r"[\x00-\x1f]"), pa.scalar(None, pa.string()), texts)
