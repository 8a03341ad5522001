"""What a training chose, kept with the version: the step Refit trains by it on all events, instead of choosing again.

assets.extra/choice.json    epochs, weights of the parts of the score, calibration of the ranking head
"""

import json
import os
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.models.ranking.ranking_head import RankingModel
from components.models.retrieval.blend_training import Blend
from components.models.retrieval.retrieval_training import Choice
from components.registry import export

FILE = os.path.join("assets.extra", "choice.json")


class Kept(NamedTuple):
    """What is kept.

    Attributes:
      choice: as the training made it, without towers.
      calibration: [O, 3] of the ranking head (`ranking_training.fit_calibration`) and the mean of the retrieval's score;
        None without a head.
    """

    choice: Choice
    calibration: tuple[np.ndarray, float] | None


def write(folder: str, choice: Choice, ranking: RankingModel | None) -> None:
    """Writes a choice next to a saved recommender; none where there was too little to ask."""
    if choice.blend is None:
        return
    blend = {name: _plain(value) for name, value in choice.blend._asdict().items()}
    kept = {"epochs": choice.epochs, "warm": choice.warm, "blend": blend}
    if ranking is not None:
        numbers, mean = ranking.calibration
        kept |= {"calibration": numbers.tolist(), "mean_score": mean}
    export.add_file(folder, FILE, json.dumps(kept).encode())


def read(folder: str) -> Kept | None:
    """Returns what is kept next to a saved recommender; None if nothing is, or without a folder ("")."""
    path = os.path.join(folder, FILE)
    if not folder or not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        kept = json.loads(file.read())
    blend = kept["blend"] | {name: np.array(kept["blend"][name]) for name in ("weights", "by_gap")}
    choice = Choice(kept["epochs"], Blend(**blend | {"names": tuple(blend["names"])}), warm=kept["warm"])
    return Kept(choice, (np.array(kept["calibration"]), kept["mean_score"]) if "calibration" in kept else None)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
