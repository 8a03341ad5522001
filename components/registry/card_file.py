"""Where the card of a saved recommender lies, readable without TensorFlow."""

import json
import os
from pathlib import Path
from typing import Any

CARD = os.path.join("assets.extra", "dayone.json")


def read(folder: Path) -> dict[str, Any]:
    """The card in a local folder; empty where there is none, or none that can be read."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}
