"""The gate: stops the run when the schema check found anomalies, which TFX's ExampleValidator never does."""

import os

from tensorflow_data_validation.utils import anomalies_util
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact, artifact_utils, standard_artifacts

from components.progress import set_figure
from components.validation.anomaly_text import describe, gate_error


@component
def ValidationGate(
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    passed: OutputArtifact[standard_artifacts.String],
    data: Parameter[str],
    schema: Parameter[str],
    code: Parameter[str],
) -> None:
    """Raises `GateError` with every column that has an anomaly; else writes a sentence and the figure.

    Args:
      anomalies: what ExampleValidator wrote.
      passed: a sentence; its being there is what later nodes may wait for.
      data: what was checked, "log" or "catalogue".
      schema: where the curated schema lies, named to people as the file to edit.
      code: the digest of the gate's code, so that TFX's cache sees an edit.
    """
    per_split = read_anomalies(anomalies)
    error = gate_error({split: describe(found) for split, found in per_split.items()}, data, schema)
    if error:
        raise error
    columns = max((len(found.baseline.feature) for found in per_split.values()), default=0)
    figure = f"no anomalies in {columns} columns"
    passed.write(f"{data}: {figure}")
    set_figure(passed, figure)


def read_anomalies(artifact: Artifact) -> dict[str, anomalies_pb2.Anomalies]:
    """The anomalies of each split of an ExampleAnomalies artifact."""
    splits = artifact_utils.decode_split_names(artifact.split_names)
    folders = {split: artifact_utils.get_split_uri([artifact], split) for split in splits}
    return {split: anomalies_util.load_anomalies_binary(os.path.join(folder, DEFAULT_FILE_NAME)) for split, folder in folders.items()}
