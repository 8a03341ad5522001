"""What a saved recommender says of itself: which data, which declaration, which code it comes from."""

import datetime as dt
import hashlib
from typing import Any

import tensorflow as tf

from components.features.training_data import TrainingData

DIGEST_LETTERS = 16


def describe(data: TrainingData, code: str) -> dict[str, Any]:
    """The part of the card that is known in training.

    Args:
      data: what the recommender was made from.
      code: the digest of the training code.

    Returns:
      Plain values for JSON: launch, first and last training event (ISO 8601, UTC), counts, and digests (the first
      letters of SHA-256).
    """
    time = data.events.time
    return {
        "launch": data.launch.name,
        "data": {
            "first_event": _moment(int(time.min())) if len(time) else None,
            "last_event": _moment(int(time.max())) if len(time) else None,
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


def _moment(microseconds: int) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="seconds")
