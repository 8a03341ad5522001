"""Writes a recommender as a SavedModel that loads without this code, with a card that says what it is."""

import json
import os

import tensorflow as tf

from components.models.recommender import Recommender

CARD = os.path.join("assets.extra", "dayone.json")


def save(recommender: Recommender, folder: str, card: dict[str, str]) -> None:
    """Saves the signatures to `folder` and the card beside them (`assets.extra/dayone.json`, which servers ignore)."""
    tf.saved_model.save(recommender, folder, signatures=recommender.signatures())
    tf.io.gfile.makedirs(os.path.join(folder, os.path.dirname(CARD)))
    with tf.io.gfile.GFile(os.path.join(folder, CARD), "w") as file:
        file.write(json.dumps(card, sort_keys=True, indent=2))


def card(folder: str) -> dict[str, str]:
    """The card of a saved recommender; empty where there is none."""
    path = os.path.join(folder, CARD)
    if not tf.io.gfile.exists(path):
        return {}
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())
