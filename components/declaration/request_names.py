"""What a request calls things: the inputs of the served signatures."""

import re

# The inputs that every served model has; a context column must not be called like one of them.
RESERVED_INPUTS = ("user_id", "history", "exclude_ids", "item_ids", "examples")
VALUE = "value"


def input_name(column: str) -> str:
    """Returns a context column's name as a signature's input: TensorFlow takes `device_token`, not "Device:token"."""
    return re.sub(r"^(?=[\d_])", "column", re.sub(r"[^a-z0-9_]", "_", column.lower()))
