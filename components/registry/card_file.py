"""Reads the model card of a saved recommender without TensorFlow."""

import json
import os
from pathlib import Path
from typing import Any

CARD = os.path.join("assets.extra", "dayone.json")
TOO_EARLY = "too_early"  # the key of the reason why a trained folder holds no model yet


def read(folder: Path) -> dict[str, Any]:
    """Reads the card in a local folder; returns an empty one if it is missing or unreadable."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}
