"""What a request calls things: the inputs of the served signatures."""

import re
from collections.abc import Iterable

# The inputs that every served model has; a context column must not be called like one of them.
RESERVED_INPUTS = (
    *("user_id", "history", "exclude_ids", "item_ids", "examples"),
    *("history_ages", "n", "offset", "rule"),
)
VALUE = "value"
FILTER = "filter_"


def input_name(column: str) -> str:
    """Returns a context column's name as a signature's input: TensorFlow takes `device_token`, not "Device:token"."""
    return re.sub(r"^(?=[\d_])", "column", re.sub(r"[^a-z0-9_]", "_", column.lower()))


def filter_inputs(columns: Iterable[str], context: Iterable[str]) -> dict[str, str]:
    """Returns the input of each catalogue column that a request may filter by: `filter_category`.

    Args:
      columns: of the catalogue, in the order of the declaration.
      context: the declared context columns, whose inputs are taken. A taken name gets a number: `filter_price_2`.
    """
    used_names, names = {input_name(column) for column in context}, {}
    for column in columns:
        name = FILTER + re.sub(r"[^a-z0-9_]", "_", column.lower())
        number = 2
        while name in used_names:
            name, number = f"{FILTER}{re.sub(r'[^a-z0-9_]', '_', column.lower())}_{number}", number + 1
        used_names.add(name)
        names[column] = name
    return names
