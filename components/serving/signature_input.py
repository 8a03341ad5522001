"""What a signature of a loaded version takes and gives."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Input:
    """One input of a signature: its name, dtype ("string", "int64", "float32", ...) and rank (1: a value per row, 2: a list per row)."""

    name: str
    dtype: str
    rank: int
