"""The model card of a saved recommender: the data, the declaration and the code it comes from."""

import datetime as dt
import hashlib
from typing import Any

import tensorflow as tf

from components.features.training_data import TrainingData

DIGEST_LETTERS = 16


def describe(data: TrainingData, code: str) -> dict[str, Any]:
    """Returns the part of the card that is known in training.

    Args:
      data: the training data.
      code: the digest of the training code.

    Returns:
      JSON values: launch, first and last training event (ISO 8601, UTC), counts, and digests (the first
      `DIGEST_LETTERS` hexadecimal digits of SHA-256).
    """
    time = data.events.time
    return {
        "launch": data.launch.name,
        "data": {
            "first_event": _iso_time(int(time.min())) if len(time) else None,
            "last_event": _iso_time(int(time.max())) if len(time) else None,
            "events": len(time),
            "positives": int(data.events.positive.sum()),
            "items": int(data.items.active.sum()),
        },
        "declaration_digest": _digest(data.launch.to_json().encode()),
        "schema_digest": _digest(data.transform.raw_metadata.schema.SerializeToString(deterministic=True)),
        "code_digest": code,
        "tensorflow": tf.__version__,
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST_LETTERS]


def _iso_time(microseconds: int) -> str:
    time = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=microseconds)
    return time.isoformat(timespec="seconds")
