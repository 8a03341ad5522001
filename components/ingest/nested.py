"""Opens nested columns: structs become columns with dotted names, a list of structs becomes one list per field, key-value pairs go by key.

    {"properties": {"product_id": "i1"}}                                 properties.product_id = "i1"
    {"items": [{"id": "i1"}, {"id": "i2"}]}                              items.id = ["i1", "i2"]
    {"params": [{"key": "page", "value": {"string_value": "home"}}]}     params.page = "home", where a declaration names it

A column of the file's own whose name holds a dot wins over a nested one of that name.
"""

import collections.abc

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Names = collections.abc.Collection[str]


def is_nested(kind: pa.DataType) -> bool:
    """Returns whether a column of this type has to be opened: structs, maps, and lists of them."""
    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind):
        return is_nested(kind.value_type) or types.is_list(kind.value_type)
    return types.is_struct(kind) or types.is_map(kind)


def leaf_types(schema: pa.Schema, named: Names | None) -> tuple[dict[str, pa.DataType], dict[str, pa.DataType]]:
    """Returns the columns of a file once its nested columns are opened.

    Args:
      schema: of the file.
      named: the nested columns to open, by dotted name; None for all.

    Returns:
      Name to type, in the order of the file, and the top-level columns of which nothing is read.
    """
    leaves: dict[str, pa.DataType] = {field.name: field.type for field in schema if not is_nested(field.type)}
    ignored = {}
    for field in schema:
        if not is_nested(field.type):
            continue
        fields = _open(field.name, field.type)
        below = [name for name in named or () if name.startswith(field.name + ".") and name not in fields]
        fields |= {name: kind for name in below if (kind := _type_by_key(field, name)) is not None}
        chosen = {
            name: kind for name, kind in fields.items() if name not in leaves and (named is None or name in named)
        }
        leaves |= chosen
        if not chosen:
            ignored[field.name] = field.type
    return leaves, ignored


def top_level(names: Names, columns: Names) -> list[str]:
    """Returns the file's columns that hold the (dotted) names, in the order of the file."""
    return [column for column in columns if any(name == column or name.startswith(column + ".") for name in names)]


def open_columns(batch: pa.RecordBatch, names: collections.abc.Sequence[str]) -> pa.RecordBatch:
    """Returns the columns `names` of a batch, nested ones opened; a name that the batch lacks is left out."""
    all_names = batch.schema.names
    arrays = {
        name: batch.column(all_names.index(name))
        for name in names
        if name in all_names and not is_nested(batch.schema.field(name).type)
    }
    for name in names:
        holders = [column for column in all_names if name.startswith(column + ".")]
        if name in arrays or not holders:
            continue
        holder = max(holders, key=len)
        values = _reach(batch.column(all_names.index(holder)), name[len(holder) + 1 :])
        if values is not None:
            arrays[name] = values
    ordered = [name for name in names if name in arrays]
    return pa.RecordBatch.from_arrays([arrays[name] for name in ordered], ordered)


def _open(name: str, kind: pa.DataType) -> dict[str, pa.DataType]:
    """Returns the leaves below a nested column, without lists in lists and those reached only by a key."""
    if pa.types.is_struct(kind):
        return {leaf: inner for field in kind for leaf, inner in _open(f"{name}.{field.name}", field.type).items()}
    if _is_list(kind) and pa.types.is_struct(kind.value_type) and not _is_pair(kind.value_type):
        below = _open(name, kind.value_type)
        return {leaf: pa.list_(inner) for leaf, inner in below.items() if not _is_list(inner)}
    return {} if is_nested(kind) else {name: kind}


def _type_by_key(field: pa.Field, name: str) -> pa.DataType | None:
    """Returns the type of a value that is reached by its key; None if the column holds no key-value pairs."""
    empty = pa.array([], field.type)
    values = _reach(empty, name[len(field.name) + 1 :])
    return None if values is None else values.type


def _reach(values: pa.Array, path: str) -> pa.Array | None:
    """Returns the values at a dotted path below a column; None if there is no such field."""
    kind = values.type
    if pa.types.is_struct(kind):
        heads = [field.name for field in kind if path == field.name or path.startswith(field.name + ".")]
        if not heads:
            return None
        head = max(heads, key=len)
        inner = values.flatten()[kind.get_field_index(head)]
        return inner if path == head else _reach(inner, path[len(head) + 1 :])
    if pa.types.is_map(kind) or (_is_list(kind) and _is_pair(kind.value_type)):
        return _by_key(values, path)
    if _is_list(kind) and pa.types.is_struct(kind.value_type):
        inner = _reach(values.flatten(), path)
        return None if inner is None or _is_list(inner.type) else _relist(values, inner)
    return None


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _is_pair(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and {field.name for field in kind} in ({"key", "value"}, {"name", "value"})


def _by_key(values: pa.Array, key: str) -> pa.Array:
    """Returns the value of a key in each row's pairs, the first if there are several; null where a row lacks it."""
    if pa.types.is_map(values.type):
        values = values.cast(pa.list_(pa.struct([("key", values.type.key_type), ("value", values.type.item_type)])))
    pairs, parents = values.flatten(), pc.list_parent_indices(values).to_numpy()
    names = [field.name for field in pairs.type]
    keys, held = (pairs.flatten()[names.index(part)] for part in ("key" if "key" in names else "name", "value"))
    held = _only_value(held) if pa.types.is_struct(held.type) else held
    places = np.flatnonzero(pc.fill_null(pc.equal(keys.cast(pa.string()), key), False).to_numpy(zero_copy_only=False))
    first = np.full(len(values), -1, np.int64)
    first[parents[places][::-1]] = places[::-1]
    return held.take(pa.array(first, mask=first < 0))


def _only_value(values: pa.Array) -> pa.Array:
    """Returns the one field that is filled (`string_value`, `int_value`, ...), as text where types differ."""
    fields = [
        part for part in values.flatten() if not pa.types.is_nested(part.type) and not pa.types.is_null(part.type)
    ]
    if not fields:
        return pa.nulls(len(values), pa.string())
    if len({part.type for part in fields}) > 1:
        fields = [part.cast(pa.string()) for part in fields]
    return pc.coalesce(*fields)


def _relist(values: pa.Array, inner: pa.Array) -> pa.Array:
    """Returns a list array over other elements, with the lengths and nulls of `values`."""
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    missing = np.append(pc.is_null(values).to_numpy(zero_copy_only=False), False)
    return pa.ListArray.from_arrays(pa.array(offsets, mask=missing if missing.any() else None), inner)
