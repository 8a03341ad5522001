"""The headline metric of a finished step: a few words after its name on the screen.

Steps of ours store it on an output artifact (`components.progress.set_figure`), so that a cached run shows it too. For
TFX's standard components it is read from what they wrote.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.types import Artifact

from components.progress import FIGURE

_LOGGER = logging.getLogger(__name__)
Outputs = Mapping[str, Sequence[Artifact]]


def figure(kind: str, outputs: Outputs) -> str:
    """Returns the headline metric of a step.

    Args:
      kind: the class name of the component, such as "StatisticsGen".
      outputs: its output artifacts by key.

    Returns:
      A few words, or "" where there is nothing to say. Never raises: a missing figure must not stop a run.
    """
    try:
        return _read_stored(outputs) or _READERS.get(kind, lambda _: "")(outputs)
    except Exception:
        _LOGGER.exception("no figure for %s", kind)
        return ""


def _read_stored(outputs: Outputs) -> str:
    texts = (artifact.get_string_custom_property(FIGURE) for artifacts in outputs.values() for artifact in artifacts)
    return next((text for text in texts if text), "")


def _columns(outputs: Outputs) -> str:
    # The columns of all splits are the same: one file is enough.
    file = min(Path(outputs["statistics"][0].uri).glob("Split-*/FeatureStats.pb"))
    statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
    columns = len(statistics.datasets[0].features)
    return f"{columns} columns" if columns else "no row yet"


def _anomalies(outputs: Outputs) -> str:
    columns: set[str] = set()
    for file in Path(outputs["anomalies"][0].uri).glob("Split-*/SchemaDiff.pb"):
        columns |= set(anomalies_pb2.Anomalies.FromString(file.read_bytes()).anomaly_info)
    if not columns:
        return "no anomalies"
    return "1 column with anomalies" if len(columns) == 1 else f"{len(columns)} columns with anomalies"


def _count_compared(outputs: Outputs) -> str:
    file = min(Path(outputs["anomalies"][0].uri).glob("SplitPair-*/SchemaDiff.pb"))
    compared = len(anomalies_pb2.Anomalies.FromString(file.read_bytes()).drift_skew_info)
    return "1 column compared" if compared == 1 else f"{compared} columns compared"


def _features(outputs: Outputs) -> str:
    text = (Path(outputs["transform_graph"][0].uri) / "transformed_metadata" / "schema.pbtxt").read_text()
    return f"{len(text_format.Parse(text, schema_pb2.Schema()).feature)} features"


def _version(outputs: Outputs) -> str:
    artifact = outputs["pushed_model"][0]
    version = artifact.get_string_custom_property("pushed_version")
    return f"version {version}" if artifact.get_int_custom_property("pushed") else "nothing pushed"


def _blessing(outputs: Outputs) -> str:
    return (
        "blessed" if outputs["blessing"][0].get_int_custom_property("blessed") else "an AUC is below min_auc or unknown"
    )


_READERS: dict[str, Callable[[Outputs], str]] = {
    "StatisticsGen": _columns,
    "ExampleValidator": _anomalies,
    "DriftValidator": _count_compared,
    "Transform": _features,
    "Pusher": _version,
    "VersionPusher": _version,
    "Evaluator": _blessing,
}
