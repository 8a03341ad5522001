"""How often users do the same again with an item: reorders, replays, repeat visits."""

import pyarrow as pa

# From this share on, leaving out what a user has seen leaves out what people want.
OFTEN = 0.15


def share(users: pa.ChunkedArray | pa.Array, items: pa.ChunkedArray | pa.Array) -> float:
    """Returns the share of events that repeat their user and item, exact; rows without an id do not count."""
    pairs = pa.table({"user": users, "item": items}).filter(_both(users, items))
    if not pairs.num_rows:
        return 0.0
    return 1 - pairs.group_by(["user", "item"]).aggregate([]).num_rows / pairs.num_rows


def _both(users: pa.ChunkedArray | pa.Array, items: pa.ChunkedArray | pa.Array) -> pa.Array:
    return pa.compute.and_(users.is_valid(), items.is_valid())
