"""Reads the events of both splits from TFX artifacts, for the evaluation steps."""

import os

from tensorflow_transform.tf_metadata import schema_utils
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.declaration.views import EventsView
from components.features import event_table, training_data
from components.features.event_table import EventTable


def read(
    launch: EventsView, examples: standard_artifacts.Examples, schema: standard_artifacts.Schema, requests: bool = False
) -> EventTable:
    """Reads the events of both splits into one table, with request ids if `requests` is set."""
    curated = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
    spec = schema_utils.schema_as_feature_spec(curated).feature_spec
    files = {
        name: training_data.matching([os.path.join(examples.uri, f"Split-{name}", "*")]) for name in ("train", "eval")
    }
    return event_table.read_events(launch, [(files["train"], False), (files["eval"], True)], spec, requests)
