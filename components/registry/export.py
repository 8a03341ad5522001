"""Writes a recommender as a SavedModel that loads without this code, with warm-up requests and a model card."""

import json
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components.registry import warmup
from components.registry.card_file import CARD
from components.registry.recommender import BLANK, Recommender


def save(recommender: Recommender, folder: str, card: Mapping[str, Any]) -> None:
    """Saves the signatures, the warm-up requests that servers replay, and the card, which they ignore, to `folder`."""
    signatures = recommender.signatures()
    tf.saved_model.save(recommender, folder, signatures=signatures)
    warmup.write(signatures, recommender.catalogue()["item_ids"], BLANK, folder)
    _write_card(folder, card)


def add_to_card(folder: str, more: Mapping[str, Any]) -> None:
    """Adds the results of later steps (metrics, verdict, version) to the card of a saved recommender."""
    _write_card(folder, {**card(folder), **more})


def add_file(folder: str, name: str, content: bytes) -> None:
    """Adds a file to the folder of a saved recommender; `name` is its path in the folder."""
    with tf.io.gfile.GFile(os.path.join(folder, name), "wb") as file:
        file.write(content)


def card(folder: str) -> dict[str, Any]:
    """Reads the card of a saved recommender (`assets.extra/dayone.json`); returns an empty one if it is missing."""
    path = os.path.join(folder, CARD)
    if not tf.io.gfile.exists(path):
        return {}
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())


def _write_card(folder: str, card: Mapping[str, Any]) -> None:
    tf.io.gfile.makedirs(os.path.join(folder, os.path.dirname(CARD)))
    with tf.io.gfile.GFile(os.path.join(folder, CARD), "w") as file:
        file.write(json.dumps(dict(card), sort_keys=True, indent=2))
