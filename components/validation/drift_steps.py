"""The steps DriftBaseline and DriftGate as TFX components; `components.validation.drift` describes what they measure.

TFX drops the docstrings of such functions, and rejects `from __future__ import annotations` in their module. `code` is
the digest of the steps' code, a part of their cache keys; the functions do not read it.
"""

import os

import tensorflow as tf
from tensorflow_data_validation.utils import anomalies_util
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.distribution_validator.executor import DEFAULT_FILE_NAME
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts

from components.declaration.views import DriftView
from components.features.event_table import read_columns
from components.features.training_data import matching
from components.progress import set_figure
from components.registry.train_statistics import fetch
from components.validation import drift


@component
def DriftBaseline(
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    baseline: OutputArtifact[standard_artifacts.ExampleStatistics],
    champion: Parameter[str],
    code: Parameter[str],
) -> None:
    """Fetches the statistics that drift is measured against: this run's train split and the served version's."""
    has_served = fetch(statistics, champion, baseline)
    set_figure(baseline, "the served version" if has_served else "nothing served to compare with")


@component
def DriftGate(
    drift_anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    examples: InputArtifact[standard_artifacts.Examples],
    passed: OutputArtifact[standard_artifacts.String],
    launch: Parameter[str],
    schema: Parameter[str],
    code: Parameter[str],
    catalogue: InputArtifact[standard_artifacts.Examples] = None,
) -> None:
    """Reports the drift of the log; raises `GateError` if the declaration says that drift stops the run."""
    declared = DriftView.from_json(launch)
    train, newest = (_ids(declared, examples, split) for split in ("train", "eval"))
    if not len(train["user"]) or not len(newest["user"]):
        passed.write("too few events to compare\n")
        set_figure(passed, "too few events to compare")
        return
    listed = (
        _read(catalogue, "all", [declared.catalogue.item])[declared.catalogue.item]
        if catalogue is not None and declared.catalogue
        else None
    )
    columns = drift.column_shifts(_read_result(drift_anomalies, drift.SPLIT_PAIR))
    if "_".join(drift.SERVED_PAIR) in artifact_utils.decode_split_names(drift_anomalies.split_names):
        columns += drift.find_served_shifts(_read_result(drift_anomalies, drift.SERVED_PAIR))
    shifts = [*columns, *drift.id_shifts(declared.drift, train, newest, listed)]
    error = drift.drift_error(shifts, declared.drift, schema)
    if error:
        raise error
    passed.write(drift.report(shifts))
    set_figure(passed, drift.figure(shifts))


def _read_result(
    drift_anomalies: standard_artifacts.ExampleAnomalies, pair: tuple[str, str]
) -> anomalies_pb2.Anomalies:
    return anomalies_util.load_anomalies_binary(
        os.path.join(drift_anomalies.uri, f"SplitPair-{'_'.join(pair)}", DEFAULT_FILE_NAME)
    )


def _ids(launch: DriftView, examples: standard_artifacts.Examples, split: str) -> dict:
    columns = _read(examples, split, [launch.log.user, launch.log.item])
    return {"user": columns[launch.log.user], "item": columns[launch.log.item]}


def _read(examples: standard_artifacts.Examples, split: str, names: list[str]) -> dict:
    return read_columns(
        matching([os.path.join(examples.uri, f"Split-{split}", "*")]),
        {name: tf.io.VarLenFeature(tf.string) for name in names},
    )
