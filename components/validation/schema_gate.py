"""The schema gate: stops the run when the schema check found anomalies, which the standard ExampleValidator never does."""

import os

from tensorflow_data_validation.utils import anomalies_util
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact, artifact_utils, standard_artifacts

from components.progress import set_figure
from components.validation.anomaly_reasons import explain
from components.validation.anomaly_text import accept_command, gate_error


@component
def SchemaGate(
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    passed: OutputArtifact[standard_artifacts.String],
    data: Parameter[str],
    schema: Parameter[str],
    launch: Parameter[str],
    code: Parameter[str],
) -> None:
    """Raises `GateError` with every column that has an anomaly; else writes a sentence and the figure.

    Args:
      anomalies: what ExampleValidator wrote.
      statistics: what it looked at.
      passed: a sentence; its being there is what later nodes may wait for.
      data: what was checked, "log" or "catalogue".
      schema: where the curated schema lies, named to people.
      launch: the name of the launch, for the command that accepts a column into the schema.
      code: the digest of the gate's code, so that TFX's cache sees an edit.
    """
    found, counted = read_anomalies(anomalies), read_statistics(statistics)
    error = gate_error(
        {split: explain(found[split], counted[split]) for split in found}, data, schema, accept_command(launch)
    )
    if error:
        raise error
    columns = max((len(split.baseline.feature) for split in found.values()), default=0)
    figure = f"no anomalies in {columns} columns"
    passed.write(f"{data}: {figure}")
    set_figure(passed, figure)


def read_anomalies(artifact: Artifact) -> dict[str, anomalies_pb2.Anomalies]:
    """The anomalies of each split of an ExampleAnomalies artifact."""
    splits = artifact_utils.decode_split_names(artifact.split_names)
    folders = {split: artifact_utils.get_split_uri([artifact], split) for split in splits}
    return {
        split: anomalies_util.load_anomalies_binary(os.path.join(folder, DEFAULT_FILE_NAME))
        for split, folder in folders.items()
    }


def read_statistics(artifact: Artifact) -> dict[str, statistics_pb2.DatasetFeatureStatistics]:
    """The statistics of each split of an ExampleStatistics artifact."""
    splits = artifact_utils.decode_split_names(artifact.split_names)
    return {split: stats_artifact_utils.load_statistics(artifact, split).proto().datasets[0] for split in splits}
