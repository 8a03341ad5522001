"""The training statistics of a served version, stored in its folder so that a later run can measure drift since then.

Only a Resolver could find the artifacts of an earlier run, and open-source Kubeflow does not run Resolvers. The served
version is found by its folder alone, on a laptop and on a cluster, and a rollback moves its statistics with it.
"""

import os

import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen.stats_artifact_utils import BINARY_PB_BASENAME
from tfx.types import Artifact, artifact_utils

from components.declaration.views import LogColumns
from components.features.split_names import SERVED, TRAIN
from components.registry import champion_version

KEPT = os.path.join("assets.extra", "train_statistics.pb")


def keep(statistics: Artifact, model: str, log: LogColumns) -> None:
    """Stores the statistics of the train split in the folder of a saved model.

    Args:
      statistics: of this run's log.
      model: the folder of the saved model.
      log: the columns by role; of users' and requests' ids only counts are stored.
    """
    with tf.io.gfile.GFile(_file(statistics, TRAIN), "rb") as file:
        data = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())
    for dataset in data.datasets:
        for feature in dataset.features:
            if ".".join(feature.path.step) in (log.user, log.request) and feature.HasField("string_stats"):
                feature.string_stats.ClearField("top_values")
                feature.string_stats.ClearField("rank_histogram")
    tf.io.gfile.makedirs(os.path.dirname(os.path.join(model, KEPT)))
    with tf.io.gfile.GFile(os.path.join(model, KEPT), "wb") as file:
        file.write(data.SerializeToString())


def carry(source: str, target: str) -> None:
    """Copies the stored statistics from the folder of one saved model to that of another, where there are any."""
    path = os.path.join(source, KEPT)
    if tf.io.gfile.exists(path):
        tf.io.gfile.makedirs(os.path.dirname(os.path.join(target, KEPT)))
        tf.io.gfile.copy(path, os.path.join(target, KEPT), overwrite=True)


def fetch(statistics: Artifact, champion: str, baseline: Artifact) -> bool:
    """Fills an artifact with the statistics that drift is measured against.

    Args:
      statistics: the statistics of this run's log; eval is compared with their train split.
      champion: the folder of the served version, or the serving folder; "" before the first push.
      baseline: gets the split "train", and "served" if the served version has statistics.

    Returns:
      Whether the served version has statistics.
    """
    served = champion_version.find_served(champion)
    path = os.path.join(served, KEPT)
    sources = {TRAIN: _file(statistics, TRAIN)} | ({SERVED: path} if served and tf.io.gfile.exists(path) else {})
    baseline.split_names = artifact_utils.encode_split_names(list(sources))
    for split, source in sources.items():
        target = _file(baseline, split)
        tf.io.gfile.makedirs(os.path.dirname(target))
        tf.io.gfile.copy(source, target, overwrite=True)
    return SERVED in sources


def _file(statistics: Artifact, split: str) -> str:
    return os.path.join(artifact_utils.get_split_uri([statistics], split), BINARY_PB_BASENAME)
