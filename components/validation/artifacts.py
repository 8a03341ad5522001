"""Reads the artifacts of the standard validation steps: anomalies and statistics per split."""

import os

from tensorflow_data_validation.utils import anomalies_util
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.types import Artifact, artifact_utils


def read_anomalies(artifact: Artifact) -> dict[str, anomalies_pb2.Anomalies]:
    """Reads the anomalies of each split of an ExampleAnomalies artifact."""
    splits = artifact_utils.decode_split_names(artifact.split_names)
    folders = {split: artifact_utils.get_split_uri([artifact], split) for split in splits}
    return {
        split: anomalies_util.load_anomalies_binary(os.path.join(folder, DEFAULT_FILE_NAME))
        for split, folder in folders.items()
    }


def read_statistics(artifact: Artifact) -> dict[str, statistics_pb2.DatasetFeatureStatistics]:
    """Reads the statistics of each split of an ExampleStatistics artifact."""
    splits = artifact_utils.decode_split_names(artifact.split_names)
    return {split: stats_artifact_utils.load_statistics(artifact, split).proto().datasets[0] for split in splits}
