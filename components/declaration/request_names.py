"""What a request calls things: the inputs of the served signatures."""

import re

# The inputs that every served model has; a context column must not be called like one of them.
RESERVED_INPUTS = ("user_id", "history", "exclude_ids", "item_ids", "examples")
VALUE = "value"


def input_name(column: str) -> str:
    """The name of a context column as an input of a signature: TensorFlow takes no "Device:token" there, so it is `device_token`."""
    return re.sub(r"^(?=[\d_])", "column", re.sub(r"[^a-z0-9_]", "_", column.lower()))
